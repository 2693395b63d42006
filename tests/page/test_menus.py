"""The flow editor in a real browser: by the keyboard alone, and on every screen. How a menu is
built and mended there is told in test_story.py."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware import draft
from firmware.operations import Role
from tests.page.practice import Practice
from tests.page.visit import LOOKS, visiting


@pytest.fixture
def desk(here: Practice) -> Iterator[Practice]:
    """Whatever a story drafts goes with it, and nobody else's is there before."""
    draft.discard(here.place, draft.read(here.place).step)
    yield here
    draft.discard(here.place, draft.read(here.place).step)


def test_the_picture_is_one_tab_stop_and_arrow_keys_lead_to_the_nearest_box(
    desk: Practice, chromium: Browser
) -> None:
    with visiting(chromium, desk.address) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        visit.go("/menus")
        expect(page.locator("svg a[tabindex='0']")).to_have_count(1)
        page.locator("svg a[tabindex='0']").focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowDown")
        chosen = page.locator("svg a:focus")
        expect(chosen).to_have_count(1)
        name = (chosen.get_attribute("data-id") or "").partition(":")[2]
        assert name not in ("", "hours")
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile(f"node={name}$"))
        expect(page.locator("#chosen-title")).to_be_focused()


@pytest.mark.parametrize("language", ["en", "es"])
def test_nobody_is_kept_from_changing_a_menu(
    desk: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    with visiting(chromium, desk.address, language) as visit:
        visit.sign_in(Role.ADMIN)
        for node, looks in (("menu", LOOKS), ("front-desk", ["tablet"])):
            visit.go(f"/menus?flow=main&node={node}")
            for folded in visit.page.locator("#work details").all():
                folded.evaluate("each => { each.open = true }")
            expect(visit.page.locator("svg a")).not_to_have_count(0)
            visit.nobody_is_kept(pictures, f"menus-{node}", looks)
