"""Who can be reached and who is in use, as Asterisk has it at this moment: trunks and telephones by
their state. An order out, its answer read; no socket here."""

from collections.abc import Iterable

from firmware.asterisk.wire import Message, Pair

STATES: tuple[str, *tuple[Pair, ...]] = ("DeviceStateList",)
ABSENT = frozenset({"UNAVAILABLE", "INVALID", "UNKNOWN"})
RINGS = frozenset({"RINGING", "RINGINUSE"})
BUSY = frozenset({"INUSE", "BUSY", "ONHOLD"}) | RINGS


def states_of(told: Iterable[Message]) -> dict[str, str]:
    """Each endpoint's, by its name."""
    return {
        each.get("Device").removeprefix("PJSIP/"): each.get("State")
        for each in told
        if each.get("Event") == "DeviceStateChange" and each.get("Device").startswith("PJSIP/")
    }
