"""A calendar that somebody brings is read where nothing else can be done, is named by what is in
it, and goes the draft's whole way with its text."""

import time
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from firmware import calendars, draft, settings
from firmware.calendar_reader import SAMPLE
from firmware.closures import CalendarError
from firmware.draft import DraftError
from firmware.place import Place

NEW_YORK = ZoneInfo("America/New_York")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TEMPLATE = (Path(settings.__file__).parent / "template/clinic.toml").read_text("utf-8")
# A day on which no clinic ever closes, sought day by day for sixty years.
ENDLESS = "DTSTART;VALUE=DATE:19700101\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29"
SOON_S = 20.0


def calendar(*events: str) -> str:
    inside = "".join(f"BEGIN:VEVENT\nUID:x\n{event}\nEND:VEVENT\n" for event in events)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Maple Street//EN\n{inside}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


PAINTERS = calendar("SUMMARY:Painters\nDTSTART;VALUE=DATE:20261228\nDTEND;VALUE=DATE:20261231")


def refused(brought: bytes) -> str:
    with pytest.raises(CalendarError) as no:
        calendars.text_of(brought, NEW_YORK)
    return no.value.reason


def test_a_calendar_of_every_kind_of_event_is_read_by_the_confined_program() -> None:
    for zone in ("America/New_York", "America/Chicago", "Europe/Madrid"):
        text = SAMPLE.replace("America/New_York", zone)
        assert calendars.text_of(text.encode(), NEW_YORK) == text
    assert calendars.text_of(PAINTERS.encode(), NEW_YORK) == PAINTERS


def test_what_cannot_be_used_is_refused_in_a_plain_word() -> None:
    assert "BEGIN:VCALENDAR" in refused(b"\0\1\2 garbage")
    assert refused(b"\xff\xfe") == "it is not UTF-8 text"
    assert "1 MB" in refused(b"x" * (calendars.FILE_MOST + 1))
    assert "closes a day" in refused(calendar().encode())
    nowhere = "SUMMARY:Party\nDTSTART;TZID=Nowhere:20261224T120000\nDURATION:PT1H"
    assert "Party: Nowhere is no time zone" in refused(calendar(nowhere).encode())


def test_a_repetition_without_end_costs_seconds_and_no_more() -> None:
    began = time.monotonic()
    assert "too long to read" in refused(calendar(*[ENDLESS] * 2_000).encode())
    assert time.monotonic() - began < SOON_S


def test_a_name_is_one_calendar_for_ever() -> None:
    names = [calendars.name_of("Médecins / staff 2027.ics", text) for text in (PAINTERS, SAMPLE)]
    assert len(set(names)) == 2
    assert names[0] == calendars.name_of("Médecins / staff 2027.ics", PAINTERS)
    for name in (*names, calendars.name_of("", "x"), calendars.name_of("." * 200, "x")):
        assert draft.CALENDAR.fullmatch(name)


def test_a_calendar_goes_the_draft_s_whole_way_and_comes_back_by_redo(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.site_file.write_text(TEMPLATE, "utf-8")
    name = calendars.name_of("closed.ics", PAINTERS)
    text = TEMPLATE.replace("[hours.office]\n", f'[hours.office]\ncalendars = ["{name}"]\n', 1)
    kept = draft.keep(place, text, "maria", "brought a calendar", 0, NOW, {name: PAINTERS})

    def closed() -> bool:
        found = settings.draft(draft.read(place).text, draft.beside(place))
        assert found.plan is not None
        assert not found.faults
        return date(2026, 12, 29) in found.plan.hours["office"].closures

    assert closed()
    undone = draft.undo(place, kept.step)
    assert not closed()
    draft.redo(place, undone.step)
    assert closed()
    draft.undo(place, kept.step)
    draft.keep(place, f"{TEMPLATE}\n# otherwise\n", "maria", "a word", undone.step, NOW)
    assert list(place.draft.glob("*.ics")) == [], "no step leads to it any more"


def test_a_draft_holds_so_many_calendars_and_no_more(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.site_file.write_text("in force\n", "utf-8")
    for number in range(draft.CALENDARS_MOST):
        name = f"c-{number}.ics"
        seen = draft.read(place).step
        draft.keep(place, f"{number} {name}", "maria", "one more", seen, NOW, {name: PAINTERS})
    seen = draft.read(place).step
    with pytest.raises(DraftError, match="publish it, or discard it"):
        draft.keep(place, "x more.ics", "maria", "too many", seen, NOW, {"more.ics": PAINTERS})
    assert draft.read(place).step == seen
