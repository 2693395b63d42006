"""A telephone is set up on the page: a link that it fetches by once, a password that is typed, who
may see either, and what the audit and the logs hold of it afterwards."""

import re
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware import gateways, people, site_secrets
from firmware.operations import Role
from firmware.provisioning import links
from firmware.provisioning.desk import Maker
from firmware.web.phone_link import clock_in
from firmware.web.phone_set_up import host_for_phones
from tests.web.clinic import Clinic, named, token_in

SCREEN = "/rooms/phones/set-up/101"
MAC, OTHER = "000b82aabbcc", "000b82ddeeff"
BY_A_PHONE = {"accept": "*/*", "user-agent": "Yealink SIP-T46U 108.86.0.20"}
MADE = "made a link that sets up the telephone"
SEGMENT = st.sampled_from((f"{MAC}.cfg", "linphone.xml")) | st.text(min_size=1, max_size=60).filter(
    lambda text: text.strip(".") and "/" not in text  # a client makes another address of those
)
FETCHED = "fetched what sets up the telephone"


@pytest.fixture
def admin(clinic: Clinic) -> Iterator[TestClient]:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        yield browser


@pytest.fixture
def phone(clinic: Clinic) -> TestClient:
    return TestClient(clinic.app, "https://careline.local", headers=BY_A_PHONE)


def send(admin: TestClient, maker: str, mac: str = "", screen: str = SCREEN) -> Response:
    typed = {"token": token_in(admin.get(screen).text), "maker": maker, "mac": mac}
    return admin.post(screen, data=typed)


def link_in(answer: Response) -> str:
    """The path of the link that a screen shows."""
    found = re.search(r">(?:https://)?[^/<>]+(/provision/[\w-]+)", answer.text)
    assert found, answer.text
    return f"{found[1]}/"


def password(clinic: Clinic, extension: str = "101") -> str:
    plan = clinic.house.site.plan
    assert plan
    return site_secrets.secrets_of(clinic.place.secrets, plan).phones[extension]


def test_a_yealink_fetches_by_its_link_and_the_screen_says_who_did(
    clinic: Clinic, admin: TestClient, phone: TestClient
) -> None:
    assert "There is no link: none was made yet" in admin.get(SCREEN).text
    link = link_in(send(admin, "yealink"))
    assert "nobody has fetched by it yet" in admin.get(SCREEN).text
    assert phone.get(f"{link}y000000000108.boot").status_code == 404
    assert phone.get(f"{link}y000000000108.cfg").text == "#!version:1.0.0.1\n"
    got = phone.get(f"{link}{MAC}.cfg")
    assert (got.status_code, got.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert f"account.1.password = {password(clinic)}\n" in got.text
    assert "account.1.sip_server.1.port = 5060\n" in got.text
    assert got.headers["cache-control"] == "no-store"
    assert phone.get(f"{link}{MAC}.cfg").text == got.text
    assert "by 00:0B:82:AA:BB:CC." in admin.get(SCREEN).text
    entered = [(named(Role.ADMIN), MADE, "101"), *2 * [("a telephone", FETCHED, f"101, {MAC}")]]
    assert clinic.audited()[-3:] == entered


def test_a_grandstream_asks_for_its_binary_file_first_and_then_gets_its_own(
    clinic: Clinic, admin: TestClient, phone: TestClient
) -> None:
    shown = send(admin, "grandstream", "00:0B:82:AA:BB:CC")
    assert "https:" not in shown.text.partition("code class")[2].partition("</code>")[0]
    link = link_in(shown)
    assert phone.get(f"{link}cfg{MAC}").status_code == 404
    assert phone.get(f"{link}cfg{OTHER}.xml").status_code == 404
    got = phone.get(f"{link}cfg{MAC}.xml")
    assert got.headers["content-type"] == "application/xml; charset=utf-8"
    assert f"<mac>{MAC}</mac>" in got.text
    assert f"<P34>{password(clinic)}</P34>" in got.text


def test_linphone_reads_one_square_and_a_second_mobile_gets_nothing(
    clinic: Clinic, admin: TestClient
) -> None:
    answer = send(admin, "linphone", MAC)  # which a program does not tell
    assert 'role="img"' in answer.text
    link = f"{link_in(answer)}linphone.xml"
    first = TestClient(clinic.app, "https://careline.local", client=("192.0.2.31", 5000))
    second = TestClient(clinic.app, "https://careline.local", client=("192.0.2.32", 5000))
    assert password(clinic) in first.get(link).text
    assert second.get(link).status_code == 404
    assert "by 192.0.2.31." in admin.get(SCREEN).text


def test_a_link_opens_one_telephone_of_one_maker_for_a_day(
    clinic: Clinic, admin: TestClient, phone: TestClient
) -> None:
    link = link_in(send(admin, "yealink"))
    assert phone.get(f"{link}cfg{MAC}.xml").status_code == 404
    assert phone.get(f"{link}linphone.xml").status_code == 404
    clinic.clock.now += timedelta(hours=25)
    with clinic.browser() as later:
        clinic.sign_in(later, named(Role.ADMIN))
        assert "is over; nobody has fetched by it" in later.get(SCREEN).text
        assert phone.get(f"{link}{MAC}.cfg").status_code == 404
        new = link_in(send(later, "yealink"))
    assert phone.get(f"{link}{MAC}.cfg").status_code == 404
    assert phone.get(f"{new}{MAC}.cfg").status_code == 200
    assert phone.get(f"{new}{OTHER}.cfg").status_code == 404


def test_a_gateway_fetches_its_settings_once_and_no_other_device_does(
    clinic: Clinic, phone: TestClient
) -> None:
    text = clinic.place.site_file.read_text("utf-8")
    gateway = text.replace("[trunks.telco]", '[trunks.telco]\ngateway = "gxw4108"')
    clinic.place.site_file.write_text(gateway, "utf-8")
    host, maker, now = "192.0.2.1", Maker.GRANDSTREAM, clinic.clock.now
    wanted = links.Link(gateways.linked("telco"), maker, host, now, MAC, None)
    token = people.write(clinic.place.page_db, lambda c: links.make(c, wanted))
    assert phone.get(f"/provision/{token}/cfg{OTHER}.xml").status_code == 404
    got = phone.get(f"/provision/{token}/cfg{MAC}.xml")
    assert got.status_code == 200
    assert f"<P47>{host}:5060</P47>" in got.text
    assert password(clinic) not in got.text
    assert clinic.audited()[-1] == ("a telephone", FETCHED, f"gateway telco, {MAC}")
    clinic.place.site_file.write_text(text, "utf-8")
    assert phone.get(f"/provision/{token}/cfg{MAC}.xml").status_code == 404


def test_no_link_and_a_wrong_one_are_told_alike_and_nothing_is_entered(
    clinic: Clinic, admin: TestClient, phone: TestClient
) -> None:
    link = link_in(send(admin, "yealink", OTHER))
    before = clinic.audited()
    answers = [
        phone.get(path)
        for path in (
            f"/provision/{'x' * 22}/{MAC}.cfg",
            f"{link}{MAC}.cfg",
            f"{link}..%2f..%2fsecrets.toml",
            f"{link}secrets.toml",
            f"/provision/%00/{MAC}.cfg",
            f"/provision/'%20or%201=1--/{MAC}.cfg",
            "/provision/a/b/c",
        )
    ]
    assert {(each.status_code, each.text) for each in answers} == {(404, answers[0].text)}
    assert clinic.audited() == before
    assert phone.get(f"{link}{OTHER}.cfg").status_code == 200


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(token=SEGMENT, file=SEGMENT, place=st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_whatever_a_stranger_asks_for_is_the_same_404(
    clinic: Clinic, token: str, file: str, place: IPv4Address
) -> None:
    stranger = TestClient(clinic.app, "https://careline.local", client=(str(place), 5000))
    answer = stranger.get(f"/provision/{quote(token, safe='')}/{quote(file, safe='')}")
    assert (answer.status_code, answer.json()["why"]) == (404, "There is no such page.")


def test_whoever_guesses_is_not_listened_to_for_long(
    clinic: Clinic, admin: TestClient, phone: TestClient
) -> None:
    link = link_in(send(admin, "yealink"))
    for guess in range(60):
        assert phone.get(f"/provision/{guess}/{MAC}.cfg").status_code == 404
    assert phone.get(f"{link}{MAC}.cfg").status_code == 404
    elsewhere = TestClient(clinic.app, "https://careline.local", client=("192.0.2.31", 5000))
    assert elsewhere.get(f"{link}{MAC}.cfg").status_code == 200


def test_another_telephone_is_told_what_to_type_and_that_it_was_shown_is_entered(
    clinic: Clinic, admin: TestClient
) -> None:
    shown = send(admin, "other").text
    assert password(clinic) in shown
    assert "sip:101@" not in shown  # in the square alone
    assert clinic.audited()[-1] == (
        named(Role.ADMIN),
        "was shown the password of the telephone",
        "101",
    )
    assert password(clinic) not in admin.get(SCREEN).text
    assert send(admin, "yealink").text.count(password(clinic)) == 0


def test_a_slip_is_told_beside_its_field_and_makes_no_link(
    clinic: Clinic, admin: TestClient
) -> None:
    wrong = send(admin, "yealink", "00:0B:82")
    assert wrong.status_code == 422
    assert 'id="mac-fault"' in wrong.text
    assert 'value="00:0B:82"' in wrong.text
    nobody = send(admin, "toaster")
    assert nobody.status_code == 422
    assert 'id="maker-fault"' in nobody.text
    assert not [act for _, act, _ in clinic.audited() if act == MADE]


def test_only_telephones_in_force_can_be_set_up(admin: TestClient) -> None:
    for extension in ("999", "%3Cscript%3E", "1" * 300):
        answer = admin.get(f"/rooms/phones/set-up/{extension}")
        assert answer.status_code == 404
        assert "<script>" not in answer.text.partition("<main")[2]


@pytest.mark.parametrize("role", list(Role))
def test_who_may_change_the_site_may_set_up_its_telephones_and_nobody_else(
    clinic: Clinic, role: Role
) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(role))
        token = token_in(browser.get("/today").text)
        shown = browser.get(SCREEN)
        made = browser.post(SCREEN, data={"token": token, "maker": "other", "mac": ""})
    expected = 200 if role in (Role.ADMIN, Role.TECHNICIAN) else 403
    assert (shown.status_code, made.status_code) == (expected, expected)
    assert (password(clinic) in made.text) is (expected == 200)


def test_nobody_makes_a_link_who_is_not_signed_in(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        answer = browser.post(SCREEN, data={"maker": "other"})
        assert answer.status_code in (303, 403)
        assert password(clinic) not in answer.text
    assert clinic.audited() == []


def test_no_link_and_no_password_is_in_the_log_or_in_the_audit(
    clinic: Clinic, admin: TestClient, phone: TestClient, capfd: pytest.CaptureFixture[str]
) -> None:
    link = link_in(send(admin, "yealink"))
    send(admin, "other", screen="/rooms/phones/set-up/102")
    phone.get(f"{link}{MAC}.cfg")
    phone.get(f"{link}{OTHER}.cfg")
    clinic.place.secrets.write_text("phones = 7", "utf-8")
    phone.get(f"{link}{MAC}.cfg")  # which is ours to mend, and one more 404
    told = "".join(capfd.readouterr())
    assert "a telephone cannot be set up" in told
    token = link.split("/")[2]
    kept = [told, *(path.read_text("utf-8") for path in clinic.place.audit_spool.iterdir())]
    assert not [text for text in kept if token in text]


def test_the_screen_is_in_spanish_for_who_reads_that(clinic: Clinic) -> None:
    with clinic.browser("es") as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        shown = send(browser, "grandstream").text
    assert "El enlace de este teléfono" in shown
    assert "Se creó un enlace" in shown


OWN = [IPv4Address(each) for each in ("10.0.0.7", "127.0.0.1", "169.254.3.4", "192.168.4.2")]


@pytest.mark.parametrize(
    ("met_at", "own", "sip_address", "host"),
    [
        ("192.168.4.2", OWN, "0.0.0.0", "192.168.4.2"),  # noqa: S104
        ("127.0.0.1", OWN, "0.0.0.0", "10.0.0.7"),  # noqa: S104
        ("8.8.8.8", OWN, "0.0.0.0", "10.0.0.7"),  # noqa: S104
        ("", OWN[1:3], "0.0.0.0", "careline.local"),  # noqa: S104
        ("192.168.4.2", OWN, "127.0.0.1", "127.0.0.1"),  # a rehearsal
    ],
)
def test_a_telephone_is_told_an_address_that_it_can_reach(
    met_at: str, own: list[IPv4Address], sip_address: str, host: str
) -> None:
    assert host_for_phones(met_at, iter(own), sip_address) == host


def test_every_zone_of_the_united_states_has_a_clock_that_telephones_keep() -> None:
    zones = ("New_York", "Chicago", "Denver", "Phoenix", "Los_Angeles", "Anchorage", "Puerto_Rico")
    assert [zone for zone in zones if clock_in(f"America/{zone}") is None] == []
    assert clock_in("Pacific/Honolulu")
    assert clock_in("Nowhere/Else") is None
    assert Path("/usr/share/zoneinfo").is_dir() or clock_in("Europe/Madrid")
