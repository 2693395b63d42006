"""Messages in a real browser: what a caller leaves by telephone comes to the screen by itself, is
opened, sounds, is noted on, done and put back, by keys alone; and no screen left alone goes on."""

import asyncio
import re
import wave
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware import people, topics
from firmware.asterisk.telco import Answers
from firmware.control import follow_async
from firmware.operations import Role
from firmware.rehearsal import PASSWORD, PERSON
from tests.firmware.voice import voice
from tests.page.practice import SOON_S, Practice
from tests.page.visit import Visit, visiting

REFILLS = "3"  # of the menu
CALLER = "2025550143"
NOTE = "Pharmacy on Oak Street; dose as before."


@pytest.fixture(scope="module")
def shared(here: Practice) -> Practice:
    """The nurse is a member of the mailbox."""
    db = here.place.page_db
    people.agree(db, {"refills": [PERSON, "the nurse"]})
    people.sign_in(db, PERSON, PASSWORD)  # who grants what waits
    return here


async def leave_a_message(here: Practice, folder: Path) -> None:
    """Somebody calls, keys their way to the mailbox, speaks after the beep."""
    words = folder / "words.wav"
    with wave.open(str(words), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(voice(6.0).tobytes())
    door = here.place.control_socket
    async with asyncio.timeout(SOON_S * 2):
        steps = follow_async(door, topics.WATCH, topics.WatchRequest())
        dialled = here.rehearsal.plan.lines["main"].numbers[0]
        call = await here.rehearsal.telco.call(dialled, number=CALLER)
        async for step in steps:
            if step.step == "menu":
                await call.press(REFILLS)
            if step.step == "recording":
                break
        await call.say(words)
        await call.press("#")
        await call.ended


def at(visit: Visit) -> float:
    """Where the recording is, in seconds."""
    return float(visit.page.evaluate("document.querySelector('audio').currentTime"))


def test_a_message_left_by_telephone_is_seen_opened_heard_noted_done_and_put_back(
    shared: Practice, chromium: Browser, pictures: Path, tmp_path: Path
) -> None:
    with visiting(chromium, shared.address) as visit:
        page, keys = visit.page, visit.page.keyboard
        visit.sign_in(Role.NURSE)
        visit.go("/messages")
        items = page.locator("[data-open]")
        before = items.count()

        shared.run(leave_a_message(shared, tmp_path))
        expect(items).to_have_count(before + 1)  # by itself, and the newest is the last
        expect(page).to_have_title(re.compile(r"^\(\d+\) Messages"))
        expect(items.last.locator(".new")).to_be_visible()
        assert CALLER[-7:] not in page.content()

        for _ in range(before + 1):
            keys.press("j")
        expect(items.last).to_be_focused()
        keys.press("Enter")
        opened = page.locator("[data-part=opened]")
        expect(opened).to_contain_text("(202) 555-0143")
        assert at(visit) == 0

        page.get_by_role("button", name="2 ×").click()
        page.get_by_role("button", name="1 ×").click()
        opened.focus()
        keys.press(" ")
        expect(page.locator("[data-at]")).to_have_text(re.compile(r"0:0[1-9]"))
        assert at(visit) > 1
        assert page.evaluate("document.querySelector('audio').duration") > 4
        assert page.evaluate("document.querySelector('audio').src").startswith("data:audio/wav")
        expect(page.locator("[data-waveform] .loud")).to_have_attribute("d", re.compile("^M.*v"))
        expect(items.last.locator(".new")).to_have_count(0)
        page.screenshot(path=pictures / "messages-playing.png", full_page=True)
        keys.press(" ")
        expect(page.get_by_role("button", name="Play")).to_be_visible()
        page.get_by_role("button", name="1.5 ×").click()
        assert page.evaluate("document.querySelector('audio').playbackRate") == 1.5

        opened.focus()
        keys.press("n")
        expect(page.locator("#note")).to_be_focused()
        keys.type(f"{NOTE} d?")  # letters that are keys elsewhere
        page.get_by_role("button", name="Note", exact=True).click()
        expect(page.locator("[data-part=history]")).to_contain_text(NOTE)
        expect(page.locator("#note")).to_have_value("")
        expect(items).to_have_count(before + 1)

        opened.focus()
        keys.press("d")
        expect(items).to_have_count(before)
        keys.press("u")
        expect(items).to_have_count(before + 1)
        keys.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.screenshot(path=pictures / "messages-keys.png")
        keys.press("Escape")
        items.last.click()
        expect(page.locator("[data-part=history]")).to_contain_text(NOTE)


def test_who_left_a_message_is_called_back_with_one_click_and_both_telephones_ring(
    shared: Practice, chromium: Browser
) -> None:
    telco = shared.rehearsal.telco
    for answers in ("101", CALLER):
        shared.run(telco.behave(answers, Answers()))
    rung, heard = (len(telco.desks[each].rings) for each in ("101", CALLER))
    with visiting(chromium, shared.address) as visit:
        page = visit.page
        visit.sign_in(Role.NURSE)
        visit.go("/messages")
        page.locator("[data-open=message]").last.click()
        page.get_by_label("from", exact=True).select_option("101")
        page.get_by_role("button", name="Call back").click()
        expect(page.locator("[data-part=said]")).to_contain_text("Phone 101 rings")
        shared.run(telco.next_ring("101", rung))
        ring = shared.run(telco.next_ring(CALLER, heard))
        assert ring.caller == shared.rehearsal.plan.dial_rules[0].shows
        shared.run(telco.all_over())


@pytest.mark.parametrize("language", ["en", "es"])
def test_nobody_is_kept_from_reading_messages(
    shared: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    for dark in (False, True):
        with visiting(chromium, shared.address, language, dark=dark) as visit:
            visit.sign_in(Role.NURSE)
            visit.go("/messages")
            visit.page.locator("[data-open=message]").last.click()
            expect(visit.page.locator("[data-player]")).to_be_visible()
            visit.page.locator("details.delete summary").click()
            expect(visit.page.locator("[data-delete]")).to_be_visible()
            visit.nobody_is_kept(pictures, "messages-dark" if dark else "messages")


def test_a_screen_left_alone_is_silent_and_blank_before_anything_else(
    shared: Practice, chromium: Browser
) -> None:
    with visiting(chromium, shared.address) as visit:
        page = visit.page
        page.clock.install()
        visit.sign_in(Role.NURSE)
        visit.go("/messages")
        page.locator("[data-open=message]").last.click()
        page.locator("[data-play]").click()
        expect(page.locator("[data-at]")).not_to_have_text("0:00")
        page.evaluate("globalThis.sound = document.querySelector('audio')")
        page.route("**/sign-out", lambda route: route.fulfill(status=204))  # which leads nowhere
        page.clock.fast_forward("16:00")
        expect(page.locator("#screen")).to_be_empty()
        assert page.evaluate("globalThis.sound.paused && !globalThis.sound.src")
