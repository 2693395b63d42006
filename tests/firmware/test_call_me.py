"""The draft heard by telephone: it rings, who picks up hears the draft and presses its keys, and
meanwhile callers hear what is published; no call is counted, nobody is rung, nothing is kept."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from firmware import control, ledger, tried
from firmware.audit import Act
from firmware.audit import read as audited
from firmware.call_me import CALL_ME, CallMeRequest
from firmware.control import ControlError
from firmware.operations import Role
from firmware.own_prompts import Spoken
from firmware.place import Place
from firmware.store import open_reader
from ivr.imagined import Phones
from tests.firmware.by_hand import MUSIC, SITE, ByHand, Leg, exchange_at, live, write_wav
from tests.firmware.test_operations import signed_in, staffed

AT = "2026-11-23 12:00"
# Key 1 leads to the address first.
DRAFT = (
    SITE.replace('1 = "desk"', '1 = "address"').replace(
        "[flows.main.nodes.desk]",
        '[flows.main.nodes.address]\nkind = "say"\nprompts = ["address"]\nnext = "desk"\n'
        "[flows.main.nodes.desk]",
    )
    + 'address = "Twelve Maple Street."\n'
)
ADDRESS, WELCOME, RINGS, UNKEPT, TALK = 11, 12, 13, 14, 15


def sounding(place: Place, folder: Path, level: int) -> bytes:
    """A short prompt that is known by its level."""
    write_wav(folder / "it.wav", 800, level)
    return (folder / "it.wav").read_bytes()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    home = tmp_path / "box"
    home.mkdir()
    box = staffed(home)
    for name, level in {"draft-rings": RINGS, "draft-unkept": UNKEPT, "draft-talk": TALK}.items():
        write_wav(box.prompts / "en" / f"{name}.wav", 800, level)
    return box


def laid(place: Place, tmp_path: Path, text: str = DRAFT) -> str:
    sounds: Mapping[Spoken, bytes] = {
        Spoken("en", "address"): sounding(place, tmp_path, ADDRESS),
        Spoken("en", "welcome"): sounding(place, tmp_path, WELCOME),
    }
    return tried.lay(place, text, sounds, {})


async def asks(place: Place, draft: str, role: Role = Role.ADMIN, **changed: object) -> None:
    wish = CallMeRequest.model_validate(
        {"draft": draft, "phone": "101", "line": "main", "at": AT} | changed
    )
    session = signed_in(place, role)
    await control.ask_async(place.control_socket, CALL_ME, wish, 60, session)


async def picked_up(clinic: ByHand) -> Leg:
    rung = await clinic.asterisk.asked["Originate"].get()
    assert (rung["Channel"], rung["CallerID"]) == ("PJSIP/101", '"The draft" <101>')
    await clinic.asterisk.tell("Newchannel", Uniqueid=rung["ChannelId"])
    return await clinic.leg(rung["ChannelId"])


def counted(place: Place) -> int:
    reader = open_reader(place.calls_db)
    with reader.connect() as connection:
        found = ledger.balance(connection)
    reader.dispose()
    return found.offered


def kept(place: Place) -> list[Path]:
    """Of anything that was said."""
    return [path for path in place.messages.rglob("*") if path.is_file()]


def of_calls(clinic: ByHand) -> list[str]:
    """What the ledger has of any call."""
    return [f"{step.step} {step.detail}" for step in clinic.steps if step.call]


def test_who_picks_up_is_in_the_drafts_menu_and_a_caller_in_the_published_one(
    place: Place, tmp_path: Path
) -> None:
    draft = laid(place, tmp_path)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            await asks(place, draft)
            leg = await picked_up(clinic)
            await leg.hears(WELCOME)
            leg.press("1")
            await leg.hears(ADDRESS)
            await leg.hears(RINGS)
            await leg.hears(TALK)
            await leg.gone
            assert clinic.asterisk.asked["Originate"].empty()  # nobody else was rung
            assert of_calls(clinic) == []
            assert counted(place) == 0
            assert kept(place) == []
            # A caller presses the same key, and the desk's telephone rings as it did.
            call, _, caller = await clinic.caller()
            caller.press("1")
            await clinic.step(call, "queue")
            await clinic.agent()
        reader = open_reader(place.calls_db)
        with reader.connect() as connection:
            acts = [(each.act, each.about) for each in audited(connection)]
        reader.dispose()
        assert (Act.TRIED_DRAFT, "101") in acts

    live(story())


def test_the_telephones_do_as_was_chosen_and_of_a_message_nothing_is_kept(
    place: Place, tmp_path: Path
) -> None:
    draft = laid(place, tmp_path)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            await asks(place, draft, phones=Phones.ABSENT)
            leg = await picked_up(clinic)
            await leg.hears(WELCOME)
            leg.press("1")
            await leg.hears(MUSIC)
            leg.press("0")  # who does not want to wait
            await leg.hears(UNKEPT)
            leg.hang_up()
            await leg.gone
            # The telephone is free for another time.
            await asks(place, draft)
            (await picked_up(clinic)).hang_up()
            assert of_calls(clinic) == []
            assert kept(place) == []

    live(story())


def test_a_draft_that_cannot_be_heard_is_refused_with_what_to_do(
    place: Place, tmp_path: Path
) -> None:
    async def story() -> None:
        async with exchange_at(place) as clinic:
            with pytest.raises(ControlError, match="not there any more"):
                await asks(place, "0" * 64)
            faulty = laid(place, tmp_path, DRAFT.replace('next = "desk"', 'next = "nowhere"'))
            with pytest.raises(ControlError, match="mend the faults first"):
                await asks(place, faulty)
            draft = laid(place, tmp_path)
            with pytest.raises(ControlError, match="no such line"):
                await asks(place, draft, line="other")
            with pytest.raises(ControlError, match="there is no phone 999"):
                await asks(place, draft, phone="999")
            with pytest.raises(ControlError, match="may not"):
                await asks(place, draft, Role.NURSE)
            await asks(place, draft)
            with pytest.raises(ControlError, match="being heard by telephone already"):
                await asks(place, draft)
            (await picked_up(clinic)).hang_up()
            clinic.asterisk.refuses.add("Originate")
            with pytest.raises(ControlError, match="phone 102 could not be rung"):
                await asks_when_free(place, draft)

    live(story())


async def asks_when_free(place: Place, draft: str) -> None:
    """Of a telephone that has just been hung up the exchange may not know yet."""
    while True:
        try:
            return await asks(place, draft, phone="102")
        except ControlError as no:
            if "already" not in str(no):
                raise


def test_what_was_laid_there_and_changed_since_is_not_heard(place: Place, tmp_path: Path) -> None:
    name = laid(place, tmp_path)
    (place.tried / name / "clinic.toml").write_text(SITE)
    with pytest.raises(tried.TriedError, match="has changed"):
        tried.read(place, name)
    other = laid(place, tmp_path, SITE)
    assert [path.name for path in place.tried.iterdir()] == [other]
    assert BytesIO(tried.read(place, other)[1][Spoken("en", "welcome")]).read(4) == b"RIFF"
