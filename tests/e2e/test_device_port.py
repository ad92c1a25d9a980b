"""Clients that misbehave at the device port cost only themselves: an agent beside them goes on."""

import pathlib
import socket
import tempfile
import threading
import unittest

import grpc

import h2
from harness import Api, Device, Household, Stack, gateway_authority, money, stream_channel

STREAM = "/peerwatt.metering.v1.Metering/StreamReadings"
RENEW = "/peerwatt.registry.v1.Registry/RenewDeviceCertificate"


class DevicePortTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.api = Api()
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        admin = cls.stack.admin()
        cls.stack.call("POST", "/v1/communities?communityId=c1", {
            "displayName": "Test", "timeZone": "Etc/UTC", "currencyCode": "EUR",
            "tradingStartTime": "2035-01-01T00:00:00Z", "priceMaxPerKwh": money(1_000_000)}, admin)
        home = Household(cls.stack, admin, "communities/c1", "alice", deposit_micros=0)
        cls.device = Device(cls.stack, admin, "alice-box", [home.point], cls.folder)
        cls.certificate = cls.folder / "device.pem"
        cls.certificate.write_bytes(cls.device.certificate)
        cls.key = cls.folder / "device.key"
        cls.key.write_bytes(cls.device.key_pem)
        cls.address = cls.stack.address("gateway_device")

    def connect(self, **options):
        return h2.Connection(self.address, self.certificate, self.key, **options)

    def assert_serves(self):
        """A device of good manners is let in and answered."""
        request = self.api.message("peerwatt.metering.v1.StreamReadingsRequest")()
        request.open.SetInParent()
        response = self.api.message("peerwatt.metering.v1.StreamReadingsResponse")
        credentials = self.device.credentials(gateway_authority(self.stack))
        with stream_channel(self.stack, credentials) as channel:
            call = channel.stream_stream(STREAM, type(request).SerializeToString,
                                         response.FromString)
            answers = list(call(iter([request]), timeout=20))
        self.assertTrue(answers[0].HasField("opened"))

    def assert_told_to_calm_down(self, connection):
        goaway = connection.until(h2.GOAWAY)
        self.assertIsNotNone(goaway)
        self.assertEqual(int.from_bytes(goaway[3][4:8], "big"), h2.ENHANCE_YOUR_CALM)
        self.assertEqual(list(connection.frames()), [])

    def status_of(self, error):
        details = dict(error.trailing_metadata())["grpc-status-details-bin"]
        status = self.api.message("google.rpc.Status")()
        status.ParseFromString(details)
        info = self.api.message("google.rpc.ErrorInfo")()
        info.ParseFromString(status.details[0].value)
        return info.reason

    def test_nobody_gets_in_without_a_certificate(self):
        with h2.Connection(self.address, None, None) as connection:
            connection.start()
            self.assertEqual(list(connection.frames()), [])
        with self.connect(protocols=()) as connection:
            connection.start()
            self.assertEqual(list(connection.frames()), [])
        self.assert_serves()

    def test_what_is_no_tls_and_no_http2_is_hung_up_on(self):
        host, port = self.address.split(":")
        with socket.create_connection((host, int(port)), timeout=30) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while plain.recv(4096):
                pass
        with self.connect() as connection:
            connection.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertEqual([one for one in connection.frames() if one[0] == h2.HEADERS], [])
        self.assert_serves()

    def test_calls_that_are_reset_at_once_end_the_connection(self):
        with self.connect() as connection:
            connection.start()
            for number in range(1, 2001, 2):
                connection.send(h2.begin(number, STREAM),
                                h2.frame(h2.RST_STREAM, 0, number, b"\0\0\0\x08"))
            self.assert_told_to_calm_down(connection)
        self.assert_serves()

    def test_floods_of_pings_and_settings_end_the_connection(self):
        for flood in (h2.frame(h2.PING, 0, 0, bytes(8)), h2.frame(h2.SETTINGS),
                      h2.frame(h2.DATA, 0, 1)):
            with self.connect() as connection:
                connection.start()
                connection.send(h2.begin(1, STREAM))
                connection.send(flood * 3000)
                self.assert_told_to_calm_down(connection)
        self.assert_serves()

    def test_a_device_that_does_not_read_holds_up_itself_alone(self):
        before = self.gateway_memory_kib()
        with self.connect() as deaf:
            # It sends what is refused, and never reads; each answer has some hundred bytes.
            deaf.start()
            deaf.socket.settimeout(2)
            deaf.send(h2.begin(1, STREAM))
            opening = h2.frame(h2.DATA, 0, 1, h2.message(b"\x0a\x00"))
            deaf.send(opening, *[h2.frame(h2.DATA, 0, 1, h2.message(b"\x12\x02\x08\x01") * 1000)
                                 for _ in range(300)])
            self.assert_serves()
            self.assertLess(self.gateway_memory_kib() - before, 20_000)
        self.assert_serves()

    def gateway_memory_kib(self):
        status = pathlib.Path(f"/proc/{self.stack.pid('gateway')}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def test_errors_carry_their_reason(self):
        credentials = self.device.credentials(gateway_authority(self.stack))
        with stream_channel(self.stack, credentials) as channel:
            for path, body, options, reason in (
                    ("/peerwatt.registry.v1.Registry/GetCommunity", b"", {}, "METHOD_UNKNOWN"),
                    (RENEW, bytes(2 << 20), {}, "MESSAGE_TOO_LARGE"),
                    (RENEW, b"x" * 1000, {"compression": grpc.Compression.Gzip},
                     "COMPRESSION_UNSUPPORTED")):
                call = channel.unary_unary(path, lambda m: m, lambda b: b)
                with self.assertRaises(grpc.RpcError) as caught:
                    call(body, timeout=20, **options)
                self.assertEqual(self.status_of(caught.exception), reason)

    def test_a_deadline_ends_a_stream(self):
        credentials = self.device.credentials(gateway_authority(self.stack))
        with stream_channel(self.stack, credentials) as channel:
            call = channel.stream_stream(STREAM, lambda m: m, lambda b: b)
            over = threading.Event()
            with self.assertRaises(grpc.RpcError) as caught:
                list(call(self.opened_and_silent(over), timeout=1))
        over.set()
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
        self.assert_serves()

    @staticmethod
    def opened_and_silent(over):
        """Opens a stream and then sends nothing until it is over."""
        yield b"\x0a\x00"
        over.wait(20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
