"""A line that is dead while everything says that it is well: no call has come by it for longer than
a clinic that is open goes without one; or its trunk comes and goes. Pure; time is an argument.

Only while the clinic is open by the hours that greet the line's callers does time count, so no
night, weekend or holiday is an alarm. A line that has never had a call is new and not told of, nor
is one that leads to a person or a fax machine: those may be quiet for days.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from firmware.topics import Part
from ivr import hours
from ivr.plan import Hours, HoursFork, Line, Plan

# So many failures of a trunk within the hour are no accident.
FALLS, WITHIN_S = 3, 3600.0
# Further back nobody looks: a clinic that was closed for so long is told once it opens.
LOOK_BACK = timedelta(days=31)

QUIET = "no call has come for {} hours while the clinic was open"
QUIET_CURE = "call its number from a mobile; if it does not ring here, ask the telephone company"
COMES_AND_GOES = "the telephone company was lost {} times within the hour"
COMES_AND_GOES_CURE = "look at the internet connection and the router; ask who gives you internet"


def hours_of(plan: Plan, line: Line) -> Hours | None:
    """When callers of this line are expected; None: nobody can say."""
    flow = plan.flows.get(line.flow)
    if flow is None:
        return None
    asked = [node.hours for node in flow.nodes.values() if isinstance(node, HoursFork)]
    known = [plan.hours[name] for name in asked if name in plan.hours]
    if not known and len(plan.hours) == 1:
        known = list(plan.hours.values())
    return known[0] if known else None


def open_for(schedule: Hours, since: datetime, now: datetime) -> timedelta:
    """How long it was open between the two, both in the clinic's time."""
    since = max(since, now - LOOK_BACK)
    total, at = timedelta(0), since
    for answer in hours.answers(schedule, since):
        until = now if answer.until is None else min(answer.until, now)
        if answer.is_open and until > at:
            total += until - at
        if until >= now:
            break
        at = until
    return total


def quiet(plan: Plan, last: Mapping[str, datetime], now: datetime) -> Iterator[Part]:
    """Those of the lines of which it has to be told; `last` is when a call of each came last."""
    for line in plan.lines.values():
        schedule, came = hours_of(plan, line), last.get(line.name)
        if not line.quiet_h or schedule is None or came is None or came >= now:
            continue
        if open_for(schedule, came.astimezone(now.tzinfo), now) >= timedelta(hours=line.quiet_h):
            yield Part(
                name=f"line {line.name}",
                state="alarm",
                detail=QUIET.format(line.quiet_h),
                cure=QUIET_CURE,
            )


def lately(falls: Iterable[float], now_s: float) -> tuple[float, ...]:
    """The failures of one trunk that still count, by a monotonic clock."""
    return tuple(at_s for at_s in falls if now_s - at_s < WITHIN_S)


def comes_and_goes(part: Part, falls: tuple[float, ...]) -> Part:
    """A trunk as the status tells it, which may be well just now."""
    if part.state == "alarm" or len(falls) < FALLS:
        return part
    told = {"detail": COMES_AND_GOES.format(len(falls)), "cure": COMES_AND_GOES_CURE}
    return part.model_copy(update={"state": "alarm", **told})
