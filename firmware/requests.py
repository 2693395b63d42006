"""Requests as they lie in the exchange's store: what a caller left, and what staff did about it.

A request and each act on it are one commit with a step of the call's ledger, so that figures and
`explain` know of them. What was keyed, who it is and what staff notes is sealed under the machine
key and opened nowhere but in `opened`. A request that is reopened is due as it was.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, column, func, select, table

from firmware.ledger import REQUEST, Moment, add_step, calls, messages
from firmware.machine import MachineKey
from ivr.asking import Answer
from ivr.form import RequestKind

requests = table(
    "requests",
    column("request", sa.Text),
    column("call", sa.Text),
    column("kind", sa.Text),
    column("taken", sa.Text),
    column("due", sa.Text),
    column("owner", sa.Text),
    column("done", sa.Text),
    column("outcome", sa.Text),
    column("answers", sa.LargeBinary),
    column("patient", sa.LargeBinary),
)
spoken = table(
    "request_messages",
    column("request", sa.Text),
    column("question", sa.Text),
    column("message", sa.Text),
)
acts = table(
    "request_acts",
    column("id", sa.Integer),
    column("request", sa.Text),
    column("at", sa.Text),
    column("act", sa.Text),
    column("by", sa.Text),
    column("detail", sa.Text),
    column("note", sa.LargeBinary),
)


class Outcome(StrEnum):
    """What became of a request; words of a closed list, so that none of them is a name."""

    DONE = "done"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    DUPLICATE = "duplicate"
    PASSED_ON = "passed-on"


class Act(StrEnum):
    """What can be done about a request."""

    LEFT = "left"  # by the caller
    BROKEN_OFF = "broken off"  # left, too, by a caller who hung up before the end
    OPENED = "opened"  # somebody has read what is sealed of it
    TAKEN = "taken"
    GIVEN = "given"  # to somebody, or back to nobody
    NOTED = "noted"
    DONE = "done"
    REOPENED = "reopened"


class UnfitActError(Exception):
    """The request is not where this act leads on; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Left:
    """A request as the caller left it."""

    request: str
    call: str
    kind: RequestKind
    due: datetime
    owner: str | None
    answers: Sequence[Answer] = field(repr=False)
    patient: str | None = field(repr=False)
    moment: Moment
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Request:
    """A request as a list shows it: nothing in it says who called or what for. Of one that is not
    whole nothing was promised."""

    request: str
    call: str
    kind: str
    taken: str
    due: str
    owner: str | None
    done: str | None
    outcome: str | None
    is_whole: bool


@dataclass(frozen=True, slots=True)
class History:
    """One act; `has_note` says that something sealed belongs to it."""

    at: str
    act: str
    by: str
    detail: str
    has_note: bool


@dataclass(frozen=True, slots=True)
class Spoken:
    """A recorded answer: a sealed message, which only a member of its mailbox opens."""

    question: str
    message: str
    mailbox: str
    seconds: float
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """What is sealed of a request, for whoever has signed in."""

    patient: str | None = field(repr=False)
    number: str = field(repr=False)
    answers: dict[str, str] = field(repr=False)
    notes: tuple[tuple[str, str, str], ...] = field(repr=False)  # when, by whom, what


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the day has come: what is open, what of it is overdue, and today's."""

    open: int
    overdue: int
    due_today: int
    done_today: int


@dataclass(frozen=True, slots=True)
class OnTime:
    """Requests that were due in a time, for the figures."""

    due: int
    in_time: int
    late: int
    still_open: int  # and overdue

    def __str__(self) -> str:
        return (
            f"{self.in_time} of {self.due} that were due done in time, {self.late} late,"
            f" {self.still_open} overdue"
        )


def record(connection: Connection, left: Left, key: MachineKey) -> None:
    """Keep what a caller left."""
    keyed = {answer.question: answer.text for answer in left.answers if not answer.message}
    due = Moment(left.due, 0).text
    connection.execute(
        requests.insert().values(
            request=left.request,
            call=left.call,
            kind=left.kind.value,
            taken=left.moment.text,
            due=due,
            owner=left.owner,
            answers=key.seal(json.dumps(keyed), f"requests.answers {left.request}"),
            patient=key.seal(left.patient, f"requests.patient {left.request}")
            if left.patient
            else None,
        )
    )
    for answer in left.answers:
        if answer.message:
            connection.execute(
                spoken.insert().values(
                    request=left.request, question=answer.question, message=answer.message
                )
            )
    act = Act.LEFT if left.is_whole else Act.BROKEN_OFF
    _act(connection, left.request, act, "", f"{left.kind}, due {due}", left.moment)


def take(connection: Connection, request: str, owner: str, moment: Moment) -> Request:
    """Somebody has it now; whoever had it before has not."""
    _open_one(connection, request)
    connection.execute(requests.update().where(requests.c.request == request).values(owner=owner))
    _act(connection, request, Act.TAKEN, owner, "", moment)
    return one(connection, request)


def give(connection: Connection, request: str, by: str, to: str, moment: Moment) -> Request:
    """Somebody else has it now; with an empty name, nobody."""
    _open_one(connection, request)
    one_ = requests.c.request == request
    connection.execute(requests.update().where(one_).values(owner=to or None))
    _act(connection, request, Act.GIVEN, by, f"to {to or 'nobody'}", moment)
    return one(connection, request)


def open_by(connection: Connection, request: str, by: str, moment: Moment) -> None:
    """Somebody is about to read what is sealed of it."""
    _act(connection, request, Act.OPENED, by, "", moment)


def note(
    connection: Connection, request: str, by: str, text: str, moment: Moment, key: MachineKey
) -> Request:
    """Add what somebody has to say; nothing that was said before is changed."""
    found = one(connection, request)
    sealed = key.seal(text, f"request_acts.note {request}")
    _act(connection, request, Act.NOTED, by, "", moment, sealed)
    return found


def done(
    connection: Connection, request: str, by: str, outcome: Outcome, moment: Moment
) -> Request:
    """It is dealt with, in time or late."""
    found = _open_one(connection, request)
    connection.execute(
        requests.update()
        .where(requests.c.request == request)
        .values(done=moment.text, outcome=outcome.value)
    )
    when = "in time" if moment.text <= found.due else "late"
    _act(connection, request, Act.DONE, by, f"{outcome}, {when}", moment)
    return one(connection, request)


def reopen(connection: Connection, request: str, by: str, moment: Moment) -> Request:
    """It was not: it is due as it was."""
    if one(connection, request).done is None:
        raise UnfitActError("this request is open: there is nothing to reopen")
    connection.execute(
        requests.update().where(requests.c.request == request).values(done=None, outcome=None)
    )
    _act(connection, request, Act.REOPENED, by, "", moment)
    return one(connection, request)


def one(connection: Connection, request: str) -> Request:
    """A request that is known to be there."""
    asked = select(*_shown()).where(requests.c.request == request)
    return Request(*connection.execute(asked).one())


def beginning(connection: Connection, letters: str) -> list[Request]:
    """Requests whose id begins so, the most pressing first; a few at most."""
    asked = select(*_shown()).where(requests.c.request.startswith(letters, autoescape=True))
    found = connection.execute(asked.order_by(requests.c.done.is_not(None), requests.c.due))
    return [Request(*row) for row in found.fetchmany(10)]


def listed(connection: Connection, *, closed: bool, limit: int) -> list[Request]:
    """Open ones, the most pressing first; or those that are done, the newest first."""
    asked = select(*_shown()).limit(limit)
    if closed:
        asked = asked.where(requests.c.done.is_not(None)).order_by(requests.c.done.desc())
    else:
        asked = asked.where(requests.c.done.is_(None)).order_by(requests.c.due)
    return [Request(*row) for row in connection.execute(asked)]


def pressing_first(connection: Connection, now: datetime, limit: int) -> list[Request]:
    """Open ones: what is overdue, then the rest, the oldest of each first."""
    is_late = (requests.c.due < Moment(now, 0).text).desc()
    asked = select(*_shown()).where(requests.c.done.is_(None)).order_by(is_late, requests.c.taken)
    return [Request(*row) for row in connection.execute(asked.limit(limit))]


def how_many_open(connection: Connection, untouching: Sequence[str]) -> tuple[int, int]:
    """How many there are, and about how many nothing was done but acts such as these."""
    touch = (acts.c.request == requests.c.request, acts.c.act.not_in(untouching))
    is_new = ~select(acts.c.id).where(*touch).exists()
    asked = select(func.count(), func.count().filter(is_new)).where(requests.c.done.is_(None))
    found, untouched = connection.execute(asked).one()
    return found, untouched


def open_by_owner(connection: Connection) -> dict[str, int]:
    """How many open ones everybody has who has any."""
    theirs = (requests.c.done.is_(None), requests.c.owner.is_not(None))
    asked = select(requests.c.owner, func.count().label("number")).where(*theirs)
    found = connection.execute(asked.group_by(requests.c.owner))
    return {row.owner: row.number for row in found}


def history(connection: Connection, request: str) -> list[History]:
    """What happened to it, in order."""
    columns = (acts.c.at, acts.c.act, acts.c.by, acts.c.detail, acts.c.note.is_not(None))
    asked = select(*columns).where(acts.c.request == request).order_by(acts.c.id)
    return [History(*row) for row in connection.execute(asked)]


def recordings(connection: Connection, request: str) -> list[Spoken]:
    """Its spoken answers."""
    asked = (
        select(
            spoken.c.question,
            spoken.c.message,
            messages.c.mailbox,
            messages.c.seconds,
            messages.c.deleted.is_not(None),
        )
        .join(messages, messages.c.message == spoken.c.message)
        .where(spoken.c.request == request)
    )
    return [Spoken(*row) for row in connection.execute(asked)]


def opened(connection: Connection, request: str, key: MachineKey) -> Opened:
    """What is sealed of it."""
    asked = select(requests, calls.c.number).join(
        calls, calls.c.call == requests.c.call, isouter=True
    )
    row = connection.execute(asked.where(requests.c.request == request)).one()
    noted = select(acts.c.at, acts.c.by, acts.c.note).where(
        acts.c.request == request, acts.c.note.is_not(None)
    )
    return Opened(
        key.open(row.patient, f"requests.patient {request}") if row.patient else None,
        key.open(row.number, f"calls.number {row.call}") if row.number else "",
        json.loads(key.open(row.answers, f"requests.answers {request}")) if row.answers else {},
        tuple(
            (at, by, key.open(text, f"request_acts.note {request}"))
            for at, by, text in connection.execute(noted.order_by(acts.c.id))
        ),
    )


def standing(connection: Connection, day: datetime, after: datetime, now: datetime) -> Standing:
    """As it is now; today is from `day` to before `after`."""
    first, last, here = (Moment(at, 0).text for at in (day, after, now))
    is_open = requests.c.done.is_(None)
    due_today = (requests.c.due >= first) & (requests.c.due < last)
    done_today = (requests.c.done >= first) & (requests.c.done < last)
    parts = (is_open, is_open & (requests.c.due < here), is_open & due_today, done_today)
    counts: list[Any] = [func.count().filter(part) for part in parts]
    return Standing(*connection.execute(select(*counts)).one())


def on_time(connection: Connection, since: datetime, until: datetime, now: datetime) -> OnTime:
    """Of the requests due from `since` to before `until`: done in time, done late, or open and
    overdue now."""
    parts = (func.count().filter(_went(each, now)) for each in (IN_TIME, LATE, OVERDUE))
    counts: list[Any] = [func.count(), *parts]
    return OnTime(*connection.execute(select(*counts).where(*_due(since, until))).one())


# What can become of a request that was due.
IN_TIME, LATE, OVERDUE = "in time", "late", "overdue"


def calls_with(since: datetime, until: datetime, now: datetime, went: str = "") -> sa.Select[Any]:
    """The call of each request due then that went so; empty: however it went."""
    asked = select(requests.c.call).where(*_due(since, until))
    return asked.where(_went(went, now)) if went else asked


def _due(since: datetime, until: datetime) -> list[sa.ColumnElement[bool]]:
    return [requests.c.due >= Moment(since, 0).text, requests.c.due < Moment(until, 0).text]


def _went(how: str, now: datetime) -> sa.ColumnElement[bool]:
    if how == IN_TIME:
        return requests.c.done <= requests.c.due
    if how == LATE:
        return requests.c.done > requests.c.due
    return requests.c.done.is_(None) & (requests.c.due < Moment(now, 0).text)


def _shown() -> list[Any]:
    """The columns of a Request, in its order."""
    broke_off = acts.c.request == requests.c.request, acts.c.act == Act.BROKEN_OFF.value
    is_whole = ~select(acts.c.id).where(*broke_off).exists()
    return [*(requests.c[name] for name in Request.__slots__[:-1]), is_whole]


def _open_one(connection: Connection, request: str) -> Request:
    found = one(connection, request)
    if found.done is not None:
        raise UnfitActError(f"this request is {found.outcome}: reopen it first")
    return found


def _act(
    connection: Connection,
    request: str,
    act: Act,
    by: str,
    detail: str,
    moment: Moment,
    sealed: bytes | None = None,
) -> None:
    """Into the request's own history, and into its call's ledger."""
    connection.execute(
        acts.insert().values(
            request=request, at=moment.text, act=act.value, by=by, detail=detail, note=sealed
        )
    )
    call = one(connection, request).call
    said = " ".join(part for part in (f"{request} {act}", f"by {by}" if by else "") if part)
    add_step(connection, call, REQUEST, f"{said}: {detail}" if detail else said, moment)
