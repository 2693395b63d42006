"""A disk that can lose its power: what it was given and not told to flush is then lost, or half of
it is, as chance has it.

Behind the guest's block device stands no file of this machine, whose page cache would outlive a
killed emulator and so keep what a real disk loses, but this memory. It speaks NBD (the protocol's
doc/proto.md, fixed newstyle negotiation, simple replies) to one emulator at a time.
"""

import mmap
import random
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from io import BufferedRWPair
from pathlib import Path

SECTOR = 512

_MAGIC, _OPTION = b"NBDMAGIC", 0x49484156454F5054
_OPTION_REPLY, _REQUEST, _REPLY = 0x3E889045565A9, 0x25609513, 0x67446698
_FIXED_NEWSTYLE, _NO_ZEROES = 1, 2
_GO, _ABORT = 7, 2
_ACK, _INFO, _UNSUPPORTED = 1, 3, 0x80000001
_HAS_FLAGS, _CAN_FLUSH, _CAN_FUA = 1, 4, 8
_READ, _WRITE, _DISCONNECT, _FLUSH = range(4)
_FUA = 1
_INVALID = 22  # EINVAL
_ASKED = struct.Struct(">IHHQQI")


class Cut(StrEnum):
    """What becomes of what was written and never flushed."""

    ALL_LOST = "all of it is lost"
    THE_REST_LOST = "it ends somewhere in the middle"
    SOME_LOST = "any of it is lost, whatever came after"


@dataclass(frozen=True, slots=True)
class Written:
    """What the disk accepted, and keeps in its cache."""

    at: int
    content: bytes

    @property
    def end(self) -> int:
        return self.at + len(self.content)


class Disk:
    """Its content, as the guest sees it and as it would be found after a cut."""

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self._seen = mmap.mmap(-1, self.size)
        self._durable = mmap.mmap(-1, self.size)
        self._seen[:] = self._durable[:] = content
        self._cached: list[Written] = []
        self._writes_left: int | None = None
        self._died: Callable[[], None] = lambda: None

    def die_after(self, writes: int, died: Callable[[], None]) -> None:
        """Accept so many writes more, tell of it, and then answer nothing until the power is
        back."""
        self._writes_left, self._died = writes, died

    @property
    def is_dead(self) -> bool:
        return self._writes_left is not None and self._writes_left <= 0

    def read(self, at: int, length: int) -> bytes:
        return self._seen[at : at + length]

    def write(self, at: int, content: bytes, *, through: bool = False) -> None:
        """Into the cache; `through` (FUA) is durable at once, and nothing older outlives it."""
        written = Written(at, content)
        self._seen[at : written.end] = content
        if through:
            self._durable[at : written.end] = content
            self._cached = [rest for old in self._cached for rest in _without(old, written)]
        else:
            self._cached.append(written)
        if self._writes_left is not None:
            self._writes_left -= 1
            if self.is_dead:
                self._died()

    def flush(self) -> None:
        """All that was accepted is durable."""
        for each in self._cached:
            self._durable[each.at : each.end] = each.content
        self._cached.clear()

    def lose_power(self, chance: random.Random) -> str:
        """What is there when it has power again; in words, what the cut cost."""
        cut = chance.choice(list(Cut))
        kept = _survivors(self._cached, cut, chance)
        for each in kept:
            self._durable[each.at : each.end] = each.content
        self._writes_left = None
        told = f"{len(self._cached)} writes not flushed, {len(kept)} of them kept ({cut})"
        self._cached.clear()
        self._seen[:] = self._durable[:]
        return told

    def content(self) -> bytes:
        """As the guest sees it."""
        return self._seen[:]


def _survivors(cached: list[Written], cut: Cut, chance: random.Random) -> list[Written]:
    """In their order. The last of those that ended in the middle is torn at a sector's border."""
    match cut:
        case Cut.ALL_LOST:
            return []
        case Cut.THE_REST_LOST:
            first = cached[: chance.randint(0, len(cached))]
            return [*first[:-1], *(_torn(each, chance) for each in first[-1:])]
        case Cut.SOME_LOST:
            return [each for each in cached if chance.random() < 0.5]


def _torn(written: Written, chance: random.Random) -> Written:
    sectors = chance.randint(0, len(written.content) // SECTOR)
    return Written(written.at, written.content[: sectors * SECTOR])


def _without(old: Written, new: Written) -> list[Written]:
    """What of an older write lies outside a newer one."""
    if new.end <= old.at or old.end <= new.at:
        return [old]
    before = Written(old.at, old.content[: max(new.at - old.at, 0)])
    after = Written(max(new.end, old.at), old.content[max(new.end - old.at, 0) :])
    return [each for each in (before, after) if each.content]


class Server:
    """One disk at one UNIX socket, for one emulator. Joined, it has done all that it was asked."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk = disk
        path.unlink(missing_ok=True)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen(1)
        self._thread = threading.Thread(target=self._serve, name=f"disk {path.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """After the emulator's end."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes who waits for an emulator still
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError, EOFError):
            connection, _ = self._listening.accept()
            with connection, connection.makefile("rwb") as stream:
                wire = _Wire(stream)
                if self._agrees(wire):
                    while self._carries_out(wire):
                        pass
                    while stream.read(SECTOR):  # until the emulator is dead, too
                        pass

    def _agrees(self, wire: "_Wire") -> bool:
        """Offers the whole disk, and nothing that is not needed."""
        wire.say(_MAGIC + struct.pack(">QH", _OPTION, _FIXED_NEWSTYLE | _NO_ZEROES))
        wire.hear(4)
        while True:
            _, option, length = struct.unpack(">QII", wire.hear(16))
            wire.hear(length)
            if option == _GO:
                flags = _HAS_FLAGS | _CAN_FLUSH | _CAN_FUA
                export = struct.pack(">HQH", 0, self._disk.size, flags)
                wire.say(_answer(option, _INFO, export) + _answer(option, _ACK))
                return True
            if option == _ABORT:
                wire.say(_answer(option, _ACK))
                return False
            wire.say(_answer(option, _UNSUPPORTED))

    def _carries_out(self, wire: "_Wire") -> bool:
        """One request; false when there will be no more."""
        magic, flags, kind, handle, at, length = _ASKED.unpack(wire.hear(_ASKED.size))
        if magic != _REQUEST or kind == _DISCONNECT:
            return False
        found, fault = b"", 0
        match kind:
            case 0:  # READ
                found = self._disk.read(at, length)
            case 1:  # WRITE
                self._disk.write(at, wire.hear(length), through=bool(flags & _FUA))
            case 3:  # FLUSH
                self._disk.flush()
            case _:
                fault = _INVALID
        if self._disk.is_dead:
            return False
        wire.say(struct.pack(">IIQ", _REPLY, fault, handle) + found)
        return True


class _Wire:
    """Bytes in whole pieces."""

    def __init__(self, stream: BufferedRWPair) -> None:
        self._stream = stream

    def hear(self, length: int) -> bytes:
        heard = self._stream.read(length)
        if heard is None or len(heard) < length:
            raise EOFError
        return heard

    def say(self, said: bytes) -> None:
        self._stream.write(said)
        self._stream.flush()


def _answer(option: int, kind: int, content: bytes = b"") -> bytes:
    return struct.pack(">QIII", _OPTION_REPLY, option, kind, len(content)) + content
