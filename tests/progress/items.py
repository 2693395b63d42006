"""What a line sounds like: every tone of every country, as loud, noisy, far off and coded as lines
are, each draw from a seed. Nothing here knows the detector but for the table it draws from.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from zlib import crc32

import numpy as np

from routing_core.audio import Law, Pcm, decode, encode
from routing_core.national import COUNTRIES, FAX_ANSWER, FAX_CALLING, SIT
from routing_core.progress import Burst, Kind, Tone
from tests.dtmf.sound import RATE_HZ, Rng, Signal, peak, rms, samples

LEVELS_DBM0 = (0.0, -6.0, -12.0, -18.0, -24.0, -30.0)
SIGNAL_TO_NOISE_DB = (15.0, 20.0, 30.0, 60.0)
OFF = (-0.01, 0.0, 0.01)  # of its frequencies
STRETCHED = (0.9, 1.0, 1.1)  # of its durations

# The tones that are the same in every country are asked for once.
_EVERYWHERE = (SIT, FAX_CALLING, FAX_ANSWER)

# How long each is heard: long enough to be sure, and to see that it is not told twice.
_HEARD_S = {
    Kind.DIAL: 4.0,
    Kind.RINGBACK: 9.0,
    Kind.BUSY: 5.0,
    Kind.REORDER: 5.0,
    Kind.SIT: 1.0,
    Kind.FAX_CALLING: 5.0,
    Kind.FAX_ANSWER: 3.0,
}
_AFTER_MS = 600.0  # of quiet line and the tone's longest silence, until it is known to have ended


@dataclass(frozen=True, slots=True)
class Line:
    """What becomes of a tone on its way."""

    law: Law = Law.ALAW
    dbm0: float = -12.0
    noise_db: float = 60.0  # the tone stands so far above white noise
    off: float = 0.0
    stretched: float = 1.0
    twist_db: float = 0.0


def every_tone() -> Iterator[tuple[str, Tone]]:
    """Each country's own, and once those of all."""
    for country, tones in sorted(COUNTRIES.items()):
        for tone in tones:
            if tone not in _EVERYWHERE or country == "us":
                yield country, tone


def every_line() -> Iterator[Line]:
    """All of them together: 432 lines."""
    for law, dbm0, noise_db, off, stretched in product(
        Law, LEVELS_DBM0, SIGNAL_TO_NOISE_DB, OFF, STRETCHED
    ):
        yield Line(law, dbm0, noise_db, off, stretched)


def drawn_line(rng: Rng) -> Line:
    """Any of them, and a twist."""
    return Line(
        rng.choice(list(Law)),
        float(rng.choice(LEVELS_DBM0)),
        float(rng.choice(SIGNAL_TO_NOISE_DB)),
        float(rng.uniform(min(OFF), max(OFF))),
        float(rng.uniform(min(STRETCHED), max(STRETCHED))),
        float(rng.uniform(-6.0, 6.0)),
    )


def rng_for(*what: object) -> Rng:
    """A generator of this very thing's own."""
    return np.random.default_rng(crc32(repr(what).encode()))


def heard(rng: Rng, tone: Tone, line: Line) -> tuple[Pcm, int]:
    """A call with this tone in it, and the sample at which it begins."""
    before = int(rng.integers(samples(40), samples(500)))
    longest = max(burst.off_ms for burst in tone.bursts)
    after = np.zeros(samples(_AFTER_MS + 1.4 * longest))
    sound = np.concatenate([np.zeros(before), sounded(rng, tone, line), after])
    return arrived(rng, sound, line), before


def sounded(rng: Rng, tone: Tone, line: Line, heard_s: float | None = None) -> Signal:
    """The tone itself, whole bursts, for about as long as it takes."""
    wanted = (heard_s or _HEARD_S[tone.kind]) * RATE_HZ
    parts: list[Signal] = []
    while sum(map(len, parts)) < wanted:
        for burst in tone.bursts:
            length = samples(burst.on_ms * line.stretched) or round(wanted)
            parts.append(_burst(rng, burst, line, length))
            parts.append(np.zeros(samples(burst.off_ms * line.stretched)))
    return np.concatenate(parts)


def arrived(rng: Rng, sound: Signal, line: Line) -> Pcm:
    """With the line's noise, as coded and decoded."""
    noisy = sound + rng.normal(0.0, rms(line.dbm0 - line.noise_db), len(sound))
    linear = np.clip(np.rint(noisy), -32768, 32767).astype(np.int16)
    return decode(encode(linear, line.law), line.law)


def _burst(rng: Rng, burst: Burst, line: Line, length: int) -> Signal:
    """All its frequencies together as loud as the line says."""
    time = np.arange(length) / RATE_HZ
    hz = np.array(burst.hz) * (1 + line.off)
    if len(hz) == 3:  # a carrier and its two sides: modulated in full
        depth = 1 + np.cos(2 * np.pi * (hz[2] - hz[1]) * time + rng.uniform(0, 2 * np.pi))
        carrier = np.sin(2 * np.pi * hz[1] * time + rng.uniform(0, 2 * np.pi))
        return np.asarray(peak(line.dbm0) * np.sqrt(2 / 3) * depth * carrier)
    gains = 10 ** (np.arange(len(hz)) * line.twist_db / 20)
    gains *= peak(line.dbm0) / np.sqrt(np.sum(gains**2))
    phases = rng.uniform(0, 2 * np.pi, len(hz))
    return np.asarray(gains @ np.sin(2 * np.pi * np.outer(hz, time) + phases[:, None]))
