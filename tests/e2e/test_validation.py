"""Gaps, substitutes, registers and findings through the public doors of real processes."""

import datetime
import tempfile
import unittest
import zoneinfo

import grpc

from harness import (Api, Device, Household, RestError, Stack, gateway_authority, money,
                     stream_channel)

ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
QUARTER = datetime.timedelta(minutes=15)


def stamp(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


class ValidationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        cls.stack.call("POST", "/v1/communities?communityId=village", {
            "displayName": "Village", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": "2026-01-01T00:00:00Z", "networkFeePerKwh": money(50_000),
            "operatorSharePpm": "20000", "priceMaxPerKwh": money(1_000_000)}, cls.admin)
        now = datetime.datetime.now(ZONE)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        # Sixteen days ago; the quarters are counted from there up to now.
        cls.start = (midnight - datetime.timedelta(days=16)).astimezone(datetime.timezone.utc)
        cls.quarters = int((now - cls.start) / QUARTER)

    def house(self, key, **options):
        return Household(self.stack, self.admin, "communities/village", key, export_w=0,
                         deposit_micros=0, **options)

    def at(self, quarter):
        return self.start + QUARTER * quarter

    def send(self, point, *pieces):
        """Stores runs of quarters, each given by the first one's number and the values."""
        return self.stack.call("POST", "/v1/readings:batchCreate", {"series": [
            {"meteringPoint": point, "startTime": stamp(self.at(first)), "resolution": "900s",
             "importEnergyWh": values} for first, values in pieces]}, self.admin)

    def send_registers(self, point, first, values, resolution="900s"):
        return self.stack.call("POST", "/v1/readings:batchCreate", {"registers": [
            {"meteringPoint": point, "meter": "1EMH0001", "register": "IMPORT",
             "startTime": stamp(self.at(first)), "resolution": resolution,
             "energyWh": values}]}, self.admin)

    def findings(self, point, token=None, **query):
        text = "&".join(f"{key}={value}" for key, value in query.items())
        return self.stack.call("GET", f"/v1/{point}/findings?{text}", None,
                               token or self.admin).get("findings", [])

    def readings(self, point, first, last):
        path = (f"/v1/{point}/readings?startTime={stamp(self.at(first))}"
                f"&endTime={stamp(self.at(last))}&pageSize=1000")
        return self.stack.call("GET", path, None, self.admin).get("readings", [])

    def completeness(self, point, first, last):
        path = (f"/v1/{point}/readings:completeness?startTime={stamp(self.at(first))}"
                f"&endTime={stamp(self.at(last))}")
        return {key: value for key, value in self.stack.call("GET", path, None, self.admin).items()
                if value}

    def rules(self, point, **query):
        return sorted({finding["rule"] for finding in self.findings(point, **query)})

    def test_a_gap_is_found_filled_to_the_register_and_measured_at_last(self):
        point = self.house("gap-house").point
        day = 96 * 14
        first, last = day + 40, day + 60
        self.send(point, (0, [100 + i % 7 for i in range(day)]), (day, [50] * 40),
                  (last, [70] * (self.quarters - last)))
        self.stack.eventually("the gap is found", lambda: self.rules(point) == ["GAP"])
        finding = self.findings(point)[0]
        self.assertEqual(finding["startTime"], stamp(self.at(first)))
        self.assertEqual(finding["endTime"], stamp(self.at(last)))
        self.assertEqual(self.completeness(point, day, day + 96),
                         {"expectedCount": 96, "measuredCount": 76, "missingCount": 20})

        # The register moved by 4321 Wh in the gap, and by what is known around it.
        self.send_registers(point, first - 4, [500_000])
        self.send_registers(point, last + 4, [500_000 + 4 * 50 + 4321 + 4 * 70])
        body = {"startTime": stamp(self.at(first)), "endTime": stamp(self.at(last))}
        made = self.stack.call("POST", f"/v1/{point}/readings:substitute", body, self.admin)
        self.assertEqual(made["method"], "REFERENCE_DAY")
        self.assertEqual(made["filledCount"], 20)
        self.assertEqual(int(made["importEnergyWh"]), 4321)
        found = self.readings(point, first, last)
        self.assertEqual(len(found), 20)
        self.assertEqual({reading["quality"] for reading in found}, {"ESTIMATED"})
        self.assertEqual({reading["method"] for reading in found}, {"REFERENCE_DAY"})
        self.assertEqual(sum(int(reading["importEnergyWh"]) for reading in found), 4321)
        self.stack.eventually("the finding is resolved", lambda: self.rules(point) == [])
        resolved = self.findings(point, showResolved="true")
        self.assertEqual([one["rule"] for one in resolved], ["GAP"])
        self.assertIn("resolveTime", resolved[0])

        # Filling again changes nothing; what is measured later wins, as a revision.
        again = self.stack.call("POST", f"/v1/{point}/readings:substitute", body, self.admin)
        self.assertEqual(again.get("filledCount", 0), 0)
        self.send(point, (first, [216] * 20))
        measured = self.readings(point, first, last)
        self.assertEqual({(one["quality"], one["revision"]) for one in measured}, {("MEASURED", 2)})
        # 20 times 216 is 1 Wh less than the register says.
        self.stack.eventually("the mismatch is found",
                              lambda: self.rules(point) == ["REGISTER_MISMATCH"])
        self.send(point, (first, [217]))
        self.stack.eventually("the mismatch is over", lambda: self.rules(point) == [])

    def test_registers_become_readings(self):
        point = self.house("register-house").point
        answer = self.send_registers(point, 0, [1000, 1100, 1300])
        self.assertEqual(answer["storedCount"], 2)
        self.assertEqual(self.send_registers(point, 0, [1000, 1100, 1300]).get("storedCount", 0), 0)
        self.send_registers(point, 1, [1150])
        found = self.readings(point, 0, 4)
        self.assertEqual([(int(one["importEnergyWh"]), one["quality"], one["method"],
                           one["revision"]) for one in found],
                         [(150, "CALCULATED", "REGISTER_DIFFERENCE", 2)] * 2)
        listed = self.stack.call("GET", f"/v1/{point}/registerValues?pageSize=2", None, self.admin)
        self.assertEqual([int(one["energyWh"]) for one in listed["registerValues"]], [1000, 1150])
        rest = self.stack.call("GET", f"/v1/{point}/registerValues?pageSize=2&pageToken="
                               + listed["nextPageToken"], None, self.admin)
        self.assertEqual([int(one["energyWh"]) for one in rest["registerValues"]], [1300])

    def test_an_hour_is_split_with_carry(self):
        point = self.house("hour-house", import_w=100_000).point
        self.stack.call("POST", "/v1/readings:batchCreate", {"series": [
            {"meteringPoint": point, "startTime": stamp(self.at(0)), "resolution": "3600s",
             "importEnergyWh": [20003]}]}, self.admin)
        self.assertEqual([int(one["importEnergyWh"]) for one in self.readings(point, 0, 4)],
                         [5001, 5001, 5000, 5001])

    def test_a_devices_refused_batch_leaves_a_finding(self):
        house = self.house("device-house")
        other = self.house("foreign-house")
        api = Api()
        request = api.message("peerwatt.metering.v1.StreamReadingsRequest")
        answer = api.message("peerwatt.metering.v1.StreamReadingsResponse")
        with tempfile.TemporaryDirectory() as folder:
            device = Device(self.stack, self.admin, "device-house", [house.point], folder)
            channel = stream_channel(self.stack, device.credentials(gateway_authority(self.stack)))
            call = channel.stream_stream("/peerwatt.metering.v1.Metering/StreamReadings",
                                         lambda m: m.SerializeToString(), answer.FromString)
            future = datetime.datetime.now(datetime.timezone.utc).replace(
                minute=0, second=0, microsecond=0) + datetime.timedelta(hours=5)

            def messages():
                opening = request()
                opening.open.SetInParent()
                yield opening
                batch = request()
                batch.batch.sequence = 1
                series = batch.batch.series.add(metering_point=house.point)
                series.start_time.FromDatetime(future.replace(tzinfo=None))
                series.resolution.seconds = 900
                series.import_energy_wh.append(1)
                yield batch
                batch = request()
                batch.batch.sequence = 2
                registers = batch.batch.registers.add(metering_point=other.point, meter="X")
                registers.register = 1
                registers.start_time.FromDatetime(self.start.replace(tzinfo=None))
                registers.resolution.seconds = 900
                registers.energy_wh.append(1)
                yield batch

            answers = list(call(messages(), timeout=30))
            channel.close()
        codes = [one.acknowledgement.status.code for one in answers[1:]]
        self.assertEqual(codes, [grpc.StatusCode.FAILED_PRECONDITION.value[0],
                                 grpc.StatusCode.PERMISSION_DENIED.value[0]])
        self.assertEqual(self.rules(house.point), ["FUTURE"])
        self.assertEqual(self.readings(house.point, 0, 96), [])

    def test_who_may_see_what(self):
        house, other = self.house("seeing-house"), self.house("seen-house")
        self.assertEqual(self.findings(house.point, house.token), [])
        for path in (f"/v1/{other.point}/findings", "/v1/meteringPoints/-/findings",
                     f"/v1/{other.point}/registerValues"):
            with self.assertRaises(RestError) as refused:
                self.stack.call("GET", path, None, house.token)
            self.assertEqual(refused.exception.code, 403, path)
        with self.assertRaises(RestError) as refused:
            self.stack.call("POST", f"/v1/{house.point}/readings:substitute",
                            {"startTime": stamp(self.at(0)), "endTime": stamp(self.at(1))},
                            house.token)
        self.assertEqual(refused.exception.code, 403)
        everybodys = self.stack.call("GET", "/v1/meteringPoints/-/findings", None, self.admin)
        self.assertIsInstance(everybodys.get("findings", []), list)
        with self.assertRaises(RestError) as refused:
            self.stack.call("POST", f"/v1/{house.point}/readings:substitute",
                            {"startTime": stamp(self.at(0)), "endTime": stamp(self.at(1))},
                            self.admin)
        self.assertEqual(refused.exception.reason, "SUBSTITUTE_IMPOSSIBLE")


if __name__ == "__main__":
    unittest.main(verbosity=2)
