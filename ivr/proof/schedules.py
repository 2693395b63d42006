"""Hours that say one thing at a time, open at some time, and are asked where they speak.

What is written twice is shown by a call that comes while it is: on the line of a caller who is led
by these hours, within the days that are proven.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice

from ivr import hours
from ivr.flow import Place
from ivr.hours import WEEKDAYS, shown
from ivr.plan import Hours, HoursFork, SnowDay, Span, Times
from ivr.proof.calls import Calls
from ivr.proof.example import Example
from ivr.proof.finding import Finding, Rule
from ivr.proof.moments import DAYS
from ivr.proof.net import Net, Reached, keys_of, way_to

TRIED_MOST = 400  # moments at which somebody might come to hours that are written twice


def overlapping(net: Net, calls: Calls, reached: Reached, now: datetime) -> Iterator[Finding]:
    for schedule in net.plan.hours.values():
        for one, other in hours.overlaps(schedule):
            yield Finding(
                Rule.HOURS,
                ("hours", schedule.name, WEEKDAYS[one.weekday].lower()[:3]),
                "",
                f"on {WEEKDAYS[one.weekday]}, {one.opens:%H:%M}-{one.closes:%H:%M} overlaps"
                f" {other.opens:%H:%M}-{other.closes:%H:%M}",
                "make one span of them, or part them",
                example=_while_twice(net, calls, reached, schedule, now),
            )
    for schedule in net.plan.hours.values():
        for name, times, again in _overlapping_times(schedule):
            yield Finding(
                Rule.HOURS,
                ("hours", schedule.name, "exceptions"),
                "",
                f"in the exception {name}, {shown(times)} overlaps {shown(again)}",
                "make one span of them, or part them",
                example=_while_twice(net, calls, reached, schedule, now),
            )


def _overlapping_times(schedule: Hours) -> Iterator[tuple[str, Times, Times]]:
    for exceptional in schedule.exceptions:
        rule = exceptional.rule
        spans = tuple(Span(0, times.opens, times.closes) for times in rule.times)
        for one, other in hours.overlaps(Hours("", spans)):
            yield (rule.name, Times(one.opens, one.closes), Times(other.opens, other.closes))


def _while_twice(
    net: Net, calls: Calls, reached: Reached, schedule: Hours, now: datetime
) -> Example | None:
    """A call that comes to the schedule while it is written twice: what other schedules say then
    must lead there."""
    forks = [place for place in reached if _hours_at(net, place) == schedule.name]
    met = [net.plan.hours[name] for name in calls.moments.as_written[0].told]
    for at in islice(_twice(schedule, met, now) if forks else (), TRIED_MOST):
        situation = calls.moments.situation_at(net.plan, at)
        path = calls.within(situation).to(forks) if situation else None
        if path is not None:
            return replace(path.example(), at=at)
    return None


def _twice(schedule: Hours, met: list[Hours], now: datetime) -> Iterator[datetime]:
    """When the schedule begins to be written twice; and while it is, when any other changes."""
    for day in range(DAYS):
        on = now.date() + timedelta(days=day)
        exceptional = hours.exception_on(schedule, on)
        spans = [span for span in schedule.spans if span.weekday == on.weekday()]
        if exceptional and not exceptional.rule.keeps_the_week:
            spans = [Span(on.weekday(), t.opens, t.closes) for t in exceptional.rule.times]
        for one, other in hours.overlaps(Hours("", tuple(spans))):
            begins = datetime.combine(on, other.opens, now.tzinfo)
            lasts = min(map(hours.closes_at, (one, other))) - hours.opens_at(other)
            for at in sorted({begins, *_changes_within(met, begins, lasts)}):
                if at >= now and len(hours.opening_at(schedule, at)) > 1:
                    yield at


def _changes_within(met: list[Hours], begins: datetime, minutes: int) -> Iterator[datetime]:
    ends = begins + timedelta(minutes=minutes)
    for schedule in met:
        for given in hours.answers(schedule, begins):
            if given.until is None or given.until >= ends:
                break
            yield given.until


def _hours_at(net: Net, place: Place) -> str | None:
    node = net.node(place)
    return node.hours if isinstance(node, HoursFork) else None


def never_open(net: Net, calls: Calls, reached: Reached) -> Iterator[Finding]:
    for schedule in net.plan.hours.values():
        if not hours.ever_opens(schedule):
            forks = [place for place in reached if _hours_at(net, place) == schedule.name]
            path = calls.shortest(forks, calls.moments.as_written)
            yield Finding(
                Rule.NEVER_OPEN,
                ("hours", schedule.name),
                "",
                "no day of the week and no exception opens it",
                'give a day its hours, like mon = ["08:00-17:00"], or take the schedule out',
                example=path.example() if path else None,
            )


def clashing(net: Net) -> Iterator[Finding]:
    for schedule in net.plan.hours.values():
        for one, other in hours.clashes(schedule):
            yield Finding(
                Rule.EXCEPTIONS,
                ("hours", schedule.name, "exceptions"),
                "",
                f"{hours.named(one)} and {hours.named(other)} are for the same day, and neither is"
                " for fewer days",
                "keep one of them, or let one cover fewer days: that one wins",
            )


def never_heard(net: Net, calls: Calls, reached: Reached) -> Iterator[Finding]:
    """Announcements are spoken where callers come to a schedule, and nowhere else."""
    asked = {_hours_at(net, place) for place in reached}
    for place in reached:
        node = net.node(place)
        for index, name in enumerate(node.hours if isinstance(node, SnowDay) else ()):
            if name not in asked:
                path = calls.to(place)
                yield Finding(
                    Rule.UNHEARD,
                    (*keys_of(place), "hours", index),
                    way_to(reached, place),
                    f"no caller comes to a node that asks whether {name} is open",
                    "lead a line through a node of the kind hours with it, or name another",
                    example=path.example() if path else None,
                )
