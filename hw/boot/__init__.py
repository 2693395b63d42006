"""Which of a box's two copies of its programs starts: one law for each board.

A slot is good (it starts), or bad (it starts no more). One that is new starts once, on trial;
whoever finds it healthy calls it good, else the former one is back at the next start, by itself. A
good slot is called good again at each start, too: one that was not, twice in a row, gives way to
the other. Where both fail, one of them starts all the same, for ever. A power cut at any write
leaves what was before it or what comes after. RAUC asks and tells these things (its `custom` boot
loader).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SLOTS = ("a", "b")
STARTS = 2  # of a good slot that nobody calls good
_RUNNING = re.compile(r"(?:^|\s)rauc\.slot=([ab])(?=\s|$)")


class BootError(Exception):
    """The boot partition is not as it should be; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Durable:
    """How something is written so that it is there after a power cut."""

    replace: Callable[[Path, bytes], None]  # all of it, or what was there before
    sync: Callable[[Path], None]  # a directory's names


class Boot(Protocol):
    """What a board must be able to do."""

    def primary(self) -> str:
        """The slot that is to start next."""
        ...

    def set_primary(self, slot: str) -> None:
        """Start this one next: for good if it is good, else once, on trial."""
        ...

    def is_good(self, slot: str) -> bool: ...

    def set_good(self, slot: str) -> None:
        """It was found healthy."""
        ...

    def set_bad(self, slot: str) -> None:
        """It is about to be written anew, or is of no use."""
        ...

    def restart_argument(self) -> str:
        """What reboot(8) has to be told for the next start to be that of the primary slot."""
        ...


def running(command_line: str) -> str:
    """The slot that runs, as the kernel was told."""
    found = _RUNNING.search(command_line)
    if found is None:
        raise BootError("the kernel was not told which slot it is of: this is no box")
    return found[1]


def other(slot: str) -> str:
    """Of two."""
    return SLOTS[1 - SLOTS.index(slot)]
