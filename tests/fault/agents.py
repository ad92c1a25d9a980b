"""Devices played by one process of agents, which is killed and started again."""

import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from meters import SimulatedClock  # noqa: E402

COUNT = 4
SLOT_S = 900
COMMUNITY = "agents"


def stamp(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%SZ")


class Agents:
    """A process with devices that report one interval per batch, as simulated time goes on."""

    def __init__(self, stack, start_s, end_s):
        self.stack, self.start_s, self.end_s = stack, start_s, end_s
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="peerwatt-agents-", dir=stack.state))
        self.clock = SimulatedClock(self.folder / "clock", start_s)
        admin = stack.admin()
        stack.call("POST", f"/v1/communities?communityId={COMMUNITY}", {
            "displayName": "Agents", "timeZone": "Etc/UTC", "currencyCode": "EUR",
            "tradingStartTime": "2035-01-01T00:00:00Z",
            "priceMaxPerKwh": harness.money(1_000_000)}, admin)
        self.points, devices = [], []
        for number in range(COUNT):
            home = harness.Household(stack, admin, f"communities/{COMMUNITY}", f"agent-{number}",
                                     deposit_micros=0, import_w=100_000)
            made = stack.call("POST", f"/v1/devices?deviceId=agent-{number}-box",
                              {"meteringPoints": [home.point]}, admin)
            self.points.append(home.point)
            devices.append({
                "device": f"devices/agent-{number}-box",
                "enrolment_token": made["enrolmentToken"],
                "points": [{"metering_point": home.point, "register": "import",
                            "source": {"kind": "generator", "profile": "household",
                                       "seed": 7, "annual_kwh": 3500 + number,
                                       "household": f"agent-{number}"},
                            "start_time": stamp(start_s), "end_time": stamp(end_s)}]})
        self.fleet = self.folder / "fleet.json"
        self.fleet.write_text(json.dumps({
            "gateway_device_address": stack.address("gateway_device"),
            "gateway_grpc_address": stack.address("gateway_grpc"),
            "ca_file": str(stack.state / "secrets" / "ca_cert.pem"),
            "interval_seconds": SLOT_S, "devices": devices}))
        self.lock = threading.Lock()
        self.process = None
        self.start()

    def command(self, *flags):
        return [harness.BIN / "peerwatt-devsim", f"--fleet={self.fleet}",
                f"--state={self.folder / 'state'}", *flags]

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                self.command("--clock=shared", f"--clock_file={self.clock.path}",
                             "--intervals_per_series_max=1", "--until_finished"),
                stdout=log, stderr=log)

    def strike(self):
        """kill -9, and a new process at once."""
        with self.lock:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait(timeout=30)
            self.start()
        return True

    def pass_time(self, share):
        """Moves the simulated time on to a share of all."""
        self.clock.set(self.start_s + (self.end_s - self.start_s) * min(share, 1))

    def finish(self):
        """Waits until all is acknowledged. Returns the exit code."""
        self.clock.set(self.end_s)
        with self.lock:
            return self.process.wait(timeout=240)

    def totals(self):
        """metering point -> Wh, straight from the sources."""
        said = subprocess.run(self.command("--print_totals"), check=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        return json.loads(said)

    def stored(self, token):
        """metering point -> (Wh, readings), as the API says."""
        found = {}
        for point in self.points:
            answer = self.stack.call(
                "GET", f"/v1/{point}/readings:aggregate?startTime={stamp(self.start_s)}"
                f"&endTime={stamp(self.end_s)}", None, token)["buckets"][0]
            found[point] = (int(answer.get("importEnergyWh", 0)),
                            int(answer.get("readingCount", 0)))
        return found
