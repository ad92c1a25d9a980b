"""New readings as they are stored: over gRPC, as server-sent events and as lines of JSON."""

import http.client
import json
import os
import pathlib
import sys
import tempfile
import threading
import time
import unittest

import grpc

from harness import Api, Device, Household, Stack, gateway_authority, money, stream_channel

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
from devices import psql  # noqa: E402

STREAM = "/peerwatt.metering.v1.Metering/StreamReadings"
WATCH = "/peerwatt.metering.v1.Metering/StreamNewReadings"
QUARTER = 900
SLOTS = 60


class Watcher:
    """Reads a point's new readings in a thread of its own, and resumes when a stream breaks."""

    def __init__(self, open_stream):
        """open_stream: gives the messages after a cursor as dicts, or raises."""
        self.open_stream = open_stream
        self.cursor, self.readings, self.messages, self.breaks = "", [], 0, 0
        self.began, self.stopped = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopped.is_set():
            try:
                for message in self.open_stream(self.cursor):
                    self.messages += 1
                    self.readings += message.get("readings", [])
                    self.cursor = message["cursor"]
                    self.began.set()
            except (OSError, grpc.RpcError, http.client.HTTPException, ValueError):
                pass
            self.breaks += 1
            self.stopped.wait(0.1)

    def energies(self):
        return [int(reading.get("importEnergyWh", 0)) for reading in self.readings]


class NewReadingsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["PEERWATT_PERMISSION_CHECK_INTERVAL"] = "500ms"
        cls.addClassCleanup(os.environ.pop, "PEERWATT_PERMISSION_CHECK_INTERVAL")
        cls.api = Api()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        cls.start = int(time.time()) // QUARTER * QUARTER - 86400
        cls.stack.call("POST", "/v1/communities?communityId=c1", {
            "displayName": "Watched", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": "2026-01-01T00:00:00Z", "priceMaxPerKwh": money(1_000_000)},
            cls.admin)
        cls.root = gateway_authority(cls.stack)

    def household(self, key):
        home = Household(self.stack, self.admin, "communities/c1", key, deposit_micros=0)
        home.device = Device(self.stack, self.admin, f"{key}-box", [home.point], self.folder)
        return home

    def report(self, home, slot):
        """The device of a household sends one reading, until it is acknowledged."""
        request = self.api.message("peerwatt.metering.v1.StreamReadingsRequest")
        response = self.api.message("peerwatt.metering.v1.StreamReadingsResponse")
        opening, batch = request(), request()
        opening.open.SetInParent()
        batch.batch.sequence = slot + 1
        series = batch.batch.series.add(metering_point=home.point)
        series.start_time.seconds = self.start + slot * QUARTER
        series.resolution.seconds = QUARTER
        series.import_energy_wh.append(slot + 1)

        def send():
            done = threading.Event()

            def requests():
                yield opening
                yield batch
                done.wait(20)

            with stream_channel(self.stack, home.device.credentials(self.root)) as channel:
                call = channel.stream_stream(STREAM, lambda m: m.SerializeToString(),
                                             response.FromString)
                try:
                    for answer in call(requests(), timeout=20):
                        if answer.WhichOneof("kind") == "acknowledgement":
                            done.set()
                            return answer.acknowledgement.status.code == 0
                except grpc.RpcError:
                    pass
                finally:
                    done.set()
            return False

        self.stack.eventually(f"slot {slot} is acknowledged", send, 60)

    def over_rest(self, home, kind):
        """A stream in one of the two forms of HTTP."""
        def open_stream(cursor):
            host, port = self.stack.address("gateway_http").split(":")
            connection = http.client.HTTPConnection(host, int(port), timeout=60)
            try:
                connection.request("GET", f"/v1/{home.point}/readings:watch?cursor={cursor}",
                                   headers={"Authorization": f"Bearer {home.token}",
                                            "Accept": kind})
                answer = connection.getresponse()
                if answer.status != 200:
                    raise OSError(answer.read())
                self.assertIn(kind, answer.getheader("Content-Type"))
                for line in answer:
                    text = line.decode().strip()
                    if kind == "text/event-stream":
                        if not text.startswith("data:"):
                            continue
                        text = text.removeprefix("data:")
                    message = json.loads(text) if text.strip() else {}
                    message = message.get("result", message)
                    if "cursor" in message:
                        yield message
            finally:
                connection.close()
        return open_stream

    def grpc_call(self, channel, home, cursor):
        request = self.api.message("peerwatt.metering.v1.StreamNewReadingsRequest")
        response = self.api.message("peerwatt.metering.v1.StreamNewReadingsResponse")
        call = channel.unary_stream(WATCH, request.SerializeToString, response.FromString)
        return call(request(parent=home.point, cursor=cursor),
                    metadata=[("authorization", f"Bearer {home.token}")])

    def grpc_channel(self):
        return grpc.secure_channel(
            self.stack.address("gateway_grpc"), grpc.ssl_channel_credentials(self.root),
            [("grpc.ssl_target_name_override", "localhost"),
             ("grpc.use_local_subchannel_pool", 1)])

    def over_grpc(self, home):
        def open_stream(cursor):
            with self.grpc_channel() as channel:
                for message in self.grpc_call(channel, home, cursor):
                    yield {"cursor": message.cursor,
                           "readings": [{"importEnergyWh": reading.import_energy_wh}
                                        for reading in message.readings]}
        return open_stream

    def test_every_reading_comes_in_every_form_through_kills(self):
        home = self.household("alice")
        watchers = {"grpc": Watcher(self.over_grpc(home)),
                    "events": Watcher(self.over_rest(home, "text/event-stream")),
                    "lines": Watcher(self.over_rest(home, "application/x-ndjson"))}
        for name, watcher in watchers.items():
            self.assertTrue(watcher.began.wait(30), name)
        for slot in range(SLOTS):
            if slot in (20, 40):
                self.stack.kill("metering")
            self.report(home, slot)
        for name, watcher in watchers.items():
            self.stack.eventually(f"{name} has all",
                                  lambda w=watcher: len(w.readings) >= SLOTS, 60)
            watcher.stopped.set()
            # Each reading was stored once and a message is sent whole, so nothing comes twice
            # unless the stream broke in between.
            self.assertEqual(watcher.energies(), list(range(1, SLOTS + 1)), name)
            self.assertGreaterEqual(watcher.breaks, 2, name)

    def test_a_stream_ends_when_the_point_changes_hands(self):
        home, other = self.household("bob"), self.household("carol")
        with self.grpc_channel() as channel:
            call = self.grpc_call(channel, home, "")
            next(call)
            self.report(home, 0)
            self.assertEqual(next(call).readings[0].import_energy_wh, 1)
            psql(self.stack, "peerwatt_registry", f"""
UPDATE metering_points SET participant_id = 'carol', grid_connection_id = (
  SELECT grid_connection_id FROM metering_points WHERE metering_point_id = 'carol')
WHERE metering_point_id = 'bob';""")
            began = time.monotonic()
            with self.assertRaises(grpc.RpcError) as caught:
                for _ in call:
                    pass
            self.assertEqual(caught.exception.code(), grpc.StatusCode.PERMISSION_DENIED)
            self.assertLess(time.monotonic() - began, 10)
        self.assertIsNotNone(other)

    def test_nobody_watches_anothers_meter(self):
        home, other = self.household("dora"), self.household("emil")
        home.token = other.token
        with self.grpc_channel() as channel, self.assertRaises(grpc.RpcError) as caught:
            next(self.grpc_call(channel, home, ""))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.PERMISSION_DENIED)


if __name__ == "__main__":
    unittest.main(verbosity=2)
