"""Rules for C++: layers, purity of core, SQL in its place, names."""

import re

from source import Example, Rule, code_matches, code_only, includes, line_of, string_literals

CPP = ("*.h", "*.cc")
CORE = ("services/*/core/*", "services/*/formats/*", "libs/domain/*")

# Folder → what may be included from the tree. {service} is the folder's own service.
LAYERS = (
    ("libs/base/", ("libs/base/",)),
    ("libs/domain/", ("libs/base/", "libs/domain/")),
    ("libs/crypto/", ("libs/base/", "libs/crypto/")),
    ("libs/postgres/", ("libs/base/", "libs/domain/", "libs/postgres/")),
    ("libs/telemetry/", ("libs/base/", "libs/telemetry/")),
    ("libs/rpc/", ("libs/base/", "libs/domain/", "libs/crypto/", "libs/telemetry/", "libs/rpc/")),
    ("services/{service}/core/", ("libs/base/", "libs/domain/", "services/{service}/core/",
                                  "services/{service}/checker/")),
    # A checker shares no code with what it checks, only its plain values.
    ("services/market/checker/", ("libs/base/", "libs/domain/", "services/market/checker/",
                                  "services/market/core/clearing/book.h")),
    ("services/{service}/formats/", ("libs/base/", "libs/domain/", "services/{service}/core/",
                                     "services/{service}/formats/")),
    ("services/{service}/storage/", ("libs/base/", "libs/domain/", "libs/postgres/",
                                     "services/{service}/core/", "services/{service}/storage/")),
    ("services/{service}/clients/", ("libs/base/", "libs/domain/", "libs/crypto/", "libs/rpc/",
                                     "services/{service}/core/", "services/{service}/clients/")),
    ("services/gateway/", ("libs/base/", "libs/domain/", "libs/crypto/", "libs/telemetry/",
                           "libs/rpc/", "services/gateway/")),
    ("services/{service}/rpc/", ("libs/base/", "libs/domain/", "libs/telemetry/", "libs/rpc/",
                                 "services/{service}/core/", "services/{service}/formats/",
                                 "services/{service}/rpc/")),
    ("services/{service}/", ("libs/", "services/{service}/")),
    ("agent/", ("libs/base/", "libs/domain/", "libs/crypto/", "libs/rpc/", "agent/")),
    # What recomputes the books shares no code with what keeps them.
    ("tools/verify/", ("libs/base/", "tools/verify/")),
    ("tools/", ("libs/", "agent/", "tools/")),
)
# Third party → where it may appear.
FOREIGN = (
    (re.compile(r"^pqxx"), re.compile(
        r"^(libs/postgres|services/[^/]+/storage|tools|tests|bench)/")),
    (re.compile(r"^(grpcpp|grpc|google/protobuf)/|\.pb\.h$"), re.compile(
        r"^(libs/rpc|services/[^/]+/(rpc|clients)|services/gateway|agent|tools|tests|bench)/"
        r"|^services/[^/]+/main\.cc$")),
    (re.compile(r"^prometheus/"), re.compile(r"^(libs/telemetry|tests)/")),
    (re.compile(r"^boost/"), re.compile(r"^(services/gateway|tools|tests|bench)/")),
    (re.compile(r"^expat"), re.compile(r"^(services/[^/]+/formats|tests)/")),
    (re.compile(r"^spdlog/"), re.compile(r"^libs/base/")),
)
TREE = re.compile(r"^(libs|services|agent|tools|tests)/")


def layer_of(path):
    """What the file may include from the tree; None where any file may."""
    service = re.match(r"services/([^/]+)/", path)
    name = service.group(1) if service else ""
    for folder, allowed in LAYERS:
        if path.startswith(folder.format(service=name)):
            return tuple(prefix.format(service=name) for prefix in allowed)
    return None


def find_outward_includes(path, text):
    findings = []
    allowed = layer_of(path)
    for line, include in includes(text):
        if allowed is not None and TREE.match(include) and not include.startswith(allowed):
            findings.append((line, f"includes {include}, which lies outward"))
        for what, where in FOREIGN:
            if what.search(include) and not where.search(path):
                findings.append((line, f"includes {include}, which does not belong here"))
    return findings


SQL = re.compile(
    r"\b(SELECT\s+[\w*$(]|INSERT\s+INTO\s|UPDATE\s+\w+\s+(\w+\s+)?SET\b|DELETE\s+FROM\s"
    r"|(CREATE|ALTER|DROP)\s+TABLE\b|TRUNCATE\s|COPY\s+\w+\s*\()")


def find_stray_sql(path, text):
    if re.search(r"/storage/(\w+_)?queries\.h$", path):
        return []
    return [(line, "SQL outside of storage/*queries.h") for line, literal in string_literals(text)
            if SQL.search(literal)]


def find_missing_guard(_, text):
    directives = re.findall(r"(?m)^#\s*(.*)$", text)
    if directives[:1] == ["pragma once"]:
        return []
    return [(1, "a header starts with #pragma once")]


def find_uncommented_types(_, text):
    """Types at the outermost level of a header without a comment; a group may share one."""
    findings = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        declared = re.match(r"(?:enum class|enum|class|struct)\s+(\w+)[^;]*\{?$", line)
        if not declared or line.rstrip().endswith(";"):
            continue
        above = number - 1
        while above >= 0 and re.match(r"template\b", lines[above]):
            above -= 1
        # A type that follows another without an empty line shares its comment.
        if above < 0 or not re.match(r"\s*//|\};|\s*.*\*/$", lines[above]):
            findings.append((number + 1, f"{declared.group(1)} has no comment"))
    return findings


def find_long_functions(_, text):
    """Functions of more than 90 lines: where 70 is the aim, this is past any excuse.

    A function here is a brace that opens after a parenthesis, and not inside of another function.
    """
    findings, stack = [], []
    code = code_only(text)
    for match in re.finditer(r"[{}]", code):
        if match.group(0) == "{":
            before = re.split(r"[;{}]", code[max(0, match.start() - 400):match.start()])[-1]
            is_type = re.search(r"\b(namespace|class|struct|enum|union|extern)\b", before)
            inside = any(function for function, _ in stack)
            stack.append((")" in before and not is_type and not inside, match.start()))
        elif stack:
            function, start = stack.pop()
            lines = code.count("\n", start, match.start())
            if function and lines > FUNCTION_LINES_MAX:
                findings.append((line_of(code, start), f"a function of {lines} lines"))
    return findings


FUNCTION_LINES_MAX = 90
_LONG_BODY = "int F() {\n" + "  x();\n" * 95 + "}\n"

RULES = (
    Rule("include", CPP, find_outward_includes,
         bad=(Example("services/market/core/a.cc", '#include "libs/postgres/pool.h"\n'),
              Example("services/market/core/a.cc", '#include <grpcpp/grpcpp.h>\n'),
              Example("services/market/core/a.h", '#include "peerwatt/market/v1/market.pb.h"\n'),
              Example("services/market/core/a.h", '#include "services/market/storage/b.h"\n'),
              Example("services/market/main.cc", '#include "services/registry/core/a.h"\n'),
              Example("services/market/rpc/a.cc", '#include "services/market/storage/b.h"\n'),
              Example("services/market/rpc/a.cc", '#include <pqxx/pqxx>\n'),
              Example("services/market/storage/a.cc", '#include <google/protobuf/message.h>\n'),
              Example("libs/domain/a.h", '#include "libs/rpc/status.h"\n'),
              Example("libs/base/a.h", '#include "services/market/core/a.h"\n'),
              Example("agent/a.cc", '#include "services/metering/core/a.h"\n'),
              Example("tools/verify/a.cc", '#include "libs/domain/quantities.h"\n'),
              Example("services/metering/core/a.cc", '#include "prometheus/counter.h"\n')),
         good=(Example("services/market/storage/a.cc",
                       '#include <pqxx/pqxx>\n#include "services/market/core/a.h"\n'),
               Example("services/market/main.cc",
                       '#include <grpcpp/grpcpp.h>\n#include "services/market/storage/a.h"\n'),
               Example("tests/unit/market/a_test.cc", '#include "services/market/core/a.h"\n'))),
    Rule("floating point", CORE, code_matches(r"\b(float|double|long double)\b", "{0}"),
         bad=(Example("services/market/core/a.cc", "double price = 0;\n"),
              Example("libs/domain/a.h", "#pragma once\nfloat Energy();\n")),
         good=(Example("services/market/core/a.cc",
                       '/// A double auction.\nauto s = "double"; int doubled = 2;\n'),)),
    Rule("clock", CORE,
         code_matches(r"\babsl::Now\s*\(|\b(system|steady|high_resolution)_clock\b"
                      r"|\b(gettimeofday|clock_gettime)\b|\btime\s*\(\s*(nullptr|NULL|0)\s*\)",
                      "{0} in core; time is an argument"),
         bad=(Example("services/market/core/a.cc", "auto t = absl::Now();\n"),
              Example("services/market/core/a.cc", "auto t = std::chrono::system_clock::now();\n"),
              Example("services/market/core/a.cc", "auto t = time(nullptr);\n")),
         good=(Example("services/market/core/a.cc", "// absl::Now() is the caller's\n"),)),
    Rule("chance", CORE,
         code_matches(r"\bstd::random_device\b|\babsl::BitGen\b|\bs?rand\s*\(", "{0} in core"),
         bad=(Example("services/market/core/a.cc", "absl::BitGen bits;\n"),)),
    Rule("sql", ("services/*.h", "services/*.cc"), find_stray_sql,
         bad=(Example("services/market/storage/a.cc", 'tx.exec("SELECT id FROM orders");\n'),
              Example("services/market/storage/a.cc", 'auto s = R"(\n  INSERT INTO orders\n)";\n'),
              Example("services/market/storage/a.cc", 'auto s = "UPDATE orders "\n  "SET x = 1";\n'),
              Example("services/market/main.cc", 'auto s = "DELETE FROM orders";\n')),
         good=(Example("services/market/storage/queries.h", 'auto s = "SELECT id FROM orders";\n'),
               Example("services/market/storage/a_queries.h", 'auto s = "SELECT id FROM a";\n'),
               Example("services/market/core/a.cc", '// SELECT id\nauto s = "SELECTED";\n'))),
    Rule("guard", ("*.h",), find_missing_guard,
         bad=(Example("libs/base/a.h", "#include <string>\n#pragma once\n"),
              Example("libs/base/a.h", "#ifndef A_H\n#define A_H\n#endif\n")),
         good=(Example("libs/base/a.h", "// A.\n#pragma once\n"),)),
    Rule("name", CPP,
         code_matches(r"\b(?:class|struct)\s+\w+(?:Manager|Helper|Utils?|Data|Info)\b\s*(?:final\s*)?"
                      r"[:{]", "{0} says too little; name what it is"),
         bad=(Example("libs/base/a.h", "#pragma once\nclass OrderManager {};\n"),
              Example("libs/base/a.cc", "struct TradeInfo : Base {};\n")),
         good=(Example("libs/base/a.cc", "struct Database {};\nclass Manager;\n"),)),
    Rule("comment", ("libs/*.h", "services/*.h", "agent/*.h", "tools/*.h"), find_uncommented_types,
         bad=(Example("libs/base/a.h", "#pragma once\n\nclass A {\n};\n"),
              Example("libs/base/a.h", "#pragma once\n\ntemplate <typename T>\nstruct A {\n};\n")),
         good=(Example("libs/base/a.h",
                       "/// A.\nclass A {\n};\nclass B {\n};\n\nclass C;\n"
                       "/// D.\ntemplate <class T>\nstruct D {\n};\n"),)),
    Rule("function", CPP, find_long_functions,
         bad=(Example("libs/base/a.cc", _LONG_BODY),),
         good=(Example("libs/base/a.cc", "int F() {\n  x();\n}\n" * 60),
               Example("libs/base/a.cc", "struct A {\n" + "  int F() {\n    x();\n  }\n" * 60
                       + "};\n"))),
    Rule("sleep", ("tests/unit/*", "tests/postgres/*", "tests/property/*"),
         code_matches(r"\b(absl::SleepFor|sleep_for|sleep_until|usleep|sleep)\s*\(", "{0} in a test"),
         bad=(Example("tests/unit/a_test.cc", "absl::SleepFor(absl::Seconds(1));\n"),)),
)
