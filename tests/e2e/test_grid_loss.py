"""What a community's network loses, through REST: its meter at the main grid, the books, a check."""

import datetime
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from harness import Household, RestError, Stack, micros, money
from meters import SimulatedClock

HOUR = datetime.timedelta(hours=1)
INTERVAL = datetime.timedelta(minutes=15)
START = datetime.datetime(2027, 1, 15, 8, tzinfo=datetime.timezone.utc)
PERIOD = "20270115t080000z"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def text(instant):
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


class GridLossTest(unittest.TestCase):
    """The house draws 1000 Wh, the sun feeds in 600; 450 Wh come from the main grid, so 50 are lost.

    The meter at the main grid is the network operator's, who is a participant like any other.
    """

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="peerwatt-loss-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        cls.folder.chmod(0o755)
        cls.clock = SimulatedClock(cls.folder / "clock", (START - 2 * HOUR).timestamp())
        cls.stack = Stack("--clock=shared", f"--clock_file={cls.clock.path}")
        cls.addClassCleanup(cls.stack.close)
        cls.admin = cls.stack.admin()
        call = cls.stack.call
        call("POST", "/v1/communities?communityId=lossy", {
            "displayName": "Lossy", "timeZone": "Europe/Berlin", "currencyCode": "EUR",
            "tradingStartTime": text(START), "openingLead": "3600s", "gateClosureLead": "900s",
            "settlementGrace": "3600s", "priceMaxPerKwh": money(1_000_000)}, cls.admin)
        cls.community = "communities/lossy"
        call("POST", "/v1/communities/lossy/tariffs?tariffId=t1", {
            "feedInPricePerKwh": money(80_000), "retailPricePerKwh": money(300_000),
            "startTime": text(START)}, cls.admin)
        cls.homes = {key: Household(cls.stack, cls.admin, cls.community, f"loss-{key}")
                     for key in ("house", "sun", "grid")}
        cls.boundary = cls.point("boundary", "grid", role="COMMUNITY_BOUNDARY")

    @classmethod
    def point(cls, key, owner, **more):
        return cls.stack.call("POST", f"/v1/meteringPoints?meteringPointId={key}", {
            "participant": cls.homes[owner].participant, "importCapacityW": "400000",
            "exportCapacityW": "400000", **more}, cls.admin)

    def get(self, path, token=None):
        return self.stack.call("GET", f"/v1/{path}", token=token or self.admin)

    def store(self, point, drawn, fed_in):
        self.stack.call("POST", "/v1/readings:batchCreate", {"series": [{
            "meteringPoint": point, "startTime": text(START), "resolution": "900s",
            "importEnergyWh": [str(drawn)], "exportEnergyWh": [str(fed_in)]}]}, self.admin)

    def await_run(self, run):
        name = f"{self.community}/settlementPeriods/{PERIOD}"
        self.stack.eventually(f"run {run}", lambda: self.get(name)["runCount"] == run)
        return self.get(name)

    def balances(self):
        return {account["name"].split("/")[-1]: micros(account["balance"])
                for account in self.get(f"{self.community}/ledgerAccounts")["ledgerAccounts"]}

    def refused(self, method, path, body, token):
        with self.assertRaises(RestError) as caught:
            self.stack.call(method, f"/v1/{path}", body, token)
        return caught.exception.reason

    def test_1_a_boundary_only_measures(self):
        self.assertEqual((self.boundary["role"], self.boundary["gridConnection"]),
                         ("COMMUNITY_BOUNDARY", "boundary"))
        self.assertEqual(self.get(self.homes["sun"].point)["role"], "MEMBER_CONNECTION")
        with self.assertRaises(RestError) as caught:
            self.point("other", "grid", gridConnection="boundary")
        self.assertEqual(caught.exception.reason, "BOUNDARY_CONNECTION_SHARED")
        auction = f"{self.community}/auctions/{PERIOD}"
        self.clock.set((START - HOUR).timestamp())
        self.stack.eventually("the auction is open", lambda: self.get(auction)["state"] == "OPEN")
        grid = self.homes["grid"]
        self.assertEqual("POINT_IS_BOUNDARY", self.refused("POST", f"{auction}/orders?orderId=o1", {
            "side": "BID", "meteringPoint": self.boundary["name"], "energyWh": "100",
            "limitPricePerKwh": money(100_000)}, grid.token))
        self.assertEqual("POINT_IS_BOUNDARY", self.refused(
            "POST", f"{grid.participant}/standingOrders?standingOrderId=auto",
            {"meteringPoint": self.boundary["name"], "bidPricePerKwh": money(100_000)},
            grid.token))
        self.assertEqual("POINT_IS_BOUNDARY", self.refused(
            "POST", f"{self.community}/schemes?schemeId=shared", {
                "startTime": text(START + 9 * HOUR), "mechanism": "SHARING",
                "sharingKey": "STATIC", "shares": [
                    {"meteringPoint": self.boundary["name"], "coefficient": "1.000000"}]},
            self.admin))

    def test_2_the_loss_is_absent_until_it_is_measured(self):
        self.clock.set((START + INTERVAL).timestamp())
        for key, drawn, fed_in in (("house", 1_000, 0), ("sun", 0, 600), ("grid", 0, 0)):
            self.store(self.homes[key].point, drawn, fed_in)
        period = self.await_run(1)
        self.assertEqual(period["gridLoss"], {"boundaryCount": 1, "missingCount": 1})
        self.assertEqual((period["retailEnergyWh"], period["surplusEnergyWh"]), ("1000", "600"))
        self.assertNotIn("grid-loss", self.balances())

    def test_3_the_loss_is_posted_and_nobody_is_billed_for_it(self):
        before = self.balances()
        self.store(self.boundary["name"], 450, 0)
        loss = self.await_run(2)["gridLoss"]
        self.assertEqual(micros(loss.pop("amount")), 15_000)
        self.assertEqual((loss["importEnergyWh"], loss["exportEnergyWh"], loss["lossEnergyWh"]),
                         ("450", "0", "50"))
        after = self.balances()
        self.assertEqual({key: balance - before.get(key, 0) for key, balance in after.items()
                          if balance != before.get(key, 0)},
                         {"grid-loss": -15_000, "main-grid": 15_000})
        entry = self.get(f"{self.community}/journalEntries?pageSize=1000")["journalEntries"][-1]
        self.assertEqual((entry["kind"], entry["idempotencyKey"]),
                         ("grid-loss", f"grid-loss:{PERIOD}:2"))
        trial = self.get(f"{self.community}/trialBalance")
        self.assertEqual((micros(trial["postingsSum"]), micros(trial["balancesSum"])), (0, 0))
        self.assertEqual(self.get(f"{self.homes['grid'].participant}/settlementLines",
                                  self.homes["grid"].token).get("settlementLines", []), [])

    def test_4_the_books_are_sound_to_those_who_look(self):
        self.stack.call("POST", f"/v1/{self.community}/reconciliation:run", {"everything": True},
                        self.admin)
        found = self.get(f"{self.community}/reconciliationFindings?openOnly=true")
        self.assertEqual(found.get("reconciliationFindings", []), [])
        books = self.folder / "books"
        subprocess.run([ROOT / "scripts" / "export-books", self.stack.http, "lossy", books],
                       env={**os.environ, "PEERWATT_TOKEN": self.admin}, check=True, timeout=120)
        found = self.verify(books)
        self.assertEqual(found[-1]["findings"], 0, found)
        periods = books / "periods.csv"
        sound = periods.read_bytes().decode()
        self.assertIn(",450,0,50,15000\r\n", sound)
        periods.write_bytes(sound.replace(",450,0,50,15000", ",450,0,49,14700").encode())
        self.assertEqual({finding["check"] for finding in self.verify(books)[:-1]}, {"grid_loss"})

    def verify(self, books):
        binary = pathlib.Path(os.environ["PEERWATT_BIN"]) / "peerwatt-verify"
        answer = subprocess.run([binary, books], capture_output=True, text=True, timeout=120)
        return [json.loads(line) for line in answer.stdout.splitlines()]


if __name__ == "__main__":
    unittest.main()
