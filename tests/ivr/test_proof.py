"""Proofs: for which moments they hold, and the calls that show what is wrong."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from ivr.check import Finding, Grade, Rule, examine
from ivr.flow import FRONT_DESK, node_at, prompts_of
from ivr.hours import Switch, answer, way_of
from ivr.identity import AskIdentity, Factor
from ivr.plan import (
    CallBack,
    CallBacks,
    Dates,
    DayRule,
    Enqueue,
    Exceptional,
    Flow,
    Goto,
    Hangup,
    Hours,
    HoursFork,
    Line,
    Menu,
    MonthDay,
    Node,
    Overflow,
    Phone,
    Plan,
    Queue,
    Ring,
    Say,
    Span,
    TakeMessage,
    Times,
    Urgency,
    Yearly,
)
from ivr.proof.example import Example, walked
from ivr.proof.moments import DAYS, Moments, Told, moments, spells
from ivr.simulate import Phones

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=NEW_YORK)
WEEK = tuple(Span(day, time(8), time(17)) for day in range(5))
OFFICE = Hours("office", WEEK)
SAID = ("emergency-first", "menu")
BYE = Hangup(("goodbye",))
MESSAGE = TakeMessage("desk", ("leave-a-message",), 60, "bye")
DESK = Enqueue("desk", 60, "message")
SOUND: dict[str, Node] = {
    "hours": HoursFork("office", "menu", "night"),
    "menu": Menu(SAID, {"1": "desk", "2": "news"}, 5, 2, "desk"),
    "news": Say(("news",), "menu"),
    "night": Menu(SAID, {"1": "message"}, 5, 2, "message"),
    "desk": DESK,
    "message": MESSAGE,
    "bye": BYE,
}


def a_plan(nodes: dict[str, Node], *schedules: Hours, zero: str | None = "desk") -> Plan:
    """One line, which begins at the first of the nodes."""
    return Plan(
        name="Maple Street",
        timezone="America/New_York",
        language="en",
        front_desk=("101",),
        emergency_numbers=("911",),
        trunks={},
        lines={"main": Line("main", "telco", ("2025550100",), "main", "en")},
        phones={"101": Phone("101", "Desk", "here", "1")},
        dial_rules=(),
        mailboxes={},
        hours={each.name: each for each in schedules or (OFFICE,)},
        queues={"desk": Queue("desk", ("101",), Urgency.ROUTINE, 20, 15, 20, 30)},
        flows={"main": Flow("main", next(iter(nodes)), nodes, zero)},
    )


def words(plan: Plan) -> dict[str, dict[str, str]]:
    """Each prompt says its own name."""
    nodes = [node for flow in plan.flows.values() for node in flow.nodes.values()]
    heard = [p for node in (*nodes, node_at(plan, FRONT_DESK), BYE) for p in prompts_of(node)]
    said = [rule.rule.say for each in plan.hours.values() for rule in each.exceptions]
    heard += [prompt for prompt in said if prompt] + ["failsafe-nobody", "wrong-key"]
    return {"en": {prompt: f"({prompt})" for prompt in heard}}


def found(plan: Plan) -> list[Finding]:
    return list(examine(plan, words(plan), MONDAY).findings)


def the_only(plan: Plan, rule: Rule) -> Finding:
    (finding,) = found(plan)
    assert finding.rule is rule
    return finding


def shown(plan: Plan, finding: Finding) -> list[str]:
    """The call that shows it, without its seconds."""
    assert finding.example is not None
    return [line[5:].strip() for line in walked(plan, words(plan), finding.example)]


# ---- moments ----


def test_a_sound_flow_is_proven_for_400_days() -> None:
    proof = examine(a_plan(SOUND), words(a_plan(SOUND)), MONDAY)
    assert proof.findings == ()
    assert proof.moments.minutes == 400 * 24 * 60
    # It begins and ends at noon of working days, each of which has two edges.
    days = sum((MONDAY + timedelta(days=day)).weekday() < 5 for day in range(DAYS))
    assert proof.moments.intervals == 2 * days + 1
    assert len(proof.moments.as_written) == 2


@pytest.mark.parametrize("start", [MONDAY, datetime(2026, 10, 31, 23, 30, tzinfo=NEW_YORK)])
def test_each_minute_has_the_answer_of_the_interval_that_stands_for_it(start: datetime) -> None:
    """Minutes by lot, and each of two nights when the clocks change."""
    schedule = Hours(
        "office",
        (*WEEK, Span(6, time(0, 30), time(2, 30)), Span(6, time(1, 15), time(1, 45))),
        Times(time(12), time(12, 30)),
        (Exceptional(Yearly(MonthDay(12, 24), MonthDay(12, 24)), DayRule("eve", say="eve")),),
    )
    begins = start.astimezone(UTC)
    held = list(spells([schedule], begins, begins + timedelta(days=DAYS), NEW_YORK))
    fork = HoursFork("office", "open", "closed", "lunch", "holiday")
    nights = [datetime(2026, 11, 1, 4, tzinfo=UTC), datetime(2027, 3, 14, 5, tzinfo=UTC)]
    by_lot = [begins + timedelta(minutes=Random(n).randrange(DAYS * 1440)) for n in range(400)]
    in_nights = [night + timedelta(minutes=m) for night in nights for m in range(0, 240, 5)]
    for at in (*by_lot, *in_nights):
        spell = next((s for s in held if s.start <= at < s.end), None)
        if spell is not None:
            given = answer(schedule, at.astimezone(NEW_YORK))
            assert spell.told == (Told(way_of(fork, given), given.why.say),)
    assert [one.end for one in held[:-1]] == [other.start for other in held[1:]]


def test_a_spring_with_a_lost_hour_and_an_autumn_with_one_more_have_their_true_minutes() -> None:
    start = datetime(2027, 3, 1, 12, 0, tzinfo=NEW_YORK)  # and 400 days later it is summer time
    assert moments(a_plan(SOUND), ["office"], start).minutes == 400 * 24 * 60 - 60


def test_only_schedules_that_a_caller_can_meet_are_counted() -> None:
    busy = Hours("phones", tuple(Span(1, time(hour), time(hour, 30)) for hour in range(24)))
    assert counted(a_plan(SOUND, OFFICE, busy)) == counted(a_plan(SOUND))
    led = {**SOUND, "desk": replace(DESK, overflow=(Overflow("message", closed="phones"),))}
    assert counted(a_plan(led, OFFICE, busy)).intervals > counted(a_plan(SOUND)).intervals


def counted(plan: Plan) -> Moments:
    return examine(plan, words(plan), MONDAY).moments


def test_what_holds_only_while_somebody_switched_is_shown_switched() -> None:
    """This schedule never closes, but by hand."""
    whole_week = tuple(Span(day, time(0), time(0)) for day in range(7))
    nodes = {**SOUND, "hours": HoursFork("office", "menu", "nowhere")}
    plan = a_plan(nodes, Hours("office", whole_week))
    finding = the_only(plan, Rule.DANGLING)
    assert finding.example is not None
    assert finding.example.by_hand == (("office", False),)
    assert "ring */front-desk" in shown(plan, finding)


def test_a_moment_in_the_hour_that_comes_twice_is_typed_with_its_offset() -> None:
    twice = datetime(2027, 11, 7, 1, 30, tzinfo=NEW_YORK, fold=1)
    assert str(Example("main", twice)) == '--line main --at "2027-11-07 01:30-0500"'
    assert str(Example("main", MONDAY, "1,2", Phones.SILENT, (("office", True),))) == (
        '--line main --at "2026-11-23 12:00" --press "1,2" --phones silent --by-hand office=open'
    )


# ---- the calls that show it ----


def test_a_missing_target_is_shown_by_the_keys_that_lead_there() -> None:
    plan = a_plan({**SOUND, "menu": Menu(SAID, {"1": "desk", "2": "nurse"}, 5, 2, "desk")})
    finding = the_only(plan, Rule.DANGLING)
    assert finding.example == Example("main", MONDAY, "until main/menu,2")
    assert "ring */front-desk" in shown(plan, finding)


def test_of_two_ways_to_a_fault_the_one_that_takes_less_time_is_shown() -> None:
    nodes: dict[str, Node] = {
        "menu": Menu(SAID, {"1": "ring", "2": "more"}, 5, 2, "desk"),
        "ring": Ring(("101",), 60, "lost"),
        "more": Menu(("menu",), {"1": "desk", "2": "lost"}, 5, 2, "desk"),
        "lost": Say(("news",), "nowhere"),
        "desk": DESK,
        "message": MESSAGE,
        "bye": BYE,
    }
    finding = found(a_plan(nodes))[0]
    assert finding.rule is Rule.DANGLING
    assert finding.example is not None
    assert finding.example.press == "2,2"


def test_a_loop_through_a_queue_is_shown_where_nobody_answers() -> None:
    plan = a_plan({**SOUND, "desk": replace(DESK, otherwise="menu")})
    finding = the_only(plan, Rule.LOOP)
    assert finding.example is not None
    assert finding.example.phones is Phones.SILENT
    assert shown(plan, finding)[-1] == "outcome: abandoned"


def test_a_loop_that_hours_alone_bring_about_is_shown_while_they_do() -> None:
    lunch = Hours("office", WEEK, Times(time(12), time(13)))
    nodes: dict[str, Node] = {
        **SOUND,
        "hours": HoursFork("office", "menu", "night", lunch="noon"),
        "noon": Say(("emergency-first",), "again"),
        "again": HoursFork("office", "menu", "night", lunch="noon"),
    }
    finding = the_only(a_plan(nodes, lunch), Rule.LOOP)
    assert finding.example is not None
    assert finding.example.at.hour == 12


def test_a_loop_that_begins_as_hours_change_is_refused_though_no_call_is_shown() -> None:
    """Who came at the end of lunch goes round from when it is open."""
    lunch = Hours("office", WEEK, Times(time(12), time(13)))
    nodes: dict[str, Node] = {
        **SOUND,
        "hours": HoursFork("office", "menu", "night", lunch="noon"),
        "noon": Say(("emergency-first",), "again"),
        "again": HoursFork("office", "noon", "night"),
    }
    finding = the_only(a_plan(nodes, lunch), Rule.LOOP)
    assert finding.example is None


def test_a_way_for_those_who_are_known_is_shown_with_the_answers() -> None:
    who = AskIdentity((Factor.BIRTH_DATE, Factor.PIN), "known", "desk")
    menu = Menu(SAID, {"1": "who", "2": "desk"}, 5, 2, "desk")
    plan = a_plan({**SOUND, "menu": menu, "who": who, "known": Say(("news",), "nowhere")})
    finding = found(plan)[0]
    assert finding.rule is Rule.DANGLING
    assert "ring */front-desk" in shown(plan, finding)


def test_a_rule_for_when_nobody_is_there_is_shown_with_absent_phones() -> None:
    desk = replace(DESK, overflow=(Overflow("nowhere", no_agent=True),))
    plan = a_plan({**SOUND, "desk": desk})
    finding = the_only(plan, Rule.DANGLING)
    assert finding.example is not None
    assert finding.example.phones is Phones.ABSENT
    assert "ring */front-desk" in shown(plan, finding)


def test_hours_written_twice_are_shown_by_a_call_at_that_time() -> None:
    twice = Hours("office", (*WEEK, Span(2, time(16), time(18))))
    finding = the_only(a_plan(SOUND, twice), Rule.HOURS)
    told = shown(a_plan(SOUND, twice), finding)
    assert "office is open twice at this time: 08:00-17:00 and 16:00-18:00" in told


def test_hours_written_twice_are_shown_while_other_hours_let_callers_come_to_them() -> None:
    """The nurses' are asked only while the office is open, which is later."""
    nurses = Hours("nurses", (*WEEK, Span(2, time(7), time(9))))
    late = Hours("office", tuple(replace(span, opens=time(8, 30)) for span in WEEK))
    nodes: dict[str, Node] = {
        **SOUND,
        "menu": Menu(SAID, {"1": "desk", "2": "ask"}, 5, 2, "desk"),
        "ask": HoursFork("nurses", "desk", "message"),
    }
    plan = a_plan(nodes, late, nurses)
    finding = the_only(plan, Rule.HOURS)
    assert finding.example is not None
    assert finding.example.at == datetime(2026, 11, 25, 8, 30, tzinfo=NEW_YORK)
    told = shown(plan, finding)
    assert any(line.startswith("nurses is open twice at this time: ") for line in told)


def test_a_prompt_for_wrong_keys_is_shown_by_one() -> None:
    plan = a_plan({**SOUND, "menu": Menu(SAID, {"1": "desk"}, 5, 2, "desk", wrong="oh")})
    known = words(plan)
    del known["en"]["oh"]
    (finding,) = examine(plan, known, MONDAY).findings
    assert finding.example is not None
    assert any("[oh]" in line for line in walked(plan, known, finding.example))


def test_an_announcement_without_words_is_shown_on_its_day() -> None:
    eve = Exceptional(Dates(date(2026, 12, 24), date(2026, 12, 24)), DayRule("eve", say="eve"))
    plan = a_plan(SOUND, replace(OFFICE, exceptions=(eve,)))
    known = {"en": {name: said for name, said in words(plan)["en"].items() if name != "eve"}}
    finding = next(f for f in examine(plan, known, MONDAY).findings if f.rule is Rule.PROMPT)
    assert finding.example is not None
    assert finding.example.at.date() == date(2026, 12, 24)
    assert any("[eve]" in line for line in walked(plan, known, finding.example))


# ---- key 0 ----


def test_key_0_must_lead_to_a_person_while_the_clinic_is_open() -> None:
    plan = a_plan({**SOUND, "menu": Menu(SAID, {"1": "desk", "0": "bye"}, 5, 2, "desk")})
    finding = the_only(plan, Rule.ZERO)
    assert "though the clinic is open" in finding.reason
    assert shown(plan, finding)[-1] == "outcome: self_served"


def test_key_0_must_lead_to_a_message_or_a_call_back_while_the_clinic_is_closed() -> None:
    """Phones that nobody answers at night are not enough."""
    ring = {**SOUND, "ring": Ring(("101",), 20, "bye")}
    for zero in ("bye", "ring", None):
        plan = a_plan(ring, zero=zero)
        finding = next(each for each in found(plan) if each.where[-3] == "night")
        assert finding.rule is Rule.ZERO
        assert "while the clinic is closed" in finding.reason
        assert shown(plan, finding)[-1].startswith("outcome: abandoned" if zero != "bye" else "")
    back = {**SOUND, "ring": Ring(("101",), 20, "back"), "back": CallBack("desk", "bye")}
    plan = a_plan(back, zero="ring")
    calling = replace(plan.queues["desk"], callbacks=CallBacks("office"))
    plan = replace(plan, queues={"desk": calling})
    assert not [each for each in found(plan) if each.rule is Rule.ZERO]


def test_key_0_before_the_clinic_is_known_to_be_open_may_lead_to_where_that_is_asked() -> None:
    nodes: dict[str, Node] = {
        "choice": Menu(SAID, {"1": "hours"}, 5, 2, "hours"),
        **SOUND,
        "hours": HoursFork("office", "desk", "message"),
    }
    assert not [each for each in found(a_plan(nodes, zero="hours")) if each.rule is Rule.ZERO]


# ---- what is said first, and last ----


def test_emergency_advice_comes_first_by_name_or_by_its_words() -> None:
    plain = Menu(("menu",), {"1": "desk"}, 5, 2, "desk")
    plan = a_plan({**SOUND, "menu": plain})
    finding = the_only(plan, Rule.ADVICE)
    assert finding.where[-1] == "menu"
    said = {
        "en": {**words(plan)["en"], "menu": "In an emergency dial 9-1-1. For the desk, press 1."}
    }
    assert examine(plan, said, MONDAY).findings == ()
    said["en"]["menu"] = "Our number ends in 9 1 1 5."
    assert [one.rule for one in examine(plan, said, MONDAY).findings] == [Rule.ADVICE]


def test_words_about_a_closed_day_before_the_advice_are_warned_of() -> None:
    eve = Exceptional(Dates(date(2026, 12, 24), date(2026, 12, 24)), DayRule("eve", say="eve"))
    plan = a_plan(SOUND, replace(OFFICE, exceptions=(eve,)))
    finding = the_only(plan, Rule.ADVICE)
    assert finding.grade is Grade.WARNED
    assert any("(eve)" in line for line in shown(plan, finding))
    advised = {"first": Say(("emergency-first",), "hours"), **SOUND}
    assert found(a_plan(advised, replace(OFFICE, exceptions=(eve,)))) == []


def test_nobody_is_let_go_without_a_word_but_who_has_been_told_something() -> None:
    mute: dict[str, Node] = {**SOUND, "bye": Hangup()}
    assert found(a_plan(mute)) == []  # its only callers have left a message
    dropped = {**mute, "menu": Menu(SAID, {"1": "desk", "2": "over"}, 5, 2, "desk"),
               "over": Goto("bye")}  # fmt: skip
    plan = a_plan(dropped)
    finding = the_only(plan, Rule.SILENT_END)
    told = shown(plan, finding)
    assert told.index("released main/bye") == told.index("digit 2") + 3
    told_first: dict[str, Node] = {**dropped, "over": Say(("news",), "bye")}
    assert found(a_plan(told_first)) == []


# ---- menus ----


def test_menus_that_are_hard_to_follow_are_warned_of() -> None:
    many = Menu(SAID, dict.fromkeys("123456", "desk"), 5, 2, "desk")
    (finding,) = found(a_plan({**SOUND, "menu": many}))
    assert (finding.rule, finding.grade) == (Rule.MANY_CHOICES, Grade.WARNED)
    deep = {**SOUND, "menu": Menu(SAID, {"1": "two"}, 5, 2, "desk"),
            "two": Menu(("menu",), {"1": "three"}, 5, 2, "desk"),
            "three": Menu(("menu",), {"1": "desk"}, 5, 2, "desk")}  # fmt: skip
    (finding,) = found(a_plan(deep))
    assert finding.rule is Rule.DEEP_MENU
    assert finding.example == Example("main", MONDAY, "until main/menu,1,1")


def test_a_menu_of_more_than_24_seconds_is_warned_of_and_one_of_24_is_not() -> None:
    plan = a_plan(SOUND)
    for seconds, warned in ((20.0, []), (20.1, [Rule.LONG_MENU] * 2)):
        lengths = {"en": {"emergency-first": 4.0, "menu": seconds}}
        proof = examine(plan, words(plan), MONDAY, lengths)
        assert [each.rule for each in proof.warnings] == warned
        assert proof.refusals == []


def test_a_switch_is_what_a_trial_says_it_is() -> None:
    """The imagined exchange is told of it as the real one is."""
    plan = a_plan(SOUND)
    example = Example("main", MONDAY, by_hand=(("office", False),))
    told = walked(plan, words(plan), example)
    switch = Switch("office", False, MONDAY)
    assert any(f"closed: {answer(OFFICE, MONDAY - timedelta(1), switch).why}" in x for x in told)
