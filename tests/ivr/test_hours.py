"""When the clinic is open, why, and until when; across the nights, too, on which clocks change."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.errors import SwitchError
from ivr.hours import (
    Kind,
    Switch,
    answer,
    answers,
    clashes,
    closes_at,
    covers,
    ever_opens,
    exception_on,
    in_words,
    is_open,
    next_change,
    opening_at,
    opens_at,
    overlaps,
    switched,
)
from ivr.plan import (
    Closure,
    Dates,
    DayRule,
    Exceptional,
    Hours,
    MonthDay,
    Span,
    Times,
    Yearly,
)

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = 0
NOON = Times(time(12), time(13))


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def dated(day: str, rule: DayRule, last: str = "") -> Exceptional:
    return Exceptional(Dates(date.fromisoformat(day), date.fromisoformat(last or day)), rule)


OFFICE = Hours(
    "office",
    (
        *(Span(day, time(8), time(12)) for day in range(5)),
        *(Span(day, time(13), time(17)) for day in range(5)),
    ),
    exceptions=(dated("2026-12-25", DayRule("")),),
)
WEEK = Hours("week", tuple(Span(day, time(8), time(17)) for day in range(5)), lunch=NOON)
NIGHT = Hours("night", (Span(4, time(22), time(0)), Span(5, time(0), time(6))))


def why(hours: Hours, text: str) -> str:
    return in_words(answer(hours, on(text)))


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
    never = Hours("never", ())
    assert next_change(never, on("2026-11-23 09:00")) is None
    assert not ever_opens(never)
    assert ever_opens(OFFICE)


def test_the_week_says_why() -> None:
    assert (
        why(WEEK, "2026-11-23 07:00") == "closed: Monday opens at 08:00, until Mon 2026-11-23 08:00"
    )
    assert why(WEEK, "2026-11-23 09:00") == "open: Monday 08:00-17:00, until Mon 2026-11-23 12:00"
    assert why(WEEK, "2026-11-23 12:30") == "closed: lunch, until Mon 2026-11-23 13:00"
    assert why(WEEK, "2026-11-23 17:00") == (
        "closed: Monday closes at 17:00, until Tue 2026-11-24 00:00"
    )
    assert why(WEEK, "2026-11-22 09:00") == (
        "closed: there are no hours on Sundays, until Mon 2026-11-23 00:00"
    )
    assert why(OFFICE, "2026-11-23 12:30") == (
        "closed: Monday opens again at 13:00, until Mon 2026-11-23 13:00"
    )


def test_an_exception_takes_the_weeks_place() -> None:
    eve = dated("2026-12-24", DayRule("Christmas Eve", (Times(time(9), time(12)),), say="eve"))
    hours = Hours("office", WEEK.spans, NOON, (eve,))
    assert is_open(hours, on("2026-12-24 09:30"))
    assert not is_open(hours, on("2026-12-24 08:30"))
    assert why(hours, "2026-12-24 12:00") == (
        "closed: the exception Christmas Eve, until Fri 2026-12-25 00:00"
    )
    assert answer(hours, on("2026-12-24 12:00")).why.say == "eve"
    assert answer(hours, on("2026-12-24 10:00")).why.say is None


def test_closing_early_keeps_the_morning_and_the_lunch() -> None:
    party = dated("2026-11-27", DayRule("staff party", closes=time(15)))
    hours = Hours("office", WEEK.spans, NOON, (party,))
    walked = [one.is_open for one in islice(answers(hours, on("2026-11-27 00:00")), 5)]
    assert walked == [False, True, False, True, False]
    assert next_change(hours, on("2026-11-27 13:30")) == on("2026-11-27 15:00")
    assert answer(hours, on("2026-11-27 16:00")).why.name == "staff party"


def test_opening_late_keeps_the_rest_of_the_day_as_the_week_has_it() -> None:
    snow = dated("2026-11-27", DayRule("snow", say="snow", opens=time(10)))
    hours = Hours("office", WEEK.spans, NOON, (snow,))
    walked = [one.is_open for one in islice(answers(hours, on("2026-11-27 00:00")), 5)]
    assert walked == [False, True, False, True, False]
    assert next_change(hours, on("2026-11-27 08:30")) == on("2026-11-27 10:00")
    assert answer(hours, on("2026-11-27 09:00")).why.say == "snow"
    assert answer(hours, on("2026-11-27 18:00")).why.name == "Friday closes at 17:00"
    short = dated("2026-11-27", DayRule("short", opens=time(10), closes=time(11)))
    (first,) = opening_at(replace(hours, exceptions=(short,)), on("2026-11-27 10:00"))
    assert opens_at(first) == 8 * 60
    assert opening_at(replace(hours, exceptions=(short,)), on("2026-11-27 09:59")) == []
    assert opening_at(replace(hours, exceptions=(short,)), on("2026-11-27 11:00")) == []


def test_the_exception_for_fewer_days_wins() -> None:
    away = dated("2026-12-24", DayRule("holidays"), "2027-01-01")
    back = dated("2026-12-29", DayRule("refills only", (Times(time(9), time(12)),)))
    hours = Hours("office", WEEK.spans, exceptions=(away, back))
    assert not is_open(hours, on("2026-12-28 10:00"))
    assert is_open(hours, on("2026-12-29 10:00"))
    assert clashes(hours) == []
    other = dated("2026-12-29", DayRule("inventory"))
    assert clashes(Hours("office", (), exceptions=(away, back, other))) == [(back, other)]


def test_exceptions_of_every_year_clash_with_one_of_a_date() -> None:
    yearly = Exceptional(Yearly(MonthDay(12, 24), MonthDay(12, 24)), DayRule("Christmas Eve"))
    once = dated("2026-12-24", DayRule("closing"))
    assert clashes(Hours("office", (), exceptions=(yearly, once))) == [(yearly, once)]
    assert clashes(Hours("office", (), exceptions=(yearly, dated("2026-12-25", DayRule(""))))) == []


@pytest.mark.parametrize("year", [2026, 2027, 2028])
def test_from_29_april_to_5_may_is_seven_days_a_year(year: int) -> None:
    """Asterisk's GotoIfTime `*,*,29-5,apr-may` matches fifteen."""
    spring = Exceptional(Yearly(MonthDay(4, 29), MonthDay(5, 5)), DayRule("spring break"))
    daily = tuple(Span(day, time(0), time(0)) for day in range(7))
    hours = Hours("always", daily, exceptions=(spring,))
    days = (date(year, 1, 1) + timedelta(days=day) for day in range(365))
    noons = [datetime.combine(day, time(12), NEW_YORK) for day in days]
    closed = [noon.date() for noon in noons if not is_open(hours, noon)]
    assert closed == [date(year, 4, 29) + timedelta(days=day) for day in range(7)]


def test_a_yearly_exception_may_run_across_the_new_year_and_to_a_leap_day() -> None:
    winter = Exceptional(Yearly(MonthDay(12, 24), MonthDay(1, 2)), DayRule("winter"))
    days = [date(2026, 12, 20) + timedelta(days=day) for day in range(20)]
    covered = [day for day in days if covers(winter, day)]
    assert (covered[0], covered[-1], len(covered)) == (date(2026, 12, 24), date(2027, 1, 2), 10)
    leap = Exceptional(Yearly(MonthDay(2, 28), MonthDay(2, 29)), DayRule("leap"))
    assert [covers(leap, date(2027, *day)) for day in ((2, 28), (3, 1))] == [True, False]
    assert covers(leap, date(2028, 2, 29))


def test_what_is_written_goes_before_calendars_and_calendars_before_holidays() -> None:
    day = date(2026, 11, 26)
    hours = Hours(
        "office",
        WEEK.spans,
        holidays={day: DayRule("Thanksgiving Day", (Times(time(8), time(12)),))},
        closures={day: (Closure("staff meeting", "team.ics", Times(time(9), time(10))),)},
    )
    assert why(hours, "2026-11-26 08:30") == (
        "open: the holiday Thanksgiving Day, until Thu 2026-11-26 09:00"
    )
    assert why(hours, "2026-11-26 09:30") == (
        "closed: the calendar has staff meeting (team.ics), until Thu 2026-11-26 10:00"
    )
    assert answer(hours, on("2026-11-26 12:00")).why.kind is Kind.HOLIDAY
    written = dated("2026-11-26", DayRule("we are here", (Times(time(8), time(17)),)))
    assert is_open(Hours("office", (), None, (written,), hours.holidays, hours.closures),
                   on("2026-11-26 09:30"))  # fmt: skip


def test_a_switch_goes_before_everything_until_it_runs_out() -> None:
    snow = switched(WEEK, on("2026-11-23 09:00"), opens=False, until=None, say="snow-day")
    assert snow == Switch("week", False, on("2026-11-24 00:00"), "snow-day")
    given = answer(WEEK, on("2026-11-23 10:00"), snow)
    assert in_words(given) == "closed: switched by hand, until Tue 2026-11-24 00:00"
    assert given.why.say == "snow-day"
    assert next_change(WEEK, on("2026-11-23 10:00"), snow) == on("2026-11-24 08:00")
    assert answer(WEEK, on("2026-11-24 00:00"), snow).why.kind is Kind.WEEK


def test_a_switch_that_has_run_out_or_would_stand_for_ever_is_refused() -> None:
    now = on("2026-11-23 09:00")
    with pytest.raises(SwitchError, match="is past"):
        switched(WEEK, now, opens=True, until=now, say=None)
    with pytest.raises(SwitchError, match="31 days at most"):
        switched(WEEK, now, opens=False, until=now + timedelta(days=32), say=None)


def test_a_clock_that_cannot_be_trusted_closes_nothing() -> None:
    snow = Switch("week", False, on("2026-11-24 00:00"))
    given = answer(WEEK, on("1970-01-01 00:00"), snow, trusted=False)
    assert in_words(given) == "open: the clock cannot be trusted yet"


def test_the_clocks_going_forward_move_no_opening() -> None:
    sunday = Hours("sunday", (Span(6, time(1), time(8)),))
    assert is_open(sunday, on("2027-03-14 03:30"))
    assert next_change(sunday, on("2027-03-14 03:30")) == on("2027-03-14 08:00")


def test_what_a_spring_night_skips_is_not_there() -> None:
    within = Hours("within", (Span(6, time(2, 15), time(2, 45)),))
    assert next_change(within, on("2027-03-13 12:00")) == on("2027-03-21 02:15")
    across = Hours("across", (Span(6, time(2, 15), time(4)),))
    assert next_change(across, on("2027-03-14 00:00")) == on("2027-03-14 03:00")


def test_the_hour_that_comes_twice_is_rather_open_and_opens_once() -> None:
    night = Hours("night", (Span(6, time(0), time(1, 30)), Span(6, time(7), time(8))))
    closes = next_change(night, on("2026-11-01 00:00"))
    assert closes is not None
    assert closes.astimezone(UTC) == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)
    opens = next_change(night, closes)
    assert opens == on("2026-11-01 07:00")


def test_spans_that_share_time_are_found_and_neighbours_are_not() -> None:
    first, second = Span(MONDAY, time(8), time(12)), Span(MONDAY, time(11), time(0))
    assert overlaps(Hours("h", (second, first))) == [(first, second)]
    assert overlaps(OFFICE) == []


# ---- for any schedule ----

# The days on which the clocks change; in Havana and Beirut they do so at midnight.
TURNINGS = [
    ("America/New_York", ("2026-11-01", "2027-03-14")),
    ("Europe/Berlin", ("2026-10-25", "2027-03-28")),
    ("Australia/Lord_Howe", ("2026-10-04", "2027-04-04")),
    ("America/Havana", ("2026-11-01", "2027-03-14")),
    ("Asia/Beirut", ("2026-10-24", "2027-03-28")),
]
TURNING = [(date.fromisoformat(day), ZoneInfo(name)) for name, days in TURNINGS for day in days]
ZONES = st.sampled_from([ZoneInfo(name) for name, _ in TURNINGS])
TIMES = st.times(time(0), time(23, 59)).map(lambda t: t.replace(second=0, microsecond=0))
NIGHTLY = st.builds(time, st.integers(0, 4), st.sampled_from([0, 15, 30, 45]))
PARTS = st.builds(Times, TIMES | NIGHTLY, TIMES | NIGHTLY).filter(
    lambda part: opens_at(part) < closes_at(part)
)
# Sundays and Saturdays most of all, for it is on these that clocks change.
SPANS = st.builds(
    lambda day, part: Span(day, part.opens, part.closes),
    st.sampled_from([*range(7), 5, 6, 6, 6]),
    st.builds(Times, NIGHTLY, NIGHTLY).filter(lambda p: opens_at(p) < closes_at(p)) | PARTS,
)
RULES = st.builds(
    DayRule,
    st.sampled_from(["", "one", "other"]),
    st.lists(PARTS, max_size=2).map(tuple),
    st.none() | TIMES,
    opens=st.none() | TIMES,
)
YEAR_DAYS = st.dates(date(2027, 1, 1), date(2027, 12, 31))
DAYS = st.dates(date(2026, 10, 25), date(2026, 11, 5)) | st.dates(
    date(2027, 3, 10), date(2027, 4, 5)
)
EXCEPTIONS = st.builds(
    Exceptional,
    DAYS.flatmap(
        lambda day: st.integers(0, 9).map(lambda more: Dates(day, day + timedelta(days=more)))
    )
    | st.builds(
        lambda one, other: Yearly(MonthDay(one.month, one.day), MonthDay(other.month, other.day)),
        YEAR_DAYS,
        YEAR_DAYS,
    ),
    RULES,
)
SCHEDULES = st.builds(
    Hours,
    st.just("any"),
    st.lists(SPANS, max_size=6).map(tuple),
    st.none() | PARTS,
    st.lists(EXCEPTIONS, max_size=3).map(tuple),
    st.dictionaries(DAYS, RULES, max_size=3),
    st.dictionaries(
        DAYS, st.builds(Closure, st.just("event"), st.just("c.ics"), PARTS).map(lambda c: (c,))
    ),
)
DAYS_SOMEWHERE = st.sampled_from(TURNING) | st.tuples(DAYS, ZONES)
MOMENTS = st.builds(
    lambda day, at: datetime.combine(day[0], at, day[1]), DAYS_SOMEWHERE, NIGHTLY | TIMES
)


def minutes_of(day: date, zone: ZoneInfo) -> list[datetime]:
    """Every minute of a local day, in order, as instants."""
    begin = datetime.combine(day, time(), UTC) - timedelta(hours=15)
    all_ = (begin + timedelta(minutes=minute) for minute in range(54 * 60))
    return [instant for instant in all_ if instant.astimezone(zone).date() == day]


def walked(hours: Hours, day: date, zone: ZoneInfo) -> dict[datetime, bool]:
    """A day minute by minute: open once the wall clock has reached an opening, and as long as it
    has not shown the end of it for the last time."""
    instants = minutes_of(day, zone)
    walls = [at.astimezone(zone).hour * 60 + at.astimezone(zone).minute for at in instants]
    furthest, least = list(walls), list(walls)
    for index in range(1, len(walls)):
        furthest[index] = max(furthest[index - 1], walls[index])
        least[-index - 1] = min(least[-index], walls[-index - 1])
    openings = by_minute(hours, day)
    starts = [m for m in range(1440) if openings[m] and (m == 0 or not openings[m - 1])]
    ends = [next((m for m in range(s, 1440) if not openings[m]), 1440) for s in starts]
    return {
        instant: any(s <= furthest[i] and least[i] < e for s, e in zip(starts, ends, strict=True))
        for i, instant in enumerate(instants)
    }


def by_minute(hours: Hours, day: date) -> list[bool]:
    """Whether the schedule, as written, is open at each minute of a day by the wall clock."""

    def within(part: Times | Span | None, minute: int) -> bool:
        return part is not None and opens_at(part) <= minute < closes_at(part)

    def by_week(minute: int) -> bool:
        spans = (span for span in hours.spans if span.weekday == day.weekday())
        return any(within(span, minute) for span in spans) and not within(hours.lunch, minute)

    def by_rule(rule: DayRule, minute: int) -> bool:
        if rule.closes is not None or rule.opens is not None:
            opens, closes = rule.opens or time(), rule.closes or time.max
            return opens <= time(*divmod(minute, 60)) < closes and by_week(minute)
        return any(within(part, minute) for part in rule.times)

    exceptional = exception_on(hours, day)
    if exceptional is not None:
        return [by_rule(exceptional.rule, minute) for minute in range(1440)]
    holiday = hours.holidays.get(day)
    return [
        not any(within(each.times, minute) for each in hours.closures.get(day, ()))
        and (by_rule(holiday, minute) if holiday else by_week(minute))
        for minute in range(1440)
    ]


@settings(derandomize=True, max_examples=60)
@given(SCHEDULES, DAYS_SOMEWHERE)
def test_the_answer_is_what_walking_minute_by_minute_finds(
    hours: Hours, somewhere: tuple[date, ZoneInfo]
) -> None:
    day, zone = somewhere
    expected = walked(hours, day, zone)
    found: dict[datetime, bool] = {}
    instants = iter(expected)
    instant = next(instants)
    for given_ in answers(hours, instant.astimezone(zone)):
        end = given_.until.astimezone(UTC) if given_.until else datetime.max.replace(tzinfo=UTC)
        while instant < end and len(found) < len(expected):
            found[instant] = given_.is_open
            instant = next(instants, instant)
        if len(found) == len(expected):
            break
    assert found == expected
    some = list(expected)[::97]
    assert [is_open(hours, at.astimezone(zone)) for at in some] == [expected[at] for at in some]


@settings(derandomize=True, max_examples=60)
@given(SCHEDULES, MOMENTS, st.none() | st.integers(1, 40_000), st.booleans())
def test_each_answer_holds_until_the_next_begins_and_no_instant_is_without(
    hours: Hours, moment: datetime, switched_for_min: int | None, opens: bool
) -> None:
    start = moment.astimezone(UTC)
    switch = (
        None
        if switched_for_min is None
        else Switch("any", opens, start + timedelta(minutes=switched_for_min))
    )
    at = moment
    for expected in islice(answers(hours, moment, switch), 12):
        given_ = answer(hours, at, switch)
        assert given_ == expected
        if given_.until is None:
            return
        end = given_.until.astimezone(UTC)
        assert end > at.astimezone(UTC)
        for between in (start + (end - start) / 2, end - timedelta(seconds=1)):
            if between > at.astimezone(UTC):
                assert answer(hours, between.astimezone(moment.tzinfo), switch) == expected
        at, start = given_.until, end


@settings(derandomize=True, max_examples=25)
@given(SCHEDULES, MOMENTS)
def test_nothing_changes_before_the_next_change_and_everything_at_it(
    hours: Hours, moment: datetime
) -> None:
    change = next_change(hours, moment)
    if change is None:
        return
    begin, end = moment.astimezone(UTC), change.astimezone(UTC)
    assert end > begin
    assert is_open(hours, change) is not is_open(hours, moment)
    between = (begin + (end - begin) / 2).astimezone(moment.tzinfo)
    assert is_open(hours, between) is is_open(hours, moment)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe"])
def test_every_instant_of_a_year_has_its_answer(zone: str) -> None:
    here = ZoneInfo(zone)
    start, end = (datetime(year, 1, 1, tzinfo=here).astimezone(UTC) for year in (2027, 2028))
    at, opened = start, timedelta()
    for given_ in answers(WEEK, start.astimezone(here)):
        assert given_.until is not None
        until = given_.until.astimezone(UTC)
        assert until > at
        opened += (min(until, end) - at) if given_.is_open else timedelta()
        at = until
        if at >= end:
            break
    assert opened == timedelta(hours=8) * 261  # weekdays of 2027, none of them the clocks'
