"""Settlement runs: one period against COPY of its entries and postings, a month for one meter.

Everything runs on the database of a stack, whose own settlement service stands still meanwhile.
What the peers know is in the program's memory; storage is the service's own.
"""

import json
import os
import signal
import statistics
import subprocess

import devices
import harness

SCHEMA = """
CREATE TABLE bench_entries (
  community_id text COLLATE "C" NOT NULL, entry_no bigint NOT NULL, kind text NOT NULL,
  key text NOT NULL, created_at timestamptz NOT NULL, PRIMARY KEY (community_id, entry_no));
CREATE TABLE bench_postings (
  community_id text COLLATE "C" NOT NULL, entry_no bigint NOT NULL, posting_no integer NOT NULL,
  account_no integer NOT NULL, amount_micros bigint NOT NULL,
  PRIMARY KEY (community_id, entry_no, posting_no));
GRANT SELECT, INSERT ON bench_entries, bench_postings TO peerwatt_settlement;
"""


class Setting:
    """A stack whose settlement service stands still, with the tables of the limit."""

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

    def run(self, **flags):
        arguments = [f"--{name}={value}" for name, value in flags.items()]
        done = subprocess.run([harness.BIN / "bench_settle", f"--dsn={self.dsn}", *arguments],
                              stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])


def settle():
    """One period of 100,000 points and 300,000 trades ÷ COPY of its entries and postings."""
    with Setting() as setting:
        few = setting.run(ledger="bench-few", points=10_000, rounds=5)
        row = setting.run(ledger="bench", points=100_000, rounds=3)
        ours, limit = (statistics.median(row[name]) for name in ("settle_s", "copy_s"))
        yield {"figure": "settle", "value": ours, "unit": "s", "limit": limit, "goal": 2.0,
               "lower_is_better": True}
        # Per million transfers: each posting but the first of an entry moves money.
        transfers = row["postings"] - row["entries"]
        yield {"figure": "settle_per_million", "value": ours / transfers * 1e6, "unit": "s",
               "limit": limit / transfers * 1e6, "goal": 2.0, "lower_is_better": True}
        # A million points take at most 130 times as long as ten thousand, so a hundred thousand
        # at most 13 times.
        yield {"figure": "settle_growth", "value": ours, "unit": "s",
               "limit": statistics.median(few["settle_s"]), "goal": 13.0,
               "lower_is_better": True}


def settle_large():
    """The same for a million points: at most 15 s per million transfers, 130 times of 10,000."""
    with Setting() as setting:
        few = setting.run(ledger="bench-few", points=10_000, rounds=5)
        row = setting.run(ledger="bench-large", points=1_000_000, rounds=1)
        ours = statistics.median(row["settle_s"])
        transfers = row["postings"] - row["entries"]
        yield {"figure": "settle_large", "value": ours / transfers * 1e6, "unit": "s/million",
               "limit": 1.0, "goal": 15.0, "lower_is_better": True}
        yield {"figure": "settle_large_growth", "value": ours, "unit": "s",
               "limit": statistics.median(few["settle_s"]), "goal": 130.0,
               "lower_is_better": True}


def settled_bytes():
    """Bytes that a settled reading takes: journal, lines and periods with their indexes."""
    with Setting() as setting:
        row = setting.run(ledger="bench", points=10_000, rounds=3)
        without = setting.run(ledger="bench-alone", points=10_000, rounds=3,
                              trades_per_ten_points=0)
        # Against a reading that was not traded: what trades add.
        yield {"figure": "settled_bytes", "value": row["bytes_per_reading"], "unit": "B",
               "limit": without["bytes_per_reading"], "goal": 12.0, "lower_is_better": True}


def restate():
    """A month for one corrected meter in a community of 1,000; at most a second."""
    with Setting() as setting:
        row = setting.run(mode="restate", ledger="bench-month", points=1_000,
                          trades_per_ten_points=3)
        yield {"figure": "restate", "value": row["restate_s"], "unit": "s", "limit": 1.0,
               "goal": 1.0, "lower_is_better": True}
