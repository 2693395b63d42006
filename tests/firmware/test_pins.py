"""PINs of people who are called at night."""

import sqlite3
from pathlib import Path

import pytest

from firmware import pins
from firmware.passwords import Cost
from firmware.pin_rule import PinError

CHEAP = Cost(1, 8, 1)


def test_a_pin_fits_its_own_person_alone_and_a_new_one_takes_its_place(tmp_path: Path) -> None:
    page_db = tmp_path / "page.db"
    pins.keep(page_db, "alvarez", "246810975", CHEAP)
    assert pins.fits(page_db, "alvarez", "246810975")
    assert not pins.fits(page_db, "alvarez", "246810976")
    assert not pins.fits(page_db, "brandt", "246810975")
    assert pins.without(page_db, ["alvarez", "brandt"]) == ["brandt"]
    pins.keep(page_db, "alvarez", "135792", CHEAP)
    assert pins.fits(page_db, "alvarez", "135792")
    assert not pins.fits(page_db, "alvarez", "246810975")


def test_only_an_argon2id_hash_lies_on_the_disk(tmp_path: Path) -> None:
    page_db = tmp_path / "page.db"
    pins.keep(page_db, "alvarez", "902146", CHEAP)
    (kept,) = sqlite3.connect(page_db).execute("SELECT hash FROM pins").fetchone()
    assert kept.startswith("$argon2id$")
    assert not any(b"902146" in file.read_bytes() for file in tmp_path.iterdir())


def test_before_anybody_has_a_pin_nobody_is_let_in(tmp_path: Path) -> None:
    assert not pins.fits(tmp_path / "page.db", "alvarez", "246810")
    assert pins.without(tmp_path / "page.db", ["alvarez"]) == ["alvarez"]


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("12345", "6 to 12 digits"),
        ("1234567890123", "6 to 12 digits"),
        ("24a810", "give digits alone"),
        ("٣٤٥٦٧٨", "give digits alone"),
        ("000000", "in a row"),
        ("345678", "in a row"),
        ("987654", "in a row"),
    ],
)
def test_what_cannot_be_keyed_or_is_guessed_first_is_refused(
    typed: str, why: str, tmp_path: Path
) -> None:
    with pytest.raises(PinError, match=why) as refused:
        pins.keep(tmp_path / "page.db", "alvarez", typed, CHEAP)
    assert typed not in str(refused.value)
