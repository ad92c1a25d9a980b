"""Continuous trading through REST: an order book, its stream, a market that is killed, the books."""

import datetime
import http.client
import json
import pathlib
import tempfile
import unittest

from harness import Household, RestError, Stack, micros, money
from meters import SimulatedClock

HOUR = datetime.timedelta(hours=1)
INTERVAL = datetime.timedelta(minutes=15)
START = datetime.datetime(2027, 1, 15, 8, tzinfo=datetime.timezone.utc)
COMMUNITY = "communities/market-square"
AUCTION = f"{COMMUNITY}/auctions/20270115t080000z"


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


class TradingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="peerwatt-trading-")
        cls.addClassCleanup(folder.cleanup)
        pathlib.Path(folder.name).chmod(0o755)
        cls.clock = SimulatedClock(pathlib.Path(folder.name) / "clock",
                                   (START - 2 * HOUR).timestamp())
        cls.stack = Stack("--clock=shared", f"--clock_file={cls.clock.path}")
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        cls.stack.call("POST", "/v1/communities?communityId=market-square", {
            "displayName": "Square", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(START), "openingLead": "3600s", "gateClosureLead": "900s",
            "networkFeePerKwh": money(50_000), "priceMaxPerKwh": money(1_000_000)}, cls.admin)
        cls.stack.call("POST", f"/v1/{COMMUNITY}/tariffs?tariffId=t1", {
            "feedInPricePerKwh": money(80_000), "retailPricePerKwh": money(400_000),
            "startTime": text(START)}, cls.admin)
        cls.homes = {key: Household(cls.stack, cls.admin, COMMUNITY, key)
                     for key in ("sun", "house")}
        cls.clock.set((START - HOUR).timestamp())
        cls.reach("OPEN")

    @classmethod
    def reach(cls, state):
        cls.stack.eventually(f"the auction is {state}", lambda: cls.stack.call(
            "GET", f"/v1/{AUCTION}", token=cls.admin)["state"] == state)

    def place(self, key, order, side, energy_wh, limit, **more):
        home = self.homes[key]
        if limit is not None:
            more["limitPricePerKwh"] = money(limit)
        return self.stack.call("POST", f"/v1/{AUCTION}/orders:place?orderId={order}", {
            "side": side, "meteringPoint": home.point, "energyWh": str(energy_wh),
            "timeInForce": "GOOD_TILL_CLOSURE", **more}, home.token)

    def book(self):
        book = self.stack.call("GET", f"/v1/{AUCTION}/orderBook", token=self.homes["sun"].token)
        return [[(micros(level["pricePerKwh"]), int(level["energyWh"]))
                 for level in book.get(side, [])] for side in ("bids", "offers")]

    def events_until_closed(self, after):
        host, port = self.stack.address("gateway_http").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        connection.request("GET", f"/v1/{AUCTION}/orderBook:watch?eventNumber={after}", headers={
            "Authorization": f"Bearer {self.homes['house'].token}",
            "Accept": "text/event-stream"})
        events = []
        for line in connection.getresponse():
            if line.startswith(b"data:"):
                message = json.loads(line.removeprefix(b"data:"))
                message = message.get("result", message)
                events += message.get("events", [])
                if message.get("closed"):
                    break
        connection.close()
        return events

    def test_from_the_book_to_the_books(self):
        with self.assertRaises(RestError) as off:
            self.place("sun", "o1", "OFFER", 600, 200_000)
        self.assertEqual(off.exception.reason, "CONTINUOUS_TRADING_OFF")
        self.stack.call("POST", f"/v1/{COMMUNITY}/controls:addOrderLimits", {
            "version": 1, "validFromTime": text(START), "priceMinPerKwh": money(0),
            "priceMaxPerKwh": money(1_000_000), "energyWhMin": "1", "energyWhMax": "10000",
            "openOrdersMax": 100, "continuousTrading": True}, self.admin)
        self.place("sun", "o1", "OFFER", 600, 200_000)
        bought = self.place("house", "b1", "BID", 100, None, priceType="MARKET",
                            timeInForce="IMMEDIATE_OR_CANCEL")
        self.assertEqual((bought["state"], int(bought["filledEnergyWh"])), ("FILLED", 100))
        # Whoever serves next finds the book as it was.
        self.stack.kill("market")
        self.stack.eventually("the book is back", lambda: self.book() == [[], [(200_000, 500)]])
        self.place("house", "b2", "BID", 200, 250_000)
        amended = self.stack.call("POST", f"/v1/{AUCTION}/orders/o1:amend", {
            "energyWh": "450", "limitPricePerKwh": money(200_000)}, self.homes["sun"].token)
        self.assertEqual((amended["energyWh"], amended["filledEnergyWh"]), ("450", "300"))
        self.place("house", "b3", "BID", 50, 150_000)
        self.assertEqual(self.book(), [[(150_000, 50)], [(200_000, 150)]])
        self.stack.call("POST", f"/v1/{AUCTION}/orders/b3:cancel", {}, self.homes["house"].token)
        # The closing auction takes what rests.
        self.stack.call("POST", f"/v1/{AUCTION}/orders?orderId=b4", {
            "side": "BID", "meteringPoint": self.homes["house"].point, "energyWh": "150",
            "limitPricePerKwh": money(300_000)}, self.homes["house"].token)
        self.clock.set((START - INTERVAL).timestamp())
        self.reach("CLEARED")
        events = self.events_until_closed(0)
        self.assertEqual([int(event["eventNumber"]) for event in events],
                         list(range(1, len(events) + 1)))
        self.assertEqual([event["kind"] for event in events], [
            "ACCEPTED", "ACCEPTED", "TRADED", "ACCEPTED", "TRADED", "REDUCED", "ACCEPTED",
            "CANCELLED"])
        self.assertEqual(len(self.events_until_closed(5)), len(events) - 5)
        self.assertNotIn("house", json.dumps(events))
        trades = self.stack.call("GET", f"/v1/{AUCTION}/trades",
                                 token=self.homes["house"].token)["trades"]
        self.assertEqual([(trade["name"].split("/")[-1], trade["origin"], int(trade["energyWh"]),
                           micros(trade["pricePerKwh"])) for trade in trades],
                         [("t1", "CONTINUOUS", 100, 200_000), ("t2", "CONTINUOUS", 200, 200_000),
                          ("t3", "AUCTION", 150, 250_000)])
        self.settle()

    def settle(self):
        self.clock.set((START + INTERVAL).timestamp())
        for key, drawn, fed_in in (("sun", 0, 450), ("house", 450, 0)):
            self.stack.call("POST", "/v1/readings:batchCreate", {"series": [{
                "meteringPoint": self.homes[key].point, "startTime": text(START),
                "resolution": "900s", "importEnergyWh": [str(drawn)],
                "exportEnergyWh": [str(fed_in)]}]}, self.admin)
        progress = f"/v1/{COMMUNITY}/settlementProgress"
        self.stack.eventually("the period is settled", lambda: self.stack.call(
            "GET", progress, token=self.admin)["settledThroughTime"] >= text(START + INTERVAL))
        accounts = self.stack.call("GET", f"/v1/{COMMUNITY}/ledgerAccounts",
                                   token=self.admin)["ledgerAccounts"]
        balance = {account["name"].split("/")[-1]: micros(account["balance"]) - 100_000_000
                   for account in accounts}
        sold = 300 * 200 + 150 * 250
        self.assertEqual(balance["participant-sun"], sold)
        self.assertEqual(balance["participant-house"], -sold - 450 * 50)
        trial = self.stack.call("GET", f"/v1/{COMMUNITY}/trialBalance", token=self.admin)
        self.assertEqual((micros(trial["postingsSum"]), micros(trial["balancesSum"]),
                          micros(trial["heldSum"])), (0, 0, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
