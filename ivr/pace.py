"""How long will it be? Told from how fast the queue moved today, and only when that is known.

While somebody waits, each answer takes the line one place on. The times between such answers are
the queue's pace; times in which nobody waited are none of it. Who is told a time is told one that
four in five keep, not the mean that half of all miss: for a line that moves at random, place k
takes k steps in the mean, with a spread of the square root of k.
"""

from collections import deque
from dataclasses import dataclass, field
from math import sqrt

LEAST_STEPS = 5  # with fewer nobody knows
STEPS_KEPT = 20
FRESH_S = 2 * 3600.0  # the morning says little about the afternoon
CAUTION = 0.9  # spreads above the mean: the fifth-largest of 25 such waits, roughly
MINUTE_S = 60.0


@dataclass(slots=True)
class Pace:
    """One queue's."""

    _steps: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=STEPS_KEPT))
    _since: float | None = None  # the line has been standing

    def stands(self, now: float) -> None:
        """Somebody waits."""
        if self._since is None:
            self._since = now

    def moves(self, now: float, *, others_wait: bool) -> None:
        """The first in line has been answered."""
        if self._since is not None:
            self._steps.append((now, now - self._since))
        self._since = now if others_wait else None

    def empties(self) -> None:
        """Nobody waits, though nobody was answered."""
        self._since = None

    def within_s(self, place: int, now: float) -> float | None:
        """Within what a caller at this place, 1 being next, will be answered, four times in five;
        None: that is not known."""
        steps = [took for at, took in self._steps if now - at <= FRESH_S]
        if len(steps) < LEAST_STEPS:
            return None
        mean_s = sum(steps) / len(steps)
        return mean_s * (place + CAUTION * sqrt(place))


def minutes(seconds: float) -> int:
    """As it is said: whole minutes, rounded up."""
    return max(1, -int(-seconds // MINUTE_S))
