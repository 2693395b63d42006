"""What a UPS says of itself, as NUT names it, and what that means for a clinic. Pure.

NUT's `ups.status` is a list of words (developer guide, "status data"): OL on the mains, OB on its
battery, LB low, RB replace the battery. A word that is not known means nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Supply(StrEnum):
    """How the box is supplied."""

    UNKNOWN = "unknown"  # the UPS is not there, or its figures are old
    MAINS = "mains"
    BATTERY = "battery"
    LOW = "battery low"


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a UPS."""

    supply: Supply
    charge: float | None = None  # percent
    left_s: float | None = None  # until it is empty, as the UPS reckons
    is_worn: bool = False  # its battery should be replaced


UNKNOWN = Reading(Supply.UNKNOWN)


def reading_of(said: Mapping[str, str], least_s: float) -> Reading:
    """A reading of NUT's variables; with less than `least_s` left the battery is low, whatever the
    UPS calls low."""
    words = said.get("ups.status", "").split()
    charge, left_s = _number(said, "battery.charge"), _number(said, "battery.runtime")
    is_worn = "RB" in words
    if "OB" in words:
        is_low = "LB" in words or (left_s is not None and left_s < least_s)
        return Reading(Supply.LOW if is_low else Supply.BATTERY, charge, left_s, is_worn)
    if "OL" in words:
        return Reading(Supply.MAINS, charge, left_s, is_worn)
    return UNKNOWN


def _number(said: Mapping[str, str], name: str) -> float | None:
    try:
        value = float(said[name])
    except (KeyError, ValueError):
        return None
    return value if 0 <= value < 1e7 else None  # NaN and infinity are no figures
