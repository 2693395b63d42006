"""Who called lately, known by the keyed hash of the number alone.

It is kept in memory, from what the ledger held at the start and what has become durable since, so
that nobody who arrives waits for a disk. By the wall clock, because it outlives the process: a
clock that jumps may forget somebody, or take a day for a minute, and neither costs a caller more
than a place in line.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from firmware.ledger import calls
from firmware.machine import MachineKey
from ivr.events import CallArrived, Event
from ivr.pressing import AGAIN_WITHIN_S


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

    def __init__(self, key: MachineKey) -> None:
        self._key = key
        self._came = Lately(timedelta(seconds=AGAIN_WITHIN_S))

    def remember(self, connection: Connection, now: datetime) -> None:
        """What an exchange before us wrote down."""
        since = (now - self._came.within).astimezone(UTC).isoformat(timespec="milliseconds")
        # Calls without an end may be announced once more, and have not come before themselves.
        came = select(calls.c.number_hash, calls.c.arrived).where(
            calls.c.arrived >= since,
            calls.c.number_hash.is_not(None),
            calls.c.outcome.is_not(None),
        )
        for row in connection.execute(came.order_by(calls.c.arrived)):
            self._came.add(row.number_hash, datetime.fromisoformat(row.arrived))

    def known(self, told: Sequence[Event], now: datetime) -> list[Event]:
        """The same facts; an arrival says whether its caller was here a short while ago."""
        return [self._known(e, now) if isinstance(e, CallArrived) else e for e in told]

    def _known(self, arrived: CallArrived, now: datetime) -> CallArrived:
        if not arrived.number:
            return arrived
        caller = self._key.keyed_hash(arrived.number)
        came_before = self._came.holds(caller, now)
        self._came.add(caller, now)
        return replace(arrived, came_before=came_before)
