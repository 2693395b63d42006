"""What is agreed of hours and on-call, as changes of the site file's text: a swap, somebody else
for a time, a holiday on which the clinic works, and the region whose holidays count.

Only what is written is decided here; whether it can be, the site file's own reading says.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firmware.edits import Edit, Put, Remove, Value
from firmware.toml_lines import Path

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody's time on call, by the clinic's clock: `2026-12-24 17:00`."""

    person: str
    starts: str
    ends: str

    @property
    def written(self) -> dict[str, str]:
        return {"person": self.person, "starts": self.starts, "ends": self.ends}


def swap(document: Document, layer: str, one: Turn, other: Turn) -> list[Edit]:
    value: dict[str, Value] = {"layer": layer, "one": one.written, "other": other.written}
    return [added(document, ("oncall", "swaps"), value)]


def cover(document: Document, layer: str, turn: Turn) -> list[Edit]:
    """One person, whoever else would be."""
    return [added(document, ("oncall", "overrides"), {"layer": layer, **turn.written})]


def take_away(path: tuple[str | int, ...]) -> list[Edit]:
    return [Remove(path)]


def holiday(name: str, *, is_observed: bool) -> list[Edit]:
    """A holiday is one unless the site file says otherwise."""
    path = ("holidays", "days", name)
    return [Remove(path)] if is_observed else [Put(path, {"observed": False})]


def region(
    document: Document, country: str, subdivision: str, known: Collection[str]
) -> list[Edit]:
    """Whose holidays they are; a part of the country has some of its own. What was said of days
    that are none there goes."""
    edits: list[Edit] = [Put(("holidays", "country"), country)]
    if subdivision:
        edits.append(Put(("holidays", "subdivision"), subdivision))
    elif "subdivision" in document.get("holidays", {}):
        edits.append(Remove(("holidays", "subdivision")))
    days = document.get("holidays", {}).get("days", {})
    gone = [name for name in days if known and name not in known]
    return [*edits, *(Remove(("holidays", "days", name)) for name in gone)]


def calendar(path: Path, there: Sequence[str], place: int | None, name: str) -> list[Edit]:
    """In place of one that is there, or behind them all."""
    if place is not None:
        return [Put((*path, place), name)]
    return [Put((*path, len(there)), name)] if there else [Put(path, [name])]


def added(document: Document, path: tuple[str, ...], value: Mapping[str, Value]) -> Edit:
    """Behind what is there; else the first."""
    found: Any = document
    for key in path:
        found = found.get(key, {}) if isinstance(found, Mapping) else {}
    if not found or not isinstance(found, list):
        return Put(path, [value])
    return Put((*path, len(found)), value)
