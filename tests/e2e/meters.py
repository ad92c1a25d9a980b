"""Meters of a household for the end-to-end tests: a P1 port, an inverter, and their clock."""

import datetime
import mmap
import pathlib
import socket
import socketserver
import struct
import threading

SLOT = 900


class SimulatedClock:
    """The file that `--clock=shared` maps: microseconds since 1970."""

    def __init__(self, path, now):
        self.path = pathlib.Path(path)
        self.path.write_bytes(bytes(8))
        with open(self.path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), 8)
        self.set(now)

    def set(self, seconds):
        self.page[:] = struct.pack("<q", round(seconds * 1_000_000))

    def now(self):
        return struct.unpack("<q", self.page[:])[0] / 1_000_000


class Load:
    """Watt hours that a register counts: so many per quarter of an hour, evenly within it."""

    def __init__(self, start, base_wh, factor):
        self.start, self.base_wh, self.factor = start, base_wh, factor

    def slot_wh(self, slot):
        return (slot * self.factor) % 397

    def register_wh(self, at):
        slot, rest = divmod(at - self.start, SLOT)
        full = sum(self.slot_wh(i) for i in range(int(slot)))
        return self.base_wh + full + int(self.slot_wh(int(slot)) * rest / SLOT)


def crc16(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0xA001 if crc & 1 else 0)
    return crc


def telegram(at, serial, import_wh, export_wh):
    """A DSMR 5 telegram; the time is the winter's of Amsterdam."""
    local = datetime.datetime.fromtimestamp(at, datetime.timezone(datetime.timedelta(hours=1)))
    kwh = lambda wh: f"{wh // 1000:06d}.{wh % 1000:03d}*kWh"
    body = "\r\n".join([
        "/TST5MODEL", "", "1-3:0.2.8(50)", f"0-0:1.0.0({local:%y%m%d%H%M%S}W)",
        f"0-0:96.1.1({serial.encode().hex().upper()})",
        # Two tariffs that add up to the total.
        f"1-0:1.8.1({kwh(import_wh // 3)})", f"1-0:1.8.2({kwh(import_wh - import_wh // 3)})",
        f"1-0:2.8.1({kwh(export_wh)})", f"1-0:2.8.2({kwh(0)})",
        "1-0:1.7.0(00.321*kW)", "1-0:2.7.0(00.000*kW)", "!"]).encode()
    return body + f"{crc16(body):04X}\r\n".encode()


class Server:
    """A TCP server in threads of this process; knows its live connections."""

    def __init__(self):
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                with outer.lock:
                    outer.connections.append(self.request)
                try:
                    outer.serve(self.request)
                except OSError:
                    pass
                finally:
                    with outer.lock:
                        outer.connections.remove(self.request)

        class Threads(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self.lock = threading.Lock()
        self.connections = []
        self.server = Threads(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def connected(self):
        with self.lock:
            return len(self.connections)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        with self.lock:
            for connection in self.connections:
                connection.close()


class P1Meter(Server):
    """A smart meter behind a serial server: whoever is connected gets every telegram."""

    def __init__(self, serial, imported, exported):
        super().__init__()
        self.serial, self.imported, self.exported = serial, imported, exported

    def serve(self, connection):
        while connection.recv(1024):
            pass

    def show(self, at):
        data = telegram(at, self.serial, self.imported.register_wh(at),
                        self.exported.register_wh(at))
        with self.lock:
            for connection in self.connections:
                try:
                    connection.sendall(data)
                except OSError:
                    pass


class Inverter(Server):
    """A SunSpec inverter (model 103) on Modbus/TCP; shows what it counted at the clock's time."""

    BASE = 40000

    def __init__(self, serial, produced, clock):
        super().__init__()
        self.produced, self.clock, self.answers = produced, clock, 0
        common = [1, 66] + [0] * 66
        name = serial.encode().ljust(32, b"\0")
        common[50:66] = [int.from_bytes(name[i:i + 2], "big") for i in range(0, 32, 2)]
        self.head = [0x5375, 0x6E53] + common

    def registers(self):
        inverter = [103, 50] + [0] * 50
        # In tenths of a watt hour, so that the scale factor counts.
        tenths = self.produced.register_wh(self.clock.now()) * 10
        inverter[24:26] = [tenths >> 16, tenths & 0xFFFF]
        inverter[26] = 0xFFFF  # -1
        return self.head + inverter + [0xFFFF, 0]

    def serve(self, connection):
        while True:
            header = connection.recv(7, socket.MSG_WAITALL)
            if len(header) < 7:
                return
            transaction, _, length, unit = struct.unpack(">HHHB", header)
            body = connection.recv(length - 1, socket.MSG_WAITALL)
            function, address, count = struct.unpack(">BHH", body)
            words = self.registers()[address - self.BASE:address - self.BASE + count] \
                if address >= self.BASE else []
            if function == 3 and len(words) == count:
                answer = struct.pack(f">BB{count}H", 3, 2 * count, *words)
            else:
                answer = struct.pack(">BB", function | 0x80, 2)
            connection.sendall(struct.pack(">HHHB", transaction, 0, len(answer) + 1, unit) + answer)
            self.answers += 1
