"""Ours beside its peers: sides that take turns in one run, so that a busy machine is busy for all.

A side does its work once and returns the figure of that time. Medians are compared, never single
values; how far the same fixed work wandered meanwhile is told as the machine's noise. A target is
printed with what came of it and is never asserted: machines wander.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Side = Callable[[], float]
Shown = Callable[[int, int], None]

ROUNDS = 7
# The fixed work of the noise: some 10 ms of plain Python.
STEPS = 100_000


@dataclass(frozen=True, slots=True)
class Runs:
    """One side's figures, in the order they were taken."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The figure to quote."""
        return median(self.values)

    @property
    def low(self) -> float:
        """The least of all."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The most of all."""
        return max(self.values)


@dataclass(frozen=True, slots=True)
class Aim:
    """What was aimed at: our median at most, or at least, so many times that peer's.

    Without a peer it is an end of its own, in the figure's unit.
    """

    factor: float
    peer: str | None = None
    at_most: bool = True

    def words(self) -> str:
        """As it is printed."""
        bound = "at most" if self.at_most else "at least"
        return f"{bound} {self.factor:g}" + (f" x {self.peer}" if self.peer else "")


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of ours and of each side beside it."""

    what: str
    unit: str
    ours: Runs
    beside: Mapping[str, Runs]
    aim: Aim | None = None

    def ratio(self, peer: str) -> float:
        """Our median to that peer's."""
        return self.ours.median / self.beside[peer].median

    def told_beside(self, peer: str) -> str:
        """That peer's median, and ours to it; empty where it has none."""
        if peer not in self.beside:
            return ""
        return f"{number(self.beside[peer].median)} ({number(self.ratio(peer))} x)"

    @property
    def is_met(self) -> bool | None:
        """None: nothing was aimed at, or the peer to aim by is not here."""
        if self.aim is None or (self.aim.peer is not None and self.aim.peer not in self.beside):
            return None
        reached = self.ours.median if self.aim.peer is None else self.ratio(self.aim.peer)
        return reached <= self.aim.factor if self.aim.at_most else reached >= self.aim.factor


@dataclass(frozen=True, slots=True)
class Report:
    """What one bench has to say."""

    figures: tuple[Compared, ...]
    noise: Runs  # milliseconds of the fixed work, once a round
    notes: tuple[str, ...] = ()  # which peers were not here, what a figure stands for

    @property
    def noise_percent(self) -> float:
        """From the least to the most, of the median."""
        return 100 * (self.noise.high - self.noise.low) / self.noise.median


def number(value: float) -> str:
    """Three figures that count, whatever the size."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def in_turn(
    sides: Mapping[str, Side], rounds: int = ROUNDS, shown: Shown = lambda done, of: None
) -> tuple[dict[str, Runs], Runs]:
    """Every side once a round, after a round that does not count; and the noise."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    noise: list[float] = []
    for turn in range(rounds + 1):
        for name, side in sides.items():
            value = side()
            if turn:
                taken[name].append(value)
        if turn:
            noise.append(fixed_work_ms())
        shown(turn, rounds)
    return {name: Runs(tuple(values)) for name, values in taken.items()}, Runs(tuple(noise))


def fixed_work_ms() -> float:
    """The same each time, whatever is measured."""
    began = time.perf_counter()
    total = 0
    for step in range(STEPS):
        total += step
    return (time.perf_counter() - began) * 1000


def seconds_of(work: Callable[[], object]) -> float:
    """By the wall clock."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def together(reports: Iterable[Report]) -> Report:
    """One report of several."""
    parts: Sequence[Report] = tuple(reports)
    return Report(
        tuple(figure for part in parts for figure in part.figures),
        Runs(tuple(value for part in parts for value in part.noise.values)),
        tuple(note for part in parts for note in part.notes),
    )
