"""A clinic with a loudspeaker: pages by telephone are heard there, and it rings for whoever waits.
The exchange and the telephones are real; the loudspeaker is ALSA's own file."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from firmware import topics
from firmware.asterisk.telco import Answers, Ring, Silent
from firmware.paging import FRAME_BYTES
from routing_core.audio import tone
from tests.hw.alsa import Alsa
from tests.lines.far_mobile import steady_level
from tests.system import ear, practice, typed
from tests.system.practice import PHONES, Story
from tests.system.town import Figures, Town, soon

SPOKEN_HZ = 1100.0
BELL_HZ = 880.0
WITHIN_DB = 1.0
BLOCK = 400  # samples, 50 ms
SITE = (
    practice.SITE
    + """
[speakers.hall]
device = "paging"
bell = ["one"]
bell_phones = ["104"]

[pages.hall]
number = "690"
speaker = "hall"

[pages.both]
number = "691"
speaker = "hall"
phones = ["106", "107"]
"""
)


@pytest.fixture(scope="module")
def alsa(tmp_path_factory: pytest.TempPathFactory) -> Alsa:
    return Alsa(tmp_path_factory.mktemp("alsa"))


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, alsa: Alsa) -> Iterator[Town]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("ALSA_CONFIG_PATH", alsa.environment["ALSA_CONFIG_PATH"])
        with practice.build(tmp_path_factory.mktemp("sound"), SITE) as standing:
            yield standing


def samples(alsa: Alsa, after: int = 0) -> np.ndarray:
    """What the loudspeaker played from this byte on, with the silence between."""
    raw = alsa.played()[after:]
    return np.frombuffer(raw[: len(raw) // 2 * 2], "<i2").astype(np.float64)


def tones(sound: np.ndarray, hz: float) -> int:
    """In how many blocks of 50 ms this tone is the loudest."""
    rows = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
    if not len(rows):
        return 0
    spectra = np.abs(np.fft.rfft(rows * np.hanning(BLOCK), axis=1))
    loud = np.sqrt(np.mean(np.square(rows), axis=1)) > ear.SILENT_RMS
    return int(np.count_nonzero(loud & (np.argmax(spectra, axis=1) == round(hz * BLOCK / 8000))))


async def until(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    """The loudspeaker's file tells nobody that it has grown."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0)


async def stands(told: Story, state: str) -> topics.Part:
    """Until the status tells so of the loudspeaker."""

    async def wait() -> topics.Part:
        while True:
            parts = {part.name: part for part in (await told.status()).parts}
            part = parts.get("loudspeaker hall")
            if part is not None and part.state == state:
                return part

    return await soon(wait())


def test_a_telephone_pages_and_the_loudspeaker_speaks_within_a_second(
    here: Town, alsa: Alsa, tmp_path: Path
) -> None:
    """Alone, and beside telephones; what is spoken is heard as loud as it was."""
    spoken = ear.write_tone(tmp_path / "spoken.wav", SPOKEN_HZ, 30)

    async def story(figures: Figures) -> None:
        for desk in ("106", "107"):
            await here.telco.behave(desk, Answers())
        async with practice.exchange(here) as told:
            await stands(told, "well")
            before = len(alsa.played())
            page = await here.telco.dial("101", "690")
            await soon(page.answered)
            await until(lambda: tones(samples(alsa, before), 784) > 2)  # the chime
            began = time.monotonic()
            await page.speak(spoken)
            await until(lambda: tones(samples(alsa, before), SPOKEN_HZ) > 0)
            figures.at_most(1.0, time.monotonic() - began, "from the telephone to the loudspeaker")
            await until(lambda: tones(samples(alsa, before), SPOKEN_HZ) > 30)
            await page.hang_up()
            heard = samples(alsa, before)
            said = steady_level(ear.sound(page.said), SPOKEN_HZ)
            assert abs(steady_level(heard, SPOKEN_HZ) - said) < WITHIN_DB

            before = len(alsa.played())
            both = await here.telco.dial("101", "691", speaks=spoken)
            paged = [await here.telco.ringing(desk) for desk in ("106", "107")]
            await asyncio.gather(*(soon(each.talked) for each in paged))
            await until(lambda: tones(samples(alsa, before), SPOKEN_HZ) > 10)
            await both.hang_up()
            await asyncio.gather(*(soon(each.ended) for each in paged))

    here.run_on_time(story)


def test_without_an_exchange_the_telephones_of_a_page_are_reached_all_the_same(here: Town) -> None:
    async def story() -> None:
        for desk in ("106", "107"):
            await here.telco.behave(desk, Answers())
        rings = {desk: len(here.telco.desks[desk].rings) for desk in ("106", "107")}
        page = await here.telco.dial("101", "691")
        paged = [await here.telco.next_ring(desk, count) for desk, count in rings.items()]
        await asyncio.gather(*(soon(each.talked) for each in paged))
        await page.hang_up()
        await asyncio.gather(*(soon(each.ended) for each in paged))

    here.run(story())


def test_a_loudspeaker_pulled_out_amid_a_page_is_told_and_heard_again_once_it_is_back(
    here: Town, alsa: Alsa, tmp_path: Path
) -> None:
    spoken = ear.write_tone(tmp_path / "spoken.wav", SPOKEN_HZ, 30)

    async def story() -> None:
        async with practice.exchange(here) as told:
            await stands(told, "well")
            before = len(alsa.played())
            page = await here.telco.dial("101", "690", speaks=spoken)
            await until(lambda: tones(samples(alsa, before), SPOKEN_HZ) > 3)
            alsa.unplug()
            part = await stands(told, "alarm")
            assert part.cure.startswith("look at its plug")
            alsa.plug()
            after = len(alsa.played())
            await until(lambda: tones(samples(alsa, after), SPOKEN_HZ) > 3)  # the same page goes on
            await stands(told, "well")
            await page.hang_up()

    here.run(story())


async def at_the_headset(here: Town, *words: str) -> tuple[asyncio.subprocess.Process, Ring]:
    """A technician at the box, with a headset plugged in; somebody has talked for a second."""
    rings = len(here.telco.desks["106"].rings)
    told = ("sound", "handset", "106", "--device", "paging", "--microphone", "desk", *words)
    headset = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "firmware.cli", *told),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "CARELINE_HOME": str(here.place.home)},
    )
    desk = await here.telco.next_ring("106", rings)
    await soon(desk.talked)
    return headset, desk


def test_a_technician_talks_to_a_telephone_by_a_headset_at_the_box(here: Town, alsa: Alsa) -> None:
    """Either hears the other, and either may hang up; a test tone goes out where it is wanted."""
    alsa.hears.write_bytes(tone(700, dbm0=-20, ms=60_000).astype("<i2").tobytes())
    hz = here.telco.desks["106"].tone_hz  # what its people speak

    async def story() -> None:
        await here.telco.behave("106", Answers())
        async with practice.exchange(here):
            before = len(alsa.played())
            headset, desk = await at_the_headset(here)
            await until(lambda: tones(samples(alsa, before), hz) > 20)
            await here.telco.hang_up(desk)
            told, _ = await soon(headset.communicate())
            assert "the talk is over" in told.decode()
            assert abs(steady_level(ear.sound(desk.heard), 700) + 20) < WITHIN_DB

            headset, desk = await at_the_headset(here, "--tone")
            headset.send_signal(signal.SIGINT)
            told, _ = await soon(headset.communicate())
            assert "hung up" in told.decode()
            await soon(desk.ended)
            assert abs(steady_level(ear.sound(desk.heard), 1004) + 16) < WITHIN_DB

            audited = await typed.careline(here, "audit", "list")
            assert "phone 106, with a handset at the box" in audited

    here.run(story())


def test_the_bell_rings_for_whoever_waits_until_any_telephone_picks_up(
    here: Town, alsa: Alsa
) -> None:
    async def story() -> None:
        for phone in PHONES:
            await here.telco.behave(phone, Silent())
        async with practice.exchange(here) as told:
            await stands(told, "well")
            before = len(alsa.played())
            line, call = await told.call(here.telco)
            await line.press("7")
            await here.telco.ringing("101")
            await until(
                lambda: tones(samples(alsa, before), 880) + tones(samples(alsa, before), 1100) > 5
            )
            taken = await here.telco.dial("105", "*80")
            await soon(taken.answered)
            await told.step(call, "joined")
            after = len(alsa.played())
            await line.hang_up()
            await told.outcome(call)
            assert len(alsa.played()) - after < 10 * FRAME_BYTES

    here.run(story())


def test_the_bell_rings_with_a_telephone_that_no_queue_stands_before(
    here: Town, alsa: Alsa
) -> None:
    async def story() -> None:
        for phone in PHONES:
            await here.telco.behave(phone, Silent())
        async with practice.exchange(here) as told:
            await stands(told, "well")
            before = len(alsa.played())
            line, call = await told.call(here.telco)
            await line.press("4")
            rung = await here.telco.ringing("104")
            await until(
                lambda: tones(samples(alsa, before), 880) + tones(samples(alsa, before), 1100) > 5
            )
            await line.hang_up()
            await soon(rung.ended)
            await told.outcome(call)
            after = len(alsa.played())
            assert tones(samples(alsa, after), 880) == 0

    here.run(story())
