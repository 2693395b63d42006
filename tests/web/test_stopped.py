"""Telephones whose calls outside are stopped, on the page: listed with why, and let go again."""

from datetime import UTC, datetime

from firmware.operations import Role
from firmware.outside_desk import StopNow
from tests.web.clinic import Clinic, named, token_in
from tests.web.exchanging import exchange_of

AT = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


def test_who_is_stopped_is_listed_with_why_and_let_go_again_by_a_press(clinic: Clinic) -> None:
    clinic.clock.now = datetime.now(UTC)  # the exchange looks at the session itself
    with exchange_of(clinic.place) as told, clinic.browser() as browser:
        told.stopped.append(StopNow(phone="102", why="too many calls in ten minutes", since=AT))
        clinic.sign_in(browser, named(Role.ADMIN))
        shown = browser.get("/stopped").text
        assert "too many calls in ten minutes" in shown
        form = {"token": token_in(shown), "phone": "102"}
        assert browser.post("/stopped", data=form | {"phone": "1; x"}).status_code == 422
        assert browser.post("/stopped", data=form).headers["location"] == "/stopped"
        assert "No telephone is stopped." in browser.get("/stopped").text


def test_a_nurse_lets_no_telephone_go(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        assert browser.get("/stopped").status_code == 403
