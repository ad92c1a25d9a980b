"""What neighbours save with standing orders, beside what they would save with perfect foresight."""

import json
import os
import pathlib
import subprocess
import sys

# Goals of the forecasts, by rationing of equal limits; yesterday's values stand beside them.
GOALS = {"forecast": 0.8, "forecast_pro_rata": 0.8, "yesterday": 0.0, "yesterday_pro_rata": 0.0}


def rows():
    """What bench_autopilot prints, over measured profiles where there are any."""
    binary = pathlib.Path(os.environ["PEERWATT_BIN"]) / "bench_autopilot"
    beside = pathlib.Path(__file__).resolve().parents[1] / ".." / "shared" / "data" / "hamlet"
    folder = pathlib.Path(os.environ.get("PEERWATT_HAMLET_DIR", beside))
    command = [binary, folder] if folder.is_dir() else [binary]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return {row["foresight"]: row for row in map(json.loads, out.splitlines())}


def measure():
    """Savings in euros of 15 days; the limit is that of perfect foresight."""
    found = rows()
    perfect = found["perfect"]
    for name, row in found.items():
        print(f"  {name:18} traded {row['traded_wh'] / 1000:8.1f} kWh, delivered "
              f"{row['delivered_wh'] / 1000:8.1f} kWh, saved {row['saved_micros'] / 1e6:7.2f}",
              file=sys.stderr)
    for name, goal in GOALS.items():
        yield {"figure": f"autopilot_{name}_{perfect['data']}",
               "value": found[name]["saved_micros"] / 1e6, "unit": "EUR saved",
               "limit": perfect["saved_micros"] / 1e6, "goal": goal}
