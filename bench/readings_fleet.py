"""A fleet that sends one reading per message, ten thousand devices that are silent, and how long an
acknowledgement takes.

The limit of the first is a bare gRPC server that sends each message back, with the same devices,
over the same kind of TLS, in the same run.
"""

import contextlib
import json
import tempfile
import time

import devices
import harness

STREAMS = 1000
BATCHES = 150      # of each stream; a reading each
ROUNDS = 3
IDLE = 10_000
IDLE_FEW = 100
IDLE_ACTIVE = 50
IDLE_BATCHES = 400
IDLE_SECONDS = 10  # of silence before memory is looked at
HALF_LOAD_SECONDS = 10


@contextlib.contextmanager
def setting(count):
    """A stack whose registry knows `count` devices of one metering point."""
    devices.allow_many_files()
    stack = harness.Stack()
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield stack, devices.Devices(stack, folder, count, 1)
    finally:
        stack.close()


def single_message():
    """Readings per second of a fleet, one per message, against an echo of the same messages."""
    with setting(STREAMS) as (stack, fleet):
        echo = devices.echo_server(stack)
        forgetful = devices.discarding_metering(stack)
        gateway = devices.Gateway(stack, forgetful.address)
        options = {"streams": STREAMS, "batches": BATCHES, "connects_per_second": 500}
        rates = {"echo": [], "stored": [], "relayed": []}
        try:
            for turn in range(ROUNDS):
                load = {**options, "start_s": devices.day_start(3 * (turn + 1)),
                        "first_sequence": turn * BATCHES + 1}
                for name, address in (("echo", echo.address), ("relayed", gateway.address),
                                      ("stored", stack.address("gateway_device"))):
                    _, result = fleet.run(address, echo=name == "echo", **load)
                    rates[name].append(result["readings_per_s"])
        finally:
            for process in (gateway, forgetful, echo):
                process.close()
    limit = devices.median(rates["echo"])
    for name, figure in (("stored", "readings_single_message"),
                         ("relayed", "readings_single_message_not_stored")):
        yield {"figure": figure, "value": devices.median(rates[name]), "unit": "readings/s",
               "limit": limit, "goal": 0.6, "lower_is_better": False}


def active_cpu(stack, fleet, idle):
    """CPU microseconds of the gateway per message of few devices among `idle` silent ones, what the
    silent ones cost it in KiB each, and how long the last of all waited to be let in."""
    pid = stack.pid("gateway")
    before = devices.resident_kib(pid)
    process, opened = fleet.start(stack.address("gateway_device"), streams=IDLE_ACTIVE, idle=idle,
                                  batches=IDLE_BATCHES, start_s=devices.day_start(20),
                                  batches_per_second=2000, first_sequence=1)
    time.sleep(IDLE_SECONDS)
    kib = (devices.resident_kib(pid) - before) / (idle + IDLE_ACTIVE)
    cpu = devices.cpu_seconds(pid)
    process.stdin.write("\n")
    process.stdin.flush()
    result = json.loads(process.stdout.readline())
    # Before the devices leave: that is another figure.
    used = devices.cpu_seconds(pid) - cpu
    process.communicate(timeout=600)
    if result["refused"]:
        raise RuntimeError(result["refusal"])
    return used * 1e6 / (IDLE_ACTIVE * IDLE_BATCHES), kib, opened["longest_open_s"]


def idle_devices():
    """Ten thousand silent devices: memory of each, CPU of the others, and all at once."""
    with setting(IDLE + IDLE_ACTIVE) as (stack, fleet):
        # All that a first connection makes is made before memory is looked at.
        fleet.run(stack.address("gateway_device"), streams=IDLE_ACTIVE, batches=1,
                  start_s=devices.day_start(30))
        few, _, _ = active_cpu(stack, fleet, IDLE_FEW)
        many, kib, wait = active_cpu(stack, fleet, IDLE)
    yield {"figure": "idle_device_memory", "value": kib, "unit": "KiB", "limit": 40, "goal": 1.0,
           "lower_is_better": True}
    yield {"figure": "active_cpu_among_idle", "value": many, "unit": "µs/message", "limit": few,
           "goal": 1.3, "lower_is_better": True}
    yield {"figure": "reconnect_storm_wait", "value": wait, "unit": "s", "limit": 60, "goal": 1.0,
           "lower_is_better": True}


def acknowledgement_latency():
    """From when a batch is due to its acknowledgement, at half of what the way can take.

    What it can take is measured with devices that send as they do at half load: one reading, and
    the next when that is answered. Windows full of readings would say more than is true of single
    ones: of these each is a message, a wake-up and a TLS record of its own all the way."""
    with setting(STREAMS) as (stack, fleet):
        address = stack.address("gateway_device")
        options = {"streams": STREAMS, "connects_per_second": 500}
        _, full = fleet.run(address, batches=BATCHES, window=1, start_s=devices.day_start(3),
                            **options)
        rate = full["batches_per_s"] / 2
        batches = max(1, int(rate * HALF_LOAD_SECONDS / STREAMS))
        _, half = fleet.run(address, batches=batches, start_s=devices.day_start(30),
                            first_sequence=BATCHES + 1, batches_per_second=rate, **options)
    for name, limit in (("p50", 30), ("p99", 200)):
        yield {"figure": f"acknowledgement_latency_{name}", "value": half[f"latency_{name}_ms"],
               "unit": f"ms at {rate:.0f} readings/s", "limit": limit, "goal": 1.0,
               "lower_is_better": True}
