"""Signed readings from the device to an outsider who checks them with other tools."""

import base64
import datetime
import hashlib
import json
import pathlib
import re
import subprocess
import tempfile
import threading
import unittest
import urllib.request

from harness import (BIN, SOURCE, Api, Device, Household, RestError, Stack, gateway_authority, money,
                     stream_channel)

STREAM = "/peerwatt.metering.v1.Metering/StreamReadings"
QUARTER = 900


def text(seconds):
    instant = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def counted(data):
    return varint(len(data)) + data


class Signer:
    """A device that signs by itself: the layout of docs/signed-readings.md, written once more."""

    def __init__(self, device, key_file):
        self.device = device.removeprefix("devices/")
        self.key_file = key_file
        self.counter = 0
        self.digest = bytes(32)

    def encode(self, point, start, values):
        data = b"PWBATCH1" + counted(self.device.encode()) + varint(self.counter) + self.digest
        data += varint(1) + counted(point.removeprefix("meteringPoints/").encode())
        data += varint(start) + varint(QUARTER) + b"\0"
        data += varint(len(values)) + b"".join(varint(v) for v in values)
        return data + varint(0) + counted(b"\1") + varint(0) + varint(0)

    def encode_register(self, point, meter, start, values):
        data = b"PWBATCH1" + counted(self.device.encode()) + varint(self.counter) + self.digest
        data += varint(0) + varint(1) + counted(point.removeprefix("meteringPoints/").encode())
        data += counted(meter.encode()) + b"\1" + varint(start) + varint(QUARTER) + varint(0)
        return data + varint(len(values)) + b"".join(varint(v) for v in values) + varint(0)

    def put_signature(self, batch, encoding):
        signed = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.key_file],
                                input=encoding, stdout=subprocess.PIPE, check=True).stdout
        batch.signature.counter = self.counter
        batch.signature.previous_digest = self.digest
        batch.signature.signature = signed
        self.digest = hashlib.sha256(encoding).digest()

    def sign_register(self, batch, point, start, values):
        """Fills a Batch with signed values of an import register."""
        self.counter += 1
        self.put_signature(batch, self.encode_register(point, "1EMH1", start, values))
        series = batch.registers.add(metering_point=point, meter="1EMH1", register=1)
        series.start_time.seconds = start
        series.resolution.seconds = QUARTER
        series.energy_wh.extend(values)

    def sign(self, batch, point, start, values, advance=True):
        """Fills a Batch with a signed series of the next counter."""
        before = self.digest
        self.counter += 1
        self.put_signature(batch, self.encode(point, start, values))
        if not advance:
            self.counter, self.digest = self.counter - 1, before
        series = batch.series.add()
        series.metering_point = point
        series.start_time.seconds = start
        series.resolution.seconds = QUARTER
        series.import_energy_wh.extend(values)
        series.qualities.append(1)


class SignedReadingsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.api = Api()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        now = int(datetime.datetime.now(datetime.timezone.utc).timestamp())
        cls.start = now // QUARTER * QUARTER - 86400
        answer = cls.stack.call("POST", "/v1/communities?communityId=c1", {
            "displayName": "Signed", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(cls.start), "priceMaxPerKwh": money(1_000_000),
            "signedReadingsRequired": True}, cls.admin)
        assert answer["signedReadingsRequired"] is True
        cls.root = gateway_authority(cls.stack)

    def household(self, key, **capacities):
        return Household(self.stack, self.admin, "communities/c1", key, deposit_micros=0,
                         **capacities)

    def device(self, key, **capacities):
        point = self.household(key, **capacities).point
        device = Device(self.stack, self.admin, f"{key}-box", [point], self.folder)
        return device, point, Signer(device.name, device.key_file)

    def send(self, device, batches):
        """Sends batches over one stream; returns the reason of each answer, or OK."""
        request = self.api.message("peerwatt.metering.v1.StreamReadingsRequest")
        response = self.api.message("peerwatt.metering.v1.StreamReadingsResponse")
        error_info = self.api.message("google.rpc.ErrorInfo")
        opening = request()
        opening.open.SetInParent()
        reasons = []
        done = threading.Event()

        def requests():
            yield opening
            yield from batches
            done.wait(30)

        with stream_channel(self.stack, device.credentials(self.root)) as channel:
            call = channel.stream_stream(STREAM, lambda m: m.SerializeToString(),
                                         response.FromString)
            for answer in call(requests(), timeout=60):
                if answer.WhichOneof("kind") == "opened":
                    continue
                status = answer.acknowledgement.status
                reason = "OK"
                for detail in status.details:
                    if detail.type_url.endswith("ErrorInfo"):
                        reason = error_info.FromString(detail.value).reason
                # OK also answers the batches before it that have no answer of their own.
                while batches[len(reasons)].batch.sequence != answer.acknowledgement.sequence:
                    self.assertEqual(reason, "OK", "a refusal answers its batch alone")
                    reasons.append("OK")
                reasons.append(reason)
                if len(reasons) == len(batches):
                    done.set()
        return reasons

    def batch(self, sequence):
        request = self.api.message("peerwatt.metering.v1.StreamReadingsRequest")()
        request.batch.sequence = sequence
        return request

    def readings_of(self, point):
        return self.stack.call("GET", f"/v1/{point}/readings?pageSize=1000",
                               token=self.admin).get("readings", [])

    def findings_of(self, point, arguments=""):
        return self.stack.call("GET", f"/v1/{point}/findings?pageSize=1000{arguments}",
                               token=self.admin).get("findings", [])

    def listed(self, device, arguments=""):
        return self.stack.call("GET", f"/v1/{device}/signedBatches?pageSize=1000{arguments}",
                               token=self.admin).get("signedBatches", [])

    def verify(self, batches, *arguments):
        """What an outsider's script says: its exit code, its lines, its last words."""
        done = subprocess.run([SOURCE / "scripts" / "verify-signed-batches", *arguments],
                              input=json.dumps({"signedBatches": batches}), text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        return done.returncode, done.stdout.splitlines(), done.stderr

    def test_a_device_signs_and_an_outsider_checks(self):
        device, point, signer = self.device("alice")
        requests = []
        for i in range(4):
            requests.append(self.batch(i + 1))
            signer.sign(requests[-1].batch, point, self.start + i * QUARTER * 2, [300 + i, 5])
        self.assertEqual(self.send(device, requests), ["OK"] * 4)
        self.assertEqual(self.send(device, requests), ["OK"] * 4, "a replay")
        self.assertEqual(len(self.readings_of(point)), 8)
        batches = self.listed(device.name)
        self.assertEqual([b["counter"] for b in batches], ["1", "2", "3", "4"])
        certificate = self.folder / "alice.pem"
        certificate.write_bytes(device.certificate)
        code, lines, said = self.verify(batches, "--readings", "--certificate", certificate)
        self.assertEqual(code, 0, said)
        self.assertIn("4 signed batches hold", said)
        stored = {r["startTime"]: int(r.get("importEnergyWh", 0)) for r in self.readings_of(point)}
        signed = {text(r["start"]): r["import_wh"] for r in map(json.loads, lines)}
        self.assertEqual(signed, stored)
        # The script can fail: at a changed byte, a removed batch that is not a gap, another key.
        changed = json.loads(json.dumps(batches))
        data = bytearray(base64.b64decode(changed[2]["encoding"]))
        data[-6] ^= 1
        changed[2]["encoding"] = base64.b64encode(bytes(data)).decode()
        self.assertEqual(self.verify(changed)[0], 1)
        self.assertEqual(self.verify(batches[::-1])[0], 1)
        code, _, said = self.verify(batches[:1] + batches[2:])
        self.assertIn("missing: counters 2 to 2", said)
        other = self.device("olga")[0]
        certificate.write_bytes(other.certificate)
        self.assertEqual(self.verify(batches, "--certificate", certificate)[0], 1)

    def test_what_is_not_signed_well_stores_nothing(self):
        device, point, signer = self.device("bob")
        unsigned, tampered, foreign, again = (self.batch(i) for i in range(1, 5))
        signer.sign(unsigned.batch, point, self.start, [100], advance=False)
        unsigned.batch.ClearField("signature")
        signer.sign(tampered.batch, point, self.start, [100], advance=False)
        tampered.batch.series[0].import_energy_wh[0] = 99
        stranger = Signer(device.name, self.device("mallory")[0].key_file)
        stranger.sign(foreign.batch, point, self.start, [100])
        self.assertEqual(self.send(device, [unsigned, tampered, foreign]),
                         ["SIGNATURE_MISSING", "SIGNATURE_INVALID", "SIGNATURE_INVALID"])
        self.assertEqual(self.readings_of(point), [])
        self.assertEqual(self.listed(device.name), [])
        findings = self.findings_of(point)
        self.assertEqual([(f["rule"], f["device"], f["reason"]) for f in findings],
                         [("SIGNATURE", device.name, "SIGNATURE_INVALID")], "the last one")
        self.assertEqual(findings[0]["startTime"], text(self.start))
        signer.sign(again.batch, point, self.start, [100], advance=False)
        other = self.batch(5)
        signer.sign(other.batch, point, self.start, [101])
        self.assertEqual(self.send(device, [again, other]), ["OK", "SIGNATURE_COUNTER_REUSED"])
        self.assertEqual([r["importEnergyWh"] for r in self.readings_of(point)], ["100"])
        # The fork is a finding, until readings of that interval are stored again.
        self.assertIn(("SIGNATURE", "SIGNATURE_COUNTER_REUSED"),
                      [(f["rule"], f["reason"]) for f in self.findings_of(point, "&showResolved=true")])

    def test_register_values_are_signed_too(self):
        device, point, signer = self.device("rita", export_w=0)
        tampered, unsigned, signed = (self.batch(i) for i in range(1, 4))
        signer.sign_register(signed.batch, point, self.start, [1000, 1250, 1300])
        tampered.batch.MergeFrom(signed.batch)
        tampered.batch.sequence = 1
        tampered.batch.registers[0].energy_wh[1] = 1249
        unsigned.batch.MergeFrom(signed.batch)
        unsigned.batch.sequence = 2
        unsigned.batch.ClearField("signature")
        self.assertEqual(self.send(device, [tampered, unsigned, signed]),
                         ["SIGNATURE_INVALID", "SIGNATURE_MISSING", "OK"])
        self.assertEqual([r["importEnergyWh"] for r in self.readings_of(point)], ["250", "50"])
        code, lines, said = self.verify(self.listed(device.name), "--readings")
        self.assertEqual(code, 0, said)
        self.assertEqual([json.loads(line)["energy_wh"] for line in lines], [1000, 1250, 1300])

    def test_a_missing_counter_is_an_event(self):
        device, point, signer = self.device("carol")
        requests = []
        for i in range(3):
            requests.append(self.batch(i + 1))
            signer.sign(requests[-1].batch, point, self.start + i * QUARTER, [i])
        self.assertEqual(self.send(device, [requests[0], requests[2]]), ["OK", "OK"])
        self.assertEqual(len(self.readings_of(point)), 2, "stored all the same")
        events = self.listed(device.name, "&eventsOnly=true")
        self.assertEqual([(b["counter"], b["counterGap"]) for b in events], [("3", True)])
        self.assertEqual([(f["rule"], f["device"], f["reason"]) for f in self.findings_of(point)
                          if f["rule"] != "GAP"],
                         [("SIGNATURE_CHAIN", device.name, "COUNTER_GAP")])
        with urllib.request.urlopen(
                f"http://{self.stack.address('metering_metrics')}/metrics", timeout=10) as answer:
            counted_events = re.search(
                r'^peerwatt_metering_signature_events_total\{event="counter_gap"\} (\S+)$',
                answer.read().decode(), re.M)
        self.assertGreaterEqual(float(counted_events.group(1)), 1)

    def test_ocmf_records_come_back_as_they_were(self):
        device, point, _ = self.device("fred")
        key = self.folder / "charge-point.key"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                        key], check=True, stderr=subprocess.DEVNULL)
        public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"],
                                check=True, stdout=subprocess.PIPE).stdout
        meter = {"serialNumber": "1EMH0012345", "publicKeyDer": base64.b64encode(public).decode()}
        for _ in range(2):
            self.stack.call("POST", f"/v1/{point}/ocmfMeters?ocmfMeterId=wallbox", meter, self.admin)
        payload = ('{ "FV":"1.0", "GS":"g", "PG":"T7", "MS":"1EMH0012345", "RD":['
                   '{"TM":"2026-07-01T10:00:00,000+0200 S","TX":"B","RV":100.5,"RI":"1-b:1.8.0",'
                   '"RU":"kWh","ST":"G"},'
                   '{"TM":"2026-07-01T11:00:00,000+0200 S","TX":"E","RV":112.7504}]}')

        def record(signed):
            signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key],
                                       input=signed.encode(), stdout=subprocess.PIPE,
                                       check=True).stdout
            return f'OCMF|{payload}|{{"SD":"{signature.hex()}"}}'

        good, wrong, foreign = (self.batch(i) for i in range(1, 4))
        good.batch.ocmf_records.append(record(payload))
        wrong.batch.ocmf_records.append(record(payload + " "))
        foreign.batch.ocmf_records.append(record(payload).replace("1EMH0012345", "1EMH0012346"))
        self.assertEqual(self.send(device, [good, wrong, foreign, good]),
                         ["OK", "OCMF_SIGNATURE_INVALID", "OCMF_METER_UNKNOWN", "OK"])
        listed = self.stack.call("GET", f"/v1/{point}/ocmfRecords",
                                 token=self.stack.sign_in("fred@example.org", "password-of-fred"))
        self.assertEqual([r["content"] for r in listed["ocmfRecords"]],
                         [good.batch.ocmf_records[0]])
        kept = listed["ocmfRecords"][0]
        self.assertIs(kept["verified"], True)
        self.assertEqual([v["energyWh"] for v in kept["registerValues"]], ["100500", "112750"])
        self.assertEqual(kept["session"]["energyMilliWh"], "12250400")
        self.household("gina")
        with self.assertRaises(RestError) as caught:
            self.stack.call("GET", f"/v1/{point}/ocmfRecords",
                            token=self.stack.sign_in("gina@example.org", "password-of-gina"))
        self.assertEqual(caught.exception.code, 403)

    def test_ocmf_records_become_readings(self):
        device, point, _ = self.device("gert", import_w=22_000, export_w=0)
        key = self.folder / "wallbox.key"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                        key], check=True, stderr=subprocess.DEVNULL)
        public = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"],
                                check=True, stdout=subprocess.PIPE).stdout
        for name, meter in (("known", {"publicKeyDer": base64.b64encode(public).decode()}),
                            ("keyless", {})):
            self.stack.call("POST", f"/v1/{point}/ocmfMeters?ocmfMeterId={name}",
                            {"serialNumber": f"1EMH-{name}", **meter}, self.admin)

        def record(meter, begin_s, begin_wh, end_s, end_wh):
            def reading(at, wh, kind):
                instant = datetime.datetime.fromtimestamp(self.start + at, datetime.timezone.utc)
                return {"TM": f"{instant:%Y-%m-%dT%H:%M:%S},000+0000 S", "TX": kind,
                        "RV": wh / 1000, "RI": "1-b:1.8.0", "RU": "kWh", "ST": "G"}
            payload = json.dumps({"FV": "1.0", "GS": "g", "PG": "T1", "MS": f"1EMH-{meter}",
                                  "RD": [reading(begin_s, begin_wh, "B"),
                                         reading(end_s, end_wh, "E")]})
            signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key],
                                       input=payload.encode(), stdout=subprocess.PIPE,
                                       check=True).stdout
            return f'OCMF|{payload}|{{"SD":"{signature.hex()}"}}'

        requests = [self.batch(i) for i in range(1, 5)]
        # Within the second quarter; the value before it and the one after it enclose the quarter.
        requests[0].batch.ocmf_records.append(record("known", 60, 1000, 600, 1250))
        requests[1].batch.ocmf_records.append(record("known", 1000, 1250, 1500, 4250))
        requests[2].batch.ocmf_records.append(record("known", 4000, 4250, 4100, 4300))
        requests[3].batch.ocmf_records.append(record("keyless", 60, 0, 600, 250))
        expected = ["OK", "OK", "OK", "SIGNATURE_MISSING"]
        self.assertEqual(self.send(device, requests), expected)
        for _ in range(2):
            readings = self.readings_of(point)
            self.assertEqual([(r["startTime"], int(r.get("importEnergyWh", 0)), r["quality"])
                              for r in readings],
                             [(text(self.start + QUARTER * i), wh, "CALCULATED")
                              for i, wh in ((1, 3000), (2, 0), (3, 0))])
            self.assertEqual(self.send(device, requests), expected, "a replay")

    def test_the_list_is_for_staff(self):
        device, _, _ = self.device("dora")
        token = self.stack.sign_in("dora@example.org", "password-of-dora")
        with self.assertRaises(RestError) as caught:
            self.stack.call("GET", f"/v1/{device.name}/signedBatches", token=token)
        self.assertEqual(caught.exception.code, 403)

    def test_the_agent_signs(self):
        point = self.household("emma").point
        made = self.stack.call("POST", "/v1/devices?deviceId=emma-box",
                               {"meteringPoints": [point]}, self.admin)
        authority = self.folder / "ca.pem"
        authority.write_bytes(self.root)
        fleet = self.folder / "fleet.json"
        fleet.write_text(json.dumps({
            "gateway_device_address": self.stack.address("gateway_device"),
            "gateway_grpc_address": self.stack.address("gateway_grpc"),
            "ca_file": str(authority), "interval_seconds": QUARTER,
            "devices": [{"device": "devices/emma-box", "enrolment_token": made["enrolmentToken"],
                         "points": [{"metering_point": point, "register": "import",
                                     "source": {"kind": "generator", "profile": "household",
                                                "seed": 7, "annual_kwh": 3500,
                                                "household": "emma"},
                                     "start_time": text(self.start),
                                     "end_time": text(self.start + 40 * QUARTER)}]}]}))
        subprocess.run(
            [BIN / "peerwatt-devsim", f"--fleet={fleet}", f"--state={self.folder / 'emma'}",
             "--sign_batches", "--intervals_per_series_max=4", "--until_finished"],
            check=True, timeout=120, stderr=subprocess.DEVNULL)
        stored = {r["startTime"]: int(r.get("importEnergyWh", 0)) for r in self.readings_of(point)}
        self.assertEqual(len(stored), 40)
        batches = self.listed("devices/emma-box")
        self.assertEqual(len(batches), 10)
        code, lines, said = self.verify(batches, "--readings")
        self.assertEqual(code, 0, said)
        self.assertEqual({text(r["start"]): r["import_wh"] for r in map(json.loads, lines)}, stored)


if __name__ == "__main__":
    unittest.main(verbosity=2)
