"""What the rules of the tidy test are made of: files, findings and a little reading of C++."""

import dataclasses
import fnmatch
import os
import pathlib
import re
from typing import Callable

SKIPPED_FOLDERS = {".git", ".cache", "build", "node_modules", "__pycache__", "dist"}
TEXT_SUFFIXES = {".h", ".cc", ".proto", ".cmake", ".txt", ".py", ".sh", ".sql", ".md", ".yaml",
                 ".yml", ".go", ".ts", ".tsx", ".tpl"}


@dataclasses.dataclass(frozen=True)
class Example:
    """A piece of text, as if it were the file at `path`."""

    path: str
    text: str


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule: where it applies, what it finds, and examples that prove that it can.

    find: takes path and text, returns (line, message) pairs.
    bad: each must be found; good: none may be.
    """

    name: str
    applies: tuple
    find: Callable
    bad: tuple
    good: tuple = ()

    def check(self, path, text):
        """Findings in the file, none when the rule does not apply to it."""
        if not any(fnmatch.fnmatch(path, pattern) for pattern in self.applies):
            return []
        return [(path, line, f"{self.name}: {message}") for line, message in self.find(path, text)]


def files(root):
    """Yields (path from the root, text) of every text file in the tree."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if path.suffix in TEXT_SUFFIXES or is_script(path):
                yield path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")


def is_script(path):
    """Whether the file has no suffix and starts as a script does."""
    if path.suffix or path.is_symlink():
        return False
    with path.open("rb") as file:
        return file.read(2) == b"#!"


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def matches(pattern, message):
    """A finder: one finding for each match of the pattern in the text. {0} is what matched."""
    compiled = re.compile(pattern)

    def find(_, text):
        return [(line_of(text, m.start()), message.format(m.group(0).strip()))
                for m in compiled.finditer(text)]
    return find


def code_matches(pattern, message):
    """As `matches`, but blind to comments and to what is inside of string literals."""
    find = matches(pattern, message)
    return lambda path, text: find(path, code_only(text))


_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|R"(?P<raw>[^()\\\s]{0,16})\(.*?\)(?P=raw)"'
    r'|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def code_only(text):
    """C++ with comments and the insides of literals replaced by blanks; lines stay.

    The path of an #include is code.
    """
    def replace(match):
        line_start = text.rfind("\n", 0, match.start()) + 1
        if text[line_start:match.start()].strip() == "#include":
            return match.group(0)
        return _blank(match.group(0))
    return _TOKEN.sub(replace, text)


def string_literals(text):
    """Yields (line, literal) of C++ string literals; those that follow each other count as one."""
    start, parts, end = 0, [], None
    for match in _TOKEN.finditer(text):
        literal = match.group(0)
        if not literal.startswith(('"', 'R"')):
            continue
        if end is not None and text[end:match.start()].strip():
            yield line_of(text, start), "".join(parts)
            parts = []
        if not parts:
            start = match.start()
        parts.append(literal.strip('R"'))
        end = match.end()
    if parts:
        yield line_of(text, start), "".join(parts)


def includes(text):
    """Yields (line, path) of each #include."""
    for match in re.finditer(r'(?m)^#include\s+[<"]([^>"]+)[>"]', text):
        yield line_of(text, match.start()), match.group(1)
