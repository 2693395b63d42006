"""Retention: what was kept as long as the clinic said is destroyed, by night and one at a time.

Every step is one short piece of work for the store's one writer, so no call ever waits for more
than one of them; between two there is a rest. What is due is asked on a reader's connection and
asked once more by the step itself. Whatever was begun and not ended, by a power cut or by a disk
that refused, is ended first of all at the next look.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from firmware import erasure, holds, receipts
from firmware.erasure import Due, NotAllowedError, Rule
from firmware.holds import HeldError
from firmware.ledger import Moment
from firmware.machine import MachineKey
from firmware.receipts import Kind, Receipt
from firmware.store import Store, open_reader
from ivr.plan import Retention

T = TypeVar("T")
# Of calls whose callers are forgotten in one commit: some milliseconds of the writer's time.
CALLS_AT_ONCE = 100
AT_ONCE = 50
REST_S = 0.05
# A reader may hold the write-ahead log for a moment; nobody waits for it, it is tried again.
EMPTIED_WITHIN = 20
BY = "retention"  # who destroys by age, in the audit

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Class:
    """Things that are sealed in files, and which of them are due."""

    name: str
    due: Callable[[datetime], Due]


MESSAGES = Class("messages", erasure.messages_due)
RECORDINGS = Class("recordings", erasure.recordings_due)


@dataclass(frozen=True, slots=True)
class Passed:
    """What one night destroyed."""

    messages: int = 0
    requests: int = 0
    callers: int = 0
    entries: bool = False  # of the audit
    recordings: int = 0

    def __str__(self) -> str:
        old = ", old entries of the audit" if self.entries else ""
        return (
            f"{self.messages} messages, {self.recordings} recordings, {self.requests} requests,"
            f" {self.callers} calls' callers{old}"
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands, for the status and for whoever asks."""

    holds: int
    unfinished: int
    unheard: int  # messages older than their class is kept, which nobody has heard


async def _nothing() -> None:
    """Where there is no copy but the database itself."""


class Eraser:
    """Destroys, each thing with its receipt. Whoever owns the store may have one."""

    def __init__(
        self,
        store: Store,
        key: MachineKey,
        directory: Path,
        renew: Callable[[], Awaitable[None]] = _nothing,
        now: Callable[[], Moment] = Moment.now,
        rest_s: float = REST_S,
    ) -> None:
        """`directory` holds the messages; `renew` makes every copy of the store anew that the box
        itself keeps, without what was emptied."""
        self._store, self._key, self._directory = store, key, directory
        self._renew, self._now, self._rest_s = renew, now, rest_s
        self._one = asyncio.Lock()  # a receipt that is being carried out is nobody else's

    async def message(self, message: str, rule: Rule) -> bool:
        """Whether there was such a message. HeldError, NotAllowedError: it stays."""
        async with self._one:
            found = await asyncio.to_thread(erasure.lying_there, self._directory, message)
            decide = partial(
                erasure.decide_message,
                message=message, found=found, rule=rule, key=self._key, at=self._now(),
            )  # fmt: skip
            number = await self._store.written(decide)
            if number is None:
                return False
            await self._end_files([number])
            return True

    async def request(self, request: str, rule: Rule) -> None:
        """All that is sealed of a request, and its spoken answers."""
        async with self._one:
            spoken = await self.read(lambda c: erasure.answers_of(c, request))
            answers = [
                (each, await asyncio.to_thread(erasure.lying_there, self._directory, each))
                for each in spoken
            ]
            decide = partial(
                erasure.decide_request,
                request=request, answers=answers, rule=rule, key=self._key, at=self._now(),
            )  # fmt: skip
            await self._end_files(await self._store.written(decide))

    async def callers(self, due: Sequence[str], before: datetime, rule: Rule) -> None:
        """Who placed these calls. Their receipt is signed when no copy has it any more."""
        async with self._one:
            decide = partial(
                erasure.decide_callers,
                due=due, before=before, rule=rule, key=self._key, at=self._now(),
            )  # fmt: skip
            await self._store.written(decide)

    async def audit(self, first: int, rule: Rule) -> None:
        """The audit begins with this entry from now on."""
        async with self._one:
            decide = partial(
                erasure.decide_audit, first=first, rule=rule, key=self._key, at=self._now()
            )
            await self._store.written(decide)

    async def carry_out(self) -> int:
        """End whatever was begun; how many receipts were signed by it."""
        async with self._one:
            begun = await self.read(receipts.unfinished)
            if not begun:
                return 0
            await self._end_files([each.id for each in begun if each.kind == Kind.MESSAGE])
            emptied = [each for each in begun if each.kind != Kind.MESSAGE]
            if emptied:
                await self._end_emptied(emptied)
            return len(begun)

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(self.read_now, query)

    def read_now(self, query: Callable[[Connection], T]) -> T:
        """In the caller's own thread."""
        reader = open_reader(self._store.path)
        try:
            with reader.connect() as connection:
                return query(connection)
        finally:
            reader.dispose()

    async def _end_files(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            (begun,) = await self.read(partial(receipts.read, after=number - 1, most=1))
            if begun.kind == Kind.MESSAGE:
                await asyncio.to_thread(erasure.destroy_message, self._directory, begun.what)
                await self._signed(begun)

    async def _end_emptied(self, emptied: Sequence[Receipt]) -> None:
        """Nothing of it may lie in the write-ahead log or in a copy when this is signed."""
        await self._renew()
        if not await self._empty_wal():
            log.info("somebody reads the database all the time: receipts are signed later")
            return
        for each in emptied:
            await self._signed(each)

    async def _empty_wal(self) -> bool:
        for _ in range(EMPTIED_WITHIN):
            if await asyncio.to_thread(empty_wal, self._store.path):
                return True
            await asyncio.sleep(self._rest_s)
        return False

    async def _signed(self, begun: Receipt) -> None:
        sign = partial(receipts.finish, number=begun.id, moment=self._now(), key=self._key)
        await self._store.written(sign)


async def one_night(
    eraser: Eraser, retention: Retention, now: datetime, rest_s: float = REST_S
) -> Passed:
    """Everything that is due now. StoreError, OSError: the rest is due the next time."""
    await eraser.carry_out()
    passed = Passed(
        messages=await _sealed(eraser, MESSAGES, retention.messages_days, now, rest_s),
        requests=await _requests(eraser, retention.requests_days, now, rest_s),
        # Before who called: a kept recording keeps that too.
        recordings=await _sealed(eraser, RECORDINGS, retention.recordings_days, now, rest_s),
        callers=await _callers(eraser, retention.ledger_days, now, rest_s),
        entries=await _audit(eraser, retention.audit_days, now, rest_s),
    )
    await eraser.carry_out()
    return passed


def standing(retention: Retention, now: datetime, connection: Connection) -> Standing:
    """How it stands."""
    days = retention.messages_days
    unheard = 0 if days is None else erasure.unheard_since(now - timedelta(days=days), connection)
    return Standing(len(holds.standing(connection)), len(receipts.unfinished(connection)), unheard)


def empty_wal(database: Path) -> bool:
    """Write the write-ahead log home and truncate it; false where somebody reads just now."""
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            return False
    return bool(busy == 0)


async def _sealed(
    eraser: Eraser, what: Class, days: int | None, now: datetime, rest_s: float
) -> int:
    if days is None:
        return 0
    still = what.due(now - timedelta(days=days))
    rule, done = Rule(_rule(what.name, days), BY, still=still), 0
    while due := await eraser.read(partial(erasure.due, still, AT_ONCE)):
        for message in due:
            with suppress(HeldError, NotAllowedError):  # since it was asked
                done += await eraser.message(message, rule)
            await asyncio.sleep(rest_s)
    return done


async def _requests(eraser: Eraser, days: int | None, now: datetime, rest_s: float) -> int:
    if days is None:
        return 0
    before, rule, done = now - timedelta(days=days), Rule(_rule("requests", days), BY), 0
    while due := await eraser.read(partial(erasure.requests_due, before, AT_ONCE)):
        for request in due:
            with suppress(HeldError):
                await eraser.request(request, rule)
                done += 1
            await asyncio.sleep(rest_s)
    return done


async def _callers(eraser: Eraser, days: int | None, now: datetime, rest_s: float) -> int:
    if days is None:
        return 0
    before, rule, done = now - timedelta(days=days), Rule(_rule("ledger", days), BY), 0
    while due := await eraser.read(partial(erasure.callers_due, before, CALLS_AT_ONCE)):
        await eraser.callers(due, before, rule)
        done += len(due)
        await asyncio.sleep(rest_s)
    return done


async def _audit(eraser: Eraser, days: int | None, now: datetime, rest_s: float) -> bool:
    if days is None:
        return False
    before, rule, is_cut = now - timedelta(days=days), Rule(_rule("audit entries", days), BY), False
    while (first := await eraser.read(partial(erasure.audit_due, before))) is not None:
        await eraser.audit(first, rule)
        is_cut = True
        await asyncio.sleep(rest_s)
    return is_cut


def _rule(name: str, days: int) -> str:
    return f"{name} are kept {days} days"
