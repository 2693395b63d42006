"""Schedules switched by hand, as they lie in the exchange's store.

What runs out needs nobody to end it: its row only says until when it held, and the next switch of
the same schedule takes its place.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, column, select, table

from firmware.store import Store, open_reader
from ivr.hours import Switch

switches = table(
    "switches",
    column("hours", sa.Text),
    column("is_open", sa.Boolean),
    column("until", sa.Text),
    column("say", sa.Text),
)


async def keep(store: Store, thrown: Mapping[str, Switch | None]) -> None:
    """Return when all are durable, or none. None: the schedule is as it is written again."""

    def write(connection: Connection) -> None:
        for hours, switch in thrown.items():
            connection.execute(switches.delete().where(switches.c.hours == hours))
            if switch is not None:
                until = switch.until.astimezone(UTC).isoformat()
                connection.execute(
                    switches.insert().values(
                        hours=hours, is_open=switch.is_open, until=until, say=switch.say
                    )
                )

    await store.written(write)


def stored(calls_db: Path) -> dict[str, Switch]:
    """All that were switched, those too that have run out."""
    reader = open_reader(calls_db)
    try:
        with reader.connect() as connection:
            found = connection.execute(select(*switches.c)).all()
    finally:
        reader.dispose()
    return {
        row.hours: Switch(row.hours, row.is_open, datetime.fromisoformat(row.until), row.say)
        for row in found
    }
