"""Rules for protos: comments, access, HTTP, paging, types. Reads the text simply, line by line."""

import dataclasses
import re

from source import Example, Rule

PROTO = ("protos/peerwatt/*.proto",)
UNWANTED_TYPES = {"float", "double", "uint32", "uint64", "fixed32", "fixed64"}


@dataclasses.dataclass
class Element:
    """One declaration: message, enum, value, field, oneof, service or rpc."""

    kind: str
    name: str
    line: int
    commented: bool
    text: str
    parent: str


_BLOCK = re.compile(r"(message|enum|service|oneof)\s+(\w+)\s*\{")
_RPC = re.compile(r"rpc\s+(\w+)\s*\(")
_VALUE = re.compile(r"([A-Z][A-Z0-9_]*)\s*=\s*\d+")
_FIELD = re.compile(r"(?:repeated\s+|optional\s+)?((?:map<[^>]*>)|[\w.]+)\s+(\w+)\s*=\s*\d+")


def elements(text):
    """All declarations of a proto, in order. `text` of an rpc is all of it, options included."""
    found, stack = [], []
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        line = lines[number].strip()
        start = number
        commented = number > 0 and lines[number - 1].strip().startswith("//")
        number += 1
        if not line or line.startswith("//"):
            continue
        if line.startswith("}"):
            stack.pop()
            continue
        kind = stack[-1][0] if stack else ""
        parent = stack[-1][1] if stack else ""
        block = _BLOCK.match(line)
        if block:
            found.append(Element(block.group(1), block.group(2), start + 1, commented, line, parent))
            if not line.endswith("}"):
                stack.append((block.group(1), block.group(2)))
            continue
        # Anything else ends where its braces and brackets are closed and a ; or } is met.
        whole = line
        while not (re.search(r"[;}]$", whole) and whole.count("{") == whole.count("}")):
            whole += "\n" + lines[number].strip()
            number += 1
        rpc = _RPC.match(whole)
        value = _VALUE.match(whole) if kind == "enum" else None
        field = _FIELD.match(whole) if kind in ("message", "oneof") else None
        if rpc:
            found.append(Element("rpc", rpc.group(1), start + 1, commented, whole, parent))
        elif value:
            found.append(Element("value", value.group(1), start + 1, commented, whole, parent))
        elif field and not re.match(r"option\b", whole):
            found.append(Element("field", field.group(2), start + 1, commented, whole, parent))
    return found


def find_uncommented(_, text):
    return [(e.line, f"{e.kind} {e.name} has no comment") for e in elements(text)
            if not e.commented]


def public_rpcs(text):
    return [e for e in elements(text) if e.kind == "rpc" and not e.parent.endswith("Internal")]


def find_missing_access(_, text):
    return [(e.line, f"{e.name} says not who may call it") for e in public_rpcs(text)
            if "(peerwatt.access.v1.access)" not in e.text]


def find_missing_http(_, text):
    return [(e.line, f"{e.name} has no google.api.http rule") for e in public_rpcs(text)
            if "(google.api.http)" not in e.text and not re.search(r"\(\s*stream\b", e.text.split(
                "returns")[0])]


def find_missing_paging(_, text):
    fields = {}
    for element in elements(text):
        if element.kind == "field":
            fields.setdefault(element.parent, set()).add(element.name)
    findings = []
    for rpc in public_rpcs(text):
        if not rpc.name.startswith("List"):
            continue
        for message, needed in ((f"{rpc.name}Request", {"page_size", "page_token"}),
                                (f"{rpc.name}Response", {"next_page_token"})):
            missing = needed - fields.get(message, set())
            if missing:
                findings.append((rpc.line, f"{message} lacks {', '.join(sorted(missing))}"))
    return findings


def find_unwanted_types(_, text):
    return [(e.line, f"{e.name}: no unsigned or floating-point fields") for e in elements(text)
            if e.kind == "field" and _FIELD.match(e.text).group(1) in UNWANTED_TYPES]


def find_missing_units(_, text):
    """Integers that count energy carry the unit."""
    return [(e.line, f"{e.name}: energy ends with _wh") for e in elements(text)
            if e.kind == "field" and re.match(r"(repeated )?int(32|64)\b", e.text)
            and "energy" in e.name and not re.search(r"_wh(_max|_min)?$", e.name)]


def find_wrong_zero(_, text):
    findings, first = [], {}
    for element in elements(text):
        if element.kind == "value" and (element.parent, "seen") not in first:
            first[element.parent, "seen"] = True
            if not element.name.endswith("_UNSPECIFIED"):
                findings.append((element.line, f"{element.parent} starts with {element.name}, not "
                                               "with a value _UNSPECIFIED"))
        if element.kind == "enum":
            first.pop((element.name, "seen"), None)
    return findings


def _service(body, name="Market"):
    return Example("protos/peerwatt/x/v1/x.proto", f"// S.\nservice {name} {{\n{body}}}\n")


def _message(body, name="M"):
    return Example("protos/peerwatt/x/v1/x.proto", f"// M.\nmessage {name} {{\n{body}}}\n")


_HTTP = '    option (google.api.http) = { get: "/v1/x" };\n'
_ACCESS = "    option (peerwatt.access.v1.access) = {\n      roles: ADMIN\n    };\n"
_LIST = _service("  // L.\n  rpc ListOrders(ListOrdersRequest) returns (ListOrdersResponse) {\n"
                 + _HTTP + _ACCESS + "  }\n").text

RULES = (
    Rule("proto comment", PROTO, find_uncommented,
         bad=(_message("  string name = 1;\n"),
              Example("protos/peerwatt/x/v1/x.proto", "\nmessage M {}\n"),
              Example("protos/peerwatt/x/v1/x.proto", "// E.\nenum E {\n  E_UNSPECIFIED = 0;\n}\n"),
              _message("  oneof kind {\n    // A.\n    string a = 1;\n  }\n"),
              _service("  rpc Get(A) returns (B);\n")),
         good=(_message("  // N.\n  string name = 1 [\n    (a) = B\n  ];\n  option (x) = {\n"
                        '    type: "t"\n  };\n  reserved 4;\n'),)),
    Rule("access", PROTO, find_missing_access,
         bad=(_service("  // G.\n  rpc Get(A) returns (B) {\n" + _HTTP + "  }\n"),),
         good=(_service("  // G.\n  rpc Get(A) returns (B);\n", "MarketInternal"),
               _service("  // G.\n  rpc Get(A) returns (B) {\n" + _HTTP + _ACCESS + "  }\n"))),
    Rule("http", PROTO, find_missing_http,
         bad=(_service("  // G.\n  rpc Get(A) returns (B) {\n" + _ACCESS + "  }\n"),
              _service("  // W.\n  rpc Watch(A) returns (stream B) {\n" + _ACCESS + "  }\n")),
         good=(_service("  // S.\n  rpc S(stream A) returns (stream B) {\n" + _ACCESS + "  }\n"),)),
    Rule("paging", PROTO, find_missing_paging,
         bad=(Example("protos/peerwatt/x/v1/x.proto", _LIST + _message(
             "  // A.\n  string next_page_token = 1;\n", "ListOrdersResponse").text),),
         good=(Example("protos/peerwatt/x/v1/x.proto", _LIST + _message(
             "  // A.\n  int32 page_size = 1;\n  // B.\n  string page_token = 2;\n",
             "ListOrdersRequest").text + _message(
                 "  // A.\n  string next_page_token = 1;\n", "ListOrdersResponse").text),)),
    Rule("proto type", PROTO, find_unwanted_types,
         bad=(_message("  // A.\n  uint64 a = 1;\n"), _message("  // A.\n  repeated double a = 1;\n"),
              _message("  // A.\n  optional float a = 1;\n")),
         good=(_message("  // A.\n  int64 a = 1;\n  // double b = 2;\n"),)),
    Rule("proto unit", PROTO, find_missing_units,
         bad=(_message("  // A.\n  int64 energy = 1;\n"),
              _message("  // A.\n  repeated int64 import_energy = 1;\n")),
         good=(_message("  // A.\n  int64 energy_wh = 1;\n"),)),
    Rule("enum zero", PROTO, find_wrong_zero,
         bad=(Example("protos/peerwatt/x/v1/x.proto", "// E.\nenum E {\n  // A.\n  OPEN = 0;\n}\n"),),
         good=(Example("protos/peerwatt/x/v1/x.proto",
                       "// E.\nenum E {\n  // A.\n  E_UNSPECIFIED = 0;\n  // B.\n  B = 1;\n}\n"),)),
)
