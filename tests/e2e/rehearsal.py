"""Runs `peerwatt demo`, undisturbed or with processes killed in the middle of the day."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

BIN = pathlib.Path(os.environ["PEERWATT_BIN"])
VICTIMS = ["metering", "market", "settlement", "postgres", "gateway", "registry", "devsim"]


class Rehearsal:
    """One run of the demo: its exit code, output, report and ledger."""

    def __init__(self, *arguments, victims=(), kill_every_s=2.0, timeout=300,
                 environment=None):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="peerwatt-rehearsal-"))
        folder.chmod(0o755)
        self.kills = []
        try:
            report, ledger, state = folder / "report.json", folder / "ledger.txt", folder / "state"
            with open(folder / "output", "w+") as output:
                process = subprocess.Popen(
                    [BIN / "peerwatt", "demo", "--state", state, "--report", report, "--ledger",
                     ledger, *arguments], stdout=output, stderr=subprocess.STDOUT,
                    env={**os.environ, **(environment or {})})
                try:
                    self._disturb(process, state, list(victims), kill_every_s)
                    self.code = process.wait(timeout=timeout)
                finally:
                    if process.poll() is None:
                        process.terminate()
                        process.wait(timeout=60)
                output.seek(0)
                self.output = output.read()
            self.report = json.loads(report.read_text()) if report.exists() else None
            self.ledger = ledger.read_text().splitlines() if ledger.exists() else None
        finally:
            subprocess.run([BIN / "peerwatt", "down", "--state", folder / "state"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            shutil.rmtree(folder, ignore_errors=True)

    def _disturb(self, process, state, victims, every_s):
        if not victims:
            return
        # The day has begun when the first readings are acknowledged.
        status = None
        while process.poll() is None and status is None:
            for file in state.rglob("*status*.json"):
                try:
                    if json.loads(file.read_text()).get("readings_acknowledged", 0) > 0:
                        status = file
                except ValueError:
                    pass
            time.sleep(0.05)
        for victim in victims:
            time.sleep(every_s)
            if process.poll() is not None:
                return
            pid = self._pid(state, victim)
            if pid:
                os.kill(pid, signal.SIGKILL)
                self.kills.append(victim)

    @staticmethod
    def _pid(state, victim):
        if victim == "devsim":
            for entry in pathlib.Path("/proc").iterdir():
                try:
                    command = (entry / "cmdline").read_bytes().decode(errors="replace")
                except (OSError, NotADirectoryError):
                    continue
                if entry.name.isdigit() and command.startswith(str(BIN / "peerwatt-devsim")) and \
                        str(state) in command:
                    return int(entry.name)
            return 0
        document = json.loads((state / "state.json").read_text())
        return next(p["pid"] for p in document["processes"] if p["name"] == victim)

    @property
    def proofs_hold(self):
        return self.report is not None and all(
            proof["holds"] is True for proof in self.report["proofs"].values())


def difference(a, b):
    """What two ledgers do not share, as two lists of lines."""
    left, right = {}, {}
    for lines, counts in ((a, left), (b, right)):
        for line in lines:
            counts[line] = counts.get(line, 0) + 1
    only = lambda one, other: [line for line, n in one.items() for _ in range(n - other.get(line, 0))]
    return only(left, right), only(right, left)
