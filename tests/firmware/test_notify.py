"""Notices by e-mail, handed in at a real mail server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from firmware.lease_desk import notice
from firmware.notify import Mail, Notices
from ivr.plan import MailServer

WHEN = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
ADDRESS = "alvarez@example.com"


class PostOffice:
    """What a mail server has taken, after it has refused as often as a story wants."""

    def __init__(self, refuses: int = 0) -> None:
        self.refuses = refuses
        self.taken: list[Envelope] = []
        self.came = asyncio.Event()

    async def handle_DATA(  # noqa: N802 - aiosmtpd's own name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        if self.refuses:
            self.refuses -= 1
            return "451 4.3.0 not now"
        self.taken.append(envelope)
        self.came.set()
        return "250 taken"


def knows(_server: object, _session: object, _how: object, _kind: str, who: object) -> AuthResult:
    """Who may hand letters in."""
    fits = isinstance(who, LoginPassword) and who.password == b"secret"
    return AuthResult(success=fits, handled=fits)


@asynccontextmanager
async def standing(office: PostOffice, *, asks: bool = False) -> AsyncIterator[int]:
    """The server, and the port at which it listens."""

    def door() -> SMTP:
        return SMTP(
            office,
            hostname="mail.invalid",
            authenticator=knows,
            auth_required=asks,
            auth_require_tls=False,
        )

    server = await asyncio.get_running_loop().create_server(door, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def mail(port: int, username: str | None = None, password: str = "") -> Mail:
    server = MailServer("127.0.0.1", port, "none", username, "careline@example.com")
    return Mail(server, password)


async def sent(office: PostOffice, by: Mail) -> Notices:
    """A notice on its way until the server has taken it."""
    tasks: set[asyncio.Task[None]] = set()
    notices = Notices(
        lambda: by,
        lambda work: tasks.add(asyncio.create_task(work)),
        again_s=(0.0,),
        now=lambda: WHEN,
    )
    notices.send(notice("Maple Street", ADDRESS, WHEN))
    async with asyncio.timeout(30):
        await office.came.wait()
        await asyncio.gather(*tasks)
    return notices


def test_somebody_is_told_that_they_are_called_and_not_a_word_of_why() -> None:
    async def story() -> None:
        office = PostOffice()
        async with standing(office) as port:
            notices = await sent(office, mail(port))
        (letter,) = office.taken
        content = letter.content if isinstance(letter.content, bytes) else b""
        assert letter.rcpt_tos == [ADDRESS]
        assert b"Subject: Maple Street: you are being called" in content
        assert b"Auto-Submitted: auto-generated" in content
        assert b"02:30" in content
        assert b"555" not in content
        assert notices.fault == ""

    asyncio.run(story())


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_server_that_refuses_is_asked_again_and_one_that_asks_gets_the_password() -> None:
    async def story() -> None:
        office = PostOffice(refuses=3)
        async with standing(office, asks=True) as port:
            notices = await sent(office, mail(port, "careline", "secret"))
        assert (office.refuses, len(office.taken)) == (0, 1)
        assert notices.fault == ""

    asyncio.run(story())


def test_what_cannot_be_delivered_is_told_in_the_end_without_the_address() -> None:
    async def story() -> None:
        async with standing(PostOffice()) as port:
            pass
        tasks: set[asyncio.Task[None]] = set()
        by, minutes = mail(port), count()
        notices = Notices(
            lambda: by,
            lambda work: tasks.add(asyncio.create_task(work)),
            again_s=(0.0,),
            now=lambda: WHEN + timedelta(minutes=next(minutes)),
        )
        notices.send(notice("Maple Street", ADDRESS, WHEN))
        async with asyncio.timeout(30):
            await asyncio.gather(*tasks)
        assert notices.fault == "the mail server cannot be reached"
        assert next(minutes) == 61  # who has not answered for an hour is told no more
        assert ADDRESS not in repr(notice("Maple Street", ADDRESS, WHEN))
        assert "secret" not in repr(mail(port, "careline", "secret"))

    asyncio.run(story())


def test_a_clinic_without_a_mail_server_sends_nothing() -> None:
    started: list[object] = []
    Notices(lambda: None, started.append).send(notice("Maple Street", ADDRESS, WHEN))
    assert started == []
