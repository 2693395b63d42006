"""Trunks: one that fails gives the call to the next, and one that does its part keeps it. The first
trunk is a socket that does as it is told, the second the telephone company."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import pytest

from firmware import trunk_calls
from firmware.asterisk.line_groups import SILENT_S, passed_until
from firmware.asterisk.telco import OUTSIDE_TONE_HZ, Answers, Busy
from firmware.ports import free_ports
from firmware.topics import Part
from ivr.plan import Plan
from tests.lines.stubborn import ADDRESS, company
from tests.system import ear, practice
from tests.system.practice import Story
from tests.system.town import Town, soon

OUTSIDE, OTHER = "2025550142", "2025550143"
NUMBERS = ("2025550144", "2025550145", "2025550146", "2025550147")
AT_ONCE_S = 1.0
SITE = (
    practice.SITE.replace(
        "[lines.main]", '[trunks.first]\nhost = "127.0.0.4"\nemergency = false\n\n[lines.main]', 1
    )
    .replace(
        "[flows.main]",
        '[lines.spare]\ntrunk = "first"\nnumbers = ["2025550177"]\nflow = "main"\n\n[flows.main]',
        1,
    )
    .replace('trunk = "telco"\nshows', 'trunk = "first"\notherwise = ["telco"]\nshows')
    .replace('2 = "information"', '2 = "away"')
    + f"""
[outside]
tries_at_night = 100

[flows.main.nodes.away]
kind = "outside"
number = "{OUTSIDE}"
for_s = 30
otherwise = "message"
"""
)
WRONG = ("404 Not Found",)
RINGS = ("100 Trying", "180 Ringing")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with ExitStack() as kept:
        yield free_ports(kept, 1, ADDRESS)[0]


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Town]:
    """Its first trunk leads to the socket; the exchange does not run."""

    def first_leads_there(plan: Plan) -> Plan:
        first = replace(plan.trunks["first"], host=ADDRESS, port=port)
        return replace(plan, trunks={**plan.trunks, "first": first})

    home = tmp_path_factory.mktemp("trunks")
    with practice.build(home, SITE, change=first_leads_there) as standing:
        yield standing


async def forget(clinic: Town) -> None:
    """That the first line was silent."""
    await clinic.clinic.rx(f"dialplan set global {passed_until('trunk-first')} 0")


@pytest.fixture(autouse=True)
def forgotten(clinic: Town) -> None:
    """What was in the story before."""

    async def story() -> None:
        await forget(clinic)
        await clinic.clinic.rx("pjsip qualify look-trunk-first")
        while "Avail" in await clinic.clinic.rx("pjsip show aor look-trunk-first"):
            pass  # each question takes Asterisk's command line a while

    clinic.run(story())


@pytest.mark.parametrize(
    ("answers", "least_s", "most_s"),
    [
        (("503 Service Unavailable",), 0, AT_ONCE_S),
        (("100 Trying", "486 Busy Here"), 0, AT_ONCE_S),
        # Sent away: looked up where calls from the line enter, it would reach our own menu.
        (("302 Moved Temporarily",), 0, AT_ONCE_S),
        ((), SILENT_S, SILENT_S + AT_ONCE_S),
    ],
)
def test_a_line_that_fails_gives_the_call_to_the_next(
    clinic: Town, port: int, answers: Sequence[str], least_s: float, most_s: float
) -> None:
    async def story() -> None:
        async with company(port) as first:
            first.answers = answers
            before = len(clinic.telco.invitations)
            dialled_s = time.monotonic()
            call = await clinic.telco.dial("102", f"9{OUTSIDE}")
            await soon(call.answered)
            took_s = time.monotonic() - dialled_s
            assert first.called.count(OUTSIDE) == 1
            assert len(clinic.telco.invitations) == before + 1
            assert least_s <= took_s < most_s
            await call.hang_up()

    clinic.run(story())


async def answered_in_s(clinic: Town, number: str) -> float:
    dialled_s = time.monotonic()
    call = await clinic.telco.dial("102", f"9{number}")
    await soon(call.answered)
    took_s = time.monotonic() - dialled_s
    await call.hang_up()
    return took_s


async def stands(told: Story, state: str) -> Part:
    while True:
        parts = {part.name: part for part in (await told.status()).parts}
        if "trunk first" in parts and parts["trunk first"].state == state:
            return parts["trunk first"]


async def is_seen(clinic: Town) -> None:
    """Once Asterisk knows that the first line answers."""
    await clinic.clinic.rx("pjsip qualify look-trunk-first")
    while "Avail" not in await clinic.clinic.rx("pjsip show aor look-trunk-first"):
        pass  # each question takes Asterisk's command line a while


def test_a_line_that_was_silent_is_passed_by_but_where_the_others_fail_and_until_it_answers(
    clinic: Town, port: int
) -> None:
    """Asterisk does so alone: the exchange does not run."""
    silent, passed, tried, back = NUMBERS

    async def story() -> None:
        async with company(port) as first:
            assert await answered_in_s(clinic, silent) > SILENT_S
            assert await answered_in_s(clinic, passed) < AT_ONCE_S
            assert passed not in first.called
            await clinic.telco.behave(tried, Busy())
            call = await clinic.telco.dial("102", f"9{tried}")
            await soon(call.ended)
            assert tried in first.called
            first.is_there, first.answers = True, ("200 OK",)
            await soon(is_seen(clinic))
            await answered_in_s(clinic, back)
            assert back in first.called

    clinic.run(story())


def test_a_line_that_was_silent_to_a_call_is_an_alarm_until_it_answers(
    clinic: Town, port: int
) -> None:
    """Though it never said whether it is there."""

    async def story() -> None:
        async with company(port) as first, practice.exchange(clinic) as told:
            assert (await stands(told, "well")).detail == "never says whether it is there"
            await answered_in_s(clinic, NUMBERS[0])
            alarm = await soon(stands(told, "alarm"))
            assert alarm.detail == trunk_calls.SILENT
            first.is_there = True
            await soon(is_seen(clinic))
            await forget(clinic)  # two minutes have passed
            await soon(stands(told, "well"))

    clinic.run(story())


@pytest.mark.parametrize("answers", [RINGS, ("100 Trying",), WRONG])
def test_a_line_that_rings_or_is_at_work_or_knows_the_number_is_wrong_keeps_the_call(
    clinic: Town, port: int, answers: Sequence[str]
) -> None:
    async def story() -> None:
        async with company(port) as first:
            first.answers = answers
            before = len(clinic.telco.invitations)
            call = await clinic.telco.dial("102", f"9{OTHER}")
            await asyncio.wait(
                {call.answered, call.ended},
                timeout=SILENT_S + AT_ONCE_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
            assert not call.answered.done()
            assert call.ended.done() == (answers == WRONG)
            assert first.called.count(OTHER) == 1
            assert len(clinic.telco.invitations) == before
            await call.hang_up()

    clinic.run(story())


def test_whom_the_exchange_calls_is_reached_by_the_next_line_and_talks(
    clinic: Town, port: int
) -> None:
    async def story() -> None:
        async with company(port) as first, practice.exchange(clinic) as told:
            first.answers = ("503 Service Unavailable",)
            telco = clinic.telco
            await telco.behave(OUTSIDE, Answers())
            line, call = await told.call(telco)
            await line.press("2")
            ring = await telco.next_ring(OUTSIDE)
            await soon(ring.talked)
            assert first.called.count(OUTSIDE) == 1
            await line.hang_up()
            await soon(ring.ended)
            assert await told.outcome(call) == "transferred"
            assert ear.tone_s(line.heard, OUTSIDE_TONE_HZ) > 0.5

    clinic.run(story())


def test_a_caller_whom_a_telephone_transfers_to_911_is_shown_as_a_call_of_that_telephones(
    clinic: Town,
) -> None:
    """The centre must know whom to call back."""

    async def story() -> None:
        telco = clinic.telco
        await telco.behave("101", Answers())
        caller = await telco.call("2025550100")
        ring = await telco.next_ring("101", len(telco.desks["101"].rings))
        await soon(ring.talked)
        await telco.transfer(ring, "911")
        (help_,) = await telco.invited("911")
        assert help_.caller == clinic.site.plan.phones["101"].callback
        await caller.hang_up()

    clinic.run(story())
