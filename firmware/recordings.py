"""The index of recorded talks: parts, and the gaps between them.

A part is sealed as a message is and has its row among them, so that whatever holds for messages
(members, audit, deletion, backup) holds for it; its row here says that it is a part of a talk, when
it began and why it ended. That row stands before the first second of the part does: a part that an
exchange died over is known for one. What was said after that is not recorded, for no exchange takes
up a talk that another one joined; the ledger and each list say so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from operator import attrgetter

import sqlalchemy as sa
from sqlalchemy import Connection, column, select, table

from firmware.ledger import Moment, Noted, calls, messages
from firmware.machine import MachineKey
from firmware.vault import Found
from ivr.recording import STEP

CUT_OFF = "cut off: the exchange ended"
NOT_AFTER = f"{CUT_OFF}, and what was said after is not recorded"
UNKEPT = "nothing of it is there"  # a fault, or nothing was said

recordings = table(
    "recordings",
    column("message", sa.Text),
    column("call", sa.Text),
    column("mailbox", sa.Text),
    column("began", sa.Text),
    column("ended", sa.Text),
    column("why", sa.Text),
)


@dataclass(frozen=True, slots=True)
class PartBegan:
    """A part of a talk is being sealed under this name."""

    message: str
    call: str
    mailbox: str
    moment: Moment

    def record(self, connection: Connection, _key: MachineKey) -> Sequence[Noted]:
        connection.execute(
            recordings.insert().values(
                message=self.message,
                call=self.call,
                mailbox=self.mailbox,
                began=self.moment.text,
            )
        )
        return ()


@dataclass(frozen=True, slots=True)
class PartEnded:
    """Why nothing is added to the part any more."""

    message: str
    why: str
    moment: Moment

    def record(self, connection: Connection, _key: MachineKey) -> Sequence[Noted]:
        call = connection.scalar(
            recordings.update()
            .where(recordings.c.message == self.message, recordings.c.ended.is_(None))
            .values(ended=self.moment.text, why=self.why)
            .returning(recordings.c.call)
        )
        if call is None or self.why != CUT_OFF:
            return ()  # the call logic has told it
        return (Noted(call, STEP, f"nothing: {NOT_AFTER}", self.moment),)


@dataclass(frozen=True, slots=True)
class PartKept:
    """The part lies sealed and durable; `cut_off`: an exchange died over it."""

    message: str
    call: str
    mailbox: str
    started: datetime
    seconds: float
    cut_off: bool
    moment: Moment

    def record(self, connection: Connection, _key: MachineKey) -> Sequence[Noted]:
        known = select(messages.c.message).where(messages.c.message == self.message)
        if connection.scalar(known) is not None:
            return ()
        connection.execute(
            messages.insert().values(
                message=self.message,
                call=self.call,
                mailbox=self.mailbox,
                started=Moment(self.started, 0).text,
                seconds=self.seconds,
                urgent=False,
                cut_off=self.cut_off,
            )
        )
        if self.cut_off:
            ended = self.started + timedelta(seconds=self.seconds)
            connection.execute(
                recordings.update()
                .where(recordings.c.message == self.message, recordings.c.ended.is_(None))
                .values(ended=Moment(ended, 0).text, why=CUT_OFF)
            )
        how = f", {NOT_AFTER}" if self.cut_off else ""
        detail = f"{self.message} for {self.mailbox}, {self.seconds:.1f} s{how}"
        return (Noted(self.call, STEP, f"sealed: {detail}", self.moment),)


@dataclass(frozen=True, slots=True)
class Part:
    """One stretch of a talk without a gap."""

    message: str
    call: str
    mailbox: str
    began: datetime
    seconds: float
    why: str  # it ended

    @property
    def ended(self) -> datetime:
        return self.began + timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Gap:
    """So long nothing was recorded between two parts, and why."""

    after: str  # the part before it
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Recording:
    """What there is of one call's talks."""

    call: str
    line: str
    parts: tuple[Part, ...]

    @property
    def seconds(self) -> float:
        """Without the gaps."""
        return sum(part.seconds for part in self.parts)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        return tuple(
            Gap(one.message, max((two.began - one.ended).total_seconds(), 0.0), one.why)
            for one, two in pairwise(self.parts)
        )


def recorded_in(
    connection: Connection, mailboxes: Collection[str], call: str = ""
) -> list[Recording]:
    """The talks that the members of these mailboxes may hear, the oldest first; or of one call. A
    part for another mailbox, or deleted since, is a gap."""
    only = [recordings.c.call == call] if call else []
    rows = connection.execute(
        select(
            recordings.c.message,
            recordings.c.call,
            recordings.c.mailbox,
            recordings.c.began,
            recordings.c.why,
            messages.c.seconds,
            calls.c.line,
            calls.c.arrived,
        )
        .join(messages, messages.c.message == recordings.c.message)
        .join(calls, calls.c.call == recordings.c.call, isouter=True)
        .where(recordings.c.mailbox.in_(mailboxes), messages.c.deleted.is_(None), *only)
        .order_by(
            sa.func.coalesce(calls.c.arrived, recordings.c.began),
            recordings.c.call,
            recordings.c.began,
        )
    )
    found = []
    for call, of_call in groupby(rows, key=attrgetter("call")):
        held = list(of_call)
        parts = (
            Part(
                row.message,
                row.call,
                row.mailbox,
                datetime.fromisoformat(row.began).astimezone(UTC),
                row.seconds,
                row.why or CUT_OFF,
            )
            for row in held
        )
        found.append(Recording(call, held[0].line or "", tuple(parts)))
    return found


def count(connection: Connection) -> tuple[int, int]:
    """How many parts there are, and over how many of them an exchange died."""
    is_cut = sa.func.coalesce(recordings.c.why, CUT_OFF) == CUT_OFF
    asked = select(sa.func.count(), sa.func.count(sa.case((is_cut, 1)))).select_from(recordings)
    parts, cut_off = connection.execute(asked).one()
    return parts, cut_off


def known_parts(connection: Connection) -> Mapping[str, str]:
    """Every part that was ever begun, and of which call."""
    return {row.message: row.call for row in connection.execute(
        select(recordings.c.message, recordings.c.call))}  # fmt: skip


def found(part: Found, moment: Moment) -> PartKept:
    """The row of a part that an exchange before us sealed and could not write down."""
    label = part.label
    started = datetime.fromtimestamp(label.started_ms / 1000, UTC)
    ids = (label.message, label.call, label.mailbox)
    return PartKept(*ids, started, part.seconds, cut_off=part.cut_off, moment=moment)


def never_ended(connection: Connection) -> list[str]:
    """Parts over which an exchange died, as far as their rows tell."""
    return list(
        connection.scalars(select(recordings.c.message).where(recordings.c.ended.is_(None)))
    )
