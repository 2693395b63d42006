"""Whoever is in charge hears of a damaged database, and is not told every minute."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from firmware import mended, settings
from firmware.damage_notices import DamageNotices
from firmware.ledger import Arrived, Ledger, Moment
from firmware.machine import MachineKey
from firmware.notify import Mail, Notices
from firmware.place import Place
from ivr.plan import MailServer, Plan
from tests.firmware.by_hand import SITE, exchange_at, live, site_at
from tests.firmware.test_admin_notices import IN_CHARGE, letters
from tests.firmware.test_notify import PostOffice, standing

WHEN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
CALLER = ("+15555550142", "Dolores")


@dataclass
class Office:
    """A clinic without an exchange, and its disk."""

    place: Place
    port: int
    now: datetime = WHEN
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def plan(self) -> Plan:
        server = MailServer("127.0.0.1", self.port, "none", None, "box@example.com", IN_CHARGE)
        return replace(settings.read(SITE), mail=server)

    def begins(self) -> DamageNotices:
        """As at each start of an exchange."""
        server = self.plan.mail
        assert server is not None
        by = Mail(server, "")
        notices = Notices(
            lambda: by,
            lambda work: self.tasks.add(asyncio.create_task(work)),
            now=lambda: self.now,
        )
        told = self.place.damage_told
        return DamageNotices(self.place.home, told, lambda: self.plan, notices, lambda: self.now)

    def is_damaged(self) -> None:
        """Its books, in which somebody has called."""
        spoil(self.place)
        key = MachineKey.at(self.place.machine_key)
        Ledger(self.place.calls_db, self.place.ledger_log, key, look_s=30.0).close()

    def sees_to_it(self) -> None:
        for aside in self.place.home.glob(f"*{mended.ASIDE}*"):
            aside.unlink()

    async def delivered(self) -> None:
        async with asyncio.timeout(30):
            while self.tasks:
                await self.tasks.pop()


def spoil(place: Place) -> None:
    key = MachineKey.at(place.machine_key)
    ledger = Ledger(place.calls_db, place.ledger_log, key)
    moment = Moment.now()
    call = str(moment.mono_ms)
    ledger.submit([Arrived(call, "main", "5555550100", *CALLER, moment)]).result(10)
    ledger.close()
    place.calls_db.write_bytes(b"burnt" * 1000)


def test_those_in_charge_are_told_at_once_and_then_once_a_day_until_it_is_seen_to(
    tmp_path: Path,
) -> None:
    async def story() -> tuple[list[int], list[tuple[str, str, str]]]:
        post = PostOffice()
        counts = []
        async with standing(post) as port:
            clinic = Office(Place(tmp_path), port)

            async def look() -> None:
                await clinic.begins().look()
                await clinic.delivered()
                counts.append(len(post.taken))

            await look()
            clinic.is_damaged()
            await look()
            clinic.now += HOUR
            await look()
            clinic.now += 23 * HOUR
            await look()
            clinic.sees_to_it()
            clinic.now += 25 * HOUR
            await look()
            clinic.is_damaged()
            await look()
        return counts, letters(post)

    counts, told = asyncio.run(story())
    assert counts == [len(IN_CHARGE) * days for days in (0, 1, 1, 2, 2, 3)]
    assert {to for to, _, _ in told} == set(IN_CHARGE)
    assert {subject for _, subject, _ in told} == {"Maple Street: a database was damaged"}
    assert all("careline status" in " ".join(words.split()) for _, _, words in told)
    assert not [word for word in (*CALLER, str(tmp_path)) if word in str(told)]


def test_a_running_exchange_tells_of_what_it_found_at_its_start(tmp_path: Path) -> None:
    found: list[tuple[str, str, str]] = []

    async def story() -> None:
        post = PostOffice()
        async with standing(post) as port:
            email = (
                f'[email]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
                'sender = "box@example.com"\nadmins = ["office@example.com"]\n'
            )
            place = site_at(tmp_path, SITE + email)
            spoil(place)
            async with exchange_at(place):
                await post.came.wait()
        found.extend(letters(post))

    live(story())
    assert [to for to, _, _ in found] == ["office@example.com"]
    assert "a database was damaged" in found[0][1]
