"""Tokens: by one, a program asks the page's JSON interface as the person who made it.

A token is shown once, to that person; the table holds its hash, so nobody who reads page.db has
one. It is one of 2^256 and needs no pace. It opens nothing: it is no key, and its holder may do
only what neither needs a key nor is to be done by a person alone (firmware/operations.py). It ends
a year after it was made, when it is taken away, and with its person.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy import Connection, column, select, table

# By which whoever finds one in a file, people and programs alike, knows what it is.
PREFIX = "careline-"
TOKEN_BYTES = 32
NAME_MOST = 40
MOST = 20  # of one person
WRITTEN_EVERY = timedelta(minutes=1)
# Whoever forgot a program is reminded of it once a year, and told before.
GOOD_FOR = timedelta(days=365)
TOLD_BEFORE = timedelta(days=14)

tokens = table(
    "tokens",
    column("number", sa.Integer),
    column("token", sa.LargeBinary),  # its SHA-256
    column("person", sa.Text),
    column("name", sa.Text),
    column("made", sa.Text),
    column("used", sa.Text),
)


class TooManyError(Exception):
    """This person has as many as anybody can keep an eye on."""


@dataclass(frozen=True, slots=True)
class Token:
    """One of them, as its person sees it; `used` within a minute, None if it never was."""

    number: int  # no other ever has it: by this the audit names it
    person: str
    name: str
    made: datetime
    used: datetime | None

    @property
    def good_until(self) -> datetime:
        """From then on it is nobody's."""
        return self.made + GOOD_FOR


def make(connection: Connection, person: str, name: str, now: datetime) -> tuple[int, str]:
    """Its number, and itself, for this person alone. TooManyError."""
    if len(of(connection, person)) >= MOST:
        raise TooManyError
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    row = {"token": _hashed(token), "person": person, "name": name, "made": _text(now)}
    made = connection.execute(tokens.insert().values(row))
    assert made.lastrowid is not None
    return made.lastrowid, token


def look(connection: Connection, token: str, now: datetime) -> Token | None:
    """Whose this is; None: nobody's, or nobody's any more."""
    if not token.startswith(PREFIX):
        return None
    found = connection.execute(select(tokens).where(tokens.c.token == _hashed(token)))
    row = found.one_or_none()
    known = None if row is None else _token(row)
    return known if known and now < known.good_until else None


def use(connection: Connection, number: int, now: datetime) -> None:
    """It has just been used; to be told once a minute (`WRITTEN_EVERY`)."""
    mine = sa.update(tokens).where(tokens.c.number == number)
    connection.execute(mine.values(used=_text(now)))


def of(connection: Connection, person: str) -> list[Token]:
    """This person's, the oldest first."""
    asked = select(tokens).where(tokens.c.person == person).order_by(tokens.c.number)
    return [_token(row) for row in connection.execute(asked)]


def every(connection: Connection) -> list[Token]:
    """Everybody's, by person."""
    asked = select(tokens).order_by(tokens.c.person, tokens.c.number)
    return [_token(row) for row in connection.execute(asked)]


def end(connection: Connection, number: int) -> None:
    """Taken away."""
    connection.execute(tokens.delete().where(tokens.c.number == number))


def forget(connection: Connection, person: str) -> None:
    """All of somebody who is no longer here."""
    connection.execute(tokens.delete().where(tokens.c.person == person))


def _token(row: sa.Row[tuple[int, bytes, str, str, str, str | None]]) -> Token:
    used = None if row.used is None else datetime.fromisoformat(row.used)
    return Token(row.number, row.person, row.name, datetime.fromisoformat(row.made), used)


def _hashed(token: str) -> bytes:
    return sha256(b"careline token " + token.encode()).digest()


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")
