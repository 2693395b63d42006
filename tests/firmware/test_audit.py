"""The audit: whatever is done to the chain afterwards, the first misfit is named."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from firmware import audit, ledger
from firmware.audit import Act, Audited, Entry
from firmware.ledger import Ledger, Moment
from firmware.machine import MachineKey
from firmware.store import open_reader

KEY = MachineKey(b"k" * 32)
PUBLIC = audit.signer(KEY).public_key()
DAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ACTS = (
    ("maria", Act.SIGNED_IN, ""),
    ("maria", Act.LISTENED, "11111111"),
    ("ben", Act.REFUSED, "sign-in"),
    ("maria", Act.REMOVED, "ben"),
    ("exchange", Act.EMERGENCY, "101"),
)


class Clinic:
    """A ledger with an audit in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.ledger = Ledger(home / "calls.db", home / "ledger.log", KEY)
        rows = [
            Audited(who, act, about, Moment(DAY, n)) for n, (who, act, about) in enumerate(ACTS)
        ]
        self.ledger.submit(rows).result()

    def chain(self) -> list[Entry]:
        reader = open_reader(self.home / "calls.db")
        with reader.connect() as connection:
            entries = list(audit.read(connection))
        reader.dispose()
        return entries

    def end(self) -> str:
        return audit.newest_mark(self.home / "ledger.log")


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    there = Clinic(tmp_path_factory.mktemp("clinic"))
    yield there
    there.ledger.close()


def test_what_was_done_stands_in_its_order_and_fits(clinic: Clinic) -> None:
    chain = clinic.chain()
    assert [(each.who, each.act, each.about) for each in chain] == list(ACTS)
    verdict = audit.verify(chain, PUBLIC, clinic.end())
    assert (verdict.entries, verdict.wrong) == (len(ACTS), "")


def changed(chain: list[Entry], place: int) -> list[Entry]:
    return [*chain[:place], replace(chain[place], who="nobody"), *chain[place + 1 :]]


def taken_out(chain: list[Entry], place: int) -> list[Entry]:
    return chain[:place] + chain[place + 1 :]


def put_in(chain: list[Entry], place: int) -> list[Entry]:
    return [*chain[:place], replace(chain[place], about="forged"), *chain[place:]]


def forged_anew(chain: list[Entry], place: int) -> list[Entry]:
    """Somebody without the box's key reckons all hashes after the change once more."""
    before = chain[place - 1].hash if place else audit.BEGINNING
    made = chain[:place]
    for each in changed(chain, place)[place:]:
        made.append(replace(each, hash=each.hashed_after(before)))
        before = made[-1].hash
    return made


@pytest.mark.parametrize("blow", [changed, taken_out, put_in, forged_anew])
@pytest.mark.parametrize("place", range(len(ACTS) - 1))
def test_the_first_entry_that_does_not_fit_is_named(
    clinic: Clinic, blow: Callable[[list[Entry], int], list[Entry]], place: int
) -> None:
    verdict = audit.verify(blow(clinic.chain(), place), PUBLIC, clinic.end())
    assert verdict.first_bad == place + 1
    assert verdict.wrong


@pytest.mark.parametrize("left", range(len(ACTS)))
def test_an_end_cut_off_is_noticed_by_the_ledgers_log(clinic: Clinic, left: int) -> None:
    verdict = audit.verify(clinic.chain()[:left], PUBLIC, clinic.end())
    assert (verdict.entries, verdict.first_bad) == (left, left + 1)
    assert f"{len(ACTS)} entries were made" in verdict.wrong


def test_two_entries_exchanged_are_noticed(clinic: Clinic) -> None:
    first, second, *rest = clinic.chain()
    assert audit.verify([second, first, *rest], PUBLIC).first_bad == 1


def test_another_boxs_audit_is_not_taken_for_this_ones(clinic: Clinic) -> None:
    other = audit.signer(MachineKey(b"o" * 32)).public_key()
    assert "not signed by this box" in audit.verify(clinic.chain(), other).wrong


@pytest.mark.parametrize("what", ["UPDATE audit SET who = 'x'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_change_an_entry(clinic: Clinic, what: str) -> None:
    with pytest.raises(IntegrityError, match="only ever added to"):
        clinic.ledger.store.submit(lambda connection: connection.execute(text(what))).result()
    assert not audit.verify(clinic.chain(), PUBLIC, clinic.end()).wrong


def test_an_export_is_the_chain_again(clinic: Clinic) -> None:
    lines = [audit.as_line(entry) for entry in clinic.chain()]
    assert [audit.from_line(line) for line in lines] == clinic.chain()


@given(st.text())
def test_whatever_else_stands_in_an_export_is_refused_plainly(line: str) -> None:
    with pytest.raises(ValueError, match="not an entry of an audit"):
        audit.from_line(line)


@given(who=st.text(max_size=80), about=st.text(max_size=300))
def test_every_entry_fits_whatever_its_words(who: str, about: str) -> None:
    entry = Entry(1, "2026-03-02T09:30:00.000+00:00", who, Act.READ, about, b"", b"")
    hashed = entry.hashed_after(audit.BEGINNING)
    signed = replace(entry, hash=hashed, signature=audit.signer(KEY).sign(hashed))
    assert not audit.verify([audit.from_line(audit.as_line(signed))], PUBLIC).wrong


def test_the_ledger_still_adds_up_with_an_audit_in_it(clinic: Clinic) -> None:
    reader = open_reader(clinic.home / "calls.db")
    with reader.connect() as connection:
        assert ledger.balance(connection).holds
    reader.dispose()
