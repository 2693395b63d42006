"""Today in a real browser: a caller who comes and goes is seen at once, the clinic is closed and
opened again, and an exchange that has gone is said to have."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from firmware import people, sessions
from firmware.operations import Role
from tests.page.practice import Practice
from tests.page.visit import visiting


def test_a_caller_who_waits_is_seen_at_once_and_no_more_when_gone(
    here: Practice, chromium: Browser, pictures: Path
) -> None:
    from firmware.asterisk.telco import Silent

    here.run(here.rehearsal.telco.behave("103", Silent()))
    number = here.rehearsal.plan.lines["main"].numbers[0]
    with visiting(chromium, here.address) as visit:
        visit.sign_in(Role.FRONT_DESK)
        waiting = visit.page.locator("[data-text=waiting]")
        expect(waiting).to_have_text("Nobody waits")
        call = here.run(here.rehearsal.telco.call(number))
        lines = visit.page.locator("[data-table=lines] tr[data-key=main]")
        expect(lines).to_contain_text("1 call")
        here.run(call.press("2"))
        expect(waiting).to_have_text("1 caller waits")
        row = visit.page.locator("[data-table=waiting] tbody tr")
        expect(row).to_have_count(1)
        expect(row).to_contain_text("nurse")
        expect(row).to_contain_text("a phone rings")
        expect(row.locator("[data-seconds]")).to_have_text(re.compile(r"0:0[1-9]|0:[1-9]\d"))
        visit.page.screenshot(path=pictures / "today-waiting.png", full_page=True)
        here.run(call.hang_up())
        expect(waiting).to_have_text("Nobody waits")
        expect(row).to_have_count(0)


def test_the_clinic_is_closed_by_hand_and_as_scheduled_again(
    here: Practice, chromium: Browser
) -> None:
    with visiting(chromium, here.address) as visit:
        visit.sign_in(Role.FRONT_DESK)
        row = visit.page.locator("[data-table=hours] tbody tr").first
        expect(row).to_contain_text("open")
        visit.page.get_by_role("button", name="Close").first.click()
        expect(row).to_contain_text("closed")
        expect(row).to_contain_text("switched by hand")
        visit.page.get_by_role("button", name="As scheduled").first.click()
        expect(row).to_contain_text("by the week's hours")


def test_a_screen_that_was_refused_for_a_while_is_live_again_by_itself(
    here: Practice, chromium: Browser
) -> None:
    answers = [500, 429, 503]

    def answered(route: Route) -> None:
        if answers:
            route.fulfill(status=answers.pop(0))
        else:
            route.continue_()

    with visiting(chromium, here.address) as visit:
        visit.page.route("**/today/live", answered)
        visit.sign_in(Role.NURSE)
        headline = visit.page.locator("[data-text=headline]")
        headline.evaluate("place => { place.textContent = 'of old'; }")
        expect(headline).not_to_have_text("of old")
        assert answers == []
        visit.complaints = [c for c in visit.complaints if "Failed to load" not in c]


def test_messages_that_were_refused_for_a_while_come_in_again_by_themselves(
    here: Practice, chromium: Browser
) -> None:
    answers = [500, 429]

    def answered(route: Route) -> None:
        if answers:
            route.fulfill(status=answers.pop(0))
        else:
            route.continue_()

    with visiting(chromium, here.address) as visit:
        visit.page.route("**/messages/live?*", answered)
        visit.sign_in(Role.NURSE)
        good = re.compile(r"/messages/live\?")
        with visit.page.expect_response(lambda a: bool(good.search(a.url)) and a.status == 200):
            visit.go("/messages")
        assert answers == []
        visit.complaints = [c for c in visit.complaints if "Failed to load" not in c]


def test_a_screen_whose_session_is_over_when_it_is_tried_again_leads_to_sign_in(
    here: Practice, chromium: Browser
) -> None:
    answers = [500]

    def answered(route: Route) -> None:
        if answers:
            people.write(here.place.page_db, lambda c: sessions.end_all(c, "the nurse"))
            route.fulfill(status=answers.pop())
        else:
            route.continue_()

    with visiting(chromium, here.address) as visit:
        visit.page.route("**/today/live", answered)
        visit.sign_in(Role.NURSE)
        visit.page.wait_for_url("**/sign-in")
        visit.complaints = [c for c in visit.complaints if "Failed to load" not in c]


def test_an_auditor_looks_and_switches_nothing(here: Practice, chromium: Browser) -> None:
    with visiting(chromium, here.address) as visit:
        visit.sign_in(Role.AUDITOR)
        expect(visit.page.get_by_role("heading", level=1)).to_be_visible()
        expect(visit.page.get_by_role("button", name="Close")).to_have_count(0)


def test_on_a_small_screen_all_others_are_one_line_that_the_keyboard_opens(
    here: Practice, chromium: Browser, pictures: Path
) -> None:
    with visiting(chromium, here.address) as visit:
        visit.sign_in(Role.ADMIN)
        visit.look("phone")
        others = visit.page.get_by_role("navigation")
        expect(others.get_by_role("link", name="Publish")).to_be_hidden()
        others.locator("summary").focus()
        visit.page.keyboard.press("Enter")
        visit.nobody_is_kept(pictures, "screens", ("phone", "zoomed"))
        others.get_by_role("link", name="Publish").focus()
        visit.page.keyboard.press("Enter")
        visit.page.wait_for_url("**/publish")
        expect(others.locator("summary")).to_have_text("Screens: Publish")
        visit.look("desktop")
        expect(others.get_by_role("link", name="Today")).to_be_visible()
        expect(others.locator("summary")).to_be_hidden()


@pytest.mark.parametrize("language", ["en", "es"])
def test_nobody_is_kept_from_reading_today(
    here: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    for dark in (False, True):
        with visiting(chromium, here.address, language, dark=dark) as visit:
            visit.sign_in(Role.ADMIN)
            visit.nobody_is_kept(pictures, "today-dark" if dark else "today")


def test_no_browser_refused_anything_by_the_policy(here: Practice) -> None:
    assert "by the page's policy" not in here.said()
    assert "a page failed" not in here.said()
