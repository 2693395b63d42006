"""The envelope: one code, every mailbox, once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from firmware import codes, envelope, people
from firmware.keys import KeyPair
from firmware.passwords import Cost
from firmware.people import KeyRing, PeopleError, Role

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PAPER = KeyPair(bytes(range(32)))
PASSWORD = "four words in a row"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CODE = "abcd-efgh-jkmn-pqrs-tuvw-xyz2"


@pytest.fixture
def page_db(tmp_path: Path) -> Path:
    path = tmp_path / "page.db"
    people.set_up(path, PAPER.public, "maria", PASSWORD, ["nurse"], CHEAP)
    return path


def comes(page_db: Path, person: str, role: Role) -> KeyRing:
    code = people.invite(page_db, person, role, NOW)
    people.accept(page_db, person, code, PASSWORD, NOW, CHEAP)
    return people.sign_in(page_db, person, PASSWORD)


def make(page_db: Path) -> None:
    people.make_envelope(page_db, people.sign_in(page_db, "maria", PASSWORD), CODE, NOW)


def test_the_code_opens_everything_once_and_nothing_that_is_left_afterwards(page_db: Path) -> None:
    make(page_db)
    people.agree(page_db, {"nurse": ["maria"], "billing": ["maria"]})  # mailboxes come after it
    people.renew(page_db, "nurse")
    before = people.sign_in(page_db, "maria", PASSWORD).mailboxes
    ring = people.break_glass(page_db, CODE.upper().replace("-", " "), "a locum", NOW)
    assert ring.mailboxes == before
    assert (ring.person, ring.role) == ("envelope: a locum", None)
    for mailbox, pairs in ring.mailboxes.items():
        assert people.recipients(page_db, mailbox)[0] not in [pair.public for pair in pairs]
    after = people.sign_in(page_db, "maria", PASSWORD).mailboxes
    assert {mailbox: pairs[1:] for mailbox, pairs in after.items()} == before
    with pytest.raises(PeopleError, match="opened before"):
        people.break_glass(page_db, CODE, "a locum", NOW)
    found = people.envelope(page_db)
    assert found == envelope.Envelope(NOW, "maria", NOW, "a locum")


def test_an_opened_envelope_takes_in_no_new_key_and_the_next_one_opens_all(page_db: Path) -> None:
    make(page_db)
    people.break_glass(page_db, CODE, "a locum", NOW)
    people.renew(page_db, "nurse")
    held = people.read(page_db, lambda c: c.execute(envelope.envelope_keys.select()).all())
    assert held == []
    make(page_db)
    everything = people.sign_in(page_db, "maria", PASSWORD).mailboxes
    assert people.break_glass(page_db, CODE, "a locum", NOW).mailboxes == everything


def test_nobody_gains_by_making_an_envelope(page_db: Path) -> None:
    """An admin who is no member configures the clinic and does not listen."""
    ben = comes(page_db, "ben", Role.ADMIN)
    with pytest.raises(PeopleError, match="needs every mailbox"):
        people.make_envelope(page_db, ben, CODE, NOW)
    assert people.envelope(page_db) is None
    people.make_envelope(page_db, people.recover(page_db, PAPER), CODE, NOW)
    assert people.break_glass(page_db, CODE, "ben", NOW).mailboxes


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.AUDITOR])
def test_who_looks_after_the_box_opens_no_envelope(page_db: Path, role: Role) -> None:
    comes(page_db, "ben", role)
    make(page_db)
    with pytest.raises(PeopleError, match="hears no patient"):
        people.break_glass(page_db, CODE, "ben", NOW)
    assert people.break_glass(page_db, CODE, "maria", NOW).mailboxes


def test_a_wrong_code_opens_nothing_and_spoils_nothing(page_db: Path) -> None:
    for _ in range(2):
        with pytest.raises(PeopleError, match="not the code of the envelope"):
            people.break_glass(page_db, CODE[:-1] + "3", "maria", NOW)
        make(page_db)
    assert people.break_glass(page_db, CODE, "maria", NOW).mailboxes


def test_a_thief_of_the_file_finds_no_code_in_it(page_db: Path) -> None:
    make(page_db)
    kept = b"".join(path.read_bytes() for path in page_db.parent.iterdir() if path.is_file())
    seed = KeyPair(codes.hashed(CODE, envelope.ENVELOPE)).seed
    assert CODE.encode() not in kept
    assert CODE.replace("-", "").encode() not in kept
    assert seed not in kept
    assert CODE in envelope.page(CODE, "a clinic", "today")
