"""A word to a mailbox's members that there is something in it, for who wishes one (`messages` of
[people]): which mailbox, and nothing else. Who called, when and what about stays on the box.

Whoever was told is left alone for a while, however many messages come; what came meanwhile is one
word at its end, if it is still unheard then. A restart forgets whom it told: at most one word more.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.exc import SQLAlchemyError

from firmware import ledger, topics
from firmware.notify import Notice, Notices
from firmware.sms_rule import said
from firmware.store import StoreError, open_reader
from ivr.plan import BY_EMAIL, BY_TEXT, Person, Plan

QUIET_S = 900.0

log = structlog.get_logger(__name__)


class Words:
    """Who is to be told of which mailboxes, and when. No clock: `now` is an argument."""

    def __init__(self, quiet_s: float = QUIET_S) -> None:
        self._quiet_s = quiet_s
        self._told_at: dict[str, float] = {}
        self._waiting: dict[str, set[str]] = {}

    def came(self, mailbox: str, people: Collection[str]) -> None:
        """There is something new in it for these."""
        for person in people:
            self._waiting.setdefault(person, set()).add(mailbox)

    def due(self, now: float) -> dict[str, set[str]]:
        """Who is to be told now, of which mailboxes; from now on they are left alone."""
        due = {
            person: self._waiting.pop(person)
            for person in list(self._waiting)
            if now - self._told_at.get(person, float("-inf")) >= self._quiet_s
        }
        self._told_at |= dict.fromkeys(due, now)
        return due

    def was_no_news(self, person: str) -> None:
        """They were not told after all."""
        self._told_at.pop(person, None)


class MessageNotices:
    """Those of one running exchange."""

    def __init__(
        self,
        calls_db: Path,
        plan: Callable[[], Plan],
        notices: Notices,
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._calls_db, self._plan, self._start = calls_db, plan, start
        self._notices = notices
        self._words = Words()

    def came(self, mailbox: str) -> None:
        """A message is in this mailbox, be it left or forwarded."""
        self._words.came(mailbox, [name for name in self._members(mailbox) if self._told(name)])

    def look(self, now: float) -> None:
        """To be called every moment."""
        if due := self._words.due(now):
            self._start(self._tell(due))

    async def _tell(self, due: dict[str, set[str]]) -> None:
        """What was heard meanwhile is no news."""
        names = sorted({mailbox for mailboxes in due.values() for mailbox in mailboxes})
        try:
            new = await asyncio.to_thread(self._with_news, names)
        except (StoreError, SQLAlchemyError) as unread:
            log.warning("nobody is told of messages", why=str(unread))
            return
        plan = self._plan()
        for person, mailboxes in due.items():
            told, unheard = self._told(person), sorted(mailboxes & new)
            if told is None or not unheard:
                self._words.was_no_news(person)
                continue
            at = datetime.now(ZoneInfo(plan.timezone))
            if BY_EMAIL in told.told_by:
                self._notices.send(notice(plan.name, told.email, unheard, at))
            if BY_TEXT in told.told_by:
                words = said(
                    "messages", plan.language, clinic=plan.name, mailboxes=", ".join(unheard)
                )
                self._notices.send(Notice(told.text, "", words, at, way=BY_TEXT, about="messages"))

    def _with_news(self, mailboxes: list[str]) -> set[str]:
        reader = open_reader(self._calls_db)
        try:
            with reader.connect() as connection:
                return {name for name in mailboxes if ledger.unheard(connection, name)[0]}
        finally:
            reader.dispose()

    def _members(self, mailbox: str) -> tuple[str, ...]:
        found = self._plan().mailboxes.get(mailbox)
        return () if found is None else found.members

    def _told(self, name: str) -> Person | None:
        """Who wishes to be told; None: they do not."""
        person = self._plan().people.get(name)
        return person if person is not None and person.told_by else None

    def part(self) -> topics.Part:
        """For the status."""
        if self._notices.fault:
            return topics.Part(
                name="message notices",
                state="warning",
                detail=f"the last could not be delivered: {self._notices.fault}",
                cure="see [email] of the site file, and the mail server",
            )
        wished = sorted(name for name in self._plan().people if self._told(name))
        told = ", ".join(wished) or "nobody"
        return topics.Part(name="message notices", state="well", detail=f"wished by {told}")


def notice(clinic: str, address: str, mailboxes: list[str], at: datetime) -> Notice:
    """Not a word of whose it is."""
    return Notice(
        address,
        f"{clinic}: something new in {', '.join(mailboxes)}",
        f"There is something new in: {', '.join(mailboxes)}.\n\nListen at the clinic, by the"
        " commands or at your phone. Nothing about it is in this e-mail, and no answer to it is"
        " read. For a quarter of an hour you are not told again.\n",
        at,
    )
