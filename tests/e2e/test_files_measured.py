"""Measured households and roofs go in and out as files; the sums are those of the measurement."""

import csv
import datetime
import os
import pathlib
import subprocess
import tempfile
import unittest
from fractions import Fraction

import harness

HAMLET = pathlib.Path(os.environ["PEERWATT_HAMLET_DIR"])
ROOF_KWP = 5


def register_steps(path, wh_per_unit):
    """(start, Wh) of each quarter-hour, through a register that shows whole watt hours."""
    total = Fraction(0)
    with path.open() as file:
        for row in csv.DictReader(file):
            before = int(total)
            total += Fraction(row["electricity"]) * wh_per_unit
            yield int(Fraction(row["timestamp"])), int(total) - before


class MeasuredFilesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = harness.Stack()
        cls.addClassCleanup(cls.stack.close)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.admin = cls.stack.admin()
        cls.stack.call("POST", "/v1/communities?communityId=hamlet", {
            "displayName": "Hamlet", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": "2035-01-01T00:00:00Z",
            "priceMaxPerKwh": harness.money(1_000_000)}, cls.admin)
        cls.owner = harness.Household(cls.stack, cls.admin, "communities/hamlet", "owner",
                                      deposit_micros=0)

    def readings(self, verb, *arguments):
        done = subprocess.run(
            [harness.BIN / "peerwatt", "readings", verb, "--state", self.stack.state, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def sums(self, path):
        with path.open() as file:
            rows = list(csv.DictReader(file))
        return (len(rows), sum(int(row["import_wh"]) for row in rows),
                sum(int(row["export_wh"]) for row in rows))

    def test_measured_profiles_go_round(self):
        # W · 0.25 h; kW per kWp of a roof.
        for load, roof in (("hh_2262_0", "pv_1_pu"), ("hh_5527_0", "pv_2_pu")):
            key = load.replace("_", "-")
            names = (key, f"{key}-copy")
            for name in names:
                self.stack.call("POST", f"/v1/meteringPoints?meteringPointId={name}",
                                {"participant": self.owner.participant, "importCapacityW": 30_000,
                                 "exportCapacityW": 30_000}, self.admin)
            drawn = dict(register_steps(HAMLET / f"load/{load}.csv", Fraction(1, 4)))
            fed = dict(register_steps(HAMLET / f"pv/{roof}.csv", Fraction(ROOF_KWP * 1000, 4)))
            self.assertEqual(drawn.keys(), fed.keys())
            measured = self.folder / "measured.csv"
            with measured.open("w") as file:
                file.write("end_time,start_time,export_kwh,import_wh\n")
                for start, wh in drawn.items():
                    begin, end = (datetime.datetime.fromtimestamp(
                        instant, datetime.timezone(datetime.timedelta(hours=1))).isoformat()
                        for instant in (start, start + 900))
                    file.write(f"{end},{begin},{fed[start] / 1000:.3f},{wh}\n")
            expected = (len(drawn), sum(drawn.values()), sum(fed.values()))
            self.assertEqual(expected[0], 4316)
            self.readings("import", "--point", names[0], measured)
            span = ("--start", "2021-01-01T00:00:00Z", "--end", "2022-01-01T00:00:00Z")
            feed = self.folder / "feed.xml"
            self.readings("export", "--point", names[0], *span, feed)
            self.readings("import", "--point", names[1], feed)
            for name in names:
                exported = self.folder / "exported.csv"
                self.readings("export", "--point", name, *span, exported)
                self.assertEqual(self.sums(exported), expected)


if __name__ == "__main__":
    unittest.main(verbosity=2)
