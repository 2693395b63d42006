"""A caller's way through the flow, on two real Asterisks: keys, and what a hang-up leaves."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from firmware.app import AMI_SILENT_S
from firmware.asterisk.telco import KEY_MS, Answers, Codec, Keys, LiveCall, Silent
from tests.system import ear, practice
from tests.system.practice import Story
from tests.system.town import Figures, Town, soon

CALLER_HZ = 2500
# Two ticks of the engine and one packet on the way, and the ear's 10 ms at either end.
PROMPT_STOPS_WITHIN_S = 0.08
# A detector's 36 ms, or AMI's word; the rest is for the telephone company, which must press the key
# on a machine with other things to do.
KEY_COUNTS_WITHIN_S = 0.6
# The telephone company's Asterisk sends its INFO when the key is up again.
INFO_S = KEY_MS / 1000 + 0.1
BEFORE_THE_FAILSAFE_S = AMI_SILENT_S - 1


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The practice of all stories about calls."""
    with practice.build(tmp_path_factory.mktemp("calls")) as standing:
        yield standing


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a caller says for seven tenths of a second."""
    return ear.write_tone(tmp_path_factory.mktemp("words") / "words.wav", CALLER_HZ, 0.7)


# ---- keys ----


def test_a_key_reaches_its_node_once_however_it_is_sent(here: Town) -> None:
    """`55` goes through two menus: were one key two digits, or two keys one, it would not arrive
    at the information."""

    async def caller(told: Story, figures: Figures, codec: Codec, keys: Keys) -> None:
        line, call = await told.call(here.telco, codec=codec, keys=keys)
        await line.press("55")
        assert await told.outcome(call) == "self_served"
        await soon(line.ended)
        assert told.details(call, "digit") == ["5", "5"], (codec, keys)
        information_hz, seconds = practice.TONES["information"]
        began, ended = ear.tone_span_s(line.heard, information_hz)
        figures.at_least(seconds - 0.1, ended - began, "information")
        silent_s = ear.longest_silence_s(line.heard)
        figures.at_most(practice.SILENCE_AT_MOST_S, silent_s, "silence")

    async def story(figures: Figures) -> None:
        async with practice.exchange(here) as told:
            ways = [(codec, keys) for codec in Codec for keys in Keys]
            before = (await told.status()).outcomes["self_served"]
            await asyncio.gather(*(caller(told, figures, *way) for way in ways))
            assert (await told.status()).outcomes["self_served"] == before + len(ways)

    here.run_on_time(story)


def test_a_key_counts_once_while_the_manager_link_is_down(here: Town) -> None:
    async def story(figures: Figures) -> None:
        async with practice.cable_to_manager(here) as cable, practice.exchange(here) as told:
            ways = [(codec, keys) for codec in Codec for keys in Keys]
            callers = [await told.call(here.telco, codec=codec, keys=keys) for codec, keys in ways]
            for line, call in callers:
                await line.press("5")
                await told.step(call, "digit")
            cable.cut()
            was_cut = time.monotonic()
            await asyncio.gather(*(line.press("5") for line, _ in callers))
            figures.at_most(BEFORE_THE_FAILSAFE_S, time.monotonic() - was_cut, "pressed")
            if figures.missed:
                return
            for _, call in callers:
                await told.step(call, "say", "main/information")
            await asyncio.gather(*(line.hang_up() for line, _ in callers))
            await cable.mend()
            for _, call in callers:
                await told.outcome(call)
                assert told.details(call, "digit") == ["5", "5"]

    here.run_on_time(story)


def test_a_key_during_a_prompt_stops_it_and_the_next_begins(here: Town, words: Path) -> None:
    # PlayDTMF holds the telephone company's manager for as long as a key is down.
    finger = asyncio.Lock()

    async def caller(told: Story, figures: Figures, codec: Codec, keys: Keys) -> None:
        line, call = await told.call(here.telco, codec=codec, keys=keys)
        await line.say(words)
        async with finger:
            pressed = time.monotonic()
            await line.press("2")
        await told.outcome(call)
        await soon(line.ended)
        counted = told.when(call, "digit")
        sent_s = INFO_S if keys is Keys.INFO else 0.0
        figures.at_most(KEY_COUNTS_WITHIN_S, counted - pressed - sent_s, f"{keys} counted")
        began, stopped = ear.tone_span_s(line.heard, practice.MENU_HZ)
        spoke_on_s = stopped - began - (counted - told.when(call, "menu"))
        figures.at_most(PROMPT_STOPS_WITHIN_S, spoke_on_s, "menu spoke on")
        information, _ = ear.tone_span_s(line.heard, practice.TONES["information"][0])
        figures.at_most(PROMPT_STOPS_WITHIN_S, information - stopped, "pause")

    async def story(figures: Figures) -> None:
        async with practice.exchange(here) as told:
            ways = [(codec, keys) for codec in Codec for keys in Keys]
            await asyncio.gather(*(caller(told, figures, *way) for way in ways))

    here.run_on_time(story)


# ---- a hang-up at every node ----

Way = Callable[[Town, Story, LiveCall, str], Awaitable[None]]


async def _in_the_menu(here: Town, told: Story, line: LiveCall, call: str) -> None:
    await told.step(call, "menu")


async def _while_something_is_said(here: Town, told: Story, line: LiveCall, call: str) -> None:
    await line.press("2")
    await told.step(call, "say")


async def _in_the_greeting(here: Town, told: Story, line: LiveCall, call: str) -> None:
    await line.press("3")
    await told.step(call, "message")


async def _while_recorded(here: Town, told: Story, line: LiveCall, call: str) -> None:
    await line.press("3")
    await told.step(call, "recording")
    await line.say(here.place.prompts / "en" / "leave-a-message.wav")


async def _in_the_queue(here: Town, told: Story, line: LiveCall, call: str) -> None:
    for desk in ("101", "102"):
        await here.telco.unplug(desk)
    await line.press("1")
    await told.step(call, "position")


async def _while_the_agents_phone_rings(here: Town, told: Story, line: LiveCall, call: str) -> None:
    await line.press("1")
    await told.step(call, "rings")


async def _while_all_phones_ring(here: Town, told: Story, line: LiveCall, call: str) -> None:
    await line.press("4")
    await told.step(call, "rings", "103")
    await told.step(call, "rings", "104")


async def _in_the_talk(here: Town, told: Story, line: LiveCall, call: str) -> None:
    for desk in ("101", "102"):
        await here.telco.behave(desk, Answers())
    await line.press("1")
    await told.step(call, "joined")


async def _at_the_moment_of_joining(here: Town, told: Story, line: LiveCall, call: str) -> None:
    for desk in ("101", "102"):
        await here.telco.behave(desk, Answers())
    await line.press("1")
    await told.step(call, "accepted")


# Where no phone takes part, callers do not meet and may all call at once.
ALONE: tuple[tuple[Way, set[str]], ...] = (
    (_in_the_menu, {"short_abandoned"}),
    (_while_something_is_said, {"short_abandoned"}),
    (_in_the_greeting, {"short_abandoned"}),
    (_while_recorded, {"message"}),
)
WITH_PHONES: tuple[tuple[Way, set[str]], ...] = (
    (_while_the_agents_phone_rings, {"short_abandoned"}),
    (_while_all_phones_ring, {"short_abandoned"}),
    (_at_the_moment_of_joining, {"short_abandoned", "answered"}),
    (_in_the_talk, {"answered"}),
    (_in_the_queue, {"short_abandoned"}),
)


def test_a_caller_may_hang_up_at_every_node_and_leaves_one_outcome_and_no_ringing_phone(
    here: Town,
) -> None:
    telco = here.telco

    async def caller(told: Story, figures: Figures, way: Way, outcomes: set[str]) -> None:
        line, call = await told.call(telco)
        await way(here, told, line, call)
        await line.hang_up()
        assert await told.outcome(call) in outcomes, way.__name__
        if way is not _while_recorded:  # then it is the caller who speaks
            silent_s = ear.longest_silence_s(line.heard)
            figures.at_most(practice.SILENCE_AT_MOST_S, silent_s, f"silence {way.__name__}")

    async def story(figures: Figures) -> None:
        async with practice.exchange(here) as told:
            await asyncio.gather(*(caller(told, figures, *each) for each in ALONE))
            await practice.silence_falls(here)
            for each in WITH_PHONES:
                for desk in telco.desks:
                    await telco.behave(desk, Silent())
                await caller(told, figures, *each)
                for ring in [ring for desk in telco.desks.values() for ring in desk.rings]:
                    await soon(ring.ended)
                await practice.silence_falls(here)
            status = await told.status()
            assert (status.in_progress, status.balanced) == (0, True)

    here.run_on_time(story)
