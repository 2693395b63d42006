"""Who is on call: told by stories of a practice, and held to the definition at any instant."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.clock import instant, reading
from ivr.oncall import (
    By,
    Clash,
    DoubleBooking,
    Duty,
    Gap,
    Rung,
    Shift,
    Why,
    clashes,
    double_bookings,
    exchanged,
    gaps,
    ladder,
    on_call,
    shifts,
    time_of,
    watches,
)
from ivr.plan import Dates, DayRule, Exceptional, Hours, Span
from ivr.rota import HOLIDAY, ByTurns, ByWeekday, Override, Period, Rota, Rotation, Swap, Window

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = date(2026, 11, 23)
DOCTORS = ("alvarez", "brandt", "chen")
NIGHTS = tuple(Window(day, time(17), time(8)) for day in range(5))
WEEKENDS = tuple(Window(day, time(8), time(8)) for day in (5, 6))
OFFICE = Hours("office", tuple(Span(day, time(8), time(17)) for day in range(5)))


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK)


def period(start: str, end: str) -> Period:
    return Period(datetime.fromisoformat(start), datetime.fromisoformat(end))


def turns(days: int, *only: Window, people: tuple[str, ...] = DOCTORS) -> ByTurns:
    return ByTurns(people, days, time(8), MONDAY, only)


def a_rota(*first: Rotation, second: tuple[Rotation, ...] = ()) -> Rota:
    layers = {"first": first, "second": second} if second else {"first": first}
    return Rota(NEW_YORK, layers, last_resort="hospital")


def holder(rota: Rota, at: str, layer: str = "first") -> str | None:
    return on_call(rota, layer, on(at)).person


# ---- turns ----


def test_of_three_who_change_daily_on_weekdays_friday_a_is_followed_by_monday_b() -> None:
    weekdays = tuple(Window(day, time(9), time(19)) for day in range(5))
    daily = ByTurns(("A", "B", "C"), 1, time(9), date(2026, 11, 27), weekdays)
    rota = a_rota(daily)
    assert holder(rota, "2026-11-27 09:00") == "A"
    assert holder(rota, "2026-11-27 18:59") == "A"
    assert holder(rota, "2026-11-27 19:00") is None
    assert holder(rota, "2026-11-28 12:00") is None
    assert holder(rota, "2026-11-30 09:00") == "B"
    assert holder(rota, "2026-12-01 09:00") == "C"
    assert [holder(rota, f"2026-12-{day} 10:00") for day in ("04", "07", "11", "14")] == list(
        "CABC"
    )


def test_a_week_is_handed_over_on_monday_at_eight() -> None:
    rota = a_rota(turns(7))
    assert holder(rota, "2026-11-23 08:00") == "alvarez"
    assert holder(rota, "2026-11-30 07:59:59") == "alvarez"
    assert holder(rota, "2026-11-30 08:00") == "brandt"
    assert holder(rota, "2026-12-14 08:00") == "alvarez"


def test_nobody_is_on_call_before_the_first_turn() -> None:
    rota = a_rota(turns(7))
    assert on_call(rota, "first", on("2026-11-23 07:59")) == Duty(None, By.NOTHING)


def test_a_night_belongs_to_whom_it_began_with() -> None:
    rota = a_rota(turns(1, *NIGHTS))
    assert holder(rota, "2026-11-23 17:00") == "alvarez"
    assert holder(rota, "2026-11-24 07:59") == "alvarez"
    assert holder(rota, "2026-11-24 12:00") is None
    assert holder(rota, "2026-11-24 17:00") == "brandt"
    # The weekend is nobody's turn: Friday brandt, so Monday chen.
    assert holder(rota, "2026-11-28 07:59") == "brandt"
    assert holder(rota, "2026-11-30 03:00") is None
    assert holder(rota, "2026-11-30 17:00") == "chen"


def test_a_turn_with_only_the_end_of_a_night_in_it_is_a_turn() -> None:
    rota = a_rota(ByTurns(DOCTORS, 1, time(6), date(2026, 11, 27), NIGHTS))
    assert holder(rota, "2026-11-28 05:59") == "alvarez"
    assert holder(rota, "2026-11-28 06:00") == "brandt"
    assert holder(rota, "2026-11-30 17:00") == "chen"


def test_small_hours_belong_to_the_turn_of_the_day_before() -> None:
    saturdays = Window(5, time(0), time(6))
    rota = a_rota(turns(1, saturdays))
    told = [holder(rota, f"2026-{day} 05:59") for day in ("11-28", "12-05", "12-12", "12-19")]
    assert told == ["alvarez", "brandt", "chen", "alvarez"]


def test_nights_and_weekends_may_turn_on_their_own() -> None:
    rota = a_rota(turns(1, *NIGHTS), turns(7, *WEEKENDS, people=("chen", "alvarez")))
    assert holder(rota, "2026-11-28 07:59") == "brandt"
    assert holder(rota, "2026-11-28 08:00") == "chen"
    assert holder(rota, "2026-11-30 07:59") == "chen"
    assert holder(rota, "2026-12-05 08:00") == "alvarez"


def test_on_a_holiday_its_own_window_holds_and_its_turn_is_somebodys() -> None:
    """Saturdays alone are taken in turns, and whatever holiday falls between them is a turn too."""
    saturdays, holidays = Window(5, time(8), time(20)), Window(HOLIDAY, time(8), time(20))
    daily = ByTurns(("A", "B", "C"), 1, time(8), date(2026, 11, 21), (saturdays, holidays))
    rota = Rota(NEW_YORK, {"first": (daily,)}, "C", holidays=frozenset({date(2026, 11, 26)}))

    def at_noon(day: int) -> str | None:
        noon = datetime(2026, 11, day, 12, tzinfo=NEW_YORK)
        return on_call(rota, "first", noon).person

    assert [at_noon(day) for day in (21, 25, 26, 27, 28)] == ["A", None, "B", None, "C"]


def test_each_weekday_may_have_its_own_person_and_one_may_have_none() -> None:
    rota = a_rota(ByWeekday(("alvarez", "brandt", "chen", None, "chen", "brandt", None), time(8)))
    assert holder(rota, "2026-11-24 07:59") == "alvarez"
    assert holder(rota, "2026-11-24 08:00") == "brandt"
    assert holder(rota, "2026-11-26 08:00") is None
    assert holder(rota, "2026-11-30 07:59") is None


def test_of_two_rotations_the_first_that_has_somebody_says_who() -> None:
    new_year = ByTurns(("dimitrov",), 7, time(8), date(2027, 1, 4))
    rota = a_rota(new_year, turns(7))
    assert holder(rota, "2027-01-04 07:59") in DOCTORS
    assert holder(rota, "2027-01-04 08:00") == "dimitrov"


def test_the_clocks_move_no_hand_over_by_their_own_change() -> None:
    rota = a_rota(ByTurns(DOCTORS, 1, time(2, 30), date(2027, 3, 13)))
    handed_over = [shift.start for shift in spell(rota, "2027-03-13 03:00", "2027-03-16 12:00")]
    assert handed_over[1:] == [
        on("2027-03-14 03:00"),  # half past two is skipped that night
        on("2027-03-15 02:30"),
        on("2027-03-16 02:30"),
    ]


def test_a_hand_over_in_the_hour_that_comes_twice_happens_once() -> None:
    rota = a_rota(ByTurns(DOCTORS, 1, time(1, 30), date(2026, 10, 31)))
    first = on("2026-11-01 01:30").astimezone(UTC)
    assert on_call(rota, "first", first - timedelta(seconds=1)).person == "alvarez"
    for minutes in (0, 29, 30, 45, 60, 90):
        assert on_call(rota, "first", first + timedelta(minutes=minutes)).person == "brandt"


# ---- overrides and swaps ----


def test_an_override_is_for_its_own_layer_and_time() -> None:
    rota = replace(
        a_rota(turns(7), second=(turns(7, people=("dimitrov",)),)),
        overrides=(Override("first", "evans", period("2026-12-24 17:00", "2026-12-26 08:00")),),
    )
    assert holder(rota, "2026-12-24 16:59") == "brandt"
    assert on_call(rota, "first", on("2026-12-24 17:00")) == Duty("evans", By.OVERRIDE)
    assert holder(rota, "2026-12-24 17:00", "second") == "dimitrov"
    assert holder(rota, "2026-12-26 08:00") == "brandt"


THANKSGIVING = Swap(
    "first",
    one="alvarez",
    gives=period("2026-11-26 08:00", "2026-11-27 08:00"),
    other="brandt",
    takes=period("2026-12-03 08:00", "2026-12-04 08:00"),
)


def test_two_doctors_exchange_a_day() -> None:
    rota = replace(a_rota(turns(7)), swaps=(THANKSGIVING,))
    assert on_call(rota, "first", on("2026-11-26 08:00")) == Duty("brandt", By.SWAP)
    assert holder(rota, "2026-11-27 08:00") == "alvarez"
    assert holder(rota, "2026-12-03 12:00") == "alvarez"
    assert exchanged(rota, 0) == (timedelta(days=1), timedelta(days=1))


def test_what_a_swap_names_and_its_people_do_not_have_is_not_exchanged() -> None:
    empty = replace(THANKSGIVING, takes=period("2026-12-07 08:00", "2026-12-08 08:00"))
    rota = replace(a_rota(turns(7)), swaps=(empty,))
    assert holder(rota, "2026-12-07 12:00") == "chen"
    assert exchanged(rota, 0) == (timedelta(days=1), timedelta(0))


# ---- ahead ----


def spell(rota: Rota, start: str, end: str) -> list[Shift]:
    return shifts(rota, "first", on(start), on(end))


def test_shifts_go_from_hand_over_to_hand_over() -> None:
    told = [(shift.start, shift.duty.person) for shift in spell(
        a_rota(turns(1, *NIGHTS)), "2026-11-27 12:00", "2026-12-01 12:00"
    )]  # fmt: skip
    assert told == [
        (on("2026-11-27 12:00"), None),
        (on("2026-11-27 17:00"), "brandt"),
        (on("2026-11-28 08:00"), None),
        (on("2026-11-30 17:00"), "chen"),
        (on("2026-12-01 08:00"), None),
    ]


def test_outside_the_office_hours_somebody_must_be_on_call() -> None:
    rota = a_rota(turns(1, *NIGHTS))
    assert gaps(rota, OFFICE, on("2026-11-23 08:00"), on("2026-11-30 17:00")) == [
        Gap(on("2026-11-28 08:00"), on("2026-11-30 08:00"), None)
    ]
    whole = a_rota(turns(1, *NIGHTS), turns(7, *WEEKENDS))
    assert gaps(whole, OFFICE, on("2026-11-23 08:00"), on("2027-11-23 08:00")) == []


def test_a_day_on_which_the_office_stays_closed_opens_a_gap() -> None:
    christmas = date(2026, 12, 25)
    exception = Exceptional(Dates(christmas, christmas), DayRule("Christmas"))
    closed = replace(OFFICE, exceptions=(exception,))
    whole = a_rota(turns(1, *NIGHTS), turns(7, *WEEKENDS))
    assert gaps(whole, closed, on("2026-12-20 08:00"), on("2027-01-03 08:00")) == [
        Gap(on("2026-12-25 08:00"), on("2026-12-25 17:00"), None)
    ]


def test_without_hours_somebody_must_always_be_on_call_and_a_gap_says_who_steps_in() -> None:
    rota = a_rota(turns(1, *NIGHTS), second=(turns(7),))
    assert gaps(rota, None, on("2026-11-24 00:00"), on("2026-11-25 00:00")) == [
        Gap(on("2026-11-24 08:00"), on("2026-11-24 17:00"), "alvarez")
    ]


def test_one_person_in_two_layers_is_found_for_as_long_as_it_lasts() -> None:
    rota = a_rota(turns(1), second=(turns(7),))
    (first, *_) = double_bookings(rota, on("2026-11-23 08:00"), on("2026-11-30 08:00"))
    assert first == DoubleBooking(
        on("2026-11-23 08:00"), on("2026-11-24 08:00"), "alvarez", ("first", "second")
    )
    staggered = a_rota(turns(7), second=(turns(7, people=("brandt", "chen", "alvarez")),))
    assert double_bookings(staggered, on("2026-11-23 08:00"), on("2027-11-23 08:00")) == []


def test_two_overrides_at_once_are_found_and_the_later_in_the_file_has_the_time() -> None:
    rota = replace(
        a_rota(turns(7)),
        overrides=(
            Override("first", "evans", period("2026-12-24 08:00", "2026-12-26 08:00")),
            Override("first", "chen", period("2026-12-25 08:00", "2026-12-27 08:00")),
        ),
    )
    assert clashes(rota, on("2026-12-01 00:00"), on("2027-01-01 00:00")) == [
        Clash(on("2026-12-25 08:00"), on("2026-12-26 08:00"), "first", (0, 1))
    ]
    assert clashes(rota, on("2026-12-26 08:00"), on("2027-01-01 00:00")) == []
    assert holder(rota, "2026-12-25 12:00") == "chen"


# ---- the ladder ----


def test_who_is_on_call_is_tried_first_then_the_second_layer_then_all_then_the_last_resort() -> (
    None
):
    rota = a_rota(turns(7), second=(turns(7, people=("brandt", "chen", "alvarez")),))
    assert ladder(rota, ("first", "second"), on("2026-11-23 20:00")) == (
        Rung(Why.ON_CALL, ("alvarez",)),
        Rung(Why.ON_CALL, ("brandt",)),
        Rung(Why.ALL, DOCTORS),
        Rung(Why.LAST_RESORT, ("hospital",)),
    )
    assert ladder(rota, (), on("2026-11-23 20:00")) == ladder(
        rota, ("first", "second"), on("2026-11-23 20:00")
    )


def test_behind_one_person_alone_stands_the_next_one_before_all_are_woken() -> None:
    rungs = ladder(a_rota(turns(7)), (), on("2026-11-23 20:00"))
    assert [rung.people for rung in rungs[:2]] == [("alvarez",), ("brandt",)]
    assert rungs[1].why is Why.NEXT


def test_in_a_gap_the_next_person_is_tried_first() -> None:
    rungs = ladder(a_rota(turns(1, *NIGHTS)), ("first",), on("2026-11-28 12:00"))
    assert rungs[0] == Rung(Why.NEXT, ("chen",))


def test_who_stands_in_two_layers_is_tried_alone_only_once() -> None:
    both = a_rota(turns(7), second=(turns(7),))
    alone = [
        rung.people for rung in ladder(both, (), on("2026-11-23 20:00")) if not rung.people[1:]
    ]
    assert alone == [("alvarez",), ("brandt",), ("hospital",)]


def test_a_layer_that_does_not_exist_leaves_all_and_the_last_resort() -> None:
    rungs = ladder(a_rota(turns(7)), ("third",), on("2026-11-23 20:00"))
    assert [rung.why for rung in rungs] == [Why.NEXT, Why.ALL, Why.LAST_RESORT]


def test_while_the_clock_cannot_be_trusted_everybody_is_called_first() -> None:
    assert ladder(a_rota(turns(7)), (), None) == (
        Rung(Why.ALL, DOCTORS),
        Rung(Why.LAST_RESORT, ("hospital",)),
    )


def test_who_only_helped_out_once_is_not_woken_with_everybody() -> None:
    once = Override("first", "evans", period("2026-11-25 08:00", "2026-11-26 08:00"))
    rota = replace(a_rota(turns(7)), overrides=(once,))
    after, meanwhile = (
        next(rung.people for rung in ladder(rota, (), on(at)) if rung.why is Why.ALL)
        for at in ("2026-11-27 20:00", "2026-11-25 20:00")
    )
    assert after == DOCTORS
    assert meanwhile == (*DOCTORS, "evans")


# ---- any rota, at any instant ----

# Nights on which clocks change, in a zone that goes by an hour and in one that goes by half.
ZONES = (NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Beirut"))
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30)))
PEOPLE = st.lists(st.sampled_from("ABCDE"), min_size=1, max_size=4).map(tuple)
WINDOWS = st.lists(st.builds(Window, st.integers(0, HOLIDAY), TIMES, TIMES), max_size=4).map(tuple)
HOLIDAYS = frozenset(
    date(*day)
    for day in ((2026, 9, 7), (2026, 10, 12), (2026, 10, 25), (2026, 11, 11), (2026, 11, 26),
                (2026, 12, 25), (2027, 1, 1), (2027, 1, 18), (2027, 3, 14), (2027, 3, 26))
)  # fmt: skip
DATES = st.dates(date(2026, 9, 1), date(2026, 12, 31))
WALLS = st.builds(datetime.combine, st.dates(date(2026, 10, 1), date(2027, 4, 15)), TIMES)
PERIODS = st.builds(
    lambda start, hours: Period(start, start + timedelta(hours=hours)), WALLS, st.integers(1, 400)
)
BY_TURNS = st.builds(ByTurns, PEOPLE, st.sampled_from((1, 2, 3, 7, 10, 14)), TIMES, DATES, WINDOWS)
BY_WEEKDAY = st.builds(
    ByWeekday, st.tuples(*[st.sampled_from((None, "A", "B", "C"))] * 7), TIMES, WINDOWS
)
ROTATIONS = st.lists(BY_TURNS | BY_WEEKDAY, min_size=1, max_size=3).map(tuple)
LAYER = st.sampled_from(("first", "second"))
SWAPS = st.builds(Swap, LAYER, st.just("A"), PERIODS, st.sampled_from("BCD"), PERIODS)
OVERRIDES = st.builds(Override, LAYER, st.sampled_from("ABCDEF"), PERIODS)
ROTAS = st.builds(
    Rota,
    st.sampled_from(ZONES),
    st.builds(lambda first, second: {"first": first, "second": second}, ROTATIONS, ROTATIONS),
    st.just("hospital"),
    st.none(),
    st.lists(OVERRIDES, max_size=3).map(tuple),
    st.lists(SWAPS, max_size=3).map(tuple),
    holidays=st.just(HOLIDAYS),
)
WEEKS_OF_CHANGE = st.sampled_from(
    [datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 10, 22, tzinfo=UTC),
     datetime(2027, 3, 10, tzinfo=UTC), datetime(2027, 3, 25, tzinfo=UTC)]
)  # fmt: skip
STARTS = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes),
    WEEKS_OF_CHANGE,
    st.integers(0, 3 * 24 * 60),
)
LENGTHS = st.integers(1, 15 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
# A rota is much to draw; fifteen hundred of each were tried when these were written.
FEW = settings(max_examples=50)
THOUSANDTHS = st.integers(0, 999)


def defined(rota: Rota, layer: str, at: datetime) -> str | None:
    """The rules of a rota once more, as they are told to people: no arithmetic on turns, no marks;
    each turn is looked at from the first on."""
    wall = reading(at, rota.zone)
    over = [o.person for o in rota.overrides if o.layer == layer and o.period.holds(wall)]
    if over:
        return over[-1]
    held = [told for rotation in rota.layers[layer] if (told := by_rotation(rotation, wall))]
    if not held:
        return None
    person = held[0]
    for swap in rota.swaps:
        if swap.layer == layer:
            exchange = {}
            if swap.gives.holds(wall):
                exchange[swap.one] = swap.other
            if swap.takes.holds(wall):
                exchange[swap.other] = swap.one
            person = exchange.get(person, person)
    return person


def by_rotation(rotation: Rotation, wall: datetime) -> str | None:
    if rotation.only and not any(p.holds(wall) for p in weekly(rotation.only, wall, wall)):
        return None
    if isinstance(rotation, ByWeekday):
        begun = wall - timedelta(hours=rotation.hand_off.hour, minutes=rotation.hand_off.minute)
        return rotation.people[begun.weekday()]
    start, taken = datetime.combine(rotation.begins, rotation.hand_off), 0
    while start <= wall:
        end = start + timedelta(days=rotation.days)
        if wall < end:
            return rotation.people[taken % len(rotation.people)]
        around = weekly(rotation.only, start, end)
        taken += not rotation.only or any(p.start < end and start < p.end for p in around)
        start = end
    return None


def weekly(windows: tuple[Window, ...], low: datetime, high: datetime) -> Iterator[Period]:
    """Every period of the windows that may touch the time between two readings."""
    for number in range((high - low).days + 4):
        day = low.date() + timedelta(days=number - 2)
        for window in windows:
            is_holiday = window.weekday == HOLIDAY and day in HOLIDAYS
            if is_holiday or window.weekday == day.weekday():
                start = datetime.combine(day, window.start)
                length = datetime.combine(day, window.end) - start
                yield Period(start, start + (length % timedelta(days=1) or timedelta(days=1)))


@given(ROTAS, LAYER, STARTS, LENGTHS, st.lists(THOUSANDTHS, min_size=1, max_size=8))
def test_at_each_instant_the_shifts_say_what_the_rules_say(
    rota: Rota, layer: str, start: datetime, length: timedelta, thousandths: list[int]
) -> None:
    spells = shifts(rota, layer, start, start + length)
    drawn = [start + length * share // 1000 for share in thousandths]
    edges = [at for spell in spells for at in (spell.start, spell.end - timedelta.resolution)]
    marks = [at for at in marks_of(rota, layer, drawn) if start <= at < start + length]
    for at in (*drawn, *edges, *marks):
        (spell,) = [one for one in spells if one.start <= at < one.end]
        assert spell.duty.person == defined(rota, layer, at)
        assert spell.duty == on_call(rota, layer, at)


def marks_of(rota: Rota, layer: str, on_days: list[datetime]) -> Iterator[datetime]:
    """Every time of day that the rotations name, on the days of these instants."""
    for rotation in rota.layers[layer]:
        named = [each for window in rotation.only for each in (window.start, window.end)]
        for clock in (rotation.hand_off, *named):
            for at in on_days:
                yield instant(datetime.combine(at.astimezone(rota.zone), clock), rota.zone)


@FEW
@given(ROTAS, STARTS, LENGTHS)
def test_shifts_and_watches_fill_their_time_without_a_hole(
    rota: Rota, start: datetime, length: timedelta
) -> None:
    end = start + length
    for layer in rota.layers:
        spells = shifts(rota, layer, start, end)
        tile([(spell.start, spell.end) for spell in spells], start, end)
        assert all(one.duty != after.duty for one, after in pairwise(spells))
    kept = watches(rota, OFFICE, start, end)
    tile([(watch.start, watch.end) for watch in kept], start, end)
    said = [(watch.duties, watch.is_gap) for watch in kept]
    assert all(one != after for one, after in pairwise(said))


def tile(spells: list[tuple[datetime, datetime]], start: datetime, end: datetime) -> None:
    assert (spells[0][0], spells[-1][1]) == (start, end)
    assert all(one[1] == after[0] for one, after in pairwise(spells))
    assert all(begins < ends for begins, ends in spells)


@FEW
@given(ROTAS, OVERRIDES, STARTS)
def test_an_override_always_wins(rota: Rota, last: Override, start: datetime) -> None:
    covered = replace(rota, overrides=(*rota.overrides, last))
    begins, ends = (instant(wall, rota.zone) for wall in (last.period.start, last.period.end))
    spells = shifts(covered, last.layer, begins, ends)
    assert [spell.duty for spell in spells] == [Duty(last.person, By.OVERRIDE)] * (begins < ends)
    outside = [start, begins - timedelta.resolution, ends]
    for at in (one for one in outside if not begins <= one < ends):
        assert on_call(covered, last.layer, at) == on_call(rota, last.layer, at)


@given(st.integers(0, 150), st.integers(0, 150), st.integers(1, 100))
def test_a_swap_of_equal_time_leaves_each_of_the_two_their_hours(
    gives: int, takes: int, hours: int
) -> None:
    fortnights = a_rota(ByTurns(DOCTORS, 14, time(8), date(2026, 11, 9)))
    swap = Swap(
        "first", "alvarez", for_hours(on("2026-11-09 08:00"), gives, hours),
        "brandt", for_hours(on("2026-11-23 08:00"), takes, hours),
    )  # fmt: skip
    quarter = on("2026-11-09 08:00"), on("2027-02-09 08:00")
    swapped = replace(fortnights, swaps=(swap,))
    assert exchanged(swapped, 0) == (timedelta(hours=hours), timedelta(hours=hours))
    before, after = (shifts(rota, "first", *quarter) for rota in (fortnights, swapped))
    assert after != before
    assert time_of(after) == time_of(before)


def for_hours(turn: datetime, after: int, hours: int) -> Period:
    start = turn.replace(tzinfo=None) + timedelta(hours=after)
    return Period(start, start + timedelta(hours=hours))


@FEW
@given(ROTAS, SWAPS, STARTS, LENGTHS)
def test_a_swap_moves_hours_between_two_people_and_nobody_else(
    rota: Rota, swap: Swap, start: datetime, length: timedelta
) -> None:
    plain = replace(rota, overrides=(), swaps=())
    swapped = replace(plain, swaps=(swap,))
    before = time_of(shifts(plain, swap.layer, start, start + length))
    after = time_of(shifts(swapped, swap.layer, start, start + length))
    assert sum(before.values(), timedelta()) == sum(after.values(), timedelta())
    for person in (before.keys() | after.keys()) - {swap.one, swap.other}:
        assert before[person] == after[person]


@FEW
@given(ROTAS, st.lists(st.sampled_from(("first", "second", "third")), max_size=3), STARTS)
def test_the_ladder_has_everybody_and_ends_with_the_last_resort(
    rota: Rota, layers: list[str], now: datetime
) -> None:
    for rungs in (ladder(rota, layers, now), ladder(rota, layers, None)):
        assert rungs[-1] == Rung(Why.LAST_RESORT, ("hospital",))
        assert all(rung.people for rung in rungs)
        everybody = [rung.people for rung in rungs if rung.why is Why.ALL]
        assert len(everybody) == bool(rota.people)
        assert all(set(rota.regulars) <= set(people) for people in everybody)
        alone = [rung.people for rung in rungs if rung.why in (Why.ON_CALL, Why.NEXT)]
        assert len(set(alone)) == len(alone)


@FEW
@given(ROTAS, STARTS, LENGTHS, THOUSANDTHS)
def test_a_gap_is_when_nobody_is_first_and_the_office_is_closed(
    rota: Rota, start: datetime, length: timedelta, share: int
) -> None:
    found = gaps(rota, OFFICE, start, start + length)
    at = start + length * share // 1000
    wall = reading(at, rota.zone)
    is_office = wall.weekday() < 5 and 8 <= wall.hour < 17
    is_gap = on_call(rota, "first", at).person is None and not is_office
    assert any(gap.start <= at < gap.end for gap in found) is is_gap


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_a_year_is_told_in_full(zone: ZoneInfo) -> None:
    rota = Rota(zone, {"first": (turns(7),)}, "hospital")
    start = instant(datetime(2026, 11, 23, 8), zone)  # noqa: DTZ001 - a reading
    spells = shifts(rota, "first", start, instant(datetime(2027, 11, 22, 8), zone))  # noqa: DTZ001
    assert [spell.duty.person for spell in spells] == [*DOCTORS * 17, DOCTORS[0]]
