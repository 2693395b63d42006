"""Who pauses is not rung, on the real Asterisk, also after a restart of the exchange."""

import json
from collections.abc import Iterator

import pytest

from firmware.asterisk.telco import Answers, Silent
from tests.system import ear, practice
from tests.system.town import Figures, Town, soon
from tests.system.typed import careline, typed

SAID = {"*50": 1600, "*51": 1700, "*99": 1800, "nobody": 1900}
TONES = {
    "agent-paused": (SAID["*50"], 0.6),
    "agent-resumed": (SAID["*51"], 0.6),
    "code-unknown": (SAID["*99"], 0.6),
    "code-failed": (SAID["nobody"], 0.6),
}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A practice with a queue that only phone 101 answers."""
    tones = {**practice.TONES, **TONES}
    with practice.build(tmp_path_factory.mktemp("agents"), tones=tones) as standing:
        yield standing


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
