"""Who may see and do what on the page, cell by cell over the real application; and that nothing is
done for a form that is not ours, for a session that is over, or for a route that nobody listed."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, WebSocketRoute

from firmware import people, sessions
from firmware.operations import ROUTES, SOCKETS, Role, may
from firmware.sessions import Limits
from firmware.web import policy
from firmware.web.entrance import API, COOKIE
from firmware.web.page import SCREENS
from firmware.web.visitors import Visitors
from tests.page.screens import screens
from tests.web.clinic import ADDRESS, OURS, PASSWORD, Clinic, named, token_in

# What never answers before it is told to: its own tests are in tests/page.
ENDLESS = {route for route in ROUTES if route.endswith("/live")}


def registered(routes: Sequence[BaseRoute]) -> set[str]:
    """All that the application serves; our files are the one thing beside its screens."""
    told: set[str] = set()
    for route in routes:
        if isinstance(route, APIRoute):
            told |= {f"{method} {route.path}" for method in route.methods or ()}
        elif (included := getattr(route, "original_router", None)) is not None:
            told |= registered(included.routes)
        elif isinstance(route, WebSocketRoute):
            assert route.path in SOCKETS  # its own stories are in tests/page/test_browser_phone.py
        else:
            assert isinstance(route, Mount)
            assert route.path == "/static"
    return told


def test_whatever_the_page_serves_stands_in_the_table(clinic: Clinic) -> None:
    assert registered(clinic.app.routes) == set(ROUTES)


def test_a_route_that_nobody_listed_is_nobody_s(clinic: Clinic) -> None:
    forgotten = APIRouter()
    forgotten.add_api_route("/forgotten", lambda: "secret", methods=["GET"])
    clinic.app.include_router(forgotten)
    assert "GET /forgotten" in registered(clinic.app.routes) - set(ROUTES)
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        answer = browser.get("/forgotten")
    assert answer.status_code == 404
    assert "secret" not in answer.text


def test_each_role_is_served_what_the_table_says_and_no_more_and_each_refusal_is_entered(
    clinic: Clinic,
) -> None:
    guarded = {r: op for r, op in ROUTES.items() if op is not None and API not in r}
    with clinic.browser() as browser:
        for role in Role:
            before, refused = len(clinic.audited()), Counter[str]()
            for route, operation in guarded.items():
                if route in ENDLESS and may(role, operation):
                    continue
                if COOKIE not in browser.cookies:
                    clinic.sign_in(browser, named(role))
                    token = token_in(browser.get("/today").text)
                method, path = route.split()
                answer = browser.request(method, path, headers={"x-form-token": token})
                is_refused = answer.status_code == 403
                assert is_refused is not may(role, operation), (role, route)
                assert answer.status_code < 500, (role, route)
                refused[str(operation)] += is_refused
            entered = clinic.audited()[before:]
            mine = (named(role), "was refused")
            told = Counter(what for *by, what in entered if tuple(by) == mine)
            assert told == refused, role
            browser.cookies.clear()


def test_each_screen_is_served_once() -> None:
    assert len(SCREENS) == len(set(map(id, SCREENS)))


def test_the_browser_s_stories_know_an_address_of_each_screen() -> None:
    assert all("{" not in path for path in screens())


def test_nobody_is_served_anything_that_is_somebody_s(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        for route, operation in ROUTES.items():
            if operation is None or API in route:  # programs: tests/web/test_api.py
                continue
            method, path = route.split()
            answer = browser.request(method, path, headers={"accept": "text/html"})
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in"), route
            answer = browser.request(method, path, headers={"accept": "application/json"})
            assert answer.status_code == 401, route


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://elsewhere.example", "sec-fetch-site": "cross-site"},
        {"origin": "https://elsewhere.example"},
        {"sec-fetch-site": "same-site"},
        {"origin": "null"},
        {"origin": ADDRESS.replace("https", "http")},  # whoever stands between can write that page
        {"origin": ADDRESS, "sec-fetch-site": "none"},
    ],
)
def test_a_form_from_another_site_changes_nothing_and_is_entered(
    clinic: Clinic, headers: dict[str, str]
) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        token = token_in(browser.get("/today").text)
        for name in OURS:
            browser.headers.pop(name, None)
        answer = browser.post("/sign-out", data={"token": token}, headers=headers)
        assert answer.status_code == 403
        assert browser.get("/today", headers=OURS).status_code == 200
    assert (named(Role.NURSE), "was refused", "a form that was not ours") in clinic.audited()


def test_a_form_without_its_session_s_token_changes_nothing(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        strange = token_in(browser.get("/today").text)
        browser.cookies.clear()
        clinic.sign_in(browser, named(Role.NURSE))
        for token in ("", "0" * 64, strange):
            assert browser.post("/sign-out", data={"token": token}).status_code == 403
        assert browser.get("/today").status_code == 200


def test_what_no_browser_of_ours_would_send_is_turned_away(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        long = browser.post("/sign-in", data={"person": "x" * 100_000, "password": "y"})
        assert long.status_code == 413
        json_ = browser.post("/sign-in", content="{}", headers={"content-type": "application/json"})
        assert json_.status_code == 415
        many = "&".join(f"f{n}=1" for n in range(1000))
        form = {"content-type": "application/x-www-form-urlencoded"}
        assert browser.post("/sign-in", content=many, headers=form).status_code == 415
        assert browser.post("/sign-in", content=b"person=%ff", headers=form).status_code == 415


def test_the_cookie_is_for_this_host_over_tls_and_no_script(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        answer = browser.post("/sign-in", data={"person": named(Role.NURSE), "password": PASSWORD})
        (cookie,) = [c for c in answer.headers.get_list("set-cookie") if c.startswith(COOKIE)]
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"path=/", "secure", "httponly", "samesite=strict"} <= parts
    assert not any(part.startswith("domain") for part in parts)
    assert cookie.startswith("__Host-")


def test_every_answer_carries_the_policy_and_is_kept_by_no_browser(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        for path in ("/sign-in", "/nowhere", "/today", "/static/care.css"):
            answer = browser.get(path)
            for name, value in policy.HEADERS.items():
                assert answer.headers[name] == value, path
            kept = answer.headers["cache-control"]
            assert kept == ("no-cache" if path.startswith("/static") else "no-store")
        dated = browser.get(clinic.house.assets["care.css"])
        assert "immutable" in dated.headers["cache-control"]
    assert "unsafe" not in policy.POLICY


def test_what_a_browser_refused_by_the_policy_is_counted_from_anywhere(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        report = json.dumps({"csp-report": {"blocked-uri": "inline"}})
        kind = {"content-type": "application/csp-report"}
        assert browser.post("/policy", content=report, headers=kind).status_code == 204
    assert clinic.app.state.reports.count == 1


def test_a_session_ends_when_idle_and_when_it_has_lasted_and_its_keys_go(clinic: Clinic) -> None:
    clinic = Clinic(clinic.place.home, Limits(absolute=timedelta(hours=1)))
    visitors = clinic.house.visitors
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        assert visitors.holding_keys == 1
        for _ in range(4):
            clinic.clock.now += timedelta(minutes=12)
            assert browser.get("/today").status_code == 200
        clinic.clock.now += timedelta(minutes=12)
        assert browser.get("/today").status_code == 303
        assert visitors.holding_keys == 0
        clinic.sign_in(browser, named(Role.NURSE))
        clinic.clock.now += timedelta(minutes=15)
        visitors.sweep()  # its browser never asked again
        assert visitors.holding_keys == 0
        assert browser.get("/today").headers["location"] == "/sign-in"


def test_who_is_removed_or_signed_out_elsewhere_is_out_at_once(clinic: Clinic) -> None:
    db = clinic.place.page_db
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        people.write(db, lambda c: sessions.end_all(c, named(Role.NURSE)))
        assert browser.get("/today").headers["location"] == "/sign-in"
        clinic.sign_in(browser, named(Role.NURSE))
        people.remove(db, named(Role.NURSE))
        assert browser.get("/today").headers["location"] == "/sign-in"
        clinic.house.visitors.sweep()
    assert clinic.house.visitors.holding_keys == 0


def test_keys_go_also_when_the_database_could_not_be_read_for_a_while(clinic: Clinic) -> None:
    db = clinic.place.page_db
    good = db.with_suffix(".good")
    looks: Iterator[Callable[[], object]] = iter(())

    def now() -> datetime:
        """Each look at the sessions begins with the time."""
        next(looks, lambda: None)()
        return clinic.clock.now

    visitors = Visitors(db, now)
    visitors.welcome(people.sign_in(db, named(Role.NURSE), PASSWORD))
    shutil.copy(db, good)
    db.write_bytes(b"no database" * 1000)
    clinic.clock.now += timedelta(hours=1)

    async def story() -> None:
        nonlocal looks
        third, there = asyncio.Event(), asyncio.get_running_loop()
        looks = iter(
            (
                lambda: None,
                lambda: shutil.move(good, db),
                lambda: there.call_soon_threadsafe(third.set),
            )
        )
        sweeping = asyncio.create_task(visitors.run(every_s=0.01))
        waiting = asyncio.create_task(third.wait())
        await asyncio.wait((sweeping, waiting), return_when=asyncio.FIRST_COMPLETED, timeout=60)
        assert not sweeping.done()
        assert third.is_set()
        sweeping.cancel()

    asyncio.run(story())
    assert visitors.holding_keys == 0


def test_after_a_restart_who_they_are_is_known_and_nothing_is_open(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        session = browser.cookies[COOKIE]
        found = clinic.house.visitors.who(session)
        assert found is not None
        assert found.ring is not None
    again = Clinic(clinic.place.home)
    found = again.house.visitors.who(session)
    assert found is not None
    assert (found.person, found.ring) == (named(Role.NURSE), None)


def test_a_fault_of_ours_says_so_and_repeats_nothing(
    clinic: Clinic, capsys: pytest.CaptureFixture[str]
) -> None:
    clinic.house.place.page_db.rename(clinic.place.home / "away.db")
    clinic.place.page_db.mkdir()
    with clinic.browser() as browser:
        browser.cookies.set(COOKIE, "anything")
        answer = browser.get("/sign-in")
    assert answer.status_code == 500
    assert "This page failed" in answer.text
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err


def test_whoever_changes_the_language_on_a_form_s_answer_comes_back_to_a_screen(
    clinic: Clinic,
) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        token = token_in(browser.get("/today").text)
        for referer, back in ((f"{ADDRESS}/today", "/today"), ("https://else.where/today", "/")):
            wrong = browser.post(
                "/today/switch", data={"token": token}, headers={"referer": referer}
            )
            assert wrong.status_code == 422
            assert f'name="back" value="{back}"' in wrong.text
        for path, told in (("/calls/Ab_1", "/calls/Ab_1"), ("//else.where", "/"), ("/a//b", "/")):
            answer = browser.post("/language", data={"language": "es", "back": path})
            assert answer.headers["location"] == told
            assert "careline-language=es" in answer.headers["set-cookie"]
