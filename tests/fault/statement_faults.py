"""Statements: is every one whole, and every number there, wherever the service is killed?"""

import os
import subprocess

import harness


def counted(test):
    """Runs a test of cut-offs. Returns whether it passed, and what it counted, by its first word."""
    done = subprocess.run(
        [harness.BIN / "fault_statement_calls", f"--gtest_filter=StatementCutOffTest.{test}"],
        stdout=subprocess.PIPE, text=True, check=False, env=os.environ)
    rows = {}
    for line in done.stdout.splitlines():
        if line.startswith("statements"):
            name, *pairs = line.split()
            rows[name] = {key: int(value) for key, value in zip(pairs[::2], pairs[1::2])}
    return done.returncode == 0, rows


def statement_calls():
    """Killed at every database call of issuing. Control: numbers taken in another transaction."""
    passed, rows = counted("AtEveryCallOfIssuing")
    _, control = counted("ANumberOfAnotherTransactionIsLost")
    found = control.get("statements_control", {}).get("gaps", 0) > 0
    yield {"fault": "statement_calls", "holds": passed and bool(rows.get("statements")),
           "control": "found" if found else "missed", **rows.get("statements", {})}
