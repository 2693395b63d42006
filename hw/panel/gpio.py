"""A panel on the machine's own pins, through libgpiod and the kernel's character device.

A button draws its pin to ground (the pin's own resistor holds it up), so it is told as active low;
lamps and relays are active high. The kernel gives the pins to one owner. A pin whose owner died may
stay as it was, so all outputs are off from the first moment they are ours, and again before we let
go. What became of a relay between a crash and the next start only a relay board with a timer can
say.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import gpiod
from gpiod.line import Bias, Clock, Direction, Edge, Value

from hw.panel.events import Changed, Turn
from hw.panel.port import PortGoneError

OWNER = "careline"


class Lines(Protocol):
    """Pins that were asked for, as the kernel gives them; each may raise OSError."""

    def fileno(self) -> int: ...

    def edges(self) -> Iterable[tuple[int, bool]]:
        """Which pins changed since the last time, and whether they are active now."""

    def is_active(self, pin: int) -> bool: ...

    def set(self, pin: int, is_active: bool) -> None: ...

    def release(self) -> None: ...


# Asks for pins of a chip: its path, the outputs (which are off then), the inputs. OSError.
Request = Callable[[str, tuple[int, ...], tuple[int, ...]], Lines]


class GpiodLines:
    """The real ones."""

    def __init__(self, chip: str, outputs: tuple[int, ...], inputs: tuple[int, ...]) -> None:
        config: dict[Iterable[int | str] | int | str, gpiod.LineSettings | None] = {}
        if outputs:
            config[outputs] = gpiod.LineSettings(
                direction=Direction.OUTPUT, output_value=Value.INACTIVE
            )
        if inputs:
            config[inputs] = gpiod.LineSettings(
                direction=Direction.INPUT,
                edge_detection=Edge.BOTH,
                bias=Bias.PULL_UP,
                active_low=True,
                event_clock=Clock.MONOTONIC,
            )
        self._request = gpiod.request_lines(chip, config, consumer=OWNER)

    def fileno(self) -> int:
        return self._request.fd

    def edges(self) -> Iterable[tuple[int, bool]]:
        return [
            (each.line_offset, each.event_type is each.Type.RISING_EDGE)
            for each in self._request.read_edge_events()
        ]

    def is_active(self, pin: int) -> bool:
        return self._request.get_value(pin) is Value.ACTIVE

    def set(self, pin: int, is_active: bool) -> None:
        self._request.set_value(pin, Value.ACTIVE if is_active else Value.INACTIVE)

    def release(self) -> None:
        self._request.release()


class GpioPort:
    """The pins of one chip (/dev/gpiochip0); the names are the clinic's."""

    def __init__(
        self, chip: str, outputs: Mapping[str, int], buttons: Mapping[str, int],
        request: Request = GpiodLines,
    ) -> None:  # fmt: skip
        self._chip, self._request = chip, request
        self._outputs, self._buttons = dict(outputs), dict(buttons)
        self._names = {pin: name for name, pin in buttons.items()}
        self._lines: Lines | None = None
        self._changes: asyncio.Queue[Changed | None] = asyncio.Queue()

    async def open(self) -> frozenset[str]:
        self.close()
        pins = tuple(self._outputs.values()), tuple(self._buttons.values())
        try:
            self._lines = self._request(self._chip, *pins)
            down = [name for name, pin in self._buttons.items() if self._lines.is_active(pin)]
        except OSError as failed:
            why = failed.strerror or type(failed).__name__
            raise PortGoneError(f"no panel on the machine's pins: {why}") from failed
        self._changes = asyncio.Queue()
        asyncio.get_running_loop().add_reader(self._lines.fileno(), self._readable)
        return frozenset(down)

    async def turn(self, order: Turn) -> None:
        pin = self._outputs[order.output]
        try:
            self._held().set(pin, order.is_on)
        except OSError as failed:
            raise self._gone() from failed

    async def next_change(self) -> Changed:
        change = await self._changes.get() if self._lines else None
        if change is None:
            raise self._gone()
        return change

    def close(self) -> None:
        if self._lines is None:
            return
        lines, self._lines = self._lines, None
        asyncio.get_running_loop().remove_reader(lines.fileno())
        try:
            for pin in self._outputs.values():
                lines.set(pin, is_active=False)
        except OSError:
            self._changes.put_nowait(None)  # gone with its chip
        lines.release()

    def _held(self) -> Lines:
        if self._lines is None:
            raise self._gone()
        return self._lines

    def _gone(self) -> PortGoneError:
        return PortGoneError("the chip of the panel's pins is gone")

    def _readable(self) -> None:
        lines = self._held()
        try:
            edges = list(lines.edges())
        except OSError:
            asyncio.get_running_loop().remove_reader(lines.fileno())
            self._changes.put_nowait(None)
            return
        for pin, is_active in edges:
            if name := self._names.get(pin):
                self._changes.put_nowait(Changed(name, is_active))
