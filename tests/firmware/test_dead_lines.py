"""A line that is dead while all seems well: nobody calls though the clinic is open, or the company
comes and goes. At night, on a weekend and on a line that is new nobody is woken for it."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import dead_lines, settings
from firmware.lines_desk import line_now
from firmware.topics import Part
from ivr import hours
from ivr.plan import Plan
from tests.sites import head

ZONE = ZoneInfo("America/New_York")
FRIDAY_4PM = datetime(2026, 11, 20, 16, tzinfo=ZONE)
SITE = (
    head(["101"])
    + """
[mailboxes.desk]
members = ["reception"]

[hours.office]
mon = ["08:00-17:00"]
tue = ["08:00-17:00"]
wed = ["08:00-17:00"]
thu = ["08:00-17:00"]
fri = ["08:00-17:00"]

[flows.main]
start = "office"

[flows.main.nodes.office]
kind = "hours"
hours = "office"
open = "message"
closed = "message"

[flows.main.nodes.message]
kind = "message"
mailbox = "desk"
prompts = ["leave-a-message"]
next = "bye"

[flows.main.nodes.bye]
kind = "hangup"
"""
)
WELL = Part(name="trunk telco", state="well", detail="answers")
minutes = st.integers(0, 90 * 24 * 60)


def plan(quiet_h: int = 12) -> Plan:
    return settings.read(SITE.replace("[lines.main]", f"[lines.main]\nquiet_h = {quiet_h}"))


def told(now: datetime, quiet_h: int = 12, came: datetime | None = FRIDAY_4PM) -> list[Part]:
    last = {} if came is None else {"main": came.astimezone(UTC)}
    return list(dead_lines.quiet(plan(quiet_h), last, now))


def test_a_weekend_without_a_call_is_no_alarm_and_a_working_day_and_a_half_without_one_is() -> None:
    monday = FRIDAY_4PM + timedelta(days=3)
    assert told(monday.replace(hour=8)) == []
    assert told(monday.replace(hour=16)) == []  # 1 + 8 hours
    (part,) = told(monday + timedelta(hours=18))  # Tuesday at 10: 1 + 9 + 2
    assert part.detail == "no call has come for 12 hours while the clinic was open"
    assert "call its number from a mobile" in part.cure


@pytest.mark.parametrize(("quiet_h", "came"), [(0, FRIDAY_4PM), (12, None)])
def test_whoever_does_not_want_it_and_a_line_that_is_new_are_left_alone(
    quiet_h: int, came: datetime | None
) -> None:
    assert told(FRIDAY_4PM + timedelta(days=14), quiet_h, came) == []


def test_a_clock_that_was_set_back_is_no_alarm() -> None:
    assert told(FRIDAY_4PM - timedelta(days=400)) == []


@given(minutes, minutes)
def test_open_time_is_what_a_walk_through_it_by_half_hours_counts(begin: int, lasts: int) -> None:
    (schedule,) = plan().hours.values()
    began = datetime(2026, 10, 1, tzinfo=UTC) + timedelta(minutes=begin)
    ended = began + timedelta(minutes=lasts % (20 * 24 * 60))
    walked, step, at = timedelta(0), timedelta(minutes=30), began
    while at < ended:
        walked += step if hours.is_open(schedule, at.astimezone(ZONE)) else timedelta(0)
        at += step
    found = dead_lines.open_for(schedule, began.astimezone(ZONE), ended.astimezone(ZONE))
    assert abs(found - walked) <= step * 2 * ((ended - began).days + 2)


def test_the_lines_own_alarm_stands_in_the_list_where_its_trunk_is_well() -> None:
    (part,) = told(FRIDAY_4PM + timedelta(days=7))
    line = plan().lines["main"]
    shown = line_now(plan(), line, {WELL.name: WELL, part.name: part}, 0, None)
    assert (shown.state, shown.detail) == ("alarm", part.detail)


def test_a_company_lost_three_times_within_the_hour_is_told_though_it_answers_now() -> None:
    falls = dead_lines.lately((100.0, 3000.0, 3500.0), 3600.0)
    part = dead_lines.comes_and_goes(WELL, falls)
    assert (part.state, part.detail) == (
        "alarm",
        "the telephone company was lost 3 times within the hour",
    )
    assert dead_lines.comes_and_goes(WELL, dead_lines.lately(falls, 3800.0)) == WELL
