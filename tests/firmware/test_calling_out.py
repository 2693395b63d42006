"""Calling back from the page: one's own telephone rings and dials whoever called, by the clinic's
rules; who had it done stands in the audit and in the call's way, and the number nowhere."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from firmware import audit, calling_out, control
from firmware.calling_out import CALL_OUT, CallOutRequest
from firmware.control import ControlError
from firmware.operations import Role
from firmware.place import Place
from tests.firmware.by_hand import ByHand, exchange_at, live
from tests.firmware.test_operations import named, signed_in, staffed

RULE = """
[[dial_rules]]
prefix = "9"
digits = 10
trunk = "telco"
shows = "2025550100"
"""


async def asks(clinic: ByHand, session: str, call: str, phone: str = "101") -> None:
    wish = CallOutRequest(call=call, phone=phone)
    await control.ask_async(clinic.place.control_socket, CALL_OUT, wish, session=session)


async def has_called(clinic: ByHand, **changed: str) -> str:
    call = "11111111-1111-4111-8111-111111111111"
    channel = await clinic.announce(call, **changed)
    leg = await clinic.leg(call)
    await clinic.step(call, "menu")
    leg.hang_up()
    await clinic.leaves(channel)
    await clinic.step(call, "outcome")
    return call


def entered(place: Place) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(place.calls_db)) as raw:
        asked = "SELECT who, about FROM audit WHERE act = ?"
        return raw.execute(asked, (audit.Act.CALLED_BACK,)).fetchall()


def test_one_s_own_telephone_rings_and_dials_the_caller_as_a_rule_says(tmp_path: Path) -> None:
    place = staffed(tmp_path)
    place.site_file.write_text(place.site_file.read_text("utf-8") + RULE, "utf-8")

    async def story() -> None:
        async with exchange_at(place) as clinic:
            call = await has_called(clinic)
            await asks(clinic, signed_in(place, Role.FRONT_DESK), call)
            rung = await clinic.asterisk.asked["Originate"].get()
            assert (rung["Channel"], rung["Context"]) == ("PJSIP/101", "onward")
            assert (rung["Exten"], rung["CallerID"]) == ("92025550199", '"Call back" <101>')
            told = await clinic.step(call, calling_out.STEP)
            assert told == f"101, by {named(Role.FRONT_DESK)}"
        assert entered(place) == [(named(Role.FRONT_DESK), f"{call} from phone 101")]

    live(story())


def test_where_nobody_can_be_called_it_is_said_why_and_no_telephone_rings(tmp_path: Path) -> None:
    place = staffed(tmp_path)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            desk = signed_in(place, Role.FRONT_DESK)
            call = await has_called(clinic)
            with pytest.raises(ControlError, match="no dial rule leads") as refused:
                await asks(clinic, desk, call)
            assert "2025550199" not in str(refused.value)
            with pytest.raises(ControlError, match="there is no phone 999"):
                await asks(clinic, desk, call, "999")
            with pytest.raises(ControlError, match="no number was shown"):
                await asks(clinic, desk, "22222222-2222-4222-8222-222222222222")
            with pytest.raises(ControlError, match="may not"):
                await asks(clinic, signed_in(place, Role.AUDITOR), call)
            await clinic.asterisk.tell("DeviceStateChange", Device="PJSIP/101", State="INUSE")
            while True:
                try:
                    await asks(clinic, desk, call)
                except ControlError as busy:
                    if "in use" in str(busy):
                        break
            assert not [each for each in clinic.asterisk.told if each["Action"] == "Originate"]
        assert entered(place) == []

    live(story())


def test_a_telephone_that_asterisk_does_not_ring_is_said_to_be(tmp_path: Path) -> None:
    place = staffed(tmp_path)
    place.site_file.write_text(place.site_file.read_text("utf-8") + RULE, "utf-8")

    async def story() -> None:
        async with exchange_at(place) as clinic:
            call = await has_called(clinic)
            clinic.asterisk.refuses.add("Originate")
            with pytest.raises(ControlError, match="phone 101 could not be rung"):
                await asks(clinic, signed_in(place, Role.NURSE), call)

    live(story())
