"""The line doctor on the page: begun, told, refused, stopped, and what it found is shown with its
cure in the reader's language, drawn, and printed."""

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from firmware import doctor
from firmware.control import ControlError
from firmware.doctor import kept
from firmware.doctor.findings import Colour, Finding
from firmware.doctor.sounding import Curves
from firmware.doctor.topics import DoctorLine
from firmware.operations import Role
from firmware.web import doctor_picture
from firmware.web.words import Words
from tests.web.clinic import Clinic, named, token_in
from tests.web.exchanging import exchange_of
from tests.web.test_words import HOLE, literal

TELLS = {"Finding", "_finding", "_doing", "ControlError", "tell"}
CURVES = Curves(noise_dbm0=(-60.0, -48.5, -70.0), echo_db=(-90.0, -19.5, -40.0))
NOISE = Finding(
    "noise", Colour.AMBER, "-50.0 dBm0p with nobody speaking (-47.0 dBm0 unweighted)", "x"
)
FOUND = (
    DoctorLine(doing="looking at the box"),
    DoctorLine(about="disk", colour="green", figure="10.0 GB of 20.0 GB are free"),
    DoctorLine(doing="done"),
)


def sentences() -> Iterator[str]:
    """What the doctor may say, with something in the place of each value."""
    for path in sorted(Path(doctor.__file__).parent.glob("*.py")):
        for call in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(call, ast.Call) and ast.unparse(call.func) in TELLS:
                for given in call.args:
                    yield from _said(given)


def _said(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _said(node.body)
        yield from _said(node.orelse)
    elif sentence := literal(node):
        yield sentence


def test_whatever_the_doctor_says_is_said_in_spanish_too() -> None:
    spanish = Words.of("es")
    found = set(sentences()) - {HOLE, HOLE * 2}
    assert len(found) > 60
    assert [each for each in found if spanish.told(each) == each] == []


def over(browser: TestClient, number: int) -> str:
    """The screen, once the visit of this number is over."""
    assert "event: again" in browser.get(f"/doctor/live?seen={number}").text
    return browser.get("/doctor").text


def test_it_is_begun_by_a_press_and_a_refusal_is_shown_with_its_cure(clinic: Clinic) -> None:
    with exchange_of(clinic.place) as exchange, clinic.browser() as browser:
        clinic.clock.now = datetime.now(UTC)  # the exchange looks at the session itself
        clinic.sign_in(browser, named(Role.TECHNICIAN))
        shown = browser.get("/doctor").text
        assert "Nothing has been examined yet." in shown
        exchange.doctored.extend(FOUND)
        form = {"token": token_in(shown)}
        assert browser.post("/doctor", data=form).headers["location"] == "/doctor"
        assert "note alarm" not in over(browser, 1)
        wrong = browser.post("/doctor/line", data=form | {"number": "my mobile"})
        assert wrong.status_code == 422
        assert "Digits only" in wrong.text
        exchange.refusal = ControlError("an emergency number is called by people only", "no")
        browser.post("/doctor/line", data=form | {"number": "911", "keys": "yes"})
        assert "an emergency number is called by people only" in over(browser, 2)
        wrong = browser.post("/doctor/line", data=form | {"number": "my mobile"})
        assert "Digits only" in wrong.text
        assert "by people only" not in wrong.text, "that was said of another number"
        assert exchange.measured == [("911", True)]


def test_it_leads_nobody_to_a_screen_that_is_closed_to_them(clinic: Clinic) -> None:
    for role, leads in ((Role.NURSE, False), (Role.TECHNICIAN, True)):
        with clinic.browser() as browser:
            clinic.sign_in(browser, named(role))
            assert ('href="/rooms"' in browser.get("/doctor").text) is leads, role


def test_it_is_stopped_by_a_press_and_goes_on_by_itself_till_then(clinic: Clinic) -> None:
    with exchange_of(clinic.place) as exchange, clinic.browser("es") as browser:
        clinic.clock.now = datetime.now(UTC)
        clinic.sign_in(browser, named(Role.FRONT_DESK))
        exchange.doctored.extend(FOUND[:2])  # and then it goes on
        form = {"token": token_in(browser.get("/doctor").text)}
        browser.post("/doctor/phones", data=form)
        assert exchange.at_work.wait(30)
        shown = browser.get("/doctor").text
        assert "El médico está trabajando" in shown
        assert browser.post("/doctor", data=form).status_code == 303  # no second one
        assert browser.post("/doctor/stop", data=form).headers["location"] == "/doctor"
        assert "Se paró antes de terminar." in over(browser, 1)
        assert browser.post("/doctor/line", data=form | {"number": "2025550171"}).status_code == 403


@pytest.mark.parametrize("language", ["en", "es"])
def test_what_was_found_is_shown_with_its_pictures_and_the_times_before(
    clinic: Clinic, language: str
) -> None:
    path = clinic.place.doctor_told
    for at, found in (("2026-03-01", Colour.RED), ("2026-03-02", Colour.GREEN)):
        visit = kept.Visit(f"{at}T14:00:00+00:00", (Finding("echo", found, "nothing comes back"),))
        kept.keep(path, "line <main>", visit)
    kept.keep(path, "the box", kept.Visit("2026-03-02T14:00:00+00:00", (NOISE,), CURVES))
    with clinic.browser(language) as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        shown, printed = browser.get("/doctor").text, browser.get("/doctor/sheet").text
    for text in (shown, printed):
        assert {"en": "with nobody speaking", "es": "sin que nadie hable"}[language] in text
        assert "&lt;main&gt;" in text
        assert "<main>" not in text
    assert shown.index("dBm0p") < shown.index("&lt;main&gt;")  # the worst first
    assert shown.count("<svg") == 2
    assert "-48.5 dBm0" in shown
    assert {"en": ": red</li>", "es": ": rojo</li>"}[language] in shown
    assert "<svg" not in printed


def test_a_picture_s_bars_stand_on_its_foot_and_stay_within_it() -> None:
    drawn = doctor_picture.echo(Curves((), (-90.0, 12.0, -35.0)))
    assert (drawn.largest_db, drawn.at) == (12.0, 5.0)
    highs = [each.split("h")[0] for each in drawn.path.split("v")[1:]]
    assert highs == ["-0.0", "-100.0", "-50.0"]
    nothing = doctor_picture.noise(Curves((), ()))
    assert (nothing.path, nothing.is_bare) == ("", True)
