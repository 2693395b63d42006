"""What the machine tells of itself in /sys: how hot it is, and whether its watchdog would restart
it. Files below `root` are read as the kernel lays them out (Documentation/ABI: sysfs-class-thermal,
sysfs-class-watchdog); a machine that tells nothing is no fault.
"""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

HOT_C, TOO_HOT_C = 75.0, 85.0  # a Raspberry Pi 5 slows itself down from 80 on
COOLER_BY_C = 5.0  # before it is said to be well again


class Heat(StrEnum):
    """How hot it is."""

    WELL = "well"
    HOT = "hot"
    TOO_HOT = "too hot"


def hottest_c(root: Path = Path("/")) -> float | None:
    """The hottest zone in degrees; None where none is told."""
    found = []
    for zone in sorted(root.glob("sys/class/thermal/thermal_zone*/temp")):
        try:
            degrees = int(zone.read_text("ascii")) / 1000
        except (OSError, ValueError):
            continue
        if -50 < degrees < 200:
            found.append(degrees)
    return max(found, default=None)


def heat_of(degrees: float | None, before: Heat) -> Heat:
    """How hot that is; who was hot is well only once it is clearly cooler."""
    if degrees is None:
        return Heat.WELL
    slack = {Heat.WELL: (0.0, 0.0), Heat.HOT: (COOLER_BY_C, 0.0)}
    hot, too_hot = slack.get(before, (COOLER_BY_C, COOLER_BY_C))
    if degrees >= TOO_HOT_C - too_hot:
        return Heat.TOO_HOT
    return Heat.HOT if degrees >= HOT_C - hot else Heat.WELL


@dataclass(frozen=True, slots=True)
class Watchdog:
    """The machine's own."""

    is_there: bool
    is_armed: bool  # it restarts the machine unless it is fed
    within_s: int | None = None


def watchdog(root: Path = Path("/")) -> Watchdog:
    """As the kernel tells of the first one."""
    for device in sorted(root.glob("sys/class/watchdog/watchdog[0-9]*")):
        state, within = _read(device / "state"), _read(device / "timeout")
        return Watchdog(True, state == "active", int(within) if within.isdigit() else None)
    return Watchdog(is_there=False, is_armed=False)


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except (OSError, ValueError):
        return ""
