"""How long each agent was there, and so how much of that time was calls: occupancy.

A phone is an agent without signing in, so nobody says when its day began. It is taken to begin with
the agent's first sign of life that day (an offer, a word of theirs) and to end with the last one,
the end of a call or of a call-back included; pauses and times signed out are cut out of it, and so
is the night.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple

from sqlalchemy import Connection, select

from firmware.figures import ACCEPTED, OFFER, text_of
from firmware.ledger import OUTCOME, steps
from ivr.callbacks import TALKED
from ivr.commands import NO_CALL

AWAY = frozenset({"paused", "signed out"})
BACK = frozenset({"resumed", "signed in"})
NOTHING = timedelta(0)


class Sign(NamedTuple):
    """A step that tells of an agent; without one, of whoever had the call."""

    at: datetime  # local
    call: str
    step: str
    detail: str


@dataclass(slots=True)
class _Day:
    """One agent's."""

    first: datetime
    last: datetime
    away_since: datetime | None = None
    away: timedelta = NOTHING

    def sign(self, at: datetime) -> None:
        self.last = max(self.last, at)

    def leaves(self, at: datetime) -> None:
        self.away_since = at if self.away_since is None else self.away_since

    def comes_back(self, at: datetime) -> None:
        if self.away_since is not None:
            self.away += max(at - self.away_since, NOTHING)
        self.away_since = None

    @property
    def there(self) -> timedelta:
        """Whoever has not come back was last there when leaving."""
        end = self.last if self.away_since is None else min(self.last, self.away_since)
        return max(end - self.first - self.away, NOTHING)


@dataclass(slots=True)
class _Days:
    of: dict[tuple[str, date], _Day] = field(default_factory=dict)
    has: dict[str, str] = field(default_factory=dict)  # call -> agent

    def take(self, sign: Sign) -> None:
        match sign.step:
            case word if sign.call == NO_CALL:
                agent = sign.detail.partition(" ")[0]
                day = self._day(agent, sign.at)
                if word in AWAY:
                    day.leaves(sign.at)
                elif word in BACK:
                    day.comes_back(sign.at)
            case "offer" | "call-back talk":
                self._day(sign.detail, sign.at)
            case "accepted":
                self.has[sign.call] = sign.detail
                self._day(sign.detail, sign.at)
            case "outcome" if agent := self.has.pop(sign.call, ""):
                self._day(agent, sign.at)
            case _:
                pass

    def _day(self, agent: str, at: datetime) -> _Day:
        day = self.of.setdefault((agent, at.date()), _Day(at, at))
        day.sign(at)
        return day


def there(signs: Iterable[Sign]) -> dict[str, timedelta]:
    """How long each agent was there, from signs in their order."""
    days = _Days()
    for sign in signs:
        days.take(sign)
    found: defaultdict[str, timedelta] = defaultdict(timedelta)
    for (agent, _), day in days.of.items():
        found[agent] += day.there
    return dict(found)


def there_in(
    connection: Connection, begin: datetime, end: datetime, zone: tzinfo
) -> dict[str, timedelta]:
    """The same, of a span of the ledger."""
    return there(_signs(connection, begin, end, zone))


def _signs(connection: Connection, begin: datetime, end: datetime, zone: tzinfo) -> Iterator[Sign]:
    asked = (
        select(steps.c.at, steps.c.call, steps.c.step, steps.c.detail)
        .where(steps.c.step.in_((*AWAY, *BACK, OFFER, ACCEPTED, OUTCOME, TALKED)))
        .where(steps.c.at >= text_of(begin), steps.c.at < text_of(end))
        .order_by(steps.c.id)
    )
    for row in connection.execute(asked):
        yield Sign(datetime.fromisoformat(row.at).astimezone(zone), row.call, row.step, row.detail)
