"""Telephone keys heard in the audio itself: each is told once as it begins and once as it ends."""

from dataclasses import dataclass
from enum import IntFlag
from typing import Any

from routing_core._core import ffi, lib
from routing_core.audio import Pcm, channels_of, lent, lent_channels

# One second at a time, so that the events of any length of audio fit the same room.
_PIECE = 8000
_ROOM = 2 * (_PIECE // lib.RC_DTMF_HOP + 1)


class Mode(IntFlag):
    """What a key may be believed in, from the surest on."""

    CLEAN = lib.RC_DTMF_CLEAN  # two tones and next to nothing else
    NOISY = lib.RC_DTMF_NOISY  # risen out of the noise, hum or dial tone that was there before
    ECHOED = lib.RC_DTMF_ECHOED  # in tune over speech, such as a prompt's echo


@dataclass(frozen=True, slots=True)
class ToneBegan:
    """A key went down. Samples count from the detector's first one."""

    digit: str
    at_sample: int  # when it truly began
    decided_sample: int  # how much had been heard when we knew
    mode: Mode  # what it was believed in
    rest: float  # what else was heard, as a part of the two tones' energy


@dataclass(frozen=True, slots=True)
class ToneEnded:
    """The key was let go."""

    digit: str
    at_sample: int
    decided_sample: int


class Detector:
    """One caller's audio, in pieces of any size; the pieces make no difference to the answer."""

    __slots__ = ("_dtmf", "_events")

    def __init__(self, modes: Mode = Mode.CLEAN | Mode.NOISY | Mode.ECHOED) -> None:
        self._dtmf = ffi.new("struct rc_dtmf *")
        self._events = ffi.new("struct rc_dtmf_event[]", _ROOM)
        lib.rc_dtmf_init(self._dtmf)
        self._dtmf.modes = modes

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


class Detectors:
    """Many callers at once: the same as a detector for each, in one call for all."""

    __slots__ = ("_counts", "_dtmf", "_events")

    def __init__(self, channels: int) -> None:
        if channels < 1:
            raise ValueError(f"{channels} channels: there is at least one")
        self._dtmf = ffi.new("struct rc_dtmf[]", channels)
        self._events = ffi.new("struct rc_dtmf_event[]", channels * _ROOM)
        self._counts = ffi.new("size_t[]", channels)
        for channel in range(channels):
            lib.rc_dtmf_init(self._dtmf + channel)

    def feed(self, pcm: Pcm) -> list[tuple[int, ToneBegan | ToneEnded]]:
        """Hears as much more of each, at most a second: what was decided, and of which channel."""
        audio = lent_channels(pcm, "int16_t")
        channels, samples = channels_of(pcm), pcm.shape[-1]
        if channels != len(self._counts):
            raise ValueError(f"{channels} channels for {len(self._counts)} detectors")
        if samples > _PIECE:
            raise ValueError(f"{samples} samples of each channel: at most {_PIECE} at once")
        lib.rc_dtmf_feed_each(
            self._dtmf, channels, audio, samples, self._events, _ROOM, self._counts
        )
        return [
            (channel, _told(self._events[channel * _ROOM + n]))
            for channel, count in enumerate(ffi.unpack(self._counts, channels))
            for n in range(count)
        ]


def _told(event: Any) -> ToneBegan | ToneEnded:
    digit, at, decided = event.digit.decode("ascii"), event.at_sample, event.decided_sample
    if event.kind == lib.RC_DTMF_ENDED:
        return ToneEnded(digit, at, decided)
    return ToneBegan(digit, at, decided, Mode(event.mode), event.rest)
