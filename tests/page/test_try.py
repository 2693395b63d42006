"""Try it in a real browser: a call through the draft is heard and told, its new words too, by a
telephone as well; it is kept, and a change that leads it elsewhere cannot be published."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware import draft
from firmware.asterisk.telco import Answers
from firmware.operations import Role
from tests.page.practice import Practice
from tests.page.test_publish import drafted
from tests.page.visit import Visit, visiting


def test_a_call_through_the_draft_is_heard_with_its_new_words_and_kept_as_a_test(
    here: Practice, chromium: Browser, pictures: Path
) -> None:
    drafted(here, "Thank you for calling", "How good that you call")
    with visiting(chromium, here.address) as visit:
        visit.sign_in(Role.ADMIN)
        visit.go("/try")
        with visit.page.expect_response("**/try/sound/en/welcome?*") as heard:
            visit.page.get_by_role("button", name="Call the clinic").click()
        assert heard.value.status == 200
        assert heard.value.body() != (here.place.prompts / "en/welcome.wav").read_bytes()
        steps = visit.page.locator("[data-steps]")
        expect(steps).to_contain_text("How good that you call")
        visit.page.locator("[data-key='2']").click()
        expect(steps).to_contain_text("You press 2")
        expect(steps).to_contain_text("phone 103 rings")
        visit.page.get_by_role("button", name="All at once").click()
        expect(steps).to_contain_text("the call has ended: answered")
        visit.page.screenshot(path=pictures / "try-told.png", full_page=True)
        hears_by_telephone(here, visit, "102", pictures)
        # The same call while the nurse is away.
        visit.page.locator("#phones").select_option("absent")
        expect(steps).to_contain_text("the call has ended: left a message")
        visit.page.locator("#phones").select_option("answer")
        expect(steps).to_contain_text("the call has ended: answered")
        visit.page.locator("#name").fill("to-the-nurse")
        visit.page.get_by_role("button", name="Keep", exact=True).click()
        row = visit.page.locator("[data-kept='to-the-nurse']")
        expect(row).to_contain_text("as it should")
        # Whoever leads that call elsewhere is told so, and cannot publish.
        kept = draft.read(here.place)
        text = kept.text.replace('2 = "nurse"', '2 = "address"', 1)
        draft.keep(here.place, text, "the admin", "a change", kept.step, datetime.now(UTC))
        visit.go("/try")
        expect(row).to_contain_text("It went")
        visit.go("/publish")
        expect(visit.page.locator(".publish")).to_contain_text("the kept call goes elsewhere now")
        expect(visit.page.locator("#name")).to_have_count(0)
        expect(visit.page.locator("figure.picture svg")).to_be_visible()
        visit.page.screenshot(path=pictures / "publish-marked.png", full_page=True)
        draft.discard(here.place, draft.read(here.place).step)


def hears_by_telephone(here: Practice, visit: Visit, phone: str, pictures: Path) -> None:
    telco = here.rehearsal.telco
    here.run(telco.behave(phone, Answers()))
    rung = len(telco.desks[phone].rings)
    visit.page.get_by_label("Hear it on a telephone").select_option(phone)
    visit.page.get_by_role("button", name="Call me").click()

    async def picks_up() -> None:
        ring = await telco.next_ring(phone, rung)
        assert ring.name == "The draft"
        await ring.talked
        await telco.hang_up(ring)

    here.run(picks_up())
    expect(visit.page.locator("[data-rung]")).to_contain_text(f"Telephone {phone} rings")
    visit.page.screenshot(path=pictures / "try-rung.png", full_page=True)


@pytest.mark.parametrize("language", ["en", "es"])
def test_nobody_is_kept_from_trying(
    here: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    with visiting(chromium, here.address, language) as visit:
        visit.sign_in(Role.ADMIN)
        visit.go("/try")
        visit.nobody_is_kept(pictures, "try")
