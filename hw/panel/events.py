"""What a panel tells, in the past tense, and what is told to it, in the imperative. Names are those
that the clinic gave its lamps, buttons and doors; nothing here is a caller's.
"""

from dataclasses import dataclass
from enum import StrEnum


class Closing(StrEnum):
    """Why a door is held open no longer."""

    TIME = "its time was over"
    ASKED = "somebody asked"
    LOST = "the panel is gone, and its relay fell back"


@dataclass(frozen=True, slots=True)
class ButtonPressed:
    button: str


@dataclass(frozen=True, slots=True)
class ButtonReleased:
    button: str


@dataclass(frozen=True, slots=True)
class ButtonStuck:
    """Held longer than a finger would: somebody should look at it. Once for each press."""

    button: str


@dataclass(frozen=True, slots=True)
class DoorOpened:
    door: str
    for_s: float  # at most; not what was asked for where that was longer


@dataclass(frozen=True, slots=True)
class DoorClosed:
    door: str
    why: Closing


@dataclass(frozen=True, slots=True)
class DoorRefused:
    """It was not opened, and will not be when the panel is back: nobody stands there any more."""

    door: str


@dataclass(frozen=True, slots=True)
class PanelLost:
    """An alarm: told once, however often it is tried again."""

    why: str


@dataclass(frozen=True, slots=True)
class PanelFound:
    """It answers, for the first time or again; its lamps show what they should."""


Event = (
    ButtonPressed
    | ButtonReleased
    | ButtonStuck
    | DoorOpened
    | DoorClosed
    | DoorRefused
    | PanelLost
    | PanelFound
)


@dataclass(frozen=True, slots=True)
class Turn:
    """An order to the device. `at_most_s`: a device with a clock of its own turns it off by then,
    whatever becomes of us; None: it stays."""

    output: str
    is_on: bool
    at_most_s: float | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """What the device said of an input, undisturbed by any thought: contacts bounce."""

    button: str
    is_down: bool
