"""Going back to a backup brings back what was lost, and nothing that was closed since."""

import sqlite3
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection

from firmware import (
    audit,
    backup,
    backup_keys,
    erasure,
    holds,
    ledger_log,
    mended,
    people,
    receipts,
    restore,
    vault,
)
from firmware.backup_keys import of_drill, of_paper
from firmware.carried import Carried
from firmware.holds import Kind, Wish
from firmware.keys import KeyPair, KeyRefusedError
from firmware.ledger import Moment, mark_deleted
from firmware.machine import MachineKey
from firmware.people import KeyRing, PeopleError, Role
from firmware.place import Place
from firmware.provisioning import links
from firmware.provisioning.desk import Maker
from firmware.provisioning.links import Link
from firmware.restore import Restored, Sealed
from firmware.shelf import Folder
from firmware.store import open_reader
from tests.firmware.test_backup import (
    CHEAP,
    PAPER,
    PASSWORD,
    clinic_at,
    copied,
    held,
    left,
    nobody_looks,
    opened_ledger,
)

ENVELOPE = "abcd-efgh-jkmn-pqrs-tuvw-xyza"
NEW_PASSWORD = "another four words then"
MAC = "000b82aabbcc"


@pytest.fixture(scope="module")
def as_backed_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clinic, and its backup on a stick beside it."""
    home = tmp_path_factory.mktemp("carried")
    place = clinic_at(home / "box")
    now = datetime.now(UTC)
    code = people.invite(place.page_db, "ann", Role.NURSE, now)
    people.accept(place.page_db, "ann", code, PASSWORD, now, CHEAP)
    people.make_envelope(place.page_db, signed_in(place, "maria", PASSWORD), ENVELOPE, now)
    (home / "stick").mkdir()
    backup.to_shelf(place, Folder(home / "stick"), 7, nobody_looks)
    return home


@pytest.fixture
def clinic(as_backed_up: Path, tmp_path: Path) -> Place:
    return copied(as_backed_up / "box", tmp_path / "box")


@pytest.fixture
def sealed(as_backed_up: Path) -> Sealed:
    (file,) = (as_backed_up / "stick").iterdir()
    return Sealed.at(file)


def back(sealed: Sealed, place: Place, *, people_too: bool = False) -> Restored:
    return restore.restore(
        sealed, of_paper(PAPER), place, nobody_looks, replace=True, people_too=people_too
    )


def change_password(place: Place) -> None:
    ring = signed_in(place, "maria", PASSWORD)
    people.change_password(place.page_db, ring, NEW_PASSWORD, CHEAP)


def signed_in(place: Place, person: str, password: str) -> KeyRing:
    return people.sign_in(place.page_db, person, password)


def test_a_message_deleted_since_stays_deleted_and_its_key_destroyed(
    clinic: Place, sealed: Sealed
) -> None:
    (message,) = held(clinic)
    ledger = opened_ledger(clinic)
    ledger.store.submit(lambda c: mark_deleted(c, message, Moment.now())).result()
    vault.destroy(vault.sealed_path(clinic.messages, message))
    left(clinic, ledger)
    ledger.close()
    done = back(sealed, clinic)
    assert done.carried.deletions == 1
    assert held(clinic) == []
    assert not vault.sealed_path(clinic.messages, message).exists()


def test_a_message_deleted_since_stays_deleted_where_only_the_log_is_left(
    clinic: Place, sealed: Sealed
) -> None:
    (message,) = held(clinic)
    ledger = opened_ledger(clinic)
    ledger.store.submit(lambda c: mark_deleted(c, message, Moment.now())).result()
    left(clinic, ledger)
    ledger.close()
    clinic.calls_db.write_bytes(b"the power went")
    with clinic.ledger_log.open("ab") as log:
        log.write(b'{"id": 99, "step": "message", "detail": "cut off by the pow deleted')
    assert back(sealed, clinic).carried.deletions == 1
    assert held(clinic) == []
    assert not vault.sealed_path(clinic.messages, message).exists()


def test_receipts_and_legal_holds_made_since_go_on_standing(clinic: Place, sealed: Sealed) -> None:
    """What was destroyed with a receipt is destroyed again, and what must be kept is not forgotten
    by the next night's deletions."""
    (message,) = held(clinic)
    key, ledger = MachineKey.at(clinic.machine_key), opened_ledger(clinic)
    kept = left(clinic, ledger)

    def decide(connection: Connection) -> None:
        found = erasure.lying_there(clinic.messages, message)
        by = erasure.Rule("by hand", "maria")
        erasure.decide_message(connection, message, found, by, key, Moment.now())
        erasure.destroy_message(clinic.messages, message)
        receipts.finish(connection, 1, Moment.now(), key)
        for mailbox in ("front-desk", "other"):
            wish = Wish("maria", Kind.MAILBOX, mailbox, "a letter", {mailbox: ["maria"]})
            placed = holds.place(connection, wish, key, Moment.now())
        holds.release(connection, placed.hold, "maria", Moment.now())

    ledger.store.submit(decide).result()
    ledger.close()
    done = back(sealed, clinic)
    assert done.carried.deletions == 1
    assert held(clinic) == []
    assert kept not in held(clinic)
    reader = open_reader(clinic.calls_db)
    with reader.connect() as connection:
        assert [each.what for each in receipts.read(connection)] == [message]
        assert [each.target for each in holds.standing(connection)] == ["front-desk"]
        public = audit.signer(key).public_key()
        assert receipts.verify(receipts.read(connection), public, []).wrong == ""
    reader.dispose()
    newest = list(ledger_log.lines(clinic.ledger_log))[-1]
    with sqlite3.connect(clinic.calls_db) as database:
        assert database.execute("SELECT number FROM newest_line").fetchall() == [(newest.number,)]


def test_who_was_removed_since_and_a_spent_password_and_envelope_stay_so(
    clinic: Place, sealed: Sealed
) -> None:
    change_password(clinic)
    people.remove(clinic.page_db, "ann")
    people.break_glass(clinic.page_db, ENVELOPE, "maria", datetime.now(UTC))
    (message,) = held(clinic)
    done = back(sealed, clinic)
    assert done.carried.people
    for name in ("maria", "ann"):
        with pytest.raises((KeyRefusedError, PeopleError)):
            signed_in(clinic, name, PASSWORD)
    with pytest.raises((KeyRefusedError, PeopleError)):
        people.break_glass(clinic.page_db, ENVELOPE, "eve", datetime.now(UTC))
    keys = signed_in(clinic, "maria", NEW_PASSWORD).mailboxes["front-desk"]
    assert vault.hear(vault.sealed_path(clinic.messages, message), *keys).audio


def test_a_paper_renewed_since_goes_on_being_the_one_that_backups_are_made_out_to(
    clinic: Place, sealed: Sealed
) -> None:
    fresh = KeyPair.fresh()
    people.renew_paper(clinic.page_db, signed_in(clinic, "maria", PASSWORD), fresh.public)
    backup_keys.remember_paper(clinic, fresh)
    back(sealed, clinic)  # with the old paper, which this backup was made out to
    assert backup_keys.paper_recipient(clinic) == of_paper(fresh).recipient


def test_people_come_back_too_only_when_somebody_says_so(clinic: Place, sealed: Sealed) -> None:
    change_password(clinic)
    done = back(sealed, clinic, people_too=True)
    assert not done.carried.people
    assert "--people-too" in done.carried.why_not
    signed_in(clinic, "maria", PASSWORD)


def test_who_went_too_far_back_goes_forward_again_with_the_keys_of_the_newer_backup(
    clinic: Place, sealed: Sealed, tmp_path: Path
) -> None:
    """The box's own people are older than the backup's then: they could not open its messages."""
    people.renew(clinic.page_db, "front-desk")
    ledger = opened_ledger(clinic)
    later = left(clinic, ledger)
    ledger.close()
    (tmp_path / "newer").mkdir()
    newer = Folder(tmp_path / "newer")
    name = backup.to_shelf(clinic, newer, 7, nobody_looks).file
    back(sealed, clinic, people_too=True)
    done = back(Sealed(newer, name), clinic)
    assert not done.carried.people
    assert "older than the backup" in done.carried.why_not
    keys = signed_in(clinic, "maria", PASSWORD).mailboxes["front-desk"]
    assert vault.hear(vault.sealed_path(clinic.messages, later), *keys).audio


@pytest.mark.parametrize("damage", [b"", b"not a database at all" * 99])
def test_people_of_a_damaged_box_come_from_the_backup_and_it_is_said(
    clinic: Place, sealed: Sealed, damage: bytes
) -> None:
    mended.copy_of(clinic.page_db).unlink(missing_ok=True)
    clinic.page_db.write_bytes(damage)
    clinic.calls_db.write_bytes(damage)
    done = back(sealed, clinic)
    assert not done.carried.people
    assert "cannot be read" in done.carried.why_not
    assert signed_in(clinic, "maria", PASSWORD).mailboxes
    assert not list(clinic.home.glob("**/page.db.carried"))


def test_people_of_a_damaged_box_come_from_its_last_good_copy_if_it_has_one(
    clinic: Place, sealed: Sealed
) -> None:
    people.remove(clinic.page_db, "ann")
    mended.copy(clinic.page_db)
    clinic.page_db.write_bytes(b"not a database at all" * 99)
    assert back(sealed, clinic).carried.people
    with pytest.raises((KeyRefusedError, PeopleError)):
        signed_in(clinic, "ann", PASSWORD)


def test_a_spare_box_has_nothing_to_carry(sealed: Sealed, tmp_path: Path) -> None:
    done = back(sealed, Place(tmp_path / "spare"))
    assert done.carried == Carried(why_not="this box was not the one that was backed up")
    assert done.aside == ""


@pytest.mark.parametrize("goes_to", ["a spare box", "the same box, people too"])
def test_no_link_that_sets_up_a_telephone_is_good_again_by_a_restore(
    clinic: Place, tmp_path: Path, goes_to: str
) -> None:
    """The backup is of before it was fetched. Telephones that are set up keep what they have."""
    now = datetime.now(UTC)
    waiting, fetched = link_made(clinic, "101", now), link_made(clinic, "102", now)
    people.write(clinic.page_db, lambda c: links.fetch(c, fetched, MAC, now))
    file = backup_of(clinic, tmp_path)
    people.write(clinic.page_db, lambda c: links.fetch(c, waiting, MAC, now))
    there = clinic if goes_to.startswith("the same") else Place(tmp_path / "spare")
    back(file, there, people_too=True)
    for token in (waiting, fetched):
        found = people.read(there.page_db, partial(links.look, token=token, device=MAC, now=now))
        assert found is None
    assert people.read(there.page_db, lambda c: links.of(c, "101")) is None
    kept = people.read(there.page_db, lambda c: links.of(c, "102"))
    assert kept is not None
    assert (kept.device, kept.fetched is None) == (MAC, False), "who fetched is told as before"
    assert there.secrets.read_text() == 'selftest = "x"', "the telephones' passwords among them"


def test_on_the_same_box_links_stay_as_they_are_just_now(clinic: Place, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    spent = link_made(clinic, "101", now)
    file = backup_of(clinic, tmp_path)
    people.write(clinic.page_db, lambda c: links.fetch(c, spent, MAC, now))
    newer = link_made(clinic, "102", now)
    assert back(file, clinic).carried.people
    later = now + links.AGAIN_WITHIN + timedelta(minutes=1)
    for token, extension in ((spent, None), (newer, "102")):
        found = people.read(clinic.page_db, partial(links.look, token=token, device=MAC, now=later))
        assert (found and found.extension) == extension


def link_made(place: Place, extension: str, now: datetime) -> str:
    link = Link(extension, Maker.YEALINK, "192.0.2.5", now, None, None)
    return people.write(place.page_db, lambda c: links.make(c, link))


def backup_of(place: Place, beside: Path) -> Sealed:
    (beside / "stick").mkdir()
    shelf = Folder(beside / "stick")
    return Sealed(shelf, backup.to_shelf(place, shelf, 7, nobody_looks).file)


def test_another_clinics_people_are_never_carried(
    clinic: Place, sealed: Sealed, tmp_path: Path
) -> None:
    other = clinic_at(tmp_path / "other")
    change_password(other)
    done = back(sealed, other)
    assert not done.carried.people
    assert (other.home / done.aside / "page.db").exists()
    signed_in(other, "maria", PASSWORD)
    assert held(other) == held(clinic)


def test_a_backup_opened_by_the_boxs_own_key_carries_as_well(
    as_backed_up: Path, clinic: Place, sealed: Sealed
) -> None:
    done = restore.restore(sealed, of_drill(clinic), clinic, nobody_looks, replace=True)
    assert done.carried.people
    with sqlite3.connect(clinic.calls_db) as connection:
        assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)
    assert datetime.fromisoformat(done.unpacked.made) < datetime.now(UTC)
