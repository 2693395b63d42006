"""The pictures of the README: each screen of a practice in which somebody calls, as an old desktop
computer and a telephone show it. `make pictures` draws them again; they are looked at by eye. All
of it stands in a network of its own, in which strangers scan the clinic and are blocked.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from firmware import pins, rehearsal
from firmware.asterisk.telco import LiveCall, Silent
from firmware.operations import Role
from firmware.web.begin import STEPS
from firmware.web.frame import TABS
from tests.lines import siege
from tests.page.conftest import CHROMIUM
from tests.page.practice import CHEAP, PASSWORD, SOON_S, Practice, standing, with_browser_phone

WHERE = Path(__file__).parent / "pictures"
# Width and height in CSS pixels, and how much smaller the picture is.
LOOKS: Mapping[str, tuple[int, int, float]] = {
    "desktop": (1280, 800, 0.625),
    "phone": (390, 844, 0.75),
}
# What no tab leads to.
BEHIND = {
    "staff": "/staff",
    "pins": "/pins",
    "own": "/own",
    "programs": "/programs",
    "backups": "/backups",
    "bring": "/rooms/phones/bring",
    "set-up": "/rooms/phones/set-up/101",
    "network": "/network",
    "doctor": "/doctor",
    "guard": "/guard",
    "extensions": "/rooms/sheets/extensions",
    "wall-sheet": "/rooms/sheets/wall",
    "compare": "/publish/compare",
    "hours-month": "/hours/month",
    "hours-schedule": "/hours/schedule/office",
    "hours-oncall": "/hours/oncall",
    "hours-rotation": "/hours/oncall/first/0",
    **{f"begin-{step}": f"/begin/{step}" for step in STEPS},
}
# Whoever may see the most of a screen; everybody else's is the admin's.
SEEN_BY = {"today": Role.FRONT_DESK, "messages": Role.FRONT_DESK, "calls": Role.FRONT_DESK}
ALONE = ("unshare", *(() if os.geteuid() == 0 else ("--map-root-user",)), "--net")
STRANGERS = (siege.SCANNER, siege.STRANGER)
KNOCK_S = 10.0
PIN = "902146"
ANN, BEN = "2025550177", "2025550142"


def main() -> None:
    if "alone" not in sys.argv:
        again = (*ALONE, sys.executable, "-m", "tests.page.portraits", "alone")
        os.execvp(ALONE[0], again)  # noqa: S606 - no shell is wanted
    WHERE.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=SOON_S * 1000)
    with (
        tempfile.TemporaryDirectory() as home,
        siege.outside() as strangers,
        standing(
            Path(home), site_text=with_browser_phone(), change=siege.everywhere, guards=True
        ) as here,
    ):
        here.run(_scanned(here, strangers))
        number = here.rehearsal.plan.lines["main"].numbers[0]
        for person in here.rehearsal.plan.people:
            pins.keep(here.place.page_db, person, PIN, CHEAP)  # a clinic in good order
        for desk in here.rehearsal.plan.phones:
            here.run(here.rehearsal.telco.behave(desk, Silent()))
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            _examine(browser, here)
            callers = [here.run(_chooses(here, number, *each)) for each in ((ANN, "1"), (BEN, "2"))]
            for look in LOOKS:
                for role in (Role.FRONT_DESK, Role.ADMIN):
                    _draw(browser, here, look, role)
                _draw_papers(browser, here, look)
            for caller in callers:
                here.run(caller.hang_up())
            browser.close()


async def _scanned(here: Practice, strangers: int) -> None:
    """Until the kernel has blocked each of them."""
    clinic = here.rehearsal
    await siege.arranged(clinic)
    for each in STRANGERS:
        await siege.knock(strangers, "probe", clinic.site.ports.sip, KNOCK_S, each)
        assert await siege.blocked(clinic, each, SOON_S)


async def _chooses(here: Practice, number: str, caller: str, key: str) -> LiveCall:
    """Somebody calls and waits for a person."""
    call = await here.rehearsal.telco.call(number, number=caller)
    async with asyncio.timeout(SOON_S):
        await asyncio.shield(call.answered)
    await call.press(key)
    return call


def _examine(browser: Browser, here: Practice) -> None:
    """Before somebody calls: the line doctor's screen shows what it has found."""
    with _signed_in(browser, here, "desktop", f"the {Role.ADMIN}", PASSWORD) as page:
        page.goto(f"{here.address}/doctor")
        page.locator("#number").fill(ANN)
        page.locator("form[action='/doctor/line'] button").click()
        expect(page.locator("svg[role=img]")).to_have_count(2, timeout=60_000)


def _draw(browser: Browser, here: Practice, look: str, role: Role) -> None:
    with _signed_in(browser, here, look, f"the {role}", PASSWORD) as page:
        for name, path in ({tab.href.removeprefix("/"): tab.href for tab in TABS} | BEHIND).items():
            if SEEN_BY.get(name, Role.ADMIN) is not role:
                continue
            page.goto(f"{here.address}{path}")
            page.wait_for_load_state("load")
            expect(page.locator("#screen")).to_be_visible()
            page.screenshot(path=WHERE / f"{name}-{look}.png")
            print(f"{name}, {look}", file=sys.stderr)  # noqa: T201


def _draw_papers(browser: Browser, here: Practice, look: str) -> None:
    """As the first admin sees them, who opens every mailbox."""
    with _signed_in(browser, here, look, rehearsal.PERSON, rehearsal.PASSWORD) as page:
        page.goto(f"{here.address}/papers")
        page.screenshot(path=WHERE / f"papers-{look}.png")


@contextmanager
def _signed_in(
    browser: Browser, here: Practice, look: str, person: str, password: str
) -> Iterator[Page]:
    width, height, scale = LOOKS[look]
    context = browser.new_context(
        ignore_https_errors=True,
        locale="en-US",
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
    )
    page = context.new_page()
    page.set_default_timeout(SOON_S * 1000)
    page.goto(f"{here.address}/sign-in")
    page.locator("#person").fill(person)
    page.locator("#password").fill(password)
    page.locator("form[action='/sign-in'] button.main").click()
    page.wait_for_url("**/today")
    yield page
    context.close()


if __name__ == "__main__":
    main()
