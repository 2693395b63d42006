"""Numbers as a trunk is sent them: as they are dialled, or in E.164 with a plus or without. Pure.

What is dialled is national or begins as calls abroad do: in North America ten digits, 1 and ten, or
011; elsewhere 0 and the national number, or 00. A number of another shape, as 411, is sent as it
is. Emergency numbers do not come here, only the number at which who calls them is called back.
"""

from collections.abc import Iterator

from firmware.asterisk import written
from ivr.plan import DialRule, NumberFormat, Plan, Trunk

NORTH_AMERICA = "1"
NATIONAL_DIGITS = 10


def sent(trunk: Trunk, number: str) -> str:
    """A whole number, which may be written with a plus already."""
    written.number(number)
    if not changes(trunk):
        return number
    if number.startswith("+"):
        return f"{_plus(trunk)}{number[1:]}"
    before, off = _change(trunk, number, len(number))
    return f"{before}{number[off:]}"


def changes(trunk: Trunk) -> bool:
    """Whether numbers go there otherwise than they are dialled."""
    return trunk.numbers is not NumberFormat.AS_DIALLED


def callback_of(trunk: Trunk) -> str:
    """The variable of a telephone that holds its call-back number as this trunk is sent it."""
    if not changes(trunk):
        return "CALLBACK"
    return f"CALLBACK_{trunk.numbers.name}_{written.number(trunk.country_code)}"


def callbacks(plan: Plan, callback: str) -> Iterator[str]:
    """All of a telephone's, each `VARIABLE=NUMBER`."""
    found = {callback_of(each): sent(each, callback) for each in plan.trunks.values()}
    for variable, number in {"CALLBACK": callback, **found}.items():
        yield f"{variable}={written.number(number)}"


def received(trunk: Trunk, number: str) -> tuple[str, ...]:
    """How a company may send a number of the clinic's, as it is written first: one that wants
    numbers in E.164 sends them so, with a plus or without."""
    if not changes(trunk):
        return (number,)
    bare = sent(trunk, number).removeprefix("+")
    return tuple(dict.fromkeys((number, bare, f"+{bare}")))


def of_rule(trunk: Trunk, rule: DialRule) -> tuple[str, int]:
    """What is put before a number that this rule dials, and how many of its first digits are left
    out."""
    if not changes(trunk):
        return "", 0
    return _change(trunk, rule.starts, rule.digits)


def _change(trunk: Trunk, starts: str, digits: int) -> tuple[str, int]:
    plus, code = _plus(trunk), written.number(trunk.country_code)
    if code == NORTH_AMERICA:
        if starts.startswith("011"):
            return plus, 3
        if digits == NATIONAL_DIGITS:
            return f"{plus}{code}", 0
        if digits == NATIONAL_DIGITS + 1 and starts.startswith(code):
            return plus, 0
    elif starts.startswith("00"):
        return plus, 2
    elif starts.startswith("0"):
        return f"{plus}{code}", 1
    return "", 0


def _plus(trunk: Trunk) -> str:
    return "+" if trunk.numbers is NumberFormat.PLUS_E164 else ""
