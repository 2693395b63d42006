"""The recorder: a thread that takes full seconds of audio from the media engine and keeps them
sealed.

The engine lends a chunk of its own memory; it is sealed straight from there into the message's
file and given back, and the engine wipes it. Each time the thread wakes, everything lent meanwhile
is sealed and then made durable in one pass for all calls, files and names, so that thirty
recordings on a slow card cost thirty syncs a second and never hold back a promise. One recording's
failure is that recording's alone.
"""

import os
import select
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar
from uuid import uuid4

import numpy as np
import structlog

from firmware.durable import sync_directory
from firmware.keys import PublicKey
from firmware.vault import SAMPLE_BYTES, SAMPLE_RATE, Label, Sealing

# Threads only wait for the disk here; it flushes once for all who wait at the same time.
SYNCS_AT_ONCE = 16
# A tone at -50 dBm0 swings so far; what never does is silence to a person on a telephone.
AUDIBLE = 103

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
    """Lends chunks; `chunk_fd` is readable while there are some, and `chunks` empties it."""

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


Told = Kept | Failed


@dataclass(frozen=True, slots=True)
class _Expected:
    mailbox: str
    urgent: bool
    is_played_back: bool


class Recorder(Generic[C]):
    """`tell` is called in the recorder's thread: hand it on to the loop from there."""

    def __init__(
        self,
        source: Source[C],
        directory: Path,
        recipients: Callable[[str], Sequence[PublicKey]],
        tell: Callable[[Told], None],
        spare: Callable[[str, bytes], None] = lambda message, key: None,
    ) -> None:
        """`spare` is given the key of each message that is to be played back on a telephone."""
        self._source, self._directory = source, directory
        self._recipients, self._tell, self._spare = recipients, tell, spare
        # Written by the loop, taken by the thread; each of the two is one atomic act of a dict.
        self._expected: dict[str, _Expected] = {}
        self._sealings: dict[str, Sealing] = {}
        self._audible: set[str] = set()
        self._begun: set[str] = set()  # whose files' names are not durable yet
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
        self, call: str, mailbox: str, *, urgent: bool, is_played_back: bool = False
    ) -> None:
        """The call's next recording is for this mailbox. To be said before the recording begins."""
        self._expected[call] = _Expected(mailbox, urgent, is_played_back)

    def forget(self, call: str) -> None:
        """The recording that was expected of this call never began."""
        self._expected.pop(call, None)

    def close(self) -> None:
        """Keep what has been lent, then end; what is being spoken is adopted at next start."""
        os.eventfd_write(self._stop_fd, 1)
        self._thread.join()
        for sealing in self._sealings.values():
            sealing.close()
        self._syncers.shutdown()
        os.close(self._stop_fd)

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._source.chunk_fd, select.POLLIN)
        poll.register(self._stop_fd, select.POLLIN)
        stopping = False
        while not stopping:
            stopping = any(fd == self._stop_fd for fd, _ in poll.poll())
            self._busy_since = time.monotonic()
            self._keep(self._source.chunks())
            self._busy_since = None

    def _keep(self, lent: Sequence[C]) -> None:
        """Seal everything lent, then one durable pass, then the news."""
        touched: dict[str, Sealing] = {}
        for chunk in lent:
            if chunk.number == 0 and chunk.uuid in touched:
                self._make_durable(touched)  # the same caller's next message has come already
                touched = {}
            try:
                self._seal(chunk, touched)
            except Exception as fault:
                self._fail(chunk.uuid, fault)
                touched.pop(chunk.uuid, None)
            finally:
                self._source.give_back(chunk)
        self._make_durable(touched)

    def _seal(self, chunk: C, touched: dict[str, Sealing]) -> None:
        if chunk.number == 0:
            self._begin(chunk)
        sealing = self._sealings.get(chunk.uuid)
        if sealing is None:
            return  # its failure has been told; what still comes of it is only given back
        if chunk.number != sealing.count:
            raise LostAudioError(f"second {sealing.count + 1} of the recording never came")
        if _is_audible(chunk):
            self._audible.add(chunk.uuid)
        if chunk.last and chunk.uuid not in self._audible:
            sealing.abandon()
            raise NothingSaidError("nothing was said")
        audio = chunk.audio.cast("B")[: chunk.samples * SAMPLE_BYTES]
        sealing.add(audio, last=chunk.last)
        touched[chunk.uuid] = sealing

    def _begin(self, chunk: C) -> None:
        if (unended := self._sealings.pop(chunk.uuid, None)) is not None:
            unended.close()
        self._audible.discard(chunk.uuid)
        expected = self._expected.pop(chunk.uuid, None)
        if expected is None:
            raise LostAudioError("nobody said which mailbox this recording is for")
        label = Label(
            message=str(uuid4()),
            call=chunk.uuid,
            mailbox=expected.mailbox,
            started_ms=time.time_ns() // 1_000_000 - chunk.samples * 1_000 // SAMPLE_RATE,
            urgent=expected.urgent,
        )
        recipients = self._recipients(expected.mailbox)
        spare = [self._spare] if expected.is_played_back else []
        self._sealings[chunk.uuid] = Sealing(self._directory, label, recipients, *spare)
        self._begun.add(chunk.uuid)

    def _make_durable(self, touched: Mapping[str, Sealing]) -> None:
        """Sync every file at once, so that the disk flushes once for all of them."""
        kept = []
        synced = zip(touched.items(), self._syncers.map(_synced, touched.values()), strict=True)
        for (call, sealing), fault in synced:
            if fault is not None:
                self._fail(call, fault)
            elif sealing.is_whole:
                kept.append(call)
        if kept or self._begun:
            self._name(kept)

    def _name(self, whole: Sequence[str]) -> None:
        """Final names, then one sync of the directory makes new and final ones durable; only then
        the news."""
        named, self._begun = self._begun.union(whole), set()
        try:
            for call in whole:
                self._sealings[call].finish()
            sync_directory(self._directory)
        except OSError as fault:
            for call in named:
                self._fail(call, fault)
            return
        for call in whole:
            sealing = self._sealings.pop(call)
            self._audible.discard(call)
            self.fault = ""
            self._tell(Kept(sealing.label, sealing.seconds))

    def _fail(self, call: str, fault: Exception) -> None:
        log.warning("a message could not be kept", call=call, reason=str(fault))
        self._begun.discard(call)
        if (sealing := self._sealings.pop(call, None)) is not None:
            sealing.close()
        self._audible.discard(call)
        if not isinstance(fault, NothingSaidError):
            self.fault = str(fault)
        self._tell(Failed(call, str(fault)))


def _is_audible(chunk: Chunk) -> bool:
    """Looked at where it lies: no copy is made of what a caller says."""
    pcm = np.frombuffer(chunk.audio, "<i2", count=chunk.samples)
    return bool(pcm.size) and max(int(pcm.max()), -int(pcm.min())) >= AUDIBLE


def _synced(sealing: Sealing) -> OSError | None:
    """What went wrong, if anything did."""
    try:
        sealing.sync()
    except OSError as fault:
        return fault
    return None
