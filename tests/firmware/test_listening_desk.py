"""Listening at a desk telephone: who lets the box open their mailbox, what it can open then, five
wrong PINs, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

import numpy as np
import pytest
from sqlalchemy import select

from firmware import audit, ledger, listening, listening_desk, people, spare_key, vault
from firmware.control import Door, ask_async
from firmware.keys import KeyPair
from firmware.ledger import Ledger
from firmware.listening_desk import RECEIPT, ListeningDesk, sweep
from firmware.machine import MachineKey
from firmware.place import Place
from firmware.spare_key import BY_PHONE, NoSpareKeyError
from firmware.store import open_reader
from firmware.vault import Label, Sealing
from ivr import commands, events
from ivr.left import Left
from tests.firmware.members import CHEAP, NUMBER, PASSWORD, Clinic
from tests.firmware.voice import voice

T = TypeVar("T")

PIN, WRONG = "246813", "975310"
CALL = "11111111-1111-4111-8111-111111111111"
WORDS = np.frombuffer(voice(0.5).tobytes(), "<i2")
SITE = """
[clinic]
name = "Maple Street"
timezone = "America/New_York"
front_desk = ["101"]
emergency_numbers = ["911"]

[trunks.telco]
host = "127.0.0.2"

[lines.main]
trunk = "telco"
numbers = ["2025550100"]
flow = "main"

[phones.101]
name = "Nurse"
location = "12 Maple Street"
callback = "2025550100"
mailbox = "nurse"

[mailboxes.nurse]
members = ["nina", "maria"]

[mailboxes.desk]
members = ["remy", "maria"]
number = "704"

[flows.main]
start = "desk"

[flows.main.nodes.desk]
kind = "ring"
phones = ["101"]
for_s = 20
otherwise = "bye"

[flows.main.nodes.bye]
kind = "hangup"
prompts = ["goodbye"]
"""


@pytest.fixture(scope="module")
def set_up_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with pytest.MonkeyPatch.context() as patched:
        place = Place(tmp_path_factory.mktemp("clinic"))
        place.messages.mkdir()
        place.site_file.write_text(SITE)
        patched.setattr("firmware.cli.by_phone.listening.hashed", cheaply)
        yield Clinic(place, patched).set_up()


@pytest.fixture
def clinic(set_up_once: Clinic) -> Clinic:
    for who in ("nina", "maria"):
        people.write(set_up_once.place.page_db, partial(listening.forget, person=who))
    return set_up_once.empty()


real_hash = listening.hashed


def cheaply(pin: str) -> str:
    """As it is hashed on a box, in less time."""
    return real_hash(pin, CHEAP)


def switch_on(clinic: Clinic, who: str = "nina", pin: str = PIN) -> None:
    done = clinic.does(who, "listen-by-phone", "on", "--in", "nurse", "--yes", typed=pin)
    assert done.exit_code == 0, done.output


class Telephone:
    """Somebody at a telephone of a running exchange, whose orders these are."""

    def __init__(self, clinic: Clinic) -> None:
        self.place = clinic.place
        self.key = MachineKey.at(self.place.machine_key)

    def run(self, story: Callable[[ListeningDesk, list[events.Event]], Awaitable[T]]) -> T:
        async def told() -> T:
            books = Ledger(self.place.calls_db, self.place.ledger_log, self.key)
            heard: list[events.Event] = []
            desk = ListeningDesk(
                store=books.store,
                write=books.write,
                key=self.key,
                place=self.place,
                to_dial=lambda number: f"9{number.removeprefix('+1')}",
                tell=heard.append,
                start=asyncio.ensure_future,
            )
            try:
                return await story(desk, heard)
            finally:
                books.close()

        return asyncio.run(told())

    def keys(self, *pins: str) -> list[events.BoxOpened]:
        """What the exchange says to each of these PINs for the nurses' mailbox."""

        async def keyed(desk: ListeningDesk, heard: list[events.Event]) -> list[events.BoxOpened]:
            for pin in pins:
                await desk.perform(commands.OpenBox(CALL, "nurse", pin))
            return [each for each in heard if isinstance(each, events.BoxOpened)]

        return self.run(keyed)

    def sweeps(self) -> int:
        """How many keys the exchange destroys when it looks."""

        async def swept(desk: ListeningDesk, _heard: list[events.Event]) -> int:
            door = Door()
            desk.answer_at(door)
            async with door.open(self.place.control_socket):
                asked = listening_desk.SweepListeningRequest()
                topic = listening_desk.SWEEP_LISTENING
                reply = await ask_async(self.place.control_socket, topic, asked)
            return reply.destroyed

        return self.run(swept)

    def hears(self, message: str, *, slowly: bool = False) -> Any:
        play = commands.PlayLeft(CALL, message, 7, "nina", slowly)
        return self.run(lambda desk, _: desk.samples(play))


def test_until_its_owner_switches_it_on_no_mailbox_is_open_to_a_telephone(clinic: Clinic) -> None:
    message = clinic.leave()
    telephone = Telephone(clinic)
    assert telephone.keys(PIN) == [events.BoxOpened(CALL, "")]
    assert telephone.hears(message) is None
    refused = clinic.does("maria", "listen-by-phone", "on", "--in", "nurse", "--yes", typed=PIN)
    assert refused.exit_code == 1
    assert "nina, the first of the members" in refused.output
    assert spare_key.held(clinic.place.messages, BY_PHONE) == []
    told = clinic.does("nina", "listen-by-phone", "on", typed="n")
    assert "this box can open the messages of 'nurse' by itself" in told.output
    assert "nothing was changed" in told.output
    assert telephone.keys(PIN) == [events.BoxOpened(CALL, "")]


def test_the_owner_listens_by_pin_and_it_is_entered_before(clinic: Clinic) -> None:
    old, new = clinic.leave(), clinic.leave()
    clinic.does("nina", "done", clinic.leave())
    switch_on(clinic)
    telephone = Telephone(clinic)

    heard = commands.MarkLeft(CALL, old, "nurse", "nina", False, False)
    telephone.run(lambda desk, _: desk.perform(heard))
    (opened,) = telephone.keys(PIN)
    assert opened == events.BoxOpened(CALL, "nina", left=(Left(new, True), Left(old, False)))
    assert (telephone.hears(old) == WORDS).all()
    assert telephone.hears(old, slowly=True).size > 1.2 * WORDS.size
    assert ("nina", audit.Act.LISTENED, f"{old} at a telephone") in clinic.audited()
    assert ("nina", audit.Act.PHONE_ON, "nurse") in clinic.audited()


def test_what_is_left_while_it_is_on_is_open_to_the_box_and_nobody_elses_is(clinic: Clinic) -> None:
    switch_on(clinic)
    made: list[str] = []

    async def recorded(desk: ListeningDesk, heard: list[events.Event]) -> list[events.Event]:
        """As the recorder does it, before the first second."""
        for mailbox in ("nurse", "desk"):
            label = Label(str(uuid4()), str(uuid4()), mailbox, 1_772_443_800_000, urgent=False)

            def keep(message: str, key: bytes, mailbox: str = mailbox) -> None:
                desk.keep(mailbox, message, key)

            to = people.recipients(clinic.place.page_db, mailbox)
            sealing = Sealing(clinic.place.messages, label, to, keep)
            sealing.add(memoryview(WORDS.tobytes()), last=True)
            sealing.finish()
            made.append(label.message)
        return heard

    telephone = Telephone(clinic)
    telephone.run(recorded)
    assert spare_key.held(clinic.place.messages, BY_PHONE) == [made[0]]
    assert (telephone.hears(made[0]) == WORDS).all()
    assert telephone.hears(made[1]) is None
    assert telephone.sweeps() == 0  # it has no row yet


def test_five_wrong_pins_lock_it_over_restarts_until_the_owner_signs_in(clinic: Clinic) -> None:
    switch_on(clinic)
    nobody, locked = events.BoxOpened(CALL, ""), events.BoxOpened(CALL, "", is_locked=True)
    assert Telephone(clinic).keys(*[WRONG] * 3) == [nobody] * 3
    assert Telephone(clinic).keys(WRONG, WRONG) == [nobody, locked]
    assert Telephone(clinic).keys(PIN) == [locked]
    assert [each for each in clinic.audited() if each[1] == audit.Act.REFUSED] == [
        ("a telephone", audit.Act.REFUSED, "a PIN of nurse")
    ] * 5
    clinic.does("remy", "list")  # who is none of those
    assert Telephone(clinic).keys(PIN) == [locked]
    clinic.does("nina", "list")
    assert Telephone(clinic).keys(PIN)[0].person == "nina"


def test_a_right_pin_forgives_the_slips_before_it(clinic: Clinic) -> None:
    switch_on(clinic)
    for _ in range(2):
        assert Telephone(clinic).keys(*[WRONG] * 4, PIN)[-1].person == "nina"


def test_ten_telephones_at_once_have_five_tries_together(clinic: Clinic) -> None:
    switch_on(clinic)

    async def story(desk: ListeningDesk, heard: list[events.Event]) -> list[events.Event]:
        order = commands.OpenBox(CALL, "nurse", WRONG)
        await asyncio.gather(*(desk.perform(order) for _ in range(10)))
        return heard

    Telephone(clinic).run(story)
    refused = [each for each in clinic.audited() if each[1] == audit.Act.REFUSED]
    assert len(refused) == 5


def test_another_member_has_a_pin_of_their_own_and_gives_up_only_that(clinic: Clinic) -> None:
    switch_on(clinic)
    switch_on(clinic, "maria", "864209")
    assert [each.person for each in Telephone(clinic).keys(PIN, "864209")] == ["nina", "maria"]
    off = clinic.does("maria", "listen-by-phone", "off", "--in", "nurse")
    assert "nina still do" in off.output
    assert [each.person for each in Telephone(clinic).keys("864209", PIN)] == ["", "nina"]


def test_switched_off_the_box_opens_nothing_more_and_there_is_a_receipt(clinic: Clinic) -> None:
    messages = {clinic.leave(), clinic.leave()}
    switch_on(clinic)
    assert set(spare_key.held(clinic.place.messages, BY_PHONE)) == messages
    off = clinic.does("nina", "listen-by-phone", "off")
    assert off.exit_code == 0, off.output
    assert "keys to 2 messages are destroyed" in off.output
    assert spare_key.held(clinic.place.messages, BY_PHONE) == []
    for message in messages:
        with pytest.raises(NoSpareKeyError):
            spare_key.hear(clinic.place.messages, message, Telephone(clinic).key, BY_PHONE)
        assert clinic.hears("nina", message) == WORDS.tobytes()
    receipts = [step.detail for step in steps(clinic) if step.step == RECEIPT]
    assert sorted(receipts) == sorted(
        f"this box can play {message} at a telephone no more" for message in messages
    )
    assert Telephone(clinic).keys(PIN) == [events.BoxOpened(CALL, "")]


def steps(clinic: Clinic) -> list[ledger.Step]:
    reader = open_reader(clinic.place.calls_db)
    with reader.connect() as connection:
        return [ledger.Step(*row) for row in connection.execute(select(ledger.steps))]


def test_the_boxs_key_goes_with_a_deleted_message_and_comes_with_a_forwarded_one(
    clinic: Clinic,
) -> None:
    switch_on(clinic)
    theirs, left = clinic.leave("desk"), clinic.leave("desk")
    clinic.does("remy", "forward", theirs, "nurse")
    assert spare_key.held(clinic.place.messages, BY_PHONE) == [theirs]
    assert (Telephone(clinic).hears(theirs) == WORDS).all()
    clinic.does("maria", "delete", theirs, "--yes")
    assert spare_key.held(clinic.place.messages, BY_PHONE) == []  # the message's receipt is its own
    assert Telephone(clinic).hears(theirs) is None
    assert vault.sealed_path(clinic.place.messages, left).exists()


def test_a_crash_between_a_keys_end_and_its_receipt_is_made_good(clinic: Clinic) -> None:
    message = clinic.leave()
    switch_on(clinic)
    people.write(clinic.place.page_db, lambda c: listening.switch_off(c, "nurse", ["nina"]))

    async def killed(_rows: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(sweep(clinic.place, killed))
    assert Telephone(clinic).hears(message) is None
    assert Telephone(clinic).sweeps() == 1
    assert [s.step for s in steps(clinic)].count(RECEIPT) == 1


def test_two_who_look_at_once_write_one_receipt(clinic: Clinic) -> None:
    """The exchange by itself, and because somebody has just switched it off."""
    clinic.leave()
    switch_on(clinic)
    people.write(clinic.place.page_db, lambda c: listening.switch_off(c, "nurse", ["nina"]))

    async def twice(desk: ListeningDesk, _heard: list[events.Event]) -> None:
        door = Door()
        desk.answer_at(door)
        async with door.open(clinic.place.control_socket):
            topic = listening_desk.SWEEP_LISTENING
            asked = (
                ask_async(
                    clinic.place.control_socket, topic, listening_desk.SweepListeningRequest()
                )
                for _ in range(2)
            )
            replies = await asyncio.gather(*asked)
        assert sorted(reply.destroyed for reply in replies) == [0, 1]

    Telephone(clinic).run(twice)
    assert [step.step for step in steps(clinic)].count(RECEIPT) == 1


def test_who_cannot_open_the_mailbox_any_more_cannot_listen_to_it(clinic: Clinic) -> None:
    clinic.leave()
    switch_on(clinic)
    people.agree(clinic.place.page_db, {"nurse": ["maria"]})
    assert Telephone(clinic).keys(PIN) == [events.BoxOpened(CALL, "")]
    assert Telephone(clinic).sweeps() == 1
    people.agree(clinic.place.page_db, {"nurse": ["maria", "nina"]})
    people.sign_in(clinic.place.page_db, "maria", PASSWORD)


def test_the_number_is_dialled_by_the_rules_and_its_reading_entered(clinic: Clinic) -> None:
    message = clinic.leave()
    switch_on(clinic)
    order = commands.CallLeft(CALL, message, "nina")
    assert Telephone(clinic).run(lambda desk, _: desk.number(order)) == f"9{NUMBER[2:]}"
    assert ("nina", audit.Act.READ, f"number of {message}, to call it") in clinic.audited()


def test_a_pin_that_is_guessed_first_is_refused(clinic: Clinic) -> None:
    refused = clinic.does("nina", "listen-by-phone", "on", "--yes", typed="123456")
    assert refused.exit_code == 2
    assert "in a row" in refused.output
    assert Telephone(clinic).keys("123456") == [events.BoxOpened(CALL, "")]


def test_its_key_and_an_urgent_messages_open_nothing_for_each_other(clinic: Clinic) -> None:
    machine, message = MachineKey(bytes(32)), str(uuid4())
    folder = clinic.place.messages
    spare_key.keep(folder, message, KeyPair.fresh().seed, machine, BY_PHONE)
    (folder / "spare").mkdir(exist_ok=True)
    (folder / "by-phone" / message).rename(folder / "spare" / message)
    with pytest.raises(Exception, match="moved"):
        spare_key.hear(folder, message, machine)
