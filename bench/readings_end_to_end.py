"""Durable readings per second: device → mTLS → gateway → metering → commit → acknowledgement.

The limit is PostgreSQL taking the same readings as rows with the key (metering point, interval) by
COPY in binary form, 10,000 per commit, with as many connections as there are streams.
"""

import datetime
import pathlib
import struct
import subprocess
import tempfile
import threading
import time

import harness

STREAMS = 8
POINTS = 50       # metering points of one device
DAYS = 12         # one batch holds a day of 96 values for each point of the device
VALUES = 96
WINDOW = 8        # batches under way per stream
METHOD = "/peerwatt.metering.v1.Metering/StreamReadings"
EPOCH_2000 = 946684800


def prepare(stack, api, folder):
    """Makes the community, points and devices; returns (device, serialised batches) per stream."""
    admin = stack.admin()
    stack.call("POST", "/v1/communities?communityId=bench", {
        "displayName": "Bench", "timeZone": "Etc/UTC", "currencyCode": "EUR",
        "tradingStartTime": "2035-01-01T00:00:00Z", "priceMaxPerKwh": harness.money(1_000_000)},
        admin)
    owner = harness.Household(stack, admin, "communities/bench", "owner", deposit_micros=0)
    now = datetime.datetime.now(datetime.timezone.utc)
    first = int(now.timestamp()) // 86400 * 86400 - DAYS * 86400
    Request = api.message("peerwatt.metering.v1.StreamReadingsRequest")
    prepared = []
    for stream in range(STREAMS):
        points = []
        for index in range(POINTS):
            key = f"p{stream}-{index}x"
            stack.call("POST", f"/v1/meteringPoints?meteringPointId={key}",
                       {"participant": owner.participant, "importCapacityW": 20_000,
                        "exportCapacityW": 20_000}, admin)
            points.append(f"meteringPoints/{key}")
        device = harness.Device(stack, admin, f"device-{stream}", points, folder)
        batches = []
        for day in range(DAYS):
            request = Request()
            request.batch.sequence = day + 1
            for number, point in enumerate(points):
                series = request.batch.series.add()
                series.metering_point = point
                series.start_time.seconds = first + day * 86400
                series.resolution.seconds = 900
                series.import_energy_wh.extend((number * 7 + k * 13 + day) % 900
                                               for k in range(VALUES))
            batches.append(request.SerializeToString())
        prepared.append((device, batches))
    return prepared, first


def run_stream(stack, api, root, device, batches, ready, start, failures):
    Request = api.message("peerwatt.metering.v1.StreamReadingsRequest")
    Response = api.message("peerwatt.metering.v1.StreamReadingsResponse")
    window = threading.Semaphore(WINDOW)
    opening = Request()
    opening.open.SetInParent()

    def requests():
        yield opening.SerializeToString()
        start.wait()
        for batch in batches:
            window.acquire()
            yield batch

    acknowledged = 0
    with harness.stream_channel(stack, device.credentials(root)) as channel:
        call = channel.stream_stream(METHOD, lambda b: b, Response.FromString)
        for answer in call(requests(), timeout=600):
            if answer.HasField("opened"):
                ready.release()
                continue
            # One answer may speak for several batches.
            window.release(answer.acknowledgement.sequence - acknowledged)
            acknowledged = answer.acknowledgement.sequence
            if answer.acknowledgement.status.code != 0:
                failures.append(answer.acknowledgement.status)


def end_to_end(stack, api, prepared):
    root = harness.gateway_authority(stack)
    ready, start, failures = threading.Semaphore(0), threading.Event(), []
    threads = [threading.Thread(target=run_stream, args=(
        stack, api, root, device, batches, ready, start, failures))
        for device, batches in prepared]
    for thread in threads:
        thread.start()
    for _ in threads:
        ready.acquire()
    began = time.monotonic()
    start.set()
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - began
    if failures:
        raise RuntimeError(f"{len(failures)} batches were refused: {failures[0]}")
    return STREAMS * POINTS * DAYS * VALUES / seconds


def copy_files(folder, first):
    """Writes each stream's rows as binary COPY files of 10,000 rows; the last may be shorter."""
    paths = []
    for stream in range(STREAMS):
        rows = []
        for day in range(DAYS):
            for number in range(POINTS):
                for k in range(VALUES):
                    instant = (first + day * 86400 + k * 900 - EPOCH_2000) * 1_000_000
                    value = (number * 7 + k * 13 + day) % 900
                    rows.append(struct.pack(">hiqiqiqih", 4, 8, stream * POINTS + number, 8,
                                            instant, 8, value, 2, 1))
        own = []
        for chunk in range(0, len(rows), 10_000):
            path = pathlib.Path(folder) / f"rows-{stream}-{chunk}"
            path.write_bytes(b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0) +
                             b"".join(rows[chunk:chunk + 10_000]) + struct.pack(">h", -1))
            own.append(path)
        paths.append(own)
    return paths


def raw_copy(stack, folder, first):
    paths = copy_files(folder, first)
    port = stack.document["ports"]["postgres"]
    environment = {"PGPASSWORD": stack.secret("postgres_superuser_password"), "PATH": "/usr/bin:/bin"}
    psql = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U",
            "peerwatt_superuser", "-d", "peerwatt_metering"]
    subprocess.run(psql + ["-c", "CREATE TABLE copied_readings (metering_point_no bigint, "
                           "interval_start_at timestamptz, energy_wh bigint, quality smallint, "
                           "PRIMARY KEY (metering_point_no, interval_start_at))"],
                   check=True, env=environment)
    began = time.monotonic()
    running = []
    for own in paths:
        script = "\n".join(f"\\copy copied_readings from '{path}' with (format binary)"
                           for path in own)
        running.append(subprocess.Popen(psql, stdin=subprocess.PIPE, text=True, env=environment))
        running[-1].stdin.write(script + "\n")
        running[-1].stdin.close()
    for process in running:
        if process.wait() != 0:
            raise RuntimeError("COPY failed")
    seconds = time.monotonic() - began
    subprocess.run(psql + ["-c", "DROP TABLE copied_readings"], check=True, env=environment)
    return STREAMS * POINTS * DAYS * VALUES / seconds


def measure():
    stack = harness.Stack()
    try:
        with tempfile.TemporaryDirectory() as folder:
            api = harness.Api()
            prepared, first = prepare(stack, api, pathlib.Path(folder))
            value = end_to_end(stack, api, prepared)
            limit = raw_copy(stack, folder, first)
    finally:
        stack.close()
    return {"figure": "readings_end_to_end", "value": value, "unit": "readings/s", "limit": limit,
            "goal": 3.0, "lower_is_better": False}
