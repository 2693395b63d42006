"""What the members of mailboxes do about messages: at the command line, and what the books say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import audit, message_acts, vault
from firmware.control import ControlError, Door
from firmware.doorkeeper import Doorkeeper
from firmware.ledger import Ledger
from firmware.machine import MachineKey
from firmware.message_acts import MARKED, MessageActRequest
from firmware.place import Place
from firmware.store import open_reader
from tests.firmware.members import NUMBER, Clinic
from tests.firmware.voice import voice

TEMPLATE = Path("firmware/template/clinic.toml").read_text("utf-8")
CANARY = "asks for Mrs Quillfeather's blood test"


@pytest.fixture(scope="module")
def set_up_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    with pytest.MonkeyPatch.context() as patched:
        place = Place(tmp_path_factory.mktemp("clinic"))
        place.messages.mkdir()
        place.site_file.write_text(TEMPLATE)
        yield Clinic(place, patched).set_up()


@pytest.fixture
def clinic(set_up_once: Clinic) -> Clinic:
    return set_up_once.empty()


def test_a_message_is_new_then_done_then_somebodys_and_the_lamp_follows(clinic: Clinic) -> None:
    message = clinic.leave()
    assert clinic.lamp("nurse") == (1, 0)
    done = clinic.does("nina", "done", message[:8])
    assert done.exit_code == 0, done.output
    (line,) = clinic.lists("maria")
    assert line["done"] is not None
    assert line["heard"] is not None
    assert clinic.lamp("nurse") == (0, 1)
    assert clinic.does("nina", "new", message[:8]).exit_code == 0
    assert clinic.lamp("nurse") == (1, 0)
    assert clinic.does("nina", "give", message[:8], "maria").exit_code == 0
    (line,) = clinic.lists("nina")
    assert (line["owner"], line["done"], line["heard"]) == ("maria", None, None)
    about = [each[2] for each in clinic.audited() if each[1] == audit.Act.MARKED]
    assert about == [
        f"{message} in nurse: done",
        f"{message} in nurse: new",
        f"{message} in nurse: own maria",
    ]


def test_a_message_is_nobodys_again_and_never_a_strangers(clinic: Clinic) -> None:
    message = clinic.leave()
    clinic.does("nina", "give", message, "nina")
    refused = clinic.does("nina", "give", message, "remy")
    assert refused.exit_code == 1
    assert "remy cannot open the mailbox 'nurse'" in refused.output
    assert clinic.lists("nina")[0]["owner"] == "nina"
    assert clinic.does("nina", "give", message, "nobody").exit_code == 0
    assert clinic.lists("nina")[0]["owner"] is None


def test_a_note_is_read_by_who_can_open_the_message_and_lies_plain_nowhere(clinic: Clinic) -> None:
    message = clinic.leave()
    noted = clinic.does("nina", "note", message, typed=CANARY)
    assert noted.exit_code == 0, noted.output
    shown = clinic.does("maria", "show", message)
    assert f"nina: {CANARY}" in shown.stdout
    files = [path for path in clinic.place.home.rglob("*") if path.is_file()]
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
    assert ("maria", audit.Act.READ, f"notes on {message}") in clinic.audited()
    assert ("nina", audit.Act.NOTED, message) in clinic.audited()


def test_a_note_goes_with_its_message_and_is_gone_with_it(clinic: Clinic) -> None:
    message = clinic.leave()
    clinic.does("nina", "note", message, typed=CANARY)
    clinic.does("nina", "forward", message, "desk")
    assert CANARY in clinic.does("remy", "show", message).stdout
    assert clinic.does("maria", "delete", message, "--yes").exit_code == 0
    reader = open_reader(clinic.place.calls_db)
    with reader.connect() as connection:
        assert message_acts.notes_on(connection, message) == []


def test_a_forwarded_message_is_new_where_it_came_and_open_to_both(clinic: Clinic) -> None:
    message = clinic.leave()
    clinic.does("nina", "done", message)
    with pytest.raises(vault.NotForThisKeyError):
        clinic.hears("remy", message)
    done = clinic.does("nina", "forward", message, "desk")
    assert done.exit_code == 0, done.output
    assert clinic.hears("remy", message) == clinic.hears("nina", message) == voice(0.5).tobytes()
    sealed = vault.sealed_path(clinic.place.messages, message)
    assert vault.hear(sealed, clinic.paper).audio == voice(0.5).tobytes()
    (line,) = clinic.lists("remy")
    assert (line["mailbox"], line["heard"], line["sent_by"]) == ("desk", None, "nina")
    assert clinic.lists("nina")[0]["done"] is not None
    assert (clinic.lamp("nurse"), clinic.lamp("desk")) == ((0, 1), (1, 0))
    assert ("nina", audit.Act.FORWARDED, f"{message} to desk") in clinic.audited()
    assert [path.name for path in clinic.place.messages.iterdir()] == [f"{message}.sealed"]


def test_who_lies_in_both_mailboxes_says_which(clinic: Clinic) -> None:
    message = clinic.leave()
    clinic.does("nina", "forward", message, "desk")
    asked = clinic.does("maria", "done", message)
    assert asked.exit_code == 2
    assert "say which with --in" in asked.output
    assert clinic.does("maria", "done", message, "--in", "desk").exit_code == 0
    assert (clinic.lamp("nurse"), clinic.lamp("desk")) == ((1, 0), (0, 1))


def test_who_deletes_what_others_still_need_gives_up_only_their_own(clinic: Clinic) -> None:
    message = clinic.leave()
    clinic.does("nina", "forward", message, "desk")
    done = clinic.does("nina", "delete", message, "--yes")
    assert "stays in desk" in done.output
    assert clinic.lists("nina") == []
    with pytest.raises(vault.NotForThisKeyError):
        clinic.hears("nina", message)
    assert clinic.hears("remy", message) == voice(0.5).tobytes()
    assert clinic.does("remy", "delete", message, "--yes").exit_code == 0
    assert list(clinic.place.messages.iterdir()) == []


def test_two_who_give_a_message_up_at_once_do_not_leave_it_nowhere(clinic: Clinic) -> None:
    message = clinic.leave()
    clinic.does("nina", "forward", message, "desk")
    place = clinic.place
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))

    def take_out(who: str, mailbox: str) -> None:
        wish = MessageActRequest(message=message, mailbox=mailbox, who=who, act="take out")
        asyncio.run(message_acts.act(wish, place.page_db, ledger.write))

    try:
        take_out("nina", "nurse")
        with pytest.raises(ControlError, match="in no other mailbox any more: delete it instead"):
            take_out("remy", "desk")
    finally:
        ledger.close()
    assert clinic.hears("remy", message) == voice(0.5).tobytes()


def test_where_nobody_deletes_by_hand_nobody_takes_out_of_a_mailbox_what_its_members_need(
    clinic: Clinic,
) -> None:
    """Forwarded somewhere and then given up, it would be gone from those it was left for."""
    message, place = clinic.leave(), clinic.place
    clinic.does("nina", "forward", message, "desk")
    place.site_file.write_text(f"{TEMPLATE}\n[retention]\ndelete_by_hand = false\n")
    try:
        refused = clinic.does("nina", "delete", message, "--yes")
    finally:
        place.site_file.write_text(TEMPLATE)
    assert (refused.exit_code, "lets nobody delete by hand" in refused.output) == (1, True)
    assert clinic.hears("nina", message) == voice(0.5).tobytes()
    assert [one["message"] for one in clinic.lists("nina")] == [message]


def test_the_running_exchange_too_lets_nobody_take_out_what_nobody_deletes(clinic: Clinic) -> None:
    message, place = clinic.leave(), clinic.place
    clinic.does("nina", "forward", message, "desk")
    allowed = [False, True]

    async def story() -> None:
        books = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))

        async def entered(entry: audit.Audited) -> None:
            await books.write([entry])

        door = Door(Doorkeeper(place.page_db, entered).admit)
        message_acts.answer_at(
            door, place.page_db, books.write, lambda _mailbox: None, lambda: allowed.pop(0)
        )
        token = clinic.session("nina")
        wish = MessageActRequest(message=message, mailbox="nurse", who="nina", act="take out")
        async with door.open(place.control_socket):
            with pytest.raises(ControlError, match="lets nobody delete by hand"):
                await asyncio.to_thread(message_acts.do, place, wish, token)
            assert clinic.lamp("nurse") == (1, 0)
            await asyncio.to_thread(message_acts.do, place, wish, token)
            assert clinic.lamp("nurse") == (0, 0)
        books.close()

    asyncio.run(story())


def test_a_message_is_forwarded_to_a_mailbox_that_there_is(clinic: Clinic) -> None:
    message = clinic.leave()
    refused = clinic.does("nina", "forward", message, "garage")
    assert refused.exit_code == 1
    assert "mailbox 'garage' has no key" in refused.output
    assert "nothing can be forwarded" in clinic.does("nina", "forward", message, "nurse").output
    assert clinic.hears("nina", message) == voice(0.5).tobytes()


def test_the_number_to_call_back_is_for_members_and_accounted_for(clinic: Clinic) -> None:
    message = clinic.leave()
    assert clinic.does("nina", "number", message).stdout == f"{NUMBER}\n"
    assert ("nina", audit.Act.READ, f"number of {message}") in clinic.audited()
    refused = clinic.does("remy", "number", message)
    assert refused.exit_code == 2
    assert NUMBER not in refused.output


@pytest.mark.parametrize("who", ["remy", "aud", "nobody we know"])
def test_the_exchange_refuses_who_cannot_open_the_mailbox_and_enters_it(
    clinic: Clinic, who: str
) -> None:
    """Whatever program asks at the control socket."""
    message = clinic.leave()
    request = message_acts.MessageActRequest(message=message, mailbox="nurse", who=who, act="done")
    with pytest.raises(ControlError, match="cannot open the mailbox"):
        message_acts.do(clinic.place, request)
    assert clinic.lamp("nurse") == (1, 0)
    assert (who, audit.Act.REFUSED, "done in nurse") in clinic.audited()


def test_the_running_exchange_writes_it(clinic: Clinic, tmp_path: Path) -> None:
    """Its ledger has one writer: the command asks it, and its step tells the lamps."""
    message = clinic.leave()

    async def story() -> list[str]:
        key = MachineKey.at(clinic.place.machine_key)
        steps: list[str] = []
        books = Ledger(
            clinic.place.calls_db,
            clinic.place.ledger_log,
            key,
            on_durable=lambda new: steps.extend(step.step for step in new),
        )
        came: list[str] = []

        async def entered(entry: audit.Audited) -> None:
            await books.write([entry])

        door = Door(Doorkeeper(clinic.place.page_db, entered).admit)
        message_acts.answer_at(door, clinic.place.page_db, books.write, came.append, lambda: True)
        async with door.open(clinic.place.control_socket):
            request = message_acts.MessageActRequest(
                message=message, mailbox="nurse", who="nina", act="done"
            )
            token = clinic.session("nina")
            await asyncio.to_thread(message_acts.do, clinic.place, request, token)
            assert came == []
            sent_on = request.model_copy(update={"act": "forward", "to": "desk"})
            await asyncio.to_thread(message_acts.do, clinic.place, sent_on, token)
            assert came == ["desk"]
            for session, why in ((clinic.session("remy"), "cannot open"), ("", "may not hear")):
                with pytest.raises(ControlError, match=why):
                    await asyncio.to_thread(message_acts.do, clinic.place, request, session)
        books.close()
        return steps

    assert asyncio.run(story())[-4:] == [MARKED] + [audit.AUDITED] * 3
    refused = [who for who, act, _ in clinic.audited() if act == audit.Act.REFUSED]
    assert [who.split(" (")[0] for who in refused] == ["remy", "the shell"]
    assert clinic.lamp("nurse") == (0, 1)


def test_a_deleted_message_is_marked_no_more(clinic: Clinic) -> None:
    message = clinic.leave()
    clinic.does("nina", "delete", message, "--yes")
    request = message_acts.MessageActRequest(
        message=message, mailbox="nurse", who="nina", act="done"
    )
    with pytest.raises(ControlError, match="no such message"):
        message_acts.do(clinic.place, request)
