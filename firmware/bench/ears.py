"""Ears and mouths at the telephone company: what a caller or a desk receives, frame by frame with
the time of its arrival, and what it says.

The telephone company's Asterisk hands each frame on by AudioSocket the moment it has received it,
and sends each of ours at once, so what is heard and what is said are on one clock, which is ours.
"""

import asyncio
import random
import struct
import time
import uuid
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from firmware.bench import sound

HEADER = struct.Struct(">BH")
UUID_FRAME, AUDIO_FRAME = 0x01, 0x10
HEAR_WITHIN_S = 10.0


class Line(asyncio.Protocol):
    """One call's audio, both ways. Times are monotonic seconds."""

    def __init__(self, ears: "Ears", says: bytes) -> None:
        loop = asyncio.get_running_loop()
        self.opened_at = time.monotonic()
        self.ended: asyncio.Future[float] = loop.create_future()
        self._ears = ears
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._awaited: dict[float, asyncio.Future[float]] = {}
        self._next: deque[tuple[bytes, asyncio.Future[float]]] = deque()
        self._always = says
        self._tick: asyncio.TimerHandle | None = None

    async def hears(self, hz: float, within_s: float = HEAR_WITHIN_S) -> float:
        """When the first frame came that holds this tone, from now on."""
        waiting = self._awaited.setdefault(hz, self._loop.create_future())
        async with asyncio.timeout(within_s):
            return await waiting

    def keep_saying(self, frame: bytes) -> None:
        """This frame over and over, when there is nothing else to say."""
        self._always = frame

    async def say(self, frames: Iterable[bytes]) -> tuple[float, float]:
        """Each frame once; when the first and when the last of them left."""
        said = [(frame, self._loop.create_future()) for frame in frames]
        self._next.extend(said)
        return await said[0][1], await said[-1][1]

    # ---- asyncio's side ----

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        self._received += data
        while len(self._received) >= HEADER.size:
            kind, length = HEADER.unpack_from(self._received)
            if len(self._received) < HEADER.size + length:
                return
            payload = bytes(self._received[HEADER.size : HEADER.size + length])
            del self._received[: HEADER.size + length]
            self._take(kind, payload, now)

    def connection_lost(self, error: Exception | None) -> None:
        if self._tick is not None:
            self._tick.cancel()
        if not self.ended.done():
            self.ended.set_result(time.monotonic())

    def _take(self, kind: int, payload: bytes, now: float) -> None:
        if kind == UUID_FRAME:
            self._ears.came(str(uuid.UUID(bytes=payload)), self)
            # Whoever picks up a telephone does not begin on anybody's tick.
            first = self._loop.time() + random.uniform(0, sound.FRAME_S)  # noqa: S311 - no secret
            self._tick = self._loop.call_at(first, self._speak, first)
        elif kind == AUDIO_FRAME:
            for hz in [hz for hz in self._awaited if sound.holds(payload, hz)]:
                awaited = self._awaited.pop(hz)
                if not awaited.done():
                    awaited.set_result(now)

    def _speak(self, due: float) -> None:
        """One frame each 20 ms, from the first moment on; late frames do not shift those after."""
        if self._transport is None or self._transport.is_closing():
            return
        frame, said = self._next.popleft() if self._next else (self._always, None)
        self._transport.write(HEADER.pack(AUDIO_FRAME, len(frame)) + frame)
        if said is not None and not said.done():
            said.set_result(time.monotonic())
        self._tick = self._loop.call_at(due + sound.FRAME_S, self._speak, due + sound.FRAME_S)


class Ears:
    """Where the telephone company sends the audio of its callers and desks, each of whom says this
    frame until told otherwise."""

    def __init__(self, says: bytes = sound.SILENCE) -> None:
        self._says = says
        self._lines: dict[str, asyncio.Future[Line]] = {}
        self._server: asyncio.Server | None = None
        self.port = 0

    async def __aenter__(self) -> "Ears":
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Line(self, self._says), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._server.wait_closed()

    def forget(self, stream: str) -> None:
        """What is to come under this name is another call."""
        self._lines.pop(stream, None)

    async def line(self, stream: str, within_s: float = HEAR_WITHIN_S) -> Line:
        """The stream of this name, come or to come."""
        async with asyncio.timeout(within_s):
            return await asyncio.shield(self._expected(stream))

    def came(self, stream: str, line: Line) -> None:
        """A connection told whose it is."""
        expected = self._expected(stream)
        if not expected.done():
            expected.set_result(line)

    def _expected(self, stream: str) -> asyncio.Future[Line]:
        return self._lines.setdefault(stream, asyncio.get_running_loop().create_future())
