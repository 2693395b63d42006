"""Calls that are answered and in which nobody is heard, or the company hears nobody, and a gateway
that takes none: told at once. The gateway is a socket that answers, and sends no sound, or a
telephone's silence."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmware import deaf_trunks, mute_trunks, no_dial_tone
from firmware.asterisk.telco import LiveCall
from firmware.ports import free_ports
from firmware.topics import Part
from ivr.plan import Plan
from tests.lines.stubborn import ADDRESS, company
from tests.system import ear, practice
from tests.system.practice import Story
from tests.system.town import Town, soon

OUTSIDE = ("92025550142", "92025550143", "92025550144", "92025550145")
SITE = practice.SITE.replace(
    "[lines.main]",
    '[trunks.first]\nhost = "127.0.0.4"\ngateway = "generic"\nemergency = false\n\n[lines.main]',
    1,
).replace('trunk = "telco"\nshows', 'trunk = "first"\nshows')


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ExitStack() as kept:
        yield free_ports(kept, 1, ADDRESS)[0]


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Town]:
    """Calls outside go to the socket."""

    def first_leads_there(plan: Plan) -> Plan:
        first = replace(plan.trunks["first"], host=ADDRESS, port=port)
        return replace(plan, trunks={**plan.trunks, "first": first})

    with practice.build(tmp_path_factory.mktemp("mute"), SITE, change=first_leads_there) as town:
        yield town


async def becomes(told: Story, name: str, state: str) -> Part:
    while True:
        for part in (await told.status()).parts:
            if (part.name, part.state) == (name, state):
                return part


async def dial(clinic: Town, number: str, speaks: Path | None = None) -> LiveCall:
    call = await clinic.telco.dial("102", number, speaks=speaks)
    await soon(call.answered)
    return call


def test_calls_in_which_nobody_is_heard_are_told_and_one_who_only_says_nothing_is_well(
    clinic: Town, port: int, tmp_path: Path
) -> None:
    hush = ear.write_samples(tmp_path / "hush.wav", np.zeros(8000, np.int16))

    async def story() -> None:
        async with company(port) as first, practice.exchange(clinic) as told:
            first.answers = ("200 OK",)
            line, _ = await told.call(clinic.telco, speaks=hush)
            calls = [await dial(clinic, number) for number in OUTSIDE[:3]]
            alarm = await soon(becomes(told, "trunk first", "alarm"))
            assert alarm.detail == mute_trunks.SEVERAL.format(3)
            await soon(becomes(told, "trunk telco", "well"))  # in the menu's call was silence
            for call in (line, *calls):
                await call.hang_up()
            first.is_mute = False
            heard = await dial(clinic, OUTSIDE[3])
            await soon(becomes(told, "trunk first", "well"))
            await heard.hang_up()

    clinic.run(story())


def test_a_company_that_reports_that_it_hears_nothing_is_told_until_it_hears_a_call(
    clinic: Town, port: int, tmp_path: Path
) -> None:
    hush = ear.write_samples(tmp_path / "hush.wav", np.zeros(8000, np.int16))

    async def story() -> None:
        async with company(port) as first, practice.exchange(clinic) as told:
            first.answers, first.is_mute, first.hears = ("200 OK",), False, False
            calls = [await clinic.telco.dial("102", number, speaks=hush) for number in OUTSIDE[:3]]
            part = await soon(becomes(told, "trunk first", "warning"))
            assert part.cure == deaf_trunks.CURE
            first.hears = True
            await soon(becomes(told, "trunk first", "well"))
            for call in calls:
                await call.hang_up()
            first.hears = False
            calls = [await clinic.telco.dial("102", number, speaks=hush) for number in OUTSIDE[:3]]
            alarm = await soon(becomes(told, "trunk first", "alarm"))
            assert alarm.detail == deaf_trunks.SEVERAL.format(3)
            for call in calls:
                await call.hang_up()

    clinic.run(story())


def test_a_gateway_that_refuses_calls_is_sent_somebody_to_look_at_its_cable(
    clinic: Town, port: int
) -> None:
    async def story() -> None:
        async with company(port) as gateway, practice.exchange(clinic) as told:
            await soon(becomes(told, "trunk first", "well"))
            gateway.answers = ("100 Trying", "503 Service Unavailable")
            for number, state in zip(OUTSIDE, ("warning", "alarm"), strict=False):
                call = await clinic.telco.dial("102", number)
                await soon(call.ended)
                part = await soon(becomes(told, "trunk first", state))
            assert part.detail == no_dial_tone.SEVERAL
            gateway.answers, gateway.is_mute = ("200 OK",), False
            call = await dial(clinic, OUTSIDE[2])
            await soon(becomes(told, "trunk first", "well"))
            await call.hang_up()

    clinic.run(story())
