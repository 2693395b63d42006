"""Desks call each other, on the real Asterisk: busy, left alone, forwarded, picked up, blocked."""

import asyncio
import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import pins
from firmware.asterisk.telco import Answers, Busy, LiveCall, Silent
from firmware.audit import AUDITED
from ivr.agent import Doing
from ivr.commands import NO_CALL
from ivr.wording import STEP
from tests.firmware.voice import voice
from tests.system import ear, practice
from tests.system.town import Figures, Town, soon
from tests.system.typed import by_password, careline
from tests.system.watching_phone import watching_phone

NOT_AVAILABLE_HZ = 2600
SAID = {"alone-on": 1600, "alone-off": 1650, "forward-on": 1700, "forward-refused": 1750,
        "block-done": 1850, "missed-calls": 1950, "wrapped-up": 2150, "number-2": 2050,
        "snow-kept": 2250, "chosen": 1350}  # fmt: skip
BRIEF = ("lease-pin", "lease-pin-wrong", "snow-begin", "snow-how-long", "snow-stands", "snow-away",
         "words-settle", "greeting-begin", "greeting-kept", "greeting-stands",
         "greeting-away")  # fmt: skip
PIN = "246813"
SITE = (
    practice.SITE.replace("[phones.105]", '[phones.105]\nmailbox = "desk"')
    .replace("[queues.one]", '[queues.one]\nwhisper = "information"')
    .replace('8 = "brisk"', '8 = "brisk"\n9 = "flow:snow"')
    .replace(
        "[flows.main.nodes.menu.choices]",
        '[flows.main.nodes.menu.about]\n7 = "chosen"\n\n[flows.main.nodes.menu.choices]',
    )
    .replace("[prompts.en]", '[prompts.en]\nchosen = "Menu."')
    + """
[people.alvarez]
name = "Dr. Alvarez"
numbers = ["2025550171"]

[hours.office]
mon = ["12:00-24:00"]
tue = ["12:00-24:00"]
wed = ["12:00-24:00"]
thu = ["12:00-24:00"]
fri = ["12:00-24:00"]
sat = ["12:00-24:00"]
sun = ["12:00-24:00"]

[lines.second]
trunk = "telco"
numbers = ["2025550101"]
flow = "second"

[flows.second]
start = "hours"

[flows.second.nodes.hours]
kind = "hours"
hours = "office"
open = "flow:main"
closed = "closed"

[flows.second.nodes.closed]
kind = "hangup"
prompts = ["goodbye"]

[flows.snow]
start = "announce"

[flows.snow.nodes.announce]
kind = "snow-day"
people = ["alvarez"]
hours = ["office"]

[wrap_up]
codes = { 1 = "refill" }

[pages.doctors]
number = "691"
phones = ["106", "107"]
"""
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A practice where 105 has a mailbox."""
    tones = {**practice.TONES, **{name: (hz, 0.4) for name, hz in SAID.items()}}
    tones |= dict.fromkeys(BRIEF, (1450, 0.2))
    tones |= {"not-available": (NOT_AVAILABLE_HZ, 1.0)}
    with practice.build(tmp_path_factory.mktemp("desks"), site=SITE, tones=tones) as standing:
        yield standing


async def records(line: LiveCall, told: practice.Story, call: str, words: Path) -> None:
    """What somebody says after the tone, and then the pound key."""
    await told.step(call, "recording")
    await line.say(words)
    await line.press("#")
    await told.step(call, STEP, " heard")  # and what can be done with it
    await line.press("1")


def test_closed_today_is_said_from_a_mobile_and_a_greeting_from_a_desk(
    here: Town, tmp_path: Path
) -> None:
    """By PIN, once it is written; after a kill the next caller hears the same words, and a second
    call opens again. The greeting of 105 is heard by who finds it busy."""
    telco, words = here.telco, ear.write_samples(tmp_path / "words.wav", voice(1.0))

    async def at_the_pin(told: practice.Story) -> tuple[LiveCall, str]:
        line, call = await told.call(telco, number="2025550171")
        await line.press("9")
        await told.step(call, STEP, "asks: pin")
        return line, call

    async def story(figures: Figures) -> None:
        pins.keep(here.place.page_db, "alvarez", PIN)
        await telco.behave("105", Busy())
        async with practice.exchange(here) as told:
            line, call = await at_the_pin(told)
            await line.press("1#")
            await told.step(call, STEP, "wrong PIN")
            await line.press(f"{PIN}#")
            await records(line, told, call, words)
            await told.step(call, STEP, "asks: how long")
            await line.press("2")  # until tomorrow's noon: no midnight ends it in the middle
            await told.step(call, STEP, "announcement kept by alvarez")
            await soon(line.ended)
            figures.at_least(ear.SAME, ear.likeness(line.heard, words), "the play-back")
            figures.at_least(0.2, ear.tone_s(line.heard, SAID["snow-kept"]), "the confirmation")

            assert told.supervisor.pid is not None
            told.supervisor.ready.clear()
            os.kill(told.supervisor.pid, signal.SIGKILL)
            await soon(told.supervisor.ready.wait())
            line, call = await told.named(lambda: telco.call("2025550101"), "hangup")
            await soon(line.ended)
            figures.at_least(ear.SAME, ear.likeness(line.heard, words), "the announcement")
            figures.at_least(0.2, ear.tone_s(line.heard, practice.TONES["goodbye"][0]), "closed")
            assert "what was recorded by telephone" in await careline(here, "switch")

            line, call = await at_the_pin(told)
            await line.press(f"{PIN}#")
            await told.step(call, STEP, "asks: what stands")
            await line.press("9")
            await told.step(call, STEP, "announcement taken away by alvarez")
            await soon(line.ended)
            line, call = await told.named(lambda: telco.dial("105", "*78"), "own greeting")
            await records(line, told, call, words)
            await told.step(call, STEP, "greeting kept")
            await soon(line.ended)
            line, call = await told.named(lambda: telco.dial("103", "105"), "recording")
            await line.hang_up()
            await told.outcome(call)
            figures.at_least(ear.SAME, ear.likeness(line.heard, words), "the greeting")
            line, call = await told.named(lambda: telco.dial("105", "*78"), "own greeting")
            await told.step(call, STEP, "asks: what stands")
            await line.press("9")
            await told.step(call, STEP, "greeting taken away")
            await soon(line.ended)
        assert PIN not in here.said()

    here.run_on_time(story)


def test_a_desk_is_left_alone_forwarded_and_missed_and_a_caller_is_blocked(here: Town) -> None:
    telco = here.telco

    async def keys(desk: str, code: str, figures: Figures, *told: str) -> None:
        line = await telco.dial(desk, code)
        await soon(line.ended)
        for name in told:
            figures.at_least(0.2, ear.tone_s(line.heard, SAID[name]), f"{code}: {name}")

    async def leaves_a_message(told: practice.Story, figures: Figures) -> None:
        line, call = await told.named(lambda: telco.dial("103", "105"), "recording")
        await line.hang_up()
        await told.outcome(call)
        figures.at_least(0.5, ear.tone_s(line.heard, NOT_AVAILABLE_HZ), "the greeting")

    async def story(figures: Figures) -> None:
        rings = {number: len(desk.rings) for number, desk in telco.desks.items()}
        for desk in ("101", "104"):
            await telco.behave(desk, Answers())
        await telco.behave("105", Busy())
        async with practice.exchange(here) as told:
            await leaves_a_message(told, figures)
            await keys("105", "*76", figures, "alone-on")
            rang = len(telco.desks["105"].rings)
            await leaves_a_message(told, figures)
            figures.heard(len(telco.desks["105"].rings) == rang, "105 left alone")
            await keys("105", "*77", figures, "alone-off")
            await keys("105", "*72911", figures, "forward-refused")
            await keys("105", "*72104", figures, "forward-on")
        async with practice.exchange(here) as told:  # what was set outlives the exchange
            talk = await telco.dial("103", "105")
            ring = await telco.next_ring("104", rings["104"])
            await soon(ring.talked)
            await talk.hang_up()
            await keys("105", "*73", figures)
            await keys("105", "*74104", figures, "forward-on")
            await keys("105", "*75108", figures, "forward-on")
            await telco.behave("108", Answers())
            for forwarded_to in ("104", "108"):  # while 105 is busy, and once it is switched off
                rang = len(telco.desks[forwarded_to].rings)
                talk = await telco.dial("103", "105")
                ring = await telco.next_ring(forwarded_to, rang)
                await soon(ring.answered)
                await talk.hang_up()
                await soon(ring.ended)
                await telco.unplug("105")
            await telco.desks_registered()
            await keys("105", "*73", figures)

            await telco.behave("102", Silent())
            line = await telco.dial("103", "102")
            ringing = await telco.next_ring("102", rings["102"])
            picked_up = await telco.dial("104", "*80")
            await soon(picked_up.answered)
            await soon(ringing.ended)
            await line.hang_up()
            await soon(picked_up.ended)

            await telco.behave("101", Silent())
            line, call = await told.call(telco)
            await line.press("7")
            ringing = await telco.next_ring("101", rings["101"])
            await told.step(call, "rings", "101")
            picked_up = await telco.dial("104", "*81101")
            await told.step(call, "joined")
            await soon(ringing.ended)
            assert told.details(call, "picked up") == ["104 for 101"]
            assert told.details(call, "accepted")[-1] == "104"
            await told.becomes("101", Doing.FREE)
            await told.becomes("104", Doing.TALKS)
            await line.hang_up()
            await told.outcome(call)
            await soon(picked_up.ended)
            await keys("104", "*541", figures, "wrapped-up")
            await told.step(call, "wrapped up", "104 refill")
            assert len(told.details(call, "offer")) == 1

            await telco.behave("101", Answers())
            line, call = await told.call(telco, number="2025550177")
            await line.press("7")
            ring = await telco.next_ring("101", rings["101"] + 1)
            await soon(ring.talked)
            await told.step(call, "joined")
            await line.hang_up()
            await told.outcome(call)
            for heard_hz in (practice.TONES["information"][0], SAID["chosen"]):
                figures.at_least(0.2, ear.tone_s(ring.heard, heard_hz), "told before the talk")
            await soon(ring.ended)
            await keys("101", "*541", figures, "wrapped-up")
            await told.step(call, "wrapped up", "101 refill")
            await keys("101", "*60", figures, "block-done")
            line, call = await told.named(
                lambda: telco.call(practice.NUMBER, number="2025550177"), "unwanted"
            )
            await soon(line.answered)
            await line.press("5")
            await told.step(call, "menu", "main/menu")
            await line.hang_up()
            assert (await told.outcome(call)).endswith("abandoned")
            line, call = await told.named(
                lambda: telco.call(practice.NUMBER, number="2025550177"), "unwanted"
            )
            await line.hang_up()
            assert await told.outcome(call) == "blocked"
            assert "blocked by hand: 0" in await by_password(here, "unblock", call)
            for desk in ("106", "107"):
                await telco.behave(desk, Answers())
            page = await telco.dial("101", "691")
            paged = [await telco.next_ring(desk, rings[desk]) for desk in ("106", "107")]
            await asyncio.gather(*(soon(each.talked) for each in paged))
            await page.hang_up()
            await asyncio.gather(*(soon(each.ended) for each in paged))
            missed = json.loads(await careline(here, "missed", "105", "--json"))["calls"]
            assert len(missed) >= 1
            await keys("105", "*68", figures, "missed-calls")
            rang = len(telco.desks["103"].rings)
            calls_back = await telco.dial("105", "*69")
            assert (await telco.next_ring("103", rang)).caller == "105"
            await calls_back.hang_up()

    here.run_on_time(story)


def test_an_emergency_call_stands_in_the_audit_and_nothing_else_is_asked_of_us(here: Town) -> None:
    async def story() -> None:
        async with practice.exchange(here) as told:
            line = await here.telco.dial("104", "911")
            await soon(line.answered)
            await told.step(NO_CALL, AUDITED)
            await line.hang_up()
            await soon(line.ended)
            listed = await careline(here, "audit", "list")
            assert re.search(r"exchange\s+emergency call\s+104", listed)
        await here.clinic.rx("database deltree emergency")
        await here.telco.all_over()

    here.run(story())


def test_a_colleague_s_lamp_shows_that_they_ring_and_talk_and_no_stranger_is_told(
    here: Town,
) -> None:
    """Without an exchange: lamps and ringing need none."""
    telco, sip = here.telco, here.site.ports.sip
    password = here.secrets.phones["102"]

    async def story() -> None:
        rang = len(telco.desks["101"].rings)
        await telco.behave("101", Silent())
        async with (
            watching_phone(sip, "102", password, "101") as phone,
            watching_phone(sip, "102", "a guess", "101") as stranger,
            watching_phone(sip, "102", password, "911") as curious,
        ):
            assert await stranger.subscribe() in (401, 403)
            assert await curious.subscribe() == 404
            assert await phone.subscribe() == 200
            await phone.until("terminated")
            line = await telco.dial("103", "101")
            await telco.next_ring("101", rang)
            await phone.until("early")
            await line.hang_up()
            await phone.until("terminated")
            await telco.behave("101", Answers())
            line = await telco.dial("103", "101")
            await phone.until("confirmed")
            await line.hang_up()
            await phone.until("terminated")
            assert stranger.states.empty()

    here.run(story())
