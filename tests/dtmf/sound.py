"""What the bench's audio is made of: tones, keys, noise, and the calls they are laid into.

Signals are float64 at 8 kHz on the scale of 16-bit samples, where a full-scale sine is +3.14 dBm0
(ITU-T G.711). Nothing here knows any detector, and every draw comes from the generator handed in,
so that a seed says all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
FULL_SCALE_DBM0 = 3.14

# ITU-T Q.23, table 1
KEYS = "123A456B789C*0#D"
LOW_HZ = (697.0, 770.0, 852.0, 941.0)
HIGH_HZ = (1209.0, 1336.0, 1477.0, 1633.0)

Signal = NDArray[np.float64]
Rng = np.random.Generator
Range = tuple[float, float]

# How far a frequency is from its own: a function of the nominal one, in Hz.
Detune = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Stroke:
    """A sound that is a key, or with the key "" one that must not be taken for any."""

    key: str
    sound: Signal


@dataclass(frozen=True, slots=True)
class Chance:
    """Where a detector may be right or wrong; `key` is "" where it must stay silent."""

    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Call:
    """A length of audio and all that is to be heard in it, in order."""

    sound: Signal
    chances: tuple[Chance, ...]


def samples(ms: float) -> int:
    """A time as a whole number of samples."""
    return round(ms * RATE_HZ / 1000)


def silence(ms: float) -> Signal:
    """Nothing at all."""
    return np.zeros(samples(ms))


def peak(dbm0: float) -> float:
    """The amplitude of a sine of this level."""
    return float(32768.0 * 10.0 ** ((dbm0 - FULL_SCALE_DBM0) / 20))


def rms(dbm0: float) -> float:
    """The root mean square of anything of this level."""
    return float(peak(dbm0) / np.sqrt(2.0))


def linear(sound: Signal) -> NDArray[np.int16]:
    """As a converter gives it: whole numbers, and what is too loud is clipped."""
    rounded = np.rint(sound)
    return np.clip(rounded, -32768, 32767, out=rounded).astype(np.int16)


def sine(rng: Rng, hz: float, dbm0: float, length: int) -> Signal:
    """A steady tone of a drawn phase."""
    turned = 2 * np.pi * hz / RATE_HZ * np.arange(length) + rng.uniform(0, 2 * np.pi)
    return np.asarray(peak(dbm0) * np.sin(turned), np.float64)


def noise(rng: Rng, dbm0: float, length: int) -> Signal:
    """White noise, its whole band's power given."""
    return rng.normal(0.0, rms(dbm0), length)


def shaped(sound: Signal, rise_ms: float) -> Signal:
    """The sound with a linear rise and fall."""
    ramp = (np.arange(samples(rise_ms)) + 0.5) / max(samples(rise_ms), 1)
    out = sound.copy()
    out[: ramp.size] *= ramp
    out[out.size - ramp.size :] *= ramp[::-1]
    return out


def in_tune(hz: float) -> float:
    """Exactly the nominal frequency."""
    return 0.0


def of_key(key: str) -> tuple[float, float]:
    """A key's two frequencies."""
    row, column = divmod(KEYS.index(key), 4)
    return LOW_HZ[row], HIGH_HZ[column]


def press(
    rng: Rng,
    key: str | None = None,
    *,
    ms: float | Range = (50, 100),
    dbm0: float | Range = (-18, -6),
    twist_db: float | Range = 0.0,
    low: Detune = in_tune,
    high: Detune = in_tune,
) -> Stroke:
    """A key as a telephone sends it. The stronger tone has the level; twist is high - low."""
    name = key or rng.choice(list(KEYS))
    low_hz, high_hz = of_key(name)
    length, strong, twist = samples(drawn(rng, ms)), drawn(rng, dbm0), drawn(rng, twist_db)
    sound = sine(rng, low_hz + low(low_hz), strong - max(twist, 0.0), length)
    sound += sine(rng, high_hz + high(high_hz), strong + min(twist, 0.0), length)
    return Stroke(name, sound)


def drawn(rng: Rng, value: float | Range) -> float:
    """A value, or one drawn from its range."""
    return float(rng.uniform(*value)) if isinstance(value, tuple) else value


def dialled(
    rng: Rng,
    strokes: Sequence[Stroke],
    *,
    pause_ms: float | Range = (60, 140),
    behind: Callable[[Rng, int], Signal] | None = None,
) -> Call:
    """One stroke after another, quiet before and after; `behind` is heard all the while.

    What is behind swells and fades over 20 ms, lest a call's edges click.
    """
    parts, chances = [silence(drawn(rng, (80, 120)))], []
    at = parts[0].size
    for stroke in strokes:
        pause = silence(drawn(rng, pause_ms))
        chances.append(Chance(stroke.key, at, at + stroke.sound.size))
        parts += [stroke.sound, pause]
        at += stroke.sound.size + pause.size
    parts.append(silence(100))
    sound = np.concatenate(parts)
    if behind is not None:
        sound += shaped(behind(rng, sound.size), 20)
    return Call(sound, tuple(chances))
