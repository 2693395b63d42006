"""The box's network in a real browser: another one is tried, its time is seen to run, and it is
confirmed at the new address, where nobody is signed in; and everybody can read and use it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware.operations import Role
from firmware.web.addresses import names_of_box
from firmware.web.authority import Clock, Identity
from hw.network_files import Wish
from tests.page.visit import LOOKS, Visit, visiting
from tests.web.clinic import Clinic
from tests.web.rooted import SOON_S, Seen, rooted
from tests.web.served import UNHURRIED, served_beside

ADDRESS, PHONES = "192.168.1.20/24", "10.20.0.1/24"


@contextmanager
def at_the_box(
    home: Path, chromium: Browser, device: Seen, language: str = "en"
) -> Iterator[tuple[Visit, str]]:
    """Signed in at one address of the box; and another one, at which nobody is."""
    clinic = Clinic(home).staff()
    clinic.clock.now = datetime.now(UTC)
    identity = Identity(clinic.place, names_of_box(), Clock(clinic.clock.now, is_trusted=True))
    with (
        rooted(clinic.place, device),
        served_beside(clinic.app, UNHURRIED, identity=identity) as port,
        visiting(chromium, f"https://127.0.0.1:{port}", language) as visit,
    ):
        visit.sign_in(Role.ADMIN)
        yield visit, f"https://localhost:{port}"


def test_another_network_is_mended_tried_and_confirmed_at_its_address(
    tmp_path: Path, chromium: Browser
) -> None:
    device = Seen()
    with at_the_box(tmp_path, chromium, device) as (visit, elsewhere):
        page = visit.page
        visit.go("/network")
        expect(page.get_by_label("Router", exact=True)).to_be_hidden()
        page.get_by_label("Always the same").check()
        page.get_by_label("Address and length of its net").fill(ADDRESS)
        page.get_by_label("Router", exact=True).fill("192.168.9.1")
        page.get_by_role("button", name="Try it for 90 seconds").press("Enter")
        wrong = page.get_by_label("Router", exact=True)
        expect(wrong).to_have_accessible_description(re.compile("does not lie in the box"))
        visit.complaints = [each for each in visit.complaints if "422" not in each]  # its answer
        assert device.asked == []
        wrong.fill("192.168.1.1")
        page.get_by_role("button", name="Try it for 90 seconds").press("Enter")
        expect(page.get_by_role("timer", name="Time left").last).to_contain_text("1:2")
        link = page.get_by_role("link", name="Go to the box at its new address")
        to = link.get_attribute("href") or ""
        assert to.startswith("https://192.168.1.20:")
        assert device.tried.wait(SOON_S)
        path, _, code = to.rpartition("/network/keep")
        assert path
        assert code.startswith("#")
        page.goto(f"{elsewhere}/network/keep{code}")
        expect(page.get_by_label("Code")).to_have_value(code[1:])
        assert page.url == f"{elsewhere}/network/keep", "it stands in no history"
        page.get_by_role("button", name="The network stays so").press("Enter")
        expect(page.get_by_role("heading")).to_have_text("The network was confirmed and stays.")
    assert device.in_force() == Wish(how="fixed", address=ADDRESS, gateway="192.168.1.1")


def test_when_the_time_is_over_the_screen_goes_on_by_itself(
    tmp_path: Path, chromium: Browser
) -> None:
    with at_the_box(tmp_path, chromium, Seen()) as (visit, _):
        visit.page.clock.install()
        visit.go("/network")
        visit.page.get_by_role("button", name="Try it for 90 seconds").click()
        expect(visit.page.get_by_role("timer").last).to_contain_text("1:")
        visit.page.clock.fast_forward("01:31")
        visit.page.clock.fast_forward("00:05")
        visit.page.wait_for_url("**/network")
        expect(visit.page.get_by_role("heading", name="As it is now")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "es"])
def test_nobody_is_kept_from_the_network(
    tmp_path: Path, chromium: Browser, pictures: Path, language: str
) -> None:
    device = Seen()
    device.kept = Wish(
        how="fixed", address=ADDRESS, gateway="192.168.1.1", dns="192.168.1.1", vlan="20",
        phones_address=PHONES,
    )  # fmt: skip
    device.former = Wish()
    with at_the_box(tmp_path, chromium, device, language) as (visit, elsewhere):

        def seen(name: str) -> None:
            for how in LOOKS:
                visit.look(how)
                assert not visit.overflows(), (name, how)
                if how in ("desktop", "phone"):
                    shot = pictures / f"{name}-{language}-{how}.png"
                    visit.page.screenshot(path=shot, full_page=True)
                    assert visit.barriers() == [], (name, how)

        visit.go("/network")
        seen("network")
        visit.page.locator("#gateway").fill("10.0.0.1")
        visit.page.locator("form[action='/network'] button.main").click()
        expect(visit.page.locator("#gateway-fault")).to_be_visible()
        seen("network-wrong")
        visit.complaints = [each for each in visit.complaints if "422" not in each]  # its answer
        visit.go("/network")
        visit.page.locator("form[action='/network'] button.main").click()
        expect(visit.page.locator(".code")).to_be_visible()
        seen("network-trial")
        visit.page.goto(f"{elsewhere}/network/keep")
        seen("network-keep")
