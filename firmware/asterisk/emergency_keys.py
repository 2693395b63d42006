"""What a telephone may key for an emergency centre, and the number by which that is called: the
site's emergency numbers, and each of them behind the prefix of a dial rule that would take it for
an ordinary number, which has limits. Pure.

A number inside the clinic stays that number.
"""

from collections.abc import Mapping

from firmware.asterisk import written
from ivr import inside
from ivr.plan import Plan


def centres(plan: Plan) -> Mapping[str, str]:
    """The centre's number by what is keyed."""
    own = [written.number(each) for each in plan.emergency_numbers]
    found = {number: _centre(number, own) for number in own}
    taken = {*plan.phones, *plan.pages, *inside.numbers(plan), *_slots(plan)}
    for rule in plan.dial_rules:
        for number in own:
            keyed = f"{rule.prefix}{number}"
            if rule.dials(number) and keyed not in taken:
                found.setdefault(written.number(keyed), found[number])
    return found


def _centre(number: str, own: list[str]) -> str:
    """9911 is 911 by one who first dials 9 for a line."""
    return number[1:] if number.startswith("9") and number[1:] in own else number


def _slots(plan: Plan) -> list[str]:
    first = plan.parking.first
    return [str(int(first) + place).zfill(len(first)) for place in range(plan.parking.slots)]
