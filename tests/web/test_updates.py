"""New versions on the page: what waits is seen, put off by one click, dropped or wanted now."""

from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from firmware.operations import Role
from firmware.update import kept as state
from firmware.update.bundle import Bundle
from firmware.update.kept import Gate, Look
from firmware.update.release import Release
from tests.web.clinic import Clinic, named, token_in

NEW = Release("careline-pc", "0.2.0+20261117000000")


def bring(clinic: Clinic, *, closes_a_hole: bool = False) -> None:
    brought = clinic.place.home / "stick.raucb"
    brought.write_bytes(b"a new version")
    bundle = Bundle(NEW, closes_a_hole, "Calls are <better>.")
    state.bring(clinic.place, brought, bundle, clinic.clock())


def press(browser: TestClient, act: str, **fields: str) -> int:
    form = {"token": token_in(browser.get("/updates").text), **fields}
    return browser.post(f"/updates/{act}", data=form).status_code


def test_what_waits_is_put_off_by_one_click_and_another(clinic: Clinic) -> None:
    bring(clinic)
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        shown = browser.get("/updates").text
        assert NEW.version in shown
        assert "Calls are &lt;better&gt;." in shown
        assert "Mar 8, 2026, 3:00" in shown, "the first Sunday, two days later at the least"
        assert press(browser, "postpone") == 303
        assert "Mar 15, 2026, 3:00" in browser.get("/updates").text
        assert press(browser, "postpone") == 303
        assert "Mar 22, 2026, 3:00" in browser.get("/updates").text


def test_what_closes_a_hole_is_put_off_for_fourteen_days_at_most(clinic: Clinic) -> None:
    bring(clinic, closes_a_hole=True)
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.TECHNICIAN))
        assert "closes a hole" in browser.get("/updates").text
        assert press(browser, "postpone") == 303
        assert press(browser, "postpone") == 409
        assert "Mar 15, 2026, 3:00" in browser.get("/updates").text


def test_what_waits_is_wanted_now_or_dropped(clinic: Clinic) -> None:
    bring(clinic)
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        assert press(browser, "now") == 303
        assert "as soon as nobody is on the telephone" in browser.get("/updates").text
        assert press(browser, "drop") == 303
        shown = browser.get("/updates").text
        assert "No new version waits." in shown
        assert "was dropped" in shown
        assert press(browser, "drop") == 409, "a second window of the same browser"
        assert not clinic.place.update_bundle.exists()


def test_what_is_written_already_is_dropped_no_more(clinic: Clinic) -> None:
    bring(clinic)
    state.of_waiting(clinic.place, written_in="this life")
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        assert press(browser, "drop") == 409
        assert "It is written." in browser.get("/updates").text


def test_one_that_did_not_stay_says_what_it_lacked_in_spanish_too(clinic: Clinic) -> None:
    bring(clinic)
    state.settle(clinic.place, "went back", clinic.clock() + timedelta(hours=1))
    looks = (Look(about="the clinic's page", is_well=False, figure="TimeoutError"),)
    told = Gate(version=NEW.version, at=clinic.clock(), looks=looks)
    state.change(clinic.place, lambda kept: kept.model_copy(update={"gate": told}))
    with clinic.browser("es") as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        shown = browser.get("/updates").text
        assert "no se quedó" in shown
        assert "la página de la clínica: TimeoutError" in shown


@pytest.mark.parametrize("body", [b"", b"a holiday's photograph" * 1000])
def test_a_machine_that_is_no_box_takes_none_by_the_browser(clinic: Clinic, body: bytes) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        token = token_in(browser.get("/updates").text)
        headers = {"x-form-token": token, "accept": "application/json"}
        kind = {"content-type": "application/octet-stream"}
        answer = browser.post("/updates/bring", content=body, headers=headers | kind)
        assert answer.status_code == 422
        assert "does not run from CareLine's image" in answer.json()["fault"]
        assert list(clinic.place.home.glob("update*.part")) == []
        assert state.load(clinic.place).waiting is None


def test_nothing_but_a_bundle_on_a_stick_is_taken_from_one(clinic: Clinic) -> None:
    secret = clinic.place.home / "machine.key"
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        for named_file in (str(secret), "/etc/shadow", "../update.raucb", str(Path.cwd())):
            assert press(browser, "stick", file=named_file) == 409


def test_nobody_but_who_looks_after_the_box_sees_any_of_it(clinic: Clinic) -> None:
    bring(clinic)
    for role in (Role.NURSE, Role.FRONT_DESK, Role.AUDITOR):
        with clinic.browser() as browser:
            clinic.sign_in(browser, named(role))
            assert browser.get("/updates").status_code == 403
            assert browser.post("/updates/postpone", data={}).status_code == 403
    assert state.load(clinic.place).waiting is not None
