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
