"""The line doctor in a real browser, on a real exchange and Asterisk: every telephone is rung until
somebody stops it, and the box's own line and one to
a number outside are measured, drawn and printed."""

from pathlib import Path

from playwright.sync_api import Browser, expect

from firmware.asterisk.telco import Silent
from firmware.operations import Role
from tests.page.practice import Practice
from tests.page.visit import visiting

ANN = "2025550191"  # who answers, and whose tone is no silence
MEASURED_WITHIN_MS = 60_000


def test_the_doctor_is_begun_watched_stopped_and_what_it_found_is_drawn_and_printed(
    here: Practice, chromium: Browser, pictures: Path
) -> None:
    here.run(here.rehearsal.telco.behave("101", Silent()))
    with visiting(chromium, here.address) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        visit.go("/rooms")
        page.get_by_role("link", name="Line doctor").click()
        page.get_by_role("button", name="Ring every telephone").click()
        expect(page.locator("[data-text=doing]")).to_contain_text("ringing 1")
        expect(page.locator("[data-table=found] tbody tr").first).to_contain_text("telephone 101")
        assert visit.barriers() == []
        page.get_by_role("button", name="Stop the doctor").click()
        expect(page.get_by_role("alert").first).to_contain_text("stopped before it was done")

        page.get_by_role("button", name="The box and its own line").click()
        level = page.locator("tr", has_text="level there")
        expect(level).to_contain_text("dBm0", timeout=MEASURED_WITHIN_MS)
        page.locator("#number").fill(ANN)
        page.get_by_role("button", name="Ring it, and measure the line").click()
        expect(page.locator("svg[role=img]")).to_have_count(2, timeout=MEASURED_WITHIN_MS)
        visit.nobody_is_kept(pictures, "doctor", ("desktop", "phone"))
        page.get_by_role("link", name="A sheet to print").click()
        expect(page.get_by_role("button", name="Print this sheet")).to_be_visible()
        assert visit.barriers() == []
