"""The on-call rota as the clinic writes it: who takes turns, when, and what was agreed beside.

Times are readings of the clinic's own wall clock; `ivr.oncall` says who is on call at an instant.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

HOLIDAY = 7  # where a weekday stands: on each holiday, whatever weekday it is


@dataclass(frozen=True, slots=True)
class Window:
    """A time of each week: from `start` on a weekday (0 is Monday, or HOLIDAY) to before `end`,
    which is the next day's unless it is later than `start`."""

    weekday: int
    start: time
    end: time


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` to before `end`."""

    start: datetime
    end: datetime

    def holds(self, wall: datetime) -> bool:
        """Whether the reading is one of this period's."""
        return self.start <= wall < self.end


@dataclass(frozen=True, slots=True)
class ByTurns:
    """People in order, each for so many days. The first one's first turn begins at `hand_off` on
    the day `begins`, and nobody is on call before it. A turn without any time in the windows is
    nobody's: the order goes on after it as if it had not been."""

    people: tuple[str, ...]
    days: int
    hand_off: time
    begins: date
    only: tuple[Window, ...] = ()  # empty: at all times


@dataclass(frozen=True, slots=True)
class ByWeekday:
    """One person for each weekday, from its hand-off until the next day's; None: nobody."""

    people: tuple[str | None, ...]  # Monday first
    hand_off: time
    only: tuple[Window, ...] = ()


Rotation = ByTurns | ByWeekday


@dataclass(frozen=True, slots=True)
class Override:
    """One person for a period, whoever else would be."""

    layer: str
    person: str
    period: Period


@dataclass(frozen=True, slots=True)
class Swap:
    """What `one` has of `gives` goes to `other`, and what `other` has of `takes` goes to `one`."""

    layer: str
    one: str
    gives: Period
    other: str
    takes: Period


@dataclass(frozen=True, slots=True)
class Rota:
    """Who can be called when nobody is in. Layers stand in the order in which they are tried; in a
    layer, the first rotation that has somebody says who. Of overrides and swaps a later one is
    agreed upon what the earlier ones have made of the rota."""

    zone: ZoneInfo
    layers: Mapping[str, tuple[Rotation, ...]]
    last_resort: str  # called when all others have failed
    outside: str | None = None  # hours during which nobody need be on call
    overrides: tuple[Override, ...] = ()
    swaps: tuple[Swap, ...] = ()
    ring_s: float = 25.0  # each number of a person, before the next
    remind_s: float = 1800.0  # after which an owner is asked
    holidays: frozenset[date] = frozenset()

    @property
    def regulars(self) -> tuple[str, ...]:
        """Everybody who takes turns, in the order of the file."""
        rotations = [rotation for layer in self.layers.values() for rotation in layer]
        named = [person for rotation in rotations for person in rotation.people if person]
        return tuple(dict.fromkeys(named))

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody who is ever on call: the regulars first, then who is so by agreement alone."""
        covering = [override.person for override in self.overrides]
        swapping = [person for swap in self.swaps for person in (swap.one, swap.other)]
        return tuple(dict.fromkeys((*self.regulars, *covering, *swapping)))
