"""Who can be reached, as Asterisk has it at this moment: lines and telephones by their state, and a
line that registers by its registration. Orders out, answers read; no socket here."""

from collections.abc import Iterable

from firmware.asterisk.dialplan import trunk_endpoint
from firmware.asterisk.wire import Message, Pair
from ivr.plan import Trunk

STATES: tuple[str, *tuple[Pair, ...]] = ("DeviceStateList",)
REGISTRATIONS: tuple[str, *tuple[Pair, ...]] = ("PJSIPShowRegistrationsOutbound",)
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


def registrations_of(told: Iterable[Message]) -> dict[str, str]:
    """Each registration's status, by its name."""
    return {
        each.get("ObjectName"): each.get("Status")
        for each in told
        if each.get("Event") == "OutboundRegistrationDetail"
    }


def is_reached(trunk: Trunk, states: dict[str, str]) -> bool:
    """Whether it answers, as far as Asterisk asks it."""
    return states.get(trunk_endpoint(trunk), "NOT_INUSE") not in ABSENT


def registered(trunk: Trunk, registrations: dict[str, str]) -> str | None:
    """None where it has none to make."""
    return registrations.get(trunk_endpoint(trunk), "Unregistered") if trunk.registers else None
