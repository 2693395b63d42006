"""Legal holds: what must not be deleted, by age or by hand, until somebody releases it.

A hold names a call, a message, a mailbox, a person of the clinic or a caller, and stands for all
that hangs on it: a call's messages and request, a mailbox's messages, the mailboxes that the person
was a member of that day and the requests they own, every call from the caller's number. Why it is
held is sealed, for it may name a patient. A hold is never deleted, only released, and both are in
the audit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, and_, column, func, or_, select, table

from firmware.ledger import Moment, calls, in_mailboxes, messages
from firmware.machine import MachineKey
from firmware.requests import requests, spoken

WHY_MOST = 2_000

holds = table(
    "holds",
    *(column(name, sa.Text) for name in ("hold", "at", "by", "kind", "target")),
    column("why", sa.LargeBinary),
    column("released", sa.Text),
    column("released_by", sa.Text),
)
targets = table("hold_targets", *(column(name, sa.Text) for name in ("hold", "kind", "target")))


class Kind(StrEnum):
    """What can be held."""

    CALL = "call"
    MESSAGE = "message"
    MAILBOX = "mailbox"
    PERSON = "person"
    CALLER = "caller"


# How a row of `hold_targets` says that all requests of an owner are held.
OWNER = "owner"


class HeldError(Exception):
    """Something must not be deleted; the message says why, and who may see to it."""


class UnknownTargetError(Exception):
    """There is no such thing to hold, or no such hold; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One that stands. Why, only `why_of` tells."""

    hold: str
    at: str
    by: str
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants held. `members` says which mailboxes a person of the clinic opens."""

    by: str
    kind: Kind
    target: str
    why: str = field(repr=False)
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)


def place(connection: Connection, wish: Wish, key: MachineKey, moment: Moment) -> Hold:
    """Hold it from now on; it can be named by the beginning of its id."""
    named, held = _resolved(connection, wish)
    hold = Hold(str(uuid4()), moment.text, wish.by, wish.kind.value, named)
    sealed = key.seal(wish.why[:WHY_MOST], _where(hold.hold))
    connection.execute(
        holds.insert().values(
            hold=hold.hold, at=hold.at, by=hold.by, kind=hold.kind, target=named, why=sealed
        )
    )
    rows = [{"hold": hold.hold, "kind": kind, "target": target} for kind, target in held]
    connection.execute(targets.insert(), rows)
    return hold


def release(connection: Connection, beginning: str, by: str, moment: Moment) -> Hold:
    """What was held is kept as long as its class says, and no longer."""
    found = [each for each in standing(connection) if each.hold.startswith(beginning)]
    if len(found) != 1:
        why = f"{len(found)} holds begin so" if found else "no hold that stands begins so"
        raise UnknownTargetError(f"{why}: see `careline holds`")
    connection.execute(
        holds.update()
        .where(holds.c.hold == found[0].hold)
        .values(released=moment.text, released_by=by)
    )
    return found[0]


def standing(connection: Connection) -> list[Hold]:
    """The oldest first."""
    columns = (holds.c.hold, holds.c.at, holds.c.by, holds.c.kind, holds.c.target)
    asked = select(*columns).where(holds.c.released.is_(None)).order_by(holds.c.at, holds.c.hold)
    return [Hold(*row) for row in connection.execute(asked)]


def why_of(connection: Connection, hold: str, key: MachineKey) -> str:
    """The reason, for an admin."""
    sealed = connection.scalar(select(holds.c.why).where(holds.c.hold == hold))
    return key.open(sealed, _where(hold)) if sealed is not None else ""


# ---- what is held, as conditions on rows ----


def message_is_held() -> ColumnElement[bool]:
    """Of a row of `messages`."""
    return or_(
        _held(Kind.MESSAGE, messages.c.message),
        _held(Kind.MAILBOX, messages.c.mailbox),
        _lies_in_held_mailbox(),
        call_is_held(messages.c.call),
        _its_request_is_held(),
    )


def request_is_held() -> ColumnElement[bool]:
    """Of a row of `requests`: a spoken answer that is held holds all of it."""
    answer = and_(spoken.c.request == requests.c.request, messages.c.message == spoken.c.message)
    spoken_is_held = select(messages.c.message).where(
        answer,
        or_(
            _held(Kind.MESSAGE, messages.c.message),
            _held(Kind.MAILBOX, messages.c.mailbox),
        ),
    )
    return or_(
        call_is_held(requests.c.call), _held(OWNER, requests.c.owner), spoken_is_held.exists()
    )


def call_is_held(call: ColumnElement[Any]) -> ColumnElement[bool]:
    """Of a call's id, wherever it stands."""
    caller = calls.alias("held_call")
    number = select(func.hex(caller.c.number_hash)).where(caller.c.call == call).scalar_subquery()
    return or_(_held(Kind.CALL, call), _held(Kind.CALLER, number))


def _lies_in_held_mailbox() -> ColumnElement[bool]:
    """Of a message that was forwarded."""
    here = in_mailboxes.c.message == messages.c.message
    held = _held(Kind.MAILBOX, in_mailboxes.c.mailbox)
    return select(in_mailboxes.c.message).where(here, held).exists()


def _its_request_is_held() -> ColumnElement[bool]:
    """Of a spoken answer: whose request is held by its owner."""
    asked = requests.alias("its_request")
    answers = spoken.alias("its_answer")
    return (
        select(asked.c.request)
        .where(
            answers.c.message == messages.c.message,
            asked.c.request == answers.c.request,
            _held(OWNER, asked.c.owner),
        )
        .exists()
    )


def _held(kind: str, what: ColumnElement[Any]) -> ColumnElement[bool]:
    target, hold = targets.alias(), holds.alias()
    return (
        select(target.c.hold)
        .where(
            hold.c.hold == target.c.hold,
            hold.c.released.is_(None),
            target.c.kind == str(kind),
            target.c.target == what,
        )
        .exists()
    )


# ---- what is meant ----


def _resolved(connection: Connection, wish: Wish) -> tuple[str, list[tuple[str, str]]]:
    """How it is called in full, and the rows that stand for it."""
    match wish.kind:
        case Kind.CALL:
            call = _one(connection, calls.c.call, wish.target, "call", "careline calls")
            return call, [(Kind.CALL, call)]
        case Kind.CALLER:
            call = _one(connection, calls.c.call, wish.target, "call", "careline calls")
            asked = select(calls.c.number_hash).where(calls.c.call == call)
            if (hashed := connection.scalar(asked)) is None:
                raise UnknownTargetError(
                    "no number is known of this call's caller: hold the call itself"
                )
            return call, [(Kind.CALLER, hashed.hex().upper()), (Kind.CALL, call)]
        case Kind.MESSAGE:
            message = _one(
                connection, messages.c.message, wish.target, "message", "careline messages list"
            )
            return message, [(Kind.MESSAGE, message)]
        case Kind.MAILBOX:
            _must_be(wish.target, [*wish.members, *_mailboxes(connection)], "mailbox")
            return wish.target, [(Kind.MAILBOX, wish.target)]
        case Kind.PERSON:
            everybody = {name for members in wish.members.values() for name in members}
            _must_be(wish.target, sorted(everybody), "member of a mailbox")
            boxes = [box for box, members in wish.members.items() if wish.target in members]
            return wish.target, [(OWNER, wish.target), *((Kind.MAILBOX, box) for box in boxes)]


def _one(
    connection: Connection, id_: ColumnElement[Any], beginning: str, what: str, command: str
) -> str:
    asked = select(id_).where(id_.startswith(beginning, autoescape=True)).limit(2)
    found: list[str] = list(connection.scalars(asked))
    if len(found) != 1:
        why = f"more than one {what} begins so" if found else f"no {what} begins so"
        raise UnknownTargetError(f"{why}: see `{command}`, and give more letters")
    return found[0]


def _mailboxes(connection: Connection) -> list[str]:
    """Also those that the site has no more, but whose messages are there."""
    return list(connection.scalars(select(messages.c.mailbox).distinct()))


def _must_be(name: str, known: Iterable[str], what: str) -> None:
    if name not in known:
        raise UnknownTargetError(f"there is no such {what}: name one of the site file's")


def _where(hold: str) -> str:
    return f"holds.why {hold}"
