"""Durable continuous orders by unary calls, against the same SQL of one order per transaction.

Bids and offers come by turns on 16 books, at prices of which about half cross; each is answered
when the order, its hold, and what it traded are committed.
"""

import subprocess

import devices
import harness
import orders as placing

ROUNDS = 3
IN_FLIGHT = 1024

# What one continuous order costs, in one transaction; every second one trades with one that rests.
ONE_ORDER = placing.ONE_ORDER.replace("""UPDATE orders SET state = 'ACTIVE' WHERE""", r"""
\set t random(0, 1)
\set e random(1, 9000000000000)
SELECT last_event_number, trade_count FROM order_books WHERE community_id = 'orders'
  AND delivery_start_at = timestamptz '%(start)s' + :a * interval '15 minutes' FOR NO KEY UPDATE;
SELECT order_id, state FROM orders WHERE community_id = 'orders'
  AND delivery_start_at = timestamptz '%(start)s' + :a * interval '15 minutes'
  AND order_id = 'o-' || :id;
SELECT owner_id FROM beneficial_owners WHERE community_id = 'orders'
  AND participant_id = 'p-' || :n ORDER BY recorded_at DESC LIMIT 1;
INSERT INTO book_events (community_id, delivery_start_at, event_number, kind, reason, side,
                         order_number, order_id, resting_number, resting_order_id, energy_wh,
                         price_micros, trade_number, created_at)
VALUES ('orders', timestamptz '%(start)s' + :a * interval '15 minutes', :e::bigint * 2,
        'ACCEPTED', '', 'BID', :e, 'o-' || :id, 0, '', 500, 150000, 0, now());
\if :t
INSERT INTO book_events (community_id, delivery_start_at, event_number, kind, reason, side,
                         order_number, order_id, resting_number, resting_order_id, energy_wh,
                         price_micros, trade_number, created_at)
VALUES ('orders', timestamptz '%(start)s' + :a * interval '15 minutes', :e::bigint * 2 + 1,
        'TRADED', '', 'BID', :e, 'o-' || :id, :e, 'o-' || :id, 100, 150000, 1, now());
INSERT INTO trades (community_id, delivery_start_at, trade_number, bid_order_id, offer_order_id,
                    energy_wh, price_micros, buyer_metering_point_id, seller_metering_point_id,
                    buyer_id, seller_id, buyer_price_micros, network_fee_micros, origin, traded_at)
VALUES ('orders', timestamptz '%(start)s' + :a * interval '15 minutes',
        :e::bigint %% 2000000000 + 1, 'o-' || :id, 'o-' || :id, 100, 150000, 'p-' || :n, 'p-' || :n, 'p-' || :n, 'q', 150000, 0,
        'CONTINUOUS', now());
UPDATE orders SET hold_micros = 60000 WHERE community_id = 'orders'
  AND delivery_start_at = timestamptz '%(start)s' + :a * interval '15 minutes'
  AND order_id = 'o-' || :id;
\endif
UPDATE order_books SET last_event_number = last_event_number + 1
WHERE community_id = 'orders'
  AND delivery_start_at = timestamptz '%(start)s' + :a * interval '15 minutes';
UPDATE orders SET state = 'ACTIVE' WHERE""")


def turn_on(setting):
    """Turns continuous trading on for all deliveries."""
    stack = setting.stack
    stack.call("POST", f"/v1/{placing.COMMUNITY}/controls:addOrderLimits", {
        "version": 1, "validFromTime": setting.start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "priceMinPerKwh": harness.money(0),
        "priceMaxPerKwh": harness.money(1_000_000), "energyWhMin": "1",
        "energyWhMax": "1000000000000", "openOrdersMax": 1000000,
        "continuousTrading": True}, stack.admin())


def count_trades(setting):
    command, environment = devices.psql_command(setting.stack, "peerwatt_market")
    return int(subprocess.run(
        command + ["-At", "-c", "SELECT count(*) FROM trades WHERE origin = 'CONTINUOUS'"],
        check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout)


def trading():
    """Continuous orders per second, matched and committed, at 1,024 in flight."""
    rates, results = [], []
    with placing.Setting(placing.PARTICIPANTS) as setting:
        turn_on(setting)
        market = setting.stack.address("market")
        flags = ("--continuous",)
        placing.place(setting, market, IN_FLIGHT, "warm", 4000, flags)
        for database in ("peerwatt_market", "peerwatt_settlement"):
            devices.psql(setting.stack, database, "ANALYZE;")
        for turn in range(ROUNDS):
            results.append(placing.place(setting, market, IN_FLIGHT, f"t{turn}", None, flags))
            rates.append(results[-1]["calls_per_s"])
        trades = count_trades(setting)
        if trades < 1000:
            raise RuntimeError(f"hardly anything traded: {trades}")
        single = placing.one_per_transaction(setting, ONE_ORDER)
    yield {"figure": "trading_durable", "value": devices.median(rates), "unit": "orders/s",
           "limit": single, "goal": 3.0, "lower_is_better": False}
    for name in ("p50", "p99"):
        yield {"figure": f"trading_{IN_FLIGHT}_in_flight_{name}",
               "value": results[-1][f"{name}_ms"], "unit": "ms",
               "limit": IN_FLIGHT / results[-1]["calls_per_s"] * 1e3,
               "goal": 3.0 if name == "p99" else 1.5, "lower_is_better": True}
