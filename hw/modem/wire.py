"""A file descriptor that bytes come from and go to, on the running loop: never blocks, never waits,
never grows. What cannot be written for want of room is dropped from its old end: sound only, for of
a conversation, which asks one thing at a time, there is never so much.
"""

import asyncio
import os
from collections.abc import Callable

READ_BYTES = 4096
# A port that is gone is readable for ever and gives nothing; one wake for nothing is no sign of it.
EMPTY_READS = 3


class Wire:
    """`hear` gets what comes, `gone` is called once when nothing can come any more. The descriptor
    stays the owner's, who closes it after `close`."""

    def __init__(
        self,
        fd: int,
        hear: Callable[[bytes], None],
        gone: Callable[[], None],
        most_unsent_bytes: int,
    ) -> None:
        self._fd = fd
        self._hear = hear
        self._gone = gone
        self._most_unsent = most_unsent_bytes
        self._unsent = bytearray()
        self._empty_reads = 0
        self._is_open = True
        self._is_writing = False
        self.lost_bytes = 0
        self._loop = asyncio.get_running_loop()
        os.set_blocking(fd, False)
        self._loop.add_reader(fd, self._read)

    def write(self, data: bytes) -> None:
        """As much as goes at once, the rest when there is room; even numbers of bytes are lost
        where there is none, so that a sample of two stays whole."""
        if not self._is_open:
            return
        self._unsent += data
        over = len(self._unsent) - self._most_unsent
        if over > 0:
            over += over % 2
            del self._unsent[:over]
            self.lost_bytes += over
        self._write()

    def close(self) -> None:
        """Nothing comes or goes any more."""
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._fd)
            if self._is_writing:
                self._loop.remove_writer(self._fd)

    def _read(self) -> None:
        try:
            data = os.read(self._fd, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._end()
            return
        if data:
            self._empty_reads = 0
            self._hear(data)
            return
        self._empty_reads += 1
        if self._empty_reads >= EMPTY_READS:
            self._end()

    def _write(self) -> None:
        try:
            written = os.write(self._fd, self._unsent) if self._unsent else 0
            del self._unsent[:written]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self._end()
            return
        waits = bool(self._unsent)
        if waits and not self._is_writing:
            self._loop.add_writer(self._fd, self._write)
        elif not waits and self._is_writing:
            self._loop.remove_writer(self._fd)
        self._is_writing = waits

    def _end(self) -> None:
        if self._is_open:
            self.close()
            self._gone()
