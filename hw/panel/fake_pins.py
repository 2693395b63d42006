"""A chip with pins in memory, given to GpioPort where the kernel has none: it can be pulled out, as
one on a USB plug can. A pipe awakens the loop as the kernel's file does.
"""

import errno
import os


class FakeChip:
    """Called with what is asked for it gives its pins, to one owner at a time. `lit` are its
    outputs, and what they drive."""

    def __init__(self) -> None:
        self.lit: dict[int, bool] = {}
        self._down: dict[int, bool] = {}
        self._edges: list[tuple[int, bool]] = []
        self._is_plugged, self._is_held = True, False
        self._ears, self._mouth = os.pipe()

    def __call__(self, _chip: str, outputs: tuple[int, ...], inputs: tuple[int, ...]) -> "FakeChip":
        self._must_be_there()
        if self._is_held:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        self._is_held = True
        self._down = {pin: self._down.get(pin, False) for pin in inputs}
        self.lit = dict.fromkeys(outputs, False)
        return self

    def fileno(self) -> int:
        return self._ears

    def edges(self) -> list[tuple[int, bool]]:
        os.read(self._ears, 4096)
        self._must_be_there()
        edges, self._edges = self._edges, []
        return edges

    def is_active(self, pin: int) -> bool:
        self._must_be_there()
        return self._down[pin]

    def set(self, pin: int, is_active: bool) -> None:
        self._must_be_there()
        self.lit[pin] = is_active

    def release(self) -> None:
        self._is_held = False

    def touch(self, pin: int, is_down: bool) -> None:
        """A finger comes, or goes."""
        self._down[pin] = is_down
        if self._is_held and self._is_plugged:
            self._edges.append((pin, is_down))
            os.write(self._mouth, b"!")

    def unplug(self) -> None:
        """Its outputs lose their power."""
        self._is_plugged = False
        self.lit = dict.fromkeys(self.lit, False)
        os.write(self._mouth, b"!")

    def plug(self) -> None:
        self._is_plugged = True

    def throw_away(self) -> None:
        os.close(self._ears)
        os.close(self._mouth)

    def _must_be_there(self) -> None:
        if not self._is_plugged:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
