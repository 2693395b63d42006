"""The first visit in a real browser, to a box that nobody has set up: the code that its console
shows, the paper, the first admin, and no barrier on the way."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from firmware import people, rehearsal
from firmware.asterisk.telco import Answers
from firmware.beginning import DAYS
from firmware.place import Place
from firmware.ports import free_ports
from tests.page.practice import PASSWORD, SOON_S, Elsewhere, Practice, standing
from tests.page.visit import Visit, visiting

MOBILE = "2025550171"
TRUNK = """
[trunks.telco]
host = "127.0.0.2"
port = 5070

[lines.main]
trunk = "telco"
numbers = ["2025550100"]
flow = "main"
"""


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[tuple[Place, str]]:
    """A box as it comes out of its carton, and its page's address."""
    place, there = Place(tmp_path), Elsewhere()
    place.run.mkdir()
    with ExitStack() as kept:
        https, http = map(str, free_ports(kept, 2))
        command = (*rehearsal.WEB, "--https-port", https, "--http-port", http)
        service = rehearsal.serving(place, "web", command, lambda line: None)
        there.run(service.__aenter__())
        try:
            yield place, f"https://localhost:{https}"
        finally:
            there.run(service.__aexit__(None, None, None))
            there.close()


def makes_the_admin(visit: Visit, said: str, looked_at: Callable[[str], None]) -> None:
    """By the code that the console shows, with the paper in hand."""
    (code,) = re.findall(r"one-time code: ([a-z0-9-]+)", said)
    visit.go("/")
    looked_at("first")
    visit.page.locator("#code").fill(code)
    visit.page.locator("button.main").click()
    visit.page.wait_for_url("**/first/paper")
    looked_at("paper")
    word = visit.page.locator(".key li").nth(2).locator("b").inner_text()
    visit.page.locator("#word").fill(word)
    visit.page.locator("button.main").click()
    visit.page.wait_for_url("**/first/admin")
    looked_at("admin")
    visit.page.locator("#person").fill("maria")
    visit.page.locator("#password").fill(PASSWORD)
    visit.page.locator("#again").fill(PASSWORD)
    visit.page.locator("button.main").click()
    visit.page.wait_for_url("**/sign-in")
    visit.page.locator("#person").fill("maria")
    visit.page.locator("#password").fill(PASSWORD)
    visit.page.locator("button.main").click()
    visit.page.wait_for_url("**/begin/clinic")


def answers_five_questions(visit: Visit, looked_at: Callable[[str], None]) -> None:
    """As a practice manager does, open day and night."""
    answers = {"name": "Elm Family Practice", "address": "4 Elm Road, Springfield"} | {
        "number": "2025550100",
        "timezone": "America/Chicago",
        "subdivision": "IL",
    }
    looked_at("begin-clinic")
    for name, value in answers.items():
        visit.page.locator(f"#{name}").fill(value)
    goes_on(visit, "hours")
    for day in ("mon", "sat", "sun"):
        for end in ("from", "until"):
            visit.page.locator(f"#{day}-{end}-1").fill("00:00")
    visit.page.locator("[data-as-monday]").click()
    for day in DAYS:
        expect(visit.page.locator(f"#{day}-until-1")).to_have_value("00:00")
    looked_at("begin-hours")
    goes_on(visit, "phones")
    if not visit.page.locator("#number-0").input_value():
        visit.page.locator("#number-0").fill("101")
        visit.page.locator("#name-0").fill("Front desk")
    visit.page.locator("#room-0").fill("reception")
    looked_at("begin-phones")
    goes_on(visit, "people")
    visit.page.locator("#name-0").fill("Dr. Ann Lee")
    visit.page.locator("#mobile-0").fill(MOBILE)
    looked_at("begin-people")
    goes_on(visit, "menu")
    visit.page.locator("input[value=solo]").check()
    looked_at("begin-menu")
    goes_on(visit, "test")
    looked_at("begin-test")


def goes_on(visit: Visit, step: str) -> None:
    visit.page.locator(".card button.main").click()
    visit.page.wait_for_url(f"**/begin/{step}")


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_box_out_of_its_carton_has_an_admin_and_a_paper_and_asks_its_questions(
    fresh: tuple[Place, str], chromium: Browser, pictures: Path, language: str
) -> None:
    place, address = fresh
    said = (place.home / "web.log").read_text("utf-8")
    # With what a technician has connected, and no exchange.
    place.site_file.write_text(TRUNK, "utf-8")
    with visiting(chromium, address, language) as visit:
        looked_at = partial(visit.nobody_is_kept, pictures)
        makes_the_admin(visit, said, looked_at)
        expect(visit.page.locator("header .person")).to_contain_text("maria")
        answers_five_questions(visit, looked_at)
    assert people.names(place.page_db) == ["maria"]
    assert "by the page's policy" not in (place.home / "web.log").read_text("utf-8")


def test_from_the_carton_to_a_first_call_that_is_answered_by_the_stopwatch(
    tmp_path: Path, chromium: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of it by hand of a browser: what a person needs more is reading and typing."""
    with standing(tmp_path, is_new=True) as box, visiting(chromium, box.address) as visit:
        began = time.monotonic()
        makes_the_admin(visit, box.said(), lambda _: None)
        answers_five_questions(visit, lambda _: None)
        visit.page.locator("a[href='/publish']").first.click()
        visit.page.wait_for_url("**/publish")
        visit.page.locator("form[action='/publish'] button").click()
        visit.page.get_by_role("button", name="Confirm").click()
        expect(visit.page.locator("tr[data-version][data-tone=well]").first).to_be_visible()
        visit.go("/begin")
        visit.page.wait_for_url("**/begin/test")
        expect(visit.page.locator(".todo li").nth(0)).to_contain_text("in force")
        visit.page.locator("form[action='/begin/test'] button").click()
        expect(visit.page.locator(".todo li").nth(1)).to_contain_text("The box works.")
        box.run(box.rehearsal.telco.behave(MOBILE, Answers(after_s=0.2)))
        visit.page.locator("#mobile").fill("(202) 555-0171")
        visit.page.locator("form[action='/begin/mobile'] button").click()
        expect(visit.page.locator(".todo li").nth(2)).to_contain_text("The line works.")
        with visit.page.expect_download() as kept:
            visit.page.locator("form[action='/backups'] button").click()
        assert Path(kept.value.path()).read_bytes().startswith(b"age-encryption.org/v1")
        visit.go("/begin/test")
        expect(visit.page.locator(".todo li").nth(4)).to_contain_text("A backup was made.")
        box.run(rings_the_front_desk(box))
        visit.page.locator("form[action='/begin/done'] button").click()
        visit.page.wait_for_url("**/today")
        expect(visit.page.locator(".brand")).to_contain_text("Elm Family Practice")
        with capsys.disabled():
            print(f"\nfrom the carton to a call: {time.monotonic() - began:.0f} s")  # noqa: T201


async def rings_the_front_desk(box: Practice) -> None:
    """Somebody calls the clinic and presses 0; the telephone at the desk rings with them."""
    telco = box.rehearsal.telco
    call = await telco.call("2025550100", number="2025550188")
    async with asyncio.timeout(SOON_S):
        await asyncio.shield(call.answered)
    await call.press("0")
    ring = await telco.next_ring("101", 0, within_s=SOON_S)
    assert ring.caller == "2025550188"
    await call.hang_up()
