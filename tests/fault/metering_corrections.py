"""Metering: corrections of the same intervals at once, and devices whose clock is wrong."""

import collections
import os
import random
import subprocess
import threading
import time

import harness
import streams
from metering_faults import Setting
from streams import devices

POINT = streams.point_name(1, 0)
QUARTER_S = 900
OPERATORS, CORRECTIONS = 4, 60


def readings_of(setting, start_s, quarters, revisions):
    """All readings of the point in a span, page by page."""
    path = (f"/v1/{POINT}/readings?startTime={streams.stamp(start_s)}&endTime="
            f"{streams.stamp(start_s + quarters * QUARTER_S)}&pageSize=1000"
            f"&showRevisions={str(revisions).lower()}")
    found, token = [], ""
    while True:
        page = setting.stack.call("GET", f"{path}&pageToken={token}", None, setting.admin)
        found += page.get("readings", [])
        token = page.get("nextPageToken", "")
        if not token:
            return found


def corrections(start_s, seed):
    """Runs of quarter-hours of one day with few values, so that some are the same again; some
    are wrong."""
    dice = random.Random(seed)
    for number in range(CORRECTIONS):
        first, count = dice.randrange(84), dice.randrange(1, 13)
        values = [dice.randrange(3) * 100 for _ in range(count)]
        if number % 10 == 9:
            values[-1] = -1
        yield start_s + first * QUARTER_S, values


class Tally:
    """Readings by what became of them."""

    def __init__(self):
        self.sent = self.stored = self.unchanged = self.refused = 0
        self.lock = threading.Lock()

    def add(self, sent, stored=0, unchanged=0, refused=0):
        with self.lock:
            self.sent += sent
            self.stored += stored
            self.unchanged += unchanged
            self.refused += refused


def operator(setting, tally, start_s, seed):
    def send():
        for start, values in corrections(start_s, seed):
            try:
                answer = setting.stack.call("POST", "/v1/readings:batchCreate", {"series": [
                    {"meteringPoint": POINT, "startTime": streams.stamp(start),
                     "resolution": "900s", "importEnergyWh": [str(v) for v in values]}]},
                    setting.admin)
                tally.add(len(values), int(answer.get("storedCount", 0)),
                          int(answer.get("unchangedCount", 0)))
            except harness.RestError as error:
                if error.reason != "ENERGY_NEGATIVE":
                    raise
                tally.add(len(values), refused=len(values))
    return send


def correcting_device(setting, tally, number, start_s, seed):
    def settled(batch, answer):
        count = len(batch.series[0].import_energy_wh)
        tally.add(count, answer.stored, answer.unchanged, count if answer.code else 0)

    device = setting.device(number, settled)
    return lambda: device.send([
        device.batch(i, (POINT, *one)) for i, one in enumerate(corrections(start_s, seed), 1)])


def sql(stack, script):
    """A psql of its own that runs a script."""
    process = subprocess.Popen(
        ["psql", "-qAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
         str(stack.document["ports"]["postgres"]), "-U", "peerwatt_superuser", "-d", "postgres"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PGPASSWORD": stack.secret("postgres_superuser_password")})
    return lambda: process.communicate(script, timeout=60)[0].strip()


def lost_updates(stack):
    """How many of the revisions get lost that read, add one, and write without a lock."""
    sql(stack, "CREATE TABLE careless (revision integer); INSERT INTO careless VALUES (0);")()
    one = "SELECT revision AS r FROM careless \\gset\nUPDATE careless SET revision = :r + 1;\n"
    streams.run_all([sql(stack, one * 200) for _ in range(6)])
    return 6 * 200 - int(sql(stack, "SELECT revision FROM careless;")())


def concurrent_corrections():
    """Two devices and four operators correct one day at once. Control: read, add, write."""
    start_s = devices.day_start(3)
    with Setting(2, 1) as setting:
        tally = Tally()
        streams.run_all(
            [operator(setting, tally, start_s, seed) for seed in range(OPERATORS)] +
            [correcting_device(setting, tally, number, start_s, 10 + number)
             for number in (1, 2)])
        history = collections.defaultdict(list)
        for reading in readings_of(setting, start_s, streams.QUARTERS, True):
            history[reading["startTime"]].append(reading)
        latest = readings_of(setting, start_s, streams.QUARTERS, False)
        lost = lost_updates(setting.stack)
    revisions = sum(len(some) for some in history.values())
    for some in history.values():
        some.sort(key=lambda reading: reading["revision"])
    # Numbered without a gap, none equal to the one before, and the last is the one that counts.
    in_order = all(
        [r["revision"] for r in some] == list(range(1, len(some) + 1)) and
        all(a.get("importEnergyWh") != b.get("importEnergyWh") for a, b in zip(some, some[1:]))
        for some in history.values())
    last = {start: some[-1] for start, some in history.items()}
    agrees = {r["startTime"]: r for r in latest} == last
    yield {"fault": "concurrent_corrections", "control": "found" if lost else "missed",
           "holds": tally.sent == tally.stored + tally.unchanged + tally.refused and
                    revisions == tally.stored and in_order and agrees and tally.unchanged > 0,
           "sent": tally.sent, "stored": tally.stored, "unchanged": tally.unchanged,
           "refused": tally.refused, "revisions": revisions, "lost_by_careless_sql": lost}


SKEW = 8  # quarter-hours by which the clock of the device runs ahead


def reason_of(setting, answer):
    info = setting.api.message("google.rpc.ErrorInfo")()
    for kind, value in answer.details:
        if kind.endswith("google.rpc.ErrorInfo"):
            info.ParseFromString(value)
    return info.reason


def clock_skew():
    """A device that is two hours ahead: its future is refused. Control: the right times."""
    with Setting(1, 1) as setting:
        now = int(time.time()) // QUARTER_S * QUARTER_S
        answers = []
        device = setting.device(1, lambda batch, answer: answers.append(
            (batch.sequence, answer.code, reason_of(setting, answer), answer.stored)))

        def send(first_sequence, quarters, shift):
            """One quarter-hour per batch; returns answers. Values tell the true time."""
            answers.clear()
            for i, quarter in enumerate(quarters):
                device.send([device.batch(first_sequence + i, (
                    POINT, now + (quarter + shift) * QUARTER_S, [1000 + quarter]))])
            return list(answers)

        state = lambda: readings_of(setting, now - 40 * QUARTER_S, 80, True)
        # The current quarter-hour is left out: it may end meanwhile.
        past, future = range(-16, -8), range(-7, 0)
        earlier = send(1, past, SKEW)
        before = state()
        refused = send(100, future, SKEW)
        answers.clear()
        device.send([device.batch(200, (POINT, now - 2 * QUARTER_S, [5] * 6))])
        refused += answers
        kept = state() == before
        findings = lambda: [
            f for f in setting.stack.call("GET", f"/v1/{POINT}/findings?pageSize=1000", None,
                                          setting.admin).get("findings", [])
            if f["rule"] == "FUTURE"]
        starts = {streams.stamp(now + (quarter + SKEW) * QUARTER_S) for quarter in future}
        setting.stack.eventually("the findings are listed",
                                 lambda: starts <= {f["startTime"] for f in findings()}, 60)
        found_count = len(findings())
        right = send(300, future, 0)
        more = len(findings()) - found_count
    stored_right = sum(answer[3] for answer in right)
    yield {"fault": "clock_skew",
           "holds": kept and all(a[1] == 0 and a[3] == 1 for a in earlier) and
                    len(before) == len(past) and
                    all(a[2] == "READING_IN_FUTURE" for a in refused),
           "control": "found" if stored_right == len(future) and more == 0 else "missed",
           "earlier_stored": len(earlier), "refused": len(refused), "findings": found_count,
           "stored_at_right_times": stored_right}
