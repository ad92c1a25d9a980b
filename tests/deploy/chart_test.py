#!/usr/bin/env python3
"""Lints and renders the Helm chart with the real Helm and checks what comes out.

Every values file in deploy/helm/peerwatt/ci is rendered for the oldest and for a recent version of
Kubernetes. Each manifest is decoded strictly into Kubernetes' own types (tests/deploy/tools). Then
the rules that a type cannot express: restricted pods, probes, no secret in clear text.

Helm comes from PATH, else it is built from its Go module. Where neither is possible the test says so
and ends with 77, which ctest counts as skipped; with CI=true that is a failure.
"""

import copy
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/helm/peerwatt"
TOOLS_SOURCE = ROOT / "tests/deploy/tools"
KUBE_VERSIONS = ("1.27.0", "1.36.0")
SERVICES = ("registry", "metering", "market", "settlement", "gateway")
# Defined by the Prometheus operator, not by Kubernetes.
FOREIGN = ("ServiceMonitor.monitoring.coreos.com/v1", "PrometheusRule.monitoring.coreos.com/v1")
SKIPPED = 77


class Unavailable(Exception):
    """A tool is neither there nor can it be built."""


def tools_folder():
    """A cache folder of its own for each version of the sources, so that a change builds anew."""
    digest = hashlib.sha256()
    for path in sorted(TOOLS_SOURCE.rglob("*")):
        if path.suffix in (".go", ".mod", ".sum"):
            digest.update(path.read_bytes())
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    return cache / "peerwatt/tools" / digest.hexdigest()[:16]


def build(package, name):
    """Builds a Go command of the tools module unless the cache has it. Returns its path."""
    target = tools_folder() / name
    if target.exists():
        return str(target)
    go = shutil.which("go")
    if go is None:
        raise Unavailable(f"{name} is not in PATH, and there is no go to build it")
    target.parent.mkdir(parents=True, exist_ok=True)
    print(f"building {name} from its Go module; this takes minutes once …", flush=True)
    # Under another name first: an interrupted build must not look like a finished one.
    partial = target.with_name(f"{name}.{os.getpid()}")
    result = subprocess.run(
        [go, "build", "-buildvcs=false", "-trimpath", "-o", str(partial), package],
        cwd=TOOLS_SOURCE, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise Unavailable(f"{name} cannot be built: {result.stderr.strip()[-800:]}")
    partial.replace(target)
    return str(target)


def run(*arguments):
    """Runs a tool. Returns exit code, output and errors."""
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout, result.stderr


class Tools:
    """Paths of the tools, found once."""

    helm = ""
    kubecheck = ""

    @classmethod
    def find(cls):
        cls.helm = shutil.which("helm") or build("helm.sh/helm/v3/cmd/helm", "helm")
        cls.kubecheck = build("./kubecheck", "kubecheck")


def render(*arguments, kube_version=KUBE_VERSIONS[-1]):
    """Renders the chart. Returns exit code, manifests as text, errors."""
    return run(Tools.helm, "template", "demo", str(CHART), "--namespace", "energy",
               "--kube-version", kube_version, *arguments)


def kubecheck(text):
    """Decodes manifests strictly. Returns exit code and findings."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        foreign = [word for kind in FOREIGN for word in ("-foreign", kind)]
        code, out, err = run(Tools.kubecheck, *foreign, file.name)
    return code, out + err


def parse(text):
    return [document for document in yaml.safe_load_all(text) if document]


def pods(manifests):
    """Yields (name of the workload, pod spec)."""
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "Job"):
            yield manifest["metadata"]["name"], manifest["spec"]["template"]["spec"]


def restricted_faults(manifests):
    """What the Pod Security Standard `restricted`, and we, would refuse."""
    faults = []
    for name, pod in pods(manifests):
        context = pod.get("securityContext", {})
        if not context.get("runAsNonRoot") or context.get("runAsUser") != 65532:
            faults.append(f"{name}: runs as root")
        if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
            faults.append(f"{name}: no seccomp profile")
        if pod.get("automountServiceAccountToken") is not False:
            faults.append(f"{name}: mounts an API token")
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(key):
                faults.append(f"{name}: {key}")
        for container in pod["containers"]:
            own = container.get("securityContext", {})
            if own.get("allowPrivilegeEscalation") is not False:
                faults.append(f"{name}: may escalate privileges")
            if own.get("readOnlyRootFilesystem") is not True:
                faults.append(f"{name}: writable root file system")
            if own.get("capabilities", {}).get("drop") != ["ALL"]:
                faults.append(f"{name}: keeps capabilities")
            if "memory" not in container.get("resources", {}).get("limits", {}):
                faults.append(f"{name}: no memory limit")
            for entry in container.get("env", []):
                if "value" in entry:
                    faults.append(f"{name}: {entry['name']} in clear text")
    return faults


class ChartTest(unittest.TestCase):
    """The chart, rendered."""

    def manifests(self, *arguments, **keywords):
        code, out, err = render(*arguments, **keywords)
        self.assertEqual(code, 0, err)
        return parse(out)

    def test_lint_finds_nothing(self):
        for values in sorted(CHART.glob("ci/*-values.yaml")):
            with self.subTest(values=values.name):
                code, out, err = run(Tools.helm, "lint", str(CHART), "--strict", "--values",
                                     str(values))
                self.assertEqual(code, 0, out + err)
                self.assertNotIn("[WARNING]", out)

    def test_every_rendering_fits_kubernetes(self):
        files = sorted(CHART.glob("ci/*-values.yaml"))
        self.assertGreaterEqual(len(files), 3)
        for values in files:
            for version in KUBE_VERSIONS:
                with self.subTest(values=values.name, version=version):
                    code, out, err = render("--values", str(values), kube_version=version)
                    self.assertEqual(code, 0, err)
                    code, findings = kubecheck(out)
                    self.assertEqual(code, 0, findings)
                    self.assertEqual(restricted_faults(parse(out)), [])

    def test_checker_refuses_unknown_fields_kinds_and_wrong_types(self):
        _, out, _ = render()
        for before, after, finding in (
                ("\n  replicas: ", "\n  replica: ", 'unknown field "spec.replica"'),
                ("\n            readOnlyRootFilesystem: ", "\n            readonlyRootFilesystem: ",
                 "readonlyRootFilesystem"),
                ("kind: PodDisruptionBudget", "kind: PodDisruptionBudgets", "no kind"),
                ("\n  replicas: 2", "\n  replicas: two", "replicas"),
                ("\n  revisionHistoryLimit: 3", "\n  revisionHistoryLimit: 3\n  replicas: 9",
                 "already set")):
            with self.subTest(after=after):
                bad = out.replace(before, after, 1)
                self.assertNotEqual(bad, out)
                code, findings = kubecheck(bad)
                self.assertEqual(code, 1, findings)
                self.assertIn(finding, findings)

    def test_checker_refuses_an_empty_rendering(self):
        code, _ = kubecheck("# nothing\n---\n")
        self.assertEqual(code, 1)

    def test_restricted_rules_notice_each_breach(self):
        good = self.manifests()
        breaches = (
            lambda pod: pod["securityContext"].pop("runAsNonRoot"),
            lambda pod: pod["securityContext"].pop("seccompProfile"),
            lambda pod: pod.pop("automountServiceAccountToken"),
            lambda pod: pod.update(hostNetwork=True),
            lambda pod: pod["containers"][0]["securityContext"].pop("readOnlyRootFilesystem"),
            lambda pod: pod["containers"][0]["securityContext"].pop("capabilities"),
            lambda pod: pod["containers"][0].pop("resources"),
            lambda pod: pod["containers"][0].update(env=[{"name": "PASSWORD", "value": "x"}]),
        )
        for number, breach in enumerate(breaches):
            with self.subTest(number=number):
                bad = copy.deepcopy(good)
                breach(next(pods(bad))[1])
                self.assertEqual(len(restricted_faults(bad)), 1)

    def test_schema_refuses_what_it_does_not_know(self):
        for argument, finding in (
                ("ingres.enabled=true", "ingres"),
                ("services.metering.replica=3", "replica"),
                ("services.metring.replicas=3", "metring"),
                ("services.market.replicas=2", "maximum"),
                ("services.gateway.replicas=many", "integer"),
                ("logLevel=loud", "logLevel"),
                ("services.gateway.env.log-level=x", "log-level"),
                ("monitoring.serviceMonitor.enabled=yes", "boolean")):
            with self.subTest(argument=argument):
                code, _, err = render("--set", argument)
                self.assertNotEqual(code, 0)
                self.assertIn(finding, err)

    def test_each_service_has_deployment_account_and_probes(self):
        manifests = self.manifests()
        found = {(m["kind"], m["metadata"]["name"]): m for m in manifests}
        for service in SERVICES:
            name = f"demo-peerwatt-{service}"
            for kind in ("Deployment", "Service", "ServiceAccount", "ConfigMap"):
                self.assertIn((kind, name), found)
            container = found["Deployment", name]["spec"]["template"]["spec"]["containers"][0]
            self.assertEqual(container["readinessProbe"]["grpc"], {"port": 7001})
            for probe in ("startupProbe", "livenessProbe"):
                self.assertEqual(container[probe]["grpc"], {"port": 7001, "service": "live"})

    def test_runners_never_overlap_and_others_never_go_below_their_number(self):
        strategies = {m["metadata"]["name"].rsplit("-", 1)[1]: m["spec"]["strategy"]
                      for m in self.manifests() if m["kind"] == "Deployment"}
        for service in ("market", "settlement"):
            self.assertEqual(strategies[service], {"type": "Recreate"})
        for service in ("registry", "metering", "gateway"):
            self.assertEqual(strategies[service]["rollingUpdate"]["maxUnavailable"], 0)

    def test_migrations_run_before_with_the_owner_role(self):
        jobs = {m["metadata"]["name"]: m for m in self.manifests() if m["kind"] == "Job"}
        self.assertEqual(sorted(jobs), [f"demo-peerwatt-migrate-{service}" for service in
                                        ("market", "metering", "registry", "settlement")])
        for name, job in jobs.items():
            self.assertEqual(job["metadata"]["annotations"]["helm.sh/hook"],
                             "pre-install,pre-upgrade")
            container = job["spec"]["template"]["spec"]["containers"][0]
            self.assertEqual(container["args"], ["--migrate"])
            keys = [entry["valueFrom"]["secretKeyRef"]["key"] for entry in container["env"]]
            self.assertEqual(keys, [name.rsplit("-", 1)[1] + "-owner-dsn"])

    def test_services_do_not_know_the_owner_role(self):
        for manifest in self.manifests():
            if manifest["kind"] == "Deployment":
                self.assertNotIn("owner-dsn", yaml.dump(manifest))

    def test_a_changed_flag_restarts_its_service_alone(self):
        def checksums(*arguments):
            return {m["metadata"]["name"]:
                    m["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
                    for m in self.manifests(*arguments) if m["kind"] == "Deployment"}
        before = checksums()
        after = checksums("--set", "services.market.env.POLL_INTERVAL=1s")
        self.assertEqual([name for name in before if before[name] != after[name]],
                         ["demo-peerwatt-market"])

    def test_values_win_over_flags_that_the_chart_sets(self):
        maps = {m["metadata"]["name"]: m["data"] for m in self.manifests(
            "--set", "services.market.env.LOG_LEVEL=debug") if m["kind"] == "ConfigMap"}
        self.assertEqual(maps["demo-peerwatt-market"]["PEERWATT_LOG_LEVEL"], "debug")
        self.assertEqual(maps["demo-peerwatt-metering"]["PEERWATT_LOG_LEVEL"], "info")

    def test_network_policy_admits_exactly_the_callers(self):
        manifests = self.manifests("--set", "networkPolicy.enabled=true")
        callers = {service: set() for service in SERVICES}
        for manifest in manifests:
            if manifest["kind"] != "ConfigMap":
                continue
            caller = manifest["metadata"]["name"].removeprefix("demo-peerwatt-")
            for flag in manifest["data"]:
                peer = flag.removeprefix("PEERWATT_").removesuffix("_ADDRESS").lower()
                if peer in callers:
                    callers[peer].add(caller)
        for manifest in manifests:
            if manifest["kind"] != "NetworkPolicy":
                continue
            service = manifest["metadata"]["name"].removeprefix("demo-peerwatt-")
            admitted = {peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"]
                        for rule in manifest["spec"]["ingress"] for peer in rule.get("from", [])
                        if "podSelector" in peer}
            self.assertEqual(admitted, callers[service], service)

    def test_dashboard_and_rules_are_the_ones_in_the_tree(self):
        manifests = self.manifests("--values", str(CHART / "ci/full-values.yaml"))
        found = {m["kind"] + "/" + m["metadata"]["name"]: m for m in manifests}
        dashboard = (ROOT / "deploy/grafana/dashboards/peerwatt.json").read_text()
        self.assertEqual(found["ConfigMap/neighbours-dashboard"]["data"]["peerwatt.json"].strip(),
                         dashboard.strip())
        rules = yaml.safe_load((ROOT / "deploy/prometheus/rules/alerts.yaml").read_text())
        self.assertEqual(found["PrometheusRule/neighbours"]["spec"], rules)

    def test_values_are_all_documented_by_the_schema(self):
        schema = yaml.safe_load((CHART / "values.schema.json").read_text())
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        self.assertEqual(sorted(values), sorted(set(schema["properties"]) - {"global"}))

    def test_no_value_takes_a_secret(self):
        def names(schema):
            for name, part in schema.get("properties", {}).items():
                yield name
                yield from names(part)
        schema = yaml.safe_load((CHART / "values.schema.json").read_text())
        found = [name for name in names(schema)
                 if re.search(r"(?i)password|token|private|dsn", name)]
        self.assertEqual(found, [])
        self.assertIn("existingSecret", set(names(schema)))


def main():
    try:
        Tools.find()
    except Unavailable as why:
        print(f"the chart test cannot run: {why}")
        return 1 if os.environ.get("CI") == "true" else SKIPPED
    return 0 if unittest.main(exit=False, verbosity=1).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
