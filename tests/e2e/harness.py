"""Runs the real processes for the end-to-end tests: PostgreSQL, five services, devices.

Only the public doors are used: the launcher's command line, REST, and gRPC over (m)TLS.
"""

import hashlib
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ["PEERWATT_BIN"])
DESCRIPTORS = pathlib.Path(os.environ["PEERWATT_DESCRIPTORS"])


class Api:
    """Messages and methods by reflection over the descriptor set of the build."""

    def __init__(self):
        self.pool = descriptor_pool.DescriptorPool()
        files = descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
        self.files = list(files.file)
        for file in files.file:
            self.pool.Add(file)
        self.factory = message_factory.MessageFactory(self.pool)

    def message(self, name):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName(name))

    def services(self):
        """Public services: full name -> ServiceDescriptor."""
        found = {}
        for file in self.files:
            for service in file.service:
                if file.package.startswith("peerwatt.") and not service.name.endswith("Internal"):
                    name = f"{file.package}.{service.name}"
                    found[name] = self.pool.FindServiceByName(name)
        return found


class RestError(Exception):
    """An answer that is not 2xx: its HTTP code and the google.rpc.Status in its body."""

    def __init__(self, code, body, headers):
        super().__init__(f"{code}: {body[:500]!r}")
        self.code = code
        self.body = body
        self.headers = headers
        try:
            self.status = json.loads(body)
        except ValueError:
            self.status = {}

    @property
    def reason(self):
        for detail in self.status.get("details", []):
            if detail.get("@type", "").endswith("google.rpc.ErrorInfo"):
                return detail["reason"]
        return ""

    @property
    def fields(self):
        for detail in self.status.get("details", []):
            if detail.get("@type", "").endswith("google.rpc.BadRequest"):
                return [violation["field"] for violation in detail["fieldViolations"]]
        return []


class Stack:
    """A whole PeerWatt in a state directory of its own."""

    def __init__(self, *arguments, environment=None):
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="peerwatt-e2e-"))
        self.state.chmod(0o755)
        done = subprocess.run(
            [BIN / "peerwatt", "up", "--state", self.state, *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180, text=True,
            env={**os.environ, **(environment or {})})
        if done.returncode != 0:
            self.close()
            raise RuntimeError(f"peerwatt up failed:\n{done.stdout}")
        self.document = json.loads((self.state / "state.json").read_text())
        self.http = f"http://{self.address('gateway_http')}"

    def address(self, port):
        return f"127.0.0.1:{self.document['ports'][port]}"

    def pid(self, process):
        document = json.loads((self.state / "state.json").read_text())
        for entry in document["processes"]:
            if entry["name"] == process:
                return entry["pid"]
        raise KeyError(process)

    def kill(self, process):
        pid = self.pid(process)
        if pid <= 0:  # it has died, and is not started yet; 0 would be ourselves
            raise ProcessLookupError(process)
        os.kill(pid, signal.SIGKILL)

    def secret(self, name):
        return (self.state / "secrets" / name).read_text().strip()

    def close(self):
        subprocess.run([BIN / "peerwatt", "down", "--state", self.state],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120)
        shutil.rmtree(self.state, ignore_errors=True)

    def raw(self, method, path, body=None, token=None, headers=None, timeout=30):
        """One HTTP request; body: bytes or None. Returns (code, bytes, headers)."""
        request = urllib.request.Request(self.http + path, data=body, method=method)
        if body is not None:
            request.add_header("Content-Type", "application/json")
        if token is not None:
            request.add_header("Authorization", f"Bearer {token}")
        for key, value in (headers or {}).items():
            request.add_header(key, value)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as error:
            raise RestError(error.code, error.read(), error.headers) from None

    def call(self, method, path, body=None, token=None, **options):
        """One REST call; body and answer are JSON values."""
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.raw(method, path, data, token, **options)[1])

    def sign_in(self, email, password):
        answer = self.call("POST", "/v1/users:signIn", {"email": email, "password": password})
        return answer["accessToken"]

    def admin(self):
        return self.sign_in(self.secret("admin_email"), self.secret("admin_password"))

    def eventually(self, what, condition, seconds=30):
        """Waits until condition() is true; refusals on the way count as not yet."""
        deadline = time.monotonic() + seconds
        last = None
        while time.monotonic() < deadline:
            try:
                if condition():
                    return
            except (RestError, OSError) as error:
                last = error
            time.sleep(0.02)
        raise AssertionError(f"{what} did not happen within {seconds} s (last: {last})")


def money(micros, currency="EUR"):
    sign = -1 if micros < 0 else 1
    return {"currencyCode": currency, "units": str(sign * (abs(micros) // 1_000_000)),
            "nanos": sign * (abs(micros) % 1_000_000) * 1000}


def micros(value):
    return int(value.get("units", 0)) * 1_000_000 + value.get("nanos", 0) // 1000


class Household:
    """A participant with one metering point and a device, made through the public doors."""

    def __init__(self, stack, admin, community, key, *, import_w=10_000, export_w=5_000,
                 approved=True, deposit_micros=100_000_000):
        self.stack, self.key = stack, key
        self.email, self.password = f"{key}@example.org", f"password-of-{key}"
        stack.call("POST", "/v1/users", {
            "userId": key, "password": self.password,
            "user": {"email": self.email, "displayName": key}})
        token = stack.sign_in(self.email, self.password)
        stack.call("POST", f"/v1/participants?participantId={key}",
                   {"displayName": key, "community": community}, token)
        self.participant = f"participants/{key}"
        # The next token names the participant.
        self.token = stack.sign_in(self.email, self.password)
        if approved:
            self.approve(admin)
        self.point = f"meteringPoints/{key}"
        stack.call("POST", f"/v1/meteringPoints?meteringPointId={key}",
                   {"participant": self.participant, "importCapacityW": import_w,
                    "exportCapacityW": export_w}, admin)
        if deposit_micros:
            stack.call("POST", f"/v1/{self.participant}/deposits?depositId=first",
                       {"amount": money(deposit_micros)}, self.token)

    def approve(self, admin):
        name = f"/v1/{self.participant}"
        self.stack.call("POST", f"{name}:submitKyc",
                        {"documentKind": "passport",
                         "documentSha256": hashlib.sha256(self.key.encode()).hexdigest()},
                        self.token)
        self.stack.call("POST", f"{name}:reviewKyc", {}, admin)
        self.stack.call("POST", f"{name}:approveKyc", {}, admin)


class Device:
    """A device with its own key and certificate, enrolled by a signing request."""

    def __init__(self, stack, admin, key, points, folder):
        self.stack, self.name = stack, f"devices/{key}"
        self.folder = pathlib.Path(folder)
        made = stack.call("POST", f"/v1/devices?deviceId={key}", {"meteringPoints": points}, admin)
        self.key_file = self.folder / f"{key}.key"
        request = self.folder / f"{key}.csr"
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                        self.key_file], check=True, stderr=subprocess.DEVNULL)
        subprocess.run(["openssl", "req", "-new", "-key", self.key_file, "-subj", "/CN=ignored",
                        "-out", request], check=True, stderr=subprocess.DEVNULL)
        answer = stack.call("POST", f"/v1/{self.name}:enrol",
                            {"enrolmentToken": made["enrolmentToken"],
                             "csrPem": request.read_text()})
        self.certificate = answer["certificatePem"].encode()
        self.key_pem = self.key_file.read_bytes()
        self.token = made["enrolmentToken"]

    def credentials(self, root):
        return grpc.ssl_channel_credentials(root, self.key_pem, self.certificate)


def gateway_authority(stack):
    """The authority that signed the gateway's public certificate, PEM."""
    return (stack.state / "secrets" / "ca_cert.pem").read_bytes()


def stream_channel(stack, credentials):
    return grpc.secure_channel(stack.address("gateway_device"), credentials,
                               [("grpc.ssl_target_name_override", "localhost")])


def plain_tls_context():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
