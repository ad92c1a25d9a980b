"""Money through a bank by REST: a transfer comes in, energy is paid, a payout goes out by file."""

import base64
import datetime
import pathlib
import tempfile
import unittest

from harness import Household, RestError, Stack, micros, money
from meters import SimulatedClock

HOUR = datetime.timedelta(hours=1)
START = datetime.datetime(2027, 1, 15, 8, tzinfo=datetime.timezone.utc)
OWN_IBAN = "DE89370400440532013000"
HOUSE_IBAN = "AT611904300234573201"


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def segment(instant):
    return instant.strftime("%Y%m%dt%H%M%Sz")


def entry(cents, reference, end_to_end="NOTPROVIDED", remittance="", return_code=""):
    """An entry of a statement; cents above zero came in."""
    details = f"<Refs><EndToEndId>{end_to_end}</EndToEndId></Refs>"
    if remittance:
        details += f"<RmtInf><Ustrd>{remittance}</Ustrd></RmtInf>"
    if return_code:
        details += f"<RtrInf><Rsn><Cd>{return_code}</Cd></Rsn></RtrInf>"
    return cents, (f'<Ntry><NtryRef>1</NtryRef><Amt Ccy="EUR">{abs(cents) / 100:.2f}</Amt>'
                   f"<CdtDbtInd>{'DBIT' if cents < 0 else 'CRDT'}</CdtDbtInd>"
                   "<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2027-01-15</Dt></BookgDt>"
                   f"<AcctSvcrRef>{reference}</AcctSvcrRef>"
                   f"<NtryDtls><TxDtls>{details}</TxDtls></NtryDtls></Ntry>")


def statement(name, opening, entries):
    """A `camt.053` of the community's account."""
    def balance(code, cents):
        return (f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
                f'<Amt Ccy="EUR">{cents / 100:.2f}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
                "<Dt><Dt>2027-01-15</Dt></Dt></Bal>")
    closing = opening + sum(cents for cents, _ in entries)
    content = ('<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
               f"<GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>{name}</Id>"
               f"<Acct><Id><IBAN>{OWN_IBAN}</IBAN></Id><Ccy>EUR</Ccy></Acct>"
               f"{balance('OPBD', opening)}{balance('CLBD', closing)}"
               + "".join(xml for _, xml in entries) + "</Stmt></BkToCstmrStmt></Document>")
    return {"content": base64.b64encode(content.encode()).decode()}


class PaymentsTest(unittest.TestCase):
    """The sun gives the house 2 kWh of a pool at 5 per kWh; the operator keeps a fifth."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="peerwatt-payments-")
        cls.addClassCleanup(folder.cleanup)
        pathlib.Path(folder.name).chmod(0o755)
        cls.clock = SimulatedClock(pathlib.Path(folder.name) / "clock",
                                   (START - 2 * HOUR).timestamp())
        cls.stack = Stack("--clock=shared", f"--clock_file={cls.clock.path}",
                          environment={"PEERWATT_PAYMENT_PROVIDER": "bank",
                                       "PEERWATT_PAYMENTS_INTERVAL": "200ms"})
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        call = cls.stack.call
        call("POST", "/v1/communities?communityId=hamlet", {
            "displayName": "hamlet", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(START), "openingLead": "3600s", "gateClosureLead": "900s",
            "priceMaxPerKwh": money(1_000_000)}, cls.admin)
        call("POST", "/v1/communities/hamlet/tariffs?tariffId=t1", {
            "feedInPricePerKwh": money(80_000), "retailPricePerKwh": money(300_000),
            "startTime": text(START)}, cls.admin)
        cls.sun, cls.house = (
            Household(cls.stack, cls.admin, "communities/hamlet", key, import_w=40_000,
                      export_w=40_000, deposit_micros=0) for key in ("sun", "house"))
        call("POST", "/v1/communities/hamlet/schemes?schemeId=pilot", {
            "startTime": text(START), "mechanism": "FIXED_PRICE_POOL",
            "poolPricePerKwh": money(5_000_000), "operatorSharePpm": "200000"}, cls.admin)
        call("PATCH", "/v1/communities/hamlet/paymentSettings", {
            "bankAccount": {"holderName": "Hamlet eG", "iban": OWN_IBAN}}, cls.admin)

    def get(self, path, token=None):
        return self.stack.call("GET", f"/v1/{path}", token=token or self.admin)

    def wallet(self, home):
        return self.get(f"{home.participant}/wallet", home.token)

    def importing(self, body):
        return self.stack.call("POST", "/v1/communities/hamlet/bankStatements:import", body,
                               self.admin)["bankStatements"]

    def kinds(self, home):
        entries = self.get(f"{home.participant}/walletEntries", home.token)["walletEntries"]
        return [(one["kind"], micros(one["amount"])) for one in entries]

    def refused(self, method, path, body, token):
        with self.assertRaises(RestError) as caught:
            self.stack.call(method, path, body, token)
        return caught.exception.reason

    def test_1_a_transfer_comes_in(self):
        deposits = f"/v1/{self.house.participant}/deposits?depositId=first"
        self.assertEqual("DEPOSIT_NEEDS_TRANSFER", self.refused(
            "POST", deposits, {"amount": money(5_000_000)}, self.house.token))
        reference = self.wallet(self.house)["depositReference"]
        self.assertEqual(reference[:2], "PW")
        self.assertEqual("PERMISSION_DENIED", self.refused(
            "GET", f"/v1/{self.house.participant}/wallet", None, self.sun.token))
        body = statement("S1", 0, [entry(3000, "B1", remittance=f"energy {reference.lower()}"),
                                   entry(700, "B2", remittance="whoever")])
        kept = self.importing(body)
        self.assertEqual((kept[0]["entryCount"], kept[0]["findingCount"]), (2, 1))
        self.assertEqual(self.importing(body), kept)
        self.assertEqual(micros(self.wallet(self.house)["balance"]), 30_000_000)
        findings = self.get("communities/hamlet/bankFindings")["bankFindings"]
        self.assertEqual([(one["kind"], one["remittance"]) for one in findings],
                         [("UNASSIGNED", "whoever")])

    def test_2_energy_is_paid(self):
        self.clock.set((START + HOUR / 4).timestamp())
        for home, drawn, fed_in in ((self.house, 2000, 0), (self.sun, 0, 2000)):
            self.stack.call("POST", "/v1/readings:batchCreate", {"series": [{
                "meteringPoint": home.point, "startTime": text(START), "resolution": "900s",
                "importEnergyWh": [str(drawn)], "exportEnergyWh": [str(fed_in)]}]}, self.admin)
        self.stack.eventually("the period is settled", lambda: self.stack.call(
            "GET", f"/v1/communities/hamlet/settlementPeriods/{segment(START)}",
            token=self.admin)["runCount"] == 1)
        self.assertEqual(micros(self.wallet(self.house)["balance"]), 20_000_000)
        self.assertEqual(micros(self.wallet(self.sun)["withdrawable"]), 8_000_000)

    def test_3_a_payout_goes_out_and_one_comes_back(self):
        details = f"/v1/{self.sun.participant}/payoutDetails"
        payouts = f"/v1/{self.sun.participant}/payouts"
        self.assertEqual("PAYOUT_DETAILS_MISSING", self.refused(
            "POST", f"{payouts}?payoutId=p1", {"amount": money(5_000_000)}, self.sun.token))
        self.assertEqual("IBAN_INVALID", self.refused("PATCH", details, {
            "bankAccount": {"holderName": "Sun", "iban": HOUSE_IBAN[:-1] + "2"}}, self.sun.token))
        self.stack.call("PATCH", details, {
            "bankAccount": {"holderName": "Sun", "iban": HOUSE_IBAN}}, self.sun.token)
        self.assertEqual("FUNDS_INSUFFICIENT", self.refused(
            "POST", f"{payouts}?payoutId=p1", {"amount": money(8_010_000)}, self.sun.token))
        for key, amount in (("p1", 5_000_000), ("p2", 2_000_000), ("p3", 1_000_000)):
            made = self.stack.call("POST", f"{payouts}?payoutId={key}", {"amount": money(amount)},
                                   self.sun.token)
            self.assertEqual(made["state"], "PENDING")
        self.stack.call("POST", f"{payouts}/p3:cancel", {}, self.sun.token)
        self.assertEqual(micros(self.wallet(self.sun)["held"]), 7_000_000)
        holds = self.get(f"{self.sun.participant}/walletHolds", self.sun.token)["walletHolds"]
        self.assertEqual([hold["holder"].split("/")[-1] for hold in holds], ["p1", "p2"])
        file = self.stack.call("POST", "/v1/communities/hamlet/paymentFiles?paymentFileId=f1",
                               {"kind": "PAYOUTS", "dueDate": "2027-01-18"}, self.admin)
        self.assertEqual(file["paymentCount"], 2)
        again = self.get("communities/hamlet/paymentFiles/f1")
        self.assertEqual(again["content"], file["content"])
        content = base64.b64decode(file["content"]).decode()
        self.assertIn("pain.001.001.09", content)
        self.assertEqual("PAYOUT_HANDED_OVER", self.refused(
            "POST", f"{payouts}/p1:cancel", {}, self.sun.token))
        names = {}
        for key in ("p1", "p2"):
            payout = self.get(f"{self.sun.participant}/payouts/{key}", self.sun.token)
            self.assertEqual(payout["state"], "PROCESSING")
            self.assertIn(payout["endToEndId"], content)
            names[key] = payout["endToEndId"]
        self.importing(statement("S2", 3700, [
            entry(-500, "B3", names["p1"]), entry(-200, "B4", names["p2"]),
            entry(200, "B5", names["p2"], return_code="AC04")]))
        states = [payout["state"] for payout in
                  self.get(f"{self.sun.participant}/payouts", self.sun.token)["payouts"]]
        self.assertEqual(states, ["SUCCEEDED", "RETURNED", "CANCELED"])

    def test_4_the_wallet_tells_it_all(self):
        self.assertEqual(self.kinds(self.house),
                         [("DEPOSIT", 30_000_000), ("POOL", -10_000_000)])
        self.assertEqual(self.kinds(self.sun),
                         [("POOL", 8_000_000), ("PAYOUT", -5_000_000), ("PAYOUT", -2_000_000),
                          ("PAYOUT_RETURN", 2_000_000)])
        entries = self.get(f"{self.sun.participant}/walletEntries", self.sun.token)["walletEntries"]
        self.assertEqual([(item["kind"], micros(item["amount"])) for item in entries[0]["items"]],
                         [("OPERATOR_SHARE", -2_000_000), ("POOL_SALE", 10_000_000)])
        self.assertEqual(entries[1]["payment"], f"{self.sun.participant}/payouts/p1")
        wallet = self.wallet(self.sun)
        self.assertEqual((micros(wallet["balance"]), micros(wallet["held"])), (3_000_000, 0))
        trial = self.get("communities/hamlet/trialBalance")
        self.assertEqual((micros(trial["postingsSum"]), micros(trial["balancesSum"])), (0, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
