"""Callers by whom the clinic does not want to be rung: listed, or without a number where the site
says so. Each hears so, and a key with which a patient gets through all the same; so nobody who is
ill is kept out by a list."""

from ivr.inside import BLOCKED, OURS
from ivr.plan import Plan

LISTED, NO_NUMBER = "blocked", "no number shown"
NORTH_AMERICA = "1"
NATIONAL_DIGITS = 10


def why_unwanted(plan: Plan, line: str, number: str, *, is_listed: bool) -> str:
    """Why a caller is asked first; empty: nothing speaks against it."""
    if line not in plan.lines:
        return ""
    if is_listed or plain(number) in map(plain, plan.blocking.numbers):
        return LISTED
    return NO_NUMBER if not number and plan.blocking.asks_anonymous else ""


def plain(number: str) -> str:
    """The same number however it is written."""
    digits = number.removeprefix("+")
    with_country = len(digits) == NATIONAL_DIGITS + 1 and digits.startswith(NORTH_AMERICA)
    return digits.removeprefix(NORTH_AMERICA) if with_country else digits


def asked_at(line: str) -> tuple[str, str]:
    """The flow and node where an unwanted caller of this line is asked."""
    return OURS, f"{BLOCKED}{line}"


def is_asked_at(flow: str, node: str) -> bool:
    """Whether this is where unwanted callers are asked, or turned away."""
    return flow == OURS and node.startswith(BLOCKED)
