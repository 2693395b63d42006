"""What of a recorded message is worth hearing: no silence around it, no long pauses in it.

Speech is told from noise by level alone, cautiously: what is cut is hardly above the noise, and
where the two cannot be told apart nothing is cut. Messages in mailboxes stay whole; this is for
whoever listens.
"""

import numpy as np

from routing_core._core import ffi, lib
from routing_core.audio import SAMPLE_RATE_HZ, Pcm, lent

# Kept before and after speech: the softest beginnings and endings of words are shorter.
AROUND_MS = 200
# A speaker's thinking pause; what is longer tells a listener nothing more.
LONGEST_PAUSE_MS = 1000


def threshold_dbm0(pcm: Pcm) -> float:
    """What is louder, in a block of 20 ms, counts as speech in this message."""
    level: float = lib.rc_trim_threshold_dbm0(lent(pcm, "int16_t"), len(pcm))
    return level


def keeps(
    pcm: Pcm, *, longest_pause_ms: int = LONGEST_PAUSE_MS, around_ms: int = AROUND_MS
) -> list[tuple[int, int]]:
    """Where to listen: the first sample of each span and the first after it, in order."""
    if not 0 < 2 * around_ms <= longest_pause_ms:
        raise ValueError(
            f"a pause of {longest_pause_ms} ms: what stays around speech is {2 * around_ms} ms"
        )
    pause = longest_pause_ms * SAMPLE_RATE_HZ // 1000
    around = around_ms * SAMPLE_RATE_HZ // 1000
    spans = ffi.new("struct rc_span[]", len(pcm) // pause + 1)
    count = ffi.new("size_t *")
    lib.rc_trim(
        lent(pcm, "int16_t"), len(pcm), threshold_dbm0(pcm), around, pause, spans, len(spans), count
    )
    return [(spans[n].start, spans[n].end) for n in range(count[0])]


def trimmed(pcm: Pcm, *, longest_pause_ms: int = LONGEST_PAUSE_MS) -> Pcm:
    """The message as it is played to somebody; empty where nothing is in it."""
    spans = keeps(pcm, longest_pause_ms=longest_pause_ms)
    return np.concatenate([pcm[start:end] for start, end in spans] or [pcm[:0]])
