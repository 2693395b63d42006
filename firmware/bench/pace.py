"""What a sample costs one of our detectors, as a program: raw samples in, ns a sample out.

    python -m firmware.bench.pace dtmf|progress LAPS < RAW

A process of its own, as the peer's is and the engine's thread is: what numpy leaves in the wide
registers slows whoever computes after it in the same thread, and no caller's audio is heard there.
"""

import sys
import time
from collections.abc import Callable

from routing_core._core import ffi, lib
from routing_core.national import COUNTRIES
from routing_core.progress import Progress, Tones

PIECE = 8000  # samples: a second at a time, as the peer is fed
COUNTRY = "us"

Feed = Callable[[ffi.CData, int], object]


def main(detector: str, laps: int) -> None:
    """Standard input, heard so many times by one detector."""
    pcm = ffi.from_buffer("int16_t[]", sys.stdin.buffer.read())
    pieces = [(pcm + start, min(PIECE, len(pcm) - start)) for start in range(0, len(pcm), PIECE)]
    feed = DETECTORS[detector]()
    began = time.process_time_ns()
    for _ in range(laps):
        for samples, count in pieces:
            feed(samples, count)
    print((time.process_time_ns() - began) / (len(pcm) * laps))  # noqa: T201 - its one answer


def _dtmf() -> Feed:
    dtmf = ffi.new("struct rc_dtmf *")
    room = 2 * (PIECE // 8)
    events = ffi.new("struct rc_dtmf_event[]", room)
    lib.rc_dtmf_init(dtmf)
    return lambda samples, count: lib.rc_dtmf_feed(dtmf, samples, count, events, room)


def _progress() -> Feed:
    hearer = Progress(Tones(COUNTRIES[COUNTRY]), silence_ms=10_000, hears_beeps=True)
    room = lib.RC_PROGRESS_EVENTS * (PIECE // lib.RC_PROGRESS_HOP + 1)
    events = ffi.new("struct rc_progress_event[]", room)
    state, table = hearer._progress, hearer._tones._table
    return lambda samples, count: lib.rc_progress_feed(state, table, samples, count, events, room)


DETECTORS: dict[str, Callable[[], Feed]] = {"dtmf": _dtmf, "progress": _progress}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
