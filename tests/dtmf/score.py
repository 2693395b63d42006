"""How a detector did: every chance is a hit, or one of four faults is counted there.

What is told from one chance's start until the next one's belongs to it. The first right digit is
the hit; the same again is a duplicate; another digit instead is wrong, besides is extra. What is
told where nothing was is extra.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.dtmf.items import Scene
from tests.dtmf.sound import RATE_HZ, Chance


@dataclass(frozen=True, slots=True)
class Heard:
    """A digit a detector told of, in samples; None where it cannot tell."""

    digit: str
    decided: int
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
    score = Score()
    told = sorted(heard, key=lambda digit: digit.decided)
    at = 0
    first = scene.chances[0].start if scene.chances else len(scene.pcm) + 1
    while at < len(told) and told[at].decided < first:
        score.extras += 1
        at += 1
    ends = [chance.start for chance in scene.chances[1:]] + [len(scene.pcm) + RATE_HZ]
    for chance, end in zip(scene.chances, ends, strict=True):
        until = at
        while until < len(told) and told[until].decided < end:
            until += 1
        _count(score, chance, told[at:until])
        at = until
    return score


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
    score.latency_ms.append((hit.decided - chance.start) * 1000 / RATE_HZ)
    if hit.start is not None:
        score.start_error_ms.append(abs(hit.start - chance.start) * 1000 / RATE_HZ)
