"""Communities of two zones through REST: a line that fills, preferences, the books, and a replay."""

import datetime
import pathlib
import tempfile
import unittest

from harness import Household, RestError, Stack, micros, money
from meters import SimulatedClock

HOUR = datetime.timedelta(hours=1)
INTERVAL = datetime.timedelta(minutes=15)
START = datetime.datetime(2027, 1, 15, 8, tzinfo=datetime.timezone.utc)
AUCTION = "auctions/20270115t080000z"


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


class ZonesTest(unittest.TestCase):
    """South sells, north buys; the line between costs 0.02 per kWh, the flat fee is 0.05.

    In `full` the line carries 400 Wh per quarter of an hour, in `green` whatever is asked of it.
    """

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="peerwatt-zones-")
        cls.addClassCleanup(folder.cleanup)
        pathlib.Path(folder.name).chmod(0o755)
        cls.clock = SimulatedClock(pathlib.Path(folder.name) / "clock",
                                   (START - 2 * HOUR).timestamp())
        cls.stack = Stack("--clock=shared", f"--clock_file={cls.clock.path}")
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        cls.stack.call("POST", "/v1/users", {
            "userId": "watch", "password": "password-of-watch",
            "user": {"email": "watch@example.org", "roles": ["REGULATOR"]}}, cls.admin)
        cls.regulator = cls.stack.sign_in("watch@example.org", "password-of-watch")
        cls.full = cls.community("full", 1_600)
        cls.green = cls.community("green", None)
        cls.homes = {(community, key): cls.household(community, key, zone, source)
                     for community in (cls.full, cls.green)
                     for key, zone, source in (("sun", "south", "SOLAR"),
                                               ("gas", "north", "COGENERATION"),
                                               ("house", "north", None),
                                               ("farm", "north", None))}
        cls.clock.set((START - HOUR).timestamp())
        for community in (cls.full, cls.green):
            cls.reach(community, "OPEN")
        cls.place_orders()
        cls.clock.set((START - INTERVAL).timestamp())
        for community in (cls.full, cls.green):
            cls.reach(community, "CLEARED")

    @classmethod
    def place_orders(cls):
        order = cls.order
        order(cls.full, "sun", "OFFER", 1_000, 100_000)
        order(cls.full, "gas", "OFFER", 500, 250_000)
        cls.of_the_house = order(cls.full, "house", "BID", 1_000, 300_000)
        cls.over_a_line = order(cls.full, "farm", "BID", 100, 300_000,
                                requirements=[{"energySources": ["SOLAR"]}])
        cls.stack.call("POST", f"/v1/{cls.over_a_line['name']}:cancel", {},
                       cls.homes[cls.full, "farm"].token)
        cls.of_the_sun = order(cls.green, "sun", "OFFER", 600, 150_000, energySource="WIND")
        order(cls.green, "gas", "OFFER", 1_000, 100_000)
        cls.of_the_choosy = order(cls.green, "house", "BID", 1_000, 300_000, requirements=[
            {"energySources": ["SOLAR"], "excludedPartners": ["participants/green-farm"]},
            {"partners": ["participants/nobody"]}])
        cls.invalid = cls.refused(lambda: order(
            cls.green, "farm", "BID", 500, 90_000, requirements=[{"zones": ["east"]}]))
        order(cls.green, "farm", "BID", 500, 90_000,
              premium={"pricePerKwh": money(100_000), "local": True})

    @classmethod
    def refused(cls, call):
        try:
            call()
        except RestError as error:
            return error.reason
        return ""

    @classmethod
    def community(cls, key, capacity_w):
        call = cls.stack.call
        call("POST", f"/v1/communities?communityId={key}", {
            "displayName": key, "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(START), "openingLead": "3600s", "gateClosureLead": "900s",
            "networkFeePerKwh": money(50_000), "priceMaxPerKwh": money(1_000_000)}, cls.admin)
        call("POST", f"/v1/communities/{key}/tariffs?tariffId=t1", {
            "feedInPricePerKwh": money(80_000), "retailPricePerKwh": money(400_000),
            "startTime": text(START)}, cls.admin)
        line = {"fromZone": "south", "toZone": "north", "feePerKwh": money(20_000)}
        if capacity_w is not None:
            line["capacityW"] = str(capacity_w)
        call("POST", f"/v1/communities/{key}/networks?networkId=two", {
            "startTime": text(START), "zones": ["south", "north"], "lines": [line]}, cls.admin)
        return f"communities/{key}"

    @classmethod
    def household(cls, community, key, zone, source):
        name = f"{community.split('/')[1]}-{key}"
        home = Household(cls.stack, cls.admin, community, name)
        if source is not None:
            # Its engine or roof has a point of its own, whose source the operator knows.
            home.point = f"meteringPoints/{name}-made"
            cls.stack.call("POST", f"/v1/meteringPoints?meteringPointId={name}-made", {
                "participant": home.participant, "importCapacityW": "10000",
                "exportCapacityW": "5000", "energySource": source}, cls.admin)
        cls.stack.call("POST", f"/v1/{home.point}:assignZone", {"zone": zone}, cls.admin)
        return home

    @classmethod
    def reach(cls, community, state):
        cls.stack.eventually(f"the auction is {state}", lambda: cls.stack.call(
            "GET", f"/v1/{community}/{AUCTION}", token=cls.admin)["state"] == state)

    @classmethod
    def order(cls, community, key, side, energy_wh, limit, **more):
        home = cls.homes[community, key]
        return cls.stack.call("POST", f"/v1/{community}/{AUCTION}/orders?orderId={key}", {
            "side": side, "meteringPoint": home.point, "energyWh": str(energy_wh),
            "limitPricePerKwh": money(limit), **more}, home.token)

    def clearing(self, community):
        return self.stack.call("GET", f"/v1/{community}/{AUCTION}/clearing",
                               token=self.homes[community, "farm"].token)

    def trades(self, community):
        answer = self.stack.call("GET", f"/v1/{community}/{AUCTION}/trades", token=self.regulator)
        return [(trade["buyer"].split("-")[-1], trade["seller"].split("-")[-1],
                 int(trade["energyWh"]), micros(trade["pricePerKwh"]),
                 micros(trade["buyerPricePerKwh"]), micros(trade["networkFeePerKwh"]))
                for trade in answer["trades"]]

    def replay(self, community, token=None, **rules):
        return self.stack.call("POST", f"/v1/{community}/auctions:replay", {
            "startTime": text(START), "endTime": text(START + INTERVAL), **rules},
            token or self.regulator)["auctions"][0]

    def test_a_full_line_splits_the_price(self):
        self.assertEqual(self.of_the_house["zone"], "north")
        clearing = self.clearing(self.full)
        self.assertEqual([(zone["zone"], micros(zone["pricePerKwh"])) for zone in
                          clearing["zones"]], [("south", 100_000), ("north", 300_000)])
        line = clearing["lines"][0]
        self.assertEqual((int(line["flowWh"]), micros(line["congestionPricePerKwh"])),
                         (400, 180_000))
        self.assertEqual((clearing["verdict"], len(clearing["sha256"])), ("NONE", 64))
        self.assertEqual(self.trades(self.full), [
            ("house", "gas", 500, 300_000, 300_000, 50_000),
            ("house", "sun", 400, 100_000, 300_000, 250_000)])

    def test_the_network_operator_gets_the_difference_of_the_prices(self):
        # Everybody delivers what was agreed; the books follow the trades.
        self.clock.set((START + INTERVAL).timestamp())
        flows = {"sun": (0, 400), "gas": (0, 500), "house": (900, 0), "farm": (0, 0)}
        points = {f"meteringPoints/full-{key}": (0, 0) for key in ("sun", "gas")}
        points.update({self.homes[self.full, key].point: flow for key, flow in flows.items()})
        for point, (drawn, fed_in) in points.items():
            self.stack.call("POST", "/v1/readings:batchCreate", {"series": [{
                "meteringPoint": point, "startTime": text(START), "resolution": "900s",
                "importEnergyWh": [str(drawn)], "exportEnergyWh": [str(fed_in)]}]}, self.admin)
        progress = f"/v1/{self.full}/settlementProgress"
        self.stack.eventually("the period is settled", lambda: self.stack.call(
            "GET", progress, token=self.admin)["settledThroughTime"] >= text(START + INTERVAL))
        accounts = self.stack.call("GET", f"/v1/{self.full}/ledgerAccounts",
                                   token=self.regulator)["ledgerAccounts"]
        balance = {account["name"].split("/")[-1]: micros(account["balance"])
                   for account in accounts}
        deposited = 100_000_000
        self.assertEqual(
            {key: balance[f"participant-full-{key}"] - deposited for key in flows},
            # The house pays 0.30 of its zone and 0.05 flat for 900 Wh.
            {"sun": 40_000, "gas": 150_000, "house": -315_000, "farm": 0})
        # The line's fee and its congestion on 400 Wh, the flat fee on 900 Wh.
        self.assertEqual(balance["network-operator"], 8_000 + 72_000 + 45_000)
        trial = self.stack.call("GET", f"/v1/{self.full}/trialBalance", token=self.regulator)
        self.assertEqual((micros(trial["postingsSum"]), micros(trial["balancesSum"]),
                          micros(trial["heldSum"])), (0, 0, 0))

    def test_what_was_cleared_clears_the_same_again(self):
        again = self.replay(self.full)
        self.assertTrue(again["identical"])
        self.assertEqual(again["storedSha256"], self.clearing(self.full)["sha256"])
        self.assertTrue(self.replay(self.green)["identical"])
        # Also by another process.
        self.stack.kill("market")
        self.stack.eventually("the market is back", lambda: self.replay(self.full) == again)
        one_zone = self.replay(self.full, whatIf={"oneZone": True})
        self.assertEqual([int(one_zone[side]["clearedEnergyWh"])
                          for side in ("stored", "replayed")], [900, 1_000])
        self.assertFalse(one_zone["identical"])
        # Each zone by itself: what crossed the line does not trade.
        continuous = self.replay(self.full, whatIf={"mechanism": "CONTINUOUS"})
        self.assertEqual(int(continuous["replayed"]["clearedEnergyWh"]), 900 - 400)
        preferring = self.replay(self.green, whatIf={"mechanism": "CONTINUOUS"})
        self.assertEqual(preferring["refusal"], "PREFERENCES_UNSUPPORTED")
        self.assertNotIn("replayed", preferring)
        limited = self.replay(self.green, whatIf={"network": f"{self.green}/networks/two"})
        self.assertIn("replayed", limited)
        with self.assertRaises(RestError) as caught:
            self.replay(self.full, token=self.homes[self.full, "house"].token)
        self.assertEqual(caught.exception.code, 403)

    def test_preferences_are_honoured(self):
        self.assertEqual(self.of_the_sun["energySource"], "SOLAR", "not what the seller says")
        self.assertEqual(len(self.of_the_choosy["requirements"]), 2)
        self.assertEqual(self.over_a_line["state"], "ACTIVE", "the line has a capacity")
        self.assertEqual(self.invalid, "PREFERENCES_INVALID")
        self.assertEqual(sorted(trade[:3] for trade in self.trades(self.green)),
                         [("farm", "gas", 500), ("house", "sun", 600)])
        clearing = self.clearing(self.green)
        self.assertEqual({(good["zone"], good["energySource"], int(good["energyWh"]))
                          for good in clearing["goods"]},
                         {("south", "SOLAR", 600), ("north", "COGENERATION", 500)})
        self.assertEqual([int(clearing[key]) for key in (
            "requiringWh", "requiringTradedWh", "premiumTradedWh", "premiumMetWh")],
            [1_000, 600, 500, 500])

    def test_a_community_without_lines_chooses_its_rules(self):
        self.stack.call("POST", "/v1/communities?communityId=plain", {
            "displayName": "plain", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(START), "priceMaxPerKwh": money(1_000_000)}, self.admin)
        made = self.stack.call("POST", "/v1/communities/plain/networks?networkId=rules", {
            "startTime": text(START), "zones": ["all"], "tieRule": "PRO_RATA",
            "selfTradeMode": "WITHDRAW_OFFERS"}, self.admin)
        self.assertEqual((made["zones"], made["tieRule"], made["selfTradeMode"]),
                         (["all"], "PRO_RATA", "WITHDRAW_OFFERS"))

    def test_networks_are_checked(self):
        later = text(START + INTERVAL)
        for reason, network in (
                ("FIELD_INVALID", {"startTime": later, "zones": []}),
                ("FIELD_INVALID", {"startTime": later, "zones": ["south"], "lines": [
                    {"fromZone": "south", "toZone": "north"}]}),
                ("FIELD_INVALID", {"startTime": later, "zones": ["south", "north"], "lines": [
                    {"fromZone": "south", "toZone": "north", "capacityW": "1"}]}),
                ("NETWORK_START_TAKEN", {"startTime": text(START), "zones": ["south", "north"]}),
                ("ZONE_IN_USE", {"startTime": later, "zones": ["south"]})):
            self.assertEqual(reason, self.refused(lambda network=network: self.stack.call(
                "POST", f"/v1/{self.full}/networks?networkId=other", network, self.admin)))
        home = self.homes[self.full, "farm"]
        self.assertEqual("ZONE_UNKNOWN", self.refused(lambda: self.stack.call(
            "POST", f"/v1/{home.point}:assignZone", {"zone": "east"}, self.admin)))
        self.assertEqual("ROLE_FORBIDS", self.refused(lambda: self.stack.call(
            "POST", f"/v1/{home.point}:assignZone", {"zone": "south"}, home.token)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
