"""Opening and closing by hand: what is asked, kept over a restart, and told to the call logic."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from firmware import settings, switches, topics
from firmware.control import ControlError, Door
from firmware.hours_desk import HoursDesk
from firmware.store import Store
from firmware.wallclock import Reading
from ivr import codes, events
from ivr.hours import Switch
from tests.firmware.test_settings import TEMPLATE

# Monday 23 November 2026, 09:00 in New York.
MORNING = datetime(2026, 11, 23, 14, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 24, 5, tzinfo=UTC)


class Box:
    """The desk of one exchange, on clocks that the story moves."""

    def __init__(self, store: Store, *, in_step: bool = True) -> None:
        self.told: list[events.Event] = []
        self.now = Reading(MORNING.timestamp(), 100.0, in_step)
        self.desk = HoursDesk(
            store, lambda: settings.read(TEMPLATE), self.told.append, lambda: self.now
        )
        self.desk.open(Door())

    def switch(self, to: topics.SwitchWish, hours: str = "", until: str = "", say: str = "") -> str:
        request = topics.SwitchRequest(hours=hours, to=to, until=until, say=say)
        (told,) = asyncio.run(self.desk.switch(request)).told
        return told

    def switched(self) -> tuple[str, ...]:
        return asyncio.run(self.desk.switched(topics.SwitchesRequest())).told


@contextmanager
def box(place: Path, *, in_step: bool = True) -> Iterator[Box]:
    store = Store(place / "calls.db", "calls")
    try:
        yield Box(store, in_step=in_step)
    finally:
        store.close()


def test_closing_holds_until_midnight_and_outlives_a_restart(tmp_path: Path) -> None:
    with box(tmp_path) as first:
        told = first.switch("closed", say="closed-now")
        assert told == "office is closed: switched by hand, until Tue 2026-11-24 00:00"
        thrown = first.told[-1]
        assert isinstance(thrown, events.HoursSwitched)
        assert thrown.switch is not None
        assert thrown.switch.until.astimezone(UTC) == MIDNIGHT
    with box(tmp_path) as second:
        kept = events.HoursSwitched("office", Switch("office", False, MIDNIGHT, "closed-now"))
        assert second.told == [kept, events.ClockJudged(trusted=True)]
        assert second.switched() == (told,)
    assert switches.stored(tmp_path / "calls.db").keys() == {"office"}


def test_a_switch_is_taken_back_for_good(tmp_path: Path) -> None:
    with box(tmp_path) as first:
        first.switch("closed", until="17:30")
        assert first.switch("scheduled") == (
            "office is open: Monday 08:00-17:00, until Mon 2026-11-23 17:00"
        )
        assert first.told[-1] == events.HoursSwitched("office", None)
    with box(tmp_path) as second:
        assert second.switched() == ()


def test_a_code_dialled_at_a_phone_closes_for_the_day_and_another_ends_that(tmp_path: Path) -> None:
    with box(tmp_path) as first:
        assert asyncio.run(first.desk.by_code(codes.HOURS_CODES["*56"])) == "hours-closed"
        (closed,) = first.switched()
        assert closed == "office is closed: switched by hand, until Tue 2026-11-24 00:00"
        assert asyncio.run(first.desk.by_code(codes.HOURS_CODES["*57"])) == "hours-open"
        assert first.switched()[0].startswith("office is open: switched by hand")
        assert asyncio.run(first.desk.by_code(codes.HOURS_CODES["*55"])) == "hours-scheduled"
        assert first.switched() == ()
    with box(tmp_path, in_step=False) as second:
        assert asyncio.run(second.desk.by_code(codes.HOURS_CODES["*56"])) == codes.FAILED


def test_what_has_run_out_is_not_told_as_switched(tmp_path: Path) -> None:
    with box(tmp_path) as clinic:
        clinic.switch("open", until="2026-11-23 09:30")
        clinic.now = Reading(MORNING.timestamp() + 1800, 1900.0, True)
        assert clinic.switched() == ()


@pytest.mark.parametrize(
    ("until", "ends"),
    [
        ("17:30", "Mon 2026-11-23 17:30"),
        ("08:00", "Tue 2026-11-24 08:00"),
        ("2026-11-25 12:00", "Wed 2026-11-25 12:00"),
    ],
)
def test_an_end_is_the_next_time_the_clock_shows_it(tmp_path: Path, until: str, ends: str) -> None:
    with box(tmp_path) as clinic:
        assert clinic.switch("closed", until=until).endswith(f"until {ends}")


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"hours": "offce"}, "there is no such schedule: name one of: office"),
        ({"until": "soon"}, "is no time"),
        ({"until": "2020-01-01 12:00"}, "is past"),
        ({"until": "2027-11-25 12:00"}, "31 days at most"),
        ({"say": "snow-day"}, "there is no prompt 'snow-day'"),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_with_the_cure(
    tmp_path: Path, wish: dict[str, str], why: str
) -> None:
    with box(tmp_path) as clinic:
        with pytest.raises(ControlError) as refused:
            clinic.switch("closed", **wish)
        assert why in str(refused.value)
        assert clinic.told == [events.ClockJudged(trusted=True)]
    assert switches.stored(tmp_path / "calls.db") == {}


def test_with_a_clock_that_cannot_be_trusted_nothing_is_switched(tmp_path: Path) -> None:
    with box(tmp_path, in_step=False) as clinic:
        assert clinic.told == [events.ClockJudged(trusted=False)]
        with pytest.raises(ControlError, match="clock cannot be trusted"):
            clinic.switch("closed")
        assert clinic.desk.part().state == "warning"


def test_the_call_logic_hears_when_the_clock_is_judged_anew_and_only_then(tmp_path: Path) -> None:
    with box(tmp_path, in_step=False) as clinic:
        clinic.desk.look()
        clinic.now = Reading(MORNING.timestamp(), 100.25, True)
        clinic.desk.look()
        clinic.desk.look()
        assert clinic.told == [
            events.ClockJudged(trusted=False),
            events.ClockJudged(trusted=True),
        ]
        assert clinic.desk.part().state == "well"
