"""HTTP/2 by hand, for clients that misbehave: frames, headers without compression, a TLS socket."""

import socket
import ssl
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
ENHANCE_YOUR_CALM = 11


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(
        ">I", stream) + payload


def text(value):
    """A string of HPACK without Huffman's code; at most 126 letters."""
    return bytes([len(value)]) + value.encode()


def headers(path, **others):
    fields = {":method": "POST", ":scheme": "https", ":path": path, ":authority": "localhost",
              "content-type": "application/grpc", "te": "trailers",
              **{name.replace("_", "-"): value for name, value in others.items()}}
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields.items())


def message(payload):
    return b"\0" + struct.pack(">I", len(payload)) + payload


def begin(stream, path, **others):
    return frame(HEADERS, END_HEADERS, stream, headers(path, **others))


class Connection:
    """A TLS connection of a device that sends what it likes."""

    def __init__(self, address, certificate, key, protocols=("h2",)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if certificate:
            context.load_cert_chain(certificate, key)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        host, port = address.split(":")
        raw = socket.create_connection((host, int(port)), timeout=30)
        self.socket = context.wrap_socket(raw, server_hostname="localhost")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        """Sends; a server that has hung up is no error here."""
        try:
            self.socket.sendall(b"".join(parts))
        except OSError:
            pass

    def start(self):
        self.send(PREFACE, frame(SETTINGS))

    def exactly(self, size):
        out = b""
        while len(out) < size:
            part = self.socket.recv(size - len(out))
            if not part:
                return None
            out += part
        return out

    def frames(self):
        """Yields (kind, flags, stream, payload) until the server closes."""
        while True:
            try:
                head = self.exactly(9)
                if head is None:
                    return
                payload = self.exactly(int.from_bytes(head[:3], "big"))
            except (ConnectionError, ssl.SSLError):
                return
            if payload is None:
                return
            yield head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7fffffff, payload

    def until(self, kind):
        """The next frame of a kind, or None when the server closes before."""
        return next((one for one in self.frames() if one[0] == kind), None)
