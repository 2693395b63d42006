"""Where the clinic itself may call: one of its phones, or a number outside by one of its dial
rules.

An emergency number is never called by a machine, whatever rule would lead there: only a person at a
telephone calls one, by the static dialplan.
"""

from dataclasses import dataclass, field

from ivr.plan import DialRule, Plan

# Never, whatever numbers a site calls its emergency numbers (911, GSM's own, the 988 lifeline).
ALWAYS_REFUSED = ("911", "112", "988")
NORTH_AMERICA = "1"  # written or not before the same ten digits
NATIONAL_DIGITS = 10
# Of the North American plan: the area code 900, and 976 in any area.
PREMIUM_AREA, PREMIUM_OFFICE = "900", "976"


class NoWayOutError(ValueError):
    """The number may not be called, or no rule leads to it. The text does not hold it."""


class EmergencyError(NoWayOutError):
    """An emergency number: people alone call it."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One of the clinic's own phones."""

    extension: str


@dataclass(frozen=True, slots=True)
class Outside:
    """A number as the rule's trunk or modem is sent it."""

    number: str = field(repr=False)
    rule: DialRule


def way_to(plan: Plan, number: str) -> Extension | Outside:
    """How to call this number; written with or without `+` and the country's `1`."""
    digits = number.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise NoWayOutError("not a telephone number: give its digits")
    written = ways_to_write(digits)
    if any(_is_emergency(plan, each) for each in written):
        raise EmergencyError("an emergency number is called by people only")
    if number in plan.phones:
        return Extension(number)
    for rule in plan.dial_rules:
        for each in written:
            if rule.dials(each):
                return Outside(each, rule)
    raise NoWayOutError("no dial rule leads to it: see [[dial_rules]] in the site file")


def why_not(plan: Plan, number: str) -> str | None:
    """Why a caller cannot be put through to this number outside; None: it leads there."""
    try:
        way = way_to(plan, number)
    except NoWayOutError as refused:
        return str(refused)
    if isinstance(way, Extension):
        return 'a phone of the clinic: it is rung by a node of the kind "ring"'
    own = {mine.removeprefix("+") for line in plan.lines.values() for mine in line.numbers}
    if own.intersection(ways_to_write(way.number)):
        return "the clinic's own number: its callers would come round to where they were"
    return None


def is_premium(number: str) -> bool:
    """Whether who calls it pays more than for the call, as far as the number itself says."""
    national = [
        each for each in ways_to_write(number.removeprefix("+")) if len(each) == NATIONAL_DIGITS
    ]
    return any(each.startswith(PREMIUM_AREA) or each[3:6] == PREMIUM_OFFICE for each in national)


def ways_to_write(digits: str) -> tuple[str, ...]:
    """With the country's `1` and without; as it is given first."""
    if len(digits) == NATIONAL_DIGITS:
        return digits, NORTH_AMERICA + digits
    if len(digits) == NATIONAL_DIGITS + 1 and digits.startswith(NORTH_AMERICA):
        return digits, digits.removeprefix(NORTH_AMERICA)
    return (digits,)


def _is_emergency(plan: Plan, digits: str) -> bool:
    """Whatever stands before it to get a line. One that only begins so is no better: a line that is
    dialled digit by digit is through by then."""
    before = {NORTH_AMERICA, *(rule.prefix for rule in plan.dial_rules)} - {""}
    bare, more = {digits}, {digits}
    while more := {each.removeprefix(one) for each in more for one in before} - bare:
        bare |= more
    never = {*plan.emergency_numbers, *ALWAYS_REFUSED}
    return digits.startswith(plan.emergency_numbers) or bool(bare & never)
