"""Calls on the page: found by number, day, telephone and outcome, the newest first and in parts
that stay; who called is masked until it is opened, and that stands in the audit."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from firmware import call_search
from firmware.audit import Act
from firmware.operations import Role
from firmware.trace import SENTENCES
from firmware.web.telephone_number import telephone
from firmware.web.words import Words
from ivr.commands import Outcome
from tests.web.clinic import Clinic, named, token_in
from tests.web.past import BEGAN, NAME, NUMBER, past_of

UNKNOWN = "99999999-9999-4999-8999-999999999999"
HOSTILE = '<script>alert(1)</script>" onload="x'
NO_NUMBER_IN = re.compile(r"555[ -]?0143|550143")


def listed(text: str) -> list[str]:
    """The calls of a screen, in their order."""
    return re.findall(r'<th scope="row"><a href="/calls/([0-9a-f-]{36})"', text)


def looks(browser: TestClient, **wanted: str) -> list[str]:
    """As the form does, by whoever may read numbers."""
    token = token_in(browser.get("/calls").text)
    answer = browser.post("/calls", data={"token": token, **wanted})
    if answer.status_code == 303:
        assert not NO_NUMBER_IN.search(answer.headers["location"])
        answer = browser.get(answer.headers["location"])
    assert answer.status_code == 200, answer.text
    return listed(answer.text)


def test_the_newest_come_first_and_older_ones_stay_where_they_are_while_calls_come(
    clinic: Clinic,
) -> None:
    with past_of(clinic.place) as past:
        made = [past.call() for _ in range(120)][::-1]
        with clinic.browser() as browser:
            clinic.sign_in(browser, named(Role.FRONT_DESK))
            first = browser.get("/calls").text
            assert listed(first) == made[:50]
            past.call()
            past.call()
            older = re.findall(r'href="(/calls\?before=[^"]+)"', first)
            second = browser.get(older[0]).text
            assert listed(second) == made[50:100]
            older = re.findall(r'href="(/calls\?before=[^"]+)"', second)
            third = browser.get(older[0]).text
            assert listed(third) == made[100:]
            assert "/calls?before=" not in third


@pytest.mark.parametrize(
    "typed", ["2025550143", "+1 (202) 555-0143", "12025550143", "0143", "550143", "202.555.0143"]
)
def test_a_caller_is_found_by_the_whole_number_or_by_how_it_ends(
    clinic: Clinic, typed: str
) -> None:
    with past_of(clinic.place) as past:
        wanted = [past.call(), past.call(number="2025550143")][::-1]
        for other in ("+12025559143", "2025550199", ""):
            past.call(number=other)
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        assert looks(browser, number=typed) == wanted


def test_a_number_of_too_few_digits_is_asked_for_once_more(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        token = token_in(browser.get("/calls").text)
        text = browser.post("/calls", data={"token": token, "number": "143"}).text
        assert "at least its last four digits" in text
        odd = browser.post("/calls", data={"token": token, "number": "drop table"})
        assert odd.status_code == 422


def test_more_calls_of_one_number_than_a_screen_holds_are_led_through_by_forms(
    clinic: Clinic,
) -> None:
    with past_of(clinic.place) as past:
        made = [past.call() for _ in range(60)][::-1]
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        token = token_in(browser.get("/calls").text)
        first = browser.post("/calls", data={"token": token, "number": "0143"}).text
        assert listed(first) == made[:50]
        ((before),) = re.findall(r'name="before" value="([^"]+)"', first)
        assert looks(browser, number="0143", before=before) == made[50:]


def test_calls_are_found_by_the_clinic_s_day_by_who_talked_and_by_what_became_of_them(
    clinic: Clinic,
) -> None:
    midnight = datetime(2026, 3, 2, 5, tzinfo=UTC)  # in New York
    with past_of(clinic.place) as past:
        before = past.call(midnight - timedelta(seconds=1), phone="101")
        monday = past.call(midnight, phone="102", outcome=Outcome.MESSAGE)
        late = past.call(midnight + timedelta(hours=23, minutes=59), phone="101")
        tuesday = past.call(midnight + timedelta(days=1), outcome=None)
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.PROVIDER))
        assert looks(browser, since="2026-03-02") == [late, monday]
        assert looks(browser, since="2026-03-02", until="2026-03-03") == [tuesday, late, monday]
        assert looks(browser, until="2026-03-01") == [before]
        assert looks(browser, phone="101") == [late, before]
        assert looks(browser, phone="101", since="2026-03-02") == [late]
        assert looks(browser, outcome="message") == [monday]
        assert looks(browser, outcome="in progress") == [tuesday]
        assert looks(browser, outcome="blocked") == []


def test_a_telephone_with_very_many_calls_is_found_the_other_way_with_the_same_answer(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with past_of(clinic.place) as past:
        made = [past.call(phone="101" if turn % 3 else "102") for turn in range(12)][::-1]
    wanted = [call for turn, call in enumerate(made) if (11 - turn) % 3]
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.PROVIDER))
        assert looks(browser, phone="101") == wanted
        monkeypatch.setattr(call_search, "SOME", 3)
        assert looks(browser, phone="101") == wanted


def test_calls_behind_a_figure_are_gone_through_once_and_anew_when_one_has_come(
    clinic: Clinic,
) -> None:
    asked = "/calls?since=2026-03-02&until=2026-03-02&counts=offered"
    with past_of(clinic.place) as past, clinic.browser() as browser:
        made = [past.call() for _ in range(3)][::-1]
        clinic.sign_in(browser, named(Role.FRONT_DESK))
        assert listed(browser.get(asked).text) == made
        assert listed(browser.get(asked).text) == made
        newest = past.call()
        assert listed(browser.get(asked).text) == [newest, *made]


def test_who_called_is_masked_until_somebody_opens_it_and_that_is_entered_first(
    clinic: Clinic,
) -> None:
    with past_of(clinic.place) as past:
        call = past.call(name=HOSTILE)
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.FRONT_DESK))
        for path in ("/calls", f"/calls/{call}"):
            text = browser.get(path).text
            assert "··· 43" in text
            assert not NO_NUMBER_IN.search(text)
            assert "onload" not in text
        token = token_in(text)
        opened = browser.post(f"/calls/{call}", data={"token": token}).text
        assert telephone(NUMBER) in opened
        assert "<script>alert" not in opened
        assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34; onload=&#34;x" in opened
    read = (named(Role.FRONT_DESK), Act.READ, f"number of {call}")
    assert read in clinic.audited()


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.AUDITOR])
def test_whoever_may_not_meet_a_patient_sees_calls_and_of_no_number_a_digit(
    clinic: Clinic, role: Role
) -> None:
    with past_of(clinic.place) as past:
        call = past.call()
        past.recorded(call, "desk")
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(role))
        for path in ("/calls", f"/calls/{call}", "/calls?number=0143"):
            text = browser.get(path).text
            assert "43" not in re.sub(r"[0-9a-f]{64}|v=[0-9a-f]{12}", "", text)
            assert NAME not in text
            assert 'name="number"' not in text
        assert listed(browser.get("/calls?number=9999").text) == [call]
        token = token_in(text)
        for path in ("/calls", f"/calls/{call}", "/call-back"):
            answer = browser.post(path, data={"token": token, "number": "2025550143"})
            assert answer.status_code == 403, path
        assert browser.get(f"/calls/{call}/sound").status_code in (403, 404)


def test_a_call_s_way_is_told_in_words(clinic: Clinic) -> None:
    with past_of(clinic.place) as past:
        call = past.call(phone="101")
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        text = browser.get(f"/calls/{call}").text
        for said in ("the caller hears a menu (menu)", "phone 101 is picked up", "0:09", "1:15"):
            assert said in text
        for nobody in (UNKNOWN, "x"):
            assert browser.get(f"/calls/{nobody}").status_code == 404
    with clinic.browser("es") as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        text = browser.get(f"/calls/{call}").text
        assert "la persona oye un menú (menu)" in text
        assert "la llamada ha terminado: atendida" in text


def test_every_sentence_of_a_call_s_way_is_said_in_spanish() -> None:
    spanish = Words.of("es")
    wanted = [each.replace("{}", "%(detail)s") for each in SENTENCES.values()]
    bare = {"%(detail)s"}
    assert [each for each in wanted if each not in bare and each not in spanish.single] == []
    for each in wanted:
        assert ("%(detail)s" in spanish.gettext(each)) == ("%(detail)s" in each)


def test_a_recording_is_heard_by_a_member_with_their_own_key_and_by_nobody_else(
    clinic: Clinic,
) -> None:
    with past_of(clinic.place) as past:
        call = past.call(BEGAN, phone="101")
        said = past.recorded(call, "desk")
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        assert f'src="/calls/{call}/sound"' in browser.get(f"/calls/{call}").text
        answer = browser.get(f"/calls/{call}/sound")
        assert answer.headers["content-type"] == "audio/wav"
        assert answer.content.endswith(said)
        heard = [about for _, act, about in clinic.audited() if act == Act.LISTENED]
        assert len(heard) == 1
        clinic.house.visitors._rings.clear()  # the page was started anew
        assert browser.get(f"/calls/{call}/sound").status_code == 409
        assert "closed since the page was started anew" in browser.get(f"/calls/{call}").text
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        assert "/sound" not in browser.get(f"/calls/{call}").text
        assert browser.get(f"/calls/{call}/sound").status_code == 404


def test_a_clinic_without_a_call_is_told_what_to_do_first(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.NURSE))
        assert "No call has come yet." in browser.get("/calls").text
        assert "No call fits." in browser.get("/calls?outcome=blocked").text


def test_calling_back_asks_for_a_telephone_and_says_so_when_no_exchange_is_there(
    clinic: Clinic,
) -> None:
    with past_of(clinic.place) as past:
        call = past.call()
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.FRONT_DESK))
        text = browser.get(f"/calls/{call}").text
        assert '<option value="">your telephone</option>' in text
        asked = {"token": token_in(text), "call": call, "back": "//elsewhere.example"}
        assert browser.post("/call-back", data=asked | {"phone": ""}).status_code == 422
        refused = browser.post("/call-back", data=asked | {"phone": "101"})
        assert refused.status_code == 409
        assert "elsewhere.example" not in refused.text
        # What did not ring is not remembered as one's own.
        assert "your telephone" in browser.get(f"/calls/{call}").text


@pytest.mark.parametrize(
    "odd",
    [
        "since=9999-12-31",
        "since=0001-01-01",
        "counts=offered&since=9999-12-31",
        "counts=offered&at=9999-12-31T23:59Z",
        "counts=offered&at=0001-01-01T00:00Z",
        "counts=offered&at=2026-02-30T00:00Z",
    ],
)
def test_a_day_that_no_clinic_has_breaks_nothing(clinic: Clinic, odd: str) -> None:
    with past_of(clinic.place) as past, clinic.browser() as browser:
        past.call()
        clinic.sign_in(browser, named(Role.FRONT_DESK))
        assert browser.get(f"/calls?{odd}").status_code < 500


def test_a_call_without_a_number_is_not_offered_to_be_called_back(clinic: Clinic) -> None:
    with past_of(clinic.place) as past:
        call = past.call(number="")
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.FRONT_DESK))
        text = browser.get(f"/calls/{call}").text
        assert "not shown" in text
        assert 'action="/call-back"' not in text
