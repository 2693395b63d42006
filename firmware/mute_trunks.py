"""Trunks by which calls are answered, and nobody is heard: of the calls that are up, whether so
much as one packet of sound has come. Pure; time is an argument.

    a call -> answered -> a packet came: heard -> what was mute before counts no more
                  '-> none for MUTE_AFTER_S: mute -> one: a note | ALARM_AT in a row: an alarm

Who says nothing is heard all the same: a telephone that is silent sends its silence. A gateway may
send none for as long as nobody speaks, and a company none while it holds a call, so a call that was
heard once is asked about no more, and one that is mute may yet be heard.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from firmware.topics import Part

MUTE_AFTER_S = 5.0
ALARM_AT = 3

ONE = "no sound at all came in its last call"
SEVERAL = "no sound at all came in its last {} calls"
CURE = (
    "a router or firewall keeps the callers' sound from the box: let UDP from the telephone company"
    " through to it, switch off the router's SIP ALG, and call the box from a mobile"
)


@dataclass(frozen=True, slots=True)
class Ear:
    """What is known of one trunk's calls, each named by its channel."""

    unheard: Mapping[str, float]  # since when they are up
    mute: frozenset[str] = frozenset()  # of those
    heard: frozenset[str] = frozenset()
    in_a_row: int = 0


NEW = Ear({})


def to_ask(ear: Ear, up: Collection[str]) -> tuple[str, ...]:
    """Those of the calls that are up of which nothing was heard yet."""
    return tuple(call for call in up if call not in ear.heard)


def step(ear: Ear, up: Collection[str], packets: Mapping[str, int], now_s: float) -> Ear:
    """After one more look; `packets` are those that came, of the calls for which that was told."""
    now_heard = {call for call, came in packets.items() if came}
    unheard = {
        call: ear.unheard.get(call, now_s)
        for call in to_ask(ear, up)
        if call in packets and call not in now_heard
    }
    over = {call for call, since_s in unheard.items() if now_s - since_s >= MUTE_AFTER_S}
    in_a_row = 0 if now_heard else ear.in_a_row + len(over - ear.mute)
    heard = (ear.heard | now_heard) & frozenset(up)
    return Ear(unheard, frozenset(over), heard, in_a_row)


def told(part: Part, ear: Ear) -> Part:
    """A trunk as the status tells it, which answers, and may be well but for that."""
    if part.state == "alarm" or not ear.in_a_row:
        return part
    is_alarm = ear.in_a_row >= ALARM_AT
    said = {
        "state": "alarm" if is_alarm else "warning",
        "detail": SEVERAL.format(ear.in_a_row) if is_alarm else ONE,
        "cure": CURE,
    }
    return part.model_copy(update=said)
