"""Keys in the audio: what a sample costs our detector, beside libspandsp and a plain one in numpy.

By the processor's own clock, over the same audio in pieces of a second, each piece of a kind of its
own: a voice, keys, noise, silence; all four together; and, by itself, a voice that dwells in the
bands of the keys, which nobody's does: the worst there is.
"""

import subprocess
import sys
import time
from collections.abc import Mapping
from functools import partial

import numpy as np

from firmware.bench.beside import ROUNDS, Aim, Compared, Report, Shown, Side, in_turn
from firmware.bench.peers.dtmf import Pcm, hear_plainly, pace_of_spandsp, spandsp
from firmware.bench.vowels import TALKER, Signal, vowels
from routing_core import audio

SECONDS = 30
LAPS = 7
SEED = 1

ALL = "all four, a quarter each"
WORST = "a voice in the keys' bands"
PEER, BASELINE = "spandsp", "plain numpy"


def measure(rounds: int = ROUNDS, shown: Shown = lambda done, of: None) -> Report:
    """Each kind of audio in turn, over each detector that this machine has."""
    kinds = sounds()
    sides: dict[str, Side] = {}
    for kind, pcm in kinds.items():
        sides[kind] = partial(ours_ns, pcm, LAPS)
        sides[f"{kind} {BASELINE}"] = partial(plain_ns, pcm)
        if spandsp() is not None:
            sides[f"{kind} {PEER}"] = partial(pace_of_spandsp, pcm, LAPS)
    runs, noise = in_turn(sides, rounds, shown)
    figures = tuple(
        Compared(
            kind,
            "ns a sample",
            runs[kind],
            {peer: runs[f"{kind} {peer}"] for peer in (PEER, BASELINE) if f"{kind} {peer}" in runs},
            Aim(0.35, PEER) if kind == ALL else None,
        )
        for kind in kinds
    )
    missing = "libspandsp is not installed: .ci/setup proofs brings it"
    return Report(figures, noise, () if spandsp() is not None else (missing,))


def sounds() -> Mapping[str, Pcm]:
    """Half a minute of each kind, A-law coded, as telephones bring it."""
    rng = np.random.default_rng(SEED)
    pressed = [
        np.concatenate([audio.digit(key, ms=70), np.zeros(560, np.int16)])
        for key in rng.choice(list("0123456789*#ABCD"), 300)
    ]
    length = SECONDS * audio.SAMPLE_RATE_HZ
    kinds = {
        "a voice": _linear(vowels(rng, SECONDS, TALKER)),
        "keys": np.concatenate(pressed)[:length],
        "noise": _linear(rng.normal(0, 1000, length)),
        "silence": np.zeros(length, np.int16),
    }
    heard = {kind: _over_a_line(pcm) for kind, pcm in kinds.items()}
    worst = _over_a_line(_linear(vowels(rng, SECONDS)))
    return {ALL: np.concatenate(list(heard.values())), **heard, WORST: worst}


def ours_ns(pcm: Pcm, laps: int) -> float:
    """Our core, in a process of its own as the peer is."""
    command = [sys.executable, "-m", "firmware.bench.pace", str(laps)]
    return float(
        subprocess.run(command, input=pcm.tobytes(), capture_output=True, check=True).stdout
    )


def plain_ns(pcm: Pcm) -> float:
    """The baseline, once."""
    began = time.process_time_ns()
    hear_plainly(pcm)
    return (time.process_time_ns() - began) / len(pcm)


def _linear(sound: Signal) -> Pcm:
    return np.asarray(np.clip(np.rint(sound), -32768, 32767), np.int16)


def _over_a_line(pcm: Pcm) -> Pcm:
    return audio.decode(audio.encode(pcm, audio.Law.ALAW), audio.Law.ALAW)
