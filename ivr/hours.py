"""What a schedule says at an instant, why, and until when.

A day is first laid out by the clinic's wall clock: by its exception, else by what calendars close,
its holiday, and the week's spans without lunch, in this order. Then the wall clock meets the year:
an opening begins when the clock first shows its time, and ends once the clock shows no time before
its end any more. So in the hour that comes twice a schedule is rather open than closed, and opens
once; what a night skips in spring is not there. A switch thrown by hand goes before all of it,
until it runs out. A clock that cannot be trusted closes nothing.

Datetimes come in aware and in the clinic's own zone, and go out so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise

from ivr.clock import instant
from ivr.errors import SwitchError
from ivr.plan import DayRule, Exceptional, Hours, HoursFork, MonthDay, Plan, Span, Times, Yearly

# A schedule that has not changed for so long never will: weeks repeat, closed dates are finite.
HORIZON_DAYS = 400
DAY_MINUTES = 24 * 60
LEAP_YEAR = 2024  # has each day that a year can have
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
# Nobody remembers a switch that has stood for longer; closing for longer is an exception.
SWITCH_MAX = timedelta(days=31)


class Kind(StrEnum):
    """What a schedule's answer comes from."""

    WEEK = "week"
    LUNCH = "lunch"
    EXCEPTION = "exception"
    HOLIDAY = "holiday"
    CALENDAR = "calendar"
    SWITCH = "switch"
    CLOCK = "clock"
    UNKNOWN = "unknown"


BY_HAND = "switched by hand"
UNTRUSTED = "the clock cannot be trusted yet"
OFF_THE_WEEK = frozenset({Kind.EXCEPTION, Kind.HOLIDAY, Kind.CALENDAR})


@dataclass(frozen=True, slots=True)
class Why:
    """What an answer comes from: its name in the site file or in a calendar, the part of the week;
    and the prompt that tells callers of it."""

    kind: Kind
    name: str
    say: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case Kind.WEEK | Kind.LUNCH | Kind.CLOCK | Kind.UNKNOWN:
                return self.name
            case Kind.EXCEPTION:
                return f"the exception {self.name}" if self.name else "an exception for this day"
            case Kind.HOLIDAY:
                return f"the holiday {self.name}"
            case Kind.CALENDAR:
                return f"the calendar has {self.name}"
            case Kind.SWITCH:
                return BY_HAND


@dataclass(frozen=True, slots=True)
class Answer:
    """Open or closed, why, and the instant at which the answer changes; None: not for as long as
    can be seen."""

    is_open: bool
    why: Why
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Switch:
    """A schedule opened or closed by hand, until an instant."""

    hours: str
    is_open: bool
    until: datetime
    say: str | None = None


def answer(
    hours: Hours, local: datetime, switch: Switch | None = None, *, trusted: bool = True
) -> Answer:
    """What the schedule says at this instant."""
    if not trusted:
        return Answer(True, Why(Kind.CLOCK, UNTRUSTED), None)
    return next(answers(hours, local, switch))


def answers(hours: Hours, local: datetime, switch: Switch | None = None) -> Iterator[Answer]:
    """The answer at this instant, and all that follow it: each begins where the one before ends."""
    for stretch in _stretches(hours, local, switch):
        until = stretch.end.astimezone(local.tzinfo) if stretch.end else None
        yield Answer(stretch.verdict.is_open, stretch.verdict.why, until)


def is_open(hours: Hours, local: datetime) -> bool:
    """Open from an opening's first instant until just before its last."""
    return answer(hours, local).is_open


def next_change(hours: Hours, local: datetime, switch: Switch | None = None) -> datetime | None:
    """The next instant at which the schedule opens or closes; None: never within HORIZON_DAYS."""
    for one, other in pairwise(answers(hours, local, switch)):
        if one.is_open is not other.is_open:
            return one.until
    return None


def switched(
    hours: Hours, local: datetime, *, opens: bool, until: datetime | None, say: str | None
) -> Switch:
    """A switch thrown now. Without an end of its own it holds until the day's end."""
    if until is None:
        until = _first(local.date(), DAY_MINUTES, _zone(local)).astimezone(local.tzinfo)
    if until.astimezone(UTC) <= local.astimezone(UTC):
        raise SwitchError(f"{until:%Y-%m-%d %H:%M} is past: give a later end")
    if until.astimezone(UTC) > local.astimezone(UTC) + SWITCH_MAX:
        raise SwitchError(
            f"a switch holds for {SWITCH_MAX.days} days at most: for longer write an exception into"
            f" [hours.{hours.name}]"
        )
    return Switch(hours.name, opens, until, None if opens else say)


# ---- a schedule in a flow ----


def answer_in(
    plan: Plan, name: str, local: datetime, switch: Switch | None, *, trusted: bool
) -> Answer:
    """What a plan's schedule says; closed, if there is none of this name."""
    schedule = plan.hours.get(name)
    if schedule is None:
        return Answer(False, Why(Kind.UNKNOWN, "there is no such schedule"), None)
    return answer(schedule, local, switch, trusted=trusted)


def way_of(node: HoursFork, given: Answer) -> str:
    """Where an hours node leads by this answer."""
    if given.is_open:
        return node.open
    if given.why.kind is Kind.LUNCH:
        return node.lunch or node.closed
    if given.why.kind in OFF_THE_WEEK:
        return node.holiday or node.closed
    return node.closed


def in_words(given: Answer) -> str:
    """`closed: the holiday Christmas Day, until Sat 2026-12-26 00:00`."""
    until = "" if given.until is None else f", until {given.until:%a %Y-%m-%d %H:%M}"
    return f"{'open' if given.is_open else 'closed'}: {given.why}{until}"


def switches_in(text: str, known: Iterable[str], at: datetime) -> Mapping[str, Switch]:
    """The switch that an answer in words came from, for each schedule it may be asked of."""
    if BY_HAND not in text:
        return {}
    is_open = f"open: {BY_HAND}" in text
    return {name: Switch(name, is_open, at + SWITCH_MAX) for name in known}


def was_trusted(text: str) -> bool:
    """Whether the clock was, by an answer in words."""
    return UNTRUSTED not in text


def announcements(hours: Hours) -> tuple[str, ...]:
    """Every prompt that a schedule may have spoken while it is closed."""
    rules = (*(each.rule for each in hours.exceptions), *hours.holidays.values())
    return tuple(dict.fromkeys(rule.say for rule in rules if rule.say))


# ---- what a prover asks ----


def overlaps(hours: Hours) -> list[tuple[Span, Span]]:
    """Pairs of spans that share time on one weekday."""
    ordered = sorted(hours.spans, key=lambda span: (span.weekday, opens_at(span), closes_at(span)))
    return [
        (one, other)
        for index, one in enumerate(ordered)
        for other in ordered[index + 1 :]
        if one.weekday == other.weekday and opens_at(other) < closes_at(one)
    ]


def opening_at(hours: Hours, local: datetime) -> list[Span | Times]:
    """What opens the schedule at a wall-clock time: the week's spans, or its day's exception's."""
    minute = local.hour * 60 + local.minute
    parts: list[Span | Times] = [s for s in hours.spans if s.weekday == local.weekday()]
    exceptional = exception_on(hours, local.date())
    rule = exceptional.rule if exceptional else hours.holidays.get(local.date())
    if rule is not None and not rule.keeps_the_week:
        parts = list(rule.times)
    is_cut = rule is not None and rule.keeps_the_week and _is_cut(rule, minute)
    return [part for part in parts if _covers(part, minute) and not is_cut]


def ever_opens(hours: Hours) -> bool:
    """Whether anything in it opens at all, be it on a past day."""
    monday = date(2024, 1, 1)
    week = (monday + timedelta(days=day) for day in range(7))
    by_week = (_by_week(hours, on, minute) for on in week for minute in _edges(hours, on))
    rules = (*(each.rule for each in hours.exceptions), *hours.holidays.values())
    return any(verdict.is_open for verdict in by_week) or any(rule.times for rule in rules)


def exception_on(hours: Hours, on: date) -> Exceptional | None:
    """The exception for a day. The one that covers the fewest days wins: who writes "closed from 24
    December to 1 January" and "open on the 29th" means both."""
    covering = (each for each in hours.exceptions if covers(each, on))
    return min(covering, key=days_of, default=None)


def covers(exceptional: Exceptional, on: date) -> bool:
    """Whether an exception is for this day too."""
    days = exceptional.days
    if not isinstance(days, Yearly):
        return days.first <= on <= days.last
    day = MonthDay(on.month, on.day)
    if days.first <= days.last:
        return days.first <= day <= days.last
    return day >= days.first or day <= days.last


def days_of(exceptional: Exceptional) -> int:
    """How many days it covers, in a year or once; 29 February counts."""
    days = exceptional.days
    if not isinstance(days, Yearly):
        return (days.last - days.first).days + 1
    first, last = (date(LEAP_YEAR, day.month, day.day) for day in (days.first, days.last))
    return (last - first).days % 366 + 1


def named(exceptional: Exceptional) -> str:
    """Its name and days; a date of the list `closed` has no name."""
    days = exceptional.days
    if isinstance(days, Yearly):
        ends = [f"{day.month:02}-{day.day:02}" for day in (days.first, days.last)]
    else:
        ends = [str(days.first), str(days.last)]
    return " ".join(filter(None, (exceptional.rule.name, " to ".join(dict.fromkeys(ends)))))


def clashes(hours: Hours) -> list[tuple[Exceptional, Exceptional]]:
    """Pairs of exceptions for the same day of which neither is the more particular."""
    return [
        (one, other)
        for index, one in enumerate(hours.exceptions)
        for other in hours.exceptions[index + 1 :]
        if days_of(one) == days_of(other) and _share_a_day(one, other)
    ]


def _share_a_day(one: Exceptional, other: Exceptional) -> bool:
    if isinstance(one.days, Yearly):
        one, other = other, one
    if isinstance(one.days, Yearly):
        first = date(LEAP_YEAR, one.days.first.month, one.days.first.day)
    else:
        first = one.days.first
    days = (first + timedelta(days=day) for day in range(min(days_of(one), 366)))
    return any(covers(other, day) for day in days)


def opens_at(times: Span | Times) -> int:
    """Minutes from midnight."""
    return _minute(times.opens)


def closes_at(times: Span | Times) -> int:
    """Minutes from midnight; what closes at 00:00 closes at the day's end."""
    return _minute(times.closes) or DAY_MINUTES


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


# ---- a day by the wall clock ----


@dataclass(frozen=True, slots=True)
class _Verdict:
    is_open: bool
    why: Why


def _covers(times: Span | Times, minute: int) -> bool:
    return opens_at(times) <= minute < closes_at(times)


def _verdict(hours: Hours, on: date, minute: int) -> _Verdict:
    if exceptional := exception_on(hours, on):
        return _by_rule(hours, Kind.EXCEPTION, exceptional.rule, on, minute)
    for closure in hours.closures.get(on, ()):
        if _covers(closure.times, minute):
            return _Verdict(False, Why(Kind.CALENDAR, f"{closure.name} ({closure.calendar})"))
    if holiday := hours.holidays.get(on):
        return _by_rule(hours, Kind.HOLIDAY, holiday, on, minute)
    return _by_week(hours, on, minute)


def _by_rule(hours: Hours, kind: Kind, rule: DayRule, on: date, minute: int) -> _Verdict:
    closed = _Verdict(False, Why(kind, rule.name, rule.say))
    if rule.keeps_the_week:
        return closed if _is_cut(rule, minute) else _by_week(hours, on, minute)
    if any(_covers(times, minute) for times in rule.times):
        return _Verdict(True, Why(kind, rule.name))
    return closed


def _is_cut(rule: DayRule, minute: int) -> bool:
    """Whether a rule that keeps the week's spans cuts this minute off their ends."""
    is_early = rule.opens is not None and minute < _minute(rule.opens)
    return is_early or (rule.closes is not None and minute >= _minute(rule.closes))


def _by_week(hours: Hours, on: date, minute: int) -> _Verdict:
    day = WEEKDAYS[on.weekday()]
    spans = [span for span in hours.spans if span.weekday == on.weekday()]
    for span in spans:
        if _covers(span, minute):
            if hours.lunch and _covers(hours.lunch, minute):
                return _Verdict(False, Why(Kind.LUNCH, "lunch"))
            return _Verdict(True, Why(Kind.WEEK, f"{day} {shown(span)}"))
    return _Verdict(False, Why(Kind.WEEK, _between(day, spans, minute)))


def _between(day: str, spans: list[Span], minute: int) -> str:
    """Why a day is closed at this minute."""
    before = [span for span in spans if closes_at(span) <= minute]
    after = [span for span in spans if opens_at(span) > minute]
    if after:
        opening = f"{min(after, key=opens_at).opens:%H:%M}"
        return f"{day} opens {'again ' if before else ''}at {opening}"
    if before:
        closes = shown(max(before, key=closes_at)).rpartition("-")[2]
        return f"{day} closes at {closes}"
    return f"there are no hours on {day}s"


def shown(times: Span | Times) -> str:
    """As the site file writes it: `08:00-17:00`."""
    closes = "24:00" if closes_at(times) == DAY_MINUTES else f"{times.closes:%H:%M}"
    return f"{times.opens:%H:%M}-{closes}"


def _edges(hours: Hours, on: date) -> list[int]:
    """The minutes of a day at which something may change, midnight the first of them."""
    parts: list[Span | Times] = [span for span in hours.spans if span.weekday == on.weekday()]
    parts += [closure.times for closure in hours.closures.get(on, ())]
    parts += [hours.lunch] if hours.lunch else []
    minutes = {0}
    exceptional, holiday = exception_on(hours, on), hours.holidays.get(on)
    for rule in (exceptional.rule if exceptional else None, holiday):
        if rule is not None:
            parts += rule.times
            minutes |= {_minute(at) for at in (rule.opens, rule.closes) if at is not None}
    for part in parts:
        minutes |= {opens_at(part), closes_at(part)}
    return sorted(minutes - {DAY_MINUTES})


# ---- the wall clock and the instants ----


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A time, in UTC, in which one answer holds."""

    start: datetime
    end: datetime | None
    verdict: _Verdict


def _stretches(hours: Hours, local: datetime, switch: Switch | None) -> Iterator[_Stretch]:
    begins = local.astimezone(UTC)
    if switch is not None and begins < (until := switch.until.astimezone(UTC)):
        yield _Stretch(begins, until, _Verdict(switch.is_open, Why(Kind.SWITCH, "", switch.say)))
        begins = until
    yield from _by_schedule(hours, begins.astimezone(local.tzinfo))


def _by_schedule(hours: Hours, local: datetime) -> Iterator[_Stretch]:
    begins = local.astimezone(UTC)
    held: _Stretch | None = None
    week: dict[int, _Day] = {}  # days that nothing but the week says something of are alike
    for day in range(HORIZON_DAYS):
        on = local.date() + timedelta(days=day)
        laid_out = week.get(on.weekday()) if _is_plain(hours, on) else _laid_out(hours, on)
        if laid_out is None:
            laid_out = week[on.weekday()] = _laid_out(hours, on)
        for part in _parts(laid_out, on, _zone(local)):
            if part.end is not None and part.end <= begins:
                continue
            if held is None:
                held = part
            elif held.verdict == part.verdict:
                held = replace(held, end=part.end)
            else:
                yield held
                held = part
    if held is not None:
        yield replace(held, end=None)


_Day = tuple[list[int], list[_Verdict]]  # its edges, and what holds from each of them


def _is_plain(hours: Hours, on: date) -> bool:
    is_told_of = on in hours.holidays or on in hours.closures
    return not is_told_of and not any(covers(each, on) for each in hours.exceptions)


def _laid_out(hours: Hours, on: date) -> _Day:
    edges = _edges(hours, on)
    return edges, [_verdict(hours, on, minute) for minute in edges]


def _parts(laid_out: _Day, on: date, zone: tzinfo) -> Iterator[_Stretch]:
    """A day's stretches, from its first instant to the next day's."""
    edges, verdicts = laid_out
    start = _first(on, 0, zone)
    for index, verdict in enumerate(verdicts):
        if index + 1 < len(edges):
            closes = verdict.is_open and not verdicts[index + 1].is_open
            end = (_last if closes else _first)(on, edges[index + 1], zone)
        else:
            end = _first(on, DAY_MINUTES, zone)
        if end > start:
            yield _Stretch(start, end, verdict)
            start = end


def _first(on: date, minute: int, zone: tzinfo) -> datetime:
    """The first instant at which the wall clock shows this minute, or has jumped past it."""
    return instant(_wall(on, minute), zone)


def _last(on: date, minute: int, zone: tzinfo) -> datetime:
    """The instant from which on it never again shows a time before this minute."""
    first = instant(_wall(on, minute), zone)
    again = _wall(on, minute).replace(tzinfo=zone, fold=1).astimezone(UTC)
    if again <= first:
        return first
    before = again - timedelta(seconds=1)
    is_set_back_to = before.astimezone(zone).utcoffset() != again.astimezone(zone).utcoffset()
    return first if is_set_back_to else again


def _wall(on: date, minute: int) -> datetime:
    return datetime.combine(on, time()) + timedelta(minutes=minute)


def _zone(local: datetime) -> tzinfo:
    assert local.tzinfo is not None
    return local.tzinfo
