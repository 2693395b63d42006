"""Sessions of the page: they end by themselves, everywhere at once, and hold no key."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import people, sessions
from firmware.keys import KeyPair
from firmware.passwords import Cost
from firmware.people import Role
from firmware.sessions import LIMITS, Limits, Session

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PASSWORD = "four words in a row"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def page_db(tmp_path: Path) -> Path:
    path = tmp_path / "page.db"
    people.set_up(path, KeyPair.fresh().public, "maria", PASSWORD, ["nurse"], CHEAP)
    code = people.invite(path, "ben", Role.NURSE, NOW)
    people.accept(path, "ben", code, PASSWORD, NOW, CHEAP)
    return path


def begun(page_db: Path, person: str, now: datetime = NOW) -> str:
    return people.write(page_db, lambda c: sessions.begin(c, person, now))


def whose(page_db: Path, token: str, now: datetime = NOW) -> str:
    used = people.write(page_db, lambda c: sessions.use(c, token, now))
    return used.person if used else ""


def running(page_db: Path) -> list[str]:
    return [each.person for each in people.read(page_db, lambda c: sessions.running(c, NOW))]


@pytest.mark.parametrize(
    ("begun_ago", "used_ago", "over"),
    [
        (0, 0, False),
        (60, 14, False),
        (60, 15, True),
        (719, 1, False),
        (720, 0, True),
        (-14, -14, False),
        (-15, -15, True),
        (-600_000, -600_000, True),
    ],
)
def test_a_session_ends_after_a_quiet_quarter_hour_and_after_half_a_day(
    begun_ago: int, used_ago: int, *, over: bool
) -> None:
    session = Session("maria", NOW - begun_ago * MINUTE, NOW - used_ago * MINUTE)
    assert session.is_over(NOW) is over
    assert not session.is_over(NOW, Limits(timedelta(days=500), timedelta(days=500)))


@given(st.lists(st.integers(0, 14 * 60), max_size=60))
def test_no_session_outlives_its_day_however_busy_it_is(pauses_s: list[int]) -> None:
    session, now = Session("maria", NOW, NOW), NOW
    for pause_s in pauses_s:
        now += timedelta(seconds=pause_s)
        assert session.is_over(now) is (now - NOW >= LIMITS.absolute)
        session = Session("maria", NOW, now)


def test_use_keeps_a_session_and_quiet_ends_it_for_good(page_db: Path) -> None:
    token = begun(page_db, "maria")
    assert whose(page_db, token, NOW + 14 * MINUTE) == "maria"
    assert whose(page_db, token, NOW + 28 * MINUTE) == "maria"
    assert whose(page_db, token, NOW + 43 * MINUTE) == ""
    assert whose(page_db, token, NOW + 28 * MINUTE) == ""
    assert whose(page_db, "a token of mine") == ""


def test_signing_out_ends_one_and_signing_out_everywhere_all_of_a_person(page_db: Path) -> None:
    desk, home, bens = begun(page_db, "maria"), begun(page_db, "maria"), begun(page_db, "ben")
    people.write(page_db, lambda c: sessions.end(c, desk))
    assert (whose(page_db, desk), whose(page_db, home)) == ("", "maria")
    assert people.write(page_db, lambda c: sessions.end_all(c, "maria")) == 1
    assert running(page_db) == ["ben"]
    assert whose(page_db, bens) == "ben"


def test_a_new_password_a_new_invitation_and_leaving_end_every_session(page_db: Path) -> None:
    begun(page_db, "maria")
    people.change_password(
        page_db, people.sign_in(page_db, "maria", PASSWORD), "another four words", CHEAP
    )
    assert running(page_db) == []
    begun(page_db, "ben")
    people.invite(page_db, "ben", Role.NURSE, NOW)
    assert running(page_db) == []


def test_rows_of_what_is_over_are_swept_and_no_token_lies_in_the_table(page_db: Path) -> None:
    old, new = begun(page_db, "maria", NOW - 60 * MINUTE), begun(page_db, "ben")
    people.write(page_db, lambda c: sessions.sweep(c, NOW))
    kept = people.read(page_db, lambda c: c.execute(sessions.sessions.select()).all())
    assert [row.person for row in kept] == ["ben"]
    files = [path for path in page_db.parent.iterdir() if path.is_file()]
    assert not [
        each for each in files for token in (old, new) if token.encode() in each.read_bytes()
    ]
