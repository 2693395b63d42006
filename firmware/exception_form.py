"""An exception of a schedule as somebody fills it in: which days, whether they are closed, cut
short or open at times of their own, and what callers hear while they are closed by it.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

from firmware.edits import Edit
from firmware.fields import TICKED, Texts
from firmware.filling import (
    GONE,
    NOTHING_THERE,
    Filled,
    Told,
    changed,
    changes,
    document_of,
    steps_of,
)
from firmware.hours_edits import added
from firmware.schedule_form import SCHEDULES
from firmware.sections import Document
from firmware.settings import Beside, Fault, nothing_beside
from firmware.times_form import CLOCK, NO_TIME, listed, pairs_of, rows_of, spans_of

KEYS = ("name", "on", "from", "to", "open", "opens", "closes", "say")
OPEN = "open"  # the pairs of times
CUTS = ("opens", "closes")
LEAP_DAY, LEAP_YEAR = "02-29", 2028

NO_DAY = Told("This is no day.", "Write it like 2026-03-31.")
BACKWARDS = Told("The last day is before the first one.", "Give it a later day.")
NO_TIMES = Told("No time is filled in.", "Fill one in, or choose “closed all day”.")
OTHER_TIMES = Told("Times are filled in that do not belong to this.", "Empty them first.")
NEVER = Told("It ends before it begins.", "Choose “closed all day” for that.")
NO_PROMPT = Told("There is no such prompt.", "Choose one of those offered.")


class How(StrEnum):
    """What such a day is like."""

    CLOSED = "closed"
    CUT = "cut"  # as the week has it, but no earlier or no later
    TIMES = "times"  # open at these times only


def prompts_of(document: Document) -> dict[str, str]:
    """The clinic's own, with their words, in the language that its callers hear first."""
    clinic, prompts = document.get("clinic"), document.get("prompts")
    language = clinic.get("language", "en") if isinstance(clinic, dict) else "en"
    found = prompts.get(language) if isinstance(prompts, dict) else None
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def exceptions_of(document: Document, schedule: str) -> list[Mapping[str, Any]]:
    """Those of a schedule that have a name, in the file's order."""
    found = (SCHEDULES.part(document, schedule) or {}).get("exceptions")
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def exception_of(document: Document, schedule: str, place: int) -> Mapping[str, Any] | None:
    found = exceptions_of(document, schedule)
    return found[place] if 0 <= place < len(found) else None


def texts_of(written: Mapping[str, Any], year: int) -> dict[str, str]:
    """What stands in the fields; a day of every year as this year's."""
    first = written.get("on", written.get("from", ""))
    last = written.get("on", written.get("to", ""))
    texts = {"name": str(written.get("name", ""))}
    texts |= {"first": _day(first, year), "last": _day(last, year)}
    if isinstance(first, str):
        texts["yearly"] = TICKED
    return texts | how_texts(written)


def how_texts(written: Mapping[str, Any]) -> dict[str, str]:
    """Of those the ones that say what such a day is like, and what is heard on it."""
    texts = {"say": str(written.get("say", ""))}
    texts |= {key: str(written.get(key, "")) for key in CUTS}
    is_cut = any(key in written for key in CUTS)
    texts["how"] = How.CUT if is_cut else How.TIMES if written.get(OPEN) else How.CLOSED
    return texts | rows_of(listed(written, OPEN), OPEN, least=2)


def _day(written: object, year: int) -> str:
    if not isinstance(written, str) or not written:
        return str(written)
    return f"{LEAP_YEAR if written == LEAP_DAY else year}-{written}"


def fill(
    text: str, schedule: str, place: int | None, texts: Texts, beside: Beside = nothing_beside
) -> Filled:
    """The text with an exception as it was filled in: at its place among the schedule's, or behind
    them."""
    document = document_of(text)
    if SCHEDULES.part(document, schedule) is None:
        return Filled(None, {"schedule": GONE})
    above = ("hours", schedule, "exceptions")
    written = {} if place is None else exception_of(document, schedule, place)
    if written is None:
        return Filled(None, {"": GONE})
    value, faults = _value(texts)
    if say := say_of(document, written, texts, faults):
        value["say"] = say
    if faults:
        return Filled(None, faults)
    edits: list[Edit]
    if place is None:
        place = len(exceptions_of(document, schedule))
        edits = [added(document, above, value)]
    else:
        known = {key: part for key, part in written.items() if key in KEYS}
        edits = changes((*above, place), known, value)
    return changed(text, (*above, place), edits, _field_of, beside)


def _value(texts: Texts) -> tuple[dict[str, Any], dict[str, Told]]:
    faults = dict[str, Told]()
    value: dict[str, Any] = {"name": texts.get("name", "").strip()}
    if not value["name"]:
        faults["name"] = NOTHING_THERE
    value |= _days(texts, faults)
    value |= times_of(texts, faults)
    return value, faults


def say_of(
    document: Document, written: Mapping[str, Any], texts: Texts, faults: dict[str, Told]
) -> str:
    """What callers hear on such a day; empty: nothing more than on others."""
    say = texts.get("say", "").strip()
    if say and say not in (*prompts_of(document), written.get("say")):
        faults["say"] = NO_PROMPT
    return say


def _days(texts: Texts, faults: dict[str, Told]) -> dict[str, date | str]:
    """One day is enough."""
    typed = {key: texts.get(key, "").strip() for key in ("first", "last")}
    typed["last"] = typed["last"] or typed["first"]
    if not typed["first"]:
        faults["first"] = NOTHING_THERE
        return {}
    days = dict[str, date]()
    for key, day in typed.items():
        try:
            days[key] = date.fromisoformat(day)
        except ValueError:
            faults[key] = NO_DAY
    if len(days) < 2 or faults.keys() & days.keys():
        return {}
    first, last = days["first"], days["last"]
    if "yearly" in texts:
        ends = (f"{first:%m-%d}", f"{last:%m-%d}")
        return {"on": ends[0]} if ends[0] == ends[1] else {"from": ends[0], "to": ends[1]}
    if last < first:
        faults["last"] = BACKWARDS
    return {"on": first} if first == last else {"from": first, "to": last}


def times_of(texts: Texts, faults: dict[str, Told]) -> dict[str, Any]:
    """Those of the day that was chosen; only those that belong to what was chosen."""
    how = texts.get("how", "") or How.CLOSED
    cuts = {key: texts[key].strip() for key in CUTS if texts.get(key, "").strip()}
    has_pairs = any(True for _ in pairs_of(texts, OPEN))
    if (cuts and how != How.CUT) or (has_pairs and how != How.TIMES):
        faults["how"] = OTHER_TIMES
    elif how == How.CUT:
        return _cut(cuts, faults)
    elif how == How.TIMES:
        spans = spans_of(texts, OPEN)
        if spans and not isinstance(spans, Told):
            return {OPEN: spans}
        faults[OPEN] = spans if isinstance(spans, Told) else NO_TIMES
    return {}


def _cut(cuts: dict[str, str], faults: dict[str, Told]) -> dict[str, str]:
    for key, at in cuts.items():
        if not CLOCK.fullmatch(at):
            faults[key] = NO_TIME
    if not cuts:
        faults["opens"] = NO_TIMES
    elif len(cuts) == 2 and cuts["closes"] <= cuts["opens"]:
        faults.setdefault("closes", NEVER)
    return cuts


def _field_of(fault: Fault) -> str:
    match steps_of(fault):
        case [("name" | "open" | "opens" | "closes" | "say") as key, *_]:
            return str(key)
        case _:
            return "last"
