"""A word by e-mail to whoever is in charge (`admins` of [email]) when the audit has something that
they must know at once: somebody has to wait after wrong passwords, the envelope was opened, people
came, went or have another role, a second factor is off, the paper was used, the audit is broken.

No letter names anybody or says what was done to what: that stands in the audit, by the number of
the entry. It follows the chain and remembers how far it has told, so that a restart forgets nothing
and repeats nothing; a first start does not tell of the past. Where many wrong passwords come one
after the other, one letter an hour says so.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from firmware import audit
from firmware.audit import Act, Entry
from firmware.durable import replace_file
from firmware.ledger import AUDITED, Step
from firmware.notify import Notice, Notices
from firmware.store import StoreError, open_reader
from ivr.plan import Plan

TOO_SOON = ", too soon"  # how a refusal is told that was not looked at
QUIET_S = 3600.0
LOCKED = "somebody has to wait after too many wrong passwords"
TOLD: Mapping[str, str] = {
    Act.BROKE_GLASS: "THE ENVELOPE WAS OPENED: every mailbox was open to whoever did",
    Act.FOUND_BROKEN: "THE AUDIT IS NOT AS IT WAS ENTERED",
    Act.INVITED: "somebody was invited, or has another role",
    Act.REMOVED: "somebody was removed",
    Act.FACTOR_OFF: "a second factor was switched off",
    Act.USED_PAPER: "the recovery paper was used",
    Act.NEW_PAPER: "there is a new recovery paper",
    Act.STOPPED_PHONE: "a telephone may be misused: its calls outside are stopped, but for 911",
    Act.HEARD_STOP: "somebody on your staff gets no texts any more: STOP came from their number",
    Act.ENVELOPE: "there is a new envelope",
}

log = structlog.get_logger(__name__)


def word_of(entry: Entry) -> str:
    """What those in charge are told of it; empty: nothing."""
    if entry.act == Act.REFUSED:
        return LOCKED if TOO_SOON in entry.about else ""
    return TOLD.get(entry.act, "")


class AdminNotices:
    """Those of one running exchange."""

    def __init__(
        self,
        calls_db: Path,
        told: Path,
        plan: Callable[[], Plan],
        notices: Notices,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls_db, self._told, self._plan = calls_db, told, plan
        self._notices, self._now, self._clock = notices, now, clock
        self._news = asyncio.Event()
        self._locked_at = float("-inf")

    def durable(self, steps: Sequence[Step]) -> None:
        """What is in the ledger now."""
        if any(step.step == AUDITED for step in steps):
            self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        self._news.set()
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                await self.tell()
            except (StoreError, SQLAlchemyError, OSError) as unread:
                log.warning("those in charge cannot be told of the audit", why=str(unread))

    async def tell(self) -> None:
        """Of all that came since; that it was handed on is remembered last."""
        newest, entries = await asyncio.to_thread(self._came)
        for entry in entries:
            if word := self._word(entry):
                self._send(word, entry.id)
        if newest != self._remembered():
            content = json.dumps({"told": newest}).encode()
            await asyncio.to_thread(replace_file, self._told, content)

    def _came(self) -> tuple[int, list[Entry]]:
        """The newest entry's number, and those that nobody was told of. A chain that is shorter
        than what was told of is another's, as after a restore."""
        reader = open_reader(self._calls_db)
        try:
            with reader.connect() as connection:
                newest, told = audit.newest(connection), self._remembered()
                return newest, audit.since(connection, newest if told is None else told)
        finally:
            reader.dispose()

    def _remembered(self) -> int | None:
        try:
            return int(json.loads(self._told.read_bytes())["told"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def _word(self, entry: Entry) -> str:
        word, now = word_of(entry), self._clock()
        if word == LOCKED:
            if now - self._locked_at < QUIET_S:
                return ""
            self._locked_at = now
        return word

    def _send(self, word: str, number: int) -> None:
        plan = self._plan()
        for address in plan.mail.admins if plan.mail is not None else ():
            self._notices.send(notice(plan.name, address, word, number, self._now()))


def notice(clinic: str, address: str, word: str, number: int, at: datetime) -> Notice:
    """That there is something to look at, and where."""
    return Notice(
        address,
        f"{clinic}: {word}",
        f"At {clinic}, {at:%a %-d %b %H:%M}: {word}.\n\nWho, and what exactly, is entry {number} of"
        " the audit: `careline audit list` on the box. If nobody of you knows of it, see to it"
        " now. No answer to this is read.\n",
        at,
    )
