"""Message lamps: how many messages each mailbox holds, told to Asterisk, which tells the phones.

Asterisk forgets it when it restarts, so after each login everything is told again; otherwise only
what has changed. A lamp is a convenience: whatever goes wrong here is a line in the log and no
call's concern.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from firmware import ledger
from firmware.asterisk import translate
from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.store import StoreError, open_reader

Counts = tuple[int, int, int]

log = structlog.get_logger(__name__)


class Lamps:
    """One task; whoever changes something only says so."""

    def __init__(self, link: Link, calls_db: Path, mailboxes: Callable[[], Iterable[str]]) -> None:
        self._link = link
        self._calls_db = calls_db
        self._mailboxes = mailboxes
        self._told: dict[str, Counts] = {}
        self._due = asyncio.Event()

    def changed(self) -> None:
        """A message came, was heard or is gone; or other mailboxes have lamps now."""
        self._due.set()

    def forgotten(self) -> None:
        """Asterisk may know nothing of what it was told."""
        self._told.clear()
        self._due.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._due.wait()
            self._due.clear()
            try:
                await self._tell(await asyncio.to_thread(self._counted))
            except LinkDown:
                log.info("lamps wait for the link to Asterisk")  # it forgets, and we tell again
            except (ActionFailed, StoreError, SQLAlchemyError) as fault:
                log.warning("a lamp could not be set", why=str(fault))

    def _counted(self) -> Mapping[str, Counts]:
        reader = open_reader(self._calls_db)
        try:
            with reader.connect() as connection:
                return {name: ledger.unheard(connection, name) for name in self._mailboxes()}
        finally:
            reader.dispose()

    async def _tell(self, counted: Mapping[str, Counts]) -> None:
        for mailbox, counts in counted.items():
            if self._told.get(mailbox) != counts:
                await self._link.send(*translate.lamp(mailbox, *counts))
                self._told[mailbox] = counts
