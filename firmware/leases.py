"""Urgent messages as they lie in the exchange's store: opened, owned, closed, each durably before
anybody is told.

What was done about one stands with the steps of the call that left it, and so does the receipt for
the machine's own key to it. The number to call back is sealed under the machine key, and so is what
somebody of the clinic wrote about it: its steps say only that there is a note.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy import Connection, column, select, table

from firmware import ledger
from firmware.ledger import Moment, Step
from firmware.machine import MachineKey
from firmware.store import open_reader
from ivr.lease import STEP
from ivr.urgent import Urgent

DESTROYED = "key destroyed"  # the receipt's step
SEEN_TO = "seen to"  # how one ended of which somebody of the clinic said so

leases = table(
    "leases",
    column("message", sa.Text),
    column("call", sa.Text),
    column("layers", sa.Text),
    column("language", sa.Text),
    column("number", sa.LargeBinary),
    column("opened", sa.Text),
    column("owner", sa.Text),
    column("closed", sa.Text),
    column("closed_by", sa.Text),
    column("how", sa.Text),
)
lease_notes = table(
    "lease_notes",
    column("note", sa.Text),
    column("message", sa.Text),
    column("at", sa.Text),
    column("by", sa.Text),
    column("sealed", sa.LargeBinary),
)


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """An urgent message as the store has it; nothing in it says who left it."""

    message: str
    call: str
    opened: str
    owner: str | None
    closed: str | None
    closed_by: str | None
    how: str | None


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote about one; `words` is None while it is locked."""

    at: str
    by: str
    words: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A kept urgent message of a caller who has gone, and of which nobody has been told."""

    urgent: Urgent
    older: tuple[str, ...] = ()
    number: str = field(default="", repr=False)  # as the network gave it


# ---- writing ----


def open_(connection: Connection, urgent: Urgent, moment: Moment, key: MachineKey) -> None:
    """One that is open already stays as it is."""
    if _is_known(connection, urgent.message):
        return
    connection.execute(
        leases.insert().values(
            message=urgent.message,
            call=urgent.call,
            layers=" ".join(urgent.layers),
            language=urgent.language,
            number=key.seal(urgent.number, _where(urgent.message)),
            opened=moment.text,
        )
    )
    ledger.add_step(
        connection, urgent.call, STEP, f"urgent message {urgent.message} is open", moment
    )


def own(connection: Connection, message: str, person: str) -> bool:
    """Whether it is theirs now; another's stays another's."""
    changed = connection.execute(
        leases.update()
        .where(
            leases.c.message == message,
            leases.c.closed.is_(None),
            sa.or_(leases.c.owner.is_(None), leases.c.owner == person),
        )
        .values(owner=person)
    )
    return changed.rowcount > 0


def free(connection: Connection, message: str) -> None:
    """Nobody's again."""
    connection.execute(
        leases.update()
        .where(leases.c.message == message, leases.c.closed.is_(None))
        .values(owner=None)
    )


def close(connection: Connection, message: str, by: str, how: str, moment: Moment) -> bool:
    """Whether it was open until now."""
    changed = connection.execute(
        leases.update()
        .where(leases.c.message == message, leases.c.closed.is_(None))
        .values(closed=moment.text, closed_by=by, how=how)
    )
    return changed.rowcount > 0


def write_receipt(connection: Connection, message: str, call: str, moment: Moment) -> None:
    """The machine's own key to a message is destroyed."""
    detail = f"this box can open {message} no more"
    ledger.add_step(connection, call, DESTROYED, detail, moment)


def note(
    connection: Connection, urgent: Urgent, by: str, words: str, moment: Moment, key: MachineKey
) -> None:
    """What somebody wrote about it."""
    name = str(uuid4())
    row = {"note": name, "message": urgent.message, "at": moment.text, "by": by}
    sealed = key.seal(words, _where_note(name))
    connection.execute(lease_notes.insert().values(row | {"sealed": sealed}))
    ledger.add_step(connection, urgent.call, STEP, f"a note by {by}", moment)


# ---- reading ----


def open_ones(connection: Connection) -> list[LeaseRow]:
    """The oldest first."""
    row = (leases.c[name] for name in LeaseRow.__slots__)
    asked = select(*row).where(leases.c.closed.is_(None)).order_by(leases.c.opened)
    return [LeaseRow(*row) for row in connection.execute(asked)]


def opened_between(connection: Connection, start: str, end: str) -> list[LeaseRow]:
    """Those opened in that time, and those open before it that were not closed by then."""
    is_of_it = leases.c.opened.between(start, end)
    is_left = sa.and_(
        leases.c.opened < start, sa.or_(leases.c.closed.is_(None), leases.c.closed > start)
    )
    row = (leases.c[name] for name in LeaseRow.__slots__)
    asked = select(*row).where(sa.or_(is_of_it, is_left)).order_by(leases.c.opened)
    return [LeaseRow(*row) for row in connection.execute(asked)]


def steps_of(connection: Connection, call: str) -> list[Step]:
    """What was done about a call's urgent message."""
    return [s for s in ledger.steps_of(connection, call) if s.step in (STEP, DESTROYED)]


def number_of(connection: Connection, message: str, key: MachineKey) -> str:
    """The number to call back; empty if there is none."""
    sealed = connection.scalar(select(leases.c.number).where(leases.c.message == message))
    return key.open(sealed, _where(message)) if sealed is not None else ""


def notes_on(connection: Connection, message: str, key: MachineKey | None) -> list[Note]:
    """The oldest first; locked without the key."""
    asked = select(*lease_notes.c).where(lease_notes.c.message == message)
    return [
        Note(row.at, row.by, key.open(row.sealed, _where_note(row.note)) if key else None)
        for row in connection.execute(asked.order_by(lease_notes.c.at))
    ]


def resumed(connection: Connection, key: MachineKey) -> list[tuple[Urgent, str]]:
    """What was open when an exchange ended, and whose it was, if anybody's."""
    asked = select(*leases.c).where(leases.c.closed.is_(None)).order_by(leases.c.opened)
    return [
        (
            Urgent(
                row.call,
                row.message,
                key.open(row.number, _where(row.message)),
                row.language,
                tuple(row.layers.split()),
            ),
            row.owner or "",
        )
        for row in connection.execute(asked)
    ]


def orphans(
    connection: Connection, held: Collection[str], language: str, key: MachineKey
) -> list[Orphan]:
    """Of messages whose keys the box holds: those whose caller has gone before anything was opened
    for them. Of several of one call, the last is meant."""
    of_call = ledger.messages.join(ledger.calls, ledger.calls.c.call == ledger.messages.c.call)
    has_lease = select(leases.c.message).where(leases.c.call == ledger.messages.c.call)
    asked = (
        select(ledger.messages.c.message, ledger.messages.c.call, ledger.calls.c.number)
        .select_from(of_call)
        .where(
            ledger.messages.c.message.in_(held),
            ledger.messages.c.deleted.is_(None),
            ledger.calls.c.outcome.is_not(None),
            ~has_lease.exists(),
        )
        .order_by(ledger.messages.c.started)
    )
    found: dict[str, Orphan] = {}
    for row in connection.execute(asked):
        number = key.open(row.number, f"calls.number {row.call}") if row.number else ""
        before = found.get(row.call)
        older = (*before.older, before.urgent.message) if before else ()
        found[row.call] = Orphan(Urgent(row.call, row.message, "", language, ()), older, number)
    return list(found.values())


def to_be_destroyed(connection: Connection, held: Collection[str]) -> list[tuple[str, str]]:
    """Of messages whose keys the box holds: those it need not open any more, with their calls;
    closed, deleted, or not the one that its caller meant."""
    message, call = ledger.messages.c.message, ledger.messages.c.call
    mine = sa.and_(leases.c.message == message, leases.c.closed.is_(None))
    is_open = select(leases.c.message).where(mine).exists()
    has_lease = select(leases.c.message).where(leases.c.call == call).exists()
    is_done = sa.or_(ledger.messages.c.deleted.is_not(None), sa.and_(has_lease, ~is_open))
    asked = select(message, call).where(message.in_(held), is_done)
    return [(row.message, row.call) for row in connection.execute(asked)]


def without_receipt(connection: Connection) -> list[tuple[str, str]]:
    """Closed ones, with their calls, whose key's end nobody has written down."""
    receipt = select(ledger.steps.c.id).where(
        ledger.steps.c.call == leases.c.call,
        ledger.steps.c.step == DESTROYED,
        ledger.steps.c.detail.contains(leases.c.message),
    )
    asked = select(leases.c.message, leases.c.call).where(
        leases.c.closed.is_not(None), ~receipt.exists()
    )
    return [(row.message, row.call) for row in connection.execute(asked)]


def unknown(connection: Connection, held: Collection[str]) -> set[str]:
    """Those of which the ledger has never heard."""
    asked = select(ledger.messages.c.message).where(ledger.messages.c.message.in_(held))
    return set(held) - set(connection.scalars(asked))


def read_open(calls_db: Path) -> list[LeaseRow]:
    """For a program beside the exchange."""
    reader = open_reader(calls_db)
    try:
        with reader.connect() as connection:
            return open_ones(connection)
    finally:
        reader.dispose()


def _is_known(connection: Connection, message: str) -> bool:
    asked = select(leases.c.message).where(leases.c.message == message)
    return connection.scalar(asked) is not None


def _where(message: str) -> str:
    return f"leases.number {message}"


def _where_note(note: str) -> str:
    return f"lease_notes.sealed {note}"
