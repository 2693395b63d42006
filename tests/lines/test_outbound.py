"""Calls outside from a telephone that somebody misuses: stopped at the limit by Asterisk alone,
while emergency calls, and the other telephones, go on."""

import asyncio
from collections.abc import Iterator

import pytest

from firmware.asterisk.telco import Answers, Telco
from firmware.control import ask_async
from firmware.outside_desk import ALLOW, OUTSIDE, AllowRequest, OutsideReply, OutsideRequest
from tests.system import practice
from tests.system.town import SOON_S, Town, soon

MOST, TRIES = 12, 100
FREE = "2025550142"
SITE = practice.SITE.replace(
    "[mailboxes.desk]",
    f"[outside]\ntries = {MOST}\ntries_at_night = {MOST}\nper_number_a_day = 2\n\n[mailboxes.desk]",
    1,
)


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """No exchange runs at first: what is told of it needs none."""
    with practice.build(tmp_path_factory.mktemp("outbound"), SITE) as standing:
        yield standing


async def tried(telco: Telco, phone: str, number: str) -> bool:
    """Whether a call from this telephone reached the telephone company."""
    before = len(telco.invitations)
    call = await telco.dial(phone, f"9{number}")
    ended = {call.answered, call.ended}
    await asyncio.wait(ended, return_when=asyncio.FIRST_COMPLETED, timeout=SOON_S)
    await call.hang_up()
    await soon(call.ended)
    return len(telco.invitations) > before


def test_a_hundred_fraudulent_calls_are_stopped_at_the_limit_and_911_passes_at_once(
    clinic: Town,
) -> None:
    async def story() -> None:
        telco = clinic.telco
        numbers = [f"20255600{place:02}" for place in range(TRIES)]
        reached = [await tried(telco, "102", number) for number in numbers]
        assert reached == [True] * MOST + [False] * (TRIES - MOST)
        emergency = await telco.dial("102", "911")
        await soon(emergency.answered)
        assert len(telco.emergency_invitations) == 1
        await emergency.hang_up()

    clinic.run(story())


def test_a_telephone_that_is_stopped_still_calls_inside_and_the_others_call_outside(
    clinic: Town,
) -> None:
    async def story() -> None:
        telco = clinic.telco
        await telco.behave("108", Answers())
        inside = await telco.dial("102", "108")
        ring = await telco.next_ring("108")
        await soon(ring.talked)
        await inside.hang_up()
        assert await tried(telco, "103", FREE)

    clinic.run(story())


@pytest.mark.parametrize("number", ["9005550123", "2029760123", "8765550123"])
def test_no_premium_number_and_none_abroad_is_called_by_a_rule_for_any_number(
    clinic: Town, number: str
) -> None:
    assert not clinic.run(tried(clinic.telco, "104", number))


def test_one_number_is_called_so_often_a_day_whoever_calls_it(clinic: Town) -> None:
    async def story() -> list[bool]:
        return [await tried(clinic.telco, phone, "2025550177") for phone in ("105", "106", "107")]

    assert clinic.run(story()) == [True, True, False]


def test_who_is_stopped_is_told_with_the_reason_and_let_go_again_by_a_person(clinic: Town) -> None:
    async def stopped() -> OutsideReply:
        return await ask_async(clinic.place.control_socket, OUTSIDE, OutsideRequest())

    async def story() -> None:
        async with practice.exchange(clinic):
            [one] = (await stopped()).stops
            assert (one.phone, one.why) == ("102", "too many calls in ten minutes")
            await ask_async(clinic.place.control_socket, ALLOW, AllowRequest(phone="102"))
            assert not (await stopped()).stops
            assert await tried(clinic.telco, "102", FREE)

    clinic.run(story())
