"""Settlement's ledger: batches against COPY of a journal row, calls against one function call each.

Everything runs on the database of a stack, whose own settlement service stands still meanwhile.
"""

import json
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile

import devices
import harness

ROUNDS = 5
FEW, MANY = 10_000, 1_000_000
# Entries that wait to be written back, as the service has it.
TAIL, TAIL_PER_ACCOUNT = 250_000, 8
# What a process may need to know of a million accounts.
START_MEBIBYTES = 512
LOOK_SECONDS = 5
CALLERS = 64
SECONDS = 6
PGBENCH_CLIENTS = 32

# One transfer as one call of a function: accounts locked in the order of their ids, a journal row
# with its key, two postings, two balances.
SCHEMA = f"""
CREATE TABLE bench_journal (
  community_id text NOT NULL, entry_no bigint NOT NULL, debit_no integer NOT NULL,
  credit_no integer NOT NULL, amount_micros bigint NOT NULL, key text NOT NULL,
  content_hash bytea NOT NULL, created_at timestamptz NOT NULL,
  PRIMARY KEY (community_id, entry_no));
GRANT SELECT, INSERT ON bench_journal TO peerwatt_settlement;
CREATE TABLE one_accounts (account_no integer PRIMARY KEY, balance_micros bigint NOT NULL)
  WITH (fillfactor = 70);
CREATE TABLE one_transfers (transfer_no bigserial PRIMARY KEY, key text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE one_postings (transfer_no bigint NOT NULL, account_no integer NOT NULL,
  amount_micros bigint NOT NULL, PRIMARY KEY (transfer_no, account_no));
INSERT INTO one_accounts SELECT i, 0 FROM generate_series(0, {FEW - 1}) i;
CREATE FUNCTION one_transfer(wanted_key text, debit integer, credit integer, amount bigint)
  RETURNS void LANGUAGE plpgsql AS $$
DECLARE number bigint;
BEGIN
  PERFORM 1 FROM one_accounts WHERE account_no IN (debit, credit)
    ORDER BY account_no FOR NO KEY UPDATE;
  INSERT INTO one_transfers (key) VALUES (wanted_key) RETURNING transfer_no INTO number;
  INSERT INTO one_postings VALUES (number, debit, -amount), (number, credit, amount);
  UPDATE one_accounts SET balance_micros = balance_micros - amount WHERE account_no = debit;
  UPDATE one_accounts SET balance_micros = balance_micros + amount WHERE account_no = credit;
END $$;
ANALYZE one_accounts;
"""
ONE_CALL = r"""
\set debit random(0, {debits} - 1)
\set credit random({first_credit}, {accounts} - 1)
\set id random(1, 9000000000000000)
\set amount random(1, 1000)
SELECT one_transfer(:client_id || '-' || :id, :debit, :credit, :amount);
"""


class Setting:
    """A stack whose settlement service stands still, with the tables of the limits."""

    def __enter__(self):
        self.stack = harness.Stack()
        try:
            environment = devices.environment_of(self.stack.pid("settlement"))
            self.dsn = environment["PEERWATT_DATABASE_DSN"]
            devices.psql(self.stack, "peerwatt_settlement", SCHEMA)
            os.kill(self.stack.pid("settlement"), signal.SIGSTOP)
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_):
        os.kill(self.stack.pid("settlement"), signal.SIGCONT)
        self.stack.close()

    def ledger(self, **flags):
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        done = subprocess.run([harness.BIN / "bench_ledger", f"--dsn={self.dsn}", *arguments],
                              stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    def one_per_call(self, hot):
        """Transfers per second of pgbench with one function call each."""
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / "one.sql"
            # Debits and credits never meet, so that no transfer is one to itself.
            script.write_text(ONE_CALL.format(debits=hot or FEW // 2,
                                              first_credit=hot or FEW // 2, accounts=FEW))
            command, environment = devices.psql_command(self.stack, "peerwatt_settlement")
            server = command[command.index("-h"):command.index("-d")]
            binary = pathlib.Path(subprocess.run(
                ["pg_config", "--bindir"], stdout=subprocess.PIPE, text=True,
                check=True).stdout.strip()) / "pgbench"
            done = subprocess.run(
                [binary, *server, "-n", "-M", "prepared", "-c", str(PGBENCH_CLIENTS), "-j", "2",
                 "-T", str(SECONDS), "-f", script, "peerwatt_settlement"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
                env=environment)
        for line in done.stdout.splitlines():
            if line.startswith("tps = "):
                return float(line.split()[2])
        raise RuntimeError(done.stdout)


def batches(setting, accounts):
    """Medians of batches of 10,000 transfers and of COPY, in turns: transfers per second, and
    microseconds of processors for one. The ledger first posts so much that as many accounts are
    written back as are posted to."""
    warm = TAIL_PER_ACCOUNT * max(accounts, TAIL // TAIL_PER_ACCOUNT) // 10_000 + 5
    row = setting.ledger(mode="batches", ledger=f"bench-{accounts}", accounts=accounts,
                         rounds=ROUNDS, batches=10, warm=warm)
    return {name: statistics.median(values) for name, values in row.items()}


def calls(setting, hot):
    """Median transfers per second of one per call, and of pgbench, in turns."""
    ours, limit = [], []
    for turn in range(3):
        limit.append(setting.one_per_call(hot))
        row = setting.ledger(mode="calls", ledger=f"calls-{hot}-{turn}", accounts=FEW, hot=hot,
                             callers=CALLERS, seconds=SECONDS)
        ours.append(row["calls_per_second"])
    return statistics.median(ours), statistics.median(limit)


def measure():
    with Setting() as setting:
        few = batches(setting, FEW)
        yield {"figure": "ledger_batches", "value": few["ledger_per_second"],
               "unit": "transfers/s", "limit": few["journal_per_second"], "goal": 0.35,
               "lower_is_better": False}
        # The same for a machine that is busy with other things.
        yield {"figure": "ledger_batches_cpu", "value": few["ledger_cpu_us"], "unit": "us",
               "limit": few["journal_cpu_us"], "goal": 2.86, "lower_is_better": True}
        for name, hot, goal in (("ledger_calls", 0, 10.0), ("ledger_calls_hot", 10, 20.0)):
            value, limit = calls(setting, hot)
            yield {"figure": name, "value": value, "unit": "transfers/s", "limit": limit,
                   "goal": goal, "lower_is_better": False}
        many = batches(setting, MANY)
        # Both against COPY of their own turns: the machine may be busier in one of them.
        yield {"figure": "ledger_growth",
               "value": many["ledger_per_second"] / many["journal_per_second"], "unit": "of COPY",
               "limit": few["ledger_per_second"] / few["journal_per_second"], "goal": 0.75,
               "lower_is_better": False}
        # A process that starts, on a ledger whose accounts wait to be written back.
        start = setting.ledger(mode="start", ledger=f"bench-{MANY}")
        yield {"figure": "ledger_start", "value": start["start_seconds"], "unit": "s",
               "limit": start["read_seconds"], "goal": 2.0, "lower_is_better": True}
        yield {"figure": "ledger_start_memory", "value": start["mebibytes"], "unit": "MiB",
               "limit": START_MEBIBYTES, "goal": 1.0, "lower_is_better": True}
        # Of the minute that lies between two looks.
        look = setting.ledger(mode="look", ledger=f"bench-{MANY}")
        yield {"figure": "ledger_look", "value": statistics.median(look["later_seconds"]),
               "unit": "s", "limit": LOOK_SECONDS, "goal": 1.0, "lower_is_better": True}
        yield {"figure": "ledger_first_look", "value": look["entries"] / look["first_seconds"],
               "unit": "entries/s", "limit": many["ledger_per_second"], "goal": 0.5,
               "lower_is_better": False}
        yield {"figure": "ledger_growth_cpu",
               "value": many["ledger_cpu_us"] / many["journal_cpu_us"], "unit": "of COPY",
               "limit": few["ledger_cpu_us"] / few["journal_cpu_us"], "goal": 1.33,
               "lower_is_better": True}
