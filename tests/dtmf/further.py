"""What a good receiver does beyond what it must: edges further out, and lines at their worst.

Each item says the part of its chances at which all must be well. Those without a number are told
and not judged: no standard says what a coder or a burst of clicks may cost.
"""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import soundfile

from firmware.bench.vowels import TALKER, vowels
from tests.dtmf.items import (
    DIAL_TONE,
    FREQUENCY,
    LEVEL,
    LOST,
    NOISE,
    SIMULATION,
    TIMING,
    TWIST,
    Item,
    call,
    keys,
    no_keys,
    tones,
    white,
    with_holes,
)
from tests.dtmf.sound import (
    KEYS,
    RATE_HZ,
    Detune,
    Range,
    Rng,
    Signal,
    Stroke,
    drawn,
    linear,
    peak,
    press,
    rms,
    samples,
    shaped,
    silence,
    sine,
)

ECHO = "Q.24, interference by echoes: 10 dB down and up to 20 ms late"
CODER = "ETSI EN 300 961: GSM full rate, which was made for voices"
LINE = "ours: what packets, clocks and converters do to a tone"
BARGE_IN = "ours: a caller presses while the prompt's echo comes back"
TALKER_TONE = "MT8870, third tone tolerance; Q.24, signal simulation"

AT_DBM0 = -12.0  # where something else sounds too
_DIRECTIONS = [(low, high) for low in (-1, 0, 1) for high in (-1, 0, 1) if low or high]

Change = Callable[[Rng, Stroke], Stroke]


def by(percent: float) -> Detune:
    """Off by a part of itself."""
    return lambda hz: percent / 100 * hz


def off(
    percent: float, count: int = 8, *, is_key: bool = True, ms: float | Range = (50, 100)
) -> Callable[[Rng], list[Stroke]]:
    """Keys with one tone or both off by this much, in every direction."""

    def strokes(rng: Rng) -> list[Stroke]:
        ways = [_DIRECTIONS[n] for n in rng.integers(len(_DIRECTIONS), size=count)]
        sent = [
            press(rng, ms=ms, dbm0=AT_DBM0, low=by(low * percent), high=by(high * percent))
            for low, high in ways
        ]
        return sent if is_key else [Stroke("", stroke.sound) for stroke in sent]

    return strokes


def changed(
    change: Change, count: int = 8, ms: Range = (100, 140)
) -> Callable[[Rng], list[Stroke]]:
    """Keys to each of which the line does something."""
    return lambda rng: [change(rng, press(rng, ms=ms)) for _ in range(count)]


def _cut_out(at_ms: float | Range) -> Change:
    """A frame of 20 ms is skipped: what comes after follows at once, in another phase."""

    def change(rng: Rng, stroke: Stroke) -> Stroke:
        at = samples(drawn(rng, at_ms))
        return Stroke(stroke.key, np.delete(stroke.sound, slice(at, at + samples(20))))

    return change


def _put_in(at_ms: float | Range) -> Change:
    """A frame of 20 ms is played twice."""

    def change(rng: Rng, stroke: Stroke) -> Stroke:
        at = samples(drawn(rng, at_ms))
        again = stroke.sound[at - samples(20) : at]
        return Stroke(stroke.key, np.insert(stroke.sound, at, again))

    return change


def _concealed(at_ms: float | Range) -> Change:
    """A lost frame of 20 ms is filled with the one before."""

    def change(rng: Rng, stroke: Stroke) -> Stroke:
        at, length = samples(drawn(rng, at_ms)), samples(20)
        sound = stroke.sound.copy()
        sound[at : at + length] = sound[at - length : at]
        return Stroke(stroke.key, sound)

    return change


def _one_sample_slips(rng: Rng, stroke: Stroke) -> Stroke:
    """Two clocks that disagree: one sample too many or too few, somewhere in the key."""
    at = samples(rng.uniform(5, 90))
    if rng.random() < 0.5:
        return Stroke(stroke.key, np.delete(stroke.sound, at))
    return Stroke(stroke.key, np.insert(stroke.sound, at, stroke.sound[at]))


def _swelling(rise_ms: float) -> Change:
    return lambda rng, stroke: Stroke(stroke.key, shaped(stroke.sound, rise_ms))


def _with_third(hz: float, db: float, *, is_key: bool) -> Callable[[Rng], list[Stroke]]:
    """A third tone that comes and goes with the key, so many dB from each of its tones."""

    def one(rng: Rng) -> Stroke:
        stroke = press(rng, dbm0=AT_DBM0)
        third = sine(rng, hz, AT_DBM0 + db, stroke.sound.size)
        return Stroke(stroke.key if is_key else "", stroke.sound + third)

    return lambda rng: [one(rng) for _ in range(8)]


def _one_after_another(rng: Rng) -> list[Stroke]:
    """Different keys, so that each begin can be heard."""
    names = [rng.choice(list(KEYS))]
    for _ in range(7):
        names.append(rng.choice([key for key in KEYS if key != names[-1]]))
    return [press(rng, name, ms=(50, 80), dbm0=AT_DBM0) for name in names]


def _weaker_in_noise(rng: Rng) -> list[Stroke]:
    """Both edges of twist; the weaker tone is always as loud."""
    twists = rng.choice([4.0, -8.0], size=8)
    return [press(rng, dbm0=-20.0 + abs(twist), twist_db=twist) for twist in twists]


def talk(snr_db: float) -> Callable[[Rng, int], Signal]:
    """Somebody talks all the while, so many dB below each tone as long as the voice sounds."""

    def behind(rng: Rng, length: int) -> Signal:
        voice = vowels(rng, length / RATE_HZ + 0.01, TALKER)[:length]
        sounding = voice[np.abs(voice) > 0]
        return np.asarray(voice * rms(AT_DBM0 - snr_db) / np.sqrt(np.mean(sounding**2)), np.float64)

    return behind


def _echoed(rng: Rng, sound: Signal) -> Signal:
    late = samples(rng.uniform(2, 20))
    echo = np.concatenate([silence(late * 1000 / RATE_HZ), sound])[: sound.size]
    return np.asarray(sound + echo * 10 ** (-10 / 20), np.float64)


def _clipped(rng: Rng, sound: Signal) -> Signal:
    """Amplified by 6 dB past what the converter holds."""
    return np.clip(2 * sound, -32768, 32767)


def _clicks(rng: Rng, length: int) -> Signal:
    """Relays and bad joints: 5 clicks a second, each a few samples and loud."""
    sound = np.zeros(length)
    for at in rng.integers(0, length - 8, size=5 * length // RATE_HZ):
        sound[at : at + rng.integers(1, 8)] += rng.choice([-1, 1]) * peak(rng.uniform(-20, 0))
    return sound


def gsm(rng: Rng, sound: Signal) -> Signal:
    """Through GSM full rate and back, as libsndfile does it."""
    held = BytesIO()
    form = {"samplerate": RATE_HZ, "format": "RAW", "subtype": "GSM610"}
    padded = np.pad(linear(sound), (0, -sound.size % 160))
    soundfile.write(held, padded, **form)
    held.seek(0)
    heard, _ = soundfile.read(held, channels=1, dtype="int16", **form)
    return np.asarray(heard[: sound.size], np.float64)


def _lost_frames(*, is_concealed: bool) -> Callable[[Rng, Signal], Signal]:
    """One packet in thirty never comes, no two of them within 160 ms."""

    def line(rng: Rng, sound: Signal) -> Signal:
        frame, out, at = samples(20), sound.copy(), 1
        while (at := at + 8 + int(rng.geometric(1 / 22))) < sound.size // frame:
            here = slice(at * frame, (at + 1) * frame)
            out[here] = sound[(at - 1) * frame : at * frame] if is_concealed else 0.0
        return out

    return line


def _at(snr_db: float) -> Callable[[Rng, int], Signal]:
    return white(AT_DBM0 - snr_db)


def _dial(db: float, *hz: float) -> Callable[[Rng, int], Signal]:
    return tones(-18.0 + db, *hz)


_SOFT = (-20.0, -16.0)
_AMERICA, _EUROPE = (350.0, 440.0), (425.0,)
_LONG = (100.0, 140.0)

FURTHER: tuple[Item, ...] = (
    Item("1.8 % off", FREQUENCY, call(off(1.8))),
    Item("3.0 % off", FREQUENCY, call(off(3.0, is_key=False))),
    *(
        Item(f"1.5 % off, noise at {snr} dB", FREQUENCY, call(off(1.5), behind=_at(snr)))
        for snr in (20, 15, 12)
    ),
    *(
        Item(
            f"3.5 % off, noise at {snr} dB",
            FREQUENCY,
            call(off(3.5, is_key=False), behind=_at(snr)),
        )
        for snr in (20, 15)
    ),
    *(
        Item(f"twist {twist:+d} dB", TWIST, call(keys(twist_db=twist, dbm0=(-12, -5))))
        for twist in (-12, -10, 6, 8, 10)
    ),
    Item(
        "twist -8 and +4 dB, noise 15 dB under the weaker",
        TWIST,
        call(_weaker_in_noise, behind=white(-35.0)),
    ),
    *(Item(f"{level} dBm0", LEVEL, call(keys(dbm0=level))) for level in (-28, -31, -34, -37, -40)),
    *(Item(f"{ms} ms long", TIMING, call(keys(ms=ms)), is_clean=True) for ms in (28, 32, 36)),
    Item("30 ms apart", TIMING, call(keys(ms=(40, 80)), 30), is_clean=True),
    Item("5 ms apart", TIMING, call(_one_after_another, 5)),
    *(
        Item(
            f"40 ms long, noise at {snr} dB",
            TIMING,
            call(keys(ms=40, dbm0=AT_DBM0), behind=_at(snr)),
        )
        for snr in (20, 12)
    ),
    *(
        Item(
            f"23 ms long, noise at {snr} dB",
            TIMING,
            call(no_keys(ms=23, dbm0=AT_DBM0), behind=_at(snr)),
        )
        for snr in (20, 15, 12)
    ),
    *(
        Item(f"a hole of {ms} ms anywhere", LOST, call(with_holes(ms, (2, 90), (120, 121))))
        for ms in (5, 10, 15, 19, 20)
    ),
    *(
        Item(f"a frame repeated at {ms} ms", LOST, call(changed(_concealed(ms))))
        for ms in (20, 30, 50)
    ),
    Item("a frame cut out at 5 ms", LINE, call(changed(_cut_out(5))), target=99),
    Item("a frame cut out later", LINE, call(changed(_cut_out((30, 70))))),
    Item("a frame played twice", LINE, call(changed(_put_in((20, 90))))),
    Item("a sample slips", LINE, call(changed(_one_sample_slips)), target=None),
    *(
        Item(
            f"rise and fall in {ms} ms",
            LINE,
            call(changed(_swelling(ms), ms=(60, 100))),
            target=target,
        )
        for ms, target in ((2, 100), (5, 100), (7, 100), (10, 99))
    ),
    *(
        Item(
            f"dial tone {' + '.join(f'{f:.0f}' for f in hz)} Hz {db:+d} dB",
            DIAL_TONE,
            call(keys(dbm0=-18.0), behind=_dial(db, *hz)),
        )
        for hz in (_AMERICA, _EUROPE)
        for db in (6, 10)
    ),
    Item(
        "425 Hz +10 dB, 1.5 % off",
        DIAL_TONE,
        call(off(1.5), behind=tones(AT_DBM0 + 10 - 4, 425.0)),
    ),
    Item(
        "350 + 440 Hz, 3.5 % off",
        DIAL_TONE,
        call(off(3.5, is_key=False), behind=tones(AT_DBM0, *_AMERICA)),
    ),
    Item(
        "350 + 440 Hz, 40 ms long",
        DIAL_TONE,
        call(keys(ms=40, dbm0=AT_DBM0), behind=tones(AT_DBM0, *_AMERICA)),
    ),
    Item(
        "350 + 440 Hz, 23 ms long",
        DIAL_TONE,
        call(no_keys(ms=23, dbm0=AT_DBM0), behind=tones(AT_DBM0, *_AMERICA)),
    ),
    *(
        Item(f"noise at {snr} dB", NOISE, call(keys(dbm0=AT_DBM0), behind=_at(snr)), target=target)
        for snr, target in ((12, 100), (9, 100), (6, 99.9))
    ),
    *(
        Item(
            f"a voice {snr} dB below",
            BARGE_IN,
            call(keys(dbm0=AT_DBM0, ms=(60, 120)), behind=talk(snr)),
            target=target,
        )
        for snr, target in ((12, 100), (6, 99))
    ),
    Item("third tone 20 dB below", TALKER_TONE, call(_with_third(2000, -20, is_key=True))),
    Item("1000 Hz as loud", SIMULATION, call(_with_third(1000, 0, is_key=False))),
    Item("2000 Hz 6 dB below", SIMULATION, call(_with_third(2000, -6, is_key=False))),
    Item("an echo 10 dB below", ECHO, call(keys()), line=_echoed, target=None),
    Item("6 dB too loud", LINE, call(keys(dbm0=(-6, 0))), line=_clipped, target=None),
    Item("clicks", NOISE, call(keys(dbm0=AT_DBM0), behind=_clicks), target=None),
    Item("GSM full rate", CODER, call(keys(ms=(60, 120))), line=gsm, target=None),
    Item(
        "packets lost",
        LOST,
        call(keys(ms=_LONG)),
        line=_lost_frames(is_concealed=False),
        target=None,
    ),
    Item(
        "packets lost and filled",
        LOST,
        call(keys(ms=_LONG)),
        line=_lost_frames(is_concealed=True),
        target=None,
    ),
)
