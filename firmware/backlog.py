"""Rows on their way into the ledger, in their order. A disk that refuses them is an alarm, and no
call waits or ends for it: they are kept in memory and tried again until it takes them.

Only what a caller is promised waits for the disk, and a promise the disk refused is never spoken.
Rows that a promise stood on are kept all the same: they are true.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from firmware.ledger import Ledger, Row
from firmware.store import BehindError, StoreError

RETRY_S = 1.0
# Rows of one moment share a commit, and the writer's thread does not take the loop's turns while
# the next caller is being offered. Whoever was promised something does not wait for it.
LINGER_S = 0.02

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Waiting:
    rows: tuple[Row, ...]
    promise: asyncio.Future[None] | None = None


class Backlog:
    """All rows of the running exchange go through here, and `run` hands them on."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: list[_Waiting] = []
        self._filled = asyncio.Event()
        self._promised = asyncio.Event()  # somebody waits for what waits now
        self.fault = ""

    def __len__(self) -> int:
        """How many rows are not durable yet."""
        return sum(len(each.rows) for each in self._waiting)

    def put(self, rows: Sequence[Row]) -> None:
        """To be written; rows put together stand in one commit."""
        if rows:
            self._wait(_Waiting(tuple(rows)))

    async def promise(self, *rows: Row) -> None:
        """Return when the rows are durable. StoreError: not yet, and nobody may be told so."""
        durable: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wait(_Waiting(rows, durable))
        await durable

    async def run(self) -> None:
        """Until cancelled; then what still waits is handed to the ledger, which ends after it."""
        try:
            while True:
                await self._filled.wait()
                if not self._promised.is_set():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(LINGER_S):
                            await self._promised.wait()
                await self._write()
                if self.fault:
                    await asyncio.sleep(RETRY_S)
        finally:
            if self._waiting:
                self._ledger.submit(self._rows())

    def _wait(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        if waiting.promise is not None:
            self._promised.set()
        self._filled.set()

    def _rows(self) -> list[Row]:
        return [row for each in self._waiting for row in each.rows]

    async def _write(self) -> None:
        """One try with all that waits now. A try the ledger has begun is never made again."""
        rows, taken = self._rows(), self._waiting
        self._waiting = []
        self._promised.clear()
        submitted = asyncio.wrap_future(self._ledger.submit(rows))
        try:
            await asyncio.shield(submitted)
        except BehindError as behind:  # durable; a try with nothing in it makes up for the rest
            self._alarm(behind)
            _break_promises(taken, behind)
        except StoreError as refused:
            self._alarm(refused)
            _break_promises(taken, refused)
            self._waiting = [*taken, *self._waiting]
        else:
            self._well(taken)

    def _alarm(self, fault: StoreError) -> None:
        if not self.fault:
            log.error("the ledger cannot be written; its rows are kept and tried again")
        self.fault = str(fault)

    def _well(self, taken: Sequence[_Waiting]) -> None:
        if self.fault:
            log.warning("the ledger is written again")
        self.fault = ""
        if not self._waiting:
            self._filled.clear()
        for each in taken:
            if each.promise is not None and not each.promise.done():
                each.promise.set_result(None)


def _break_promises(taken: Sequence[_Waiting], why: StoreError) -> None:
    for each in taken:
        if each.promise is not None and not each.promise.done():
            each.promise.set_exception(why)
