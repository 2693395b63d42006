"""What a telephone's own codes mean: dialled like a number, answered by one spoken sentence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from ivr.events import AgentEvent, AgentPaused, AgentResumed, AgentSignedIn, AgentSignedOut


@dataclass(frozen=True, slots=True)
class Code:
    """What the phone that dialled it says of its agent, and the prompt once it holds."""

    event: Callable[[str], AgentEvent]
    said: str


CODES: Mapping[str, Code] = {
    "*50": Code(lambda extension: AgentPaused(extension, ""), "agent-paused"),
    "*51": Code(AgentResumed, "agent-resumed"),
    "*52": Code(AgentSignedOut, "agent-signed-out"),
    "*53": Code(AgentSignedIn, "agent-signed-in"),
}


@dataclass(frozen=True, slots=True)
class HoursCode:
    """The whole clinic is open, closed or as scheduled, and the prompt once it is. What is not as
    scheduled runs out with the day."""

    to: Literal["scheduled", "closed", "open"]
    said: str


HOURS_CODES: Mapping[str, HoursCode] = {
    "*55": HoursCode("scheduled", "hours-scheduled"),
    "*56": HoursCode("closed", "hours-closed"),
    "*57": HoursCode("open", "hours-open"),
}
UNKNOWN = "code-unknown"
FAILED = "code-failed"  # nobody of us heard it
WRAP_UP = "*54"  # and a digit of [wrap_up]: what the talk was about
WRAPPED_UP, NOTHING_TO_WRAP_UP = "wrapped-up", "wrap-up-nothing"
WRAPPED_UP_STEP = "wrapped up"  # of the talk's call
DOOR = "*35"  # and its code, where it has one
DOOR_OPEN, DOOR_SHUT = "door-open", "door-shut"
AWAY_SAID = "agent-away"
DIAL = "dial:"  # in place of a sentence: the number to be dialled for who keyed the code
NUMBERS_SAID = 20  # greater ones are said digit by digit
NUMBERS = tuple(f"number-{number}" for number in range(NUMBERS_SAID + 1))
# Of what a telephone's owner sets (firmware/desk_codes.py).
DESK_PROMPTS = (
    "forward-on",
    "forward-off",
    "forward-refused",
    "forward-round",
    "alone-on",
    "alone-off",
    "missed-none",
    "missed-calls",
    "missed-last",
    "minutes-ago",
    "hours-ago",
    "days-ago",
    "block-done",
    "block-nobody",
)
PROMPTS = (
    *(code.said for code in CODES.values()),
    *(code.said for code in HOURS_CODES.values()),
    UNKNOWN,
    FAILED,
    WRAPPED_UP,
    NOTHING_TO_WRAP_UP,
    AWAY_SAID,
    DOOR_OPEN,
    DOOR_SHUT,
    *DESK_PROMPTS,
    *NUMBERS,
)


def spoken(number: int) -> tuple[str, ...]:
    """A number in prompts."""
    if number <= NUMBERS_SAID:
        return (f"number-{number}",)
    return tuple(f"number-{digit}" for digit in str(number))
