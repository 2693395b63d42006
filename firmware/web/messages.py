"""Messages and requests, one list: what presses first, then what is oldest. Who called is not on
it; that, the sound, the notes and what was keyed is opened one by one, and stands in the audit
before it is.

A screen's parts are drawn here and put into their places by a module of ours, so that a list that
changes meanwhile takes nothing from under a reader's hands. Opened sound goes to the browser in one
answer, which nobody may keep, and lies in no address.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Annotated, Literal
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, format_timedelta
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from firmware import inbox, people, requests, topics
from firmware import request_topics as asked
from firmware.audit import Act
from firmware.calling_out import CALL_OUT, CallOutRequest
from firmware.inbox import Item
from firmware.ledger import Message
from firmware.machine import MachineKey, MachineKeyError
from firmware.message_acts import ID, MESSAGE_ACT, NOTE_MOST
from firmware.opening import Opening, Said, lies_in, wav
from firmware.people import KeyRing, PeopleError
from firmware.request_desk import TEXT_MOST, TEXTED, who_may_have_one
from firmware.requests import Outcome
from firmware.requests import Request as Work
from firmware.sent_texts import State
from firmware.store import StoreError, open_reader
from firmware.vault import NotForThisKeyError, VaultError
from firmware.web import moments
from firmware.web.asking import ask_for, ask_now
from firmware.web.call_back import CallBackForm, Telephones, keep, telephones
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import F, Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.telephone_number import telephone
from firmware.web.waveform import peaks
from firmware.web.words import Words, to_say
from ivr.asking import Kind, Question
from ivr.form import TakeRequest
from ivr.plan import Plan

router = APIRouter()

DATES_KEPT = 2_000

PAGE = 50  # so many of a list are drawn at a time: it is drawn anew with each change
PAGES_MOST = 2_000
NOT_SOONER_S = 1.0  # is a list looked at again, however many calls there are
LEAST_AGE = timedelta(minutes=1)  # the list is drawn anew with each change of an age
Show = Literal["waiting", "done"]
Page = Annotated[int, Query(ge=1, le=PAGES_MOST)]
SPEEDS = (0.8, 1.0, 1.25, 1.5, 2.0)

KINDS: Mapping[str, str] = {
    "refill": to_say("Refill"),
    "appointment": to_say("Appointment"),
    "referral": to_say("Referral"),
    "billing": to_say("Billing"),
    "call-back": to_say("Call-back"),
    "other": to_say("Other request"),
}
OUTCOMES: Mapping[str, str] = {
    Outcome.DONE: to_say("done"),
    Outcome.DECLINED: to_say("declined"),
    Outcome.UNREACHABLE: to_say("could not be reached"),
    Outcome.DUPLICATE: to_say("asked twice"),
    Outcome.PASSED_ON: to_say("passed on"),
}
ACTS: Mapping[str, str] = {
    "left": to_say("left by the caller"),
    "broken off": to_say("left by a caller who hung up before the end"),
    "opened": to_say("opened"),
    "taken": to_say("taken"),
    "noted": to_say("noted"),
    "done": to_say("done"),
    "reopened": to_say("opened again"),
}
TEXT_STATES: Mapping[State, str] = {
    State.QUEUED: to_say("text, waiting to go"),
    State.SENT: to_say("text, sent; not yet known whether it came"),
    State.DELIVERED: to_say("text, delivered"),
    State.FAILED: to_say("text, did not come"),
    State.TAKEN_BACK: to_say("text, taken back"),
}
MOVING = (State.QUEUED, State.SENT)
GONE = (
    404,
    to_say("This is not in the list any more."),
    to_say("Somebody else has seen to it; the list shows what is left."),
)
CLOSED = (
    409,
    to_say("What is sealed is closed: the page was started again since you signed in."),
    to_say("Sign out, and sign in with your password again."),
)
NEW_KEY = (
    409,
    to_say("This was opened to you after you signed in."),
    to_say("Sign out, and sign in with your password again."),
)
UNREADABLE = (
    503,
    to_say("The records cannot be read."),
    to_say("Try again in a minute; if it stays so, see Today for what is wrong."),
)
NOT_ENTERED = (
    503,
    to_say("This could not be entered in the audit, so nothing was opened."),
    to_say("See Today whether the disk is full, and try again."),
)
NOT_OPENED = to_say("This cannot be opened: restore it from a backup.")
NOT_A_FORM = (422, to_say("This is no form."), to_say("Use the page's own forms."))


# ---- what may be sent ----


class SeenForm(Form):
    """Which list is on the screen, and which page of it."""

    show: Show = "waiting"
    page: Annotated[int, Field(ge=1, le=PAGES_MOST)] = 1


class ItsForm(SeenForm):
    """A message in one of one's mailboxes."""

    message: Annotated[str, Field(pattern=ID)]
    mailbox: Annotated[str, Field(min_length=1, max_length=64)]


class MessageActForm(ItsForm):
    act: Literal["new", "heard", "done", "own"]
    to: Annotated[str, Field(max_length=64)] = ""


class NoteForm(ItsForm):
    note: Annotated[str, Field(min_length=1, max_length=NOTE_MOST)]


class DeleteForm(ItsForm):
    sure: Literal["yes"]


class ForwardForm(ItsForm):
    to: Annotated[str, Field(min_length=1, max_length=64)]


class CallForm(CallBackForm, SeenForm):
    pass


class RequestForm(SeenForm):
    request: Annotated[str, Field(pattern=ID)]


class RequestActForm(RequestForm):
    act: Literal["take", "give", "note", "text", "take back", "done", "reopen"]
    text: Annotated[str, Field(max_length=64)] = ""
    to: Annotated[str, Field(max_length=64)] = ""
    outcome: Outcome = Outcome.DONE
    note: Annotated[str, Field(max_length=asked.NOTE_MOST)] = ""


# ---- what is shown ----


@dataclass(frozen=True, slots=True)
class Line:
    """An item as the list shows it; nothing of it is sealed."""

    key: str
    what: Literal["message", "request"]
    id: str
    mailbox: str
    title: str
    when: str
    age: str
    remarks: tuple[str, ...]
    tone: str
    is_new: bool
    is_done: bool
    owner: str


@dataclass(frozen=True, slots=True)
class Board:
    """A page of the list, and what is said of the whole."""

    show: Show
    page: int
    lines: tuple[Line, ...]
    count: str
    unread: int
    has_more: bool
    is_member: bool  # of any mailbox

    def at(self, page: int) -> str:
        """Where another page of it is."""
        return f"/messages?{urlencode({'show': self.show, 'page': page})}"


@dataclass(frozen=True, slots=True)
class Sound:
    """Something sealed that can be played here, if it is in one of one's own mailboxes."""

    message: str
    mailbox: str
    length: str
    is_mine: bool
    is_deleted: bool = False
    label: str = ""
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Happened:
    """A line of what was done about it."""

    when: str
    who: str
    what: str
    words: str = field(default="", repr=False)
    back: Mapping[str, str] = field(default_factory=dict)  # fields that take a queued text back
    text: str = ""  # of which more may be known later
    request: str = ""  # that it is of


@dataclass(frozen=True, slots=True)
class Opened:
    """An item as it is read by somebody who opened it."""

    line: Line
    call: str
    number: str = field(default="", repr=False)
    patient: str = field(default="", repr=False)
    answers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    sounds: tuple[Sound, ...] = ()
    history: tuple[Happened, ...] = field(default=(), repr=False)
    members: tuple[str, ...] = ()  # whose it can be
    others: tuple[str, ...] = ()  # mailboxes that do not have it
    stays_in: tuple[str, ...] = ()  # mailboxes of others that have it too
    may_be_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What was done, or why it was not; and how it is undone."""

    words: str
    tone: str = "well"
    undo: Mapping[str, str] = field(default_factory=dict)  # a form's fields
    undo_at: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from, whatever is open."""

    speeds: tuple[float, ...]
    outcomes: Mapping[str, str]
    telephones: Telephones
    text_most: int  # characters that may be texted to a caller; 0: none, and none come


@router.get("/messages")
def messages(request: Request, show: Show = "waiting", page: Page = 1) -> Response:
    return render(
        request,
        "messages.html",
        board=_board(request, SeenForm(show=show, page=page)),
        is_closed=visitor_of(request).ring is None,
        opened=None,
        told=None,
        choices=_choices(request),
    )


@router.get("/messages/live")
async def live(request: Request, show: Show = "waiting", page: Page = 1) -> StreamingResponse:
    house, seen = house_of(request), SeenForm(show=show, page=page)

    async def told() -> AsyncIterator[str]:
        drawn: object = None
        async for _ in house.live.follow():
            session = visitor_of(request).session
            visitor = await run_in_threadpool(house.visitors.who, session, is_use=False)
            if visitor is None:
                yield "event: over\ndata: \n\n"
                return
            request.state.visitor = visitor  # whose mailboxes may be others by now
            found = await run_in_threadpool(_found, house, visitor.mailboxes, seen)
            # An age is told in minutes.
            wanted = (found, house.now().replace(second=0, microsecond=0))
            text = await run_in_threadpool(_listed, request, seen) if wanted != drawn else ""
            drawn = wanted
            yield f"data: {json.dumps(text, ensure_ascii=False)}\n\n"
            await asyncio.sleep(NOT_SOONER_S)

    return StreamingResponse(told(), media_type="text/event-stream")


def _listed(request: Request, seen: SeenForm) -> str:
    return _drawn(request, ("list",), _board(request, seen))


# ---- messages ----


@router.post("/messages/open")
def open_message(request: Request) -> Response:
    wish = _wished(request, ItsForm)
    with _explained(request, wish) as answer:
        at = _before(request, wish)
        number, notes = at.number(), at.notes()
        answer.parts = ("opened",)
        answer.opened = _opened_message(request, at.message, number, notes)
    return answer.response()


@router.post("/messages/hear")
def hear(request: Request) -> Response:
    """The sound, opened, and how loud it is over its length."""
    wish = _wished(request, ItsForm)
    with _explained(request, wish) as answer:
        heard = _before(request, wish).hear()
        told = {"X-Peaks": peaks(heard.audio).hex(), "Cache-Control": "no-store"}
        return Response(wav(heard.audio), media_type="audio/wav", headers=told)
    return answer.response()


@router.post("/messages/heard")
def heard_message(request: Request) -> Response:
    """Said by the page once the sound is being played."""
    wish = _wished(request, ItsForm)
    with _explained(request, wish) as answer:
        _before(request, wish)
        mark = topics.MarkMessageRequest(message=wish.message, mark="heard", mailbox=wish.mailbox)
        ask_now(request, topics.MARK_MESSAGE, mark)
        answer.parts = ("list",)
    return answer.response()


@router.post("/messages/act")
def act_on_message(request: Request) -> Response:
    wish, words = _wished(request, MessageActForm), words_of(request)
    with _explained(request, wish) as answer:
        at = _before(request, wish)
        was = "new" if at.message.heard is None else "heard"
        back = "done" if at.message.done else was
        ask_now(request, MESSAGE_ACT, at.wish(act=wish.act, to=wish.to))
        here = {"message": wish.message, "mailbox": wish.mailbox, "show": wish.show}
        if wish.act == "own":
            answer.parts = ("said", "list", "state")
            answer.opened = _opened_message(request, _before(request, wish).message, "", [])
            answer.told = Told(
                words.say("%(who)s has it now", who=wish.to)
                if wish.to
                else words.gettext("Nobody has it now"),
                undo=here | {"act": "own", "to": at.message.owner or ""},
                undo_at="/messages/act",
            )
        else:
            answer.parts = ("said", "list", "opened")
            said = {
                "done": words.gettext("The message is done"),
                "heard": words.gettext("The message is in the list again"),
                "new": words.gettext("The message is new again"),
            }
            answer.told = Told(said[wish.act], undo=here | {"act": back}, undo_at="/messages/act")
    return answer.response()


@router.post("/messages/note")
def note(request: Request) -> Response:
    wish, words = _wished(request, NoteForm), words_of(request)
    with _explained(request, wish) as answer:
        at = _before(request, wish)
        ask_now(request, MESSAGE_ACT, at.note(wish.note))
        answer.parts = ("said", "history")
        answer.told = Told(words.gettext("Noted"))
        answer.news = _happened(
            request, house_of(request).now().isoformat(), at.ring.person, "", wish.note
        )
    return answer.response()


@router.post("/messages/forward")
def forward(request: Request) -> Response:
    wish, words = _wished(request, ForwardForm), words_of(request)
    with _explained(request, wish) as answer:
        at = _before(request, wish)
        if wish.to not in _others(request, at.message):
            raise Refused(*NOT_A_FORM)
        at.forward(wish.to, partial(ask_now, request, MESSAGE_ACT))
        answer.parts = ("said", "list", "state")
        answer.opened = _opened_message(request, at.message, "", [])
        said = words.say("%(to)s has it too, and it is new there", to=wish.to)
        answer.told = Told(said)
    return answer.response()


@router.post("/messages/delete")
def delete(request: Request) -> Response:
    """For ever; where others have it too, for whoever asks alone. What is on hold stays."""
    wish, words = _wished(request, DeleteForm), words_of(request)
    with _explained(request, wish) as answer:
        at = _before(request, wish)
        mine = _mine(request, at.ring)
        if stays := at.take_out(mine, partial(ask_now, request, MESSAGE_ACT)):
            said = words.say(
                "It is open to you no more, and stays in %(mailboxes)s", mailboxes=", ".join(stays)
            )
        else:
            gone = topics.MarkMessageRequest(message=wish.message, mark="deleted")
            ask_now(request, topics.MARK_MESSAGE, gone)
            said = words.gettext("The message is destroyed, and a receipt says so")
        answer.parts, answer.told = ("said", "list", "opened"), Told(said)
    return answer.response()


@router.post("/messages/call-back")
def call_back(request: Request) -> Response:
    """The telephone beside whoever asks rings, and once picked up it dials the caller."""
    wish, words = _wished(request, CallForm), words_of(request)
    with _explained(request, wish) as answer:
        ask_now(request, CALL_OUT, CallOutRequest(call=wish.call, phone=wish.phone))
        keep(request, wish.phone)
        said = words.say("Phone %(phone)s rings: pick it up, and it dials", phone=wish.phone)
        answer.parts, answer.told = ("said",), Told(said)
    return answer.response()


# ---- requests ----


@router.post("/requests/open")
def open_request(request: Request) -> Response:
    wish, house = _wished(request, RequestForm), house_of(request)
    with _explained(request, wish) as answer:
        _enter(house, visitor_of(request).person, Act.READ, f"request {wish.request}")
        told = ask_now(
            request, asked.REQUEST_ACT, asked.ActRequest(request=wish.request, act="open")
        )
        answer.parts = ("list", "opened")
        answer.opened = _opened_request(request, told, _sealed_of(house, wish.request))
    return answer.response()


def _sealed_of(house: House, request: str) -> requests.Opened:
    key, reader = MachineKey.at(house.place.machine_key), open_reader(house.place.calls_db)
    try:
        with reader.connect() as connection:
            return requests.opened(connection, request, key)
    finally:
        reader.dispose()


@router.post("/requests/act")
def act_on_request(request: Request) -> Response:
    wish, words = _wished(request, RequestActForm), words_of(request)
    if wish.act in ("note", "text") and not wish.note:
        raise Refused(*NOT_A_FORM)
    with _explained(request, wish) as answer:
        house = house_of(request)
        if wish.act == "take back":  # all of it is drawn anew
            _enter(house, visitor_of(request).person, Act.READ, f"request {wish.request}")
        told = ask_now(
            request,
            asked.REQUEST_ACT,
            asked.ActRequest(
                request=wish.request,
                act=wish.act,
                to=wish.to,
                text=wish.text,
                outcome=wish.outcome,
                note=wish.note,
            ),
        )
        latest = told.history[-1]
        answer.news = _acted(request, wish.request, latest, wish.note)
        here = {"request": wish.request, "show": wish.show}
        match wish.act:
            case "take":
                answer.parts = ("said", "list", "state", "history")
                (line,) = told.requests
                members = _who_may_have_one(request)
                answer.opened = Opened(_line(request, _item_of(line)), line.call, members=members)
                answer.told = Told(words.gettext("The request is yours"))
            case "give":
                answer.parts = ("said", "list", "state", "history")
                (line,) = told.requests
                members = _who_may_have_one(request)
                answer.opened = Opened(_line(request, _item_of(line)), line.call, members=members)
                said = words.say("%(who)s has it now", who=wish.to)
                answer.told = Told(said if wish.to else words.gettext("Nobody has it now"))
            case "note":
                answer.parts = ("said", "list", "history")
                answer.told = Told(words.gettext("Noted"))
            case "text":
                answer.parts = ("said", "list", "history")
                answer.told = Told(words.gettext("The text goes out in a moment"))
            case "take back":
                answer.parts = ("said", "list", "opened")
                sealed = _sealed_of(house, wish.request)
                answer.opened = _opened_request(request, told, sealed)
                answer.told = Told(words.gettext("The text was taken back"))
            case "done":
                answer.parts = ("said", "list", "opened")
                answer.told = Told(
                    words.gettext("The request is done"),
                    undo=here | {"act": "reopen"},
                    undo_at="/requests/act",
                )
            case "reopen":
                answer.parts = ("said", "list", "opened")
                answer.told = Told(
                    words.gettext("The request is open again"),
                    undo=here | {"act": "done"},
                    undo_at="/requests/act",
                )
    return answer.response()


@router.get("/requests/texts/live")
async def texts_of(
    request: Request, work: Annotated[str, Query(alias="request", pattern=ID, min_length=1)]
) -> Response:
    """Where the texts of a request are by now, for the screen that shows them."""
    told = await ask_for(request, asked.REQUEST, asked.RequestRequest(request=work))
    words = words_of(request)
    return JSONResponse(
        {
            act.text.text: {
                "words": _act_words(act, words),
                "waits": act.text.state is State.QUEUED,
                "moves": act.text.state in MOVING,
            }
            for act in told.history
            if act.text is not None
        },
        headers={"Cache-Control": "no-store"},
    )


# ---- how an answer is made ----


@dataclass(slots=True)
class Answer:
    """The parts of the screen that are drawn anew."""

    request: Request
    seen: SeenForm
    parts: tuple[str, ...] = ()
    opened: Opened | None = None
    told: Told | None = None
    news: Happened | None = None
    status: int = 200

    def refuse(self, status: int, why: str, cure: str) -> None:
        self.parts, self.status = ("said", "list"), status
        self.told = Told(f"{why} {cure}", "alarm")

    def response(self) -> Response:
        board = _board(self.request, self.seen) if "list" in self.parts else None
        text = _drawn(
            self.request, self.parts, board, opened=self.opened, told=self.told, news=self.news
        )
        return Response(text, self.status, media_type="text/html")


@contextmanager
def _explained(request: Request, seen: SeenForm) -> Iterator[Answer]:
    """What cannot be done is said in the screen's own place for that, and the list drawn anew."""
    answer, words = Answer(request, seen), words_of(request)
    try:
        yield answer
    except Refused as no:
        answer.refuse(no.status, words.told(no.why), words.told(no.cure))
    except NotForThisKeyError:
        answer.refuse(NEW_KEY[0], *map(words.gettext, NEW_KEY[1:]))
    except (StoreError, SQLAlchemyError):
        answer.refuse(UNREADABLE[0], *map(words.gettext, UNREADABLE[1:]))
        answer.parts = ("said",)  # no list either
    except (VaultError, MachineKeyError, PeopleError) as sealed:
        answer.refuse(409, words.gettext(NOT_OPENED), words.told(str(sealed)))
    except FileNotFoundError:
        answer.refuse(GONE[0], *map(words.gettext, GONE[1:]))


def _wished(request: Request, form: type[F]) -> F:
    wish = typed(request, form).form
    if wish is None:
        raise Refused(*NOT_A_FORM)
    return wish


def _before(request: Request, wish: ItsForm) -> Opening:
    """Whoever asks, before a message of theirs."""
    house, visitor = house_of(request), visitor_of(request)
    ring = _ring(request)
    # What was theirs when they signed in may be theirs no more.
    if wish.mailbox not in visitor.mailboxes:
        _enter(house, visitor.person, Act.REFUSED, "a message in a mailbox of others")
        raise Refused(*GONE)
    if wish.mailbox not in ring.mailboxes:
        raise Refused(*NEW_KEY)
    reader = open_reader(house.place.calls_db)
    try:
        with reader.connect() as connection:
            found = inbox.one_message(connection, wish.message, wish.mailbox)
    finally:
        reader.dispose()
    if found is None:
        raise Refused(*GONE)
    return Opening(house.place, ring, found, partial(_enter, house, visitor.person))


def _ring(request: Request) -> KeyRing:
    ring = visitor_of(request).ring
    if ring is None:
        raise Refused(*CLOSED)
    return ring


def _enter(house: House, who: str, act: Act, about: str) -> None:
    """In the audit, before it is done."""
    try:
        house.account(who, act, about)
    except OSError as full:
        raise Refused(*NOT_ENTERED) from full


def _drawn(
    request: Request,
    parts: Collection[str],
    board: Board | None,
    *,
    opened: Opened | None = None,
    told: Told | None = None,
    news: Happened | None = None,
) -> str:
    answer = render(
        request,
        "messages_answer.html",
        parts=parts,
        board=board,
        opened=opened,
        told=told,
        news=news,
        choices=_choices(request),
    )
    return bytes(answer.body).decode()


def _choices(request: Request) -> Choices:
    plan = house_of(request).site.plan
    text_most = TEXT_MOST if plan is not None and plan.sms is not None else 0
    return Choices(SPEEDS, OUTCOMES, telephones(request), text_most)


# ---- the list ----


def _board(request: Request, seen: SeenForm) -> Board:
    house, words = house_of(request), words_of(request)
    mailboxes = visitor_of(request).mailboxes
    found = _found(house, mailboxes, seen)
    count = words.count("%(num)s to do", "%(num)s to do", found.left)
    if found.unread:
        new = words.count("%(num)s new", "%(num)s new", found.unread)
        count = f"{count}, {new}"
    lines = tuple(_line(request, item) for item in found.items)
    is_member = bool(mailboxes)
    return Board(seen.show, found.page, lines, count, found.unread, found.has_more, is_member)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what there is, and how much of all waits."""

    left: int = 0
    unread: int = 0
    page: int = 1
    items: tuple[Item, ...] = ()
    has_more: bool = False


def _found(house: House, mailboxes: Collection[str], seen: SeenForm) -> Found:
    """The page that is asked for, or the last there is. Refused: it cannot be read."""
    if not house.place.calls_db.exists():
        return Found()
    most = seen.page * PAGE + 1  # one more than is shown tells whether there is another page
    try:
        reader = open_reader(house.place.calls_db)
        try:
            with reader.connect() as connection:
                left, unread = inbox.how_many_wait(connection, mailboxes)
                if seen.show == "waiting":
                    items = inbox.waiting(connection, mailboxes, house.now(), most)
                else:
                    items = inbox.done(connection, mailboxes, most)
        finally:
            reader.dispose()
    except (StoreError, SQLAlchemyError) as closed:
        raise Refused(*UNREADABLE) from closed
    page = min(seen.page, max(1, -(-len(items) // PAGE)))
    shown = items[(page - 1) * PAGE : page * PAGE]
    return Found(left, unread, page, tuple(shown), len(items) > page * PAGE)


def _line(request: Request, item: Item) -> Line:
    words, now = words_of(request), house_of(request).now()
    since = datetime.fromisoformat(item.since)
    lasts = min(since - now, -LEAST_AGE)
    age = format_timedelta(lasts, "minute", add_direction=True, locale=words.locale)
    when = partial(_moment, request)
    tone = "alarm" if item.is_pressing else ""
    match item.it:
        case Message() as one:
            return Line(
                f"message-{one.message}-{one.mailbox}",
                "message",
                one.message,
                one.mailbox,
                words.say("Message for %(mailbox)s", mailbox=one.mailbox),
                when(one.started),
                age,
                tuple(_remarks_of_message(request, one)),
                tone,
                item.is_new,
                one.done is not None,
                one.owner or "",
            )
        case Work() as work:
            return Line(
                f"request-{work.request}",
                "request",
                work.request,
                "",
                words.gettext(KINDS.get(work.kind, work.kind)),
                when(work.taken),
                age,
                tuple(_remarks_of_request(request, work, is_late=item.is_pressing)),
                tone,
                item.is_new,
                work.done is not None,
                work.owner or "",
            )


def _remarks_of_message(request: Request, one: Message) -> Iterator[str]:
    words = words_of(request)
    if one.urgent:
        yield words.gettext("urgent")
    yield _length(one.seconds)
    if one.cut_off:
        yield words.gettext("cut off")
    if one.sent_by:
        yield words.say("forwarded by %(who)s", who=one.sent_by)
    if one.done:
        yield words.say("done %(when)s", when=_moment(request, one.done))


def _remarks_of_request(request: Request, work: Work, *, is_late: bool) -> Iterator[str]:
    words = words_of(request)
    if work.done:
        outcome = words.gettext(OUTCOMES.get(work.outcome or "", work.outcome or ""))
        yield f"{outcome} {_moment(request, work.done)}"
    elif is_late:
        yield words.say("overdue since %(when)s", when=_moment(request, work.due))
    else:
        yield words.say("due %(when)s", when=_moment(request, work.due))
    if not work.is_whole:
        yield words.gettext("hung up before the end")


# ---- what is opened ----


def _opened_message(request: Request, one: Message, number: str, notes: Collection[Said]) -> Opened:
    house = house_of(request)
    item = Item(one, one.started, one.heard is None, one.urgent)
    sound = Sound(
        one.message, one.mailbox, _length(one.seconds), is_mine=True, is_new=one.heard is None
    )
    return Opened(
        _line(request, item),
        one.call,
        telephone(number),
        sounds=(sound,),
        history=tuple(_happened(request, each.at, each.by, "", each.words) for each in notes),
        members=tuple(sorted(people.members_of(house.place.page_db, one.mailbox))),
        others=_others(request, one),
        stays_in=_stays_in(request, one, _mine(request, _ring(request))),
        may_be_deleted=house.site.plan is not None and house.site.plan.retention.by_hand,
    )


def _mine(request: Request, ring: KeyRing) -> frozenset[str]:
    """Mailboxes that are theirs now, and whose keys they hold."""
    return visitor_of(request).mailboxes & ring.mailboxes.keys()


def _stays_in(request: Request, one: Message, mine: Collection[str]) -> tuple[str, ...]:
    """Other mailboxes that have it."""
    return tuple(sorted(lies_in(house_of(request).place, one.message) - set(mine)))


def _others(request: Request, one: Message) -> tuple[str, ...]:
    """Mailboxes to which it can be forwarded."""
    house = house_of(request)
    plan = house.site.plan
    there = lies_in(house.place, one.message)
    names = sorted(set(plan.mailboxes) - there) if plan else []
    without = people.without_keys(house.place.page_db, names)
    return tuple(name for name in names if name not in without)


def _opened_request(request: Request, told: asked.RequestReply, opened: requests.Opened) -> Opened:
    words, plan = words_of(request), house_of(request).site.plan
    mine = visitor_of(request).mailboxes
    questions = questions_of(plan)
    notes = {(at, by): text for at, by, text in opened.notes}
    return Opened(
        _line(request, _item_of(told.requests[0])),
        told.requests[0].call,
        telephone(opened.number),
        opened.patient or "",
        tuple(
            (in_words(question), answer_in_words(questions.get(question), text, words))
            for question, text in opened.answers.items()
        ),
        tuple(
            Sound(
                each.message,
                each.mailbox,
                _length(each.seconds),
                is_mine=each.mailbox in mine,
                is_deleted=each.is_deleted,
                label=in_words(each.question),
            )
            for each in told.recordings
        ),
        tuple(
            _acted(
                request,
                told.requests[0].request,
                each,
                notes.get((each.at, each.by), "") if each.has_note else "",
            )
            for each in told.history
        ),
        members=_who_may_have_one(request),
    )


def _who_may_have_one(request: Request) -> tuple[str, ...]:
    return tuple(sorted(who_may_have_one(house_of(request).place.page_db)))


def _item_of(line: asked.RequestLine) -> Item:
    work = Work(
        line.request,
        line.call,
        line.kind,
        line.taken,
        line.due,
        line.owner,
        line.done,
        line.outcome,
        line.whole,
    )
    return Item(work, line.taken, is_new=False, is_pressing=line.overdue)


def _act_words(act: asked.ActLine, words: Words) -> str:
    if act.text is not None:
        state = words.gettext(TEXT_STATES[act.text.state])
        return f"{state}: {words.told(act.text.why)}" if act.text.why else state
    if act.act == "done":
        outcome = act.detail.partition(",")[0]
        return words.gettext(OUTCOMES.get(outcome, outcome))
    if act.act == "given":
        to = act.detail.removeprefix("to ")
        who = words.gettext("nobody") if to == "nobody" else to
        return words.say("given to %(who)s", who=who)
    return words.gettext(ACTS.get(act.act, act.act))


def _happened(request: Request, at: str, who: str, what: str, text: str) -> Happened:
    return Happened(_moment(request, at), who, what, text)


def _acted(request: Request, work: str, act: asked.ActLine, note: str) -> Happened:
    what, back = _act_words(act, words_of(request)), dict[str, str]()
    if act.text is not None:
        note = note.removeprefix(TEXTED)
        if act.text.state is State.QUEUED:
            back = {"request": work, "act": "take back", "text": act.text.text}
    text = act.text.text if act.text is not None and act.text.state in MOVING else ""
    return Happened(_moment(request, act.at), act.by, what, note, back, text, work)


# ---- in words ----


def questions_of(plan: Plan | None) -> Mapping[str, Question]:
    """What callers are asked for requests, by the questions' names."""
    return {
        question.name: question
        for flow in (plan.flows.values() if plan else ())
        for node in flow.nodes.values()
        if isinstance(node, TakeRequest)
        for question in node.questions
    }


def answer_in_words(question: Question | None, text: str, words: Words) -> str:
    """What a caller keyed, as a person would write it."""
    match question.kind if question else None:
        case Kind.DATE:
            try:
                return format_date(datetime.fromisoformat(text).date(), "long", locale=words.locale)
            except ValueError:
                return text
        case Kind.NUMBER:
            return telephone(text)
        case Kind.CHOICE:
            return in_words(text)
        case _:
            return text


def in_words(name: str) -> str:
    """A name out of the site file: `birth-date` as Birth date."""
    return name.replace("-", " ").capitalize()


def _length(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 60}:{whole % 60:02d}"


def _moment(request: Request, at: str) -> str:
    """In the clinic's own time; the day where it is not today."""
    house, words = house_of(request), words_of(request)
    plan = house.site.plan
    zone = ZoneInfo(plan.timezone) if plan else UTC
    when, now = datetime.fromisoformat(at).astimezone(zone), house.now().astimezone(zone)
    if when.date() == now.date():
        return format_time(when, "short", locale=words.locale)
    return _dated(when, words.language)


@lru_cache(maxsize=DATES_KEPT)
def _dated(when: datetime, language: str) -> str:
    """The same list is looked at again and again, and its dates took most of its time."""
    return moments.near(when, language)
