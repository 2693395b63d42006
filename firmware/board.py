"""The board: how the clinic stands at this moment, as its exchange alone knows it. Nobody's number
or name is on it: a caller who waits is an urgency and a time, and one for whom a telephone rings a
call's id, by which whoever may read who it is finds it."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, cast

from firmware.control import Door, Strict, Topic
from ivr.exchange import Exchange
from ivr.hours import Answer
from ivr.offering import Ringing


class BoardRequest(Strict):
    """Who waits, and is the clinic open?"""

    ask: Literal["board"] = "board"


class WaitingLine(Strict):
    """Somebody in a queue; `rings` is said while a phone rings for them. The most urgent wait for
    the longest is first."""

    queue: str
    urgency: Literal["emergency", "urgent", "soon", "routine"]
    waits_s: float
    rings: bool


class CallingLine(Strict):
    """A caller for whom these telephones ring, or who talks with one of them."""

    call: str
    phones: tuple[str, ...]
    talks: bool


class HoursLine(Strict):
    """A schedule: how it stands, why (a word of ivr/hours.py's `Kind`), and until when if that is
    known."""

    hours: str
    is_open: bool
    why: str
    until: str | None


class BoardReply(Strict):
    waiting: tuple[WaitingLine, ...]
    hours: tuple[HoursLine, ...]
    calling: tuple[CallingLine, ...] = ()


BOARD = Topic(BoardRequest, BoardReply)


def answer_at(door: Door, exchange: Exchange, hours: Callable[[], Mapping[str, Answer]]) -> None:
    """From now on the board may be asked for."""

    async def told(_request: BoardRequest) -> BoardReply:
        return board_of(exchange, hours(), time.monotonic())

    door.answer(BOARD, told)


def board_of(exchange: Exchange, hours: Mapping[str, Answer], now: float) -> BoardReply:
    """How it stands at this moment."""
    return BoardReply(
        waiting=tuple(_waiting(exchange, now)),
        hours=tuple(_hours(name, given) for name, given in hours.items()),
        calling=tuple(_calling(exchange)),
    )


def _waiting(exchange: Exchange, now: float) -> Iterator[WaitingLine]:
    rung = {offer.call for offer in exchange.offers.values()}
    waiting = exchange.waiting().items()
    for call, waits in sorted(waiting, key=lambda each: (each[1].deadline(), each[1].since)):
        if call not in exchange.calls:
            continue  # a call-back's place: nobody holds the line
        urgency = waits.urgency_in(waits.queues[waits.first]).name.lower()
        yield WaitingLine(
            queue=waits.first,
            urgency=cast(Literal["emergency", "urgent", "soon", "routine"], urgency),
            waits_s=round(max(now - waits.since, 0.0), 1),
            rings=call in rung,
        )


def _calling(exchange: Exchange) -> Iterator[CallingLine]:
    """Whom somebody greets, or is about to."""
    rung: dict[str, list[str]] = {}
    for offer in exchange.offers.values():
        if offer.state is Ringing.OPEN and offer.call in exchange.calls:
            rung.setdefault(offer.call, []).append(offer.extension)
    for call, phones in rung.items():
        yield CallingLine(call=call, phones=tuple(sorted(phones)), talks=False)
    for agent in exchange.agents.values():
        if agent.talks_to is not None:
            yield CallingLine(call=agent.talks_to, phones=(agent.extension,), talks=True)


def rung(exchange: Exchange) -> set[str]:
    """The telephones that ring for a caller."""
    return {
        offer.extension
        for offer in exchange.offers.values()
        if offer.state is Ringing.OPEN and offer.call in exchange.calls
    }


def _hours(name: str, given: Answer) -> HoursLine:
    until = given.until.isoformat(timespec="minutes") if given.until else None
    return HoursLine(
        hours=name, is_open=given.is_open, why=given.why.kind.name.lower(), until=until
    )
