"""The music of CareLine: a piece of our own, sixteen slow bars that begin again without a seam.

Every note is from the scale D E F# A B, tuned so that no partial of any note comes within 3.5 % of
a low-group DTMF tone (697, 770, 852, 941 Hz; ITU-T Q.24 has a detector reject what is further off):
no digit can be heard in it, on our line or on the caller's. Notes that ring past the end are added
to the beginning, which makes the loop seamless by construction.
"""

import numpy as np

from firmware.loudness import RATE_HZ, Sound, amplified, level_dbm0

LEVEL_DBM0 = -19.0
# F#5 is then 3.5 % under 770 Hz and A5 3.6 % over 852 Hz; at 440 Hz A5 would be 3.3 % over.
A4_HZ = 441.2
EIGHTH = 3200  # samples: 0.4 s, a slow walk; whole 20 ms frames
# Octaves and fifths only: the fifth and seventh partials of low notes fall among the DTMF tones.
PARTIALS = (1, 2, 3, 4, 6, 8)

# One bar a line: eight eighths of the accompaniment, then a melody of four quarters. A dot lets
# ring what rings.
BARS = """
D3 A3 D4 F#4 A4 F#4 D4 A3 | A4 .  F#4 .
B2 F#3 B3 D4 F#4 D4 B3 F#3 | B4 .  .  A4
E3 B3 E4 A4 B4 A4 E4 B3   | B4 D5 .  E5
A2 E3 A3 B3 E4 B3 A3 E3   | .  .  E5 .
D3 A3 D4 F#4 A4 F#4 D4 A3 | F#5 . E5 D5
B2 F#3 B3 D4 F#4 D4 B3 F#3 | B4 .  D5 .
E3 B3 D4 E4 B4 E4 D4 B3   | E5 .  D5 B4
A2 E3 A3 B3 E4 A4 B3 E3   | A4 .  .  .
B2 F#3 B3 D4 F#4 D4 B3 F#3 | .  D5 .  F#5
F#3 A3 D4 F#4 A4 F#4 D4 A3 | A5 . F#5 .
E3 B3 E4 A4 B4 A4 E4 B3   | E5 .  B4 .
A2 E3 A3 E4 A4 E4 B3 A3   | .  B4 D5 E5
B2 F#3 B3 D4 F#4 D4 B3 F#3 | F#5 . D5 .
F#3 A3 D4 F#4 A4 F#4 D4 A3 | A4 . D5 .
E3 B3 D4 E4 B4 E4 D4 B3   | B4 .  A4 .
A2 E3 A3 B3 E4 B3 A3 E3   | E4 .  F#4 .
"""

_SEMITONES_FROM_A = {"D": -7, "E": -5, "F#": -3, "A": 0, "B": 2}


def pitch_hz(note: str) -> float:
    """`F#4` in hertz."""
    name, octave = note[:-1], int(note[-1])
    return float(A4_HZ * 2 ** (octave - 4 + _SEMITONES_FROM_A[name] / 12))


def notes() -> list[tuple[int, str, float]]:
    """Each note's first sample, name and strength."""
    score: list[tuple[int, str, float]] = []
    for bar, line in enumerate(BARS.strip().splitlines()):
        start = bar * 8 * EIGHTH
        accompaniment, melody = (part.split() for part in line.split("|"))
        score += [(start + n * EIGHTH, note, 0.5) for n, note in enumerate(accompaniment)]
        score += [(start + n * 2 * EIGHTH, note, 1.0) for n, note in enumerate(melody)]
    return [(at, note, strength) for at, note, strength in score if note != "."]


def partials_hz(note: str) -> list[float]:
    """The partials of a note that a telephone carries at all."""
    fundamental = pitch_hz(note)
    return [fundamental * n for n in PARTIALS if 250 < fundamental * n < 3400]


def piece() -> Sound:
    """The whole loop, 51.2 s."""
    loop = np.zeros(len(BARS.strip().splitlines()) * 8 * EIGHTH)
    for at, note, strength in notes():
        sound = _struck(note) * strength
        np.add.at(loop, (at + np.arange(sound.size)) % loop.size, sound)
    return amplified(loop, LEVEL_DBM0 - level_dbm0(loop))


def beep() -> Sound:
    """What says that the recording begins: 440 ms of 1000 Hz, with soft edges."""
    t = np.arange(round(0.44 * RATE_HZ))
    edge = RATE_HZ // 100
    tone = np.sin(2 * np.pi * 1000 * t / RATE_HZ)
    tone[:edge] *= np.linspace(0, 1, edge)
    tone[-edge:] *= np.linspace(1, 0, edge)
    return amplified(tone, LEVEL_DBM0 - level_dbm0(tone))


def _struck(note: str) -> Sound:
    """A soft mallet on a bar: higher partials weaker and sooner gone."""
    t = np.arange(3 * RATE_HZ) / RATE_HZ
    sound = np.zeros(t.size)
    for hz in partials_hz(note):
        harmonic = hz / pitch_hz(note)
        sound += harmonic**-1.8 * np.sin(2 * np.pi * hz * t) * np.exp(-t * (1.1 + 0.5 * harmonic))
    attack = RATE_HZ // 80
    sound[:attack] *= np.linspace(0, 1, attack)
    # The last tenth fades to nothing, so that no note ends in a click.
    return np.asarray(sound * np.clip((t[-1] - t) / 0.3, 0, 1), dtype=np.float64)
