"""Backups on the page: how the last one and its drill went, and one to take along now."""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from firmware import backup_keys, people, settings
from firmware.audit import Audited
from firmware.backup_timer import BackupTimer
from firmware.control import Door
from firmware.doorkeeper import Doorkeeper
from firmware.drill import Told
from firmware.keys import KeyPair
from firmware.notify import Notices
from firmware.operations import Role
from tests.firmware.by_hand import SITE
from tests.web.clinic import CHEAP, PASSWORD, Clinic, named, token_in

SOON_S = 60.0
MADE = {"to": "/mnt/stick", "file": "careline-1.age", "at": "2026-03-02T07:10:00+00:00"}


@contextmanager
def exchange_that_drills(clinic: Clinic, program: str) -> Iterator[list[Audited]]:
    """One that holds drills by this program in place of `careline`; what it enters."""
    entered, place = list[Audited](), clinic.place
    ready, over, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    async def enter(entry: Audited) -> None:
        entered.append(entry)

    async def answering() -> None:
        timer = BackupTimer(
            place,
            lambda: settings.read(SITE),
            lambda: datetime.now(UTC),
            Notices(lambda: None, lambda work: work.close()),
            (sys.executable, "-c", program),
        )
        door = Door(Doorkeeper(place.page_db, enter, clinic.clock).admit)
        timer.answer_at(door)
        async with door.open(place.control_socket):
            running = asyncio.create_task(timer.run())
            ready.set()
            await over.wait()
            running.cancel()
            await asyncio.wait({running})

    thread = threading.Thread(target=loop.run_until_complete, args=(answering(),))
    thread.start()
    assert ready.wait(SOON_S)
    try:
        yield entered
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


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


def test_a_drill_is_held_by_a_press_told_how_far_it_is_and_what_came_of_it(clinic: Clinic) -> None:
    place, goes_on = clinic.place, clinic.place.home / "goes on"
    os.mkfifo(goes_on)
    place.backup_told.write_text(json.dumps(MADE), "utf-8")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    told = Told(MADE["file"], now, "", 3.2, made=now, called="answered")
    holds = f"""
from pathlib import Path
print("trying: 5 of 20 MB", flush=True)
Path({str(goes_on)!r}).read_text()
Path({str(place.drill_told)!r}).write_text({json.dumps(asdict(told))!r})
"""
    with exchange_that_drills(clinic, holds) as entered, clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        text = browser.get("/backups").text
        assert "No backup has been tried yet: hold a drill." in text
        assert "Hold a drill now" in text
        token = {"token": token_in(text)}
        pressed = browser.post("/backups/drill", data=token)
        assert (pressed.status_code, pressed.headers["location"]) == (303, "/backups")
        until = time.monotonic() + SOON_S
        while "5 of 20 MB" not in (text := browser.get("/backups").text):
            assert time.monotonic() < until, text
        assert "A drill is under way" in text
        assert "Hold a drill now" not in text
        again = browser.post("/backups/drill", data=token)
        assert again.status_code == 409
        assert "under way already" in again.text, "one at a time"
        goes_on.write_text("")
        while "A drill is under way" in (text := browser.get("/backups").text):
            assert time.monotonic() < until, text
        assert "careline-1.age was restored well in 3 s." in text
        assert "answered a call" in text
        assert "Hold a drill now" in text
    asked = [(each.who, str(each.act), each.about) for each in entered]
    assert asked == [(named(Role.ADMIN), "asked for", "drill")] * 2


def test_a_drill_that_fails_is_told_beside_its_button(clinic: Clinic) -> None:
    clinic.place.backup_told.write_text(json.dumps(MADE), "utf-8")
    fails = "import sys; print('careline: no stick is mounted', file=sys.stderr); sys.exit(1)"
    with exchange_that_drills(clinic, fails), clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.TECHNICIAN))
        token = {"token": token_in(browser.get("/backups").text)}
        browser.post("/backups/drill", data=token)
        until = time.monotonic() + SOON_S
        while "no stick is mounted" not in (text := browser.get("/backups").text):
            assert time.monotonic() < until, text


def test_a_drill_is_not_begun_without_a_backup_an_exchange_or_the_page_s_own_form(
    clinic: Clinic,
) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        text = browser.get("/backups").text
        assert "Hold a drill now" not in text
        token = {"token": token_in(text)}
        refused = browser.post("/backups/drill", data=token)
        assert refused.status_code == 409
        assert "no backup yet that could be tried" in refused.text
        clinic.place.backup_told.write_text(json.dumps(MADE), "utf-8")
        assert browser.post("/backups/drill", data=token).status_code == 409, "no exchange"
        assert browser.post("/backups/drill", data={}).status_code == 403
    for role in (Role.NURSE, Role.FRONT_DESK, Role.AUDITOR):
        with clinic.browser() as browser:
            clinic.sign_in(browser, named(role))
            token = {"token": token_in(browser.get("/today").text)}
            assert browser.post("/backups/drill", data=token).status_code == 403


def test_what_is_wrong_with_the_backups_is_told_in_spanish_too(clinic: Clinic) -> None:
    clinic.place.backup_told.write_text(json.dumps(MADE), "utf-8")
    told = {"job": "drill", "at": "2026-03-02T08:40:00+00:00", "wrong": "no stick is mounted"}
    clinic.place.night_told.write_text(json.dumps(told), "utf-8")
    with clinic.browser("es") as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        text = browser.get("/backups").text
        assert "falló la prueba de 2026-03-02T08:40Z: no stick is mounted" in text
