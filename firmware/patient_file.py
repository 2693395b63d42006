"""The file that a list of patients is imported from: CSV with a line of headings, one patient a
line. Every fault of it is told with its line, its reason and its cure, and never with its words.

    name,birth_date,phone,record,pin
    Anna Reyes,1985-04-12,(202) 555-0143,4711,
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches

from firmware.patients import Patient, whole_number
from ivr.asking import FIRST_YEAR, LAST_YEAR
from ivr.identity import PHONE_DIGITS, PIN_LEAST, PIN_MOST, RECORD_MOST, Factor

FILE_MAX = 32 * 1024 * 1024  # bytes; 100,000 patients are some 6 MB
PATIENTS_MAX = 100_000
NAME_MOST = 100
NAME = "name"
COLUMNS = {
    "birth_date": Factor.BIRTH_DATE,
    "phone": Factor.PHONE,
    "record": Factor.RECORD,
    "pin": Factor.PIN,
}
HEADINGS = (NAME, *COLUMNS)
FACTORS_LEAST = 2


@dataclass(frozen=True, slots=True, order=True)
class BadRow:
    """One thing wrong: its line, why, and what to do."""

    line: int
    reason: str
    cure: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}; {self.cure}"


@dataclass(frozen=True, slots=True)
class _Value:
    """What a column may hold: as it is compared, or None if it is nothing that can be."""

    read: Callable[[str], str | None]
    cure: str


def read(content: bytes) -> tuple[list[Patient], list[BadRow]]:
    """The patients, and all that is wrong; with anything wrong nobody shall be imported."""
    if len(content) > FILE_MAX:
        return [], [BadRow(1, f"the file has more than {FILE_MAX} bytes", "is it the right file?")]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        cure = "export the list once more as CSV in UTF-8"
        return [], [BadRow(line, "this is not UTF-8 text", cure)]
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    reading = _Reading({}, [], [])
    try:
        for row in rows:
            reading.row(rows.line_num, [cell.strip() for cell in row])
    except csv.Error:
        cure = "close each quotation mark, and write a mark inside a text twice"
        reading.bad.append(BadRow(rows.line_num, "this is not CSV", cure))
    if not reading.patients and not reading.bad:
        reading.bad.append(BadRow(1, "there is no patient in it", f"write {','.join(HEADINGS)}"))
    return reading.patients, sorted(reading.bad)


@dataclass(slots=True)
class _Reading:
    lines_of_records: dict[str, int]
    patients: list[Patient]
    bad: list[BadRow]
    headings: tuple[str, ...] = ()
    is_understood: bool = False

    def row(self, line: int, cells: list[str]) -> None:
        if not any(cells):
            return
        if not self.headings:
            self.headings = tuple(cell.lower() for cell in cells)
            self.bad += _bad_headings(line, self.headings)
            self.is_understood = not self.bad
        elif not self.is_understood:
            return  # without headings no other line can be
        elif len(cells) != len(self.headings):
            reason = f"has {len(cells)} cells where the headings have {len(self.headings)}"
            self.bad.append(BadRow(line, reason, "put a text with a comma in it into quotes"))
        elif len(self.patients) >= PATIENTS_MAX:
            self.bad.append(BadRow(line, f"is beyond {PATIENTS_MAX} patients", "is it the list?"))
        else:
            self._patient(line, dict(zip(self.headings, cells, strict=True)))

    def _patient(self, line: int, cells: Mapping[str, str]) -> None:
        factors: dict[Factor, str] = {}
        bad = list(_bad_name(line, cells[NAME]))
        for heading, factor in COLUMNS.items():
            if written := cells.get(heading, ""):
                value = VALUES[factor].read(written)
                if value is None:
                    bad.append(BadRow(line, f"{heading} does not fit", VALUES[factor].cure))
                factors[factor] = value or ""
        if len(factors) < FACTORS_LEAST:
            what = ", ".join(COLUMNS)
            bad.append(BadRow(line, f"has {len(factors)} of {what}", "fill in two of them"))
        if record := factors.get(Factor.RECORD):
            before = self.lines_of_records.setdefault(record, line)
            if before != line:
                reason = f"its record number is that of line {before} too"
                bad.append(BadRow(line, reason, "give each patient one line and one number"))
        self.bad += bad
        if not bad:
            whole = whole_number(cells.get("phone", ""))
            self.patients.append(Patient(cells[NAME], factors, whole))


def _bad_headings(line: int, headings: tuple[str, ...]) -> Iterator[BadRow]:
    if NAME not in headings:
        yield BadRow(line, "there is no heading name", f"begin with a line {','.join(HEADINGS)}")
    if sum(heading in COLUMNS for heading in headings) < FACTORS_LEAST:
        what = ", ".join(COLUMNS)
        yield BadRow(line, "fewer than two factors have a heading", f"add two of: {what}")
    for place, heading in enumerate(headings, 1):
        if heading not in HEADINGS:
            near = get_close_matches(heading, HEADINGS, n=1)
            cure = f"did you mean {near[0]}?" if near else f"known are: {', '.join(HEADINGS)}"
            yield BadRow(line, f"the heading of column {place} is not known", cure)
        elif headings.index(heading) < place - 1:
            yield BadRow(line, f"{heading} stands there twice", "keep one column of it")


def _bad_name(line: int, name: str) -> Iterator[BadRow]:
    if not name:
        yield BadRow(line, "has no name", "write who it is: staff reads it beside a request")
    elif len(name) > NAME_MOST or not name.isprintable():
        yield BadRow(line, "name does not fit", f"write at most {NAME_MOST} plain characters")


def _birth_date(written: str) -> str | None:
    """1985-04-12 or 04/12/1985."""
    for form in ("%Y-%m-%d", "%m/%d/%Y"):
        try:
            day: date = datetime.strptime(written, form).date()  # noqa: DTZ007 - a day
        except ValueError:
            continue
        return day.isoformat() if FIRST_YEAR <= day.year <= LAST_YEAR else None
    return None


def _last_four(written: str) -> str | None:
    digits = re.sub(r"[ ()./+-]", "", written)
    return digits[-PHONE_DIGITS:] if re.fullmatch(r"[0-9]{4,20}", digits) else None


def _digits(least: int, most: int) -> Callable[[str], str | None]:
    return lambda written: written if re.fullmatch(rf"[0-9]{{{least},{most}}}", written) else None


VALUES = {
    Factor.BIRTH_DATE: _Value(_birth_date, "write it like 1985-04-12 or 04/12/1985"),
    Factor.PHONE: _Value(_last_four, "write a number whose last four digits are keyed"),
    Factor.RECORD: _Value(
        _digits(1, RECORD_MOST), f"write 1 to {RECORD_MOST} digits, which is what callers can key"
    ),
    Factor.PIN: _Value(_digits(PIN_LEAST, PIN_MOST), f"write {PIN_LEAST} to {PIN_MOST} digits"),
}
