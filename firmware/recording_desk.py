"""Talks that are recorded: the legs that listen, the parts that are sealed, and their rows.

A leg that listens takes a place in the engine as a caller does, so none is sent for while fewer
than LEAVES places are free: callers go first. Whatever fails here is told to the call logic, which
writes it down and tries again; no talk ends for it.
"""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, assert_never
from uuid import uuid4

import numpy as np
import structlog
from numpy.typing import NDArray

from firmware import topics
from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.asterisk.translate import Translator
from firmware.asterisk.wire import WireError
from firmware.backlog import Backlog
from firmware.ledger import Moment
from firmware.legs import Legs
from firmware.recorder import Failed, Kept, Recorder
from firmware.recordings import UNKEPT, PartBegan, PartEnded, PartKept
from ivr import commands, events
from routing_core import audio
from routing_core.media import Chunk, Media

PART_S = 4 * 3600.0
LEAVES = 8  # places of the engine, for callers
# One high tone: it goes on. Two low ones: it does not.
TONES = {commands.Sound.ON: (1400.0,), commands.Sound.OFF: (500.0, 500.0)}
TONE_MS, TONE_DBM0 = 250.0, -15.0
TONE_TAG = 0
NO_ROOM = "the engine has no place left"
NEVER_BEGAN = "it never began"
LONGEST = "as long as a part may be"

log = structlog.get_logger(__name__)


class RecordingDesk:
    """The recordings of one running exchange. `recorder` is there once callers are."""

    def __init__(
        self,
        *,
        media: Media,
        places: int,
        legs: Legs,
        link: Link,
        translator: Translator,
        backlog: Backlog,
        recorder: Recorder[Chunk],
        tell: Callable[[events.Event], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
        is_full: Callable[[], bool],
    ) -> None:
        """`is_full` says that there is no room for a recording."""
        self._media = media
        self._places = places
        self._legs = legs
        self._link = link
        self._translator = translator
        self._backlog = backlog
        self._recorder = recorder
        self._tell = tell
        self._start = start
        self._is_full = is_full
        self._tones = {sound: [media.load(_tone(*hz))] for sound, hz in TONES.items()}
        self._parts: dict[str, str] = {}  # by tap: the part that the engine records
        self._taps: dict[str, str] = {}  # by part, until it is kept or lost

    def perform(self, order: commands.TalkCommand) -> None:
        """Carry out an order of the call logic."""
        match order:
            case commands.Tap():
                self._start(self._tap(order))
            case commands.Untap(tap=tap):
                self._legs.untap(tap)
                if (handle := self._legs.handle(tap)) is not None:
                    self._legs.leaving(tap)
                    self._media.close(handle)
            case commands.RecordPart():
                self._record(order)
            case commands.StopPart():
                self._stop(order)
            case commands.SoundTone(tap=tap, sound=sound):
                if (handle := self._legs.handle(tap)) is not None:
                    self._media.play(handle, self._tones[sound], tag=TONE_TAG)
            case _:
                assert_never(order)

    async def _tap(self, order: commands.Tap) -> None:
        if self._places - self._media.stats().calls <= LEAVES:
            self._tell(events.TapEnded(order.tap, NO_ROOM))
            return
        self._legs.tapped(order.tap)
        try:
            await self._link.send(*self._translator.tap(order.call, order.tap))
        except (ActionFailed, LinkDown, WireError) as refused:
            self._legs.untap(order.tap)
            self._tell(events.TapEnded(order.tap, f"Asterisk refuses ({refused})"))

    # ---- parts ----

    def _record(self, order: commands.RecordPart) -> None:
        handle = self._legs.handle(order.tap)
        if handle is None:
            return  # it has just ended, and that is told
        if self._is_full():
            self._tell(events.PartFailed(order.tap, "there is no room"))
            return
        self._row_ends(order.tap, LONGEST)
        part = str(uuid4())
        self._parts[order.tap], self._taps[part] = part, order.tap
        self._backlog.put([PartBegan(part, order.call, order.mailbox, Moment.now())])
        self._recorder.expect(order.tap, order.mailbox, urgent=False, message=part, of=order.call)
        self._media.record(handle, longest_s=PART_S, quiet_s=0)

    def _stop(self, order: commands.StopPart) -> None:
        self._row_ends(order.tap, order.why)
        if (handle := self._legs.handle(order.tap)) is not None:
            self._media.stop_recording(handle)

    def _row_ends(self, tap: str, why: str) -> None:
        if part := self._parts.pop(tap, None):
            self._backlog.put([PartEnded(part, why, Moment.now())])

    def never_began(self, tap: str) -> list[events.Event]:
        """The engine could not even begin the part."""
        part = self._parts.get(tap)
        if part is None:
            return []
        self._taps.pop(part, None)
        self._recorder.forget(tap)
        return [events.PartFailed(tap, NEVER_BEGAN)]

    def take(self, told: Kept | Failed) -> bool:
        """What became of a recording, if it was a part of a talk."""
        match told:
            case Kept(label=label, seconds=seconds):
                if self._taps.pop(label.message, None) is None:
                    return False
                started = datetime.fromtimestamp(label.started_ms / 1000, UTC)
                ids = (label.message, label.call, label.mailbox)
                row = PartKept(*ids, started, seconds, cut_off=False, moment=Moment.now())
                self._backlog.put([row])
            case Failed(message=message, reason=reason):
                tap = self._taps.pop(message, None)
                if tap is None:
                    return False
                if self._parts.get(tap) == message:
                    self._tell(events.PartFailed(tap, reason))
                else:
                    self._backlog.put([PartEnded(message, UNKEPT, Moment.now())])
            case _:
                assert_never(told)
        return True


def _tone(*hz: float) -> NDArray[np.int16]:
    """Tones one after another."""
    return np.concatenate([audio.tone(each, dbm0=TONE_DBM0, ms=TONE_MS) for each in hz])


def part_of(fault: str) -> topics.Part:
    """How recording talks is, for `careline status`."""
    if not fault:
        return topics.Part(name="recordings", state="well", detail="talks can be recorded")
    return topics.Part(
        name="recordings",
        state="alarm",
        detail=f"the last talk to be recorded was not: {fault}",
        cure="see to that; the talk went on, and a gap is told in its recording",
    )
