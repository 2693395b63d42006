"""Trunks by which calls are answered, and whose company hears nothing of the clinic: by the reports
that both ends of a call send about its sound (RTCP: RFC 3550, 6.4). Pure; time is an argument.

    a call -> we sent sound -> a report of theirs tells of it: heard
                          '-> none does for DEAF_AFTER_S: deaf -> one: a note | ALARM_AT in a row

A report holds a block about each source that was heard since the one before. A company that sends
no reports is never blamed; and one of whose reports none ever held a block may not write any: it is
told as a note, and is no alarm, however often. A call that was heard once is looked at no more.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from firmware.asterisk.trunk_states import Report
from firmware.topics import Part

DEAF_AFTER_S = 10.0
ALARM_AT = 3

ONE = "the telephone company says that it heard nothing of the clinic in its last call"
SEVERAL = "the telephone company says that it heard nothing of the clinic in its last {} calls"
CURE = (
    "a router or firewall keeps the clinic's sound from the telephone company: let UDP from the box"
    " out to it, switch off the router's SIP ALG, and ask whoever is called whether they hear you"
)


@dataclass(frozen=True, slots=True)
class Mouth:
    """What is known of one trunk's calls, each named by its channel."""

    sent: frozenset[str] = frozenset()  # in which the clinic's sound went out
    unheard: Mapping[str, float] | None = None  # since when reports say so, of those
    deaf: frozenset[str] = frozenset()  # of those
    heard: frozenset[str] = frozenset()
    in_a_row: int = 0
    writes_blocks: bool = False


NEW = Mouth()


def reported(mouth: Mouth, report: Report, now_s: float) -> Mouth:
    """After one more report."""
    call = report.channel
    if report.is_ours:
        return replace(mouth, sent=mouth.sent | {call}) if report.sent_sound else mouth
    if report.blocks:
        heard = mouth.heard | {call}
        return replace(mouth, heard=heard, in_a_row=0, writes_blocks=True)
    if call in mouth.heard or call not in mouth.sent:
        return mouth
    unheard = {call: now_s, **(mouth.unheard or {})}
    if call in mouth.deaf or now_s - unheard[call] < DEAF_AFTER_S:
        return replace(mouth, unheard=unheard)
    return replace(mouth, unheard=unheard, deaf=mouth.deaf | {call}, in_a_row=mouth.in_a_row + 1)


def over(mouth: Mouth, up: Collection[str]) -> Mouth:
    """Once only these calls are up."""
    still = frozenset(up)
    return replace(
        mouth,
        sent=mouth.sent & still,
        unheard={call: since for call, since in (mouth.unheard or {}).items() if call in still},
        deaf=mouth.deaf & still,
        heard=mouth.heard & still,
    )


def told(part: Part, mouth: Mouth) -> Part:
    """A trunk as the status tells it, which answers, and may be well but for that."""
    if part.state == "alarm" or not mouth.in_a_row:
        return part
    is_alarm = mouth.in_a_row >= ALARM_AT and mouth.writes_blocks
    if part.state == "warning" and not is_alarm:
        return part
    said = {
        "state": "alarm" if is_alarm else "warning",
        "detail": ONE if mouth.in_a_row == 1 else SEVERAL.format(mouth.in_a_row),
        "cure": CURE,
    }
    return part.model_copy(update=said)
