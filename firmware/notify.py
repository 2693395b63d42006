"""Notices: a word to people beside the telephone, through whatever way there is; by e-mail for now.

A notice says that somebody is being called and nothing of why: no number, no name, no word of a
patient ever stands in one, for it travels and stays where we cannot wipe it. It is sent by tasks of
its own and never waited for; what cannot be delivered is tried again for an hour, and told. Where
the site says TLS, a server that has none, or whose certificate nobody vouches for, gets nothing.
"""

import asyncio
import smtplib
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any, Protocol

import structlog

from ivr.plan import MailServer

SERVER_ANSWERS_S = 20.0
AGAIN_S = (2.0, 10.0, 30.0, 120.0, 300.0, 600.0, 900.0, 1800.0)
# What our own name is to a mail server: a box has none, and asking DNS for one may take a minute.
OUR_NAME = "careline.invalid"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Notice:
    """One short text for one person."""

    address: str = field(repr=False)
    subject: str
    text: str
    at: datetime


class Notifier(Protocol):
    """One way to tell people; it may block, for it is called in a thread."""

    def deliver(self, notice: Notice) -> None:
        """Return when the notice has been taken; OSError (SMTPException is one): it was not."""
        ...


@dataclass(frozen=True, slots=True)
class Mail:
    """E-mail by the site's server."""

    server: MailServer
    password: str = field(repr=False)

    def deliver(self, notice: Notice) -> None:
        with self._connected() as server:
            if self.server.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self.server.username is not None:
                server.login(self.server.username, self.password)
            server.send_message(_letter(self.server.sender, notice))

    def _connected(self) -> smtplib.SMTP:
        host, port = self.server.host, self.server.port
        if self.server.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, port, OUR_NAME, timeout=SERVER_ANSWERS_S, context=context)
        return smtplib.SMTP(host, port, OUR_NAME, timeout=SERVER_ANSWERS_S)


class Notices:
    """Sends them, each by a task that is begun with `start`, until it is taken."""

    def __init__(
        self,
        notifier: Callable[[], Notifier | None],
        start: Callable[[Coroutine[Any, Any, None]], object],
        again_s: tuple[float, ...] = AGAIN_S,
    ) -> None:
        self._notifier = notifier
        self._start = start
        self._again_s = again_s
        self.fault = ""  # why the newest could not be delivered; empty once one is

    def send(self, notice: Notice) -> None:
        """Never blocks. Without a way to tell anybody, nobody is told."""
        if self._notifier() is not None:
            self._start(self._send(notice))

    async def _send(self, notice: Notice) -> None:
        for pause_s in (*self._again_s, None):
            notifier = self._notifier()
            if notifier is None:
                return
            try:
                await asyncio.to_thread(notifier.deliver, notice)
            except (OSError, ValueError) as refused:
                self.fault = _in_words(refused)
            else:
                self.fault = ""
                return
            if pause_s is not None:
                await asyncio.sleep(pause_s)
        log.error("a notice could not be delivered", why=self.fault)


def _in_words(refused: Exception) -> str:
    """Why a notice was not taken; never in a server's own words, which may hold the address."""
    match refused:
        case ssl.SSLCertVerificationError(verify_message=str() as why):
            return f"the mail server's certificate is not trusted, so nothing was sent: {why}"
        case ssl.SSLError():
            return "the mail server does not speak TLS as the site file says, so nothing was sent"
        case smtplib.SMTPNotSupportedError():
            return "the mail server offers no STARTTLS, or no sign-in, so nothing was sent"
        case smtplib.SMTPAuthenticationError():
            return "the mail server refuses the name and password of the site"
        case smtplib.SMTPResponseException(smtp_code=code):
            return f"the mail server refuses it with {code}"
        case smtplib.SMTPException():
            return f"the mail server does not take it ({type(refused).__name__})"
        case _:
            return f"the mail server cannot be reached ({type(refused).__name__})"


def _letter(sender: str, notice: Notice) -> EmailMessage:
    letter = EmailMessage()
    letter["From"] = sender
    letter["To"] = notice.address
    letter["Subject"] = notice.subject
    letter["Date"] = format_datetime(notice.at)
    letter["Message-ID"] = make_msgid(domain=OUR_NAME)
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answer of a machine, please
    letter.set_content(notice.text)
    return letter
