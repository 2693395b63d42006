"""A television in a real browser: it becomes a wallboard, shows a caller who waits, and can be read
by everybody in both languages."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware.asterisk.telco import Silent
from firmware.operations import Role
from tests.page.practice import Practice, calls_and_hears_the_menu
from tests.page.visit import LOOKS, visiting


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_television_shows_who_waits_and_nobody_is_signed_in_there(
    here: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    here.run(here.rehearsal.telco.behave("103", Silent()))
    with visiting(chromium, here.address, language) as visit:
        visit.sign_in(Role.FRONT_DESK)
        visit.page.locator("details.card > summary").click()
        visit.page.locator("form[action='/wall/begin'] button").click()
        visit.page.wait_for_url("**/wall")
        expect(visit.page.locator("#sign-out")).to_have_count(0)
        count = visit.page.locator("[data-text=count]")
        expect(count).to_have_text("0")
        call = here.run(calls_and_hears_the_menu(here))
        expect(visit.page.locator("[data-table=hours] tbody tr")).not_to_have_count(0)
        here.run(call.press("2"))
        expect(count).to_have_text("1")
        visit.nobody_is_kept(pictures, "wall", (*LOOKS, "television"))
        here.run(call.hang_up())
        expect(count).to_have_text("0")
        visit.go("/today")
        visit.page.wait_for_url("**/sign-in")
