"""A tariff by time of use with a gap, a subscription and fees through REST; a version that reaches back."""

import datetime
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from harness import BIN, SOURCE, Household, RestError, Stack, micros, money
from meters import SimulatedClock

HOUR = datetime.timedelta(hours=1)
INTERVAL = datetime.timedelta(minutes=15)
# The night to 25 October 2026: in Berlin the hour from 02:00 to 03:00 comes twice.
START = datetime.datetime(2026, 10, 24, 22, tzinfo=datetime.timezone.utc)  # 00:00 on the 25th
COMMUNITY = "communities/dusk"
QUARTERS = 24


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def segment(instant):
    return instant.strftime("%Y%m%dt%H%M%Sz")


def window(start, end, **more):
    return {"startTimeOfDay": start, "endTimeOfDay": end, **more}


class TariffsTest(unittest.TestCase):
    """One house that draws 100 Wh each quarter, from 00:00 to 05:00 local time: six hours, not five.

    From 02:00 to 03:00 a kWh costs 0.20, else 0.30 until 04:00; later no price is known yet.
    """

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="peerwatt-tariffs-")
        cls.addClassCleanup(folder.cleanup)
        pathlib.Path(folder.name).chmod(0o755)
        cls.clock = SimulatedClock(pathlib.Path(folder.name) / "clock",
                                   (START - 2 * HOUR).timestamp())
        cls.stack = Stack("--clock=shared", f"--clock_file={cls.clock.path}")
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        cls.stack.call("POST", "/v1/communities?communityId=dusk", {
            "displayName": "Dusk", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(START), "openingLead": "3600s", "gateClosureLead": "900s",
            "settlementGrace": "86400s", "priceMaxPerKwh": money(1_000_000)}, cls.admin)
        cls.house = Household(cls.stack, cls.admin, COMMUNITY, "house", import_w=40_000,
                              export_w=40_000)
        cls.first = cls.version("first", cls.night())
        cls.stack.call("POST", f"/v1/{COMMUNITY}/issuers?issuerId=first", {
            "startDate": "2026-10-01",
            "party": {"displayName": "Dusk", "street": "Elm Street 1", "city": "Dusk",
                      "postalCode": "12345", "countryCode": "DE", "vatId": "DE123456789"},
            "account": {"holder": "Dusk", "iban": "DE89370400440532013000"},
            "invoiceSeries": "R", "selfBillingSeries": "G", "paymentDays": 14,
            "tax": {"category": "S", "ratePpm": "200000"}}, cls.admin)

    @staticmethod
    def night(**more):
        return {
            "startDay": "2026-10-25",
            "retail": {"prices": [
                {"id": "two", "pricePerKwh": money(200_000), "taxable": False,
                 "windows": [window("02:00", "03:00")]},
                {"id": "night", "pricePerKwh": money(300_000),
                 "windows": [window("00:00", "02:00"), window("03:00", "04:00")]}]},
            "feedIn": {"defaultPricePerKwh": money(80_000)},
            "subscriptions": [{"basis": "GRID_CONNECTION", "monthPrice": money(3_100_000)}],
            "pieceFees": [{"basis": "PARTICIPANT_MONTH", "price": money(500_000),
                           "taxable": False}], **more}

    @classmethod
    def version(cls, key, fields, token=None, query=""):
        return cls.stack.call("POST", f"/v1/{COMMUNITY}/tariffVersions?tariffVersionId={key}{query}",
                              fields, token or cls.admin)

    def refused(self, call):
        with self.assertRaises(RestError) as caught:
            call()
        return caught.exception.reason, caught.exception.fields

    def period(self, number):
        start = START + number * INTERVAL
        return self.stack.call("GET", f"/v1/{COMMUNITY}/settlementPeriods/{segment(start)}",
                               token=self.admin)

    def bill(self):
        return self.stack.call("GET", f"/v1/{self.house.participant}/bill", token=self.house.token)

    def test_1_versions_are_kept_and_checked(self):
        name = f"/v1/{COMMUNITY}/tariffVersions/first"
        self.assertEqual(self.stack.call("GET", name, token=self.house.token), self.first)
        self.assertEqual(self.first["startTime"], text(START))
        self.assertEqual(self.first["versionNumber"], "1")
        overlap = self.night()
        overlap["retail"]["prices"][1]["windows"][0]["endTimeOfDay"] = "02:15"
        backwards = self.night()
        backwards["retail"]["prices"][0]["windows"] = [window("22:00", "06:00")]
        for key, fields, reason, field in (
                ("other", overlap, "FIELD_INVALID",
                 "tariff_version.retail.prices[1].windows[0]"),
                ("other", backwards, "FIELD_INVALID",
                 "tariff_version.retail.prices[0].windows[0].end_time_of_day"),
                ("other", self.night(startDay="25.10.2026"), "FIELD_INVALID",
                 "tariff_version.start_day"),
                ("other", self.night(subscriptions=[{"monthPrice": money(1)}]), "FIELD_INVALID",
                 "tariff_version.subscriptions[0].basis"),
                ("other", self.night(), "TARIFF_START_TAKEN", None),
                ("first", self.night(pieceFees=[]), "CONTENT_DIFFERS", None)):
            for query in ("", "&validateOnly=true"):
                with self.subTest(reason=reason, field=field, query=query):
                    self.assertEqual(self.refused(lambda: self.version(key, fields, query=query)),
                                     (reason, [field] if field else []))
        self.assertEqual("ROLE_FORBIDS", self.refused(
            lambda: self.version("mine", self.night(), self.house.token))[0])
        self.version("checked", self.night(startDay="2026-11-01"), query="&validateOnly=true")
        listed = self.stack.call("GET", f"/v1/{COMMUNITY}/tariffVersions", token=self.house.token)
        self.assertEqual(listed["tariffVersions"], [self.first])

    def test_2_the_night_with_an_hour_more_is_settled_with_a_gap(self):
        self.clock.set((START + QUARTERS * INTERVAL).timestamp())
        self.stack.call("POST", "/v1/readings:batchCreate", {"series": [{
            "meteringPoint": self.house.point, "startTime": text(START), "resolution": "900s",
            "importEnergyWh": ["100"] * QUARTERS, "exportEnergyWh": ["0"] * QUARTERS}]}, self.admin)
        self.stack.eventually("the night", lambda: self.period(QUARTERS - 1)["runCount"] == 1)
        self.assertEqual([self.period(number).get("priceMissingCount", 0)
                          for number in range(QUARTERS)], [0] * 20 + [1] * 4)
        bill = self.bill()
        items = {item["kind"]: item for item in bill["items"]}
        # 4 quarters at 0.30 from 00:00, 4 more from 01:00, 8 at 0.20 from 02:00 to 03:00, which
        # comes twice, 4 at 0.30 from 03:00; 4 from 04:00 have no price.
        self.assertEqual(micros(items["RETAIL"]["amount"]), -(12 * 30_000 + 8 * 20_000))
        self.assertEqual(items["RETAIL"]["energyWh"], "2400")
        self.assertEqual(items["RETAIL"]["priceMissingEnergyWh"], "400")
        self.assertTrue(bill["priceMissing"])
        self.assertEqual(micros(items["SUBSCRIPTION"]["amount"]), -100_000)
        self.assertEqual(micros(items["PIECE_FEE"]["amount"]), -500_000)
        preview = self.preview()
        self.assertEqual(preview["priceMissingEnergyWh"], "400")
        # What is free of tax has a price at all times.
        self.assertEqual([(line["kind"], line["tax"]["category"], line["priceMissingEnergyWh"])
                          for line in preview["lines"] if "exactAmount" not in line],
                         [("RETAIL", "S", "400")])
        lines = self.lines()
        self.assertEqual([line for line in lines if line.get("priceMissing")],
                         [line for line in lines if "amount" not in line])
        self.assertEqual({(line["rule"].split("first/")[1], line.get("taxable", False))
                          for line in lines if not line.get("priceMissing")},
                         {("retail/two", False), ("retail/night", True),
                          ("subscriptions/grid-connection", True),
                          ("piece-fees/participant-month", False)})

    def preview(self):
        return self.stack.call(
            "GET", f"/v1/{self.house.participant}/statements:preview?month=2026-10&kind=INVOICE",
            token=self.house.token)

    def lines(self):
        return self.stack.call("GET", f"/v1/{self.house.participant}/settlementLines?pageSize=1000",
                               token=self.house.token)["settlementLines"]

    def test_3_a_version_that_fills_the_gap_posts_the_difference(self):
        # It supersedes the first from its own start on, and starts the same day an interval later:
        # a flat tariff from 04:00 on.
        fills = START + 20 * INTERVAL
        self.stack.call("POST", f"/v1/{COMMUNITY}/tariffs?tariffId=rest", {
            "feedInPricePerKwh": money(80_000), "retailPricePerKwh": money(250_000),
            "startTime": text(fills)}, self.admin)
        self.stack.eventually("the difference", lambda: not self.bill().get("priceMissing"))
        items = {item["kind"]: item for item in self.bill()["items"]}
        self.assertEqual(micros(items["RETAIL"]["amount"]),
                         -(12 * 30_000 + 8 * 20_000 + 4 * 25_000))
        self.assertEqual([self.period(number)["runCount"] for number in (19, 20)], [1, 2])
        self.assertEqual(self.period(20).get("priceMissingCount", 0), 0)
        trial = self.stack.call("GET", f"/v1/{COMMUNITY}/trialBalance", token=self.admin)
        self.assertEqual((micros(trial["postingsSum"]), micros(trial["balancesSum"])), (0, 0))
        accounts = {account["name"].split("/")[-1]: micros(account["balance"])
                    for account in self.stack.call("GET", f"/v1/{COMMUNITY}/ledgerAccounts",
                                                   token=self.admin)["ledgerAccounts"]}
        self.assertEqual((accounts["subscriptions"], accounts["piece-fees"],
                          accounts["main-grid"]), (100_000, 500_000, 620_000))

    def verify(self, folder):
        done = subprocess.run([BIN / "peerwatt-verify", folder], timeout=120, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return done.returncode, lines[:-1], lines[-1] if lines else done.stderr

    def test_4_everything_is_recomputed_from_outside(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="peerwatt-books-"))
        self.addCleanup(shutil.rmtree, folder)
        subprocess.run([SOURCE / "scripts" / "export-books", self.stack.http, "dusk", folder],
                       check=True, timeout=120,
                       env={**os.environ, "PEERWATT_TOKEN": self.admin})
        code, findings, read = self.verify(folder)
        self.assertEqual((code, findings), (0, []))
        self.assertEqual((read["periods"], read["charges"]), (QUARTERS, 2))
        # Another price of the hour that comes twice, and a day that costs something else.
        text = (folder / "tariffs.json").read_text()
        for wrong in (text.replace("02:00", "02:15"), text.replace('"3"', '"4"')):
            self.assertNotEqual(wrong, text)
            (folder / "tariffs.json").write_text(wrong)
            code, findings, _ = self.verify(folder)
            self.assertEqual(code, 1)
            self.assertIn("period_posting", {finding["check"] for finding in findings})

    def test_5_every_line_is_explained_by_its_version(self):
        for line in self.lines():
            explained = self.stack.call("GET", f"/v1/{line['name']}:explain",
                                        token=self.house.token)
            self.assertTrue(explained["reproduced"], line)
            self.assertEqual(explained["rule"]["kind"], "tariff", line)

    def test_6_a_statement_has_charges_and_tax_flags(self):
        preview = self.preview()
        # 0.36 at 0.30 and 0.10 at 0.25 are taxed, 0.16 at 0.20 is not.
        self.assertEqual({(line["kind"], line["tax"]["category"]): micros(line["exactAmount"])
                          for line in preview["lines"]},
                         {("RETAIL", "S"): 460_000, ("RETAIL", "E"): 160_000,
                          ("SUBSCRIPTION", "S"): 100_000, ("PIECE_FEE", "E"): 500_000})
        self.assertEqual({tax["tax"]["category"]: (micros(tax["taxableAmount"]),
                                                   micros(tax.get("taxAmount", {})))
                          for tax in preview["taxes"]},
                         {"S": (560_000, 110_000), "E": (660_000, 0)})


if __name__ == "__main__":
    unittest.main(verbosity=2)
