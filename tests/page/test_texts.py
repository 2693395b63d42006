"""Texts in a real browser: a text that staff writes is followed until it came or is taken back, and
a STOP from the number of somebody on call is on Today with its cure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware.operations import Role
from firmware.rehearsal import TEMPLATE, always_open
from tests.lines.far_mobile import FarMobile
from tests.page import practice
from tests.page.practice import Practice
from tests.page.visit import visiting

PATIENT, ON_CALL = "+12025550142", "+12025550171"
SITE = """
[modems.mobile]
port = "{ports}/pci-0-usb-0:1:1.2-port0"
voice = "{ports}/pci-0-usb-0:1:1.1-port0"

[sms]
modem = "mobile"

[people.lee]
name = "Dr. Lee"
numbers = ["101"]
text = "2025550171"
"""


@dataclass(slots=True)
class Clinic:
    """A practice with a modem, and the network behind that."""

    here: Practice
    mobile: FarMobile

    def text(self, number: str, words: str) -> None:
        """Somebody writes."""

        async def write() -> None:
            self.mobile.network.text(number, words, 0.0)

        self.here.run(write())

    def until(self, holds: Callable[[], bool]) -> None:
        self.here.run(self.mobile.until(holds))


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    ports = tmp_path_factory.mktemp("by-path")
    site = always_open(TEMPLATE.read_text("utf-8")) + SITE.format(ports=ports)
    with practice.standing(tmp_path_factory.mktemp("texting"), site_text=site) as here:

        async def plugged_in() -> FarMobile:
            return FarMobile(ports)

        async def pulled_out(mobile: FarMobile) -> None:
            mobile.close()

        mobile = here.run(plugged_in())
        yield Clinic(here, mobile)
        here.run(pulled_out(mobile))


def test_a_text_to_a_caller_is_taken_back_and_another_is_followed_until_it_came(
    clinic: Clinic, chromium: Browser, pictures: Path
) -> None:
    with visiting(chromium, clinic.here.address) as visit:
        page = visit.page
        visit.sign_in(Role.FRONT_DESK)
        visit.go("/messages")
        clinic.text(PATIENT, "May I come at nine?")
        page.locator("[data-open=request]").last.click()
        history = page.locator("[data-part=history]")

        def write(words: str) -> None:
            if not page.locator("#text").is_visible():
                page.get_by_text("Text them").click()
            page.locator("#text").fill(words)
            page.get_by_role("button", name="Send the text").click()
            expect(history).to_contain_text(words)

        write("This is for somebody else.")
        expect(history).to_contain_text("text, waiting to go")
        page.screenshot(path=pictures / "texts-waiting.png", full_page=True)
        page.get_by_role("button", name="Take it back").click()
        expect(page.locator("[data-part=said]")).to_contain_text("The text was taken back")
        expect(history).to_contain_text("text, taken back")
        expect(page.get_by_role("button", name="Take it back")).to_have_count(0)

        write("Tomorrow at nine.")
        expect(history).to_contain_text("text, waiting to go")
        expect(history).to_contain_text("text, delivered", timeout=60_000)  # by itself
        expect(page.get_by_role("button", name="Take it back")).to_have_count(0)
        page.screenshot(path=pictures / "texts-delivered.png", full_page=True)
        said = [taken.text for taken in clinic.mobile.network.texts_taken]
        assert any("Tomorrow at nine." in each for each in said)
        assert not any("somebody else" in each for each in said)
        visit.go("/texts")
        expect(page.locator("table").first).to_contain_text("··· 42")
        assert visit.barriers() == []


def test_a_stop_from_somebody_on_call_is_on_today_and_gone_once_they_were_asked(
    clinic: Clinic, chromium: Browser, pictures: Path
) -> None:
    with visiting(chromium, clinic.here.address) as visit:
        page = visit.page
        visit.sign_in(Role.ADMIN)
        clinic.text(ON_CALL, "STOP")
        cure = page.get_by_role("link", name="Ask them; if it was not they, send texts")
        expect(cure.first).to_be_visible()
        cure.first.click()
        page.wait_for_url("**/texts")
        expect(page.get_by_role("heading", name="Dr. Lee gets no texts")).to_be_visible()
        assert visit.barriers() == []
        page.screenshot(path=pictures / "texts-stop.png", full_page=True)
        page.get_by_role("button", name="I asked: send texts to Dr. Lee again").click()
        expect(page.get_by_role("status").first).to_contain_text("Texts go to them again")
        expect(page.get_by_role("heading", name="Dr. Lee gets no texts")).to_have_count(0)
        clinic.until(
            lambda: any("you get texts again" in t.text for t in clinic.mobile.network.texts_taken)
        )
