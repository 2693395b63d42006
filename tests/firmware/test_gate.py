"""The gate: passwords, second factors and patience, as people of a clinic meet them."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import Connection

from firmware import failures, gate, people, second_factor
from firmware.gate import CodeNeededError, TooSoonError, WrongCodeError
from firmware.keys import KeyPair, KeyRefusedError
from firmware.passwords import Cost
from firmware.people import KeyRing, PeopleError, Role
from firmware.second_factor import Secret

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PAPER = KeyPair(bytes(range(32)))
PASSWORD, ANOTHER = "four words in a row", "another four words"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
STEP = timedelta(seconds=second_factor.STEP_S)
# Fixed, so that no code is another's by chance.
SECRET, OTHER = (
    Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"),
    Secret("MFRGGZDFMZTWQ2LKMFRGGZDFMZTWQ2LK"),
)


@pytest.fixture(scope="module")
def set_up_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("clinic")
    people.set_up(home / "page.db", PAPER.public, "maria", PASSWORD, ["nurse"], CHEAP)
    return home


@pytest.fixture
def page_db(set_up_once: Path, tmp_path: Path) -> Path:
    shutil.copytree(set_up_once, tmp_path, dirs_exist_ok=True)
    return tmp_path / "page.db"


def comes_in(
    page_db: Path,
    password: str = PASSWORD,
    code: str = "",
    now: datetime = NOW,
    person: str = "maria",
    way: str = gate.COMMAND_LINE,
) -> KeyRing:
    return gate.sign_in(page_db, person, password, lambda: code, now, way)


@pytest.fixture
def telephone(page_db: Path) -> Callable[[datetime], str]:
    """Maria's, whose second factor is on; what it shows at a time."""
    secret, pair = SECRET, comes_in(page_db).own
    assert pair is not None
    shown = pyotp.TOTP(secret.base32)
    yesterday = NOW - timedelta(days=1)
    assert people.write(
        page_db,
        lambda c: second_factor.switch_on(c, "maria", pair, secret, shown.at(yesterday), yesterday),
    )
    return shown.at


def wrong_tries(page_db: Path, count: int, now: datetime = NOW, person: str = "maria") -> datetime:
    """So many passwords that are looked at; when the last was."""
    for _ in range(count):
        for _ in range(2):
            try:
                comes_in(page_db, "a guess of mine", now=now, person=person)
            except TooSoonError:
                now += timedelta(minutes=15)
            except PeopleError:
                break
    return now


# ---- patience ----


def test_after_a_few_wrong_passwords_the_right_one_waits_too_and_then_opens(page_db: Path) -> None:
    wrong_tries(page_db, 5)
    with pytest.raises(TooSoonError, match=r"looked at in 2 s.*--by-paper"):
        comes_in(page_db)
    assert comes_in(page_db, now=NOW + timedelta(seconds=2)).mailboxes
    with pytest.raises(PeopleError, match="do not belong together"):
        comes_in(page_db, "a guess of mine", now=NOW + timedelta(seconds=2))
    assert comes_in(page_db, now=NOW + timedelta(seconds=2)).mailboxes


def test_whoever_tries_at_the_page_keeps_nobody_out_at_the_box(page_db: Path) -> None:
    for _ in range(5):
        with pytest.raises(PeopleError, match="do not belong together"):
            comes_in(page_db, "a guess of mine", way="page")
    with pytest.raises(TooSoonError):
        comes_in(page_db, way="page")
    assert comes_in(page_db).mailboxes


def test_one_password_tried_on_many_names_waits_as_well(page_db: Path) -> None:
    def on_many(connection: Connection) -> None:
        for number in range(31):
            assert not failures.count(connection, f"name {number}", gate.COMMAND_LINE, NOW)

    people.write(page_db, on_many)
    with pytest.raises(TooSoonError):
        comes_in(page_db)
    assert comes_in(page_db, now=NOW + timedelta(seconds=1)).mailboxes


def test_a_power_cut_while_a_password_is_looked_at_wins_no_guess(
    page_db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lights_out(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as night:
        night.setattr("firmware.passwords.hash_secret_raw", lights_out)
        for _ in range(5):
            with pytest.raises(KeyboardInterrupt):
                comes_in(page_db)
    with pytest.raises(TooSoonError):
        comes_in(page_db)


def test_the_recovery_paper_waits_for_nobody(page_db: Path) -> None:
    late = wrong_tries(page_db, 8)
    assert people.recover(page_db, PAPER).mailboxes
    code = people.invite(page_db, "maria", Role.ADMIN, late)
    people.accept(page_db, "maria", code, ANOTHER, late, CHEAP)
    comes_in(page_db, ANOTHER, now=late)


def test_a_name_that_nobody_has_waits_like_any_other(page_db: Path) -> None:
    def five(connection: Connection) -> None:
        for _ in range(5):
            assert not failures.count(connection, "nobody", gate.COMMAND_LINE, NOW)

    people.write(page_db, five)
    with pytest.raises(TooSoonError):
        comes_in(page_db, person="nobody")


def test_the_product_signs_people_in_through_the_gate_alone() -> None:
    by_password_alone = {
        path.name
        for path in Path("firmware").rglob("*.py")
        if "people.sign_in(" in path.read_text("utf-8")
    }
    assert by_password_alone == {"gate.py", "run.py"}  # `make run` rehearses a clinic of its own


# ---- the second factor ----


def test_a_code_is_asked_for_after_the_password_alone(
    page_db: Path, telephone: Callable[[datetime], str]
) -> None:
    with pytest.raises(PeopleError, match="do not belong together"):
        comes_in(page_db, "a guess of mine", telephone(NOW))
    with pytest.raises(CodeNeededError, match="type the telephone's code"):
        comes_in(page_db)
    with pytest.raises(WrongCodeError, match="wait for the next one"):
        comes_in(page_db, code=pyotp.TOTP(OTHER.base32).at(NOW))
    assert comes_in(page_db, code=telephone(NOW)).mailboxes


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_telephone_one_step_off_is_understood(
    page_db: Path, telephone: Callable[[datetime], str], steps: int
) -> None:
    assert comes_in(page_db, code=telephone(NOW + steps * STEP)).mailboxes


def test_a_code_serves_once_and_none_before_it_after_it(
    page_db: Path, telephone: Callable[[datetime], str]
) -> None:
    assert comes_in(page_db, code=telephone(NOW)).mailboxes
    for earlier in (NOW, NOW - STEP):
        with pytest.raises(WrongCodeError, match="has served already"):
            comes_in(page_db, code=telephone(earlier))
    assert comes_in(page_db, code=telephone(NOW + STEP), now=NOW + STEP).mailboxes


def test_who_has_the_password_cannot_try_codes_without_waiting(
    page_db: Path, telephone: Callable[[datetime], str]
) -> None:
    wrong = pyotp.TOTP(OTHER.base32).at(NOW)
    for _ in range(5):
        with pytest.raises(CodeNeededError):
            comes_in(page_db)
        with pytest.raises(WrongCodeError):
            comes_in(page_db, code=wrong)
    with pytest.raises(TooSoonError):
        comes_in(page_db, code=telephone(NOW))


def test_ten_recovery_codes_serve_once_each_in_place_of_the_telephone(
    page_db: Path, telephone: Callable[[datetime], str]
) -> None:
    first, second, *others = people.write(
        page_db, lambda c: second_factor.new_recovery_codes(c, "maria")
    )
    assert len({first, second, *others}) == second_factor.RECOVERY_CODES
    assert comes_in(page_db, code=first.upper().replace("-", " ")).mailboxes
    with pytest.raises(WrongCodeError):
        comes_in(page_db, code=first)
    assert people.read(page_db, lambda c: second_factor.recovery_codes_left(c, "maria")) == 9
    people.write(page_db, lambda c: second_factor.new_recovery_codes(c, "maria"))
    with pytest.raises(WrongCodeError):
        comes_in(page_db, code=second)


def test_neither_secret_nor_recovery_code_lies_open_in_the_database(page_db: Path) -> None:
    secret, pair = Secret.fresh(), comes_in(page_db).own
    assert pair is not None
    code = pyotp.TOTP(secret.base32).at(NOW)
    people.write(page_db, lambda c: second_factor.switch_on(c, "maria", pair, secret, code, NOW))
    printed = people.write(page_db, lambda c: second_factor.new_recovery_codes(c, "maria"))
    kept = b"".join(path.read_bytes() for path in page_db.parent.iterdir() if path.is_file())
    for told in (secret.base32, *printed, *(each.replace("-", "") for each in printed)):
        assert told.encode() not in kept
    assert secret.base32 not in repr(secret)


def test_a_second_factor_moved_to_another_person_does_not_open(
    page_db: Path, telephone: Callable[[datetime], str]
) -> None:
    invited = people.invite(page_db, "ben", Role.NURSE, NOW)
    people.accept(page_db, "ben", invited, PASSWORD, NOW, CHEAP)
    with closing(sqlite3.connect(page_db)) as raw, raw:
        raw.execute("UPDATE second_factors SET person = 'ben'")
    with pytest.raises(KeyRefusedError, match="invite"):
        comes_in(page_db, code=telephone(NOW), person="ben")


def test_a_telephone_that_shows_other_codes_switches_nothing_on(page_db: Path) -> None:
    pair = comes_in(page_db).own
    assert pair is not None
    others = pyotp.TOTP(OTHER.base32).at(NOW)
    assert not people.write(
        page_db,
        lambda c: second_factor.switch_on(c, "maria", pair, SECRET, others, NOW),
    )
    assert comes_in(page_db).mailboxes


def test_who_lost_telephone_and_codes_is_invited_anew(
    page_db: Path, telephone: Callable[[datetime], str]
) -> None:
    invited = people.invite(page_db, "maria", Role.ADMIN, NOW)
    people.accept(page_db, "maria", invited, ANOTHER, NOW, CHEAP)
    assert comes_in(page_db, ANOTHER).mailboxes == {}


def test_a_changed_password_opens_the_same_and_the_old_one_nothing(page_db: Path) -> None:
    ring = comes_in(page_db)
    people.change_password(page_db, ring, ANOTHER, CHEAP)
    assert comes_in(page_db, ANOTHER).mailboxes == ring.mailboxes
    with pytest.raises(PeopleError, match="do not belong together"):
        comes_in(page_db)
