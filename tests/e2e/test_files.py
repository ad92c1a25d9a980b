"""Readings go in and out as files, through the launcher's command line, gRPC and REST."""

import datetime
import pathlib
import subprocess
import tempfile
import unittest

import harness

FIRST = datetime.datetime(2021, 2, 14, 23, 0, tzinfo=datetime.timezone.utc)
QUARTER = datetime.timedelta(minutes=15)
MILLION = 1_000_000
GROWN_KIB_MAX = 48 << 10
SCHEMA = harness.SOURCE / "tests/support/schemas/espi/espi.xsd"


def instant(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def lines(first, count, point):
    for i in range(count):
        start = first + i * QUARTER
        quality = "ESTIMATED,LINEAR" if i % 97 == 5 else "MEASURED,"
        yield (f"{point},{instant(start)},{instant(start + QUARTER)},{(i * 37) % 1200},"
               f"{(i * 11) % 300 if i % 3 == 0 else 0},{quality}\n")


def peak_kib(pid):
    """The most memory that a process ever had."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise KeyError(pid)


class FilesTest(unittest.TestCase):
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

    def point(self, key):
        self.stack.call("POST", f"/v1/meteringPoints?meteringPointId={key}",
                        {"participant": self.owner.participant, "importCapacityW": 30_000,
                         "exportCapacityW": 30_000}, self.admin)
        return key

    def readings(self, verb, *arguments, code=0):
        done = subprocess.run(
            [harness.BIN / "peerwatt", "readings", verb, "--state", self.stack.state, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def write(self, name, rows):
        path = self.folder / name
        with path.open("w") as file:
            file.write("metering_point,start_time,end_time,import_wh,export_wh,quality,method\n")
            file.writelines(rows)
        return path

    def span(self, count):
        return "--start", instant(FIRST), "--end", instant(FIRST + count * QUARTER)

    def test_both_formats_go_round_over_the_change_of_the_clocks(self):
        count = 4316  # 45 local days, one of them with 92 quarter-hours.
        first = self.point("first")
        self.readings("import", self.write("in.csv", lines(FIRST, count, first)))
        csv = self.folder / "first.csv"
        self.readings("export", "--point", first, *self.span(count), csv)
        for kind in ("csv", "xml"):
            exported = self.folder / f"exported.{kind}"
            self.readings("export", "--point", first, *self.span(count), exported)
            fresh = self.point(f"fresh-{kind}")
            self.assertIn(f"stored {count}, unchanged 0, refused 0",
                          self.readings("import", "--point", fresh, exported))
            self.assertIn(f"stored 0, unchanged {count}, refused 0",
                          self.readings("import", exported))
            again = self.folder / f"again-{kind}.csv"
            self.readings("export", "--point", fresh, *self.span(count), again)
            self.assertEqual(again.read_text().replace(f"{fresh},", f"{first},"), csv.read_text())
        subprocess.run(["xmllint", "--nonet", "--noout", "--schema", SCHEMA,
                        self.folder / "exported.xml"], check=True, stderr=subprocess.DEVNULL)

    def test_an_export_comes_by_rest_as_a_file(self):
        point = self.point("rest")
        self.readings("import", self.write("rest.csv", lines(FIRST, 3000, point)))
        path = (f"/v1/meteringPoints/{point}/readings:export?format=CSV"
                f"&startTime={instant(FIRST)}&endTime={instant(FIRST + 3000 * QUARTER)}")
        _, body, headers = self.stack.raw("GET", path, token=self.owner.token)
        self.assertEqual(headers["Content-Type"], "text/csv")
        self.assertEqual(headers["Content-Disposition"], "attachment")
        rows = body.decode().split("\r\n")
        self.assertEqual(len(rows), 3002)
        self.assertEqual(rows[1], "rest,2021-02-14T23:00:00Z,2021-02-14T23:15:00Z,0,0,MEASURED,,1")
        with self.assertRaises(harness.RestError) as refused:
            self.stack.raw("GET", path.replace("format=CSV", "format=NO"), token=self.owner.token)
        self.assertEqual(refused.exception.code, 400)

    def test_a_bad_line_stops_or_is_skipped(self):
        point = self.point("bad")
        rows = list(lines(FIRST, 25_000, point))
        rows[20_000] = "what is this?\n"
        path = self.write("bad.csv", rows)
        told = self.readings("import", path, code=1)
        self.assertIn("line 20002: FILE_LINE_INVALID", told)
        self.assertIn("stored 20000, unchanged 0, refused 1; stopped there", told)
        told = self.readings("import", "--on_error", "skip", path, code=1)
        self.assertIn("stored 4999, unchanged 20000, refused 1\n", told)

    def test_a_million_readings_stream_through_little_memory(self):
        keys = [self.point(f"many-{i}x") for i in range(10)]
        # Whatever a process needs for a file, it needs for one of a tenth of the size.
        warm = self.point("warm")
        self.readings("import", self.write("warm.csv", lines(FIRST, MILLION // 10, warm)))
        self.readings("export", "--point", warm, *self.span(MILLION // 10),
                      self.folder / "warm.xml")
        self.readings("import", self.folder / "warm.xml")
        processes = {name: self.stack.pid(name) for name in ("gateway", "metering")}
        before = {name: peak_kib(pid) for name, pid in processes.items()}
        big = self.write("big.csv", (row for key in keys
                                     for row in lines(FIRST, MILLION // len(keys), key)))
        self.assertGreater(big.stat().st_size, 60 << 20)
        self.assertIn(f"stored {MILLION}, unchanged 0", self.readings("import", big))
        for key in keys[:3]:
            for kind in ("csv", "xml"):
                self.readings("export", "--point", key, *self.span(MILLION // len(keys)),
                              self.folder / f"big.{kind}")
        # Of 100,000 readings the feed has 200,000 values.
        self.assertGreater((self.folder / "big.xml").stat().st_size, 30 << 20)
        self.assertIn("stored 0, unchanged 100000", self.readings("import", self.folder / "big.xml"))
        # Windows of HTTP/2 grow on a busy machine; a file that is kept would be larger.
        grown = {name: peak_kib(pid) - before[name] for name, pid in processes.items()}
        self.assertLess(max(grown.values()), GROWN_KIB_MAX, f"grown by {grown} KiB")


if __name__ == "__main__":
    unittest.main(verbosity=2)
