"""Promised call-backs, as they lie in the exchange's store.

The number is sealed under the machine key. Beside it lie keyed hashes of the ways in which a
network may write it, and of the number that asked, by which somebody who calls again is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, column, func, select, table
from sqlalchemy.exc import SQLAlchemyError

from firmware.ledger import JOINED, Moment, Noted, Step, calls, steps
from firmware.machine import MachineKey
from firmware.store import StoreError, open_reader
from ivr.callbacks import CALLED_BACK
from ivr.outside import ways_to_write
from ivr.plan import Urgency
from ivr.ticket import End, Ticket

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
# Steps of the call by which it was asked for.
OPENED, CLOSED = "call-back", "call-back closed"

tickets = table(
    "tickets",
    *(
        column(name, sa.Text)
        for name in (
            *("ticket", "call", "queue", "language", "asked", "since", "boot", "expires"),
            *("tried", "leg", "closed", "ending", "about"),
        )
    ),
    column("number", sa.LargeBinary),
    column("urgency", sa.Integer),
    column("since_ms", sa.Integer),
    column("tries", sa.Integer),
)
numbers = table("ticket_numbers", column("ticket", sa.Text), column("number_hash", sa.LargeBinary))


@dataclass(frozen=True, slots=True)
class Opened:
    """Somebody is to be called back."""

    ticket: Ticket = field(repr=False)
    boot: str
    moment: Moment

    def record(self, connection: Connection, key: MachineKey) -> Sequence[Noted]:
        """Once, however often it is tried."""
        ticket = self.ticket
        known = select(tickets.c.ticket).where(tickets.c.ticket == ticket.id)
        if connection.scalar(known) is not None:
            return ()
        since_ms = round(ticket.since * 1000)
        since = self.moment.at - timedelta(milliseconds=self.moment.mono_ms - since_ms)
        connection.execute(
            tickets.insert().values(
                ticket=ticket.id,
                call=ticket.call,
                queue=ticket.queue,
                number=key.seal(ticket.number, _where(ticket.id)),
                urgency=ticket.urgency.value,
                language=ticket.language,
                asked=self.moment.text,
                since=Moment(since, 0).text,
                since_ms=since_ms,
                boot=self.boot,
                expires=Moment(ticket.expires, 0).text,
                tries=0,
                about=ticket.about,
            )
        )
        ways = [way for plain in ways_to_write(ticket.number) for way in (plain, f"+{plain}")]
        hashes = {key.keyed_hash(way) for way in ways}
        asker = select(calls.c.number_hash).where(calls.c.call == ticket.call)
        if (asking := connection.scalar(asker)) is not None:
            hashes.add(asking)
        connection.execute(
            numbers.insert(),
            [{"ticket": ticket.id, "number_hash": each} for each in sorted(hashes)],
        )
        return (Noted(ticket.call, OPENED, f"{ticket.id} for {ticket.queue}", self.moment),)


@dataclass(frozen=True, slots=True)
class Tried:
    """The leg is about to be called."""

    ticket: str
    leg: str
    moment: Moment

    def record(self, connection: Connection, _key: MachineKey) -> Sequence[Noted]:
        connection.execute(
            tickets.update()
            .where(tickets.c.ticket == self.ticket)
            .values(leg=self.leg, tried=self.moment.text, tries=tickets.c.tries + 1)
        )
        return ()


@dataclass(frozen=True, slots=True)
class Closed:
    """What became of it; the first answer counts."""

    ticket: str
    end: End
    moment: Moment

    def record(self, connection: Connection, _key: MachineKey) -> Sequence[Noted]:
        call = connection.scalar(
            tickets.update()
            .where(tickets.c.ticket == self.ticket, tickets.c.closed.is_(None))
            .values(closed=self.moment.text, ending=self.end.value)
            .returning(tickets.c.call)
        )
        return () if call is None else (Noted(call, CLOSED, closed(self.ticket, self.end),
                                              self.moment),)  # fmt: skip


def closed(ticket: str, end: End) -> str:
    """The detail of a step CLOSED."""
    return f"{ticket} {end}"


def boot_id() -> str:
    """Tells one life of this machine, and of its monotonic clock, from another."""
    return BOOT_ID.read_text("ascii").strip()


def still_open(
    connection: Connection, key: MachineKey, now: Moment, boot: str, again_s: dict[str, float]
) -> list[Ticket]:
    """What an exchange before us promised and did not keep, in the order of rank. Within the same
    life of the machine its clock tells since when; else the wall clock must, but nobody's wait is
    shorter than nothing, whatever it says."""
    asked = (
        select(*tickets.c)
        .where(tickets.c.closed.is_(None))
        .order_by(tickets.c.since, tickets.c.asked)
    )
    return [_ticket(row, key, now, boot, again_s) for row in connection.execute(asked).mappings()]


def _ticket(
    row: sa.RowMapping, key: MachineKey, now: Moment, boot: str, again_s: dict[str, float]
) -> Ticket:
    now_s = now.mono_ms / 1000
    waited_s = max((now.at - datetime.fromisoformat(row["since"])).total_seconds(), 0.0)
    since = row["since_ms"] / 1000 if row["boot"] == boot else now_s - waited_s
    rest_s = again_s.get(row["queue"], 0.0)
    tried = row["tried"]
    rested_s = (now.at - datetime.fromisoformat(tried)).total_seconds() if tried else rest_s
    return Ticket(
        id=row["ticket"],
        call=row["call"],
        queue=row["queue"],
        number=key.open(row["number"], _where(row["ticket"])),
        urgency=Urgency(row["urgency"]),
        language=row["language"],
        since=since,
        expires=datetime.fromisoformat(row["expires"]).astimezone(UTC),
        tries=row["tries"],
        again_at=now_s + min(max(rest_s - rested_s, 0.0), rest_s),
        leg=row["leg"] or "",
        about=row["about"],
    )


def got_through(connection: Connection) -> list[str]:
    """Those whose caller has called again since, and talked with somebody."""
    again = (
        select(tickets.c.ticket)
        .join(numbers, numbers.c.ticket == tickets.c.ticket)
        .join(calls, calls.c.number_hash == numbers.c.number_hash)
        .join(steps, (steps.c.call == calls.c.call) & (steps.c.step == JOINED))
        .where(tickets.c.closed.is_(None), calls.c.arrived > tickets.c.asked)
        .distinct()
    )
    return list(connection.scalars(again))


def steps_of(connection: Connection, call: str) -> list[Step]:
    """A call's steps in their order, and those by which it was called back."""
    asked_for = select(tickets.c.ticket).where(tickets.c.call == call)
    of_call = (steps.c.call == call) | steps.c.call.in_(asked_for)
    asked = select(*steps.c).where(of_call).order_by(steps.c.id)
    return [Step(*row) for row in connection.execute(asked)]


def came_to_nothing(connection: Connection, since: datetime) -> list[sa.RowMapping]:
    """Those who could not be reached, or not in time, the newest first."""
    columns = ("ticket", "call", "queue", "ending", "closed", "tries")
    ends = (End.NOT_REACHED.value, End.EXPIRED.value)
    asked = (
        select(*(tickets.c[name] for name in columns))
        .where(tickets.c.ending.in_(ends), tickets.c.closed >= Moment(since, 0).text)
        .order_by(tickets.c.closed.desc())
    )
    return list(connection.execute(asked).mappings())


def promised(connection: Connection) -> frozenset[str]:
    """Calls that ended, or will, with the promise of a call-back."""
    return frozenset(connection.scalars(select(tickets.c.call)))


def open_by_queue(connection: Connection) -> dict[str, int]:
    """How many wait for their call-back, of each queue."""
    open_ = select(tickets.c.queue, func.count().label("waiting"))
    found = connection.execute(open_.where(tickets.c.closed.is_(None)).group_by(tickets.c.queue))
    return {row.queue: row.waiting for row in found}


def waiting_at(calls_db: Path) -> dict[str, int]:
    """The same, of a box; where there are no books, or none that we may read, of nobody."""
    try:
        reader = open_reader(calls_db)
    except (StoreError, OSError):
        return {}
    try:
        with reader.connect() as connection:
            return open_by_queue(connection)
    except SQLAlchemyError:
        return {}
    finally:
        reader.dispose()


def _where(ticket: str) -> str:
    return f"tickets.number {ticket}"


def called_back(ticket: Ticket, moment: Moment) -> Noted:
    """The step by which the figures know that the promise was kept."""
    return Noted(ticket.call, CALLED_BACK, ticket.id, moment)
