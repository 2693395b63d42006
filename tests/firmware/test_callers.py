"""Who called a short while ago is known, also by an exchange that has just started."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firmware.callers import Callers
from firmware.ledger import Arrived, Finished, Ledger, Moment, Noted, Row
from firmware.machine import MachineKey
from firmware.store import open_reader
from ivr.commands import Outcome
from ivr.events import CallArrived, CallerLeft, Event
from ivr.plan import Blocking
from ivr.survey import ASKED
from tests.ivr.story import a_clinic

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ANNE, BEN = "+12025550101", "+12025550102"


@pytest.fixture
def key(tmp_path: Path) -> MachineKey:
    return MachineKey.at(tmp_path / "machine.key")


def came(call: str, number: str) -> CallArrived:
    return CallArrived(call, "main", "2025550100", number, "")


def before(told: list[Event]) -> list[bool]:
    return [event.came_before for event in told if isinstance(event, CallArrived)]


def test_a_second_call_within_fifteen_minutes_is_known_and_a_later_one_is_not(
    key: MachineKey,
) -> None:
    callers = Callers(key, a_clinic)
    assert before(callers.known([came("a", ANNE)], NOON)) == [False]
    soon, late = NOON + timedelta(minutes=14), NOON + timedelta(minutes=31)
    assert before(callers.known([came("b", ANNE), came("c", BEN)], soon)) == [True, False]
    assert before(callers.known([came("d", ANNE)], late)) == [False]


def test_who_shows_no_number_is_never_taken_for_another(key: MachineKey) -> None:
    callers = Callers(key, a_clinic)
    callers.known([came("a", "")], NOON)
    assert before(callers.known([came("b", "")], NOON)) == [False]


def test_what_is_no_arrival_passes_unchanged(key: MachineKey) -> None:
    assert Callers(key, a_clinic).known([CallerLeft("a")], NOON) == [CallerLeft("a")]


def test_a_restarted_exchange_remembers_who_called_but_not_the_call_that_still_lives(
    tmp_path: Path, key: MachineKey
) -> None:
    ledger = Ledger(tmp_path / "calls.db", tmp_path / "ledger.log", key)
    moment = Moment(NOON, 0)
    rows: list[Row] = [
        Arrived("ended", "main", "2025550100", ANNE, "", moment),
        Finished("ended", Outcome.ABANDONED, moment),
        Arrived("lives", "main", "2025550100", BEN, "", moment),
    ]
    ledger.submit(rows).result()
    callers = Callers(key, a_clinic)
    with open_reader(tmp_path / "calls.db").connect() as connection:
        callers.remember(connection, NOON + timedelta(minutes=1))
    ledger.close()
    told = callers.known([came("lives", BEN), came("new", ANNE)], NOON + timedelta(minutes=1))
    assert before(told) == [False, True]


def test_a_caller_who_was_asked_how_it_was_is_not_asked_within_a_week_also_after_a_restart(
    tmp_path: Path, key: MachineKey
) -> None:
    callers, other = Callers(key, a_clinic), Callers(key, a_clinic)
    ledger = Ledger(tmp_path / "calls.db", tmp_path / "ledger.log", key, callers.durable)
    moment = Moment(NOON, 0)
    callers.known([came("a", ANNE)], NOON)
    arrived = Arrived("a", "main", "2025550100", ANNE, "", moment)
    ledger.submit([arrived, Noted("a", ASKED, "", moment)]).result()
    ledger.submit([Finished("a", Outcome.ANSWERED, moment)]).result()
    with open_reader(tmp_path / "calls.db").connect() as connection:
        other.remember(connection, NOON)
    ledger.close()
    for known in (callers, other):
        for day, is_asked in ((6, True), (8, False)):
            told = known.known([came("b", ANNE)], NOON + timedelta(days=day))
            assert [e.was_surveyed for e in told if isinstance(e, CallArrived)] == [is_asked]


def test_a_blocked_caller_is_known_by_the_hash_and_however_the_site_writes_the_number(
    key: MachineKey,
) -> None:
    plan = replace(a_clinic(), blocking=Blocking(("2025550102",), asks_anonymous=True))
    callers = Callers(key, lambda: plan)
    callers.block_only(frozenset({key.keyed_hash(ANNE)}))
    told = callers.known([came("a", ANNE), came("b", BEN), came("c", ""), came("d", "1")], NOON)
    why = [event.unwanted for event in told if isinstance(event, CallArrived)]
    assert why == ["blocked", "blocked", "no number shown", ""]
