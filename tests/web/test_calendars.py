"""Calendars that close a schedule, on the page: brought, looked at, replaced, taken out, all in the
draft; and refused beside the field."""

import re
from datetime import UTC, date, datetime

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from firmware import calendars, draft, proving
from firmware.operations import Role
from firmware.web import calendars as screen
from firmware.web.limits import Limits
from firmware.web.page import UPLOADS
from tests.firmware.test_calendars import PAINTERS, TEMPLATE, calendar
from tests.web.clinic import Clinic, named, token_in

NOW = datetime(2026, 11, 18, 19, 0, tzinfo=UTC)
OFFICE = "/hours/calendars/office"
MEETING = calendar(
    "SUMMARY:Staff meeting\nDTSTART:20261202T120000\nDTEND:20261202T130000\nRRULE:FREQ=WEEKLY"
)


@pytest.fixture
def practice(clinic: Clinic) -> Clinic:
    clinic.place.site_file.write_text(TEMPLATE, "utf-8")
    clinic.clock.now = NOW
    return clinic


def brings(
    practice: Clinic, browser: TestClient, text: str, name: str = "team.ics", place: str = ""
) -> Response:
    token = token_in(browser.get("/hours").text)
    headers = {"x-form-token": token, "accept": "application/json", "content-type": "text/calendar"}
    asked = {"name": name, "step": str(draft.read(practice.place).step)}
    asked |= {"place": place} if place else {}
    answer: Response = browser.post(
        "/hours/bring/office", params=asked, content=text.encode(), headers=headers
    )
    return answer


def test_a_calendar_is_brought_looked_at_replaced_and_taken_out(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        assert f'href="{OFFICE}"' in browser.get("/hours").text
        assert "No calendar closes these hours yet." in browser.get(OFFICE).text
        assert brings(practice, browser, PAINTERS).json() == {"href": OFFICE}
        shown = browser.get(OFFICE).text
        assert "It closes 3 days from today on." in shown
        assert re.search("Tuesday, December 29, 2026</th><td>Painters</td><td>all day", shown)
        week = browser.get("/hours?day=2026-12-29").text
        assert "Painters" in week
        site = proving.proven(draft.read(practice.place).text, draft.beside(practice.place))
        assert list(site.calendars.values()) == [PAINTERS], "it is published with the text"
        assert brings(practice, browser, MEETING, place="0").status_code == 200
        shown = browser.get(OFFICE).text
        assert "Staff meeting</td><td>12:00\u202fPM–1:00\u202fPM" in shown
        assert "Painters" not in shown
        assert "Only the first of them are shown." in shown
        token = {"token": token_in(shown), "step": str(draft.read(practice.place).step)}
        gone = browser.post(f"{OFFICE}/take-out", data=token | {"place": "0"})
        assert (gone.status_code, gone.headers["location"]) == (303, OFFICE)
        assert "No calendar closes these hours yet." in browser.get(OFFICE).text
        step = str(draft.read(practice.place).step)
        undo = {"token": token["token"], "step": step, "section": "hours"}
        assert browser.post("/rooms/undo", data=undo).status_code == 303
        assert "Staff meeting" in browser.get(OFFICE).text
        assert browser.post(f"{OFFICE}/take-out", data=token | {"place": "7"}).status_code == 404


def test_what_is_wrong_with_a_calendar_is_said_in_the_reader_s_language(practice: Clinic) -> None:
    with practice.browser("es") as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        answer = brings(practice, browser, "not a calendar")
        assert (answer.status_code, answer.json()["fault"]) == (
            422,
            "No empieza con BEGIN:VCALENDAR. Expórtelo de nuevo como iCalendar (.ics).",
        )
        answer = brings(practice, browser, "x" * (calendars.FILE_MOST + 1))
        assert answer.json()["fault"] == "Tiene más de 1 MB. Exporte solo los cierres."
        for _ in range(10):
            other = PAINTERS.replace("Painters", f"Painters {_}")
            assert brings(practice, browser, other).status_code == 200
        eleventh = brings(practice, browser, MEETING)
        assert eleventh.status_code == 422
        assert draft.read(practice.place).step == 10


def test_two_at_once_and_two_people_at_two_screens_are_told_so(practice: Clinic) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.ADMIN))
        with screen._one_at_a_time():
            assert brings(practice, browser, PAINTERS).status_code == 503
        token = token_in(browser.get("/hours").text)
        headers = {"x-form-token": token, "accept": "application/json", "content-type": "x/y"}
        draft.keep(practice.place, f"{TEMPLATE}\n# a word\n", "ben", "a word", 0, NOW)
        asked = {"name": "team.ics", "step": "0"}
        late = browser.post(
            "/hours/bring/office", params=asked, content=PAINTERS.encode(), headers=headers
        )
        assert late.status_code == 409
        assert late.json()["why"].startswith("ben has changed the draft")
        assert date(2026, 12, 29).isoformat() not in draft.read(practice.place).text


def test_only_who_may_publish_brings_one_and_only_there_a_long_body_is_let_in(
    practice: Clinic,
) -> None:
    with practice.browser() as browser:
        practice.sign_in(browser, named(Role.FRONT_DESK))
        assert browser.get(OFFICE).status_code == 403
        assert brings(practice, browser, PAINTERS).status_code == 403
    limits = Limits(uploads=UPLOADS)
    assert limits.body_most("/hours/bring/office") > calendars.FILE_MOST
    assert limits.body_most("/hours/calendars/office") == limits.body_bytes
