"""What people have chosen of the page, as it lies in page.db: their language, the telephone where
they sit, and which screens are wallboards. A wallboard's browser holds a token, the table its hash;
it opens the wallboard and nothing else, and lasts until somebody ends it.
"""

import secrets
from datetime import UTC, datetime
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy import Connection, column, func, select, table

languages = table("languages", column("person", sa.Text), column("language", sa.Text))
own_phones = table("own_phones", column("person", sa.Text), column("extension", sa.Text))
walls = table(
    "walls",
    column("token", sa.LargeBinary),  # its SHA-256
    column("by", sa.Text),
    column("begun", sa.Text),
)


def language_of(connection: Connection, person: str) -> str | None:
    """What this person chose; None: nothing yet."""
    asked = select(languages.c.language).where(languages.c.person == person)
    return connection.scalar(asked)


def choose_language(connection: Connection, person: str, language: str) -> None:
    connection.execute(languages.delete().where(languages.c.person == person))
    connection.execute(languages.insert().values(person=person, language=language))


def phone_of(connection: Connection, person: str) -> str:
    """The telephone at which this person said they sit; empty: none yet."""
    asked = select(own_phones.c.extension).where(own_phones.c.person == person)
    return connection.scalar(asked) or ""


def choose_phone(connection: Connection, person: str, extension: str) -> None:
    connection.execute(own_phones.delete().where(own_phones.c.person == person))
    connection.execute(own_phones.insert().values(person=person, extension=extension))


def begin_wall(connection: Connection, by: str, now: datetime) -> str:
    """The token, for that screen's browser alone."""
    token = secrets.token_urlsafe(32)
    at = now.astimezone(UTC).isoformat(timespec="seconds")
    connection.execute(walls.insert().values(token=_hashed(token), by=by, begun=at))
    return token


def is_wall(connection: Connection, token: str) -> bool:
    return bool(connection.scalar(select(func.count()).where(walls.c.token == _hashed(token))))


def end_walls(connection: Connection) -> int:
    """Every one; how many there were."""
    return connection.execute(walls.delete()).rowcount


def _hashed(token: str) -> bytes:
    return sha256(b"careline wall " + token.encode()).digest()
