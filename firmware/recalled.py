"""What an exchange before us had learned of its lines, from the ledger: how fast each moved on.

Within one life of the machine both clocks tell alike how long ago that was, and the monotonic one
is right. A row of another life is as old as the wall clock says, if that can be trusted; of two
ages the greater is taken, for an old pace told as a new one would be a lie.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection, select

from firmware.ledger import Moment, steps
from ivr.pace import MOVED

NEWEST = 1000  # rows; a busy clinic's two hours have fewer
ALIKE_S = 60.0  # a time service nudges the wall clock by less


def moved(connection: Connection, now: Moment, *, trusted: bool) -> list[tuple[float, str]]:
    """How many seconds ago a line moved on, and what is written of it; the oldest first."""
    newest = (
        select(steps.c.at, steps.c.mono_ms, steps.c.detail)
        .where(steps.c.step == MOVED)
        .order_by(steps.c.id.desc())
        .limit(NEWEST)
    )
    aged = (
        (age_s, row.detail)
        for row in connection.execute(newest)
        for age_s in _age_s(row.at, row.mono_ms, now, trusted=trusted)
    )
    return sorted(aged, key=lambda one: -one[0])


def _age_s(at: str, mono_ms: int, now: Moment, *, trusted: bool) -> Iterator[float]:
    """None, where nobody knows."""
    by_wall_s = (now.at - datetime.fromisoformat(at)).total_seconds()
    passed_s = (now.mono_ms - mono_ms) / 1000
    if passed_s >= 0 and abs(by_wall_s - passed_s) <= ALIKE_S:
        yield passed_s
    elif trusted and max(by_wall_s, passed_s) >= 0:
        yield max(by_wall_s, passed_s)
