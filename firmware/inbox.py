"""What waits for somebody of the clinic: messages of their mailboxes and requests, in one order.

Pressing ones first (an urgent message, a request that is overdue), then by age. Nothing here is
opened: a caller's number, name and words are not even read. A spoken answer of an open request is
heard in its request, and is no item of its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select

from firmware import requests
from firmware.ledger import Message, Moment, held_in, in_mailboxes, messages
from firmware.requests import Act, Request

_BY_CALLER = (Act.LEFT.value, Act.BROKEN_OFF.value)  # what nobody of the clinic did


@dataclass(frozen=True, slots=True)
class Item:
    """One of them."""

    it: Message | Request
    since: str
    is_new: bool  # nobody has heard it, nor opened or taken it
    is_pressing: bool


def waiting(
    connection: Connection, mailboxes: Collection[str], now: datetime, most: int
) -> list[Item]:
    """What is not done yet, of both kinds together the first so many."""
    left = _left(mailboxes).order_by(
        messages.c.urgent.desc(), messages.c.started, in_mailboxes.c.mailbox
    )
    open_ = requests.pressing_first(connection, now, most)
    found = [
        *(_message(Message(*row)) for row in connection.execute(left.limit(most))),
        *_requests(connection, open_, Moment(now, 0).text),
    ]
    return sorted(found, key=lambda item: (not item.is_pressing, item.since))[:most]


def how_many_wait(connection: Connection, mailboxes: Collection[str]) -> tuple[int, int]:
    """Of all that is not done yet: how much, and how much of it is new."""
    rows = _left(mailboxes).with_only_columns(
        func.count(), func.count().filter(in_mailboxes.c.heard.is_(None))
    )
    left, unheard = connection.execute(rows).one()
    asked, untouched = requests.how_many_open(connection, _BY_CALLER)
    return left + asked, unheard + untouched


def left_in_each(connection: Connection) -> Mapping[str, int]:
    """Of each mailbox how many messages are not done."""
    named = connection.execute(select(in_mailboxes.c.mailbox).distinct()).scalars().all()
    lies = _left(named).subquery()
    asked = select(lies.c.mailbox, func.count().label("left")).group_by(lies.c.mailbox)
    return {row.mailbox: row.left for row in connection.execute(asked)}


def _left(mailboxes: Collection[str]) -> Select[Any]:
    is_answer = exists().where(
        requests.spoken.c.message == messages.c.message,
        requests.spoken.c.request == requests.requests.c.request,
        requests.requests.c.done.is_(None),
    )
    return held_in(mailboxes).where(in_mailboxes.c.done.is_(None), ~is_answer)


@dataclass(frozen=True, slots=True)
class Held:
    """How many messages lie in a mailbox, and how many of them are not done."""

    mailbox: str
    messages: int
    waiting: int


def held(connection: Connection, mailboxes: Collection[str]) -> list[Held]:
    """Each of these mailboxes that holds anything, by name."""
    lies = held_in(mailboxes).subquery()
    waits = func.count().filter(lies.c.done.is_(None))
    asked = select(lies.c.mailbox, func.count(), waits).group_by(lies.c.mailbox)
    return [Held(*row) for row in connection.execute(asked.order_by(lies.c.mailbox))]


def done(connection: Connection, mailboxes: Collection[str], most: int) -> list[Item]:
    """What is done, the newest first, so many at most."""
    ended = (
        held_in(mailboxes)
        .where(in_mailboxes.c.done.is_not(None))
        .order_by(in_mailboxes.c.done.desc())
    )
    closed = requests.listed(connection, closed=True, limit=most)
    found = [
        *(_message(Message(*row)) for row in connection.execute(ended.limit(most))),
        *(Item(each, each.taken, is_new=False, is_pressing=False) for each in closed),
    ]
    return sorted(found, key=lambda item: item.it.done or "", reverse=True)[:most]


def one_message(connection: Connection, message: str, mailbox: str) -> Message | None:
    """As it lies in this mailbox, if it does."""
    row = connection.execute(
        held_in([mailbox]).where(in_mailboxes.c.message == message)
    ).one_or_none()
    return Message(*row) if row else None


def _message(one: Message) -> Item:
    return Item(one, one.started, one.heard is None, one.urgent)


def _requests(connection: Connection, found: list[Request], now: str) -> list[Item]:
    touched = _touched(connection, [each.request for each in found])
    return [Item(each, each.taken, each.request not in touched, each.due < now) for each in found]


def _touched(connection: Connection, named: list[str]) -> set[Any]:
    """Those of them about which somebody has done something."""
    acts = requests.acts
    asked = select(acts.c.request).where(acts.c.request.in_(named), acts.c.act.not_in(_BY_CALLER))
    return set(connection.scalars(asked))
