"""How large the agent is: its program on disk, and its memory while it reads two meters."""

import os
import pathlib
import re
import subprocess
import tempfile
import time

from harness import BIN, Household, Stack, money
from meters import SLOT, Inverter, Load, P1Meter, SimulatedClock
from test_agent import Box

# What a gateway box can spare for it.
PROGRAM_KIB_BUDGET = 4096
# Against the memory of the same program when it waits for its configuration: what its libraries
# take.
MEMORY_RATIO_GOAL = 2.0


def stripped_kib():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "agent"
        subprocess.run(["strip", "-o", path, BIN / "peerwatt-agent"], check=True)
        return path.stat().st_size / 1024


def memory(pid):
    """Resident memory and its peak, KiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return [int(re.search(rf"{name}:\s+(\d+) kB", status).group(1)) for name in ("VmRSS", "VmHWM")]


def idle_kib():
    """Memory of the program that loaded its libraries and waits for its configuration."""
    with tempfile.TemporaryDirectory() as folder:
        pipe = pathlib.Path(folder) / "config"
        os.mkfifo(pipe)
        process = subprocess.Popen([BIN / "peerwatt-agent", "--config", pipe],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            # The pipe opens at this end when the program opens it at the other.
            with open(pipe, "wb"):
                return memory(process.pid)[0]
        finally:
            process.kill()
            process.wait()


def running_kib(days=2):
    """Memory of an agent that read a P1 meter and an inverter for so many days, all sent."""
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack()
        try:
            admin = stack.admin()
            stack.call("POST", "/v1/communities?communityId=c1", {
                "displayName": "Footprint", "timeZone": "Europe/Amsterdam", "currencyCode": "EUR",
                "tradingStartTime": "2026-01-01T00:00:00Z", "networkFeePerKwh": money(50_000),
                "operatorSharePpm": "20000", "priceMaxPerKwh": money(1_000_000)}, admin)
            points = [Household(stack, admin, "communities/c1", key).point
                      for key in ("home", "roof")]
            made = stack.call("POST", "/v1/devices?deviceId=box", {"meteringPoints": points}, admin)
            start = (int(time.time()) // 86400 - days - 1) * 86400
            clock = SimulatedClock(pathlib.Path(folder) / "clock", start)
            meter = P1Meter("M1", Load(start, 0, 37), Load(start, 0, 101))
            inverter = Inverter("I1", Load(start, 1000, 211), clock)
            box = Box(stack, "devices/box", made["enrolmentToken"], pathlib.Path(folder) / "box",
                      clock, [
                          {"name": "meter", "kind": "p1", "address": f"tcp:127.0.0.1:{meter.port}",
                           "clock_difference_max_seconds": 86400,
                           "points": [{"metering_point": points[0]}]},
                          {"name": "roof", "kind": "sunspec", "poll_milliseconds": 10,
                           "address": f"tcp:127.0.0.1:{inverter.port}",
                           "points": [{"metering_point": points[1], "register": "export"}]}])
            box.start()
            try:
                stack.eventually("it reads", lambda: meter.connected() and inverter.answers > 6)
                for at in range(start, start + days * 86400 + 1, SLOT // 3):
                    clock.set(at)
                    meter.show(at)
                    answers = inverter.answers
                    stack.eventually("it is asked", lambda: inverter.answers > answers + 1)
                stack.eventually("everything is sent", lambda: box.metric("buffer_batches") == 0 and
                                 box.metric("readings_acknowledged_total") >= 2 * days * 96)
                return memory(box.process.pid)
            finally:
                box.close()
                meter.close()
                inverter.close()
        finally:
            stack.close()


def measure():
    yield {"figure": "agent_program_kib", "value": stripped_kib(), "unit": "KiB",
           "limit": PROGRAM_KIB_BUDGET, "goal": 1.0, "lower_is_better": True}
    idle = idle_kib()
    resident, peak = running_kib()
    for name, value in (("agent_resident_kib", resident), ("agent_resident_peak_kib", peak)):
        yield {"figure": name, "value": value, "unit": "KiB", "limit": idle,
               "goal": MEMORY_RATIO_GOAL, "lower_is_better": True}
