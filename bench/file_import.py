"""Readings of a CSV file per second, from the client to the commit.

The limit is PostgreSQL taking the same rows as text by COPY, with the key (metering point,
interval), 10,000 per commit, over one connection.
"""

import datetime
import pathlib
import subprocess
import tempfile
import time

import devices
import harness

POINTS = 10
READINGS = 48_000  # of each point
QUARTER = datetime.timedelta(minutes=15)
ROWS_PER_COMMIT = 10_000


def rows():
    """(point number, start, Wh) in the order of the file."""
    first = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    for point in range(POINTS):
        for k in range(READINGS):
            yield point, first + k * QUARTER, (point * 7 + k * 13) % 900


def import_file(stack, folder):
    admin = stack.admin()
    stack.call("POST", "/v1/communities?communityId=bench", {
        "displayName": "Bench", "timeZone": "Etc/UTC", "currencyCode": "EUR",
        "tradingStartTime": "2035-01-01T00:00:00Z", "priceMaxPerKwh": harness.money(1_000_000)},
        admin)
    owner = harness.Household(stack, admin, "communities/bench", "owner", deposit_micros=0)
    for point in range(POINTS):
        stack.call("POST", f"/v1/meteringPoints?meteringPointId=p{point}x",
                   {"participant": owner.participant, "importCapacityW": 20_000,
                    "exportCapacityW": 20_000}, admin)
    path = folder / "readings.csv"
    with path.open("w") as file:
        file.write("metering_point,start_time,end_time,import_wh\n")
        for point, start, wh in rows():
            file.write(f"p{point}x,{start:%Y-%m-%dT%H:%M:%SZ},"
                       f"{start + QUARTER:%Y-%m-%dT%H:%M:%SZ},{wh}\n")
    began = time.monotonic()
    done = subprocess.run([harness.BIN / "peerwatt", "readings", "import", "--state", stack.state,
                           path], stdout=subprocess.PIPE, text=True, check=True)
    seconds = time.monotonic() - began
    if f"stored {POINTS * READINGS}," not in done.stdout:
        raise RuntimeError(done.stdout)
    return POINTS * READINGS / seconds


def raw_copy(stack, folder):
    paths, file = [], None
    for number, (point, start, wh) in enumerate(rows()):
        if number % ROWS_PER_COMMIT == 0:
            if file is not None:
                file.close()
            paths.append(folder / f"rows-{number}")
            file = paths[-1].open("w")
        file.write(f"{point}\t{start:%Y-%m-%dT%H:%M:%SZ}\t{wh}\t1\n")
    file.close()
    psql, environment = devices.psql_command(stack, "peerwatt_metering")
    subprocess.run(psql + ["-c", "CREATE TABLE copied_readings (metering_point_no bigint, "
                           "interval_start_at timestamptz, energy_wh bigint, quality smallint, "
                           "PRIMARY KEY (metering_point_no, interval_start_at))"],
                   check=True, env=environment)
    script = "\n".join(f"\\copy copied_readings from '{path}'" for path in paths)
    began = time.monotonic()
    subprocess.run(psql, input=script + "\n", check=True, env=environment, text=True)
    return POINTS * READINGS / (time.monotonic() - began)


def measure():
    stack = harness.Stack()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            value = import_file(stack, folder)
            limit = raw_copy(stack, folder)
    finally:
        stack.close()
    return {"figure": "file_import", "value": value, "unit": "readings/s", "limit": limit,
            "goal": 0, "lower_is_better": False}
