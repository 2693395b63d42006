"""Call-backs of one running exchange: promises made durable, found again after a restart, shown to
whoever asks at the control socket and withdrawn for them."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, assert_never

import structlog
from sqlalchemy import Connection

from firmware import tickets, topics
from firmware.backlog import Backlog
from firmware.control import ControlError, Door
from firmware.ledger import JOINED, Moment, Step
from firmware.machine import MachineKey
from firmware.store import StoreError, open_reader
from firmware.tickets import Closed, Opened, Tried
from ivr import events
from ivr.callbacks import calls_nobody
from ivr.commands import CloseTicket, KeepTicket, TryTicket
from ivr.exchange import Exchange
from ivr.ticket import End, Ticket

log = structlog.get_logger(__name__)

# So long the staff are shown what came to nothing.
SHOWN = timedelta(days=7)
Found = TypeVar("Found")
Order = KeepTicket | TryTicket | CloseTicket


class CallbackDesk:
    """What the call logic orders about tickets is done here, and what is known of them told."""

    def __init__(
        self,
        exchange: Exchange,
        backlog: Backlog,
        calls_db: Path,
        key: MachineKey,
        tell: Callable[[events.Event], None],
        start: Callable[[Coroutine[Any, Any, None]], object],
        confirm: Callable[[Ticket], None] = lambda _ticket: None,
    ) -> None:
        """`confirm` tells who asked for it that it is durable."""
        self._exchange, self._confirm = exchange, confirm
        self._backlog = backlog
        self._calls_db = calls_db
        self._key = key
        self._tell = tell
        self._start = start
        self._boot = tickets.boot_id()

    def answer_at(self, door: Door) -> None:
        door.answer(topics.CALLBACKS, self.listed)
        door.answer(topics.CANCEL_CALLBACK, self.cancel)

    def perform(self, order: Order) -> None:
        match order:
            case KeepTicket(ticket=ticket):
                self._start(self._keep(ticket))
            case TryTicket():
                self._start(self._try(order))
            case CloseTicket(ticket=name, end=end):
                self._backlog.put([Closed(name, end, Moment.now())])
            case _:
                assert_never(order)

    def promised(self) -> frozenset[str]:
        """Calls with a promise, whatever became of it."""
        return self._read(tickets.promised)

    def resume(self, talking: Collection[str]) -> None:
        """What an exchange before us left: who is in a talk with us has been called back, and all
        others are in line again. To be asked once it is known which legs live."""
        now = Moment.now()
        plan = self._exchange.plan
        again_s = {q.name: q.callbacks.again_s for q in plan.queues.values() if q.callbacks}
        left = self._read(
            lambda read: tickets.still_open(read, self._key, now, self._boot, again_s)
        )
        through = self._read(tickets.got_through)
        for ticket in left:
            if ticket.leg and ticket.leg in talking:
                self._kept(ticket, now)
            elif ticket.id in through:
                self._backlog.put([Closed(ticket.id, End.GOT_THROUGH, now)])
            else:
                self._tell(events.TicketOpened(ticket))
        without = sum(calls_nobody(plan, ticket.queue) for ticket in left)
        if without:
            log.warning("call-backs were promised by queues that make none now", count=without)

    def part(self) -> topics.Part:
        """For the status."""
        waiting, forsaken = len(self._exchange.tickets()), self._forsaken()
        if not forsaken:
            detail = f"{waiting} wait to be called back"
            return topics.Part(name="call-backs", state="well", detail=detail)
        return topics.Part(
            name="call-backs",
            state="alarm",
            detail=f"nobody calls {len(forsaken)} who were promised it: no callbacks in"
            f" {', '.join(sorted(set(forsaken)))}",
            cure="add callbacks to these queues and publish, or see to those whom"
            " `careline callbacks` lists",
        )

    def _forsaken(self) -> list[str]:
        """The queue of each who waits for a call-back that it would not make any more."""
        exchange = self._exchange
        queues = (ticket.queue for ticket in exchange.tickets().values())
        return [queue for queue in queues if calls_nobody(exchange.plan, queue)]

    def durable(self, steps: Sequence[Step]) -> None:
        """A talk may be with somebody who was to be called back; and what is closed, is closed."""
        if any(step.step == JOINED for step in steps) and self._exchange.tickets():
            self._start(self._close_those_who_got_through())
        for step in steps:
            if step.step == tickets.CLOSED:
                self._tell(events.TicketClosed(step.detail.partition(" ")[0]))

    # ---- durable ----

    async def _keep(self, ticket: Ticket) -> None:
        try:
            await self._backlog.promise(Opened(ticket, self._boot, Moment.now()))
        except StoreError:
            # Rows that were refused are written once the disk takes them: nobody was promised this.
            self._backlog.put([Closed(ticket.id, End.CANCELLED, Moment.now())])
            self._tell(events.TicketFailed(ticket.call, ticket.id))
        else:
            self._tell(events.TicketOpened(ticket))
            self._confirm(ticket)

    async def _try(self, order: TryTicket) -> None:
        try:
            await self._backlog.promise(Tried(order.ticket, order.leg, Moment.now()))
        except StoreError:
            self._tell(events.TicketFailed(order.call, order.ticket))
        else:
            self._tell(events.TicketTried(order.ticket, order.leg))

    def _kept(self, ticket: Ticket, now: Moment) -> None:
        self._backlog.put([tickets.called_back(ticket, now), Closed(ticket.id, End.KEPT, now)])

    async def _close_those_who_got_through(self) -> None:
        through = await asyncio.to_thread(self._read, tickets.got_through)
        now = Moment.now()
        self._backlog.put([Closed(name, End.GOT_THROUGH, now) for name in through])

    def _read(self, query: Callable[[Connection], Found]) -> Found:
        reader = open_reader(self._calls_db)
        try:
            with reader.connect() as connection:
                return query(connection)
        finally:
            reader.dispose()

    # ---- at the control socket ----

    async def listed(self, _request: topics.CallbacksRequest) -> topics.CallbacksReply:
        return await self._shown(tuple(self._lines()))

    async def _shown(self, lines: tuple[topics.CallbackLine, ...]) -> topics.CallbacksReply:
        since = datetime.now(UTC) - SHOWN
        nothing = await asyncio.to_thread(
            self._read, lambda read: tickets.came_to_nothing(read, since)
        )
        broken = tuple(topics.BrokenPromise(**row) for row in nothing)
        return topics.CallbacksReply(callbacks=lines, broken=broken)

    def _lines(self) -> Iterator[topics.CallbackLine]:
        now = time.monotonic()
        for ticket in sorted(self._exchange.tickets().values(), key=lambda one: one.since):
            yield topics.CallbackLine(
                ticket=ticket.id,
                queue=ticket.queue,
                waits_s=round(now - ticket.since, 1),
                tries=ticket.tries,
                doing=self._exchange.doing(ticket.id, now),
                expires=ticket.expires.isoformat(timespec="minutes"),
            )

    async def cancel(self, request: topics.CancelCallbackRequest) -> topics.CallbacksReply:
        meant = [name for name in self._exchange.tickets() if name.startswith(request.ticket)]
        if len(meant) != 1:
            raise ControlError(
                f"{len(meant)} call-backs have a name that begins so",
                "see `careline callbacks`, and give more of its name",
            )
        try:
            await self._backlog.promise(Closed(meant[0], End.CANCELLED, Moment.now()))
        except StoreError as refused:
            raise ControlError(f"not cancelled: {refused}", "make room on the disk") from refused
        self._tell(events.TicketClosed(meant[0]))
        left = (line for line in self._lines() if line.ticket != meant[0])
        return await self._shown(tuple(left))
