"""A week of schedules and of people on call, day by day: drawn as a bar from one midnight to the
next, and said beside it. A day is as long as the clinic's clock makes it, 23, 24 or 25 hours; what
the bar shows is said by the words too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

from babel.dates import format_date, format_skeleton, format_time

from firmware.closures_ahead import Ahead, closures_ahead
from firmware.figures import day_begins
from firmware.web.days import DAY, Days
from firmware.web.today import WHY
from firmware.web.words import Words, to_say
from ivr.hours import OFF_THE_WEEK, Answer, Kind, answers
from ivr.oncall import By, Gap, Watch, gaps, watches
from ivr.plan import DayRule, Hours, Plan, TakeMessage

CLOSURES_SHOWN = 12
GAPS_AHEAD = timedelta(days=30)
GAPS_SHOWN = 10
DAY_MINUTES = 24 * 60
BY: Mapping[By, str] = {
    By.SWAP: to_say("by a swap"),
    By.OVERRIDE: to_say("in somebody's place"),
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a day's bar, in minutes since its midnight."""

    start: int
    length: int
    kind: str  # open, off, duty-0, duty-1, gap


@dataclass(frozen=True, slots=True)
class Day:
    """One line of a week."""

    day: date
    name: str
    minutes: int
    pieces: tuple[Piece, ...]
    told: tuple[str, ...]
    is_today: bool
    has_gap: bool = False
    people: tuple[str, ...] = ()  # who is on call, each once

    @property
    def is_odd(self) -> int:
        """Hours by which the clock's change makes it longer or shorter."""
        return (self.minutes - DAY_MINUTES) // 60


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: what, when, how."""

    cells: tuple[str, ...]


def schedule_week(hours: Hours, days: Days, now: datetime, words: Words) -> tuple[Day, ...]:
    """When it is open, and why where a day is not as the week has it."""
    begin = days.begin.astimezone(days.zone)
    found: list[tuple[datetime, datetime, Answer]] = []
    start = days.begin
    for answer in answers(hours, begin):
        end = days.end if answer.until is None else min(days.end, answer.until.astimezone(UTC))
        found.append((start, end, answer))
        start = end
        if start >= days.end:
            break
    return tuple(_day_of(day, found, days, now, words) for day in _each(days))


def _day_of(
    day: date,
    found: Iterable[tuple[datetime, datetime, Answer]],
    days: Days,
    now: datetime,
    words: Words,
) -> Day:
    pieces, told, why = [], list[str](), dict[str, None]()
    for start, end, answer in found:
        if (cut := _within(start, end, day, days)) is None:
            continue
        is_off = answer.why.kind in OFF_THE_WEEK
        if answer.is_open:
            pieces.append(_piece(cut, day, days, "open"))
            told.append(_times(*cut, days, words))
        elif is_off:
            pieces.append(_piece(cut, day, days, "off"))
        if is_off:
            why[f"{words.gettext(WHY[answer.why.kind])}: {answer.why.name}"] = None
    return Day(
        day,
        _day_name(day, words),
        _minutes(day, days),
        tuple(pieces),
        (", ".join(told) or words.gettext("closed"), *why),
        day == now.astimezone(days.zone).date(),
    )


def duty_week(plan: Plan, layer: int, days: Days, now: datetime, words: Words) -> tuple[Day, ...]:
    """Who is on call in a layer; in the first, the times when nobody is and somebody should be."""
    assert plan.rota is not None
    outside = plan.hours.get(plan.rota.outside) if plan.rota.outside else None
    found = watches(plan.rota, outside, days.begin, days.end)
    is_led_to = leads_to_oncall(plan)
    order = {person: place % 2 for place, person in enumerate(plan.rota.people)}
    lines = []
    for day in _each(days):
        pieces, told, has_gap, people = [], [], False, dict[str, None]()
        for start, end, watch in _joined(found, layer):
            if (cut := _within(start, end, day, days)) is None:
                continue
            person = watch.duties[layer].person
            is_gap = watch.is_gap and layer == 0 and is_led_to
            if person or is_gap:
                kind = f"duty-{order[person]}" if person else "gap"
                pieces.append(_piece(cut, day, days, kind))
                said = _called(plan, person) if person else words.gettext("Nobody")
                people |= {said: None} if person else {}
                how = BY.get(watch.duties[layer].by)
                more = f" ({words.gettext(how)})" if how else ""
                told.append(f"{said}: {_times(*cut, days, words)}{more}")
                has_gap = has_gap or is_gap
        said_of = tuple(told) or (words.gettext("nobody, and nobody need be"),)
        is_today = day == now.astimezone(days.zone).date()
        name, minutes = _day_name(day, words), _minutes(day, days)
        lines.append(
            Day(day, name, minutes, tuple(pieces), said_of, is_today, has_gap, tuple(people))
        )
    return tuple(lines)


def _joined(found: Iterable[Watch], layer: int) -> Iterator[tuple[datetime, datetime, Watch]]:
    """A layer's own stretches: what changes in another is none of its changes."""
    held: tuple[datetime, datetime, Watch] | None = None
    for watch in found:
        is_same = held is not None and (
            held[2].duties[layer] == watch.duties[layer]
            and (layer > 0 or held[2].is_gap == watch.is_gap)
        )
        if held is not None and is_same:
            held = (held[0], watch.end, held[2])
        else:
            if held is not None:
                yield held
            held = (watch.start, watch.end, watch)
    if held is not None:
        yield held


def leads_to_oncall(plan: Plan) -> bool:
    """Whether any flow does; else nobody is missed."""
    nodes = (node for flow in plan.flows.values() for node in flow.nodes.values())
    return any(isinstance(node, TakeMessage) and node.oncall for node in nodes)


def gaps_ahead(plan: Plan, now: datetime) -> list[Gap]:
    """When nobody will be on call who should be."""
    if plan.rota is None or not leads_to_oncall(plan):
        return []
    outside = plan.hours.get(plan.rota.outside) if plan.rota.outside else None
    return gaps(plan.rota, outside, now, now + GAPS_AHEAD)


def gap_line(gap: Gap, plan: Plan, days: Days, words: Words) -> Line:
    instead = _called(plan, gap.instead) if gap.instead else words.gettext("nobody")
    return Line((_moment(gap.start, days, words), _moment(gap.end, days, words), instead))


def next_closures(plan: Plan, today: date, words: Words) -> list[Line]:
    """The next twelve, of all schedules."""
    found = [
        ahead
        for hours in plan.hours.values()
        for ahead in islice(closures_ahead(hours, today), CLOSURES_SHOWN)
    ]
    found.sort(key=lambda ahead: (ahead.first, ahead.schedule))
    return [closure_line(ahead, words) for ahead in found[:CLOSURES_SHOWN]]


def closure_line(ahead: Ahead, words: Words) -> Line:
    first, last = (
        format_date(day, "full", locale=words.locale) for day in (ahead.first, ahead.last)
    )
    days = first if first == last else f"{first} – {last}"
    name = ahead.rule.name or words.gettext(WHY[ahead.kind])
    return Line((days, name, ahead.schedule, _how(ahead, words)))


def _how(ahead: Ahead, words: Words) -> str:
    if ahead.kind is Kind.CALENDAR:
        shut = ", ".join(clock_times(each.opens, each.closes, words) for each in ahead.shut)
        return words.say("closed %(times)s", times=shut)
    return rule_words(ahead.rule, words)


def rule_words(rule: DayRule, words: Words) -> str:
    """What happens on a day that is not as the week has it."""
    if rule.keeps_the_week:
        return _cut(rule, words)
    if rule.times:
        times = ", ".join(clock_times(each.opens, each.closes, words) for each in rule.times)
        return words.say("open %(times)s only", times=times)
    return words.gettext("closed all day")


def _cut(rule: DayRule, words: Words) -> str:
    """What it takes from the ends of a day."""
    ends = (
        (to_say("opens at %(time)s"), rule.opens),
        (to_say("closes at %(time)s"), rule.closes),
    )
    return ", ".join(
        words.say(how, time=format_time(at, "short", locale=words.locale))
        for how, at in ends
        if at is not None
    )


def clock_times(opens: time, closes: time, words: Words) -> str:
    return "–".join(format_time(each, "short", locale=words.locale) for each in (opens, closes))


# ---- a day's own time ----


def _each(days: Days) -> list[date]:
    return [days.first + n * DAY for n in range(days.count)]


def _minutes(day: date, days: Days) -> int:
    begin, end = (day_begins(day + n * DAY, days.zone) for n in (0, 1))
    return int((end - begin).total_seconds() // 60)


def _within(
    start: datetime, end: datetime, day: date, days: Days
) -> tuple[datetime, datetime] | None:
    begin, after = (day_begins(day + n * DAY, days.zone) for n in (0, 1))
    start, end = max(start, begin), min(end, after)
    return (start, end) if start < end else None


def _piece(cut: tuple[datetime, datetime], day: date, days: Days, kind: str) -> Piece:
    begin = day_begins(day, days.zone)
    start, end = (int((each - begin).total_seconds() // 60) for each in cut)
    return Piece(start, end - start, kind)


def _times(start: datetime, end: datetime, days: Days, words: Words) -> str:
    """Where the clocks change between, both have their zone's name."""
    if end - start >= timedelta(hours=23):
        return words.gettext("all day")
    local = [each.astimezone(days.zone) for each in (start, end)]
    said = [str(format_time(each, "short", locale=words.locale)) for each in local]
    if local[0].utcoffset() != local[1].utcoffset():
        said = [f"{each} {at:%Z}" for each, at in zip(said, local, strict=True)]
    return "–".join(said)


def _moment(at: datetime, days: Days, words: Words) -> str:
    local = at.astimezone(days.zone)
    return f"{_day_name(local.date(), words)}, {format_time(local, 'short', locale=words.locale)}"


def _day_name(day: date, words: Words) -> str:
    return str(format_skeleton("MMMEd", day, locale=words.locale))


def _called(plan: Plan, person: str) -> str:
    return plan.people[person].label if person in plan.people else person
