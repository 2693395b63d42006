"""Callers and the people who answer them, on two real Asterisks: offers, talks, hold, two at once.

Every caller, every desk and the music have a tone of their own, so that what each side received
says whom it heard.
"""

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.asterisk.telco import Answers, Busy, LiveCall, Refuses, Ring, Silent
from tests.system import ear, practice
from tests.system.town import Figures, Town, soon
from tests.system.typed import careline

CALLER_HZ = 2500
PURE = 0.99
EDGE_S = 0.1  # of a stretch of audio, where it begins and ends
TALK_S = 0.5


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The practice of all stories about waiting and talking."""
    with practice.build(tmp_path_factory.mktemp("queue")) as standing:
        yield standing


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What each of ten callers says over and over."""
    folder = tmp_path_factory.mktemp("voices")
    return [ear.write_tone(folder / f"{hz}.wav", hz) for hz in range(CALLER_HZ, 3500, 100)]


def heard_only(path: Path, tone_hz: float) -> bool:
    """From the first moment of this tone to its last, nothing else was heard."""
    began, ended = ear.tone_span_s(path, tone_hz)
    if ended - began < TALK_S:
        return False
    return ear.purity(path, tone_hz, began + EDGE_S, ended - EDGE_S) >= PURE


def heard_at_last(path: Path, tone_hz: float) -> bool:
    """For the last half second of this tone nothing else was heard."""
    _, ended = ear.tone_span_s(path, tone_hz)
    return ear.purity(path, tone_hz, ended - EDGE_S - TALK_S, ended - EDGE_S) >= PURE


async def nobody_answers(here: Town) -> dict[str, int]:
    """All desks ring in vain; how often each has rung so far."""
    for desk in here.telco.desks:
        await here.telco.behave(desk, Silent())
    return {number: len(desk.rings) for number, desk in here.telco.desks.items()}


def never_long_silent(figures: Figures, line: LiveCall) -> None:
    """The caller heard something all the while."""
    silent_s = ear.longest_silence_s(line.heard)
    figures.at_most(practice.SILENCE_AT_MOST_S, silent_s, "silence")


async def talk_ends(line: LiveCall, ring: Ring) -> None:
    """They have talked for a second, and the caller hangs up."""
    await soon(ring.talked)
    await line.hang_up()
    await soon(ring.ended)


def test_caller_and_agent_hear_each_other_and_nobody_else(here: Town, voices: list[Path]) -> None:
    async def story(figures: Figures) -> None:
        before = await nobody_answers(here)
        await here.telco.behave("101", Answers(after_s=1))
        async with practice.exchange(here) as told:
            line, call = await told.call(here.telco, speaks=voices[0])
            await line.press("7")
            ring = await here.telco.next_ring("101", before["101"])
            await talk_ends(line, ring)
            assert await told.outcome(call) == "answered"
            figures.heard(heard_only(line.heard, here.telco.desks["101"].tone_hz), "the agent")
            figures.heard(heard_only(ring.heard, CALLER_HZ), "the caller")
            never_long_silent(figures, line)

    here.run_on_time(story)


def test_who_is_asked_after_the_talk_how_it_was_gives_a_mark_and_is_not_asked_again(
    here: Town,
) -> None:
    async def story(figures: Figures) -> None:
        before = await nobody_answers(here)
        for desk in here.telco.desks:
            await here.telco.behave(desk, Answers())
        async with practice.exchange(here) as told:
            for marks in (["4"], []):
                line, call = await told.call(here.telco, number=number)
                await line.press("8")
                await told.step(call, "joined")
                desk = told.details(call, "accepted")[0]
                ring = await here.telco.next_ring(desk, before[desk])
                before[desk] += 1
                await soon(ring.talked)
                await here.telco.put_down(ring)
                if marks:
                    await told.step(call, "surveyed")
                    await line.press("4")
                await soon(line.ended)
                assert await told.outcome(call) == "answered"
                assert told.details(call, "rated") == marks
                question_s = ear.tone_s(line.heard, practice.TONES["survey"][0])
                thanks_s = ear.tone_s(line.heard, practice.TONES["survey-thanks"][0])
                if marks:
                    figures.at_least(0.3, thanks_s, "thanks")
                else:
                    assert question_s == thanks_s == 0

    number = f"2025557{os.getpid() % 1000:03}"
    here.run_on_time(story)


def test_an_offer_moves_on_past_busy_refusing_unreachable_and_silent_phones(here: Town) -> None:
    """101, 102 answer for other queues too, so the others are asked before them."""

    async def story(figures: Figures) -> None:
        before = await nobody_answers(here)
        await here.telco.behave("104", Busy())
        await here.telco.behave("105", Refuses())
        await here.telco.behave("107", Answers())
        await here.telco.unplug("103")
        async with practice.exchange(here) as told:
            line, call = await told.call(here.telco)
            await line.press("8")
            ring = await here.telco.next_ring("107", before["107"])
            await talk_ends(line, ring)
            assert await told.outcome(call) == "answered"
            # Who has rested is asked again before those who were not asked yet.
            assert list(dict.fromkeys(told.details(call, "offer"))) == ["104", "105", "106", "107"]
            for step, desk in [("busy", "104"), ("refused", "105"), ("silent", "106")]:
                assert set(told.details(call, step)) == {desk}
            figures.at_least(3, ear.tone_s(line.heard, practice.MUSIC_HZ), "music")
            figures.at_least(
                0.3, ear.tone_s(line.heard, practice.TONES["you-are-next"][0]), "you are next"
            )
            never_long_silent(figures, line)

    here.run_on_time(story)


def test_a_caller_whose_offer_was_refused_keeps_its_place_before_a_later_one(here: Town) -> None:
    async def story(figures: Figures) -> None:
        before = await nobody_answers(here)
        await here.telco.behave("101", Refuses())
        async with practice.exchange(here) as told:
            first, early = await told.call(here.telco, number="2025550111")
            await first.press("7")
            await told.step(early, "refused")
            second, late = await told.call(here.telco, number="2025550122")
            await second.press("7")
            await told.step(late, "position", "2")
            await here.telco.behave("101", Answers())
            await told.step(early, "joined")
            assert not told.details(late, "offer")
            rings = here.telco.desks["101"].rings
            await talk_ends(first, rings[-1])
            await told.step(late, "joined")
            await talk_ends(second, rings[-1])
            assert {ring.caller for ring in rings[before["101"] : -1]} == {"2025550111"}
            assert rings[-1].caller == "2025550122"
            figures.at_least(
                0.3, ear.tone_s(second.heard, practice.TONES["number-2"][0]), "you are number 2"
            )
            assert await told.outcome(early) == await told.outcome(late) == "answered"
            for line in (first, second):
                figures.at_least(0.2, ear.tone_s(line.heard, practice.MUSIC_HZ), "music")
                never_long_silent(figures, line)

    here.run_on_time(story)


def test_on_hold_and_in_consultation_the_caller_hears_our_music(
    here: Town, voices: list[Path]
) -> None:
    """The desk's hold key is a re-INVITE; meanwhile its second line asks a colleague."""

    async def story(figures: Figures) -> None:
        telco = here.telco
        before = await nobody_answers(here)
        await telco.behave("101", Answers())
        await telco.behave("103", Answers(after_s=0.5))
        async with practice.exchange(here) as told:
            line, call = await told.call(telco, speaks=voices[0])
            await line.press("7")
            ring = await telco.next_ring("101", before["101"])
            await soon(ring.talked)
            await telco.hold(ring)
            asking = await telco.dial("101", "103", speaks=voices[5])
            asked = await telco.next_ring("103", before["103"])
            await soon(asked.talked)
            await asking.hang_up()
            await telco.take_back(ring)
            once_more = await telco.dial("101", "103")
            await soon((await telco.next_ring("103", before["103"] + 1)).talked)
            await once_more.hang_up()
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            await soon(asked.ended)
        began, ended = ear.tone_span_s(line.heard, practice.MUSIC_HZ)
        figures.at_least(1, ended - began, "music")
        _, talk_ended = ear.tone_span_s(line.heard, telco.desks["101"].tone_hz)
        figures.at_least(1, talk_ended - ended, "the agent is back")
        never_long_silent(figures, line)
        figures.heard(heard_only(asked.heard, 3000), "the agent by a colleague")
        assert ear.tone_s(line.heard, telco.desks["103"].tone_hz) == 0

    here.run_on_time(story)


def test_ten_talks_at_once_do_not_mix(here: Town, voices: list[Path]) -> None:
    async def story(figures: Figures) -> None:
        telco = here.telco
        before = await nobody_answers(here)
        for desk in telco.desks:
            await telco.behave(desk, Answers(after_s=0.5))
        async with practice.exchange(here) as told:

            async def caller(place: int, voice: Path) -> tuple[LiveCall, str]:
                line, call = await told.call(telco, number=f"20255502{place:02}", speaks=voice)
                await line.press("6")
                return line, call

            callers = await asyncio.gather(*map(caller, range(len(voices)), voices))
            for _, call in callers:
                await told.step(call, "joined")
            rings = [desk.rings[before[number]] for number, desk in telco.desks.items()]
            for ring in rings:
                await soon(ring.talked)
            for line, _ in callers:
                await line.hang_up()
            by_caller = {ring.caller: ring for ring in rings}
            assert len(by_caller) == len(callers)
            for place, (line, call) in enumerate(callers):
                ring = by_caller[f"20255502{place:02}"]
                await soon(ring.ended)
                assert await told.outcome(call) == "answered"
                figures.heard(heard_only(line.heard, telco.desks[ring.desk].tone_hz), ring.desk)
                figures.heard(heard_only(ring.heard, CALLER_HZ + 100 * place), f"{place}")
        await practice.silence_falls(here)

    here.run_on_time(story)


def test_an_agent_who_picks_up_after_the_exchange_was_killed_has_the_caller(
    here: Town, voices: list[Path]
) -> None:
    async def story(figures: Figures) -> None:
        telco = here.telco
        before = await nobody_answers(here)
        await telco.behave("103", Answers(after_s=1.5))
        async with practice.exchange(here) as told:
            line, call = await told.call(telco, speaks=voices[0])
            await line.press("4")
            await told.step(call, "rings", "103")
            assert told.supervisor.pid is not None
            os.kill(told.supervisor.pid, signal.SIGKILL)
            ring = await telco.next_ring("103", before["103"])
            await talk_ends(line, ring)
            figures.heard(heard_at_last(line.heard, telco.desks["103"].tone_hz), "the agent")
            figures.heard(heard_at_last(ring.heard, CALLER_HZ), "the caller")
            never_long_silent(figures, line)
            assert await told.outcome(call) in ("answered", "failsafe")

    here.run_on_time(story)


def test_phones_call_each_other_and_out_by_rule_and_no_further(
    here: Town, voices: list[Path]
) -> None:
    """With no exchange at all: between phones and outwards Asterisk needs none."""

    async def story(figures: Figures) -> None:
        telco = here.telco
        telco.invitations.clear()
        before = await nobody_answers(here)
        await telco.behave("102", Answers())
        inside = await telco.dial("101", "102", speaks=voices[0])
        ring = await telco.next_ring("102", before["102"])
        assert (ring.caller, ring.name) == ("101", "Desk 101")
        await talk_ends(inside, ring)
        figures.heard(heard_only(inside.heard, telco.desks["102"].tone_hz), "102")
        figures.heard(heard_only(ring.heard, CALLER_HZ), "101")

        outside = await telco.dial("101", "92025550123")
        (invitation,) = await telco.invited("2025550123")
        assert invitation.caller == practice.NUMBER
        await soon(outside.answered)
        await outside.hang_up()

        # A code of the line's own (call forwarding) is taken by the clinic, and never sent out.
        code = await telco.dial("101", "*72")
        await soon(code.answered)
        await code.hang_up()

        for unknown in ("99", "9202555012", "920255501234", "2025550123", "000"):
            refused = await telco.dial("101", unknown)
            await soon(refused.ended)
            assert not refused.answered.done(), unknown
        assert len(telco.invitations) == 1
        await practice.silence_falls(here)

    here.run_on_time(story)


def test_every_one_of_these_calls_would_go_the_same_way_again(here: Town) -> None:
    async def story() -> None:
        told = json.loads(await careline(here, "replay", "--json"))
        assert told["elsewhere"] == []

    here.run(story())
