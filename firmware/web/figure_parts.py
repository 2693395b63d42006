"""What the screen Figures is made of, in words: all of it that is read from the books."""

from collections.abc import Mapping
from dataclasses import dataclass

from firmware.figures import By
from firmware.web.figure_words import Figure


@dataclass(frozen=True, slots=True)
class Linked:
    """A number in a table, and where its calls are listed; empty: there are none."""

    said: str
    href: str


@dataclass(frozen=True, slots=True)
class HeatCell:
    """Calls in the mean, with how dark it is drawn."""

    said: str
    shade: int
    href: str = ""


@dataclass(frozen=True, slots=True)
class Heat:
    """The busy hours of the week as a table: a row for each hour."""

    days: str
    rows: tuple[tuple[str, tuple[HeatCell, ...]], ...]
    steps: tuple[HeatCell, ...]  # what each shade begins at


@dataclass(frozen=True, slots=True)
class Advice:
    """Where one person more would help."""

    rows: list[tuple[str | Linked, ...]]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """All of the screen that is read from the books, in one language."""

    figures: list[Figure]
    ways: list[tuple[str, str, str, str]]
    drawn: list[tuple[str | Linked, ...]]
    waits: list[tuple[str, Linked]]
    tables: Mapping[By, list[tuple[str | Linked, ...]]]
    phones: list[tuple[str | Linked, ...]]
    heat: Heat | None
    advice: Advice
