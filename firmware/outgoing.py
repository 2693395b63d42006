"""Notices on their way, as they lie in the exchange's store: sealed under the machine key, for each
has somebody's address in it, and gone as soon as somebody has taken it or it is of no use any more.
"""

import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy import Connection, Row, column, table
from sqlalchemy.exc import SQLAlchemyError

from firmware import sent_texts
from firmware.ledger import Moment
from firmware.machine import MachineKey, MachineKeyError
from firmware.notify import TAKEN_BACK, Notice, Notices
from firmware.store import Store, StoreError, open_reader
from ivr.plan import BY_EMAIL, BY_TEXT

outgoing = table(
    "outgoing",
    column("name", sa.Text),
    column("at", sa.Text),
    column("sealed", sa.LargeBinary),
)

log = structlog.get_logger(__name__)


class Outgoing:
    """The shelf of one running exchange."""

    def __init__(self, store: Store, key: MachineKey) -> None:
        self._store, self._key = store, key

    async def keep(self, notice: Notice) -> None:
        """Return when it is durable. StoreError: it is not."""
        await self._store.written(lambda connection: self.put(connection, notice))

    def put(self, connection: Connection, notice: Notice) -> None:
        """In a commit of somebody's; a text is queued from then on."""
        sealed = self._key.seal(
            json.dumps(
                {
                    "address": notice.address,
                    "subject": notice.subject,
                    "text": notice.text,
                    "worth_s": notice.worth.total_seconds(),
                    "way": notice.way,
                }
            ),
            _where(notice.name),
        )
        row = {"name": notice.name, "at": notice.at.isoformat(), "sealed": sealed}
        connection.execute(outgoing.insert().values(row))
        if notice.way == BY_TEXT:
            moment = Moment(notice.at, 0)
            sent_texts.queue(
                connection, notice.name, notice.address, notice.about, moment, self._key
            )

    async def forget(self, name: str, why_not: str = "") -> None:
        """Taken, or not, and why. StoreError: it stays, and may be sent once more after a
        restart."""

        def work(connection: Connection) -> None:
            connection.execute(outgoing.delete().where(outgoing.c.name == name))
            if why_not == TAKEN_BACK:
                sent_texts.take_back(connection, name)
            elif why_not:
                sent_texts.failed(connection, name, why_not)

        await self._store.written(work)


def take_back(connection: Connection, text: str) -> bool:
    """A queued text does not go; false: it is not queued."""
    connection.execute(outgoing.delete().where(outgoing.c.name == text))
    return sent_texts.take_back(connection, text)


async def resume(notices: Notices, calls_db: Path, key: MachineKey) -> None:
    """Send on what an exchange before us could not."""
    try:
        notices.resume(await asyncio.to_thread(left, calls_db, key))
    except (StoreError, SQLAlchemyError) as unread:
        log.warning("notices of before cannot be read, and are not sent", why=str(unread))


def left(calls_db: Path, key: MachineKey) -> list[Notice]:
    """What lies there, the oldest first; what was sealed with another key cannot be sent."""
    reader = open_reader(calls_db)
    try:
        with reader.connect() as connection:
            rows = connection.execute(outgoing.select().order_by(outgoing.c.at)).all()
    finally:
        reader.dispose()
    return [notice for row in rows if (notice := _opened(row, key))]


def _opened(row: Row[tuple[str, str, bytes]], key: MachineKey) -> Notice | None:
    try:
        said = json.loads(key.open(row.sealed, _where(row.name)))
    except MachineKeyError:
        log.warning("a notice of before cannot be read, and is not sent")
        return None
    worth = timedelta(seconds=said["worth_s"])
    at = datetime.fromisoformat(row.at)
    return Notice(
        said["address"],
        said["subject"],
        said["text"],
        at,
        worth,
        said.get("way", BY_EMAIL),
        row.name,
    )


def _where(name: str) -> str:
    return f"outgoing.sealed {name}"
