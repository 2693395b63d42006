"""The envelope and the recovery paper on the page: made by an admin who opens everything and gives
the password once more, shown once, and entered."""

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient

from firmware import backup_keys, paper, people
from firmware.operations import Role
from firmware.people import PeopleError
from firmware.web.first import ASKED_LINE
from firmware.web.new_papers import LASTS
from tests.web.clinic import CHEAP, PASSWORD, Clinic, named, token_in
from tests.web.test_first import lines_of

ADMIN = named(Role.ADMIN)
KNOWS = {"password": PASSWORD}


def token(browser: TestClient) -> dict[str, str]:
    return {"token": token_in(browser.get("/own").text)}


def code_in(text: str) -> str:
    """Of the sheet that goes into an envelope."""
    found = re.search(r'class="huge-code"><code>([^<]+)</code>', text)
    assert found, text
    return found[1]


def test_an_envelope_is_made_for_whoever_gives_the_password_and_its_code_is_shown_once(
    clinic: Clinic,
) -> None:
    db = clinic.place.page_db
    with clinic.browser() as browser:
        clinic.sign_in(browser, ADMIN)
        assert "None was made yet" in browser.get("/papers").text
        wrong = browser.post("/papers/envelope", data=token(browser) | {"password": "not mine"})
        assert wrong.status_code == 422
        assert "do not belong together" in wrong.text
        assert people.envelope(db) is None
        code = code_in(browser.post("/papers/envelope", data=token(browser) | KNOWS).text)
        shown = browser.get("/papers").text
        assert code not in shown
        assert f"by {ADMIN}, and not opened" in shown
        second = code_in(browser.post("/papers/envelope", data=token(browser) | KNOWS).text)
        with pytest.raises(PeopleError, match="not the code"):
            people.break_glass(db, code, "eve", clinic.clock.now)  # the one before is void
        opened = people.break_glass(db, second, "eve", clinic.clock.now)
        assert "desk" in opened.mailboxes
        assert "by eve, and is void" in browser.get("/papers").text
    entries = clinic.audited()
    assert entries.count((ADMIN, "made an envelope", "")) == 2
    assert (ADMIN, "was refused", "page sign-in") in entries
    assert code not in str(entries)


def test_a_new_recovery_paper_is_in_force_when_a_word_of_it_was_typed_back_and_not_before(
    clinic: Clinic,
) -> None:
    db = clinic.place.page_db
    before = people.recovery_key(db)
    with clinic.browser() as browser:
        clinic.sign_in(browser, ADMIN)
        form = token(browser)
        text = browser.post("/papers/recovery", data=form).text
        lines = lines_of(text)
        assert "not in force yet" in text
        typed = {"word": lines[ASKED_LINE - 1][1].upper(), **KNOWS}
        for slip in ({"word": "nonsense"}, {"password": "not mine"}, {"word": ""}):
            again = browser.post("/papers/recovery/keep", data=form | typed | slip)
            assert again.status_code == 422
            assert lines_of(again.text) == lines, "the same paper lies before them"
        assert people.recovery_key(db) == before
        kept = browser.post("/papers/recovery/keep", data=form | typed)
        assert (kept.status_code, kept.headers["location"]) == (303, "/papers")
        fresh = paper.read("\n".join(" ".join(line) for line in lines))
        assert people.recovery_key(db) == fresh.public
        assert "desk" in people.recover(db, fresh).mailboxes
        backup_keys.paper_recipient(clinic.place)  # the next backup is made out to it
        # It is never shown again, and what was typed serves once.
        late = browser.post("/papers/recovery/keep", data=form | typed)
        assert late.headers["location"] == "/papers"
        assert lines[0][0] not in browser.get("/papers").text
    assert clinic.audited().count((ADMIN, "made a new recovery paper", "")) == 1


def test_a_paper_that_nobody_confirmed_is_void_after_a_while_and_serves_no_other_session(
    clinic: Clinic,
) -> None:
    with clinic.browser() as browser, clinic.browser() as other:
        clinic.sign_in(browser, ADMIN)
        clinic.sign_in(other, ADMIN)
        lines = lines_of(browser.post("/papers/recovery", data=token(browser)).text)
        typed = {"word": lines[ASKED_LINE - 1][1], **KNOWS}
        strange = other.post("/papers/recovery/keep", data=token(other) | typed)
        assert strange.headers["location"] == "/papers"
    papers = clinic.house.new_papers
    papers.fresh("a session")
    assert papers.shown_to("a session") is not None
    clinic.clock.now += LASTS + timedelta(seconds=1)
    assert papers.shown_to("a session") is None


def test_an_admin_who_does_not_open_every_mailbox_is_told_so_and_makes_neither(
    clinic: Clinic,
) -> None:
    db, before = clinic.place.page_db, people.recovery_key(clinic.place.page_db)
    code = people.invite(db, "new admin", Role.ADMIN, clinic.clock.now)
    people.accept(db, "new admin", code, PASSWORD, clinic.clock.now, CHEAP)
    with clinic.browser() as browser:
        clinic.sign_in(browser, "new admin")
        shown = browser.get("/papers").text
        assert "you do not open desk" in shown
        assert "Make an envelope" not in shown
        refused = browser.post("/papers/envelope", data=token(browser) | KNOWS)
        assert refused.status_code == 409
        assert "opens every mailbox, and you do not" in refused.text
        assert browser.post("/papers/recovery", data=token(browser)).status_code == 409
    assert people.envelope(db) is None
    assert people.recovery_key(db) == before
    assert ("new admin", "was refused", "envelope") in clinic.audited()


def test_the_technician_and_everybody_else_makes_none_of_them_nor_does_a_form_from_elsewhere(
    clinic: Clinic,
) -> None:
    posts = ("/papers/envelope", "/papers/recovery", "/papers/recovery/keep")
    for role in set(Role) - {Role.ADMIN}:
        with clinic.browser() as browser:
            clinic.sign_in(browser, named(role))
            assert browser.get("/papers").status_code == 403
            assert "/papers" not in browser.get("/rooms").text
            for path in posts:
                answer = browser.post(path, data=token(browser) | KNOWS)
                assert answer.status_code == 403, (role, path)
    with clinic.browser() as browser:
        clinic.sign_in(browser, ADMIN)
        assert "/papers" in browser.get("/rooms").text
        for path in posts:
            assert browser.post(path, data=KNOWS).status_code == 403
    assert people.envelope(clinic.place.page_db) is None
