"""Communities that share and pool energy through REST: schemes, readings, books, a correction."""

import datetime
import pathlib
import tempfile
import unittest

from harness import Household, RestError, Stack, micros, money
from meters import SimulatedClock

HOUR = datetime.timedelta(hours=1)
INTERVAL = datetime.timedelta(minutes=15)
START = datetime.datetime(2027, 1, 15, 8, tzinfo=datetime.timezone.utc)
DEPOSIT = 100_000_000


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def segment(instant):
    return instant.strftime("%Y%m%dt%H%M%Sz")


class SchemesTest(unittest.TestCase):
    """In `share` the house may take 60 % and the farm 40 %, at 0.10 per kWh; in `pool` a kWh costs 5.

    Both begin at START. An hour later, `share` trades.
    """

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="peerwatt-schemes-")
        cls.addClassCleanup(folder.cleanup)
        pathlib.Path(folder.name).chmod(0o755)
        cls.clock = SimulatedClock(pathlib.Path(folder.name) / "clock",
                                   (START - 2 * HOUR).timestamp())
        cls.stack = Stack("--clock=shared", f"--clock_file={cls.clock.path}")
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        cls.share, cls.pool = cls.community("share"), cls.community("pool")
        cls.homes = {(community, key): Household(cls.stack, cls.admin, community,
                                                 f"{community.split('/')[1]}-{key}",
                                                 import_w=40_000, export_w=40_000)
                     for community in (cls.share, cls.pool) for key in ("sun", "roof", "house",
                                                                        "farm")}
        cls.shared = cls.scheme(cls.share, "first", START, {
            "mechanism": "SHARING", "sharingKey": "STATIC", "operatorSharePpm": "100000",
            "internalPricePerKwh": money(100_000),
            "shares": [cls.part("share-house", "0.600000"), cls.part("share-farm", "0.400000")]})
        cls.scheme(cls.share, "second", START + HOUR, {"settlementPolicy": "FIRM"})
        cls.scheme(cls.pool, "pilot", START, {
            "mechanism": "FIXED_PRICE_POOL", "poolPricePerKwh": money(5_000_000),
            "operatorSharePpm": "200000",
            "paymentRules": {"billingUnitWh": "1000", "collectionQuantum": money(25_000_000),
                             "payoutQuantum": money(40_000_000)}})

    @classmethod
    def community(cls, key):
        call = cls.stack.call
        call("POST", f"/v1/communities?communityId={key}", {
            "displayName": key, "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(START), "openingLead": "3600s", "gateClosureLead": "900s",
            "priceMaxPerKwh": money(1_000_000)}, cls.admin)
        call("POST", f"/v1/communities/{key}/tariffs?tariffId=t1", {
            "feedInPricePerKwh": money(80_000), "retailPricePerKwh": money(300_000),
            "startTime": text(START)}, cls.admin)
        return f"communities/{key}"

    @staticmethod
    def part(point, coefficient):
        return {"meteringPoint": f"meteringPoints/{point}", "coefficient": coefficient}

    @classmethod
    def scheme(cls, community, key, start, fields):
        return cls.stack.call("POST", f"/v1/{community}/schemes?schemeId={key}",
                              {"startTime": text(start), **fields}, cls.admin)

    def store(self, community, flows, start=START):
        for key, (drawn, fed_in) in flows.items():
            self.stack.call("POST", "/v1/readings:batchCreate", {"series": [{
                "meteringPoint": self.homes[community, key].point, "startTime": text(start),
                "resolution": "900s", "importEnergyWh": [str(drawn)],
                "exportEnergyWh": [str(fed_in)]}]}, self.admin)

    def await_run(self, community, run, start=START):
        name = f"/v1/{community}/settlementPeriods/{segment(start)}"
        self.stack.eventually(f"run {run} of {community}", lambda: self.stack.call(
            "GET", name, token=self.admin)["runCount"] == run)
        return self.stack.call("GET", name, token=self.admin)

    def balances(self, community):
        """Balances that are not 0, less what was paid in."""
        accounts = self.stack.call("GET", f"/v1/{community}/ledgerAccounts",
                                   token=self.admin)["ledgerAccounts"]
        found = {}
        for account in accounts:
            key = account["name"].split("/")[-1]
            paid_in = DEPOSIT if key.startswith("participant-") else 0
            found[key.split("-")[-1] if paid_in else key] = micros(account["balance"]) - paid_in
        return {key: balance for key, balance in found.items() if balance != 0}

    def assert_books_balance(self, community):
        trial = self.stack.call("GET", f"/v1/{community}/trialBalance", token=self.admin)
        self.assertEqual((micros(trial["postingsSum"]), micros(trial["balancesSum"])), (0, 0))

    def refused(self, call):
        with self.assertRaises(RestError) as caught:
            call()
        return caught.exception.reason, caught.exception.fields

    def test_1_schemes_are_kept_and_checked(self):
        listed = self.stack.call("GET", f"/v1/{self.share}/schemes",
                                 token=self.homes[self.share, "farm"].token)["schemes"]
        self.assertEqual([scheme["name"].split("/")[-1] for scheme in listed],
                         ["second", "first"])
        self.assertEqual(listed[1], self.shared)
        self.assertEqual((listed[0]["mechanism"], listed[0]["settlementPolicy"]),
                         ("TRADING", "FIRM"))
        later = START + 2 * HOUR
        thirds = [self.part("share-house", "0.333333"), self.part("share-farm", "0.333333"),
                  self.part("share-sun", "0.333333")]
        shared = {"mechanism": "SHARING", "sharingKey": "STATIC"}
        for start, fields, reason, field in (
                (later, {**shared, "shares": thirds}, "FIELD_INVALID", "scheme.shares"),
                (later, {**shared, "shares": [self.part("share-house", "1.0")]},
                 "FIELD_INVALID", "scheme.shares[0].coefficient"),
                (later, {"mechanism": "FIXED_PRICE_POOL"}, "FIELD_INVALID",
                 "scheme.pool_price_per_kwh"),
                (later + datetime.timedelta(seconds=1), {}, "FIELD_INVALID", "scheme.start_time"),
                (later, {**shared, "shares": [self.part("pool-house", "1.000000")]},
                 "METERING_POINT_UNKNOWN", None),
                (START - HOUR, {}, "SCHEME_START_TOO_SOON", None),
                (START, {}, "SCHEME_START_TAKEN", None)):
            with self.subTest(reason=reason, field=field):
                found = self.refused(lambda: self.scheme(self.share, "other", start, fields))
                self.assertEqual(found, (reason, [field] if field else []))
        self.assertEqual("ROLE_FORBIDS", self.refused(lambda: self.stack.call(
            "POST", f"/v1/{self.share}/schemes?schemeId=mine", {"startTime": text(later)},
            self.homes[self.share, "farm"].token))[0])

    def test_2_there_are_auctions_only_where_the_community_trades(self):
        self.clock.set(START.timestamp())
        auctions = f"/v1/{self.share}/auctions"
        self.stack.eventually("the first auction after sharing is open", lambda: self.stack.call(
            "GET", f"{auctions}/{segment(START + HOUR)}", token=self.admin)["state"] == "OPEN")
        listed = self.stack.call("GET", auctions, token=self.admin)["auctions"]
        self.assertEqual([auction["name"].split("/")[-1] for auction in listed],
                         [segment(START + HOUR)])
        self.assertEqual(self.stack.call("GET", f"/v1/{self.pool}/auctions",
                                         token=self.admin).get("auctions", []), [])
        home = self.homes[self.pool, "farm"]
        self.assertEqual("NOT_FOUND", self.refused(lambda: self.stack.call(
            "POST", f"/v1/{self.pool}/auctions/{segment(START + HOUR)}/orders?orderId=o1", {
                "side": "BID", "meteringPoint": home.point, "energyWh": "100",
                "limitPricePerKwh": money(100_000)}, home.token))[0])

    def test_3_shared_energy_is_settled_and_corrected(self):
        self.clock.set((START + INTERVAL).timestamp())
        self.store(self.share, {"sun": (0, 1_500), "roof": (0, 500), "house": (2_000, 0),
                                "farm": (300, 0)})
        period = self.await_run(self.share, 1)
        self.assertEqual((period["scheme"], period["deliveredEnergyWh"], period["retailEnergyWh"],
                          period["surplusEnergyWh"]),
                         (f"{self.share}/schemes/first", "1500", "800", "500"))
        # The house may take 1.2 kWh of 2, the farm needs 0.3 only; 1.5 kWh come 3 to 1.
        expected = {"house": -120_000 - 240_000, "farm": -30_000,
                    "sun": 112_500 - 11_250 + 30_000, "roof": 37_500 - 3_750 + 10_000,
                    "main-grid": 240_000 - 40_000, "operator-share": 15_000,
                    "payments-in-transit": -4 * DEPOSIT}
        self.assertEqual(self.balances(self.share), expected)
        self.assert_books_balance(self.share)
        # The farm drew 0.8 kWh: what is left of its 40 % now goes to it.
        self.store(self.share, {"farm": (1_000, 0)})
        period = self.await_run(self.share, 2)
        self.assertEqual(period["deliveredEnergyWh"], "2000")
        expected.update({"farm": -80_000 - 60_000, "sun": 150_000 - 15_000,
                         "roof": 50_000 - 5_000, "main-grid": 240_000 + 60_000,
                         "operator-share": 20_000})
        self.assertEqual(self.balances(self.share), expected)
        self.assert_books_balance(self.share)
        lines = self.stack.call(
            "GET", f"/v1/{self.homes[self.share, 'farm'].participant}/settlementLines",
            token=self.homes[self.share, "farm"].token)["settlementLines"]
        self.assertEqual([(line["run"], line["kind"], line["energyWh"]) for line in lines],
                         [(1, "POOL_PURCHASE", "300"), (2, "RETAIL", "200"),
                          (2, "POOL_PURCHASE", "500")])

    def test_4_a_pool_pays_producers_what_is_left(self):
        self.clock.set((START + INTERVAL).timestamp())
        self.store(self.pool, {"sun": (0, 7_500), "roof": (0, 2_500), "house": (6_000, 0),
                               "farm": (4_000, 0)})
        self.await_run(self.pool, 1)
        self.assertEqual(self.balances(self.pool), {
            "house": -30_000_000, "farm": -20_000_000, "sun": 30_000_000, "roof": 10_000_000,
            "operator-share": 10_000_000, "payments-in-transit": -4 * DEPOSIT})
        self.assert_books_balance(self.pool)
        entries = self.stack.call("GET", f"/v1/{self.pool}/journalEntries",
                                  token=self.admin)["journalEntries"]
        self.assertEqual([entry["kind"] for entry in entries], ["deposit"] * 4 + ["pool"])

    def test_5_firm_trades_pay_and_deviations_are_imbalance(self):
        start = START + HOUR
        name = f"/v1/{self.share}/auctions/{segment(start)}"
        for key, side, limit in (("sun", "OFFER", 100_000), ("house", "BID", 200_000)):
            home = self.homes[self.share, key]
            self.stack.call("POST", f"{name}/orders?orderId=firm-{key}", {
                "side": side, "meteringPoint": home.point, "energyWh": "1000",
                "limitPricePerKwh": money(limit)}, home.token)
        self.clock.set((start - INTERVAL).timestamp())
        self.stack.eventually("the auction is cleared", lambda: self.stack.call(
            "GET", name, token=self.admin)["state"] == "CLEARED")
        before = self.balances(self.share)
        self.clock.set((start + INTERVAL).timestamp())
        self.store(self.share, {"sun": (0, 600), "roof": (0, 0), "house": (1_200, 0),
                                "farm": (100, 0)}, start)
        period = self.await_run(self.share, 1, start)
        self.assertEqual([period[field] for field in (
            "scheme", "deliveredEnergyWh", "retailEnergyWh", "imbalanceBoughtEnergyWh",
            "imbalanceSoldEnergyWh")],
            [f"{self.share}/schemes/second", "1000", "100", "600", "0"])
        after = self.balances(self.share)
        changed = {key: after[key] - before.get(key, 0) for key in after
                   if after[key] != before.get(key, 0)}
        # 1 kWh at 0.15 in full; each buys what it fell short of at 0.30; the farm did not trade.
        self.assertEqual(changed, {"sun": 150_000 - 120_000, "house": -150_000 - 60_000,
                                   "farm": -30_000, "main-grid": 120_000 + 60_000 + 30_000})
        self.assert_books_balance(self.share)


if __name__ == "__main__":
    unittest.main(verbosity=2)
