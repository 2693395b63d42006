"""Prompts in a real browser: one is recorded with its microphone, cut by the handles, kept, and
heard by who calls next; and every screen of them can be read by everybody."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Playwright, expect

from firmware import topics
from firmware.asterisk.telco import Answers
from firmware.control import follow_async
from firmware.decoding import FILE_MOST
from firmware.operations import Role
from tests.page.conftest import CHROMIUM
from tests.page.practice import SOON_S, Practice, calls_and_hears_the_menu
from tests.page.visit import Visit, visiting
from tests.system import ear

HZ = 700.0
SPOKEN_S = 2
PROMPT = "/prompts/of/en/refill-greeting"


@pytest.fixture
def with_microphone(driver: Playwright, tmp_path: Path) -> Iterator[Browser]:
    """A browser that hears one tone, over and over, with pauses as between words."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: sudo apt-get install chromium")
    tone = np.sin(2 * np.pi * HZ * np.arange(4_800) / 8_000)
    words = np.concatenate([tone, np.zeros(3_200)]) * 8_000
    spoken = ear.write_samples(tmp_path / "spoken.wav", words.astype(np.int16))
    browser = driver.chromium.launch(
        executable_path=CHROMIUM,
        args=[
            "--no-sandbox",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={spoken}",
        ],
    )
    yield browser
    browser.close()


def test_a_prompt_is_recorded_cut_kept_and_heard_by_who_calls_next(
    here: Practice, with_microphone: Browser, pictures: Path
) -> None:
    spoken = here.place.prompts / "en/refill-greeting.wav"
    before = spoken.read_bytes()
    with visiting(with_microphone, here.address) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        visit.go(PROMPT)
        page.get_by_role("button", name="Record", exact=True).click()
        expect(page.locator("[data-count]")).to_have_text(re.compile("Get ready"))
        expect(page.locator("[data-clock]")).to_have_text(re.compile(r"^([3-9]|\d\d) s$"))
        page.get_by_role("button", name="Stop").click()
        page.wait_for_url("**/prompts/new/*")
        assert spoken.read_bytes() == before
        visit.nobody_is_kept(pictures, "prompt-new")
        cut_to_two_seconds(visit)
        page.get_by_role("button", name="Keep it").click()
        page.wait_for_url(f"**{PROMPT}")
        expect(page.locator("section .mark").first).to_have_text("version 1, recorded")
        seconds = len(ear.sound(spoken)) / 8_000
        assert 1.0 < seconds < 2.2
        tone_s = ear.tone_s(spoken, HZ)
        assert tone_s > seconds / 3
        assert ear.tone_s(heard_by_a_caller(here), HZ) > tone_s / 2
        page.get_by_role("button", name="Back to the written words").click()
        expect(page.get_by_role("button", name="Use version 1")).to_be_visible()
    assert spoken.read_bytes() == before


def cut_to_two_seconds(visit: Visit) -> None:
    """By a number, and by the keyboard on a handle; and it is heard before it is kept."""
    end, heard = visit.page.locator("#end"), visit.page.locator("[data-audio]")
    end.fill("2.2")
    end.blur()
    visit.page.locator("[data-handle=start]").focus()
    start = float(visit.page.locator("#start").input_value())
    for _ in range(10):
        visit.page.keyboard.press("ArrowRight")
    expect(visit.page.locator("#start")).to_have_value(f"{start + 0.1:.2f}")
    visit.page.get_by_label("As on the telephone").check()
    asked = f"start={start + 0.1:.2f}&end=2.20&phone=true"
    expect(heard).to_have_attribute("src", re.compile(asked))
    lasts = "async heard => { heard.muted = true; await heard.play(); return heard.duration }"
    assert 1.0 < heard.evaluate(lasts) < 2.2


def heard_by_a_caller(here: Practice) -> Path:
    """Who wants a refill hears the greeting, and hangs up when they are to speak."""

    async def told_to_speak() -> None:
        follow = follow_async(here.place.control_socket, topics.WATCH, topics.WatchRequest())
        async for step in follow:
            if step.step == "recording":
                return

    async def calls() -> Path:
        told = asyncio.create_task(told_to_speak())
        call = await calls_and_hears_the_menu(here)
        await call.press("3")
        # Who says nothing at all is hung up on in the end.
        either: set[asyncio.Future[Any]] = {told, call.ended}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        await call.hang_up()
        told.cancel()
        return call.heard

    return here.run(calls())


def test_a_prompt_is_spoken_into_a_telephone_that_rings_for_it(
    here: Practice, chromium: Browser
) -> None:
    telco, desk = here.rehearsal.telco, "102"
    before = frozenset(sealed(here))
    here.run(telco.behave(desk, Answers()))
    rung = len(telco.desks[desk].rings)

    async def speaks() -> None:
        """Its tone, from a key on, which stands for the words being heard out, to another."""
        ring = await telco.next_ring(desk, rung)
        assert ring.name == "Record a prompt"
        await ring.talked
        await telco.press(ring, "1")
        async with asyncio.timeout(SOON_S):
            while max(sealed(here, before).values(), default=0) < SPOKEN_S * 16_000:
                await telco.link.send("Ping")
        await telco.hang_up(ring)

    with visiting(chromium, here.address) as visit:
        visit.sign_in(Role.ADMIN)
        visit.go(PROMPT)
        visit.page.get_by_label("Telephone", exact=True).select_option(desk)
        visit.page.get_by_role("button", name="Ring it and record").click()
        here.run(speaks())
        visit.page.wait_for_url("**/prompts/new/*")
        (brought,) = here.place.brought.glob("*.wav")
        assert ear.tone_s(brought, telco.desks[desk].tone_hz) > SPOKEN_S / 2
        visit.page.get_by_role("button", name="Throw it away").click()
        visit.page.wait_for_url(f"**{PROMPT}")


def sealed(here: Practice, before: frozenset[Path] = frozenset()) -> dict[Path, int]:
    """What is recorded and not destroyed, and its bytes, beside what was there before."""
    lies = [each for each in here.place.messages.glob("*") if each not in before]
    return {each: each.stat().st_size for each in lies}


@pytest.mark.parametrize("language", ["en", "es"])
def test_nobody_is_kept_from_reading_the_prompts(
    here: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    with visiting(chromium, here.address, language) as visit:
        visit.sign_in(Role.ADMIN)
        for name, path in (("prompts", "/prompts"), ("prompt", PROMPT)):
            visit.go(path)
            visit.nobody_is_kept(pictures, name)


def test_a_prompt_is_found_by_its_words(here: Practice, chromium: Browser) -> None:
    with visiting(chromium, here.address) as visit:
        visit.sign_in(Role.ADMIN)
        visit.go("/prompts")
        visit.page.get_by_label("Find a prompt").fill("MAPLE street")
        expect(visit.page.get_by_role("heading", name="welcome")).to_be_visible()
        expect(visit.page.get_by_role("heading", name="goodbye")).to_be_hidden()
        visit.page.get_by_label("Find a prompt").fill("zebra")
        expect(visit.page.get_by_text("No prompt has these words.")).to_be_visible()


def test_a_file_that_is_too_large_is_refused_with_the_reason_before_it_is_sent(
    here: Practice, chromium: Browser, tmp_path: Path
) -> None:
    large = tmp_path / "concert.wav"
    with large.open("wb") as file:
        file.truncate(FILE_MOST + 1)
    with visiting(chromium, here.address) as visit:
        visit.sign_in(Role.ADMIN)
        visit.go(PROMPT)
        visit.page.locator("#file").set_input_files(large)
        expect(visit.page.locator("[data-said]")).to_contain_text("more than 20 MB")
        visit.page.locator("#file").set_input_files(Path("README.md"))
        expect(visit.page.locator("[data-said]")).to_contain_text("cannot be a prompt: it is")
        visit.complaints = [c for c in visit.complaints if "422" not in c]  # its own answer


def test_where_the_browser_gives_no_microphone_the_page_says_why(
    here: Practice, chromium: Browser
) -> None:
    with visiting(chromium, here.address) as visit:
        insecure = "Object.defineProperty(window, 'isSecureContext', {value: false})"
        visit.page.add_init_script(insecure)
        visit.sign_in(Role.ADMIN)
        visit.go(PROMPT)
        expect(visit.page.get_by_text("does not trust the connection")).to_be_visible()
        expect(visit.page.get_by_role("button", name="Record", exact=True)).to_be_hidden()
        expect(visit.page.get_by_label("A recording")).to_be_visible()
