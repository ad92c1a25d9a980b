"""A month's statement, from settlement lines to a numbered document and its PDF.

It is of an active household: 2,976 quarters, each with trades, fees, the grid and own consumption.
"""

import json
import os
import signal
import subprocess

import devices
import harness

PARTICIPANTS = 11
# The month is settled. In every quarter a household buys twice with a fee each and from the grid;
# in every other it sells twice, less the operator's share, and to the grid.
MONTH = f"""
INSERT INTO ledgers (community_id, currency_code, period_seconds, settled_through_at)
  VALUES ('bench', 'EUR', 900, '2026-08-01Z');
CREATE TEMPORARY TABLE quarters AS
  SELECT '2026-07-01Z'::timestamptz + interval '15 minutes' * i AS start_at, i
  FROM generate_series(0, 2975) AS i;
INSERT INTO settlement_periods (community_id, period_start_at, period_end_at, run_count, drawn_wh,
    fed_in_wh, self_consumed_wh, delivered_wh, retail_wh, surplus_wh, substituted_count,
    readings_cursor)
  SELECT 'bench', start_at, start_at + interval '15 minutes', 1, 0, 0, 0, 0, 0, 0, 0, 0
  FROM quarters;
INSERT INTO settlement_lines (community_id, period_start_at, run, line_no, participant_id,
    connection_id, kind, trade_id, energy_wh, price_micros_per_kwh, amount_micros, substituted)
  SELECT 'bench', q.start_at, 1, 20 * h + k.position, 'h' || h, 'home', k.kind,
         CASE WHEN k.kind < 5 THEN 't' || k.position / 2 ELSE '' END, 100 + (q.i * 7 + h) % 400,
         k.price, CASE WHEN k.kind IN (7, 101, 102) THEN 0 ELSE k.sign END
           * (100 + (q.i * 7 + h) % 400) * k.price / 1000, false
  FROM quarters AS q, generate_series(0, {PARTICIPANTS - 1}) AS h, (VALUES
    (1, 1, -1, 187003), (2, 3, -1, 20001), (3, 1, -1, 191007), (4, 3, -1, 20001),
    (5, 5, -1, 301009), (6, 7, 1, 0), (7, 101, -1, 301009), (8, 102, 1, 80001),
    (9, 2, 1, 180005), (10, 4, -1, 18001), (11, 2, 1, 175003), (12, 4, -1, 17501),
    (13, 6, 1, 80001)) AS k(position, kind, sign, price)
  WHERE k.position < 9 OR q.i % 2 = 0;
ANALYZE settlement_lines; ANALYZE settlement_periods;
"""


def measure():
    stack = harness.Stack()
    try:
        dsn = devices.environment_of(stack.pid("settlement"))["PEERWATT_DATABASE_DSN"]
        devices.psql(stack, "peerwatt_settlement", MONTH)
        os.kill(stack.pid("settlement"), signal.SIGSTOP)
        done = subprocess.run(
            [harness.BIN / "bench_statement", f"--dsn={dsn}", f"--participants={PARTICIPANTS}"],
            stdout=subprocess.PIPE, text=True, check=True)
        os.kill(stack.pid("settlement"), signal.SIGCONT)
    finally:
        stack.close()
    row = json.loads(done.stdout.splitlines()[-1])
    whole = (row["issue_seconds"] + row["pdf_seconds"]) * 1000
    yield {"figure": "statement", "value": whole, "unit": "ms", "limit": 200.0, "goal": 1.0,
           "lower_is_better": True}
    yield {"figure": "statement_against_select", "value": whole, "unit": "ms",
           "limit": row["select_seconds"] * 1000, "goal": 1.0, "lower_is_better": True}
