"""What a panel's device must be able to do. Pins, the USB board and the fake do it alike; they are
held together by tests/hw/test_panel_ports.py. Nothing is decided here.
"""

from typing import Protocol

from hw.panel.events import Changed, Turn


class PortGoneError(Exception):
    """The device is not there, or does not answer; the text says which and what to look at."""


class Port(Protocol):
    """One device, known by its place and not by its number. After PortGoneError only `close` and
    `open` have a meaning."""

    async def open(self) -> frozenset[str]:
        """Takes it; all its outputs are off now. The buttons that are held. PortGoneError."""

    async def turn(self, order: Turn) -> None:
        """Carried out when it returns. PortGoneError; KeyError: nothing is wired by that name."""

    async def next_change(self) -> Changed:
        """The next one that was not told yet, in their order. PortGoneError."""

    def close(self) -> None:
        """Its relays are off, where it can still be told. A second time does no harm."""
