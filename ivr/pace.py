"""How long will it be? Told from how fast the queue moved today, and only when that is known.

While somebody waits, each answer takes the line one place on. The times between such answers are
the queue's pace; times in which nobody waited are none of it. Who is told a time is told one that
four in five keep, not the mean that half of all miss: for a line that moves at random, place k
takes k steps in the mean, with a spread of the square root of k.
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import sqrt

LEAST_STEPS = 5  # with fewer nobody knows
STEPS_KEPT = 20
FRESH_S = 2 * 3600.0  # the morning says little about the afternoon
CAUTION = 0.9  # spreads above the mean: the fifth-largest of 25 such waits, roughly
MINUTE_S = 60.0
# The ledger's step by which an exchange after us knows what we had learned.
MOVED = "moved"
_WRITTEN = re.compile(r"(?P<queue>\S+) after (?P<took_s>[0-9.]+) s")


@dataclass(slots=True)
class Pace:
    """One queue's."""

    _steps: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=STEPS_KEPT))
    _since: float | None = None  # the line has been standing

    def stands(self, now: float) -> None:
        """Somebody waits."""
        if self._since is None:
            self._since = now

    def moves(self, now: float, *, others_wait: bool) -> float | None:
        """The first in line has been answered: after how long, if anybody stood there."""
        took_s = None if self._since is None else now - self._since
        if took_s is not None:
            self.took(now, took_s)
        self._since = now if others_wait else None
        return took_s

    def took(self, at: float, seconds: float) -> None:
        """One step of the line, by this moment."""
        self._steps.append((at, seconds))

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


@dataclass(slots=True)
class Paces:
    """Those of all queues."""

    of: defaultdict[str, Pace] = field(default_factory=lambda: defaultdict(Pace))

    def moves(self, queue: str, now: float, *, others_wait: bool) -> str:
        """What is written of it; nothing, if nobody had stood there."""
        took_s = self.of[queue].moves(now, others_wait=others_wait)
        return "" if took_s is None else f"{queue} after {took_s:.1f} s"

    def recall(self, moved: Iterable[tuple[float, str]], now: float) -> None:
        """What an exchange before us has written, so many seconds ago."""
        for age_s, detail in moved:
            if found := _WRITTEN.fullmatch(detail):
                self.of[found["queue"]].took(now - age_s, float(found["took_s"]))


def minutes(seconds: float) -> int:
    """As it is said: whole minutes, rounded up."""
    return max(1, -int(-seconds // MINUTE_S))
