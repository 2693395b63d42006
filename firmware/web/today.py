"""Today, one screen: is it working, who waits, what must I do.

What it shows is made here once, as words in tables, for the first sight and for each change alike:
the template draws them, and a module of ours writes the same words into the same places. Who calls
is on it for those alone who may read it, as the telephone rings; of messages only how many are new,
in mailboxes one is a member of.
"""

import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_time
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from pydantic import Field

from firmware import topics
from firmware.board import HoursLine
from firmware.operations import Operation
from firmware.web import moments
from firmware.web.asking import ask_for
from firmware.web.cures import Cure, cure_for
from firmware.web.entrance import Refused, visitor_of
from firmware.web.forms import Form, typed
from firmware.web.frame import render, words_of
from firmware.web.house import house_of
from firmware.web.live import Standing
from firmware.web.words import Words, to_say
from firmware.who_calls import Caller, Segment
from ivr.plan import Plan

router = APIRouter()

PART_NAMES: Mapping[str, str] = {
    "asterisk": to_say("telephone switch"),
    "audit": to_say("audit"),
    "backups": to_say("backups"),
    "call-backs": to_say("call-backs"),
    "clock": to_say("clock"),
    "stores": to_say("databases"),
    "engine": to_say("audio"),
    "emergency calls": to_say("emergency calls"),
    "envelope": to_say("envelope"),
    "figures": to_say("figures"),
    "guard": to_say("guard"),
    "ledger": to_say("call records"),
    "listening": to_say("listening by telephone"),
    "messages": to_say("messages"),
    "message notices": to_say("notices by e-mail"),
    "on call": to_say("on-call"),
    "panel": to_say("panel on the wall"),
    "power": to_say("power"),
    "updates": to_say("updates"),
    "prompts": to_say("announcements"),
    "recordings": to_say("recordings"),
    "retention": to_say("keeping and deleting"),
    "room": to_say("room on the disk"),
    "site": to_say("site file"),
    "temperature": to_say("temperature"),
    "voltage": to_say("voltage"),
    "texts": to_say("text messages"),
    "own words": to_say("words recorded by telephone"),
}
DOING: Mapping[str, str] = {
    "signed out": to_say("signed out"),
    "unreachable": to_say("not reachable"),
    "talks": to_say("talks"),
    "rings": to_say("rings"),
    "in use": to_say("in use"),
    "left alone": to_say("do not disturb"),
    "paused": to_say("paused"),
    "wraps up": to_say("wraps up"),
    "free": to_say("free"),
    "in no queue": to_say("in no queue"),
}
REASONS: Mapping[str, str] = {
    "lunch": to_say("lunch"),
    "break": to_say("break"),
    "meeting": to_say("meeting"),
    "training": to_say("training"),
    "paperwork": to_say("paperwork"),
    "with a patient": to_say("with a patient"),
    "calls missed": to_say("calls missed"),
}
URGENCIES: Mapping[str, str] = {
    "emergency": to_say("emergency"),
    "urgent": to_say("urgent"),
    "soon": to_say("soon"),
    "routine": to_say("routine"),
}
WHY: Mapping[str, str] = {
    "week": to_say("by the week's hours"),
    "lunch": to_say("lunch"),
    "exception": to_say("an exception for this day"),
    "holiday": to_say("a holiday"),
    "calendar": to_say("by the calendar"),
    "switch": to_say("switched by hand"),
    "clock": to_say("the clock cannot be trusted"),
    "unknown": to_say("nothing is known"),
}
SEGMENTS: Mapping[Segment, str] = {
    Segment.PATIENT: to_say("patient"),
    Segment.KNOWN: to_say("has called before"),
    Segment.NEW: to_say("first call"),
    Segment.HIDDEN: to_say("no number shown"),
}
NOT_KNOWN = to_say("Not known while the exchange is down")
NOTHING = to_say("Nothing waits for you")
WORK = "/messages"
TONES = {"emergency": "alarm", "urgent": "alarm", "soon": "warning", "routine": ""}
UNREACHABLE = "unreachable"
LOOK_AT_THEM = Cure(to_say("Look whether it has power and network"), "/rooms/phones")
UNWELL = {UNREACHABLE: "alarm", "paused": "warning", "signed out": "quiet", "free": "well"}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table. A number is seconds that go on running on the screen."""

    key: str
    cells: tuple[str | float, ...]
    tone: str = ""  # alarm, warning, well, quiet; never said by colour alone
    href: str = ""  # the screen that its last cell leads to


@dataclass(frozen=True, slots=True)
class View:
    """All words of the screen that change."""

    tone: str
    texts: Mapping[str, str]
    tables: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)

    def as_json(self) -> str:
        tables = {name: [asdict(row) for row in rows] for name, rows in self.tables.items()}
        told = {"tone": self.tone, "texts": dict(self.texts), "tables": tables}
        return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


class SwitchForm(Form):
    hours: Annotated[str, Field(min_length=1, max_length=40)]
    to: Literal["open", "closed", "scheduled"]


@router.get("/today")
async def today(request: Request) -> Response:
    house, visitor = house_of(request), visitor_of(request)
    plan = house.site.plan
    may_read = visitor.may(Operation.READ)
    shown = view(
        await house.live.now(),
        plan,
        visitor.mailboxes,
        words_of(request),
        house.now(),
        may_read=may_read,
        person=visitor.person,
        may=visitor.may,
    )
    return render(
        request,
        "today.html",
        view=shown,
        schedules=list(plan.hours) if plan else [],
        may_switch=visitor.may(Operation.OPERATE),
        may_read=may_read,
    )


@router.get("/today/live")
async def live(request: Request) -> StreamingResponse:
    house, words = house_of(request), words_of(request)

    async def told() -> AsyncIterator[str]:
        async for standing in house.live.follow():
            session = visitor_of(request).session
            visitor = await run_in_threadpool(house.visitors.who, session, is_use=False)
            if visitor is None:
                yield "event: over\ndata: \n\n"
                return
            shown = view(
                standing,
                house.site.plan,
                visitor.mailboxes,
                words,
                house.now(),
                may_read=visitor.may(Operation.READ),
                person=visitor.person,
                may=visitor.may,
            )
            yield f"data: {shown.as_json()}\n\n"

    return StreamingResponse(told(), media_type="text/event-stream")


@router.post("/today/switch")
async def switch(request: Request) -> Response:
    wish = typed(request, SwitchForm).form
    if wish is None:
        raise Refused(422, to_say("This is no form."), to_say("Use the page's own forms."))
    await ask_for(request, topics.SWITCH, topics.SwitchRequest(hours=wish.hours, to=wish.to))
    return RedirectResponse("/today", 303)


# ---- what is shown ----


def _anything(operation: Operation) -> bool:
    """Whoever sees no cure: a wallboard."""
    return True


def view(
    standing: Standing,
    plan: Plan | None,
    mailboxes: Collection[str],
    words: Words,
    now: datetime,
    *,
    may_read: bool = False,
    person: str = "",
    may: Callable[[Operation], bool] = _anything,
) -> View:
    """The words of one visitor's screen; who calls only for whoever may read it, and no cure that
    leads somebody to a screen which is closed to them."""
    alarms = tuple(alarms_of(standing, plan, words, may))
    todo = tuple(_to_do(standing, mailboxes, words, person))
    waiting = tuple(waiting_of(standing, words))
    worst = {row.tone for row in alarms}
    tone = next((tone for tone in ("alarm", "warning") if tone in worst), "well")
    return View(
        tone,
        {
            "headline": _headline(tone, len(alarms), words),
            "waiting": _crowd(standing, len(waiting), words),
            "todo": _work(standing, _how_much(standing, mailboxes) or len(todo), words),
        },
        {
            "alarms": alarms,
            "waiting": waiting,
            "todo": todo,
            "lines": tuple(_lines(standing, plan, words)),
            "phones": tuple(_phones(standing, words)),
            "hours": tuple(hours_of(standing, plan, words, now)),
            "calling": tuple(_calling(standing, plan, words)) if may_read else (),
        },
    )


def _headline(tone: str, count: int, words: Words) -> str:
    match tone:
        case "well":
            return words.gettext("All is well")
        case "warning":
            return words.gettext("It works, and something wants to be seen to")
        case _:
            return words.count("Something is wrong", "%(num)s things are wrong", count)


def _crowd(standing: Standing, count: int, words: Words) -> str:
    if standing.board is None:
        return words.gettext(NOT_KNOWN)
    if not count:
        return words.gettext("Nobody waits")
    return words.count("%(num)s caller waits", "%(num)s callers wait", count)


def _work(standing: Standing, count: int, words: Words) -> str:
    if count:
        return words.count("%(num)s thing to do", "%(num)s things to do", count)
    return words.gettext(NOT_KNOWN if standing.requests is None else NOTHING)


def _how_much(standing: Standing, mailboxes: Collection[str]) -> int:
    """How much there is to do: as Messages counts it, and the call-backs, which it does not have.
    An urgent message is one of its mailbox's, and a request of one's own one of all."""
    asked, back = standing.requests, standing.callbacks
    calls = len(back.callbacks) + len(back.broken) if back else 0
    return (
        sum(standing.undone.get(box, 0) for box in mailboxes) + (asked.open if asked else 0) + calls
    )


def alarms_of(
    standing: Standing,
    plan: Plan | None,
    words: Words,
    may: Callable[[Operation], bool] = _anything,
) -> Iterator[Row]:
    """What is wrong, alarms first, each with what this visitor can do about it."""
    if standing.down or standing.status is None:
        yield Row("exchange", _down(standing, words), "alarm")
        return
    missed = tuple(_missed(standing, plan))
    if missed:
        yield _not_reached(missed, words, may)
    for part in sorted(standing.status.parts, key=lambda part: part.state != "alarm"):
        if part.state == "well":
            continue
        state = words.gettext("alarm") if part.state == "alarm" else words.gettext("warning")
        name = words.gettext(PART_NAMES.get(part.name, part.name))
        ours = cure_for(part.cure, may)
        cure = words.gettext(ours.text) if ours else words.told(part.cure)
        cells = (state, name, words.told(part.detail), cure)
        yield Row(part.name, cells, part.state, ours.href if ours else "")


def _down(standing: Standing, words: Words) -> tuple[str, ...]:
    return (
        words.gettext("alarm"),
        words.gettext("exchange"),
        words.gettext(
            "The exchange is down. Telephones still ring, the front desk first and then all, and"
            " 911 works; menus, queues and messages do not."
        ),
        words.told(standing.down) if standing.down else "",
    )


def _missed(standing: Standing, plan: Plan | None) -> Iterator[str]:
    """The phones that cannot be reached, of those that a queue or somebody on call needs."""
    people = plan.people.values() if plan else ()
    called = {number for person in people for number in person.numbers}
    for agent in standing.agents.agents if standing.agents else ():
        if agent.doing == UNREACHABLE and (agent.queues or agent.extension in called):
            yield f"{agent.extension} {agent.name}"


def _not_reached(missed: Collection[str], words: Words, may: Callable[[Operation], bool]) -> Row:
    many = words.count(
        "%(num)s telephone that is needed cannot be reached",
        "%(num)s telephones that are needed cannot be reached",
        len(missed),
    )
    cells = (
        words.gettext("alarm"),
        words.gettext("telephones"),
        f"{many}: {', '.join(missed)}",
        words.gettext(LOOK_AT_THEM.text),
    )
    return Row("telephones", cells, "alarm", LOOK_AT_THEM.href if LOOK_AT_THEM.is_for(may) else "")


def waiting_of(standing: Standing, words: Words) -> Iterator[Row]:
    """The most urgent first; of these, who must be answered soonest."""
    there = standing.board.waiting if standing.board else ()
    order = list(URGENCIES)
    pressing = sorted(there, key=lambda each: order.index(each.urgency))
    for place, each in enumerate(pressing):
        state = words.gettext("a phone rings") if each.rings else words.gettext("waits")
        urgency = words.gettext(URGENCIES[each.urgency])
        yield Row(f"{place}", (urgency, each.queue, each.waits_s, state), TONES[each.urgency])


def _calling(standing: Standing, plan: Plan | None, words: Words) -> Iterator[Row]:
    """Who it is, what is known of them, what they wait for; where it rings, or who talks."""
    for each in standing.board.calling if standing.board else ():
        caller = standing.callers.get(each.call)
        if caller is None:
            continue
        named = ", ".join(_named(phone, plan) for phone in each.phones)
        if each.talks:
            now = words.say("talks with %(phones)s", phones=named)
        else:
            now = words.say("rings at %(phones)s", phones=named)
        yield Row(each.call, (_who(caller, words), *_known(caller, words), now))


def _who(caller: Caller, words: Words) -> str:
    if caller.names:
        return " / ".join(caller.names)
    if not caller.masked:
        return words.gettext("no number shown")
    return words.say("not on the list: %(number)s", number=caller.masked)


def _known(caller: Caller, words: Words) -> tuple[str, str]:
    segment = words.gettext(SEGMENTS[caller.segment])
    if caller.calls_before:
        before = words.count(
            "%(num)s call before this", "%(num)s calls before this", caller.calls_before
        )
        segment = f"{segment}, {before}"
    left = caller.open_requests
    said = words.count("%(num)s open request", "%(num)s open requests", left) if left else "–"
    return segment, said


def _named(phone: str, plan: Plan | None) -> str:
    known = plan.phones.get(phone) if plan else None
    return f"{phone} {known.name}" if known else phone


def _to_do(
    standing: Standing, mailboxes: Collection[str], words: Words, person: str
) -> Iterator[Row]:
    for lease in standing.leases.leases if standing.leases else ():
        if not lease.owner:
            said = words.gettext("An urgent message that nobody has accepted")
            yield Row(f"lease {lease.lease}", (words.gettext("urgent"), said), "alarm", WORK)
    asked = standing.requests
    if asked and (own := asked.owners.get(person, 0)):
        said = words.count("%(num)s request is yours", "%(num)s requests are yours", own)
        yield Row("yours", (words.gettext("requests"), said), "", WORK)
    if asked and asked.overdue:
        said = words.count(
            "%(num)s request is overdue", "%(num)s requests are overdue", asked.overdue
        )
        yield Row("overdue", (words.gettext("requests"), said), "alarm", WORK)
    if asked and (rest := asked.open - asked.overdue):
        said = words.count("%(num)s open request", "%(num)s open requests", rest)
        yield Row("requests", (words.gettext("requests"), said), "", WORK)
    if (back := standing.callbacks) and back.broken:
        said = words.count(
            "%(num)s call-back came to nothing",
            "%(num)s call-backs came to nothing",
            len(back.broken),
        )
        yield Row("broken", (words.gettext("call-backs"), said), "warning")
    if back and back.callbacks:
        said = words.count(
            "%(num)s caller is to be called back",
            "%(num)s callers are to be called back",
            len(back.callbacks),
        )
        yield Row("callbacks", (words.gettext("call-backs"), said))
    yield from _in_mailboxes(standing, mailboxes, words)


def _in_mailboxes(standing: Standing, mailboxes: Collection[str], words: Words) -> Iterator[Row]:
    """What is not done of one's own mailboxes, and how much of that is new."""
    for box in sorted(mailboxes):
        new, urgent = standing.unheard.get(box, (0, 0))
        left = standing.undone.get(box, 0)
        new = min(new, left)  # a spoken answer is heard in its request, and counted there
        if not left:
            continue
        if left == new:
            said = [words.count("%(num)s new message", "%(num)s new messages", new)]
        else:
            said = [words.count("%(num)s message to see to", "%(num)s messages to see to", left)]
            said += [words.count("%(num)s new", "%(num)s new", new)] if new else []
        if urgent:
            said.append(words.count("%(num)s urgent", "%(num)s urgent", urgent))
        yield Row(f"mailbox {box}", (box, ", ".join(said)), "alarm" if urgent else "", WORK)


def _lines(standing: Standing, plan: Plan | None, words: Words) -> Iterator[Row]:
    for line in plan.lines if plan else ():
        count = standing.calls.get(line, 0)
        said = (
            words.count("%(num)s call", "%(num)s calls", count) if count else words.gettext("free")
        )
        yield Row(line, (line, said), "" if count else "well")


def _phones(standing: Standing, words: Words) -> Iterator[Row]:
    for agent in standing.agents.agents if standing.agents else ():
        doing = words.gettext(DOING.get(agent.doing, agent.doing))
        if agent.detail:
            doing = f"{doing}: {words.gettext(REASONS.get(agent.detail, agent.detail))}"
        yield Row(
            agent.extension, (agent.extension, agent.name, doing), UNWELL.get(agent.doing, "")
        )


def hours_of(standing: Standing, plan: Plan | None, words: Words, now: datetime) -> Iterator[Row]:
    if standing.board is None or plan is None:
        return
    zone = ZoneInfo(plan.timezone)
    for each in standing.board.hours:
        state = words.gettext("open") if each.is_open else words.gettext("closed")
        why = words.gettext(WHY.get(each.why, each.why))
        cells = (each.hours, state, _until(each, now.astimezone(zone), words), why)
        yield Row(each.hours, cells, "well" if each.is_open else "quiet")


def _until(each: HoursLine, local: datetime, words: Words) -> str:
    """`until 17:00`, and the day where it is another."""
    if each.until is None:
        return ""
    until = datetime.fromisoformat(each.until)
    if until.date() == local.date():
        when = format_time(until, "short", locale=words.locale)
    else:
        when = moments.near(until, words.locale)
    return words.say("until %(when)s", when=when)
