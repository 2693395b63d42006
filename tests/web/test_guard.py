"""Who is blocked at the telephones' ports, on the page: listed with why, and let in again."""

from ipaddress import ip_address

from firmware.operations import Role
from hw.packet_filter import NEARBY, RememberedFilter
from tests.web.clinic import Clinic, named, token_in
from tests.web.rooted import rooted


def arranged() -> RememberedFilter:
    packets = RememberedFilter()
    packets.arrange((5060,), NEARBY)
    return packets


def test_who_is_blocked_is_listed_and_let_in_again_by_a_press(clinic: Clinic) -> None:
    packets = arranged()
    packets.block(ip_address("203.0.113.9"), 600, "wrong passwords")
    with rooted(clinic.place, None, packets), clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        shown = browser.get("/guard").text
        assert "203.0.113.9" in shown
        assert "wrong passwords" in shown
        form = {"token": token_in(shown), "address": "203.0.113.9"}
        assert browser.post("/guard/unblock", data=form).headers["location"] == "/guard"
        assert "Nobody is blocked." in browser.get("/guard").text
        hostile = browser.post("/guard/unblock", data=form | {"address": "1.2.3.4; reboot"})
        assert hostile.status_code == 422
    assert packets.blocks() == ()
    told = (named(Role.ADMIN), "asked for", "the block of 203.0.113.9 taken away")
    assert told in clinic.audited()


def test_without_root_or_where_the_filter_is_not_the_box_s_the_page_says_so(
    clinic: Clinic,
) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.TECHNICIAN))
        assert "does not answer" in browser.get("/guard").text
        with rooted(clinic.place, None):
            shown = browser.get("/guard").text
            assert "left alone" in shown
            form = {"token": token_in(shown), "address": "203.0.113.9"}
            assert browser.post("/guard/unblock", data=form).status_code == 409


def test_a_nurse_sees_nothing_of_it(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        assert browser.get("/guard").status_code == 403
