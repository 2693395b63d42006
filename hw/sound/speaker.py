"""The shell around a loudspeaker: it opens the device, counts what slipped, and tries again when it
is gone. Whoever has something to play says it and is never kept waiting: without a device it is
silence.
"""

import asyncio
from collections.abc import Callable

from hw.backoff import Backoff
from hw.sound.port import Port, Slipped, SoundGoneError


class Speaker:
    """One device; `run` is a task of its own, everything in one event loop."""

    def __init__(
        self,
        port: Port,
        listen: Callable[[str], None],
        backoff: Backoff | None = None,
    ) -> None:
        """`listen` is called with why the device is gone, and with nothing when it is there."""
        self._device, self._listen = port, listen
        self._backoff = backoff or Backoff()
        self._port: Port | None = None
        self.slips = 0

    def play(self, samples: bytes) -> None:
        """Now, or not at all."""
        if self._port is not None:
            self._port.play(samples)

    async def run(self) -> None:
        """Until it is cancelled; the device is free then."""
        port = self._device
        while True:
            try:
                await port.open()
                self._backoff.worked()
                self._port = port
                self._listen("")
                await self._attend(port)
            except SoundGoneError as gone:
                self._port = None
                await port.close()
                self._listen(str(gone))
            finally:
                self._port = None
                await port.close()
            await asyncio.sleep(self._backoff.failed())

    async def _attend(self, port: Port) -> None:
        while True:
            if isinstance(await port.next_told(), Slipped):
                self.slips += 1
