"""The running exchange keeps a good copy of its books, and looks after what was found damaged.

A copy is made when there is none that `ledger.log` goes on from, when the log has grown long, and
once a day: in a quiet moment, or in any if none comes. What could not be copied is tried again, and
is a warning. No call waits for any of it.
"""

import asyncio
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from firmware import mended, topics
from firmware.ledger import Ledger
from firmware.store import Store, StoreError

LOOK_S = 5.0
AGAIN_S = 600.0
DAY_S = 86_400.0
# So long a quiet moment is waited for.
PATIENCE_S = 6 * 3600.0
# What is put back at a start in about two seconds, while phones ring by the fail-safe.
LOG_LONG = 16 << 20

log = structlog.get_logger(__name__)


class Copies:
    """One task of the exchange's; `fault` says why there is no newer copy."""

    def __init__(self, calls_db: Path, ledger: Ledger, is_quiet: Callable[[], bool]) -> None:
        self._path, self._ledger, self._is_quiet = calls_db, ledger, is_quiet
        self._wanted_since: float | None = None
        self._made = -DAY_S
        self._not_before = 0.0
        self._copying = asyncio.Lock()
        self.fault = ""

    async def run(self) -> None:
        """Until cancelled."""
        self._made = time.monotonic() if await asyncio.to_thread(self._is_good) else -DAY_S
        while True:
            if mended.is_suspected(self._path):
                await self._look_through()
            if self._is_due(time.monotonic()):
                await self._copy()
            await asyncio.sleep(LOOK_S)

    async def renew(self) -> None:
        """Now: what was emptied in the books lies in no copy of theirs, nor in the log. StoreError:
        it still does."""
        await self._copy()
        if self.fault:
            raise StoreError(f"the books could not be copied: {self.fault}")

    def part(self) -> topics.Part:
        """For the status."""
        if found := list(mended.set_aside(self._path.parent)):
            return topics.Part(
                name="stores",
                state="alarm",
                detail=f"a database was damaged: {'; '.join(found)}",
                cure="have the disk looked at, and replaced; this alarm ends when the files whose"
                f" names have {mended.ASIDE.strip('.-')!r} in them are moved out of"
                f" {self._path.parent}",
            )
        if self.fault:
            return topics.Part(
                name="stores",
                state="warning",
                detail=f"no new copy of {self._path.name} can be made: {self.fault}",
                cure="make room on the disk, or replace it; it is tried again every ten minutes",
            )
        return topics.Part(name="stores", state="well", detail="a good copy is kept")

    def _is_good(self) -> bool:
        """Whether the log goes on from the copy that is there, and neither holds what a newer
        version of ours has sealed since."""
        copy = mended.copy_of(self._path)
        if mended.version_of(copy) != mended.version_of(self._path):
            return False
        copied, now = (mended.number_of(each) for each in (copy, self._path))
        return copied is not None and now is not None and copied <= now

    def _is_due(self, now: float) -> bool:
        log_ = self._ledger.log
        is_wanted = log_.lacks > 0 or log_.size > LOG_LONG or now - self._made >= DAY_S
        if not is_wanted or now < self._not_before:
            return False
        self._wanted_since = self._wanted_since or now
        return self._is_quiet() or now - self._wanted_since > PATIENCE_S

    async def _copy(self) -> None:
        try:
            async with self._copying:
                await asyncio.to_thread(_refuse_if_full, self._path)
                through = await asyncio.to_thread(mended.copy, self._path)
                await asyncio.wrap_future(self._ledger.restart_log(through))
        except Exception as refused:  # whatever it is, no call ends for the sake of a copy
            log.exception("the books could not be copied")
            self.fault = str(refused)
            self._not_before = time.monotonic() + AGAIN_S
            if mended.is_damage(refused):
                mended.suspect(self._path)
        else:
            self.fault, self._wanted_since = "", None
            self._made = time.monotonic()

    async def _look_through(self) -> None:
        """All of it, however long it takes; and if it is damaged, another in its place."""
        wrong = await asyncio.to_thread(mended.damage, self._path)
        mended.cleared(self._path)
        if wrong:
            self._ledger.store.damaged(wrong)


def mend_people(page_db: Path, look_s: float) -> None:
    """At the start: page.db, which others write, is made again if it is damaged."""
    if not mended.damage(page_db, look_s):
        return
    try:
        Store(page_db, "page", look_s=look_s).close()
    except (OSError, StoreError):
        log.exception("page.db is damaged and not made again")


def _refuse_if_full(database: Path) -> None:
    needed, free = 2 * database.stat().st_size, shutil.disk_usage(database.parent).free
    if needed > free:
        raise StoreError(f"{needed >> 20} MB are needed and {free >> 20} MB are free")
