#!/usr/bin/env python3
"""Checks what runs PeerWatt against what PeerWatt is: flags, files, metrics, alerts, runbooks.

No container engine is needed: compose.yaml and the chart's flags are held against the flags that the
sources define, dashboards and rules against the golden list of metrics, alerts against promtool.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVICES = ("registry", "metering", "market", "settlement", "gateway")
FLAG = re.compile(r"ABSL_FLAG\(\s*[^,]+(?:<[^>]*>)?,\s*(\w+)\s*,")
METRIC = re.compile(r"\b(?:peerwatt|grpc_server|http_server)_[a-z0-9_]+\b")
FLAG_VARIABLE = re.compile(r"\bPEERWATT_([A-Z][A-Z0-9_]*)\b")
# A label of ours, not a metric.
LABELS = {"peerwatt_service"}


def defined_flags(service):
    """Flags that the service's binary has: its own and those of the libraries."""
    flags = set()
    for folder in (ROOT / "libs", ROOT / "services" / service):
        for path in sorted(folder.rglob("*.cc")):
            flags.update(FLAG.findall(path.read_text()))
    return flags


def unknown_flags(variables, flags):
    """Variables PEERWATT_X without a flag x."""
    return sorted(name for name in variables
                  if name.startswith("PEERWATT_")
                  and name.removeprefix("PEERWATT_").lower() not in flags)


def load_yaml(path):
    return yaml.safe_load((ROOT / path).read_text())


def golden_metrics():
    """Name → (type, labels) of the golden list."""
    metrics = {}
    for line in (ROOT / "tests/deploy/metrics.golden").read_text().splitlines():
        if line and not line.startswith("#"):
            name, kind, *labels = line.split()
            metrics[name] = (kind, set(labels))
    return metrics


def unknown_metrics(expression, metrics):
    """Metrics of an expression that the golden list does not have."""
    unknown = []
    for name in METRIC.findall(re.sub(r'"[^"]*"', '""', expression)):
        stem = re.sub(r"_(bucket|count|sum)$", "", name)
        histogram = metrics.get(stem, ("", set()))[0] == "histogram"
        if name in LABELS or (name in metrics and not histogram) or (histogram and stem != name):
            continue
        unknown.append(name)
    return unknown


# A metric's name as a whole literal; those of roles and databases are shorter.
SERVED = re.compile(
    r'"((?:peerwatt_(?:registry|metering|market|settlement|gateway|build)|grpc_server|http_server)'
    r'_[a-z0-9_]+)"')


def served_metrics():
    """Names of the metrics that the sources register."""
    served = set()
    for folder in ("libs", "services"):
        for path in sorted((ROOT / folder).rglob("*.cc")):
            served.update(SERVED.findall(path.read_text()))
    return served


def dashboard_expressions():
    for path in sorted((ROOT / "deploy/grafana/dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield panel["title"], target["expr"]


def rules():
    for path in sorted((ROOT / "deploy/prometheus/rules").glob("*.yaml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield from group["rules"]


def heading_anchor(heading):
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


class ComposeTest(unittest.TestCase):
    """docker/compose.yaml and the Dockerfile."""

    compose = load_yaml("docker/compose.yaml")

    def test_variables_are_flags(self):
        for service in SERVICES:
            for name in (service, f"migrate-{service}"):
                if name in self.compose["services"]:
                    with self.subTest(service=name):
                        variables = self.compose["services"][name]["environment"]
                        self.assertTrue(variables)
                        self.assertEqual(unknown_flags(variables, defined_flags(service)), [])

    def test_check_notices_an_unknown_variable(self):
        self.assertEqual(unknown_flags(["PEERWATT_TLS_CERT_FILE", "PEERWATT_TLS_CRT_FILE", "HOME"],
                                       {"tls_cert_file"}), ["PEERWATT_TLS_CRT_FILE"])

    def test_mounted_files_exist(self):
        for name, service in self.compose["services"].items():
            for volume in service.get("volumes", []):
                source = volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
                with self.subTest(service=name, source=source):
                    if source.startswith("."):
                        self.assertTrue((ROOT / "docker" / source).exists())
                    else:
                        self.assertIn(source, self.compose["volumes"])

    def test_dependencies_exist(self):
        for name, service in self.compose["services"].items():
            for dependency in service.get("depends_on", []):
                self.assertIn(dependency, self.compose["services"], name)

    def test_every_service_waits_for_its_migrations(self):
        for service in SERVICES[:-1]:
            condition = self.compose["services"][service]["depends_on"][f"migrate-{service}"]
            self.assertEqual(condition, {"condition": "service_completed_successfully"})

    def test_build_targets_and_copied_files_exist(self):
        dockerfile = (ROOT / "docker/Dockerfile").read_text()
        stages = re.findall(r"(?m)^FROM \S+ AS (\S+)$", dockerfile)
        for service in self.compose["services"].values():
            if "build" in service:
                self.assertIn(service["build"]["target"], stages)
        for line in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", dockerfile):
            for source in line.split():
                self.assertTrue((ROOT / source).exists(), source)

    def test_images_do_not_run_as_root(self):
        dockerfile = (ROOT / "docker/Dockerfile").read_text()
        service_stage = dockerfile.split(" AS service")[1]
        self.assertIn("USER 65532:65532", service_stage)

    def test_build_stage_builds_what_the_services_are_called(self):
        dockerfile = (ROOT / "docker/Dockerfile").read_text()
        for service in SERVICES:
            self.assertRegex(dockerfile, rf"\bpeerwatt-{service}\b")
            cmake = (ROOT / "services" / service / "CMakeLists.txt").read_text()
            self.assertRegex(cmake, rf"pw_executable\(peerwatt-{service}\b")

    def test_shell_scripts_parse(self):
        for script in sorted((ROOT / "docker").glob("*.sh")):
            result = subprocess.run(["sh", "-n", str(script)], capture_output=True, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertTrue(script.stat().st_mode & 0o100, f"{script.name} is not executable")


class ChartFlagsTest(unittest.TestCase):
    """Flags that the chart sets, by the text of its templates."""

    def test_flags_exist(self):
        helpers = (ROOT / "deploy/helm/peerwatt/templates/_helpers.tpl").read_text()
        known = set().union(*(defined_flags(service) for service in SERVICES))
        self.assertIn("TLS_CERT_FILE", FLAG_VARIABLE.findall(helpers))
        unknown = [name for name in FLAG_VARIABLE.findall(helpers) if name.lower() not in known]
        self.assertEqual(unknown, [])

    def test_liveness_asks_for_a_name_that_the_health_port_knows(self):
        server = (ROOT / "libs/rpc/server.h").read_text()
        name = re.search(r'kLiveService\[\] = "(\w+)"', server).group(1)
        template = (ROOT / "deploy/helm/peerwatt/templates/services.yaml").read_text()
        self.assertEqual(set(re.findall(r"service: (\w+) }", template)), {name})

    def test_image_and_chart_have_the_version_of_the_project(self):
        version = re.search(r"project\(peerwatt VERSION ([0-9.]+)",
                            (ROOT / "CMakeLists.txt").read_text()).group(1)
        self.assertEqual(str(load_yaml("deploy/helm/peerwatt/Chart.yaml")["appVersion"]), version)


class MetricsTest(unittest.TestCase):
    """Dashboards and rules against the golden list."""

    def test_dashboard_and_rules_use_known_metrics(self):
        metrics = golden_metrics()
        expressions = list(dashboard_expressions()) + [(r["alert"], r["expr"]) for r in rules()]
        self.assertGreater(len(expressions), 20)
        for title, expression in expressions:
            with self.subTest(title=title):
                self.assertEqual(unknown_metrics(expression, metrics), [])

    def test_golden_list_is_what_the_sources_register(self):
        self.assertEqual(served_metrics(), set(golden_metrics()))

    def test_check_notices_unknown_metrics(self):
        metrics = golden_metrics()
        for expression, unknown in (
                ("rate(peerwatt_metering_readings[1m])", ["peerwatt_metering_readings"]),
                ("sum(grpc_server_handling_seconds)", ["grpc_server_handling_seconds"]),
                ("sum(peerwatt_gateway_device_streams_count)",
                 ["peerwatt_gateway_device_streams_count"]),
                ("rate(grpc_server_handling_seconds_bucket[1m])", [])):
            self.assertEqual(unknown_metrics(expression, metrics), unknown)

    def test_golden_names_follow_the_rules(self):
        for name, (kind, labels) in golden_metrics().items():
            with self.subTest(name=name):
                self.assertIn(kind, ("counter", "gauge", "histogram"))
                self.assertEqual(name.endswith("_total"), kind == "counter")
                self.assertFalse({label for label in labels if label.endswith("id")})
                if kind == "histogram":
                    self.assertTrue(name.endswith("_seconds"))

    def test_each_panel_says_what_it_shows(self):
        for path in (ROOT / "deploy/grafana/dashboards").glob("*.json"):
            dashboard = json.loads(path.read_text())
            ids = [panel["id"] for panel in dashboard["panels"]]
            self.assertEqual(len(ids), len(set(ids)))
            for panel in dashboard["panels"]:
                if panel["type"] != "row":
                    self.assertTrue(panel["description"], panel["title"])
                    self.assertEqual(panel["datasource"]["uid"], load_yaml(
                        "deploy/grafana/provisioning/datasources/prometheus.yaml")
                        ["datasources"][0]["uid"])

    def test_prometheus_scrapes_every_service(self):
        jobs = load_yaml("deploy/prometheus/prometheus.yml")["scrape_configs"]
        labels = {config["labels"]["peerwatt_service"]
                  for job in jobs for config in job["static_configs"]}
        self.assertEqual(labels, set(SERVICES))


class AlertsTest(unittest.TestCase):
    """Alerts, their runbooks and their tests."""

    def test_each_alert_has_severity_runbook_and_test(self):
        text = (ROOT / "docs/operations.md").read_text()
        anchors = {heading_anchor(h) for h in re.findall(r"(?m)^#+ (.+)$", text)}
        tested = set()
        for path in (ROOT / "deploy/prometheus/tests").glob("*_test.yaml"):
            for test in yaml.safe_load(path.read_text())["tests"]:
                tested.update(case["alertname"] for case in test["alert_rule_test"]
                              if case.get("exp_alerts"))
        names = [rule["alert"] for rule in rules()]
        self.assertEqual(len(names), len(set(names)))
        for rule in rules():
            with self.subTest(alert=rule["alert"]):
                self.assertIn(rule["labels"]["severity"], ("warning", "critical"))
                page, anchor = rule["annotations"]["runbook"].split("#")
                self.assertEqual(page, "docs/operations.md")
                self.assertIn(anchor, anchors)
                self.assertIn(rule["alert"], tested)

    def promtool(self, *arguments):
        tool = shutil.which("promtool")
        self.assertIsNotNone(tool, "promtool is missing; it is in Debian's package prometheus")
        result = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True,
                                check=False)
        return result.returncode, result.stdout + result.stderr

    def test_rules_and_configuration_are_sound(self):
        for path in sorted((ROOT / "deploy/prometheus/rules").glob("*.yaml")):
            code, output = self.promtool("check", "rules", path)
            self.assertEqual(code, 0, output)
        code, output = self.promtool("check", "config", "--syntax-only",
                                     ROOT / "deploy/prometheus/prometheus.yml")
        self.assertEqual(code, 0, output)

    def test_rules_fire_when_they_should(self):
        for path in sorted((ROOT / "deploy/prometheus/tests").glob("*_test.yaml")):
            code, output = self.promtool("test", "rules", path)
            self.assertEqual(code, 0, output)


if __name__ == "__main__":
    sys.exit(0 if unittest.main(exit=False).result.wasSuccessful() else 1)
