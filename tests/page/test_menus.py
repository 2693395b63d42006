"""The flow editor in a real browser: a menu is built, a link is broken and refused with the
shortest call that shows it, and mended by undo; by the keyboard alone, and on every screen."""

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


def test_a_menu_is_built_and_a_broken_link_is_refused_with_its_call_and_mended_by_undo(
    desk: Practice, chromium: Browser, pictures: Path
) -> None:
    with visiting(chromium, desk.address) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        visit.go("/menus?flow=main&node=menu")
        verdict, outline = page.locator(".verdict"), page.locator(".outline").first
        expect(verdict).to_contain_text("Every call ends well")
        box = page.locator('svg a[data-id="node:menu"]')
        expect(box).to_have_attribute("aria-current", "true")

        page.locator("[id='choices.4']").select_option("new:queue-with-message")
        expect(outline).to_contain_text("waiting message")
        expect(page.locator('svg a[data-id="node:waiting"]')).to_be_visible()
        expect(page.locator("[id='choices.4']")).to_have_value("waiting")

        seconds = page.locator("#timeout_s")
        seconds.fill("99")
        expect(page.locator("#timeout_s-fault")).to_contain_text("from 1 to 30")
        expect(seconds).to_be_focused()
        expect(seconds).to_have_value("99")
        page.keyboard.press("Control+a")
        page.keyboard.type("1")  # which is looked at before the next key is pressed
        expect(page.locator("#timeout_s-fault")).to_be_hidden()
        page.keyboard.type("2")
        expect(seconds).to_have_value("12")
        seconds.blur()
        expect(verdict).to_contain_text("Every call ends well")

        outline.locator("a.step b", has_text="waiting message").click()
        page.wait_for_url("**/menus?flow=main&node=waiting-message")
        page.locator("#remove summary").click()
        page.locator("#heir").select_option("")
        page.get_by_role("button", name="Remove this step").click()
        expect(verdict).to_contain_text("1 fault: this cannot be published")
        fault = page.locator(".faults li").first
        expect(fault).to_contain_text("leads to “waiting message”, and there is no such step")
        expect(fault).to_contain_text(
            "wait until you come to “menu”; press 4; wait until you come to “waiting”; press 0"
        )
        expect(page.locator('svg a[data-what="gone"]')).to_contain_text("waiting message")
        page.screenshot(path=pictures / "menus-refused.png")
        assert visit.barriers() == []

        fault.get_by_role("link", name="Hear it").click()
        page.wait_for_url("**/try?call=*")
        expect(page.locator("[data-steps] li")).not_to_have_count(0)
        page.go_back()
        expect(verdict).to_contain_text("1 fault: this cannot be published")

        page.locator("svg a[tabindex='0']").focus()
        page.keyboard.press("Control+z")
        expect(verdict).to_contain_text("Every call ends well")
        expect(page.locator('svg a[data-what="gone"]')).to_have_count(0)
    assert '4 = "waiting"' in draft.read(desk.place).text
    assert "waiting" not in desk.place.site_file.read_text("utf-8")


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
