"""Hours and on-call in a real browser: days are dragged over and become an exception of the draft,
and everybody can read the weeks."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware import draft
from firmware.operations import Role
from tests.page.practice import Practice
from tests.page.visit import LOOKS, visiting


def test_days_dragged_over_become_an_exception_of_the_draft(
    here: Practice, chromium: Browser
) -> None:
    with visiting(chromium, here.address) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        visit.go("/hours?day=2027-03-10")
        days = page.locator("[data-schedule] .week").first.locator("[data-day]")
        for place, act in ((1, page.mouse.down), (3, page.mouse.up)):
            box = days.nth(place).bounding_box()
            assert box is not None
            page.mouse.move(box["x"] + 20, box["y"] + box["height"] / 2, steps=4)
            act()
        expect(page.locator("#exception-first")).to_have_value("2027-03-09")
        expect(page.locator("#exception-last")).to_have_value("2027-03-11")
        page.locator("#exception-name").fill("Roof repair")
        page.locator("form[action='/hours/exception'] button").click()
        expect(page.locator(".agreed")).to_contain_text("Roof repair 2027-03-09 to 2027-03-11")
        page.locator(".agreed li", has_text="Roof repair").get_by_role("button").click()
        expect(page.locator(".hours")).not_to_contain_text("Roof repair")
    draft.discard(here.place, draft.read(here.place).step)


@pytest.mark.parametrize("language", ["en", "es"])
def test_nobody_is_kept_from_reading_the_weeks(
    here: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    with visiting(chromium, here.address, language) as visit:
        visit.sign_in(Role.ADMIN)
        visit.go("/hours?day=2026-11-01")
        for how in LOOKS:
            visit.look(how)
            visit.page.screenshot(path=pictures / f"hours-{language}-{how}.png", full_page=True)
            assert visit.barriers() == [], how
            assert not visit.overflows(), how
