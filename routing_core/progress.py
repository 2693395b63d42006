"""Call progress: which tone of the telephone network is on the line, and when it ended.

A country's tones and a learned one are the same kind of thing: `Tone`s. `Tones` makes a table of
them once for any number of calls, and `Progress` hears one call by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from routing_core._core import ffi, lib
from routing_core.audio import Pcm, lent

# One tenth of a second at a time, so that the events of any length of audio fit the same room.
_PIECE = 800


class Kind(StrEnum):
    """What a tone says."""

    DIAL = "dial"
    RINGBACK = "ringback"
    BUSY = "busy"
    REORDER = "reorder"  # congestion: no way through
    SIT = "sit"  # special information: a recording will say why not
    FAX_CALLING = "fax calling"  # CNG: a fax machine calls us
    FAX_ANSWER = "fax answer"  # CED and V.25's ANS: a fax machine or modem answered


@dataclass(frozen=True, slots=True)
class Burst:
    """Some frequencies at once, then silence. `on_ms` 0: it goes on. `off_ms` 0: no silence, or
    whatever comes."""

    hz: tuple[float, ...]
    on_ms: int
    off_ms: int = 0


@dataclass(frozen=True, slots=True)
class Tone:
    """Bursts that come round again, and what it takes to be sure."""

    kind: Kind
    bursts: tuple[Burst, ...]
    needed: int = 1  # bursts before it is recognised
    held_ms: int = 100  # silence after the last of them; of a tone that goes on, the tone itself
    off_hz: float = 15.0  # how far each frequency may be off
    off_part: float = 0.15  # how far each duration, besides 15 ms
    faintest_dbm0: float = -40.0


@dataclass(frozen=True, slots=True)
class Recognised:
    """This tone is on the line. Samples count from the first one heard."""

    kind: Kind
    at_sample: int  # when the first burst we are sure by began
    decided_sample: int  # how much had been heard when we knew


@dataclass(frozen=True, slots=True)
class Ended:
    """The tone recognised is over."""

    kind: Kind
    at_sample: int  # when its last burst ended
    decided_sample: int


@dataclass(frozen=True, slots=True)
class Beep:
    """One pure tone, then quiet: an answering machine now listens."""

    at_sample: int
    decided_sample: int


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing but the line's own noise for as long as was asked."""

    at_sample: int  # when it began
    decided_sample: int


Event = Recognised | Ended | Beep | Silence


class Tones:
    """A table of tones, made once and shared by any number of calls."""

    __slots__ = ("_table", "tones")

    def __init__(self, tones: Sequence[Tone]) -> None:
        entries = ffi.new("struct rc_progress_tone[]", max(1, len(tones)))
        for entry, tone in zip(entries, tones, strict=False):
            _fill(entry, tone)
        self._table = ffi.new("struct rc_progress_table *")
        self.tones = tuple(tones)
        match lib.rc_progress_table_init(self._table, entries, len(tones)):
            case lib.RC_FULL:
                raise ValueError(
                    f"{len(tones)} tones do not fit: a table holds {lib.RC_PROGRESS_TONES} tones of"
                    f" {lib.RC_PROGRESS_CHORDS} different sets of frequencies"
                )
            case lib.RC_BAD:
                raise ValueError(next(_faults(tones)))


def _fill(entry: Any, tone: Tone) -> None:
    if not 1 <= len(tone.bursts) <= lib.RC_PROGRESS_BURSTS:
        raise ValueError(f"{tone.kind}: a tone has 1 to {lib.RC_PROGRESS_BURSTS} bursts")
    entry.bursts, entry.needed, entry.held_ms = len(tone.bursts), tone.needed, tone.held_ms
    entry.off_hz, entry.off_part = tone.off_hz, tone.off_part
    entry.faintest = 10 ** (tone.faintest_dbm0 / 10)
    for place, burst in zip(entry.burst, tone.bursts, strict=False):
        if not 1 <= len(burst.hz) <= lib.RC_PROGRESS_LINES:
            raise ValueError(f"{tone.kind}: a burst has 1 to {lib.RC_PROGRESS_LINES} frequencies")
        for n, hz in enumerate(sorted(burst.hz)):
            place.hz[n] = hz
        place.on_ms, place.off_ms = burst.on_ms, burst.off_ms


def _faults(tones: Sequence[Tone]) -> Any:
    """What C found outside its bounds, as a sentence each."""
    for tone in tones:
        for burst in tone.bursts:
            if not all(200 <= hz <= 3400 for hz in burst.hz) or len({*burst.hz}) < len(burst.hz):
                yield f"{tone.kind}: {burst.hz} Hz: frequencies differ and lie from 200 to 3400 Hz"
            if burst.on_ms == 0 and (len(tone.bursts) > 1 or burst.off_ms):
                yield f"{tone.kind}: a burst that goes on is the only one and has no silence"
            if not all(ms == 0 or 80 <= ms <= 20_000 for ms in (burst.on_ms, burst.off_ms)):
                yield f"{tone.kind}: {burst}: bursts and silences last 80 to 20,000 ms"
        if not 1 <= tone.needed <= 6:
            yield f"{tone.kind}: 1 to 6 bursts can be needed, not {tone.needed}"
        if not -60 <= tone.faintest_dbm0 <= 0:
            yield f"{tone.kind}: a tone is heard from -60 to 0 dBm0, not {tone.faintest_dbm0}"
    yield "a tone may be off by 1-50 Hz and 0-40 % of its durations, and be held up to 20,000 ms"


class Progress:
    """One call's audio, in pieces of any size; the pieces make no difference to the answer."""

    __slots__ = ("_events", "_progress", "_tones")

    def __init__(
        self, tones: Tones, *, silence_ms: int | None = None, hears_beeps: bool = False
    ) -> None:
        if silence_ms is not None and not 0 < silence_ms < 1 << 32:
            raise ValueError(f"silence is told after {silence_ms} ms: give 1 ms or more, or None")
        self._tones = tones
        self._progress = ffi.new("struct rc_progress *")
        self._events = ffi.new(
            "struct rc_progress_event[]",
            lib.RC_PROGRESS_EVENTS * (_PIECE // lib.RC_PROGRESS_HOP + 1),
        )
        lib.rc_progress_init(self._progress, silence_ms or 0, hears_beeps)

    def feed(self, pcm: Pcm) -> list[Event]:
        """Hears more and tells what was decided meanwhile, in order."""
        heard: list[Event] = []
        audio = lent(pcm, "int16_t")
        for start in range(0, len(pcm), _PIECE):
            count = lib.rc_progress_feed(
                self._progress, self._tones._table, audio + start,
                min(_PIECE, len(pcm) - start), self._events, len(self._events),
            )  # fmt: skip
            heard += [self._told(self._events[n]) for n in range(count)]
        return heard

    def _told(self, event: Any) -> Event:
        when = (event.at_sample, event.decided_sample)
        match event.kind:
            case lib.RC_PROGRESS_BEEP:
                return Beep(*when)
            case lib.RC_PROGRESS_SILENCE:
                return Silence(*when)
            case lib.RC_PROGRESS_RECOGNISED:
                return Recognised(self._tones.tones[event.tone].kind, *when)
            case lib.RC_PROGRESS_ENDED:
                return Ended(self._tones.tones[event.tone].kind, *when)
            case _:
                raise AssertionError(f"the core told an event of kind {event.kind}")
