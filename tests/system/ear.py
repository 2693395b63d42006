"""What somebody heard: silence and tones measured in a recording of the telephone company."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

RATE_HZ = 8000
BLOCK_S = 0.05
# -50 dBm0 in 16 bit samples; quieter is silence to a person on a telephone.
SILENT_RMS = 73.0
HEARD_S = 0.3  # of a second in which both spoke: a busy machine tears most blocks
# What is more like a prompt than this is that prompt, torn as a busy machine tears it: whole it is
# 1, and with a tenth of its packets late or lost 0.8; two of our prompts are 0.55 alike at most.
SAME = 0.7


def sound(path: Path) -> NDArray[np.float64]:
    """The samples of a file, 8 kHz mono 16 bit."""
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE_HZ, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)


def blocks(path: Path) -> NDArray[np.float64]:
    """The recording in blocks of 50 ms, one a row."""
    samples = sound(path)
    size = int(RATE_HZ * BLOCK_S)
    return samples[: len(samples) // size * size].reshape(-1, size)


def longest_silence_s(path: Path, after_s: float = 0.0) -> float:
    """How long nothing at all was heard, from so far into the recording."""
    longest = current = 0
    rows = blocks(path)[round(max(after_s, 0.0) / BLOCK_S) :]
    for level in np.sqrt(np.mean(np.square(rows), axis=1)):
        current = current + 1 if level < SILENT_RMS else 0
        longest = max(longest, current)
    return longest * BLOCK_S


def tone_s(path: Path, tone_hz: float) -> float:
    """For how long one tone, and nothing else, was heard."""
    rows = blocks(path)
    if not len(rows):
        return 0.0
    size = rows.shape[1]
    # A window whose side lobes stay under 1 % in power keeps a neighbouring tone out.
    window = np.hanning(size)
    spectra = np.square(np.abs(np.fft.rfft(rows * window, axis=1)))
    nearest = round(tone_hz * size / RATE_HZ)
    near = spectra[:, max(nearest - 2, 0) : nearest + 3].sum(axis=1)
    loud = np.sqrt(np.mean(np.square(rows), axis=1)) > SILENT_RMS
    return float(np.count_nonzero(loud & (near > 0.9 * spectra.sum(axis=1))) * BLOCK_S)


def tone_span_s(path: Path, tone_hz: float) -> tuple[float, float]:
    """When one tone was first heard and when last, to 10 ms."""
    size = RATE_HZ // 100
    samples = sound(path)
    rows = samples[: len(samples) // size * size].reshape(-1, size)
    turns = np.exp(-2j * np.pi * tone_hz * np.arange(rows.size).reshape(rows.shape) / RATE_HZ)
    amplitude = 2 * np.abs(np.mean(rows * turns, axis=1))
    level = np.sqrt(np.mean(np.square(rows), axis=1))
    (heard,) = np.nonzero((level > SILENT_RMS) & (amplitude > 0.8 * np.sqrt(2) * level))
    assert heard.size, f"no tone of {tone_hz:g} Hz in {path}"
    return float(heard[0]) / 100, float(heard[-1] + 1) / 100


def purity(path: Path, tone_hz: float, from_s: float, to_s: float) -> float:
    """The share of one tone, to 25 Hz, in the power of what was heard meanwhile: the median of all
    tenths of a second, for a packet may be late on a busy machine."""
    size = RATE_HZ // 10
    stretch = sound(path)[round(from_s * RATE_HZ) : round(to_s * RATE_HZ)]
    rows = stretch[: len(stretch) // size * size].reshape(-1, size)
    powers = np.square(np.abs(np.fft.rfft(rows * np.hanning(size), axis=1)))
    is_near = np.abs(np.fft.rfftfreq(size, 1 / RATE_HZ) - tone_hz) <= 25
    everything = np.maximum(np.sum(powers, axis=1), 1.0)  # digital silence has no power at all
    return float(np.median(np.sum(powers[:, is_near], axis=1) / everything))


def write_tone(path: Path, tone_hz: float, seconds: float = 2.0) -> Path:
    """A file with one tone at -15 dBm0, whole periods only, so that it can be repeated."""
    count = int(RATE_HZ * seconds)
    return write_samples(path, 4000 * np.sin(2 * np.pi * tone_hz * np.arange(count) / RATE_HZ))


def write_samples(path: Path, samples: ArrayLike) -> Path:
    """A file with these."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(np.asarray(samples).astype("<i2").tobytes())
    return path


def likeness(path: Path, prompt: Path) -> float:
    """How well a prompt is found in what was heard: 1 is the prompt itself, 0 something else. The
    median of all its quarter seconds, each looked for by itself, for what follows a late or a lost
    packet is shifted against what went before."""
    heard, wanted = sound(path), sound(prompt)
    count = max(len(wanted) * 4 // RATE_HZ, 1)
    pieces = [
        piece for piece in np.array_split(wanted, count) if np.max(np.abs(piece)) > SILENT_RMS
    ]
    return float(np.median([_likeness(heard, piece) for piece in pieces]))


def _likeness(heard: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    if len(heard) < len(wanted):
        return 0.0
    length = len(heard) + len(wanted)
    spectrum = np.fft.rfft(heard, length) * np.conj(np.fft.rfft(wanted, length))
    matches = np.fft.irfft(spectrum, length)[: len(heard) - len(wanted) + 1]
    energy = np.concatenate(([0.0], np.cumsum(np.square(heard))))
    under = energy[len(wanted) :] - energy[: -len(wanted)]
    scale = np.sqrt(np.maximum(under, 1.0) * np.sum(np.square(wanted)))
    return float(np.max(matches / scale))
