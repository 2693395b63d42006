"""The list of patients: imported whole or not at all, kept as keyed hashes, and asked by callers
who have few tries; whoever is in doubt is nobody."""

import asyncio
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware import patient_file, patients
from firmware.identity_desk import NUMBER_TRIES_A_DAY, TRIES_A_DAY, IdentityDesk, tries
from firmware.ledger import Arrived, Ledger, Moment
from firmware.machine import MachineKey
from ivr import commands, events
from ivr.identity import Factor, Pair, Verdict

KEY = MachineKey(b"k" * 32)
NOW = datetime(2026, 11, 23, 14, tzinfo=UTC)
LIST = b"""\xef\xbb\xbfname,birth_date,phone,record,pin
Anna Reyes,1985-04-12,(202) 555-0143,4711,
Ben Okafor,04/30/1971,+1 202 555 0188,4712,90210

"Lee, Mia",2015-06-01,202.555.0150,4713,
"Lee, Tom",2015-06-01,202.555.0150,4714,
"""
BORN, PHONE, RECORD, PIN = Factor.BIRTH_DATE, Factor.PHONE, Factor.RECORD, Factor.PIN


def pair(**given: str) -> Pair:
    return Pair.of({Factor(name.replace("_", "-")): value for name, value in given.items()})


ANNA = pair(phone="0143", birth_date="1985-04-12")
NOBODY = pair(phone="0144", birth_date="1985-04-12")
TWINS = pair(birth_date="2015-06-01", phone="0150")


def imported(page_db: Path, content: bytes = LIST) -> patients.Known:
    found, bad = patient_file.read(content)
    assert bad == []
    return patients.replace(page_db, KEY, found, NOW)


def test_a_caller_is_known_by_any_two_things_and_by_no_others(tmp_path: Path) -> None:
    page_db = tmp_path / "page.db"
    assert imported(page_db).patients == 4
    known = patients.Found(Verdict.IDENTIFIED, "Anna Reyes")
    assert patients.find(page_db, KEY, ANNA) == known
    assert patients.find(page_db, KEY, pair(record="4711", phone="0143")) == known
    ben = patients.find(page_db, KEY, pair(pin="90210", birth_date="1971-04-30"))
    assert ben.name == "Ben Okafor"
    assert patients.find(page_db, KEY, NOBODY).verdict is Verdict.UNKNOWN
    # What each of them knows by itself is right, but they are two people.
    mixed = pair(record="4712", phone="0143")
    assert patients.find(page_db, KEY, mixed).verdict is Verdict.UNKNOWN


def test_twins_whom_both_things_fit_and_a_list_that_is_not_there_are_a_doubt(
    tmp_path: Path,
) -> None:
    page_db = tmp_path / "page.db"
    imported(page_db)
    assert patients.find(page_db, KEY, TWINS) == patients.Found(Verdict.DOUBT)
    one_twin = pair(record="4714", birth_date="2015-06-01")
    assert patients.find(page_db, KEY, one_twin).name == "Lee, Tom"
    assert patients.forget(page_db)
    assert patients.find(page_db, KEY, ANNA).verdict is Verdict.DOUBT
    assert patients.known(page_db) is None
    assert not patients.forget(page_db)


@dataclass(frozen=True, slots=True)
class WatchedKey(MachineKey):
    """A machine key that tells what it is used for."""

    work: list[str] = field(default_factory=list)

    def open(self, sealed: bytes, where: str) -> str:
        self.work.append("a name is unsealed")
        return MachineKey.open(self, sealed, where)


def test_the_same_work_is_done_for_whoever_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_db = tmp_path / "page.db"
    imported(page_db)
    key, compared = WatchedKey(KEY.secret), hmac.compare_digest

    def comparing(one: bytes, other: bytes) -> bool:
        key.work.append("compared")
        return compared(one, other)

    monkeypatch.setattr(hmac, "compare_digest", comparing)
    work = []
    for asked in (ANNA, NOBODY, TWINS):
        key.work.clear()
        patients.find(page_db, key, asked)
        work.append(tuple(key.work))
    assert set(work) == {("compared",) * 4 + ("a name is unsealed",)}


def test_nothing_of_the_list_lies_open_on_the_disk_and_equal_values_look_different(
    tmp_path: Path,
) -> None:
    page_db = tmp_path / "page.db"
    imported(page_db)
    on_disk = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    for secret in (b"Reyes", b"Okafor", b"1985-04-12", b"90210"):
        assert secret not in on_disk
    other = MachineKey(b"o" * 32)
    assert patients.find(page_db, other, ANNA).verdict is Verdict.DOUBT
    found, _ = patient_file.read(LIST)
    assert "Anna" not in repr(found)
    assert "1985" not in repr([*found, ANNA])


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"name,birth_date,phone\nAnna,1985-02-30,5550143\n", 2, "birth_date does not fit"),
        (b"name,birth_date,phone\nAnna,1985-02-03,\n", 2, "has 1 of"),
        (b"name,birth_date,phone\n,1985-02-03,5550143\n", 2, "has no name"),
        (b"name,birth_date,phone\nReyes, Anna,1985-02-03,5550143\n", 2, "has 4 cells"),
        (b"name,record,pin\nA,12,4711\n\nB,12,4712\n", 4, "is that of line 2 too"),
        (b"name,record,pin\nA,12x,4711\n", 2, "record does not fit"),
        (b"name,birthdate,phone\nAnna,1985-02-03,5550143\n", 1, "column 2 is not known"),
        (b"name,phone\nAnna,5550143\n", 1, "fewer than two factors"),
        (b"name,phone,phone,pin\nAnna,5550143,1,4711\n", 1, "phone stands there twice"),
        (b'name,phone,pin\n"Anna,5550143,4711\n', 2, "not CSV"),
        (b"name,phone,pin\nAnn\xe4,5550143,4711\n", 2, "not UTF-8"),
        (b"name,phone,pin\n", 1, "no patient"),
        (b"", 1, "no patient"),
    ],
)
def test_a_bad_line_is_told_with_its_number_its_reason_and_a_cure_and_no_word_of_it(
    content: bytes, line: int, reason: str
) -> None:
    _, bad = patient_file.read(content)
    assert any(one.line == line and reason in one.reason and one.cure for one in bad), bad
    told = " ".join(map(str, bad))
    assert not any(secret in told for secret in ("Anna", "5550143", "4711", "1985-02"))


# ---- at the telephone ----


class Clinic:
    """The desk of one exchange, and callers at it."""

    def __init__(self, home: Path) -> None:
        self.told: list[events.Event] = []
        self.now = NOW
        self.page_db = home / "page.db"
        self.ledger = Ledger(home / "calls.db", home / "ledger.log", KEY)
        self.desk = IdentityDesk(
            self.ledger.store, self.page_db, KEY, self.told.append, lambda: self.now
        )

    def asks(self, asked: Pair, number: str, call: str = "call") -> Verdict:
        arrived = Arrived(f"{call} {number}", "main", "2025550100", number, "", Moment(NOW, 0))
        asyncio.run(self.ledger.write([arrived]))
        asyncio.run(self.desk.identify(commands.Identify(arrived.call, 3, asked)))
        told = self.told.pop()
        assert isinstance(told, events.IdentityChecked)
        assert (told.call, told.tag) == (arrived.call, 3)
        assert bool(told.name) is (told.verdict is Verdict.IDENTIFIED)
        return told.verdict


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    imported(tmp_path / "page.db")
    standing = Clinic(tmp_path)
    yield standing
    standing.ledger.close()


def test_a_number_that_failed_too_often_today_is_in_doubt_until_tomorrow(clinic: Clinic) -> None:
    guesser, patient = "2025550199", "2025550143"
    for _ in range(NUMBER_TRIES_A_DAY):
        assert clinic.asks(ANNA, patient) is Verdict.IDENTIFIED  # which costs no try
        assert clinic.asks(NOBODY, guesser) is Verdict.UNKNOWN
    assert clinic.asks(ANNA, guesser) is Verdict.DOUBT  # be it right or wrong
    assert clinic.asks(ANNA, patient) is Verdict.IDENTIFIED
    clinic.now += timedelta(days=1)
    assert clinic.asks(ANNA, guesser) is Verdict.IDENTIFIED


def test_forged_numbers_together_have_a_limit_too(clinic: Clinic) -> None:
    row = {"day": NOW.date().isoformat(), "number_hash": b"others", "tries": TRIES_A_DAY}
    clinic.ledger.store.submit(lambda c: c.execute(tries.insert().values(row))).result(10)
    assert clinic.asks(ANNA, "2025550143") is Verdict.DOUBT


def test_a_list_that_cannot_be_read_is_a_doubt_and_nobody_waits_for_it(clinic: Clinic) -> None:
    clinic.page_db.write_bytes(b"this is no database")
    assert clinic.asks(ANNA, "2025550143") is Verdict.DOUBT
