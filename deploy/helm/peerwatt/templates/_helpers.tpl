{{/* What the services are, as data. `peers`: whom it calls. `runner`: acts by the clock, so one
     replica at a time. `files`: what it mounts of the keys Secret. */}}
{{- define "peerwatt.services" -}}
registry:
  database: true
  peers: []
  callers: [metering, market, settlement, gateway]
  ports: { grpc: 7000 }
  files: [device-ca.crt, device-ca.key, token.key]
metering:
  database: true
  peers: [registry]
  callers: [market, settlement, gateway]
  ports: { grpc: 7000 }
market:
  database: true
  runner: true
  peers: [registry, metering, settlement]
  callers: [settlement, gateway]
  ports: { grpc: 7000 }
settlement:
  database: true
  runner: true
  peers: [registry, metering, market]
  callers: [market, gateway]
  ports: { grpc: 7000 }
gateway:
  peers: [registry, metering, market, settlement]
  callers: []
  ports: { http: 8080, grpc: 7000, devices: 8443 }
  files: [device-ca.crt]
{{- end -}}

{{- define "peerwatt.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* The following take a dict: root, name (the service) and facts (its entry above). */}}
{{- define "peerwatt.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "peerwatt.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: {{ .root.Chart.Name }}
{{ include "peerwatt.selector" . }}
{{- end -}}

{{- define "peerwatt.image" -}}
image: {{ printf "%s%s:%s" .root.Values.image.prefix .name (.root.Values.image.tag | default .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
{{- end -}}

{{- define "peerwatt.podSecurity" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "peerwatt.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* A flag of the service from the key of a Secret. */}}
{{- define "peerwatt.secretEnv" -}}
- name: PEERWATT_{{ .flag }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret | quote }}
      key: {{ .key | quote }}
{{- end -}}

{{/* Flags of a service, one `PEERWATT_<FLAG>: value` per line; those of the values win. */}}
{{- define "peerwatt.flags" -}}
{{- $flags := include "peerwatt.ownFlags" . | fromYaml -}}
{{- range $flag, $value := .values.env -}}
{{- $_ := set $flags (printf "PEERWATT_%s" $flag) $value -}}
{{- end -}}
{{- toYaml $flags -}}
{{- end -}}

{{- define "peerwatt.ownFlags" -}}
{{- $fullname := include "peerwatt.fullname" .root -}}
PEERWATT_HEALTH_ADDRESS: "0.0.0.0:7001"
PEERWATT_METRICS_ADDRESS: "0.0.0.0:7002"
PEERWATT_LOG_LEVEL: {{ .root.Values.logLevel | quote }}
PEERWATT_TLS_CERT_FILE: /etc/peerwatt/tls/tls.crt
PEERWATT_TLS_KEY_FILE: /etc/peerwatt/tls/tls.key
PEERWATT_TLS_CA_FILE: /etc/peerwatt/tls/ca.crt
{{- if .facts.database }}
PEERWATT_LISTEN_ADDRESS: "0.0.0.0:{{ .facts.ports.grpc }}"
PEERWATT_DATABASE_CONNECTIONS: {{ .root.Values.externalDatabase.connections | quote }}
{{- end }}
{{- range .facts.peers }}
PEERWATT_{{ upper . }}_ADDRESS: "{{ $fullname }}-{{ . }}:7000"
{{- end }}
{{- if eq .name "registry" }}
PEERWATT_DEVICE_CA_CERT_FILE: /etc/peerwatt/keys/device-ca.crt
PEERWATT_DEVICE_CA_KEY_FILE: /etc/peerwatt/keys/device-ca.key
PEERWATT_TOKEN_KEY_FILE: /etc/peerwatt/keys/token.key
{{- with .root.Values.bootstrapAdmin.email }}
PEERWATT_BOOTSTRAP_ADMIN_EMAIL: {{ . | quote }}
{{- end }}
{{- end }}
{{- if eq .name "gateway" }}
PEERWATT_HTTP_ADDRESS: "0.0.0.0:{{ .facts.ports.http }}"
PEERWATT_GRPC_ADDRESS: "0.0.0.0:{{ .facts.ports.grpc }}"
PEERWATT_DEVICE_ADDRESS: "0.0.0.0:{{ .facts.ports.devices }}"
PEERWATT_DEVICE_CA_FILE: /etc/peerwatt/keys/device-ca.crt
PEERWATT_GRPC_TLS_CERT_FILE: /etc/peerwatt/public/tls.crt
PEERWATT_GRPC_TLS_KEY_FILE: /etc/peerwatt/public/tls.key
{{- end }}
{{- end -}}
