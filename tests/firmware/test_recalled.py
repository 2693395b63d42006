"""What an exchange finds of how fast its lines moved, when it is started anew."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware import recalled
from firmware.ledger import Ledger, Moment, Noted
from firmware.machine import MachineKey
from firmware.store import open_reader
from ivr.pace import MOVED

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
THEN = Moment(NOON, 5_000_000)
DETAIL = "desk after 42.0 s"


@pytest.fixture(scope="module")
def calls_db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two steps of a line, ten seconds apart, among others."""
    home = tmp_path_factory.mktemp("recalled")
    ledger = Ledger(home / "calls.db", home / "ledger.log", MachineKey(b"k" * 32))
    sooner = Moment(NOON - timedelta(seconds=10), 4_990_000)
    rows = [
        Noted("ann", MOVED, "nurse after 7.5 s", sooner),
        Noted("ann", "joined", "", THEN),
        Noted("bob", MOVED, DETAIL, THEN),
    ]
    asyncio.run(ledger.write(rows))
    ledger.close()
    return home / "calls.db"


def found(calls_db: Path, now: Moment, *, trusted: bool = True) -> list[tuple[float, str]]:
    reader = open_reader(calls_db)
    with reader.connect() as connection:
        return recalled.moved(connection, now, trusted=trusted)


def after(
    seconds: float, wall_jumps: timedelta = timedelta(), mono_ms: int | None = None
) -> Moment:
    passed_ms = THEN.mono_ms + round(seconds * 1000) if mono_ms is None else mono_ms
    return Moment(NOON + timedelta(seconds=seconds) + wall_jumps, passed_ms)


@pytest.mark.parametrize("trusted", [True, False])
def test_within_one_life_of_the_machine_the_monotonic_clock_tells_how_long_ago(
    calls_db: Path, trusted: bool
) -> None:
    nudged = after(90, timedelta(seconds=5))
    assert found(calls_db, nudged, trusted=trusted) == [
        (100.0, "nurse after 7.5 s"),
        (90.0, DETAIL),
    ]


def test_after_a_power_cut_the_wall_clock_tells_it_if_it_can_be_trusted(calls_db: Path) -> None:
    booted = after(300, mono_ms=20_000)
    assert [age_s for age_s, _ in found(calls_db, booted)] == [310.0, 300.0]
    assert found(calls_db, booted, trusted=False) == []


@pytest.mark.parametrize("jump", [timedelta(days=-9000), timedelta(hours=-1)])
def test_a_clock_set_back_makes_no_old_pace_a_new_one(calls_db: Path, jump: timedelta) -> None:
    assert [age_s for age_s, _ in found(calls_db, after(7200, jump))] == [7210.0, 7200.0]
    assert found(calls_db, after(0, jump, mono_ms=20_000)) == []
