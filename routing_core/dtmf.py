"""Telephone keys heard in the audio itself: each is told once as it begins and once as it ends."""

from dataclasses import dataclass
from typing import Any

from routing_core._core import ffi, lib
from routing_core.audio import Pcm, lent

# One second at a time, so that the events of any length of audio fit the same room.
_PIECE = 8000


@dataclass(frozen=True, slots=True)
class ToneBegan:
    """A key went down. Samples count from the detector's first one."""

    digit: str
    at_sample: int  # when it truly began
    decided_sample: int  # how much had been heard when we knew


@dataclass(frozen=True, slots=True)
class ToneEnded:
    """The key was let go."""

    digit: str
    at_sample: int
    decided_sample: int


class Detector:
    """One caller's audio, in pieces of any size; the pieces make no difference to the answer."""

    __slots__ = ("_dtmf", "_events")

    def __init__(self) -> None:
        self._dtmf = ffi.new("struct rc_dtmf *")
        self._events = ffi.new("struct rc_dtmf_event[]", 2 * (_PIECE // lib.RC_DTMF_HOP + 1))
        lib.rc_dtmf_init(self._dtmf)

    def feed(self, pcm: Pcm) -> list[ToneBegan | ToneEnded]:
        """Hears more and tells what was decided meanwhile, in order."""
        heard: list[ToneBegan | ToneEnded] = []
        audio = lent(pcm, "int16_t")
        for start in range(0, len(pcm), _PIECE):
            samples = min(_PIECE, len(pcm) - start)
            count = lib.rc_dtmf_feed(
                self._dtmf, audio + start, samples, self._events, len(self._events)
            )
            heard += [_told(self._events[n]) for n in range(count)]
        return heard


def _told(event: Any) -> ToneBegan | ToneEnded:
    kind = ToneBegan if event.kind == lib.RC_DTMF_BEGAN else ToneEnded
    return kind(event.digit.decode("ascii"), event.at_sample, event.decided_sample)
