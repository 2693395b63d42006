"""A word by e-mail that a mailbox has news: which one, and nothing else, and not ten at once."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from firmware import settings
from firmware.ledger import Arrived, Ledger, MessageKept, Moment
from firmware.machine import MachineKey
from firmware.message_notices import QUIET_S, MessageNotices, Words
from firmware.notify import Mail, Notices
from firmware.settings import SiteFaults
from ivr.plan import Mailbox, MailServer, Person, Plan
from tests.firmware.test_notify import PostOffice, standing
from tests.ivr.story import a_clinic

NUMBER, NAME = "+12025550143", "QUILLFEATHER"
CALL = "11111111-1111-4111-8111-11111111111"  # and one more digit
TEMPLATE = Path("firmware/template/clinic.toml")


def test_ten_messages_are_one_word_and_what_comes_meanwhile_is_a_second() -> None:
    words = Words()
    words.came("nurse", ["nina"])
    assert words.due(0.0) == {"nina": {"nurse"}}
    for _ in range(9):
        words.came("nurse", ["nina"])
        words.came("refills", ["nina", "remy"])
    assert words.due(60.0) == {"remy": {"refills"}}
    assert words.due(QUIET_S - 1) == {}
    assert words.due(QUIET_S) == {"nina": {"nurse", "refills"}}
    assert words.due(2 * QUIET_S) == {}


def test_who_was_not_told_after_all_is_told_of_the_next() -> None:
    words = Words()
    words.came("nurse", ["nina"])
    words.due(0.0)
    words.was_no_news("nina")
    words.came("nurse", ["nina"])
    assert words.due(1.0) == {"nina": {"nurse"}}


def a_clinic_that_tells(port: int) -> Plan:
    """nina wishes a word, remy has an address and wishes none."""
    server = MailServer("127.0.0.1", port, "none", None, "careline@example.com")
    nina = Person("nina", "Nina", ("101",), "nina@example.com", ("email",))
    remy = Person("remy", "Remy", ("102",), "remy@example.com")
    boxes = {"nurse": Mailbox("nurse", ("nina", "remy"), ())}
    plan = replace(a_clinic(), mailboxes=boxes, mail=server)
    return replace(plan, people={"nina": nina, "remy": remy})


def leave(books: Ledger, digit: int) -> None:
    call, moment = f"{CALL}{digit}", Moment.now()
    books.submit(
        [
            Arrived(call, "main", "2025550100", NUMBER, NAME, moment),
            MessageKept(call, call, "nurse", moment.at, 7.0, False, False, moment),
        ]
    ).result()


def test_the_letter_names_the_mailbox_and_nothing_of_the_caller(tmp_path: Path) -> None:
    async def story() -> bytes:
        office, tasks = PostOffice(), set[asyncio.Task[None]]()
        books = Ledger(tmp_path / "calls.db", tmp_path / "log", MachineKey(bytes(32)))
        leave(books, 1)
        async with standing(office) as port:
            plan = a_clinic_that_tells(port)
            server = plan.mail
            assert server is not None

            def start(work: Coroutine[Any, Any, None]) -> None:
                tasks.add(asyncio.create_task(work))

            desk = MessageNotices(
                tmp_path / "calls.db",
                lambda: plan,
                Notices(lambda: Mail(server, ""), start),
                start,
            )
            for _ in range(10):
                desk.came("nurse")
                desk.look(0.0)
            async with asyncio.timeout(30):
                await office.came.wait()
                while tasks:
                    await tasks.pop()
        books.close()
        (letter,) = office.taken
        assert letter.rcpt_tos == ["nina@example.com"]
        assert isinstance(letter.content, bytes)
        return letter.content

    content = asyncio.run(story())
    letter = message_from_bytes(content, policy=default)
    assert "something new in nurse" in str(letter["Subject"])
    for told in (NUMBER, NUMBER[2:], NAME, CALL, "main", "7"):
        assert told not in str(letter["Subject"]) + str(letter.get_content())


def test_what_was_heard_meanwhile_is_no_news(tmp_path: Path) -> None:
    async def story() -> None:
        tasks = set[asyncio.Task[None]]()
        books = Ledger(tmp_path / "calls.db", tmp_path / "log", MachineKey(bytes(32)))
        leave(books, 1)
        await books.heard(f"{CALL}1", Moment.now())
        async with standing(PostOffice()) as port:
            plan = a_clinic_that_tells(port)
            sent: list[object] = []
            desk = MessageNotices(
                tmp_path / "calls.db",
                lambda: plan,
                Notices(lambda: None, sent.append),
                lambda work: tasks.add(asyncio.create_task(work)),
            )
            desk.came("nurse")
            desk.look(0.0)
            while tasks:
                await tasks.pop()
            assert sent == []
        books.close()

    asyncio.run(story())


SERVER = """
[email]
host = "mail.example.com"
port = 587
security = "starttls"
username = "careline"
sender = "careline@example.com"
"""


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('messages = ["email"]', "has no address"),
        ('email = "a@example.com"\nmessages = ["email"]', "no .email. to send it by"),
        ('email = "a@example.com"\nmessages = ["text"]', "no mobile for texts"),
        ('text = "2025550171"\nmessages = ["text"]', "no .sms. to send it by"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_with_its_cure(line: str, told: str) -> None:
    site = TEMPLATE.read_text().replace("[people.alvarez]", f"[people.alvarez]\n{line}")
    with pytest.raises(SiteFaults, match=told):
        settings.read(site)


def test_each_person_says_in_the_site_file_whether_they_are_told() -> None:
    wish = 'email = "a@example.com"\nmessages = ["email"]'
    site = TEMPLATE.read_text().replace("[people.alvarez]", f"[people.alvarez]\n{wish}") + SERVER
    assert settings.read(site).people["alvarez"].told_by == ("email",)
    assert settings.read(site).people["brandt"].told_by == ()
