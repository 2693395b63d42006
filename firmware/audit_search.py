"""The audit as it is looked through: the newest entries first, of one person, one act, one day.
What is shown is what stands there; whether it was changed, `audit.verify` says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from firmware.audit import Entry, entries


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries; what is left empty asks for all. `before` is a number: only older ones."""

    who: str = ""
    act: str = ""
    day: date | None = None
    before: int | None = None


def found(connection: Connection, wanted: Wanted, zone: ZoneInfo, most: int) -> list[Entry]:
    """The newest of them, the newest first."""
    asked = select(entries).order_by(entries.c.id.desc()).limit(most)
    if wanted.who:
        asked = asked.where(entries.c.who == wanted.who)
    if wanted.act:
        asked = asked.where(entries.c.act == wanted.act)
    if wanted.before is not None:
        asked = asked.where(entries.c.id < wanted.before)
    if wanted.day is not None:
        begins, ends = _day(wanted.day, zone)
        asked = asked.where(entries.c.at >= begins, entries.c.at < ends)
    return [
        Entry(row.id, row.at, row.who, row.act, row.about, row.hash, row.signature)
        for row in connection.execute(asked)
    ]


def everybody(connection: Connection) -> Sequence[str]:
    """Whoever stands in it."""
    asked = select(entries.c.who).distinct().order_by(entries.c.who)
    return list(connection.scalars(asked))


def _day(day: date, zone: ZoneInfo) -> tuple[str, str]:
    """From its first moment at the clinic to the next day's, as entries have their times."""
    first, last = (
        datetime.combine(each, time(0), zone).astimezone(UTC)
        for each in (day, day + timedelta(days=1))
    )
    return first.isoformat(timespec="milliseconds"), last.isoformat(timespec="milliseconds")
