"""Durable orders by unary calls, against the same SQL of one order per transaction, and an echo.

Calls go to the market over mTLS, as the gateway makes them; the echo answers the same calls of the
same client. Each order is a bid: it is answered when order and hold are committed.
"""

import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile

import devices
import harness

PARTICIPANTS = 2000
AUCTIONS = 16
ROUNDS = 3
LOADS = {80: (8, 20_000, 0.3), 1024: (16, 40_000, 0.5)}  # in flight: connections, calls, goal
PGBENCH_CLIENTS = 64
PGBENCH_SECONDS = 6
COMMUNITY = "communities/orders"
FUNDS_MICROS = 1_000_000_000_000

# What one order costs, in one transaction.
ONE_ORDER = r"""
\set n random(1, %(participants)d)
\set a random(0, %(auctions)d - 1)
\set id random(1, 9000000000000)
BEGIN;
SELECT halted FROM market_controls WHERE community_id = 'orders' FOR SHARE;
SELECT state FROM auctions WHERE community_id = 'orders'
  AND delivery_start_at = timestamptz '%(start)s' + :a * interval '15 minutes' FOR SHARE;
INSERT INTO orders (community_id, delivery_start_at, order_id, side, metering_point_id,
                    grid_connection_id, participant_id, energy_wh, limit_micros, hold_micros,
                    standing_order_id, created_at)
VALUES ('orders', timestamptz '%(start)s' + :a * interval '15 minutes', 'o-' || :id, 'BID',
        'p-' || :n, 'p-' || :n, 'p-' || :n, 500, 150000, 75000, '', now())
ON CONFLICT (community_id, delivery_start_at, order_id) DO NOTHING;
SELECT currency_code FROM ledgers WHERE community_id = 'orders' FOR SHARE;
SELECT balance_micros, held_micros FROM accounts
WHERE community_id = 'orders' AND account_id = 'participant-p-' || :n FOR NO KEY UPDATE;
SELECT period_start_at FROM settlement_periods WHERE community_id = 'orders'
  AND period_start_at = timestamptz '%(start)s' + :a * interval '15 minutes';
INSERT INTO holds (community_id, order_name, period_start_at, participant_id, initial_micros,
                   amount_micros, state)
VALUES ('orders', 'communities/orders/auctions/20270101t000000z/orders/o-' || :id,
        timestamptz '%(start)s' + :a * interval '15 minutes', 'p-' || :n, 75000, 75000, 'OPEN');
UPDATE accounts SET held_micros = held_micros + 75000
WHERE community_id = 'orders' AND account_id = 'participant-p-' || :n;
UPDATE orders SET state = 'ACTIVE' WHERE community_id = 'orders'
  AND delivery_start_at = timestamptz '%(start)s' + :a * interval '15 minutes'
  AND order_id = 'o-' || :id AND state = 'PENDING';
COMMIT;
"""


class Setting:
    """A stack with a community whose participants have points and money."""

    def __init__(self, participants, open_auctions=True):
        """open_auctions: without, the market stands still and the first gate is closed already."""
        self.stack = harness.Stack()
        try:
            self.prepare(participants, open_auctions)
        except BaseException:
            self.stack.close()
            raise

    def prepare(self, participants, open_auctions):
        stack = self.stack
        admin = stack.admin()
        now = datetime.datetime.now(datetime.timezone.utc)
        quarter = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
        self.start = quarter + datetime.timedelta(hours=3 if open_auctions else 0.75)
        if not open_auctions:
            os.kill(stack.pid("market"), signal.SIGSTOP)
        stack.call("POST", "/v1/communities?communityId=orders", {
            "displayName": "Orders", "timeZone": "Etc/UTC", "currencyCode": "EUR",
            "tradingStartTime": self.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "priceMaxPerKwh": harness.money(1_000_000)}, admin)
        devices.psql(stack, "peerwatt_registry", f"""
INSERT INTO users (user_id, email, display_name, roles, password_phc, created_at)
SELECT 'p-' || i, 'p-' || i || '@example.org', 'p-' || i, ARRAY['PROSUMER'], 'none', now()
FROM generate_series(1, {participants}) i;
INSERT INTO participants (participant_id, display_name, community_id, user_id, kyc_state,
                          kyc_reason, kyc_document_kind, kyc_document_sha256, created_at,
                          updated_at)
SELECT 'p-' || i, 'p-' || i, 'orders', 'p-' || i, 'APPROVED', '', 'passport', repeat('0', 64),
       now(), now()
FROM generate_series(1, {participants}) i;
INSERT INTO grid_connections (grid_connection_id, participant_id)
SELECT 'p-' || i, 'p-' || i FROM generate_series(1, {participants}) i;
INSERT INTO metering_points (metering_point_id, participant_id, community_id, grid_connection_id,
                             import_capacity_w, export_capacity_w, created_at)
SELECT 'p-' || i, 'p-' || i, 'orders', 'p-' || i, 1000000, 1000000, now()
FROM generate_series(1, {participants}) i;
ANALYZE;
""")
        stack.eventually("the community has a ledger", lambda: stack.call(
            "GET", f"/v1/{COMMUNITY}/settlementProgress", token=admin))
        devices.psql(stack, "peerwatt_settlement", f"""
INSERT INTO accounts (community_id, account_id, kind, participant_id, balance_micros)
SELECT 'orders', 'participant-p-' || i, 1, 'p-' || i, {FUNDS_MICROS}
FROM generate_series(1, {participants}) i;
UPDATE accounts SET balance_micros = -{FUNDS_MICROS * participants}
WHERE community_id = 'orders' AND account_id = 'payments-in-transit';
UPDATE ledgers SET entry_count = 1 WHERE community_id = 'orders';
INSERT INTO journal_entries (community_id, entry_no, kind, idempotency_key, account_ids,
                             amounts_micros, created_at)
SELECT 'orders', 1, 'deposit', 'deposits/bench',
       array_agg('participant-p-' || i) || 'payments-in-transit'::text,
       array_agg({FUNDS_MICROS}::bigint) || -{FUNDS_MICROS * participants}::bigint, now()
FROM generate_series(1, {participants}) i;
ANALYZE;
""")

        if not open_auctions:
            return

        def opened():
            listed = stack.call("GET", f"/v1/{COMMUNITY}/auctions?pageSize={AUCTIONS}", token=admin)
            self.auctions = [auction["name"] for auction in listed.get("auctions", [])]
            return len(self.auctions) == AUCTIONS

        stack.eventually("the auctions open", opened)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.stack.pid("market"), signal.SIGCONT)
        self.stack.close()


def tls_of(stack, service):
    environment = devices.environment_of(stack.pid(service))
    return {key: value for key, value in environment.items() if key.startswith("PEERWATT_TLS_")}


def place(setting, address, in_flight, prefix, calls=None, extra=()):
    connections, count, _ = LOADS[in_flight]
    done = subprocess.run(
        [harness.BIN / "bench_orders", f"--address={address}", f"--in_flight={in_flight}",
         f"--channels={connections}", f"--calls={calls or count}", f"--prefix={prefix}",
         f"--participants={PARTICIPANTS}", f"--auctions={','.join(setting.auctions)}", *extra],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True, timeout=300,
        env={**os.environ, **tls_of(setting.stack, "gateway")})
    result = json.loads(done.stdout)
    if result["refused"]:
        raise RuntimeError(f"{result['refused']} orders were refused: {result['refusal']}")
    return result


def one_per_transaction(setting, one_order=ONE_ORDER):
    """Orders per second when each is a transaction of its own, by 64 clients."""
    stack = setting.stack
    command, environment = devices.psql_command(stack, "postgres")
    subprocess.run(command + ["-c", "CREATE DATABASE one_per_transaction"], check=True,
                   env=environment)
    for database in ("peerwatt_market", "peerwatt_settlement"):
        dump = ["pg_dump", "-h", "127.0.0.1", "-p", str(stack.document["ports"]["postgres"]), "-U",
                "peerwatt_superuser", "-O", "-x", "-T", "schema_migrations", database]
        if database == "peerwatt_market":
            dump += ["--exclude-table-data=orders"]
        else:
            dump += ["--exclude-table-data=holds"]
        script = subprocess.run(dump, stdout=subprocess.PIPE, text=True, check=True,
                                env=environment).stdout
        # Each service's schema has the same small tables of its own.
        script = re.sub(r"CREATE SCHEMA [^;]*;", "", script)
        restore, _ = devices.psql_command(stack, "one_per_transaction")
        restore[restore.index("ON_ERROR_STOP=1")] = "ON_ERROR_STOP=0"
        subprocess.run(restore, input=script, text=True, check=True, env=environment,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(one_order % {"participants": PARTICIPANTS, "auctions": AUCTIONS,
                                "start": setting.start.isoformat()})
        file.flush()
        out = subprocess.run(
            ["pgbench", "-n", "-M", "prepared", "-c", str(PGBENCH_CLIENTS), "-j", "2", "-T",
             str(PGBENCH_SECONDS), "-f", file.name, "-h", "127.0.0.1", "-p",
             str(stack.document["ports"]["postgres"]), "-U", "peerwatt_superuser",
             "one_per_transaction"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True,
            env=environment).stdout
    kept, _ = devices.psql_command(stack, "one_per_transaction")
    count = subprocess.run(kept + ["-At", "-c", "SELECT count(*) FROM holds"], check=True,
                           stdout=subprocess.PIPE, text=True, env=environment).stdout
    if int(count) == 0:
        raise RuntimeError(f"pgbench placed nothing:\n{out}")
    return float(re.search(r"tps = ([0-9.]+)", out).group(1))


def orders():
    """Orders per second, order and hold committed, at 80 and 1,024 in flight."""
    rates = {(kind, load): [] for kind in ("echo", "orders") for load in LOADS}
    latencies = {}
    with Setting(PARTICIPANTS) as setting, contextlib.ExitStack() as closing:
        echo = devices.Process(harness.BIN / "bench_orders", "--echo_server",
                               environment=tls_of(setting.stack, "market"))
        closing.callback(echo.close)
        market = setting.stack.address("market")
        place(setting, market, 80, "warm", 4000)
        # What autovacuum does within a minute of the first orders: until then plans are blind.
        for database in ("peerwatt_market", "peerwatt_settlement"):
            devices.psql(setting.stack, database, "ANALYZE;")
        for turn in range(ROUNDS):
            for load in LOADS:
                result = place(setting, echo.address, load, "e")
                rates["echo", load].append(result["calls_per_s"])
                result = place(setting, market, load, f"t{turn}-{load}")
                rates["orders", load].append(result["calls_per_s"])
                latencies[load] = result
        single = one_per_transaction(setting)
    for load, (_, _, goal) in LOADS.items():
        yield {"figure": f"orders_{load}_in_flight",
               "value": devices.median(rates["orders", load]), "unit": "orders/s",
               "limit": devices.median(rates["echo", load]), "goal": goal,
               "lower_is_better": False}
    best = max(devices.median(rates["orders", load]) for load in LOADS)
    yield {"figure": "orders_durable", "value": best, "unit": "orders/s", "limit": single,
           "goal": 3.0, "lower_is_better": False}
    for load, result in latencies.items():
        for name in ("p50", "p99"):
            yield {"figure": f"orders_{load}_in_flight_{name}", "value": result[f"{name}_ms"],
                   "unit": "ms", "limit": load / result["calls_per_s"] * 1e3,
                   "goal": 3.0 if name == "p99" else 1.5, "lower_is_better": True}
