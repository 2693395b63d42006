"""The clinic in which the stories of both pairs happen: lanes that share nothing, so that as many
stories may be told at once; each with a line, three phones and every kind of place to go."""

from collections.abc import Iterable

LANES = 12
DESK = "101"  # of no lane; rung for whoever could not be heard
PROMPT_HZ = 1050
PARKED_S = 10  # Asterisk alone knows it: a site file cannot say so
# Each prompt is a tone, of so many seconds. The greeting is cut short, or hung up on.
TONES = dict.fromkeys(
    (
        "main-menu",
        "information",
        "message-kept",
        "message-failed",
        "please-wait",
        "you-are-next",
        "you-are-number",
        "number-2",
        "number-3",
        "connecting",
        "connecting-outside",
        "wrong-key",
        "nothing-heard",
        "goodbye",
        "survey",
        "survey-thanks",
    ),
    (PROMPT_HZ, 0.3),
) | {"leave-a-message": (PROMPT_HZ, 10.0)}

_CLINIC = f"""
[clinic]
name = "Maple Street"
timezone = "America/New_York"
language = "en"
front_desk = ["{DESK}"]
emergency_numbers = ["911"]

[trunks.telco]
host = "127.0.0.2"

[[dial_rules]]
prefix = "9"
digits = 10
trunk = "telco"
shows = "2025550100"

[mailboxes.desk]
members = ["reception"]

[prompts.en]
main-menu = "Menu."
information = "Information."
"""
_PHONE = """
[phones.{extension}]
name = "Desk {extension}"
location = "12 Maple Street"
callback = "2025550100"
"""
_LANE = """
[lines.{lane}]
trunk = "telco"
numbers = ["{number}"]
flow = "{lane}"

[queues.{lane}-one]
agents = ["{a}"]
offer_s = 60
rest_s = 0
misses = 0
announce_s = 600

[queues.{lane}-both]
agents = ["{a}", "{b}"]
needs = {{ {lane} = 2 }}
offer_s = 5
rest_s = 3
misses = 0
announce_s = 600
survey = true

[flows.{lane}]
start = "menu"
zero = "ring"

[flows.{lane}.nodes.menu]
kind = "menu"
prompts = ["main-menu"]
timeout_s = 30
tries = 2
otherwise = "bye"

[flows.{lane}.nodes.menu.choices]
1 = "one"
2 = "both"
3 = "message"
4 = "ring"
5 = "information"
6 = "brief"
7 = "urgent"
8 = "short"
9 = "brisk"
"*" = "if-there"

[flows.{lane}.nodes.brisk]
kind = "menu"
prompts = ["main-menu"]
timeout_s = 2
tries = 2
otherwise = "bye"
choices = {{ 1 = "one", 2 = "outside" }}

[flows.{lane}.nodes.outside]
kind = "outside"
number = "{outside}"
for_s = 5
otherwise = "message"

[flows.{lane}.nodes.one]
kind = "queue"
queue = "{lane}-one"
patience_s = 600
otherwise = "message"

[flows.{lane}.nodes.both]
kind = "queue"
queue = "{lane}-both"
patience_s = 600
otherwise = "message"

[flows.{lane}.nodes.brief]
kind = "queue"
queue = "{lane}-one"
patience_s = 8
otherwise = "message"

[flows.{lane}.nodes.urgent]
kind = "queue"
queue = "{lane}-one"
urgency = "urgent"
patience_s = 600
otherwise = "message"

[flows.{lane}.nodes.short]
kind = "queue"
queue = "{lane}-one"
patience_s = 600
otherwise = "message"
overflow = [{{ place_over = 1, to = "message" }}]

[flows.{lane}.nodes.if-there]
kind = "queue"
queue = "{lane}-one"
patience_s = 600
otherwise = "message"
overflow = [{{ no_agent = true, to = "information" }}]

[flows.{lane}.nodes.ring]
kind = "ring"
phones = ["{a}", "{b}", "{c}"]
for_s = 60
otherwise = "message"

[flows.{lane}.nodes.information]
kind = "say"
prompts = ["information"]
next = "bye"

[flows.{lane}.nodes.message]
kind = "message"
mailbox = "desk"
prompts = ["leave-a-message"]
longest_s = 60
next = "bye"

[flows.{lane}.nodes.bye]
kind = "hangup"
prompts = ["goodbye"]
"""


def lane_named(number: int) -> str:
    """The name of its line, its flow and its skill; of its queues the beginning."""
    return f"lane{number:02}"


def phones_of(number: int) -> dict[str, str]:
    """Its extensions, by the letter that stories know."""
    return {letter: f"{200 + 10 * number + place}" for place, letter in enumerate("abc", 1)}


def number_of(number: int) -> str:
    """What its callers dial."""
    return f"20255501{number:02}"


def outside_of(number: int) -> str:
    """What is rung where its callers are led outside."""
    return f"20255502{number:02}"


def text(lanes: Iterable[int] = range(LANES)) -> str:
    """The site file."""
    parts = [_CLINIC, _PHONE.format(extension=DESK)]
    for number in lanes:
        lane, phones = lane_named(number), phones_of(number)
        for letter, extension in phones.items():
            parts.append(_PHONE.format(extension=extension))
            if letter != "c":  # of a queue's agents the first is asked first
                parts.append(f"skills = {{ {lane} = {'ab'.index(letter) + 1} }}\n")
        parts.append(
            _LANE.format(lane=lane, number=number_of(number), outside=outside_of(number), **phones)
        )
    return "".join(parts)
