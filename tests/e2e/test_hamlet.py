"""Measured profiles through the whole system: each household's total is exactly its file's."""

import csv
import datetime
import decimal
import os
import pathlib
import unittest

from rehearsal import Rehearsal

DATA = pathlib.Path(os.environ["PEERWATT_HAMLET_DIR"])


class HamletTest(unittest.TestCase):
    def test_two_days_of_measured_households(self):
        run = Rehearsal("--data", str(DATA), "--days", "2", "--speed", "max")
        self.assertEqual(run.code, 0, run.output[-3000:])
        self.assertTrue(run.proofs_hold)
        start = datetime.datetime.fromisoformat(
            run.report["scenario"]["start_time"].replace("Z", "+00:00"))
        first, last = start.timestamp(), start.timestamp() + 2 * 86400
        totals = {}
        for file in sorted((DATA / "load").glob("*.csv")):
            with open(file, newline="") as rows:
                watts = sum(decimal.Decimal(row["electricity"]) for row in csv.DictReader(rows)
                            if first <= float(row["timestamp"]) < last)
            # Mean power over a quarter of an hour.
            totals[file.stem.replace("_", "-")] = int(watts / 4)
        self.assertEqual(len(totals), 16)
        found = {household["participant"].split("/")[1]: household["consumed_wh"]
                 for household in run.report["households"]}
        self.assertEqual(found, totals)


if __name__ == "__main__":
    unittest.main(verbosity=2)
