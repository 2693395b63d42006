"""Who called lately, known by the keyed hash of the number alone.

It is kept in memory, from what the ledger held at the start and what has become durable since, so
that nobody who arrives waits for a disk. By the wall clock, because it outlives the process: a
clock that jumps may forget somebody, or take a day for a minute, and neither costs a caller more
than a place in line.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from firmware.figures import text_of
from firmware.ledger import OUTCOME, Step, calls, steps
from firmware.machine import MachineKey
from ivr.blocking import why_unwanted
from ivr.events import CallArrived, Event
from ivr.plan import Plan
from ivr.pressing import AGAIN_WITHIN_S
from ivr.survey import ASKED, NOT_AGAIN_WITHIN_S


@dataclass(slots=True)
class Lately:
    """Callers of whom something happened not longer ago than this."""

    within: timedelta
    _last: dict[bytes, datetime] = field(default_factory=dict)

    def add(self, caller: bytes, at: datetime) -> None:
        """It has just happened to this caller; whoever it happened to too long ago is forgotten."""
        self._last.pop(caller, None)
        self._last[caller] = at
        for other in list(self._last):
            if at - self._last[other] <= self.within:
                break
            del self._last[other]

    def holds(self, caller: bytes, at: datetime) -> bool:
        """Whether it happened to this caller lately."""
        last = self._last.get(caller)
        return last is not None and abs(at - last) <= self.within


class Callers:
    """What the exchange may know of who calls, beside the number itself."""

    def __init__(self, key: MachineKey, plan: Callable[[], Plan]) -> None:
        self._key = key
        self._plan = plan
        self._blocked: frozenset[bytes] = frozenset()
        self._came = Lately(timedelta(seconds=AGAIN_WITHIN_S))
        self._surveyed = Lately(timedelta(seconds=NOT_AGAIN_WITHIN_S))
        self._live: dict[str, bytes] = {}  # by call

    def block_only(self, blocked: frozenset[bytes]) -> None:
        """From now on these callers, by the hashes of their numbers, are asked first."""
        self._blocked = blocked

    def remember(self, connection: Connection, now: datetime) -> None:
        """What an exchange before us wrote down."""
        # Calls without an end may be announced once more, and have not come before themselves.
        came = select(calls.c.number_hash, calls.c.arrived).where(
            calls.c.arrived >= text_of(now - self._came.within),
            calls.c.number_hash.is_not(None),
            calls.c.outcome.is_not(None),
        )
        for row in connection.execute(came.order_by(calls.c.arrived)):
            self._came.add(row.number_hash, datetime.fromisoformat(row.arrived))
        asked = (
            select(calls.c.number_hash, steps.c.at)
            .join(calls, calls.c.call == steps.c.call)
            .where(
                steps.c.step == ASKED,
                steps.c.at >= text_of(now - self._surveyed.within),
                calls.c.number_hash.is_not(None),
            )
        )
        for row in connection.execute(asked.order_by(steps.c.at)):
            self._surveyed.add(row.number_hash, datetime.fromisoformat(row.at))

    def known(self, told: Sequence[Event], now: datetime) -> list[Event]:
        """The same facts; an arrival says whether its caller was here, or was asked, lately."""
        return [self._known(e, now) if isinstance(e, CallArrived) else e for e in told]

    def durable(self, written: Sequence[Step]) -> None:
        """What the ledger holds now: who was asked is not asked again."""
        for step in written:
            if step.step == ASKED and (caller := self._live.get(step.call)):
                self._surveyed.add(caller, datetime.fromisoformat(step.at))
            elif step.step == OUTCOME:
                self._live.pop(step.call, None)

    def _known(self, arrived: CallArrived, now: datetime) -> CallArrived:
        is_listed = bool(arrived.number) and self._key.keyed_hash(arrived.number) in self._blocked
        unwanted = why_unwanted(self._plan(), arrived.line, arrived.number, is_listed=is_listed)
        arrived = replace(arrived, unwanted=unwanted)
        if not arrived.number:
            return arrived
        caller = self._live[arrived.call] = self._key.keyed_hash(arrived.number)
        came_before = self._came.holds(caller, now)
        self._came.add(caller, now)
        was_surveyed = self._surveyed.holds(caller, now)
        return replace(arrived, came_before=came_before, was_surveyed=was_surveyed)
