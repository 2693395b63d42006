"""The first visit: only who was shown the code may begin, who begins has the recovery paper in hand
before there are keys, and after it there is nothing left to begin."""

import asyncio
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import structlog
from fastapi.testclient import TestClient

from firmware import account, backup_keys, control, paper, people
from firmware.account import AuditReply, AuditRequest
from firmware.keys import KeyPair
from firmware.operations import Role
from firmware.web.entrance import FIRST_COOKIE
from firmware.web.first import ASKED_LINE
from firmware.web.first_visit import LASTS
from firmware.web.page import house, page
from tests.web.clinic import CHEAP, PASSWORD, Clinic


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return Clinic(tmp_path)


def lines_of(text: str) -> list[tuple[str, str]]:
    """The paper as the screen shows it."""
    return re.findall(r"<code>([0-9a-f ]+)</code> <b lang=\"en\">(\w+)</b>", text)


def has_begun(clinic: Clinic, browser: TestClient) -> list[tuple[str, str]]:
    """Somebody brought the code, and has the paper before them."""
    begun = browser.post("/first", data={"code": clinic.house.first.fresh_code()})
    assert begun.headers["location"] == "/first/paper"
    return lines_of(browser.get("/first/paper").text)


def test_the_first_admin_is_made_by_whoever_has_the_code_with_the_paper_in_hand(
    clinic: Clinic,
) -> None:
    admin = {"person": "maria", "password": PASSWORD, "again": PASSWORD}
    with clinic.browser() as browser:
        assert browser.get("/").headers["location"] == "/first"
        lines = has_begun(clinic, browser)
        # Nobody goes on who has not shown that the paper lies before them.
        assert browser.get("/first/admin").headers["location"] == "/first/paper"
        assert browser.post("/first/admin", data=admin).headers["location"] == "/first/paper"
        assert browser.post("/first/paper", data={"word": "nonsense"}).status_code == 422
        word = lines[ASKED_LINE - 1][1]
        shown = browser.post("/first/paper", data={"word": f" {word.upper()} "})
        assert shown.headers["location"] == "/first/admin"
        assert browser.post("/first/admin", data=admin).headers["location"] == "/sign-in"
        # The paper that was shown is the clinic's, and it is never shown again.
        typed = paper.read("\n".join(f"{digits} {word}" for digits, word in lines))
        assert people.recovery_key(clinic.place.page_db) == typed.public
        for path in ("/first", "/first/paper", "/first/admin"):
            assert browser.get(path).headers["location"] == "/sign-in"
        clinic.sign_in(browser, "maria", leads_to="/begin")
        assert people.role_of(clinic.place.page_db, "maria") is Role.ADMIN
    assert ("maria", "set up the clinic", "") in clinic.audited()


def test_nobody_who_guesses_keeps_the_owner_out_and_the_code_serves_once(clinic: Clinic) -> None:
    code = clinic.house.first.fresh_code()
    with (
        structlog.testing.capture_logs() as said,
        clinic.browser() as guesser,
        clinic.browser() as owner,
    ):
        for _ in range(50):
            assert guesser.post("/first", data={"code": "aaaa-bbbb-cccc-dddd"}).status_code == 403
        assert owner.post("/first", data={"code": code}).status_code == 303
        late = guesser.post("/first", data={"code": code})
        assert late.status_code == 403
        assert "no code any more" in late.text
    told = [each for each in said if each["event"] == "a wrong one-time code was typed"]
    assert len(told) == 1  # once a minute is enough


def test_a_box_whose_power_goes_as_it_is_set_up_can_make_its_first_backup(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def goes(*_: object) -> None:
        raise OSError("and nothing after this is done")

    with clinic.browser() as browser:
        word = has_begun(clinic, browser)[ASKED_LINE - 1][1]
        browser.post("/first/paper", data={"word": word})
        monkeypatch.setattr(backup_keys, "remember_paper", goes)
        admin = {"person": "maria", "password": PASSWORD, "again": PASSWORD}
        assert browser.post("/first/admin", data=admin).status_code == 500
    assert people.is_set_up(clinic.place.page_db)
    recipient = backup_keys.paper_recipient(clinic.place)
    assert recipient.startswith("age1")
    assert recipient in clinic.place.paper_recipient.read_text("ascii")


def test_a_visit_is_of_one_browser_and_ends_by_itself(clinic: Clinic) -> None:
    with clinic.browser() as browser, clinic.browser() as stranger:
        has_begun(clinic, browser)
        assert stranger.get("/first/paper").headers["location"] == "/first"
        stranger.cookies.set(FIRST_COOKIE, "made up", domain="careline.local", path="/")
        assert stranger.get("/first/paper").headers["location"] == "/first"
        clinic.clock.now += LASTS + timedelta(seconds=1)
        assert browser.get("/first/paper").headers["location"] == "/first"


def test_what_is_wrong_with_a_name_or_a_password_is_said_beside_it(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        word = has_begun(clinic, browser)[ASKED_LINE - 1][1]
        browser.post("/first/paper", data={"word": word})
        weak = browser.post(
            "/first/admin", data={"person": "maria", "password": "password", "again": "passwort"}
        )
        assert weak.status_code == 422
        assert 'id="password-fault"' in weak.text
        assert 'id="again-fault"' in weak.text
        assert "passwort" not in weak.text
        empty = browser.post("/first/admin", data={"person": " ", "password": "x"})
        assert 'id="person-fault"' in empty.text
    assert not people.is_set_up(clinic.place.page_db)


def test_who_presses_twice_or_sets_up_at_the_box_meanwhile_is_led_to_sign_in(
    tmp_path: Path,
) -> None:
    clinic = Clinic(tmp_path)
    meanwhile: list[Callable[[], None]] = []

    def now() -> datetime:
        """A moment in which something else may happen."""
        while meanwhile:
            meanwhile.pop()()
        return clinic.clock.now

    def set_up_at_the_box() -> None:
        people.set_up(clinic.place.page_db, KeyPair.fresh().public, "jo", PASSWORD, [], CHEAP)

    clinic.house = house(clinic.place, now=now, cost=CHEAP)
    clinic.app = page(clinic.house)
    with clinic.browser() as browser:
        word = has_begun(clinic, browser)[ASKED_LINE - 1][1]
        browser.post("/first/paper", data={"word": word})
        meanwhile.append(set_up_at_the_box)
        admin = {"person": "maria", "password": PASSWORD, "again": PASSWORD}
        answer = browser.post("/first/admin", data=admin)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/sign-in")
    assert [each.name for each in people.everybody(clinic.place.page_db)] == ["jo"]


def test_who_accepts_twice_is_led_to_sign_in(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path).staff()
    db, now = clinic.place.page_db, clinic.clock.now
    code = people.invite(db, "nina", Role.NURSE, now)
    door = control.Door()

    async def accepted_at_the_box(_: AuditRequest) -> AuditReply:
        await asyncio.to_thread(people.accept, db, "nina", code, PASSWORD, now, CHEAP)
        return AuditReply()

    door.answer(account.AUDIT, accepted_at_the_box)

    async def story() -> None:
        chosen = {"person": "nina", "password": PASSWORD, "again": PASSWORD, "code": code}
        with clinic.browser() as browser:
            async with door.open(clinic.place.control_socket):
                answer = await asyncio.to_thread(browser.post, "/invited", data=chosen)
        assert (answer.status_code, answer.headers.get("location")) == (303, "/sign-in")

    asyncio.run(story())
