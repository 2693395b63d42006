"""Signing in by a real browser: by the keyboard alone, out again by itself when nobody is there,
and the first visit to a box that nobody has set up."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware.operations import Role
from tests.page.practice import PASSWORD, Practice
from tests.page.visit import visiting


def test_somebody_signs_in_and_out_by_the_keyboard_alone(here: Practice, chromium: Browser) -> None:
    with visiting(chromium, here.address) as visit:
        visit.go("/")
        keys = visit.page.keyboard
        expect(visit.page.locator("#person")).to_be_focused()
        keys.type("the nurse")
        keys.press("Tab")
        keys.type(PASSWORD)
        keys.press("Enter")
        visit.page.wait_for_url("**/today")
        keys.press("Tab")
        expect(visit.page.locator(".skip")).to_be_focused()
        keys.press("Enter")
        expect(visit.page.locator("#screen")).to_be_focused()
        visit.page.get_by_role("button", name="Sign out").focus()
        keys.press("Enter")
        visit.page.wait_for_url("**/sign-in")
        visit.page.go_back()
        visit.page.wait_for_url(re.compile(r"/sign-in(#\w*)?$"))


def test_a_wrong_password_is_said_beside_the_form_and_nothing_typed_is_repeated(
    here: Practice, chromium: Browser
) -> None:
    with visiting(chromium, here.address) as visit:
        visit.go("/sign-in")
        visit.page.locator("#person").fill("the nurse")
        visit.page.locator("#password").fill("not my password")
        visit.page.locator("button.main").click()
        expect(visit.page.get_by_role("alert")).to_contain_text("do not belong together")
        expect(visit.page.locator("#password")).to_have_value("")
        visit.complaints = [c for c in visit.complaints if "403" not in c]  # its own answer


def test_a_screen_that_nobody_touches_says_so_and_is_left_by_itself(
    here: Practice, chromium: Browser
) -> None:
    with visiting(chromium, here.address) as visit:
        visit.page.clock.install()
        visit.sign_in(Role.NURSE)
        warning = visit.page.get_by_role("alert").filter(has_text="within a minute")
        expect(warning).to_be_hidden()
        visit.page.clock.fast_forward("14:30")
        expect(warning).to_be_visible()
        assert visit.barriers() == []
        visit.page.mouse.move(40, 40)
        visit.page.clock.fast_forward("00:02")
        expect(warning).to_be_hidden()
        visit.page.clock.fast_forward("16:00")
        visit.page.wait_for_url("**/sign-in")


def test_who_touches_one_tab_is_there_for_all_and_is_gone_from_all_at_once(
    here: Practice, chromium: Browser
) -> None:
    with visiting(chromium, here.address) as visit:
        visit.page.clock.install()
        visit.sign_in(Role.NURSE)
        other = visit.page.context.new_page()
        other.goto(f"{here.address}/today")
        other.evaluate(
            "() => { window.told = new Promise((heard) => {"
            " new BroadcastChannel('careline').onmessage = heard; }); }"
        )
        visit.page.clock.fast_forward("10:00")
        visit.page.bring_to_front()  # a screen behind another is woken once a minute
        with visit.page.expect_response("**/stay") as stay:
            visit.page.mouse.move(40, 40)
            visit.page.clock.fast_forward("00:02")
        assert stay.value.status == 204
        other.evaluate("window.told.then(() => 0)")
        visit.page.clock.fast_forward("10:00")
        visit.page.clock.run_for(2000)
        assert other.url.endswith("/today")
        assert visit.page.url.endswith("/today")
        visit.page.get_by_role("button", name="Sign out").click()
        visit.page.wait_for_url("**/sign-in")
        other.wait_for_url("**/sign-in")


def test_whoever_wakes_a_computer_after_the_time_does_not_see_what_was_left(
    here: Practice, chromium: Browser
) -> None:
    with visiting(chromium, here.address) as visit:
        visit.sign_in(Role.NURSE)
        # It sleeps: its clock goes on and nothing else does.
        visit.page.evaluate(
            "() => { const now = Date.now; Date.now = () => now() + 16 * 60_000;"
            " dispatchEvent(new Event('pointermove')); }"
        )
        visit.page.wait_for_url("**/sign-in")


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("path", ["/sign-in", "/invited"])
def test_nobody_is_kept_from_signing_in(
    here: Practice, chromium: Browser, pictures: Path, path: str, language: str
) -> None:
    with visiting(chromium, here.address, language) as visit:
        visit.go(path)
        visit.nobody_is_kept(pictures, path.strip("/"))


def test_the_page_is_read_in_spanish_once_somebody_says_so(
    here: Practice, chromium: Browser
) -> None:
    with visiting(chromium, here.address) as visit:
        visit.go("/sign-in")
        visit.page.get_by_role("button", name="Español").click()
        expect(visit.page.get_by_role("heading", level=1)).to_have_text("Iniciar sesión")
        visit.sign_in(Role.NURSE)
        expect(visit.page.locator("html")).to_have_attribute("lang", "es")
