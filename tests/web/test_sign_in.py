"""Signing in on the page: the clinic's one gate, with its waits, its second factor and its recovery
codes; invited people choose their password; and each refusal is accounted for without what was
typed."""

from datetime import timedelta

import pyotp

from firmware import people, second_factor
from firmware.lockout import OF_A_NAME
from firmware.operations import Role
from firmware.second_factor import Secret
from tests.web.clinic import PASSWORD, Clinic, named, token_in

NURSE = named(Role.NURSE)


def test_who_guesses_waits_and_the_owner_only_for_minutes(clinic: Clinic) -> None:
    wrong = {"person": NURSE, "password": "a guess of mine"}
    with clinic.browser() as browser:
        for _ in range(OF_A_NAME.free + 1):
            assert "do not belong together" in browser.post("/sign-in", data=wrong).text
        right = {"person": NURSE, "password": PASSWORD}
        assert "Too many wrong tries" in browser.post("/sign-in", data=right).text
        # The page's tries are the page's: at the box itself nobody waits for them.
        people.sign_in(clinic.place.page_db, NURSE, PASSWORD)
        clinic.clock.now += timedelta(seconds=3)
        clinic.sign_in(browser, NURSE)


def test_who_tries_on_too_soon_fills_no_audit(clinic: Clinic) -> None:
    wrong = {"person": NURSE, "password": "a guess of mine"}
    with clinic.browser() as browser:
        for _ in range(OF_A_NAME.free + 5):
            browser.post("/sign-in", data=wrong)
        guessed = len(clinic.audited())
        assert clinic.audited()[-1] == (NURSE, "was refused", "page sign-in, too soon")
        for _ in range(5):
            assert "Too many wrong tries" in browser.post("/sign-in", data=wrong).text
        assert len(clinic.audited()) == guessed == OF_A_NAME.free + 2


def test_each_refusal_is_entered_and_nothing_that_was_typed_with_it(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        browser.post("/sign-in", data={"person": NURSE, "password": "a guess of mine"})
        told = browser.post("/sign-in", data={"person": "Ann Miller", "password": "1985-04-12"})
        assert "1985-04-12" not in told.text
    assert clinic.audited() == [
        (NURSE, "was refused", "page sign-in"),
        ("a name nobody has", "was refused", "page sign-in"),
    ]


def test_who_has_a_second_factor_comes_in_by_its_code_or_by_a_recovery_code_once(
    clinic: Clinic,
) -> None:
    db, now, secret = clinic.place.page_db, clinic.clock.now, Secret.fresh()
    telephone = pyotp.TOTP(secret.base32)
    own = people.sign_in(db, NURSE, PASSWORD).own
    assert own is not None
    people.write(
        db, lambda c: second_factor.switch_on(c, NURSE, own, secret, telephone.at(now), now)
    )
    (recovery, *_) = people.write(db, lambda c: second_factor.new_recovery_codes(c, NURSE))
    typed = {"person": NURSE, "password": PASSWORD}
    with clinic.browser() as browser:
        asked = browser.post("/sign-in", data=typed)
        assert "the code that your telephone shows" in asked.text
        assert browser.post("/sign-in", data=typed | {"code": "000000"}).status_code == 403
        clinic.clock.now += timedelta(minutes=1)
        code = telephone.at(clinic.clock.now)
        assert browser.post("/sign-in", data=typed | {"code": code}).status_code == 303
        assert browser.post("/sign-in", data=typed | {"code": code}).status_code == 403
        assert browser.post("/sign-in", data=typed | {"code": recovery}).status_code == 303
        assert browser.post("/sign-in", data=typed | {"code": recovery}).status_code == 403


def test_whoever_is_invited_chooses_a_password_and_the_code_has_served(clinic: Clinic) -> None:
    db = clinic.place.page_db
    code = people.invite(db, "nina", Role.NURSE, clinic.clock.now)
    chosen = {"person": "nina", "password": PASSWORD, "again": PASSWORD}
    with clinic.browser() as browser:
        assert browser.post("/invited", data=chosen | {"code": "wrong"}).status_code == 422
        short = {"person": "nina", "password": "short", "again": "short"}
        assert browser.post("/invited", data=short | {"code": code}).status_code == 422
        assert browser.post("/invited", data=chosen | {"code": code}).status_code == 303
        assert browser.post("/invited", data=chosen | {"code": code}).status_code == 422
        clinic.sign_in(browser, "nina")
    assert ("nina", "chose a password", "") in clinic.audited()


def test_a_name_is_one_in_large_letters_or_small_and_two_that_differ_in_these_are_two(
    clinic: Clinic,
) -> None:
    db = clinic.place.page_db
    code = people.invite(db, "nina", Role.NURSE, clinic.clock.now)
    chosen = {"person": "Nina", "code": code, "password": PASSWORD, "again": PASSWORD}
    with clinic.browser() as browser:
        assert browser.post("/invited", data=chosen).status_code == 303
        clinic.sign_in(browser, "NINA")
        people.invite(db, "Nina", Role.NURSE, clinic.clock.now)
        clinic.sign_in(browser, "nina")
        again = browser.post("/sign-in", data={"person": "NINA", "password": PASSWORD})
        assert again.status_code == 403


def test_signing_in_anew_ends_the_session_before(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, NURSE)
        before = dict(browser.cookies)
        clinic.house.visitors.sweep()
        token = token_in(browser.get("/today").text)
        typed = {"person": named(Role.ADMIN), "password": PASSWORD, "token": token}
        assert browser.post("/sign-in", data=typed).status_code == 303
        assert dict(browser.cookies) != before
    assert clinic.house.visitors.holding_keys == 1
