"""Figures by the hour, kept in calls.db, and read together with what they do not know yet.

The exchange goes through the ledger's new steps from time to time, and counts each hour in which
one of their calls arrived once more, from that hour's rows. So nothing is ever added to a sum that
a kill or a power cut may have left half done: an hour is replaced as a whole, in the same commit
that says how far the ledger was read. Counting is done on a reader's connection; only what came of
it waits its turn with the writer.

Whoever reads figures counts the hours afresh in which something happened since, so that figures are
true to the last step, whether the exchange runs or not.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import (
    ColumnClause,
    Connection,
    Row,
    column,
    func,
    insert,
    select,
    table,
)

from firmware.figures import COUNTS, HOUR, LONGEST, By, Rows, Tally, computed, hour_of, text_of
from firmware.ledger import calls, steps
from firmware.store import Store, open_reader

# As often as somebody may want to look; what is younger is counted when they do.
EVERY_S = 60.0
# A disk that refuses is not asked again at once.
AGAIN_S = 600.0
# Steps gone through at a time: some hundred calls, some tens of milliseconds.
STEPS_MAX = 1_000
# Between two such goes: after an update there may be years to count, and the calls come first.
REST_S = 0.2
# More hours than that are not read one by one.
HOURS_MAX = 200

KEPT = (By.ALL, By.LINE, By.QUEUE, By.AGENT)
hourly = table("hourly", *map(column, ("by", "hour", "name", *COUNTS)))
state = table("hourly_state", column("zone"), column("through"))

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Rolled:
    """Hours counted anew, and how far the ledger was read for it."""

    zone: str
    is_from_nothing: bool  # what was kept before is another zone's
    through: int
    hours: frozenset[datetime]
    rows: Rows


class Rollups:
    """The exchange's part: keeps the hours. A fault is told in `fault` and tried again later."""

    def __init__(self, store: Store, zone: Callable[[], ZoneInfo]) -> None:
        self._store = store
        self._zone = zone
        self.fault = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(AGAIN_S if self.fault else EVERY_S)
            await self.catch_up()

    async def catch_up(self) -> None:
        """Keep every hour up to the newest step, or tell why not."""
        try:
            while (rolled := await asyncio.to_thread(self._count)) is not None:
                await self._store.write(partial(keep, rolled=rolled))
                await asyncio.sleep(REST_S)
            self.fault = ""
        except Exception as fault:  # whatever it is, no call ends for the sake of a figure
            log.exception("figures are not kept for now")
            self.fault = str(fault)

    def _count(self) -> Rolled | None:
        reader = open_reader(self._store.path)
        try:
            with reader.connect() as connection:
                return roll(connection, self._zone())
        finally:
            reader.dispose()


def roll(connection: Connection, zone: ZoneInfo, most: int = STEPS_MAX) -> Rolled | None:
    """Count the hours that the next steps have changed; None: there are no more steps."""
    known, through = _kept(connection)
    if known != zone.key:
        through = 0
    fresh = select(steps.c.id).where(steps.c.id > through).order_by(steps.c.id).limit(most)
    last = connection.scalar(select(func.max(fresh.subquery().c.id)))
    if last is None:
        return None
    hours = _touched(connection, through, last, zone)
    return Rolled(
        zone=zone.key,
        is_from_nothing=known != zone.key,
        through=last,
        hours=frozenset(hours),
        rows=_afresh(connection, hours, zone),
    )


def keep(connection: Connection, rolled: Rolled) -> None:
    """Put these hours in place of what was kept of them."""
    if rolled.is_from_nothing:
        connection.execute(hourly.delete())
    for hour in rolled.hours:
        # All there is of `by` is named, so that the key leads to the rows.
        of_hour = hourly.c.by.in_([by.value for by in KEPT]) & (hourly.c.hour == text_of(hour))
        connection.execute(hourly.delete().where(of_hour))
    rows = [
        {"by": by.value, "hour": text_of(hour), "name": name, **asdict(tally)}
        for (hour, by, name), tally in rolled.rows.items()
    ]
    if rows:
        connection.execute(insert(hourly), rows)
    connection.execute(state.delete())
    connection.execute(state.insert().values(zone=rolled.zone, through=rolled.through))


def figures(
    connection: Connection, begin: datetime, end: datetime, by: By, zone: ZoneInfo
) -> dict[str, Tally]:
    """Of the calls that arrived in this span of whole hours, each name's."""
    found: defaultdict[str, Tally] = defaultdict(Tally)
    young = _young(connection, begin, end, zone)
    for row in _kept_sums(connection, begin, end, by, young, hourly.c.name):
        found[row.name] = _tally(row)
    for (_, of, name), tally in young.rows.items():
        if of is by:
            found[name] += tally
    return dict(found)


def by_hour(
    connection: Connection, begin: datetime, end: datetime, by: By, zone: ZoneInfo
) -> dict[tuple[datetime, str], Tally]:
    """The same for each hour, by its begin."""
    young = _young(connection, begin, end, zone)
    kept = _kept_sums(connection, begin, end, by, young, hourly.c.hour, hourly.c.name)
    found = {(datetime.fromisoformat(row.hour), row.name): _tally(row) for row in kept}
    found |= {(hour, name): tally for (hour, of, name), tally in young.rows.items() if of is by}
    return dict(sorted(found.items()))


def by_day(
    connection: Connection, begin: datetime, end: datetime, zone: ZoneInfo
) -> dict[date, Tally]:
    """The whole clinic's, for each day of its own clock."""
    days: defaultdict[date, Tally] = defaultdict(Tally)
    for (hour, _), tally in by_hour(connection, begin, end, By.ALL, zone).items():
        days[hour.astimezone(zone).date()] += tally
    return dict(days)


@dataclass(frozen=True, slots=True)
class _Young:
    """What the kept hours do not know, counted now."""

    rows: Rows
    hours: frozenset[datetime] | None  # in whose place it stands; None: in that of all


def _young(connection: Connection, begin: datetime, end: datetime, zone: ZoneInfo) -> _Young:
    known, through = _kept(connection)
    hours = _touched(connection, through, None, zone) if known == zone.key else None
    if hours is None or len(hours) > HOURS_MAX:
        return _Young(computed(connection, begin, end, zone), None)
    within = {hour for hour in hours if begin <= hour < end}
    return _Young(_afresh(connection, within, zone), frozenset(within))


def _afresh(connection: Connection, hours: Iterable[datetime], zone: ZoneInfo) -> Rows:
    rows: Rows = {}
    for hour in hours:
        rows |= computed(connection, hour, hour + HOUR, zone)
    return rows


def _kept(connection: Connection) -> tuple[str, int]:
    """Whose hours are kept, and through which step."""
    row = connection.execute(select(state)).one_or_none()
    return (row.zone, row.through) if row is not None else ("", 0)


def _touched(
    connection: Connection, through: int, last: int | None, zone: ZoneInfo
) -> set[datetime]:
    """The hours in which calls arrived that have steps after one and up to another."""
    arrived = select(calls.c.arrived).distinct().join(steps, steps.c.call == calls.c.call)
    arrived = arrived.where(steps.c.id > through)
    if last is not None:
        arrived = arrived.where(steps.c.id <= last)
    return {hour_of(datetime.fromisoformat(at), zone) for at in connection.scalars(arrived)}


def _kept_sums(
    connection: Connection,
    begin: datetime,
    end: datetime,
    by: By,
    young: _Young,
    *names: ColumnClause[Any],
) -> Sequence[Row[Any]]:
    """What is kept of a span, but for hours that are counted anew."""
    if young.hours is None:
        return ()
    columns = (
        (func.max if name == LONGEST else func.sum)(hourly.c[name]).label(name) for name in COUNTS
    )
    asked = (
        select(*names, *columns)
        .where(hourly.c.by == by.value)
        .where(hourly.c.hour >= text_of(begin), hourly.c.hour < text_of(end))
        .where(hourly.c.hour.not_in(tuple(map(text_of, young.hours))))
        .group_by(*names)
    )
    return connection.execute(asked).all()


def _tally(row: Row[Any]) -> Tally:
    return Tally(*row[-len(COUNTS) :])  # they come in the order of its fields
