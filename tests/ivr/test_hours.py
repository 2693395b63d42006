"""When the clinic is open, to the minute, and across the nights on which the clocks change."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ivr.hours import is_open, next_change, overlaps
from ivr.plan import Hours, Span

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = 0


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


OFFICE = Hours(
    "office",
    (
        *(Span(day, time(8), time(12)) for day in range(5)),
        *(Span(day, time(13), time(17)) for day in range(5)),
    ),
    frozenset({date(2026, 12, 25)}),
)
NIGHT = Hours("night", (Span(4, time(22), time(0)), Span(5, time(0), time(6))))


def test_open_from_the_first_minute_until_before_the_last() -> None:
    assert not is_open(OFFICE, on("2026-11-23 07:59:59"))
    assert is_open(OFFICE, on("2026-11-23 08:00"))
    assert is_open(OFFICE, on("2026-11-23 11:59:59"))
    assert not is_open(OFFICE, on("2026-11-23 12:00"))
    assert not is_open(OFFICE, on("2026-11-22 09:00"))


def test_a_closed_date_is_closed_all_day() -> None:
    assert not is_open(OFFICE, on("2026-12-25 09:00"))
    assert next_change(OFFICE, on("2026-12-24 17:00")) == on("2026-12-28 08:00")


def test_a_night_across_midnight_is_one_opening() -> None:
    assert is_open(NIGHT, on("2026-11-27 23:59:59"))
    assert is_open(NIGHT, on("2026-11-28 00:00"))
    assert next_change(NIGHT, on("2026-11-27 22:30")) == on("2026-11-28 06:00")


def test_a_schedule_that_never_opens_never_changes() -> None:
    assert next_change(Hours("never", ()), on("2026-11-23 09:00")) is None


def test_the_clocks_going_forward_move_no_opening() -> None:
    sunday = Hours("sunday", (Span(6, time(1), time(8)),))
    assert is_open(sunday, on("2027-03-14 03:30"))
    assert next_change(sunday, on("2027-03-14 03:30")) == on("2027-03-14 08:00")


def test_spans_that_share_time_are_found_and_neighbours_are_not() -> None:
    first, second = Span(MONDAY, time(8), time(12)), Span(MONDAY, time(11), time(0))
    assert overlaps(Hours("h", (second, first))) == [(first, second)]
    assert overlaps(OFFICE) == []


TIMES = st.times(time(0), time(23, 59)).map(lambda t: t.replace(second=0, microsecond=0))
SCHEDULES = st.lists(st.builds(Span, st.integers(0, 6), TIMES, TIMES), max_size=6).map(
    lambda spans: Hours("any", tuple(s for s in spans if s.closes > s.opens))
)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1), timezones=st.just(NEW_YORK))  # noqa: DTZ001 - hypothesis adds the zone


@given(SCHEDULES, MOMENTS)
def test_nothing_changes_before_the_next_change_and_everything_at_it(
    hours: Hours, moment: datetime
) -> None:
    change = next_change(hours, moment)
    if change is None:
        assert not hours.spans
        return
    assert change > moment
    assert is_open(hours, change) is not is_open(hours, moment)
    between = moment + (change - moment) / 2
    assert is_open(hours, between) is is_open(hours, moment)
