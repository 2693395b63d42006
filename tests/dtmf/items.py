"""What a receiver must do, item by item: 34 in all, each drawn afresh from a seed, in both laws.

The figures are those of ITU-T Q.24 (the strictest column of its annex A, AT&T's but where another
Administration asks more), Bellcore TR-TSY-000763, ETSI ES 201 235-3 and the MT8870's data sheet,
as collected in this project's table of numbers. An item is passed when every single chance in it
is: each key told once, rightly and in time, and nothing told where nothing is. Whoever writes the
detector does not write this file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack
from zlib import crc32

import numpy as np

from routing_core.audio import Law, Pcm, decode, encode
from tests.dtmf.sound import (
    HIGH_HZ,
    KEYS,
    LOW_HZ,
    Call,
    Chance,
    Detune,
    Range,
    Rng,
    Signal,
    Stroke,
    dialled,
    drawn,
    linear,
    noise,
    press,
    samples,
    shaped,
    sine,
)

FREQUENCY = "Q.24, signal frequencies: 1.5 % + 2 Hz is accepted, 3.5 % is not; TR-TSY-000763"
LEVEL = "Q.24, power levels per frequency: 0 to -25 dBm is accepted, -55 is not"
TWIST = "Q.24, power level difference: the high tone up to 4 dB above, 8 dB below the low"
TIMING = "Q.24, signal reception timing: 40 ms is accepted, 23 ms is not; pauses of 40 ms count"
BREAK = "Q.24, signal interruption: 10 ms does not make a second digit"
LOST = "ours: one lost packet of 20 ms (RFC 3551's default) does not make a second digit"
NOISE = "Q.24, noise immunity, and TR-TSY-000763: 15 dB between each tone and white noise"
HUM = "Q.24, interference by the power line; the MT8870 takes 60 Hz and an offset too"
DIAL_TONE = "Q.24 and ES 201 235-3: digits are heard while dial tone lasts (ITU-T E.180: 425 Hz)"
SIMULATION = "Q.24, signal simulation: what is not two valid tones is no digit"
SIGNALS = "ITU-T Q.23: the sixteen signals"


@dataclass(frozen=True, slots=True)
class Scene:
    """What a detector is given, and what it should make of it."""

    pcm: Pcm
    chances: tuple[Chance, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One demand: how a call that puts it is drawn, and how many of them make the test."""

    name: str
    source: str
    call: Callable[[Rng], Call]
    calls: int = 32
    # Nothing disturbs the keys, so that the time to a decision is the detector's own.
    is_clean: bool = False
    # Percent of its chances that must go well; None: told and not judged.
    target: float | None = 100.0
    # What the line does to the whole, after the call and before the law.
    line: Callable[[Rng, Signal], Signal] | None = None

    def scene(self, seed: int, law: Law) -> Scene:
        """All calls one after another, through one law; the same seed is the same scene."""
        rng = np.random.default_rng([seed, crc32(self.name.encode()), list(Law).index(law)])
        parts, chances, at = [], [], 0
        for _ in range(self.calls):
            call = self.call(rng)
            parts.append(call.sound)
            chances += [Chance(c.key, c.start + at, c.end + at) for c in call.chances]
            at += call.sound.size
        sound = np.concatenate(parts)
        if self.line is not None:
            sound = self.line(rng, sound)
        return Scene(over(law, sound), tuple(chances))


def over(law: Law, sound: Signal) -> Pcm:
    """What arrives of a sound that one law has coded."""
    return coded(law, linear(sound))


def coded(law: Law, pcm: Pcm) -> Pcm:
    """The same of what a converter has given."""
    return decode(encode(pcm, law), law)


def accepted(side: int) -> Detune:
    """As far off frequency as must still be taken."""
    return lambda hz: side * (0.015 * hz + 2.0)


def refused(side: int) -> Detune:
    """As far off frequency as must not be taken any more."""
    return lambda hz: side * 0.035 * hz


class How(TypedDict, total=False):
    """What `press` may be told of a key."""

    ms: float | Range
    dbm0: float | Range
    twist_db: float | Range
    low: Detune
    high: Detune


def keys(count: int = 8, **how: Unpack[How]) -> Callable[[Rng], list[Stroke]]:
    """So many drawn keys, all sent the same way."""
    return lambda rng: [press(rng, **how) for _ in range(count)]


def no_keys(count: int = 8, **how: Unpack[How]) -> Callable[[Rng], list[Stroke]]:
    """The same, sent in a way that must not be taken for keys."""
    return lambda rng: [Stroke("", stroke.sound) for stroke in keys(count, **how)(rng)]


def call(
    strokes: Callable[[Rng], Sequence[Stroke]],
    pause_ms: float | Range = (60, 140),
    behind: Callable[[Rng, int], Signal] | None = None,
) -> Callable[[Rng], Call]:
    """A call in which these strokes are sent."""
    return lambda rng: dialled(rng, strokes(rng), pause_ms=pause_ms, behind=behind)


def _every_key(rng: Rng) -> list[Stroke]:
    return [press(rng, key) for key in rng.permutation(list(KEYS))]


def _one_key_again(rng: Rng) -> list[Stroke]:
    name = rng.choice(list(KEYS))
    return [press(rng, name, ms=(40, 60)) for _ in range(8)]


def _edges_together(rng: Rng) -> list[Stroke]:
    """Shortest, faintest, most twisted and most out of tune, all at once: the MT8870 can."""
    twist = rng.choice([4.0, -8.0])
    return [
        press(
            rng,
            ms=40,
            dbm0=-25.0 + abs(twist),
            twist_db=twist,
            low=accepted(rng.choice([1, -1])),
            high=accepted(rng.choice([1, -1])),
        )
        for _ in range(8)
    ]


def _held(rng: Rng) -> list[Stroke]:
    return [press(rng, ms=(2000, 10_000))]


def broken(stroke: Stroke, at_ms: float, hole_ms: float) -> Stroke:
    """The key with a hole in it: the telephone sounds on, the line does not."""
    sound = stroke.sound.copy()
    sound[samples(at_ms) : samples(at_ms + hole_ms)] = 0.0
    return Stroke(stroke.key, sound)


def with_holes(hole_ms: float, at_ms: Range, ms: Range) -> Callable[[Rng], list[Stroke]]:
    """Keys, each with one hole somewhere."""
    return lambda rng: [broken(press(rng, ms=ms), drawn(rng, at_ms), hole_ms) for _ in range(8)]


def white(dbm0: float) -> Callable[[Rng, int], Signal]:
    """Noise behind a call."""
    return lambda rng, length: noise(rng, dbm0, length)


def tones(dbm0: float, *hz: float) -> Callable[[Rng, int], Signal]:
    """Steady tones behind a call, each of this level."""
    return lambda rng, length: np.sum([sine(rng, f, dbm0, length) for f in hz], axis=0)


def hum(dbm0: float) -> Callable[[Rng, int], Signal]:
    """What a bad earth brings: the mains' frequency and its odd harmonics, each fainter by half."""

    def made(rng: Rng, length: int) -> Signal:
        mains = rng.choice([50.0, 60.0])
        parts = [sine(rng, mains * n, dbm0 - 20 * np.log10(n), length) for n in (1, 3, 5)]
        return np.asarray(np.sum(parts, axis=0), np.float64)

    return made


def offset(rng: Rng, length: int) -> Signal:
    """A constant that a cheap converter adds."""
    return np.full(length, rng.choice([-1.0, 1.0]) * rng.uniform(500, 2000))


def _bursts_of_noise(rng: Rng) -> list[Stroke]:
    def one() -> Signal:
        return noise(rng, drawn(rng, (-40, -3)), samples(drawn(rng, (20, 500))))

    return [Stroke("", one()) for _ in range(16)]


def _bursts_of_hum(rng: Rng) -> list[Stroke]:
    def one() -> Signal:
        length = samples(drawn(rng, (100, 500)))
        return hum(drawn(rng, (-30, -3)))(rng, length) + offset(rng, length)

    return [Stroke("", one()) for _ in range(8)]


# Dial tones of ITU-T E.180's supplement: North America, most of Europe, Britain, France, Japan.
DIAL_TONES = ((350.0, 440.0), (425.0,), (440.0,), (400.0,), (450.0,), (330.0, 440.0))


def _dial_tones(rng: Rng) -> list[Stroke]:
    def one(hz: Sequence[float]) -> Signal:
        return tones(drawn(rng, (-25, -5)), *hz)(rng, samples(drawn(rng, (200, 1500))))

    return [Stroke("", one(hz)) for hz in DIAL_TONES]


# Busy and ring-back (480+620, 440+480), special information (950, 1400, 1800), fax calling and
# answering (1100, 2100), Europe's busy (425), milliwatt (1004), V.21's and V.23's marks.
PROGRESS = (
    (480.0, 620.0),
    (440.0, 480.0),
    (950.0,),
    (1400.0,),
    (1800.0,),
    (1100.0,),
    (2100.0,),
    (425.0,),
    (1004.0,),
    (980.0,),
    (1180.0,),
    (1300.0,),
    (1650.0,),
    (1850.0,),
)


def _progress_tones(rng: Rng) -> list[Stroke]:
    def one(hz: Sequence[float]) -> Signal:
        return tones(drawn(rng, (-25, -5)), *hz)(rng, samples(drawn(rng, (100, 500))))

    return [Stroke("", one(hz)) for hz in PROGRESS]


def _single_tones(rng: Rng) -> list[Stroke]:
    def one(hz: float) -> Signal:
        return sine(rng, hz, drawn(rng, (-25, 0)), samples(drawn(rng, (40, 300))))

    return [Stroke("", one(hz)) for hz in (*LOW_HZ, *HIGH_HZ)]


def _pairs_of_one_group(rng: Rng) -> list[Stroke]:
    def one() -> Signal:
        group = LOW_HZ if rng.random() < 0.5 else HIGH_HZ
        pair = rng.choice(group, 2, replace=False)
        return tones(drawn(rng, (-20, -4)), *pair)(rng, samples(drawn(rng, (40, 300))))

    return [Stroke("", one()) for _ in range(8)]


def _alone(strokes: Callable[[Rng], Sequence[Stroke]], rise_ms: float) -> Callable[[Rng], Call]:
    """Sounds that are no keys, each switched as softly as its own source does it."""
    return call(lambda rng: [Stroke(s.key, shaped(s.sound, rise_ms)) for s in strokes(rng)])


_LOUD_ENOUGH = -12.0  # where something else sounds too, so that nothing clips
_EDGE_LEVEL = (-18.0, -8.0)


MUST: tuple[Item, ...] = (
    Item("every key", SIGNALS, call(_every_key), 32, is_clean=True),
    Item("the same key again", TIMING, call(_one_key_again, 40), is_clean=True),
    Item("both tones high", FREQUENCY, call(keys(low=accepted(1), high=accepted(1)))),
    Item("both tones low", FREQUENCY, call(keys(low=accepted(-1), high=accepted(-1)))),
    Item("low tone high, high tone low", FREQUENCY, call(keys(low=accepted(1), high=accepted(-1)))),
    Item("low tone low, high tone high", FREQUENCY, call(keys(low=accepted(-1), high=accepted(1)))),
    Item("low tone 3.5 % high", FREQUENCY, call(no_keys(low=refused(1)))),
    Item("low tone 3.5 % low", FREQUENCY, call(no_keys(low=refused(-1)))),
    Item("high tone 3.5 % high", FREQUENCY, call(no_keys(high=refused(1)))),
    Item("high tone 3.5 % low", FREQUENCY, call(no_keys(high=refused(-1)))),
    Item("0 dBm0", LEVEL, call(keys(dbm0=0.0))),
    Item("-25 dBm0", LEVEL, call(keys(dbm0=-25.0))),
    Item("-55 dBm0", LEVEL, call(no_keys(dbm0=-55.0))),
    Item("high tone 4 dB above", TWIST, call(keys(twist_db=4.0, dbm0=(-21, -6)))),
    Item("high tone 8 dB below", TWIST, call(keys(twist_db=-8.0, dbm0=(-17, -6)))),
    Item("40 ms and 40 ms", TIMING, call(keys(16, ms=40), 40), is_clean=True),
    Item("all edges together", TIMING, call(_edges_together, 40)),
    Item("23 ms", TIMING, call(no_keys(ms=23))),
    Item("20 ms", TIMING, call(no_keys(ms=20))),
    Item("a hole of 10 ms", BREAK, call(with_holes(10, (5, 85), (100, 140)))),
    Item("a lost frame", LOST, call(with_holes(20, (30, 75), (120, 160)))),
    Item("noise at 15 dB", NOISE, call(keys(dbm0=_LOUD_ENOUGH), behind=white(_LOUD_ENOUGH - 15))),
    Item(
        "noise at 15 dB, 40 ms and 40 ms",
        NOISE,
        call(keys(ms=40, dbm0=_LOUD_ENOUGH), 40, white(_LOUD_ENOUGH - 15)),
    ),
    Item("hum behind", HUM, call(keys(dbm0=_EDGE_LEVEL), behind=hum(-12))),
    Item("an offset behind", HUM, call(keys(dbm0=_EDGE_LEVEL), behind=offset)),
    Item("noise alone", SIMULATION, call(_bursts_of_noise)),
    Item("hum alone", SIMULATION, _alone(_bursts_of_hum, 5)),
    Item(
        "dial tone 350 + 440 Hz behind",
        DIAL_TONE,
        call(keys(dbm0=_LOUD_ENOUGH), behind=tones(_LOUD_ENOUGH, 350.0, 440.0)),
    ),
    Item(
        "dial tone 425 Hz behind",
        DIAL_TONE,
        call(keys(dbm0=_LOUD_ENOUGH), behind=tones(_LOUD_ENOUGH, 425.0)),
    ),
    Item("dial tones alone", SIMULATION, _alone(_dial_tones, 0)),
    Item("call progress tones alone", SIMULATION, _alone(_progress_tones, 0), 16),
    Item("one tone only", SIMULATION, _alone(_single_tones, 0)),
    Item("two tones of one group", SIMULATION, _alone(_pairs_of_one_group, 0)),
    Item("a key held for seconds", TIMING, call(_held), 16),
)
