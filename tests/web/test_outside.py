"""The passwords by which the box signs in at a trunk and at the mail server: given on the page,
kept where the box keeps its own, and shown to nobody."""

import stat
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from firmware import site_secrets
from firmware.operations import ROLES, Operation, Role
from firmware.site_secrets import GIVEN_MOST, can_be_given
from firmware.web.outside import NO_PIN, NOT_TYPED
from tests.firmware.by_hand import SITE
from tests.web.clinic import Clinic, named, token_in

MAIL = """
[email]
host = "mail.example.com"
port = 465
security = "tls"
username = "clinic"
sender = "clinic@example.com"
"""
MODEM = """
[modems.mobile]
port = "/dev/serial/by-path/pci-0-usb-0:1:1.2-port0"
voice = "/dev/serial/by-path/pci-0-usb-0:1:1.1-port0"
"""
PASSWORD = "q;7 #Lamp<b>"
PLACES = ("/passwords/trunks/telco", "/passwords/email")


@pytest.fixture
def admin(clinic: Clinic) -> Iterator[TestClient]:
    clinic.place.site_file.write_text(SITE + MAIL + MODEM, "utf-8")
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        yield browser


@pytest.mark.parametrize(
    ("here", "whose", "form"),
    [
        (PLACES[0], "trunk telco", "/rooms/trunks/part/telco"),
        (PLACES[1], "mail server", "/rooms/email"),
    ],
)
def test_a_password_is_given_and_shown_to_nobody_and_all_others_stay(
    clinic: Clinic, admin: TestClient, here: str, whose: str, form: str
) -> None:
    plan, path = clinic.house.site.plan, clinic.place.secrets
    assert plan is not None
    before = site_secrets.secrets_of(path, plan)
    assert f'href="{here}"' in admin.get(form).text, "its form leads here"
    shown = admin.get(here).text
    assert "No password is set yet." in shown
    typed = {"token": token_in(shown), "password": PASSWORD}
    given = admin.post(here, data=typed)
    assert (given.status_code, given.headers["location"]) == (303, here)
    after = admin.get(here).text
    assert "A password is set." in after
    assert "Lamp" not in after
    kept = site_secrets.secrets_of(path, plan)
    assert PASSWORD in (kept.trunks.get("telco"), kept.email)
    assert (kept.ami, kept.selftest, kept.phones) == (before.ami, before.selftest, before.phones)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    entered = clinic.audited()
    assert (named(Role.ADMIN), "gave the password of", whose) in entered
    assert "Lamp" not in str(entered)
    assert "Lamp" not in clinic.place.site_file.read_text("utf-8")


@pytest.mark.parametrize("slip", ["a\\b", "a\nb", "pässword", "x" * (GIVEN_MOST + 1)])
def test_what_no_file_of_the_box_can_hold_is_refused_beside_the_field(
    clinic: Clinic, admin: TestClient, slip: str
) -> None:
    for here in PLACES:
        typed = {"token": token_in(admin.get(here).text), "password": slip}
        refused = admin.post(here, data=typed)
        assert refused.status_code == 422
        assert f'id="password-fault">{NOT_TYPED}' in refused.text
        assert slip not in refused.text
    assert not clinic.place.secrets.exists()


def test_a_password_for_nothing_that_is_there_and_one_by_who_may_not_is_refused(
    clinic: Clinic, admin: TestClient
) -> None:
    token = {"token": token_in(admin.get(PLACES[0]).text)}
    nowhere = "/passwords/trunks/nowhere"
    assert admin.get(nowhere).status_code == 404
    assert admin.post(nowhere, data=token | {"password": PASSWORD}).status_code == 404
    for role in set(Role) - ROLES[Operation.CONFIGURE]:
        with clinic.browser() as theirs:
            clinic.sign_in(theirs, named(role))
            mine = {"token": token_in(theirs.get("/own").text), "password": PASSWORD}
            assert theirs.get(PLACES[0]).status_code == 403
            assert theirs.post(PLACES[0], data=mine).status_code == 403
    assert not clinic.place.secrets.exists()


def test_passwords_that_are_damaged_are_told_and_nothing_is_written_over_them(
    clinic: Clinic, admin: TestClient
) -> None:
    token = {"token": token_in(admin.get(PLACES[1]).text)}
    clinic.place.secrets.write_text("this is no table", "utf-8")
    told = admin.post(PLACES[1], data=token | {"password": PASSWORD})
    assert told.status_code == 409
    assert "Call your technician" in told.text
    assert clinic.place.secrets.read_text("utf-8") == "this is no table"


def test_every_sign_that_can_be_typed_but_one_and_no_space_at_an_end() -> None:
    every = "".join(map(chr, range(33, 127))).replace("\\", "")
    assert can_be_given(every)
    assert can_be_given("a b")
    assert not any(map(can_be_given, ("", " a", "a ", "a\n", "a\x7f", "\\")))


def test_the_pin_of_a_sim_is_given_like_a_password_and_is_digits_alone(
    clinic: Clinic, admin: TestClient
) -> None:
    here, path = "/passwords/modems/mobile", clinic.place.secrets
    assert f'href="{here}"' in admin.get("/rooms/modems/part/mobile").text, "its form leads here"
    refused = admin.post(here, data={"token": token_in(admin.get(here).text), "password": "12a4"})
    assert (refused.status_code, NO_PIN in refused.text) == (422, True)
    typed = {"token": token_in(refused.text), "password": "4711"}
    assert admin.post(here, data=typed).status_code == 303
    assert site_secrets.sim_pin(path, "mobile") == "4711"
    assert "4711" not in admin.get(here).text
    assert (
        named(Role.ADMIN),
        "gave the password of",
        "SIM of the modem mobile",
    ) in clinic.audited()
