"""Publish, one screen: what the draft would change, which calls of the last month would have gone
elsewhere, and putting it in force on trial. Below it the versions that are kept, any two to be
compared, each to be put in force again, on trial too.

The page decides nothing here: firmware/publishing.py proves, puts in force and gives account,
firmware/trial.py takes back what nobody confirms. A draft stays until what it became is confirmed,
so a version that comes back takes nobody's work away.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from pydantic import AfterValidator, Field
from sqlalchemy.exc import SQLAlchemyError

from firmware import draft, elsewhere, inbox, publishing, trial, versions
from firmware.asterisk.publish import Step
from firmware.asterisk.sandbox import launch_for
from firmware.audit import Act
from firmware.place import Place
from firmware.settings import Fault
from firmware.store import StoreError, open_reader
from firmware.versions import Version, VersionError
from firmware.web import fault_places, fault_words, moments
from firmware.web.bar import bar_of
from firmware.web.call_words import OUTCOMES
from firmware.web.drafted import Difference
from firmware.web.entrance import Refused, is_let_in, visitor_of
from firmware.web.flow_words import title
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import House, house_of
from firmware.web.marked import MARKS, drawn
from firmware.web.outlook import Outlook
from firmware.web.press import Going
from firmware.web.words import Words, to_say
from ivr.difference import Mark, Picture
from ivr.difference_words import Told
from ivr.plan import Plan
from ivr.replay import PHONE, Way

router = APIRouter()

CONFIRM_WITHIN_S = 90.0
LOOK_EVERY_S = 0.5
TELL_EVERY_S = 5.0
CALLS_SHOWN = 20
DRAFT = "draft"

STEPS: Mapping[Step, str] = {
    Step.WRITTEN: to_say("written"),
    Step.PROVED: to_say(
        "tried on a telephone switch of its own: each number leads where it should"
    ),
    Step.NOTED: to_say("noted"),
    Step.CURRENT: to_say("chosen"),
    Step.OBJECTS: to_say("telephones and lines loaded"),
    Step.DIALPLAN: to_say("numbers loaded"),
    Step.TIDIED: to_say("in force"),
}
GROUPS: Mapping[str, str] = {
    "clinic": to_say("Clinic"),
    "lines": to_say("Lines"),
    "phones": to_say("Phones"),
    "dialling out": to_say("Dialling out"),
    "mailboxes": to_say("Mailboxes"),
    "hours": to_say("Hours"),
    "queues": to_say("Queues"),
    "menus": to_say("Menus"),
    "prompts": to_say("Announcements"),
    "people": to_say("People"),
    "e-mail": to_say("E-mail"),
    "on-call": to_say("On-call"),
    "requests": to_say("Requests"),
    "blocking": to_say("Blocking"),
    "retention": to_say("Keeping and deleting"),
    "backup": to_say("Backup"),
    "updates": to_say("Updates"),
    "walks": to_say("Calls kept as tests"),
    "file": to_say("Site file"),
}
BUSY = (409, to_say("Something is being published already."), to_say("Wait until that is done."))
NOTHING = (409, to_say("The draft changes nothing."), to_say("Change something first."))
NOT_A_FORM = (422, to_say("This is no form."), to_say("Use the page's own forms."))
UNREADABLE = (
    to_say("The records cannot be read."),
    to_say("Try again in a minute; if it stays so, see Today for what is wrong."),
)
NO_VERSION = (404, to_say("There is no such version any more."), to_say("Choose one of the list."))


class NameForm(Form):
    name: Annotated[str, Field(max_length=versions.NAME_MOST), AfterValidator(versions.sayable)] = (
        ""
    )


class DiscardForm(Form):
    seen: Annotated[int, Field(ge=0, le=10**9)]


class AgainForm(Form):
    version: Annotated[int, Field(ge=1, le=10**9)]


@dataclass(frozen=True, slots=True)
class Line:
    """A kept version in the list."""

    number: int
    name: str
    when: str
    who: str
    state: str
    tone: str
    may_come_back: bool


@dataclass(frozen=True, slots=True)
class Marked:
    """A node or a way of the picture that is not as it was."""

    what: str
    how: str
    mark: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A fault of the draft: where it is mended, why, what to do, and the call that shows it."""

    where: str
    href: str
    reason: str
    cure: str
    shown: fault_words.ShownBy | None


@dataclass(frozen=True, slots=True)
class Gone:
    """A call that would go elsewhere, in words."""

    call: str
    when: str
    went: str
    would_go: str


@router.get("/bar/live")
def bar(request: Request) -> Response:
    """What the bar above every screen says now."""
    told = bar_of(house_of(request), visitor_of(request), words_of(request))
    return JSONResponse(asdict(told))


# ---- the screen ----


@router.get("/publish")
def publish(request: Request) -> Response:
    house, words = house_of(request), words_of(request)
    kept, text = house.drafted.kept(), house.drafted.in_force()
    waits = kept is not None and kept.text != text
    difference = house.drafted.between(text, kept.text, words) if kept and waits else Difference()
    examined = house.drafted.examined(kept.text) if kept and waits else None
    site = examined.site if examined else None
    outlook = house.outlooks.of(kept.text, site.plan) if kept and site else Outlook()
    going = house.press.now
    return render(
        request,
        "publish.html",
        seen=_digest(_standing(house, outlook if site else None)),
        waits=waits,
        groups=_groups(difference.told, words),
        marked=list(_marked(difference.marks, words)),
        pictures=list(drawn(difference.marks, words)),
        faults=[_wrong(one, words) for one in examined.faults] if examined else (),
        warnings=site.warnings if site else (),
        overtaken=waits and kept is not None and kept.is_overtaken,
        drafted_by=kept.done[-1].who if kept and kept.done else "",
        may_publish=site is not None,
        left_behind=_left_behind(house, site.plan) if site else [],
        outlook=outlook,
        calls=list(_moved(house, outlook, words)),
        texts=_texts(outlook, going, words),
        partings=_partings(outlook, words),
        going=going,
        lines=list(_lines(house, words)),
        pending=trial.pending(house.place),
        name="",
        within_s=int(CONFIRM_WITHIN_S),
    )


@router.get("/publish/live")
async def live(request: Request, seen: Annotated[str, Query(max_length=64)]) -> StreamingResponse:
    """Until the screen says other things than the one that was `seen`."""
    house, words = house_of(request), words_of(request)

    async def told() -> AsyncIterator[str]:
        stood = seen
        sent, sent_at = "", float("-inf")
        while True:
            shown = _as_json(house, words)
            now = time.monotonic()
            if shown != sent or now - sent_at > TELL_EVERY_S:
                if not await is_let_in(request):
                    yield "event: over\ndata: \n\n"
                    return
                sent, sent_at = shown, now
                yield f"data: {shown}\n\n"
            await asyncio.sleep(LOOK_EVERY_S)
            if (stands := await run_in_threadpool(_stands, house)) != stood:
                yield "event: again\ndata: \n\n"  # the whole screen says other things now
                stood = stands

    return StreamingResponse(told(), media_type="text/event-stream")


@router.post("/publish")
def begin(request: Request) -> Response:
    """The draft, on trial."""
    house, who = house_of(request), visitor_of(request).person
    form = typed(request, NameForm).form
    if form is None:
        raise Refused(*NOT_A_FORM)
    kept = house.drafted.kept()
    if kept is None or kept.text == house.drafted.in_force():
        raise Refused(*NOTHING)
    place, wish = house.place, _wish(house.place, who, form.name)
    examined = house.drafted.examined(kept.text)
    if (site := examined.site) is None:
        return RedirectResponse("/publish", 303)  # which says what is wrong
    launch = launch_for(place)
    if not house.press.begin(
        who, lambda told: publishing.put_in_force(place, site, launch, wish, told)
    ):
        raise Refused(*BUSY)
    return RedirectResponse("/publish", 303)


@router.post("/publish/again")
def again(request: Request) -> Response:
    """An earlier version, on trial like any other."""
    house, words, who = house_of(request), words_of(request), visitor_of(request).person
    form = typed(request, AgainForm).form
    if form is None:
        raise Refused(*NOT_A_FORM)
    place = house.place
    try:
        versions.find(place, form.version)
    except VersionError:
        raise Refused(*NO_VERSION) from None
    name = words.say("as version %(number)s", number=form.version)
    number, wish, launch = form.version, _wish(place, who, name), launch_for(place)
    if not house.press.begin(
        who, lambda told: publishing.put_back_in_force(place, number, launch, wish, told)
    ):
        raise Refused(*BUSY)
    return RedirectResponse("/publish", 303)


@router.post("/publish/confirm")
def confirm(request: Request) -> Response:
    """What is on trial stays, and the draft that became it has done its work."""
    house, who = house_of(request), visitor_of(request).person
    try:
        trial.confirm(house.place, who)
    except publishing.REFUSALS as refused:
        raise Refused(409, str(refused), to_say("Look at the versions below.")) from None
    house.drafted.let_go()
    return RedirectResponse("/publish", 303)


@router.post("/publish/take-back")
def take_back(request: Request) -> Response:
    house, who = house_of(request), visitor_of(request).person
    pending = trial.pending(house.place)
    if pending is not None:
        house.account(who, Act.ASKED, f"version {pending.before} back")
    try:
        trial.give_up(house.place)
    except publishing.REFUSALS as refused:
        raise Refused(409, str(refused), to_say("Look at the versions below.")) from None
    return RedirectResponse("/publish", 303)


@router.post("/publish/discard")
def discard(request: Request) -> Response:
    """All that was drafted goes; refused where somebody has changed it since."""
    form = typed(request, DiscardForm).form
    if form is None:
        raise Refused(*NOT_A_FORM)
    try:
        draft.discard(house_of(request).place, form.seen)
    except draft.DraftError as refused:
        raise Refused(409, str(refused), to_say("Look at the draft again.")) from None
    return RedirectResponse("/publish", 303)


@router.get("/publish/compare")
def compare(request: Request, before: str = "", after: str = DRAFT) -> Response:
    """Of whoever has not chosen yet: the newest version and the draft."""
    house, words = house_of(request), words_of(request)
    choices = _choices(house, words)
    before = before or choices[:2][-1][0]
    why_not, difference = "", Difference()
    try:
        difference = _between(house, before, after, words)
    except VersionError as unread:
        why_not = words.told(str(unread))
    return render(
        request,
        "compare.html",
        before=before,
        after=after,
        choices=choices,
        why_not=why_not or _first_fault(difference, words),
        groups=_groups(difference.told, words),
        marked=list(_marked(difference.marks, words)),
        pictures=list(drawn(difference.marks, words)),
    )


@router.get("/publish/picture")
def marks(request: Request, before: str = "", after: str = "") -> Response:
    """Both flows in one picture, each node and way with its mark, for whoever draws it."""
    try:
        both = _between(house_of(request), before, after, words_of(request)).marks or Picture(
            {}, ()
        )
    except VersionError as unread:
        raise Refused(404, str(unread), to_say("Choose one of the list.")) from None
    ways = [
        {
            "start": way.start,
            "by": way.by,
            "before": way.before,
            "after": way.after,
            "mark": way.mark,
        }
        for way in both.ways
    ]
    return JSONResponse({"nodes": dict(both.nodes), "ways": ways})


# ---- what is shown ----


def _left_behind(house: House, becomes: Plan) -> list[inbox.Held]:
    """What lies in mailboxes that are there no more then, renamed ones too."""
    gone = house.site.plan.mailboxes.keys() - becomes.mailboxes.keys() if house.site.plan else ()
    if not gone or not house.place.calls_db.exists():
        return []
    try:
        reader = open_reader(house.place.calls_db)
        try:
            with reader.connect() as connection:
                return inbox.held(connection, gone)
        finally:
            reader.dispose()
    except (StoreError, SQLAlchemyError) as unread:
        raise Refused(503, *UNREADABLE) from unread


def _wrong(one: Fault, words: Words) -> Wrong:
    where, href = fault_places.place(one.where, words)
    reason, cure = fault_words.reason(one.reason, words), fault_words.plain(one.cure, words)
    return Wrong(where, href, reason, cure, fault_words.shown_by(one.example, words))


def _stands(house: House) -> str:
    kept = house.drafted.kept()
    return _digest(_standing(house, house.outlooks.known(kept.text) if kept else None))


def _digest(standing: tuple[object, ...]) -> str:
    return hashlib.sha256(repr(standing).encode()).hexdigest()


def _standing(house: House, outlook: Outlook | None) -> tuple[object, ...]:
    """What the whole screen depends on: where one of it changes, it is drawn anew."""
    going, kept = house.press.now, house.drafted.kept()
    pending = trial.pending(house.place)
    return (
        versions.in_force(house.place),
        pending and (pending.version, pending.left_s() > 0),
        going is None or going.is_over,
        kept and kept.step,
        outlook is None or outlook.is_over,
    )


def _as_json(house: House, words: Words) -> str:
    kept = house.drafted.kept()
    outlook = (house.outlooks.known(kept.text) if kept else None) or Outlook()
    texts = _texts(outlook, house.press.now, words)
    return json.dumps({"tone": "", "texts": texts, "tables": {}}, ensure_ascii=False)


def _texts(outlook: Outlook, going: Going | None, words: Words) -> dict[str, str]:
    return {"outlook": _outlook(outlook, words), "going": _going(going, words)}


def _outlook(outlook: Outlook, words: Words) -> str:
    if outlook.why_not:
        return words.gettext(outlook.why_not)
    if outlook.found is None:
        return words.say(
            "The calls of the last month are gone through: %(at)s of %(of)s",
            at=outlook.looked_at,
            of=outlook.calls,
        )
    if not outlook.found.looked_at:
        return words.gettext("There are no calls yet to look at.")
    return words.told(next(elsewhere.in_words(outlook.found)))


def _partings(outlook: Outlook, words: Words) -> list[str]:
    if outlook.found is None or not outlook.found.looked_at:
        return []
    _, *rest = elsewhere.in_words(outlook.found)
    return [words.told(each) for each in rest]


def _moved(house: House, outlook: Outlook, words: Words) -> Iterator[Gone]:
    """The newest of the calls that would go elsewhere, the newest first."""
    if outlook.found is None:
        return
    zone = ZoneInfo(house.site.plan.timezone if house.site.plan else "UTC")
    for one in reversed(outlook.found.moved[-CALLS_SHOWN:]):
        when = moments.near(one.arrived.astimezone(zone), words.locale)
        went, would_go = (_way(way, words) for way in (one.both.recorded, one.both.replayed))
        yield Gone(one.call, when, went, would_go)


def _way(way: Way, words: Words) -> str:
    """Where a call went, step by step, and how it ended."""
    ended = [words.gettext(OUTCOMES.get(way.outcome, way.outcome))] if way.outcome else []
    return " → ".join([*(_station(each, words) for each in way.places), *ended])


def _station(place: str, words: Words) -> str:
    kind, _, name = place.partition(" ")
    if kind == PHONE:
        return words.say("phone %(name)s", name=name)
    return title(name.partition("/")[2] or name)


def _going(going: Going | None, words: Words) -> str:
    if going is None or going.is_over:
        return ""
    if not going.steps:
        return words.gettext("It is being published: announcements are spoken, then it is tried.")
    step = words.gettext(STEPS[going.steps[-1]])
    return words.say("It is being published: %(step)s", step=step)


def _groups(told: tuple[Told, ...], words: Words) -> list[tuple[str, list[str]]]:
    return [
        (words.gettext(GROUPS.get(group, group)), [each.sentence for each in some])
        for group, some in groupby(told, lambda each: each.group)
    ]


def _marked(both: Picture | None, words: Words) -> Iterator[Marked]:
    """What the picture marks, as a list: nodes, then ways."""
    if both is None:
        return
    for place, mark in both.nodes.items():
        if mark is not Mark.SAME:
            yield Marked(place, words.gettext(MARKS[mark]), mark)
    for way in both.ways:
        if way.mark is Mark.SAME:
            continue
        leads = " ⇒ ".join(each for each in (way.before, way.after) if each)
        yield Marked(
            f"{way.start}, {way.by}", f"{words.gettext(MARKS[way.mark])}: {leads}", way.mark
        )


def _lines(house: House, words: Words) -> Iterator[Line]:
    plan, pending = house.site.plan, trial.pending(house.place)
    zone = ZoneInfo(plan.timezone if plan else "UTC")
    for version in versions.kept(house.place):
        note = version.note
        state, tone = _state(version, pending, words)
        when = note and moments.dated(note.at.astimezone(zone), words.locale)
        may = not version.is_in_force and pending is None and version.is_whole
        yield Line(
            version.number,
            note.name if note else "",
            when or "",
            note.who if note else "",
            state,
            tone,
            may,
        )


def _state(version: Version, pending: trial.Trial | None, words: Words) -> tuple[str, str]:
    if pending is not None and version.number == pending.version:
        return words.gettext("on trial"), "warning"
    if version.is_in_force:
        return words.gettext("in force"), "well"
    if version.note is not None and version.note.returned:
        return words.gettext("was not confirmed"), "quiet"
    return "", ""


def _choices(house: House, words: Words) -> list[tuple[str, str]]:
    """What can be compared: the draft, and each version."""
    named = [
        (str(each.number), f"{each.number} {each.note.name if each.note else ''}".strip())
        for each in versions.kept(house.place)
    ]
    return [(DRAFT, words.gettext("the draft")), *named]


def _between(house: House, before: str, after: str, words: Words) -> Difference:
    (one, plan), (other, becomes) = (_side(house, each) for each in (before, after))
    if plan is None or becomes is None:
        return house.drafted.between(one, other, words)
    return house.drafted.between_plans((one, plan), (other, becomes), words)


def _side(house: House, word: str) -> tuple[str, Plan | None]:
    """A version's text with its plan; the draft's without, for it may have faults."""
    if word == DRAFT:
        kept = house.drafted.kept()
        return (kept.text if kept else house.drafted.in_force()), None
    if not word.isdecimal() or len(word) > 9:
        raise VersionError(to_say("There is no such version any more."))
    version = versions.find(house.place, int(word))
    return version.text, versions.plan_of(version)


def _first_fault(difference: Difference, words: Words) -> str:
    if not difference.faults:
        return ""
    said = "They cannot be compared until this is mended: %(fault)s"
    return words.say(said, fault=words.told(str(difference.faults[0])))


# ---- publishing ----


def _wish(place: Place, who: str, name: str) -> publishing.Wish:
    """On trial, but for the first version of all: none is there to come back."""
    is_first = versions.in_force(place) is None
    return publishing.Wish(who, name, None if is_first else CONFIRM_WITHIN_S)
