"""The demo as a newcomer runs it: report, proofs, and what it prints to try."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import BIN


class DemoTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="peerwatt-demo-"))
        cls.folder.chmod(0o755)
        cls.state = cls.folder / "state"
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.addClassCleanup(subprocess.run, [BIN / "peerwatt", "down", "--state", cls.state])
        report = cls.folder / "report.json"
        done = subprocess.run(
            [BIN / "peerwatt", "demo", "--state", cls.state, "--days", "2", "--seed", "5", "--speed",
             "max", "--report", report, "--keep"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=400)
        cls.output, cls.code = done.stdout, done.returncode
        cls.report = json.loads(report.read_text()) if report.exists() else None

    def test_ends_well_and_its_three_proofs_hold(self):
        self.assertEqual(self.code, 0, self.output[-3000:])
        self.assertEqual({name: proof["holds"] for name, proof in self.report["proofs"].items()},
                         {"energy_accounted": True, "ledger_sum_zero": True,
                          "readings_equal_input": True})

    def test_neighbours_traded_and_nobody_pays_more_than_without(self):
        households = self.report["households"]
        self.assertEqual(len(households), 16)
        self.assertGreater(sum(h["bought_wh"] for h in households), 0)
        self.assertEqual(sum(h["bought_wh"] for h in households),
                         sum(h["sold_wh"] for h in households))

    def test_the_figures_of_settlement_are_those_of_bills_and_meters(self):
        kpis, households = self.report["kpis"], self.report["households"]
        self.assertEqual([one["participant"] for one in kpis["households"]],
                         sorted(one["participant"] for one in households))
        for one, household in zip(kpis["households"],
                                  sorted(households, key=lambda h: h["participant"])):
            self.assertEqual(one["saving_micros"], household["saving_micros"])
            local = household["self_consumed_wh"] + household["bought_wh"]
            self.assertEqual(one["local_share_ppm"],
                             local * 1_000_000 // household["consumed_wh"])
            self.assertEqual(one["avoided_co2_g"], local * 400 // 1000)
        community = kpis["community"]
        self.assertEqual(community["saving_micros"],
                         sum(one["saving_micros"] for one in households))
        # The report's own share is rounded to the nearest, settlement's down.
        self.assertIn(self.report["community"]["self_sufficiency_ppm"]
                      - community["local_share_ppm"], (0, 1))
        self.assertGreater(community["welfare_delivered_micros"], 0)
        self.assertLessEqual(community["welfare_delivered_micros"],
                             community["welfare_optimum_micros"])
        savings = sorted(max(one["saving_micros"], 0) for one in households)
        count = len(savings)
        gini = sum(value * (2 * (i + 1) - count - 1) for i, value in enumerate(savings))
        self.assertEqual(community["savings_gini_ppm"],
                         gini * 1_000_000 // (sum(savings) * count))
        self.assertIn("Gini coefficient", self.output)

    def test_every_curl_line_works_as_printed(self):
        lines = [line.strip() for line in self.output.splitlines()
                 if re.match(r"\s*(TOKEN=.*)?curl ", line)]
        self.assertGreaterEqual(len(lines), 3, self.output[-2000:])
        script = "set -eo pipefail\n" + "\n".join(
            f"{line}\necho; echo ---" for line in lines)
        done = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertNotIn('"code"', done.stdout)
        self.assertNotIn("refused", done.stdout)

    def test_a_second_up_finds_the_first_and_down_stops_everything(self):
        again = subprocess.run([BIN / "peerwatt", "up", "--state", self.state],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               timeout=60)
        self.assertEqual(again.returncode, 0, again.stdout)
        self.assertIn("already", again.stdout)
        self.assertEqual(subprocess.run([BIN / "peerwatt", "status", "--state", self.state],
                                        stdout=subprocess.DEVNULL).returncode, 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
