"""Metering: is every reading counted once, and none lost, whatever breaks?"""

import collections
import contextlib
import os
import pathlib
import random
import signal
import tempfile
import threading
import time

import agents
import harness
import streams
from streams import devices

DEVICES = 8
KILL_ORDER = ["metering", "gateway", "postgres", "registry"]
# Kills of each process on a reading's way, from the sender on.
KILLS_EACH = 20
ON_THE_WAY = ["agent", "gateway", "metering", "postgres"]
FORGETFUL = "synchronous_commit=off;wal_writer_delay=10s;wal_writer_flush_after=1GB"


class Setting:
    """A stack with devices; each may report the points of its right neighbour too."""

    def __init__(self, count, points, environment=None):
        self.points, self.count, self.start_s = points, count, 0
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

    def send(self, batches, victims, agent=None, dice=None):
        """batches: device -> [(point, start, Wh), …]. Kills while it sends: at equal shares of
        the work, or with dice at random ones. Returns what was acknowledged with what was refused,
        and the kills."""
        total = sum(len(some) for some in batches.values())
        killer = streams.Killer(self.stack, victims, total, agent, dice)
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
    """Each batch five times, shuffled, under 20 kills of each process on the way: no Wh too many.
    Control: plain adding."""
    points, days, copies = 4, 40, 5
    start_s = devices.day_start(days + 1)
    dice = random.Random(7)
    victims = ON_THE_WAY * KILLS_EACH
    dice.shuffle(victims)
    with Setting(DEVICES, points) as setting:
        agent = agents.Agents(setting.stack, start_s, start_s + days * streams.DAY_S)
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
        arrived, refused, kills = setting.send(batches, victims, agent, dice)
        ended = agent.finish()
        streams.forget(setting.stack)
        stored = setting.read_days(start_s, days)
        played = {point: (energy, days * streams.QUARTERS)
                  for point, energy in agent.totals().items()}
        agent_difference = sum_difference(played, agent.stored(setting.sign_in()))
    difference = sum_difference(sent, stored) + agent_difference
    each = collections.Counter(kills)
    # The comparison sees one batch that is missing, and one who adds up all that arrives.
    without_one = dict(sent)
    del without_one[dice.choice(sorted(sent))]
    added = collections.Counter()
    for point, start, energy in arrived:
        added[point, start] += energy
    naive = sum_difference(sent, {key: (energy, 0) for key, energy in added.items()})
    found = sum_difference(without_one, stored) > 0 and naive > 0
    yield {"fault": "duplicates", "control": "found" if found else "missed",
           "holds": (stored == sent and not refused and ended == 0 and difference == 0 and
                     len(played) == agents.COUNT and
                     all(each[name] == KILLS_EACH for name in ON_THE_WAY)),
           "kills": len(kills), **{f"kills_{name}": each[name] for name in ON_THE_WAY},
           "batches": len(sent), "arrived": len(arrived),
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


def stopped_family(pid):
    """A process and all that descend from it."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                parents[int(entry.name)] = int(fields[1])
    family = [pid]
    for one in family:
        family += [child for child, parent in parents.items() if parent == one]
    return family


class Frozen:
    """While it is open, no process of the stack's PostgreSQL runs."""

    def __init__(self, stack):
        self.postmaster = stack.pid("postgres")

    def __enter__(self):
        # The first is the one that makes others.
        os.kill(self.postmaster, signal.SIGSTOP)
        self.family = stopped_family(self.postmaster)
        for pid in self.family:
            os.kill(pid, signal.SIGSTOP)
        return self

    def __exit__(self, *_):
        for pid in self.family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


FROZEN_STREAMS, FROZEN_POINTS, FROZEN_BATCHES, FROZEN_DAYS = 200, 2, 75, 5
FROZEN_S = 30
# By how much each process may grow above what it had when the devices had connected. Metering:
# 2 million readings that wait, about 16 bytes each, and as much again for what is being stored.
# Gateway: 32 batches of each device, about 2 KiB each, and as much again for what is being sent.
GROWTH_MIB = {"metering": 64, "gateway": 32}
UNBOUNDED = {"PEERWATT_INGEST_QUEUE_READINGS_MAX": "100000000",
             "PEERWATT_DEVICE_BATCHES_IN_FLIGHT_MAX": "1000",
             "PEERWATT_DEVICE_BYTES_IN_FLIGHT_MAX": str(64 << 20)}


def growth_while_frozen(setting, seconds, until_above=False):
    """Freezes the database under load. Returns MiB by which the processes grew, at most, the
    process with the devices, and whether none was restarted."""
    stack = setting.stack
    setting.start_s = devices.day_start(FROZEN_BATCHES * FROZEN_DAYS + 1)
    client, _ = setting.fleet.start(
        stack.address("gateway_device"), streams=FROZEN_STREAMS, batches=FROZEN_BATCHES,
        points_per_device=FROZEN_POINTS, series_per_batch=FROZEN_POINTS, window=1000,
        values_per_series=FROZEN_DAYS * streams.QUARTERS,
        start_s=setting.start_s)
    pids = {name: stack.pid(name) for name in GROWTH_MIB}
    before = {name: devices.resident_kib(pid) for name, pid in pids.items()}
    most = dict.fromkeys(pids, 0)
    with Frozen(stack):
        client.stdin.write("\n")
        client.stdin.flush()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for name, pid in pids.items():
                most[name] = max(most[name], (devices.resident_kib(pid) - before[name]) // 1024)
            if until_above and most["metering"] > GROWTH_MIB["metering"]:
                break
            time.sleep(0.1)
    same = all(stack.pid(name) == pid for name, pid in pids.items())
    return most, client, same


def frozen_difference(setting):
    """Wh and readings that are missing of what all devices sent."""
    values = FROZEN_BATCHES * FROZEN_DAYS * streams.QUARTERS
    energy = readings = 0
    for number in range(1, FROZEN_STREAMS + 1):
        for point_no in range(FROZEN_POINTS):
            path = (f"/v1/{streams.point_name(number, point_no)}/readings:aggregate?startTime="
                    f"{streams.stamp(setting.start_s)}&endTime={streams.stamp(int(time.time()))}")
            total = setting.stack.call("GET", path, None, setting.admin)["buckets"][0]
            energy += sum((point_no * 7 + k * 13 + number) % 900 for k in range(values)) - int(
                total["importEnergyWh"])
            readings += values - int(total["readingCount"])
    return energy, readings


def frozen_database():
    """PostgreSQL stands still for 30 s under 200 streams. Control: nobody bounds what waits."""
    with Setting(FROZEN_STREAMS, FROZEN_POINTS) as setting:
        grown, client, same = growth_while_frozen(setting, FROZEN_S)
        said = devices.finish(client)
        setting.admin = setting.sign_in()
        energy, readings = frozen_difference(setting)
    with Setting(FROZEN_STREAMS, FROZEN_POINTS, UNBOUNDED) as setting:
        unbounded, client, _ = growth_while_frozen(setting, FROZEN_S, until_above=True)
        client.kill()
        client.communicate()
    bounded = all(grown[name] <= most for name, most in GROWTH_MIB.items())
    yield {"fault": "frozen_database",
           "holds": bounded and same and (energy, readings, said["refused"]) == (0, 0, 0),
           "control": "found" if unbounded["metering"] > GROWTH_MIB["metering"] else "missed",
           "sent": int(said["readings"]), "lost": readings, "difference_wh": energy,
           **{f"{name}_grew_mib": grown[name] for name in GROWTH_MIB},
           **{f"{name}_bound_mib": most for name, most in GROWTH_MIB.items()},
           "unbounded_grew_mib": unbounded["metering"]}
