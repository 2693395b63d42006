"""A schedule of [hours] as somebody fills it in: its week, its lunch, whether holidays close it.

What the form does not show, its exceptions, single days and calendars, stays as it is. A schedule
is taken away only when nothing is led by it any more.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from firmware.edits import Edit, Put
from firmware.fields import TICKED, Texts
from firmware.filling import (
    FULL,
    GONE,
    NAME,
    Filled,
    Told,
    changed,
    changes,
    document_of,
    steps_of,
    wrong_name,
)
from firmware.forms import WEEKDAYS, HoursForm
from firmware.sections import Document, Section
from firmware.settings import SECTION_MAX, Beside, Fault, nothing_beside
from firmware.times_form import listed, rows_of, spans_of

SCHEDULES = Section("hours", HoursForm)
LUNCH, HOLIDAYS, LIKE_MONDAY = "lunch", "holidays", "like-monday"
ONE_LUNCH = Told("There is one lunch for all days.", "Part the times of the days themselves.")


def texts_of(written: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the fields."""
    texts: dict[str, str] = {}
    for day in WEEKDAYS:
        texts |= rows_of(listed(written, day), day, least=2)
    lunch = written.get(LUNCH)
    texts |= rows_of([lunch] if isinstance(lunch, str) else [], LUNCH, least=1)
    if written.get(HOLIDAYS, True):
        texts[HOLIDAYS] = TICKED
    return texts


def closed_days(document: Document) -> Iterator[tuple[str, int, date]]:
    """The single days of each schedule, with their places in its list."""
    for name, written in SCHEDULES.parts(document):
        days: Any = written.get("closed")
        for place, day in enumerate(days if isinstance(days, list) else ()):
            if isinstance(day, date):
                yield name, place, day


def as_meant(texts: Texts) -> dict[str, str]:
    """With Monday's times in the fields of the days that are to be like it."""
    if LIKE_MONDAY not in texts:
        return dict(texts)
    like = tuple(f"{day}-" for day in WEEKDAYS[1:5])
    kept = {
        name: text
        for name, text in texts.items()
        if name != LIKE_MONDAY and not name.startswith(like)
    }
    monday = {name: text for name, text in texts.items() if name.startswith("mon-")}
    return kept | {day + n.removeprefix("mon-"): text for day in like for n, text in monday.items()}


def fill(text: str, name: str | None, texts: Texts, beside: Beside = nothing_beside) -> Filled:
    """The text with a schedule as it was filled in; None of its name: with a new one."""
    document = document_of(text)
    written = {} if name is None else SCHEDULES.part(document, name)
    if written is None:
        return Filled(None, {"": GONE})
    value, faults = _value(texts, written)
    called = name or texts.get(NAME, "").strip()
    if name is None:
        is_full = len(SCHEDULES.parts(document)) >= SECTION_MAX[SCHEDULES.name]
        if (wrong := FULL if is_full else wrong_name(document, SCHEDULES, called)) is not None:
            faults[NAME] = wrong
    if faults:
        return Filled(None, faults)
    path = SCHEDULES.path(called)
    edits: list[Edit] = changes(path, written, value) if name else [Put(path, value)]
    return changed(text, path, edits, _field_of, beside)


def _value(texts: Texts, written: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Told]]:
    value, faults = dict(written), dict[str, Told]()
    for day in WEEKDAYS:
        spans = spans_of(texts, day)
        if isinstance(spans, Told):
            faults[day] = spans
        else:
            _write(value, day, spans)
    lunch = spans_of(texts, LUNCH)
    if isinstance(lunch, Told):
        faults[LUNCH] = lunch
    elif len(lunch) > 1:
        faults[LUNCH] = ONE_LUNCH
    else:
        _write(value, LUNCH, lunch[0] if lunch else "")
    if HOLIDAYS not in texts:
        value[HOLIDAYS] = False
    elif not value.get(HOLIDAYS, True):
        del value[HOLIDAYS]
    return value, faults


def _write(value: dict[str, Any], key: str, spans: list[str] | str) -> None:
    """Nothing stands in the file for what is empty."""
    value.pop(key, None)
    if spans:
        value[key] = spans


def _field_of(fault: Fault) -> str:
    first = next(iter(steps_of(fault)), NAME)
    return str(first) if first in (*WEEKDAYS, LUNCH, HOLIDAYS) else ""
