"""Trying the draft in the browser's own call: what happens and why, as it would be heard; a call of
the past once more; and a call kept, which no publish leads elsewhere unnoticed."""

import re
import wave
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from firmware import draft, proving, settings, tried, walks
from firmware.ledger import Moment, Noted
from firmware.operations import Role
from firmware.own_prompts import Spoken
from firmware.walks import Walk
from firmware.web import trying
from firmware.web.words import Words
from ivr.audition import WORDS
from ivr.replay import Recorded, Row
from ivr.simulate import Kind, Phones
from tests.firmware import published
from tests.firmware.by_hand import SITE, write_wav
from tests.web.clinic import Clinic, named, token_in
from tests.web.exchanging import Exchange, exchange_of
from tests.web.past import BEGAN, past_of

# Words that Spanish has not, nor a name in the template.
ENGLISH = frozenset({"the", "caller", "until", "open", "closed", "of", "free", "not", "and"})
TEMPLATE = Path("firmware/template/clinic.toml").read_text("utf-8")
AT = "2026-11-23 12:00"
OTHER_WAY = SITE.replace('1 = "desk"', '1 = "message"')


@pytest.fixture
def site(clinic: Clinic) -> Clinic:
    clinic.place.site_file.unlink()
    published.publish(clinic.place, SITE)
    write_wav(clinic.place.prompts / "en" / "welcome.wav", 8000)
    return clinic


@contextmanager
def admin(clinic: Clinic, language: str = "en") -> Iterator[TestClient]:
    with clinic.browser(language) as browser:
        clinic.sign_in(browser, named(Role.ADMIN))
        yield browser


def drafted(clinic: Clinic, text: str) -> None:
    draft.keep(
        clinic.place, text, "maria", "a way", draft.read(clinic.place).step, clinic.clock.now
    )


def walked(browser: TestClient, **fields: str) -> list[Mapping[str, object]]:
    token = token_in(browser.get("/try").text)
    answer = browser.post("/try/walk", data={"line": "main", "at": AT, "token": token} | fields)
    assert answer.status_code == 200, answer.text
    steps: list[Mapping[str, object]] = answer.json()["steps"]
    return steps


def said(steps: list[Mapping[str, object]]) -> list[str]:
    return [str(each["said"]) for each in steps if each["said"]]


def sent(browser: TestClient, path: str, **fields: str) -> int:
    token = token_in(browser.get("/try").text)
    return browser.post(path, data=fields | {"token": token}).status_code


def test_a_call_is_told_step_by_step_with_what_is_heard_and_when(site: Clinic) -> None:
    with admin(site) as browser:
        steps = walked(browser, press="wait 3,1")
        assert "the caller hears a menu (main/menu)" in said(steps)
        (key,) = [each for each in steps if each["kind"] == "presses"]
        assert (key["said"], key["at"]) == ("You press 1", 4.0)
        assert "the caller presses 1" not in said(steps)  # once is enough
        assert said(steps)[-1] == "the call has ended: answered"
        heard = next(each for each in steps if each["kind"] == "says")
        sounds = heard["sounds"]
        assert isinstance(sounds, list)
        assert [each.partition("?")[0] for each in sounds] == [
            "/try/sound/en/emergency-first",
            "/try/sound/en/welcome",
        ]
    with admin(site, "es") as browser:
        assert "Usted pulsa 1" in said(walked(browser, press="1"))


def test_the_draft_is_tried_and_not_what_is_in_force(site: Clinic) -> None:
    drafted(site, OTHER_WAY)
    with admin(site) as browser:
        assert "the call has ended: left a message" in said(walked(browser, press="1"))
        assert "A call through the draft" in browser.get("/try").text


@pytest.mark.parametrize("keys", ["", "0", "1", "2", "3", "4", "9"])
@pytest.mark.parametrize("at", ["2026-11-23 12:00", "2026-12-25 23:00"])
def test_all_that_happens_and_why_is_told_in_spanish_too(keys: str, at: str) -> None:
    english, spanish = Words("en"), Words.of("es")
    plan = settings.read(TEMPLATE)
    for phones in Phones:
        for each in Walk("main", datetime.fromisoformat(at), keys, phones).told(plan):
            said = trying.in_words_of(each, english)
            if said and each.kind is not Kind.SAYS:
                assert trying.in_words_of(each, spanish) != said
                assert not ENGLISH & set(re.findall(r"[a-z]+", trying.in_words_of(each, spanish)))


def test_each_telephone_does_as_it_is_imagined(site: Clinic) -> None:
    with admin(site) as browser:
        told = said(walked(browser, press="1", others="101=busy"))
        assert "phone 101 is busy" in told
        assert "phone 102 is picked up" in told
        told = said(walked(browser, press="1", phones="absent"))
        assert told[-1] == "the call has ended: left a message"


def test_a_prompt_that_stays_is_heard_as_callers_hear_it(site: Clinic) -> None:
    with admin(site) as browser:
        answer = browser.get("/try/sound/en/welcome")
        with wave.open(BytesIO(answer.content)) as heard:
            assert heard.getnframes() == 8000
        # One that is new, in a language that nobody speaks here, is read and not heard.
        drafted(site, f'{SITE}[prompts.es]\nwelcome = "Hola."\n')
        assert browser.get("/try/sound/es/welcome").status_code == 404
        assert browser.get("/try/sound/en/no-such").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [("line", "fax"), ("press", "9 times"), ("at", "tomorrow"), ("at", "2026-99-99 12:00")],
)
def test_a_call_that_cannot_be_imagined_is_said_not_to_be(
    site: Clinic, field: str, value: str
) -> None:
    with admin(site) as browser:
        assert sent(browser, "/try/walk", **{"line": "main", "at": AT} | {field: value}) == 422


def test_a_draft_with_faults_is_tried_as_far_as_it_can_be_read(site: Clinic) -> None:
    drafted(site, SITE.replace('2 = "message"', '2 = "nowhere"'))
    with admin(site) as browser:
        assert "The draft has faults" in browser.get("/try").text
        assert "the call has ended: answered" in said(walked(browser, press="1"))
        drafted(site, "[clinic")
        assert "no call can be imagined" in browser.get("/try").text


def test_a_kept_call_stands_in_the_draft_and_a_change_that_leads_it_elsewhere_is_refused(
    site: Clinic,
) -> None:
    with admin(site) as browser:
        kept = {"line": "main", "at": AT, "press": "1", "name": "to-the-desk"}
        assert sent(browser, "/try/keep", **kept) == 303
        text = draft.read(site.place).text
        assert "[walks.to-the-desk]" in text
        assert "The kept call `to-the-desk` is new" in browser.get("/publish").text
        assert "as it should" in browser.get("/try").text
        drafted(site, text.replace('1 = "desk"', '1 = "message"'))
        assert "It went menu main/menu → queue main/desk → answered" in browser.get("/try").text
        shown = browser.get("/publish").text
        assert "the kept call goes elsewhere now" in shown
        assert 'name="name"' not in shown  # nothing to publish with
        # It was meant so: the call is kept as it goes now.
        assert sent(browser, "/try/keep", **kept) == 303
        assert proving.proven(draft.read(site.place).text, settings.nothing_beside)
        assert sent(browser, "/try/forget", name="to-the-desk") == 303
        assert "walks" not in draft.read(site.place).text


def test_a_call_of_the_past_is_tried_once_more(site: Clinic) -> None:
    with past_of(site.place) as written:
        call = written.call(phone="102")
        moment = Moment(BEGAN, 0)
        going_on = written.call(outcome=None)
        written.write([Noted(going_on, "menu", "main/menu", moment)])
    with admin(site) as browser:
        shown = browser.get(f"/try?call={call}").text
        assert "data-replayed" in shown
        assert re.search(r'value="2026-03-0\d" required', shown)  # the clinic's day of that call
        assert "2025550143" not in shown  # nobody's number
        for other in (going_on, "x", "5f2b6a10-6f3e-4a6c-9d58-2f0c7f3f4a11"):
            assert browser.get(f"/try?call={other}").status_code == 404


@contextmanager
def exchange(clinic: Clinic) -> Iterator[Exchange]:
    """One that answers, by its own clock, and has spoken our words before."""
    clinic.clock.now = datetime.now(UTC)
    for word in WORDS:
        write_wav(clinic.place.prompts / "en" / f"{word}.wav", 800)
    with exchange_of(clinic.place) as answering:
        yield answering


def test_a_telephone_rings_with_the_draft_as_it_is_chosen_to_stand(site: Clinic) -> None:
    drafted(site, OTHER_WAY)
    wish = {"line": "main", "at": AT, "phone": "102", "phones": "silent", "others": "101=busy"}
    with exchange(site) as told, admin(site) as browser:
        assert sent(browser, "/try/call-me", **wish) == 200
        (asked,) = told.heard
        assert (asked.phone, asked.line, asked.at) == ("102", "main", AT)
        assert (asked.phones, asked.others) == (Phones.SILENT, {"101": Phones.BUSY})
        assert tried.read(site.place, asked.draft) == (OTHER_WAY, {})
        # It is remembered whose telephone that is.
        assert re.search(r'<option value="102" selected>', browser.get("/try").text)
        # What is not one of the clinic's, or no minute of a day, is refused as a form.
        for wrong in ({"phone": "x"}, {"line": "fax"}, {"at": "2026-99-99 12:00"}):
            assert sent(browser, "/try/call-me", **wish | wrong) == 422
        assert len(told.heard) == 1


def test_a_draft_with_faults_or_without_a_voice_rings_no_telephone(site: Clinic) -> None:
    wish = {"line": "main", "at": AT, "phone": "102"}
    with exchange(site) as told, admin(site) as browser:
        for text, why in (
            (SITE.replace('2 = "message"', '2 = "nowhere"'), "Mend the faults first"),
            # Its form is right, and callers go round in it for ever.
            (SITE.replace('otherwise = "message"', 'otherwise = "menu"'), "Mend the faults first"),
            (f'{SITE}[prompts.es]\nwelcome = "Hola."\n', "es/welcome"),
        ):
            drafted(site, text)
            token = token_in(browser.get("/try").text)
            answer = browser.post("/try/call-me", data=wish | {"token": token})
            assert (answer.status_code, why in answer.text) == (409, True), why
        assert told.heard == []


def test_new_words_of_a_draft_are_spoken_before_the_telephone_rings(site: Clinic) -> None:
    drafted(site, SITE.replace('welcome = "Welcome."', 'welcome = "Thank you for calling."'))
    with exchange(site) as told, admin(site) as browser:
        assert sent(browser, "/try/call-me", line="main", at=AT, phone="101") == 200
        _, sounds = tried.read(site.place, told.heard[0].draft)
        assert list(sounds) == [Spoken("en", "welcome")]


def past(*rows: tuple[str, str, float]) -> Recorded:
    local = published.AT
    return Recorded("a call", "main", "", tuple(Row(s, d, now, local) for s, d, now in rows))


def test_what_a_caller_of_the_past_did_is_done_again_at_its_time() -> None:
    call = past(
        ("offered", "", 99.0),
        ("arrived", "main", 100.0),
        ("menu", "main/menu", 100.0),
        ("digit", "1", 106.5),
        ("queue", "main/desk", 106.5),
        ("silent", "101", 120.0),
        ("accepted", "102", 125.0),
        ("outcome", "answered", 200.0),
    )
    walk = walks.walk_of(call)
    assert (walk.line, walk.press) == ("main", "wait 5.5,1")
    assert (walk.phones, walk.others) == (Phones.ANSWER, {"101": Phones.SILENT})
    told = walk.told(settings.read(SITE))
    assert walks.way_of(told)[-1] == "answered"


def test_who_gave_up_gives_up_again() -> None:
    call = past(
        ("arrived", "main", 100.0),
        ("digit", "1", 103.0),
        ("silent", "101", 130.0),
        ("outcome", "abandoned", 140.0),
    )
    walk = walks.walk_of(call)
    assert walk.press == "wait 2,1,wait 36.0,hang up"
    assert walks.way_of(walk.told(settings.read(SITE)))[-1] == "abandoned"
