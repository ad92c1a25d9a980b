"""A gateway that has run out of file descriptors once: do devices get in afterwards?

The control is the public gRPC door of the same process, whose connections the gRPC library itself
accepts: version 1.51 never does again (CVE-2023-4785).
"""

import pathlib
import socket
import subprocess
import sys
import tempfile
import time

import grpc

import harness

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import devices  # noqa: E402

FILES = 160        # of the gateway
SOCKETS = 300      # that are opened at its door and dropped
PATIENCE_S = 10


def connects(address, credentials):
    """Whether a TLS connection is made within the patience."""
    with grpc.secure_channel(address, credentials,
                             [("grpc.ssl_target_name_override", "localhost")]) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=PATIENCE_S)
            return True
        except grpc.FutureTimeoutError:
            return False


def exhaust(pid, address):
    """Opens connections until the process can take no more, then resets them all."""
    host, port = address.split(":")
    held = []
    for _ in range(SOCKETS):
        one = socket.socket()
        one.settimeout(2)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        try:
            one.connect((host, int(port)))
        except OSError:
            one.close()
            break
        held.append(one)
    deadline = time.monotonic() + PATIENCE_S
    files = pathlib.Path(f"/proc/{pid}/fd")
    while len(list(files.iterdir())) < FILES and time.monotonic() < deadline:
        time.sleep(0.02)
    most = len(list(files.iterdir()))
    for one in held:
        one.close()
    return most


def root_of(pem):
    end = "-----END CERTIFICATE-----\n"
    return pem[:pem.index(end) + len(end)].encode()


def run():
    stack = harness.Stack()
    try:
        with tempfile.TemporaryDirectory() as folder:
            fleet = devices.Devices(stack, folder, 1, 1)
            pem = fleet.file.read_text()
            key = pem[pem.index("-----BEGIN PRIVATE"):]
            root = root_of(pem)
            credentials = grpc.ssl_channel_credentials(
                root, key[:key.index("-----BEGIN CERT")].encode(),
                key[key.index("-----BEGIN CERT"):].encode())
            gateway = devices.Gateway(stack, stack.address("metering"))
            try:
                subprocess.run(["prlimit", f"--nofile={FILES}:{FILES}", f"--pid={gateway.pid}"],
                               check=True)
                most = exhaust(gateway.pid, gateway.address)
                holds = connects(gateway.address, credentials)
                exhaust(gateway.pid, gateway.public_address)
                found = not connects(gateway.public_address,
                                     grpc.ssl_channel_credentials(root))
            finally:
                gateway.close()
    finally:
        stack.close()
    yield {"fault": "exhausted_files", "holds": holds and most >= FILES,
           "control": "found" if found else "missed", "files": most}
