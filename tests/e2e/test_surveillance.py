"""A day on which neighbours sell to each other and to themselves: findings and exports by REST."""

import csv
import datetime
import io
import pathlib
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

from harness import Household, RestError, Stack, money
from meters import SimulatedClock

HOUR = datetime.timedelta(hours=1)
DAY = datetime.datetime(2027, 1, 15, tzinfo=datetime.timezone.utc)
SPAN = "startTime=2027-01-15T00:00:00Z&endTime=2027-01-16T00:00:00Z"
REMIT = "{urn:peerwatt:market:remit-like:1}"


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


class SurveillanceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="peerwatt-watch-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.folder.chmod(0o755)
        cls.clock = SimulatedClock(cls.folder / "clock", (DAY - 2 * HOUR).timestamp())
        cls.stack = Stack("--clock=shared", f"--clock_file={cls.clock.path}")
        cls.addClassCleanup(cls.stack.close)
        admin = cls.stack.admin()
        cls.stack.call("POST", "/v1/communities?communityId=c1", {
            "displayName": "Test", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(DAY), "networkFeePerKwh": money(50_000),
            "priceMaxPerKwh": money(1_000_000)}, admin)
        for role in ("operator", "regulator"):
            cls.stack.call("POST", "/v1/users", {
                "userId": role, "password": f"password-of-{role}",
                "user": {"email": f"{role}@example.org", "roles": [role.upper()]}}, admin)
        cls.homes = {key: Household(cls.stack, admin, "communities/c1", key)
                     for key in ("alice", "bob", "carol")}
        cls.stack.eventually("the opening of the auctions", lambda: cls.stack.call(
            "GET", "/v1/communities/c1/auctions/20270115t120000z", token=admin)["state"] == "OPEN")
        cls.trade("20270115t100000z", "alice", "bob", 1_000)
        cls.trade("20270115t101500z", "bob", "alice", 1_200)
        cls.trade("20270115t120000z", "carol", "alice", 700)
        withdrawn = cls.order("20270115t120000z", "bob", "BID", "withdrawn", 500, 100_001)
        cls.stack.call("POST", f"/v1/{withdrawn['name']}:cancel", {}, cls.homes["bob"].token)
        cls.trade("20270115t180000z", "carol", "alice", 300)
        # Between two gate closures it becomes known that Carol is Alice.
        cls.clock.set((DAY + 13 * HOUR).timestamp())
        admin = cls.stack.admin()
        cls.stack.eventually("the trade at noon", lambda: cls.stack.call(
            "GET", "/v1/communities/c1/auctions/20270115t120000z", token=admin)["state"] ==
            "CLEARED", seconds=120)
        cls.stack.call("POST", "/v1/communities/c1/beneficialOwners:record",
                       {"participant": "participants/carol", "owner": "alice"}, admin)
        cls.clock.set((DAY + 25 * HOUR).timestamp())
        cls.operator, cls.regulator = (
            cls.stack.sign_in(f"{role}@example.org", f"password-of-{role}")
            for role in ("operator", "regulator"))
        # A token of the day before has expired.
        cls.prosumer = cls.stack.sign_in("alice@example.org", "password-of-alice")
        cls.stack.eventually("the survey of the day", lambda: cls.findings().get(
            "surveyedThroughTime") == text(DAY + 24 * HOUR), seconds=120)

    @classmethod
    def order(cls, auction, key, side, name, energy_wh, limit):
        return cls.stack.call(
            "POST", f"/v1/communities/c1/auctions/{auction}/orders?orderId={name}",
            {"side": side, "meteringPoint": cls.homes[key].point, "energyWh": str(energy_wh),
             "limitPricePerKwh": money(limit)}, cls.homes[key].token)

    @classmethod
    def trade(cls, auction, seller, buyer, energy_wh):
        cls.order(auction, seller, "OFFER", "sell", energy_wh, 100_000)
        cls.order(auction, buyer, "BID", "buy", energy_wh, 200_000)

    @classmethod
    def findings(cls, query="", token=None):
        return cls.stack.call("GET", f"/v1/communities/c1/surveillanceFindings?{query}",
                              token=token or cls.operator)

    def export(self, what, form, token=None):
        return self.stack.raw("GET", f"/v1/communities/c1/{what}:export?format={form}&{SPAN}",
                              token=token or self.operator)

    def rows(self, what):
        _, body, headers = self.export(what, "CSV")
        self.assertEqual(headers["Content-Type"], "text/csv")
        self.assertEqual(headers["Content-Disposition"], "attachment")
        return list(csv.DictReader(io.StringIO(body.decode(), newline="")))

    def records(self, what, element):
        _, body, headers = self.export(what, "REMIT_XML")
        self.assertEqual(headers["Content-Type"], "application/xml")
        path = self.folder / f"{what}.xml"
        path.write_bytes(body)
        subprocess.run(["xmllint", "--nonet", "--noout", path], check=True)
        root = xml.etree.ElementTree.fromstring(body)
        self.assertEqual(root.tag, REMIT + "report")
        records = [{field.tag.removeprefix(REMIT): field.text for field in record}
                   for record in root]
        self.assertEqual({record.tag for record in root}, {REMIT + element})
        self.assertEqual([int(record["recordSeqNumber"]) for record in records],
                         list(range(1, len(records) + 1)))
        return records

    def refused(self, call, *arguments, **options):
        with self.assertRaises(RestError) as caught:
            call(*arguments, **options)
        return caught.exception.code, caught.exception.reason

    def test_an_operator_and_a_regulator_see_the_findings(self):
        for token in (self.operator, self.regulator):
            found = self.findings(token=token)["surveillanceFindings"]
            self.assertEqual([(f["rule"], f["owners"], f["energyWh"]) for f in found],
                             [("OWN_TRADE", ["alice"], "700"),
                              ("RETURN_TRADE", ["alice", "bob"], "1000")])
        own, returned = found
        self.assertEqual(own["participants"], ["participants/alice", "participants/carol"])
        self.assertEqual(own["references"],
                         ["communities/c1/auctions/20270115t120000z/trades/t1"])
        self.assertEqual((returned["startTime"], returned["endTime"]),
                         ("2027-01-15T10:00:00Z", "2027-01-15T10:30:00Z"))
        self.assertEqual(returned["measure"], str(1_000_000 * 1_000 // 1_200))
        only = self.findings("rule=RETURN_TRADE&" + SPAN)["surveillanceFindings"]
        self.assertEqual(only, [returned])
        # What a finding names can be looked at.
        trade = self.stack.call("GET", "/v1/communities/c1/auctions/20270115t120000z/trades",
                                token=self.regulator)["trades"][0]
        self.assertEqual(trade["name"], own["references"][0])

    def test_orders_come_as_csv_and_as_records(self):
        rows = self.rows("orders")
        self.assertEqual([(r["order"], r["participant"], r["state"]) for r in rows],
                         [("buy", "bob", "FILLED"), ("sell", "alice", "FILLED"),
                          ("buy", "alice", "FILLED"), ("sell", "bob", "FILLED"),
                          ("buy", "alice", "FILLED"), ("sell", "carol", "FILLED"),
                          ("withdrawn", "bob", "CANCELLED"), ("buy", "alice", "EXPIRED"),
                          ("sell", "carol", "EXPIRED")],
                         "what was known at gate closure keeps Alice from herself")
        self.assertEqual((rows[6]["side"], rows[6]["energy_wh"], rows[6]["limit_price_per_kwh"],
                          rows[6]["currency"]), ("BID", "500", "0.100001", "EUR"))
        records = self.records("orders", "orderReport")
        self.assertEqual([(r["idOfMarketParticipant"], r["orderStatus"]) for r in records],
                         [(r["participant"], {"FILLED": "MAC", "CANCELLED": "WIT",
                                               "EXPIRED": "EXP"}[r["state"]]) for r in rows])

    def test_trades_come_as_csv_and_as_records_of_both_parties(self):
        rows = self.rows("trades")
        self.assertEqual([(r["seller"], r["buyer"], r["energy_wh"], r["trade"]) for r in rows],
                         [("alice", "bob", "1000", "t1"), ("bob", "alice", "1200", "t1"),
                          ("carol", "alice", "700", "t1")])
        for row in rows:
            self.assertEqual((row["price_per_kwh"], row["buyer_price_per_kwh"],
                              row["network_fee_per_kwh"]), ("0.15", "0.15", "0.05"))
        records = self.records("trades", "tradeReport")
        self.assertEqual([(r["buySellIndicator"], r["idOfMarketParticipant"],
                           r["otherMarketParticipant"], r["quantity"]) for r in records],
                         [("S", "alice", "bob", "1.000"), ("B", "bob", "alice", "1.000"),
                          ("S", "bob", "alice", "1.200"), ("B", "alice", "bob", "1.200"),
                          ("S", "carol", "alice", "0.700"), ("B", "alice", "carol", "0.700")])
        self.assertEqual(records[0]["uniqueTransactionIdentifier"], "c1.20270115t100000z.t1")

    def test_a_prosumer_is_refused(self):
        denied = (403, "ROLE_FORBIDS")
        self.assertEqual(self.refused(self.findings, token=self.prosumer), denied)
        for what in ("orders", "trades"):
            for form in ("CSV", "REMIT_XML"):
                self.assertEqual(self.refused(self.export, what, form, token=self.prosumer),
                                 denied)
        self.assertEqual(self.refused(
            self.stack.call, "POST", "/v1/communities/c1/beneficialOwners:record",
            {"participant": "participants/alice", "owner": "bob"}, self.prosumer), denied)

    def test_bad_requests_are_refused(self):
        self.assertEqual(self.refused(self.export, "orders", "NO")[0], 400)
        self.assertEqual(self.refused(self.export, "orders", "EXPORT_FORMAT_UNSPECIFIED"),
                         (400, "FIELD_INVALID"))
        self.assertEqual(self.refused(
            self.stack.raw, "GET", "/v1/communities/nowhere/orders:export?format=CSV&" + SPAN,
            token=self.operator), (404, "NOT_FOUND"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
