"""Who is signed in to the page, and what they can open for as long as they are.

The row in page.db says who a cookie is of (firmware/sessions.py); the keys that their password
opened lie here, in memory, and go when the session ends, for whatever reason and whoever ended it.
After a restart the row still says who they are, and what is sealed stays closed until they give the
password again.

A row is written once a minute at most, so an idle session ends up to a minute early and never late.
"""

import asyncio
import hmac
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

import structlog
from sqlalchemy import Connection

from firmware import mailbox_keys, people, sessions, tokens
from firmware.operations import Asker, Operation, Role
from firmware.people import KeyRing
from firmware.sessions import LIMITS, Limits
from firmware.web import choices

WRITTEN_EVERY = timedelta(minutes=1)
SWEPT_EVERY_S = 30.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in."""

    person: str
    role: Role
    session: str = field(repr=False)
    mailboxes: frozenset[str]  # that they are a member of
    ring: KeyRing | None = field(default=None, repr=False)  # None: the password is asked for again
    language: str | None = None  # that they have chosen
    token: int | None = None  # of a program that asks for them: its token's number

    @property
    def asker(self) -> Asker:
        return Asker(self.person, self.role, self.token)

    def may(self, operation: Operation) -> bool:
        return self.asker.may(operation)

    @property
    def form_token(self) -> str:
        """What every form of this session carries; nothing can be told from it about the cookie."""
        return hmac.digest(self.session.encode(), b"careline form", sha256).hex()


class Visitors:
    """All of them; to be asked in any thread."""

    def __init__(self, page_db: Path, now: Callable[[], datetime], limits: Limits = LIMITS) -> None:
        self._page_db, self._now, self.limits = page_db, now, limits
        self._rings: dict[str, KeyRing] = {}
        self._lock = threading.Lock()

    def welcome(self, ring: KeyRing) -> str:
        """Somebody has signed in; the cookie's value, for their browser alone."""
        now = self._now()

        def begin(connection: Connection) -> str:
            sessions.sweep(connection, now, self.limits)
            return sessions.begin(connection, ring.person, now)

        session = people.write(self._page_db, begin)
        with self._lock:
            self._rings[session] = ring
        return session

    def who(self, session: str, *, is_use: bool = True) -> Visitor | None:
        """Whose session this is; None if it is over. What the page asks by itself is no use."""
        if not session or not self._page_db.exists():
            return None
        now = self._now()
        found = people.read(self._page_db, lambda c: self._found(c, session, now))
        if found is None:
            self._forget([session])
            return None
        visitor, used = found
        if is_use and now - used >= WRITTEN_EVERY:
            people.write(self._page_db, lambda c: sessions.use(c, session, now, self.limits))
        return visitor

    def program(self, token: str) -> Visitor | None:
        """For whom a program asks that shows this token; None: for nobody. No key is ever its."""
        if not token or not self._page_db.exists():
            return None
        now = self._now()
        found = people.read(self._page_db, lambda c: self._found_program(c, token, now))
        if found is None:
            return None
        visitor, used = found
        if used is None or now - used >= tokens.WRITTEN_EVERY:
            number = visitor.token
            assert number is not None
            people.write(self._page_db, lambda c: tokens.use(c, number, now))
        return visitor

    def leave(self, session: str) -> None:
        """Signed out."""
        people.write(self._page_db, lambda c: sessions.end(c, session))
        self._forget([session])

    def sweep(self) -> None:
        """Take away the keys of sessions that are over, also of those whose browser never asks
        again."""
        with self._lock:
            held = list(self._rings)
        now = self._now()

        def over(connection: Connection) -> list[str]:
            return [s for s in held if sessions.look(connection, s, now, self.limits) is None]

        if held:
            self._forget(people.read(self._page_db, over))

    async def run(self, every_s: float = SWEPT_EVERY_S) -> None:
        """Until cancelled, whatever becomes of the database meanwhile."""
        while True:
            await asyncio.sleep(every_s)
            try:
                await asyncio.to_thread(self.sweep)
            except Exception as unread:
                kind = type(unread).__name__
                log.warning("it cannot be seen whose session is over yet", kind=kind)

    @property
    def holding_keys(self) -> int:
        """Of how many sessions the keys are held."""
        with self._lock:
            return len(self._rings)

    def _found(
        self, connection: Connection, session: str, now: datetime
    ) -> tuple[Visitor, datetime] | None:
        row = sessions.look(connection, session, now, self.limits)
        role = people.role_in(connection, row.person) if row else None
        if row is None or role is None:
            return None
        theirs = frozenset(mailbox_keys.held_by(connection, row.person))
        with self._lock:
            ring = self._rings.get(session)
        language = choices.language_of(connection, row.person)
        return Visitor(row.person, role, session, theirs, ring, language), row.used

    def _found_program(
        self, connection: Connection, token: str, now: datetime
    ) -> tuple[Visitor, datetime | None] | None:
        row = tokens.look(connection, token, now)
        role = people.role_in(connection, row.person) if row else None
        if row is None or role is None:
            return None
        theirs = frozenset(mailbox_keys.held_by(connection, row.person))
        return Visitor(row.person, role, token, theirs, token=row.number), row.used

    def _forget(self, over: Collection[str]) -> None:
        with self._lock:
            for session in over:
                self._rings.pop(session, None)
