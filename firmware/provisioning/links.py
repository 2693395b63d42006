"""Links that set up a telephone: one at a time for each, good for a day until somebody fetches by
it, and from then on for a few minutes and that device alone, for a telephone asks twice.

A link is shown once, to who made it; the table holds the hash of its token, so nobody who reads
page.db has one. It stands in no log and in no audit. What it opens is one telephone's password.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy import Connection, column, select, table

from firmware.provisioning.desk import Maker

TOKEN_BYTES = 16  # short enough for a square that a telephone reads; one of 2^128
GOOD_FOR = timedelta(hours=24)
AGAIN_WITHIN = timedelta(minutes=10)  # of the first fetch

phone_links = table(
    "phone_links",
    column("extension", sa.Text),
    column("token", sa.LargeBinary),  # its SHA-256
    column("maker", sa.Text),
    column("host", sa.Text),
    column("made", sa.Text),
    column("device", sa.Text),
    column("fetched", sa.Text),
)


@dataclass(frozen=True, slots=True)
class Link:
    """One of them. `device` is the one that it is for: by its MAC, or by its address where it tells
    none; None until it is known. `host` is where the telephone finds the box."""

    extension: str
    maker: Maker
    host: str
    made: datetime
    device: str | None
    fetched: datetime | None

    def is_good(self, now: datetime) -> bool:
        """Whether it opens anything still, to whomever."""
        if self.fetched is not None:
            return now - self.fetched <= AGAIN_WITHIN
        return now - self.made <= GOOD_FOR


def make(connection: Connection, link: Link) -> str:
    """Its token, for who made it alone; the telephone's last one opens nothing from now on."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    connection.execute(phone_links.delete().where(phone_links.c.extension == link.extension))
    row = {
        "extension": link.extension,
        "token": _hashed(token),
        "maker": link.maker.value,
        "host": link.host,
        "made": _text(link.made),
        "device": link.device,
        "fetched": None,
    }
    connection.execute(phone_links.insert().values(row))
    return token


def look(connection: Connection, token: str, device: str, now: datetime) -> Link | None:
    """What this opens to this device; None: nothing. "" is any that asks for what is no secret."""
    found = connection.execute(select(phone_links).where(phone_links.c.token == _hashed(token)))
    row = found.one_or_none()
    link = None if row is None else _link(row)
    if link is None or not link.is_good(now):
        return None
    return None if device and link.device not in (None, device) else link


def fetch(connection: Connection, token: str, device: str, now: datetime) -> Link | None:
    """The same, and from now on it is this device's alone. The answer is as it was before."""
    link = look(connection, token, device, now)
    if link is not None and link.fetched is None:
        mine = sa.update(phone_links).where(phone_links.c.extension == link.extension)
        connection.execute(mine.values(device=device, fetched=_text(now)))
    return link


def of(connection: Connection, extension: str) -> Link | None:
    """This telephone's last one."""
    asked = select(phone_links).where(phone_links.c.extension == extension)
    row = connection.execute(asked).one_or_none()
    return None if row is None else _link(row)


def end(connection: Connection, extension: str) -> None:
    """Taken away."""
    connection.execute(phone_links.delete().where(phone_links.c.extension == extension))


def _link(row: sa.Row[tuple[str, bytes, str, str, str, str | None, str | None]]) -> Link:
    fetched = None if row.fetched is None else datetime.fromisoformat(row.fetched)
    made = datetime.fromisoformat(row.made)
    return Link(row.extension, Maker(row.maker), row.host, made, row.device, fetched)


def _hashed(token: str) -> bytes:
    return sha256(b"careline telephone link " + token.encode()).digest()


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
