"""Errors of the forecast models beside those of the simple ones, and what a forecast costs."""

import json
import os
import pathlib
import subprocess
import sys

CPU_SECONDS_LIMIT = 2.0  # For 96 intervals of 10,000 metering points.


def rows():
    """What bench_forecast prints, over measured profiles where there are any."""
    binary = pathlib.Path(os.environ["PEERWATT_BIN"]) / "bench_forecast"
    beside = pathlib.Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "hamlet"
    folder = pathlib.Path(os.environ.get("PEERWATT_HAMLET_DIR", beside))
    command = [binary, folder] if folder.is_dir() else [binary]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def mean_error(row):
    return row["absolute_error_wh"] / row["intervals"]


def print_table(scored):
    """Mean absolute error in Wh, the same over the mean energy, and what is forecast too much."""
    print(f"data: {scored[0]['data']}; MAE in Wh per quarter-hour, share of the energy, bias",
          file=sys.stderr)
    for row in scored:
        print(f"  {row['class']:10} {row['horizon']:4} ahead {row['days']:9} {row['model']:12} "
              f"{mean_error(row):7.2f} Wh {row['absolute_error_wh'] / row['actual_wh']:7.1%} "
              f"{row['error_wh'] / row['actual_wh']:+7.1%}", file=sys.stderr)


def measure():
    found = rows()
    scored = [row for row in found if "model" in row]
    print_table(scored)
    judged = [row for row in scored if row["days"] == "judgement"]
    errors = {(row["class"], row["horizon"], row["model"]): mean_error(row) for row in judged}
    for (kind, horizon, model), error in errors.items():
        if model != "smoothed":
            yield {"figure": f"forecast_error_{kind}_{horizon}_against_{model}",
                   "value": errors[kind, horizon, "smoothed"], "unit": "Wh", "limit": error,
                   "goal": 1.0, "lower_is_better": True}
    for row in found:
        if "cost" in row:
            yield {"figure": f"forecast_cost_{row['cost']}", "value": row["cpu_seconds"],
                   "unit": "CPU s", "limit": CPU_SECONDS_LIMIT, "goal": 1.0,
                   "lower_is_better": True}
