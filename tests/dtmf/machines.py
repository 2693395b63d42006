"""Everything on a line that is neither a voice nor a key: fax, modems, exchanges, mains, hiss.

Made from the Recommendations' own frequencies and times. MF pairs of exchanges among themselves
(R1, R2) are left out: some of them are valid keys by ITU-T Q.24.
"""

from collections.abc import Callable, Iterator

import numpy as np

from tests.dtmf.items import hum, offset
from tests.dtmf.sound import RATE_HZ, Rng, Signal, drawn, noise, peak, samples, silence, sine

Machine = Callable[[Rng], Iterator[Signal]]


def machines(rng: Rng, seconds: float) -> Signal:
    """One after another until the time is full, each some ten seconds long."""
    parts: list[Signal] = []
    length = 0
    while length < seconds * RATE_HZ:
        machine = MACHINES[rng.integers(len(MACHINES))]
        loud = 10 ** (rng.uniform(-15, 0) / 20)
        parts += [loud * part for part in machine(rng)]
        parts.append(silence(200))
        length = sum(part.size for part in parts)
    return np.concatenate(parts)[: round(seconds * RATE_HZ)]


LOUD_DBM0 = -8.0


def _tone(rng: Rng, ms: float, *hz: float) -> Signal:
    off = 1 + rng.uniform(-0.015, 0.015)
    return np.asarray(
        np.sum([sine(rng, off * f, LOUD_DBM0, samples(ms)) for f in hz], axis=0), np.float64
    )


def _fax_calling(rng: Rng) -> Iterator[Signal]:
    """ITU-T T.30: 1100 Hz, half a second in three and a half."""
    for _ in range(3):
        yield _tone(rng, 500, 1100)
        yield silence(3000)


def _fax_answering(rng: Rng) -> Iterator[Signal]:
    """ITU-T V.8: 2100 Hz, its phase reversed each 450 ms, its level swelling at 15 Hz."""
    length = samples(3300)
    time = np.arange(length) / RATE_HZ
    turned = np.where((time // 0.45) % 2, -1.0, 1.0)
    swell = 1 + rng.choice([0.0, 0.2]) * np.sin(2 * np.pi * 15 * time)
    yield sine(rng, 2100, LOUD_DBM0, length) * turned * swell


def _keyed(*pair: float, baud: float) -> Machine:
    """Binary data at two frequencies, the phase never jumping."""

    def machine(rng: Rng) -> Iterator[Signal]:
        length = samples(8000)
        bits = rng.integers(0, 2, int(length * baud / RATE_HZ) + 1)
        hz = np.array(pair)[bits[(np.arange(length) * baud / RATE_HZ).astype(int)]]
        yield peak(LOUD_DBM0) * np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ)

    return machine


def _phase_keyed(carrier_hz: float, phases: int, baud: float) -> Machine:
    """Data as phases of one carrier, each symbol swelling into the next."""

    def machine(rng: Rng) -> Iterator[Signal]:
        length = samples(8000)
        symbols = np.exp(
            2j * np.pi * rng.integers(0, phases, int(length * baud / RATE_HZ) + 2) / phases
        )
        at = np.arange(length) * baud / RATE_HZ
        before, part = at.astype(int), at % 1.0
        ease = 0.5 - 0.5 * np.cos(np.pi * part)
        shape = symbols[before] * (1 - ease) + symbols[before + 1] * ease
        carrier = np.exp(2j * np.pi * carrier_hz / RATE_HZ * np.arange(length))
        yield peak(LOUD_DBM0) * (shape * carrier).imag

    return machine


def _cadence(on_ms: float, off_ms: float, *hz: float) -> Machine:
    def machine(rng: Rng) -> Iterator[Signal]:
        for _ in range(max(2, round(10_000 / (on_ms + off_ms)))):
            yield _tone(rng, on_ms, *hz)
            yield silence(off_ms)

    return machine


def _special_information(rng: Rng) -> Iterator[Signal]:
    """ITU-T E.180: three tones, each higher than the one before."""
    for _ in range(5):
        for hz in (950, 1400, 1800):
            yield _tone(rng, 330, hz)
        yield silence(1000)


def _mains(rng: Rng) -> Iterator[Signal]:
    length = samples(10_000)
    yield hum(drawn(rng, (-25, -8)))(rng, length) + offset(rng, length)


def _hiss(rng: Rng) -> Iterator[Signal]:
    """White, or falling by 6 dB an octave."""
    length = samples(10_000)
    white = noise(rng, drawn(rng, (-45, -12)), length)
    yield white if rng.random() < 0.5 else 0.3 * np.cumsum(white - np.mean(white)) / 10


def _relays(rng: Rng) -> Iterator[Signal]:
    """Clicks, alone and in trains, as dial pulses are."""
    sound = np.zeros(samples(10_000))
    for at in rng.integers(0, sound.size - 16, size=200):
        sound[at : at + rng.integers(1, 16)] += rng.choice([-1, 1]) * peak(rng.uniform(-20, 0))
    yield sound


def _sweep(rng: Rng) -> Iterator[Signal]:
    """A line tester's: one tone through the whole band."""
    hz = np.linspace(300, 3400, samples(10_000))
    yield peak(LOUD_DBM0) * np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ)


MACHINES: tuple[Machine, ...] = (
    _fax_calling,
    _fax_answering,
    _keyed(980, 1180, baud=300),  # V.21, the caller's
    _keyed(1650, 1850, baud=300),  # V.21, the answerer's
    _keyed(1300, 2100, baud=1200),  # V.23
    _keyed(390, 450, baud=75),  # V.23, backwards
    _keyed(1270, 1070, baud=300),  # Bell 103
    _keyed(1200, 2200, baud=1200),  # Bell 202: caller ID
    _phase_keyed(1200, 4, 600),  # V.22
    _phase_keyed(2400, 4, 600),
    _phase_keyed(1800, 8, 1600),  # V.27
    _cadence(2000, 4000, 440, 480),  # ring-back, North America
    _cadence(1000, 4000, 425),  # ring-back, Europe
    _cadence(400, 200, 400, 450),  # ring-back, Britain
    _cadence(500, 500, 480, 620),  # busy, North America
    _cadence(250, 250, 480, 620),  # reorder
    _cadence(500, 500, 425),  # busy, Europe
    _cadence(10_000, 100, 350, 440),  # dial tone
    _cadence(100, 100, 350, 440),  # message waiting
    _cadence(100, 100, 1400, 2060, 2450, 2600),  # off the hook
    _cadence(200, 15_000, 1400),  # an answering machine's beep
    _special_information,
    _mains,
    _hiss,
    _relays,
    _sweep,
)
