"""Call progress: what a sample costs our detector, beside libspandsp's and a plain one in numpy.

By the processor's own clock, with one table (that of the United States) in all of them and over the
same audio: a busy line, somebody who talks, noise, silence; and all four together.
"""

import time
from collections.abc import Mapping
from functools import partial

import numpy as np

from firmware.bench.beside import ROUNDS, Compared, Report, Shown, Side, in_turn
from firmware.bench.peers.progress import hear_plainly, pace_of_spandsp, spandsp_tones
from firmware.bench.vowels import TALKER, Signal, vowels
from routing_core import audio
from routing_core._core import ffi, lib
from routing_core.audio import Pcm
from routing_core.national import COUNTRIES
from routing_core.progress import Progress, Tones

SECONDS = 10
LAPS = 10
PIECE = audio.SAMPLE_RATE_HZ
SEED = 1
TONES = COUNTRIES["us"]

ALL = "all four, a quarter each"
PEER, BASELINE = "spandsp", "plain numpy"


def measure(rounds: int = ROUNDS, shown: Shown = lambda done, of: None) -> Report:
    """Each kind of audio in turn, over each detector that this machine has."""
    kinds = sounds()
    sides: dict[str, Side] = {}
    for kind, pcm in kinds.items():
        sides[kind] = partial(ours_ns, pcm, LAPS)
        sides[f"{kind} {BASELINE}"] = partial(plain_ns, pcm)
        if spandsp_tones() is not None:
            sides[f"{kind} {PEER}"] = partial(pace_of_spandsp, TONES, pcm, LAPS)
    runs, noise = in_turn(sides, rounds, shown)
    figures = tuple(
        Compared(
            kind,
            "ns a sample",
            runs[kind],
            {peer: runs[f"{kind} {peer}"] for peer in (PEER, BASELINE) if f"{kind} {peer}" in runs},
        )
        for kind in kinds
    )
    missing = "libspandsp is not installed: .ci/setup proofs brings it"
    return Report(figures, noise, () if spandsp_tones() is not None else (missing,))


def sounds() -> Mapping[str, Pcm]:
    """Ten seconds of each kind, A-law coded, as a line brings it."""
    rng = np.random.default_rng(SEED)
    length = SECONDS * audio.SAMPLE_RATE_HZ
    burst = audio.tone_pair(480, 620, dbm0=(-15, -15), ms=500)
    busy = np.concatenate([burst, np.zeros(len(burst), np.int16)])
    kinds = {
        "a busy line": np.tile(busy, SECONDS)[:length],
        "a voice": _linear(vowels(rng, SECONDS, TALKER)),
        "noise": _linear(rng.normal(0, 1000, length)),
        "silence": np.zeros(length, np.int16),
    }
    heard = {kind: _over_a_line(pcm) for kind, pcm in kinds.items()}
    return {ALL: np.concatenate(list(heard.values())), **heard}


def ours_ns(pcm: Pcm, laps: int) -> float:
    """Our core, fed a second at a time as the peer is, and listening for beeps and silence too."""
    hearer = Progress(Tones(TONES), silence_ms=10_000, hears_beeps=True)
    room = lib.RC_PROGRESS_EVENTS * (PIECE // lib.RC_PROGRESS_HOP + 1)
    events = ffi.new("struct rc_progress_event[]", room)
    pieces = [
        (audio.lent(piece, "int16_t"), len(piece))
        for piece in (pcm[start : start + PIECE] for start in range(0, len(pcm), PIECE))
    ]
    began = time.process_time_ns()
    for _ in range(laps):
        for samples, count in pieces:
            lib.rc_progress_feed(
                hearer._progress, hearer._tones._table, samples, count, events, room
            )
    return (time.process_time_ns() - began) / (len(pcm) * laps)


def plain_ns(pcm: Pcm) -> float:
    """The baseline, once."""
    began = time.process_time_ns()
    hear_plainly(TONES, pcm)
    return (time.process_time_ns() - began) / len(pcm)


def _linear(sound: Signal) -> Pcm:
    return np.asarray(np.clip(np.rint(sound), -32768, 32767), np.int16)


def _over_a_line(pcm: Pcm) -> Pcm:
    return audio.decode(audio.encode(pcm, audio.Law.ALAW), audio.Law.ALAW)
