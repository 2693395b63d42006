"""One leg by AudioSocket as its far end has it: Asterisk opens it, says whose it is, and from then
on both sides send audio, 8,000 samples of 16 bits a second, little endian.

Asterisk lets a leg go that is silent for two seconds, so something is always sent.
"""

import asyncio
import struct
import uuid
from collections.abc import AsyncIterator, Callable

UUID, KEY, AUDIO, HANGUP = 0x01, 0x03, 0x10, 0x00
HEAD = struct.Struct(">BH")
UUID_BYTES = 16
FIRST_WITHIN_S = 2.0
MOST_UNSENT_BYTES = 8 * 323  # of audio that Asterisk does not take: late sound is worse than lost


class LegError(Exception):
    """Whoever connected is no leg."""


class Leg:
    """One of them, until its frames end."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str
    ) -> None:
        self._reader, self._writer, self.uuid = reader, writer, name
        self._clock = asyncio.get_running_loop().time
        self.keyed: Callable[[str], object] = lambda _key: None
        self.said_at = float("-inf")

    @classmethod
    async def taken(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> "Leg":
        """Once it has said whose it is. LegError: it never did."""
        try:
            async with asyncio.timeout(FIRST_WITHIN_S):
                kind, payload = await _frame(reader)
        except (asyncio.IncompleteReadError, TimeoutError, OSError) as cut:
            raise LegError from cut
        if kind != UUID or len(payload) != UUID_BYTES:
            raise LegError
        return cls(reader, writer, str(uuid.UUID(bytes=payload)))

    async def frames(self) -> AsyncIterator[bytes]:
        """The audio that comes, until either side hangs up; keys go to `keyed`."""
        while True:
            try:
                kind, payload = await _frame(self._reader)
            except (asyncio.IncompleteReadError, OSError):
                return
            if kind == HANGUP:
                return
            if kind == KEY and len(payload) == 1:
                self.keyed(payload.decode("latin-1"))
            if kind == AUDIO and len(payload) % 2 == 0:
                yield payload

    def say(self, frame: bytes) -> None:
        """Audio for Asterisk; dropped where it does not take what it has."""
        if self._writer.transport.get_write_buffer_size() < MOST_UNSENT_BYTES:
            self._send(AUDIO, frame)
        self.said_at = self._clock()

    def press(self, digit: str) -> None:
        """A key, by its letter."""
        self._send(KEY, digit.encode("ascii"))

    def end(self) -> None:
        """Hang up; nothing goes any more."""
        self._send(HANGUP, b"")
        self._writer.close()

    def _send(self, kind: int, payload: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(HEAD.pack(kind, len(payload)) + payload)


async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    kind, length = HEAD.unpack(await reader.readexactly(HEAD.size))
    return kind, await reader.readexactly(length)
