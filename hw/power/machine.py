"""What the machine tells of itself in /sys: how hot it is, whether its supply is too weak, and
whether its watchdog would restart it. Files below `root` are read as the kernel lays them out
(Documentation/ABI: sysfs-class-thermal, sysfs-class-hwmon, sysfs-class-watchdog); a machine that
tells nothing is no fault.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

HOT_C, TOO_HOT_C = 75.0, 85.0  # a Raspberry Pi 5 slows itself down from 80 on
COOLER_BY_C = 5.0  # before it is said to be well again
OF_THE_PROCESSOR = {"coretemp", "k10temp", "cpu_thermal"}  # other sensors tell of loose pins, too
# Raspberry Pi's own kernel has this file (its documentation, `vcgencmd get_throttled`, names the
# bits); Debian's has `rpi_volt` among its sensors (Documentation/hwmon: raspberrypi-hwmon).
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
WEAK_NOW, SLOWED_NOW, WEAK_BEFORE = 1 << 0, 1 << 2, 1 << 16


class Heat(StrEnum):
    """How hot it is."""

    WELL = "well"
    HOT = "hot"
    TOO_HOT = "too hot"


def hottest_c(root: Path = Path("/")) -> float | None:
    """The hottest zone in degrees; None where none is told."""
    zones = root.glob("sys/class/thermal/thermal_zone*/temp")
    return _hottest(zones) or _hottest(
        sensor
        for chip in root.glob("sys/class/hwmon/hwmon*")
        if _read(chip / "name") in OF_THE_PROCESSOR
        for sensor in chip.glob("temp*_input")
    )


def _hottest(files: Iterable[Path]) -> float | None:
    """Each tells thousandths of a degree."""
    found = []
    for file in files:
        try:
            degrees = int(_read(file)) / 1000
        except ValueError:
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
class Strain:
    """What a Raspberry Pi's firmware does about a weak supply or too much heat."""

    is_weak: bool = False  # the voltage is too low now
    was_weak: bool = False  # it has been since the machine started
    is_slowed: bool = False


def strain(root: Path = Path("/")) -> Strain:
    """As its firmware or its sensor tells; a machine with neither has none."""
    is_weak = any(
        _read(chip / "name") == "rpi_volt" and _read(chip / "in0_lcrit_alarm") == "1"
        for chip in root.glob("sys/class/hwmon/hwmon*")
    )
    try:
        bits = int(_read(root / THROTTLED), 16)
    except ValueError:
        bits = 0
    is_weak = is_weak or bool(bits & WEAK_NOW)
    return Strain(is_weak, is_weak or bool(bits & WEAK_BEFORE), bool(bits & SLOWED_NOW))


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
