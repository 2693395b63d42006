"""What the doctor sends down a line, and what it finds in that which comes back. Pure.

First it is silent, and measures the noise; then it sends a tone of 1004 Hz, and a sweep by which an
echo is found, each followed by silence. Two rows of samples come in, of 8 kHz and aligned in time:
what was sent and what was heard. Levels are dBm0, where a full-scale sine is +3.14 (ITU-T G.711).

The sweep is logarithmic, so its power falls by 3 dB an octave from 300 Hz to 3400 Hz, as the weight
of an echo loss does in ITU-T G.122, annex B. Noise is psophometric by ITU-T O.41.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing_core import audio
from routing_core.audio import SAMPLE_RATE_HZ, Pcm

Signal = NDArray[np.float64]

SETTLES_S, IDLE_S = 0.5, 1.5  # after the answer, and then the noise
TONE_S, AFTER_TONE_S, TONE_HZ = 1.0, 0.8, 1004.0
SWEEP_S, AFTER_SWEEP_S = 1.0, 1.0
SENT_DBM0 = -13.0  # the most that ITU-T V.2 allows in the mean of a line's tones
LOWEST_HZ, HIGHEST_HZ = 300.0, 3400.0
LATEST_S = 0.9  # of an echo
# A frame that is lost on the way lets all that follows it come 20 ms early: three of them.
EARLIEST_S = 0.06
FULL_SINE_DBM0, FULL = 3.14, 32_767.0
LOUDEST = 32_000  # the last code of either law is above it, and none else (ITU-T G.711)
SILENCE_DBM0 = audio.SILENCE_DBM0

# ITU-T O.41, table 1: the weight of a telephone's psophometer, in dB at Hz.
O41_HZ = (16.66, 50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000, 1200, 1400, 1600, 1800,
          2000, 2500, 3000, 3500, 4000)  # fmt: skip
O41_DB = (-85, -63, -41, -21, -10.6, -6.3, -3.6, -2.0, -0.9, 0, 0.6, 1.0, 0, -0.9, -1.7, -2.4,
          -3.0, -4.2, -5.6, -8.5, -15)  # fmt: skip

# An echo stands so far above all else that a sweep's filter finds: of pure noise, the loudest of
# 7,680 places is about 12 dB above their mean (seen: never above 14 in 500 tries).
ECHO_DB = 18.0
# An echo is as long as a hybrid's or a room's first answer; what lies round the loudest place.
ECHO_BEFORE_S, ECHO_AFTER_S = 0.002, 0.006
NOISE_STEP_HZ, ECHO_STEP_MS, ECHO_DRAWN_MS = 125.0, 5.0, 400.0
LEAST_DRAWN_DB = -90.0


@dataclass(frozen=True, slots=True)
class Echo:
    """What comes back of what was sent."""

    loss_db: float  # ITU-T G.122, annex B
    delay_ms: float  # from our sending to our hearing


@dataclass(frozen=True, slots=True)
class Found:
    """What was heard while the doctor was silent, and when it was not."""

    noise_dbm0: float  # unweighted
    noise_dbm0p: float  # psophometric
    clipped: float  # the share of samples at the very end of their range
    echo: Echo | None


@dataclass(frozen=True, slots=True)
class Curves:
    """What can be drawn: the noise in bands of 125 Hz from 0 Hz, in dBm0; and what comes back of
    the sweep in steps of 5 ms from when it was sent, the box's own time not counted, in dB beside
    what was sent."""

    noise_dbm0: tuple[float, ...]
    echo_db: tuple[float, ...]


def sent() -> Pcm:
    """All that is sent, silence included."""
    return np.concatenate((
        np.zeros(_samples(SETTLES_S + IDLE_S), np.int16),
        audio.tone(TONE_HZ, dbm0=SENT_DBM0, ms=TONE_S * 1000),
        np.zeros(_samples(AFTER_TONE_S), np.int16),
        sweep(),
        np.zeros(_samples(AFTER_SWEEP_S), np.int16),
    ))  # fmt: skip


def sweep() -> Pcm:
    """From 300 Hz to 3400 Hz, as many octaves in each second."""
    count = _samples(SWEEP_S)
    time = np.arange(count) / SAMPLE_RATE_HZ
    rate = np.log(HIGHEST_HZ / LOWEST_HZ) / SWEEP_S
    wave = np.sin(2 * np.pi * LOWEST_HZ * np.expm1(time * rate) / rate)
    edge = _samples(0.02)
    rise = np.sin(np.linspace(0, np.pi / 2, edge)) ** 2
    wave[:edge] *= rise
    wave[-edge:] *= rise[::-1]
    wave *= FULL * 10 ** ((SENT_DBM0 - FULL_SINE_DBM0) / 20)
    made: Pcm = np.round(wave).astype(np.int16)
    return made


def found_in(heard: Pcm) -> Found:
    """What was heard beside what `sent` is; what is missing at its end was silence."""
    whole = np.zeros(len(sent()), np.float64)
    whole[: len(heard)] = heard[: len(whole)]
    idle = whole[_samples(SETTLES_S) : _samples(SETTLES_S + IDLE_S)]
    return Found(
        noise_dbm0=level_dbm0(idle),
        noise_dbm0p=psophometric_dbm0p(idle),
        clipped=float(np.mean(np.abs(whole) >= LOUDEST)),
        echo=echo_in(whole),
    )


def tone_dbm0(heard: Pcm) -> float:
    """How loud the tone came to the other end, wherever in this it is."""
    size = _samples(0.1)
    rows = heard[: len(heard) // size * size].astype(np.float64).reshape(-1, size)
    if not len(rows):
        return SILENCE_DBM0
    turns = np.exp(-2j * np.pi * TONE_HZ * np.arange(size) / SAMPLE_RATE_HZ) * np.hanning(size)
    amplitudes = 2 * np.abs(rows @ turns) / np.sum(np.hanning(size))
    loud = np.sort(amplitudes)[-_samples(TONE_S) // size // 2 :]
    return _dbm0_of_amplitude(float(np.median(loud)))


def delay_ms(heard: Pcm) -> float | None:
    """How late the sweep came to the other end; None where it did not."""
    whole = np.zeros(len(sent()), np.float64)
    whole[: len(heard)] = heard[: len(whole)]
    echo = echo_in(whole)
    return None if echo is None else echo.delay_ms


def echo_in(heard: Signal) -> Echo | None:
    """The loudest echo of the sweep."""
    if (answer := _answer(heard)) is None:
        return None
    click, power, _ = answer
    earliest = _samples(EARLIEST_S)
    latest = earliest + _samples(LATEST_S)
    place = int(np.argmax(np.abs(click[:latest])))
    others = 10 * np.log10(np.mean(np.square(click[:latest])))
    if 10 * np.log10(np.square(click[place])) < others + ECHO_DB:
        return None
    only = np.zeros_like(click)
    near = np.arange(place - _samples(ECHO_BEFORE_S), place + _samples(ECHO_AFTER_S))
    only[near] = click[near]
    gain = np.sum(np.square(np.abs(np.fft.rfft(only))) * power) / np.sum(power)
    late_ms = max(0, place - earliest) * 1000 / SAMPLE_RATE_HZ
    return Echo(float(-10 * np.log10(gain)), late_ms)


def curves_in(heard: Pcm, own_ms: float) -> Curves:
    """Of what was heard beside what `sent` is."""
    whole = np.zeros(len(sent()), np.float64)
    whole[: len(heard)] = heard[: len(whole)]
    idle = whole[_samples(SETTLES_S) : _samples(SETTLES_S + IDLE_S)]
    hz, powers = _powers(idle)
    bands = round(SAMPLE_RATE_HZ / 2 / NOISE_STEP_HZ)
    place = np.minimum((hz / NOISE_STEP_HZ).astype(np.int64), bands - 1)
    noise = [_dbm0_of_power(each) for each in np.bincount(place, powers, bands)]
    steps, step = round(ECHO_DRAWN_MS / ECHO_STEP_MS), _samples(ECHO_STEP_MS / 1000)
    echo = [LEAST_DRAWN_DB] * steps
    if (answer := _answer(whole)) is not None:
        click, _, share = answer
        begins = _samples(EARLIEST_S + own_ms / 1000)
        rows = np.zeros(steps * step)
        after = click[begins : begins + len(rows)]
        rows[: len(after)] = after
        gains = np.sum(np.square(rows.reshape(steps, step)), axis=1) / share
        echo = [max(LEAST_DRAWN_DB, float(10 * np.log10(max(gain, 1e-12)))) for gain in gains]
    return Curves(tuple(round(each, 1) for each in noise), tuple(round(each, 1) for each in echo))


def _answer(heard: Signal) -> tuple[Signal, Signal, float] | None:
    """What comes back as if a click had been sent, from `EARLIEST_S` before it; the power that was
    sent by its spectrum; and the share of all frequencies in which it was. None: nothing came."""
    begins = _samples(SETTLES_S + IDLE_S + TONE_S + AFTER_TONE_S)
    played = sweep().astype(np.float64)
    after = heard[begins - _samples(EARLIEST_S) : begins + len(played) + _samples(LATEST_S)]
    if not np.any(after):
        return None
    ours, theirs = _spectra(played, after)
    hz = np.fft.rfftfreq(_size(len(after)), 1 / SAMPLE_RATE_HZ)
    band = (hz >= LOWEST_HZ) & (hz <= HIGHEST_HZ)
    power = np.where(band, np.square(np.abs(ours)), 0.0)
    click = np.fft.irfft(np.where(band, theirs / np.where(band, ours, 1.0), 0.0))
    return click, power, float(np.mean(band))


def _spectra(played: Signal, after: Signal) -> tuple[NDArray[np.complex128], ...]:
    return tuple(np.fft.rfft(each, _size(len(after))) for each in (played, after))


def _size(count: int) -> int:
    return 1 << int(np.ceil(np.log2(count)))


def level_dbm0(sound: Signal) -> float:
    """Of all of it together; never under that of silence."""
    power = float(np.mean(np.square(sound))) if len(sound) else 0.0
    return _dbm0_of_power(power)


def psophometric_dbm0p(sound: Signal) -> float:
    """The same, as an ear at a telephone weighs it."""
    if not len(sound):
        return SILENCE_DBM0
    hz, powers = _powers(sound)
    weight = np.interp(np.log(np.maximum(hz, 1.0)), np.log(O41_HZ), O41_DB)
    return _dbm0_of_power(float(np.sum(powers * 10 ** (weight / 10))))


def _powers(sound: Signal) -> tuple[Signal, Signal]:
    """Of each frequency in Hz its share of the mean square."""
    window = np.hanning(len(sound))
    spectrum = np.fft.rfft(sound * window)
    powers = np.square(np.abs(spectrum)) * (2 / len(sound) / float(np.sum(np.square(window))))
    hz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE_HZ)
    return hz.astype(np.float64), powers.astype(np.float64)


def _dbm0_of_amplitude(amplitude: float) -> float:
    return _dbm0_of_power(amplitude**2 / 2)


def _dbm0_of_power(power: float) -> float:
    least = 10 ** ((SILENCE_DBM0 - FULL_SINE_DBM0) / 10)
    return float(10 * np.log10(max(power / (FULL**2 / 2), least)) + FULL_SINE_DBM0)


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)
