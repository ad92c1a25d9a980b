"""Rules for every file: sizes, lines, white space, words; and for migrations."""

import re

from source import Example, Rule, line_of, matches

CODE = ("*.h", "*.cc", "*.proto", "*.cmake", "*CMakeLists.txt")
ANY = ("*",)

LINE_COLUMNS_MAX = 100
FILE_LINES_MAX = 400
# Longer files, each with the reason why it is not split.
LONG_FILES = {
    "protos/peerwatt/market/v1/market.proto": "one package per service",
    "protos/peerwatt/metering/v1/metering.proto": "the messages of one service",
    "protos/peerwatt/registry/v1/registry.proto": "one package per service",
    "protos/peerwatt/settlement/v1/settlement.proto": "one package per service",
    "protos/peerwatt/settlement/v1/payments.proto": "messages of one service",
    "protos/peerwatt/settlement/v1/statements.proto": "the messages of one service",
}
# Rules are data here: their examples would be found as breaches.
OWN = "tests/tidy/"


def not_own(find):
    """The finder, blind in the folder of this test."""
    return lambda path, text: [] if path.startswith(OWN) else find(path, text)


def find_long_lines(_, text):
    return [(number, f"{len(line)} columns") for number, line in enumerate(text.split("\n"), 1)
            if len(line) > LINE_COLUMNS_MAX and not re.search(r"https?://\S{60,}", line)]


def find_long_files(path, text):
    lines = text.count("\n")
    if lines <= FILE_LINES_MAX or path in LONG_FILES:
        return []
    return [(lines, f"{lines} lines; split it by noun, or name it in LONG_FILES with a reason")]


def find_untidy_space(path, text):
    findings = [(number, "white space at the end of the line")
                for number, line in enumerate(text.split("\n"), 1) if line != line.rstrip()]
    if not path.endswith(".go"):
        findings += [(line_of(text, m.start()), "tab") for m in re.finditer(r"\t", text)]
    if "\r" in text:
        findings.append((1, "carriage return"))
    if text and not text.endswith("\n"):
        findings.append((text.count("\n") + 1, "no newline at the end of the file"))
    return findings


def find_bad_migration_name(path, text):
    del text
    if re.search(r"/\d{4}_[a-z0-9]+(_[a-z0-9]+)*\.sql$", path):
        return []
    return [(1, "a migration is called NNNN_what_it_does.sql")]


def sql_matches(pattern, message):
    """As `matches`, blind to SQL comments."""
    find = matches(pattern, message)
    return lambda path, text: find(path, re.sub(r"--[^\n]*", "", text))


MIGRATIONS = ("services/*/storage/migrations/*",)

RULES = (
    Rule("line", CODE, find_long_lines,
         bad=(Example("libs/base/a.cc", "x" * 101 + "\n"),),
         good=(Example("libs/base/a.cc", "x" * 100 + "\n"),)),
    Rule("size", CODE + ("*.py", "*.sh"), find_long_files,
         bad=(Example("libs/base/a.cc", "x\n" * 401),),
         good=(Example("libs/base/a.cc", "x\n" * 400),)),
    Rule("space", ANY, find_untidy_space,
         bad=(Example("a.md", "text \n"), Example("a.cc", "\tx\n"), Example("a.py", "x"),
              Example("a.sh", "x\r\n")),
         good=(Example("a.go", "\tx\n"), Example("a.md", ""))),
    Rule("todo", ANY,
         not_own(matches(r"\bTODO\b(?!\([a-z][a-z0-9 -]*\): \S)|\b(FIXME|XXX|HACK)\b",
                         "{0} without topic and reason; write TODO(topic): reason")),
         bad=(Example("a.cc", "// TODO: later\n"), Example("a.cc", "// TODO(x):\n"),
              Example("a.md", "FIXME\n")),
         good=(Example("a.cc", "// TODO(paging): tokens of version 1 end in 2027\n"),)),
    Rule("word", ANY,
         not_own(matches(r"(?i)\b(blacklist|whitelist|sanity check|not (yet )?implemented|coming soon"
                         r"|lorem ipsum|work in progress|for the time being)\b", "'{0}'")),
         bad=(Example("a.cc", '// not implemented\n'), Example("a.md", "The whitelist\n")),
         good=(Example("a.cc", "// UNIMPLEMENTED\n"),)),
    Rule("machine", ANY,
         not_own(matches(r"(?<![\w.$}])/(home|Users|root|work|mnt)/[\w.-]+",
                         "{0} is a path of one machine")),
         bad=(Example("a.sh", "cd /home/somebody/x\n"), Example("a.md", "see `/root/x`\n")),
         good=(Example("a.sh", "cd $x/home/y; ls agent/work/z\n"),)),
    Rule("commented out", ("*.cc", "*.h"),
         matches(r"(?m)^\s*//\s*(?:return\b[^.]*;|if \(.*\) \{|[A-Za-z_][\w:.>-]*\(.*\);)\s*$",
                 "'{0}' is code in a comment"),
         bad=(Example("a.cc", "  // return x;\n"), Example("a.cc", "// DoIt(a, b);\n")),
         good=(Example("a.cc", "// Returns x; see F().\n"),)),
    Rule("migration name", MIGRATIONS, find_bad_migration_name,
         bad=(Example("services/market/storage/migrations/1_orders.sql", "x\n"),
              Example("services/market/storage/migrations/0001-orders.sql", "x\n")),
         good=(Example("services/market/storage/migrations/0001_create_orders.sql", "x\n"),)),
    Rule("migration type", MIGRATIONS,
         sql_matches(r"(?i)\b(double precision|real|float[48]?|numeric|money|(big)?serial"
                     r"|timestamp(?!tz)( without time zone)?)\b(?=\s*(,|NOT|NULL|CHECK|DEFAULT|PRIMARY"
                     r"|\(|$))", "{0}; energy and money are bigint, time is timestamptz"),
         bad=(Example("services/market/storage/migrations/0001_a.sql", "price numeric NOT NULL,\n"),
              Example("services/market/storage/migrations/0001_a.sql", "a_at timestamp NOT NULL\n"),
              Example("services/market/storage/migrations/0001_a.sql", "x double precision,\n")),
         good=(Example("services/market/storage/migrations/0001_a.sql",
                       "a_at timestamptz NOT NULL, -- real money\n"),)),
)
