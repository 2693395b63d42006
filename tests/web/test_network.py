"""The box's network on the page: another one is tried, confirmed here or from its new address by a
code, or taken back; what is wrong is said beside its field."""

import re

import pytest
from httpx2 import Response

from firmware import codes
from firmware.operations import Role
from firmware.web.confirming import GOOD_FOR_S, LETTERS, Confirming
from firmware.web.limits import Limits
from firmware.web.words import Words
from hw.network import FakeNetwork
from hw.network_files import Fault, Wish
from tests.web.clinic import Clinic, named, token_in
from tests.web.rooted import SOON_S, Seen, rooted

FIXED = {
    "how": "fixed", "address": "192.168.1.20/24", "gateway": "192.168.1.1", "dns": "192.168.1.1"
}  # fmt: skip


def code_in(answer: Response) -> str:
    found = re.search(r'class="code">([a-z0-9-]+)<', answer.text)
    assert found, answer.text
    return found[1]


def test_another_network_is_tried_and_confirmed_by_whoever_is_signed_in(clinic: Clinic) -> None:
    device = Seen()
    with rooted(clinic.place, device), clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        shown = browser.get("/network").text
        assert "192.0.2.17/24" in shown, "the address it has now"
        assert "A time server answered last: Mar 2, 2026, 9:30" in shown
        form = {"token": token_in(shown)}
        answer = browser.post("/network", data=form | FIXED)
        assert answer.status_code == 200
        assert "https://192.168.1.20/network/keep" in answer.text
        assert device.tried.wait(SOON_S)
        assert "A network is on trial" in browser.get("/network").text
        assert browser.post("/network", data=form | FIXED).status_code == 409, "one at a time"
        assert browser.post("/network/confirm", data=form).headers["location"] == "/network"
        assert device.in_force() == Wish(**FIXED)
        shown = browser.get("/network").text
        assert "The network was confirmed and stays." in shown
        assert 'value="192.168.1.20/24"' in shown
        assert browser.post("/network/confirm", data=form).status_code == 409
    who = named(Role.ADMIN)
    assert (who, "asked for", "another network: 192.168.1.20/24") in clinic.audited()
    assert (who, "confirmed", "the network") in clinic.audited()


def test_from_the_new_address_nobody_is_signed_in_and_the_code_of_this_trial_confirms(
    clinic: Clinic,
) -> None:
    device = Seen()
    with rooted(clinic.place, device), clinic.browser() as browser, clinic.browser() as elsewhere:
        clinic.sign_in(browser, named(Role.TECHNICIAN))
        form = {"token": token_in(browser.get("/network").text)}
        answer = browser.post("/network", data=form | FIXED)
        code = code_in(answer)
        assert f'href="https://192.168.1.20/network/keep#{code}"' in answer.text, "no query"
        assert device.tried.wait(SOON_S)
        assert "The box is found here" in elsewhere.get("/network/keep").text
        wrong = elsewhere.post("/network/keep", data={"code": "abcd-efgh"})
        assert wrong.status_code == 403
        assert "This code does not fit" in wrong.text
        assert device.in_force() is None
        right = elsewhere.post("/network/keep", data={"code": code.upper()})
        assert "The network was confirmed and stays." in right.text
        assert device.in_force() == Wish(**FIXED)
        assert elsewhere.post("/network/keep", data={"code": code}).status_code == 403
        assert elsewhere.get("/network").headers["location"] == "/sign-in", "and no more than that"
    assert (named(Role.TECHNICIAN), "confirmed", "the network") in clinic.audited()


def test_who_has_second_thoughts_takes_it_back_and_the_former_one_can_be_tried_again(
    clinic: Clinic,
) -> None:
    device = Seen()
    device.kept, device.former = Wish(**FIXED), Wish()
    with rooted(clinic.place, device), clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        form = {"token": token_in(browser.get("/network").text)}
        answer = browser.post("/network/undo", data=form)
        assert "https://careline.local/network/keep" in answer.text, "its net chooses the address"
        assert device.tried.wait(SOON_S)
        assert device.on_trial() == Wish()
        assert browser.post("/network/take-back", data=form).headers["location"] == "/network"
        assert (device.on_trial(), device.in_force()) == (None, Wish(**FIXED))
        assert "the former network is back" in browser.get("/network").text
        assert browser.post("/network/keep", data={"code": code_in(answer)}).status_code == 403
        device.former = None
        assert browser.post("/network/undo", data=form).status_code == 409
    assert (named(Role.ADMIN), "asked for", "another network: DHCP") in clinic.audited()


def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(clinic: Clinic) -> None:
    device = FakeNetwork()
    with rooted(clinic.place, device), clinic.browser("es") as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        form = {"token": token_in(browser.get("/network").text)}
        answer = browser.post(
            "/network", data=form | FIXED | {"gateway": "10.0.0.1", "vlan": "9999"}
        )
        assert answer.status_code == 422
        for name, fault in (
            ("gateway", Fault.GATEWAY_OUTSIDE), ("vlan", Fault.VLAN),
            ("phones_address", Fault.PHONES_MISSING),
        ):  # fmt: skip
            said = Words.of("es").gettext(fault)
            assert f'id="{name}-fault">{said}<' in answer.text
        assert 'value="10.0.0.1"' in answer.text
        hostile = browser.post("/network", data=form | {"how": "fixed", "port": '"><script>'})
        assert "<script>" not in hostile.text.replace('<script type="module"', "")
        assert browser.post("/network", data=form | {"bridge": "br0"}).status_code == 422
    assert device.asked == []


@pytest.mark.parametrize("language", ["es"])
def test_every_fault_of_a_network_is_said_in_every_language(language: str) -> None:
    words = Words.of(language)
    assert [fault for fault in Fault if words.gettext(fault) == fault] == []


def test_where_the_network_is_not_the_box_s_the_form_is_shown_and_cannot_be_sent(
    clinic: Clinic,
) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        assert "does not answer" in browser.get("/network").text, "no root is there"
        with rooted(clinic.place, None):
            shown = browser.get("/network").text
            assert "network is not the box" in shown
            assert "Address and length of its net" in shown
            assert "Try it for" not in shown
            form = {"token": token_in(shown)}
            assert browser.post("/network", data=form | FIXED).status_code == 409


def test_only_who_looks_after_the_box_sees_it(clinic: Clinic) -> None:
    for role in (Role.NURSE, Role.FRONT_DESK, Role.AUDITOR):
        with clinic.browser() as browser:
            clinic.sign_in(browser, named(role))
            assert browser.get("/network").status_code == 403


def test_who_guesses_wrong_keeps_nobody_from_confirming_not_even_from_the_same_address(
    clinic: Clinic,
) -> None:
    device = Seen()
    with rooted(clinic.place, device), clinic.browser() as browser, clinic.browser() as stranger:
        clinic.sign_in(browser, named(Role.ADMIN))
        form = {"token": token_in(browser.get("/network").text)}
        code = code_in(browser.post("/network", data=form | FIXED))
        assert device.tried.wait(SOON_S)
        for _ in range(50):
            wrong = stranger.post("/network/keep", data={"code": "aaaa-aaaa-aaaa"})
            assert wrong.status_code == 403
        assert device.in_force() is None
        right = stranger.post("/network/keep", data={"code": code})
        assert "The network was confirmed and stays." in right.text
        assert device.in_force() == Wish(**FIXED)


def test_a_code_serves_for_one_trial_and_while_that_may_last() -> None:
    confirming = Confirming()
    assert confirming.who_began("", 0.0) == ""
    code = confirming.fresh("the admin", 10.0)
    assert confirming.who_began(code, 10.0 + GOOD_FOR_S) == "the admin"
    assert confirming.who_began(code, 10.1 + GOOD_FOR_S) == "", "no trial lasts so long"
    first = confirming.fresh("one", 0.0)
    second = confirming.fresh("another", 0.0)
    assert confirming.who_began(first, 0.0) == ""
    assert confirming.who_began(second, 0.0) == "another"
    confirming.is_over()
    assert confirming.who_began(second, 0.0) == ""


def test_no_code_is_guessed_by_a_thousand_who_try_as_fast_as_the_page_hears_them() -> None:
    limits = Limits()
    tries = 1_000 * (limits.requests_burst + limits.requests_per_s * GOOD_FOR_S)
    assert tries / len(codes.LETTERS) ** LETTERS < 1e-10
