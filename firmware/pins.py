"""PINs by which people show on a telephone that they are who was called.

A PIN authorises and never encrypts: what it lets hear is sealed otherwise. Only its argon2id hash
is kept, and a person without one takes as long to refuse as a wrong PIN.
"""

import secrets
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import Connection, column, select, table

from firmware import people as staff
from firmware.passwords import COST, Cost
from firmware.pin_rule import PinError, check_pin
from firmware.store import open_reader

PIN_MADE = 8  # digits of one that the box makes: kept in mind, and not to be tried out in a night

pins = table("pins", column("person", sa.Text), column("hash", sa.Text), column("made", sa.Text))


def keep(page_db: Path, person: str, pin: str, cost: Cost = COST) -> None:
    """From now on this is the person's PIN."""
    check_pin(pin)
    hashed = PasswordHasher(cost.passes, cost.memory_kib, cost.lanes).hash(pin)

    def write(connection: Connection) -> None:
        made = datetime.now(UTC).isoformat(timespec="milliseconds")
        connection.execute(pins.delete().where(pins.c.person == person))
        connection.execute(pins.insert().values(person=person, hash=hashed, made=made))

    staff.write(page_db, write)


def fresh() -> str:
    """One that nobody thought of, and that nobody guesses first."""
    while True:
        pin = f"{secrets.randbelow(10**PIN_MADE):0{PIN_MADE}}"
        try:
            check_pin(pin)
        except PinError:
            continue
        return pin


def fits(page_db: Path, person: str, pin: str) -> bool:
    """Whether it is the person's; it takes as long as a processor needs for one hash."""
    hashed = _hashes(page_db).get(person)
    try:
        _hasher().verify(_nobodys() if hashed is None else hashed, pin)
    except VerificationError:
        return False
    return hashed is not None


def whose(page_db: Path, people: Iterable[str], pin: str) -> str:
    """Who of these people has it; empty: nobody. Each of them is tried, whoever it is: how long it
    takes tells nothing."""
    having = [person for person in people if fits(page_db, person, pin)]
    return having[0] if having else ""


def without(page_db: Path, people: Iterable[str]) -> list[str]:
    """Who of these has none."""
    held = _hashes(page_db)
    return [person for person in people if person not in held]


def made(page_db: Path) -> Mapping[str, datetime]:
    """Whoever has one, and since when."""
    return {person: datetime.fromisoformat(at) for person, at in _each(page_db, pins.c.made)}


def _hashes(page_db: Path) -> dict[str, str]:
    return dict(_each(page_db, pins.c.hash))


def _each(page_db: Path, wanted: "sa.ColumnClause[str]") -> list[tuple[str, str]]:
    if not page_db.exists():
        return []
    reader = open_reader(page_db)
    try:
        with reader.connect() as connection:
            if not sa.inspect(connection).has_table(pins.name):
                return []  # written by an older version; the first PIN makes the table
            found = connection.execute(select(pins.c.person, wanted))
            return [(person, value) for person, value in found]
    finally:
        reader.dispose()


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher(COST.passes, COST.memory_kib, COST.lanes)


@cache
def _nobodys() -> str:
    return _hasher().hash("nobody's PIN")
