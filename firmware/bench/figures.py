"""Figures of a bench: spreads of two sides measured in one run, and what was aimed at. Pure.

A target is printed with what came of it and is never asserted: machines wander.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Spread:
    """Milliseconds."""

    median_ms: float
    p99_ms: float
    worst_ms: float
    count: int

    def __str__(self) -> str:
        """As it is printed: median / p99."""
        return f"{self.median_ms:.1f} / {self.p99_ms:.1f}"


def spread(seconds: Iterable[float]) -> Spread:
    """By nearest rank: of a hundred the 99th is the second worst."""
    values = sorted(each * 1000 for each in seconds)
    at_99 = values[-(-99 * len(values) // 100) - 1]
    return Spread(median(values), at_99, values[-1], len(values))


@dataclass(frozen=True, slots=True)
class Target:
    """What was aimed at, and how it is judged."""

    words: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured on both sides, or only on ours."""

    what: str
    ours: Spread
    peer: Spread | None = None
    target: Target | None = None

    @property
    def ratio(self) -> float | None:
        """Our median to the peer's; below 1 we are quicker."""
        return None if self.peer is None else self.ours.median_ms / self.peer.median_ms


def at_most(limit_ms: float, ours: Spread) -> Target:
    """An end of its own."""
    return Target(f"p99 at most {limit_ms:g} ms", ours.p99_ms <= limit_ms)


def at_most_beyond(limit_ms: float, ours: Spread, peer: Spread) -> Target:
    """An end set by the peer."""
    beyond_ms = ours.p99_ms - peer.p99_ms
    words = f"p99 at most {limit_ms:g} ms beyond the peer's (it is {beyond_ms:+.1f})"
    return Target(words, beyond_ms <= limit_ms)
