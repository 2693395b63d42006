"""The sheet that is on the desk in the morning."""

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from firmware import settings
from firmware.handover import Entry, Night, sheet
from firmware.leases import LeaseRow, Note
from firmware.ledger import Step

TEMPLATE = Path(settings.__file__).parent / "template" / "clinic.toml"
ZONE = ZoneInfo("America/New_York")
MORNING = datetime(2026, 11, 24, 8, 5, tzinfo=ZONE)
LEFT, CALLED = "2026-11-24T07:30:02.000+00:00", "2026-11-24T07:30:03.000+00:00"
STEPS = [
    Step(1, "call-1", CALLED, 0, "on call", "calls brandt (on call)"),
    Step(2, "call-1", CALLED, 0, "key destroyed", "this box can open it no more"),
]


def row(**of: str | None) -> LeaseRow:
    kept = {"owner": None, "closed": None, "closed_by": None, "how": None} | of
    return LeaseRow("3f2a9c1b-0000", "call-1", LEFT, **kept)


def test_a_night_is_from_noon_to_noon_also_when_clocks_change() -> None:
    assert Night.last(MORNING) == Night.of(date(2026, 11, 23), MORNING)
    evening = datetime(2026, 11, 24, 19, 0, tzinfo=ZONE)
    assert Night.last(evening) == Night.of(date(2026, 11, 24), MORNING)
    spring = Night.of(date(2027, 3, 13), MORNING)
    assert (spring.start.hour, spring.end.hour, spring.end.day) == (12, 12, 14)


def test_the_sheet_says_what_was_done_when_and_what_is_left() -> None:
    plan = settings.read(TEMPLATE.read_text("utf-8"))
    taken = row(owner="brandt")
    closed = row(owner="brandt", closed=CALLED, closed_by="brandt", how="talked with the patient")
    locked, open_ = Note(CALLED, "brandt", None), Note(CALLED, "ann", "by pager")
    entries = [
        Entry(taken, STEPS, notes=[locked]),
        Entry(closed, STEPS, "2025550123", [open_]),
        Entry(row(), [], ""),
    ]
    text = sheet(plan, Night.last(MORNING), entries, MORNING)
    assert text.splitlines()[:3] == [
        "Maple Street Family Practice",
        "Hand-over sheet for Mon 2026-11-23 12:00 to Tue 2026-11-24 12:00",
        "as of Tue 2026-11-24 08:05",
    ]
    assert "On call, first: Dr. Alvarez, Mon 12:00 to Tue 12:00" not in text  # hand-off is at 8
    assert "Urgent messages: 3, of which open: 2" in text
    assert "1. Message 3f2a9c1b, left Tue 2026-11-24 02:30" in text
    assert "   OPEN, taken by Dr. Brandt" in text
    assert "   02:30:03  calls brandt (on call)" in text
    assert "CLOSED Tue 2026-11-24 02:30 by Dr. Brandt: talked with the patient" in text
    assert "   OPEN, AND NOBODY HAS TAKEN IT" in text
    assert "To be called back at: 2025550123" in text
    assert "To be called back at: locked: --unlock shows it" in text
    assert "To be called back at: no number was given" in text
    assert "Note by Dr. Brandt: locked: --unlock shows it" in text
    assert "Note by ann: by pager" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "2025550123" not in repr(entries)
    assert "by pager" not in repr(entries)
