"""Many devices for figures: identities, a registry that knows them, and processes to measure."""

import datetime
import json
import os
import pathlib
import resource
import socket
import subprocess

import harness

COMMUNITY = "communities/bench"
DAY_S = 86400


def allow_many_files():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def day_start(days_ago):
    now = datetime.datetime.now(datetime.timezone.utc)
    return int(now.timestamp()) // DAY_S * DAY_S - days_ago * DAY_S


def psql_command(stack, database):
    """The command that opens a database as its superuser, and its environment."""
    return (["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p",
             str(stack.document["ports"]["postgres"]), "-U", "peerwatt_superuser", "-d", database],
            {"PGPASSWORD": stack.secret("postgres_superuser_password"), "PATH": "/usr/bin:/bin"})


def psql(stack, database, script):
    command, environment = psql_command(stack, database)
    subprocess.run(command, input=script, text=True, check=True, env=environment)


class Devices:
    """Devices `bench-<n>` with metering points `bench-<n>-<i>x`, put into the registry at once."""

    def __init__(self, stack, folder, count, points_per_device):
        self.stack, self.count, self.points = stack, count, points_per_device
        self.file = pathlib.Path(folder) / "identities.pem"
        secrets = stack.state / "secrets"
        subprocess.run([harness.BIN / "bench_devices", f"--make={count}",
                        f"--identities={self.file}", f"--ca_cert_file={secrets / 'ca_cert.pem'}",
                        f"--ca_key_file={secrets / 'ca_key.pem'}"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        admin = stack.admin()
        stack.call("POST", "/v1/communities?communityId=bench", {
            "displayName": "Bench", "timeZone": "Etc/UTC", "currencyCode": "EUR",
            "tradingStartTime": "2035-01-01T00:00:00Z",
            "priceMaxPerKwh": harness.money(1_000_000)}, admin)
        harness.Household(stack, admin, COMMUNITY, "owner", deposit_micros=0)
        psql(stack, "peerwatt_registry", f"""
-- No look-up of foreign keys, of which a million rows would make millions.
SET session_replication_role = replica;
CREATE TEMP TABLE made (device_id text, serial text);
\\copy made from '{self.file}.csv' with (format csv)
INSERT INTO metering_points (metering_point_id, participant_id, community_id, grid_connection_id,
                             import_capacity_w, export_capacity_w, created_at)
SELECT m.device_id || '-' || i || 'x', o.participant_id, o.community_id, o.grid_connection_id,
       1000000, 1000000, now()
FROM made m, generate_series(0, {points_per_device - 1}) i, metering_points o
WHERE o.metering_point_id = 'owner';
INSERT INTO devices (device_id, state, enrolment_token_sha256, enrolment_token_expires_at,
                     enrolment_csr_sha256, certificate_serial, created_at)
SELECT device_id, 'ACTIVE', repeat('0', 64), now(), repeat('0', 64), serial, now() FROM made;
INSERT INTO device_metering_points (device_id, metering_point_id)
SELECT m.device_id, m.device_id || '-' || i || 'x'
FROM made m, generate_series(0, {points_per_device - 1}) i;
INSERT INTO device_certificates (certificate_serial, device_id, csr_sha256, certificate_pem,
                                 issued_at, expires_at)
SELECT serial, device_id, repeat('0', 64), 'bench', now(), now() + interval '1 day' FROM made;
ANALYZE;
""")

    def arguments(self, address, **options):
        return [harness.BIN / "bench_devices", f"--identities={self.file}", f"--address={address}",
                *(f"--{name}={str(value).lower()}" for name, value in options.items())]

    def run(self, address, **options):
        """Runs to the end. Returns what was said when all were open, and at the end."""
        done = subprocess.run(self.arguments(address, **options), stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=True, timeout=600)
        opened, result = [json.loads(line) for line in done.stdout.splitlines()]
        if result["refused"]:
            raise RuntimeError(f"{result['refused']} batches were refused: {result['refusal']}")
        return opened, result

    def start(self, address, **options):
        """Returns the process when all streams are open; `finish` lets it send."""
        process = subprocess.Popen(self.arguments(address, wait=True, **options),
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        return process, json.loads(process.stdout.readline())


def finish(process):
    out, _ = process.communicate("\n", timeout=600)
    return json.loads(out)


class Process:
    """A program of ours that prints a line with its port."""

    def __init__(self, *arguments, environment=None):
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True,
                                        env={**os.environ, **(environment or {})})
        self.pid = self.process.pid
        self.address = f"127.0.0.1:{json.loads(self.process.stdout.readline())['port']}"

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def echo_server(stack):
    secrets = stack.state / "secrets"
    return Process(harness.BIN / "bench_devices", "--echo_server",
                   f"--ca_cert_file={secrets / 'ca_cert.pem'}",
                   f"--ca_key_file={secrets / 'ca_key.pem'}")


def environment_of(pid):
    text = pathlib.Path(f"/proc/{pid}/environ").read_text()
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Gateway:
    """A second gateway of a stack, before another metering service."""

    def __init__(self, stack, metering):
        environment = environment_of(stack.pid("gateway"))
        for name in ("HTTP", "GRPC", "DEVICE", "METRICS"):
            environment[f"PEERWATT_{name}_ADDRESS"] = f"127.0.0.1:{free_port()}"
        environment["PEERWATT_METERING_ADDRESS"] = metering
        self.address = environment["PEERWATT_DEVICE_ADDRESS"]
        self.public_address = environment["PEERWATT_GRPC_ADDRESS"]
        self.process = subprocess.Popen([harness.BIN / "peerwatt-gateway"], env=environment,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        stack.eventually("the gateway serves", self.is_open)

    def is_open(self):
        host, port = self.address.split(":")
        socket.create_connection((host, int(port)), timeout=1).close()
        return True

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=60)


def discarding_metering(stack):
    """Metering without a database, with the service's certificate."""
    environment = environment_of(stack.pid("metering"))
    tls = {key: value for key, value in environment.items() if key.startswith("PEERWATT_TLS_")}
    return Process(harness.BIN / "bench_discard", environment=tls)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"process {pid} has no memory")


def median(values):
    return sorted(values)[len(values) // 2]
