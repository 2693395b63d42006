"""A simulated modem behind real ports: a pseudo-terminal for AT and one for PCM, each under a link
as udev makes it, and pulled out and plugged in as a person would.
"""

import asyncio
import os
import tty
from collections.abc import Callable
from pathlib import Path

from hw.modem.simulator import SimulatedModem
from hw.modem.wire import Wire

MOST_UNSENT_BYTES = 64 * 1024
LOOKS_S = 0.02  # how often it looks for what happened behind the modem


class _Terminal:
    """One pseudo-terminal under a link; our end is the modem's."""

    def __init__(self, link: Path, hear: Callable[[bytes], None]) -> None:
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self._link = link
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.ttyname(self._theirs))
        self.wire = Wire(self._ours, hear, lambda: None, MOST_UNSENT_BYTES)

    def close(self) -> None:
        """Whoever has it open is told so by the kernel."""
        self._link.unlink()
        self.wire.close()
        os.close(self._theirs)
        os.close(self._ours)


def _nobody() -> None:
    """Wants to know."""


class SimulatedPort:
    """A modem that is plugged in from the start; its links stand in `folder`. To be used on a loop
    that runs, and closed."""

    def __init__(self, modem: SimulatedModem, folder: Path) -> None:
        self.modem = modem
        self.at_path = str(folder / "pci-0-usb-0:1:1.2-port0")
        self.voice_path = str(folder / "pci-0-usb-0:1:1.1-port0")
        self.heard = bytearray()  # by the far telephone
        self.changed: Callable[[], None] = _nobody  # called when the driver did something
        self._at: _Terminal | None = None
        self._voice: _Terminal | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.plug_in()

    def plug_in(self) -> None:
        """Both ports are there."""
        self._at = _Terminal(Path(self.at_path), self._hear)
        self._voice = _Terminal(Path(self.voice_path), self._hear_voice)
        self._look()

    def pull_out(self) -> None:
        """Both are gone; the modem itself goes on."""
        if self._at and self._voice:
            self._at.close()
            self._voice.close()
        self._at = self._voice = None
        if self._timer:
            self._timer.cancel()

    def far_says(self, samples: bytes) -> None:
        """The far telephone speaks, and is heard while the modem gives voice."""
        if self._voice and self.modem.has_voice:
            self._voice.wire.write(samples)

    def _hear(self, data: bytes) -> None:
        self._say(self.modem.receive(data, self._loop.time()))
        self.changed()

    def _hear_voice(self, data: bytes) -> None:
        if self.modem.has_voice:
            self.heard += data
            self.changed()

    def _look(self) -> None:
        self._say(self.modem.expire(self._loop.time()))
        if self._at:
            self._timer = self._loop.call_later(LOOKS_S, self._look)

    def _say(self, data: bytes) -> None:
        if self._at and data:
            self._at.wire.write(data)
