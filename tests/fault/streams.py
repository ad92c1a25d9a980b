"""Devices that send batches of one day each over streams, and come back when a stream breaks."""

import collections
import datetime
import os
import pathlib
import queue
import signal
import sys
import threading
import time

import grpc

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import devices  # noqa: E402

STREAM = "/peerwatt.metering.v1.Metering/StreamReadings"
QUARTERS = 96
DAY_S = 86400
WINDOW = 8             # batches of a device that have no answer
ANSWER_TIMEOUT_S = 20  # after which a stream is given up
PATIENCE_S = 900       # for all batches of a run


def day_values(point_no, day):
    """The Wh of a day's quarter-hours; no two days of a fault have the same sum."""
    base = (point_no * 1009 + day) % 100_000
    return [base + i % 7 for i in range(QUARTERS)]


def point_name(device_no, point_no):
    return f"meteringPoints/bench-{device_no}-{point_no}x"


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%SZ")


class Identities:
    """Credentials of the devices of a `devices.Devices`."""

    def __init__(self, fleet):
        pem = fleet.file.read_text()
        end = "-----END CERTIFICATE-----\n"
        self.root = pem[:pem.index(end) + len(end)].encode()
        rest = pem[pem.index("-----BEGIN PRIVATE"):]
        self.key, certificates = rest[:rest.index("-----BEGIN CERT")], rest[
            rest.index("-----BEGIN CERT"):]
        self.certificates = [text + end for text in certificates.split(end) if text.strip()]

    def of(self, device_no):
        """device_no counts from 1."""
        return grpc.ssl_channel_credentials(self.root, self.key.encode(),
                                            self.certificates[device_no - 1].encode())


class Answer:
    """What a batch was told; the counts of one answer for several stand at the last of them."""

    def __init__(self, acknowledgement, is_last):
        self.code = acknowledgement.status.code
        self.message = acknowledgement.status.message
        self.details = [(detail.type_url, detail.value)
                        for detail in acknowledgement.status.details]
        self.stored = acknowledgement.stored_count if is_last else 0
        self.unchanged = acknowledgement.unchanged_count if is_last else 0


class Device:
    """Sends its batches in their order, again after each break, until each has an answer."""

    def __init__(self, stack, api, credentials, on_settled):
        self.stack, self.credentials, self.on_settled = stack, credentials, on_settled
        self.request = api.message("peerwatt.metering.v1.StreamReadingsRequest")
        self.response = api.message("peerwatt.metering.v1.StreamReadingsResponse")
        self.breaks = 0

    def batch(self, sequence, *series):
        """series: tuples of metering point, start in Unix seconds, and Wh."""
        request = self.request()
        request.batch.sequence = sequence
        for point, start_s, values in series:
            one = request.batch.series.add()
            one.metering_point = point
            one.start_time.seconds = start_s
            one.resolution.seconds = 900
            one.import_energy_wh.extend(values)
        return request

    def send(self, batches):
        """Returns when all are settled. Raises TimeoutError when that takes too long."""
        waiting = collections.deque(batches)
        deadline = time.monotonic() + PATIENCE_S
        while waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(waiting)} batches have no answer")
            try:
                self._stream(waiting)
            except (grpc.RpcError, queue.Empty):
                self.breaks += 1
                time.sleep(0.1)

    def _stream(self, waiting):
        outgoing, answers = queue.Queue(), queue.Queue()
        options = [("grpc.ssl_target_name_override", "localhost"),
                   ("grpc.use_local_subchannel_pool", 1)]
        with grpc.secure_channel(self.stack.address("gateway_device"), self.credentials,
                                 options) as channel:
            opening = self.request()
            opening.open.SetInParent()
            outgoing.put(opening)
            call = channel.stream_stream(STREAM, self.request.SerializeToString,
                                         self.response.FromString)(iter(outgoing.get, None))
            reader = threading.Thread(target=self._read, args=(call, answers), daemon=True)
            reader.start()
            try:
                self._converse(waiting, outgoing, answers)
            finally:
                outgoing.put(None)
                call.cancel()

    @staticmethod
    def _read(call, answers):
        try:
            for answer in call:
                answers.put(answer)
            answers.put(None)
        except grpc.RpcError as error:
            answers.put(error)

    def _converse(self, waiting, outgoing, answers):
        sent = 0
        while waiting:
            answer = answers.get(timeout=ANSWER_TIMEOUT_S)
            if isinstance(answer, grpc.RpcError):
                raise answer
            if answer is None:
                raise queue.Empty
            if answer.HasField("acknowledgement"):
                sent -= self._settle(waiting, answer.acknowledgement)
            while sent < min(WINDOW, len(waiting)):
                outgoing.put(waiting[sent])
                sent += 1

    def _settle(self, waiting, acknowledgement):
        """One answer counts for all before it."""
        count = 0
        while True:
            batch = waiting.popleft().batch
            count += 1
            is_last = batch.sequence == acknowledgement.sequence
            self.on_settled(batch, Answer(acknowledgement, is_last))
            if is_last:
                return count


class Killer:
    """Kills processes of a stack, each when a share of the work is settled."""

    def __init__(self, stack, victims, total, agent=None, dice=None):
        """agent: what `agent` among the victims strikes, and whose time goes on with the work.
        dice: for random shares."""
        self.stack, self.victims, self.total, self.agent = stack, list(victims), total, agent
        count = len(self.victims)
        self.due = [total * number // (count + 1) for number in range(1, count + 1)]
        if dice is not None:
            self.due = sorted(dice.randrange(total * 9 // 10) for _ in range(count))
        self.settled, self.kills = 0, []
        self.changed = threading.Condition()

    def count(self):
        with self.changed:
            self.settled += 1
            self.changed.notify_all()

    def run(self):
        for victim, due in zip(self.victims, self.due):
            with self.changed:
                if not self.changed.wait_for(lambda at=due: self.settled >= at, PATIENCE_S):
                    return
            if self.agent is not None:
                self.agent.pass_time(due / self.total)
            self.stack.eventually(f"{victim} dies", lambda name=victim: self.strike(name), 60)
            self.kills.append(victim)

    def strike(self, name):
        """kill -9; false while a process is not there."""
        if name == "agent":
            return self.agent.strike()
        pid = self.stack.pid(name)
        if pid <= 0:  # it has died, and is not started yet
            return False
        try:
            os.kill(pid, signal.SIGKILL)
            return True
        except ProcessLookupError:
            return False


def restarted(stack, name, pid):
    """Whether another process of this name runs."""
    return stack.pid(name) != pid and alive(stack.pid(name))


def alive(pid):
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
        return True
    except ProcessLookupError:
        return False


def forget(stack):
    """Kills metering and PostgreSQL, so that what is read afterwards was durable."""
    for name in ("postgres", "metering"):
        pid = stack.pid(name)
        if alive(pid):
            os.kill(pid, signal.SIGKILL)
        stack.eventually(f"{name} is back", lambda n=name, p=pid: restarted(stack, n, p), 60)


def days_of(stack, admin, point, start_s, days):
    """What the API says of a point: start of each day -> (Wh, readings)."""
    path = (f"/v1/{point}/readings:aggregate?startTime={stamp(start_s)}"
            f"&endTime={stamp(start_s + days * DAY_S)}&step=DAY&timeZone=Etc/UTC")
    answers = []
    stack.eventually(f"the days of {point} are read",
                     lambda: answers.append(stack.call("GET", path, None, admin)) is None, 120)
    found = {}
    for bucket in answers[-1].get("buckets", []):
        begin = datetime.datetime.strptime(bucket["startTime"], "%Y-%m-%dT%H:%M:%S%z")
        found[int(begin.timestamp())] = (int(bucket.get("importEnergyWh", 0)),
                                         int(bucket.get("readingCount", 0)))
    return found


def run_all(senders):
    """Runs functions at once; raises what one of them raised."""
    errors = []

    def guarded(send):
        try:
            send()
        except Exception as error:  # pylint: disable=broad-except
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(send,), daemon=True) for send in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
