"""A calendar's events close the clinic; one that cannot be understood is refused in words."""

from contextlib import suppress
from datetime import date, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.closures import CALENDAR_MAX, CalendarError, closures
from ivr.plan import Closure, Times

NEW_YORK = ZoneInfo("America/New_York")
ALL_DAY = Times(time(0), time(0))


def calendar(*events: str) -> str:
    inside = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Maple Street//EN\n{inside}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


def closed(*events: str) -> dict[date, list[Times]]:
    found = closures(calendar(*events), "team.ics", NEW_YORK)
    return {day: [each.times for each in parts] for day, parts in sorted(found.items())}


def test_an_event_of_whole_days_closes_them() -> None:
    event = "SUMMARY:Painters\nDTSTART;VALUE=DATE:20261228\nDTEND;VALUE=DATE:20261231"
    found = closures(calendar(event), "team.ics", NEW_YORK)
    assert sorted(found) == [date(2026, 12, 28), date(2026, 12, 29), date(2026, 12, 30)]
    assert found[date(2026, 12, 29)] == (Closure("Painters", "team.ics", ALL_DAY),)


def test_an_event_of_hours_closes_them_by_the_clinics_clock() -> None:
    meeting = Times(time(12), time(13))
    day = date(2027, 3, 15)
    for when in (
        "DTSTART:20270315T120000\nDTEND:20270315T130000",
        "DTSTART:20270315T160000Z\nDTEND:20270315T170000Z",
        "DTSTART;TZID=America/Chicago:20270315T110000\nDURATION:PT1H",
        "DTSTART;TZID=Eastern Standard Time:20270315T120000\nDTEND:20270315T170000Z",
    ):
        assert closed(when) == {day: [meeting]}, when


def test_a_night_is_parted_at_midnight() -> None:
    found = closed("DTSTART:20270315T220000\nDTEND:20270316T060000")
    assert found == {
        date(2027, 3, 15): [Times(time(22), time(0))],
        date(2027, 3, 16): [Times(time(0), time(6))],
    }


def test_a_meeting_every_first_tuesday_keeps_its_time_when_clocks_change() -> None:
    zoned = (
        "DTSTART;TZID=America/New_York:20270202T120000\nDTEND;TZID=America/New_York:20270202T130000"
    )
    found = closed(f"{zoned}\nRRULE:FREQ=MONTHLY;BYDAY=1TU;COUNT=3")
    assert list(found) == [date(2027, 2, 2), date(2027, 3, 2), date(2027, 4, 6)]
    assert set(map(tuple, found.values())) == {(Times(time(12), time(13)),)}


def test_one_that_was_moved_cancelled_or_added_is_where_it_was_put() -> None:
    series = "UID:1\nDTSTART:20270104T120000\nDTEND:20270104T130000"
    rule = "RRULE:FREQ=WEEKLY;UNTIL=20270125T235959"
    found = closed(
        f"{series}\n{rule}\nEXDATE:20270111T120000\nRDATE:20270114T120000",
        "UID:1\nRECURRENCE-ID:20270118T120000\nDTSTART:20270119T150000\nDTEND:20270119T160000",
        "UID:2\nSTATUS:CANCELLED\nDTSTART;VALUE=DATE:20270106",
    )
    assert [day.day for day in found] == [4, 14, 19, 25]
    assert found[date(2027, 1, 19)] == [Times(time(15), time(16))]


def test_christmas_of_every_year_lasts_as_long_as_the_plan() -> None:
    found = closed("DTSTART;VALUE=DATE:20001225\nRRULE:FREQ=YEARLY")
    assert next(iter(found)) == date(2024, 12, 25)
    assert list(found)[-1] == date(2060, 12, 25)
    assert len(found) == 37


def test_a_series_that_is_over_closes_nothing_and_is_no_fault() -> None:
    assert closed("DTSTART;VALUE=DATE:20100104\nRRULE:FREQ=WEEKLY;COUNT=5") == {}
    over = "DTSTART;VALUE=DATE:20260104\nRRULE:FREQ=WEEKLY;UNTIL=20260101"
    assert closed(over) == {}


REFUSED = {
    "no calendar": ("<html>sign in</html>", "does not begin with BEGIN:VCALENDAR"),
    "half a file": (calendar("DTSTART:20270315T120000")[:-12], "breaks off"),
    "an event without a beginning": (calendar("SUMMARY:Party"), "Party has no DTSTART"),
    "a day that is none": (calendar("DTSTART;VALUE=DATE:20270230"), "cannot be read"),
    "an end before the beginning": (
        calendar("DTSTART:20270315T120000\nDTEND:20270315T110000"), "does not end after"),
    "a date and a time": (
        calendar("DTSTART;VALUE=DATE:20270315\nDTEND:20270315T110000"), "different ways"),
    "an unknown zone": (
        calendar("DTSTART;TZID=Atlantis/Center:20270315T120000\nDURATION:PT1H"), "no time zone"),
    "every second": (
        calendar("DTSTART:20270315T120000\nDURATION:PT1H\nRRULE:FREQ=SECONDLY"), "repeats by"),
    "a day that never comes": (
        calendar("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30"),
        "no day fits"),
    "too many days": (
        calendar(*["DTSTART;VALUE=DATE:20240101\nRRULE:FREQ=DAILY"] * 5), "more than 60000 days"),
    "too long a file": ("BEGIN:VCALENDAR" + " " * CALENDAR_MAX, "more than 1048576 characters"),
    "an event without an end that lasts for ever": (
        calendar("DTSTART:20270315T120000\nDURATION:-PT1H"), "does not end after"),
    "a rule that is none": (
        calendar("DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=DAILY;BYDAY=XX"), "cannot be read"),
    "before there were clinics": (
        calendar("DTSTART;VALUE=DATE:00010101\nRRULE:FREQ=DAILY"), "before 1970"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_understood_is_refused_with_the_cure(what: str) -> None:
    text, reason = REFUSED[what]
    with pytest.raises(CalendarError) as refused:
        closures(text, "team.ics", NEW_YORK)
    assert reason in refused.value.reason
    assert refused.value.cure
    assert refused.value.reason.isprintable()


def test_a_title_is_made_fit_for_a_line() -> None:
    event = "SUMMARY:Snow\\n\x07day\u2028today\nDTSTART;VALUE=DATE:20270104"
    ((closure,),) = closures(calendar(event), "team.ics", NEW_YORK).values()
    assert closure.name == "Snow day today"


WHOLE = calendar(
    "UID:1\nSUMMARY:Meeting\nDTSTART;TZID=America/New_York:20270104T120000\nDURATION:PT1H\n"
    "RRULE:FREQ=WEEKLY;COUNT=4\nEXDATE;TZID=America/New_York:20270111T120000",
    "UID:2\nDTSTART;VALUE=DATE:20270301\nDTEND;VALUE=DATE:20270303",
)


@settings(derandomize=True, max_examples=150)
@given(
    st.integers(0, len(WHOLE) - 1), st.integers(0, 12), st.text("0129TZ=;:,-\r\nAFY", max_size=4)
)
def test_no_damage_to_a_file_brings_anything_but_an_answer(at: int, cut: int, put: str) -> None:
    text = WHOLE[:at] + put + WHOLE[at + cut :]
    with suppress(CalendarError):
        found = closures(text, "team.ics", NEW_YORK)
        assert all(parts for parts in found.values())
