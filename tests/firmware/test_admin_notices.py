"""Whoever is in charge hears of what they must know at once, and the letter names nobody."""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path

import pytest

from firmware import account, audit, settings
from firmware.admin_notices import LOCKED, QUIET_S, TOLD, AdminNotices, word_of
from firmware.audit import Act, Audited, Entry
from firmware.audit_watch import AuditWatch
from firmware.ledger import Ledger, Moment
from firmware.machine import MachineKey
from firmware.notify import Mail, Notices
from firmware.place import Place
from ivr.plan import MailServer, Plan
from tests.firmware.by_hand import SITE, exchange_at, live, site_at
from tests.firmware.test_notify import PostOffice, standing

WHEN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
IN_CHARGE = ("office@example.com", "owner@example.com")
NAMES = ("maria", "ben", "a locum")


@dataclass
class Office:
    """A clinic without an exchange, and those who are told of its audit."""

    place: Place
    port: int
    clock: float = 0.0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def plan(self) -> Plan:
        server = MailServer("127.0.0.1", self.port, "none", None, "box@example.com", IN_CHARGE)
        return replace(settings.read(SITE), mail=server)

    def begins(self) -> AdminNotices:
        """As at each start of an exchange."""
        server = self.plan.mail
        assert server is not None
        by = Mail(server, "")
        notices = Notices(
            lambda: by,
            lambda work: self.tasks.add(asyncio.create_task(work)),
            now=lambda: WHEN,
        )
        return AdminNotices(
            self.place.calls_db,
            self.place.admins_told,
            lambda: self.plan,
            notices,
            lambda: WHEN,
            lambda: self.clock,
        )

    def enter(self, *entries: tuple[str, Act, str]) -> None:
        key = MachineKey.at(self.place.machine_key)
        ledger = Ledger(self.place.calls_db, self.place.ledger_log, key)
        ledger.submit([Audited(*each, Moment.now()) for each in entries]).result()
        ledger.close()

    async def delivered(self) -> None:
        async with asyncio.timeout(30):
            while self.tasks:
                await self.tasks.pop()


def letters(office: PostOffice) -> list[tuple[str, str, str]]:
    """To whom, the subject, all the words."""
    read = []
    for each in office.taken:
        assert isinstance(each.content, bytes)
        letter = message_from_bytes(each.content, policy=default)
        read.append((each.rcpt_tos[0], str(letter["Subject"]).strip(), str(letter.get_content())))
    return read


def test_those_in_charge_are_told_once_of_each_also_of_what_came_while_nothing_ran(
    tmp_path: Path,
) -> None:
    async def story() -> list[tuple[str, str, str]]:
        post = PostOffice()
        async with standing(post) as port:
            clinic = Office(Place(tmp_path), port)
            clinic.enter(("maria", Act.INVITED, "ben, nurse"))
            await clinic.begins().tell()  # the first start ever: that is the past
            clinic.enter(("maria", Act.SIGNED_IN, ""), ("a locum", Act.BROKE_GLASS, ""))
            notices = clinic.begins()
            await notices.tell()
            await notices.tell()
            await clinic.begins().tell()
            clinic.enter(("maria", Act.FACTOR_OFF, ""))
            await clinic.begins().tell()
            await clinic.delivered()
        return letters(post)

    told = asyncio.run(story())
    assert {to for to, _, _ in told} == set(IN_CHARGE)
    subjects = [subject for to, subject, _ in told if to == IN_CHARGE[0]]
    assert sorted(subjects) == sorted(
        f"Maple Street: {TOLD[act]}" for act in (Act.BROKE_GLASS, Act.FACTOR_OFF)
    )
    assert any("entry 3 of the audit" in " ".join(words.split()) for _, _, words in told)
    assert not [name for name in NAMES if name in str(told)]


def test_a_hundred_wrong_passwords_are_one_letter_an_hour(tmp_path: Path) -> None:
    refused = ("maria", Act.REFUSED, "sign-in, too soon")

    async def story() -> int:
        post = PostOffice()
        async with standing(post) as port:
            clinic = Office(Place(tmp_path), port)
            clinic.enter(("maria", Act.SIGNED_IN, ""))
            notices = clinic.begins()
            await notices.tell()
            for clock in (0.0, 1.0, QUIET_S - 1, QUIET_S):
                clinic.clock = clock
                clinic.enter(refused, ("maria", Act.REFUSED, "sign-in"), refused)
                await notices.tell()
            await clinic.delivered()
        return len(letters(post))

    assert asyncio.run(story()) == 2 * len(IN_CHARGE)


def test_a_chain_that_is_shorter_after_a_restore_is_followed_from_its_end(tmp_path: Path) -> None:
    async def story() -> int:
        post = PostOffice()
        async with standing(post) as port:
            clinic = Office(Place(tmp_path), port)
            clinic.enter(("maria", Act.INVITED, "ben, nurse"))
            clinic.place.admins_told.write_text('{"told": 99}')
            await clinic.begins().tell()
            clinic.enter(("maria", Act.REMOVED, "ben"))
            await clinic.begins().tell()
            await clinic.delivered()
        return len(letters(post))

    assert asyncio.run(story()) == len(IN_CHARGE)


def test_of_what_people_do_every_day_nobody_is_told() -> None:
    def entry(act: Act, about: str = "") -> Entry:
        return Entry(1, "", "maria", act, about, b"", b"")

    told = {act for act in Act if word_of(entry(act))}
    assert told == set(TOLD)
    assert word_of(entry(Act.REFUSED, "sign-in")) == ""
    assert word_of(entry(Act.REFUSED, "sign-in, too soon")) == LOCKED


def test_a_running_exchange_tells_by_the_sites_own_server(tmp_path: Path) -> None:
    async def story() -> list[tuple[str, str, str]]:
        post = PostOffice()
        async with standing(post) as port:
            email = (
                f'[email]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
                'sender = "box@example.com"\nadmins = ["office@example.com"]\n'
            )
            place = site_at(tmp_path, SITE + email)
            async with exchange_at(place) as clinic:
                assert (await clinic.part("audit")).state == "well"
                await asyncio.to_thread(account.give, place, "maria", Act.BROKE_GLASS)
                await post.came.wait()
        return letters(post)

    found: list[tuple[str, str, str]] = []

    async def kept() -> None:
        found.extend(await story())

    live(kept())
    assert [to for to, _, _ in found] == ["office@example.com"]
    assert "THE ENVELOPE WAS OPENED" in found[0][1]


@pytest.mark.parametrize("is_broken", [False, True])
def test_the_audit_is_looked_through_by_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_broken: bool
) -> None:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    clinic = Office(Place(tmp_path), 0)
    clinic.enter(("maria", Act.SIGNED_IN, ""), ("ben", Act.SIGNED_IN, ""))
    if is_broken:
        with closing(sqlite3.connect(clinic.place.calls_db)) as raw, raw:
            raw.execute("DROP TRIGGER audit_is_never_updated")
            raw.execute("UPDATE audit SET who = 'eve' WHERE id = 2")
    entered: list[Audited] = []

    async def promise(entry: Audited) -> None:
        entered.append(entry)

    watch = AuditWatch(promise, lambda: 0)
    asyncio.run(watch.look())
    part = watch.part()
    if is_broken:
        assert part.state == "alarm"
        assert "entry 2 was changed" in part.detail
        assert [(each.who, each.act) for each in entered] == [(audit.THIS_BOX, Act.FOUND_BROKEN)]
    else:
        assert (part.state, part.detail) == ("well", "all 2 entries are as they were entered")
        assert entered == []


@pytest.mark.parametrize("command", [("false",), ("sh", "-c", "echo careline: no key >&2; exit 1")])
def test_what_could_not_be_looked_through_is_no_broken_audit(command: Sequence[str]) -> None:
    async def promise(_entry: Audited) -> None:
        raise AssertionError("nothing was found broken")

    watch = AuditWatch(promise, lambda: 2, command)
    asyncio.run(watch.look())
    assert watch.part().state == "warning"
    assert "2 entries that waited" in watch.part().detail
