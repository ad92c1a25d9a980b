"""Gate closure of 100,000 standing orders: from the opening of an auction whose gate is closed
already, so that the market closes it at once, to its trades committed.

Market, settlement, registry and PostgreSQL are the real ones; forecasts come from a stub. The
limit is 5 s.
"""

import contextlib
import subprocess
import time

import devices
import harness
import orders

STANDING_ORDERS = 100_000
LIMIT_S = 5.0
STATES = """
SELECT state, extract(epoch FROM clock_timestamp()), holds_reduced
FROM auctions WHERE community_id = 'orders' ORDER BY delivery_start_at LIMIT 1
"""


class Market:
    """A second market process, with the forecasts of the stub."""

    def __init__(self, stack, metering):
        environment = devices.environment_of(stack.pid("market"))
        environment["PEERWATT_LISTEN_ADDRESS"] = f"127.0.0.1:{devices.free_port()}"
        environment["PEERWATT_METRICS_ADDRESS"] = f"127.0.0.1:{devices.free_port()}"
        environment["PEERWATT_METERING_ADDRESS"] = metering
        self.process = subprocess.Popen([harness.BIN / "peerwatt-market"], env=environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=60)


def watch(stack):
    """Seconds from the opening of the first auction to closed, to cleared and to final; trades.

    Trades are counted only then: that takes as long as a hundred looks at the state.
    """
    command, environment = devices.psql_command(stack, "peerwatt_market")
    session = subprocess.Popen(command + ["-At"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, env=environment, bufsize=1)
    seen = {}
    deadline = time.monotonic() + 120
    try:
        while "final" not in seen:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the auction did not end; seen: {seen}")
            session.stdin.write(STATES.replace("\n", " ") + ";\n\\echo .\n")
            session.stdin.flush()
            line = session.stdout.readline().strip()
            if line != ".":
                state, at, is_final = line.split("|")
                session.stdout.readline()
                seen.setdefault(state, float(at))
                if is_final == "t":
                    seen.setdefault("final", float(at))
            time.sleep(0.02)
        session.stdin.write("SELECT count(*) FROM trades WHERE community_id = 'orders';\n")
        session.stdin.flush()
        trades = session.stdout.readline()
    finally:
        session.kill()
        session.wait()
    start = min(seen.values())
    return {name: at - start for name, at in seen.items()}, int(trades)


def gate_closure():
    """Seconds of each step, the sum against 5 s."""
    with orders.Setting(STANDING_ORDERS, open_auctions=False) as setting, \
            contextlib.ExitStack() as closing:
        stack = setting.stack
        devices.psql(stack, "peerwatt_market", f"""
INSERT INTO standing_orders (community_id, participant_id, standing_order_id, metering_point_id,
                             grid_connection_id, bid_price_micros, offer_price_micros, created_at)
SELECT 'orders', 'p-' || i, 'auto', 'p-' || i, 'p-' || i, 200000 + i % 1000 * 100,
       100000 + i % 1000 * 100, now()
FROM generate_series(1, {STANDING_ORDERS}) i;
ANALYZE;
""")
        stub = devices.Process(harness.BIN / "bench_forecast_stub",
                               environment=orders.tls_of(stack, "metering"))
        closing.callback(stub.close)
        market = Market(stack, stub.address)
        closing.callback(market.close)
        seconds, trades = watch(stack)
    if trades < STANDING_ORDERS / 4:
        raise RuntimeError(f"only {trades} trades")
    for name, state in (("gate_closure_frozen", "CLOSED"), ("gate_closure", "CLEARED"),
                        ("gate_closure_final", "final")):
        yield {"figure": name, "value": seconds.get(state, 0.0), "unit": "s", "limit": LIMIT_S,
               "goal": 1.0 if state != "final" else 2.0, "lower_is_better": True}
