"""The recorder: a thread that takes full seconds of audio from the media engine and keeps them
sealed.

The engine lends a chunk of its own memory; it is sealed straight from there into the message's
file and given back, and the engine wipes it. What is taken of a recording is durable before more
of it is taken: as a rule a second; where several have come while the disk took those before, all
of them, together. On a card that stands still the engine keeps what it has, until it has no more
room and says so.

The thread itself never waits for a disk: a recording's file is begun, with the box's own keys to it
durable before anything is written that they open, and synced, and given its final name elsewhere.
So a message that has ended waits for its own file, its name and nobody else's, however slow the
card. A begin and an end are looked after at once; seconds between the two twice a second,
all callers' together, for a wake-up costs more than the sealing of what it is for. One recording's
failure is that recording's alone, and a caller's recordings are told of in their order.
"""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from pathlib import Path
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar
from uuid import uuid4

import numpy as np
import structlog

from firmware.durable import sync_directory
from firmware.keys import PublicKey
from firmware.vault import SAMPLE_BYTES, SAMPLE_RATE, Label, Sealing

# Threads only wait for the disk here; it flushes once for all who wait at the same time.
SYNCS_AT_ONCE = 32
# A tone at -50 dBm0 swings so far; what never does is silence to a person on a telephone.
AUDIBLE = 103
NOTHING_SAID = "nothing was said"
# How often seconds are looked for that neither begin nor end a recording.
LOOK_S = 0.5

log = structlog.get_logger(__name__)


class Chunk(Protocol):
    """At most one second of one call's audio, in the engine's memory."""

    @property
    def uuid(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def last(self) -> bool: ...
    @property
    def samples(self) -> int: ...
    @property
    def audio(self) -> memoryview: ...


C = TypeVar("C", bound=Chunk)


class Source(Protocol[C]):
    """Lends chunks; `chunk_fd` is readable when one of them begins or ends a recording, and
    `chunks` empties it."""

    @property
    def chunk_fd(self) -> int: ...
    def chunks(self) -> list[C]: ...
    def give_back(self, chunk: C) -> None: ...


class LostAudioError(Exception):
    """The engine's chunks do not make a recording."""


class NothingSaidError(Exception):
    """The recording is whole, and there is not a sound in it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The message is sealed, complete and durable."""

    label: Label
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """The message could not be kept; what was sealed of it before is found at the next start."""

    call: str
    reason: str
    message: str = ""  # if that is known


Told = Kept | Failed


@dataclass(frozen=True, slots=True)
class _Expected:
    mailbox: str
    urgent: bool
    is_played_back: bool
    message: str
    of: str


@dataclass(slots=True, eq=False)
class _Take(Generic[C]):
    """One recording from its first second until it is told of."""

    call: str
    started_ms: int
    expected: _Expected | None
    sealing: Sealing | None = None  # from when its file has been begun
    is_audible: bool = False
    is_named: bool = False  # its file's name is durable
    is_ended: bool = False  # its last second has come
    is_cut: bool = False  # another began before that
    is_awaited: bool = False  # whoever makes it durable is to say so at once
    waiting: deque[C] = field(default_factory=deque)  # still lent, until the sync is over

    @property
    def keeps_silence(self) -> bool:
        """Of a talk it is part."""
        return self.expected is not None and self.expected.of != self.call


@dataclass(frozen=True, slots=True)
class _Done(Generic[C]):
    """What was to be waited for is over."""

    take: _Take[C]
    fault: Exception | None


class Recorder(Generic[C]):
    """`tell` is called in the recorder's thread: hand it on to the loop from there."""

    def __init__(
        self,
        source: Source[C],
        directory: Path,
        recipients: Callable[[str], Sequence[PublicKey]],
        tell: Callable[[Told], None],
        spare: Callable[[str, bytes], None] = lambda message, key: None,
        by_phone: Callable[[str, str, bytes], None] = lambda mailbox, message, key: None,
    ) -> None:
        """`spare` is given the key of each message that is to be played back on a telephone, and
        `by_phone` every message's, for those whose mailbox is listened to at one. These two and
        `recipients` may wait for the disk, and are called by several threads at once."""
        self._source, self._directory = source, directory
        self._recipients, self._tell, self._spare = recipients, tell, spare
        self._by_phone = by_phone
        # Written by the loop, taken by the thread, in the same order.
        self._expected: dict[str, deque[_Expected]] = {}
        self._expecting = threading.Lock()
        # Of each call those that are not told of yet; only the first is worked on.
        self._lines: dict[str, deque[_Take[C]]] = {}
        self._syncing: dict[_Take[C], float] = {}  # since when, the longest first
        self._calm: deque[_Take[C]] = deque()  # of them those that may wait for one another
        self._is_calm_new = False
        self._calming = threading.Lock()
        self._synced: SimpleQueue[_Done[C]] = SimpleQueue()
        self._synced_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._busy_since: float | None = None
        self.fault = ""  # why the newest message was lost; empty again once one is kept
        self._stop_fd = os.eventfd(0, os.EFD_CLOEXEC)
        self._syncers = ThreadPoolExecutor(SYNCS_AT_ONCE, "sync")
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether messages can be taken at all."""
        return self._thread.is_alive()

    @property
    def held_up_s(self) -> float:
        """For how long the disk has not taken what it was given."""
        since = self._busy_since
        return 0.0 if since is None else time.monotonic() - since

    def expect(
        self,
        call: str,
        mailbox: str,
        *,
        urgent: bool,
        is_played_back: bool = False,
        message: str = "",
        of: str = "",
    ) -> None:
        """The call's next recording is for this mailbox. To be said before the recording begins.
        Without a `message` it is given a name; `of` is the talk it belongs to, if the one who is
        heard is but a leg that listens. Of a talk silence is kept too."""
        expected = _Expected(mailbox, urgent, is_played_back, message or str(uuid4()), of or call)
        with self._expecting:
            self._expected.setdefault(call, deque()).append(expected)

    def forget(self, call: str) -> None:
        """The newest recording that was expected of this call never began."""
        with self._expecting:
            if waiting := self._expected.get(call):
                waiting.pop()
            if not waiting:
                self._expected.pop(call, None)

    def _next_expected(self, call: str) -> _Expected | None:
        with self._expecting:
            waiting = self._expected.get(call)
            expected = waiting.popleft() if waiting else None
            if not waiting:
                self._expected.pop(call, None)
            return expected

    def close(self) -> None:
        """Keep what has been lent, then end; what is being spoken is adopted at next start."""
        os.eventfd_write(self._stop_fd, 1)
        self._thread.join()
        self._syncers.shutdown()
        for line in self._lines.values():
            for take in line:
                if take.sealing is not None:
                    take.sealing.close()
        os.close(self._stop_fd)
        os.close(self._synced_fd)

    def _run(self) -> None:
        poll = select.poll()
        for fd in (self._source.chunk_fd, self._synced_fd, self._stop_fd):
            poll.register(fd, select.POLLIN)
        stopping, look_at = False, time.monotonic()
        while not stopping:
            left_ms = max(0, ceil((look_at - time.monotonic()) * 1000))
            ready = {fd for fd, _ in poll.poll(left_ms)}
            now = time.monotonic()
            stopping = self._stop_fd in ready
            self._busy_since = self._oldest() or now
            if self._synced_fd in ready:
                os.eventfd_read(self._synced_fd)
            if stopping or self._source.chunk_fd in ready or now >= look_at:
                look_at = now + LOOK_S
                self._take(self._source.chunks())
            while not self._synced.empty():
                self._settle(self._synced.get())
            self._begin_calm()
            self._busy_since = self._oldest()
        while self._syncing:
            self._settle(self._synced.get())
            self._begin_calm()
        self._busy_since = None

    def _oldest(self) -> float | None:
        """Since when the longest sync is under way."""
        return next(iter(self._syncing.values()), None)

    # ---- each recording's way, step by step ----

    def _take(self, lent: Sequence[C]) -> None:
        """Everything lent goes where it belongs; then each call's first recording goes on."""
        calls: dict[str, None] = {}
        for chunk in lent:
            if chunk.number == 0:
                self._line_up(chunk)
            line = self._lines.get(chunk.uuid)
            if line is None:  # its failure has been told
                self._source.give_back(chunk)
                continue
            line[-1].waiting.append(chunk)
            line[-1].is_ended = chunk.last
            calls[chunk.uuid] = None
        for call in calls:
            self._go_on(self._lines[call][0])

    def _line_up(self, first: C) -> None:
        line = self._lines.setdefault(first.uuid, deque())
        if line and not line[-1].is_ended:
            line[-1].is_cut = True
        started_ms = time.time_ns() // 1_000_000 - first.samples * 1_000 // SAMPLE_RATE
        line.append(_Take(first.uuid, started_ms, self._next_expected(first.uuid)))

    def _go_on(self, take: _Take[C]) -> None:
        if take in self._syncing and not (take.is_ended and self._is_taken_back(take)):
            # More has come, and the disk is not done with what came before it.
            self._is_calm_new = self._is_calm_new or bool(self._calm)
            return
        if take.sealing is None:
            self._begin(take)
        elif take.waiting:
            self._seal(take, take.sealing)
        elif take.is_cut:
            take.sealing.close()  # it is found at the next start
            self._leave(take)

    def _begin(self, take: _Take[C]) -> None:
        first = take.waiting[0]
        if take.expected is None:
            unsaid = LostAudioError("nobody said which mailbox this recording is for")
            self._lose(take, unsaid)
        elif first.last and not take.keeps_silence and not _is_audible(first):
            self._lose(take, NothingSaidError(NOTHING_SAID))
        else:
            self._do(take, partial(self._open, take.expected))

    def _seal(self, take: _Take[C], sealing: Sealing) -> None:
        try:
            while take.waiting:
                chunk = take.waiting.popleft()
                try:
                    self._add(take, sealing, chunk)
                finally:
                    self._source.give_back(chunk)
        except Exception as fault:
            self._lose(take, fault)
        else:
            self._sync(take, sealing)

    def _add(self, take: _Take[C], sealing: Sealing, chunk: C) -> None:
        if chunk.number != sealing.count:
            raise LostAudioError(f"second {sealing.count + 1} of the recording never came")
        take.is_audible = take.is_audible or _is_audible(chunk)
        if chunk.last and not take.is_audible and not take.keeps_silence:
            raise NothingSaidError(NOTHING_SAID)
        audio = chunk.audio.cast("B")[: chunk.samples * SAMPLE_BYTES]
        sealing.add(audio, last=chunk.last)

    def _sync(self, take: _Take[C], sealing: Sealing) -> None:
        if sealing.is_whole or not take.is_named:
            self._do(take, self._make_durable)
        else:
            self._syncing[take] = time.monotonic()
            with self._calming:
                self._calm.append(take)
            self._is_calm_new = True

    def _settle(self, done: _Done[C]) -> None:
        take = done.take
        del self._syncing[take]
        take.is_awaited = False
        if done.fault is not None:
            self._lose(take, done.fault)
        elif take.sealing is not None and take.sealing.is_whole:
            self.fault = ""
            self._tell(Kept(take.sealing.label, take.sealing.seconds))
            self._leave(take)
        else:
            self._go_on(take)

    def _lose(self, take: _Take[C], fault: Exception) -> None:
        while take.waiting:
            self._source.give_back(take.waiting.popleft())
        if take.sealing is not None:
            if isinstance(fault, NothingSaidError):
                take.sealing.abandon()
            else:
                take.sealing.close()
        log.warning("a message could not be kept", call=take.call, reason=str(fault))
        if not isinstance(fault, NothingSaidError):
            self.fault = str(fault)
        message = "" if take.expected is None else take.expected.message
        self._tell(Failed(take.call, str(fault), message))
        self._leave(take)

    def _leave(self, take: _Take[C]) -> None:
        line = self._lines[take.call]
        line.popleft()
        if line:
            self._go_on(line[0])
        else:
            del self._lines[take.call]

    # ---- what may wait for the disk ----

    def _do(self, take: _Take[C], work: Callable[[_Take[C]], None]) -> None:
        """Beside whatever else is done."""
        self._syncing[take] = time.monotonic()

        def at_once() -> None:
            self._synced.put(_done(take, work))
            os.eventfd_write(self._synced_fd, 1)

        self._syncers.submit(at_once)

    def _open(self, expected: _Expected, take: _Take[C]) -> None:
        label = Label(
            message=expected.message,
            call=expected.of,
            mailbox=expected.mailbox,
            started_ms=take.started_ms,
            urgent=expected.urgent,
        )

        def spare(message: str, key: bytes) -> None:
            if expected.is_played_back:
                self._spare(message, key)
            if not take.keeps_silence:  # talks are for no telephone
                self._by_phone(label.mailbox, message, key)

        recipients = self._recipients(expected.mailbox)
        take.sealing = Sealing(self._directory, label, recipients, spare)

    def _make_durable(self, take: _Take[C]) -> None:
        """The file; then its name, be it the first or the final one."""
        sealing = take.sealing
        assert sealing is not None, "only what was sealed is synced"
        sealing.sync()
        if sealing.is_whole:
            sealing.finish()
        if sealing.is_whole or not take.is_named:
            sync_directory(self._directory)
            take.is_named = True

    def _begin_calm(self) -> None:
        """Files one after another in one thread; where that has not ended when more has come, in
        one thread more: no file stands long behind one that the disk does not get done with."""
        if self._is_calm_new:
            self._is_calm_new = False
            self._syncers.submit(self._sync_calmly)

    def _sync_calmly(self) -> None:
        with self._calming:
            behind = list(self._calm)
        for take in behind:
            _start_sync(take)
        while (next_one := self._next_calm()) is not None:
            self._synced.put(_done(next_one, self._make_durable))
            if next_one.is_awaited:
                os.eventfd_write(self._synced_fd, 1)
        os.eventfd_write(self._synced_fd, 1)

    def _next_calm(self) -> _Take[C] | None:
        with self._calming:
            return self._calm.popleft() if self._calm else None

    def _is_taken_back(self, take: _Take[C]) -> bool:
        """Its end has come while its file stands behind others': it need not wait for them. If its
        turn has come already, that one sync is waited for and no other; the thread looks for what
        is over after this, so that none is missed."""
        with self._calming:
            is_behind = take in self._calm
            if is_behind:
                self._calm.remove(take)
        if is_behind:
            del self._syncing[take]
        else:
            take.is_awaited = True
        return is_behind


def _start_sync(take: _Take[C]) -> None:
    """It only makes the sync quicker, which will say what is wrong; the file may be closed by now,
    if its end has come."""
    if take.sealing is not None:
        with suppress(OSError):
            take.sealing.start_sync()


def _done(take: _Take[C], work: Callable[[_Take[C]], None]) -> _Done[C]:
    try:
        work(take)
    except Exception as fault:
        return _Done(take, fault)
    return _Done(take, None)


def _is_audible(chunk: Chunk) -> bool:
    """Looked at where it lies: no copy is made of what a caller says."""
    pcm = np.frombuffer(chunk.audio, "<i2", count=chunk.samples)
    return bool(pcm.size) and max(int(pcm.max()), -int(pcm.min())) >= AUDIBLE
