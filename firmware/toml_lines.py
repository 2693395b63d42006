"""Where each key of a TOML document stands: its line, found by one walk over text that tomllib has
already accepted.

tomllib keeps no positions, and an error without its line is half an error. Because the text is
known to be valid, the walk needs no errors of its own: it only skips strings, comments and brackets
rightly.
"""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A place in the document: keys, and indices into arrays.
Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""{1,3}(?!")'
    r"|'''.*?'''{1,3}(?!')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]+")


def lines_of(text: str) -> Mapping[Path, int]:
    """The line, counted from 1, of every key and array element."""
    return _Walk(text).lines


@dataclass(frozen=True, slots=True)
class Header:
    """A table's own line, `[a.b]` or `[[a.b]]`: where it begins, the table's place with the index
    of each array of tables, and where each of its keys is written."""

    start: int
    path: Path
    keys: tuple[tuple[int, int], ...]


def headers_of(text: str) -> Sequence[Header]:
    """Every table that has a line of its own, in the document's order."""
    return _Walk(text).headers


def nearest(lines: Mapping[Path, int], path: Sequence[str | int]) -> int:
    """The line of `path`, or of the deepest part of it that stands in the document; parts unknown
    there are skipped."""
    found: Path = ()
    for part in path:
        if (*found, part) in lines:
            found = (*found, part)
    return lines.get(found, 1)


class _Walk:
    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {}
        self.headers: list[Header] = []
        self._spans: list[tuple[int, int]] = []
        self._text = text
        self._at = 0
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._elements: dict[Path, int] = {}  # array of tables -> index of its newest element
        table: Path = ()
        self._blank()
        while self._at < len(text):
            if text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._blank()

    def _blank(self) -> None:
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _line(self) -> int:
        return bisect_right(self._starts, self._at)

    def _take(self, expected: str) -> bool:
        if not self._text.startswith(expected, self._at):
            return False
        self._at += len(expected)
        return True

    def _header(self) -> Path:
        line, start = self._line(), self._at
        is_array = self._take("[[")
        if not is_array:
            self._take("[")
        self._blank()
        parts = self._key()
        self._take("]]" if is_array else "]")
        table: Path = ()
        for depth, part in enumerate(parts, start=1):
            table = (*table, part)
            self.lines.setdefault(table, line)
            if is_array and depth == len(parts):
                self._elements[table] = self._elements.get(table, -1) + 1
            if table in self._elements:
                table = (*table, self._elements[table])
                self.lines.setdefault(table, line)
        self.headers.append(Header(start, table, tuple(self._spans)))
        return table

    def _key(self) -> list[str]:
        self._spans = []
        parts = [self._key_part()]
        self._blank()
        while self._take("."):
            self._blank()
            parts.append(self._key_part())
            self._blank()
        return parts

    def _key_part(self) -> str:
        start = self._at
        part = self._part()
        self._spans.append((start, self._at))
        return part

    def _part(self) -> str:
        if bare := _BARE_KEY.match(self._text, self._at):
            self._at = bare.end()
            return bare.group()
        quoted = self._text[self._at : self._skip(_STRING)]
        return next(iter(tomllib.loads(f"{quoted} = 0")))

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        # Valid TOML always matches; going on by one character keeps the walk finite if it should
        # not.
        self._at = match.end() if match else self._at + 1
        return self._at

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self.lines.setdefault(path, line)
        self._take("=")
        self._blank()
        self._value(path)

    def _value(self, path: Path) -> None:
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        elif self._text[self._at : self._at + 1] in {'"', "'"}:
            self._skip(_STRING)
        else:
            self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        index = 0
        self._blank()
        while self._at < len(self._text) and not self._take("]"):
            self.lines[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1
            self._blank()
            self._take(",")
            self._blank()

    def _inline_table(self, path: Path) -> None:
        self._blank()
        while self._at < len(self._text) and not self._take("}"):
            self._pair(path)
            self._blank()
            self._take(",")
            self._blank()
