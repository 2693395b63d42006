"""What the line doctor heard, drawn as the path of an SVG: bars side by side, in decibels. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from firmware.doctor.sounding import ECHO_DRAWN_MS, ECHO_STEP_MS, NOISE_STEP_HZ, Curves

WIDTH, HEIGHT = 320, 100  # of the drawing, in its own units
NOISE_DB = -90.0, -20.0  # from its foot to its top
ECHO_DB = -70.0, 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """Bars, and what a reader of the screen is told instead: the largest value and where it is."""

    path: str
    largest_db: float
    at: float  # Hz, or ms
    is_bare: bool  # no bar stands out from the foot


def noise(curves: Curves) -> Picture:
    """By pitch, up to 4000 Hz."""
    return _bars(curves.noise_dbm0, *NOISE_DB, NOISE_STEP_HZ)


def echo(curves: Curves) -> Picture:
    """By how late it comes."""
    return _bars(curves.echo_db, *ECHO_DB, ECHO_STEP_MS)


def echo_until_ms() -> int:
    return round(ECHO_DRAWN_MS)


def _bars(values: Sequence[float], least: float, most: float, step: float) -> Picture:
    wide = WIDTH / max(1, len(values))
    parts = []
    for place, value in enumerate(values):
        high = (min(max(value, least), most) - least) / (most - least) * HEIGHT
        left = place * wide
        parts.append(f"M{left:.1f} {HEIGHT}v{-high:.1f}h{wide * 0.8:.1f}V{HEIGHT}z")
    largest = max(values, default=least)
    at = values.index(largest) * step if values else 0.0
    return Picture("".join(parts), largest, at, is_bare=largest <= least)
