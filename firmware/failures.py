"""Failures at sign-in, kept in page.db so that a restart forgives nobody: by name and way in, and
of all names together. How long they make somebody wait is for firmware/lockout.py to say."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection, column, select, table

from firmware.lockout import OF_A_NAME, OF_ALL, Failures, wait

NAME_MOST = 64  # of what somebody typed
ALL_NAMES = ""  # nobody's name
FORGOTTEN_AFTER = timedelta(days=1)

failures = table(
    "failures",
    column("person", sa.Text),
    column("way", sa.Text),
    column("count", sa.Integer),
    column("last", sa.Text),
)


def count(connection: Connection, person: str, way: str, now: datetime) -> timedelta:
    """Count one more, and nothing to wait; or how long to wait, and nothing is counted."""
    old = failures.c.last < _text(now - FORGOTTEN_AFTER)
    connection.execute(failures.delete().where(old))
    by_name = _found(connection, person, way)
    by_all = _found(connection, ALL_NAMES, way)
    waits = max(wait(by_name, OF_A_NAME, now), wait(by_all, OF_ALL, now))
    if not waits:
        _keep(connection, person, way, by_name.one_more(now))
        _keep(connection, ALL_NAMES, way, by_all.one_more(now))
    return waits


def take_back(connection: Connection, person: str, way: str) -> None:
    """The newest was no failure, and is no success yet either."""
    for name in (person, ALL_NAMES):
        so_far = _found(connection, name, way)
        _keep(connection, name, way, Failures(so_far.count - 1, so_far.last))


def forget(connection: Connection, person: str, way: str) -> None:
    """It was a success."""
    for name in (person, ALL_NAMES):
        connection.execute(failures.delete().where(*_of(name, way)))


def forgive(connection: Connection, person: str) -> None:
    """Whoever tried this name before, it is somebody's anew."""
    connection.execute(failures.delete().where(failures.c.person == person[:NAME_MOST]))


def waiting(connection: Connection, now: datetime) -> dict[str, timedelta]:
    """Who has to wait before another try is looked at, and how long, whatever the way in."""
    told: dict[str, timedelta] = {}
    asked = select(failures).where(failures.c.person != ALL_NAMES)
    for person, _, count_, last in connection.execute(asked).all():
        so_far = Failures(count_, datetime.fromisoformat(last))
        if waits := wait(so_far, OF_A_NAME, now):
            told[person] = max(waits, told.get(person, waits))
    return told


def _found(connection: Connection, name: str, way: str) -> Failures:
    asked = select(failures.c.count, failures.c.last).where(*_of(name, way))
    row = connection.execute(asked).one_or_none()
    return Failures() if row is None else Failures(row[0], datetime.fromisoformat(row[1]))


def _keep(connection: Connection, name: str, way: str, so_far: Failures) -> None:
    connection.execute(failures.delete().where(*_of(name, way)))
    if so_far.last is not None and so_far.count > 0:
        row = {"person": name[:NAME_MOST], "way": way, "count": so_far.count}
        connection.execute(failures.insert().values(row | {"last": _text(so_far.last)}))


def _of(name: str, way: str) -> tuple[sa.ColumnElement[bool], ...]:
    return failures.c.person == name[:NAME_MOST], failures.c.way == way


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
