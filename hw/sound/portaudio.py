"""The real driver: PortAudio by the library sounddevice, in a process of its own (hw/sound/child.py
says why). What goes wrong there ends that process and is told here; nothing here ever waits for a
device.
"""

import asyncio
import os
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from hw.sound.devices import Device, DeviceError, chosen
from hw.sound.port import LATE_MOST_BYTES, Heard, Slipped, SoundGoneError, Told

CHILD = Path(__file__).with_name("child.py")
HEAD = struct.Struct(">cH")
# A small computer's first start of it takes seconds, from a slow card.
ANSWER_S = 15.0
TAKEN_WITHIN_S = 2.0
ENDS_WITHIN_S = 1.0
# ALSA converts rates and channels: a device that has only 48 kHz in stereo takes a telephone's.
CONVERTING = {"PA_ALSA_PLUGHW": "1"}


class Way(StrEnum):
    """Which way the sound goes."""

    PLAY = "play"
    HEAR = "hear"


class PortAudioPort:
    """One direction of the device that is called so, or in part so."""

    def __init__(self, name: str, way: Way, environment: Mapping[str, str] | None = None) -> None:
        self._name, self._way = name, way
        self._environment = dict(os.environ if environment is None else environment)
        self._process: asyncio.subprocess.Process | None = None
        self._untaken_since: float | None = None
        self._clock = asyncio.get_running_loop().time

    async def open(self) -> None:
        await self.close()
        try:
            name = chosen(await devices(self._environment), self._name)
            self._process = await _begun(self._environment, self._way, name)
            async with asyncio.timeout(ANSWER_S):
                kind, _ = await _message(self._process)
        except DeviceError as unknown:
            raise SoundGoneError(str(unknown)) from None
        except TimeoutError:
            raise await self._gone("the sound device does not answer: unplug it once") from None
        if kind != b"O":
            raise await self._gone("the sound device cannot be had: another program may have it")

    def play(self, samples: bytes) -> None:
        if len(samples) % 2:
            raise ValueError(f"{len(samples)} bytes are no whole samples")
        if self._process is None or self._process.stdin is None:
            return
        pipe = self._process.stdin
        if pipe.is_closing() or pipe.transport.get_write_buffer_size() > LATE_MOST_BYTES:
            return
        pipe.write(samples)
        if self._untaken_since is None:
            self._untaken_since = self._clock()

    async def next_told(self) -> Told:
        while True:
            if self._process is None:
                raise SoundGoneError("the sound device is not open")
            try:
                async with asyncio.timeout(TAKEN_WITHIN_S):
                    kind, told = await _message(self._process)
            except TimeoutError:
                since = self._untaken_since
                if since is not None and self._clock() - since >= TAKEN_WITHIN_S:
                    raise await self._gone(
                        "the sound device takes no sound: unplug it once"
                    ) from None
                continue
            match kind:
                case b"H":
                    return Heard(told)
                case b"S":
                    return Slipped()
                case b"T":
                    self._untaken_since = None
                case _:
                    raise await self._gone("the sound device was unplugged, or another has it")

    async def close(self) -> None:
        process, self._process, self._untaken_since = self._process, None, None
        if process is not None:
            await _end(process)

    async def _gone(self, why: str) -> SoundGoneError:
        await self.close()
        return SoundGoneError(why)


async def devices(environment: Mapping[str, str] | None = None) -> tuple[Device, ...]:
    """Those that are plugged in now; none where there is no PortAudio."""
    process = await _begun(os.environ if environment is None else environment, "devices")
    found: list[Device] = []
    try:
        async with asyncio.timeout(ANSWER_S):
            while (message := await _message(process))[0] == b"D":
                inputs, outputs, name = message[1].decode("utf-8", "replace").split(" ", 2)
                found.append(Device(name, int(inputs), int(outputs)))
    except TimeoutError:
        return ()
    finally:
        await _end(process)
    return tuple(found)


async def _begun(environment: Mapping[str, str], *words: str) -> asyncio.subprocess.Process:
    """ALSA and JACK complain on standard error of whatever they do not find: nobody reads it."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", str(CHILD), *words),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**environment, **CONVERTING},
    )


async def _message(process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
    """The next that the process tells, which comes whole (pipe(7), PIPE_BUF); `G` for one that told
    nothing more."""
    assert process.stdout is not None
    try:
        kind, length = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
        return kind, await process.stdout.readexactly(length)
    except (asyncio.IncompleteReadError, OSError):
        return b"G", b""


async def _end(process: asyncio.subprocess.Process) -> None:
    """One that waits inside the kernel for its device ends when the kernel lets it go."""
    if process.stdin is not None:
        process.stdin.close()
    with suppress(ProcessLookupError):
        process.kill()
    with suppress(TimeoutError):
        async with asyncio.timeout(ENDS_WITHIN_S):
            if process.stdout is not None:
                await process.stdout.read()
            await process.wait()
