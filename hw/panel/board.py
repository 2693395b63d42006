"""A panel on a USB board that speaks board_wire's protocol, through pyserial.

One owner: the port is locked, and named by its place (/dev/serial/by-path), so that another board
on another plug is not taken for it. Silence is asked about, and a board that does not answer is
gone; one that began anew is gone, too, for its outputs are off and somebody must set them again.
"""

import asyncio
import os
from collections.abc import Mapping

import serial

from hw.panel.board_wire import VERSION, Lines, packed
from hw.panel.events import Changed, Turn
from hw.panel.port import PortGoneError

SPEED_BD = 115_200  # a USB board ignores it; one behind a converter does not
ANSWER_S = 1.0
# Two of ours reach the board before it takes us for dead (board_wire.DEAF_S).
ASK_AFTER_S = 2.0
INPUT = "button"  # what an input's name on the board begins with

_ANSWERS = {"who": ("panel",), "set": ("did", "no"), "alive": ("here",)}


class BoardPort:
    """One board; `wiring` has the board's name of each lamp, door and button of the clinic."""

    def __init__(
        self, path: str, wiring: Mapping[str, str], answer_s: float = ANSWER_S,
        ask_after_s: float = ASK_AFTER_S,
    ) -> None:  # fmt: skip
        self._path, self._wiring = path, dict(wiring)
        self._names = {terminal: name for name, terminal in wiring.items()}
        self._answer_s, self._ask_after_s = answer_s, ask_after_s
        self._port: serial.Serial | None = None
        self._lines = Lines()
        self._changes: asyncio.Queue[Changed | None] = asyncio.Queue()
        self._answers: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
        self._one_asks = asyncio.Lock()
        self._asked = ""  # the question under way
        self._why = "the panel's board is not open"

    async def open(self) -> frozenset[str]:
        self.close()
        try:
            self._port = serial.Serial(self._path, SPEED_BD, timeout=0, exclusive=True)
        except (OSError, ValueError) as failed:  # SerialException is an OSError
            # Its text may name whatever udev calls it; the kind says enough.
            raise PortGoneError(f"no panel on its port: {type(failed).__name__}") from failed
        self._lines, self._changes = Lines(), asyncio.Queue()
        asyncio.get_running_loop().add_reader(self._port.fileno(), self._readable)
        kind, *told = await self._ask("who")
        if kind != "panel" or told[:1] != [VERSION]:
            raise self._gone("the board on the panel's port speaks another protocol")
        for name, terminal in self._wiring.items():
            if not terminal.startswith(INPUT):
                await self.turn(Turn(name, is_on=False))
        return frozenset(self._names[each] for each in told[1:] if each in self._names)

    async def turn(self, order: Turn) -> None:
        terminal = self._wiring[order.output]
        at_most_ms = 0 if order.at_most_s is None else max(1, round(order.at_most_s * 1000))
        told = await self._ask("set", terminal, str(int(order.is_on)), str(at_most_ms))
        if told != ("did", terminal, str(int(order.is_on))):
            raise self._gone(f"the panel's board has no output {terminal!r}: look at its wiring")

    async def next_change(self) -> Changed:
        while True:
            try:
                # Not wait_for: before Python 3.12 it swallows a cancellation that meets its answer.
                async with asyncio.timeout(self._ask_after_s):
                    change = await self._changes.get()
            except TimeoutError:
                await self._ask("alive")
                continue
            if change is None:
                raise PortGoneError(self._why)
            return change

    def close(self) -> None:
        if self._port is None:
            return
        port, self._port = self._port, None
        asyncio.get_running_loop().remove_reader(port.fileno())
        try:
            for terminal in self._wiring.values():
                if not terminal.startswith(INPUT):
                    os.write(port.fileno(), packed("set", terminal, "0", "0"))
        except OSError:
            self._why = "the panel's board was unplugged"  # and its relays fell back
        port.close()

    async def _ask(self, *words: str) -> tuple[str, ...]:
        """One at a time, for an answer does not say which question it belongs to. PortGoneError."""
        async with self._one_asks:
            if self._port is None:
                raise PortGoneError(self._why)
            self._answers, self._asked = asyncio.Queue(), words[0]
            try:
                os.write(self._port.fileno(), packed(*words))
                async with asyncio.timeout(self._answer_s):
                    told = await self._answers.get()
            except TimeoutError:
                raise self._gone("the panel's board does not answer: unplug it once") from None
            except OSError as failed:
                raise self._gone("the panel's board was unplugged") from failed
            finally:
                self._asked = ""
        if not told:
            raise PortGoneError(self._why)
        return told

    def _readable(self) -> None:
        """Called by the loop; a port that was unplugged is readable, and then has nothing."""
        assert self._port is not None
        try:
            came = os.read(self._port.fileno(), 4096)
        except BlockingIOError:
            return
        except OSError:
            came = b""
        if not came:
            self._gone("the panel's board was unplugged")
        for words in self._lines.feed(came):
            self._heard(words)

    def _heard(self, words: tuple[str, ...]) -> None:
        match words:
            case "input", terminal, ("0" | "1") as level:
                if name := self._names.get(terminal):
                    self._changes.put_nowait(Changed(name, level == "1"))
            case ("panel", *_) if self._asked != "who":
                self._gone("the panel's board began anew")
            case kind, *_ if kind in _ANSWERS.get(self._asked, ()):
                self._answers.put_nowait(words)
            case _:
                return  # an answer that came too late answers nothing

    def _gone(self, why: str) -> PortGoneError:
        """Whoever waits for it is told so, too."""
        self._why = why
        self._changes.put_nowait(None)
        self._answers.put_nowait(())
        if self._port is not None:  # else a port without a plug is readable for ever
            asyncio.get_running_loop().remove_reader(self._port.fileno())
        return PortGoneError(why)
