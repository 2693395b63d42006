"""Hours and on-call in a real browser: days are dragged over and become an exception of the draft,
and everybody can read the weeks."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware import draft
from firmware.operations import Role
from tests.firmware.test_calendars import PAINTERS
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
        days.nth(4).locator("th").focus()
        page.keyboard.press("Shift+ArrowDown")
        expect(page.locator("#exception-first")).to_have_value("2027-03-12")
        expect(page.locator("#exception-last")).to_have_value("2027-03-13")
        expect(days.nth(5).locator("th")).to_be_focused()
        for key in ("ArrowUp", "ArrowUp", "ArrowUp", "ArrowUp"):
            page.keyboard.press(key)
        for key in ("Shift+ArrowDown", "Shift+ArrowDown"):
            page.keyboard.press(key)
        page.locator("#exception-name").fill("Roof repair")
        page.locator("form[action='/hours/exception'] button").click()
        expect(page.locator(".agreed")).to_contain_text("Roof repair 2027-03-09 to 2027-03-11")
        page.locator(".agreed li", has_text="Roof repair").get_by_role("button").click()
        expect(page.locator(".hours")).not_to_contain_text("Roof repair")
    draft.discard(here.place, draft.read(here.place).step)


def test_days_of_a_month_are_chosen_by_the_mouse_and_by_the_keyboard(
    here: Practice, chromium: Browser
) -> None:
    with visiting(chromium, here.address) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        visit.go("/hours/month?day=2027-03-10")
        first, last = page.locator("#exception-first"), page.locator("#exception-last")
        for day, act in (("2027-03-05", page.mouse.down), ("2027-03-16", page.mouse.up)):
            box = page.locator(f"[data-day='{day}'] a").bounding_box()
            assert box is not None
            page.mouse.move(box["x"] + 8, box["y"] + 8, steps=6)
            act()
        expect(first).to_have_value("2027-03-05")
        expect(last).to_have_value("2027-03-16")
        expect(page.locator(".month .chosen")).to_have_count(12)
        expect(page.locator("#exception-name")).to_be_focused()
        page.locator("[data-day='2027-03-22'] a").focus()
        page.keyboard.press("Shift+ArrowDown")
        page.keyboard.press("Shift+ArrowLeft")
        expect(page.locator("[data-day='2027-03-28'] a")).to_be_focused()
        expect(first).to_have_value("2027-03-22")
        expect(last).to_have_value("2027-03-28")
        page.locator("#exception-name").fill("Roof repair")
        page.locator("#exception-name").press("Enter")
        page.wait_for_url("**/hours?day=2027-03-22")
        agreed = page.locator(".agreed li", has_text="Roof repair 2027-03-22 to 2027-03-28")
        expect(agreed).to_have_count(1)
        visit.go("/hours/month?day=2027-03-10")
        page.locator("[data-day='2027-03-24'] a").click()
        page.wait_for_url("**/hours?span=week*")
    draft.discard(here.place, draft.read(here.place).step)


def test_a_week_and_a_rotation_are_looked_at_before_they_are_kept(
    here: Practice, chromium: Browser
) -> None:
    with visiting(chromium, here.address) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        visit.go("/hours")
        page.get_by_role("link", name="Change these hours: office").click()
        page.locator("[name=mon-1-opens]").fill("07:30")
        page.locator("[name=mon-1-closes]").fill("06:30")
        page.get_by_role("button", name="Save in the draft").click()
        beside = page.locator("#mon-fault")
        expect(beside).to_contain_text("It ends before it begins.")
        visit.complaints = [each for each in visit.complaints if "422" not in each]  # its answer
        assert visit.barriers() == []
        page.locator("[name=mon-1-closes]").fill("11:30")
        page.locator("[name=like-monday]").check()
        page.get_by_role("button", name="Show the week first").click()
        expect(page.locator("#preview")).to_contain_text("not kept yet")
        expect(page.locator(".week").first).to_contain_text("7:30\u202fAM–11:30\u202fAM")
        expect(page.locator("[name=thu-1-opens]")).to_have_value("07:30")
        assert draft.read(here.place).step == 0
        page.get_by_role("button", name="Save in the draft").press("Enter")
        page.wait_for_url("**/hours")
        page.get_by_role("link", name="Change rotation 1: first").click()
        page.locator("[name=days]").fill("1")
        page.locator("[name=only-1-day]").select_option("weekdays")
        page.locator("[name=only-1-opens]").fill("17:00")
        page.locator("[name=only-1-closes]").fill("08:00")
        page.get_by_role("button", name="Save in the draft").click()
        page.wait_for_url("**/hours")
        expect(page.locator("#gaps")).to_be_visible()
        page.locator("#exception-how").select_option("cut")
        expect(page.locator("[data-how=times]")).to_be_hidden()
        expect(page.locator("#exception-opens")).to_be_visible()
        page.get_by_role("link", name="The month").click()
        expect(page.locator(".month [data-tone=alarm]").first).to_contain_text("A gap")
        page.locator(".month a").first.press("Enter")
        page.wait_for_url("**/hours?span=week*")
        page.get_by_role("button", name="Undo the last change").click()
        expect(page.locator("#gaps")).to_have_count(0)
    draft.discard(here.place, draft.read(here.place).step)


def test_a_calendar_s_file_is_brought_and_what_is_wrong_with_one_stands_beside_it(
    here: Practice, chromium: Browser, tmp_path: Path
) -> None:
    (tmp_path / "letter.ics").write_text("Dear all", "utf-8")
    (tmp_path / "painters.ics").write_text(PAINTERS, "utf-8")
    with visiting(chromium, here.address) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        visit.go("/hours")
        page.get_by_role("link", name="Calendars that close it: office").click()
        page.get_by_role("button", name="Add it to the draft").click()
        expect(page.locator("#file-fault")).to_have_text("Choose a file first.")
        page.locator("#file").set_input_files(tmp_path / "letter.ics")
        page.get_by_role("button", name="Add it to the draft").press("Enter")
        expect(page.locator("#file-fault")).to_contain_text("does not begin with BEGIN:VCALENDAR")
        expect(page.locator("#file")).to_be_focused()
        visit.complaints = [each for each in visit.complaints if "422" not in each]  # its answer
        assert visit.barriers() == []
        page.locator("#file").set_input_files(tmp_path / "painters.ics")
        page.get_by_role("button", name="Add it to the draft").press("Enter")
        expect(page.locator(".hours details")).to_contain_text("Painters")
        visit.nobody_is_kept(tmp_path, "calendars", ("desktop", "phone"))
        page.get_by_role("button", name="Take it out of the draft").click()
        expect(page.locator(".hours")).to_contain_text("No calendar closes these hours yet.")
    draft.discard(here.place, draft.read(here.place).step)


SCREENS = {
    "hours": "/hours?day=2026-11-01",
    "month": "/hours/month?day=2026-11-01",
    "schedule": "/hours/schedule/office",
    "calendars": "/hours/calendars/office",
    "rotations": "/hours/oncall",
    "rotation": "/hours/oncall/first/0",
    "exception": "/hours/exception/office/0",
    "holiday": "/hours/holiday?name=Christmas+Day",
}


@pytest.mark.parametrize("language", ["en", "es"])
def test_nobody_is_kept_from_reading_the_weeks(
    here: Practice, chromium: Browser, pictures: Path, language: str
) -> None:
    text = draft.read(here.place).text
    eve = '[[hours.office.exceptions]]\nname = "Eve"\non = 2026-11-05\nopens = "10:00"\n\n'
    draft.keep(
        here.place,
        text.replace("[holidays] ", f"{eve}[holidays] ", 1),
        "a",
        "b",
        0,
        datetime.now(UTC),
    )
    with visiting(chromium, here.address, language) as visit:
        visit.sign_in(Role.ADMIN)
        for name, path in SCREENS.items():
            visit.go(path)
            looks = LOOKS if name == "hours" else ("desktop", "phone")
            visit.nobody_is_kept(pictures, name, looks)
    draft.discard(here.place, draft.read(here.place).step)
