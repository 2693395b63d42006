"""What an admin hears of the coming days of a rota, and what is not worth a word."""

from dataclasses import replace
from datetime import date, time

from ivr.forewarn import forsaken, notices, outdated
from ivr.plan import CallBacks, Dates, DayRule, Exceptional, Hours, MonthDay, Yearly
from ivr.rota import ByTurns, Override, Rota, Swap
from tests.ivr.test_check import BYE, a_plan
from tests.ivr.test_oncall import NEW_YORK, THANKSGIVING, a_rota, on, period, turns

NOW = on("2026-11-23 09:00")
WHOLE = a_rota(turns(7), second=(turns(7, people=("brandt", "chen", "alvarez")),))


def told(rota: Rota | None) -> list[str]:
    plan = replace(a_plan({"menu": BYE}), rota=rota)
    return [notice.reason for notice in notices(plan, NOW)]


def with_swap(swap: Swap) -> list[str]:
    return told(replace(WHOLE, swaps=(swap,)))


def test_nothing_is_said_of_a_rota_without_a_hole_nor_of_none() -> None:
    assert told(WHOLE) == []
    assert told(None) == []


def test_who_waits_for_a_call_back_that_no_queue_would_make_is_told_of_with_the_cure() -> None:
    plan = a_plan({"menu": BYE})
    calling = replace(plan.queues["desk"], callbacks=CallBacks("office"))
    assert forsaken(replace(plan, queues={"desk": calling}), {"desk": 3}) == []
    here, gone = forsaken(plan, {"desk": 3, "nurse": 1})
    assert (here.where, gone.where) == (("queues", "desk"), ("queues", "nurse"))
    assert here.reason.startswith("3 who were promised a call-back by the queue desk")
    assert "add callbacks to [queues.desk]" in here.cure


def test_a_gap_behind_the_horizon_is_not_told_yet() -> None:
    ends = ByTurns(("alvarez",), 1, time(8), date(2026, 12, 23))
    (reason,) = told(Rota(NEW_YORK, {"first": (ends,)}, "hospital"))
    assert "Mon 2026-11-23 09:00 to Wed 2026-12-23 08:00" in reason
    assert "go to who is on call next" in reason


def test_two_overrides_at_once_are_told_and_who_has_the_time() -> None:
    first = Override("first", "evans", period("2026-12-01 08:00", "2026-12-03 08:00"))
    second = Override("first", "dimitrov", period("2026-12-02 08:00", "2026-12-04 08:00"))
    (reason,) = told(replace(WHOLE, overrides=(first, second)))
    assert "Wed 2026-12-02 08:00 to Thu 2026-12-03 08:00" in reason
    assert "dimitrov has this time, evans has not" in reason


def test_of_an_even_swap_only_what_it_leads_to_is_told() -> None:
    (reason,) = with_swap(THANKSGIVING)
    assert reason.startswith("brandt is on call in first and second at once on Thu 2026-11-26")


def test_a_swap_of_what_somebody_does_not_have_is_told() -> None:
    empty = replace(THANKSGIVING, takes=period("2026-12-07 08:00", "2026-12-08 08:00"))
    reasons = with_swap(empty)
    assert "brandt is not on call in first in the time to be exchanged" in reasons
    assert not any("gives" in reason for reason in reasons)


def test_an_uneven_swap_is_told_in_hours() -> None:
    uneven = replace(THANKSGIVING, takes=period("2026-12-03 08:00", "2026-12-03 20:30"))
    assert "alvarez gives 24 h and takes 12.5 h of brandt" in with_swap(uneven)


def test_a_swap_that_is_long_over_is_not_told_of_again() -> None:
    over = replace(
        THANKSGIVING,
        gives=period("2026-10-01 08:00", "2026-10-02 08:00"),
        takes=period("2026-10-08 08:00", "2026-10-09 08:00"),
    )
    assert with_swap(over) == []


def test_exceptions_that_are_over_are_told_and_those_of_every_year_never() -> None:
    eve = Dates(date(2026, 12, 24), date(2026, 12, 24))
    yearly = Exceptional(Yearly(MonthDay(1, 2), MonthDay(1, 3)), DayRule("inventory"))
    past = Exceptional(eve, DayRule("eve")), Exceptional(eve, DayRule("")), yearly
    plan = replace(a_plan({"menu": BYE}), hours={"office": Hours("office", (), exceptions=past)})
    assert outdated(plan, date(2026, 12, 24)) == []
    found = outdated(plan, date(2026, 12, 25))
    assert [notice.where[-1] for notice in found] == ["exceptions", "closed"]
    assert found[0].reason == "in the past: eve 2026-12-24"
