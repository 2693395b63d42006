"""The audit on the page: found by person, act and day, its chain verified by one press, taken
along, and open to nobody whose work it is not."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from firmware.audit import Act, Audited
from firmware.ledger import Ledger, Moment
from firmware.machine import MachineKey
from firmware.operations import Role
from firmware.web.words import Words
from tests.web.clinic import Clinic, named, token_in

FIRST = datetime(2026, 3, 1, 4, 59, tzinfo=UTC)  # late on 28 February in New York


@pytest.fixture
def books(clinic: Clinic) -> Clinic:
    """With two people's entries of three days."""
    place = clinic.place
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))
    told = [
        Audited(who, act, f"entry {number}", Moment(FIRST + timedelta(hours=20 * number), number))
        for number, (who, act) in enumerate(
            [("Doe", Act.SIGNED_IN), ("Roe", Act.PUBLISHED), ("Doe", Act.PUBLISHED)] * 20
        )
    ]
    ledger.submit(told).result()
    ledger.close()
    return clinic


def look(browser: TestClient, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.text


def test_entries_are_found_by_person_act_and_day_the_newest_first(books: Clinic) -> None:
    with books.browser() as browser:
        books.sign_in(browser, named(Role.AUDITOR))
        text = look(browser, "/audit")
        assert text.index("entry 59") < text.index("entry 58")
        assert "entry 9<" not in text
        older = look(browser, "/audit?before=11")
        assert "entry 9<" in older
        assert "entry 10<" not in older
        only = look(browser, "/audit?who=Roe&act=published&day=&before=")
        assert "entry 1<" in only
        assert "entry 2<" not in only
        assert "entry 0<" in look(browser, "/audit?day=2026-02-28"), "the clinic's own day"
        assert "entry 0<" not in look(browser, "/audit?day=2026-03-01")
        assert "entry 59" in look(browser, "/audit?day=yesterday"), "what is no day is left out"


def test_one_press_says_whether_every_entry_is_as_it_was_entered(books: Clinic) -> None:
    with books.browser() as browser:
        books.sign_in(browser, named(Role.AUDITOR))
        token = {"token": token_in(look(browser, "/audit"))}
        assert (
            "All 60 entries are as they were entered."
            in browser.post("/audit/verify", data=token).text
        )
        engine = sa.create_engine(f"sqlite:///{books.place.calls_db}")
        with engine.begin() as connection:  # as whoever holds the file would
            guards = "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='audit'"
            for (name,) in connection.execute(sa.text(guards)).all():
                connection.execute(sa.text(f"DROP TRIGGER {name}"))
            connection.execute(sa.text("UPDATE audit SET about = 'nothing' WHERE id = 31"))
        engine.dispose()
        wrong = browser.post("/audit/verify", data=token).text
        assert "entry 31 was changed or put in" in wrong
        assert "30 entries before it are as they were entered" in wrong


def test_it_is_taken_along_as_the_command_checks_it_and_that_is_entered(books: Clinic) -> None:
    with books.browser() as browser:
        books.sign_in(browser, named(Role.TECHNICIAN))
        token = {"token": token_in(look(browser, "/audit"))}
        taken = browser.post("/audit/take", data=token)
        head, *lines = taken.text.splitlines()
        assert json.loads(head)["entries"] == len(lines) == 60
    assert (named(Role.TECHNICIAN), "exported", "the audit") in books.audited()


def test_a_clinic_without_entries_has_an_empty_audit_and_nobody_else_reads_it(
    clinic: Clinic,
) -> None:
    for role in Role:
        with clinic.browser() as browser:
            clinic.sign_in(browser, named(role))
            may = role in (Role.ADMIN, Role.TECHNICIAN, Role.AUDITOR)
            assert browser.get("/audit").status_code == (200 if may else 403), role


def test_what_people_do_is_said_in_spanish_too() -> None:
    spanish = Words.of("es")
    for act in (Act.SIGNED_IN, Act.INVITED, Act.LISTENED, Act.PUBLISHED, Act.BACKED_UP):
        assert spanish.gettext(act) != act
