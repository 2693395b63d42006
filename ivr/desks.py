"""What a telephone's owner has set: where its calls go instead, and that it is to be left alone.

Pure. A call goes the same way whether it comes from a desk or from outside. Whoever forwards in a
circle is rung. Nothing here ever leads to an emergency number, nor keeps one from being dialled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ivr import outside
from ivr.plan import Plan


class When(StrEnum):
    """On what a call goes elsewhere; also what became of a telephone that was rung."""

    ALWAYS = "always"
    BUSY = "busy"
    SILENT = "silent"  # or not there


@dataclass(frozen=True, slots=True)
class Desk:
    """One telephone's settings."""

    is_left_alone: bool = False  # do not disturb
    forwards: Mapping[When, str] = field(default_factory=dict, repr=False)
    greeting: str = ""  # the owner's own, by its recording's name; empty: the standard

    def forwarded(self, when: When, number: str) -> "Desk":
        return replace(self, forwards={**self.forwards, when: number})


NOTHING_SET = Desk()
THEN_RING_S = 20.0  # of a telephone to which another one forwards
Desks = Mapping[str, Desk]


@dataclass(frozen=True, slots=True)
class RingPhone:
    """This telephone is to ring."""

    extension: str


@dataclass(frozen=True, slots=True)
class Outside:
    """The call goes to a number outside, as a telephone dials it."""

    number: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Voicemail:
    """This telephone's owner gets a message, if there is a mailbox."""

    extension: str


Way = RingPhone | Outside | Voicemail


def way_to(plan: Plan, desks: Desks, extension: str) -> Way:
    """Where a call to this extension goes at first."""
    return _follow(plan, desks, extension, frozenset())


def way_after(plan: Plan, desks: Desks, extension: str, became: When) -> Way:
    """Where it goes once the telephone was rung in vain."""
    number = desks.get(extension, NOTHING_SET).forwards.get(became)
    if number is None:
        return Voicemail(extension)
    if number not in plan.phones:
        return Outside(number)
    way = _follow(plan, desks, number, frozenset({extension}))
    return Voicemail(extension) if way == RingPhone(extension) else way


def _follow(plan: Plan, desks: Desks, extension: str, been: frozenset[str]) -> Way:
    desk = desks.get(extension, NOTHING_SET)
    number = desk.forwards.get(When.ALWAYS)
    if number is not None and number not in been and extension not in been:
        if number not in plan.phones:
            return Outside(number)
        return _follow(plan, desks, number, been | {extension})
    return Voicemail(extension) if desk.is_left_alone else RingPhone(extension)


def may_lead_to(plan: Plan, extension: str, number: str) -> bool:
    """Whether a telephone may forward its calls there: to another one, or outside as it dials."""
    if number in plan.phones:
        return number != extension
    for rule in plan.dial_rules:
        bare = number.removeprefix(rule.prefix)
        if number.startswith(rule.prefix) and rule.dials(bare):
            try:
                outside.way_to(plan, bare)
            except outside.NoWayOutError:
                return False
            return True
    return False


def leads_round(plan: Plan, desks: Desks, extension: str, number: str) -> bool:
    """Whether a call would come back here: then it is refused when it is keyed."""
    seen = {extension}
    while number in plan.phones and number not in seen:
        seen.add(number)
        number = desks.get(number, NOTHING_SET).forwards.get(When.ALWAYS, "")
    return number in seen


@dataclass(frozen=True, slots=True)
class Rung:
    """For a caller who came for somebody: the telephones that ring now, or a number outside."""

    phones: tuple[str, ...]
    outside: str | None = field(default=None, repr=False)


def rung_for(plan: Plan, desks: Desks, node: str, phones: tuple[str, ...]) -> Rung:
    """At a node of a flow. Only a call for one person follows that person's settings; of several
    telephones those ring that are not to be left alone, unless that is all of them."""
    extension = owner_at(node)
    if extension is not None:
        return _as_rung(way_to(plan, desks, extension))
    free = tuple(each for each in phones if not desks.get(each, NOTHING_SET).is_left_alone)
    return Rung(free or phones)


def rung_after(plan: Plan, desks: Desks, extension: str, became: When) -> Rung:
    """The owner's telephone has rung in vain."""
    return _as_rung(way_after(plan, desks, extension, became))


def owner_at(node: str) -> str | None:
    """Whose telephone a node of our own flow rings."""
    kind, _, extension = node.partition("-")
    return extension if kind == "phone" else None


def _as_rung(way: Way) -> Rung:
    match way:
        case RingPhone(extension=extension):
            return Rung((extension,))
        case Outside(number=number):
            return Rung((), number)
        case Voicemail():
            return Rung(())
