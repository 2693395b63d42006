"""The one owner of a modem's port: opens it, again and again until it is there, and passes bytes,
orders and the time between it and the conversation, which decides everything.

    modem = Modem("/dev/serial/by-path/…", tell)
    task = group.create_task(modem.run())
    modem.order(SendSms("sms-17", "+15555550123", "We open at nine."))

`tell` is called on the loop with each event and must not block; an order from within it is well.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import serial

from hw.modem.commands import Command
from hw.modem.conversation import Conversation, Output, Reopen, Write
from hw.modem.events import Event
from hw.modem.port import PortError, check_path, close_port, open_port
from hw.modem.wire import Wire

RETRY_FIRST_S = 0.2
RETRY_LONGEST_S = 5.0
MOST_UNSENT_BYTES = 4096  # ten PDUs; a modem that takes none for so long is opened anew before


class Modem:
    """One modem, for as long as `run` runs. ValueError for a port named by its number."""

    def __init__(
        self,
        path: str,
        tell: Callable[[Event], None],
        *,
        pin: str | None = None,
        prefix: str = "in-",
    ) -> None:
        check_path(path)
        self.path = path
        self._tell = tell
        self._conversation = Conversation(pin, prefix)
        self._outputs: deque[Output] = deque()
        self._is_carrying_out = False
        self._wire: Wire | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[None] | None = None

    def order(self, command: Command) -> None:
        """Asked at once, or as soon as the modem is there. ValueError for a text too long to
        send."""
        self._carry_out(self._conversation.order(command, self._now()))

    async def run(self) -> None:
        """Until it is cancelled; whatever happens to the port."""
        pause_s = RETRY_FIRST_S
        try:
            while True:
                try:
                    port = open_port(self.path)
                except PortError:
                    pause_s = min(2 * pause_s, RETRY_LONGEST_S)
                else:
                    pause_s = RETRY_FIRST_S
                    await self._hold(port)
                await asyncio.sleep(pause_s)
        finally:
            if self._timer:
                self._timer.cancel()

    async def _hold(self, port: serial.Serial) -> None:
        """Until the port is gone, or nobody answers on it."""
        self._over = asyncio.get_running_loop().create_future()
        self._wire = Wire(port.fileno(), self._hear, self._end, MOST_UNSENT_BYTES)
        try:
            self._carry_out(self._conversation.opened(self._now()))
            await self._over
        finally:
            self._wire.close()
            self._wire = None
            close_port(port)
            self._carry_out(self._conversation.lost(self._now()))

    def _hear(self, data: bytes) -> None:
        self._carry_out(self._conversation.receive(data, self._now()))

    def _end(self) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    def _carry_out(self, outputs: list[Output]) -> None:
        """In order, also of those that an order from within `tell` adds."""
        self._outputs.extend(outputs)
        if self._is_carrying_out:
            return
        self._is_carrying_out = True
        try:
            while self._outputs:
                self._do(self._outputs.popleft())
        finally:
            self._is_carrying_out = False
        self._set_timer()

    def _do(self, output: Output) -> None:
        match output:
            case Write(data):
                if self._wire is not None:
                    self._wire.write(data)
            case Reopen():
                self._end()
            case event:
                self._tell(event)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._conversation.next_deadline()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._carry_out(self._conversation.expire(self._now()))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
