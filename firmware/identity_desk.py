"""The running exchange's desk where callers prove who they are: each try is counted, durably,
before the list is looked at, and a number that has failed too often today is in doubt, whatever it
knows.

A try that succeeds is given back. Callers without a number share one count, and all numbers
together have one too, for a number is easily forged.
"""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import sqlalchemy as sa
import structlog
from sqlalchemy import Connection, column, func, select, table
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from firmware import patients
from firmware.ledger import calls
from firmware.machine import MachineKey, MachineKeyError
from firmware.patients import Found
from firmware.store import Store, StoreError
from ivr import commands, events
from ivr.identity import Verdict

# A family that errs now and then stays below; a guesser needs a hundred million tries.
NUMBER_TRIES_A_DAY = 10
TRIES_A_DAY = 200
NO_NUMBER = b""

tries = table(
    "identity_tries",
    column("day", sa.Text),
    column("number_hash", sa.LargeBinary),
    column("tries", sa.Integer),
)

# Whatever is wrong with the list or the disk is no caller's fault, and ends no exchange.
CANNOT_TELL = (StoreError, SQLAlchemyError, MachineKeyError, OSError, ValueError)

log = structlog.get_logger(__name__)


class IdentityDesk:
    """Answers who a caller is."""

    def __init__(
        self,
        store: Store,
        page_db: Path,
        key: MachineKey,
        tell: Callable[[events.Event], None],
        local: Callable[[], datetime],
    ) -> None:
        self._store, self._page_db, self._key = store, page_db, key
        self._tell, self._local = tell, local

    async def identify(self, order: commands.Identify) -> None:
        """Whatever goes wrong is a doubt, which a person clears up."""
        found = Found(Verdict.DOUBT)
        try:
            found = await self._found(order)
        except CANNOT_TELL as fault:
            log.warning("callers cannot be identified, and go to a person", why=str(fault))
        self._tell(events.IdentityChecked(order.call, order.tag, found.verdict, found.name))

    async def _found(self, order: commands.Identify) -> Found:
        day = self._local().date()
        is_allowed = await self._counted(order.call, day)
        found = await asyncio.to_thread(patients.find, self._page_db, self._key, order.pair)
        if not is_allowed:
            log.warning("too many tries to be somebody today: callers go to a person")
            return Found(Verdict.DOUBT)
        if found.verdict is Verdict.IDENTIFIED:
            self._store.submit(lambda connection: count(connection, order.call, day, -1))
        return found

    async def _counted(self, call: str, day: date) -> bool:
        return await self._store.written(lambda connection: count(connection, call, day, 1))


def count(connection: Connection, call: str, day: date, more: int) -> bool:
    """Whether the call's number, and everybody, has had no more tries than may be."""
    number = connection.scalar(select(calls.c.number_hash).where(calls.c.call == call))
    today = day.isoformat()
    connection.execute(tries.delete().where(tries.c.day < today))
    row = {"day": today, "number_hash": number or NO_NUMBER, "tries": more}
    added = insert(tries).values(row)
    connection.execute(
        added.on_conflict_do_update(
            index_elements=["day", "number_hash"], set_={"tries": tries.c.tries + more}
        )
    )
    of_number = select(tries.c.tries).where(
        tries.c.day == today, tries.c.number_hash == row["number_hash"]
    )
    of_all = select(func.sum(tries.c.tries)).where(tries.c.day == today)
    by_number: int = connection.scalars(of_number).one()
    by_all: int = connection.scalars(of_all).one()
    return by_number <= NUMBER_TRIES_A_DAY and by_all <= TRIES_A_DAY
