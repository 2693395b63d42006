"""A sound device in memory, for whoever has none: plugged in and out, listened to and spoken to."""

import asyncio

from hw.sound.port import Heard, Slipped, SoundGoneError, Told


class FakeSound:
    """Both directions of one device; while nobody has it open, what is said into it is lost."""

    def __init__(self) -> None:
        self.is_plugged = True
        self._is_open = False
        self._told: asyncio.Queue[Told | None] = asyncio.Queue()
        self.played = bytearray()
        self.says = b""  # what its microphone hears first, each time it is opened

    async def open(self) -> None:
        if not self.is_plugged:
            raise SoundGoneError("the sound device is not plugged in")
        self._is_open, self._told = True, asyncio.Queue()
        if self.says:
            self._told.put_nowait(Heard(self.says))

    def play(self, samples: bytes) -> None:
        if len(samples) % 2:
            raise ValueError(f"{len(samples)} bytes are no whole samples")
        if self._is_open and self.is_plugged:
            self.played += samples

    async def next_told(self) -> Told:
        told = await self._told.get() if self._is_open else None
        if told is None:
            self._is_open = False
            raise SoundGoneError("the sound device was unplugged")
        return told

    async def close(self) -> None:
        self._is_open = False

    def slip(self) -> None:
        """It had nothing to play, or nobody took what it heard."""
        if self._is_open:
            self._told.put_nowait(Slipped())

    def unplug(self) -> None:
        self.is_plugged = False
        self._told.put_nowait(None)

    def plug(self) -> None:
        self.is_plugged = True
