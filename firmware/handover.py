"""The hand-over sheet: what a night's urgent messages came to, as a text to be printed.

It says who was called when and what they did, which messages are closed and which are open. Who
left them is not in it; the numbers to call back, and what somebody wrote when they settled one, are
where they were unlocked.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from firmware.leases import LeaseRow, Note
from firmware.ledger import Step
from ivr import oncall
from ivr.forewarn import moment
from ivr.lease import STEP
from ivr.plan import Plan
from ivr.spoken import digits_spoken

NOON = time(12)
LOCKED = "locked: --unlock shows it"
RULE = "-" * 78


@dataclass(frozen=True, slots=True)
class Night:
    """From noon to noon, so that no night is parted."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, day: date, now: datetime) -> "Night":
        """The night that begins on this day, in the zone of `now`."""
        start = datetime.combine(day, NOON, now.tzinfo)
        return cls(start, datetime.combine(day + timedelta(days=1), NOON, now.tzinfo))

    @classmethod
    def last(cls, now: datetime) -> "Night":
        """The one that is just over, or has begun."""
        return cls.of(now.date() - timedelta(days=now.time() < NOON), now)


@dataclass(frozen=True, slots=True)
class Entry:
    """One urgent message, what was done about it, and the number, None while it is locked."""

    lease: LeaseRow
    steps: Sequence[Step]
    number: str | None = field(default=None, repr=False)
    notes: Sequence[Note] = ()


def sheet(plan: Plan, night: Night, entries: Sequence[Entry], now: datetime) -> str:
    """The whole text."""
    return "\n".join(_lines(plan, night, entries, now)) + "\n"


def _lines(plan: Plan, night: Night, entries: Sequence[Entry], now: datetime) -> Iterator[str]:
    yield plan.name
    yield f"Hand-over sheet for {moment(night.start)} to {moment(night.end)}"
    yield f"as of {moment(now)}"
    yield RULE
    yield from _on_call(plan, night)
    are_open = sum(entry.lease.closed is None for entry in entries)
    yield f"Urgent messages: {len(entries)}, of which open: {are_open}"
    for number, entry in enumerate(entries, 1):
        yield RULE
        yield from _entry(number, entry, plan, now)
    yield RULE
    yield "Handed over by: ______________________  to: ______________________"


def _on_call(plan: Plan, night: Night) -> Iterator[str]:
    if plan.rota is None:
        return
    for layer in plan.rota.layers:
        for shift in oncall.shifts(plan.rota, layer, night.start, night.end):
            begins = shift.start.astimezone(night.start.tzinfo)
            ends = shift.end.astimezone(night.start.tzinfo)
            person = plan.people.get(shift.duty.person or "")
            name = person.label if person else "nobody"
            yield f"On call, {layer}: {name}, {begins:%a %H:%M} to {ends:%a %H:%M}"
    yield ""


def _entry(number: int, entry: Entry, plan: Plan, now: datetime) -> Iterator[str]:
    lease = entry.lease
    opened = datetime.fromisoformat(lease.opened).astimezone(now.tzinfo)
    yield f"{number}. Message {lease.message[:8]}, left {moment(opened)}"
    labels = {name: person.label for name, person in plan.people.items()}
    yield f"   {_state(lease, labels, now)}"
    yield f"   To be called back at: {_number(entry.number)}"
    for step in entry.steps:
        at = datetime.fromisoformat(step.at).astimezone(now.tzinfo)
        yield f"   {at:%H:%M:%S}  {step.detail if step.step == STEP else step.step}"
    for note in entry.notes:
        by = labels.get(note.by, note.by)
        yield f"   Note by {by}: {LOCKED if note.words is None else note.words}"


def _state(lease: LeaseRow, labels: Mapping[str, str], now: datetime) -> str:
    if lease.closed is not None:
        closed = datetime.fromisoformat(lease.closed).astimezone(now.tzinfo)
        by = labels.get(lease.closed_by or "", lease.closed_by)
        return f"CLOSED {moment(closed)} by {by}: {lease.how}"
    if lease.owner is not None:
        return f"OPEN, taken by {labels.get(lease.owner, lease.owner)}"
    return "OPEN, AND NOBODY HAS TAKEN IT"


def _number(number: str | None) -> str:
    if number is None:
        return LOCKED
    return number if digits_spoken(number) else "no number was given"
