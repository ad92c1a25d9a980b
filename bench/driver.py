"""Prints figures, each next to the limit it is compared with in the same run.

Usage: driver.py [--list] [--json] [NAME or GROUP …]
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))


def lines_of(program, *arguments):
    """What a program of ours prints, one JSON object per line."""
    binary = pathlib.Path(os.environ["PEERWATT_BIN"]) / program
    out = subprocess.run([binary, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def clearing():
    """Clearing N orders of one zone against std::sort and a sweep, and against CppTrader."""
    goals = {1_000: 0.8, 10_000: 1.0, 100_000: 5.0, 1_000_000: 5.0, 10_000_000: 5.0}
    per_order = {}
    for row in lines_of("bench_clearing"):
        orders = row["orders"]
        per_order[orders] = row["clear_seconds"] / orders * 1e9
        yield {"figure": f"clearing_{orders}", "value": orders / row["clear_seconds"],
               "unit": "orders/s", "limit": orders / row["sort_seconds"],
               "goal": goals[orders], "lower_is_better": False}
        yield {"figure": f"clearing_{orders}_against_{row['peer']}",
               "value": orders / row["clear_seconds"], "unit": "orders/s",
               "limit": orders / row["peer_seconds"], "goal": 10.0, "lower_is_better": False}
    yield {"figure": "clearing_growth", "value": per_order[10_000_000], "unit": "ns/order",
           "limit": per_order[10_000], "goal": 1.2, "lower_is_better": True}


def zones():
    """A tree of 1,000 zones and 1,000 communities against one zone; the checker against both."""
    row = lines_of("bench_zones")[0]
    for name, limit, goal in (("tree", "one_zone", 3.0), ("capped_tree", "one_zone", 3.0),
                              ("communities", "one_zone", 2.0),
                              ("one_zone_check", "one_zone", 0.5), ("tree_check", "tree", 0.5)):
        yield {"figure": f"clearing_{name}", "value": row[name], "unit": "s",
               "limit": row[limit], "goal": goal, "lower_is_better": True}


def orders():
    """Durable orders per second against an echo and one order per transaction; p50 and p99."""
    import orders as figure
    yield from figure.orders()


def trading():
    """Durable continuous orders per second against one order per transaction; p50 and p99."""
    import trading as figure
    yield from figure.trading()


def gate_closure():
    """From gate closure of 100,000 standing orders to their trades committed, in seconds."""
    import gate_closure as figure
    yield from figure.gate_closure()


def preferences():
    """Clearing with preferences over full lines, also the worst that fits the market's bounds,
    against the five seconds of a gate closure; the checker against the clearing."""
    for row in lines_of("bench_preferences"):
        yield {"figure": f"preferences_{row['book']}", "value": row["seconds"], "unit": "s",
               "limit": 5.0, "goal": 1.0, "lower_is_better": True}
        yield {"figure": f"preferences_{row['book']}_check", "value": row["check_seconds"],
               "unit": "s", "limit": row["seconds"], "goal": 0.5, "lower_is_better": True}


def book():
    """Continuous matching in memory, one core, against CppTrader, or else books of std::map."""
    for row in lines_of("bench_book"):
        yield {"figure": f"book_{row['stream']}_against_{row['peer']}",
               "value": row["commands"] / row["grouped_seconds"], "unit": "commands/s",
               "limit": row["commands"] / row["peer_seconds"],
               "goal": 1.5 if row["stream"].startswith("one") else 3.0, "lower_is_better": False}


def store(name):
    """The figure `name` of readings_store."""
    def run():
        import readings_store
        yield from getattr(readings_store, name)()
    run.__doc__ = {
        "readings": "Acknowledged readings per second, device to commit, against raw COPY.",
        "sustained": "The same until they are compacted, and bytes per reading.",
        "reads": "One interval of 100,000 points, a month, a day of 1,000, against rows.",
        "growth": "CPU per reading with a million points, and after 20 million readings.",
    }[name]
    return run


def fleet(name):
    """The figure `name` of readings_fleet."""
    def run():
        import readings_fleet
        yield from getattr(readings_fleet, name)()
    run.__doc__ = {
        "single_message": "One reading per message, a fleet of 1,000, against a gRPC echo.",
        "idle_devices": "10,000 silent devices: memory, CPU of the others, all at once.",
        "acknowledgement_latency": "From due to acknowledged, at half load and at full.",
    }[name]
    return run


def agent_footprint():
    """Size of the agent's program and its memory while it reads two meters."""
    import agent_footprint as footprint
    yield from footprint.measure()


def forecast():
    """Errors of the forecast models against persistence, and the CPU time of 10,000 points."""
    import forecast as backtest
    yield from backtest.measure()


def files():
    """Readings of a CSV file per second against COPY of the same rows as text; no goal."""
    import file_import
    yield file_import.measure()


def signed_ingest():
    """CPU of a signed batch of 50 x 96 values, judged to committed, against the same unsigned."""
    binary = pathlib.Path(os.environ["PEERWATT_BIN"]) / "bench_signed_ingest"
    out = subprocess.run([binary], stdout=subprocess.PIPE, text=True, check=True).stdout
    row = json.loads(out)
    yield {"figure": "signed_ingest", "value": row["signed_cpu_ms"], "unit": "ms CPU/batch",
           "limit": row["unsigned_cpu_ms"], "goal": 1.5, "lower_is_better": True}


def autopilot():
    """Savings of 15 days by standing orders against the same with perfect foresight."""
    import autopilot as backtest
    yield from backtest.measure()


def ledger():
    """Double entry in batches against COPY, one per call against pgbench, growth with accounts."""
    import ledger as figure
    yield from figure.measure()


def verify():
    """Independent verification of exported books per core, reading included, against splitting."""
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        row = lines_of("bench_verify", f"--folder={folder}/books")[0]
    rate = row["entries"] / row["verify_cpu_seconds"]
    yield {"figure": "verify", "value": rate, "unit": "entries/s/core", "limit": 1e6, "goal": 1.0,
           "lower_is_better": False}
    yield {"figure": "verify_against_splitting", "value": rate, "unit": "entries/s/core",
           "limit": row["entries"] / row["split_cpu_seconds"], "goal": 0.25,
           "lower_is_better": False}


def settlement_runs(part):
    """A figure of bench/settle.py."""
    def run():
        import settle
        yield from getattr(settle, part)()
    run.__doc__ = {
        "settle": "One period of 100,000 points and 300,000 trades against COPY of its rows.",
        "settle_large": "A period of 1,000,000 points, per million transfers and against 10,000.",
        "settled_bytes": "Bytes of a settled reading, with and without trades.",
        "restate": "A month for one corrected meter in a community of 1,000."}[part]
    return run


def statement():
    """A month's statement with its PDF, against 200 ms and a bare SELECT of its lines."""
    import statement as figure
    yield from figure.measure()


# Name -> (group, what yields its figures).
FIGURES = {
    "clearing": ("market", clearing),
    "zones": ("market", zones),
    "orders": ("market", orders),
    "trading": ("market", trading),
    "gate_closure": ("market", gate_closure),
    "preferences": ("market", preferences),
    "book": ("market", book),
    "autopilot": ("market", autopilot),
    "ledger": ("settlement", ledger),
    "verify": ("settlement", verify),
    "settle": ("settlement", settlement_runs("settle")),
    "settle_large": ("settlement", settlement_runs("settle_large")),
    "settled_bytes": ("settlement", settlement_runs("settled_bytes")),
    "restate": ("settlement", settlement_runs("restate")),
    "statement": ("settlement", statement),
    "readings": ("metering", store("readings")),
    "sustained": ("metering", store("sustained")),
    "growth": ("metering", store("growth")),
    "reads": ("metering", store("reads")),
    "single_message": ("metering", fleet("single_message")),
    "idle_devices": ("metering", fleet("idle_devices")),
    "acknowledgement_latency": ("metering", fleet("acknowledgement_latency")),
    "agent_footprint": ("metering", agent_footprint),
    "files": ("metering", files),
    "forecast": ("metering", forecast),
    "signed_ingest": ("metering", signed_ingest),
}
GROUPS = ["metering", "market", "settlement", "gateway", "log"]


def number(value):
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="names or groups; all if none")
    parser.add_argument("--list", action="store_true", help="list the names and stop")
    parser.add_argument("--json", action="store_true", help="one JSON object per figure")
    options = parser.parse_args()
    if options.list:
        for name, (group, run) in FIGURES.items():
            print(f"{name}  ({group})  {run.__doc__}")
        return 0
    unknown = [n for n in options.names if n not in FIGURES and n not in GROUPS]
    if unknown:
        print(f"no figure or group {unknown[0]}; see --list", file=sys.stderr)
        return 2
    for name, (group, run) in FIGURES.items():
        if options.names and name not in options.names and group not in options.names:
            continue
        for figure in run():
            figure["ratio"] = figure["value"] / figure["limit"]
            if options.json:
                print(json.dumps(figure), flush=True)
            else:
                print(f"figure {figure['figure']} value {number(figure['value'])} "
                      f"unit {figure['unit']} limit {number(figure['limit'])} "
                      f"ratio {figure['ratio']:.2f} goal {figure['goal']}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
