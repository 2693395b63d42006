"""Keys in the audio: what a sample costs our detector, beside libspandsp and a plain one in numpy.

Each piece of a kind of its own: a voice, keys, noise, silence; all four together; and, by itself, a
voice that dwells in the bands of the keys, which nobody's does: the worst there is.
"""

from collections.abc import Mapping

import numpy as np

from firmware.bench import heard
from firmware.bench.beside import ROUNDS, Aim, Report, Shown
from firmware.bench.heard import ALL, PEER, over_a_line
from firmware.bench.peers.dtmf import hear_plainly, pace_of_spandsp, spandsp
from firmware.bench.vowels import TALKER, vowels
from routing_core import audio
from routing_core.audio import Pcm

SECONDS = 30
SEED = 1
WORST = "a voice in the keys' bands"


def measure(rounds: int = ROUNDS, shown: Shown = lambda done, of: None) -> Report:
    """Each kind of audio in turn, over each detector that this machine has."""
    peer = None if spandsp() is None else pace_of_spandsp
    aims = {ALL: Aim(0.35, PEER)}
    return heard.beside(sounds(), "dtmf", hear_plainly, peer, aims, rounds, shown)


def sounds() -> Mapping[str, Pcm]:
    """Half a minute of each kind."""
    rng = np.random.default_rng(SEED)
    pressed = [
        np.concatenate([audio.digit(key, ms=70), np.zeros(560, np.int16)])
        for key in rng.choice(list("0123456789*#ABCD"), 300)
    ]
    length = SECONDS * audio.SAMPLE_RATE_HZ
    kinds = {
        "a voice": over_a_line(vowels(rng, SECONDS, TALKER)),
        "keys": over_a_line(np.concatenate(pressed)[:length]),
        "noise": over_a_line(rng.normal(0, 1000, length)),
        "silence": over_a_line(np.zeros(length, np.int16)),
    }
    worst = over_a_line(vowels(rng, SECONDS))
    return {ALL: np.concatenate(list(kinds.values())), **kinds, WORST: worst}
