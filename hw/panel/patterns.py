"""How a lamp blinks: when it is lit and when that changes. Pure: `since` and `now` in seconds.

All lamps with one pattern blink together if they began together. Nothing flashes more than three
times in a second (WCAG 2.2, 2.3.1), for the sake of those whom that makes ill.
"""

from enum import Enum
from itertools import accumulate


class Pattern(Enum):
    """Seconds lit, dark, lit, dark … and again; one number is for ever."""

    OFF = (0.0,)
    ON = (1.0,)
    SLOW = (1.0, 1.0)  # something waits: a message
    FAST = (0.25, 0.25)  # somebody must come now: an alarm
    SPARK = (0.1, 2.9)  # all is well, and somebody is at home
    TWICE = (0.2, 0.2, 0.2, 1.4)  # a door stands open


def is_lit(pattern: Pattern, since: float, now: float) -> bool:
    """Whether it is lit at `now`, having begun at `since`."""
    if len(pattern.value) == 1:
        return pattern is Pattern.ON
    return _place(pattern, since, now)[0] % 2 == 0


def next_change(pattern: Pattern, since: float, now: float) -> float | None:
    """The first time after `now` at which it is otherwise; None: never."""
    if len(pattern.value) == 1:
        return None
    return _place(pattern, since, now)[1]


def _place(pattern: Pattern, since: float, now: float) -> tuple[int, float]:
    """Which part of the pattern `now` lies in, and when that part ends. The ends are counted from
    `since` alone, so that no error adds up and a change asked for at its very end is the next."""
    ends = tuple(accumulate(pattern.value))
    rounds = max(0, int((now - since) // ends[-1]))
    while True:
        begin = since + rounds * ends[-1]
        for part, end in enumerate(ends):
            if now < begin + end:
                return part, begin + end
        rounds += 1
