#!/bin/sh
# Makes what the services need to trust each other, for compose.yaml:
#
#   certificates.sh DIR
#
# DIR/ca.crt, ca.key                authority of the services
# DIR/<service>/tls.crt, tls.key    one certificate per service, ca.crt beside it; the gateway's
#                                   folder holds device-ca.crt and public.crt, .key as well
# DIR/keys/device-ca.crt, .key      authority of the devices
# DIR/keys/token.key                key that signs access tokens
#
# What exists stays; delete DIR to start anew. Files belong to user and group 65532, readable by
# them alone.
set -eu
umask 077
dir=${1:?usage: certificates.sh DIR}
mkdir -p "$dir/keys"
cd "$dir"

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# new_authority STEM NAME
new_authority() {
  if [ -f "$1.crt" ]; then return; fi
  new_key "$1.key"
  openssl req -x509 -new -key "$1.key" -sha256 -days 3650 -subj "/O=PeerWatt/CN=$2" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 \
    -addext keyUsage=critical,keyCertSign,cRLSign -out "$1.crt"
}

# sign STEM AUTHORITY NAME USAGE ALTERNATIVE_NAMES
sign() {
  new_key "$1.key"
  openssl req -new -key "$1.key" -subj "/O=PeerWatt/CN=$3" -out "$1.csr"
  cat >"$1.ext" <<EXTENSIONS
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = $4
subjectAltName = $5
EXTENSIONS
  openssl x509 -req -in "$1.csr" -CA "$2.crt" -CAkey "$2.key" -CAcreateserial -sha256 -days 825 \
    -extfile "$1.ext" -out "$1.crt" 2>/dev/null
  rm "$1.csr" "$1.ext"
}

# new_certificate SERVICE
new_certificate() {
  mkdir -p "$1"
  cp ca.crt "$1/ca.crt"
  if [ -f "$1/tls.crt" ]; then return; fi
  sign "$1/tls" ca "$1" "serverAuth, clientAuth" "URI:spiffe://peerwatt/service/$1, \
DNS:$1.peerwatt.internal, DNS:$1, DNS:localhost, IP:127.0.0.1"
}

new_authority ca "PeerWatt services"
new_authority keys/device-ca "PeerWatt devices"
if [ ! -f keys/token.key ]; then new_key keys/token.key; fi
for service in registry metering market settlement gateway; do new_certificate "$service"; done
# The gateway knows devices by their authority's certificate; the key is the registry's alone.
cp keys/device-ca.crt gateway/device-ca.crt
if [ ! -f gateway/public.crt ]; then
  sign gateway/public keys/device-ca localhost serverAuth "DNS:localhost, DNS:gateway, IP:127.0.0.1"
fi
if [ "$(id -u)" = 0 ]; then chown -R 65532:65532 "$dir"; fi
