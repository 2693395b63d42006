"""What a sample costs our DTMF detector, as a program: raw samples in, ns a sample out.

A process of its own, as the peer's is and the engine's thread is: what numpy leaves in the wide
registers slows whoever computes after it in the same thread, and no caller's audio is heard there.
"""

import sys
import time

from routing_core._core import ffi, lib

PIECE = 8000  # samples: a second at a time, as the peer is fed


def main(laps: int) -> None:
    """Standard input, heard so many times by one detector."""
    pcm = ffi.from_buffer("int16_t[]", sys.stdin.buffer.read())
    pieces = [(pcm + start, min(PIECE, len(pcm) - start)) for start in range(0, len(pcm), PIECE)]
    dtmf = ffi.new("struct rc_dtmf *")
    room = 2 * (PIECE // 8)
    events = ffi.new("struct rc_dtmf_event[]", room)
    lib.rc_dtmf_init(dtmf)
    began = time.process_time_ns()
    for _ in range(laps):
        for samples, count in pieces:
            lib.rc_dtmf_feed(dtmf, samples, count, events, room)
    print((time.process_time_ns() - began) / (len(pcm) * laps))  # noqa: T201 - its one answer


if __name__ == "__main__":
    main(int(sys.argv[1]))
