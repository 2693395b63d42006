"""Calls, one screen to find any of them: by number, day, telephone and outcome, each with its way
in words, its recording, and calling back.

Numbers and names stay masked in the list. Whoever may read them opens one call at a time, and that
stands in the audit before it is shown. A number that is looked for is typed into a form, and never
stands in an address. Hearing a recording takes the visitor's own key.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import TypeVar
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from starlette.background import BackgroundTask

from firmware import call_search, opening, people, tickets
from firmware.audit import Act
from firmware.call_search import IN_PROGRESS, Found, LastDigits, Part, Wanted, masked
from firmware.counted_calls import ALL
from firmware.figures import day_begins
from firmware.ledger import Step
from firmware.machine import MachineKey, MachineKeyError
from firmware.operations import Operation
from firmware.recordings import Recording, recorded_in
from firmware.store import StoreError, open_reader
from firmware.talk_sound import HEARD_GAP_S, sound_of
from firmware.vault import VaultError
from firmware.web import moments
from firmware.web.call_back import telephones
from firmware.web.call_words import OUTCOMES, told
from firmware.web.counted_words import from_hour, in_hour, what, whose
from firmware.web.entrance import Refused, visitor_of
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.lately import state_of
from firmware.web.looked_for import Looked
from firmware.web.telephone_number import telephone
from firmware.web.today import SEGMENTS
from firmware.web.words import Words, to_say
from firmware.who_calls import Caller, who
from ivr.plan import Plan

router = APIRouter()
T = TypeVar("T")

PAUSE_S = 0.003
KEPT_WRITTEN = 2_000  # dates of calls
TONES = {"abandoned": "warning", "failsafe": "warning", "answered": "well", "emergency": "alarm"}
NO_SUCH = (404, to_say("There is no such call."), to_say("Look for it among the calls."))
UNREAD = (
    503,
    to_say("The calls cannot be read."),
    to_say("The exchange makes its database again by itself; try again in a minute."),
)
NO_KEY = (
    409,
    to_say("What is sealed is closed since the page was started anew."),
    to_say("Sign out, and in again with your password."),
)
NOT_HEARD = (
    409,
    to_say("The recording cannot be opened."),
    to_say("It may have been deleted; load the page again."),
)
FEW_DIGITS = {"number": to_say("Type the whole number, or at least its last four digits.")}


@dataclass(frozen=True, slots=True)
class Line:
    """A call as the list shows it."""

    call: str
    when: str
    number: str = field(repr=False)
    line: str
    outcome: str
    tone: str
    lasted: str
    taken_by: str
    kept: tuple[str, ...]  # what there is to hear of it
    times: int  # that it is counted


@dataclass(frozen=True, slots=True)
class Chip:
    """A condition of the list's, and the list without it."""

    words: str
    without: str


@dataclass(frozen=True, slots=True)
class Told:
    """A step of a call's way: how long after its beginning, and what happened."""

    after: str
    said: str


@router.get("/calls")
def calls(request: Request) -> Response:
    query = dict(request.query_params)
    query.pop("number", None)
    return _screen(request, _looked(query))


@router.post("/calls")
def look(request: Request) -> Response:
    fields = {name: value for name, value in request.state.form.items() if name != "token"}
    looked = _looked(fields)
    if not looked.number:
        return RedirectResponse(looked.in_address(), 303)
    return _screen(request, looked)


@router.get("/calls/{call}")
def one(request: Request, call: str) -> Response:
    return _call(request, call)


@router.post("/calls/{call}")
def opened(request: Request, call: str) -> Response:
    """With number and names, once it is entered who reads them."""
    house, visitor = house_of(request), visitor_of(request)
    if _read(house, partial(call_search.one, call=call)) is None:
        raise Refused(*NO_SUCH)
    house.account(visitor.person, Act.READ, f"number of {call}")
    return _call(request, call, is_opened=True)


@router.get("/calls/{call}/sound")
def sound(request: Request, call: str) -> Response:
    """Its recording, each part entered before it is opened."""
    house, visitor = house_of(request), visitor_of(request)
    recording = _recording(house, visitor.mailboxes, call)
    if recording is None:
        raise Refused(*NO_SUCH)
    if visitor.ring is None:
        raise Refused(*NO_KEY)
    enter = partial(house.account, visitor.person)
    try:
        heard = sound_of(house.place, visitor.ring, recording, enter, longest_gap_s=HEARD_GAP_S)
    except (VaultError, OSError, KeyError) as closed:
        raise Refused(*NOT_HEARD) from closed
    return Response(opening.wav(heard), media_type="audio/wav")


# ---- the list ----


def _looked(fields: Mapping[str, str]) -> Looked:
    try:
        return Looked.model_validate(dict(fields))
    except ValidationError:
        raise Refused(
            422, to_say("This is not a search of ours."), to_say("Go back, and search again.")
        ) from None


def _screen(request: Request, looked: Looked) -> Response:
    house, visitor, words = house_of(request), visitor_of(request), words_of(request)
    plan, may_read = house.site.plan, visitor.may(Operation.READ)
    digits = sum(each.isdigit() for each in looked.number)
    faults = {} if digits >= call_search.LAST_LEAST or not looked.number else FEW_DIGITS
    key = _key(house) if may_read else None
    wanted = partial(
        _found, looked=looked, key=key, plan=plan, digits=house.digits, now=house.now()
    )
    part = Part((), False, {}, frozenset(), frozenset())
    if looked.counts and not looked.number:
        # All calls of the years a figure counts are gone through: once, until there are others.
        as_of = state_of(house.place.calls_db), house.now().replace(second=0, microsecond=0), plan
        part = house.behind.of(looked, as_of, partial(_read, house, wanted)) or part
    elif not faults:
        part = _read(house, wanted) or part
    lines = [_line(each, part, plan, key, words, house.now()) for each in part.calls]
    more = part.calls[-1].place if part.calls and part.has_more else None
    answer = render(
        request,
        "calls.html",
        looked=looked,
        lines=lines,
        total=part.total,
        chips=list(_chips(looked, plan, words)),
        faults=faults,
        may_read=may_read,
        is_narrowed=bool(looked.model_dump(exclude={"before"}, exclude_defaults=True)),
        older=f"{more.arrived}~{more.call}" if more else "",
        phones=_phones(plan),
        outcomes=OUTCOMES,
    )
    # So that the first who types last digits does not wait for them.
    if key is not None and not house.digits.is_read:
        warm = partial(_read, house, lambda c: house.digits.read_up(c, key, PAUSE_S))
        answer.background = BackgroundTask(warm)
    return answer


def _found(
    connection: Connection,
    looked: Looked,
    key: MachineKey | None,
    plan: Plan | None,
    digits: LastDigits,
    now: datetime,
) -> Part:
    zone = _zone(plan)
    since, until = looked.day("since"), looked.day("until") or looked.day("since")
    counted = looked.counted(zone, now)
    if counted is not None:  # which has these days, and means them in its own way
        since = until = None
    numbers = None
    if looked.number and key is not None:
        numbers = digits.numbers(connection, key, looked.number)
    wanted = Wanted(
        day_begins(since, zone) if since else None,
        day_begins(until + timedelta(days=1), zone) if until else None,
        looked.phone,
        looked.outcome,
        numbers,
        counted,
    )
    return call_search.find(connection, wanted, looked.place())


def _line(
    each: Found,
    part: Part,
    plan: Plan | None,
    key: MachineKey | None,
    words: Words,
    now: datetime,
) -> Line:
    outcome = each.outcome or IN_PROGRESS
    kept = []
    if each.call in part.recorded:
        kept.append(words.gettext("recording"))
    if each.call in part.left_message:
        kept.append(words.gettext("message"))
    return Line(
        each.call,
        _when(each.arrived, plan, words, now),
        _masked(each, key, words),
        each.line,
        words.gettext(OUTCOMES.get(outcome, outcome)),
        TONES.get(outcome, ""),
        _lasted(each),
        ", ".join(_named(phone, plan) for phone in part.taken_by.get(each.call, ())),
        tuple(kept),
        part.times.get(each.call, 1),
    )


def _chips(looked: Looked, plan: Plan | None, words: Words) -> Iterator[Chip]:
    """What a figure counts, each condition by itself."""
    narrowed = any((looked.by, looked.hour, looked.at))
    if looked.counts and (looked.counts != ALL or not narrowed):
        less = looked.in_address(counts=ALL if narrowed else "", before="")
        yield Chip(what(looked.counts, words), less)
    if looked.by:
        said = whose(looked.by, looked.name, plan, words)
        yield Chip(said, looked.in_address(by="", name="", before=""))
    if looked.hour:
        yield Chip(in_hour(looked.hour, words), looked.in_address(hour="", before=""))
    if (at := looked.hour_at()) is not None:
        yield Chip(from_hour(at, _zone(plan), words), looked.in_address(at="", before=""))


def _masked(each: Found, key: MachineKey | None, words: Words) -> str:
    if each.number_hash is None or each.number is None:
        return words.gettext("not shown")
    if key is None:
        return "···"
    try:
        return masked(key.open(each.number, f"calls.number {each.call}"))
    except MachineKeyError:
        return "···"


# ---- one call ----


def _call(request: Request, call: str, *, is_opened: bool = False) -> Response:
    house, visitor, words = house_of(request), visitor_of(request), words_of(request)
    plan, may_read = house.site.plan, visitor.may(Operation.READ)
    found = _read(house, partial(call_search.one, call=call))
    if found is None:
        raise Refused(*NO_SUCH)
    steps = _read(house, partial(tickets.steps_of, call=call)) or []
    taken = _read(house, partial(call_search.taken_by, call=call)) or ()
    outcome = found.outcome or IN_PROGRESS
    key = _key(house) if may_read else None
    recording = _recording(house, visitor.mailboxes, call)
    return render(
        request,
        "call.html",
        call=call,
        when=_when(found.arrived, plan, words, house.now()),
        line=found.line,
        outcome=words.gettext(OUTCOMES.get(outcome, outcome)),
        tone=TONES.get(outcome, ""),
        lasted=_lasted(found),
        taken_by=[_named(phone, plan) for phone in taken],
        masked=_masked(found, key, words),
        is_opened=is_opened,
        may_open=may_read and found.number_hash is not None,
        number=telephone(_opened(found.number, f"calls.number {call}", key)) if is_opened else "",
        network_name=_opened(found.name, f"calls.name {call}", key) if is_opened else "",
        caller=_who(house, key, call),
        segments=SEGMENTS,
        way=list(_way(steps, words)),
        recorded_s=None if recording is None else round(recording.seconds),
        is_closed=recording is not None and visitor.ring is None,
        telephones=telephones(request),
        has_number=found.number_hash is not None,
    )


def _opened(sealed: bytes | None, where: str, key: MachineKey | None) -> str:
    return "" if sealed is None or key is None else key.open(sealed, where)


def _who(house: House, key: MachineKey | None, call: str) -> Caller | None:
    if key is None:
        return None
    return _read(
        house,
        lambda connection: people.read(
            house.place.page_db, lambda listed: who(connection, listed, key, call)
        ),
    )


def _recording(house: House, mailboxes: frozenset[str], call: str) -> Recording | None:
    """Of this call, as far as the visitor may hear it."""
    held = _read(house, partial(recorded_in, mailboxes=mailboxes, call=call)) or []
    return held[0] if held else None


def _way(steps: list[Step], words: Words) -> Iterator[Told]:
    """As `careline explain` tells it."""
    for step in steps:
        after_s = (step.mono_ms - steps[0].mono_ms) / 1000
        yield Told(_clock(after_s), told(step, words))


# ---- what both show ----


def _read(house: House, asked: Callable[[Connection], T]) -> T | None:
    """Of the exchange's own database, which is there without an exchange too; None: it is not there
    yet."""
    path = house.place.calls_db
    if not path.exists():
        return None
    try:
        reader = open_reader(path)
        try:
            with reader.connect() as connection:
                return asked(connection)
        finally:
            reader.dispose()
    except (StoreError, SQLAlchemyError) as unread:
        raise Refused(*UNREAD) from unread


def _key(house: House) -> MachineKey | None:
    """The box's own; None before there is one: then nothing is sealed with it."""
    path = house.place.machine_key
    try:
        return MachineKey.at(path) if path.exists() else None
    except MachineKeyError as odd:
        raise Refused(*UNREAD) from odd


def _zone(plan: Plan | None) -> ZoneInfo:
    return ZoneInfo(plan.timezone if plan else "UTC")


def _phones(plan: Plan | None) -> Mapping[str, str]:
    return {each.extension: each.name for each in plan.phones.values()} if plan else {}


def _named(phone: str, plan: Plan | None) -> str:
    return f"{phone} {_phones(plan).get(phone, '')}".rstrip()


def _when(arrived: str, plan: Plan | None, words: Words, now: datetime) -> str:
    zone = _zone(plan)
    return _written(arrived, zone, now.astimezone(zone).year, words.language)


@lru_cache(maxsize=KEPT_WRITTEN)
def _written(arrived: str, zone: ZoneInfo, year: int, language: str) -> str:
    """The newest calls are looked at again and again, and half of a list's time was their dates."""
    at = datetime.fromisoformat(arrived).astimezone(zone)
    return moments.near(at, language) if at.year == year else moments.dated(at, language)


def _lasted(each: Found) -> str:
    if each.ended is None:
        return ""
    passed = datetime.fromisoformat(each.ended) - datetime.fromisoformat(each.arrived)
    return _clock(passed.total_seconds())


def _clock(seconds: float) -> str:
    whole = max(int(seconds), 0)
    return f"{whole // 60}:{whole % 60:02}"
