"""Destruction, decided and carried out: no trace that could be opened is left, and a receipt is.

Each is three steps. One commit decides: the rules are asked once more inside it, what is destroyed
shows nowhere any more, a receipt is begun and the audit has its entry. Then the thing itself goes:
a message's header with every wrap of its key is overwritten before the file is removed, the box's
own key to it as well; what lies sealed in the store is emptied in the deciding commit, where
SQLite overwrites what it frees (`secure_delete`). Last the receipt is signed. A power cut between
two of them leaves a begun receipt, and `carry_out` ends it at the next start.

What is on hold is never destroyed, whoever asks. Neither is a message that nobody has heard, by
age; nor who called while a message or a request of the call is kept.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from firmware import audit, holds, receipts, spare_key, vault
from firmware.desk_store import missed
from firmware.holds import HeldError
from firmware.leases import lease_notes, leases
from firmware.ledger import Moment, calls, in_mailboxes, mark_deleted, messages
from firmware.machine import MachineKey
from firmware.receipts import Kind, Subject
from firmware.recordings import recordings
from firmware.requests import acts, requests, spoken
from firmware.tickets import numbers as ticket_numbers
from firmware.tickets import tickets

NOT_BY_HAND = "this clinic lets nobody delete by hand: `delete_by_hand` in [retention]"
EMPTY = b""  # stands where something sealed was
PIECE = 1 << 20
# The audit is cut once a month, for each cut makes two entries; and by so many entries at once.
AUDIT_SPAN = timedelta(days=30)
ENTRIES_AT_ONCE = 2_000


Due = tuple[ColumnElement[bool], ...]  # what holds of a row of `messages`


class NotAllowedError(Exception):
    """A rule of the clinic forbids it; the message says which."""


@dataclass(frozen=True, slots=True)
class Rule:
    """By what something is destroyed: the class and its days, or somebody's hand; and what must
    hold of a message still in the commit that decides."""

    name: str
    by: str
    within: frozenset[str] | None = None  # the hand's own mailboxes: it lies in no other
    still: Due = ()


# ---- what is due ----


def messages_due(before: datetime) -> Due:
    """Heard before then wherever they lie, nobody's work any more, and nothing keeps them."""
    return (
        messages.c.deleted.is_(None),
        messages.c.started < _text(before),
        ~_is_recorded_talk(),
        ~_is_needed_somewhere(_text(before)),
        ~_belongs_to_a_request(),
        ~_is_open_lease(),
        ~holds.message_is_held(),
    )


def recordings_due(before: datetime) -> Due:
    """Parts of talks older than that, heard or not, that nothing keeps."""
    return (
        messages.c.deleted.is_(None),
        messages.c.started < _text(before),
        _is_recorded_talk(),
        ~holds.message_is_held(),
    )


def due(which: Due, most: int, connection: Connection) -> list[str]:
    """The oldest of them first, so many at most."""
    asked = select(messages.c.message).where(*which)
    return list(connection.scalars(asked.order_by(messages.c.started).limit(most)))


def audit_due(before: datetime, connection: Connection) -> int | None:
    """With which entry the audit is to begin; None if there is too little before it to be cut off,
    or if anything is on hold: then all of it is kept."""
    if holds.standing(connection):
        return None
    oldest = select(audit.entries.c.id, audit.entries.c.at).order_by(audit.entries.c.id).limit(1)
    begins = connection.execute(oldest).one_or_none()
    if begins is None or begins.at >= _text(before - AUDIT_SPAN):
        return None
    ids = select(func.min(audit.entries.c.id)).where(audit.entries.c.at >= _text(before))
    newest = audit.newest(connection)
    first = min(connection.scalar(ids) or newest, begins.id + ENTRIES_AT_ONCE, newest)
    return first if first > begins.id else None


def requests_due(before: datetime, most: int, connection: Connection) -> list[str]:
    """Done before then, and nothing keeps them."""
    asked = select(requests.c.request).where(
        requests.c.done < _text(before), requests.c.answers != EMPTY, ~holds.request_is_held()
    )
    return list(connection.scalars(asked.order_by(requests.c.done).limit(most)))


def callers_due(before: datetime, most: int, connection: Connection) -> list[str]:
    """Calls that ended, arrived before then, and whose caller is still known."""
    kept_message = select(messages.c.message).where(
        messages.c.call == calls.c.call, messages.c.deleted.is_(None)
    )
    kept_request = select(requests.c.request).where(
        requests.c.call == calls.c.call, requests.c.answers != EMPTY
    )
    open_ticket = select(tickets.c.ticket).where(
        tickets.c.call == calls.c.call, tickets.c.closed.is_(None)
    )
    open_lease = select(leases.c.message).where(
        leases.c.call == calls.c.call, leases.c.closed.is_(None)
    )
    kept = or_(*(each.exists() for each in (kept_message, kept_request, open_ticket, open_lease)))
    asked = select(calls.c.call).where(
        calls.c.arrived < _text(before),
        calls.c.outcome.is_not(None),
        or_(calls.c.number.is_not(None), calls.c.name.is_not(None)),
        ~kept,
        ~holds.call_is_held(calls.c.call),
    )
    return list(connection.scalars(asked.order_by(calls.c.arrived).limit(most)))


def unheard_since(before: datetime, connection: Connection) -> int:
    """Messages that are older and were never heard: kept, and told of."""
    asked = select(func.count()).where(
        messages.c.deleted.is_(None),
        messages.c.started < _text(before),
        _is_unheard_somewhere(),
    )
    return connection.scalar(asked) or 0


# ---- decisions: each is a piece of work for the store's one writer ----


def decide_message(
    connection: Connection, message: str, found: Subject, rule: Rule, key: MachineKey, at: Moment
) -> int | None:
    """The number of its begun receipt; None if there is no such message any more."""
    there = messages.c.message == message
    if connection.scalar(select(messages.c.message).where(there, holds.message_is_held())):
        raise HeldError(
            f"{message[:8]} is on legal hold: nobody deletes it until an admin releases the hold"
            " (`careline holds`)"
        )
    if connection.scalar(select(messages.c.message).where(there, _belongs_to_a_request())):
        raise NotAllowedError(
            f"{message[:8]} is an answer of a request and goes with it: see `careline requests`"
        )
    if connection.scalar(select(messages.c.message).where(there, _is_open_lease())):
        raise NotAllowedError(
            f"{message[:8]} is urgent and open: close it first, `careline oncall close`"
        )
    _refuse_if_otherwise_by_now(connection, message, rule)
    return _decided(connection, message, found, rule, key, at)


def _refuse_if_otherwise_by_now(connection: Connection, message: str, rule: Rule) -> None:
    """It may have been forwarded since somebody, or the night, looked."""
    if rule.within is not None:
        asked = select(in_mailboxes.c.mailbox).where(in_mailboxes.c.message == message)
        if elsewhere := sorted(set(connection.scalars(asked)) - rule.within):
            raise NotAllowedError(f"{message[:8]} lies in {', '.join(elsewhere)} too: look again")
    one = select(messages.c.message).where(messages.c.message == message, *rule.still)
    if rule.still and connection.scalar(one) is None:
        raise NotAllowedError(f"{message[:8]} is not due any more")


def decide_request(
    connection: Connection,
    request: str,
    answers: Sequence[tuple[str, Subject]],
    rule: Rule,
    key: MachineKey,
    at: Moment,
) -> list[int]:
    """All that is sealed of it is emptied here and now; its spoken answers go as messages do."""
    one = requests.c.request == request
    if connection.scalar(select(requests.c.request).where(one, holds.request_is_held())):
        raise HeldError(f"request {request[:8]} is on legal hold")
    subject = _sealed_of_request(connection, request)
    connection.execute(requests.update().where(one).values(answers=EMPTY, patient=None))
    noted = and_(acts.c.request == request, acts.c.note.is_not(None))
    connection.execute(acts.update().where(noted).values(note=None))
    begun = [receipts.begin(connection, subject, rule.name, rule.by, at, key)]
    for message, found in answers:
        number = _decided(connection, message, found, rule, key, at)
        begun += [number] if number is not None else []
    return begun


def decide_callers(
    connection: Connection, due: Sequence[str], before: datetime, rule: Rule, key: MachineKey,
    at: Moment,
) -> int:  # fmt: skip
    """Who called is forgotten; that somebody did, and what became of it, stays."""
    of_calls = calls.c.call.in_(due)
    digest, size = hashlib.sha256(), 0
    rows = select(calls.c.number, calls.c.name, calls.c.number_hash).where(of_calls)
    for row in connection.execute(rows.order_by(calls.c.call)):
        for sealed in row:
            digest.update(sealed or EMPTY)
            size += len(sealed or EMPTY)
    connection.execute(
        calls.update().where(of_calls).values(number=None, name=None, number_hash=None)
    )
    connection.execute(leases.update().where(leases.c.call.in_(due)).values(number=EMPTY))
    urgent = select(leases.c.message).where(leases.c.call.in_(due))
    connection.execute(lease_notes.delete().where(lease_notes.c.message.in_(urgent)))
    theirs = select(tickets.c.ticket).where(tickets.c.call.in_(due))
    connection.execute(ticket_numbers.delete().where(ticket_numbers.c.ticket.in_(theirs)))
    connection.execute(tickets.update().where(tickets.c.call.in_(due)).values(number=EMPTY))
    connection.execute(missed.delete().where(missed.c.call.in_(due)))
    what = f"{len(due)} calls before {before.date().isoformat()}"
    subject = Subject(Kind.CALLERS, what, digest.hexdigest(), size)
    return receipts.begin(connection, subject, rule.name, rule.by, at, key)


def decide_audit(
    connection: Connection, first: int, rule: Rule, key: MachineKey, at: Moment
) -> None:
    """The audit begins with this entry from now on, and says so itself."""
    digest, size = hashlib.sha256(), 0
    for entry in audit.cut(connection, first, rule.by, at, key):
        line = audit.as_line(entry).encode() + b"\n"
        digest.update(line)
        size += len(line)
    subject = Subject(Kind.AUDIT, f"entries before {first}", digest.hexdigest(), size)
    receipts.begin(connection, subject, rule.name, rule.by, at, key)


def answers_of(connection: Connection, request: str) -> list[str]:
    """Its spoken answers that are still there."""
    asked = select(spoken.c.message).where(
        spoken.c.request == request,
        spoken.c.message == messages.c.message,
        messages.c.deleted.is_(None),
    )
    return list(connection.scalars(asked))


# ---- the things themselves ----


def lying_there(directory: Path, message: str) -> Subject:
    """What a message's file is, by its hash, before it goes."""
    path = vault.sealed_path(directory, message)
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                size += len(piece)
    except FileNotFoundError:  # a power cut came between the file and its row
        return Subject(Kind.MESSAGE, message, "", 0)
    return Subject(Kind.MESSAGE, message, digest.hexdigest(), size)


def destroy_message(directory: Path, message: str) -> None:
    """Every wrap of its key, the box's own among them, and the file; nothing if it is gone. Who is
    just making it out to somebody ends that first: what they wrote is destroyed with it."""
    with vault.alone(directory):
        for why in (spare_key.SPARE, spare_key.BY_PHONE):
            spare_key.destroy(directory, message, why)
        path = vault.sealed_path(directory, message)
        if path.exists():
            vault.destroy(path)


# ---- carried to an older copy ----


def repeat(
    connection: Connection, directory: Path, done: Sequence[receipts.Receipt], moment: Moment
) -> int:
    """What a newer box has receipts for is destroyed in an older copy too; how many things were
    still there. `connection` writes the copy's calls.db, `directory` holds its messages."""
    repeated = 0
    for receipt in done:
        if receipt.kind == Kind.MESSAGE:
            was_there = mark_deleted(connection, receipt.what, moment)
            destroy_message(directory, receipt.what)
            repeated += was_there
        elif receipt.kind == Kind.REQUEST:
            one = requests.c.request == receipt.what
            emptied = connection.execute(
                requests.update()
                .where(one, requests.c.answers != EMPTY)
                .values(answers=EMPTY, patient=None)
            )
            connection.execute(
                acts.update()
                .where(acts.c.request == receipt.what, acts.c.note.is_not(None))
                .values(note=None)
            )
            repeated += emptied.rowcount
    return repeated


def _decided(
    connection: Connection, message: str, found: Subject, rule: Rule, key: MachineKey, at: Moment
) -> int | None:
    if not mark_deleted(connection, message, at):
        return None
    return receipts.begin(connection, found, rule.name, rule.by, at, key)


def _sealed_of_request(connection: Connection, request: str) -> Subject:
    kept = select(requests.c.answers, requests.c.patient).where(requests.c.request == request)
    row = connection.execute(kept).one()
    noted = select(acts.c.note).where(acts.c.request == request, acts.c.note.is_not(None))
    sealed = [row.answers, row.patient or EMPTY, *connection.scalars(noted.order_by(acts.c.id))]
    digest = hashlib.sha256(b"".join(sealed)).hexdigest()
    return Subject(Kind.REQUEST, request, digest, sum(map(len, sealed)))


def _is_unheard_somewhere() -> ColumnElement[bool]:
    """Of a row of `messages`: there is a mailbox in which nobody has heard it."""
    here = in_mailboxes.c.message == messages.c.message
    return select(in_mailboxes.c.message).where(here, in_mailboxes.c.heard.is_(None)).exists()


def _is_needed_somewhere(before: str) -> ColumnElement[bool]:
    """Of a row of `messages`: unheard, somebody's work, or heard or done later than that."""
    row = in_mailboxes.c
    is_work = and_(row.owner.is_not(None), row.done.is_(None))
    is_needed = or_(row.heard.is_(None), is_work, row.heard >= before, row.done >= before)
    return select(row.message).where(row.message == messages.c.message, is_needed).exists()


def _belongs_to_a_request() -> ColumnElement[bool]:
    """Of a row of `messages`."""
    return (
        select(spoken.c.message)
        .where(
            spoken.c.message == messages.c.message,
            requests.c.request == spoken.c.request,
            requests.c.answers != EMPTY,
        )
        .exists()
    )


def _is_recorded_talk() -> ColumnElement[bool]:
    """Of a row of `messages`: nobody left it; it is a class of its own."""
    return select(recordings.c.message).where(recordings.c.message == messages.c.message).exists()


def _is_open_lease() -> ColumnElement[bool]:
    """Of a row of `messages`: somebody must still see to it."""
    return (
        select(leases.c.message)
        .where(leases.c.message == messages.c.message, leases.c.closed.is_(None))
        .exists()
    )


def _text(at: datetime) -> str:
    return Moment(at, 0).text
