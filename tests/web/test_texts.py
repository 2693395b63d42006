"""Who wrote STOP, on the page: by the last digits, until they ask for texts again themselves."""

from datetime import UTC, datetime

from firmware.audit import Act
from firmware.operations import Role
from tests.firmware.by_hand import SITE
from tests.web.clinic import Clinic, named, token_in
from tests.web.exchanging import exchange_of
from tests.web.test_messages import USB

OWN = f"""
[modems.mobile]
port = "{USB}:1"
voice = "{USB}:2"

[sms]
modem = "mobile"

[people.lee]
name = "Dr. Lee"
numbers = ["101"]
text = "2025550171"
"""


def test_who_wrote_stop_is_listed_and_gets_texts_again_once_they_asked_for_it(
    clinic: Clinic,
) -> None:
    clinic.clock.now = datetime.now(UTC)  # the exchange looks at the session itself
    clinic.place.site_file.write_text(f"{SITE}\n{OWN}", "utf-8")
    with exchange_of(clinic.place) as told, clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.FRONT_DESK))
        assert "Nobody wrote STOP" in browser.get("/texts").text
        told.writes_stop("+12025550143")
        shown = browser.get("/texts").text
        assert "··· 43" in shown
        assert "2025550143" not in shown
        form = {"token": token_in(shown), "asked": "by telephone"}
        few = browser.post("/texts", data=form | {"number": "0143"})
        assert (few.status_code, "Type all of the number" in few.text) == (422, True)
        other = browser.post("/texts", data=form | {"number": "(202) 555-0144"})
        assert (other.status_code, "that number did not write STOP" in other.text) == (409, True)
        assert "··· 43" in browser.get("/texts").text
        done = browser.post("/texts", data=form | {"number": "(202) 555-0143"})
        shown = browser.get(done.headers["location"]).text
        assert "Texts go to them again" in shown
        assert "Nobody wrote STOP" in shown
        ((number, words),) = told.to_go()
        assert (number, "you get texts again" in words) == ("2025550143", True)
        ((_, about),) = [each for each in told.audited() if each[0] == Act.ALLOWED_TEXTS]
        assert about.endswith("who asked by telephone")
        assert "0143" not in about


def test_a_stop_from_somebody_on_call_is_shown_with_what_to_do(clinic: Clinic) -> None:
    clinic.clock.now = datetime.now(UTC)
    clinic.place.site_file.write_text(f"{SITE}\n{OWN}", "utf-8")
    with exchange_of(clinic.place) as told, clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        told.writes_stop("+12025550171")
        shown = browser.get("/texts").text
        assert "Dr. Lee gets no texts" in shown
        form = {"token": token_in(shown), "asked": "in person", "person": "lee"}
        assert browser.post("/texts", data=form).status_code == 303
        assert "Dr. Lee gets no texts" not in browser.get("/texts").text
        assert (Act.ALLOWED_TEXTS, "lee, who asked in person") in told.audited()
