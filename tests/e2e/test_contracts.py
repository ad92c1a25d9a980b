"""A bilateral contract through REST: offer, answer, execution at gate closure, notice; strangers see nothing."""

import datetime
import pathlib
import tempfile
import unittest

from harness import Household, RestError, Stack, micros, money
from meters import SimulatedClock

HOUR = datetime.timedelta(hours=1)
INTERVAL = datetime.timedelta(minutes=15)
START = datetime.datetime(2027, 1, 15, 8, tzinfo=datetime.timezone.utc)
AUCTION = "communities/c1/auctions/20270115t080000z"
CONTRACT = "communities/c1/contracts/solar"
WEEK = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


class ContractsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="peerwatt-contracts-")
        cls.addClassCleanup(folder.cleanup)
        pathlib.Path(folder.name).chmod(0o755)
        cls.clock = SimulatedClock(pathlib.Path(folder.name) / "clock",
                                   (START - 2 * HOUR).timestamp())
        cls.stack = Stack("--clock=shared", f"--clock_file={cls.clock.path}")
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        cls.stack.call("POST", "/v1/communities?communityId=c1", {
            "displayName": "Test", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(START), "openingLead": "3600s", "gateClosureLead": "900s",
            "networkFeePerKwh": money(50_000), "priceMaxPerKwh": money(1_000_000)}, cls.admin)
        cls.homes = {key: Household(cls.stack, cls.admin, "communities/c1", key)
                     for key in ("sun", "house", "stranger")}

    def call(self, method, path, body=None, who="sun"):
        return self.stack.call(method, f"/v1/{path}", body, self.homes[who].token)

    def refused(self, *arguments, **options):
        with self.assertRaises(RestError) as caught:
            self.call(*arguments, **options)
        return caught.exception.reason

    def test_from_offer_to_trade_and_notice(self):
        terms = {
            "validFromTime": text(START), "endTime": text(START + 24 * HOUR),
            "profile": {"timeZone": "Europe/Berlin", "holidays": ["2027-12-25"], "windows": [
                {"weekdays": WEEK, "startMinute": 480, "endMinute": 1200, "energyWh": "400"}]},
            "price": {"index": {"zoneOf": "SELLER", "factorPpm": 950_000,
                                "floorPerKwh": money(100_000), "capPerKwh": money(300_000),
                                "fallbackPerKwh": money(180_000)}},
            "cancellation": {"parties": ["BUYER", "SELLER"], "effect": "END_OF_DAY"}}
        offer = {"buyer": "participants/house", "seller": "participants/sun",
                 "sellerMeteringPoint": "meteringPoints/sun", "terms": terms}
        offered = self.call("POST", "communities/c1/contracts?contractId=solar", offer)
        self.assertEqual((offered["name"], offered["state"]), (CONTRACT, "OFFERED"))
        self.assertEqual(self.refused("GET", CONTRACT, who="stranger"), "PERMISSION_DENIED")
        self.assertEqual(self.refused("POST", f"{CONTRACT}:accept", {"version": 1, "meteringPoint":
                                      "meteringPoints/stranger"}, who="stranger"),
                         "PERMISSION_DENIED")
        accepted = self.call("POST", f"{CONTRACT}:accept",
                             {"version": 1, "meteringPoint": "meteringPoints/house"}, who="house")
        self.assertEqual(accepted["state"], "ACTIVE")
        self.assertEqual(self.call("GET", "communities/c1/contracts", who="stranger")
                         .get("contracts", []), [])
        self.assertEqual(len(self.stack.call("GET", "/v1/communities/c1/contracts",
                                             token=self.admin)["contracts"]), 1)
        self.clock.set((START - INTERVAL).timestamp())
        self.stack.eventually("the auction is cleared", lambda: self.stack.call(
            "GET", f"/v1/{AUCTION}", token=self.admin)["state"] == "CLEARED")
        execution, = self.call("GET", f"{CONTRACT}/executions", who="house")["executions"]
        self.assertEqual((execution["auction"], execution["state"], execution["energyWh"]),
                         (AUCTION, "EXECUTED", "400"))
        self.assertEqual(micros(execution["pricePerKwh"]), 180_000, "nothing was cleared")
        trade, = self.call("GET", f"{AUCTION}/trades", who="house")["trades"]
        self.assertEqual((trade["origin"], trade["buyer"], trade["seller"], trade["bid"]),
                         ("CONTRACT", "participants/house", "participants/sun",
                          f"{AUCTION}/orders/ct-solar-b"))
        self.assertEqual(self.refused(
            "POST", "communities/c1/auctions/20270115t083000z/orders?orderId=ct-solar-b",
            {"side": "BID", "meteringPoint": "meteringPoints/house", "energyWh": "1",
             "limitPricePerKwh": money(1)}, who="house"), "FIELD_INVALID")
        cheaper = {**terms, "validFromTime": text(START)}
        self.assertEqual(self.refused("POST", f"{CONTRACT}:amend",
                                      {"version": 2, "terms": cheaper}), "GATE_CLOSED")
        notice = self.call("POST", f"{CONTRACT}:cancel", {"reason": "moving"})["notice"]
        self.assertEqual(notice["effectiveTime"], "2027-01-15T23:00:00Z")


if __name__ == "__main__":
    unittest.main()
