"""Calls in a real browser: who calls is seen as the telephone rings, the call is found by its last
digits, its number opened, and called back by one click, all on real Asterisks."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware.asterisk.telco import Answers, Silent
from firmware.operations import Role
from firmware.web.telephone_number import telephone
from tests.page.practice import Practice, calls_and_hears_the_menu
from tests.page.visit import visiting

ANN = "2025550177"
HOSTILE = "<img src=x onerror=alert(1)>"


def test_a_caller_is_seen_as_the_telephone_rings_found_afterwards_and_called_back(
    here: Practice, chromium: Browser, pictures: Path
) -> None:
    telco = here.rehearsal.telco
    here.run(telco.behave("103", Silent()))
    for answers in ("101", ANN):
        here.run(telco.behave(answers, Answers()))
    rung, heard = (len(telco.desks[each].rings) for each in ("101", ANN))
    with visiting(chromium, here.address) as visit:
        page = visit.page
        visit.sign_in(Role.FRONT_DESK)
        calling = page.locator("[data-table=calling] tbody tr")
        expect(calling).to_have_count(0)
        call = here.run(calls_and_hears_the_menu(here, number=ANN, name=HOSTILE))
        expect(page.locator("[data-table=lines] tr[data-key=main]")).to_contain_text("1 call")
        here.run(call.press("2"))
        expect(calling).to_contain_text("not on the list: ··· 77")
        expect(calling).to_contain_text("rings at 103")
        page.screenshot(path=pictures / "today-calling.png", full_page=True)
        here.run(call.hang_up())
        expect(calling).to_have_count(0)

        page.get_by_role("link", name="Calls", exact=True).click()
        page.get_by_label("Number").fill(ANN[-4:])
        page.get_by_role("button", name="Search").click()
        rows = page.locator("table.list tbody tr")
        expect(rows.first).to_contain_text("··· 77")
        page.screenshot(path=pictures / "calls-found.png", full_page=True)
        rows.first.get_by_role("link").click()
        expect(page.locator(".way")).to_contain_text("the caller presses 2")
        assert ANN not in page.content()
        page.get_by_role("button", name="Show number and name").click()
        expect(page.locator(".facts")).to_contain_text(telephone(ANN))
        expect(page.locator(".facts")).to_contain_text(HOSTILE)
        page.screenshot(path=pictures / "call-opened.png", full_page=True)
        assert ANN not in page.url

        page.locator(".call-back select").select_option("101")
        page.get_by_role("button", name="Call back").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Telephone 101 rings")
        here.run(telco.next_ring("101", rung))
        ring = here.run(telco.next_ring(ANN, heard))
        assert ring.caller == here.rehearsal.plan.dial_rules[0].shows
        page.get_by_role("link", name="Back").click()
        expect(page.locator(".way")).to_contain_text(
            re.compile("a colleague calls back, from phone 101")
        )
        expect(page.locator(".call-back select")).to_have_value("101")
        here.run(telco.all_over())


async def somebody_calls(here: Practice) -> None:
    """And hears who it is."""
    call = await here.rehearsal.telco.call(here.rehearsal.plan.lines["main"].numbers[0])
    await call.answered
    await call.hang_up()


@pytest.mark.parametrize("language", ["en", "es"])
def test_nobody_is_kept_from_reading_calls(
    here: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    here.run(somebody_calls(here))
    with visiting(chromium, here.address, language) as visit:
        visit.sign_in(Role.ADMIN)
        visit.go("/calls")
        one = visit.page.locator("table.list tbody a").first.get_attribute("href")
        assert one is not None
        for path, name in (("/calls", "calls"), (one, "call")):
            visit.go(path)
            visit.nobody_is_kept(pictures, name)


def test_no_browser_refused_anything_of_the_calls_by_the_policy(here: Practice) -> None:
    assert "by the page's policy" not in here.said()
    assert "a page failed" not in here.said()
