"""The life of a link: a day until somebody fetches by it, then minutes, for one device alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware import people
from firmware.keys import KeyPair
from firmware.passwords import Cost
from firmware.provisioning import links
from firmware.provisioning.desk import Maker
from firmware.provisioning.links import Link

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MAC, OTHER = "000b82aabbcc", "000b82ddeeff"
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "page.db"
    people.set_up(path, KeyPair.fresh().public, "doe", "seven quiet lamps", ["desk"],
                  Cost(passes=1, memory_kib=8, lanes=1))  # fmt: skip
    return path


def made(db: Path, device: str | None = None, extension: str = "101") -> str:
    link = Link(extension, Maker.YEALINK, "192.0.2.5", NOON, device, None)
    return people.write(db, lambda c: links.make(c, link))


def fetched(db: Path, token: str, device: str, at: datetime) -> str:
    """Whose file this device gets; "" for none."""
    link = people.write(db, lambda c: links.fetch(c, token, device, at))
    return link.extension if link else ""


def test_a_link_is_good_for_a_day_and_no_longer(db: Path) -> None:
    first, second = made(db), made(db, extension="102")
    assert fetched(db, first, MAC, NOON + 24 * HOUR) == "101"
    assert fetched(db, second, MAC, NOON + 24 * HOUR + MINUTE) == ""


def test_a_telephone_that_asks_twice_gets_it_twice_and_not_an_hour_later(db: Path) -> None:
    token = made(db)
    assert fetched(db, token, MAC, NOON + HOUR) == "101"
    assert fetched(db, token, MAC, NOON + HOUR + 10 * MINUTE) == "101"
    assert fetched(db, token, MAC, NOON + HOUR + 11 * MINUTE) == ""


def test_a_link_that_one_has_fetched_by_is_nothing_to_another(db: Path) -> None:
    token = made(db)
    assert fetched(db, token, MAC, NOON) == "101"
    assert fetched(db, token, OTHER, NOON) == ""
    assert fetched(db, token, MAC, NOON) == "101"


def test_a_link_for_one_mac_is_nothing_to_another_and_is_still_good_for_its_own(db: Path) -> None:
    token = made(db, MAC)
    assert fetched(db, token, OTHER, NOON) == ""
    assert fetched(db, token, MAC, NOON) == "101"


def test_a_new_link_ends_the_telephone_s_last_one_and_nobody_else_s(db: Path) -> None:
    old, other = made(db), made(db, extension="102")
    new = made(db)
    assert fetched(db, old, MAC, NOON) == ""
    assert fetched(db, new, MAC, NOON) == "101"
    assert fetched(db, other, OTHER, NOON) == "102"


def test_looking_binds_nobody_and_the_screen_knows_who_fetched_and_when(db: Path) -> None:
    token = made(db)
    people.write(db, lambda c: links.look(c, token, "", NOON))
    seen = people.read(db, lambda c: links.of(c, "101"))
    assert seen == Link("101", Maker.YEALINK, "192.0.2.5", NOON, None, None)
    fetched(db, token, MAC, NOON + MINUTE)
    seen = people.read(db, lambda c: links.of(c, "101"))
    assert seen == Link("101", Maker.YEALINK, "192.0.2.5", NOON, MAC, NOON + MINUTE)


def test_whoever_reads_the_database_has_no_link(db: Path) -> None:
    token = made(db)
    kept = b"".join(path.read_bytes() for path in db.parent.glob("page.db*"))
    assert token.encode() not in kept
    assert fetched(db, "", MAC, NOON) == fetched(db, token[:-1], MAC, NOON) == ""
