"""Two neighbours with standing orders: a ramp, the plan of an evening, and what came of it, by REST."""

import datetime
import pathlib
import tempfile
import time
import unittest

from harness import Household, RestError, Stack, money
from meters import SimulatedClock

HOUR = datetime.timedelta(hours=1)
INTERVAL = datetime.timedelta(minutes=15)
DAY = datetime.datetime(2027, 1, 15, tzinfo=datetime.timezone.utc)
DRAWN_WH, FED_IN_WH = 400, 500


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


class StandingOrderTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="peerwatt-pilot-")
        cls.addClassCleanup(folder.cleanup)
        path = pathlib.Path(folder.name)
        path.chmod(0o755)
        cls.clock = SimulatedClock(path / "clock", (DAY - 2 * HOUR).timestamp())
        cls.stack = Stack("--clock=shared", f"--clock_file={cls.clock.path}")
        cls.addClassCleanup(cls.stack.close)
        admin = cls.stack.admin()
        cls.stack.call("POST", "/v1/communities?communityId=c1", {
            "displayName": "Test", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(DAY), "networkFeePerKwh": money(50_000),
            "priceMaxPerKwh": money(1_000_000)}, admin)
        cls.stack.call("POST", "/v1/communities/c1/tariffs?tariffId=t1", {
            "feedInPricePerKwh": money(80_000), "retailPricePerKwh": money(320_000),
            "startTime": text(DAY - 24 * HOUR)}, admin)
        cls.homes = {key: Household(cls.stack, admin, "communities/c1", key)
                     for key in ("alice", "bob")}
        for key, drawn, fed_in in (("alice", DRAWN_WH, 0), ("bob", 0, FED_IN_WH)):
            count = 5 * 96
            cls.stack.call("POST", "/v1/readings:batchCreate", {"series": [{
                "meteringPoint": cls.homes[key].point,
                "startTime": text(DAY - 2 * HOUR - count * INTERVAL), "resolution": "900s",
                "importEnergyWh": [str(drawn)] * count,
                "exportEnergyWh": [str(fed_in)] * count}]}, admin)
        cls.create("alice", {"bidPricePerKwh": money(240_000), "bids": {
            "startPricePerKwh": money(160_000), "sharePpm": "900000", "reserveWh": "40"},
            "dailyCostMax": money(20_000_000)})
        cls.create("bob", {"offerPricePerKwh": money(100_000)})

    @classmethod
    def create(cls, key, terms):
        return cls.stack.call(
            "POST", f"/v1/participants/{key}/standingOrders?standingOrderId=auto",
            {"meteringPoint": cls.homes[key].point, **terms}, cls.homes[key].token)

    signed_in = {}

    @classmethod
    def sign_in(cls, key):
        """A token of the simulated time, for those of the day before expire; at most one a second,
        for the door counts attempts."""
        home = cls.homes[key]
        if time.monotonic() - cls.signed_in.get(key, -1.0) > 1:
            home.token = cls.stack.sign_in(home.email, home.password)
            cls.signed_in[key] = time.monotonic()
        return home.token

    def of_alice(self, method, path, body=None, token=None):
        return self.stack.call(method, "/v1/participants/alice/standingOrders/auto" + path, body,
                               token=token or self.sign_in("alice"))

    def refused(self, *arguments, **options):
        with self.assertRaises(RestError) as caught:
            self.of_alice(*arguments, **options)
        return caught.exception.code, caught.exception.reason

    def quotes(self):
        found = self.stack.call("GET", "/v1/communities/c1/auctions/20270115t120000z/orders",
                                token=self.sign_in("alice"))
        return [order for order in found.get("orders", []) if order["state"] == "ACTIVE"]

    def test_the_life_of_a_standing_order(self):
        self.changes_are_versions()
        self.ramp_quotes_while_the_auction_is_open()
        plan = self.evening_plans_tomorrow()
        self.report_stands_beside_the_plan(plan)

    def changes_are_versions(self):
        wanted = {"bidPricePerKwh": money(250_000), "version": 1, "bids": {
            "startPricePerKwh": money(170_000), "sharePpm": "900000", "reserveWh": "40"},
            "dailyCostMax": money(20_000_000)}
        changed = self.of_alice("PATCH", "", wanted)
        self.assertEqual((changed["version"], changed["meteringPoint"]),
                         (2, "meteringPoints/alice"))
        self.assertEqual(self.of_alice("PATCH", "", wanted)["version"], 2)
        self.assertEqual(self.refused("PATCH", "", {"bidPricePerKwh": money(1), "version": 1}),
                         (409, "STANDING_ORDER_VERSION_STALE"))
        self.assertTrue(self.of_alice("POST", ":pause", {})["paused"])
        self.assertEqual(self.of_alice("POST", ":resume", {})["version"], 4)
        versions = self.of_alice("GET", "/versions")["versions"]
        self.assertEqual([version["version"] for version in versions], [1, 2, 3, 4])
        self.assertEqual(self.refused("POST", ":pause", {}, token=self.sign_in("bob")),
                         (403, "PERMISSION_DENIED"))
        self.assertEqual(self.refused("GET", "/plans/20270116"), (404, "PLAN_NOT_MADE"))

    def ramp_quotes_while_the_auction_is_open(self):
        # A step that nobody saw is left out: the auctions must be open before it comes.
        self.stack.eventually("open auctions", lambda: self.stack.call(
            "GET", "/v1/communities/c1/marketProgress",
            token=self.sign_in("alice"))["openAuctionCount"] > 0)
        # The next step of some auction comes within an interval.
        self.clock.set((DAY - 2 * HOUR + INTERVAL).timestamp())
        self.stack.eventually("a quote", self.quotes, seconds=120)
        found = self.quotes()
        self.assertEqual(len(found), 1)
        # (400 - 40) x 90 %, somewhere between 0.17 and 0.25.
        self.assertEqual(found[0]["energyWh"], "324")
        self.assertRegex(found[0]["name"], r"/orders/so-[0-7]-alice$")
        self.assertLess(found[0]["limitPricePerKwh"]["nanos"], 250_000_000)

    def evening_plans_tomorrow(self):
        self.clock.set((DAY + 19 * HOUR + INTERVAL / 3).timestamp())
        self.stack.eventually("the plan of tomorrow", self.plan, seconds=120)
        plan = self.plan()
        self.assertEqual((len(plan["intervals"]), plan["version"]), (96, 4))
        self.assertEqual(plan["planTime"], text(DAY + 19 * HOUR))
        first = plan["intervals"][0]
        self.assertEqual((first["startTime"], first["forecastEnergyWh"], first["energyWh"]),
                         (text(DAY + 23 * HOUR), "-400", "324"))
        self.assertEqual(first["worstCost"]["nanos"], 324 * 300_000)
        self.assertEqual(plan["plannedToBuyWh"], str(96 * 324))
        return plan

    def plan(self):
        return self.of_alice("GET", "/plans/20270116")

    def report_stands_beside_the_plan(self, plan):
        self.clock.set((DAY + 25 * HOUR).timestamp())
        self.stack.eventually("trades of the night", self.night, seconds=120)
        report = self.of_alice("GET", ":report?startDay=20270116")
        first = report["intervals"][0]
        self.assertEqual(first["plan"], plan["intervals"][0])
        deeds = first["deeds"]
        self.assertEqual((deeds["plannedToBuyWh"], deeds["orderedToBuyWh"], deeds["boughtWh"]),
                         ("324", "324", "324"))
        # Bob's offer is not all sold: it sets the price, 0.10; the main grid charges 0.32.
        self.assertEqual(deeds["paid"]["nanos"], 324 * 150_000)
        self.assertEqual(deeds["saved"]["nanos"], 324 * 170_000)
        self.assertEqual(self.of_alice("GET", "/plans/20270116"), plan, "it stays as it was made")

    def night(self):
        report = self.of_alice("GET", ":report?startDay=20270116")
        return int(report["total"].get("boughtWh", 0)) >= 324


if __name__ == "__main__":
    unittest.main(verbosity=2)
