"""The shell around a panel's mind: it opens the port, carries out what `Wall` orders, and tries
again when the device is gone. It decides nothing, and no fault of a device ends it.

What was ordered is tried before its events are told. So an order that the device no longer took may
be told as done, and the loss of the device right after it: for an audit that is the safe side.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from hw.backoff import Backoff
from hw.panel.events import Changed, Event, Turn
from hw.panel.patterns import Pattern
from hw.panel.port import Port, PortGoneError
from hw.panel.wall import Layout, Step, Wall


class Panel:
    """One device with its layout; `run` is a task of its own, everything in one event loop."""

    def __init__(
        self,
        port: Port,
        layout: Layout,
        listen: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
        backoff: Backoff | None = None,
    ) -> None:
        """`listen` is called with each event, and must not wait. ValueError: a bad layout."""
        self._port, self._wall, self._listen, self._clock = port, Wall(layout), listen, clock
        self._backoff = backoff or Backoff()
        self._orders: list[Turn] = []
        self._events: list[Event] = []
        self._wanted = asyncio.Event()

    def show(self, lamp: str, pattern: Pattern) -> None:
        """Now and whenever the device is there. KeyError: no such lamp."""
        self._take(self._wall.show(lamp, pattern, self._clock()))

    def open_door(self, door: str, for_s: float) -> None:
        """DoorOpened or DoorRefused tells what came of it. KeyError: no such door."""
        self._take(self._wall.open_door(door, for_s, self._clock()))

    def close_door(self, door: str) -> None:
        """KeyError: no such door."""
        self._take(self._wall.close_door(door))

    def is_up(self, button: str) -> bool:
        """Nobody holds it, as far as the device has told."""
        return self._wall.is_up(button)

    async def run(self) -> None:
        """Until it is cancelled; its relays are off then."""
        while True:
            try:
                await self._attend()
            except PortGoneError as gone:
                self._port.close()
                self._orders.clear()
                self._take(self._wall.lost(str(gone)))
                self._tell()
            finally:
                self._port.close()
            await self._rest(self._backoff.failed())

    async def _attend(self) -> None:
        """From the device's coming to its going. PortGoneError."""
        down = await self._port.open()
        self._backoff.worked()
        self._take(self._wall.found(down, self._clock()))
        change = asyncio.ensure_future(self._port.next_change())
        try:
            while True:
                await self._carry_out()
                await self._wait_for(change)
                if change.done():
                    self._take(self._wall.changed(change.result(), self._clock()))
                    change = asyncio.ensure_future(self._port.next_change())
                self._take(self._wall.tick(self._clock()))
        finally:
            change.cancel()
            await asyncio.gather(change, return_exceptions=True)

    async def _wait_for(self, change: asyncio.Future[Changed]) -> None:
        """Until it has come, something is wanted, or the mind's next deadline."""
        now = self._clock()
        due = self._wall.next_deadline(now)
        wanted = asyncio.ensure_future(self._wanted.wait())
        left_s = None if due is None else max(0.0, due - now)
        try:
            either: set[asyncio.Future[Any]] = {change, wanted}
            await asyncio.wait(either, timeout=left_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wanted.cancel()

    async def _rest(self, for_s: float) -> None:
        """Nothing is tried; what is wished meanwhile is answered."""
        until = self._clock() + for_s
        while (left_s := until - self._clock()) > 0:
            try:
                # Not wait_for: before Python 3.12 it swallows a cancellation that meets its answer.
                async with asyncio.timeout(left_s):
                    await self._wanted.wait()
            except TimeoutError:
                return
            self._wanted.clear()
            self._tell()

    def _take(self, step: Step) -> None:
        orders, events = step
        self._orders += orders
        self._events += events
        if orders or events:
            self._wanted.set()

    async def _carry_out(self) -> None:
        self._wanted.clear()
        try:
            while self._orders:
                await self._port.turn(self._orders.pop(0))
        finally:
            self._tell()

    def _tell(self) -> None:
        events, self._events = self._events, []
        for event in events:
            self._listen(event)
