"""People: a password opens exactly the mailboxes it should, and page.db alone opens nothing."""

import sqlite3
from pathlib import Path

import pytest

from firmware import people
from firmware.keys import KeyPair
from firmware.people import Cost, NoMailboxKeyError, PeopleError
from ivr.canary import SELFTEST

# argon2id at its least: these tests are about keys, not about how long a thief must work.
CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PAPER = KeyPair(bytes(range(32)))
PASSWORD = "four words in a row"


@pytest.fixture
def page_db(tmp_path: Path) -> Path:
    path = tmp_path / "page.db"
    people.set_up(path, PAPER.public, "maria", PASSWORD, ["front-desk", "nurse"], CHEAP)
    return path


def test_the_first_person_opens_every_mailbox(page_db: Path) -> None:
    ring = people.sign_in(page_db, "maria", PASSWORD)
    assert set(ring.mailboxes) == {SELFTEST, "front-desk", "nurse"}
    for mailbox, pair in ring.mailboxes.items():
        assert people.recipients(page_db, mailbox) == [pair.public, PAPER.public]


def test_the_recovery_paper_opens_what_the_members_open(page_db: Path) -> None:
    by_paper = people.recover(page_db, PAPER)
    assert by_paper.mailboxes == people.sign_in(page_db, "maria", PASSWORD).mailboxes


def test_another_clinics_paper_opens_nothing(page_db: Path) -> None:
    with pytest.raises(PeopleError, match="another clinic's"):
        people.recover(page_db, KeyPair.fresh())


@pytest.mark.parametrize(
    ("name", "password"),
    [("maria", "four words in a rov"), ("maria", ""), ("Maria", PASSWORD), ("nobody", PASSWORD)],
)
def test_a_wrong_name_or_password_is_refused_in_the_same_words(
    page_db: Path, name: str, password: str
) -> None:
    with pytest.raises(PeopleError, match="name and password do not belong together"):
        people.sign_in(page_db, name, password)


def test_a_password_typed_on_another_keyboard_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "page.db"
    people.set_up(path, PAPER.public, "zoë", "caf\u00e9 au lait", ["nurse"], CHEAP)
    assert people.sign_in(path, "zoë", "cafe\u0301 au lait").mailboxes


def test_a_clinic_is_set_up_only_once(page_db: Path) -> None:
    before = page_db.read_bytes()
    with pytest.raises(PeopleError, match=r"already set up.*--add-mailboxes"):
        people.set_up(page_db, KeyPair.fresh().public, "eve", PASSWORD, [], CHEAP)
    assert page_db.read_bytes() == before


def test_a_short_password_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(PeopleError, match="at least 8"):
        people.set_up(tmp_path / "page.db", PAPER.public, "maria", "short", [], CHEAP)
    assert not people.is_set_up(tmp_path / "page.db")


@pytest.mark.parametrize("name", ["", "  ", " maria", "ma\nria", "x" * 65])
def test_a_name_that_cannot_be_typed_again_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PeopleError, match="name"):
        people.set_up(tmp_path / "page.db", PAPER.public, name, PASSWORD, [], CHEAP)


def test_a_mailbox_added_later_needs_no_password_and_opens_for_its_members(page_db: Path) -> None:
    wanted = {"nurse": ["maria"], "billing": ["maria"], "doctors": ["dr-lee"]}
    assert people.add_mailboxes(page_db, wanted) == ["billing", "doctors"]
    ring = people.sign_in(page_db, "maria", PASSWORD)
    assert set(ring.mailboxes) == {SELFTEST, "front-desk", "nurse", "billing", "doctors"}
    assert people.add_mailboxes(page_db, wanted) == []


def test_a_mailbox_without_a_key_says_how_to_get_one(page_db: Path) -> None:
    with pytest.raises(NoMailboxKeyError, match="careline setup --add-mailboxes"):
        people.recipients(page_db, "billing")


def test_before_set_up_everybody_is_told_to_run_it(tmp_path: Path) -> None:
    with pytest.raises(PeopleError, match="run `careline setup` first"):
        people.sign_in(tmp_path / "page.db", "maria", PASSWORD)
    with pytest.raises(PeopleError, match="run `careline setup` first"):
        people.add_mailboxes(tmp_path / "page.db", {"nurse": []})
    assert people.names(tmp_path / "page.db") == []


def test_no_key_and_no_password_lies_open_in_the_database(page_db: Path) -> None:
    ring = people.sign_in(page_db, "maria", PASSWORD)
    secrets = [PASSWORD.encode(), PAPER.seed, *(pair.seed for pair in ring.mailboxes.values())]
    files = [path for path in page_db.parent.iterdir() if path.is_file()]
    assert not [path for path in files for secret in secrets if secret in path.read_bytes()]
    assert repr(ring) == "KeyRing(person='maria')"


def test_a_grant_moved_to_another_mailbox_does_not_open(page_db: Path) -> None:
    """Somebody who can write page.db cannot turn one mailbox's grant into another's."""
    with sqlite3.connect(page_db) as raw:
        raw.execute(
            "UPDATE grants SET wrapped_seed = (SELECT wrapped_seed FROM grants"
            " WHERE mailbox = 'nurse') WHERE mailbox = 'front-desk'"
        )
    with pytest.raises(Exception, match="does not fit"):
        people.sign_in(page_db, "maria", PASSWORD)


def test_a_password_costs_a_thief_what_the_rfc_asks() -> None:
    assert (people.COST.passes, people.COST.memory_kib, people.COST.lanes) == (3, 65_536, 4)
