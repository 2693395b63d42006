"""A lender of audio chunks, as the media engine is one: a bounded pool, an eventfd, wiped when
given back.
"""

from __future__ import annotations  # array[int] is no expression before 3.12

import os
import threading
from array import array
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

SECOND = 8_000


@dataclass(frozen=True, slots=True)
class LentChunk:
    uuid: str
    number: int
    last: bool
    samples: int
    audio: memoryview


class Lender:
    """What `routing_core.media.Media` is to the recorder, without a telephone at the other end."""

    def __init__(self) -> None:
        self.chunk_fd = os.eventfd(0, os.EFD_NONBLOCK)
        self.out = 0  # lent and not yet given back
        self._lock = threading.Condition()
        self._lent: list[LentChunk] = []

    def lend(self, call: str, number: int, audio: array[int], *, last: bool = False) -> None:
        self._lend([_chunk(call, number, audio, last=last)])

    def lend_together(self, said: Sequence[tuple[str, array[int]]]) -> None:
        """Short recordings of several callers, all ended in the same tick."""
        self._lend([_chunk(call, 0, audio, last=True) for call, audio in said])

    def lend_seconds(self, number: int, said: Mapping[str, array[int]]) -> None:
        """One second of several callers, all full in the same tick."""
        self._lend([_chunk(call, number, audio, last=False) for call, audio in said.items()])

    def _lend(self, chunks: Sequence[LentChunk]) -> None:
        with self._lock:
            self._lent.extend(chunks)
            self.out += len(chunks)
        os.eventfd_write(self.chunk_fd, 1)

    def speak(self, call: str, audio: array[int], *, hang_up: bool = True) -> None:
        """Lend a whole recording, second by second."""
        seconds = [audio[at : at + SECOND] for at in range(0, len(audio), SECOND)]
        for number, second in enumerate(seconds):
            self.lend(call, number, second, last=hang_up and number == len(seconds) - 1)

    def chunks(self) -> list[LentChunk]:
        with suppress(BlockingIOError):
            os.eventfd_read(self.chunk_fd)
        with self._lock:
            lent, self._lent = self._lent, []
        return lent

    def give_back(self, chunk: LentChunk) -> None:
        chunk.audio[:] = memoryview(array("h", bytes(2 * SECOND)))
        with self._lock:
            self.out -= 1
            self._lock.notify_all()

    def all_back(self, timeout_s: float = 60) -> bool:
        with self._lock:
            return self._lock.wait_for(lambda: self.out == 0, timeout_s)


def _chunk(call: str, number: int, audio: array[int], *, last: bool) -> LentChunk:
    memory = array("h", bytes(2 * SECOND))
    memory[: len(audio)] = audio
    return LentChunk(call, number, last, len(audio), memoryview(memory))
