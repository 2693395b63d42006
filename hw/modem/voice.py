"""A modem's voice on its PCM port: 8,000 samples of 16 bits a second, one channel, little endian,
both ways, in frames of 20 ms, as AudioSocket has them too.

Late sound is worse than lost sound: what is not taken within a second, or cannot be given within a
fifth of one, is dropped from its old end and counted.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType

import serial

from hw.modem.port import close_port, open_port
from hw.modem.wire import Wire

FRAME_BYTES = 320  # 20 ms
MOST_FRAMES = 50
MOST_UNSENT_BYTES = 10 * FRAME_BYTES


class Voice:
    """The port while a call stands: `async with Voice(path) as voice`, `async for frame in voice`,
    `voice.play(frame)`. PortError where it cannot be had; when it is gone, the frames end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._port: serial.Serial | None = None
        self._wire: Wire | None = None
        self._rest = bytearray()
        self._frames: deque[bytes] = deque()
        self._came = asyncio.Event()
        self._is_gone = False
        self.lost_frames = 0  # that came and nobody took

    @property
    def unplayed_bytes(self) -> int:
        """Lost on the way out."""
        return self._wire.lost_bytes if self._wire else 0

    async def __aenter__(self) -> "Voice":
        self._port = open_port(self._path)
        self._wire = Wire(self._port.fileno(), self._hear, self._end, MOST_UNSENT_BYTES)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()
        if self._wire:
            self._wire.close()
        if self._port:
            close_port(self._port)

    def play(self, frame: bytes) -> None:
        """Samples for the far side; nothing happens where the port is gone. ValueError for half a
        sample."""
        if len(frame) % 2:
            raise ValueError(f"{len(frame)} bytes are no whole samples")
        if self._wire is not None and not self._is_gone:
            self._wire.write(frame)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._frames:
                yield self._frames.popleft()
            if self._is_gone:
                return
            self._came.clear()
            await self._came.wait()

    def _hear(self, data: bytes) -> None:
        self._rest += data
        while len(self._rest) >= FRAME_BYTES:
            self._frames.append(bytes(self._rest[:FRAME_BYTES]))
            del self._rest[:FRAME_BYTES]
        while len(self._frames) > MOST_FRAMES:
            self._frames.popleft()
            self.lost_frames += 1
        self._came.set()

    def _end(self) -> None:
        self._is_gone = True
        self._came.set()
