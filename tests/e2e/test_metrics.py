"""What Prometheus scrapes: every metric of the golden list is served, under its labels' names."""

import re
import unittest
import urllib.request

from harness import SOURCE, Stack

GOLDEN = SOURCE / "tests" / "deploy" / "metrics.golden"
SERVICES = ["registry", "metering", "market", "settlement", "gateway"]


class MetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        cls.stack.call("GET", "/v1/communities", token=cls.stack.admin())

    def scrape(self, service):
        url = f"http://{self.stack.address(service + '_metrics')}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def test_every_service_counts_its_calls_and_names_its_build(self):
        for service in SERVICES:
            text = self.scrape(service)
            self.assertIn("peerwatt_build_info", text, service)
            for line in text.splitlines():
                self.assertNotRegex(line, r"(hh-|alice|@|participants/)", service)
        self.assertRegex(self.scrape("registry"), r'grpc_server_handled_total\{.*grpc_code="OK"')
        self.assertIn("http_server_request_duration_seconds_bucket", self.scrape("gateway"))

    def test_nothing_is_served_that_the_golden_list_does_not_name(self):
        golden = {re.match(r"[a-z_]+", line).group(0)
                  for line in GOLDEN.read_text().splitlines() if re.match(r"[a-z_]+", line)}
        self.assertGreater(len(golden), 15)
        for service in SERVICES:
            names = set(re.findall(r"^# TYPE (\S+) ", self.scrape(service), re.M))
            foreign = {n for n in names if not n.startswith("exposer_")} - golden
            self.assertEqual(foreign, set(), service)

    def test_the_ledger_sum_is_served_and_zero(self):
        def balanced():
            found = re.search(r"^peerwatt_settlement_ledger_imbalance_microunits(?:\{\})? (\S+)$",
                              self.scrape("settlement"), re.M)
            return found is not None and float(found.group(1)) == 0
        self.stack.eventually("a ledger sum of zero", balanced)


if __name__ == "__main__":
    unittest.main(verbosity=2)
