"""The doorkeeper of the control socket: whoever asks is known, and the table decides.

A client that has signed somebody in shows that session's token first, and asks as that person for
as long as the session lasts; a program shows the token that a person made for it, and asks as them
what a token may. Without either it is whoever sits at the box's shell. The exchange itself looks at
page.db for the session, the token and the role, so that no client's word is believed. Whoever is
refused is entered in the audit before they are told.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import structlog
from sqlalchemy.exc import SQLAlchemyError

from firmware import people, sessions, tokens
from firmware.audit import Act, Audited
from firmware.control import ControlError
from firmware.ledger import Moment
from firmware.operations import REQUESTS, Asker, Role, may, who_may
from firmware.peer import SHELL, Peer
from firmware.store import StoreError

# What is entered here, before it is done; all else that has to be is entered by whoever does it.
ENTERED = frozenset(
    {"block", "cancel callback", "doctor line", "doctor phones", "doctor stop", "drill",
     "request_act", "settle_lease", "switch"}
)  # fmt: skip

log = structlog.get_logger(__name__)


class Doorkeeper:
    """Lets askers in, or turns them away."""

    def __init__(
        self,
        page_db: Path,
        promise: Callable[[Audited], Awaitable[None]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._page_db, self._promise, self._now = page_db, promise, now

    async def admit(self, asked: str, session: str, peer: Peer) -> Asker:
        """Who asks this. ControlError: they may not, and that is entered."""
        asker = await self._asker(session, peer)
        operation = REQUESTS.get(asked)
        if operation is not None and asker.may(operation):
            if asked in ENTERED:
                await self._account(asker, asked)
            return asker
        await self._enter(asker, asked)
        if operation is None:
            raise ControlError(f"nobody may ask {asked!r}", "this is a fault of ours: report it")
        if asker.token is not None and may(asker.role, operation):
            raise ControlError(
                f"a token may not {operation}", f"{asker.name} does it on the page, signed in"
            )
        if session:
            raise ControlError(
                f"{asker.name} is {asker.role} and may not {operation}",
                f"this is for: {who_may(operation)}",
            )
        raise ControlError(
            f"who sits at the shell may not {operation}",
            f"sign in with --as NAME; this is for: {who_may(operation)}",
        )

    async def _asker(self, session: str, peer: Peer) -> Asker:
        shell = Asker(f"{SHELL} ({peer.user})", Role.TECHNICIAN)
        if not session:
            return shell
        try:
            found = await asyncio.to_thread(self._signed_in, session)
        except (StoreError, SQLAlchemyError) as unread:
            raise ControlError(
                f"who is signed in cannot be read: {unread}", "restore page.db from a backup"
            ) from unread
        if found is None:
            raise ControlError("this session has ended", "sign in again")
        return found

    def _signed_in(self, session: str) -> Asker | None:
        now = self._now()
        if session.startswith(tokens.PREFIX):
            return self._by_token(session, now)
        found = people.read(self._page_db, lambda c: sessions.look(c, session, now))
        role = found and people.role_of(self._page_db, found.person)
        return Asker(found.person, role) if found and role else None

    def _by_token(self, token: str, now: datetime) -> Asker | None:
        found = people.read(self._page_db, lambda c: tokens.look(c, token, now))
        role = found and people.role_of(self._page_db, found.person)
        return Asker(found.person, role, found.number) if found and role else None

    async def _account(self, asker: Asker, asked: str) -> None:
        try:
            about = asker.told_of(asked)
            await self._promise(Audited(asker.name, Act.ASKED, about, Moment.now()))
        except StoreError as unwritten:
            raise ControlError(f"it cannot be entered: {unwritten}", "make room on the disk") from (
                unwritten
            )

    async def _enter(self, asker: Asker, asked: str) -> None:
        try:
            about = asker.told_of(asked)
            await self._promise(Audited(asker.name, Act.REFUSED, about, Moment.now()))
        except StoreError as unwritten:  # refused all the same
            log.warning("a refusal is not in the audit yet", why=str(unwritten))
