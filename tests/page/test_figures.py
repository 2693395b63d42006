"""Figures in a real browser: a call is counted and drawn, explained and led to; and everybody can
read them, on the screen and on paper."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware.operations import Role
from tests.page.practice import Practice
from tests.page.visit import visiting


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_call_is_counted_drawn_explained_and_led_to_and_everybody_can_read_it(
    here: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    number = here.rehearsal.plan.lines["main"].numbers[0]
    with visiting(chromium, here.address, language) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        busy = page.locator("[data-table=lines] tr[data-key=main][data-tone=well]")
        call = here.run(here.rehearsal.telco.call(number))
        expect(busy).to_have_count(0)
        here.run(call.hang_up())
        expect(busy).to_have_count(1)
        visit.go("/figures?span=month")
        calls = page.locator("#calls")
        expect(calls.locator(".big")).not_to_have_text("0")
        expect(page.locator(".chart canvas")).to_have_count(2)
        behind = page.locator("details.behind").first
        expect(behind.locator("tbody tr").first).not_to_be_visible()
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        expect(behind.locator("tbody tr").first).to_be_visible()
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        calls.locator("summary").click()
        expect(calls.locator("dd").first).to_be_visible()
        visit.nobody_is_kept(pictures, "figures")
        with page.expect_download() as taken:
            page.locator("a[href^='/figures/csv']").click()
        assert taken.value.suggested_filename.endswith(".csv")
        calls.locator("a").click()
        page.wait_for_url("**/calls?since=*")
        expect(page.locator(".chips li")).to_have_count(1)
        visit.nobody_is_kept(pictures, "counted")
        expect(page.locator("table.list tbody tr").first).to_be_visible()
        page.locator(".chips a").click()
        expect(page.locator(".chips")).to_have_count(0)
