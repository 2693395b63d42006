"""The JSON interface: what programs of the clinic may ask, by a token that a person made for them.

Each answer is one of the forms that the exchange itself gives, or is put together from them here;
each act is the same typed request as the page's, which the exchange decides and enters as that
person's, with the token's number. No caller's name or number is in any of it. What may be asked is
described at /api/v1/openapi.json; what stands under /api/v1 is only ever added to.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from functools import cache
from importlib.metadata import version
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request, Security
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import Field
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from firmware import board, request_topics, rollups, topics, versions
from firmware.board import BoardReply, HoursLine, WaitingLine
from firmware.control import Strict
from firmware.figures import WITHIN_S, By, Tally, day_begins
from firmware.request_topics import NOTE_MOST, RequestReply, RequestsReply
from firmware.requests import Outcome
from firmware.store import StoreError, open_reader
from firmware.topics import (
    AgentLine,
    AgentsReply,
    CallbacksReply,
    CallsReply,
    ExplainReply,
    StatusReply,
    SwitchReply,
    SwitchWish,
)
from firmware.web.asking import ask_for
from firmware.web.entrance import Refused, visitor_of
from firmware.web.house import house_of

ID = r"^[0-9a-f-]{4,36}$"
# Figures are of days that a clinic's clock can have, and of a year and a bit at once.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
DAYS_MOST = 400

NO_SITE = (409, "No site file is in force yet.", "Publish one, then ask again.")
NO_CALLS = (409, "The calls cannot be read.", "Start the exchange once; see its log if it runs.")
DAYS = (422, "These are no days in a row.", f"Give a first and a last day, {DAYS_MOST} at most.")


class Told(Strict):
    """Why not, and what to do. `fields` says what is wrong with what was sent, by its place."""

    why: str
    cure: str
    fields: dict[str, str] = Field(default_factory=dict)


REFUSALS: Mapping[int | str, dict[str, object]] = {
    401: {"model": Told, "description": "No token that is known"},
    403: {"model": Told, "description": "Not open to this person's role, or not by a token"},
    409: {"model": Told, "description": "The exchange says no, or there is none"},
    422: {"model": Told, "description": "Not asked as it should be"},
}
router = APIRouter(
    dependencies=[Security(HTTPBearer(auto_error=False, description="A token made on the page"))],
    responses=dict(REFUSALS),
)

Limit = Annotated[int, Query(ge=1, le=1000, description="how many at most")]
Day = Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY)]


class Unheard(Strict):
    """New messages of one mailbox that the token's person is a member of."""

    new: int
    urgent: int


class Work(Strict):
    """How many requests wait for somebody."""

    open: int
    overdue: int
    due_today: int
    done_today: int


class Today(Strict):
    """How the clinic stands. What only the exchange knows is absent while `down` says why."""

    down: str
    status: StatusReply | None
    waiting: tuple[WaitingLine, ...]
    hours: tuple[HoursLine, ...]
    agents: tuple[AgentLine, ...]
    requests: Work | None
    callbacks: int | None
    urgent_open: int | None
    calls: dict[str, int] = Field(description="in progress, by line")
    unheard: dict[str, Unheard]


class HoursReply(Strict):
    """Each schedule, and how it stands."""

    hours: tuple[HoursLine, ...]


class SwitchBody(Strict):
    """How a schedule shall stand, until when (the day's end if empty), and what callers are told
    (a prompt's name)."""

    to: SwitchWish
    until: str = Field(default="", max_length=40)
    say: str = Field(default="", max_length=40)


class ActBody(Strict):
    """What the token's person has done about a request. A note is sealed, and never given out."""

    act: Literal["take", "note", "done", "reopen"]
    outcome: Outcome = Outcome.DONE
    note: str = Field(default="", max_length=NOTE_MOST, repr=False)


class FiguresRow(Strict):
    """Whose figures (empty: the whole clinic's), what was counted, and what follows from it; null
    where nothing was counted that it could be of."""

    name: str
    counts: dict[str, int]
    asa_s: float | None
    aht_s: float | None
    abandonment: float | None
    service_level: dict[str, float | None] = Field(description="by seconds")


class FiguresReply(Strict):
    """Of the calls that arrived on these days of the clinic's clock."""

    first: date
    last: date
    by: By
    rows: tuple[FiguresRow, ...]


class VersionLine(Strict):
    """A published version that is kept; who, when and under which name is absent where it is older
    than such notes."""

    number: int
    is_in_force: bool
    who: str | None
    at: datetime | None
    name: str
    returned: bool


class VersionsReply(Strict):
    versions: tuple[VersionLine, ...]


@router.get("/api/v1/status")
async def status(request: Request) -> StatusReply:
    """Each part of the exchange and how it is, and the sum of all calls."""
    return await ask_for(request, topics.STATUS, topics.StatusRequest())


@router.get("/api/v1/today")
async def today(request: Request) -> Today:
    """Is it working, who waits, what is to be done."""
    standing = await house_of(request).live.now()
    theirs = visitor_of(request).mailboxes
    shown, work = standing.board or BoardReply(waiting=(), hours=()), standing.requests
    return Today(
        down=standing.down,
        status=standing.status,
        waiting=shown.waiting,
        hours=shown.hours,
        agents=standing.agents.agents if standing.agents else (),
        requests=Work(
            open=work.open,
            overdue=work.overdue,
            due_today=work.due_today,
            done_today=work.done_today,
        )
        if work
        else None,
        callbacks=len(standing.callbacks.callbacks) if standing.callbacks else None,
        urgent_open=len(standing.leases.leases) if standing.leases else None,
        calls=dict(standing.calls),
        unheard={
            mailbox: Unheard(new=new, urgent=urgent)
            for mailbox, (new, urgent) in standing.unheard.items()
            if mailbox in theirs
        },
    )


@router.get("/api/v1/agents")
async def agents(request: Request) -> AgentsReply:
    """Each telephone, and what it does."""
    return await ask_for(request, topics.AGENTS, topics.AgentsRequest())


@router.get("/api/v1/calls")
async def calls(request: Request, limit: Limit = 50) -> CallsReply:
    """The newest calls, without a word of who called."""
    return await ask_for(request, topics.CALLS, topics.CallsRequest(limit=limit))


@router.get("/api/v1/calls/{call}")
async def call(request: Request, call: Annotated[str, Path(pattern=ID)]) -> ExplainReply:
    """Every step of one call, named by its id or the beginning of it."""
    return await ask_for(request, topics.EXPLAIN, topics.ExplainRequest(call=call))


@router.get("/api/v1/callbacks")
async def callbacks(request: Request) -> CallbacksReply:
    """Who is to be called back, by ticket."""
    return await ask_for(request, topics.CALLBACKS, topics.CallbacksRequest())


@router.get("/api/v1/requests")
async def requests(
    request: Request,
    done: Annotated[bool, Query(description="the newest of those that are done")] = False,
    limit: Limit = 200,
) -> RequestsReply:
    """Open requests, the most pressing first."""
    wish = request_topics.RequestsRequest(done=done, limit=limit)
    return await ask_for(request, request_topics.REQUESTS, wish)


@router.get("/api/v1/requests/{request}")
async def one_request(asked: Request, request: Annotated[str, Path(pattern=ID)]) -> RequestReply:
    """One request and what was done about it."""
    wish = request_topics.RequestRequest(request=request)
    return await ask_for(asked, request_topics.REQUEST, wish)


@router.post("/api/v1/requests/{request}")
async def act(
    asked: Request, request: Annotated[str, Path(pattern=ID)], body: ActBody
) -> RequestReply:
    """Take it, note something on it, close it, open it again."""
    wish = request_topics.ActRequest(
        request=request, act=body.act, outcome=body.outcome, note=body.note
    )
    return await ask_for(asked, request_topics.REQUEST_ACT, wish)


@router.get("/api/v1/hours")
async def hours(request: Request) -> HoursReply:
    """Each schedule: open or closed, why, and until when."""
    found = await ask_for(request, board.BOARD, board.BoardRequest())
    return HoursReply(hours=found.hours)


@router.post("/api/v1/hours/{hours}")
async def switch(
    request: Request, hours: Annotated[str, Path(min_length=1, max_length=40)], body: SwitchBody
) -> SwitchReply:
    """Open or close a schedule by hand, or let it be as it is written."""
    wish = topics.SwitchRequest(hours=hours, to=body.to, until=body.until, say=body.say)
    return await ask_for(request, topics.SWITCH, wish)


@router.get("/api/v1/figures")
def figures(request: Request, first: Day = None, last: Day = None, by: By = By.ALL) -> FiguresReply:
    """How many called, waited and were helped; today, unless days are named."""
    house = house_of(request)
    plan = house.site.plan
    if plan is None:
        raise Refused(*NO_SITE)
    zone = ZoneInfo(plan.timezone)
    to = last or first or house.now().astimezone(zone).date()
    since = first or to
    if not timedelta(0) <= to - since < timedelta(days=DAYS_MOST):
        raise Refused(*DAYS)
    path = house.place.calls_db
    if not path.exists():
        raise Refused(*NO_CALLS)
    try:
        reader = open_reader(path)
        try:
            with reader.connect() as connection:
                found = _counted(connection, since, to, by, zone)
        finally:
            reader.dispose()
    except (StoreError, SQLAlchemyError):
        raise Refused(*NO_CALLS) from None
    rows = tuple(_row(name, tally) for name, tally in found.items())
    return FiguresReply(first=since, last=to, by=by, rows=rows)


@router.get("/api/v1/versions")
def published(request: Request) -> VersionsReply:
    """The published versions of the site that are kept, the newest first."""
    return VersionsReply(
        versions=tuple(
            VersionLine(
                number=each.number,
                is_in_force=each.is_in_force,
                who=each.note.who if each.note else None,
                at=each.note.at if each.note else None,
                name=each.note.name if each.note else "",
                returned=bool(each.note and each.note.returned),
            )
            for each in versions.kept(house_of(request).place)
        )
    )


@router.get("/api/v1/openapi.json", include_in_schema=False)
def describe() -> JSONResponse:
    """All of the above, as OpenAPI says it; no secret, and the same on every box."""
    return JSONResponse(description())


@cache
def description() -> dict[str, object]:
    return get_openapi(
        title="CareLine",
        version=version("careline"),
        summary="A clinic's telephone, for its own programs.",
        routes=router.routes,
    )


def _counted(
    connection: Connection, first: date, last: date, by: By, zone: ZoneInfo
) -> Mapping[str, Tally]:
    """Each row by its name; hours and days by when they begin, in ISO 8601 and local time."""
    begin, end = day_begins(first, zone), day_begins(last + timedelta(days=1), zone)
    match by:
        case By.DAY:
            days = rollups.by_day(connection, begin, end, zone)
            return {day.isoformat(): tally for day, tally in days.items()}
        case By.HOUR:
            hours_ = rollups.by_hour(connection, begin, end, By.ALL, zone)
            return {
                hour.astimezone(zone).isoformat(timespec="minutes"): tally
                for (hour, _), tally in hours_.items()
            }
        case _:
            return dict(sorted(rollups.figures(connection, begin, end, by, zone).items()))


def _row(name: str, tally: Tally) -> FiguresRow:
    return FiguresRow(
        name=name,
        counts=asdict(tally),
        asa_s=tally.asa_s,
        aht_s=tally.aht_s,
        abandonment=tally.abandonment,
        service_level={str(within_s): tally.service_level(within_s) for within_s in WITHIN_S},
    )
