"""Who calls may say any name: a hundred of them that would do what they must not are shown in a
real browser on every screen, as names that the network showed and as names of patients, while one
of these patients calls. Nothing runs, nothing is asked for elsewhere, and each is read as it is.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import Browser, Playwright, Route, expect, sync_playwright

from firmware import patients, people
from firmware.machine import MachineKey
from firmware.operations import Role
from firmware.patients import Patient
from firmware.place import Place
from firmware.web.addresses import names_of_box
from firmware.web.authority import Clock, Identity
from firmware.web.page import house, page
from tests.firmware.by_hand import SITE, exchange_at, site_at
from tests.page.conftest import CHROMIUM
from tests.page.hostile import NAMES
from tests.page.screens import screens
from tests.page.visit import Visit, visiting
from tests.web.clinic import CHEAP, PASSWORD, Clinic, named
from tests.web.exchanging import exchange_of
from tests.web.past import past_of
from tests.web.served import UNHURRIED, served_beside

FAMILY = "2025550199"  # the telephone of all these patients, which calls
# Each screen of a call costs a third of a second.
AT_ONCE = [" / ".join(NAMES[at : at + 4]) for at in range(0, len(NAMES), 4)]
RAN = "window.ran = () => console.error('a name of a caller ran')"
# Opened as by the button on the call's own screen, from whichever screen was there before.
OPEN = """(call) => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = "/calls/" + call;
  const token = document.createElement("input");
  token.name = "token";
  token.value = document.body.dataset.token;
  form.append(token);
  document.body.append(form);
  setTimeout(() => form.submit());  // this call is over before its page is
}"""


def test_no_name_of_a_caller_runs_on_any_screen(tmp_path: Path) -> None:
    assert len(set(NAMES)) == 100
    place = site_at(tmp_path, SITE)
    calls = a_clinic_that_such_people_call(place)
    identity = Identity(place, names_of_box(), Clock(datetime.now(UTC), is_trusted=True))

    def look(address: str) -> None:
        with sync_playwright() as driver:
            look_everywhere(driver, address, calls)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            call, _, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("1")
            await clinic.step(call, "offer")
            app = page(house(place))
            with served_beside(app, UNHURRIED, identity=identity) as port:
                await asyncio.to_thread(look, f"https://127.0.0.1:{port}")
            assert app.state.reports.count == 0

    asyncio.run(story())


def a_clinic_that_such_people_call(place: Place) -> dict[str, str]:
    """Each call that there was, and under which names it came: four, for the network's one."""
    db, now = place.page_db, datetime.now(UTC)
    code = people.invite(db, named(Role.ADMIN), Role.ADMIN, now)
    people.accept(db, named(Role.ADMIN), code, PASSWORD, now, CHEAP)
    with past_of(place) as past:
        called = {past.call(now, name=name): name for name in AT_ONCE}
    listed = [Patient(name, {}, FAMILY) for name in NAMES]
    patients.replace(db, MachineKey.at(place.machine_key), listed, now)
    return called


def look_everywhere(driver: Playwright, address: str, calls: dict[str, str]) -> None:
    chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    with visiting(chromium, address) as visit:
        strangers = list[str]()
        visit.page.add_init_script(RAN)
        visit.page.on("dialog", lambda dialog: visit.complaints.append(dialog.message))
        visit.page.on(
            "request",
            lambda asked: None if asked.url.startswith(address) else strangers.append(asked.url),
        )
        visit.sign_in(Role.ADMIN)
        they_are_read_on_today(visit)  # first: nobody picks up, and the offer ends
        for path in screens():
            found = visit.page.context.request.get(f"{address}{path}")
            if found.ok and "text/html" in found.headers["content-type"]:
                visit.go(path)
        for call, name in calls.items():
            with visit.page.expect_navigation():
                visit.page.evaluate(OPEN, call)
            told = visit.page.locator(".facts dd").all_text_contents()
            assert as_read(name) in map(as_read, told), name
        assert strangers == []
    chromium.close()


def they_are_read_on_today(visit: Visit) -> None:
    """By the first sight, and by the events that come after it, which are held up until then."""
    who = visit.page.locator("[data-table=calling] tbody th")
    held = list[Route]()
    visit.page.route("**/today/live", lambda stream: held.append(stream))
    with visit.page.expect_request("**/today/live"):
        visit.go("/today")
    assert as_read(who.text_content() or "") == as_read(" / ".join(NAMES))
    who.evaluate("place => { place.textContent = ''; }")
    for stream in held:
        stream.continue_()
    expect(who).to_contain_text("DROP TABLE")
    assert as_read(who.text_content() or "") == as_read(" / ".join(NAMES))


def as_read(name: str) -> str:
    """HTML knows one end of a line, and no null; what comes by events has both."""
    return name.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def test_no_name_or_note_runs_where_messages_and_requests_are_opened(
    tmp_path: Path, chromium: Browser
) -> None:
    clinic = Clinic(tmp_path).staff()
    clinic.clock.now = datetime.now(UTC)
    identity = Identity(clinic.place, names_of_box(), Clock(clinic.clock.now, is_trusted=True))
    with (
        exchange_of(clinic.place) as exchange,
        served_beside(clinic.app, UNHURRIED, identity=identity) as port,
        visiting(chromium, f"https://127.0.0.1:{port}") as visit,
    ):
        with ThreadPoolExecutor(1) as beside:  # the browser's own loop runs in this thread
            asks = [beside.submit(exchange.ask, [], patient=names) for names in AT_ONCE]
        asked = dict(zip((each.result() for each in asks), AT_ONCE, strict=True))
        visit.page.add_init_script(RAN)
        visit.sign_in(Role.ADMIN)
        visit.go("/messages")
        opened = visit.page.locator("[data-part=opened]")
        for request, names in asked.items():
            visit.page.locator(f"[data-id='{request}']").click()
            told = visit.page.locator("[data-part=opened][data-key$='" + request + "'] dd").first
            expect(told).to_have_count(1)
            assert as_read(told.text_content() or "") == as_read(names)
            note = "".join(letter for letter in names if letter.isprintable())[:1500].strip()
            opened.locator("#note").fill(note)
            opened.locator("form[data-note] button").first.click()
            noted = opened.locator(".history .words").last
            expect(noted).to_have_text(note)
    assert clinic.app.state.reports.count == 0
