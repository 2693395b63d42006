"""The PINs of people who are called, on the page: an administrator alone gives them, what was typed
is never shown again, and what the box made is shown once."""

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from firmware import pins
from firmware.operations import Role
from firmware.pin_rule import PIN_SHORTEST
from firmware.web.cures import CURES
from firmware.web.pins import NOT_A_PIN
from ivr.lease import PIN_LONGEST
from tests.firmware.by_hand import SITE
from tests.web.clinic import Clinic, named, token_in

PEOPLE = """
[people.ann-lee]
name = "Dr. Ann Lee"
numbers = ["101"]

[people.brandt]
name = "Ben Brandt"
numbers = ["102"]
"""
PIN = "902146"


@pytest.fixture
def admin(clinic: Clinic) -> Iterator[TestClient]:
    clinic.place.site_file.write_text(SITE + PEOPLE, "utf-8")
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        yield browser


def token(browser: TestClient) -> dict[str, str]:
    return {"token": token_in(browser.get("/pins").text)}


def test_somebody_who_has_no_pin_is_told_first_and_gets_one_that_is_never_shown(
    clinic: Clinic, admin: TestClient
) -> None:
    before = admin.get("/pins").text
    assert before.count("none yet: nothing can be played to them") == 2
    typed = token(admin) | {"person": "ann-lee", "pin": PIN, "again": PIN}
    given = admin.post("/pins", data=typed)
    assert (given.status_code, given.headers["location"]) == (303, "/pins")
    shown = admin.get("/pins").text
    assert "chosen on" in shown
    assert '<option value="brandt" selected>' in shown, "the next who has none"
    assert PIN not in shown
    assert pins.fits(clinic.place.page_db, "ann-lee", PIN)
    entered = clinic.audited()
    assert (named(Role.ADMIN), "chose the PIN of", "ann-lee") in entered
    assert PIN not in str(entered)


@pytest.mark.parametrize(
    ("slip", "fault"),
    [
        ({"pin": "12345", "again": "12345"}, f'id="pin-fault">{NOT_A_PIN}'),
        ({"pin": "123456", "again": "123456"}, f'id="pin-fault">{NOT_A_PIN}'),
        ({"again": "902147"}, 'id="again-fault">The two are not the same.'),
        ({"person": "nobody"}, 'id="person-fault">Choose one of those offered.'),
        ({"pin": ""}, 'id="pin-fault">Fill this in.'),
    ],
)
def test_a_slip_is_told_beside_its_field_and_nobody_s_pin_changes(
    clinic: Clinic, admin: TestClient, slip: dict[str, str], fault: str
) -> None:
    typed = token(admin) | {"person": "brandt", "pin": PIN, "again": PIN} | slip
    refused = admin.post("/pins", data=typed)
    assert refused.status_code == 422
    assert fault in refused.text
    assert 'type="password" value=""' in refused.text, "what was typed is not sent back"
    assert pins.without(clinic.place.page_db, ["ann-lee", "brandt"]) == ["ann-lee", "brandt"]


def test_a_pin_that_the_box_makes_is_shown_once_and_holds(
    clinic: Clinic, admin: TestClient
) -> None:
    made = admin.post(
        "/pins/make", data=token(admin) | {"person": "ann-lee", "pin": "", "again": ""}
    )
    assert made.status_code == 200
    found = re.search(r'huge-code"><code>(\d{8})</code>', made.text)
    assert found
    assert "Dr. Ann Lee" in made.text
    assert found[1] not in admin.get("/pins").text
    assert pins.fits(clinic.place.page_db, "ann-lee", found[1])
    nobody = admin.post("/pins/make", data=token(admin) | {"person": "nobody"})
    assert nobody.status_code == 422


def test_nobody_but_an_administrator_gives_pins(clinic: Clinic, admin: TestClient) -> None:
    assert '"/pins"' in admin.get("/rooms").text
    for role in set(Role) - {Role.ADMIN}:
        with clinic.browser() as theirs:
            clinic.sign_in(theirs, named(role))
            mine = {"token": token_in(theirs.get("/own").text)}
            typed = mine | {"person": "ann-lee", "pin": PIN, "again": PIN}
            assert theirs.get("/pins").status_code == 403
            assert theirs.post("/pins", data=typed).status_code == 403
            assert theirs.post("/pins/make", data=typed).status_code == 403
    assert pins.without(clinic.place.page_db, ["ann-lee"]) == ["ann-lee"]


def test_where_the_published_site_calls_nobody_the_screen_says_so(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        assert "names nobody who can be called" in browser.get("/pins").text


def test_the_words_say_how_long_a_pin_is_and_the_cure_on_today_leads_here() -> None:
    assert f"{PIN_SHORTEST} to {PIN_LONGEST} digits" in NOT_A_PIN
    assert CURES["`careline oncall pin "].href == "/pins"
