"""What people do about a message: it is new, heard or done, it is somebody's, it is noted on, it is
forwarded to another mailbox.

Each act names who does it, and only who can open the mailbox may; it stands in the ledger and in
the audit in the same commit as what it changes. Audio and notes are sealed: what happens to their
files and what is written in them is done by whoever holds the keys, before the act is told here.
The running exchange writes it, or the command itself where there is none.
"""

import asyncio
from base64 import b64decode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import structlog
from pydantic import Field
from sqlalchemy import Connection, func, select

from firmware import holds, people
from firmware.audit import Act, Audited
from firmware.control import ControlError, Door, NotRunningError, Strict, Topic, ask
from firmware.erasure import NOT_BY_HAND
from firmware.ledger import (
    Ledger,
    Moment,
    Noted,
    Row,
    calls,
    in_mailboxes,
    message_notes,
    messages,
)
from firmware.machine import MachineKey
from firmware.operations import Asker
from firmware.place import Place
from firmware.store import BehindError

MARKED = "message marked"  # the ledger's step of every act
NOTE_MOST = 2_000  # characters
SEALED_MOST = 16_000  # of a note: each character may have four bytes, in base64
PERSON = r"^[^\x00-\x1f\x7f]{1,64}$"
ID = r"^[0-9a-f-]{36}$"

log = structlog.get_logger(__name__)


class MessageActRequest(Strict):
    """Somebody does something about a message in one of its mailboxes. `to` is whose it becomes, or
    the mailbox to which it has been made out."""

    ask: Literal["message_act"] = "message_act"
    message: str = Field(pattern=ID)
    mailbox: str = Field(max_length=64)
    who: str = Field(pattern=PERSON)
    act: Literal["new", "heard", "done", "own", "note", "forward", "take out"]
    to: str = Field(default="", max_length=64)
    note: str = Field(default="", pattern=r"^([0-9a-f-]{36})?$")
    sealed: str = Field(default="", max_length=SEALED_MOST, repr=False)


class MessageActReply(Strict):
    """It is durable."""


MESSAGE_ACT = Topic(MessageActRequest, MessageActReply)


class UnfitActError(Exception):
    """This cannot be done about this message; the message says why."""


@dataclass(frozen=True, slots=True)
class Done:
    """Something that somebody did about a message."""

    request: MessageActRequest = field(repr=False)
    moment: Moment

    def record(self, connection: Connection, _key: MachineKey) -> Sequence[Noted]:
        request = self.request
        asked = (
            select(messages.c.call)
            .join(in_mailboxes, in_mailboxes.c.message == messages.c.message)
            .where(*_here(request), messages.c.deleted.is_(None))
        )
        call = connection.scalar(asked)
        if call is None:
            raise UnfitActError("this mailbox holds no such message any more")
        told = self._change(connection)
        detail = f"{request.message} in {request.mailbox}: {told}, by {request.who}"
        return [Noted(call, MARKED, detail, self.moment)]

    def _change(self, connection: Connection) -> str:
        request, now = self.request, self.moment.text
        match request.act:
            case "new":
                _set(connection, request, heard=None, done=None)
            case "heard":
                heard = func.coalesce(in_mailboxes.c.heard, now)
                _set(connection, request, heard=heard, done=None)
            case "done":
                heard = func.coalesce(in_mailboxes.c.heard, now)
                _set(connection, request, heard=heard, done=now)
            case "own":
                _set(connection, request, owner=request.to or None)
                return f"{request.to or 'nobody'} has it"
            case "note":
                self._note(connection)
                return "noted on"
            case "forward":
                self._forward(connection)
                return f"forwarded to {request.to}"
            case "take out":
                others = in_mailboxes.c.mailbox != request.mailbox
                mine = in_mailboxes.c.message == request.message
                if connection.scalar(select(in_mailboxes.c.mailbox).where(mine, others)) is None:
                    raise UnfitActError("it lies in no other mailbox any more: delete it instead")
                held = select(messages.c.message).where(
                    messages.c.message == request.message, holds.message_is_held()
                )
                if connection.scalar(held) is not None:
                    raise UnfitActError("this message is on legal hold and stays where it is")
                connection.execute(in_mailboxes.delete().where(*_here(request)))
                return "taken out"
        return request.act

    def _note(self, connection: Connection) -> None:
        row = {"note": self.request.note, "message": self.request.message, "by": self.request.who}
        sealed = b64decode(self.request.sealed)
        connection.execute(
            message_notes.insert().values(row | {"at": self.moment.text, "sealed": sealed})
        )

    def _forward(self, connection: Connection) -> None:
        """To whom it is sent it is new, also where it lay there before."""
        there = in_mailboxes.c.message == self.request.message
        connection.execute(
            in_mailboxes.delete().where(there, in_mailboxes.c.mailbox == self.request.to)
        )
        connection.execute(
            in_mailboxes.insert().values(
                message=self.request.message, mailbox=self.request.to, sent_by=self.request.who
            )
        )


@dataclass(frozen=True, slots=True)
class Note:
    """Something that somebody wrote about a message, still sealed."""

    note: str
    at: str
    by: str
    sealed: bytes = field(repr=False)


def notes_on(connection: Connection, message: str) -> list[Note]:
    """The oldest first."""
    row = (message_notes.c[name] for name in Note.__slots__)
    asked = select(*row).where(message_notes.c.message == message)
    return [Note(*each) for each in connection.execute(asked.order_by(message_notes.c.at))]


def mailboxes_of(connection: Connection, message: str) -> set[str]:
    """Where it lies; nowhere, once its deletion is decided."""
    asked = (
        select(in_mailboxes.c.mailbox)
        .join(messages, messages.c.message == in_mailboxes.c.message)
        .where(in_mailboxes.c.message == message, messages.c.deleted.is_(None))
    )
    return set(connection.scalars(asked))


def number_of(connection: Connection, call: str, key: MachineKey) -> str:
    """The caller's, as the network showed it; empty if it showed none."""
    sealed = connection.scalar(select(calls.c.number).where(calls.c.call == call))
    return "" if sealed is None else key.open(sealed, f"calls.number {call}")


# ---- by whom it is written ----


def answer_at(
    door: Door,
    page_db: Path,
    write: Callable[[Sequence[Row]], Awaitable[None]],
    came: Callable[[str], None],
    may_delete: Callable[[], bool],
) -> None:
    """The exchange's side; `write` returns when all rows are durable, `came` hears into which
    mailbox something has come, and `may_delete` tells whether the site lets people delete."""

    async def answer(request: MessageActRequest, asker: Asker) -> MessageActReply:
        _refuse_where_nobody_deletes(request, may_delete)
        await act(request.model_copy(update={"who": asker.name}), page_db, write)
        if request.act == "forward":
            came(request.to)
        return MessageActReply()

    door.answer_to(MESSAGE_ACT, answer)


def _by_nobody() -> bool:
    return False


def do(
    place: Place,
    request: MessageActRequest,
    session: str = "",
    may_delete: Callable[[], bool] = _by_nobody,
) -> None:
    """Have it done by who is signed in. Where no exchange runs, `may_delete` tells whether the site
    lets people delete. ControlError: it is not done, and the words say why."""
    try:
        ask(place.control_socket, MESSAGE_ACT, request, session=session)
    except NotRunningError:
        _refuse_where_nobody_deletes(request, may_delete)
        ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))
        try:
            asyncio.run(act(request, place.page_db, ledger.write))
        finally:
            ledger.close()


async def act(
    request: MessageActRequest, page_db: Path, write: Callable[[Sequence[Row]], Awaitable[None]]
) -> None:
    """Written once all of it is durable. ControlError: nothing was changed, and why."""
    moment = Moment.now()
    members = await asyncio.to_thread(people.members_of, page_db, request.mailbox)
    if request.who not in members:
        about = f"{request.act} in {request.mailbox}"
        await write([Audited(request.who, Act.REFUSED, about, moment)])
        raise ControlError(
            f"{request.who} cannot open the mailbox {request.mailbox!r}",
            "ask one of its members",
        )
    await _refuse_nonsense(request, page_db, members)
    try:
        await write([Done(request, moment), _entry(request, moment)])
    except UnfitActError as unfit:
        raise ControlError(str(unfit), "see `careline messages list`") from unfit
    except BehindError:
        log.warning("a message is marked, though the ledger's log is behind")


def _refuse_where_nobody_deletes(
    request: MessageActRequest, may_delete: Callable[[], bool]
) -> None:
    """What is taken out of a mailbox is gone for all who had it there, as if it were deleted."""
    if request.act == "take out" and not may_delete():
        raise ControlError("nothing was deleted", NOT_BY_HAND)


async def _refuse_nonsense(request: MessageActRequest, page_db: Path, members: set[str]) -> None:
    if request.act == "own" and request.to and request.to not in members:
        raise ControlError(
            f"{request.to} cannot open the mailbox {request.mailbox!r}",
            f"name one of {', '.join(sorted(members))}, or forward the message",
        )
    if request.act == "forward":
        missing = await asyncio.to_thread(people.without_keys, page_db, [request.to])
        if missing or request.to == request.mailbox:
            raise ControlError(
                f"nothing can be forwarded to {request.to!r}", "name another mailbox of the site"
            )
    if request.act == "note" and not (request.note and request.sealed):
        raise ControlError("a note without words", "write something")


def _entry(request: MessageActRequest, moment: Moment) -> Audited:
    match request.act:
        case "note":
            return Audited(request.who, Act.NOTED, request.message, moment)
        case _:
            about = f"{request.message} in {request.mailbox}: {request.act} {request.to}".rstrip()
            return Audited(request.who, Act.MARKED, about, moment)


def _here(request: MessageActRequest) -> tuple[Any, ...]:
    return (
        in_mailboxes.c.message == request.message,
        in_mailboxes.c.mailbox == request.mailbox,
    )


def _set(connection: Connection, request: MessageActRequest, **values: Any) -> None:
    connection.execute(in_mailboxes.update().where(*_here(request)).values(values))
