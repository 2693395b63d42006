"""Telephones as a table: what a spreadsheet gives and takes (CSV), and what a table would change in
the draft, line by line, before anything is changed.

A spreadsheet takes what begins with =, +, - or @ for a formula. No cell that we write begins so,
and whoever brings such a cell is refused: a name or a place begins with a letter or a digit. A key
that a table has no column for stays as it is; no telephone is taken away by a table.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from firmware.edits import Edit, Put
from firmware.fields import Kind, Texts, Value, texts_of, value_of
from firmware.filling import (
    NAME,
    Told,
    changes,
    document_of,
    faults_by_the_model,
    field_of,
    inside_of,
    judged,
    wrong_name,
)
from firmware.sections import SECTIONS, Document
from firmware.settings import SECTION_MAX, Beside, Fault, nothing_beside

PHONES = SECTIONS["phones"]
EXTENSION = "extension"
COLUMNS = (EXTENSION, *(field.name for field in PHONES.fields))
ROWS_MOST = SECTION_MAX["phones"]
TICKS = frozenset(field.name for field in PHONES.fields if field.kind is Kind.YES)
NO = frozenset({"", "no", "off", "false", "falso", "0"})  # all else in such a cell is yes
BETWEEN = ";"  # the skills in one cell
FORMULA = ("=", "+", "-", "@", "\t", "\r")
DELIMITERS = ",;\t"  # a spreadsheet's own depends on its country


class What(StrEnum):
    """What a line of the table would do."""

    ADDED = "added"
    CHANGED = "changed"
    SAME = "same"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table, counted as the spreadsheet counts it."""

    number: int
    extension: str
    name: str
    what: What
    changed: tuple[str, ...] = ()  # columns
    faults: Mapping[str, Told] | None = None  # column -> what is wrong there
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """What a table would do, and the text when it has; None: nothing of it can be taken."""

    lines: tuple[Line, ...] = ()
    text: str | None = None
    fault: Told | None = None  # of the table as a whole

    def count(self, what: What) -> int:
        return sum(each.what is what for each in self.lines)


NO_TABLE = Told(
    "This is no table with names in its first line.",
    "Let its first line be: extension, name, location, callback.",
)
TOO_LONG = Told("This table has too many lines.", f"Bring at most {ROWS_MOST} telephones.")
TWICE = Told("This extension stands in the table twice.", "Keep one of the two lines.")
TOO_WIDE = Told("This line has more cells than the first.", "Put a cell with commas in quotes.")


def table_of(document: Document) -> str:
    """The telephones as a spreadsheet reads them."""
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for extension, part in PHONES.parts(document):
        texts = texts_of(PHONES.fields, part)
        cells = (texts.get(column, "") for column in COLUMNS[1:])
        rows.writerow([extension, *map(_cell, cells)])
    return written.getvalue()


def preview(text: str, table: str, beside: Beside = nothing_beside) -> Preview:
    """What this table would do to this site file."""
    rows = _rows(table)
    if isinstance(rows, Told):
        return Preview(fault=rows)
    document = document_of(text)
    twice = {name for name, count in Counter(row.extension for row in rows).items() if count > 1}
    lines = [_alone(document, row, is_twice=row.extension in twice) for row in rows]
    return _together(text, lines, beside)


@dataclass(frozen=True, slots=True)
class _Row:
    number: int
    extension: str
    cells: Texts
    is_too_wide: bool = False


def _rows(table: str) -> list[_Row] | Told:
    table = table.removeprefix("\ufeff")
    first = table.splitlines()[0] if table.strip() else ""
    delimiter = max(DELIMITERS, key=first.count)
    try:
        read = list(csv.reader(io.StringIO(table, newline=""), delimiter=delimiter))
    except csv.Error:
        return NO_TABLE
    names = [name.strip().lower() for name in read[0]] if read else []
    if EXTENSION not in names or not set(names) <= set(COLUMNS) or len(set(names)) < len(names):
        return NO_TABLE
    found = [_row(number, names, cells) for number, cells in enumerate(read[1:], 2) if any(cells)]
    return found if len(found) <= ROWS_MOST else TOO_LONG


def _row(number: int, names: Sequence[str], written: Sequence[str]) -> _Row:
    texts = {name: _text(cell) for name, cell in zip(names, written, strict=False)}
    return _Row(number, texts.pop(EXTENSION, ""), texts, any(written[len(names) :]))


def _cell(text: str) -> str:
    one_line = f"{BETWEEN} ".join(text.splitlines())
    return f"'{one_line}" if one_line.startswith(FORMULA) else one_line


def _text(cell: str) -> str:
    text = cell.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def _is_no(cell: str) -> bool:
    return cell.strip().lower() in NO


def _alone(document: Document, row: _Row, *, is_twice: bool) -> Line:
    """A line as it is by itself."""
    written = PHONES.part(document, row.extension)
    cells = dict(row.cells)
    if "skills" in cells:
        cells["skills"] = cells["skills"].replace(BETWEEN, "\n")
    texts = texts_of(PHONES.fields, written or {}) | cells
    texts = {name: text for name, text in texts.items() if name not in TICKS or not _is_no(text)}
    value = value_of(PHONES.fields, texts, written or {})
    faults = dict(faults_by_the_model(PHONES, PHONES.fields, value))
    if written is None and (wrong := wrong_name(document, PHONES, row.extension)):
        faults[EXTENSION] = wrong
    if is_twice:
        faults[EXTENSION] = TWICE
    if row.is_too_wide:
        faults[EXTENSION] = TOO_WIDE
    name = str(value.get("name", ""))
    if faults:
        return Line(row.number, row.extension, name, What.REFUSED, faults=faults)
    path = PHONES.path(row.extension)
    if written is None:
        return Line(row.number, row.extension, name, What.ADDED, edits=(Put(path, value),))
    edits = tuple(changes(path, written, value))
    what = What.CHANGED if edits else What.SAME
    return Line(row.number, row.extension, name, what, _columns(written, value), edits=edits)


def _columns(written: Mapping[str, Value], value: Mapping[str, Value]) -> tuple[str, ...]:
    return tuple(name for name in COLUMNS if written.get(name) != value.get(name))


def _together(text: str, lines: Sequence[Line], beside: Beside) -> Preview:
    """All that is right at once, and again without those that the whole file refuses."""
    for _ in range(2):
        edits = [edit for line in lines for edit in line.edits]
        done = judged(text, edits, beside)
        if isinstance(done, Told):
            return Preview(tuple(lines), fault=done)
        new, faults = done
        blamed = {line.number: _blamed(line, faults) for line in lines if line.edits}
        if not any(blamed.values()):
            whole = next(inside_of((PHONES.name,), faults), None)
            fault = Told(whole.reason, whole.cure) if whole else None
            return Preview(tuple(lines), None if whole or new == text else new, fault)
        lines = [_refused(line, blamed.get(line.number, {})) for line in lines]
    return Preview(tuple(lines))


def _blamed(line: Line, faults: Sequence[Fault]) -> dict[str, Told]:
    found = inside_of(PHONES.path(line.extension), faults)
    places = {field_of(PHONES.fields, each): Told(each.reason, each.cure) for each in found}
    return {EXTENSION if name in ("", NAME) else name: told for name, told in places.items()}


def _refused(line: Line, faults: Mapping[str, Told]) -> Line:
    return replace(line, what=What.REFUSED, faults=faults, edits=()) if faults else line
