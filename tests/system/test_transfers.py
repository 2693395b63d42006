"""Callers who are passed on, on the real Asterisk and by real SIP telephones: nobody is lost, and
each call has one outcome."""

from collections.abc import Iterator

import pytest

from firmware.asterisk.telco import Answers, Busy, Silent
from ivr.agent import Doing
from tests.system import ear, practice
from tests.system.town import Figures, Town, soon

NOT_AVAILABLE_HZ = 2600
SITE = (
    practice.SITE.replace('members = ["reception"]', 'members = ["reception"]\nnumber = "701"')
    .replace("[queues.desk]", '[queues.desk]\nnumber = "601"')
    .replace("[phones.105]", '[phones.105]\nmailbox = "desk"')
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A practice whose queue and mailbox have numbers, and 105 a mailbox."""
    tones = {**practice.TONES, "not-available": (NOT_AVAILABLE_HZ, 1.0), "transfer-to": (900, 0.3)}
    with practice.build(tmp_path_factory.mktemp("transfers"), site=SITE, tones=tones) as standing:
        yield standing


def test_a_caller_is_passed_from_hand_to_hand_and_back_into_the_queue(here: Town) -> None:
    """Blind, then attended, then attended into the engine leg that waits in the queue."""

    async def story() -> None:
        telco = here.telco
        before = {number: len(desk.rings) for number, desk in telco.desks.items()}
        for desk in ("101", "103", "104"):
            await telco.behave(desk, Answers())
        async with practice.exchange(here) as told:
            line, call = await told.call(telco)
            await line.press("7")
            first = await telco.next_ring("101", before["101"])
            await soon(first.talked)
            await told.step(call, "joined")
            await telco.transfer(first, "103")
            second = await telco.next_ring("103", before["103"])
            await soon(second.talked)
            await told.step(call, "accepted", "103")

            asked = await telco.dial("103", "104")
            third = await telco.next_ring("104", before["104"])
            await soon(third.talked)
            await soon(asked.answered)
            await telco.hand_over(second, asked)
            await told.step(call, "transferred", "103 to 104")
            await soon(asked.ended)

            for desk in ("101", "102"):
                await telco.behave(desk, Silent())
            asked, _ = await told.named(lambda: telco.dial("104", "601"), "queue")
            await soon(asked.answered)
            await telco.hand_over(third, asked)
            await told.step(call, "sent on", "601")
            await line.press("0")  # waits as any caller of the queue, with its ways on
            await told.step(call, "recording", "desk")
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            assert told.details(call, "transferred") == ["101 to 103", "103 to 104", "104 to 601"]
            assert len(told.details(call, "joined")) == 2

    here.run(story())


def test_a_caller_is_parked_taken_up_and_sent_to_one_who_is_busy(here: Town) -> None:
    """By codes keyed in the talk, for a telephone without a button for it."""

    async def story(figures: Figures) -> None:
        telco = here.telco
        before = {number: len(desk.rings) for number, desk in telco.desks.items()}
        await telco.behave("101", Answers())
        await telco.behave("105", Busy())
        async with practice.exchange(here) as told:
            line, call = await told.call(telco)
            await line.press("7")
            first = await telco.next_ring("101", before["101"])
            await soon(first.talked)
            await told.step(call, "joined")
            await telco.key(first, "*3")
            await told.step(call, "parked", "101 at 801")
            await soon(first.ended)
            taken_up = await telco.dial("104", "801")
            await told.step(call, "taken up", "104 at 801")
            await soon(taken_up.answered)
            await taken_up.press("*1")
            await taken_up.press("105")
            await told.step(call, "transferred", "104 to 105")
            await soon(taken_up.ended)
            await told.step(call, "recording", "desk")
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            figures.at_least(0.5, ear.tone_s(line.heard, NOT_AVAILABLE_HZ), "the greeting")

    here.run_on_time(story)


def test_a_caller_is_held_handed_over_by_keys_and_forwarded_outside(here: Town) -> None:
    """One whose agent asks first; and one sent to a telephone whose calls go to a number outside,
    where at first nobody answers."""
    outside = "2025550188"

    async def story() -> None:
        telco = here.telco
        rings = {number: len(desk.rings) for number, desk in telco.desks.items()}
        for desk in ("101", "104"):
            await telco.behave(desk, Answers())
        async with practice.exchange(here) as told:
            forwards = await telco.dial("105", f"*729{outside}")
            await soon(forwards.ended)
            line, call = await told.call(telco)
            await line.press("7")
            first = await telco.next_ring("101", rings["101"])
            await told.step(call, "joined")
            await telco.hold(first)
            await told.step(call, "held")
            await telco.take_back(first)
            await told.step(call, "resumed")
            await telco.key(first, "*2104")
            asked = await telco.next_ring("104", rings["104"])
            await soon(asked.answered)
            await telco.put_down(first)
            await told.step(call, "transferred", "101 to 104")
            assert len(told.details(call, "held")) == len(told.details(call, "resumed")) == 2
            await told.becomes("104", Doing.TALKS)
            await line.hang_up()
            await soon(asked.ended)
            assert await told.outcome(call) == "answered"

            for behaviour, begins in ((Busy(), "recording"), (Answers(), "passed outside")):
                await telco.behave(outside, behaviour)
                rang = len(telco.desks["101"].rings)
                line, call = await told.call(telco)
                await line.press("7")
                first = await telco.next_ring("101", rang)
                await told.step(call, "joined")
                await telco.transfer(first, "105")
                await told.step(call, begins)
                if begins == "passed outside":
                    away = await telco.ringing(outside)
                    await soon(away.answered)
                await line.hang_up()
                assert await told.outcome(call) == "answered"
            await soon((await telco.dial("105", "*73")).ended)

    here.run(story())
