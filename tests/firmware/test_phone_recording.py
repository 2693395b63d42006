"""A prompt spoken into a telephone of the clinic: it rings, says when to speak, and what was said
is handed over; nothing of it stays on the box, and no call is counted."""

import asyncio
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest

from firmware import control
from firmware.clips import samples_in
from firmware.control import ControlError
from firmware.operations import Role
from firmware.phone_recording import SPEAK_PROMPT, SpeakPromptRequest
from firmware.place import Place
from tests.firmware.by_hand import BEEP, ByHand, Leg, exchange_at, live
from tests.firmware.test_operations import signed_in, staffed


async def asks(place: Place, phone: str = "101", role: Role = Role.ADMIN) -> bytes:
    wish = SpeakPromptRequest(phone=phone)
    session = signed_in(place, role)
    reply = await control.ask_async(place.control_socket, SPEAK_PROMPT, wish, 60, session)
    return b64decode(reply.sound)


async def picked_up(clinic: ByHand) -> Leg:
    rung = await clinic.asterisk.asked["Originate"].get()
    assert rung["Channel"] == "PJSIP/101"
    await clinic.asterisk.tell("Newchannel", Uniqueid=rung["ChannelId"])
    return await clinic.leg(rung["ChannelId"])


async def says(leg: Leg, frames: int) -> None:
    """At the pace of a telephone: a frame for each that is heard."""
    for _ in range(frames):
        leg.speak()
        await leg.frame()


def left(place: Place) -> list[Path]:
    return [path for path in place.messages.rglob("*") if path.is_file()]


def test_what_is_said_after_the_tone_is_handed_over_and_nothing_of_it_stays(
    tmp_path: Path,
) -> None:
    place = staffed(tmp_path)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            asking = asyncio.create_task(asks(place))
            leg = await picked_up(clinic)
            await leg.hears(BEEP)
            await leg.falls_silent()  # the tone is over
            await says(leg, 40)
            leg.press("#")
            samples = samples_in("", await asking)
            assert np.abs(samples).max() == 9_000
            assert 0.3 < samples.size / 8_000 < 1.2
            await leg.gone
            assert left(place) == []
            assert [step.step for step in clinic.steps if step.step == "arrived"] == []

    live(story())


def test_who_hangs_up_when_all_is_said_has_recorded_it_and_who_says_nothing_has_not(
    tmp_path: Path,
) -> None:
    place = staffed(tmp_path)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            asking = asyncio.create_task(asks(place))
            leg = await picked_up(clinic)
            leg.press("1")  # who knows how it goes does not hear it out
            await says(leg, 60)
            leg.hang_up()
            assert len(await asking) > 4_000
            for is_pressing in (False, True):
                asking = asyncio.create_task(asks(place))
                leg = await picked_up(clinic)
                if is_pressing:
                    await leg.keys("1")
                    leg.press("#")
                else:
                    leg.hang_up()
                with pytest.raises(ControlError, match="nothing was recorded"):
                    await asking
            assert left(place) == []

    live(story())


def test_a_telephone_that_cannot_be_rung_is_said_to_be_and_one_prompt_is_spoken_at_a_time(
    tmp_path: Path,
) -> None:
    place = staffed(tmp_path)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            with pytest.raises(ControlError, match="there is no phone 999"):
                await asks(place, "999")
            with pytest.raises(ControlError, match="may not"):
                await asks(place, role=Role.NURSE)
            asking = asyncio.create_task(asks(place))
            leg = await picked_up(clinic)
            with pytest.raises(ControlError, match="another prompt is being spoken"):
                await asks(place)
            leg.hang_up()
            with pytest.raises(ControlError, match="nothing was recorded"):
                await asking
            clinic.asterisk.refuses.add("Originate")
            with pytest.raises(ControlError, match="phone 101 could not be rung"):
                await asks(place)

    live(story())
