"""Call progress: what a sample costs our detector, beside libspandsp's and a plain one in numpy.

One table (that of the United States) in all of them and the same audio: a busy line, somebody who
talks, noise, silence; and all four together. Ours listens for beeps and silence too.
"""

from collections.abc import Mapping
from functools import partial

import numpy as np

from firmware.bench import heard
from firmware.bench.beside import ROUNDS, Report, Shown
from firmware.bench.heard import ALL, over_a_line
from firmware.bench.peers.progress import hear_plainly, pace_of_spandsp, spandsp_tones
from firmware.bench.vowels import TALKER, vowels
from routing_core import audio
from routing_core._core import ffi
from routing_core.audio import Pcm
from routing_core.national import COUNTRIES
from routing_core.progress import Tones

SECONDS = 10
SEED = 1


def measure(rounds: int = ROUNDS, shown: Shown = lambda done, of: None) -> Report:
    """Each kind of audio in turn, over each detector that this machine has."""
    tones = COUNTRIES["us"]
    peer = None if spandsp_tones() is None else partial(pace_of_spandsp, tones)
    plainly = partial(hear_plainly, tones)
    table = bytes(ffi.buffer(Tones(tones)._table))
    return heard.beside(sounds(), "progress", plainly, peer, {}, rounds, shown, table=table)


def sounds() -> Mapping[str, Pcm]:
    """Ten seconds of each kind."""
    rng = np.random.default_rng(SEED)
    length = SECONDS * audio.SAMPLE_RATE_HZ
    burst = audio.tone_pair(480, 620, dbm0=(-15, -15), ms=500)
    busy = np.concatenate([burst, np.zeros(len(burst), np.int16)])
    kinds = {
        "a busy line": over_a_line(np.tile(busy, SECONDS)[:length]),
        "a voice": over_a_line(vowels(rng, SECONDS, TALKER)),
        "noise": over_a_line(rng.normal(0, 1000, length)),
        "silence": over_a_line(np.zeros(length, np.int16)),
    }
    return {ALL: np.concatenate(list(kinds.values())), **kinds}
