"""An update waits for its window, is announced before it, and ends nobody's call."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.update.waiting import (
    Begin,
    Box,
    PostponeError,
    Update,
    Waits,
    decide,
    planned,
    postponed,
)
from firmware.updates_section import UpdatesForm, UpdateWindow

ZONE = ZoneInfo("America/New_York")
WINDOW = UpdatesForm().window()  # Sunday, 03:00-05:00
WEDNESDAY = datetime(2026, 11, 18, 9, tzinfo=ZONE)
SUNDAY = datetime(2026, 11, 22, 3, tzinfo=ZONE)
A_WEEK = timedelta(days=7)


def at(local: datetime, *, is_open: bool = False, calls: int = 0, trusted: bool = True) -> Box:
    return Box(local, is_open, calls, trusted)


def update(*, is_security: bool = False, announced: datetime | None = WEDNESDAY) -> Update:
    return Update("2", is_security, WEDNESDAY, announced)


def test_an_update_is_announced_at_once_and_begins_on_sunday_at_three() -> None:
    new = update(announced=None)
    assert decide(new, WINDOW, at(WEDNESDAY)) is Begin.ANNOUNCE
    assert planned(new, WINDOW, WEDNESDAY) == SUNDAY
    told = replace(new, announced=WEDNESDAY)
    assert decide(told, WINDOW, at(WEDNESDAY)) is Waits.ANNOUNCED
    assert decide(told, WINDOW, at(SUNDAY - timedelta(minutes=1))) is Waits.WINDOW
    assert decide(told, WINDOW, at(SUNDAY)) is Begin.INSTALL
    assert decide(told, WINDOW, at(SUNDAY + timedelta(hours=2))) is Waits.WINDOW


def test_what_was_announced_on_friday_night_waits_for_the_sunday_after() -> None:
    friday = datetime(2026, 11, 20, 6, tzinfo=ZONE)
    assert planned(update(announced=friday), WINDOW, friday) == SUNDAY + A_WEEK


def test_nobody_s_call_is_ended_for_an_update() -> None:
    assert decide(update(), WINDOW, at(SUNDAY, calls=1)) is Waits.CALLS


def test_a_clinic_that_is_open_in_its_window_is_left_alone() -> None:
    assert decide(update(), WINDOW, at(SUNDAY, is_open=True)) is Waits.OPEN


def test_a_clock_that_nobody_vouches_for_begins_nothing() -> None:
    for now in (WEDNESDAY, SUNDAY):
        new = update(announced=None)
        assert decide(new, WINDOW, at(now, trusted=False)) is Waits.CLOCK


def test_what_a_wrong_clock_announced_for_next_year_is_announced_anew() -> None:
    wrong = update(announced=SUNDAY + timedelta(days=365))
    assert decide(wrong, WINDOW, at(SUNDAY)) is Begin.ANNOUNCE


def test_whoever_wants_it_now_waits_for_calls_alone() -> None:
    now = replace(update(announced=None), wanted_now=True)
    busy = at(WEDNESDAY, is_open=True, calls=1, trusted=False)
    assert decide(now, WINDOW, busy) is Waits.CALLS
    assert decide(now, WINDOW, replace(busy, calls=0)) is Begin.INSTALL


def test_one_click_puts_an_update_off_by_a_week_and_another_by_one_more() -> None:
    once = postponed(update(), WINDOW, WEDNESDAY)
    assert planned(once, WINDOW, WEDNESDAY) == SUNDAY + A_WEEK
    assert decide(once, WINDOW, at(SUNDAY)) is Waits.WINDOW
    twice = postponed(once, WINDOW, WEDNESDAY)
    assert planned(twice, WINDOW, WEDNESDAY) == SUNDAY + 2 * A_WEEK


def test_a_click_in_the_midst_of_a_window_over_midnight_puts_off_what_was_to_begin_in_it() -> None:
    window = UpdatesForm(begins="23:00", ends="02:00").window()
    monday = datetime(2026, 11, 23, 0, 30, tzinfo=ZONE)
    assert planned(update(), window, monday) == monday
    later = postponed(update(), window, monday)
    assert planned(later, window, monday) == datetime(2026, 11, 29, 23, tzinfo=ZONE)


def test_what_closes_a_hole_is_put_off_once_and_then_no_more() -> None:
    once = postponed(update(is_security=True), WINDOW, WEDNESDAY)
    assert planned(once, WINDOW, WEDNESDAY) == SUNDAY + A_WEEK
    with pytest.raises(PostponeError, match="14 days"):
        postponed(once, WINDOW, WEDNESDAY)


def test_a_clinic_that_is_always_open_has_a_hole_closed_after_fourteen_days() -> None:
    urgent = update(is_security=True)
    assert decide(urgent, WINDOW, at(SUNDAY + A_WEEK, is_open=True)) is Waits.OPEN
    late = SUNDAY + 2 * A_WEEK
    assert decide(urgent, WINDOW, at(late, is_open=True)) is Begin.INSTALL
    assert decide(urgent, WINDOW, at(late, is_open=True, calls=2)) is Waits.CALLS
    assert decide(update(), WINDOW, at(late, is_open=True)) is Waits.OPEN


def test_a_window_that_a_night_in_spring_skips_is_that_of_the_next_week() -> None:
    window = UpdatesForm(begins="02:00", ends="03:00").window()
    friday = datetime(2027, 3, 12, 9, tzinfo=ZONE)
    skipped = update(announced=datetime(2027, 3, 9, 9, tzinfo=ZONE))
    assert planned(skipped, window, friday) == datetime(2027, 3, 21, 2, tzinfo=ZONE)


# ---- whatever the window, the zone and the moment ----

ZONES = st.sampled_from([ZONE, ZoneInfo("UTC"), ZoneInfo("Australia/Lord_Howe")])
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
DAYS = st.dates(date(2026, 1, 1), date(2028, 1, 31))
HOURS = st.times().map(lambda told: time(told.hour, told.minute // 15 * 15))
WINDOWS = st.builds(UpdateWindow, st.integers(0, 6), HOURS, HOURS, st.none() | DAYS)
UPDATES = st.builds(
    Update, st.just("2"), st.booleans(), MOMENTS, st.none() | MOMENTS, st.none() | DAYS
)


@st.composite
def moments(draw: st.DrawFn) -> datetime:
    return draw(MOMENTS).astimezone(draw(ZONES))


@given(UPDATES, WINDOWS, moments(), st.booleans(), st.integers(0, 2), st.booleans())
def test_an_update_that_begins_had_every_right_to(
    new: Update, window: UpdateWindow, local: datetime, is_open: bool, calls: int, trusted: bool
) -> None:
    if decide(new, window, Box(local, is_open, calls, trusted)) is not Begin.INSTALL:
        return
    assert trusted
    assert not calls
    assert new.announced is not None
    assert local - new.announced >= timedelta(days=2)
    assert replace(window, not_before=None).holds(local.date(), local.time())
    closes_an_old_hole = new.is_security and local - new.came >= timedelta(days=14)
    assert not is_open or closes_an_old_hole
    put_off = [day for day in (window.not_before, new.postponed_until) if day is not None]
    first = local.date() - timedelta(days=1)  # of the window, if that goes over midnight
    is_due = all(local.date() >= day or first >= day for day in put_off)
    assert is_due or (new.is_security and local - new.came >= timedelta(days=6))


@given(UPDATES, WINDOWS, moments())
def test_at_the_time_that_is_planned_it_begins(
    new: Update, window: UpdateWindow, local: datetime
) -> None:
    told = replace(new, announced=min(new.announced or local, local))
    then = planned(told, window, local)
    assert then >= local
    assert decide(told, window, at(then)) is Begin.INSTALL


@given(WINDOWS, moments(), st.integers(1, 10))
def test_however_often_it_is_clicked_a_hole_is_closed_within_fourteen_days(
    window: UpdateWindow, local: datetime, clicks: int
) -> None:
    new = Update("2", True, local, local)
    for _ in range(clicks):
        try:
            new = postponed(new, window, local)
        except PostponeError:
            break
    # A night in spring that skips the window costs a week.
    assert planned(new, window, local) - local <= timedelta(days=21, hours=1)
    if window.begins.hour not in (1, 2):
        assert planned(new, window, local) - local <= timedelta(days=14)
