"""A test call to a mobile: it rings by the clinic's line, hears a few words, and is no call of the
clinic's; an emergency number, or one that costs more, is never called."""

import asyncio
from pathlib import Path

import pytest

from firmware import control, ledger, settings
from firmware.audit import Act
from firmware.audit import read as audited
from firmware.control import ControlError
from firmware.mobile_call import (
    CALL_MOBILE,
    CALLS_MOST,
    Became,
    CallMobileRequest,
    refuse_what_is_not_called,
)
from firmware.operations import Role
from firmware.place import Place
from firmware.store import open_reader
from tests.firmware.by_hand import SITE, ByHand, exchange_at, live, write_wav
from tests.firmware.test_operations import signed_in, staffed

RULES = """
[[dial_rules]]
prefix = "9"
digits = 10
trunk = "telco"
shows = "2025550100"
"""
SAID = 21
ANN = "2025550171"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    box = staffed(tmp_path)
    box.site_file.write_text(SITE + RULES, "utf-8")
    write_wav(box.prompts / "en" / "test-call.wav", 800, SAID)
    return box


async def asks(place: Place, number: str = ANN, role: Role = Role.ADMIN) -> Became:
    wish = CallMobileRequest(number=number)
    session = signed_in(place, role)
    reply = await control.ask_async(place.control_socket, CALL_MOBILE, wish, 60, session)
    return reply.became


async def rung(clinic: ByHand) -> str:
    order = await clinic.asterisk.asked["Originate"].get()
    assert order["Channel"] == f"PJSIP/{ANN}@trunk-telco"
    assert order["Context"] == "tester"
    await clinic.asterisk.tell("Newchannel", Uniqueid=order["ChannelId"])
    return str(order["ChannelId"])


def test_who_picks_up_hears_the_words_and_no_call_is_counted(place: Place) -> None:
    async def story() -> None:
        async with exchange_at(place) as clinic:
            asked = asyncio.create_task(asks(place))
            leg = await clinic.leg(await rung(clinic))
            await leg.hears(SAID)
            assert await asked is Became.HEARD
            await leg.gone
            assert [step for step in clinic.steps if step.call] == []
        reader = open_reader(place.calls_db)
        with reader.connect() as connection:
            acts = [(each.act, each.about) for each in audited(connection)]
            assert ledger.balance(connection).offered == 0
        reader.dispose()
        assert (Act.TEST_CALL, "a mobile") in acts
        assert not any(ANN in about for _, about in acts)

    live(story())


def test_what_came_of_a_call_that_nobody_took_is_told(place: Place) -> None:
    async def story() -> None:
        async with exchange_at(place) as clinic:
            asked = asyncio.create_task(asks(place))
            mobile = await rung(clinic)
            await clinic.asterisk.tell("Newstate", Uniqueid=mobile, ChannelState="5")
            with pytest.raises(ControlError, match="already"):
                await asks(place)
            await clinic.asterisk.tell("Hangup", Uniqueid=mobile, Cause="19")
            assert await asked is Became.SILENT
            asked = asyncio.create_task(asks(place))
            await clinic.asterisk.tell("Hangup", Uniqueid=await rung(clinic), Cause="17")
            assert await asked is Became.BUSY
            asked = asyncio.create_task(asks(place))
            leg = await clinic.leg(await rung(clinic))
            leg.hang_up()
            assert await asked is Became.LEFT
            clinic.asterisk.refuses.add("Originate")
            assert await asks(place) is Became.NO_WAY
            with pytest.raises(ControlError, match="too many test calls"):
                await asks(place)
            assert CALLS_MOST == 4

    live(story())


def test_a_number_that_is_not_called_is_refused_with_the_reason() -> None:
    plan = settings.read(SITE + RULES)
    for number, why in {
        "911": "emergency",
        "9911": "emergency",
        "988": "emergency",
        "9002025550": "costs",
        "+12029765550": "costs",
        "101": "of the clinic",
        "2025550100": "of the clinic",
        "00441632960961": "no dial rule",
    }.items():
        with pytest.raises(ControlError, match=why):
            refuse_what_is_not_called(plan, number)
    refuse_what_is_not_called(plan, f"+1{ANN}")
    with pytest.raises(ControlError, match="no line of the clinic"):
        refuse_what_is_not_called(settings.read(SITE), ANN)


def test_only_who_may_change_the_site_has_a_mobile_called(place: Place) -> None:
    async def story() -> None:
        async with exchange_at(place) as clinic:
            with pytest.raises(ControlError, match="may not"):
                await asks(place, role=Role.NURSE)
            assert clinic.asterisk.asked["Originate"].empty()

    live(story())
