"""Try it: an imagined call through the draft, in the browser: keys, the prompts as they are spoken,
the clock and the telephones as one likes, and beside each step why it is so.

The call is walked by the exchange's own code (ivr/simulate.py) from its beginning to its end each
time a key is pressed, for what was done so far is all there is to know of it; the browser shows
what has come about by now. No session of a call is kept here. A call that should go on going so is
kept in the draft (firmware/walks.py), and each publish walks it again.

"Call me" has a telephone ring with the draft (firmware/call_me.py). What cannot be proved cannot be
heard either: the draft is proved here, and its new prompts are spoken, before anything rings.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import Field

from firmware import draft, edits, settings, tried, walks
from firmware.call_me import CALL_ME, CallMeRequest
from firmware.draft import DraftError
from firmware.edits import EditError, Put, Remove
from firmware.forms import WORD
from firmware.recorded_calls import recorded_call
from firmware.settings import Fault
from firmware.store import StoreError, open_reader
from firmware.topics import StepLine
from firmware.walks import AT, Walk
from firmware.walks_section import PRESS_MOST, SECTION
from firmware.web import call_back, call_words
from firmware.web.asking import ask_now
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.voices import EVERYWHERE, UnspokenError
from firmware.web.words import Words, to_say
from ivr.audition import WORDS
from ivr.errors import CallLogicError
from ivr.plan import Plan
from ivr.simulate import Kind, Phones, Told

router = APIRouter()

WAV = "audio/wav"
CALL_ID = re.compile(r"[0-9a-f-]{36}")
NO_SOUND = (404, to_say("Nobody speaks this yet."), to_say("Record it, or write its words."))
NO_CALL = (404, to_say("There is no such call."), to_say("Choose one that has ended."))
NOT_A_FORM = (422, to_say("This is no form."), to_say("Use the page's own forms."))
NO_PLAN = (
    409,
    to_say("The draft cannot be read, so no call can be imagined."),
    to_say("Publish says what is wrong with it."),
)
FAULTY = (
    409,
    to_say("The draft has faults, so no telephone rings with it."),
    to_say("Mend the faults first: Publish tells each of them."),
)
UNSPOKEN = to_say("Nobody speaks these prompts of the draft yet: %(prompts)s")
UNWRITTEN = (
    507,
    to_say("The draft cannot be laid ready for the telephone."),
    to_say("See whether the disk is full."),
)
CANNOT_BE = to_say("This call cannot be imagined.")
NOT_KEPT = to_say("This call was not kept.")
LOOK_AGAIN = to_say("Load the page again.")

DOES: Mapping[Phones, str] = {
    Phones.ANSWER: to_say("is free and answers"),
    Phones.SILENT: to_say("rings, and nobody comes"),
    Phones.BUSY: to_say("is busy"),
    Phones.REFUSE: to_say("refuses"),
    Phones.ABSENT: to_say("is away"),
}


class WalkForm(Form):
    """What is done, and how the clinic stands: `others` as `101=busy 102=absent`."""

    line: Annotated[str, Field(max_length=40)]
    at: Annotated[str, Field(pattern=r"^20\d\d-\d\d-\d\d \d\d:\d\d$")]
    press: Annotated[str, Field(max_length=PRESS_MOST)] = ""
    phones: Phones = Phones.ANSWER
    others: Annotated[
        str, Field(pattern=r"^(\d{2,6}=(answer|silent|busy|refuse|absent) ?)*$", max_length=4000)
    ] = ""

    def walk(self, plan: Plan) -> Walk:
        try:
            local = datetime.strptime(self.at, AT).replace(tzinfo=ZoneInfo(plan.timezone))
        except ValueError:
            raise Refused(*NOT_A_FORM) from None
        named = dict(each.split("=") for each in self.others.split())
        others = {
            phone: Phones(does) for phone, does in named.items() if Phones(does) is not self.phones
        }
        return Walk(self.line, local, self.press, self.phones, others)


class KeepForm(WalkForm):
    name: Annotated[str, Field(pattern=f"^{WORD}$")]


class ForgetForm(Form):
    name: Annotated[str, Field(pattern=f"^{WORD}$")]


class CallMeForm(WalkForm):
    phone: Annotated[str, Field(pattern=r"^[0-9]{2,6}$")]


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept call in the list."""

    name: str
    walk: Walk
    others: str
    at: str
    fault: str  # that it goes elsewhere; empty where it goes as it went


# ---- the screen ----


@router.get("/try")
def trying(request: Request, call: str = "", walk: str = "") -> Response:
    house, words = house_of(request), words_of(request)
    text, plan, faults = _drafted(house)
    if plan is None:
        return render(request, "try_not.html", faults=faults)
    kept = list(_kept(text, plan, words))
    begins = _begins(house, plan, kept, call, walk)
    return render(
        request,
        "try.html",
        lines=list(plan.lines),
        phones=list(plan.phones.values()),
        does={str(each): words.gettext(said) for each, said in DOES.items()},
        begins=begins,
        at=begins.local,
        minute=begins.local.hour * 60 + begins.local.minute,
        is_replayed=bool(call or walk),
        kept=kept,
        faults=faults,
        is_draft=text != house.drafted.in_force(),
        keys="123456789*0#",
        telephones=call_back.telephones(request),
    )


@router.post("/try/walk")
def walked(request: Request) -> Response:
    """All that happens in this call, for the browser to show when its time has come."""
    house, words = house_of(request), words_of(request)
    form = typed(request, WalkForm).form
    _, plan, _ = _drafted(house)
    if form is None:
        raise Refused(*NOT_A_FORM)
    if plan is None:
        raise Refused(*NO_PLAN)
    in_force = house.site.plan

    def lasts_s(language: str, prompts: tuple[str, ...]) -> float:
        each = (house.voices.lasts_s(plan, in_force, language, one) for one in prompts)
        return sum(each)

    try:
        told = form.walk(plan).told(plan, lasts_s)
    except CallLogicError as impossible:
        raise Refused(422, CANNOT_BE, words.told(str(impossible))) from None
    return JSONResponse({"steps": list(_steps(told, plan, words))})


@router.post("/try/call-me")
def call_me(request: Request) -> Response:
    """A telephone rings, and who picks up is in the draft; this answers as it begins to ring."""
    house, words = house_of(request), words_of(request)
    form = typed(request, CallMeForm).form
    kept = house.drafted.kept()
    proven = house.drafted.examined(kept.text).site if kept is not None else None
    if kept is None or proven is None:
        raise Refused(*FAULTY)
    if form is None or form.line not in proven.plan.lines:
        raise Refused(*NOT_A_FORM)
    made = form.walk(proven.plan)
    try:
        sounds = house.voices.own(proven.plan, house.site.plan, WORDS)
        name = tried.lay(house.place, kept.text, sounds, proven.calendars)
    except UnspokenError as unspoken:
        raise Refused(
            409,
            words.say(UNSPOKEN, prompts=str(unspoken)),
            to_say("Record it, or write its words."),
        ) from None
    except OSError as full:
        raise Refused(*UNWRITTEN) from full
    wish = CallMeRequest(
        draft=name,
        phone=form.phone,
        line=made.line,
        at=form.at,
        phones=made.phones,
        others=dict(made.others),
    )
    ask_now(request, CALL_ME, wish)
    call_back.keep(request, form.phone)
    rings = words.say(
        "Telephone %(phone)s rings: pick it up, and press its keys.", phone=form.phone
    )
    return JSONResponse({"said": rings})


@router.get("/try/sound/{language}/{name}")
def sound(request: Request, language: str, name: str) -> Response:
    house = house_of(request)
    _, plan, _ = _drafted(house)
    heard = house.voices.sound(plan, house.site.plan, language, name) if plan else None
    if heard is None:
        raise Refused(*NO_SOUND)
    return Response(heard, media_type=WAV)


@router.post("/try/keep")
def keep(request: Request) -> Response:
    """In the draft, with the way it goes now; under a name that is known it is kept anew."""
    house, visitor = house_of(request), visitor_of(request)
    found = typed(request, KeepForm)
    _, plan, _ = _drafted(house)
    if found.form is None:
        why = to_say("A name has small letters, digits and dashes, a letter first.")
        raise Refused(422, NOT_KEPT, why)
    if plan is None:
        raise Refused(*NO_PLAN)
    made, name = found.form.walk(plan), found.form.name
    try:
        goes = walks.way_of(made.told(plan))
        _change(house, visitor.person, Put((SECTION, name), made.as_table(goes)), f"keeps {name}")
    except (CallLogicError, EditError, DraftError) as refused:
        raise Refused(409, NOT_KEPT, str(refused)) from None
    return RedirectResponse("/try", 303)


@router.post("/try/forget")
def forget(request: Request) -> Response:
    house, visitor = house_of(request), visitor_of(request)
    form = typed(request, ForgetForm).form
    if form is None:
        raise Refused(*NOT_A_FORM)
    try:
        _change(house, visitor.person, Remove((SECTION, form.name)), f"forgets {form.name}")
    except (EditError, DraftError) as refused:
        raise Refused(409, str(refused), LOOK_AGAIN) from None
    return RedirectResponse("/try", 303)


# ---- what is shown ----


def _steps(told: list[Told], plan: Plan, words: Words) -> Iterator[dict[str, object]]:
    prompts = settings.prompts_of(plan)
    for each in told:
        yield {
            "at": round(each.at_s, 2),
            "kind": each.kind,
            "said": in_words_of(each, words),
            "sounds": [
                f"/try/sound/{each.language}/{name}"
                f"?v={_short(prompts.get(each.language, {}).get(name, ''))}"
                for name in each.prompts
            ]
            if each.kind is Kind.SAYS
            else [f"/try/sound/{EVERYWHERE}/music"]
            if each.kind is Kind.MUSIC
            else [],
        }


def in_words_of(each: Told, words: Words) -> str:
    """What happens, and why; nothing of what is heard or seen otherwise."""
    match each.kind:
        case Kind.STEP if each.step in walks.KEYED:
            return ""  # the key itself was told
        case Kind.STEP | Kind.OUTCOME:
            line = StepLine(
                call="", step=each.step, detail=each.detail, at="", mono_ms=int(each.at_s * 1000)
            )
            return call_words.told(line, words)
        case Kind.PRESSES:
            return words.say("You press %(key)s", key=each.detail)
        case Kind.SAYS:
            return f"“{each.detail}”"
        case Kind.MUSIC:
            return words.gettext("Music plays")
        case Kind.GONE:
            return words.gettext("The call is over")
        case Kind.HUSH:
            return ""
        case _:
            return call_words.in_words(each.text.strip(), words)


def _kept(text: str, plan: Plan, words: Words) -> Iterator[Kept]:
    for name, (made, goes) in walks.kept_in(text, plan).items():
        try:
            now = walks.way_of(made.told(plan))
            fault = "" if now == goes else _elsewhere(goes, now, words)
        except CallLogicError as impossible:
            fault = words.told(str(impossible))
        others = " ".join(f"{phone}={does}" for phone, does in made.others.items())
        yield Kept(name, made, others, made.local.strftime(AT), fault)


def _elsewhere(goes: tuple[str, ...], now: tuple[str, ...], words: Words) -> str:
    went, goes_now = (" → ".join(each) for each in (goes, now))
    return words.say("It went %(went)s, and would go %(now)s", went=went, now=goes_now)


def _begins(house: House, plan: Plan, kept: list[Kept], call: str, walk: str) -> Walk:
    """What the screen begins with: a call that shows a fault, one of the past, a kept one, or
    nothing done yet."""
    if shown := walks.walk_by(call, ZoneInfo(plan.timezone)) if call else None:
        return shown
    if call:
        if not CALL_ID.fullmatch(call):
            raise Refused(*NO_CALL)
        return _recalled(house, plan, call)
    for each in kept:
        if each.name == walk:
            return each.walk
    now = house.now().astimezone(ZoneInfo(plan.timezone))
    local = now - timedelta(minutes=now.minute % 5, seconds=now.second)
    return Walk(next(iter(plan.lines), ""), local)


def _recalled(house: House, plan: Plan, call: str) -> Walk:
    if not house.place.calls_db.exists():
        raise Refused(*NO_CALL)
    try:
        reader = open_reader(house.place.calls_db)
        try:
            with reader.connect() as connection:
                found = recorded_call(connection, call, ZoneInfo(plan.timezone))
        finally:
            reader.dispose()
    except StoreError:
        raise Refused(*NO_CALL) from None
    if found is None or not found.rows:
        raise Refused(*NO_CALL)
    return walks.walk_of(found)


def _drafted(house: House) -> tuple[str, Plan | None, tuple[Fault, ...]]:
    """The draft's text, and a plan in which a call can be imagined, as far as there is one."""
    kept = house.drafted.kept()
    if kept is None:
        return "", None, ()
    found = settings.draft(kept.text, draft.beside(house.place))
    plan = found.rough if found.faults else found.plan
    return kept.text, plan if plan and plan.lines else None, found.faults


def _change(house: House, who: str, edit: Put | Remove, what: str) -> None:
    kept = draft.read(house.place)
    changed = edits.edited(kept.text, [edit])
    draft.keep(house.place, changed, who, what, kept.step, house.now())


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
