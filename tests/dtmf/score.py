"""How a detector did: every chance is a hit, or one of four faults is counted there.

What is told from one chance's start until the next one's belongs to it. The first right digit is
the hit; the same again is a duplicate; another digit instead is wrong, besides is extra. What is
told where nothing was is extra.

Of a detector that tells no times only the order is known: what fits the keys in order are hits.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tests.dtmf.items import Scene
from tests.dtmf.sound import RATE_HZ, Chance


@dataclass(frozen=True, slots=True)
class Heard:
    """A digit a detector told of, in samples; None where it cannot tell."""

    digit: str
    decided: int | None
    start: int | None = None
    end: int | None = None


@dataclass(slots=True)
class Score:
    """Counts, and times in ms of the hits."""

    chances: int = 0
    right: int = 0  # chances at which all was well
    hits: int = 0
    misses: int = 0
    wrong: int = 0
    duplicates: int = 0
    extras: int = 0
    latency_ms: list[float] = field(default_factory=list)  # decided, from the true begin
    start_error_ms: list[float] = field(default_factory=list)

    @property
    def is_perfect(self) -> bool:
        """Not one chance was missed or misread."""
        return self.right == self.chances and not self.extras

    @property
    def percent(self) -> float:
        """Chances at which all was well."""
        return 100.0 * self.right / self.chances if self.chances else 0.0

    def __str__(self) -> str:
        faults = f"{self.misses} missed, {self.wrong} wrong, {self.duplicates} twice"
        return f"{self.percent:.2f} % of {self.chances}: {faults}, {self.extras} too many"

    def add(self, other: "Score") -> None:
        """Counts another scene in."""
        self.chances += other.chances
        self.right += other.right
        self.hits += other.hits
        self.misses += other.misses
        self.wrong += other.wrong
        self.duplicates += other.duplicates
        self.extras += other.extras
        self.latency_ms += other.latency_ms
        self.start_error_ms += other.start_error_ms


def total(scores: Iterable[Score]) -> Score:
    """Many scenes as one."""
    everything = Score()
    for score in scores:
        everything.add(score)
    return everything


def scored(scene: Scene, heard: Sequence[Heard]) -> Score:
    """How these digits fit that scene."""
    if any(digit.decided is None for digit in heard):
        return _scored_by_order(scene, [digit.digit for digit in heard])
    told = sorted((digit.decided or 0, n) for n, digit in enumerate(heard))
    times = [decided for decided, _ in told]
    edges = [bisect_left(times, chance.start) for chance in scene.chances] + [len(told)]
    score = Score(extras=edges[0])
    for chance, (begin, end) in zip(scene.chances, pairwise(edges), strict=True):
        _count(score, chance, [heard[n] for _, n in told[begin:end]])
    return score


def _scored_by_order(scene: Scene, told: Sequence[str]) -> Score:
    keys = [chance.key for chance in scene.chances if chance.key]
    hits = longest_in_order(keys, told)
    extras = len(told) - hits
    quiet = max(len(scene.chances) - len(keys) - extras, 0)
    return Score(
        chances=len(scene.chances),
        right=hits if keys else quiet,
        hits=hits,
        misses=len(keys) - hits,
        extras=extras,
    )


def longest_in_order(keys: Sequence[str], told: Sequence[str]) -> int:
    """How many of the keys were told, at best, in their order."""
    said = np.array(told, dtype="U1")
    best = np.zeros(len(told) + 1, dtype=np.int64)
    for key in keys:
        best[1:] = np.maximum(best[1:], best[:-1] + (said == key))
        best = np.maximum.accumulate(best)
    return int(best[-1])


def _count(score: Score, chance: Chance, told: Sequence[Heard]) -> None:
    score.chances += 1
    if not chance.key:
        score.extras += len(told)
        score.right += not told
        return
    hit = next((digit for digit in told if digit.digit == chance.key), None)
    others = sum(digit.digit != chance.key for digit in told)
    if hit is None:
        score.wrong += bool(others)
        score.misses += not others
        score.extras += max(others - 1, 0)
        return
    score.hits += 1
    score.duplicates += len(told) - others - 1
    score.extras += others
    score.right += len(told) == 1
    assert hit.decided is not None
    score.latency_ms.append((hit.decided - chance.start) * 1000 / RATE_HZ)
    if hit.start is not None:
        score.start_error_ms.append(abs(hit.start - chance.start) * 1000 / RATE_HZ)
