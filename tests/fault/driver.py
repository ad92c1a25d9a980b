"""Breaks things on purpose and says what held, each with its negative control.

Usage: driver.py [--list] [--json] [NAME or GROUP …]
"""

import argparse
import importlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from rehearsal import VICTIMS, Rehearsal, difference  # noqa: E402

DAYS = ["--days", "2", "--households", "6", "--speed", "7500", "--seed", "7"]


def kill():
    """kill -9 of each process in mid-day: same ledger. Control: commits that are not durable."""
    undisturbed = Rehearsal(*DAYS)
    disturbed = Rehearsal(*DAYS, victims=VICTIMS)
    only_left, only_right = difference(undisturbed.ledger or [], disturbed.ledger or [])
    holds = (undisturbed.code == 0 and disturbed.code == 0 and disturbed.proofs_hold and
             bool(undisturbed.ledger) and not only_left and not only_right and
             disturbed.kills == VICTIMS)
    # Without durable commits a killed database forgets what was acknowledged.
    forgetful = "synchronous_commit=off;wal_writer_delay=10s;wal_writer_flush_after=1GB"
    careless = Rehearsal(*DAYS, victims=["postgres"] * 3, kill_every_s=4,
                         environment={"PEERWATT_POSTGRES_SETTINGS": forgetful})
    lost = difference(undisturbed.ledger or [], careless.ledger or [])
    found = careless.code != 0 or lost != ([], [])
    yield {"fault": "kill", "holds": holds, "control": "found" if found else "missed",
           "kills": len(disturbed.kills), "entries": len(undisturbed.ledger or []),
           "entries_lost": len(only_left), "entries_added": len(only_right)}


def exhausted_files():
    """A gateway without file descriptors takes devices again. Control: gRPC's own accept loop."""
    import exhausted_files as fault
    yield from fault.run()


def metering(name, meaning, module="metering_faults"):
    """A fault of another file, which is loaded when it is run."""
    def run():
        yield from getattr(importlib.import_module(module), name)()
    run.__doc__ = meaning
    return "metering", run


def market(name, meaning):
    """A fault of the market."""
    _, run = metering(name, meaning, "market_faults")
    return "market", run


def ledger(name, meaning, module="ledger_faults"):
    """A fault of the ledger, or of settlement."""
    _, run = metering(name, meaning, module)
    return "settlement", run


FAULTS = {
    "kill": ("settlement", kill), "exhausted_files": ("gateway", exhausted_files),
    "stolen_lease": market(
        "stolen_lease", "The holder of a lease stands still, another takes over. Control: no tokens."),
    "order_calls": market(
        "order_calls",
        "Killed at every database call of placement and clearing. Control: nobody heals."),
    "self_trades": market(
        "self_trades",
        "10^6 orders in every mode, owners with many accounts. Control: owners not known."),
    "bank": ledger(
        "bank", "Eight hot accounts, 60 s, accounts opened: 0 negative. Control: no locks."),
    "ledger_deliveries": ledger(
        "ledger_deliveries", "100,000 calls up to five times: one effect each. Control: no keys."),
    "ledger_calls": ledger(
        "ledger_calls", "Killed at every database call: nothing half. Control: two transactions."),
    "payment_calls": ledger(
        "payment_calls", "Payments killed at every database call. Control: two transactions."),
    "ledger_kills": ledger(
        "ledger_kills", "90 kills and stops under load: nothing lost. Control: lazy commits."),
    "statement_calls": ledger(
        "statement_calls", "Killed at every call of issuing: no gaps. Control: two transactions.",
        "statement_faults"),
    "duplicates": metering(
        "duplicates",
        "Each batch five times, 20 kills of each process: 0 Wh off. Control: adding up."),
    "acknowledged": metering(
        "acknowledged", "Acknowledged and missing under 20 kills: 0. Control: lazy commits."),
    "frozen_database": metering(
        "frozen_database", "Database frozen 30 s under 200 streams. Control: no bounds."),
    "concurrent_corrections": metering(
        "concurrent_corrections", "Six correct one day at once. Control: read, add, write.",
        "metering_corrections"),
    "clock_skew": metering(
        "clock_skew", "A device two hours ahead is refused its future. Control: right times.",
        "metering_corrections"),
}
GROUPS = ["metering", "market", "settlement", "gateway", "log"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="names or groups; all if none")
    parser.add_argument("--list", action="store_true", help="list the names and stop")
    parser.add_argument("--json", action="store_true", help="one JSON object per fault")
    options = parser.parse_args()
    if options.list:
        for name, (group, run) in FAULTS.items():
            print(f"{name}  ({group})  {run.__doc__}")
        return 0
    unknown = [n for n in options.names if n not in FAULTS and n not in GROUPS]
    if unknown:
        print(f"no fault or group {unknown[0]}; see --list", file=sys.stderr)
        return 2
    all_hold = True
    for name, (group, run) in FAULTS.items():
        if options.names and name not in options.names and group not in options.names:
            continue
        for row in run():
            all_hold = all_hold and row["holds"] and row["control"] == "found"
            if options.json:
                print(json.dumps(row), flush=True)
                continue
            counted = " ".join(f"{key} {value}" for key, value in row.items()
                               if key not in ("fault", "holds", "control"))
            print(f"fault {row['fault']} holds {'yes' if row['holds'] else 'no'} {counted} "
                  f"control {row['control']}", flush=True)
    return 0 if all_hold else 1


if __name__ == "__main__":
    sys.exit(main())
