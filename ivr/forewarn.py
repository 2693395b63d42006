"""What should be told before it comes: an on-call rota's gaps, double bookings, and agreements that
do not do what was meant; and what of the hours is over."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from ivr.callbacks import calls_nobody
from ivr.clock import instant
from ivr.costly import countries
from ivr.form import RequestKind, TakeRequest
from ivr.hours import named
from ivr.oncall import clashes, double_bookings, exchanged, gaps
from ivr.plan import Consent, Dates, Hours, Plan, Recorded
from ivr.rota import Rota

DAYS_AHEAD = 30
# Of what comes again each night, so many are told; the others are counted.
TOLD_MOST = 3


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that nobody may have meant: its place in the site file, why, and what to do."""

    where: tuple[str | int, ...]
    reason: str
    cure: str


def notices(plan: Plan, now: datetime, days: int = DAYS_AHEAD) -> list[Notice]:
    """All that is to be told of the coming days."""
    if plan.rota is None:
        return []
    end = now + timedelta(days=days)
    return [
        *_few(_gaps(plan, plan.rota, now, end)),
        *_few(_double_bookings(plan.rota, now, end)),
        *_few(_clashes(plan.rota, now, end)),
        *_few(_swaps(plan.rota, now, end)),
    ]


def outdated(plan: Plan, today: date) -> list[Notice]:
    """Exceptions to the hours that are over for good."""
    return [notice for schedule in plan.hours.values() for notice in _past(schedule, today)]


def ungated(plan: Plan) -> list[Notice]:
    """Forms that take a refill from whoever calls."""
    return [
        Notice(
            ("flows", program.name, "nodes", name),
            "asks for a refill, and nothing says who the caller is",
            "lead callers through a node of the kind identity, and add identified = true here",
        )
        for program in plan.flows.values()
        for name, node in program.nodes.items()
        if isinstance(node, TakeRequest)
        and node.request is RequestKind.REFILL
        and not node.is_gated
    ]


def wide_open(plan: Plan) -> list[Notice]:
    """Dial rules that name no country abroad, and lead to many, or to none."""
    found = ((place, rule, countries(rule.starts)) for place, rule in enumerate(plan.dial_rules))
    return [
        Notice(
            ("dial_rules", place, "starts"),
            f"leads to every country whose code begins with {code}: whoever misuses a telephone"
            " calls there at the clinic's cost"
            if code
            else f"leads to nobody: {rule.starts} names no country, and no rule opens all of them",
            'write a whole country, as starts = "01144", and a rule for each one you call',
        )
        for place, rule, code in found
        if code is not None
    ]


def untold(plan: Plan) -> list[Notice]:
    """Talks that are recorded without a word to the caller."""
    parts = [("lines", part.name, part.recording) for part in plan.lines.values()]
    parts += [("queues", part.name, part.recording) for part in plan.queues.values()]
    return [
        Notice(
            (section, name, "consent"),
            "records talks without telling callers, which is a crime where the law asks for the"
            " consent of everybody who talks",
            'write consent = "announce" or "key", or be sure of the law of every caller\'s state',
        )
        for section, name, rule in parts
        if rule is not None and rule.when is not Recorded.NEVER and rule.consent is Consent.NONE
    ]


def forsaken(plan: Plan, waiting: Mapping[str, int]) -> list[Notice]:
    """Those who wait for a call-back that no queue would make: how many of each queue wait."""
    return [
        Notice(
            ("queues", queue),
            f"{count} who were promised a call-back by the queue {queue} would not be called:"
            " it has no callbacks",
            f"add callbacks to [queues.{queue}], or see to those whom `careline callbacks` lists",
        )
        for queue, count in sorted(waiting.items())
        if calls_nobody(plan, queue)
    ]


def when(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """A time as people of the clinic say it: `Fri 2026-12-25 08:00 to 17:00`."""
    begins, ends = start.astimezone(zone), end.astimezone(zone)
    until = f"{ends:%H:%M}" if begins.date() == ends.date() else moment(ends)
    return f"{moment(begins)} to {until}"


def moment(local: datetime) -> str:
    """`Fri 2026-12-25 08:00`."""
    return f"{local:%a %Y-%m-%d %H:%M}"


def in_hours(length: timedelta) -> str:
    """`15 h`, or `14.5 h`."""
    return f"{length / timedelta(hours=1):.4g} h"


def _few(found: Iterable[Notice]) -> list[Notice]:
    """The first of them, and how many more there are."""
    told = list(found)
    if len(told) <= TOLD_MOST:
        return told
    last = told[TOLD_MOST - 1]
    more = f"{last.reason} (and {len(told) - TOLD_MOST} times more after that)"
    return [*told[: TOLD_MOST - 1], Notice(last.where, more, last.cure)]


def _gaps(plan: Plan, rota: Rota, now: datetime, end: datetime) -> Iterator[Notice]:
    outside = plan.hours.get(rota.outside) if rota.outside else None
    first = next(iter(rota.layers))
    for gap in gaps(rota, outside, now, end):
        then = f"{gap.instead} of a later layer" if gap.instead else "who is on call next"
        yield Notice(
            ("oncall", "layers", first),
            f"nobody is on call in {first} on {when(gap.start, gap.end, rota.zone)}:"
            f" an urgent call would go to {then}",
            "add a rotation or an override for this time",
        )


def _double_bookings(rota: Rota, now: datetime, end: datetime) -> Iterator[Notice]:
    for twice in double_bookings(rota, now, end):
        layers = " and ".join(twice.layers)
        yield Notice(
            ("oncall", "layers", twice.layers[-1]),
            f"{twice.person} is on call in {layers} at once on"
            f" {when(twice.start, twice.end, rota.zone)}: nobody stands behind",
            "give one of these layers somebody else for this time",
        )


def _clashes(rota: Rota, now: datetime, end: datetime) -> Iterator[Notice]:
    for clash in clashes(rota, now, end):
        first, second = (rota.overrides[index].person for index in clash.overrides)
        yield Notice(
            ("oncall", "overrides", clash.overrides[1]),
            f"two overrides of {clash.layer} meet on {when(clash.start, clash.end, rota.zone)}:"
            f" {second} has this time, {first} has not",
            "let one of them end where the other begins",
        )


def _swaps(rota: Rota, now: datetime, end: datetime) -> Iterator[Notice]:
    for index, swap in enumerate(rota.swaps):
        ends = [instant(period.end, rota.zone) for period in (swap.gives, swap.takes)]
        starts = [instant(period.start, rota.zone) for period in (swap.gives, swap.takes)]
        if max(ends) <= now or min(starts) >= end:
            continue
        given, taken = exchanged(rota, index)
        where = ("oncall", "swaps", index)
        for person, held in ((swap.one, given), (swap.other, taken)):
            if not held:
                reason = f"{person} is not on call in {swap.layer} in the time to be exchanged"
                cure = f"give a time at which {person} is: careline oncall --days 30 shows them"
                yield Notice(where, reason, cure)
        if given and taken and given != taken:
            reason = (
                f"{swap.one} gives {in_hours(given)} and takes {in_hours(taken)} of {swap.other}"
            )
            yield Notice(where, reason, "exchange equal times, if that is what was agreed")


def _past(schedule: Hours, today: date) -> Iterator[Notice]:
    past = [
        exceptional
        for exceptional in schedule.exceptions
        if isinstance(exceptional.days, Dates) and exceptional.days.last < today
    ]
    # A date of the list `closed` has no name.
    for key in ("exceptions", "closed"):
        told = [named(each) for each in past if bool(each.rule.name) is (key == "exceptions")]
        if told:
            cure = "take it out: it changes nothing any more"
            yield Notice(("hours", schedule.name, key), f"in the past: {', '.join(told)}", cure)
