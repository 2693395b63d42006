"""Who may listen to a mailbox at a desk telephone: off until its owner, the first of its members,
switches it on, for from then on the box can open its messages by itself. Other members may then
choose a PIN of their own. Whoever cannot open the mailbox any more cannot listen either.

A PIN lets hear what the box can open; it opens nothing. Five wrong ones lock the mailbox, over any
restart, until one of those who may listen has signed in. A try is counted as wrong before it is
looked at, so that neither a power cut nor ten telephones at once gain one.
"""

from collections.abc import Collection
from datetime import UTC, datetime

import sqlalchemy as sa
from argon2 import PasswordHasher
from sqlalchemy import Connection, column, func, select, table

from firmware import audit, mailbox_keys
from firmware.passwords import COST, Cost
from firmware.pin_rule import check_pin

WRONG_MOST = 5

listening = table(
    "listening",
    column("mailbox", sa.Text),
    column("person", sa.Text),
    column("pin", sa.Text),
    column("made", sa.Text),
)
wrong_pins = table(
    "wrong_pins",
    column("mailbox", sa.Text),
    column("count", sa.Integer),
    column("entry", sa.Integer),
)


def hashed(pin: str, cost: Cost = COST) -> str:
    """What is kept of a PIN; PinError if it is guessed at once."""
    check_pin(pin)
    return PasswordHasher(cost.passes, cost.memory_kib, cost.lanes).hash(pin)


# ---- in page.db ----


def listeners(connection: Connection, mailbox: str) -> dict[str, str]:
    """Who may listen to it by telephone now, each with a PIN's hash."""
    rows = connection.execute(
        select(listening.c.person, listening.c.pin).where(listening.c.mailbox == mailbox)
    ).all()
    can_open = mailbox_keys.holders(connection, mailbox) if rows else set()
    return {row.person: row.pin for row in rows if row.person in can_open}


def mailboxes(connection: Connection) -> list[str]:
    """Those that somebody listens to by telephone."""
    if not sa.inspect(connection).has_table(listening.name):
        return []  # written by an older version
    named = connection.scalars(select(listening.c.mailbox).distinct()).all()
    return sorted(name for name in named if listeners(connection, name))


def switch_on(connection: Connection, mailbox: str, person: str, pin: str) -> None:
    """With this PIN, as it is `hashed`."""
    switch_off(connection, mailbox, [person])
    made = datetime.now(UTC).isoformat(timespec="milliseconds")
    row = {"mailbox": mailbox, "person": person, "pin": pin, "made": made}
    connection.execute(listening.insert().values(row))


def switch_off(connection: Connection, mailbox: str, people: Collection[str]) -> None:
    """These do not listen any more."""
    here = (listening.c.mailbox == mailbox, listening.c.person.in_(people))
    connection.execute(listening.delete().where(*here))


def forget(connection: Connection, person: str) -> None:
    """They have left, or have a new password."""
    connection.execute(listening.delete().where(listening.c.person == person))


# ---- in calls.db ----


def try_pin(connection: Connection, mailbox: str, who: Collection[str]) -> bool:
    """Count one more wrong PIN; False, and nothing is counted: it is locked."""
    count, entry = _wrong(connection, mailbox, who)
    if count >= WRONG_MOST:
        return False
    connection.execute(wrong_pins.delete().where(wrong_pins.c.mailbox == mailbox))
    connection.execute(wrong_pins.insert().values(mailbox=mailbox, count=count + 1, entry=entry))
    return True


def was_right(connection: Connection, mailbox: str) -> None:
    """It was none of the wrong ones after all, and those before it are forgotten."""
    connection.execute(wrong_pins.delete().where(wrong_pins.c.mailbox == mailbox))


def is_locked(connection: Connection, mailbox: str, who: Collection[str]) -> bool:
    return _wrong(connection, mailbox, who)[0] >= WRONG_MOST


def _wrong(connection: Connection, mailbox: str, who: Collection[str]) -> tuple[int, int]:
    """How many were wrong since one of these signed in, and from which entry of the audit on a
    sign-in counts."""
    newest = connection.scalar(select(func.max(audit.entries.c.id))) or 0
    asked = select(wrong_pins.c.count, wrong_pins.c.entry).where(wrong_pins.c.mailbox == mailbox)
    row = connection.execute(asked).one_or_none()
    if row is None:
        return 0, newest
    count, since = row
    signed_in = select(audit.entries.c.id).where(
        audit.entries.c.id > since,
        audit.entries.c.act == audit.Act.SIGNED_IN,
        audit.entries.c.who.in_(who),
    )
    if connection.scalar(signed_in.limit(1)) is not None:
        return 0, newest
    return count, since
