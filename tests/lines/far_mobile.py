"""A mobile on the far side of a simulated modem: it calls, speaks, hears and presses keys. What it
hears is measured as it came, in samples of 8 kHz."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hw.modem.simulated_network import ACTIVE
from hw.modem.simulated_port import SimulatedPort
from hw.modem.simulator import Maker, SimulatedModem
from routing_core import audio
from tests.system.town import soon

RATE_HZ, FRAME = 8000, 160


def frames_of(sound: audio.Pcm) -> list[bytes]:
    """In pieces of 20 ms, as they go over a PCM port."""
    raw = bytes(sound.astype("<i2"))
    return [raw[start : start + 2 * FRAME] for start in range(0, len(raw), 2 * FRAME)]


def loudness(samples: NDArray[np.float64], tone_hz: float) -> float:
    """The level of one tone in dBm0, where a full-scale sine is +3.14."""
    turns = np.exp(-2j * np.pi * tone_hz * np.arange(len(samples)) / RATE_HZ)
    amplitude = 2 * abs(np.mean(samples * turns * np.hanning(len(samples)))) / 0.5
    return float(20 * np.log10(max(amplitude, 1e-3) / 32768) + 3.14)


def steady_level(samples: NDArray[np.float64], tone_hz: float) -> float:
    """The median level of a tone in tenths of a second, where it sounds, in dBm0."""
    levels = levels_of(samples, tone_hz)
    return float(np.median([level for level in levels if level > max(levels) - 3]))


def levels_of(samples: NDArray[np.float64], tone_hz: float) -> list[float]:
    """A tone's level in each whole tenth of a second."""
    tenths = samples[: len(samples) // 800 * 800].reshape(-1, 800)
    return [loudness(tenth, tone_hz) for tenth in tenths]


class FarMobile:
    """One modem, plugged in, and who calls by it."""

    def __init__(self, folder: Path, maker: Maker = Maker.QUECTEL) -> None:
        self.modem = SimulatedModem(maker)
        self.port = SimulatedPort(self.modem, folder)
        self.network = self.modem.network
        self._news = asyncio.Event()
        self.port.changed = self._news.set
        self._mouth: asyncio.TimerHandle | None = None
        self._said = 0  # frames
        self._clock = asyncio.get_running_loop().time

    def close(self) -> None:
        self.be_silent()
        self.port.pull_out()

    def now(self) -> float:
        return self._clock()

    # ---- calls ----

    async def call(self, number: str | None) -> None:
        """Ring the clinic until it picks up."""
        self.network.ring(number)
        await self.until(lambda: self._states() == [ACTIVE])

    def hang_up(self) -> None:
        self.be_silent()
        self.modem.far_hangs_up(self._clock())

    async def let_go(self) -> None:
        """Until the clinic has ended the call."""
        await self.until(lambda: not self.network.calls)

    def answer(self) -> None:
        """Be picked up by whom the clinic called."""
        self.modem.far_rings()
        self.modem.far_answers(self._clock())

    def _states(self) -> list[int]:
        return [call.state for call in self.network.calls]

    # ---- sound ----

    def speak(self, tone_hz: float, dbm0: float = -15.0) -> None:
        """Say a tone over and over, at the pace of a mobile network."""
        self.be_silent()
        self._say(cycle(frames_of(audio.tone(tone_hz, dbm0=dbm0, ms=1000))))

    async def press(self, keys: str) -> None:
        """Keys, as their tones come through the network."""
        self.be_silent()
        pause = np.zeros(RATE_HZ // 10, np.int16)
        sounds = [np.concatenate((audio.digit(key, ms=100), pause)) for key in keys]
        self._say(iter(frames_of(np.concatenate(sounds))))
        await self.until(lambda: self._mouth is None)

    def be_silent(self) -> None:
        if self._mouth is not None:
            self._mouth.cancel()
            self._mouth = None

    async def has_spoken(self, seconds: float) -> None:
        """For so long from now on."""
        enough = self._said + seconds * RATE_HZ / FRAME
        await self.until(lambda: self._said >= enough)

    def _say(self, frames: Iterator[bytes]) -> None:
        loop, due = asyncio.get_running_loop(), self._clock()

        def say_next() -> None:
            nonlocal due
            frame = next(frames, None)
            if frame is None:
                self._mouth = None
            else:
                self.port.far_says(frame)
                self._said += 1
                due += FRAME / RATE_HZ
                self._mouth = loop.call_at(due, say_next)
            self._news.set()

        self._mouth = loop.call_at(due, say_next)

    def forget(self) -> None:
        """What was heard until now."""
        self.port.heard.clear()

    def heard(self) -> NDArray[np.float64]:
        whole = len(self.port.heard) // 2 * 2
        return np.frombuffer(bytes(self.port.heard[:whole]), "<i2").astype(np.float64)

    async def hears(self, tone_hz: float, seconds: float = 0.5) -> float:
        """The tone's level in dBm0 once nothing but it is heard for so long."""
        samples = round(seconds * RATE_HZ)
        level = -99.0

        def holds() -> bool:
            nonlocal level
            lately = self.heard()[-samples:]
            if len(lately) < samples:
                return False
            levels, level = levels_of(lately, tone_hz), steady_level(lately, tone_hz)
            power = 10 * np.log10(max(float(np.mean(np.square(lately))), 1e-3) / (32768**2 / 2))
            return bool(max(levels) - min(levels) < 1.0 and abs(power + 3.14 - level) < 1.0)

        await self.until(holds)
        return level

    async def until(self, holds: Callable[[], bool]) -> None:
        """Until something holds of the far side; it is looked at as the modem does anything."""

        async def wait() -> None:
            while not holds():
                self._news.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await self._news.wait()

        await soon(wait())
