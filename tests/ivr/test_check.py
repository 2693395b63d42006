"""The prover: each way in which a flow of right form can still lead callers wrong."""

from dataclasses import replace
from datetime import date, time

from hypothesis import given
from hypothesis import strategies as st

from ivr import lease
from ivr.asking import Kind, Question
from ivr.callback_talk import AGENT_PROMPTS
from ivr.check import Finding, Rule, prove
from ivr.flow import FRONT_DESK, node_at, prompts_of
from ivr.form import RequestKind, TakeRequest
from ivr.identity import AskIdentity, Factor
from ivr.plan import (
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
    Phone,
    Plan,
    Queue,
    Relaxing,
    Ring,
    RingOutside,
    Say,
    Span,
    TakeMessage,
    Times,
    Urgency,
    Yearly,
)
from tests.ivr.story import NOON

MENU = ("emergency-first", "menu")
DESK = Enqueue("desk", 60, "bye")
BYE = Hangup(("goodbye",))
ASKED = Question("record", Kind.DIGITS, ("which-record",))


def a_plan(nodes: dict[str, Node], start: str = "menu", zero: str | None = None) -> Plan:
    """One line into one flow, one queue, and hours in which nothing overlaps."""
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
        hours={"office": Hours("office", (Span(0, time(8), time(17)),))},
        queues={"desk": Queue("desk", ("101",), Urgency.ROUTINE, 20, 15, 20, 30)},
        flows={"main": Flow("main", start, nodes, zero)},
    )


def findings(plan: Plan) -> list[Finding]:
    """What refuses a plan whose prompts can all be spoken; what must be said first, and key 0, have
    stories of their own (test_proof)."""
    spoken = {
        prompt
        for flow in plan.flows.values()
        for node in (*flow.nodes.values(), node_at(plan, FRONT_DESK))
        for prompt in prompts_of(node)
    }
    found = prove(plan, {"en": spoken | {"failsafe-nobody"}}, NOON)
    return [each for each in found if each.rule not in (Rule.ADVICE, Rule.ZERO)]


def rules(plan: Plan) -> list[Rule]:
    return [finding.rule for finding in findings(plan)]


def a_menu(choices: dict[str, str], otherwise: str) -> Menu:
    return Menu(MENU, choices, 5, 2, otherwise)


def test_a_sound_flow_is_found_sound() -> None:
    nodes: dict[str, Node] = {
        "menu": a_menu({"1": "desk", "2": "address"}, "desk"),
        "address": Say(("address",), "menu"),
        "desk": DESK,
        "bye": BYE,
    }
    assert findings(a_plan(nodes)) == []


def test_a_target_that_is_not_there_is_shown_with_the_way_to_it() -> None:
    nodes: dict[str, Node] = {
        "menu": a_menu({"1": "desk", "2": "nurse"}, "desk"),
        "desk": DESK,
        "bye": BYE,
    }
    (finding,) = findings(a_plan(nodes))
    assert finding.rule is Rule.DANGLING
    assert finding.where == ("flows", "main", "nodes", "menu", "choices", "2")
    assert finding.way == "main/menu -(key 2)-> nurse"


def test_a_flow_named_and_not_there_dangles_too() -> None:
    nodes: dict[str, Node] = {"menu": a_menu({"1": "desk"}, "flow:night"), "desk": DESK, "bye": BYE}
    assert rules(a_plan(nodes)) == [Rule.DANGLING]
    assert Rule.DANGLING in rules(a_plan({"menu": DESK, "bye": BYE}, start="nowhere"))


def test_menus_that_only_lead_to_each_other_are_a_dead_end() -> None:
    nodes: dict[str, Node] = {
        "menu": a_menu({"1": "desk", "2": "other"}, "desk"),
        "other": a_menu({"1": "third"}, "third"),
        "third": a_menu({"1": "other"}, "other"),
        "desk": DESK,
        "bye": BYE,
    }
    found = [one for one in findings(a_plan(nodes)) if one.rule is Rule.DEAD_END]
    assert [one.way for one in found] == ["main/menu -(key 2)-> main/other"]


def test_speech_that_leads_back_to_itself_is_a_loop() -> None:
    nodes: dict[str, Node] = {
        "menu": a_menu({"1": "desk", "2": "news"}, "desk"),
        "news": Say(("news",), "more"),
        "more": Goto("fork"),
        "fork": HoursFork("office", "news", "bye"),
        "desk": DESK,
        "bye": BYE,
    }
    (finding,) = [one for one in findings(a_plan(nodes)) if one.rule is Rule.LOOP]
    assert finding.way == "main/news -> main/more -> main/fork -> main/news"
    assert "without being asked" in finding.reason


def test_a_menu_that_asks_for_ever_is_a_loop_for_who_presses_nothing() -> None:
    nodes: dict[str, Node] = {"menu": a_menu({"1": "desk"}, "menu"), "desk": DESK, "bye": BYE}
    (finding,) = findings(a_plan(nodes))
    assert finding.rule is Rule.LOOP
    assert finding.way == "main/menu -> main/menu"
    assert "presses no key" in finding.reason


def test_waiting_for_a_person_again_and_again_is_a_loop_where_nobody_answers() -> None:
    nodes: dict[str, Node] = {
        "menu": a_menu({"1": "desk"}, "desk"),
        "desk": replace(DESK, otherwise="menu"),
    }
    (finding,) = findings(a_plan(nodes))
    assert finding.way == "main/menu -> main/desk -> main/menu"
    assert "where nobody answers" in finding.reason


def test_a_prompt_without_words_is_missed_at_its_node() -> None:
    plan = a_plan({"menu": a_menu({"1": "desk"}, "desk"), "desk": DESK, "bye": BYE})
    known = {prompt for node in plan.flows["main"].nodes.values() for prompt in prompts_of(node)}
    found = prove(
        plan, {"en": known - {"goodbye", "number-7"} | {"connecting", "failsafe-nobody"}}, NOON
    )
    assert {(one.rule, one.where[-1]) for one in found} == {
        (Rule.PROMPT, "desk"),
        (Rule.PROMPT, "bye"),
    }


def test_a_line_in_a_language_without_prompts_misses_all_of_them() -> None:
    plan = a_plan({"menu": DESK, "bye": BYE})
    spanish = replace(plan, lines={"main": replace(plan.lines["main"], language="es")})
    assert {one.rule for one in findings(spanish)} == {Rule.PROMPT}


def test_a_flow_in_another_language_needs_its_prompts_in_that_language_and_no_others() -> None:
    menu: dict[str, Node] = {"menu": a_menu({"2": "flow:es", "1": "desk"}, "desk")}
    plan = a_plan({**menu, "desk": DESK, "bye": BYE})
    nodes: dict[str, Node] = {
        "hola": Say(("hola",), "cola"),
        "cola": replace(DESK, otherwise="fin"),
        "fin": Hangup(("adios",)),
    }
    spanish = Flow("es", "hola", nodes, None, "es")
    both = replace(plan, flows={**plan.flows, "es": spanish})
    english = {
        prompt
        for node in (*plan.flows["main"].nodes.values(), Ring((), 1, ""))
        for prompt in prompts_of(node)
    }
    found = prove(both, {"en": english | {"failsafe-nobody"}}, NOON)
    assert found
    assert all("the language es" in one.reason for one in found)
    assert any("the prompt hola " in one.reason for one in found)


def test_a_line_that_only_takes_messages_while_open_has_no_person() -> None:
    nodes: dict[str, Node] = {
        "fork": HoursFork("office", "message", "desk"),
        "message": TakeMessage("desk", ("greeting",), 60, "bye"),
        "desk": DESK,
        "bye": BYE,
    }
    (finding,) = findings(a_plan(nodes, start="fork"))
    assert finding.rule is Rule.PERSON
    assert finding.where == ("lines", "main", "flow")


def test_a_menu_below_that_leads_to_no_person_is_found_and_zero_cures_it() -> None:
    nodes: dict[str, Node] = {
        "menu": a_menu({"1": "desk", "2": "sub"}, "desk"),
        "sub": a_menu({"1": "bye"}, "bye"),
        "desk": DESK,
        "bye": BYE,
    }
    (finding,) = findings(a_plan(nodes))
    assert finding.rule is Rule.PERSON
    assert finding.way == "main/menu -(key 2)-> main/sub"
    assert findings(a_plan(nodes, zero="desk")) == []


def test_nobody_need_be_reached_while_the_clinic_is_closed() -> None:
    nodes: dict[str, Node] = {
        "fork": HoursFork("office", "desk", "sub"),
        "sub": a_menu({"1": "bye"}, "bye"),
        "desk": Ring(("101",), 20, "bye"),
        "bye": BYE,
    }
    assert findings(a_plan(nodes, start="fork")) == []


def test_a_skill_that_no_agent_has_is_found_unless_it_is_given_up_in_time() -> None:
    plan = a_plan({"menu": DESK, "bye": BYE})
    spanish = {"spanish": 2}

    def asking(level: int, *rules: Relaxing) -> list[Rule]:
        phones = {"101": replace(plan.phones["101"], skills={"spanish": level})}
        desk = replace(plan.queues["desk"], needs=spanish, relaxes=rules)
        return [f.rule for f in findings(replace(plan, phones=phones, queues={"desk": desk}))]

    assert asking(2) == []
    assert asking(3) == [Rule.SKILL]
    assert asking(3, Relaxing(60, {"spanish": 3})) == []
    assert asking(4, Relaxing(60, {"spanish": 3})) == [Rule.SKILL]


def test_hours_that_overlap_are_found() -> None:
    plan = a_plan({"menu": DESK, "bye": BYE})
    twice = Hours("office", (Span(2, time(8), time(12)), Span(2, time(11), time(17))))
    (finding,) = findings(replace(plan, hours={"office": twice}))
    assert finding.where == ("hours", "office", "wed")
    assert "08:00-12:00 overlaps 11:00-17:00" in finding.reason


def with_hours(schedule: Hours) -> Plan:
    fork = HoursFork("office", "desk", "bye")
    nodes: dict[str, Node] = {"menu": fork, "desk": DESK, "bye": BYE}
    return replace(a_plan(nodes), hours={"office": schedule})


WORKDAY = Span(2, time(8), time(17))


def test_a_schedule_that_never_opens_is_found() -> None:
    (finding,) = findings(with_hours(Hours("office", ())))
    assert finding.rule is Rule.NEVER_OPEN
    once = Exceptional(EVE, DayRule("eve", (Times(time(8), time(12)),)))
    assert findings(with_hours(Hours("office", (), exceptions=(once,)))) == []
    eaten = Hours("office", (WORKDAY,), lunch=Times(time(0), time(0)))
    assert [one.rule for one in findings(with_hours(eaten))] == [Rule.NEVER_OPEN]


EVE = Dates(date(2026, 12, 24), date(2026, 12, 24))


def test_two_exceptions_for_one_day_are_found() -> None:
    yearly = Yearly(MonthDay(12, 24), MonthDay(12, 24))
    twice = (Exceptional(EVE, DayRule("eve")), Exceptional(yearly, DayRule("party")))
    (finding,) = findings(with_hours(Hours("office", (WORKDAY,), exceptions=twice)))
    assert finding.rule is Rule.EXCEPTIONS
    assert "eve 2026-12-24 and party 12-24" in finding.reason


def test_an_exception_whose_times_overlap_is_found() -> None:
    rule = DayRule("eve", (Times(time(8), time(12)), Times(time(11), time(13))))
    schedule = Hours("office", (WORKDAY,), exceptions=(Exceptional(EVE, rule),))
    (finding,) = findings(with_hours(schedule))
    assert "in the exception eve, 08:00-12:00 overlaps 11:00-13:00" in finding.reason


def test_an_announcement_without_words_is_found_at_the_node_that_would_speak_it() -> None:
    told = Exceptional(EVE, DayRule("eve", say="christmas-eve"))
    holidays = {date(2026, 12, 25): DayRule("Christmas Day", say="christmas")}
    plan = with_hours(Hours("office", (WORKDAY,), exceptions=(told,), holidays=holidays))
    found = findings(plan)
    assert [one.rule for one in found] == [Rule.PROMPT, Rule.PROMPT]
    assert found[0].where == ("flows", "main", "nodes", "menu")
    assert "christmas-eve" in found[0].reason


def test_ways_at_lunch_and_on_holidays_are_proved_like_the_others() -> None:
    fork = HoursFork("office", "desk", "bye", lunch="lunch", holiday="nowhere")
    nodes: dict[str, Node] = {
        "menu": fork,
        "desk": DESK,
        "bye": BYE,
        "lunch": Say(("gone",), "bye"),
    }
    (finding,) = findings(a_plan(nodes))
    assert finding.where[-1] == "holiday"


def test_a_form_for_known_callers_that_nobody_known_comes_to_is_found_and_named() -> None:
    gated = TakeRequest(RequestKind.REFILL, (ASKED,), "bye", "desk", is_gated=True)
    menu = Menu(MENU, {"1": "refill", "0": "desk"}, 5, 2, "desk")
    desk = Enqueue("desk", 60, "bye")
    (finding,) = findings(a_plan({"menu": menu, "refill": gated, "desk": desk, "bye": BYE}))
    assert (finding.rule, finding.where[-1]) == (Rule.IDENTITY, "refill")
    who = AskIdentity((Factor.BIRTH_DATE, Factor.PIN), "refill", "desk")
    menu = Menu(MENU, {"1": "who", "0": "desk"}, 5, 2, "desk")
    nodes: dict[str, Node] = {"menu": menu, "who": who, "refill": gated, "desk": desk, "bye": BYE}
    assert findings(a_plan(nodes)) == []


TARGETS = st.sampled_from(["a", "b", "c", "d", "flow:main", "flow:none", "nowhere"])
NODES = st.one_of(
    st.builds(Say, st.just(("words",)), TARGETS),
    st.builds(Menu, st.just(("menu",)), st.dictionaries(st.sampled_from("012"), TARGETS),
              st.just(5.0), st.just(2), TARGETS),
    st.builds(HoursFork, st.just("office"), TARGETS, TARGETS),
    st.builds(Enqueue, st.just("desk"), st.just(60.0), TARGETS),
    st.builds(Goto, TARGETS),
    st.builds(TakeRequest, st.just(RequestKind.REFILL), st.just((ASKED,)), TARGETS, TARGETS,
              st.none(), st.just(3), st.just(8.0), st.booleans()),
    st.builds(AskIdentity, st.just((Factor.BIRTH_DATE, Factor.PIN)), TARGETS, TARGETS),
    st.just(BYE),
)  # fmt: skip


@given(st.fixed_dictionaries(dict.fromkeys("abcd", NODES)), st.none() | TARGETS)
def test_no_plan_however_tangled_breaks_the_prover(
    nodes: dict[str, Node], zero: str | None
) -> None:
    for finding in findings(a_plan(nodes, start="a", zero=zero)):
        assert finding.reason
        assert finding.cure


def test_an_urgent_message_needs_words_for_the_people_who_are_called_with_it() -> None:
    """In the clinic's own language, whatever its caller speaks."""
    urgent = TakeMessage("desk", (), 60, "bye", urgent=True, oncall=("first",))
    menu = a_menu({"1": "desk", "2": "urgent"}, "desk")
    plan = a_plan({"menu": menu, "desk": DESK, "urgent": urgent, "bye": BYE})
    nodes = (*plan.flows["main"].nodes.values(), Ring((), 1, ""), BYE)
    known = {"failsafe-nobody", *lease.PROMPTS, *(p for node in nodes for p in prompts_of(node))}
    assert prove(plan, {"en": known}, NOON) == []
    (found,) = prove(plan, {"en": known - {"lease-pin"}}, NOON)
    assert (found.rule, found.where[-1]) == (Rule.PROMPT, "urgent")
    assert "lease-pin" in found.reason
    (found,) = prove(plan, {"en": known - {"urgent-listen"}}, NOON)
    assert "urgent-listen" in found.reason


def test_whoever_calls_people_back_must_be_able_to_hear_for_which_queue() -> None:
    plan = a_plan({"menu": DESK, "bye": BYE})
    calling = replace(plan.queues["desk"], callbacks=CallBacks("office"))
    found = prove(replace(plan, queues={"desk": calling}), {"en": {*AGENT_PROMPTS}}, NOON)
    told = [each for each in found if each.where == ("queues", "desk", "callbacks")]
    assert [each.cure for each in told] == ['add queue-desk = "…" to [prompts.en]']


def test_whoever_must_press_a_key_to_take_a_caller_must_be_able_to_hear_so() -> None:
    mobile = RingOutside("2025550199", 30, "bye", confirm=True)
    plan = a_plan({"menu": mobile, "bye": BYE})
    found = prove(plan, {"en": {*prompts_of(mobile), *prompts_of(BYE)}}, NOON)
    (told,) = [each for each in found if each.where[-1] == "confirm"]
    assert told.cure == 'add outside-take = "…" to [prompts.en]'
