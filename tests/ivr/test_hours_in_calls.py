"""What a caller meets of the hours, and what can be told of it ahead."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest

from ivr import commands, events
from ivr.commands import Command
from ivr.errors import UnknownLineError
from ivr.hours import Kind, Switch
from ivr.plan import Dates, DayRule, Exceptional, Flow, Hours, HoursFork, Plan, Say, Span, Times
from ivr.when import Outlook, ahead
from tests.ivr.story import NOON, Clinic, a_clinic

MONDAY = NOON.date()
WORKDAY = Span(0, time(8), time(17))
LUNCH = Times(time(12), time(13))


def with_hours(schedule: Hours, fork: HoursFork | None = None) -> Plan:
    """The line's flow begins at its hours; "gone" is what is said at lunch."""
    fork = fork or HoursFork("office", "menu", "message")
    plan = a_clinic(hours=fork, gone=Say(("at-lunch",), "message"))
    flow = replace(plan.flows["main"], start="hours")
    return replace(plan, hours={"office": schedule}, flows={"main": flow})


def closed_today(say: str | None) -> Hours:
    rule = DayRule("snow", say=say)
    today = Exceptional(Dates(MONDAY, MONDAY), rule)
    return Hours("office", (WORKDAY,), exceptions=(today,))


def spoken(said: list[Command]) -> list[tuple[str, ...]]:
    return [command.prompts for command in said if isinstance(command, commands.Play)]


def notes(said: list[Command]) -> list[str]:
    return [c.detail for c in said if isinstance(c, commands.Note) and c.step == "hours"]


def test_the_ledger_says_why_a_caller_was_led_where() -> None:
    clinic = Clinic(with_hours(Hours("office", (WORKDAY,), LUNCH)))
    assert notes(clinic.calls("anna")) == ["main/hours closed: lunch, until Mon 2026-11-23 13:00"]


def test_closed_today_is_said_first_and_then_the_caller_goes_where_closed_leads() -> None:
    clinic = Clinic(with_hours(closed_today("snow-day")))
    said = clinic.calls("anna")
    assert spoken(said) == [("snow-day",)]
    (tag,) = [command.tag for command in said if isinstance(command, commands.Play)]
    assert spoken(clinic.hears(events.PromptEnded("anna", tag))) == [("leave-a-message",)]


def test_a_key_cuts_the_announcement_short() -> None:
    clinic = Clinic(with_hours(closed_today("snow-day")))
    assert spoken(clinic.calls("anna", "1"))[-1] == ("leave-a-message",)


def test_lunch_and_other_closed_days_may_lead_elsewhere() -> None:
    fork = HoursFork("office", "menu", "message", lunch="gone", holiday="bye")
    at_lunch = Clinic(with_hours(Hours("office", (WORKDAY,), LUNCH), fork))
    assert spoken(at_lunch.calls("anna")) == [("at-lunch",)]
    on_snow_day = Clinic(with_hours(closed_today(None), fork))
    assert spoken(on_snow_day.calls("anna")) == [("goodbye",)]


def test_a_switch_closes_the_clinic_for_callers_until_it_runs_out() -> None:
    clinic = Clinic(with_hours(Hours("office", (WORKDAY,))))
    until = NOON + timedelta(hours=1)
    clinic.hears(events.HoursSwitched("office", Switch("office", False, until, "snow-day")))
    assert spoken(clinic.calls("anna")) == [("snow-day",)]
    clinic.waits(3600)
    assert spoken(clinic.calls("bert")) == [("menu",)]


def test_a_switch_taken_back_is_as_if_it_had_never_been() -> None:
    clinic = Clinic(with_hours(Hours("office", (WORKDAY,))))
    switch = Switch("office", False, NOON + timedelta(hours=1))
    clinic.hears(events.HoursSwitched("office", switch), events.HoursSwitched("office", None))
    assert spoken(clinic.calls("anna")) == [("menu",)]


def test_while_the_clock_cannot_be_trusted_callers_meet_open_hours() -> None:
    clinic = Clinic(with_hours(closed_today(None)))
    clinic.hears(events.ClockJudged(trusted=False))
    assert spoken(clinic.calls("anna")) == [("menu",)]
    clinic.hears(events.ClockJudged(trusted=True))
    assert spoken(clinic.calls("bert")) == [("leave-a-message",)]


# ---- ahead ----


def test_ahead_is_told_what_a_caller_would_meet_and_why() -> None:
    christmas = date(2026, 12, 25)
    schedule = Hours("office", (WORKDAY,), holidays={christmas: DayRule("Christmas Day")})
    at = datetime(2026, 12, 25, 2, 30, tzinfo=NOON.tzinfo)
    first, last = ahead(Outlook(with_hours(schedule), at), "main")
    assert first.what == ("office is closed: the holiday Christmas Day, until Sat 2026-12-26 00:00")
    assert first.answer is not None
    assert first.answer.why.kind is Kind.HOLIDAY
    assert first.changes == datetime(2026, 12, 28, 8, tzinfo=NOON.tzinfo)
    assert str(last.place) == "main/message"
    assert last.prompts == ("leave-a-message",)


def test_ahead_agrees_with_the_call_itself() -> None:
    """Each way of the fork: what is spoken first is what was told ahead."""
    fork = HoursFork("office", "menu", "message", lunch="gone", holiday="bye")
    for schedule in (
        Hours("office", (WORKDAY,)),
        Hours("office", (WORKDAY,), LUNCH),
        closed_today("snow-day"),
        closed_today(None),
        Hours("office", ()),
    ):
        plan = with_hours(schedule, fork)
        told = next(step for step in ahead(Outlook(plan, NOON), "main") if step.prompts)
        assert spoken(Clinic(plan).calls("anna"))[0] == told.prompts


def test_ahead_knows_switches_and_an_untrusted_clock() -> None:
    plan = with_hours(closed_today(None))
    opened = Switch("office", True, NOON + timedelta(hours=1))
    (hours, menu) = ahead(Outlook(plan, NOON, {"office": opened}), "main")
    assert hours.what == "office is open: switched by hand, until Mon 2026-11-23 13:00"
    assert menu.what == "hears a menu"
    (hours, _) = ahead(Outlook(plan, NOON, {}, trusted=False), "main")
    assert hours.what == "office is open: the clock cannot be trusted yet"
    assert hours.changes is None


def test_ahead_a_circle_leads_to_the_front_desk_and_an_unknown_line_is_refused() -> None:
    plan = a_clinic(one=Say((), "two"), two=Say((), "one"))
    round_ = replace(plan, flows={"main": Flow("main", "one", plan.flows["main"].nodes)})
    assert ahead(Outlook(round_, NOON), "main")[-1].what == "has rung 101, 102"
    with pytest.raises(UnknownLineError, match="the clinic has: main"):
        ahead(Outlook(plan, NOON), "fax")
