"""The far end of a line, where everything is known: what it hears comes back so many decibels lower
and so much later, with noise of a known level; it presses keys of a known twist, or is mute."""

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from routing_core import audio

HANG_UP, SOUND, FRAME = 0x00, 0x10, 160
PAIRS = {"1": (697, 1209), "5": (770, 1336), "9": (852, 1477)}


@dataclass(frozen=True, slots=True)
class FarEnd:
    """How it behaves, from when it is picked up."""

    loss_db: float = 60.0
    frames_late: int = 0  # of 20 ms
    noise_dbm0: float = -90.0
    twist_db: float | None = None  # of keys pressed after `keys_after` frames, with a hang-up
    keys_after: int = 330
    is_mute: bool = False  # it sends no frame at all

    def keys(self) -> list[NDArray[np.float64]]:
        if self.twist_db is None:
            return []
        pause = np.zeros(800)
        levels = (-12.0, -12.0 + self.twist_db)
        tones = [audio.tone_pair(*pair, dbm0=levels, ms=100) for pair in PAIRS.values()]
        whole = np.concatenate([np.append(pause, tone) for tone in tones] + [pause, pause])
        return list(whole[: len(whole) // FRAME * FRAME].reshape(-1, FRAME))


@dataclass(slots=True)
class Listening:
    """Who answers next, and where."""

    port: int
    far: FarEnd


@asynccontextmanager
async def answering() -> AsyncIterator[Listening]:
    """At a port of its own, for as long as the context lasts."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await _live(listening.far, reader, writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    listening = Listening(server.sockets[0].getsockname()[1], FarEnd())
    try:
        yield listening
    finally:
        server.close()


async def _live(far: FarEnd, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    random = np.random.default_rng(7)
    rms = 32_767 / np.sqrt(2) * 10 ** ((far.noise_dbm0 - 3.14) / 20)
    late = deque([np.zeros(FRAME)] * far.frames_late)
    keys, heard = far.keys(), 0
    while True:
        kind, size = struct.unpack(">BH", await reader.readexactly(3))
        body = await reader.readexactly(size)
        if kind == HANG_UP:
            return
        if kind != SOUND or size != 2 * FRAME or far.is_mute:
            continue
        heard += 1
        late.append(np.frombuffer(body, "<i2") * 10 ** (-far.loss_db / 20))
        said = late.popleft() + random.normal(0.0, rms, FRAME)
        if far.twist_db is not None and heard > far.keys_after:
            if not keys:
                writer.write(struct.pack(">BH", HANG_UP, 0))
                return
            said = keys.pop(0)
        pcm = np.clip(np.round(said), -32_768, 32_767).astype("<i2").tobytes()
        writer.write(struct.pack(">BH", SOUND, len(pcm)) + pcm)
