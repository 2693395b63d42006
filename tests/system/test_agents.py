"""Who pauses is not rung, on the real Asterisk, also after a restart of the exchange."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from firmware.asterisk.telco import Answers, Ring, Silent, Telco
from ivr.commands import NO_CALL
from ivr.plan import Plan
from tests.system import ear, practice
from tests.system.town import Figures, Town, soon
from tests.system.typed import careline, typed

SAID = {"*50": 1600, "*51": 1700, "*99": 1800, "nobody": 1900, "away": 2500, "slot": 1350}
TONES = {
    "agent-paused": (SAID["*50"], 0.6),
    "agent-resumed": (SAID["*51"], 0.6),
    "code-unknown": (SAID["*99"], 0.6),
    "code-failed": (SAID["nobody"], 0.6),
    "agent-away": (SAID["away"], 0.6),
    "number-8": (SAID["slot"], 0.3),
}
SITE = (
    practice.SITE.replace("[queues.desk]", "[queues.desk]\nmisses = 1")
    .replace('agents = ["101", "102"]', 'agents = ["102", "103"]')
    .replace("offer_s = 60", "offer_s = 5", 1)
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A practice with a queue that only phone 101 answers."""
    tones = {**practice.TONES, **TONES}
    home = tmp_path_factory.mktemp("agents")
    with practice.build(home, SITE, tones, parked_briefly) as standing:
        yield standing


def parked_briefly(plan: Plan) -> Plan:
    """Who is parked is back after some seconds."""
    return replace(plan, parking=replace(plan.parking, longest_s=1))


async def does(here: Town, extension: str) -> str:
    """What an agent does, by the list."""
    told = json.loads(await careline(here, "agents", "--json"))["agents"]
    (agent,) = [each for each in told if each["extension"] == extension]
    return f"{agent['doing']} {agent['detail']}".rstrip()


def test_an_agent_at_lunch_is_not_rung_though_the_exchange_started_anew(here: Town) -> None:
    async def story() -> None:
        await here.telco.behave("101", Answers())
        async with practice.exchange(here):
            said = await careline(here, "agents", "pause", "101", "--reason", "lunch")
            assert "paused: lunch" in said
        async with practice.exchange(here) as told:
            assert await does(here, "101") == "paused lunch"
            rang = len(here.telco.desks["101"].rings)
            line, call = await told.call(here.telco)
            await line.press("7")
            await told.step(call, "position")
            assert told.details(call, "offer") == []
            await careline(here, "agents", "resume", "101")
            ring = await here.telco.next_ring("101", rang)
            await soon(ring.talked)
            await told.step(call, "joined")
            assert await does(here, "101") == "talks"
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            status, refused = await typed(here, "agents", "pause", "999")
            assert status != 0
            assert "there is no phone 999" in refused
        await here.telco.behave("101", Silent())

    here.run(story())


def test_a_phone_shows_its_pause_and_the_slot_of_a_caller_who_comes_back(here: Town) -> None:
    """Nobody took the caller up whom 101 had parked by its transfer key."""

    async def story(figures: Figures) -> None:
        telco = here.telco
        rings = {number: len(desk.rings) for number, desk in telco.desks.items()}
        for desk in ("102", "103"):
            await telco.behave(desk, Silent())
        await telco.behave("101", Answers())
        async with practice.exchange(here) as told:
            waiting, missed = await told.call(telco)
            await waiting.press("1")
            desk = (await told.step(missed, "rings")).detail
            await telco.behave(desk, Answers())  # the next time

            line, call = await told.call(telco)
            await line.press("7")
            ring = await telco.next_ring("101", rings["101"])
            await told.step(call, "joined")
            await telco.transfer(ring, "800")
            await told.step(call, "parked", "101 at 801")
            shown = await rings_showing(telco, "101", "801", rings["101"])
            assert shown.name == "Parked at 801"
            await soon(shown.ended)
            figures.at_least(0.1, ear.tone_s(shown.heard, SAID["slot"]), "the slot")
            await told.step(call, "sent on", "*101")
            await told.until(lambda: len(told.details(call, "joined")) == 2)
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            assert told.details(call, "transferred") == ["101 to parking"]

            await told.step(missed, "silent", desk)
            shown = await rings_showing(telco, desk, "*51", rings[desk])
            assert shown.name == "Paused - calls missed"
            await told.step(NO_CALL, "paused", f"{desk} calls missed")
            await told.step(NO_CALL, "resumed", desk)
            await soon(shown.ended)
            figures.at_least(0.3, ear.tone_s(shown.heard, SAID["away"]), "agent-away")
            await waiting.hang_up()
            await told.outcome(missed)
        await telco.behave("101", Silent())

    here.run_on_time(story)


async def rings_showing(telco: Telco, desk: str, number: str, after: int) -> Ring:
    """The first ring, after so many, of a desk whose display has this number."""
    while (ring := await telco.next_ring(desk, after)).caller != number:
        after += 1
    return ring


def test_a_phone_dials_a_code_and_is_told_what_holds_now(here: Town) -> None:
    async def dials(code: str, figures: Figures, told: str) -> None:
        line = await here.telco.dial("101", code)
        await soon(line.ended)
        figures.at_least(0.3, ear.tone_s(line.heard, SAID[told]), told)

    async def story(figures: Figures) -> None:
        async with practice.exchange(here):
            await dials("*50", figures, "*50")
            assert await does(here, "101") == "paused"
            await dials("*51", figures, "*51")
            assert await does(here, "101") == "free"
            await dials("*99", figures, "*99")
        await dials("*50", figures, "nobody")

    here.run_on_time(story)
