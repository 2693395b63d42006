"""Notices: a word to people beside the telephone, through whatever way there is; by e-mail for now.

A notice says that somebody is being called and nothing of why: no number, no name, no word of a
patient ever stands in one, for it travels and stays where we cannot wipe it. It is sent by tasks of
its own and never waited for. It is kept until somebody has taken it, over restarts too, and tried
again and again for as long as it is worth telling; that it cannot be delivered is told. Where the
site says TLS, a server that has none, or whose certificate nobody vouches for, gets nothing.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import chain, repeat
from typing import Any, Protocol
from uuid import uuid4

import aiosmtplib
import structlog
from sqlalchemy.exc import SQLAlchemyError

from firmware.store import StoreError
from ivr.plan import BY_EMAIL, MailServer

SERVER_ANSWERS_S = 20.0
AGAIN_S = (2.0, 10.0, 30.0, 120.0, 300.0, 600.0, 900.0, 1800.0)
NO_WAY = "the site has no way to tell anybody"
TOO_LATE = "it was too late to send it"
TAKEN_BACK = "it was taken back"
A_DAY, AN_HOUR = timedelta(days=1), timedelta(hours=1)
# What our own name is to a mail server: a box has none, and asking DNS for one may take a minute.
OUR_NAME = "careline.invalid"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """One short text for one person."""

    address: str = field(repr=False)
    subject: str
    text: str
    at: datetime  # aware
    worth: timedelta = A_DAY  # so long after `at` it is of use to be told of it
    way: str = BY_EMAIL  # or BY_TEXT: then `address` is a number, and the subject is not sent
    name: str = field(default_factory=lambda: str(uuid4()))
    about: str = ""  # of a text: what it is of, in a word of ours

    def is_worth_telling(self, now: datetime) -> bool:
        """A clock that was set back makes none last longer than it would have."""
        return abs(now - self.at) < self.worth


class Untaken(Exception):  # noqa: N818 - not a fault of ours
    """A notice was not taken; why, in words that hold nothing of what a server said, for that may
    hold the address."""


class Refused(Untaken):
    """A notice is never taken, however often it is tried."""


class Way(Protocol):
    """One way to tell people."""

    async def deliver(self, notice: Notice) -> None:
        """Return when the notice has been taken; Untaken: it was not."""
        ...


class Shelf(Protocol):
    """Where notices lie until they are taken; StoreError, SQLAlchemyError: the disk refuses."""

    async def keep(self, notice: Notice) -> None: ...
    async def forget(self, name: str, why_not: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Mail:
    """E-mail by the site's server."""

    server: MailServer
    password: str = field(repr=False)

    async def deliver(self, notice: Notice) -> None:
        to, has_name = self.server, self.server.username is not None
        try:
            async with aiosmtplib.SMTP(
                hostname=to.host,
                port=to.port,
                username=to.username,
                password=self.password if has_name else None,
                local_hostname=OUR_NAME,
                timeout=SERVER_ANSWERS_S,
                use_tls=to.security == "tls",
                start_tls=to.security == "starttls",
                tls_context=None if to.security == "none" else ssl.create_default_context(),
            ) as server:
                await server.send_message(_letter(to.sender, notice))
        except (aiosmtplib.SMTPException, OSError, ValueError) as refused:
            raise Untaken(_in_words(refused)) from refused


class Notices:
    """Sends them, each by a task that is begun with `start`, until it is taken or too old."""

    def __init__(
        self,
        way: Callable[[], Way | None],
        start: Callable[[Coroutine[Any, Any, None]], object],
        shelf: Shelf | None = None,
        again_s: tuple[float, ...] = AGAIN_S,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._way, self._start, self._shelf = way, start, shelf
        self._again_s, self._now = again_s, now
        self.fault = ""  # why the newest could not be delivered; empty once one is
        self._waiting: dict[str, asyncio.Event] = {}  # in nobody's hands: they may be taken back

    def send(self, notice: Notice) -> None:
        """Never blocks. Without a way to tell anybody, nobody is told."""
        if self._way() is not None:
            self._start(self._send(notice))

    def resume(self, left: list[Notice], after_s: float = 0.0) -> None:
        """What is kept already, as an exchange before us could not deliver it; after so long."""
        for notice in left:
            self._waiting[notice.name] = asyncio.Event()
            self._start(self._deliver(notice, after_s))

    def take_back(self, name: str) -> bool:
        """It does not go; false: it went, or is on its way."""
        back = self._waiting.get(name)
        if back is not None:
            back.set()
        return back is not None

    async def _send(self, notice: Notice) -> None:
        """What the disk refuses to keep is sent all the same: somebody is being called."""
        if self._shelf is not None:
            try:
                await self._shelf.keep(notice)
            except (StoreError, SQLAlchemyError) as refused:
                log.warning("a notice would not outlive us", why=str(refused))
        await self._deliver(notice, 0.0)

    async def _deliver(self, notice: Notice, after_s: float) -> None:
        why_not = await self._why_not(notice, after_s)
        if why_not and why_not != TAKEN_BACK:
            log.error("a notice could not be delivered", why=why_not)
        if self._shelf is not None:
            # What stays there is told once more after a restart, under the same name, or too old.
            with suppress(StoreError, SQLAlchemyError):
                await self._shelf.forget(notice.name, why_not)

    async def _why_not(self, notice: Notice, after_s: float) -> str:
        """Why it is not taken, once that is known; empty: it is."""
        why = ""
        for pause_s in chain((after_s,), self._pauses()):
            is_taken_back = await self._is_taken_back(notice, pause_s)
            self._waiting.pop(notice.name, None)
            if is_taken_back:
                return TAKEN_BACK
            way = self._way()
            if way is None:
                return NO_WAY
            if not notice.is_worth_telling(self._now()):
                return why or TOO_LATE
            try:
                await way.deliver(notice)
            except Refused as refused:
                self.fault = str(refused)
                return self.fault
            except Untaken as refused:
                self.fault = why = str(refused)
            else:
                self.fault = ""
                return ""
        raise AssertionError("the pauses never end")

    async def _is_taken_back(self, notice: Notice, within_s: float) -> bool:
        back = self._waiting.setdefault(notice.name, asyncio.Event())
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await back.wait()
        return back.is_set()

    def _pauses(self) -> Iterator[float]:
        return chain(self._again_s, repeat(self._again_s[-1]))


def _in_words(refused: Exception) -> str:
    """Why a notice was not taken; a connection's own reason is looked at before what it made."""
    match refused:
        case aiosmtplib.SMTPConnectError(__cause__=ssl.SSLError() as reason):
            return _in_words(reason)
        case ssl.SSLCertVerificationError(verify_message=str() as why):
            return f"the mail server's certificate is not trusted, so nothing was sent: {why}"
        case ssl.SSLError():
            return "the mail server does not speak TLS as the site file says, so nothing was sent"
        case aiosmtplib.SMTPAuthenticationError():
            return "the mail server refuses the name and password of the site"
        case aiosmtplib.SMTPConnectResponseError(code=code):
            return f"the mail server refuses it with {code}"
        case aiosmtplib.SMTPConnectError() | aiosmtplib.SMTPTimeoutError():
            return "the mail server cannot be reached"
        case aiosmtplib.SMTPResponseException(code=code):
            return f"the mail server refuses it with {code}"
        case aiosmtplib.SMTPRecipientsRefused(recipients=[first, *_]):
            return _in_words(first)
        case aiosmtplib.SMTPException(message=str() as said) if "STARTTLS" in said:
            return "the mail server offers no STARTTLS, so nothing was sent"
        case aiosmtplib.SMTPException():
            return f"the mail server does not take it ({type(refused).__name__})"
        case _:
            return f"the mail server cannot be reached ({type(refused).__name__})"


def _letter(sender: str, notice: Notice) -> EmailMessage:
    letter = EmailMessage()
    letter["From"] = sender
    letter["To"] = notice.address
    letter["Subject"] = notice.subject
    letter["Date"] = format_datetime(notice.at)
    letter["Message-ID"] = f"<{notice.name}@{OUR_NAME}>"  # told twice, it is known to be one
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer of a machine, please
    letter.set_content(notice.text)
    return letter
