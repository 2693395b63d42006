"""The clinic's list of patients, by which a caller is known: keyed hashes of what two factors say
together, and each name sealed beside them, all under the machine key.

What a patient knows is worth little alone: there are 10,000 last four digits, and some 30,000 days
to be born on. So no factor is hashed by itself, but each pair of them, and stretched (scrypt); the
salt is made by the machine key, which lies in no table. Whoever has only the tables learns nothing,
not even who shares a birthday; whoever has the key too pays a millisecond and a megabyte a guess,
some 300 million of them for a date of birth with four digits.

A whole number is hashed by itself as well, as the ledger does with callers' numbers: the clinic's
people see who calls before a word is said. It identifies nobody, for the number that a network
shows may be false; and it is the one thing of which the tables tell that two patients share it.

The same work is done whether a caller is known, unknown or doubtful: one stretching, a comparison
with every patient, one name unsealed.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection, column, delete, select, table
from sqlalchemy.exc import OperationalError

from firmware.machine import MachineKey, MachineKeyError
from firmware.store import Store, StoreError, open_reader
from ivr.identity import Factor, Pair, Verdict
from ivr.outside import NATIONAL_DIGITS, NORTH_AMERICA

SALT_BYTES = 16
# scrypt's n, with r = 8: a megabyte, and 3 ms on a PC. A caller waits for one, an import for three
# or so of each patient.
COST = 1024
BLOCK = 8

patient_list = table(
    "patient_list",
    column("one", sa.Integer),
    column("imported", sa.Text),
    column("patients", sa.Integer),
    column("salt", sa.LargeBinary),
    column("cost", sa.Integer),
)
patients = table("patients", column("patient", sa.Integer), column("name", sa.LargeBinary))
pairs = table(
    "patient_pairs",
    column("pair", sa.Text),
    column("patient", sa.Integer),
    column("hash", sa.LargeBinary),
)
numbers = table("patient_numbers", column("hash", sa.LargeBinary), column("patient", sa.Integer))


@dataclass(frozen=True, slots=True)
class Patient:
    """Somebody of the list, while it is read. `number` is whole, or empty."""

    name: str = field(repr=False)
    factors: dict[Factor, str] = field(repr=False)
    number: str = field(default="", repr=False)

    @property
    def pairs(self) -> list[Pair]:
        """Each two of what the patient knows."""
        known = sorted(self.factors.items())
        return [Pair.of(dict(two)) for two in combinations(known, 2)]


@dataclass(frozen=True, slots=True)
class Known:
    """What is told of a list: when it was imported, and how many are on it."""

    imported: datetime
    patients: int


@dataclass(frozen=True, slots=True)
class Found:
    """Who a caller is, if that is beyond doubt."""

    verdict: Verdict
    name: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Stretcher:
    """Hashes of one import."""

    key: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    cost: int

    def hash(self, pair: Pair) -> bytes:
        told = "\0".join((pair.name, *pair.values)).encode()
        salt = hmac.digest(self.key, self.salt, "sha256")
        return hashlib.scrypt(told, salt=salt, n=self.cost, r=BLOCK, p=1, dklen=32)


Shown = Callable[[Iterable[list[bytes]]], Iterable[list[bytes]]]


def replace(
    page_db: Path, key: MachineKey, new: Sequence[Patient], now: datetime, shown: Shown = iter
) -> Known:
    """This list in the place of the one before: whole, or not at all. `shown` sees each patient's
    hashes pass, as they are made."""
    salt = os.urandom(SALT_BYTES)
    stretcher = _Stretcher(key.for_patients(), salt, COST)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # scrypt lets other threads run
        made = pool.map(lambda patient: [stretcher.hash(pair) for pair in patient.pairs], new)
        hashes = list(shown(made))
    known = Known(now, len(new))

    def write(connection: Connection) -> None:
        _wipe(connection)
        connection.execute(
            patient_list.insert().values(
                one=1,
                imported=_text(known.imported),
                patients=known.patients,
                salt=salt,
                cost=COST,
            )
        )
        for number, (patient, hashed) in enumerate(zip(new, hashes, strict=True), 1):
            sealed = key.seal(patient.name, _where(number))
            connection.execute(patients.insert().values(patient=number, name=sealed))
            if patient.number:
                whole = key.number_of_patient(patient.number)
                connection.execute(numbers.insert().values(hash=whole, patient=number))
            for pair, each in zip(patient.pairs, hashed, strict=True):
                connection.execute(pairs.insert().values(pair=pair.name, patient=number, hash=each))

    _write(page_db, write)
    return known


def known(page_db: Path) -> Known | None:
    """What list there is; None: none, or none any more."""
    try:
        with _reading(page_db) as connection:
            asked = select(patient_list.c.imported, patient_list.c.patients)
            row = connection.execute(asked).one_or_none()
    except (StoreError, OperationalError):  # no set-up yet, or one before there were lists
        return None
    return Known(datetime.fromisoformat(row.imported), row.patients) if row else None


def forget(page_db: Path) -> bool:
    """Wipe the list; false, if there was none."""
    was_there = known(page_db) is not None
    if was_there:
        _write(page_db, _wipe)
    return was_there


def find(page_db: Path, key: MachineKey, pair: Pair) -> Found:
    """Who knows both. Two who do are a doubt, and so is a list that is not there; StoreError or
    OperationalError: it cannot be read."""
    with _reading(page_db) as connection:
        listed = connection.execute(select(patient_list.c.salt, patient_list.c.cost)).one_or_none()
        if listed is None:
            return Found(Verdict.DOUBT)
        candidates = connection.execute(
            select(pairs.c.patient, pairs.c.hash, patients.c.name)
            .join(patients, patients.c.patient == pairs.c.patient)
            .where(pairs.c.pair == pair.name)
            .order_by(pairs.c.patient)
        ).all()
    wanted = _Stretcher(key.for_patients(), listed.salt, listed.cost).hash(pair)
    matching = [hmac.compare_digest(row.hash, wanted) for row in candidates]
    if not candidates:
        return Found(Verdict.DOUBT)  # nobody on the list has these two, so nobody can be told
    chosen = candidates[matching.index(True) if any(matching) else 0]
    try:
        name = key.open(chosen.name, _where(chosen.patient))
    except MachineKeyError:
        return Found(Verdict.DOUBT)
    match sum(matching):
        case 0:
            return Found(Verdict.UNKNOWN)
        case 1:
            return Found(Verdict.IDENTIFIED, name)
        case _:
            return Found(Verdict.DOUBT)


def whole_number(written: str) -> str:
    """A number as it is compared: its digits without the country's; empty if some are missing."""
    digits = "".join(each for each in written if each in "0123456789")
    if len(digits) == NATIONAL_DIGITS + 1 and digits.startswith(NORTH_AMERICA):
        return digits.removeprefix(NORTH_AMERICA)
    return digits if len(digits) >= NATIONAL_DIGITS else ""


def names_of(connection: Connection, key: MachineKey, shown: str) -> list[str]:
    """Patients with the number that is shown, of page.db; a family has one telephone."""
    if not (whole := whole_number(shown)):
        return []
    asked = (
        select(patients.c.patient, patients.c.name)
        .join(numbers, numbers.c.patient == patients.c.patient)
        .where(numbers.c.hash == key.number_of_patient(whole))
        .order_by(patients.c.patient)
    )
    return [key.open(row.name, _where(row.patient)) for row in connection.execute(asked)]


def _where(patient: int) -> str:
    return f"patients.name {patient}"


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _wipe(connection: Connection) -> None:
    for each in (numbers, pairs, patients, patient_list):
        connection.execute(delete(each))


def _write(page_db: Path, work: Callable[[Connection], None]) -> None:
    store = Store(page_db, "page")
    try:
        store.submit(work).result()
    finally:
        store.close()


@contextmanager
def _reading(page_db: Path) -> Iterator[Connection]:
    """All that is read is of one moment."""
    reader = open_reader(page_db)
    try:
        with reader.connect() as connection:
            yield connection
    finally:
        reader.dispose()
