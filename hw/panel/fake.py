"""A panel in memory, for whoever has none: plugged in and out, pressed and looked at by hand."""

import asyncio
from collections.abc import Iterable

from hw.panel.events import Changed, Turn
from hw.panel.port import PortGoneError


class FakePort:
    """Its relays fall back when it loses its plug, as real ones do."""

    def __init__(self, outputs: Iterable[str], buttons: Iterable[str]) -> None:
        self._lit = dict.fromkeys(outputs, False)
        self._down = dict.fromkeys(buttons, False)
        self._is_plugged, self._is_open = True, False
        self._changes: asyncio.Queue[Changed | None] = asyncio.Queue()

    async def open(self) -> frozenset[str]:
        if not self._is_plugged:
            raise PortGoneError("the panel is not plugged in")
        self._is_open, self._changes = True, asyncio.Queue()
        self._lit = dict.fromkeys(self._lit, False)
        return frozenset(name for name, is_down in self._down.items() if is_down)

    async def turn(self, order: Turn) -> None:
        if not self._is_open or not self._is_plugged:
            raise PortGoneError("the panel was unplugged")
        if order.output not in self._lit:
            raise KeyError(order.output)
        self._lit[order.output] = order.is_on

    async def next_change(self) -> Changed:
        change = await self._changes.get() if self._is_open else None
        if change is None:
            self._is_open = False
            raise PortGoneError("the panel was unplugged")
        return change

    def close(self) -> None:
        self._is_open = False
        self._lit = dict.fromkeys(self._lit, False)

    def is_lit(self, output: str) -> bool:
        """Whether that lamp burns, or that relay is drawn."""
        return self._lit[output]

    def touch(self, button: str, is_down: bool) -> None:
        """A finger comes, or goes."""
        self._down[button] = is_down
        if self._is_open:
            self._changes.put_nowait(Changed(button, is_down))

    def unplug(self) -> None:
        self._is_plugged = False
        self._lit = dict.fromkeys(self._lit, False)
        self._changes.put_nowait(None)

    def plug(self) -> None:
        self._is_plugged = True
