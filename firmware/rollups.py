"""Figures by the hour, the day and the month, kept in calls.db, and read together with what they
do not know yet.

The exchange goes through the ledger's new steps from time to time, and counts each hour in which
one of their calls arrived once more, from that hour's rows. So nothing is ever added to a sum that
a kill or a power cut may have left half done: an hour is replaced as a whole, and its day and month
are summed up anew from their hours and days, in the same commit that says how far the ledger was
read. Counting is done on a reader's connection; only what came of
it waits its turn with the writer.

Whoever reads figures takes the largest spans that fit, ten years being some hundred months, and
counts the hours afresh in which something happened since, so that figures are
true to the last step, whether the exchange runs or not.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import partial, reduce
from operator import add
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Connection,
    Row,
    and_,
    column,
    func,
    insert,
    literal,
    or_,
    select,
    table,
)

from firmware.figures import (
    COUNTS,
    HOUR,
    LONGEST,
    By,
    Key,
    Rows,
    Tally,
    computed,
    day_begins,
    hour_of,
    text_of,
)
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
tallies = table("tallies", *map(column, ("span", "by", "begins", "name", *COUNTS)))
SUMS = [(func.max if name == LONGEST else func.sum)(tallies.c[name]).label(name) for name in COUNTS]
state = table("tallies_state", column("zone"), column("through"))

log = structlog.get_logger(__name__)


class Span(StrEnum):
    """Over how long a kept tally is."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


# Tallies of one span that begin from the first to before the second.
Stretch = tuple[Span, datetime, datetime]


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
        connection.execute(tallies.delete())
    for hour in rolled.hours:
        _forget(connection, Span.HOUR, hour)
    rows = [
        {"span": Span.HOUR, "by": by, "begins": text_of(hour), "name": name, **asdict(tally)}
        for (hour, by, name), tally in rolled.rows.items()
    ]
    if rows:
        connection.execute(insert(tallies), rows)
    zone = ZoneInfo(rolled.zone)
    days = {hour.astimezone(zone).date() for hour in rolled.hours}
    for day in days:
        _sum_up(connection, Span.DAY, (Span.HOUR, *_day(day, zone)))
    for month in {day.replace(day=1) for day in days}:
        _sum_up(connection, Span.MONTH, (Span.DAY, *_month(month, zone)))
    connection.execute(state.delete())
    connection.execute(state.insert().values(zone=rolled.zone, through=rolled.through))


def figures(
    connection: Connection, begin: datetime, end: datetime, by: By, zone: ZoneInfo
) -> dict[str, Tally]:
    """Of the calls that arrived in this span of whole hours, each name's."""
    found: defaultdict[str, Tally] = defaultdict(Tally)
    young = _young(connection, begin, end, zone)
    for row in _kept_sums(connection, _largest(begin, end, zone, young), by, tallies.c.name):
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
    hours = _but([(Span.HOUR, begin, end)], young)
    kept = _kept_sums(connection, hours, by, tallies.c.begins, tallies.c.name)
    found = {(datetime.fromisoformat(row.begins), row.name): _tally(row) for row in kept}
    found |= {(hour, name): tally for (hour, of, name), tally in young.rows.items() if of is by}
    return dict(sorted(found.items()))


def each_hour(
    connection: Connection, begin: datetime, end: datetime, of: Key, counts: Sequence[str],
    zone: ZoneInfo,
) -> dict[datetime, int]:  # fmt: skip
    """Of one name alone, and of these counts the sum: a tenth of the work where no more is asked
    for. Hours without any are left out."""
    by, name = of
    young = _young(connection, begin, end, zone)
    summed = reduce(add, (tallies.c[count] for count in counts))
    kept = [
        select(tallies.c.begins, summed.label("number")).where(
            _within(each, by), tallies.c.name == name, summed > 0
        )
        for each in _but([(Span.HOUR, begin, end)], young)
    ]
    found = {
        datetime.fromisoformat(row.begins): int(row.number)
        for part in kept
        for row in connection.execute(part)
    }
    for (hour, *rest), tally in young.rows.items():
        number = sum(getattr(tally, count) for count in counts)
        if tuple(rest) == of and number:
            found[hour] = number
    return found


def by_day(
    connection: Connection, begin: datetime, end: datetime, zone: ZoneInfo
) -> dict[date, Tally]:
    """The whole clinic's, for each day of its own clock."""
    days: defaultdict[date, Tally] = defaultdict(Tally)
    young = _young(connection, begin, end, zone)
    stretches = _largest(begin, end, zone, young, Span.DAY)
    for row in _kept_sums(connection, stretches, By.ALL, tallies.c.begins):
        days[datetime.fromisoformat(row.begins).astimezone(zone).date()] += _tally(row)
    for (hour, by, _), tally in young.rows.items():
        if by is By.ALL:
            days[hour.astimezone(zone).date()] += tally
    return dict(sorted(days.items()))


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
    connection: Connection, stretches: Sequence[Stretch], by: By, *names: ColumnClause[Any]
) -> Sequence[Row[Any]]:
    """What is kept of these stretches, added up for each of the names."""
    if not stretches:
        return ()
    asked = select(*names, *SUMS).where(or_(*(_within(each, by) for each in stretches)))
    return connection.execute(asked.group_by(*names)).all()


# ---- the largest spans that fit ----


def _largest(
    begin: datetime, end: datetime, zone: ZoneInfo, young: _Young, most: Span = Span.MONTH
) -> list[Stretch]:
    """A span of whole hours, as months, days and hours of which all is kept."""
    if young.hours is None:
        return []
    dirty = sorted({hour.astimezone(zone).date() for hour in young.hours})
    stretches: list[Stretch] = []
    for day in dirty:
        until, onward = _day(day, zone)
        stretches += _whole(begin, min(until, end), zone, most)
        hours = (Span.HOUR, max(begin, until), min(onward, end))
        stretches += _but([hours], young)
        begin = max(begin, onward)
    return [*stretches, *_whole(begin, end, zone, most)]


def _whole(begin: datetime, end: datetime, zone: ZoneInfo, most: Span) -> list[Stretch]:
    """The same, where no hour is young."""
    first_day, last_day = _next_day(begin, zone), _day(end.astimezone(zone).date(), zone)[0]
    if first_day >= last_day:
        return _some((Span.HOUR, begin, end))
    months: list[Stretch] = []
    first_month, last_month = _next_month(first_day, zone), _this_month(last_day, zone)
    if most is Span.MONTH and first_month < last_month:
        days = _some((Span.DAY, first_day, first_month), (Span.DAY, last_month, last_day))
        months = [(Span.MONTH, first_month, last_month)]
    else:
        days = _some((Span.DAY, first_day, last_day))
    hours = _some((Span.HOUR, begin, first_day), (Span.HOUR, last_day, end))
    return [*hours, *days, *months]


def _but(stretches: list[Stretch], young: _Young) -> list[Stretch]:
    """Without the hours that are counted anew; none, if all are."""
    if young.hours is None:
        return []
    for hour in sorted(young.hours):
        cut = ((s, (b, min(hour, e)), (max(b, hour + HOUR), e)) for s, b, e in stretches)
        stretches = [one for s, x, y in cut for one in _some((s, *x), (s, *y))]
    return stretches


def _some(*stretches: Stretch) -> list[Stretch]:
    return [(span, begin, end) for span, begin, end in stretches if begin < end]


def _day(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return day_begins(day, zone), day_begins(day + timedelta(days=1), zone)


def _month(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    first = day.replace(day=1)
    return day_begins(first, zone), day_begins((first + timedelta(days=32)).replace(day=1), zone)


def _next_day(at: datetime, zone: ZoneInfo) -> datetime:
    """The first begin of a day that is not before."""
    begin, end = _day(at.astimezone(zone).date(), zone)
    return begin if begin == at else end


def _next_month(at: datetime, zone: ZoneInfo) -> datetime:
    begin, end = _month(at.astimezone(zone).date(), zone)
    return begin if begin == at else end


def _this_month(at: datetime, zone: ZoneInfo) -> datetime:
    return _month(at.astimezone(zone).date(), zone)[0]


def _within(stretch: Stretch, *by: By) -> ColumnElement[bool]:
    """All there is of `by` is named, so that the key leads to the rows."""
    span, begin, end = stretch
    of_these = tallies.c.by == by[0] if len(by) == 1 else tallies.c.by.in_(by)
    begins = tallies.c.begins
    return and_(tallies.c.span == span, of_these, begins >= text_of(begin), begins < text_of(end))


def _forget(connection: Connection, span: Span, begins: datetime) -> None:
    one = (tallies.c.span == span) & tallies.c.by.in_(KEPT) & (tallies.c.begins == text_of(begins))
    connection.execute(tallies.delete().where(one))


def _sum_up(connection: Connection, to: Span, parts: Stretch) -> None:
    """A longer span anew, from what is kept of its parts."""
    _, begin, _ = parts
    _forget(connection, to, begin)
    summed = (
        select(literal(to), tallies.c.by, literal(text_of(begin)), tallies.c.name, *SUMS)
        .where(_within(parts, *KEPT))
        .group_by(tallies.c.by, tallies.c.name)
    )
    names = ("span", "by", "begins", "name", *COUNTS)
    connection.execute(insert(tallies).from_select(names, summed))


def _tally(row: Row[Any]) -> Tally:
    return Tally(*row[-len(COUNTS) :])  # they come in the order of its fields
