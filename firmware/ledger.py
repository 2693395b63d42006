"""The ledger: every step of every call, durable; one outcome per call, and the sum always holds.

    offered = answered + abandoned + short_abandoned + callback + message + self_served
              + transferred + emergency + blocked + failsafe + in_progress

Rows come in as facts with the moment they happened; the calls table is what they add up to. A fact
that contradicts the ledger (a second outcome, an outcome for a call that never arrived) changes
nothing and is itself written down as a step. A caller's number and name lie sealed under the
machine key, beside a keyed hash of the number.

`ledger.log` (firmware/ledger_log.py) holds the same rows once more, and those of every other table
of the database.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import CLOCK_MONOTONIC, clock_gettime_ns
from typing import Any, Protocol

import sqlalchemy as sa
import structlog
from sqlalchemy import Connection, column, func, select, table

from firmware.ledger_log import Change, LedgerLog
from firmware.machine import MachineKey
from firmware.store import Store
from ivr.commands import NO_CALL, Outcome

log = structlog.get_logger(__name__)

# Steps the ledger itself writes: the sum is counted from them, so nobody else's note may take their
# names.
OFFERED, OUTCOME, MESSAGE, REFUSED = "offered", "outcome", "sealed", "contradiction"
JOINED = "joined"  # the call logic's own word for it (ivr/call.py)
# Before an outcome whose moment is not the call's end, but when we found out about it.
UNHEARD = "ended unheard"
REQUEST = "request"  # its detail is a request's id and what was done about it
AUDITED = "audited"  # beside each entry of the audit
OWN_STEPS = frozenset({OFFERED, OUTCOME, MESSAGE, REFUSED, REQUEST})

calls = table(
    "calls",
    column("call", sa.Text),
    column("line", sa.Text),
    column("dialled", sa.Text),
    column("arrived", sa.Text),
    column("ended", sa.Text),
    column("outcome", sa.Text),
    column("number", sa.LargeBinary),
    column("name", sa.LargeBinary),
    column("number_hash", sa.LargeBinary),
)
steps = table(
    "steps",
    column("id", sa.Integer),
    column("call", sa.Text),
    column("at", sa.Text),
    column("mono_ms", sa.Integer),
    column("step", sa.Text),
    column("detail", sa.Text),
)
messages = table(
    "messages",
    column("message", sa.Text),
    column("call", sa.Text),
    column("mailbox", sa.Text),
    column("started", sa.Text),
    column("seconds", sa.Float),
    column("urgent", sa.Boolean),
    column("cut_off", sa.Boolean),
    column("deleted", sa.Text),
)
# Where each message lies now, and how it stands there: its first mailbox, and those to which it was
# forwarded.
in_mailboxes = table(
    "in_mailboxes",
    column("message", sa.Text),
    column("mailbox", sa.Text),
    column("sent_by", sa.Text),
    column("heard", sa.Text),
    column("done", sa.Text),
    column("owner", sa.Text),
)
message_notes = table(
    "message_notes",
    column("note", sa.Text),
    column("message", sa.Text),
    column("at", sa.Text),
    column("by", sa.Text),
    column("sealed", sa.LargeBinary),
)


@dataclass(frozen=True, slots=True)
class Moment:
    """When something happened: by the wall for people, by the monotonic clock for measuring."""

    at: datetime
    mono_ms: int

    @classmethod
    def now(cls) -> "Moment":
        return cls(datetime.now(UTC), clock_gettime_ns(CLOCK_MONOTONIC) // 1_000_000)

    @property
    def text(self) -> str:
        """ISO 8601 in UTC, to the millisecond, so that texts sort as times do."""
        return self.at.astimezone(UTC).isoformat(timespec="milliseconds")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A call was offered to us. Number and name are a stranger's words, or empty."""

    call: str
    line: str
    dialled: str
    number: str = field(repr=False)
    name: str = field(repr=False)
    moment: Moment


@dataclass(frozen=True, slots=True)
class Noted:
    """A step of the call; the detail never holds a caller's number or name."""

    call: str
    step: str
    detail: str
    moment: Moment


@dataclass(frozen=True, slots=True)
class Finished:
    """The call's one outcome."""

    call: str
    outcome: Outcome
    moment: Moment


@dataclass(frozen=True, slots=True)
class MessageKept:
    """A sealed message lies complete and durable in the vault."""

    message: str
    call: str
    mailbox: str
    started: datetime
    seconds: float
    urgent: bool
    cut_off: bool
    moment: Moment


@dataclass(frozen=True, slots=True)
class Missed:
    """A call that came and ended while nobody of us listened; Asterisk alone had it."""

    call: str
    line: str
    dialled: str
    arrived: Moment
    moment: Moment


class Entry(Protocol):
    """A fact with a table of its own: what it writes there, and the steps it is."""

    def record(self, connection: Connection, key: MachineKey) -> "Sequence[Noted]": ...


Row = Arrived | Noted | Finished | MessageKept | Missed | Entry


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it stands in the ledger."""

    id: int
    call: str
    at: str
    mono_ms: int
    step: str
    detail: str


@dataclass(frozen=True, slots=True)
class CallSummary:
    """A call as a list shows it; `ended` and `outcome` are None while it is in progress."""

    call: str
    line: str
    arrived: str
    ended: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """A message in one of its mailboxes; new until it is heard there, and done when somebody says
    so. `heard` is when it first was, `sent_by` who forwarded it here."""

    message: str
    call: str
    mailbox: str
    started: str
    seconds: float
    urgent: bool
    cut_off: bool
    heard: str | None
    done: str | None
    owner: str | None
    sent_by: str | None


@dataclass(frozen=True, slots=True)
class Balance:
    """The conservation sum. `offered` is counted from the steps, the rest from the calls."""

    offered: int
    outcomes: Mapping[Outcome, int]
    in_progress: int

    @property
    def holds(self) -> bool:
        return self.offered == sum(self.outcomes.values()) + self.in_progress

    def __str__(self) -> str:
        parts = [f"{count} {outcome}" for outcome, count in self.outcomes.items() if count]
        return f"{self.offered} offered = " + " + ".join(
            [*parts, f"{self.in_progress} in progress"]
        )


class Ledger:
    """The writing side, for the exchange alone. `on_durable` hears, in the writer's thread, of each
    new step.
    """

    def __init__(
        self,
        store: Path,
        log_path: Path,
        key: MachineKey,
        on_durable: Callable[[Sequence[Step]], None] | None = None,
        look_s: float = 0.0,
    ) -> None:
        self._key = key
        self.log = LedgerLog(log_path)
        try:
            self.store = Store(store, "calls", [_Teller(on_durable).tell], self.log, look_s)
        except BaseException:
            self.log.close()
            raise

    def submit(self, rows: Sequence[Row]) -> Future[None]:
        """Done when all rows are durable; they are written all or none."""
        return self.store.submit(lambda connection: self._record(connection, rows))

    async def write(self, rows: Sequence[Row]) -> None:
        """Return when all rows are durable."""
        await asyncio.wrap_future(self.submit(rows))

    async def heard(self, message: str, moment: Moment, mailbox: str = "") -> bool:
        """Mark a message as heard, everywhere or in one mailbox; false when there is no such
        message."""
        return await self.store.write(lambda c: mark_heard(c, message, moment, mailbox))

    async def deleted(self, message: str, moment: Moment) -> bool:
        """Mark a message as deleted; false when there is no such message."""
        return await self.store.write(lambda connection: mark_deleted(connection, message, moment))

    def restart_log(self, through: int) -> Future[None]:
        """There is a copy that holds every commit up to this one. The newest entry of the audit
        stays in the log, which knows by it where the audit ends."""

        def restart(connection: Connection) -> None:
            newest = select(*steps.c).where(steps.c.step == AUDITED).order_by(steps.c.id.desc())
            found = connection.execute(newest.limit(1)).mappings().all()
            self.log.restart(through, [Change("steps", dict(row)) for row in found])

        return self.store.submit(restart)

    def close(self) -> None:
        self.store.close()
        self.log.close()

    def _record(self, connection: Connection, rows: Sequence[Row]) -> None:
        for row in rows:
            match row:
                case Arrived():
                    _record_arrival(connection, row, self._key)
                case Noted():
                    word = f"noted {row.step}" if row.step in OWN_STEPS else row.step
                    add_step(connection, row.call, word, row.detail, row.moment)
                case Finished():
                    _record_outcome(connection, row)
                case MessageKept():
                    record_message(connection, row)
                case Missed():
                    _record_missed(connection, row, self._key)
                case _:
                    for noted in row.record(connection, self._key):
                        add_step(connection, noted.call, noted.step, noted.detail, noted.moment)


class _Teller:
    """Hears of each commit and tells of the steps in it, each once."""

    def __init__(self, on_durable: Callable[[Sequence[Step]], None] | None) -> None:
        self._on_durable = on_durable
        self._last: int | None = None

    def tell(self, connection: Connection) -> None:
        """Everything that has become durable since the last time; at the start, from now on."""
        if self._on_durable is None:
            return
        if self._last is None:
            self._last = connection.scalar(select(func.max(steps.c.id))) or 0
            return
        asked = select(*steps.c).where(steps.c.id > self._last).order_by(steps.c.id)
        if new := [Step(*row) for row in connection.execute(asked)]:
            self._last = new[-1].id
            self._on_durable(new)


def balance(connection: Connection) -> Balance:
    """The conservation sum as it stands now."""
    offered = connection.scalar(
        select(func.count()).select_from(steps).where(steps.c.step == OFFERED)
    )
    by_outcome = select(calls.c.outcome, func.count().label("number")).group_by(calls.c.outcome)
    counted: dict[str | None, int] = {
        row.outcome: row.number for row in connection.execute(by_outcome)
    }
    return Balance(
        offered=offered or 0,
        outcomes={outcome: counted.get(outcome.value, 0) for outcome in Outcome},
        in_progress=counted.get(None, 0),
    )


def recent_calls(connection: Connection, limit: int) -> list[CallSummary]:
    """The newest calls first; nothing in it says who called."""
    newest = select(
        calls.c.call, calls.c.line, calls.c.arrived, calls.c.ended, calls.c.outcome
    ).order_by(calls.c.arrived.desc(), calls.c.call)
    return [CallSummary(*row) for row in connection.execute(newest.limit(limit))]


def last_calls(connection: Connection) -> dict[str, str]:
    """When a call of each line came last."""
    last = select(calls.c.line, func.max(calls.c.arrived)).group_by(calls.c.line)
    return {str(row[0]): str(row[1]) for row in connection.execute(last)}


def calls_that_begin(connection: Connection, beginning: str) -> list[CallSummary]:
    """Calls whose id begins so, the newest first and a few at most; just the newest if empty."""
    named = (
        select(calls.c.call, calls.c.line, calls.c.arrived, calls.c.ended, calls.c.outcome)
        .where(calls.c.call.startswith(beginning, autoescape=True))
        .order_by(calls.c.arrived.desc(), calls.c.call)
    )
    return [CallSummary(*row) for row in connection.execute(named.limit(10 if beginning else 1))]


def steps_of(connection: Connection, call: str) -> list[Step]:
    """A call's steps in their order."""
    asked = select(*steps.c).where(steps.c.call == call).order_by(steps.c.id)
    return [Step(*row) for row in connection.execute(asked)]


def duties(connection: Connection) -> list[tuple[str, str]]:
    """The last word of each agent who said one, with its detail: the extension, and a reason."""
    extension = func.substr(steps.c.detail, 1, func.instr(steps.c.detail + " ", " ") - 1)
    last = select(func.max(steps.c.id)).where(steps.c.call == NO_CALL).group_by(extension)
    asked = select(steps.c.step, steps.c.detail).where(steps.c.id.in_(last)).order_by(steps.c.id)
    return [(row.step, row.detail) for row in connection.execute(asked)]


def messages_in(connection: Connection, mailboxes: Collection[str]) -> list[Message]:
    """What these mailboxes hold, the oldest first."""
    held = held_in(mailboxes).order_by(messages.c.started, in_mailboxes.c.mailbox)
    return [Message(*row) for row in connection.execute(held)]


def held_in(mailboxes: Collection[str]) -> sa.Select[Any]:
    """The columns of a Message, of all that these mailboxes hold."""
    return (
        select(*(_of_message(name) for name in Message.__slots__))
        .join(messages, messages.c.message == in_mailboxes.c.message)
        .where(in_mailboxes.c.mailbox.in_(mailboxes), messages.c.deleted.is_(None))
    )


def _of_message(name: str) -> sa.ColumnElement[Any]:
    """What is a mailbox's own, and what is the message's wherever it lies."""
    return in_mailboxes.c[name] if name in in_mailboxes.c else messages.c[name]


def unfinished(connection: Connection) -> frozenset[str]:
    """Calls without an outcome."""
    return frozenset(connection.scalars(select(calls.c.call).where(calls.c.outcome.is_(None))))


def talks(connection: Connection) -> frozenset[str]:
    """Calls without an outcome that were joined to somebody."""
    joined = select(steps.c.id).where(steps.c.call == calls.c.call, steps.c.step == JOINED)
    asked = select(calls.c.call).where(calls.c.outcome.is_(None), joined.exists())
    return frozenset(connection.scalars(asked))


def known_messages(connection: Connection) -> set[str]:
    """Every message that ever had a row, the deleted ones too."""
    return set(connection.scalars(select(messages.c.message)))


def deleted_messages(connection: Connection) -> set[str]:
    """Every message that was deleted."""
    return set(
        connection.scalars(select(messages.c.message).where(messages.c.deleted.is_not(None)))
    )


def unheard(connection: Connection, mailbox: str) -> tuple[int, int]:
    """How many messages of a mailbox are new, and how many are not: what its lamp tells."""
    held = (
        select(in_mailboxes.c.heard.is_(None))
        .join(messages, messages.c.message == in_mailboxes.c.message)
        .where(in_mailboxes.c.mailbox == mailbox, messages.c.deleted.is_(None))
    )
    is_new = connection.scalars(held).all()
    return sum(is_new), len(is_new) - sum(is_new)


def record_message(connection: Connection, row: MessageKept) -> None:
    """Index a message; one that is indexed already stays as it is."""
    if connection.scalar(select(messages.c.message).where(messages.c.message == row.message)):
        return
    connection.execute(
        messages.insert().values(
            message=row.message,
            call=row.call,
            mailbox=row.mailbox,
            started=Moment(row.started, 0).text,
            seconds=row.seconds,
            urgent=row.urgent,
            cut_off=row.cut_off,
        )
    )
    connection.execute(in_mailboxes.insert().values(message=row.message, mailbox=row.mailbox))
    cut = ", cut off" if row.cut_off else ""
    detail = f"{row.message} for {row.mailbox}, {row.seconds:.1f} s{cut}"
    add_step(connection, row.call, MESSAGE, detail, row.moment)


def mark_heard(connection: Connection, message: str, moment: Moment, mailbox: str = "") -> bool:
    """Whether there was such a message to mark; the first hearing counts."""
    here = [in_mailboxes.c.message == message]
    here += [in_mailboxes.c.mailbox == mailbox] if mailbox else []
    heard = func.coalesce(in_mailboxes.c.heard, moment.text)
    changed = connection.execute(in_mailboxes.update().where(*here).values(heard=heard))
    return changed.rowcount > 0


def mark_deleted(connection: Connection, message: str, moment: Moment) -> bool:
    """Whether there was such a message to mark."""
    call = connection.scalar(
        messages.update()
        .where(messages.c.message == message, messages.c.deleted.is_(None))
        .values(deleted=moment.text)
        .returning(messages.c.call)
    )
    if call is None:
        return False
    connection.execute(message_notes.delete().where(message_notes.c.message == message))
    add_step(connection, call, MESSAGE, f"{message} deleted", moment)
    return True


def _record_arrival(connection: Connection, row: Arrived, key: MachineKey) -> None:
    if connection.scalar(select(calls.c.call).where(calls.c.call == row.call)) is not None:
        _refuse(connection, row.call, "offered twice", row.moment)
        return
    connection.execute(
        calls.insert().values(
            call=row.call,
            line=row.line,
            dialled=row.dialled,
            arrived=row.moment.text,
            number=key.seal(row.number, f"calls.number {row.call}"),
            name=key.seal(row.name, f"calls.name {row.call}"),
            number_hash=key.keyed_hash(row.number) if row.number else None,
        )
    )
    add_step(connection, row.call, OFFERED, f"on {row.line}, dialled {row.dialled}", row.moment)


def _record_missed(connection: Connection, row: Missed, key: MachineKey) -> None:
    """People were rung for it without us; a call that we know all the same stays as it is."""
    if connection.scalar(select(calls.c.call).where(calls.c.call == row.call)) is None:
        arrived = Arrived(row.call, row.line, row.dialled, "", "", row.arrived)
        _record_arrival(connection, arrived, key)
        _record_outcome(connection, Finished(row.call, Outcome.FAILSAFE, row.moment))


def _record_outcome(connection: Connection, row: Finished) -> None:
    standing = connection.execute(
        select(calls.c.outcome).where(calls.c.call == row.call)
    ).one_or_none()
    if standing is None:
        _refuse(connection, row.call, f"{row.outcome} for a call never offered", row.moment)
    elif standing.outcome is not None:
        _refuse(connection, row.call, f"{row.outcome} after {standing.outcome}", row.moment)
    else:
        connection.execute(
            calls.update()
            .where(calls.c.call == row.call)
            .values(outcome=row.outcome.value, ended=row.moment.text)
        )
        add_step(connection, row.call, OUTCOME, row.outcome.value, row.moment)


def _refuse(connection: Connection, call: str, why: str, moment: Moment) -> None:
    log.warning("the ledger refused a fact", call=call, why=why)
    add_step(connection, call, REFUSED, why, moment)


def add_step(connection: Connection, call: str, step: str, detail: str, moment: Moment) -> None:
    """Write down what happened, with whatever else the same commit holds."""
    connection.execute(
        steps.insert().values(
            call=call, at=moment.text, mono_ms=moment.mono_ms, step=step, detail=detail
        )
    )
