"""A line's own tone, learned from ten seconds recorded after the far end hung up.

Nothing is guessed: what is learned must have come round the same way several times, be made of a
few steady frequencies, and be recognised again in the very recording. Anything else is refused with
the reason, for a tone wrongly learned would end calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing_core.audio import SAMPLE_RATE_HZ, Pcm, lent, level_dbm0
from routing_core.progress import Burst, Kind, Progress, Recognised, Tone, Tones

Signal = NDArray[np.float64]

SHORTEST_S = 3.0
FAINTEST_DBM0 = -45.0
LOUDER_DB = 10.0  # a burst stands so far above the silence between

_STEP = 40  # samples between two looks at the level: 5 ms
_BOX = 320  # samples of one look: 40 ms, so that frequencies 25 Hz apart do not seem to come and go
_HOLE_MS = 60.0  # a shorter silence, or a shorter sound, is a fault of the line
_BURSTS = 4  # in a tone, as a table holds
_TIMES = 3  # that it must have come round
_STRAY_PART, _STRAY_MS = 0.08, 12.0  # how far a duration may stray from time to time

_LINES = 4  # in a burst
_LINE_DB = 13.0  # under the strongest
_EXPLAINED = 0.85  # of a burst's energy is in its lines: the rest is noise
_LOWEST_HZ, _HIGHEST_HZ = 200.0, 3400.0
_STRAY_HZ = 6.0


class NotLearnedError(ValueError):
    """No tone can be learned from this recording; the text says why."""


@dataclass(frozen=True, slots=True)
class _Run:
    """A stretch of sound, and the silence after it."""

    start: int  # samples
    on_ms: float
    off_ms: float

    def piece(self, pcm: Pcm) -> Signal:
        """Its sound without its edges."""
        edge = SAMPLE_RATE_HZ * 25 // 1000
        end = self.start + round(self.on_ms * SAMPLE_RATE_HZ / 1000)
        return pcm[self.start + edge : end - edge].astype(np.float64)


def learn(pcm: Pcm, kind: Kind = Kind.BUSY) -> Tone:
    """The tone that comes round in this recording, or NotLearnedError with the reason."""
    lent(pcm, "int16_t")
    if len(pcm) < SHORTEST_S * SAMPLE_RATE_HZ:
        raise NotLearnedError(
            f"{len(pcm) / SAMPLE_RATE_HZ:.1f} s are too short to see what comes round: record 10 s"
        )
    if level_dbm0(pcm) < FAINTEST_DBM0:
        raise NotLearnedError("the recording is silent: this line ends calls without a tone")
    runs = _runs(pcm)
    period = _period(runs)
    bursts = tuple(_burst(pcm, runs[first::period]) for first in range(period))
    tone = Tone(kind, bursts, needed=max(_TIMES, period))
    heard = Progress(Tones((tone,))).feed(pcm)
    if not any(isinstance(event, Recognised) for event in heard):
        raise NotLearnedError(
            "a tone comes round, but not clearly enough to be recognised again: record it with"
            " nothing else on the line"
        )
    return tone


def _runs(pcm: Pcm) -> list[_Run]:
    """Every whole stretch of sound followed by a whole silence."""
    power = np.concatenate(([0.0], np.cumsum(np.square(pcm.astype(np.float64)))))
    starts = np.arange(0, len(pcm) - _BOX, _STEP)
    looks = (power[starts + _BOX] - power[starts]) / _BOX
    loud, quiet = np.percentile(looks, (90, 5))
    if loud < quiet * 10 ** (LOUDER_DB / 10):
        raise NotLearnedError("it never falls silent: a steady tone, speech or music comes round no"
                              " more than noise does")  # fmt: skip
    plateau = np.median(looks[looks > loud / 4])
    edges = _edges(looks > plateau / 2)
    pairs = zip(edges[:-2:2], edges[1:-1:2], edges[2::2], strict=False)
    ms = _STEP * 1000 / SAMPLE_RATE_HZ
    return [
        _Run(begin * _STEP + _BOX // 2, (end - begin) * ms, (again - end) * ms)
        for begin, end, again in pairs
    ]


def _edges(on: NDArray[np.bool_]) -> list[int]:
    """Where sound begins and ends in turn, from the first begin that was heard; what is too short
    to be meant is passed over."""
    least = _HOLE_MS * SAMPLE_RATE_HZ / 1000 / _STEP
    changes = [int(at) for at in np.flatnonzero(np.diff(on)) + 1]
    kept: list[int] = []
    for at in changes:
        if kept and at - kept[-1] < least:
            kept.pop()
        else:
            kept.append(at)
    return kept[1:] if kept and not on[kept[0]] else kept


def _period(runs: Sequence[_Run]) -> int:
    """After how many bursts it comes round: the fewest for which all of them agree."""
    for period in range(1, _BURSTS + 1):
        if len(runs) < max(_TIMES, 2 * period):
            break
        if all(_alike(a, b) for a, b in zip(runs, runs[period:], strict=False)):
            return period
    raise NotLearnedError(
        f"{len(runs)} whole bursts were heard and none of the rhythms they could have comes round:"
        " speech or music, or too little of the tone"
    )


def _alike(one: _Run, other: _Run) -> bool:
    return all(
        abs(a - b) <= _STRAY_PART * max(a, b) + _STRAY_MS
        for a, b in ((one.on_ms, other.on_ms), (one.off_ms, other.off_ms))
    )


def _burst(pcm: Pcm, same: Sequence[_Run]) -> Burst:
    """What these bursts have in common."""
    found = [_lines(run.piece(pcm)) for run in same]
    if len({len(lines) for lines in found}) > 1 or np.ptp(found, axis=0).max() > _STRAY_HZ:
        raise NotLearnedError("its frequencies differ from burst to burst: speech or music")
    on_ms = round(float(np.median([run.on_ms for run in same])))
    off_ms = round(float(np.median([run.off_ms for run in same])))
    if min(on_ms, off_ms) < 80:
        raise NotLearnedError(f"{on_ms} ms on and {off_ms} ms off is faster than any tone is")
    return Burst(tuple(float(round(hz)) for hz in np.median(found, axis=0)), on_ms, off_ms)


def _lines(sound: Signal) -> list[float]:
    """The few frequencies that this burst is made of, ascending."""
    if len(sound) < SAMPLE_RATE_HZ // 50:
        raise NotLearnedError("its bursts are too short to hear their frequencies")
    size = 1 << 16
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    hz = SAMPLE_RATE_HZ / size
    near = round(2 * size / len(sound))  # half a main lobe
    spectrum[: round(_LOWEST_HZ / hz)] = 0.0
    spectrum[round(_HIGHEST_HZ / hz) :] = 0.0
    left = spectrum.copy()
    lines: list[float] = []
    while len(lines) < _LINES:
        peak = int(np.argmax(left))
        if left[peak] < spectrum.max() * 10 ** (-_LINE_DB / 20) or left[peak] == 0.0:
            break
        lines.append(peak * hz)
        left[max(0, peak - near) : peak + near + 1] = 0.0
    if _explained(sound, lines) < _EXPLAINED:
        raise NotLearnedError(
            "what comes and goes is not made of a few steady frequencies: speech or music"
        )
    return sorted(lines)


def _explained(sound: Signal, lines: Sequence[float]) -> float:
    """How much of the energy these frequencies account for."""
    turned = 2 * np.pi * np.outer(np.arange(len(sound)) / SAMPLE_RATE_HZ, lines)
    waves = np.hstack([np.cos(turned), np.sin(turned)])
    fitted = waves @ np.linalg.lstsq(waves, sound, rcond=None)[0]
    return 1.0 - float(np.sum(np.square(sound - fitted)) / max(1.0, np.sum(np.square(sound))))
