"""People: a password opens exactly the mailboxes it should, and page.db alone opens nothing."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from firmware import passwords, people, store
from firmware.keys import KeyPair
from firmware.passwords import COST, Cost, PasswordError
from firmware.people import KeyRing, NoMailboxKeyError, PeopleError, Role
from firmware.store import LockedError, Store
from firmware.web import choices
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
    for mailbox, (pair,) in ring.mailboxes.items():
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
    with pytest.raises(PeopleError, match=r"already set up.*people agree"):
        people.set_up(page_db, KeyPair.fresh().public, "eve", PASSWORD, [], CHEAP)
    assert page_db.read_bytes() == before


def test_a_short_password_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(PasswordError, match="at least 8"):
        people.set_up(tmp_path / "page.db", PAPER.public, "maria", "short", [], CHEAP)
    assert not people.is_set_up(tmp_path / "page.db")


@pytest.mark.parametrize("password", ["password1", "Password1", "12345678", "Ｂaseball1"])
def test_a_password_that_everybody_chooses_is_refused_with_a_better_idea(password: str) -> None:
    with pytest.raises(PasswordError, match=r"tried first.*four words in a row"):
        passwords.check(password)


@pytest.mark.parametrize("password", ["mmmmmmmq", "nur kleine buchstaben", "7183920465"])
def test_nothing_is_asked_of_a_passwords_letters(password: str) -> None:
    passwords.check(password)


@pytest.mark.parametrize("name", ["", "  ", " maria", "ma\nria", "x" * 65])
def test_a_name_that_cannot_be_typed_again_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PeopleError, match="name"):
        people.set_up(tmp_path / "page.db", PAPER.public, name, PASSWORD, [], CHEAP)


def test_a_mailbox_added_later_needs_no_password_and_opens_for_its_members(page_db: Path) -> None:
    wanted = {"nurse": ["maria"], "billing": ["maria"], "doctors": ["dr-lee"]}
    assert people.agree(page_db, wanted) == ["billing", "doctors"]
    ring = people.sign_in(page_db, "maria", PASSWORD)
    assert set(ring.mailboxes) == {SELFTEST, "front-desk", "nurse", "billing", "doctors"}
    assert people.agree(page_db, wanted) == []


def test_a_mailbox_without_a_key_says_how_to_get_one(page_db: Path) -> None:
    with pytest.raises(NoMailboxKeyError, match="careline people agree"):
        people.recipients(page_db, "billing")


# What a power cut leaves of a transaction that was half written.
CUT = """
import os, sqlite3, sys
cut = sqlite3.connect(sys.argv[1], isolation_level=None)
for each in ("PRAGMA cache_size=1", "BEGIN", "CREATE TABLE cut (a)"):
    cut.execute(each)
cut.executemany("INSERT INTO cut VALUES (zeroblob(4000))", [()] * 50)
os._exit(0)
"""


def test_a_clinic_whose_set_up_lost_its_power_in_its_first_moment_can_be_set_up(
    tmp_path: Path,
) -> None:
    (tmp_path / "page.db").touch()
    assert not people.is_set_up(tmp_path / "page.db")
    subprocess.run([sys.executable, "-c", CUT, tmp_path / "page.db"], check=True)
    assert (tmp_path / "page.db-journal").stat().st_size > 0
    assert not people.is_set_up(tmp_path / "page.db")
    people.set_up(tmp_path / "page.db", PAPER.public, "maria", PASSWORD, ["nurse"], CHEAP)
    assert people.is_set_up(tmp_path / "page.db")


def test_before_set_up_everybody_is_told_to_run_it(tmp_path: Path) -> None:
    with pytest.raises(PeopleError, match="run `careline setup` first"):
        people.sign_in(tmp_path / "page.db", "maria", PASSWORD)
    with pytest.raises(PeopleError, match="run `careline setup` first"):
        people.agree(tmp_path / "page.db", {"nurse": []})
    assert people.names(tmp_path / "page.db") == []


def test_no_key_and_no_password_lies_open_in_the_database(page_db: Path) -> None:
    ring = people.sign_in(page_db, "maria", PASSWORD)
    secrets = [PASSWORD.encode(), PAPER.seed, *(each.pair.seed for each in ring.opened)]
    files = [path for path in page_db.parent.iterdir() if path.is_file()]
    assert not [path for path in files for secret in secrets if secret in path.read_bytes()]
    assert repr(ring) == "KeyRing(person='maria', role=<Role.ADMIN: 'admin'>)"


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
    assert (COST.passes, COST.memory_kib, COST.lanes) == (3, 65_536, 4)


# ---- who comes, and who goes ----

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
BOXES = {"front-desk": ["maria"], "nurse": ["maria"]}
ANOTHER = "another four words"


def comes(page_db: Path, person: str, role: Role = Role.NURSE) -> None:
    """Invited, and with a password of their own."""
    code = people.invite(page_db, person, role, NOW)
    people.accept(page_db, person, code, PASSWORD, NOW, CHEAP)


def signs_in(page_db: Path, person: str) -> KeyRing:
    return people.sign_in(page_db, person, PASSWORD)


def sealed_for(page_db: Path, mailbox: str) -> KeyPair | None:
    """The key that opens what is left in the mailbox now."""
    public = people.recipients(page_db, mailbox)[0]
    pairs = people.recover(page_db, PAPER).mailboxes[mailbox]
    return next((pair for pair in pairs if pair.public == public), None)


def test_a_new_nurse_opens_the_mailbox_once_a_colleague_has_signed_in(page_db: Path) -> None:
    comes(page_db, "ben")
    people.agree(page_db, BOXES | {"nurse": ["maria", "ben"]})
    assert signs_in(page_db, "ben").mailboxes == {}
    marias = signs_in(page_db, "maria").mailboxes["nurse"]
    assert signs_in(page_db, "ben").mailboxes == {"nurse": marias}
    assert people.recipients(page_db, "nurse")[0] == marias[0].public


def test_a_nurse_named_before_she_has_a_password_is_granted_it_after(page_db: Path) -> None:
    people.agree(page_db, BOXES | {"nurse": ["maria", "ben"]})
    signs_in(page_db, "maria")
    comes(page_db, "ben")
    signs_in(page_db, "maria")
    assert set(signs_in(page_db, "ben").mailboxes) == {"nurse"}


def test_a_forgotten_password_is_a_new_key_and_one_grant_a_mailbox(page_db: Path) -> None:
    comes(page_db, "ben")
    people.agree(page_db, BOXES | {"nurse": ["maria", "ben"]})
    before = signs_in(page_db, "maria").mailboxes["nurse"]
    code = people.invite(page_db, "ben", Role.NURSE, NOW)
    with pytest.raises(PeopleError, match="do not belong together"):
        signs_in(page_db, "ben")
    people.accept(page_db, "ben", code, ANOTHER, NOW, CHEAP)
    assert people.sign_in(page_db, "ben", ANOTHER).mailboxes == {}
    signs_in(page_db, "maria")
    assert people.sign_in(page_db, "ben", ANOTHER).mailboxes == {"nurse": before}


def test_who_is_removed_opens_nothing_that_is_left_afterwards(page_db: Path) -> None:
    comes(page_db, "ben")
    people.agree(page_db, BOXES | {"nurse": ["maria", "ben"]})
    signs_in(page_db, "maria")
    bens = signs_in(page_db, "ben").mailboxes["nurse"]
    assert people.remove(page_db, "ben") == ["nurse"]
    new, old = signs_in(page_db, "maria").mailboxes["nurse"]
    assert (old,) == bens
    assert people.recipients(page_db, "nurse") == [new.public, PAPER.public]
    with pytest.raises(PeopleError, match="do not belong together"):
        signs_in(page_db, "ben")


def test_a_name_taken_out_of_a_mailbox_is_left_out_of_its_next_key(page_db: Path) -> None:
    comes(page_db, "ben")
    both = BOXES | {"nurse": ["maria", "ben"]}
    people.agree(page_db, both)
    signs_in(page_db, "maria")
    people.agree(page_db, both | {"nurse": ["ben"]})
    new, _ = signs_in(page_db, "ben").mailboxes["nurse"]
    assert sealed_for(page_db, "nurse") == new
    assert "nurse" not in signs_in(page_db, "maria").mailboxes


def test_the_first_person_stands_in_for_members_who_are_not_there_yet(page_db: Path) -> None:
    assert people.agree(page_db, BOXES | {"billing": ["rosa"]}) == ["billing"]
    assert "billing" in signs_in(page_db, "maria").mailboxes
    comes(page_db, "rosa", Role.FRONT_DESK)
    signs_in(page_db, "maria")
    new, _ = signs_in(page_db, "rosa").mailboxes["billing"]
    assert sealed_for(page_db, "billing") == new
    assert "billing" not in signs_in(page_db, "maria").mailboxes


def test_a_solo_doctor_who_forgets_the_password_has_the_paper(tmp_path: Path) -> None:
    path = tmp_path / "page.db"
    people.set_up(path, PAPER.public, "lee", PASSWORD, ["desk"], CHEAP)
    before = signs_in(path, "lee").mailboxes
    code = people.invite(path, "lee", Role.ADMIN, NOW)
    people.accept(path, "lee", code, ANOTHER, NOW, CHEAP)
    assert people.sign_in(path, "lee", ANOTHER).mailboxes == {}
    people.recover(path, PAPER)
    assert people.sign_in(path, "lee", ANOTHER).mailboxes == before


def test_a_mailbox_whose_last_member_left_waits_for_the_next_one(page_db: Path) -> None:
    comes(page_db, "ben")
    people.agree(page_db, BOXES | {"nurse": ["ben"]})
    signs_in(page_db, "maria")
    olds = signs_in(page_db, "ben").mailboxes["nurse"]
    people.remove(page_db, "ben")
    people.agree(page_db, BOXES | {"nurse": ["dora"]})
    comes(page_db, "dora")
    assert signs_in(page_db, "dora").mailboxes == {}
    people.recover(page_db, PAPER)
    new, *before = signs_in(page_db, "dora").mailboxes["nurse"]
    assert tuple(before) == olds
    assert sealed_for(page_db, "nurse") == new


def test_a_new_key_leaves_the_old_messages_open_to_the_same_people(page_db: Path) -> None:
    before = signs_in(page_db, "maria").mailboxes["nurse"]
    people.renew(page_db, "nurse")
    new, *older = signs_in(page_db, "maria").mailboxes["nurse"]
    assert tuple(older) == before
    assert people.recipients(page_db, "nurse")[0] == new.public
    with pytest.raises(PeopleError, match="no mailbox 'nurses'"):
        people.renew(page_db, "nurses")


def test_another_recovery_paper_opens_all_in_place_of_the_old_one(page_db: Path) -> None:
    people.renew(page_db, "nurse")
    fresh = KeyPair.fresh()
    people.renew_paper(page_db, people.recover(page_db, PAPER), fresh.public)
    assert people.recover(page_db, fresh).mailboxes == signs_in(page_db, "maria").mailboxes
    assert people.recipients(page_db, "nurse")[1] == fresh.public
    with pytest.raises(PeopleError, match="another clinic's"):
        people.recover(page_db, PAPER)


def test_a_new_paper_needs_somebody_who_opens_every_mailbox(page_db: Path) -> None:
    comes(page_db, "ben", Role.ADMIN)
    people.agree(page_db, BOXES | {"nurse": ["maria", "ben"]})
    signs_in(page_db, "maria")
    with pytest.raises(PeopleError, match="needs every mailbox"):
        people.renew_paper(page_db, signs_in(page_db, "ben"), KeyPair.fresh().public)
    assert people.recover(page_db, PAPER).mailboxes
    people.renew_paper(page_db, signs_in(page_db, "maria"), KeyPair.fresh().public)


@pytest.mark.parametrize("role", [Role.TECHNICIAN, Role.AUDITOR])
def test_who_looks_after_the_box_is_never_a_member(page_db: Path, role: Role) -> None:
    comes(page_db, "ben", role)
    with pytest.raises(PeopleError, match="hears no patient"):
        people.agree(page_db, BOXES | {"nurse": ["maria", "ben"]})
    signs_in(page_db, "maria")
    assert signs_in(page_db, "ben").mailboxes == {}


def test_a_technician_invited_under_a_members_name_gets_nothing(page_db: Path) -> None:
    people.agree(page_db, BOXES | {"nurse": ["maria", "ben"]})
    with pytest.raises(PeopleError, match="hears no patient"):
        people.invite(page_db, "ben", Role.TECHNICIAN, NOW)


def test_a_code_serves_once_for_a_week_and_for_its_owner(page_db: Path) -> None:
    code = people.invite(page_db, "ben", Role.NURSE, NOW)
    for name, typed in (("rosa", code), ("ben", code[:-1] + "0"), ("ben", "")):
        with pytest.raises(PeopleError, match="name and code do not belong together"):
            people.accept(page_db, name, typed, PASSWORD, NOW, CHEAP)
    with pytest.raises(PeopleError, match="expired"):
        people.accept(page_db, "ben", code, PASSWORD, NOW + people.INVITED_FOR, CHEAP)
    with pytest.raises(PasswordError, match="at least 8"):
        people.accept(page_db, "ben", code, "short", NOW, CHEAP)
    people.accept(page_db, "ben", code.upper().replace("-", " "), PASSWORD, NOW, CHEAP)
    with pytest.raises(PeopleError, match="name and code do not belong together"):
        people.accept(page_db, "ben", code, ANOTHER, NOW, CHEAP)


def test_the_only_admin_can_neither_leave_nor_step_down(page_db: Path) -> None:
    with pytest.raises(PeopleError, match="only admin"):
        people.remove(page_db, "maria")
    with pytest.raises(PeopleError, match="only admin"):
        people.invite(page_db, "maria", Role.NURSE, NOW)
    comes(page_db, "ben", Role.ADMIN)
    people.remove(page_db, "maria")
    assert people.names(page_db) == ["ben"]
    with pytest.raises(PeopleError, match="nobody here is called"):
        people.remove(page_db, "maria")


def test_the_list_of_people_tells_who_opens_what_and_who_waits(page_db: Path) -> None:
    people.agree(page_db, BOXES | {"nurse": ["maria", "ben"]})
    comes(page_db, "ben")
    people.invite(page_db, "rosa", Role.FRONT_DESK, NOW)
    maria, ben, rosa = people.everybody(page_db)
    assert (maria.name, maria.role) == ("maria", Role.ADMIN)
    assert set(maria.mailboxes) == {SELFTEST, "front-desk", "nurse"}
    assert (ben.mailboxes, ben.waits_for, ben.invited_until) == ((), ("nurse",), None)
    assert (rosa.role, rosa.invited_until) == (Role.FRONT_DESK, NOW + people.INVITED_FOR)
    signs_in(page_db, "maria")
    assert people.everybody(page_db)[1].mailboxes == ("nurse",)


def test_keys_made_before_there_were_lines_of_them_open_as_ever(tmp_path: Path) -> None:
    """A box that was set up by an earlier version."""
    path, maria, nurse = tmp_path / "page.db", KeyPair.fresh(), KeyPair.fresh()
    kept = passwords.seal(maria, PASSWORD, "maria", CHEAP)
    store.make_at(path, "page", "0003")
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO clinic VALUES (1, ?, 'then')", (PAPER.public.raw,))
        raw.execute(
            "INSERT INTO people VALUES ('maria', ?, ?, ?, 1, 8, 1, 'then')",
            (maria.public.raw, kept.sealed, kept.salt),
        )
        recovery = PAPER.public.wrap(nurse.seed, b"careline grant nurse\0")
        row = (nurse.public.raw, recovery)
        raw.execute("INSERT INTO mailboxes VALUES ('nurse', ?, ?, 'then')", row)
        granted = maria.public.wrap(nurse.seed, b"careline grant nurse\0maria")
        raw.execute("INSERT INTO grants VALUES ('nurse', 'maria', ?, 'then')", (granted,))
    assert people.agree(path, {"nurse": ["maria"]}) == []
    assert signs_in(path, "maria").mailboxes == {"nurse": (nurse,)}
    assert people.recover(path, PAPER).mailboxes == {"nurse": (nurse,)}
    assert signs_in(path, "maria").role is Role.ADMIN


def test_the_page_of_a_newer_version_finds_its_tables_in_an_older_box(tmp_path: Path) -> None:
    path = tmp_path / "page.db"
    store.make_at(path, "page", "0007")
    with pytest.raises(OperationalError):
        people.read(path, lambda c: choices.phone_of(c, "maria"))
    people.bring_up_to_date(path)
    assert people.read(path, lambda c: choices.phone_of(c, "maria")) == ""


def test_two_commands_at_once_follow_one_another(
    page_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "PATIENCE_S", 3_600.0)
    first = Store(page_db, "page")
    second = threading.Thread(target=people.renew, args=(page_db, "nurse"))
    second.start()
    first.close()
    second.join()
    assert len(people.recover(page_db, PAPER).mailboxes["nurse"]) == 2


def test_a_command_that_waited_long_enough_says_who_is_in_the_way(
    page_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "PATIENCE_S", 0.0)
    with closing(Store(page_db, "page")), pytest.raises(LockedError, match="another process"):
        people.renew(page_db, "nurse")
