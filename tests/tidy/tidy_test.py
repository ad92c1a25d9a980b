#!/usr/bin/env python3
"""Holds the tree against CONVENTIONS: layers, purity, SQL, protos, sizes, words.

    tidy_test.py [ROOT]

Each rule first proves on its own bad examples that it can fail, and on its good ones that it does not
cry wolf; then all rules read all files. Python's standard library only.
"""

import collections
import pathlib
import re
import sys

import cpp_rules
import proto_rules
import text_rules
from source import files

RULES = cpp_rules.RULES + proto_rules.RULES + text_rules.RULES
MIGRATION = re.compile(r"services/([^/]+)/storage/migrations/(\d{4})_")


def prove(rules):
    """Faults of the rules themselves."""
    faults = []
    for rule in rules:
        if not rule.bad:
            faults.append(f"rule '{rule.name}' has no bad example")
        for example in rule.bad:
            if not rule.check(example.path, example.text):
                faults.append(f"rule '{rule.name}' misses {example}")
        for example in rule.good:
            for finding in rule.check(example.path, example.text):
                faults.append(f"rule '{rule.name}' objects to {example}: {finding[2]}")
    return faults


def migration_gaps(paths):
    """Migrations of a service count 0001, 0002, … without a gap and without a double."""
    numbers = collections.defaultdict(list)
    for path in paths:
        match = MIGRATION.match(path)
        if match:
            numbers[match.group(1)].append(int(match.group(2)))
    return [(f"services/{service}/storage/migrations", 1, f"migration numbers: {sorted(found)}")
            for service, found in sorted(numbers.items())
            if sorted(found) != list(range(1, len(found) + 1))]


def prove_migration_gaps():
    folder = "services/market/storage/migrations/"
    if migration_gaps([folder + "0001_a.sql", folder + "0002_b.sql"]):
        return ["the rule on migration numbers objects to 1, 2"]
    return [f"the rule on migration numbers misses {names}"
            for names in (["0001_a.sql", "0001_b.sql"], ["0001_a.sql", "0003_b.sql"], ["0002_a.sql"])
            if not migration_gaps([folder + name for name in names])]


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    if len(sys.argv) == 1:
        root = root.parents[2]
    faults = prove(RULES) + prove_migration_gaps()
    for fault in faults:
        print(fault)
    findings, paths = [], []
    for path, text in files(root):
        paths.append(path)
        for rule in RULES:
            findings += rule.check(path, text)
    findings += migration_gaps(paths)
    for path, line, message in findings:
        print(f"{path}:{line}: {message}")
    print(f"{len(RULES) + 1} rules, {len(paths)} files, {len(findings)} findings")
    if len(paths) < 50:
        print(f"{root} is not the whole tree")
        return 1
    return 1 if faults or findings else 0


if __name__ == "__main__":
    sys.exit(main())
