"""Forecasts through REST, for a household whose readings of two weeks were sent."""

import datetime
import unittest
import zoneinfo

from harness import Household, RestError, Stack, money

INTERVAL = datetime.timedelta(minutes=15)
ZONE = zoneinfo.ZoneInfo("Europe/Berlin")
PEAK_WH = 1900


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def slot(instant):
    local = instant.astimezone(ZONE)
    return local.hour * 4 + local.minute // 15


def usual_import(instant):
    return 100 + slot(instant)


def usual_export(instant):
    return max(0, 800 - 40 * abs(slot(instant) - 50))


class ForecastTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stack = Stack()
        cls.addClassCleanup(cls.stack.close)
        now = datetime.datetime.now(datetime.timezone.utc)
        cls.now = now - datetime.timedelta(seconds=now.timestamp() % 900)
        cls.admin = cls.stack.admin()
        cls.stack.call("POST", "/v1/communities?communityId=c1", {
            "displayName": "Test", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(cls.now), "networkFeePerKwh": money(50_000),
            "operatorSharePpm": "20000", "priceMaxPerKwh": money(1_000_000)}, cls.admin)
        make = lambda key: Household(cls.stack, cls.admin, "communities/c1", key, deposit_micros=0)
        cls.alice = make("alice")
        cls.bob = make("bob")
        cls.peak = cls.now - 30 * INTERVAL
        cls.send(cls.alice.point, cls.now - 14 * 96 * INTERVAL, cls.now)

    @classmethod
    def send(cls, point, start, end):
        times = [start + i * INTERVAL for i in range((end - start) // INTERVAL)]
        imports = [PEAK_WH if at == cls.peak else usual_import(at) for at in times]
        answer = cls.stack.call("POST", "/v1/readings:batchCreate", {"series": [{
            "meteringPoint": point, "startTime": text(start), "resolution": "900s",
            "importEnergyWh": [str(wh) for wh in imports],
            "exportEnergyWh": [str(usual_export(at)) for at in times]}]}, cls.admin)
        assert answer["storedCount"] == len(times), answer

    def forecast(self, point, start, end, model=None, token=None):
        path = (f"/v1/{point}/readings:forecast?startTime={text(start)}&endTime={text(end)}"
                + (f"&model={model}" if model else ""))
        return self.stack.call("GET", path, token=token or self.alice.token)

    def refused(self, code, reason, *arguments, **options):
        with self.assertRaises(RestError) as caught:
            self.forecast(*arguments, **options)
        self.assertEqual((caught.exception.code, caught.exception.reason), (code, reason))

    def test_the_next_day_is_as_the_days_were(self):
        start, end = self.now + INTERVAL, self.now + 97 * INTERVAL
        times = [start + i * INTERVAL for i in range(96)]
        found = self.forecast(self.alice.point, start, end)
        self.assertEqual((found["model"], found["resolution"], found["startTime"]),
                         ("SMOOTHED", "900s", text(start)))
        self.assertEqual([int(wh) for wh in found["importEnergyWh"]],
                         [usual_import(at) for at in times])
        self.assertEqual([int(wh) for wh in found["exportEnergyWh"]],
                         [usual_export(at) for at in times])
        # What was asked again is answered the same.
        self.assertEqual(self.forecast(self.alice.point, start, end), found)

    def test_models_differ_in_what_a_rare_peak_means(self):
        start = self.peak + 96 * INTERVAL
        found = {model: int(self.forecast(self.alice.point, start, start + INTERVAL,
                                          model)["importEnergyWh"][0])
                 for model in ("PERSISTENCE", "WEEKDAY_MEAN", "SMOOTHED")}
        self.assertEqual(found, {"PERSISTENCE": PEAK_WH, "WEEKDAY_MEAN": usual_import(start),
                                 "SMOOTHED": usual_import(start)})

    def test_a_household_without_readings_has_no_forecast(self):
        found = self.forecast(self.bob.point, self.now, self.now + INTERVAL, token=self.bob.token)
        self.assertEqual(found.get("importEnergyWh", []), [])
        self.assertIn(found.get("model", "FORECAST_MODEL_UNSPECIFIED"),
                      ("FORECAST_MODEL_UNSPECIFIED",))

    def test_few_readings_name_the_simpler_model(self):
        carol = Household(self.stack, self.admin, "communities/c1", "carol", deposit_micros=0)
        self.send(carol.point, self.now - 20 * INTERVAL, self.now)
        start = self.now + 90 * INTERVAL
        found = self.forecast(carol.point, start, start + INTERVAL, token=carol.token)
        self.assertEqual(found["model"], "PERSISTENCE")

    def test_nobody_sees_the_forecast_of_another(self):
        span = (self.now, self.now + INTERVAL)
        self.refused(403, "PERMISSION_DENIED", self.alice.point, *span, token=self.bob.token)
        self.refused(403, "PERMISSION_DENIED", "meteringPoints/nowhere", *span)
        self.refused(404, "METERING_POINT_UNKNOWN", "meteringPoints/nowhere", *span,
                     token=self.admin)
        self.assertEqual(self.forecast(self.alice.point, *span, token=self.admin)["model"],
                         "SMOOTHED")

    def test_bad_spans_are_refused(self):
        for start, end in ((self.now, self.now), (self.now, self.now + 673 * INTERVAL),
                           (self.now, self.now + INTERVAL / 3),
                           (self.now + INTERVAL / 3, self.now + INTERVAL)):
            self.refused(400, "FIELD_INVALID", self.alice.point, start, end)


if __name__ == "__main__":
    unittest.main(verbosity=2)
