"""The audio core: how many times faster than real time a core of this machine does each thing.

Sixty-four callers' frames of 20 ms go in one call, as a switch would do it, beside the same samples
in plain Python, numpy, audioop where Python still has it, and a plain C table. By the processor's
own clock. What a call costs by itself stands below, in nanoseconds.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from firmware.bench import dtmf
from firmware.bench.beside import ROUNDS, Aim, Compared, Report, Shown, in_turn
from firmware.bench.heard import ALL
from firmware.bench.peers import audio as peers
from routing_core._core import ffi, lib
from routing_core.audio import (
    SAMPLE_RATE_HZ,
    Codes,
    Law,
    Pcm,
    decode,
    encode,
    lent,
    level_dbm0,
    levels_dbm0,
)
from routing_core.dtmf import Detectors
from routing_core.mix import Gain, mix

CALLERS = 64
FRAME = SAMPLE_RATE_HZ // 50
FRAMES = 50  # a second, which the nearer caches hold
LAPS = 20
CALLS = 20_000

OURS, TABLE, NUMPY, PYTHON, AUDIOOP = "CareLine", "C table", "numpy", "plain Python", "audioop"
CHAIN = "alaw decode, keys, level, mix, encode"
AIM = Aim(20_000, at_most=False)


@dataclass(frozen=True, slots=True)
class Callers:
    """What all of them say, frame by frame, and a frame of what is spoken to them."""

    said: list[Pcm]  # each callers x samples
    codes: Mapping[Law, list[Codes]]
    spoken: Pcm


@dataclass(frozen=True, slots=True)
class Trial:
    """One thing done by somebody, to a frame of all callers at a time."""

    what: str
    who: str
    work: Callable[[int], object]
    frames: int = FRAMES
    laps: int = LAPS

    def times_real_time(self) -> float:
        """Seconds of calls by a second of the processor's."""
        began = time.process_time_ns()
        for _ in range(self.laps):
            for n in range(self.frames):
                self.work(n)
        spent_ns = time.process_time_ns() - began
        return self.laps * self.frames * CALLERS * FRAME / SAMPLE_RATE_HZ / (spent_ns / 1e9)


def measure(rounds: int = ROUNDS, shown: Shown = lambda done, of: None) -> Report:
    """Everything in turn, by us and by all who are here."""
    callers = sixty_four()
    by_name: dict[str, Callable[[], float]] = {
        f"{trial.who} {trial.what}": trial.times_real_time for trial in trials(callers)
    }
    tables = dict(_tables(callers)) if peers.table() is not None else {}
    calls = dict(_calls(callers))
    runs, noise = in_turn(by_name | tables | calls, rounds, shown)
    figures = [
        Compared(
            trial.what,
            "x real time",
            runs[f"{OURS} {trial.what}"],
            {
                peer: runs[f"{peer} {trial.what}"]
                for peer in (TABLE, AUDIOOP, NUMPY, PYTHON)
                if f"{peer} {trial.what}" in runs
            },
            AIM if trial.what == CHAIN else None,
        )
        for trial in trials(callers)
        if trial.who == OURS
    ]
    figures += [Compared(what, "ns", runs[what], {}) for what in calls]
    return Report(tuple(figures), noise, tuple(_missing()))


def sixty_four() -> Callers:
    """Voices, keys, noise and silence: each caller is elsewhere in the same forty seconds."""
    heard = dtmf.sounds()[ALL]
    apart = len(heard) // CALLERS
    everything = np.stack([np.roll(heard, n * apart)[: FRAMES * FRAME] for n in range(CALLERS)])
    said = [frame.copy() for frame in np.split(everything, FRAMES, axis=1)]
    codes = {law: [encode(frame, law) for frame in said] for law in Law}
    return Callers(said, codes, said[0][::-1].copy())


def trials(callers: Callers) -> Iterator[Trial]:
    """Ours first of each thing."""
    for law in Law:
        yield from _g711(callers, law)
    yield from _mix(callers)
    yield from _level(callers)
    yield _chain(callers, Law.ALAW, CHAIN)
    yield _chain(callers, Law.ULAW, "the same in ulaw")


def _g711(callers: Callers, law: Law) -> Iterator[Trial]:
    said, codes = callers.said, callers.codes[law]
    pcm, out = np.empty_like(said[0]), np.empty_like(codes[0])
    listed, raw = peers.as_list(said[0]), codes[0].tobytes()
    to_codes, to_pcm = f"{law} encode", f"{law} decode"
    yield Trial(to_codes, OURS, lambda n: encode(said[n], law, out=out))
    yield Trial(to_codes, NUMPY, lambda n: peers.encode_by_numpy(said[n], law), laps=1)
    yield Trial(to_codes, PYTHON, lambda _: peers.encode_plainly(listed, law), frames=2, laps=1)
    yield Trial(to_pcm, OURS, lambda n: decode(codes[n], law, out=pcm))
    yield Trial(to_pcm, NUMPY, lambda n: peers.decode_by_numpy(codes[n], law), laps=1)
    yield Trial(to_pcm, PYTHON, lambda _: peers.decode_plainly(raw, law), frames=2, laps=1)
    audioop = peers.audioop()
    if audioop is not None:
        coder = audioop.lin2alaw if law is Law.ALAW else audioop.lin2ulaw
        decoder = audioop.alaw2lin if law is Law.ALAW else audioop.ulaw2lin
        yield Trial(to_codes, AUDIOOP, lambda n: coder(said[n], 2), frames=10, laps=1)
        yield Trial(to_pcm, AUDIOOP, lambda n: decoder(codes[n], 2), laps=1)


def _mix(callers: Callers) -> Iterator[Trial]:
    said, spoken = callers.said, callers.spoken
    out, music = np.empty_like(spoken), Gain(-12, channels=CALLERS)
    listed, also_listed = peers.as_list(said[0]), peers.as_list(spoken)
    yield Trial("mix", OURS, lambda n: mix(said[n], spoken, out=out))
    yield Trial("mix", NUMPY, lambda n: peers.mix_by_numpy(said[n], spoken), laps=1)
    yield Trial("mix", PYTHON, lambda _: peers.mix_plainly(listed, also_listed), frames=2, laps=1)
    audioop = peers.audioop()
    if audioop is not None:
        yield Trial("mix", AUDIOOP, lambda n: audioop.add(said[n], spoken, 2), laps=1)
    yield Trial("music under a prompt", OURS, lambda n: music.mix(said[n], onto=out))


def _level(callers: Callers) -> Iterator[Trial]:
    said, listed = callers.said, peers.as_list(callers.said[0])
    yield Trial("level", OURS, lambda n: levels_dbm0(said[n]))
    yield Trial("level", NUMPY, lambda n: peers.level_by_numpy(said[n]), laps=1)
    yield Trial("level", PYTHON, lambda _: peers.level_plainly(listed), frames=2, laps=1)
    audioop = peers.audioop()
    if audioop is not None:
        yield Trial("level", AUDIOOP, lambda n: audioop.rms(said[n], 2), laps=1)


def _chain(callers: Callers, law: Law, what: str) -> Trial:
    """What a gateway does for each caller, twenty milliseconds at a time."""
    codes, pcm = callers.codes[law], np.empty_like(callers.spoken)
    out, keys = np.empty_like(codes[0]), Detectors(CALLERS)

    def twenty_ms(n: int) -> None:
        decode(codes[n], law, out=pcm)
        keys.feed(pcm)
        levels_dbm0(pcm)
        mix(pcm, callers.spoken, out=pcm)
        encode(pcm, law, out=out)

    return Trial(what, OURS, twenty_ms, laps=1)


def _tables(callers: Callers) -> Iterator[tuple[str, Callable[[], float]]]:
    """In a process of its own, over the same samples."""
    pcm = np.concatenate([frame.ravel() for frame in callers.said])
    for law in Law:
        yield f"{TABLE} {law} encode", partial(_pace_of_table, f"{law}-encode", pcm)
        yield f"{TABLE} {law} decode", partial(_pace_of_table, f"{law}-decode", pcm)
    yield f"{TABLE} mix", partial(_pace_of_table, "mix", pcm)


def _pace_of_table(what: str, pcm: Pcm) -> float:
    return 1e9 / SAMPLE_RATE_HZ / peers.pace_of_table(what, pcm, LAPS)


def _calls(callers: Callers) -> Iterator[tuple[str, Callable[[], float]]]:
    """The border itself: nothing, a buffer lent for nothing, a frame through all our checks."""
    frame = callers.said[0][0].copy()
    nobody = lent(frame, "int16_t")
    yield "a call into C", partial(_ns, lambda: lib.rc_level_dbm0(nobody, 0))
    yield (
        "the same with a buffer lent",
        partial(_ns, lambda: lib.rc_level_dbm0(ffi.from_buffer("int16_t[]", frame), 0)),
    )
    yield "a frame's level, all checked", partial(_ns, lambda: level_dbm0(frame))


def _ns(call: Callable[[], object]) -> float:
    began = time.process_time_ns()
    for _ in range(CALLS):
        call()
    return (time.process_time_ns() - began) / CALLS


def _missing() -> Iterator[str]:
    if peers.table() is None:
        yield "gcc is not installed, so the C table is left out"
    if peers.audioop() is None:
        yield "this Python has no audioop any more"
