"""Recorded talks, on two real Asterisks: what both said lies sealed and nowhere else, what was not
to be recorded is a gap, and whatever becomes of the recording the talk goes on.

Caller and agent each say a tone that nobody else makes, so that a recording shows by its tones who
is in it.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware import people, vault
from firmware.asterisk.telco import Answers, Keys, LiveCall, Ring
from firmware.rehearsal import PASSWORD, PERSON
from ivr.recording import RESUME_S
from routing_core.dtmf import Detector, ToneBegan
from tests.plain_audio import leaks
from tests.sites import head
from tests.system import ear, practice
from tests.system.practice import Story
from tests.system.test_messages import places
from tests.system.town import Town, soon
from tests.system.typed import careline

CALLER_HZ = 2500
BEGUN_HZ = 1400  # of the tone that both hear
DESK, NURSE, QUIET = "1", "2", "701"
TONES = {
    "main-menu": (1050, 8.0),
    "record-announce": (1700, 0.4),
    "please-wait": (1800, 0.3),
    "you-are-next": (1900, 0.4),
    "connecting": (2100, 0.3),
    "goodbye": (2400, 0.4),
}
SITE = (
    head(("101", "103"))
    + """
[mailboxes.talks]
members = ["rehearsal"]

[queues.desk]
agents = ["101"]
record = "always"
recordings = "talks"

[queues.nurse]
agents = ["103"]
record = "on-request"
recordings = "talks"

[queues.quiet]
agents = ["103"]
number = "701"
record = "never"

[flows.main]
start = "menu"
zero = "desk"

[flows.main.nodes.menu]
kind = "menu"
prompts = ["main-menu"]
choices = { 1 = "desk", 2 = "nurse" }
timeout_s = 10
tries = 1
otherwise = "desk"

[flows.main.nodes.desk]
kind = "queue"
queue = "desk"
patience_s = 60
otherwise = "goodbye"

[flows.main.nodes.nurse]
kind = "queue"
queue = "nurse"
patience_s = 60
otherwise = "goodbye"

[flows.main.nodes.goodbye]
kind = "hangup"
prompts = ["goodbye"]

[prompts.en]
main-menu = "Menu."
"""
)

Samples = NDArray[np.int16]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A practice that records, and whose prompts are tones."""
    with practice.build(tmp_path_factory.mktemp("recordings"), SITE, TONES) as standing:
        yield standing


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a caller says."""
    return ear.write_tone(tmp_path_factory.mktemp("voice") / "caller.wav", CALLER_HZ, 1.5)


# ---- talks ----


async def a_talk(
    here: Town, told: Story, key: str, desk: str, **how: Any
) -> tuple[LiveCall, str, Ring]:
    """Somebody chooses, stays when the recording is announced, and talks with a desk."""
    await here.telco.behave(desk, Answers())
    rang = len(here.telco.desks[desk].rings)
    line, call = await told.call(here.telco, **how)
    await line.press(key)
    await told.step(call, "consent", "given: by staying")
    ring = await here.telco.next_ring(desk, rang)
    await told.step(call, "joined")
    await soon(ring.talked)
    return line, call, ring


async def times(told: Story, call: str, detail: str, count: int) -> None:
    """Until a recording's step has come so often."""
    await told.until(
        lambda: len([each for each in told.details(call, "recorded") if detail in each]) >= count
    )


async def recording_of(here: Town, call: str) -> list[dict[str, Any]]:
    listed = await careline(
        here, "recordings", "list", "--json", "--as", PERSON, "--password-stdin",
        said=PASSWORD + "\n",
    )  # fmt: skip
    return [each for each in json.loads(listed) if each["call"] == call]


def opened(here: Town, part: dict[str, Any]) -> Samples:
    """A part by the keys themselves."""
    ring = people.sign_in(here.place.page_db, PERSON, PASSWORD)
    path = vault.sealed_path(here.place.messages, part["message"])
    return np.frombuffer(vault.hear(path, *ring.mailboxes["talks"]).audio, "<i2")


def holds(samples: Samples, tone_hz: float) -> float:
    """For how many seconds a tone is in it, alone or not."""
    size = vault.SAMPLE_RATE // 10
    rows = samples[: samples.size // size * size].reshape(-1, size).astype(np.float64)
    turns = np.exp(-2j * np.pi * tone_hz * np.arange(size) / vault.SAMPLE_RATE)
    amplitude = 2 * np.abs(rows @ (turns * np.hanning(size))) / np.hanning(size).sum()
    return float(np.count_nonzero(amplitude > 500) / 10)


def _is_the_clinics(here: Town, path: Path) -> bool:
    """Its folder, and the temporary one of its Asterisk."""
    return path.is_relative_to(here.place.home) or path.is_relative_to("/proc")


def keys_in(samples: Samples) -> list[str]:
    heard = Detector().feed(samples)
    return [each.digit for each in heard if isinstance(each, ToneBegan)]


# ---- stories ----


def test_a_talk_lies_sealed_with_both_voices_and_without_the_card_number(
    here: Town, voice: Path, tmp_path: Path
) -> None:
    began = time.time()
    agent_hz = here.telco.desks["101"].tone_hz
    file = tmp_path / "talk.wav"
    recorded: list[Samples] = []

    async def story() -> None:
        async with practice.exchange(here) as told:
            line, call, ring = await a_talk(here, told, DESK, "101")
            await times(told, call, "from now on", 1)
            await line.say(voice)
            await line.press("4111")
            await told.step(call, "recorded", "the caller keys")
            await times(told, call, "from now on", 2)
            await here.telco.key(ring, "*4")
            await told.step(call, "recorded", "stopped at the desk")
            await here.telco.key(ring, "*4")
            await times(told, call, "from now on", 3)
            await here.telco.behave("103", Answers())
            await here.telco.transfer(ring, QUIET)
            await told.step(call, "recorded", "passed on")
            await told.until(lambda: len(told.details(call, "joined")) == 2)
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            (listed,) = await recording_of(here, call)
            assert [gap["why"] for gap in listed["gaps"]] == [
                "the caller keys",
                "stopped at the desk",
            ]
            assert listed["gaps"][0]["seconds"] >= RESUME_S
            assert listed["ends"] == "passed on"
            parts = [opened(here, part) for part in listed["parts"]]
            assert holds(parts[0], CALLER_HZ) > 0.5
            assert holds(parts[0], agent_hz) > 0.5
            everything = np.concatenate(parts)
            assert keys_in(everything) == []
            recorded.append(parts[0][:4000])
            told_of = await careline(
                here, "recordings", "export", call[:8], str(file), "--as", PERSON,
                "--password-stdin", said=PASSWORD + "\n",
            )  # fmt: skip
            assert "the caller keys" in told_of
            gaps_s = sum(gap["seconds"] for gap in listed["gaps"])
            assert abs(ear.sound(file).size / 8000 - everything.size / 8000 - gaps_s) < 0.1
        steps = [each for each in told.steps if each.call == call]
        assert not [each for each in steps if "4111" in each.detail]

    here.run(story())
    ours = [path for path in places(here, began) if _is_the_clinics(here, path)]
    assert leaks(recorded[0].tolist(), ours) == []


def test_keys_heard_in_the_audio_are_no_part_of_it_either(here: Town, voice: Path) -> None:
    async def story() -> None:
        async with practice.exchange(here) as told:
            line, call, _ = await a_talk(here, told, DESK, "101", keys=Keys.INBAND)
            await times(told, call, "from now on", 1)
            await line.press("42")
            await told.step(call, "recorded", "the caller keys")
            await line.hang_up()
            await told.outcome(call)
            (listed,) = await recording_of(here, call)
            assert keys_in(np.concatenate([opened(here, p) for p in listed["parts"]])) == []

    here.run(story())


def test_a_caller_on_hold_is_not_recorded_and_what_is_said_after_it_is(
    here: Town, voice: Path
) -> None:
    agent_hz = here.telco.desks["101"].tone_hz

    async def story() -> None:
        async with practice.exchange(here) as told:
            line, call, ring = await a_talk(here, told, DESK, "101")
            await times(told, call, "from now on", 1)
            await line.say(voice)
            await here.telco.hold(ring)
            await told.step(call, "recorded", "on hold")
            await line.say(voice)  # to the music
            await here.telco.take_back(ring)
            await times(told, call, "from now on", 2)
            await line.say(voice)
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            (listed,) = await recording_of(here, call)
            (gap,) = listed["gaps"]
            assert (gap["why"], listed["ends"]) == ("on hold", "the talk is over")
            assert gap["seconds"] >= 1.5
            for part in listed["parts"]:
                sound = opened(here, part)
                assert holds(sound, CALLER_HZ) > 0.5
                assert holds(sound, agent_hz) > 0.5
                assert holds(sound, CALLER_HZ) < 2.5  # what was said to the music is in neither

    here.run(story())


def test_who_refuses_is_not_recorded_and_on_request_the_agent_begins_it(
    here: Town, voice: Path
) -> None:
    async def story() -> None:
        async with practice.exchange(here) as told:
            await here.telco.behave("101", Answers())
            line, call = await told.call(here.telco)
            await line.press(DESK)
            await told.until(lambda: bool(told.details(call, "queue")))
            await line.press("2")
            await told.step(call, "consent", "refused: key 2")
            await told.step(call, "recorded", "the caller refused")
            await line.hang_up()
            await told.outcome(call)
            assert await recording_of(here, call) == []

            line, call, ring = await a_talk(here, told, NURSE, "103")
            assert told.details(call, "recorded") == []
            await here.telco.key(ring, "*4")
            await times(told, call, "from now on", 1)
            await line.say(voice)
            await line.hang_up()
            await told.step(call, "recorded", "sealed")
            assert len(await recording_of(here, call)) == 1
            for heard in (line.heard, ring.heard):
                assert holds(ear.sound(heard).astype(np.int16), BEGUN_HZ) > 0

    here.run(story())


def test_kill_9_in_the_middle_costs_a_second_of_the_recording_and_nothing_of_the_talk(
    here: Town, voice: Path
) -> None:
    async def story() -> None:
        async with practice.exchange(here) as told:
            line, call, ring = await a_talk(here, told, DESK, "101")
            await times(told, call, "from now on", 1)
            for _ in range(3):
                await line.say(voice)
            (part,) = here.place.messages.glob("*.part")
            assert told.supervisor.pid is not None
            told.supervisor.ready.clear()
            os.kill(told.supervisor.pid, signal.SIGKILL)
            await soon(told.supervisor.ready.wait())
            assert not line.ended.done()
            assert not ring.ended.done()
            await told.step(call, "recorded", "cut off: the exchange ended")
            (listed,) = await recording_of(here, call)
            assert listed["ends"] == "cut off: the exchange ended"
            (only,) = listed["parts"]
            assert only["message"] == part.stem
            assert only["seconds"] >= 3
            assert holds(opened(here, only), CALLER_HZ) > 1.5
            await line.hang_up()
            await told.outcome(call)

    here.run(story())
