"""Bad input gets a clear error with a reason; nothing is stored and nothing lost."""

import base64
import datetime
import json
import pathlib
import subprocess
import tempfile
import time
import unittest

import grpc

from harness import (Api, Device, Household, RestError, Stack, gateway_authority, money,
                     stream_channel)

INTERVAL = datetime.timedelta(minutes=15)
STREAM = "/peerwatt.metering.v1.Metering/StreamReadings"


def floor_to_interval(instant):
    return instant - datetime.timedelta(seconds=instant.timestamp() % 900)


def segment(instant):
    return instant.strftime("%Y%m%dt%H%M%Sz")


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


class BadInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.api = Api()
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.now = floor_to_interval(datetime.datetime.now(datetime.timezone.utc))
        cls.admin = cls.stack.admin()
        cls.community = "communities/c1"
        cls.stack.call("POST", "/v1/communities?communityId=c1", {
            "displayName": "Test", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(cls.now - datetime.timedelta(hours=2)),
            "networkFeePerKwh": money(50_000), "operatorSharePpm": "20000",
            "priceMaxPerKwh": money(1_000_000)}, cls.admin)
        cls.stack.call("POST", f"/v1/{cls.community}/tariffs?tariffId=t1", {
            "feedInPricePerKwh": money(80_000), "retailPricePerKwh": money(320_000),
            "startTime": "2020-01-01T00:00:00Z"}, cls.admin)
        make = lambda key, **options: Household(cls.stack, cls.admin, cls.community, key, **options)
        cls.alice = make("alice")
        cls.bob = make("bob")
        cls.poor = make("poor", deposit_micros=0)
        cls.stranger = make("stranger", approved=False, deposit_micros=0)
        cls.device = Device(cls.stack, cls.admin, "alice-box", [cls.alice.point], cls.folder)
        cls.root = gateway_authority(cls.stack)
        delivery = cls.now + datetime.timedelta(hours=4)
        cls.open_auction = f"{cls.community}/auctions/{segment(delivery)}"
        cls.stack.eventually("the auctions open", lambda: cls.stack.call(
            "GET", f"/v1/{cls.open_auction}", token=cls.admin)["state"] == "OPEN", 60)

    def refused(self, code, reason, method, path, body=None, token=None, **options):
        with self.assertRaises(RestError) as caught:
            self.stack.call(method, path, body, token, **options)
        error = caught.exception
        self.assertEqual((error.code, error.reason), (code, reason), error)
        infos = [d for d in error.status["details"] if d["@type"].endswith("google.rpc.ErrorInfo")]
        self.assertEqual(len(infos), 1, error)
        self.assertTrue(infos[0]["domain"].endswith(".peerwatt.dev"), error)
        return error

    def readings_of(self, point):
        return self.stack.call("GET", f"/v1/{point}/readings", token=self.admin).get("readings", [])

    # Readings.

    def series(self, point=None, start=None, wh=(100,), resolution="900s", **more):
        return {"meteringPoint": point or self.alice.point,
                "startTime": text(start or self.now - 4 * INTERVAL), "resolution": resolution,
                "importEnergyWh": [str(value) for value in wh], **more}

    def refused_reading(self, code, reason, series):
        before = self.readings_of(self.alice.point)
        self.refused(code, reason, "POST", "/v1/readings:batchCreate",
                     {"series": [self.series(start=self.now - 40 * INTERVAL), series]}, self.admin)
        # The good series of the same batch is not stored either.
        self.assertEqual(self.readings_of(self.alice.point), before)

    def test_unknown_metering_point(self):
        self.refused_reading(404, "METERING_POINT_UNKNOWN", self.series("meteringPoints/nowhere"))

    def test_reading_off_the_interval_grid(self):
        start = self.now - 4 * INTERVAL + datetime.timedelta(minutes=1)
        self.refused_reading(400, "READING_OFF_GRID", self.series(start=start))

    def test_negative_energy(self):
        self.refused_reading(400, "ENERGY_NEGATIVE", self.series(wh=(-1,)))

    def test_future_interval(self):
        self.refused_reading(400, "READING_IN_FUTURE", self.series(start=self.now + 4 * INTERVAL))

    def test_a_good_reading_is_stored_once(self):
        batch = {"series": [self.series(self.bob.point, wh=(10, 20, 30))]}
        first = self.stack.call("POST", "/v1/readings:batchCreate", batch, self.admin)
        again = self.stack.call("POST", "/v1/readings:batchCreate", batch, self.admin)
        self.assertEqual((first["storedCount"], again["storedCount"]), (3, 0))
        self.assertEqual(again["unchangedCount"], 3)
        self.assertEqual(len(self.readings_of(self.bob.point)), 3)

    # Devices.

    def stream(self, credentials, requests):
        request = self.api.message("peerwatt.metering.v1.StreamReadingsRequest")
        response = self.api.message("peerwatt.metering.v1.StreamReadingsResponse")
        with stream_channel(self.stack, credentials) as channel:
            call = channel.stream_stream(STREAM, request.SerializeToString, response.FromString)
            return list(call(iter(requests), timeout=20))

    def open_request(self):
        request = self.api.message("peerwatt.metering.v1.StreamReadingsRequest")()
        request.open.SetInParent()
        return request

    def batch_request(self, sequence, point, wh=(100,)):
        request = self.api.message("peerwatt.metering.v1.StreamReadingsRequest")()
        request.batch.sequence = sequence
        series = request.batch.series.add()
        series.metering_point = point
        series.start_time.FromDatetime((self.now - 8 * INTERVAL).replace(tzinfo=None))
        series.resolution.seconds = 900
        series.import_energy_wh.extend(wh)
        return request

    def test_a_device_reports_its_own_point_and_no_other(self):
        answers = self.stream(self.device.credentials(self.root), [
            self.open_request(), self.batch_request(1, self.bob.point),
            self.batch_request(2, self.alice.point)])
        self.assertTrue(answers[0].HasField("opened"))
        foreign, own = answers[1].acknowledgement, answers[2].acknowledgement
        self.assertEqual((foreign.sequence, foreign.status.code), (1, 7))
        info = self.api.message("google.rpc.ErrorInfo")()
        info.ParseFromString(foreign.status.details[0].value)
        self.assertEqual(info.reason, "METERING_POINT_FORBIDDEN")
        self.assertEqual((own.sequence, own.status.code, own.stored_count), (2, 0, 1))

    def refused_stream(self, credentials, codes):
        with self.assertRaises(grpc.RpcError) as caught:
            self.stream(credentials, [self.open_request()])
        self.assertIn(caught.exception.code(), codes)

    def self_signed(self, days):
        key, certificate = self.folder / "own.key", self.folder / "own.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-keyout", key, "-out", certificate, "-days", str(days), "-subj", "/CN=x",
             "-addext", "subjectAltName=URI:spiffe://peerwatt/device/alice-box"],
            check=True, stderr=subprocess.DEVNULL)
        return grpc.ssl_channel_credentials(self.root, key.read_bytes(), certificate.read_bytes())

    def test_foreign_certificate(self):
        self.refused_stream(self.self_signed(1), [grpc.StatusCode.UNAVAILABLE])

    def test_expired_certificate(self):
        key, request = self.folder / "late.key", self.folder / "late.csr"
        certificate = self.folder / "late.pem"
        secrets = self.stack.state / "secrets"
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", request,
                        "-subj", "/CN=x"], check=True, stderr=subprocess.DEVNULL)
        extensions = self.folder / "extensions"
        extensions.write_text("subjectAltName=URI:spiffe://peerwatt/device/alice-box\n"
                              "extendedKeyUsage=clientAuth\n")
        # Signed by the true device authority; only its time is over.
        subprocess.run(["openssl", "x509", "-req", "-in", request, "-CA",
                        secrets / "ca_cert.pem", "-CAkey", secrets / "ca_key.pem",
                        "-set_serial", "77", "-days", "-1", "-extfile", extensions, "-out",
                        certificate], check=True, stderr=subprocess.DEVNULL)
        self.refused_stream(grpc.ssl_channel_credentials(
            self.root, key.read_bytes(), certificate.read_bytes()), [grpc.StatusCode.UNAVAILABLE])

    def test_no_certificate(self):
        self.refused_stream(grpc.ssl_channel_credentials(self.root), [grpc.StatusCode.UNAVAILABLE])

    def test_revocation_ends_an_open_stream(self):
        device = Device(self.stack, self.admin, "bob-box", [self.bob.point], self.folder)
        response = self.api.message("peerwatt.metering.v1.StreamReadingsResponse")
        request = self.api.message("peerwatt.metering.v1.StreamReadingsRequest")

        def requests():
            yield self.open_request()
            time.sleep(60)

        with stream_channel(self.stack, device.credentials(self.root)) as channel:
            call = channel.stream_stream(STREAM, request.SerializeToString, response.FromString)(
                requests(), timeout=60)
            self.assertTrue(next(call).HasField("opened"))
            self.stack.call("POST", f"/v1/{device.name}:revoke", {}, self.admin)
            started = time.monotonic()
            with self.assertRaises(grpc.RpcError) as caught:
                next(call)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.PERMISSION_DENIED)
            self.assertLess(time.monotonic() - started, 15)
        self.refused_stream(device.credentials(self.root), [grpc.StatusCode.PERMISSION_DENIED])

    def test_an_enrolment_token_works_once(self):
        other = (self.folder / "other.csr")
        subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                        self.folder / "other.key", "-out", other, "-subj", "/CN=x"],
                       check=True, stderr=subprocess.DEVNULL)
        self.refused(401, "ENROLMENT_TOKEN_INVALID", "POST", f"/v1/{self.device.name}:enrol",
                     {"enrolmentToken": self.device.token, "csrPem": other.read_text()})

    # Orders.

    def order(self, household, side="BID", energy="1000", price=200_000):
        return {"side": side, "meteringPoint": household.point, "energyWh": energy,
                "limitPricePerKwh": money(price)}

    def refused_order(self, code, reason, household, order, auction=None, key="x1"):
        auction = auction or self.open_auction
        self.refused(code, reason, "POST", f"/v1/{auction}/orders?orderId={key}", order,
                     household.token)

    def test_order_after_gate_closure(self):
        closed = f"{self.community}/auctions/{segment(self.now + 2 * INTERVAL)}"
        self.refused_order(400, "GATE_CLOSED", self.alice, self.order(self.alice), closed)

    def test_order_without_funds(self):
        self.refused_order(400, "FUNDS_INSUFFICIENT", self.poor, self.order(self.poor), key="no-funds")

    def test_order_above_export_capacity(self):
        # 5 kW for a quarter of an hour is 1250 Wh.
        self.refused_order(400, "EXPORT_CAPACITY_EXCEEDED", self.alice,
                           self.order(self.alice, "OFFER", "1251"))

    def test_order_of_an_unapproved_participant(self):
        self.refused_order(400, "PARTICIPANT_NOT_APPROVED", self.stranger,
                           self.order(self.stranger))

    def test_order_on_another_participants_point(self):
        self.refused_order(403, "PERMISSION_DENIED", self.bob, self.order(self.alice))

    def test_the_same_order_id_with_other_content(self):
        path = f"/v1/{self.open_auction}/orders?orderId=alice-1"
        first = self.stack.call("POST", path, self.order(self.alice), self.alice.token)
        again = self.stack.call("POST", path, self.order(self.alice), self.alice.token)
        self.assertEqual(first, again)
        self.refused(409, "CONTENT_DIFFERS", "POST", path, self.order(self.alice, energy="999"),
                     self.alice.token)
        account = f"/v1/{self.community}/ledgerAccounts/participant-alice"
        held = self.stack.call("GET", account, token=self.alice.token)["held"]
        # 1 kWh at 0.20 and the network fee of 0.05.
        self.assertEqual(held, money(250_000))
        self.stack.call("POST", f"/v1/{self.open_auction}/orders/alice-1:cancel", {},
                        self.alice.token)
        account = self.stack.call("GET", account, token=self.alice.token)
        self.assertEqual(account["available"], account["balance"])

    # JSON and HTTP.

    def test_malformed_json(self):
        for body in (b"{", b"[]", b"{'a':1}", b'{"email":"x"} trailing', b"\xff\xfe"):
            with self.assertRaises(RestError) as caught:
                self.stack.raw("POST", "/v1/users:signIn", body)
            self.assertEqual(caught.exception.code, 400, body)
            self.assertIn(caught.exception.reason, ("MALFORMED_JSON", "WRONG_TYPE"), body)

    def test_unknown_field(self):
        error = self.refused(400, "UNKNOWN_FIELD", "POST", "/v1/users:signIn",
                             {"email": "a@b", "password": "x", "colour": "red"})
        self.assertEqual(error.fields, ["colour"])
        self.refused(400, "UNKNOWN_FIELD", "GET", "/v1/communities?colour=red", token=self.admin)

    def test_wrong_type(self):
        error = self.refused(400, "WRONG_TYPE", "POST",
                             f"/v1/{self.open_auction}/orders?orderId=x2",
                             {**self.order(self.alice), "energyWh": True}, self.alice.token)
        self.assertEqual(error.fields, ["order.energy_wh"])
        for value in ("many", "1.5", "99999999999999999999"):
            error = self.refused(400, "FIELD_INVALID", "POST",
                                 f"/v1/{self.open_auction}/orders?orderId=x2",
                                 {**self.order(self.alice), "energyWh": value}, self.alice.token)
            self.assertEqual(error.fields, ["order.energy_wh"])

    def test_page_token_of_another_request(self):
        parent = f"/v1/{self.community}/auctions"
        first = self.stack.call("GET", f"{parent}?pageSize=1", token=self.admin)
        token = first["nextPageToken"]
        second = self.stack.call("GET", f"{parent}?pageSize=1&pageToken={token}", token=self.admin)
        self.assertNotEqual(first["auctions"], second["auctions"])
        self.refused(400, "PAGE_TOKEN_INVALID", "GET",
                     f"/v1/{self.community}/settlementPeriods?pageToken={token}", token=self.admin)
        self.refused(400, "PAGE_TOKEN_INVALID", "GET", f"{parent}?pageToken=junk", token=self.admin)
        self.refused(400, "FIELD_INVALID", "GET", f"{parent}?pageSize=-1", token=self.admin)

    def test_body_over_the_limit(self):
        with self.assertRaises((RestError, OSError)) as caught:
            self.stack.raw("POST", "/v1/users:signIn", b" " * (2 << 20))
        if isinstance(caught.exception, RestError):
            self.assertEqual((caught.exception.code, caught.exception.reason),
                             (413, "BODY_TOO_LARGE"))
        self.assertEqual(self.stack.raw("GET", "/healthz")[0], 200)

    def test_unknown_path_and_method(self):
        with self.assertRaises(RestError) as caught:
            self.stack.raw("GET", "/v1/nothing")
        self.assertEqual(caught.exception.code, 404)
        with self.assertRaises(RestError) as caught:
            self.stack.raw("PUT", "/v1/communities")
        self.assertEqual(caught.exception.code, 405)
        self.assertIn("GET", caught.exception.headers["Allow"])

    # Tokens.

    def test_missing_token(self):
        error = self.refused(401, "TOKEN_MISSING", "GET", "/v1/communities")
        self.assertIn("Bearer", error.headers["WWW-Authenticate"])

    def test_forged_token(self):
        header, claims, signature = self.admin.split(".")
        decoded = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        encode = lambda value: base64.urlsafe_b64encode(
            json.dumps(value).encode()).rstrip(b"=").decode()
        forged_claims = encode({**decoded, "sub": "users/somebody"})
        none = encode({"alg": "none", "typ": "at+jwt"})
        for forged in (f"{header}.{forged_claims}.{signature}", f"{none}.{claims}.",
                       f"{header}.{claims}.{'A' * len(signature)}", "junk", f"{header}.{claims}"):
            with self.assertRaises(RestError) as caught:
                self.stack.call("GET", "/v1/communities", token=forged)
            self.assertEqual(caught.exception.code, 401, forged)
            self.assertTrue(caught.exception.reason.startswith("TOKEN_"), caught.exception)

    def test_a_role_that_may_not(self):
        self.refused(403, "ROLE_FORBIDS", "POST", "/v1/communities?communityId=c2",
                     {"displayName": "x"}, self.alice.token)

    def test_a_claimed_principal_is_not_believed(self):
        self.refused(401, "TOKEN_MISSING", "GET", "/v1/communities", headers={
            "peerwatt-principal-bin": base64.b64encode(b"\x0a\x0busers/admin").decode(),
            "Grpc-Metadata-peerwatt-principal-bin": "CgthZG1pbg=="})

    def test_another_participants_resource(self):
        for path in (f"/v1/{self.alice.participant}", f"/v1/{self.alice.point}",
                     f"/v1/{self.alice.point}/readings", f"/v1/{self.alice.participant}/bill",
                     f"/v1/{self.community}/ledgerAccounts/participant-alice"):
            self.refused(403, "PERMISSION_DENIED", "GET", path, token=self.bob.token)
            self.stack.call("GET", path, token=self.alice.token)


if __name__ == "__main__":
    unittest.main(verbosity=2)
