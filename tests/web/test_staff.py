"""People who sign in, and one's own way in, on the page: a code is shown once and serves once, and
nobody changes anything of theirs who does not know their password."""

import re
from collections.abc import Iterator
from html import unescape

import pyotp
import pytest
from fastapi.testclient import TestClient

from firmware import people, second_factor
from firmware.operations import Role
from tests.web.clinic import PASSWORD, Clinic, named, token_in


@pytest.fixture
def admin(clinic: Clinic) -> Iterator[TestClient]:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        yield browser


def token(browser: TestClient) -> dict[str, str]:
    return {"token": token_in(browser.get("/own").text)}


def test_somebody_is_invited_by_a_code_that_is_shown_once_and_chooses_a_password(
    clinic: Clinic, admin: TestClient
) -> None:
    shown = admin.post(
        "/staff/invite", data=token(admin) | {"person": "Alvarez", "role": "provider"}
    )
    assert shown.status_code == 200
    found = re.search(r'huge-code"><code>([^<]+)</code>', shown.text)
    assert found
    assert f"https://{admin.base_url.host}/invited" in shown.text
    assert "<svg" in shown.text
    assert found[1] not in admin.get("/staff").text, "it is shown once"
    assert "invited until Mon, Mar 9, 10:30\u202fAM" in admin.get("/staff").text, "as the clinic"
    with clinic.browser() as theirs:
        typed = {"person": "Alvarez", "code": found[1], "password": PASSWORD, "again": PASSWORD}
        theirs.post("/invited", data=typed)
        clinic.sign_in(theirs, "Alvarez")
        assert theirs.get("/staff").status_code == 403, "only an admin says who belongs here"
    assert (named(Role.ADMIN), "invited", "Alvarez, provider") in clinic.audited()


def test_a_password_ends_only_where_somebody_has_said_so(clinic: Clinic, admin: TestClient) -> None:
    nurse, db = named(Role.NURSE), clinic.place.page_db
    wish = {"person": nurse, "role": "provider"}
    asked = admin.post("/staff/invite", data=token(admin) | wish)
    assert asked.status_code == 422
    assert "has a password already, and it shall end" in asked.text
    assert people.role_of(db, nurse) is Role.NURSE
    sure = admin.post("/staff/invite", data=token(admin) | wish | {"sure": "on"})
    assert "huge-code" in sure.text
    assert people.role_of(db, nurse) is None, "until they choose another"


def test_somebody_who_has_left_is_removed_and_the_only_admin_is_not(
    clinic: Clinic, admin: TestClient
) -> None:
    db = clinic.place.page_db
    here = token(admin)
    assert admin.post("/staff/remove", data=here | {"person": "nobody"}).status_code == 422
    nurse = {"person": named(Role.NURSE)}
    assert admin.post("/staff/remove", data=here | nurse).status_code == 422
    assert named(Role.NURSE) in people.names(db)
    assert admin.post("/staff/remove", data=here | nurse | {"sure": "on"}).status_code == 303
    assert named(Role.NURSE) not in people.names(db)
    only = here | {"person": named(Role.ADMIN), "sure": "on"}
    assert "is the only admin" in admin.post("/staff/remove", data=only).text
    with clinic.browser() as other:
        clinic.sign_in(other, named(Role.PROVIDER))
        gone = admin.post("/staff/sign-out", data=here | {"person": named(Role.PROVIDER)})
        assert gone.status_code == 303
        assert other.get("/today").headers["location"] == "/sign-in"


def test_the_mailboxes_get_the_members_that_the_site_names(
    clinic: Clinic, admin: TestClient
) -> None:
    assert "reception" in admin.get("/staff").text, "a member who is not here yet is told"
    shown = admin.post(
        "/staff/invite", data=token(admin) | {"person": "reception", "role": "front desk"}
    )
    assert shown.status_code == 200
    assert admin.post("/staff/agree", data=token(admin)).status_code == 303
    there = {each.name: each for each in people.everybody(clinic.place.page_db)}
    assert there["reception"].waits_for == ("desk",)


def test_a_second_factor_is_switched_on_by_who_knows_the_password_and_shows_the_code(
    clinic: Clinic,
) -> None:
    db, nurse = clinic.place.page_db, named(Role.NURSE)
    with clinic.browser() as browser:
        clinic.sign_in(browser, nurse)
        shown = browser.get("/own/factor").text
        found = re.search(r'name="secret" value="([A-Z2-7]{32})"', shown)
        assert found
        totp = pyotp.TOTP(found[1])
        form = token(browser) | {"secret": found[1], "password": PASSWORD}
        wrong = browser.post("/own/factor", data=form | {"shown": "12345"})
        assert wrong.status_code == 422
        assert found[1] in wrong.text, "the same square is shown again"
        code = {"shown": totp.at(clinic.clock.now)}
        stranger = browser.post("/own/factor", data=form | code | {"password": "not mine at all"})
        assert stranger.status_code == 422
        assert not people.read(db, lambda c: second_factor.is_on(c, nurse))
        on = browser.post("/own/factor", data=form | code)
        assert len(re.findall(r"<li><code>", on.text)) == second_factor.RECOVERY_CODES
        recovery = unescape(re.findall(r"<li><code>([^<]+)", on.text)[0])
        assert browser.get("/own/factor").status_code == 409
        without = browser.post("/own/factor/off", data=token(browser) | {"password": PASSWORD})
        assert without.status_code == 422
        off = browser.post(
            "/own/factor/off", data=token(browser) | {"password": PASSWORD, "code": recovery}
        )
        assert off.status_code == 303
        assert not people.read(db, lambda c: second_factor.is_on(c, nurse))
    acts = [act for who, act, _ in clinic.audited() if who == nurse]
    assert "switched on the second factor" in acts
    assert "switched off the second factor" in acts


def test_another_password_signs_everybody_of_that_name_out(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        new = "four words in a row"
        form = token(browser) | {"password": PASSWORD, "new": new, "again": "not the same"}
        assert browser.post("/own/password", data=form).status_code == 422
        weak = browser.post("/own/password", data=form | {"new": "12345678", "again": "12345678"})
        assert weak.status_code == 422
        done = browser.post("/own/password", data=form | {"again": new})
        assert done.headers["location"] == "/sign-in"
        assert browser.get("/today").headers["location"] == "/sign-in"
        clinic.sign_in(browser, named(Role.NURSE), new)
