"""The one story of a menu, in a real browser on a real exchange and Asterisk: it is built, refused
with a broken link and the shortest call that meets it, mended, tried, published, called through
the simulated telephone company, and taken back, as whoever calls again can hear."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from firmware import draft, trial, versions
from firmware.asterisk.telco import Answers, Ring
from firmware.operations import Role
from tests.page.practice import SOON_S, Practice, calls_and_hears_the_menu
from tests.page.test_publish import LONG_S, in_force, on_trial_for, publish
from tests.page.visit import Visit, visiting

AT_THE_FRONT = ("101", "102")


@pytest.fixture
def desk(here: Practice) -> Iterator[Practice]:
    """Whatever is drafted goes with the story, and nobody else's is there before."""
    draft.discard(here.place, draft.read(here.place).step)
    yield here
    draft.discard(here.place, draft.read(here.place).step)


def test_a_menu_is_built_refused_mended_tried_published_called_and_taken_back(
    desk: Practice, chromium: Browser, pictures: Path
) -> None:
    before = in_force(desk)
    with visiting(chromium, desk.address) as visit:
        visit.sign_in(Role.ADMIN)
        visit.go("/menus?flow=main&node=menu")
        leads_key_four_to_a_waiting_line(visit.page)
        is_told_at_once_of_a_number_too_high(visit.page)
        takes_away_where_it_leads(visit.page)
        visit.page.screenshot(path=pictures / "menus-refused.png")
        assert visit.barriers() == []
        hears_the_call_that_shows_it(visit.page)
        cannot_publish_it(visit)
        mends_it_by_undo(visit)
        assert '4 = "waiting"' in draft.read(desk.place).text
        assert "waiting" not in desk.place.site_file.read_text("utf-8")
        tries_it(visit)
        publish(desk, visit, "four waits for the desk")
        confirms(visit.page, "four waits for the desk")
        assert trial.pending(desk.place) is None
        desk.run(rings_the_desk(desk, "4"))
        expect(way_of_the_newest_call(visit)).to_contain_text("main/waiting")
        visit.go(f"/publish/compare?before={before}&after={in_force(desk)}")
        expect(visit.page.locator(".changes")).to_contain_text("now leads to `waiting`")
        takes_it_back(desk, visit, before)
        # The address is read out; a key cuts it short, and the next one is the menu's again.
        desk.run(rings_the_desk(desk, "4", "0", "0"))
        expect(way_of_the_newest_call(visit)).to_contain_text("main/address")
    assert desk.place.site_file.read_text("utf-8") == versions.find(desk.place, before).text


# ---- the draft ----


def leads_key_four_to_a_waiting_line(page: Page) -> None:
    expect(page.locator(".verdict")).to_contain_text("Every call ends well")
    proven = page.locator("[data-part=verdict]")
    expect(proven).to_contain_text(re.compile(r"Proven for every minute of the next [0-9,]+ days"))
    box = page.locator('svg a[data-id="node:menu"]')
    expect(box).to_have_attribute("aria-current", "true")
    page.locator("[id='choices.4']").select_option("new:queue-with-message")
    expect(page.locator(".outline").first).to_contain_text("waiting message")
    expect(page.locator('svg a[data-id="node:waiting"]')).to_be_visible()
    expect(page.locator("[id='choices.4']")).to_have_value("waiting")


def is_told_at_once_of_a_number_too_high(page: Page) -> None:
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
    expect(page.locator(".verdict")).to_contain_text("Every call ends well")


def takes_away_where_it_leads(page: Page) -> None:
    page.locator(".outline").first.locator("a.step b", has_text="waiting message").click()
    page.wait_for_url("**/menus?flow=main&node=waiting-message")
    page.locator("#remove summary").click()
    page.locator("#heir").select_option("")
    page.get_by_role("button", name="Remove this step").click()
    is_refused(page)
    fault = page.locator(".faults li").first
    expect(fault).to_contain_text("leads to “waiting message”, and there is no such step")
    expect(fault).to_contain_text(
        "wait until you come to “menu”; press 4; wait until you come to “waiting”; press 0"
    )
    expect(page.locator('svg a[data-what="gone"]')).to_contain_text("waiting message")


def is_refused(page: Page) -> None:
    expect(page.locator(".verdict")).to_contain_text("1 fault: this cannot be published")


def hears_the_call_that_shows_it(page: Page) -> None:
    page.locator(".faults li").first.get_by_role("link", name="Hear it").click()
    page.wait_for_url("**/try?call=*")
    expect(page.locator("[data-steps] li")).not_to_have_count(0)


def cannot_publish_it(visit: Visit) -> None:
    visit.go("/publish")
    expect(visit.page.locator(".publish")).to_contain_text("there is no such step")
    expect(visit.page.locator("#name")).to_have_count(0)


def mends_it_by_undo(visit: Visit) -> None:
    visit.go("/menus?flow=main&node=waiting")
    is_refused(visit.page)
    visit.page.locator("svg a[tabindex='0']").focus()
    visit.page.keyboard.press("Control+z")
    expect(visit.page.locator(".verdict")).to_contain_text("Every call ends well")
    expect(visit.page.locator('svg a[data-what="gone"]')).to_have_count(0)


def tries_it(visit: Visit) -> None:
    visit.go("/try")
    visit.page.get_by_role("button", name="Call the clinic").click()
    visit.page.locator("[data-key='4']").click()
    steps = visit.page.locator("[data-steps]")
    expect(steps).to_contain_text("You press 4")
    visit.page.get_by_role("button", name="All at once").click()
    expect(steps).to_contain_text("phone 101 rings")
    expect(steps).to_contain_text("the call has ended: answered")


# ---- in force ----


def confirms(page: Page, name: str) -> None:
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("tr[data-version][data-tone=well]")).to_contain_text(name)


def takes_it_back(here: Practice, visit: Visit, version: int) -> None:
    visit.go("/publish")
    visit.page.locator(f"[data-version='{version}'] button").click()
    expect(visit.page.locator(".countdown")).to_be_visible()
    on_trial_for(here, LONG_S)
    confirms(visit.page, f"as version {version}")


def way_of_the_newest_call(visit: Visit) -> Locator:
    visit.go("/calls")
    visit.page.locator("table.list tbody a").first.click()
    visit.page.wait_for_url("**/calls/*")
    return visit.page.locator(".way")


async def rings_the_desk(here: Practice, *keys: str) -> None:
    """Somebody calls and presses these; at the front desk it is picked up, and they talk."""
    telco = here.rehearsal.telco
    for each in AT_THE_FRONT:
        await telco.behave(each, Answers())
    call = await calls_and_hears_the_menu(here)
    rung = asyncio.ensure_future(rings_next(here))
    for key in keys:
        await call.press(key)
    await (await rung).talked
    await call.hang_up()
    await telco.all_over()


async def rings_next(here: Practice) -> Ring:
    """Whichever telephone of the front desk it is."""
    telco = here.rehearsal.telco
    after = {each: len(telco.desks[each].rings) for each in AT_THE_FRONT}
    waits = [asyncio.ensure_future(telco.next_ring(*each, SOON_S)) for each in after.items()]
    done, others = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    return done.pop().result()
