"""What a sample costs one of our detectors, as a program: raw samples in, ns a sample out.

    python -m firmware.bench.pace dtmf LAPS < SAMPLES
    python -m firmware.bench.pace progress LAPS < TABLE and SAMPLES

A process of its own that knows no numpy, as the peer's knows none and the engine's thread: what
numpy leaves in the wide registers slows whoever computes after it in the same thread, two or three
times, and no caller's audio is heard there. So the table of tones, which Python makes, comes in.
"""

import sys
import time
from collections.abc import Callable
from typing import BinaryIO

from routing_core._core import ffi, lib

PIECE = 8000  # samples: a second at a time, as the peer is fed
SILENCE_MS = 10_000

Feed = Callable[[ffi.CData, int], object]


def main(detector: str, laps: int) -> None:
    """Standard input, heard so many times by one detector."""
    feed = DETECTORS[detector](sys.stdin.buffer)
    pcm = ffi.from_buffer("int16_t[]", sys.stdin.buffer.read())
    pieces = [(pcm + start, min(PIECE, len(pcm) - start)) for start in range(0, len(pcm), PIECE)]
    began = time.process_time_ns()
    for _ in range(laps):
        for samples, count in pieces:
            feed(samples, count)
    print((time.process_time_ns() - began) / (len(pcm) * laps))  # noqa: T201 - its one answer


def _dtmf(_before: BinaryIO) -> Feed:
    dtmf = ffi.new("struct rc_dtmf *")
    room = 2 * (PIECE // 8)
    events = ffi.new("struct rc_dtmf_event[]", room)
    lib.rc_dtmf_init(dtmf)
    return lambda samples, count: lib.rc_dtmf_feed(dtmf, samples, count, events, room)


def _progress(before: BinaryIO) -> Feed:
    """It listens for beeps and silence too."""
    table = ffi.new("struct rc_progress_table *")
    size = ffi.sizeof("struct rc_progress_table")
    ffi.memmove(table, before.read(size), size)
    state = ffi.new("struct rc_progress *")
    lib.rc_progress_init(state, SILENCE_MS, True)
    room = lib.RC_PROGRESS_EVENTS * (PIECE // lib.RC_PROGRESS_HOP + 1)
    events = ffi.new("struct rc_progress_event[]", room)
    return lambda samples, count: lib.rc_progress_feed(state, table, samples, count, events, room)


DETECTORS: dict[str, Callable[[BinaryIO], Feed]] = {"dtmf": _dtmf, "progress": _progress}

if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
