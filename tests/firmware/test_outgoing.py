"""Notices outlive the exchange that could not deliver them, and lie sealed until then."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from firmware import outgoing
from firmware.lease_desk import notice
from firmware.ledger import Ledger
from firmware.machine import MachineKey
from firmware.notify import Mail, Notice, Notices, Untaken
from firmware.outgoing import Outgoing
from firmware.store import StoreError
from tests.firmware.test_notify import ADDRESS, WHEN, PostOffice, mail, standing

KEY = MachineKey(bytes(32))
CALLED = notice("Maple Street", ADDRESS, WHEN)


class Down:
    """A mail server that is not there until the exchange is ended."""

    def __init__(self, asked: asyncio.Event) -> None:
        self._asked = asked

    async def deliver(self, _notice: Notice) -> None:
        self._asked.set()
        raise Untaken("the mail server cannot be reached")


@dataclass
class Life:
    """One life of the exchange, as far as notices go."""

    folder: Path
    shelf: Outgoing
    tasks: set[asyncio.Task[None]]

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.add(asyncio.create_task(work))

    def notices(self, by: Mail | Down | None, now: datetime = WHEN) -> Notices:
        return Notices(lambda: by, self.start, self.shelf, again_s=(60.0,), now=lambda: now)

    def left(self) -> list[Notice]:
        return outgoing.left(self.folder / "calls.db", KEY)

    async def sent_on(self, by: Mail | Down | None, now: datetime = WHEN) -> None:
        """What an exchange before this one left."""
        await outgoing.resume(self.notices(by, now), self.folder / "calls.db", KEY)
        async with asyncio.timeout(30):
            await asyncio.gather(*self.tasks)


@contextmanager
def life(folder: Path) -> Iterator[Life]:
    books = Ledger(folder / "calls.db", folder / "log", KEY)
    try:
        yield Life(folder, Outgoing(books.store, KEY), set())
    finally:
        books.close()


async def called_in_vain(folder: Path) -> None:
    """Somebody is called, the mail server is down, and the exchange is ended."""
    with life(folder) as here:
        asked = asyncio.Event()
        here.notices(Down(asked)).send(CALLED)
        async with asyncio.timeout(30):
            await asked.wait()
        for task in here.tasks:
            task.cancel()
        await asyncio.gather(*here.tasks, return_exceptions=True)
        assert here.left() == [CALLED]


def test_what_the_mail_server_did_not_take_is_sent_by_the_next_exchange(tmp_path: Path) -> None:
    async def story() -> None:
        await called_in_vain(tmp_path)
        office = PostOffice()
        with life(tmp_path) as here:
            async with standing(office) as port:
                await here.sent_on(mail(port))
            assert here.left() == []
        (letter,) = office.taken
        content = letter.content if isinstance(letter.content, bytes) else b""
        assert letter.rcpt_tos == [ADDRESS]
        assert f"Message-ID: <{CALLED.name}@careline.invalid>".encode() in content

    asyncio.run(story())


def test_nobody_is_told_after_hours_that_they_are_being_called(tmp_path: Path) -> None:
    async def story() -> None:
        await called_in_vain(tmp_path)
        office = PostOffice()
        with life(tmp_path) as here:
            async with standing(office) as port:
                await here.sent_on(mail(port), WHEN + timedelta(hours=2))
            assert here.left() == []
        assert office.taken == []

    asyncio.run(story())


def test_a_notice_is_gone_from_the_box_once_it_is_taken(tmp_path: Path) -> None:
    async def story() -> None:
        office = PostOffice()
        with life(tmp_path) as here:
            async with standing(office) as port:
                here.notices(mail(port)).send(CALLED)
                async with asyncio.timeout(30):
                    await asyncio.gather(*here.tasks)
            assert here.left() == []
        assert len(office.taken) == 1

    asyncio.run(story())


def test_no_address_lies_readable_on_the_disk(tmp_path: Path) -> None:
    asyncio.run(called_in_vain(tmp_path))
    held = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert CALLED.name.encode() in held
    for told in (ADDRESS, "alvarez", CALLED.subject):
        assert told.encode() not in held


def test_of_another_machines_key_nothing_is_sent_and_nothing_breaks(tmp_path: Path) -> None:
    asyncio.run(called_in_vain(tmp_path))
    assert outgoing.left(tmp_path / "calls.db", MachineKey(bytes([1] * 32))) == []


def test_a_disk_that_refuses_keeps_nobody_from_being_told(tmp_path: Path) -> None:
    class Refusing:
        async def keep(self, _notice: Notice) -> None:
            raise StoreError("no room")

        async def forget(self, _name: str, _why_not: str) -> None:
            raise StoreError("no room")

    async def story() -> None:
        office, tasks = PostOffice(), set[asyncio.Task[None]]()
        async with standing(office) as port:
            by = mail(port)
            notices = Notices(
                lambda: by,
                lambda work: tasks.add(asyncio.create_task(work)),
                Refusing(),
                now=lambda: WHEN,
            )
            notices.send(CALLED)
            async with asyncio.timeout(30):
                await asyncio.gather(*tasks)
        assert len(office.taken) == 1

    asyncio.run(story())
