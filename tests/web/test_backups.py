"""Backups on the page: how the last one and its drill went, and one to take along now."""

import json
from pathlib import Path

from firmware import backup_keys, people
from firmware.drill import Told
from firmware.keys import KeyPair
from firmware.operations import Role
from tests.web.clinic import CHEAP, PASSWORD, Clinic, named


def test_a_clinic_without_a_backup_is_told_what_to_do_first(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        text = browser.get("/backups").text
        assert "None was made yet" in text
        assert "No backup is made by itself" in text
        assert "careline backup-paper" in text


def test_the_last_backup_and_its_drill_are_told_and_what_failed_is_an_alarm(
    clinic: Clinic,
) -> None:
    made = {"to": "usb", "file": "careline-1.age", "at": "2026-03-02T07:10:00+00:00"}
    clinic.place.backup_told.write_text(json.dumps(made), "utf-8")
    wrong = "the file is cut off"
    told = Told("careline-1.age", "2026-03-02T08:40:00+00:00", wrong, 3.2, made=made["at"])
    fields = ("file", "at", "wrong", "seconds", "bytes", "made", "called")
    clinic.place.drill_told.write_text(
        json.dumps({name: getattr(told, name) for name in fields}), "utf-8"
    )
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.TECHNICIAN))
        text = browser.get("/backups").text
        assert "careline-1.age, at usb" in text
        assert "Mar 2, 2026, 2:10" in text, "by the clinic's clock"
        assert wrong in text


def test_one_to_take_along_is_offered_where_somebody_could_open_it(tmp_path: Path) -> None:
    clinic, paper = Clinic(tmp_path), KeyPair.fresh()
    db, admin = clinic.place.page_db, named(Role.ADMIN)
    people.set_up(db, paper.public, admin, PASSWORD, ["desk"], CHEAP)
    backup_keys.remember_paper(clinic.place, paper)
    with clinic.browser() as browser:
        clinic.sign_in(browser, admin)
        assert "Make a backup now" in browser.get("/backups").text


def test_nobody_else_sees_them(clinic: Clinic) -> None:
    for role in (Role.NURSE, Role.AUDITOR):
        with clinic.browser() as browser:
            clinic.sign_in(browser, named(role))
            assert browser.get("/backups").status_code == 403
