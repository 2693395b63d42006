"""The running exchange's desk for requests: what callers leave is made durable before they are
told, and what staff does about it before the command says so."""

import asyncio
import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from firmware import outgoing, people, requests, sent_texts
from firmware import request_topics as topics
from firmware.audit import Act, Audited
from firmware.control import ControlError, Door
from firmware.ledger import Moment, add_step
from firmware.machine import MachineKey
from firmware.notify import Notice
from firmware.operations import ROLES, Asker, Operation
from firmware.requests import History, Left, Request, UnfitActError
from firmware.sent_texts import State
from firmware.store import Store, StoreError, open_reader
from ivr import commands, events

T = TypeVar("T")
TEXT_MOST = 300  # characters: two parts or three, with the clinic's name
TEXTED = "[texted] "  # what a note begins with that went out
NUMBER = re.compile(r"\+?[0-9]{7,15}")  # ITU-T E.164


def who_may_have_one(page_db: Path) -> list[str]:
    """Who sees to requests here, and has a password."""
    return [
        each.name
        for each in people.everybody(page_db)
        if each.role in ROLES[Operation.SETTLE] and each.invited_until is None
    ]


log = structlog.get_logger(__name__)


def _act_line(act: History, text: tuple[str, State, str] | None) -> topics.ActLine:
    line = topics.ActLine(
        at=act.at, act=act.act, by=act.by, detail=act.detail, has_note=act.has_note
    )
    if text is None:
        return line
    name, state, why = text
    return line.model_copy(update={"text": topics.TextNow(text=name, state=state, why=why)})


class Texts(Protocol):
    """The way out for what staff writes to a caller."""

    def why_not(self, number: str) -> str:
        """Why none may go to it now; empty: one may. It reads the store."""

    def made(self, request: str, number: str, text: str, moment: Moment) -> Notice:
        """As it will be sent."""

    def queue(self, connection: Connection, notice: Notice) -> None:
        """In the commit of the note that tells of it."""

    def send(self, notice: Notice) -> None:
        """What is queued goes, after a while in which it can be taken back."""

    def take_back(self, text: str) -> bool:
        """It does not go; false: it went, or is on its way."""


def _named(letters: str, connection: Connection) -> Request:
    """The one whose id begins so. ControlError."""
    found = requests.beginning(connection, letters)
    if len(found) != 1:
        why = f"{len(found)} requests begin so" if found else "there is no such request"
        raise ControlError(why, "see `careline requests`, and give more letters")
    return found[0]


class RequestDesk:
    """Keeps requests, and answers the topics about them."""

    def __init__(
        self,
        store: Store,
        key: MachineKey,
        tell: Callable[[events.Event], None],
        zone: Callable[[], ZoneInfo],
        now: Callable[[], Moment] = Moment.now,
        may_have: Callable[[], Collection[str]] = tuple,
        texts: Texts | None = None,
    ) -> None:
        """`may_have` tells who can be given one; without `texts` none go out."""
        self._may_have, self._texts = may_have, texts
        self._store, self._key, self._tell = store, key, tell
        self._zone, self._now = zone, now

    def open(self, door: Door) -> None:
        """From now on requests may be asked for."""
        door.answer(topics.REQUESTS, self._list)
        door.answer(topics.REQUEST, self._show)
        door.answer_to(topics.REQUEST_ACT, self._act)

    async def keep(self, order: commands.KeepRequest) -> None:
        """The row first, then the fact on which the caller is told."""
        left = Left(
            str(uuid4()),
            order.call,
            order.kind,
            order.due,
            order.owner,
            order.answers,
            order.patient,
            self._now(),
            order.is_whole,
        )
        try:
            await self._store.written(partial(requests.record, left=left, key=self._key))
        except (StoreError, SQLAlchemyError) as refused:
            log.warning("a request is not kept: its caller goes to a person", why=str(refused))
            self._tell(events.RequestFailed(order.call, order.tag))
        else:
            self._tell(events.RequestKept(order.call, order.tag))

    async def _list(self, request: topics.RequestsRequest) -> topics.RequestsReply:
        return await asyncio.to_thread(self._read, partial(self._listed, request))

    def _listed(
        self, request: topics.RequestsRequest, connection: Connection
    ) -> topics.RequestsReply:
        now = self._now()
        local = now.at.astimezone(self._zone())
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        tomorrow = midnight + timedelta(days=1)
        shown = requests.listed(connection, closed=request.done, limit=request.limit)
        standing = requests.standing(connection, midnight, tomorrow, now.at)
        return topics.RequestsReply(
            requests=tuple(self._line(each, now) for each in shown),
            open=standing.open,
            overdue=standing.overdue,
            due_today=standing.due_today,
            done_today=standing.done_today,
            owners=requests.open_by_owner(connection),
        )

    async def _show(self, request: topics.RequestRequest) -> topics.RequestReply:
        return await asyncio.to_thread(self._read, partial(self._shown, request.request))

    def _shown(self, letters: str, connection: Connection) -> topics.RequestReply:
        now = self._now()
        found = requests.beginning(connection, letters)
        if len(found) != 1:
            return topics.RequestReply(requests=tuple(self._line(each, now) for each in found))
        (one,) = found
        texts = sent_texts.of(connection, one.request)
        return topics.RequestReply(
            requests=(self._line(one, now),),
            history=tuple(
                _act_line(each, texts.get(each.at) if each.has_note else None)
                for each in requests.history(connection, one.request)
            ),
            recordings=tuple(
                topics.SpokenLine(
                    question=each.question,
                    message=each.message,
                    mailbox=each.mailbox,
                    seconds=each.seconds,
                    is_deleted=each.is_deleted,
                )
                for each in requests.recordings(connection, one.request)
            ),
        )

    async def _act(self, wish: topics.ActRequest, asker: Asker) -> topics.RequestReply:
        if wish.act == "give" and wish.to:
            await self._refuse_a_stranger(wish.to)
        moment = self._now()
        text = await self._to_text(wish, moment) if wish.act == "text" else None
        if wish.act == "take back":
            wish = await self._taken_back(wish)
        try:
            done = partial(self._done, wish, asker.name, moment, text)
            request = await self._store.written(done)
        except UnfitActError as unfit:
            raise ControlError("nothing was changed", str(unfit)) from unfit
        except StoreError as refused:
            raise ControlError(f"not done: {refused}", "make room on the disk") from refused
        if text is not None and self._texts is not None:
            self._texts.send(text)
        return await asyncio.to_thread(self._read, partial(self._shown, request))

    async def _taken_back(self, wish: topics.ActRequest) -> topics.ActRequest:
        """The same of the text that does not go. ControlError: it is too late for that."""
        request = await asyncio.to_thread(self._read, partial(_named, wish.request))
        ours = await asyncio.to_thread(
            self._read, lambda open_: sent_texts.of(open_, request.request)
        )
        queued = [ours[at][0] for at in sorted(ours) if ours[at][1] is State.QUEUED]
        text = wish.text or (queued[-1] if queued else "")
        if text not in queued or self._texts is None or not self._texts.take_back(text):
            raise ControlError("nothing was taken back: it went, or is on its way", "call them")
        return wish.model_copy(update={"text": text})

    async def _to_text(self, wish: topics.ActRequest, moment: Moment) -> Notice:
        """As it goes. ControlError: none does."""
        if not wish.note or len(wish.note) > TEXT_MOST:
            raise ControlError("no text went out", f"write up to {TEXT_MOST} characters")
        request = await asyncio.to_thread(self._read, partial(_named, wish.request))
        opened = await asyncio.to_thread(
            self._read, lambda c: requests.opened(c, request.request, self._key)
        )
        left = opened.answers.get("number", "")
        number = left if NUMBER.fullmatch(left) else opened.number
        if not number:
            raise ControlError("no text went out: the caller left no number", "call them, or write")
        why = "no texts go out here" if self._texts is None else ""
        if self._texts is not None:
            why = await asyncio.to_thread(self._texts.why_not, number)
        if why:
            raise ControlError(f"no text went out: {why}", "call them instead")
        assert self._texts is not None
        return self._texts.made(request.request, number, wish.note, moment)

    async def _refuse_a_stranger(self, to: str) -> None:
        names = await asyncio.to_thread(self._may_have)
        if to not in names:
            raise ControlError(
                f"{to} sees to no requests", f"name one of {', '.join(sorted(names)) or 'nobody'}"
            )

    def _done(
        self,
        wish: topics.ActRequest,
        by: str,
        moment: Moment,
        text: Notice | None,
        connection: Connection,
    ) -> str:
        request = _named(wish.request, connection).request
        match wish.act:
            case "take":
                requests.take(connection, request, by, moment)
            case "give":
                requests.give(connection, request, by, wish.to, moment)
                about = f"request {request} to {wish.to or 'nobody'}"
                for entered in Audited(by, Act.GAVE, about, moment).record(connection, self._key):
                    add_step(connection, entered.call, entered.step, entered.detail, entered.moment)
            case "done":
                requests.done(connection, request, by, wish.outcome, moment)
            case "reopen":
                requests.reopen(connection, request, by, moment)
            case "open":
                requests.open_by(connection, request, by, moment)
            case "text":
                if text is not None and self._texts is not None:
                    self._texts.queue(connection, text)
                self._enter(connection, by, Act.TEXTED, request, moment)
            case "take back":
                outgoing.take_back(connection, wish.text)
                self._enter(connection, by, Act.TOOK_BACK, request, moment)
            case "note":
                pass
        if wish.note:
            note = f"{TEXTED}{wish.note}" if wish.act == "text" else wish.note
            requests.note(connection, request, by, note, moment, self._key)
        return request

    def _enter(
        self, connection: Connection, by: str, act: Act, request: str, moment: Moment
    ) -> None:
        for entered in Audited(by, act, f"request {request}", moment).record(connection, self._key):
            add_step(connection, entered.call, entered.step, entered.detail, entered.moment)

    def _read(self, query: Callable[[Connection], T]) -> T:
        reader = open_reader(self._store.path)
        try:
            with reader.connect() as connection:
                return query(connection)
        finally:
            reader.dispose()

    def _line(self, one: Request, now: Moment) -> topics.RequestLine:
        left_s = (datetime.fromisoformat(one.due) - now.at.astimezone(UTC)).total_seconds()
        return topics.RequestLine(
            request=one.request,
            call=one.call,
            kind=one.kind,
            taken=one.taken,
            due=one.due,
            owner=one.owner,
            done=one.done,
            outcome=one.outcome,
            overdue=one.done is None and left_s < 0,
            left_min=round(left_s / 60),
            in_time=None if one.done is None else one.done <= one.due,
            whole=one.is_whole,
        )
