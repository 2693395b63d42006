"""When those in charge are told by e-mail that a trunk fails, or is well again: once for each
trouble, of a trunk at most once an hour, and not of one that is over within a minute. Pure; time
is an argument."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from firmware.topics import Part

TELL_AFTER_S = 60.0
QUIET_S = 3600.0
WELL_AGAIN = "is well again"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Of one trunk: since when, and when it was told last, by a monotonic clock."""

    since_s: float
    told_s: float = -math.inf
    is_told: bool = False  # this one, and not one before it
    is_over: bool = False


Troubles = Mapping[str, Trouble]  # by the part's name
News = tuple[tuple[str, str], ...]  # a part's name, and what is told of it


def step(before: Troubles, parts: Iterable[Part], now_s: float) -> tuple[Troubles, News]:
    """What is wrong now, or was within the hour, and what is to be told."""
    wrong = {part.name: part.detail for part in parts if part.state == "alarm"}
    after: dict[str, Trouble] = {}
    told: list[tuple[str, str]] = []
    for name, detail in wrong.items():
        trouble = _going_on(before.get(name), now_s)
        if _is_due(trouble, now_s):
            trouble = replace(trouble, is_told=True, told_s=now_s)
            told.append((name, detail))
        after[name] = trouble
    for name, trouble in before.items():
        if name in wrong:
            continue
        if trouble.is_told and not trouble.is_over:
            told.append((name, WELL_AGAIN))
        if now_s - trouble.told_s < QUIET_S:
            after[name] = replace(trouble, is_over=True)
    return after, tuple(told)


def _going_on(before: Trouble | None, now_s: float) -> Trouble:
    if before is None:
        return Trouble(now_s)
    return Trouble(now_s, before.told_s) if before.is_over else before


def _is_due(trouble: Trouble, now_s: float) -> bool:
    has_lasted = now_s - trouble.since_s >= TELL_AFTER_S
    return has_lasted and not trouble.is_told and now_s - trouble.told_s >= QUIET_S
