"""The envelope: a code on paper that opens every mailbox once, when nobody is there who can.

The code grows into a key pair; the seeds of all pairs of all mailboxes are wrapped to it, those of
a new pair when it is born. Who makes an envelope must be able to open all of it already, so none
gains by it. Opening it destroys the wraps: it serves once. That it was opened is shown until
another is made.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Connection, column, select, table

from firmware import codes
from firmware.keys import KeyPair, PublicKey

ENVELOPE = "envelope"
CODE_LENGTH = 24  # 2^119 codes: it opens the files of a stolen box too

envelopes = table(
    "envelopes",
    column("id", sa.Integer),
    column("public_key", sa.LargeBinary),
    column("made", sa.Text),
    column("by", sa.Text),
    column("opened", sa.Text),
    column("opened_by", sa.Text),
)
envelope_keys = table(
    "envelope_keys",
    column("mailbox", sa.Text),
    column("generation", sa.Integer),
    column("wrapped_seed", sa.LargeBinary),
)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The one there is."""

    made: datetime
    by: str
    opened: datetime | None
    opened_by: str


def fresh_code() -> str:
    """What is printed, once."""
    return codes.fresh(CODE_LENGTH)


def make(connection: Connection, code: str, by: str, now: datetime) -> None:
    """An envelope for this code in place of any other; it holds nothing yet."""
    connection.execute(envelope_keys.delete())
    connection.execute(envelopes.delete())
    public = _pair(code).public.raw
    connection.execute(envelopes.insert().values(public_key=public, made=_text(now), by=by))


def hold(connection: Connection, mailbox: str, number: int, pair: KeyPair) -> None:
    """Put a mailbox's pair into the envelope, if there is one that was not opened."""
    asked = select(envelopes.c.public_key).where(envelopes.c.opened.is_(None))
    if (raw := connection.scalar(asked)) is not None:
        wrapped = PublicKey(raw).wrap(pair.seed, _purpose(mailbox, number))
        connection.execute(
            envelope_keys.insert().values(mailbox=mailbox, generation=number, wrapped_seed=wrapped)
        )


def fits(connection: Connection, code: str) -> bool:
    """Whether this is the code of an envelope that was not opened."""
    asked = select(envelopes.c.public_key).where(envelopes.c.opened.is_(None))
    return connection.scalar(asked) == _pair(code).public.raw


def open_it(
    connection: Connection, code: str, who: str, now: datetime
) -> list[tuple[str, int, KeyPair]]:
    """Every mailbox's pairs; the code must fit. Nobody opens it again."""
    pair = _pair(code)
    rows = connection.execute(select(envelope_keys)).all()
    held = [
        (box, number, KeyPair(pair.unwrap(wrapped, _purpose(box, number))))
        for box, number, wrapped in rows
    ]
    connection.execute(envelope_keys.delete())
    connection.execute(sa.update(envelopes).values(opened=_text(now), opened_by=who))
    return held


def found(connection: Connection) -> Envelope | None:
    """The envelope as it is now."""
    if not sa.inspect(connection).has_table(envelopes.name):
        return None  # written by an older version
    row = connection.execute(select(envelopes)).one_or_none()
    if row is None:
        return None
    opened = datetime.fromisoformat(row.opened) if row.opened else None
    return Envelope(datetime.fromisoformat(row.made), row.by, opened, row.opened_by or "")


def page(code: str, clinic: str, made: str) -> str:
    """What goes into the envelope, ready to be printed."""
    return f"""\
{"=" * 72}
  BREAK GLASS: the envelope of {clinic}
  made {made}

  For the day when somebody must hear a message and nobody who can is
  there. This code opens every mailbox, ONCE. Everybody in charge is told,
  it is entered in the audit with the name given, and then it is void.

      careline people break-glass NAME

      {code}

  Seal it in an envelope, sign across the flap, keep it locked up; keep
  no file or photograph of it. It is shown once.
{"=" * 72}
"""


def _pair(code: str) -> KeyPair:
    # The hash of a code is as long as a seed, and of this one nothing but the public key is kept.
    return KeyPair(codes.hashed(code, ENVELOPE))


def _purpose(mailbox: str, number: int) -> bytes:
    return b"careline envelope " + mailbox.encode() + b"\0" + number.to_bytes(4)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
