"""The JSON interface: a program asks by a token that a person made, as that person, and never more
than the table says of a token; what is not shown a token is told nothing."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Connection

from firmware import audit, control, people, tokens, topics
from firmware.control import ControlError
from firmware.operations import BY_TOKEN, ROUTES, Operation, Role, may
from firmware.place import Place
from firmware.store import open_reader
from firmware.web import api
from firmware.web.entrance import API
from firmware.web.page import house, page
from tests.firmware.by_hand import SITE, exchange_at, live, site_at
from tests.web.clinic import ADDRESS, CHEAP, PASSWORD, Clinic, named, token_in

ASKED = {route: op for route, op in ROUTES.items() if API in route and op is not None}


def made_by(clinic: Clinic, role: Role, name: str = "the report") -> str:
    """A token of somebody's, as the page shows it."""
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(role))
        form = {"token": token_in(browser.get("/today").text), "name": name}
        shown = browser.post("/programs", data=form)
    assert shown.status_code == 200
    (token,) = re.findall(r'<code class="secret">([^<]+)</code>', shown.text)
    return str(token)


def by(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def filled(route: str) -> tuple[str, str]:
    method, path = route.split()
    return method, re.sub(r"\{\w+\}", "abcd", path)


def test_a_token_is_shown_once_and_kept_as_a_hash_and_ends_when_it_is_taken_away(
    clinic: Clinic,
) -> None:
    token = made_by(clinic, Role.NURSE)
    with clinic.browser() as browser:
        assert browser.get("/api/v1/versions", headers=by(token)).json() == {"versions": []}
        clinic.sign_in(browser, named(Role.NURSE))
        shown = browser.get("/programs").text
        assert token not in shown
        assert "the report" in shown
        assert "Mar 2, 2026" in shown  # it has just been used
        for path in clinic.place.home.glob("page.db*"):
            assert token.encode() not in path.read_bytes()
        form = {"token": token_in(shown), "number": "1"}
        assert browser.post("/programs/end", data=form).headers["location"] == "/programs"
        answer = browser.get("/api/v1/versions", headers=by(token))
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    nurse = named(Role.NURSE)
    assert (nurse, "made the token for programs, number", "1") in clinic.audited()
    assert (nurse, "took away the token for programs, number", "1") in clinic.audited()


def test_nobody_takes_away_another_s_token_but_an_administrator(clinic: Clinic) -> None:
    token = made_by(clinic, Role.NURSE)
    with clinic.browser() as browser:
        for role, status in ((Role.PROVIDER, 404), (Role.ADMIN, 303)):
            clinic.sign_in(browser, named(role))
            shown = browser.get("/programs").text
            assert ("the report" in shown) is (role is Role.ADMIN)
            form = {"token": token_in(shown), "number": "1"}
            assert browser.post("/programs/end", data=form).status_code == status
            browser.cookies.clear()
        assert browser.get("/api/v1/versions", headers=by(token)).status_code == 401


def test_who_leaves_the_clinic_leaves_no_token_behind(clinic: Clinic) -> None:
    token = made_by(clinic, Role.NURSE)
    people.remove(clinic.place.page_db, named(Role.NURSE))
    code = people.invite(clinic.place.page_db, named(Role.NURSE), Role.NURSE, clinic.clock.now)
    people.accept(clinic.place.page_db, named(Role.NURSE), code, PASSWORD, clinic.clock.now, CHEAP)
    with clinic.browser() as browser:
        assert browser.get("/api/v1/versions", headers=by(token)).status_code == 401


def test_a_token_ends_after_a_year_and_its_person_is_told_two_weeks_before(clinic: Clinic) -> None:
    token = made_by(clinic, Role.NURSE)
    began = clinic.clock.now
    for days, said, status in (
        (350, "Good until", 200),
        (352, "only until", 200),
        (364, "only until", 200),
        (365, "no longer since", 401),
    ):
        clinic.clock.now = began + timedelta(days=days)
        with clinic.browser() as browser:
            assert browser.get("/api/v1/versions", headers=by(token)).status_code == status
            clinic.sign_in(browser, named(Role.NURSE))
            shown = browser.get("/programs").text
            assert said in shown
            assert ('data-tone="warning"' in shown) == (said == "only until")


def test_nobody_has_more_tokens_than_they_can_keep_an_eye_on(clinic: Clinic) -> None:

    def many(connection: Connection) -> None:
        for number in range(tokens.MOST):
            tokens.make(connection, named(Role.NURSE), f"{number}", clinic.clock.now)

    people.write(clinic.place.page_db, many)
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        form = {"token": token_in(browser.get("/today").text), "name": "one more"}
        refused = browser.post("/programs", data=form)
    assert refused.status_code == 409
    assert "Take one away first" in refused.text


def test_each_role_s_program_is_answered_what_the_table_says_and_each_refusal_is_entered(
    clinic: Clinic,
) -> None:
    with clinic.browser() as browser:
        for role in Role:
            token = made_by(clinic, role)
            for route, operation in ASKED.items():
                method, path = filled(route)
                before = len(clinic.audited())
                answer = browser.request(method, path, headers=by(token), json={})
                allowed = may(role, operation) and operation in BY_TOKEN
                assert (answer.status_code == 403) is not allowed, (role, route)
                assert answer.status_code < 500
                entered = [each[2] for each in clinic.audited()[before:]]
                number = "1" if allowed else entered[0].rsplit(" ", 1)[1]
                refused = [] if allowed else [f"{operation}, by token {number}"]
                assert entered == refused, (role, route)


def test_what_shows_no_token_is_told_nothing_also_with_somebody_s_cookie(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        for route in ASKED:
            method, path = filled(route)
            for headers in ({}, by("careline-guess"), {"authorization": "Basic YTpi"}):
                answer = browser.request(method, path, headers=headers, json={})
                assert answer.status_code == 401, route
                assert answer.json()["why"] == "No token that is known came with this."


def test_a_token_opens_no_screen_and_no_key(clinic: Clinic) -> None:
    token = made_by(clinic, Role.ADMIN)
    with clinic.browser() as browser:
        for path in ("/today", "/programs"):
            assert browser.get(path, headers=by(token)).headers["location"] == "/sign-in"
        browser.cookies.set("__Host-careline", token)
        assert browser.get("/today").headers["location"] == "/sign-in"
    visitor = clinic.house.visitors.program(token)
    assert visitor is not None
    assert visitor.ring is None
    keys = {Operation.READ, Operation.LISTEN, Operation.PATIENTS, Operation.PEOPLE, Operation.HOLD}
    assert not any(visitor.may(operation) for operation in keys | {Operation.OWN, Operation.PROVE})


def test_what_is_asked_wrongly_is_told_by_its_place_and_not_repeated(clinic: Clinic) -> None:
    token = made_by(clinic, Role.NURSE)
    with clinic.browser() as browser:
        answer = browser.get("/api/v1/calls?limit=Mrs-Doe", headers=by(token))
        assert answer.status_code == 422
        assert list(answer.json()["fields"]) == ["query.limit"]
        assert "Doe" not in answer.text
        path = "/api/v1/requests/abcd"
        answer = browser.post(path, headers=by(token), json={"act": "burn", "note": "Mrs Doe"})
        assert list(answer.json()["fields"]) == ["body.act"]
        assert "Doe" not in answer.text
        for days in (
            "first=0001-01-01",
            "first=2026-01-02&last=2026-01-01",
            "first=2020-01-01&last=2026-01-01",
        ):
            answer = browser.get(f"/api/v1/figures?{days}", headers=by(token))
            assert answer.status_code == 422, days
        for path in ("/api/v1/nothing", "/api/v1/status/more"):
            answer = browser.get(path, headers=by(token) | {"accept": "text/html"})
            assert (answer.status_code, set(answer.json())) == (404, {"why", "cure", "fields"})


def test_the_description_names_all_that_may_be_asked_and_every_answer_has_a_form() -> None:
    told: dict[str, Any] = api.description()
    described = {
        f"{method.upper()} {path}" for path, ways in told["paths"].items() for method in ways
    }
    assert described == set(ASKED)
    for ways in told["paths"].values():
        for way in ways.values():
            assert way["security"] == [{"HTTPBearer": []}]
            assert {"200", "401", "403", "409", "422"} == set(way["responses"])
            for answer in way["responses"].values():
                assert "$ref" in answer["content"]["application/json"]["schema"]


def staffed(place: Place) -> dict[Role, str]:
    """A token of somebody of each role."""
    now = datetime.now(UTC)
    for role in Role:
        code = people.invite(place.page_db, named(role), role, now)
        people.accept(place.page_db, named(role), code, PASSWORD, now, CHEAP)

    def made(connection: Connection) -> dict[Role, str]:
        return {role: tokens.make(connection, named(role), "a report", now)[1] for role in Role}

    return people.write(place.page_db, made)


def test_a_program_switches_the_hours_of_a_real_exchange_and_its_token_is_entered(
    tmp_path: Path,
) -> None:
    place = site_at(tmp_path, SITE + '\n[hours.office]\nmon = ["08:00-17:00"]\n')
    made = staffed(place)

    def program() -> None:
        with TestClient(page(house(place)), ADDRESS) as asking:
            nurse, auditor = by(made[Role.NURSE]), by(made[Role.AUDITOR])
            for path in ("status", "agents", "calls", "callbacks", "requests", "hours", "figures"):
                assert asking.get(f"/api/v1/{path}", headers=auditor).status_code == 200, path
            today = asking.get("/api/v1/today", headers=nurse).json()
            assert (today["down"], today["waiting"], today["requests"]["open"]) == ("", [], 0)
            path, wish = "/api/v1/hours/office", {"to": "closed"}
            assert asking.post(path, headers=auditor, json=wish).status_code == 403
            assert asking.post(path, headers=nurse, json=wish).status_code == 200
            (office,) = asking.get("/api/v1/hours", headers=nurse).json()["hours"]
            assert (office["is_open"], office["why"]) == (False, "switch")
            gone = asking.get("/api/v1/calls/abcd", headers=nurse)
            assert gone.status_code in (200, 409)

    async def story() -> None:
        async with exchange_at(place):
            await asyncio.to_thread(program)
            # At the socket itself a token may no more than on the page.
            door, wish = (
                place.control_socket,
                topics.MarkMessageRequest(message="0" * 36, mark="heard"),
            )
            with pytest.raises(ControlError, match="a token may not hear"):
                await control.ask_async(door, topics.MARK_MESSAGE, wish, session=made[Role.NURSE])
            with pytest.raises(ControlError, match="session has ended"):
                await control.ask_async(
                    door, topics.STATUS, topics.StatusRequest(), session="careline-guess"
                )

    live(story())
    reader = open_reader(place.calls_db)
    with reader.connect() as connection:
        entered = [(each.who, str(each.act), each.about) for each in audit.read(connection)]
    reader.dispose()
    assert (named(Role.NURSE), "asked for", "switch, by token 4") in entered
    assert (named(Role.NURSE), "was refused", "mark_message, by token 4") in entered
