"""What a line's last calls tell of it: how many said who called, and how their ends were known."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from firmware.doctor import past
from firmware.doctor.findings import Colour
from firmware.ledger import Arrived, Finished, Ledger, Moment, Noted, Row
from firmware.machine import MachineKey
from firmware.place import Place
from ivr import line_said
from ivr.commands import Outcome
from ivr.says import Says

NOW = Moment.now()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def call(
    name: str, line: str, number: str, says: Says | None = None, later_s: int = 0
) -> list[Row]:
    now = replace(NOW, at=NOW.at + timedelta(seconds=later_s))
    rows: list[Row] = [Arrived(name, line, "2025550100", number, "", now)]
    if says is not None:
        rows.append(Noted(name, line_said.STEP, says, now))
    return [*rows, Finished(name, Outcome.ABANDONED, now)]


def test_of_each_line_the_last_calls_are_counted_and_no_caller_is_told(place: Place) -> None:
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))
    rows: list[Row] = []
    for count in range(past.LAST + 5):
        says = (Says.SILENT, Says.HUNG_UP, None)[count % 3]
        rows += call(f"mute {count}", "analog", "", says, count)
    rows += call("told", "main", "2025550177")
    rows.append(Arrived("now", "main", "2025550100", "", "", NOW))  # and is not over
    asyncio.run(ledger.write(rows))
    ledger.close()
    found = past.read(place.calls_db, ("analog", "main", "spare"))
    assert [(each.about, each.colour) for each in found] == [
        ("caller ID of line analog", Colour.AMBER),
        ("hang-up on line analog", Colour.AMBER),
        ("caller ID of line main", Colour.GREEN),
        ("hang-up on line main", Colour.GREEN),
    ]
    assert found[0].figure.startswith("0 of the last 20 calls")
    assert "busy tone ended 6 and silence 7" in found[1].figure
    assert "1 of the last 1 calls" in found[2].figure
    assert "2025550177" not in repr(found)


def test_of_books_that_cannot_be_read_nothing_is_told(place: Place) -> None:
    place.calls_db.write_bytes(b"no database")
    assert past.read(place.calls_db, ("main",)) == ()
