"""A practice manager sets a new clinic up: five questions, in any order of days, and at the end a
draft that could be published as it is."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NoReturn

import pyrage
import pytest
from fastapi.testclient import TestClient

from firmware import backup, backup_keys, draft, people, settings, told_at_first
from firmware.keys import KeyPair
from firmware.ledger import Ledger
from firmware.machine import MachineKey
from firmware.mobile_call import Became
from firmware.operations import Role
from firmware.place import Place
from firmware.proving import proven
from firmware.settings import nothing_beside
from tests.web.clinic import Clinic, named, token_in
from tests.web.exchanging import exchange_of

TEMPLATE = Path("firmware/template/clinic.toml")
CLINIC = {
    "name": "Elm Pediatrics",
    "address": "4 Elm Road, Springfield",
    "number": "2025550100",
    "timezone": "America/Chicago",
    "country": "US",
    "subdivision": "IL",
}
HOURS = {"mon-from-1": "08:00", "mon-until-1": "12:00", "mon-from-2": "13:00"} | {
    "mon-until-2": "17:00",
    "tue-from-1": "09:00",
    "tue-until-1": "16:30",
}
PHONES = {"number-0": "101", "name-0": "Desk", "room-0": "reception", "work-0": "front-desk"} | {
    "number-3": "104",
    "name-3": "Nurse Kim",
    "work-3": "nurse",
    "work-4": "front-desk",
}
PEOPLE = {"name-0": "Dr. Ann Lee", "mobile-0": "2025550171"}
MENU = {"menu": "paediatrics", "other_site": ""}


@pytest.fixture
def clinic(staffed: Path, tmp_path: Path) -> Clinic:
    here = Clinic.copied(staffed, tmp_path / "here")
    told_at_first.keep(here.place, told_at_first.Told())
    return here


def admin(clinic: Clinic, browser: TestClient) -> dict[str, str]:
    clinic.sign_in(browser, named(Role.ADMIN), leads_to="/begin")
    return {"token": token_in(browser.get("/begin/clinic").text)}


def test_five_questions_answered_are_a_site_that_could_be_published(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        token = admin(clinic, browser)
        answers = (CLINIC, HOURS, PHONES, PEOPLE, MENU)
        way = ("clinic", "hours", "phones", "people", "menu")
        for step, answered in zip(way, answers, strict=True):
            assert browser.get("/begin").headers["location"] == f"/begin/{step}"
            sent = browser.post(f"/begin/{step}", data=answered | token)
            assert sent.status_code == 303, sent.text
        assert sent.headers["location"] == "/begin/test"
        shown = browser.get("/begin/test").text
        assert 'href="/publish"' in shown
    text = draft.read(clinic.place).text
    now = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    site = proven(text, nothing_beside, lambda _: now).plan
    assert (site.name, site.timezone) == ("Elm Pediatrics", "America/Chicago")
    assert site.queues["nurse"].agents == ("104",)
    assert site.phones["101"].location == "4 Elm Road - Springfield - reception"


@pytest.mark.parametrize("written", ["(202) 555-0100", "+1 202.555.0100", "202-555-0100 "])
def test_a_number_is_taken_as_people_write_it_and_a_state_in_small_letters(
    clinic: Clinic, written: str
) -> None:
    with clinic.browser() as browser:
        token = admin(clinic, browser)
        answered = CLINIC | {"number": written, "subdivision": "il"}
        assert browser.post("/begin/clinic", data=answered | token).status_code == 303
    told = told_at_first.read(clinic.place)
    assert told is not None
    assert told.clinic is not None
    assert (told.clinic.number, told.clinic.subdivision) == ("2025550100", "IL")


def test_whoever_is_called_away_goes_on_where_they_were(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        token = admin(clinic, browser)
        browser.post("/begin/clinic", data=CLINIC | token)
    with clinic.browser() as another:
        clinic.sign_in(another, named(Role.ADMIN), leads_to="/begin")
        assert another.get("/begin").headers["location"] == "/begin/hours"
        assert 'value="4 Elm Road, Springfield"' in another.get("/begin/clinic").text


def test_whoever_goes_to_invite_others_or_to_their_second_factor_is_led_back(
    clinic: Clinic,
) -> None:
    with clinic.browser() as browser:
        admin(clinic, browser)
        shown = browser.get("/begin/people").text
        assert "You sign in by a password alone." in shown
        assert "5 other people may sign in." in shown
        for aside in ("/own/factor", "/staff"):
            assert f'href="{aside}"' in shown
            assert '<a href="/begin">Go on with it</a>' in browser.get(aside).text
        assert "Go on with it" not in shown
        told_at_first.done(clinic.place)
        assert "Go on with it" not in browser.get("/staff").text


@pytest.mark.parametrize(
    ("step", "answered", "said"),
    [
        ("clinic", CLINIC | {"address": "x" * 70}, "at most 60"),
        ("clinic", CLINIC | {"number": "call us"}, "Digits only"),
        ("clinic", CLINIC | {"number": "911"}, "an emergency number"),
        ("phones", PHONES | {"number-3": "911"}, "an emergency number"),
        ("people", PEOPLE | {"mobile-0": "112"}, "an emergency number"),
        ("clinic", CLINIC | {"timezone": "Mars/Olympus"}, "no such time zone"),
        ("clinic", CLINIC | {"subdivision": "QQ"}, "not known"),
        ("clinic", CLINIC | {"name": ""}, "Fill this in."),
        ("hours", HOURS | {"mon-until-1": "07:00"}, "comes before the beginning"),
        (
            "hours",
            {"mon-from-1": "22:00", "mon-until-1": "00:00"}
            | {"mon-from-2": "23:00", "mon-until-2": "23:30"},
            "before the first has ended",
        ),
        ("hours", {"mon-from-1": "08:00"}, "Fill this in."),
        ("hours", {}, "one day at least"),
        ("phones", PHONES | {"number-3": "101"}, "there twice"),
        ("phones", PHONES | {"work-0": "room"}, "at the front desk"),
        ("phones", PHONES | {"number-3": "a"}, "Digits only"),
        ("people", {"name-0": "Dr. Lee"}, "Fill this in."),
        ("menu", {"menu": "chess"}, "one of the menus"),
    ],
)
def test_a_wrong_answer_is_said_beside_it_and_what_was_typed_is_still_there(
    clinic: Clinic, step: str, answered: dict[str, str], said: str
) -> None:
    with clinic.browser() as browser:
        token = admin(clinic, browser)
        again = browser.post(f"/begin/{step}", data=answered | token)
    assert again.status_code == 422
    assert said in again.text
    for value in answered.values():
        assert step == "menu" or not value or value in again.text
    assert told_at_first.read(clinic.place) == told_at_first.Told()


def test_the_first_backup_is_a_file_that_only_the_paper_opens(clinic: Clinic) -> None:
    paper = backup_keys.of_paper(KeyPair.fresh())
    key = people.recovery_key(clinic.place.page_db).id.hex()
    Ledger(clinic.place.calls_db, clinic.place.ledger_log, MachineKey(b"m" * 32)).close()
    clinic.place.paper_recipient.write_text(f"{key} {paper.recipient}\n", "ascii")
    with clinic.browser() as browser:
        token = admin(clinic, browser)
        got = browser.post("/backups", data=token)
        assert "A backup was made." in browser.get("/begin/test").text
    assert got.headers["content-disposition"] == 'attachment; filename="careline-2026-03-02.age"'
    assert b"calls.db" in pyrage.decrypt(got.content, [paper.loaded()])
    assert (named(Role.ADMIN), "backed up to", "a browser") in clinic.audited()


# Of which nobody thought; and as a library of another language ends in the midst of it.
@pytest.mark.parametrize("fault", [ZeroDivisionError(), BaseException("a panic")])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_backup_that_breaks_off_is_not_taken_for_one(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def breaks(_place: Place, out: BinaryIO, _shown: backup.Shown) -> NoReturn:
        out.write(b"half of it")
        raise fault

    key = people.recovery_key(clinic.place.page_db).id.hex()
    paper = backup_keys.of_paper(KeyPair.fresh())
    clinic.place.paper_recipient.write_text(f"{key} {paper.recipient}\n", "ascii")
    monkeypatch.setattr(backup, "to_stream", breaks)
    with clinic.browser() as browser:
        token = admin(clinic, browser)
        browser.post("/backups", data=token)
        assert "There is no backup yet." in browser.get("/begin/test").text


def test_a_box_that_knows_no_paper_says_so_instead_of_half_a_backup(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        token = admin(clinic, browser)
        got = browser.post("/backups", data=token)
    assert got.status_code == 409
    assert "careline backup-paper" in got.text
    assert (named(Role.ADMIN), "backed up to", "a browser") not in clinic.audited()


def test_the_first_run_says_what_is_left_and_ends_as_it_is_only_when_asked(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        admin(clinic, browser)
        shown = browser.get("/begin/test").text
        assert "callers do not hear it" in shown
        assert "There is no backup yet." in shown
        assert "All is done" not in shown
        told_at_first.saved(clinic.place)
        shown = browser.get("/begin/test").text
        assert "There is no backup yet." not in shown
        assert "A backup was made." in shown


def test_the_holidays_of_the_place_are_there_to_be_read(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        token = admin(clinic, browser)
        browser.post("/begin/clinic", data=CLINIC | token)
        assert "Thursday, November 26, 2026</b>: Thanksgiving" in browser.get("/begin/hours").text


def test_when_all_is_done_today_comes_first(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        token = admin(clinic, browser)
        assert browser.post("/begin/done", data=token).headers["location"] == "/today"
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))


def test_a_nurse_is_not_asked_to_set_the_clinic_up(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        assert browser.get("/begin/clinic").status_code == 403


def test_a_mobile_is_rung_from_the_last_screen_and_what_came_of_it_is_said(clinic: Clinic) -> None:
    clinic.clock.now = datetime.now(UTC)  # the exchange looks at the session itself
    with exchange_of(clinic.place) as exchange, clinic.browser("es") as browser:
        token = admin(clinic, browser)

        def calls(number: str) -> str:
            answer = browser.post("/begin/mobile", data=token | {"mobile": number})
            assert answer.status_code in (200, 422)
            return answer.text

        assert "La línea funciona." in calls(" (202) 555-0171 ")
        assert exchange.mobiles == ["2025550171"]
        exchange.becomes = Became.SILENT
        unheard = calls("2025550171")
        assert re.search('id="mobile-fault">Sonó y nadie contestó', unheard)
        assert 'value="2025550171"' in unheard
        assert "solo llaman las personas" in calls("911")
        assert 'id="mobile-fault">' in calls("my mobile")
        assert len(exchange.mobiles) == 2
    with clinic.browser() as browser:
        assert browser.post("/begin/mobile", data={"mobile": "2025550171"}).status_code == 303


def test_who_begins_anew_in_a_clinic_that_is_set_up_is_told_and_finds_it_filled_in_as_it_is(
    clinic: Clinic,
) -> None:
    told_at_first.done(clinic.place)
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        shown = browser.get("/begin/phones").text
        assert "This clinic is set up." in shown
        assert 'value="101"' in shown
        assert not told_at_first.is_under_way(clinic.place)


def test_the_first_run_of_a_new_clinic_warns_of_nothing(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        admin(clinic, browser)
        assert "This clinic is set up." not in browser.get("/begin/phones").text


def test_what_all_telephones_locations_begin_with_is_the_address_and_the_rest_their_rooms() -> None:
    plan = settings.read(TEMPLATE.read_text("utf-8"))
    rooms = {"101": " - reception", "102": " - floor 2 - lab", "103": ""}
    phones = {
        number: replace(plan.phones[number], location=f"4 Elm Road - Springfield{room}")
        for number, room in rooms.items()
    }
    told = told_at_first.known(replace(plan, phones=phones))
    assert told.clinic is not None
    assert told.clinic.address == "4 Elm Road, Springfield"
    assert told.phones is not None
    assert [each.room for each in told.phones] == ["reception", "floor 2 - lab", ""]
    assert [each.work for each in told.phones] == ["front-desk", "front-desk", "nurse"]
