"""`careline figures`, as whoever runs the clinic types it."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import ConsoleDimensions
from sqlalchemy import Connection
from typer.testing import CliRunner, Result

from firmware import requests
from firmware.cli.figures import app, say
from firmware.ledger import Arrived, Finished, Ledger, Moment, Noted, Row
from firmware.machine import MachineKey
from firmware.place import Place
from ivr.commands import Outcome
from ivr.form import RequestKind
from tests.firmware.by_hand import SITE

NEW_YORK = ZoneInfo("America/New_York")
NUMBER, NAME = "+15555550142", "Dolores Ünderhill"
MONDAY = date(2026, 3, 2)


class Clinic:
    """A published site and its ledger; nothing runs."""

    def __init__(self, home: Path) -> None:
        self.place = Place(home)
        self.place.site_file.write_text(SITE, "utf-8")
        self._calls = 0
        self._ledger = Ledger(
            self.place.calls_db, self.place.ledger_log, MachineKey(b"k" * 32)
        )  # the exchange is stopped, so its ledger is ours to write

    def writes(self, rows: list[Row]) -> None:
        self._ledger.submit(rows).result(60)

    def call(
        self, day: date, at: time, wait_s: float, outcome: Outcome, talk_s: float = 0
    ) -> list[Row]:
        """Somebody asks for the desk, waits, and is answered by 101 or hangs up."""
        self._calls += 1
        call = f"call-{self._calls}"
        came = datetime.combine(day, at, NEW_YORK).astimezone(UTC)
        began_ms = self._calls * 10_000_000

        def after(seconds: float) -> Moment:
            return Moment(came + timedelta(seconds=seconds), began_ms + round(seconds * 1000))

        rows: list[Row] = [
            Arrived(call, "main", "2025550100", NUMBER, NAME, after(0)),
            Noted(call, "queue", "main/desk", after(0)),
            Noted(call, "waits", "desk", after(0)),
            Noted(call, "offer", "101", after(wait_s)),
        ]
        if outcome is Outcome.ANSWERED:
            rows.append(Noted(call, "accepted", "101", after(wait_s)))
            rows.append(Noted(call, "joined", "", after(wait_s)))
        rows.append(Finished(call, outcome, after(wait_s + talk_s)))
        return rows

    def leaves_request(self, name: str, due: datetime, done_at: datetime | None) -> None:
        """A request of the first caller, and when staff was done with it."""
        left = requests.Left(name, "call-1", RequestKind.OTHER, due, None, (), None, Moment(due, 0))

        def work(connection: Connection) -> None:
            requests.record(connection, left, MachineKey(b"k" * 32))
            if done_at is not None:
                outcome = requests.Outcome.DONE
                requests.done(connection, name, "rita", outcome, Moment(done_at, 0))

        self._ledger.store.submit(work).result(60)

    def close(self) -> None:
        self._ledger.close()


@pytest.fixture
def clinic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clinic]:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    opened = Clinic(tmp_path)
    yield opened
    opened.close()


def asks(*words: str) -> Result:
    say.size = ConsoleDimensions(160, 50)  # whatever terminal the tests run in
    result = CliRunner().invoke(app, [*words])
    for secret in (NUMBER, NUMBER[2:], "Dolores", "Ünderhill", "2025550100"):
        assert secret not in result.output
    return result


def a_monday(clinic: Clinic) -> None:
    """Always the same caller, who once hangs up."""
    clinic.writes(clinic.call(MONDAY, time(9, 30), 10, Outcome.ANSWERED, talk_s=100))
    clinic.writes(clinic.call(MONDAY, time(9, 40), 50, Outcome.ABANDONED))
    for number, wait_s in enumerate((20, 30, 40)):
        at = time(10 + number, 30)
        clinic.writes(clinic.call(MONDAY, at, wait_s, Outcome.ANSWERED, talk_s=100))


def test_a_day_is_told_in_sentences_and_bars(clinic: Clinic) -> None:
    a_monday(clinic)
    told = asks("--from", "2026-03-02", "--to", "2026-03-02").stdout
    assert "Monday 2 March 2026" in told
    assert "5 offered = 4 answered + 1 abandoned + 0 in progress" in told
    assert "0:25 in the mean until answered (ASA)" in told
    assert "0:50 the longest wait" in told
    assert "40 % answered within 20 s" in told
    assert "1 of these 1 got through later" in told
    assert "1:40 (AHT) = talk 1:40 + hold – + wrap-up –" in told
    bars = [line for line in told.splitlines() if line[2:4] == ":0"]
    assert [line.split()[0] for line in bars] == ["09:00", "10:00", "11:00", "12:00"]
    assert "█" in bars[0]
    assert "▒" in bars[0]
    assert bars[0].endswith(" 2")


@pytest.mark.parametrize(
    ("by", "named"),
    [
        ("line", ["main"]),
        ("queue", ["desk"]),
        ("agent", ["101"]),
        ("hour", ["Mon 2 Mar 09:00"]),
        ("day", ["Mon 2 Mar", "Tue 3 Mar"]),
    ],
)
def test_figures_are_told_by_line_queue_agent_hour_and_day(
    clinic: Clinic, by: str, named: list[str]
) -> None:
    a_monday(clinic)
    clinic.writes(clinic.call(date(2026, 3, 3), time(9, 0), 5, Outcome.SHORT_ABANDONED))
    told = asks("--from", "2026-03-02", "--to", "2026-03-03", "--by", by).stdout
    for name in named:
        assert any(line.strip().startswith(name) for line in told.splitlines())


def test_an_hour_that_the_clock_strikes_twice_is_told_twice(clinic: Clinic) -> None:
    night = date(2026, 11, 1)
    clinic.writes(clinic.call(night, time(1, 30), 5, Outcome.SHORT_ABANDONED))
    clinic.writes(clinic.call(night, time(1, 30, fold=1), 5, Outcome.SHORT_ABANDONED))
    told = asks("--from", "2026-11-01", "--to", "2026-11-01", "--by", "hour").stdout
    assert [line.split()[:2] for line in told.splitlines() if line.startswith("01:00 E")] == [
        ["01:00", "EDT"],
        ["01:00", "EST"],
    ]


def test_programs_get_json_with_all_that_is_known_and_null_for_the_rest(clinic: Clinic) -> None:
    a_monday(clinic)
    words = ("--from", "2026-03-02", "--to", "2026-03-02", "--by", "queue", "--json")
    told = json.loads(asks(*words, "--within", "30").stdout)
    (row,) = told["rows"]
    assert (row["name"], row["offered"], row["asa_s"], row["service_level"]) == ("desk", 5, 25, 0.6)
    assert row["outcomes"]["answered"] == 4
    assert row["hold_s"] is None


def test_who_calls_again_is_counted_without_being_named(clinic: Clinic) -> None:
    a_monday(clinic)
    told = json.loads(asks("--from", "2026-03-02", "--to", "2026-03-02", "--json").stdout)
    assert told["rows"][0]["repeats"] == 4
    assert told["first_call_enough"] == {"of": 4, "enough": 1}
    assert told["not_helped"] == []  # who hung up at 9:40 was answered at 10:30


def test_requests_due_in_these_days_were_done_in_time_or_late_or_are_overdue(
    clinic: Clinic,
) -> None:
    a_monday(clinic)
    noon = datetime.combine(MONDAY, time(12), NEW_YORK)
    for number, done_at in enumerate((noon - timedelta(hours=1), noon + timedelta(hours=1), None)):
        clinic.leaves_request(f"request-{number}", due=noon, done_at=done_at)
    span = ("--from", "2026-03-02", "--to", "2026-03-02")
    told = "1 of 3 that were due done in time, 1 late, 1 overdue"
    assert told in asks(*span).stdout
    counted = json.loads(asks(*span, "--json").stdout)["requests"]
    assert counted == {"due": 3, "in_time": 1, "late": 1, "still_open": 1}


def test_a_day_without_calls_and_a_span_that_ends_before_it_begins(clinic: Clinic) -> None:
    assert "no calls" in asks().stdout
    assert asks("--from", "2026-03-02", "--to", "2026-03-01").exit_code == 2
    assert asks("--within", "25").exit_code == 2


def test_without_a_site_or_a_ledger_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    assert "careline publish" in " ".join(asks().stderr.split())  # a long path breaks the line
    Place(tmp_path).site_file.write_text(SITE, "utf-8")
    told = asks()
    assert (told.exit_code, "start the exchange once" in told.stderr) == (1, True)


# ---- staffing ----


def five_mondays(clinic: Clinic, calls: int) -> None:
    """So many calls between nine and ten, of four minutes each; nobody hangs up."""
    for week in range(5):
        day = MONDAY - timedelta(weeks=week)
        each = [
            clinic.call(day, time(9, number), 30, Outcome.ANSWERED, talk_s=240)
            for number in range(calls)
        ]
        clinic.writes([row for rows in each for row in rows])


def test_one_more_person_is_advised_where_history_says_that_it_helps(clinic: Clinic) -> None:
    five_mondays(clinic, calls=24)
    told = asks("--staffing", "--to", "2026-03-08").stdout
    assert "desk: one more person Mondays 9-10: 427 s → 47 s" in told
    assert "too little history" not in told


def test_a_few_calls_are_no_history(clinic: Clinic) -> None:
    a_monday(clinic)
    told = asks("--staffing", "--to", "2026-03-08").stdout
    assert "one more person" not in told
    assert "Of 4 hours of the week there is too little history for advice" in told


def test_programs_get_each_hour_of_the_week(clinic: Clinic) -> None:
    five_mondays(clinic, calls=24)
    told = json.loads(asks("--staffing", "--to", "2026-03-08", "--json").stdout)
    (hour,) = told["hours"]
    assert (hour["weekday"], hour["hour"], hour["weeks"], hour["calls"]) == (0, 9, 5, 120)
    assert (hour["handle_s"], hour["patience_s"], hour["people"]) == (240, None, 2)
    assert hour["needed"] == 4
