"""Who is signed in to the page: a row for each, and no key in it.

A browser holds a token, the table its hash. A session ends when it has been idle too long, when it
has lasted too long, when it is signed out, and at once when its person's password or membership
ends. What the person can open is held in memory alone, by whoever serves them: after a restart the
row still says who they are, and the password is asked for before anything is opened.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import sqlalchemy as sa
from sqlalchemy import Connection, column, select, table

TOKEN_BYTES = 32

sessions = table(
    "sessions",
    column("token", sa.LargeBinary),  # its SHA-256
    column("person", sa.Text),
    column("begun", sa.Text),
    column("used", sa.Text),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """When a session ends by itself."""

    idle: timedelta = timedelta(minutes=15)
    absolute: timedelta = timedelta(hours=12)


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody is signed in."""

    person: str
    begun: datetime
    used: datetime

    def is_over(self, now: datetime, limits: Limits = LIMITS) -> bool:
        """A session from a clock that has been set back since is over too: nobody knows its age."""
        return (
            now - self.used >= limits.idle
            or now - self.begun >= limits.absolute
            or self.begun - now >= limits.idle
        )


def begin(connection: Connection, person: str, now: datetime) -> str:
    """The token, for the browser alone."""
    token = secrets.token_urlsafe(TOKEN_BYTES)
    at = _text(now)
    connection.execute(
        sessions.insert().values(token=_hashed(token), person=person, begun=at, used=at)
    )
    return token


def use(
    connection: Connection, token: str, now: datetime, limits: Limits = LIMITS
) -> Session | None:
    """Whose session this is, which has just been used; None, and no row any more, if it is over."""
    mine = sessions.c.token == _hashed(token)
    row = connection.execute(select(sessions).where(mine)).one_or_none()
    if row is None:
        return None
    if _session(row).is_over(now, limits):
        connection.execute(sessions.delete().where(mine))
        return None
    connection.execute(sa.update(sessions).where(mine).values(used=_text(now)))
    return Session(row.person, datetime.fromisoformat(row.begun), now)


def look(
    connection: Connection, token: str, now: datetime, limits: Limits = LIMITS
) -> Session | None:
    """Whose session this is, for who may only read; None if it is over."""
    row = connection.execute(select(sessions).where(sessions.c.token == _hashed(token)))
    found = row.one_or_none()
    if found is None or _session(found).is_over(now, limits):
        return None
    return _session(found)


def end(connection: Connection, token: str) -> None:
    """Signed out."""
    connection.execute(sessions.delete().where(sessions.c.token == _hashed(token)))


def end_all(connection: Connection, person: str) -> int:
    """Signed out everywhere; of how many."""
    return connection.execute(sessions.delete().where(sessions.c.person == person)).rowcount


def running(connection: Connection, now: datetime, limits: Limits = LIMITS) -> list[Session]:
    """Everybody who is signed in, the first first."""
    found = connection.execute(select(sessions).order_by(sessions.c.begun)).all()
    return [each for each in map(_session, found) if not each.is_over(now, limits)]


def sweep(connection: Connection, now: datetime, limits: Limits = LIMITS) -> None:
    """Rows of sessions that are over."""
    for row in connection.execute(select(sessions)).all():
        if _session(row).is_over(now, limits):
            connection.execute(sessions.delete().where(sessions.c.token == row.token))


def _session(row: sa.Row[tuple[bytes, str, str, str]]) -> Session:
    begun, used = datetime.fromisoformat(row.begun), datetime.fromisoformat(row.used)
    return Session(row.person, begun, used)


def _hashed(token: str) -> bytes:
    return sha256(b"careline session " + token.encode()).digest()


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
