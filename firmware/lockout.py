"""How long a name has to wait after wrong passwords. No store, no clock: `now` is an argument.

Each failure beyond the first few doubles the wait, up to a quarter of an hour and never beyond: who
guesses gets a hundred tries a day, and who owns the name is kept out for minutes, never for ever. A
success forgets all of it. The same rule, with more patience and a shorter wait, stands over all
names together, against one password tried on each of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Rule:
    """How patient we are."""

    free: int  # failures that cost nothing: fingers slip
    first: timedelta
    most: timedelta


OF_A_NAME = Rule(free=4, first=timedelta(seconds=2), most=timedelta(minutes=15))
OF_ALL = Rule(free=30, first=timedelta(seconds=1), most=timedelta(seconds=30))


@dataclass(frozen=True, slots=True)
class Failures:
    """What went wrong since the last success."""

    count: int = 0
    last: datetime | None = None

    def one_more(self, now: datetime) -> "Failures":
        return Failures(self.count + 1, now)


def wait(failures: Failures, rule: Rule, now: datetime) -> timedelta:
    """How long from now the next try is refused unseen; nothing if it is heard."""
    beyond = failures.count - rule.free
    # A clock that was set back must not keep anybody out until it has caught up.
    if beyond <= 0 or failures.last is None or now < failures.last:
        return timedelta()
    doublings = min(beyond - 1, 32)
    lasts: timedelta = min(rule.first * (1 << doublings), rule.most)
    return max(failures.last + lasts - now, timedelta())
