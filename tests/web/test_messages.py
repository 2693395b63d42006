"""Messages and requests on the page: listed by urgency and age with no caller on the list, opened
by who can and entered in the audit before, and everything done about them can be undone."""

import asyncio
import io
import re
import shutil
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from fastapi.testclient import TestClient
from httpx2 import Response

from firmware import draft, inbox, people
from firmware.operations import ROLES, Operation, Role
from firmware.store import open_reader
from firmware.vault import sealed_path
from firmware.web import messages
from firmware.web.messages import answer_in_words, live
from firmware.web.page import house, page
from firmware.web.telephone_number import telephone
from firmware.web.waveform import peaks
from firmware.web.words import Words
from ivr.asking import Answer, Kind, Question
from tests.firmware.by_hand import SITE
from tests.firmware.voice import voice
from tests.plain_audio import leaks
from tests.web.clinic import CHEAP, PASSWORD, Clinic, named, token_in
from tests.web.exchanging import NUMBER, Exchange, exchange_of

NURSE, ADMIN = named(Role.NURSE), named(Role.ADMIN)
SHOWN, CANARY = "(202) 555-0143", "asks for Mrs Quillfeather's blood test"
USB = "/dev/serial/by-path/usb-0"
NO_NEWS = 'data: ""\n\n'
DOCTOR = '\n[mailboxes.doctor]\nmembers = ["reception"]\n'
VISIT = """
[flows.main.nodes.visit]
kind = "form"
request = "appointment"
mailbox = "desk"
questions = [
  { name = "birth-date", kind = "date", prompts = ["ask-date"] },
  { name = "visit", kind = "choice", prompts = ["ask-visit"], choices = { 1 = "first-visit" } },
  { name = "number", kind = "number", prompts = ["ask-number"] },
]
next = "bye"
person = "desk"
"""


@dataclass(slots=True)
class Desk:
    """Somebody of the clinic before the screen."""

    clinic: Clinic
    exchange: Exchange
    browser: TestClient

    def sees(self, show: str = "waiting") -> str:
        answer = self.browser.get(f"/messages?show={show}")
        assert answer.status_code == 200
        return answer.text

    def does(self, path: str, **fields: str) -> Response:
        token = token_in(self.browser.get("/messages").text)
        answer: Any = self.browser.post(path, data=fields | {"token": token})
        assert isinstance(answer, Response)
        return answer

    def at(self, path: str, message: str, mailbox: str = "desk", **more: str) -> Response:
        return self.does(f"/messages/{path}", message=message, mailbox=mailbox, **more)


@pytest.fixture
def desk(clinic: Clinic) -> Iterator[Desk]:
    """The nurse's, who can open `desk` and not `doctor`."""
    clinic.clock.now = datetime.now(UTC)
    clinic.place.site_file.write_text(SITE + DOCTOR, "utf-8")
    db = clinic.place.page_db
    people.agree(db, {"desk": [ADMIN, NURSE], "doctor": [ADMIN]})
    people.sign_in(db, ADMIN, PASSWORD)  # who grants what waits
    with exchange_of(clinic.place) as exchange, clinic.browser() as browser:
        clinic.sign_in(browser, NURSE)
        yield Desk(clinic, exchange, browser)


def test_who_has_nothing_to_do_is_told_what_will_come_here(desk: Desk) -> None:
    assert "Nothing waits for you" in desk.sees()
    assert "it comes here by itself" in desk.sees()
    assert "Nothing is done yet" in desk.sees("done")


def test_the_most_pressing_is_first_and_then_the_oldest_and_no_caller_is_on_the_list(
    desk: Desk,
) -> None:
    newer = desk.exchange.leave(ago=timedelta(minutes=1))
    older = desk.exchange.leave(ago=timedelta(hours=1))
    request = desk.exchange.ask([Answer("medicine", "77441")])
    urgent = desk.exchange.leave(urgent=True, ago=timedelta(minutes=2))
    late = desk.exchange.ask([], due=timedelta(minutes=-1))
    seen = desk.sees()
    places = [seen.index(f'data-id="{each}"') for each in (urgent, late, older, newer, request)]
    assert places == sorted(places)
    assert "5 to do, 5 new" in seen
    desk.at("heard", urgent)
    assert "5 to do, 4 new" in desk.sees(), "who heard it has it still to do"
    reader = open_reader(desk.clinic.place.calls_db)
    with reader.connect() as connection:
        assert inbox.left_in_each(connection) == {"desk": 3}, "Today counts the same"
    reader.dispose()
    for sealed in (NUMBER, NUMBER[2:], SHOWN, "A CALLER", "Anna Reyes", "77441"):
        assert sealed not in seen
    assert desk.exchange.audited() == []


def test_a_long_list_is_led_through_by_pages_and_all_of_it_is_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "PAGE", 2)
    late = desk.exchange.ask([], due=timedelta(minutes=-1))
    left = [late, *(desk.exchange.leave(ago=timedelta(hours=h)) for h in (4, 3, 2))]
    left.append(desk.exchange.ask([], due=timedelta(hours=1)))

    def shown(text: str) -> list[str]:
        return re.findall(r'data-id="([^"]+)"', text)

    def leads(text: str) -> set[str]:
        return set(re.findall(r'rel="(prev|next)"', text))

    first, second, third, beyond = (desk.sees(f"waiting&page={page}") for page in (1, 2, 3, 9))
    assert "5 to do, 5 new" in first
    assert [shown(each) for each in (first, second, third)] == [left[:2], left[2:4], left[4:]]
    assert [leads(each) for each in (first, second, third)] == [
        {"next"},
        {"prev", "next"},
        {"prev"},
    ]
    assert shown(beyond) == shown(third)
    assert 'href="/messages?show=waiting&amp;page=3"' in second
    # What is done on a page draws that page again, the next ones having come nearer.
    done = desk.at("act", left[2], act="done", page="2").text
    assert shown(done[: done.index('data-part="opened"')]) == [left[3], left[4]]
    for message in (left[1], left[3]):
        desk.at("act", message, act="done")
    assert shown(desk.sees("done")) == [left[3], left[1]]
    assert shown(desk.sees("done&page=2")) == [left[2]]


def test_a_page_that_cannot_be_is_refused(desk: Desk) -> None:
    assert desk.browser.get("/messages?page=0").status_code == 422
    assert desk.browser.get("/messages?page=x").status_code == 422


def test_a_mailbox_of_others_is_neither_seen_nor_opened_and_the_try_is_entered(desk: Desk) -> None:
    theirs = desk.exchange.leave("doctor")
    assert theirs not in desk.sees()
    for path in ("open", "hear", "act"):
        answer = desk.at(path, theirs, "doctor", **({"act": "done"} if path == "act" else {}))
        assert answer.status_code == 404
        assert SHOWN not in answer.text
    assert desk.exchange.audited() == [("was refused", "a message in a mailbox of others")] * 3
    assert desk.at("open", theirs, "desk").status_code == 404


def test_what_lies_in_a_mailbox_that_is_taken_away_is_counted_before_and_read_after(
    desk: Desk,
) -> None:
    place = desk.clinic.place
    people.agree(place.page_db, {"doctor": [ADMIN, NURSE]})
    people.sign_in(place.page_db, ADMIN, PASSWORD)
    left, done = desk.exchange.leave("doctor"), desk.exchange.leave("doctor")
    with desk.clinic.browser() as again:
        desk.clinic.sign_in(again, NURSE)
        desk.browser = again
        assert desk.at("act", done, "doctor", act="done").status_code == 200
        with desk.clinic.browser() as office:
            desk.clinic.sign_in(office, ADMIN)
            draft.keep(place, SITE, ADMIN, "no doctor", 0, desk.clinic.clock.now)
            told = office.get("/publish").text
            assert "2 messages lie in the mailbox doctor" in told
            assert "1 of them are not done" in told
        place.site_file.write_text(SITE, "utf-8")  # in force
        assert left in desk.sees()
        assert SHOWN in desk.at("open", left, "doctor").text
        assert desk.at("hear", left, "doctor").status_code == 200
        assert desk.at("forward", left, "doctor", to="desk").status_code == 200
        assert desk.at("open", left, "desk").status_code == 200


def test_who_is_a_member_no_more_opens_nothing_though_still_signed_in(desk: Desk) -> None:
    message = desk.exchange.leave()
    people.agree(desk.clinic.place.page_db, {"desk": [ADMIN]})
    assert message not in desk.sees()
    for path in ("open", "hear", "heard"):
        answer = desk.at(path, message)
        assert (answer.status_code, SHOWN in answer.text) == (404, False)


def test_who_became_a_member_meanwhile_is_told_to_sign_in_again(desk: Desk) -> None:
    db = desk.clinic.place.page_db
    people.agree(db, {"doctor": [ADMIN, NURSE]})
    people.sign_in(db, ADMIN, PASSWORD)
    message = desk.exchange.leave("doctor")
    assert message in desk.sees()
    answer = desk.at("open", message, "doctor")
    assert answer.status_code == 409
    assert "after you signed in" in answer.text
    assert desk.exchange.audited() == []


def test_a_message_sealed_for_a_newer_key_is_said_to_want_another_sign_in(desk: Desk) -> None:
    db = desk.clinic.place.page_db
    people.agree(db, {"desk": [ADMIN]})  # which makes a new key
    people.agree(db, {"desk": [ADMIN, NURSE]})
    people.sign_in(db, ADMIN, PASSWORD)
    message = desk.exchange.leave()
    answer = desk.at("hear", message)
    assert answer.status_code == 409
    assert "sign in with your password again" in answer.text


def test_records_that_cannot_be_read_are_said_to_be(desk: Desk) -> None:
    message = desk.exchange.leave()
    token = token_in(desk.sees())
    wish = {"message": message, "mailbox": "desk", "token": token}
    for path in desk.clinic.place.calls_db.parent.glob("calls.db*"):
        path.rename(path.with_name(f"away-{path.name}"))
    desk.clinic.place.calls_db.write_bytes(b"no database at all" * 100)
    answer = desk.browser.post("/messages/open", data=wish)
    assert answer.status_code == 503
    assert "The records cannot be read" in answer.text
    assert desk.browser.get("/messages").status_code == 503


def test_who_opens_a_message_sees_number_and_notes_and_it_is_entered_before(desk: Desk) -> None:
    message = desk.exchange.leave()
    opened = desk.at("open", message)
    assert SHOWN in opened.text
    assert desk.exchange.audited() == [
        ("read", f"number of {message}"),
        ("read", f"notes on {message}"),
    ]


def test_what_cannot_be_entered_in_the_audit_is_not_opened(clinic: Clinic) -> None:
    clinic.clock.now = datetime.now(UTC)
    with exchange_of(clinic.place) as exchange:
        message = exchange.leave()
    with clinic.browser() as browser:
        clinic.sign_in(browser, ADMIN)
        shutil.rmtree(clinic.place.audit_spool)
        clinic.place.audit_spool.write_text("no folder")
        for path in ("open", "hear"):
            answer = Desk(clinic, exchange, browser).at(path, message)
            assert answer.status_code == 503
            assert "nothing was opened" in answer.text
            assert SHOWN not in answer.text


def test_a_message_is_heard_whole_with_its_waveform_and_no_browser_keeps_it(desk: Desk) -> None:
    message = desk.exchange.leave(seconds=2.5)
    heard = desk.at("hear", message)
    assert heard.headers["content-type"] == "audio/wav"
    assert heard.headers["cache-control"] == "no-store"
    with wave.open(io.BytesIO(heard.content)) as file:
        assert file.readframes(file.getnframes()) == voice(2.5).tobytes()
    bars = bytes.fromhex(heard.headers["x-peaks"])
    assert len(bars) == 120
    assert max(bars) == 255
    assert desk.exchange.audited() == [("listened to", message)]
    assert leaks(voice(2.5), [desk.clinic.place.home]) == []


def test_what_was_played_is_new_no_more(desk: Desk) -> None:
    message = desk.exchange.leave()
    assert "1 to do, 1 new" in desk.sees()
    assert desk.at("heard", message).status_code == 200
    assert "1 new" not in desk.sees()


def test_a_message_is_done_and_with_one_press_it_is_as_it_was(desk: Desk) -> None:
    message = desk.exchange.leave()
    done = desk.at("act", message, act="done")
    assert "The message is done" in done.text
    assert 'name="act" value="new"' in done.text  # as it was: nobody had heard it
    assert message not in desk.sees()
    assert message in desk.sees("done")
    desk.at("act", message, act="new")
    assert "1 to do, 1 new" in desk.sees()
    desk.at("heard", message)
    assert 'name="act" value="heard"' in desk.at("act", message, act="done").text
    about = [what for act, what in desk.exchange.audited() if act == "marked a message"]
    assert about == [f"{message} in desk: {act}" for act in ("done", "new", "done")]


def test_a_message_is_given_to_a_member_and_to_nobody_else(desk: Desk) -> None:
    message = desk.exchange.leave()
    given = desk.at("act", message, act="own", to=ADMIN)
    assert f"{ADMIN} has it now" in given.text
    assert ADMIN in desk.sees()
    stranger = desk.at("act", message, act="own", to="nobody we know")
    assert stranger.status_code == 409
    assert "cannot open the mailbox" in stranger.text
    assert "Nobody has it now" in desk.at("act", message, act="own", to="").text


def test_a_note_is_read_by_the_other_members_and_lies_plain_nowhere(desk: Desk) -> None:
    message = desk.exchange.leave()
    assert CANARY.replace("'", "&#39;") in desk.at("note", message, note=CANARY).text
    with desk.clinic.browser() as other:
        desk.clinic.sign_in(other, ADMIN)
        opened = Desk(desk.clinic, desk.exchange, other).at("open", message).text
        assert CANARY.replace("'", "&#39;") in opened
    files = [path for path in desk.clinic.place.home.rglob("*") if path.is_file()]
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
    assert ("noted on", message) in desk.exchange.audited()
    assert desk.at("note", message, note=" ").status_code == 422


def test_a_forwarded_message_is_new_for_the_others_who_can_open_it_then(desk: Desk) -> None:
    message = desk.exchange.leave()
    assert "<option>doctor</option>" in desk.at("open", message).text
    assert "doctor has it too" in desk.at("forward", message, to="doctor").text
    assert desk.exchange.came == ["doctor"]
    assert "<option>doctor</option>" not in desk.at("open", message).text
    assert desk.at("forward", message, to="garage").status_code == 422
    with desk.clinic.browser() as other:
        desk.clinic.sign_in(other, ADMIN)
        doctor = Desk(desk.clinic, desk.exchange, other)
        assert SHOWN in doctor.at("open", message, "doctor").text
        assert doctor.at("hear", message, "doctor").status_code == 200
    assert ("forwarded", f"{message} to doctor") in desk.exchange.audited()


def test_a_message_is_deleted_for_ever_once_somebody_is_sure_and_says_what_that_means(
    desk: Desk,
) -> None:
    message, other = desk.exchange.leave(), desk.exchange.leave()
    opened = desk.at("open", message).text
    assert "The key that opens it is destroyed" in opened
    assert "Delete it for ever" in opened
    assert desk.at("delete", message).status_code == 422  # nobody was asked
    assert f'data-id="{message}"' in desk.sees()
    gone = desk.at("delete", message, sure="yes").text
    assert "The message is destroyed, and a receipt says so" in gone
    assert "Nothing is open" in gone
    assert f'data-id="{message}"' not in gone
    assert f'data-id="{other}"' in gone
    assert not sealed_path(desk.clinic.place.messages, message).exists()
    assert desk.at("delete", message, sure="yes").status_code == 404
    deleted = [about for act, about in desk.exchange.audited() if act == "deleted"]
    assert deleted == [f"message {message}, receipt 1"]


def test_what_others_have_too_is_taken_out_of_one_s_own_mailboxes_and_stays_theirs(
    desk: Desk,
) -> None:
    message = desk.exchange.leave()
    desk.at("forward", message, to="doctor")
    assert "It stays in doctor." in desk.at("open", message).text
    out = desk.at("delete", message, sure="yes").text
    assert "It is open to you no more, and stays in doctor" in out
    assert f'data-id="{message}"' not in desk.sees()
    assert sealed_path(desk.clinic.place.messages, message).exists()
    desk.clinic.sign_in(desk.browser, ADMIN)
    assert desk.at("hear", message, "doctor").status_code == 200
    assert "The key that opens it is destroyed" in desk.at("open", message, "doctor").text


def test_what_is_on_legal_hold_is_deleted_by_nobody_and_the_page_says_so(desk: Desk) -> None:
    message = desk.exchange.leave()
    desk.exchange.hold(message)
    stays = desk.at("delete", message, sure="yes")
    assert (stays.status_code, "is on legal hold" in stays.text) == (409, True)
    assert f'data-id="{message}"' in desk.sees()
    desk.at("forward", message, to="doctor")
    stays = desk.at("delete", message, sure="yes")
    assert (stays.status_code, "is on legal hold" in stays.text) == (409, True)
    assert desk.at("hear", message).status_code == 200


def test_where_nobody_deletes_by_hand_it_is_not_offered(desk: Desk) -> None:
    site = desk.clinic.place.site_file
    site.write_text(site.read_text("utf-8") + "\n[retention]\ndelete_by_hand = false\n", "utf-8")
    message = desk.exchange.leave()
    opened = desk.at("open", message).text
    assert "This clinic lets nobody delete by hand" in opened
    assert "Delete it for ever" not in opened
    desk.at("forward", message, to="doctor")
    opened = desk.at("open", message).text
    assert "This clinic lets nobody delete by hand" in opened
    assert "Take it out of my mailboxes" not in opened
    refused = desk.at("delete", message, sure="yes")
    assert (refused.status_code, "lets nobody delete by hand" in refused.text) == (409, True)
    assert desk.at("hear", message).status_code == 200


def test_a_caller_is_called_back_by_one_s_own_telephone_with_one_press(desk: Desk) -> None:
    message = desk.exchange.leave()
    opened = desk.at("open", message).text
    call = opened.split('name="call" value="')[1][:36]
    rings = desk.does("/messages/call-back", call=call, phone="101")
    assert "Phone 101 rings" in rings.text
    assert desk.exchange.rung == [(NURSE, call, "101")]
    assert '<option value="101" selected>' in desk.at("open", message).text  # and stays theirs
    assert "Call back" not in desk.at("open", desk.exchange.leave(number="")).text


def test_keys_that_went_with_a_restart_are_asked_for_again(desk: Desk) -> None:
    message = desk.exchange.leave()
    desk.clinic.house.visitors._rings.clear()
    assert "sign in with your password again" in desk.sees()
    answer = desk.at("open", message)
    assert (answer.status_code, SHOWN in answer.text) == (409, False)
    assert "sign in with your password again" in answer.text


def test_without_an_exchange_one_still_hears_and_is_told_why_nothing_can_be_done(
    clinic: Clinic,
) -> None:
    clinic.clock.now = datetime.now(UTC)
    with exchange_of(clinic.place) as exchange:
        message = exchange.leave()
    with clinic.browser() as browser:
        clinic.sign_in(browser, ADMIN)
        alone = Desk(clinic, exchange, browser)
        assert SHOWN in alone.at("open", message).text
        assert alone.at("hear", message).status_code == 200
        refused = alone.at("act", message, act="done")
        assert refused.status_code == 409
        assert "exchange" in refused.text
    assert [act for _, act, _ in clinic.audited()][-3:] == ["read", "read", "listened to"]


def test_a_request_is_opened_in_words_taken_noted_done_and_open_again(desk: Desk) -> None:
    desk.clinic.place.site_file.write_text(
        SITE.replace(
            "[prompts.en]",
            VISIT + '[prompts.en]\nask-date = "?"\nask-visit = "?"\nask-number = "?"\n',
        ),
        "utf-8",
    )
    assert desk.clinic.house.site.plan is not None
    spoken = desk.exchange.leave()
    request = desk.exchange.ask(
        [
            Answer("birth-date", "1985-04-12"),
            Answer("visit", "first-visit"),
            Answer("number", "2025550177"),
            Answer("reason", message=spoken),
        ]
    )
    assert f'data-id="{spoken}"' not in desk.sees()  # it is heard in its request
    opened = desk.does("/requests/open", request=request).text
    for words in ("Anna Reyes", SHOWN, "April 12, 1985", "First visit", "(202) 555-0177", "Reason"):
        assert words in opened
    assert f'data-message="{spoken}"' in opened
    assert desk.at("hear", spoken).status_code == 200
    assert "The request is yours" in desk.does("/requests/act", request=request, act="take").text
    noted = desk.does("/requests/act", request=request, act="note", note=CANARY).text
    assert CANARY.replace("'", "&#39;") in noted
    done = desk.does("/requests/act", request=request, act="done", outcome="unreachable").text
    assert 'name="act" value="reopen"' in done
    assert "could not be reached" in desk.sees("done")
    assert f'data-id="{spoken}"' in desk.sees()  # and nobody has marked it
    desk.does("/requests/act", request=request, act="reopen")
    again = desk.does("/requests/open", request=request).text
    for words in ("taken", "noted", "could not be reached", "opened again"):
        assert words in again
    assert CANARY.replace("'", "&#39;") in again
    assert ("read", f"request {request}") in desk.exchange.audited()
    twice = desk.does("/requests/act", request=request, act="reopen")
    assert (twice.status_code, "nothing to reopen" in twice.text) == (409, True)


def test_a_caller_is_texted_from_their_request_at_the_number_that_they_left(desk: Desk) -> None:
    sms = f'[modems.mobile]\nport = "{USB}:1"\nvoice = "{USB}:2"\n\n[sms]\nmodem = "mobile"\n'
    words = "Tomorrow at nine. Call 202 555 0100 to change it."
    request = desk.exchange.ask([Answer("number", "2025550177")])
    other = desk.exchange.ask([])
    desk.does("/requests/act", request=request, act="take")
    assert "Text them" not in desk.does("/requests/open", request=request).text
    desk.clinic.place.site_file.write_text(f"{SITE}\n{sms}", "utf-8")
    assert "Text them" in desk.does("/requests/open", request=request).text
    sent = desk.does("/requests/act", request=request, act="text", note=words).text
    assert "The text goes out" in sent
    assert "text, waiting to go" in sent
    assert words in sent
    assert "[texted]" not in sent
    desk.does("/requests/act", request=other, act="text", note=words)
    assert [number for number, _ in desk.exchange.to_go()] == ["2025550177", NUMBER]
    assert all(words in text for _, text in desk.exchange.to_go())
    assert ("texted the caller of", f"request {request}") in desk.exchange.audited()
    desk.exchange.writes_stop("2025550177")
    refused = desk.does("/requests/act", request=request, act="text", note=words)
    assert (refused.status_code, "this number wishes no texts" in refused.text) == (409, True)
    too_long = desk.does("/requests/act", request=request, act="text", note="x" * 301)
    assert too_long.status_code == 409
    assert len(desk.exchange.to_go()) == 2


def test_a_text_that_has_not_gone_is_taken_back_and_one_that_went_is_not(desk: Desk) -> None:
    sms = f'[modems.mobile]\nport = "{USB}:1"\nvoice = "{USB}:2"\n\n[sms]\nmodem = "mobile"\n'
    desk.clinic.place.site_file.write_text(f"{SITE}\n{sms}", "utf-8")
    request = desk.exchange.ask([Answer("number", "2025550177")])
    desk.does("/requests/act", request=request, act="text", note="Tomorrow at nine.")
    opened = desk.does("/requests/open", request=request).text
    (text,) = re.findall(r'name="text" value="([^"]+)"', opened)
    assert "··· 77" in (listed := desk.browser.get("/texts").text)
    assert "waiting to go" in listed
    now = desk.browser.get(f"/requests/texts/live?request={request}").json()
    assert now == {text: {"words": "text, waiting to go", "waits": True, "moves": True}}
    back = desk.does("/requests/act", request=request, act="take back", text=text).text
    assert "The text was taken back" in back
    assert "text, taken back" in back
    assert "Take it back" not in back
    assert desk.exchange.to_go() == []
    assert ("took back a text to the caller of", f"request {request}") in desk.exchange.audited()
    again = desk.does("/requests/act", request=request, act="take back", text=text)
    assert (again.status_code, "it went, or is on its way" in again.text) == (409, True)
    assert "taken back" in desk.browser.get("/texts").text
    now = desk.browser.get(f"/requests/texts/live?request={request}").json()
    assert now == {text: {"words": "text, taken back", "waits": False, "moves": False}}
    assert desk.browser.get("/requests/texts/live?request=").status_code == 422


def test_a_request_is_given_to_a_colleague_who_sees_to_requests_and_to_nobody_else(
    desk: Desk,
) -> None:
    request, provider = desk.exchange.ask([Answer("medicine", "77441")]), named(Role.PROVIDER)
    opened = desk.does("/requests/open", request=request).text
    offered = re.findall(r"<option[^>]*>([^<]+)</option>", opened[opened.index('id="own-to"') :])
    settle = {named(role) for role in ROLES[Operation.SETTLE]}
    assert set(offered[: len(settle) + 1]) == {"nobody", *settle}
    given = desk.does("/requests/act", request=request, act="give", to=provider).text
    assert f"{provider} has it now" in given
    assert f"<b>{provider}</b>" in given
    assert f"given to {provider}" in given
    assert f" · {provider}" in desk.sees()
    for stranger in (named(Role.AUDITOR), "nobody of ours"):
        refused = desk.does("/requests/act", request=request, act="give", to=stranger)
        assert (refused.status_code, "sees to no requests" in refused.text) == (409, True)
    back = desk.does("/requests/act", request=request, act="give", to="").text
    assert "Nobody has it now" in back
    gave = [about for act, about in desk.exchange.audited() if act == "gave"]
    assert gave == [f"request {request} to {to}" for to in (provider, "nobody")]
    again = desk.does("/requests/open", request=request).text
    assert f"given to {provider}" in again
    assert "given to nobody" in again


def test_a_list_that_goes_on_shows_what_is_still_one_s_own_and_ends_with_the_session(
    desk: Desk,
) -> None:
    message, place = desk.exchange.leave(), desk.clinic.place
    watching = house(place, now=desk.clinic.clock, cost=CHEAP)
    session = watching.visitors.welcome(people.sign_in(place.page_db, NURSE, PASSWORD))
    scope = {"type": "http", "app": page(watching), "headers": [], "path": "/messages/live"}

    async def story() -> None:
        request = Request(scope | {"method": "GET", "query_string": b""})
        request.state.visitor = watching.visitors.who(session)
        told = aiter((await live(request)).body_iterator)

        async def changed() -> str:
            while (news := str(await anext(told))) == NO_NEWS:
                pass
            return news

        looking = asyncio.create_task(watching.live.run())
        first = await changed()
        assert message in first
        assert "1 to do, 1 new" in first
        assert NUMBER[2:] not in first
        people.agree(place.page_db, {"desk": [ADMIN]})
        watching.live._stepped.set()  # somebody calls
        second = await changed()
        assert "You are in no mailbox" in second
        assert message not in second
        watching.visitors.leave(session)
        watching.live._stepped.set()
        assert (await changed()).startswith("event: over")
        looking.cancel()

    asyncio.run(story())


def test_who_is_in_no_mailbox_is_told_so_rather_than_that_nothing_waits(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        clinic.sign_in(browser, named(Role.PROVIDER))
        seen = browser.get("/messages").text
    assert "You are in no mailbox" in seen
    assert "Nothing waits for you" not in seen


def test_who_looks_after_the_box_hears_no_patient(clinic: Clinic) -> None:
    for role in (Role.TECHNICIAN, Role.AUDITOR):
        with clinic.browser() as browser:
            clinic.sign_in(browser, named(role))
            assert browser.get("/messages").status_code == 403
            assert "/messages" not in browser.get("/today").text


def test_answers_are_said_as_a_person_writes_them() -> None:
    english, spanish = Words("en"), Words.of("es")
    born = Question("birth-date", Kind.DATE, ())
    assert answer_in_words(born, "1985-04-12", english) == "April 12, 1985"
    assert answer_in_words(born, "1985-04-12", spanish) == "12 de abril de 1985"
    assert answer_in_words(born, "no day", english) == "no day"
    assert answer_in_words(None, "77441", english) == "77441"
    for raw in ("+12025550143", "12025550143", "2025550143"):
        assert telephone(raw) == SHOWN
    assert telephone("+34915550143") == "+34915550143"
    assert telephone("") == ""


def test_a_waveform_is_as_loud_as_its_recording_and_never_longer(tmp_path: Path) -> None:
    half = voice(1.0).tobytes() + bytes(16_000)
    bars = peaks(half, 100)
    assert len(bars) == 100
    assert all(bars[:50])
    assert not any(bars[51:])
    assert peaks(b"") == b""
    assert peaks(bytes(20)) == bytes(10)
