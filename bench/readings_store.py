"""Durable readings per second: device → mTLS → gateway → metering → commit → acknowledgement, what
they cost on disk, and how that grows.

The limit is raw COPY: PostgreSQL taking the same readings as rows with the key (metering point,
interval) in binary form, 10,000 per commit, with as many connections as there are streams, at
most eight (the server's processes share the cores anyway).
"""

import contextlib
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import time

import devices
import harness

VALUES = 96                # of a series: a day of quarter-hours
SERIES = 50                # of a batch
EPOCH_2000_S = 946684800
COPY_ROWS = 10_000         # per commit
CONNECTIONS_MAX = 8
DATABASE = "peerwatt_metering"
GROWTH_POINTS = 1000       # of a device
POSTGRES_TITLES = ("postgres: peerwatt_metering ", "postgres: checkpointer", "postgres: walwriter",
                   "postgres: background writer")


@contextlib.contextmanager
def setting(count, points_per_device, environment=None):
    """A stack whose registry knows `count` devices with so many metering points each."""
    devices.allow_many_files()
    stack = harness.Stack(environment=environment)
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield stack, devices.Devices(stack, folder, count, points_per_device), folder
    finally:
        stack.close()


def ask(stack, sql):
    """The one value that a statement returns."""
    command, environment = devices.psql_command(stack, DATABASE)
    return subprocess.run([*command, "-tA", "-c", sql], stdout=subprocess.PIPE, text=True,
                          check=True, env=environment).stdout.strip()


def copy_files(folder, connections, points, days, start_s):
    """Binary COPY files, day by day for all points, of 10,000 rows each, per connection."""
    paths = []
    for connection in range(connections):
        own, rows = [], []

        def flush(own=own, rows=rows, connection=connection):
            path = pathlib.Path(folder) / f"rows-{connection}-{len(own)}"
            path.write_bytes(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0) + b"".join(rows) +
                             struct.pack(">h", -1))
            own.append(path)
            rows.clear()

        for day in range(days):
            for point in range(connection, points, connections):
                for k in range(VALUES):
                    instant = (start_s + day * devices.DAY_S + k * 900 - EPOCH_2000_S) * 1_000_000
                    rows.append(struct.pack(">hiqiqiqih", 4, 8, point, 8, instant, 8,
                                            (point * 7 + k * 13 + day) % 900, 2, 1))
                    if len(rows) == COPY_ROWS:
                        flush()
        if rows:
            flush()
        paths.append(own)
    return paths


def raw_copy(stack, folder, connections, points, days):
    """Rows per second of raw COPY."""
    paths = copy_files(folder, connections, points, days, devices.day_start(days))
    psql, environment = devices.psql_command(stack, DATABASE)
    ask(stack, "CREATE TABLE copied_readings (metering_point_no bigint, interval_start_at "
               "timestamptz, energy_wh bigint, quality smallint, "
               "PRIMARY KEY (metering_point_no, interval_start_at))")
    began = time.monotonic()
    running = []
    for own in paths:
        running.append(subprocess.Popen(psql, stdin=subprocess.PIPE, text=True, env=environment))
        running[-1].stdin.write("".join(
            f"\\copy copied_readings from '{path}' with (format binary)\n" for path in own))
        running[-1].stdin.close()
    for process in running:
        if process.wait() != 0:
            raise RuntimeError("COPY failed")
    seconds = time.monotonic() - began
    rows = int(ask(stack, "SELECT count(*) FROM copied_readings"))
    row_bytes = int(ask(stack, "SELECT pg_total_relation_size('copied_readings')")) / rows
    ask(stack, "DROP TABLE copied_readings")
    for own in paths:
        for path in own:
            path.unlink()
    return rows / seconds, row_bytes


def wait_compacted(stack):
    """Until all that was stored stands in days."""
    while int(ask(stack, "SELECT count(*) FROM blocks")) > 0:
        time.sleep(0.05)


def figure(name, value, limit, goal, unit="readings/s", lower=False):
    return {"figure": name, "value": value, "unit": unit, "limit": limit, "goal": goal,
            "lower_is_better": lower}


def load_of(streams, points_per_device, days):
    return {"streams": streams, "points_per_device": points_per_device, "values_per_series": VALUES,
            "series_per_batch": min(SERIES, points_per_device),
            "batches": days * points_per_device // min(SERIES, points_per_device),
            "connects_per_second": 500, "start_s": devices.day_start(days)}


def ingest(streams, points_per_device, days, replayed):
    """Rates of a first writing and of all of it again, and of raw COPY."""
    with setting(streams, points_per_device) as (stack, fleet, folder):
        address = stack.address("gateway_device")
        load = load_of(streams, points_per_device, days)
        connections = min(streams, CONNECTIONS_MAX)
        limit, _ = raw_copy(stack, folder, connections, streams * points_per_device,
                            min(days, 12))
        rates = {"first": fleet.run(address, first_sequence=1, **load)[1]["readings_per_s"]}
        if replayed:
            again = fleet.run(address, first_sequence=load["batches"] + 1, **load)[1]
            if again["unchanged"] != again["readings"]:
                raise RuntimeError("a replay was stored")
            rates["replay"] = again["readings_per_s"]
        sent = streams * points_per_device * days * VALUES
        stored = int(ask(stack, "SELECT sum(span_count) FROM changes")) * VALUES
        if stored != sent:
            raise RuntimeError(f"{stored} readings noted as changes, {sent} sent")
    return {"limit": limit, **rates}


def readings():
    """8 and 1,000 streams of 96-value series, and all of it a second time, against raw COPY."""
    few = ingest(8, 250, 40, replayed=True)
    yield figure("readings_8_streams", few["first"], few["limit"], 3.0)
    yield figure("readings_replayed", few["replay"], few["limit"], 1.5)
    many = ingest(1000, 10, 8, replayed=False)
    yield figure("readings_1000_streams", many["first"], many["limit"], 3.0)


def sustained():
    """Until the readings stand compacted in their days, and what each costs on disk."""
    streams, points, days = 8, 500, 80
    eager = {"PEERWATT_COMPACTION_DELAY": "100ms"}
    with setting(streams, points, eager) as (stack, fleet, folder):
        load = load_of(streams, points, days)
        limit, row_bytes = raw_copy(stack, folder, streams, streams * points, 6)
        began = time.monotonic()
        fleet.run(stack.address("gateway_device"), first_sequence=1, **load)
        wait_compacted(stack)
        seconds = time.monotonic() - began
        readings_sent = streams * points * days * VALUES
        ask(stack, "VACUUM blocks")
        size = int(ask(stack, "SELECT sum(pg_total_relation_size(t)) FROM unnest(ARRAY["
                              "'days', 'changes', 'shards', 'compactions']::regclass[]) t"))
        yield figure("readings_sustained", readings_sent / seconds, limit, 3.0)
        yield figure("bytes_per_reading", size / readings_sent, 8, 1.0, "bytes", lower=True)
        yield figure("bytes_per_reading_of_rows", size / readings_sent, row_bytes, 0.1, "bytes",
                     lower=True)


def server_cpu(stack):
    """CPU seconds, user and system: of metering, and of PostgreSQL for it: the processes that serve
    it or write for all, and those that ended (vacuum)."""
    postgres = stack.pid("postgres")
    fields = pathlib.Path(f"/proc/{postgres}/stat").read_text().rsplit(")", 1)[1].split()
    seconds = (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
    for folder in pathlib.Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
            title = (folder / "cmdline").read_text()
            if int(parent) == postgres and title.startswith(POSTGRES_TITLES):
                seconds += devices.cpu_seconds(folder.name)
        except OSError:
            continue  # it ended meanwhile
    return devices.cpu_seconds(stack.pid("metering")), seconds


def cpu_per_reading(stack, fleet, sequence, load):
    """Microseconds of metering and of PostgreSQL per reading, until all stands compacted."""
    before = server_cpu(stack)
    fleet.run(stack.address("gateway_device"), first_sequence=sequence, **load)
    wait_compacted(stack)
    sent = load["streams"] * load["batches"] * load["series_per_batch"] * VALUES
    return [(now - then) * 1e6 / sent for now, then in zip(server_cpu(stack), before)]


def growth_load(points, days, first_day):
    # The points of a thousand devices are more than one answer of the registry may hold.
    return dict(load_of(points // GROWTH_POINTS, GROWTH_POINTS, days), connects_per_second=50,
                start_s=devices.day_start(first_day))


def growing(points):
    """A setting with so many points that have one reading each, and the sequence of the next batch:
    what a first reading costs, a number and a question to the registry, is over.

    Validation of the stored days is held back: it comes later, at its own pace, and costs a day of
    a point the same however many there are."""
    environment = {"PEERWATT_COMPACTION_DELAY": "500ms",
                   "PEERWATT_VALIDATION_POLL_INTERVAL": "1h"}

    @contextlib.contextmanager
    def made():
        with setting(points // GROWTH_POINTS, GROWTH_POINTS, environment) as (stack, fleet, _):
            first = growth_load(points, 1, 400)
            fleet.run(stack.address("gateway_device"), first_sequence=1,
                      **dict(first, values_per_series=1))
            wait_compacted(stack)
            yield stack, fleet, first["batches"] + 1
    return made()


def growth():
    """CPU per reading with a million points against ten thousand, and after 20 million readings."""
    with growing(10_000) as (stack, fleet, sequence):
        costs = []
        for days, first_day in ((10, 100), (21, 80), (10, 40)):
            load = growth_load(10_000, days, first_day)
            costs.append(cpu_per_reading(stack, fleet, sequence, load))
            sequence += load["batches"]
    with growing(1_000_000) as (stack, fleet, sequence):
        load = growth_load(1_000_000, 1, 100)
        many = cpu_per_reading(stack, fleet, sequence, load)
    few, _, later = costs
    for name, value, goal in (("cpu_at_1000000_points", many, 1.25),
                              ("cpu_after_20000000_readings", later, 1.15)):
        yield figure(name, sum(value), sum(few), goal, "µs/reading", True)
        for part, now, then in zip(("metering", "postgres"), value, few):
            yield figure(f"{name}_{part}", now, then, goal, "µs/reading", True)


def reads():
    """One interval of 100,000 points, a point's month, and a day of 1,000, against rows."""
    stack = harness.Stack()
    try:
        dsn = (f"host=127.0.0.1 port={stack.document['ports']['postgres']} "
               f"user=peerwatt_superuser dbname=peerwatt_metering "
               f"password={stack.secret('postgres_superuser_password')}")
        out = subprocess.run([harness.BIN / "bench_reads"], stdout=subprocess.PIPE, text=True,
                             check=True, env={**os.environ, "PEERWATT_DATABASE_DSN": dsn}).stdout
    finally:
        stack.close()
    goals = {"slot": 1 / 15, "month": 1.0, "day_of_1000": 1.0}
    for line in out.splitlines():
        row = json.loads(line)
        yield figure(f"read_{row['name']}", row["packed_s"] * 1000, row["rows_s"] * 1000,
                     round(goals[row["name"]], 3), "ms", lower=True)
