"""Whether a telephone that keyed the door's code opens it. Pure; time is an argument.

A telephone that keyed wrong codes as often as a LIMIT says is not listened to until the first of
them is that long ago: nobody tries codes one after another, and a machine that does so for a year
has tried half of those of four digits.
"""

import hmac
from collections.abc import Mapping
from enum import StrEnum

from ivr.plan import Plan

LIMITS = ((5, 600.0), (15, 86_400.0))  # so many, within so many seconds
LONGEST_S = max(within_s for _, within_s in LIMITS)

Tries = Mapping[str, tuple[float, ...]]  # when each telephone keyed a wrong code, lately


class Verdict(StrEnum):
    """What is done; its text stands in the audit."""

    OPEN = "opened"
    NO_DOOR = "there is none"
    NOT_FROM_HERE = "not from this telephone"
    WRONG = "a wrong code"
    TOO_MANY = "too many wrong codes"


def judge(plan: Plan, phone: str, keyed: str, tries: Tries, now_s: float) -> tuple[Verdict, Tries]:
    """The telephone keyed this behind the code of doors; and the tries from then on."""
    panel = plan.panel
    if panel is None or not panel.door:
        return Verdict.NO_DOOR, tries
    if phone not in (panel.door_phones or plan.phones):
        return Verdict.NOT_FROM_HERE, tries
    if phone in shut_out(tries, now_s):
        return Verdict.TOO_MANY, tries
    lately = tuple(at_s for at_s in tries.get(phone, ()) if now_s - at_s < LONGEST_S)
    if not hmac.compare_digest(keyed.encode(), panel.door_code.encode()):
        return Verdict.WRONG, {**tries, phone: (*lately, now_s)}
    return Verdict.OPEN, {each: at for each, at in tries.items() if each != phone}


def shut_out(tries: Tries, now_s: float) -> tuple[str, ...]:
    """The telephones that are not listened to now."""
    return tuple(
        phone
        for phone, wrong in tries.items()
        if any(sum(now_s - at_s < within_s for at_s in wrong) >= most for most, within_s in LIMITS)
    )
