"""A gateway box at a P1 meter and an inverter: every watt hour arrives, whatever dies."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

from harness import BIN, SOURCE, Household, Stack, money
from meters import SLOT, Inverter, Load, P1Meter, SimulatedClock


class Box:
    """The agent's process, its folder and its meters."""

    def __init__(self, stack, device, token, folder, clock, sources, *flags, **settings):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.metrics_file = self.folder / "metrics.prom"
        config = {
            "device": device, "gateway_device_address": stack.address("gateway_device"),
            "gateway_grpc_address": stack.address("gateway_grpc"),
            "ca_file": str(stack.state / "secrets" / "ca_cert.pem"), "sources": sources, **settings}
        config_file = self.folder / "box.json"
        config_file.write_text(json.dumps(config))
        self.command = [
            BIN / "peerwatt-agent", "--config", config_file, "--state", self.folder / "state",
            "--clock=shared", "--clock_file", clock.path, "--metrics_textfile", self.metrics_file,
            "--metrics_interval=20ms", "--tick_interval=5ms", "--connect_spread=0s",
            "--reconnect_pause_max=1s", "--certificate_check_interval=100ms", *flags]
        self.environment = {**os.environ, "PEERWATT_ENROLMENT_TOKEN": token}
        self.log = open(self.folder / "log", "ab")
        self.process = None

    def start(self):
        self.metrics_file.unlink(missing_ok=True)
        self.process = subprocess.Popen(self.command, stdout=self.log, stderr=self.log,
                                        env=self.environment)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(timeout=20)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=30)
        self.log.close()

    def metric(self, name):
        """A sample of the textfile, by its name with labels; 0 before there is one."""
        try:
            text = self.metrics_file.read_text()
        except FileNotFoundError:
            return 0
        found = re.search(rf"^peerwatt_agent_{re.escape(name)} (\d+)$", text, re.MULTILINE)
        return int(found.group(1)) if found else 0


class AgentTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Certificates of devices last so long that a test sees several.
        os.environ["PEERWATT_DEVICE_CERTIFICATE_LIFETIME"] = "24s"
        cls.addClassCleanup(os.environ.pop, "PEERWATT_DEVICE_CERTIFICATE_LIFETIME")
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.admin = cls.stack.admin()
        for community, signed in ("c1", False), ("signed", True):
            cls.stack.call("POST", f"/v1/communities?communityId={community}", {
                "displayName": "Test", "timeZone": "Europe/Amsterdam", "currencyCode": "EUR",
                "tradingStartTime": "2026-01-01T00:00:00Z", "networkFeePerKwh": money(50_000),
                "operatorSharePpm": "20000", "priceMaxPerKwh": money(1_000_000),
                "signedReadingsRequired": signed}, cls.admin)

    def make(self, key, *flags, community="c1", **settings):
        """A household with a meter and an inverter, and its box."""
        # Yesterday's noon: the past for the services, the present for the box.
        self.start = int(time.time()) // 86400 * 86400 - 43200
        home = Household(self.stack, self.admin, f"communities/{community}", f"{key}-home")
        roof = Household(self.stack, self.admin, f"communities/{community}", f"{key}-roof")
        made = self.stack.call("POST", f"/v1/devices?deviceId={key}",
                               {"meteringPoints": [home.point, roof.point]}, self.admin)
        self.clock = SimulatedClock(self.folder / f"{key}-clock", self.start)
        self.imported = Load(self.start, 1_234_567, 37)
        self.exported = Load(self.start, 89_012, 101)
        self.produced = Load(self.start, 5_000_003, 211)
        self.meter = P1Meter("E0044007", self.imported, self.exported)
        self.addCleanup(self.meter.close)
        self.inverter = Inverter("INV-0001", self.produced, self.clock)
        self.addCleanup(self.inverter.close)
        box = Box(self.stack, f"devices/{key}", made["enrolmentToken"], self.folder / key,
                  self.clock, [
                      {"name": "meter", "kind": "p1", "address": f"tcp:127.0.0.1:{self.meter.port}",
                       "clock_difference_max_seconds": 86400,
                       "points": [{"metering_point": home.point}]},
                      {"name": "roof", "kind": "sunspec", "poll_milliseconds": 10,
                       "address": f"tcp:127.0.0.1:{self.inverter.port}",
                       "points": [{"metering_point": roof.point, "register": "export"}]}], *flags,
                  **settings)
        self.addCleanup(box.close)
        return box, home.point, roof.point

    def wait_for_meters(self):
        answers = self.inverter.answers
        self.stack.eventually("the box reads its meters", lambda: self.meter.connected() > 0 and
                              self.inverter.answers > answers + 6)

    def step(self, slot, read=True):
        """Lets a quarter of an hour pass."""
        boundary = self.start + slot * SLOT
        for at in (boundary - 450, boundary - 10, boundary, boundary + 10):
            if at < self.start:
                continue
            self.clock.set(at)
            self.meter.show(at)
            if read and at == boundary:
                answers = self.inverter.answers
                # The second answer from now on was asked for at this time.
                self.stack.eventually("the inverter is asked",
                                      lambda: self.inverter.answers > answers + 2)

    def wait_for_record(self, box, slot, *points):
        """Waits until the box has written down the registers at the start of a slot."""
        self.stack.eventually(f"slot {slot} is recorded", lambda: all(
            box.metric(f'recorded_through_timestamp_seconds{{metering_point="{point}"}}') ==
            self.start + slot * SLOT for point in points))

    def readings(self, point):
        found, token = [], ""
        while True:
            page = self.stack.call(
                "GET", f"/v1/{point}/readings?pageSize=1000&pageToken={token}", token=self.admin)
            found += page.get("readings", [])
            token = page.get("nextPageToken", "")
            if not token:
                return found

    def expect(self, point, slots, imported, exported, estimated):
        """Every slot is there; outside of what is estimated, with exactly its energy."""
        self.stack.eventually(f"{point} is complete",
                              lambda: len(self.readings(point)) >= slots, 60)
        readings = self.readings(point)
        self.assertEqual(len(readings), slots)
        for field, load in (("importEnergyWh", imported), ("exportEnergyWh", exported)):
            wh = [int(reading.get(field, 0)) for reading in readings]
            expected = [load.slot_wh(slot) if load else 0 for slot in range(slots)]
            self.assertEqual(sum(wh), sum(expected), f"{point} {field}")
            for slot in range(slots):
                if slot not in estimated:
                    self.assertEqual(wh[slot], expected[slot], f"{point} {field} {slot}")
        for slot, reading in enumerate(readings):
            quality = "ESTIMATED" if slot in estimated else "MEASURED"
            self.assertEqual(reading["quality"], quality, f"{point} {slot}")

    def test_every_watt_hour_arrives_through_kills_and_an_outage(self):
        box, home, roof = self.make("box-1")
        box.start()
        self.wait_for_meters()
        for slot in range(0, 21):
            self.step(slot)
        # The box dies; meanwhile five quarters pass. Then it dies once more, right away.
        self.wait_for_record(box, 20, home, roof)
        box.kill()
        for slot in range(21, 26):
            self.step(slot, read=False)
        self.clock.set(self.start + 25 * SLOT + 300)
        box.start()
        self.wait_for_meters()
        box.kill()
        box.start()
        self.wait_for_meters()
        for slot in range(26, 31):
            self.step(slot)
        # The gateway stands still, then dies; the box goes on reading.
        gateway = self.stack.pid("gateway")
        os.kill(gateway, signal.SIGSTOP)
        for slot in range(31, 41):
            self.step(slot)
        os.kill(gateway, signal.SIGKILL)
        for slot in range(41, 45):
            self.step(slot)
        # And the box dies with what it could not send.
        self.wait_for_record(box, 44, home, roof)
        box.kill()
        box.start()
        self.wait_for_meters()
        for slot in range(45, 49):
            self.step(slot)
        # From the last value before the box died to the first one after.
        estimated = set(range(20, 26))
        self.expect(home, 48, self.imported, self.exported, estimated)
        self.expect(roof, 48, None, self.produced, estimated)
        self.assertEqual(box.metric("readings_refused_total"), 0)
        self.assertEqual(box.metric("batches_dropped_total"), 0)
        self.assertIsNone(box.process.poll(), "it still runs")

    def signed_batches(self, device, arguments=""):
        return self.stack.call("GET", f"/v1/{device}/signedBatches?pageSize=1000{arguments}",
                               token=self.admin).get("signedBatches", [])

    def test_it_signs_one_chain_through_kills_and_renewals(self):
        box, home, roof = self.make("box-3", community="signed", sign_batches=True)
        box.start()
        self.wait_for_meters()
        for slot in range(0, 11):
            self.step(slot)
        self.wait_for_record(box, 10, home, roof)
        box.kill()
        box.start()
        self.wait_for_meters()
        for slot in range(11, 21):
            self.step(slot)
        # It dies again with batches that nobody took, and goes on with another key.
        self.wait_for_record(box, 20, home, roof)
        self.stack.eventually("it renews", lambda: box.metric("certificate_renewals_total") >= 1)
        self.stack.kill("gateway")
        for slot in range(21, 31):
            self.step(slot)
        self.wait_for_record(box, 30, home, roof)
        box.kill()
        box.start()
        self.wait_for_meters()
        for slot in range(31, 41):
            self.step(slot)
        self.expect(home, 40, self.imported, self.exported, set())
        self.expect(roof, 40, None, self.produced, set())
        self.assertEqual(box.metric("readings_refused_total"), 0)
        batches = self.signed_batches("devices/box-3")
        self.assertEqual([int(batch["counter"]) for batch in batches],
                         list(range(1, len(batches) + 1)))
        self.assertEqual(self.signed_batches("devices/box-3", "&eventsOnly=true"), [])
        self.assertGreater(len({batch["publicKeyDer"] for batch in batches}), 1)
        done = subprocess.run([SOURCE / "scripts" / "verify-signed-batches", "--readings"],
                              input=json.dumps({"signedBatches": batches}), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"{len(batches)} signed batches hold", done.stderr)
        signed = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(signed), 80)
        self.assertEqual(sum(line["import_wh"] for line in signed),
                         sum(self.imported.slot_wh(slot) for slot in range(40)))

    def test_an_unsigned_batch_of_a_box_is_refused_where_signatures_are_required(self):
        box, home, _ = self.make("box-4", community="signed")
        box.start()
        self.wait_for_meters()
        for slot in range(0, 4):
            self.step(slot)
        self.stack.eventually("the box hears of it",
                              lambda: box.metric("readings_refused_total") > 0)
        self.assertEqual(self.readings(home), [])
        refused = (box.folder / "state" / "buffer" / "refused.jsonl").read_text()
        self.assertIn("SIGNATURE_MISSING", refused)

    def test_its_certificate_is_renewed_before_it_runs_out(self):
        box, home, roof = self.make("box-2")
        box.start()
        self.wait_for_meters()
        for slot in range(0, 4):
            self.step(slot)
        self.stack.eventually("it is enrolled",
                              lambda: box.metric("certificate_expiry_timestamp_seconds") > 0)
        first = box.metric("certificate_expiry_timestamp_seconds")
        identity = (box.folder / "state" / "identity.pem").read_text()
        self.stack.eventually("it renews", lambda: box.metric("certificate_renewals_total") >= 1)
        self.wait_for_record(box, 3, home, roof)
        box.kill()
        box.start()
        self.wait_for_meters()
        self.assertNotEqual((box.folder / "state" / "identity.pem").read_text(), identity)
        self.stack.eventually("the first certificate runs out", lambda: time.time() > first + 1)
        self.stack.eventually(
            "a certificate is in force",
            lambda: box.metric("certificate_expiry_timestamp_seconds") > time.time())
        for slot in range(4, 9):
            self.step(slot)
        self.expect(home, 8, self.imported, self.exported, set())
        self.expect(roof, 8, None, self.produced, set())
        self.assertEqual(box.metric("certificate_failures_total"), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
