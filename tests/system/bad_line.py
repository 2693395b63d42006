"""A bad line between the exchange and the manager of the clinic's Asterisk: a real TCP proxy.

It carries every byte until it is told to become bad, and again from when it is mended. Its port
stands in the site's ports.toml, so the exchange knows no other way to its Asterisk.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

SECRET = re.compile(rb"(?m)^(Secret: ).*?(\r?)$")
# The last words of what the exchange asks for after each login (firmware/app.py).
CAUGHT_UP = b"DeviceStateListComplete"
READ_MOST = 65536
PENDING_MOST = 200


class Wire(StrEnum):
    """What the line does."""

    GOOD = "good"
    CUT = "cut"  # broken, and nobody answers
    BLACK_HOLED = "black-holed"  # open, and every byte is lost
    SLOW = "one byte a second"  # each way
    REFUSED = "login refused"  # broken, and then every secret arrives changed


class BadLine:
    """Listens while its `async with` lasts; `become` changes the line and comes back at once."""

    def __init__(self, manager_port: int) -> None:
        self._manager_port = manager_port
        self._wire = Wire.GOOD
        self._mended = asyncio.Event()
        self._mended.set()
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._carrying: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._snare = b""
        self.port = 0
        self.connections = 0
        self.has_caught = False
        self.times_caught_up = 0  # how often an exchange had logged in and asked for all that lives

    async def __aenter__(self) -> "BadLine":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._server is not None
        self._server.close()
        self.hang_up()
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def become(self, wire: Wire) -> None:
        """From now on the line does so; mended, it begins with new connections."""
        was, self._wire = self._wire, wire
        self._mended.set() if wire is Wire.GOOD else self._mended.clear()
        if wire in (Wire.CUT, Wire.REFUSED) or was is not Wire.GOOD:
            self.hang_up()

    def snare(self, words: bytes) -> None:
        """The line is black-holed from the order on that holds these words; it is lost too."""
        self._snare, self.has_caught = words, False

    def hang_up(self) -> None:
        """Break every connection, as a reset does."""
        for end in self._ends:
            end.transport.abort()

    async def until(self, holds: Callable[["BadLine"], bool], within_s: float = 45.0) -> None:
        """Wait for what can be seen from here."""
        async with asyncio.timeout(within_s):
            while not holds(self):
                self._news.clear()
                await self._news.wait()

    async def _accept(self, reader: asyncio.StreamReader, exchange: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._news.set()
        if self._wire is Wire.CUT:
            exchange.transport.abort()
            return
        try:
            answers, manager = await asyncio.open_connection("127.0.0.1", self._manager_port)
        except OSError:  # Asterisk is down, and the exchange shall notice
            exchange.transport.abort()
            return
        self._ends |= {exchange, manager}
        ways = (self._carry(reader, manager), self._carry(answers, exchange))
        tasks = [asyncio.create_task(way) for way in ways]
        self._carrying.update(tasks)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for end in (exchange, manager):
            end.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._carrying.difference_update(tasks)
        self._ends -= {exchange, manager}

    async def _carry(self, reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        """One way, until either end closes."""
        tail = b""
        with suppress(OSError):
            while carried := await reader.read(READ_MOST):
                self._spring(carried)
                seen = tail + carried
                tail = seen[-len(CAUGHT_UP) + 1 :]
                if self._wire is Wire.SLOW:
                    await self._drip(carried, to)
                elif self._wire is not Wire.BLACK_HOLED:
                    to.write(self._spoiled(carried))
                    await to.drain()
                if CAUGHT_UP in seen and self._wire is Wire.GOOD:
                    self.times_caught_up += 1
                    self._news.set()

    def _spring(self, carried: bytes) -> None:
        if self._snare and self._snare in carried:
            self._snare, self.has_caught = b"", True
            self.become(Wire.BLACK_HOLED)
            self._news.set()

    def _spoiled(self, carried: bytes) -> bytes:
        return SECRET.sub(rb"\1wrong\2", carried) if self._wire is Wire.REFUSED else carried

    async def _drip(self, carried: bytes, to: asyncio.StreamWriter) -> None:
        for byte in carried:
            to.write(bytes([byte]))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._mended.wait(), 1.0)
                return
