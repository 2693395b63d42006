"""Before a prompt is changed: who will hear it, on which line, and in which language."""

from dataclasses import replace

from firmware import settings
from ivr.check import Rule, prove
from ivr.plan import Hangup, Plan, Say
from ivr.where_spoken import Use, uses
from tests.firmware.by_hand import SITE
from tests.firmware.test_settings import TEMPLATE
from tests.ivr.story import NOON


def clinic() -> Plan:
    return settings.read(TEMPLATE)


def test_a_prompt_is_found_at_its_node_with_the_lines_that_lead_there() -> None:
    (use,) = uses(settings.read(SITE))["leave-a-message"]
    assert use.where == ("flows", "main", "nodes", "message")
    assert (use.language, use.lines) == ("en", ("main",))
    assert str(use) == "flow main, node message (lines: main)"


def test_whatever_the_check_would_miss_is_known_with_its_place() -> None:
    plan = clinic()
    missing = [one for one in prove(plan, {}, NOON) if one.rule is Rule.PROMPT]
    found = uses(plan)
    assert len(missing) > 40
    for one in missing:
        named = [prompt for prompt in found if f" {prompt} " in f" {one.reason} "]
        # Consent is told without the prompt's name.
        assert named or "recorded" in one.reason, one
        if named and one.where[0] == "flows":
            wheres = [use.where for prompt in named for use in found[prompt]]
            by_phone = {("oncall",)}  # people on call are spoken to there, not at the node
            assert any(one.where[: len(each)] == each for each in wheres) or by_phone & {*wheres}


def test_a_line_in_another_language_speaks_the_same_prompt_in_its_own() -> None:
    plan = settings.read(SITE)
    spanish = replace(plan.lines["main"], name="spanish", language="es", numbers=("2025550199",))
    told = uses(replace(plan, lines={**plan.lines, "spanish": spanish}))["welcome"]
    where = ("flows", "main", "nodes", "menu")
    assert told == (Use(where, "en", ("main",)), Use(where, "es", ("spanish",)))


def test_a_node_nobody_comes_to_is_told_without_a_line_and_what_nobody_says_not_at_all() -> None:
    plan = settings.read(SITE)
    main = plan.flows["main"]
    nodes = {**main.nodes, "island": Say(("flu-shots",), "end"), "end": Hangup()}
    changed = replace(plan, flows={"main": replace(main, nodes=nodes)})
    (use,) = uses(changed)["flu-shots"]
    assert (use.where[-1], use.lines) == ("island", ())
    assert "never-named" not in uses(changed)


def test_who_stands_where_and_whom_a_queue_calls_back_is_spoken_too() -> None:
    plan = clinic()
    found = uses(plan)
    phone = next(iter(plan.phones.values()))
    assert [use.where for use in found[phone.location_prompt]] == [("phones", phone.extension)]
