"""Settlement's ledger: is every acknowledged transfer there once, whatever breaks?"""

import os
import re
import signal
import subprocess
import threading
import time
import urllib.error

import harness
import streams
from streams import devices

BANK_SECONDS = 60
DELIVERIES = 100_000
COMMUNITY = "communities/bank"
WORKERS = 8
HOT = 8
KILLS_EACH = 30
# Acknowledged between one kill and the next, at least.
WORK_BETWEEN = 100
# After a crash the server flushes all its files, one by one as a rule: seconds for each of 60 kills.
FLUSH_AT_ONCE = "recovery_init_sync_method=syncfs"
FORGETFUL = "synchronous_commit=off;wal_writer_delay=10s;wal_writer_flush_after=1GB"


def counted(test, environment, binary="settlement_ledger_faults_test"):
    """Runs tests of the ledger's faults. Returns whether they passed, and what they counted."""
    done = subprocess.run(
        [harness.BIN / binary, f"--gtest_filter={test}"],
        stdout=subprocess.PIPE, text=True, check=False, env={**os.environ, **environment})
    rows = {}
    for line in done.stdout.splitlines():
        if re.match(r"(bank|deliveries|calls)(_control|_of_\w+)? ", line):
            name, *pairs = line.split()
            rows[name] = {key: int(value) for key, value in zip(pairs[::2], pairs[1::2])}
    return done.returncode == 0, rows


def bank():
    """Eight workers, eight hot accounts, accounts opened meanwhile, 60 s. Control: no locks."""
    passed, rows = counted("BankTest.*", {"PEERWATT_BANK_SECONDS": str(BANK_SECONDS)})
    found = rows.get("bank_control", {}).get("negatives", 0) > 0
    yield {"fault": "bank", "holds": passed and bool(rows.get("bank")),
           "control": "found" if found else "missed", **rows.get("bank", {})}


def ledger_deliveries():
    """100,000 calls delivered one to five times, 5 % changed, 5 % refused. Control: no keys."""
    passed, rows = counted("DeliveriesTest.*", {"PEERWATT_DELIVERIES": str(DELIVERIES)})
    found = rows.get("deliveries_control", {}).get("doubled", 0) > 0
    yield {"fault": "ledger_deliveries", "holds": passed and bool(rows.get("deliveries")),
           "control": "found" if found else "missed", **rows.get("deliveries", {})}


def ledger_calls():
    """Killed at every database call of every writing RPC. Control: two transactions for one call."""
    binary = "settlement_ledger_cut_off_test"
    passed, rows = counted("LedgerCutOffTest.*:*LostCommitTest.*", {"PEERWATT_CUT_OFFS": "all"},
                           binary)
    found = rows.pop("calls_control", {}).get("half_written", 0) > 0
    half_written = sum(row["half_written"] for row in rows.values())
    yield {"fault": "ledger_calls", "holds": passed and len(rows) >= 10 and half_written == 0,
           "control": "found" if found else "missed", "writers": len(rows),
           "cuts": sum(row["cuts"] for row in rows.values()), "half_written": half_written}


def payment_calls():
    """Killed at every database call of payouts, files and statements. Control: two transactions."""
    passed, _ = counted("PaymentCutOffTest.*-*AreSeenHalfWritten", {}, "fault_payment_calls")
    found, _ = counted("PaymentCutOffTest.*AreSeenHalfWritten", {}, "fault_payment_calls")
    yield {"fault": "payment_calls", "holds": passed, "control": "found" if found else "missed",
           "half_written": 0 if passed else 1}


def ask(stack, statement):
    command, environment = devices.psql_command(stack, "peerwatt_settlement")
    out = subprocess.run(command + ["-At", "-c", statement], check=True, stdout=subprocess.PIPE,
                         text=True, env=environment).stdout
    return out.strip()


class Bank:
    """Workers who move money through the API until all victims are dead, retrying each transfer
    under its key until it is answered."""

    def __init__(self, settings=""):
        """settings: of PostgreSQL, with semicolons between."""
        self.stack = harness.Stack(environment={
            "PEERWATT_POSTGRES_SETTINGS": ";".join(filter(None, [FLUSH_AT_ONCE, settings]))})
        self.acknowledged, self.kills, self.lock = {}, [], threading.Lock()
        self.stop = threading.Event()
        self.token = self.stack.admin()
        self.stack.call("POST", "/v1/communities?communityId=bank", {
            "displayName": "Bank", "timeZone": "Etc/UTC", "currencyCode": "EUR",
            "interval": "900s", "tradingStartTime": "2030-01-01T00:00:00Z",
            "priceMaxPerKwh": harness.money(1_000_000)}, self.token)
        accounts = [{"name": f"{COMMUNITY}/accounts/general-{i}",
                     "debitLimit": harness.money(10_000_000_000 if i == 0 else 0)}
                    for i in range(HOT)]
        self.stack.eventually("the accounts are opened", lambda: self.stack.call(
            "POST", f"/v1/{COMMUNITY}/accounts:open", {"accounts": accounts},
            self.token) is not None)

    def transfer(self, key, debit, credit, amount):
        body = {"transfers": [{"key": key, "entry": {"postings": [
            {"ledgerAccount": f"{COMMUNITY}/ledgerAccounts/general-{account}",
             "amount": harness.money(sign * amount)}
            for account, sign in sorted([(debit, -1), (credit, 1)])]}}]}
        while True:
            try:
                answer = self.stack.call("POST", f"/v1/{COMMUNITY}/transfers", body, self.token)
                return answer["results"][0]
            except (harness.RestError, urllib.error.URLError, OSError) as error:
                code = getattr(error, "code", 503)
                if code not in (409, 429, 500, 502, 503, 504):
                    raise
                time.sleep(0.05)

    def work(self, worker):
        count = 0
        while not self.stop.is_set():
            count += 1
            key = f"w{worker}-{count}"
            debit = (worker + count) % HOT
            result = self.transfer(key, debit, (debit + 1 + count % (HOT - 1)) % HOT,
                                   1 + count % 97)
            with self.lock:
                self.acknowledged[key] = result

    def break_down(self, victims):
        """victims: names of processes; `stop` is an immediate stop of the database."""
        try:
            for victim in victims:
                self.await_work()
                try:
                    if victim == "stop":
                        os.kill(self.stack.pid("postgres"), signal.SIGQUIT)
                    else:
                        self.stack.kill(victim)
                    self.kills.append(victim)
                except ProcessLookupError:
                    pass  # It is down already; what comes next breaks it again.
            self.await_work()
        finally:
            self.stop.set()

    def await_work(self):
        wanted = len(self.acknowledged) + WORK_BETWEEN
        self.stack.eventually("work goes on", lambda: len(self.acknowledged) >= wanted, 120)

    def run(self, victims):
        streams.run_all([lambda worker=worker: self.work(worker) for worker in range(WORKERS)] +
                        [lambda: self.break_down(victims)])

    def judge(self):
        """Acknowledged and missing, duplicated, unbalanced, negative, by the journal alone."""
        listed = ask(self.stack, "SELECT idempotency_key FROM journal_entries "
                                 "WHERE community_id = 'bank'").split()
        applied = {key for key, result in self.acknowledged.items()
                   if result["outcome"] in ("APPLIED", "EXISTS")}
        refused = set(self.acknowledged) - applied
        unbalanced = int(ask(self.stack, """
SELECT count(*) FROM journal_entries WHERE community_id = 'bank'
  AND (SELECT sum(a) FROM unnest(amounts_micros) AS u(a)) <> 0"""))
        wrong = int(ask(self.stack, """
SELECT count(*) FROM account_states AS s WHERE community_id = 'bank' AND balance_micros <> (
  SELECT coalesce(sum(p.amount), 0) FROM journal_entries AS e,
    unnest(e.account_nos, e.amounts_micros) AS p(account_no, amount)
  WHERE e.community_id = 'bank' AND p.account_no = s.account_no)"""))
        negative = int(ask(self.stack, """
SELECT count(*) FROM account_states WHERE community_id = 'bank' AND balance_micros < 0
  AND account_id <> 'general-0'"""))
        return {"acknowledged": len(self.acknowledged), "missing": len(applied - set(listed)),
                "duplicated": len(listed) - len(set(listed)) + len(refused & set(listed)),
                "unbalanced": unbalanced + wrong, "negatives": negative}

    def close(self):
        self.stack.close()


def ledger_kills():
    """30 kills of settlement and PostgreSQL and 30 immediate stops. Control: lazy commits."""
    bank_under_fire = Bank()
    try:
        bank_under_fire.run(["settlement", "postgres", "stop"] * KILLS_EACH)
        row = bank_under_fire.judge()
        kills = len(bank_under_fire.kills)
    finally:
        bank_under_fire.close()
    careless = Bank(FORGETFUL)
    try:
        careless.run(["postgres"] * 5)
        lost = careless.judge()["missing"]
    finally:
        careless.close()
    holds = all(row[name] == 0 for name in ("missing", "duplicated", "unbalanced", "negatives"))
    yield {"fault": "ledger_kills", "holds": holds and row["acknowledged"] > 0,
           "control": "found" if lost > 0 else "missed", "kills": kills, **row,
           "missing_in_control": lost}
