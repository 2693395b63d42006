"""A mailbox listened to at a desk, on two real Asterisks: the PIN, the words as they were left, the
lamp, the word by e-mail, a forwarded message, and the caller called back."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from aiosmtpd.smtp import SMTP
from typer.testing import CliRunner

from firmware import message_acts, spare_key
from firmware.asterisk.telco import LiveCall
from firmware.cli.message_acts import app
from firmware.listening_desk import RECEIPT
from firmware.rehearsal import PASSWORD, PERSON
from firmware.spare_key import BY_PHONE
from ivr.at_the_desk import STEP
from ivr.listening import PROMPTS
from tests.firmware.test_notify import PostOffice
from tests.firmware.voice import voice
from tests.plain_audio import leaks
from tests.sites import head
from tests.system import ear, practice
from tests.system.town import Figures, Town, soon

PIN, WRONG = "246813", "975310"
CALLER = "2025550177"
SAID = {"box-done": 1600, "lease-pin-wrong": 1700}
SITE = (
    head(("101", "103"))
    + """
[[dial_rules]]
prefix = "9"
digits = 10
trunk = "telco"
shows = "2025550100"

[mailboxes.nurse]
members = ["rehearsal"]
lamps = ["103"]
number = "704"

[people.rehearsal]
name = "The nurse"
numbers = ["103"]
email = "nurse@example.com"
messages = ["email"]

[email]
host = "127.0.0.1"
port = MAIL_PORT
security = "none"
sender = "careline@example.com"

[mailboxes.doctor]
members = ["rehearsal"]

[flows.main]
start = "menu"
zero = "goodbye"

[flows.main.nodes.menu]
kind = "menu"
prompts = ["main-menu"]
choices = { 1 = "nurse", 2 = "doctor" }
timeout_s = 10
tries = 1
otherwise = "goodbye"

[flows.main.nodes.nurse]
kind = "message"
mailbox = "nurse"
prompts = ["leave-a-message"]
longest_s = 30
next = "goodbye"

[flows.main.nodes.doctor]
kind = "message"
mailbox = "doctor"
prompts = ["leave-a-message"]
longest_s = 30
next = "goodbye"

[flows.main.nodes.goodbye]
kind = "hangup"
prompts = ["goodbye"]

[prompts.en]
main-menu = "Menu."
"""
).replace("[phones.103]", '[phones.103]\nmailbox = "nurse"')
NURSE, DOCTOR = "1", "2"


@pytest.fixture(scope="module")
def letter_box() -> Iterator[socket.socket]:
    """Where the mail server of the stories will listen."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, letter_box: socket.socket) -> Iterator[Town]:
    """A practice where 103 has the nurses' mailbox."""
    tones = {**practice.TONES, **dict.fromkeys(PROMPTS, (1450, 0.2))}
    tones |= {name: (hz, 0.4) for name, hz in SAID.items()}
    site = SITE.replace("MAIL_PORT", str(letter_box.getsockname()[1]))
    with practice.build(tmp_path_factory.mktemp("listening"), site, tones) as standing:
        yield standing


async def messages(here: Town, *words: str, typed: str = "") -> str:
    """`careline messages ...` of their member, in this process: a new one takes a second."""
    command = ["messages", *words, "--as", PERSON, "--password-stdin"]
    home = {"CARELINE_HOME": str(here.place.home), "COLUMNS": "200"}
    run = partial(CliRunner().invoke, app, command, input=f"{PASSWORD}\n{typed}\n", env=home)
    done = await asyncio.to_thread(run)
    assert done.exit_code == 0, done.output
    return done.output


async def leaves(here: Town, told: practice.Story, key: str, words: Path) -> str:
    """Somebody calls and says this after the tone: the message's name."""
    line, call = await told.call(here.telco, number=CALLER)
    await line.press(key)
    await told.step(call, "recording")
    await line.say(words)
    await line.press("#")
    sealed = await told.step(call, "sealed")
    await soon(line.ended)
    return sealed.detail.split()[0]


async def at_the_pin(
    here: Town, told: practice.Story, desk: str, code: str
) -> tuple[LiveCall, str]:
    line, call = await told.named(lambda: here.telco.dial(desk, code), "listens to")
    await told.step(call, STEP, "asks: pin")
    return line, call


async def plays(told: practice.Story, call: str, count: int) -> None:
    """So many messages have begun to be played, and the newest has been heard to its end."""
    await told.until(lambda: told.details(call, STEP).count("plays a message") >= count)
    await told.until(lambda: told.details(call, STEP)[-1] == "asks: what to do with it")


@asynccontextmanager
async def post_office(letter_box: socket.socket) -> AsyncIterator[PostOffice]:
    """The clinic's mail server, for one telling of a story."""
    office = PostOffice()
    loop, listening = asyncio.get_running_loop(), letter_box.dup()
    server = await loop.create_server(lambda: SMTP(office, hostname="mail.invalid"), sock=listening)
    try:
        yield office
    finally:
        server.close()


def files_of(here: Town) -> list[Path]:
    """What the clinic has on its disk; the telephone company's recordings are the world's."""
    top = here.place.home
    found = [path for path in top.rglob("*") if path.is_file()]
    return [path for path in found if (top / "telco") not in path.parents]


def test_the_nurse_hears_her_messages_at_her_desk_and_calls_one_back(
    here: Town, tmp_path: Path, letter_box: socket.socket
) -> None:
    telco = here.telco
    spoken = [np.array(voice(1.0, seed=seed), dtype=np.int16) for seed in (51, 52, 53)]
    first, second, third = (
        ear.write_samples(tmp_path / f"{seed}.wav", words) for seed, words in enumerate(spoken)
    )

    async def story(figures: Figures) -> None:
        async with post_office(letter_box) as office, practice.exchange(here) as told:
            left = json.loads(await messages(here, "list", "--json"))
            for old in sorted({each["message"] for each in left}):
                await messages(here, "delete", old, "--yes")
            before = await leaves(here, told, NURSE, first)
            await telco.lamp_shows(1, 0)
            await soon(office.came.wait())
            on = await messages(here, "listen-by-phone", "on", "--in", "nurse", "--yes", typed=PIN)
            assert "can open the messages of 'nurse' by itself" in on
            while_on = await leaves(here, told, NURSE, second)
            await telco.lamp_shows(2, 0)

            line, call = await at_the_pin(here, told, "103", "*97")
            await line.press(f"{WRONG}#")
            await told.step(call, STEP, "wrong PIN")
            await line.press(f"{PIN}#")
            await told.step(call, STEP, f"{PERSON}: PIN right")
            await plays(told, call, 1)
            await telco.lamp_shows(1, 1)
            await line.press("3")
            await plays(told, call, 2)
            await telco.lamp_shows(0, 2)
            await line.press("7")
            await told.until(
                lambda: any(
                    step.step == message_acts.MARKED and f"{while_on} in nurse: done" in step.detail
                    for step in told.steps
                )
            )
            await soon(line.ended)  # there was no third
            assert await told.outcome(call) == "self_served"
            figures.at_least(ear.SAME, ear.likeness(line.heard, first), "the first message")
            figures.at_least(ear.SAME, ear.likeness(line.heard, second), "the second message")
            figures.at_least(0.2, ear.tone_s(line.heard, SAID["box-done"]), "that it is done")

            forwarded = await leaves(here, told, DOCTOR, third)
            await messages(here, "forward", forwarded, "nurse")
            await telco.lamp_shows(1, 2)

            line, call = await at_the_pin(here, told, "101", "*97704")  # from another desk
            await line.press(f"{PIN}#")
            await plays(told, call, 1)
            await line.press("2")
            await plays(told, call, 2)
            await line.press("3")
            await told.until(lambda: told.details(call, STEP).count("plays a message") >= 3)
            rung = len(telco.invitations)
            await line.press("5")
            await told.step(call, STEP, "calls the caller back")
            await told.step(call, "joined")
            (invited,) = telco.invitations[rung:]
            assert (invited.number, invited.caller) == (CALLER, practice.NUMBER)
            await line.hang_up()
            assert await told.outcome(call) == "self_served"
            figures.at_least(ear.SAME, ear.likeness(line.heard, third), "the forwarded message")

            listed = json.loads(await messages(here, "list", "--json"))
            done = {each["message"]: each["done"] is not None for each in listed}
            assert done == {before: False, while_on: True, forwarded: False}
            off = await messages(here, "listen-by-phone", "off", "--in", "nurse")
            assert "keys to 3 messages are destroyed" in off
            assert spare_key.held(here.place.messages, BY_PHONE) == []
            receipts = " ".join(step.detail for step in told.steps if step.step == RECEIPT)
            assert all(receipts.count(message) == 1 for message in done)
            line, call = await at_the_pin(here, told, "103", "*97")
            await line.press(f"{PIN}#")
            await told.step(call, STEP, "wrong PIN")  # as before anybody had switched it on
            await line.hang_up()
            await told.outcome(call)
        (letter,) = office.taken  # for three messages within a quarter of an hour
        assert letter.rcpt_tos == ["nurse@example.com"]
        assert isinstance(letter.content, bytes)
        assert b"something new in nurse" in letter.content
        assert CALLER.encode() not in letter.content
        for words in spoken:
            assert leaks(words.tolist(), files_of(here)) == []
        log = here.said()
        assert all(each not in log for each in (PIN, WRONG, CALLER))

    here.run_on_time(story)
