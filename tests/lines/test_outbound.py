"""Calls outside from a telephone that somebody misuses: stopped at the limit by Asterisk alone,
while emergency calls, and the other telephones, go on."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest

from firmware.asterisk import stops
from firmware.asterisk.link import ActionFailed
from firmware.asterisk.outside_limits import NOBODY
from firmware.asterisk.telco import Answers, Silent, Telco
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
SITE += """
[[dial_rules]]
prefix = "8"
digits = 3
trunk = "telco"
shows = "2025550100"
"""


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
        # By a prefix whose rule takes it for an ordinary number, too.
        emergency = await telco.dial("102", "8911")
        await soon(emergency.answered)
        assert telco.emergency_invitations[-1].caller == clinic.site.plan.phones["102"].callback
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


def test_a_telephone_that_forwards_its_calls_is_counted_for_them_and_no_machine_calls_911(
    clinic: Town,
) -> None:
    """As whoever has its password can have it do: it answers 302 to each call."""
    telco = clinic.telco

    async def forwards(after: int, to: str) -> None:
        await telco.transfer(await telco.next_ring("109", after), to)

    async def story() -> None:
        await telco.behave("109", Silent())
        before, rings = len(telco.emergency_invitations), telco.desks["109"].rings
        for number in ("911", "9911", "8911"):
            rung = len(rings)
            call = await telco.dial("104", "109")
            await forwards(rung, number)
            await soon(call.ended)
        rung = len(rings)
        async with clinic.told() as told:
            offered = asyncio.create_task(
                told.link.ask(
                    "Originate", ("Channel", "PJSIP/109"), ("Application", "Wait"), ("Data", "1"),
                    ("Async", "false"),
                )
            )  # fmt: skip
            await forwards(rung, "911")
            with pytest.raises(ActionFailed):
                await offered
        assert len(telco.emergency_invitations) == before
        rung = len(rings)
        call = await telco.dial("104", "109")
        await forwards(rung, "92025550178")
        await soon(call.answered)
        await call.hang_up()
        counted = await clinic.clinic.rx("database show outside/109")
        assert "/outside/109/day" in counted

    clinic.run(story())


def test_callers_whom_the_clinic_passes_outside_wait_out_the_limit_and_are_never_stopped(
    clinic: Town,
) -> None:
    """Else whoever calls often enough by night would keep all others from who is on duty, until an
    admin comes."""

    async def story() -> list[bool]:
        telco, reached = clinic.telco, []
        async with clinic.told() as told:
            for place in range(MOST + 2):
                before = len(telco.invitations)
                channel = f"Local/920255530{place:02}@outside/n"
                with suppress(ActionFailed):
                    await told.link.send(
                        "Originate", ("Channel", channel), ("Application", "NoOp"),
                        ("Async", "false"),
                    )  # fmt: skip
                reached.append(len(telco.invitations) > before)
            kept = stops.stops(await told.link.ask(*stops.ASKED))
        assert NOBODY not in [each.phone for each in kept]
        return reached

    assert clinic.run(story()) == [True] * MOST + [False] * 2


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
