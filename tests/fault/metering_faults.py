"""Metering: is every reading counted once, and none lost, whatever breaks?"""

import collections
import random
import tempfile
import threading
import time

import harness
import streams
from streams import devices

DEVICES = 8
KILL_ORDER = ["metering", "gateway", "postgres", "registry"]
FORGETFUL = "synchronous_commit=off;wal_writer_delay=10s;wal_writer_flush_after=1GB"


class Setting:
    """A stack with devices; each may report the points of its right neighbour too."""

    def __init__(self, count, points, environment=None):
        self.points, self.count = points, count
        self.stack = harness.Stack(environment=environment)
        try:
            self.folder = tempfile.TemporaryDirectory()
            self.fleet = devices.Devices(self.stack, self.folder.name, count, points)
            devices.psql(self.stack, "peerwatt_registry", f"""
INSERT INTO device_metering_points (device_id, metering_point_id)
SELECT 'bench-' || d, 'bench-' || (d % {count} + 1) || '-' || p || 'x'
FROM generate_series(1, {count}) d, generate_series(0, {points - 1}) p
ON CONFLICT DO NOTHING;
""")
            self.identities = streams.Identities(self.fleet)
            self.admin = self.stack.admin()
            self.api = harness.Api()
        except BaseException:
            self.stack.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()
        self.folder.cleanup()

    def device(self, number, on_settled):
        return streams.Device(self.stack, self.api, self.identities.of(number), on_settled)

    def read_days(self, start_s, days):
        """(metering point, start of the day) -> (Wh, readings), as the API says."""
        self.admin = self.sign_in()
        found = {}
        for number in range(1, self.count + 1):
            for point_no in range(self.points):
                point = streams.point_name(number, point_no)
                for start, value in streams.days_of(self.stack, self.admin, point, start_s,
                                                    days).items():
                    found[point, start] = value
        return found

    def sign_in(self):
        tokens = []
        self.stack.eventually("the admin signs in",
                              lambda: tokens.append(self.stack.admin()) is None, 120)
        return tokens[-1]

    def send(self, batches, victims):
        """batches: device -> [(point, start, Wh), …]. Kills while it sends. Returns what was
        acknowledged with what was refused, and the kills."""
        total = sum(len(some) for some in batches.values())
        killer = streams.Killer(self.stack, victims, total)
        acknowledged, refused, lock = [], [], threading.Lock()

        def settled(batch, answer):
            series = batch.series[0]
            entry = (series.metering_point, series.start_time.seconds,
                     sum(series.import_energy_wh))
            with lock:
                (refused if answer.code else acknowledged).append(entry)
            killer.count()

        def sender(number):
            device = self.device(number, settled)
            return lambda: device.send([device.batch(i, one)
                                        for i, one in enumerate(batches[number], 1)])

        streams.run_all([sender(number) for number in batches] + [killer.run])
        return acknowledged, refused, killer.kills


def sum_difference(sent, stored):
    """Wh by which two maps of days to (Wh, readings) differ, summed without signs."""
    return sum(abs(sent.get(key, (0, 0))[0] - stored.get(key, (0, 0))[0])
               for key in sent.keys() | stored.keys())


def duplicates():
    """Each batch five times, shuffled, under 20 kills: no Wh too many. Control: plain adding."""
    points, days, copies = 4, 20, 5
    start_s = devices.day_start(days + 1)
    dice = random.Random(7)
    with Setting(DEVICES, points) as setting:
        sent, batches = {}, collections.defaultdict(list)
        for owner in range(1, DEVICES + 1):
            for point_no in range(points):
                for day in range(days):
                    point = streams.point_name(owner, point_no)
                    start = start_s + day * streams.DAY_S
                    values = streams.day_values(owner * points + point_no, day)
                    sent[point, start] = (sum(values), len(values))
                    # Its own device and its left neighbour send it at the same time.
                    for copy in range(copies):
                        left = (owner - 2) % DEVICES + 1
                        batches[left if copy % 2 else owner].append((point, start, values))
        for some in batches.values():
            dice.shuffle(some)
        arrived, refused, kills = setting.send(batches, KILL_ORDER * 5)
        streams.forget(setting.stack)
        stored = setting.read_days(start_s, days)
    difference = sum_difference(sent, stored)
    # The comparison sees one batch that is missing, and one who adds up all that arrives.
    without_one = dict(sent)
    del without_one[dice.choice(sorted(sent))]
    added = collections.Counter()
    for point, start, energy in arrived:
        added[point, start] += energy
    naive = sum_difference(sent, {key: (energy, 0) for key, energy in added.items()})
    found = sum_difference(without_one, stored) > 0 and naive > 0
    yield {"fault": "duplicates", "control": "found" if found else "missed",
           "holds": stored == sent and not refused and len(kills) == 20,
           "kills": len(kills), "batches": len(sent), "arrived": len(arrived),
           "refused": len(refused), "difference_wh": difference, "naive_difference_wh": naive}


def lost_after(environment, victims, days):
    """Sends days under kills. Returns batches acknowledged, missing of them, and the kills."""
    points = 4
    start_s = devices.day_start(days + 1)
    with Setting(DEVICES, points, environment) as setting:
        batches = {number: [
            (streams.point_name(number, point_no), start_s + day * streams.DAY_S,
             streams.day_values(number * points + point_no, day))
            for day in range(days) for point_no in range(points)]
            for number in range(1, DEVICES + 1)}
        acknowledged, refused, kills = setting.send(batches, victims)
        streams.forget(setting.stack)
        stored = setting.read_days(start_s, days)
    missing = [entry for entry in acknowledged
               if stored.get(entry[:2]) != (entry[2], streams.QUARTERS)]
    return len(acknowledged), len(refused), len(missing), kills


def acknowledged():
    """What was acknowledged under 20 kills is all there. Control: commits that are not durable."""
    count, refused, missing, kills = lost_after(None, KILL_ORDER * 5, 60)
    _, _, lost, _ = lost_after({"PEERWATT_POSTGRES_SETTINGS": FORGETFUL}, ["postgres"] * 2, 30)
    yield {"fault": "acknowledged", "holds": missing == 0 and refused == 0 and len(kills) == 20,
           "control": "found" if lost else "missed", "kills": len(kills), "acknowledged": count,
           "missing": missing, "refused": refused, "missing_in_control": lost}
