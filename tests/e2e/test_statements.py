"""A month of two neighbours through REST: preview, issue, files, a correction, explanations."""

import csv
import datetime
import io
import json
import pathlib
import tempfile
import unittest
import xml.etree.ElementTree

from harness import Household, RestError, Stack, micros, money
from meters import SimulatedClock

HOUR = datetime.timedelta(hours=1)
INTERVAL = datetime.timedelta(minutes=15)
# The last two hours of January 2027 in Berlin.
START = datetime.datetime(2027, 1, 31, 21, tzinfo=datetime.timezone.utc)
QUARTERS = 8
COMMUNITY = "communities/hamlet"
UBL = "{urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2}"


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def segment(instant):
    return instant.strftime("%Y%m%dt%H%M%Sz")


def recompute(steps):
    """The last result of an explanation's steps, from their operands alone."""
    results = []
    for step in steps:
        values = []
        for operand in step["operands"]:
            value = int(operand.get("value", 0))
            source = operand.get("fromStep", 0)
            if source:
                assert results[source - 1] == value, step
            values.append(-value if operand.get("negated") else value)
        operation = step["operation"]
        if operation == "SUM":
            result = sum(values)
        elif operation == "MINIMUM":
            result = min(values)
        elif operation == "GIVEN":
            result = values[0]
        elif operation == "PRODUCT":
            assert step["rounding"] == "HALF_EVEN"
            product, divisor = values[0] * values[1], int(step["divisor"])
            result, rest = divmod(product, divisor)
            if 2 * rest > divisor or (2 * rest == divisor and result % 2):
                result += 1
        else:
            assert operation == "SHARE", operation
            result = values[0] * values[1] // values[2] if values[2] else 0
            rank = int(step.get("remainderRank", 0))
            if values[2] and rank <= int(step.get("remainderUnits", 0)):
                result += 1
        assert result == int(step.get("result", 0)), step
        results.append(result)
    return results[-1]


class StatementsTest(unittest.TestCase):
    """The sun sells the house 1 kWh in the first quarter; both deal with the grid besides."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="peerwatt-statements-")
        cls.addClassCleanup(folder.cleanup)
        pathlib.Path(folder.name).chmod(0o755)
        cls.clock = SimulatedClock(pathlib.Path(folder.name) / "clock",
                                   (START - 2 * HOUR).timestamp())
        cls.stack = Stack("--clock=shared", f"--clock_file={cls.clock.path}")
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        call = cls.stack.call
        call("POST", "/v1/communities?communityId=hamlet", {
            "displayName": "Hamlet", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(START), "openingLead": "3600s", "gateClosureLead": "900s",
            "networkFeePerKwh": money(20_001), "operatorSharePpm": "100000",
            "priceMaxPerKwh": money(1_000_000)}, cls.admin)
        call("POST", f"/v1/{COMMUNITY}/tariffs?tariffId=t1", {
            "feedInPricePerKwh": money(80_001), "retailPricePerKwh": money(300_003),
            "startTime": text(START)}, cls.admin)
        cls.sun = Household(cls.stack, cls.admin, COMMUNITY, "sun", export_w=20_000)
        cls.house = Household(cls.stack, cls.admin, COMMUNITY, "house", import_w=20_000)
        cls.clock.set((START - HOUR).timestamp())
        auction = f"/v1/{COMMUNITY}/auctions/{segment(START)}"
        cls.stack.eventually("the auction is open", lambda: call(
            "GET", auction, token=cls.admin)["state"] == "OPEN")
        for home, side, limit in ((cls.sun, "OFFER", 100_000), (cls.house, "BID", 200_000)):
            call("POST", f"{auction}/orders?orderId=o-{home.key}", {
                "side": side, "meteringPoint": home.point, "energyWh": "1000",
                "limitPricePerKwh": money(limit)}, home.token)
        cls.clock.set((START - INTERVAL).timestamp())
        cls.stack.eventually("the auction is cleared", lambda: call(
            "GET", auction, token=cls.admin)["state"] == "CLEARED")

    def get(self, path, token=None):
        return self.stack.call("GET", f"/v1/{path}", token=token or self.admin)

    def post(self, path, body, token=None):
        return self.stack.call("POST", f"/v1/{path}", body, token or self.admin)

    def store(self, home, start, drawn, fed_in):
        self.post("readings:batchCreate", {"series": [{
            "meteringPoint": home.point, "startTime": text(start), "resolution": "900s",
            "importEnergyWh": [str(value) for value in drawn],
            "exportEnergyWh": [str(value) for value in fed_in]}]})

    def refused(self, call):
        with self.assertRaises(RestError) as caught:
            call()
        return caught.exception.reason

    def issue(self, request, kind="INVOICE", participants=()):
        return self.post(f"{COMMUNITY}/statements:issue", {
            "requestId": request, "month": "2027-01", "kind": kind,
            "participants": list(participants)}).get("statements", [])

    def describe(self, home):
        return self.stack.call("PATCH", f"/v1/{home.participant}/billingDetails", {
            "party": {"displayName": f"Family {home.key}", "street": "Oak Street 2",
                      "city": "Hamlet", "postalCode": "12345", "countryCode": "DE",
                      "taxNumber": "42/123"}}, home.token)

    def balance(self, account):
        return micros(self.get(f"{COMMUNITY}/ledgerAccounts/{account}")["balance"])

    def assert_books_balance(self):
        trial = self.get(f"{COMMUNITY}/trialBalance")
        self.assertEqual((micros(trial["postingsSum"]), micros(trial["balancesSum"])), (0, 0))

    def test_1_who_issues_and_to_whom(self):
        issuer = {
            "startDate": "2027-01-01",
            "party": {"displayName": "Hamlet Energy", "street": "Elm Street 1", "city": "Hamlet",
                      "postalCode": "12345", "countryCode": "DE", "vatId": "DE123456789"},
            "account": {"holder": "Hamlet Energy", "iban": "DE89370400440532013000"},
            "invoiceSeries": "R", "selfBillingSeries": "G", "paymentDays": 14,
            "tax": {"category": "S", "ratePpm": "190000"}}
        path = f"{COMMUNITY}/issuers?issuerId=first"
        self.assertEqual(self.refused(lambda: self.post(path, issuer, self.sun.token)),
                         "ROLE_FORBIDS")
        self.assertEqual(self.refused(lambda: self.post(
            path, {**issuer, "account": {"holder": "H", "iban": "DE00"}})), "IBAN_INVALID")
        made = self.post(path, issuer)
        self.assertEqual(made["untaxed"]["category"], "E")
        self.assertEqual(self.post(path, issuer), made)
        self.assertEqual(self.refused(lambda: self.post(path, {**issuer, "paymentDays": 7})),
                         "CONTENT_DIFFERS")
        self.assertEqual(self.get(f"{COMMUNITY}/issuers")["issuers"], [made])
        details = self.describe(self.house)
        self.assertEqual(self.get(f"{self.house.participant}/billingDetails", self.house.token),
                         details)
        self.assertEqual(self.refused(lambda: self.stack.call(
            "PATCH", f"/v1/{self.house.participant}/billingDetails", {
                "party": details["party"], "supplyTax": {"category": "S", "ratePpm": "900000"}},
            self.house.token)), "PERMISSION_DENIED")
        self.assertEqual(self.refused(lambda: self.get(
            f"{self.house.participant}/billingDetails", self.sun.token)), "PERMISSION_DENIED")

    def test_2_a_preview_before_the_month_is_over(self):
        # The sun feeds in more than it sold; what the house draws beyond comes from the grid.
        self.clock.set((START + 2 * INTERVAL).timestamp())
        self.store(self.sun, START, [0, 0], [1_500, 333])
        self.store(self.house, START, [2_000, 777], [0, 0])
        self.stack.eventually("two quarters are settled", lambda: self.get(
            f"{COMMUNITY}/settlementPeriods/{segment(START + INTERVAL)}")["runCount"] == 1)
        preview = self.get(f"{self.house.participant}/statements:preview?month=2027-01"
                           "&kind=INVOICE", self.house.token)
        self.assertEqual((preview["state"], preview.get("number", "")), ("PREVIEW", ""))
        self.assertEqual([line["kind"] for line in preview["lines"]],
                         ["NETWORK_FEE", "PURCHASE", "RETAIL"])
        self.assertEqual(self.refused(lambda: self.get(
            f"{self.house.participant}/statements:preview?month=2027-01&kind=INVOICE",
            self.sun.token)), "PERMISSION_DENIED")
        self.assertEqual(self.refused(lambda: self.issue("r0")), "MONTH_NOT_OVER")

    def test_3_the_month_is_issued(self):
        self.clock.set((START + QUARTERS * INTERVAL).timestamp())
        rest = [0] * (QUARTERS - 2)
        self.store(self.sun, START + 2 * INTERVAL, rest, rest)
        self.store(self.house, START + 2 * INTERVAL, [100] * (QUARTERS - 2), rest)
        self.stack.eventually("the month is settled", lambda: self.get(
            f"{COMMUNITY}/settlementPeriods/{segment(START + 7 * INTERVAL)}")["runCount"] == 1)
        self.assertEqual(self.refused(lambda: self.issue("r1")), "BILLING_DETAILS_MISSING")
        self.describe(self.sun)
        issued = self.issue("r1")
        self.assertEqual([(s["number"], s["buyer"]["displayName"]) for s in issued],
                         [("R2027-000001", "Family house"), ("R2027-000002", "Family sun")])
        self.assertEqual(self.issue("r1"), issued)
        invoice = issued[0]
        self.assertEqual(self.get(invoice["name"], self.house.token), invoice)
        # 1.777 + 0.6 kWh from the grid at 0.300003, 1 kWh from the sun at the clearing price.
        retail = invoice["lines"][2]
        self.assertEqual((retail["energyWh"], micros(retail["netAmount"])), ("2377", 710_000))
        net = sum(micros(line["netAmount"]) for line in invoice["lines"])
        tax = (net // 10_000 * 19 * 2 + 100) // 200 * 10_000  # Whole cents, a half up.
        self.assertEqual((micros(invoice["netAmount"]), micros(invoice["taxAmount"])), (net, tax))
        credit = self.issue("g1", "SELF_BILLED")
        self.assertEqual([(s["number"], s["kind"], s["seller"]["displayName"]) for s in credit],
                         [("G2027-000001", "SELF_BILLED", "Family sun")])
        # Every account shows what its documents say, to the cent.
        deposit = 100_000_000
        self.assertEqual(self.balance("participant-house") - deposit,
                         -micros(invoice["grossAmount"]))
        self.assertEqual(self.balance("participant-sun") - deposit,
                         micros(credit[0]["grossAmount"]) - micros(issued[1]["grossAmount"]))
        self.assertEqual(self.balance("tax"), sum(
            micros(s["taxAmount"]) for s in issued) - micros(credit[0]["taxAmount"]))
        self.assert_books_balance()
        self.assertEqual(self.issue("r2"), [])
        self.assertEqual(self.refused(lambda: self.get(invoice["name"], self.sun.token)),
                         "PERMISSION_DENIED")

    def download(self, name, kind, token):
        code, body, headers = self.stack.raw("GET", f"/v1/{name}:download?format={kind}",
                                             token=token)
        self.assertEqual(code, 200)
        return body, headers["Content-Type"]

    def test_4_files(self):
        name = f"{self.house.participant}/statements/r2027-000001"
        statement = self.get(name)
        body, kind = self.download(name, "JSON", self.house.token)
        self.assertEqual((json.loads(body), kind), (statement, "application/json"))
        body, kind = self.download(name, "PDF", self.house.token)
        self.assertEqual((body[:5], kind), (b"%PDF-", "application/pdf"))
        self.assertEqual(self.download(name, "PDF", self.admin)[0], body)
        body, kind = self.download(name, "CSV", self.house.token)
        self.assertEqual(kind, "text/csv; charset=utf-8")
        rows = list(csv.DictReader(io.StringIO(body.decode())))
        self.assertEqual([row["key"] for row in rows if row["kind"] == "charge"],
                         ["network-fee", "purchase", "retail"])
        body, kind = self.download(name, "UBL", self.house.token)
        self.assertEqual(kind, "application/xml")
        ubl = xml.etree.ElementTree.fromstring(body)
        self.assertEqual(ubl.find(f"{UBL}ID").text, "R2027-000001")
        self.assertEqual(ubl.find(f"{UBL}InvoiceTypeCode").text, "380")
        self.assertEqual(round(float(ubl.find(f".//{UBL}PayableAmount").text) * 1_000_000),
                         micros(statement["grossAmount"]))
        self.assertEqual(self.refused(lambda: self.download(name, "PDF", self.sun.token)),
                         "PERMISSION_DENIED")

    def lines(self, home):
        return self.get(f"{home.participant}/settlementLines", home.token)["settlementLines"]

    def explain_all(self, home):
        explained = {}
        for line in self.lines(home):
            explanation = self.get(f"{line['name']}:explain", home.token)
            self.assertEqual(explanation["line"], line)
            self.assertTrue(explanation["reproduced"])
            self.assertEqual(recompute(explanation["steps"]), micros(line["amount"]))
            explained[line["name"].split("/")[-1]] = explanation
        return explained

    def test_5_each_line_is_explained(self):
        explained = self.explain_all(self.house)
        self.explain_all(self.sun)
        purchase = next(e for e in explained.values() if e["line"]["kind"] == "PURCHASE")
        auction = f"{COMMUNITY}/auctions/{segment(START)}"
        self.assertEqual((purchase["trade"]["auction"], purchase["trade"]["order"]),
                         (auction, f"{auction}/orders/o-house"))
        self.assertEqual(purchase["trade"]["origin"], "AUCTION")
        self.assertEqual(purchase["rule"]["kind"], "trade")
        self.assertEqual(purchase["readings"][0]["reading"],
                         f"{self.house.point}/readings/{segment(START)}")
        self.assertEqual(purchase["readings"][0]["revision"], 1)
        self.assertEqual(purchase["journalEntry"]["kind"], "trade")
        part = purchase["statement"]
        self.assertEqual(part["statementLine"],
                         f"{self.house.participant}/statements/r2027-000001/lines/2")
        statement = self.get(f"{self.house.participant}/statements/r2027-000001")
        self.assertEqual(part["netAmount"], statement["lines"][1]["netAmount"])
        for line in statement["lines"]:
            linked = self.get(f"{line['name']}/settlementLines")["settlementLines"]
            self.assertEqual(-sum(micros(one["amount"]) for one in linked),
                             micros(line["exactAmount"]))
        some = next(iter(explained.values()))["line"]["name"]
        self.assertEqual(self.refused(lambda: self.get(f"{some}:explain", self.sun.token)),
                         "PERMISSION_DENIED")
        self.assertEqual(self.refused(lambda: self.get(
            f"{self.house.participant}/settlementLines/{segment(START)}-9-1:explain")),
            "NOT_FOUND")

    def test_6_a_corrected_reading_makes_a_correction(self):
        self.store(self.house, START + INTERVAL, [500], [0])
        self.stack.eventually("the quarter is restated", lambda: self.get(
            f"{COMMUNITY}/settlementPeriods/{segment(START + INTERVAL)}")["runCount"] == 2)
        issued = self.issue("r3")
        self.assertEqual([(s["number"], s["corrects"]) for s in issued],
                         [("R2027-000003", f"{self.house.participant}/statements/r2027-000001")])
        self.assertEqual([(line["kind"], line["energyWh"]) for line in issued[0]["lines"]],
                         [("RETAIL", "-277")])
        listed = self.get(f"{self.house.participant}/statements", self.house.token)["statements"]
        self.assertEqual([s["number"] for s in listed], ["R2027-000001", "R2027-000003"])
        # Together: 2.100 kWh from the grid at 0.300003, rounded once.
        retail = [line for s in listed for line in s["lines"] if line["kind"] == "RETAIL"]
        self.assertEqual(sum(micros(line["netAmount"]) for line in retail), 630_000)
        self.assertEqual(self.balance("participant-house") - 100_000_000,
                         -sum(micros(s["grossAmount"]) for s in listed))
        self.assert_books_balance()
        body, _ = self.download(issued[0]["name"], "UBL", self.house.token)
        ubl = xml.etree.ElementTree.fromstring(body)
        self.assertEqual(ubl.find(f"{UBL}InvoiceTypeCode").text, "384")
        explained = self.explain_all(self.house)
        again = explained[f"{segment(START + INTERVAL)}-2-1"]
        self.assertEqual(again["readings"][0]["revision"], 2)
        first = explained[again["earlierLines"][0]["name"].split("/")[-1]]
        self.assertEqual(first["readings"][0]["revision"], 1)
        self.assertEqual(first["readings"][0]["importEnergyWh"], "777")
        self.assertEqual(again["statement"]["statementLine"], issued[0]["lines"][0]["name"])
        self.assertEqual(self.issue("r4"), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
