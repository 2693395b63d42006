"""What is said to somebody who is offered to be called back, key by key.

    CONFIRM: our number is read back; 1 takes it, 2 gives another, 9 would rather not
    ENTER:   keys of another number, ended by # or by a pause; then it is read back in its turn

What can be promised is said before it is agreed to, and is true whatever comes: whether it may be
today, or only when the clinic is open again.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ivr.hours import Switch, answer, next_change
from ivr.outside import NoWayOutError, Outside, way_to
from ivr.plan import Plan
from ivr.spoken import DIGIT_PROMPTS, digits_spoken

# A clinic that closes sooner may not get to everybody who waits.
CLOSES_SOON = timedelta(minutes=20)
SILENCES = 2  # after so many questions without a key the offer is over
NUMBERS = 3  # that cannot be called
LONGEST = 15  # digits of a telephone number (E.164)
KEY_WITHIN_S = 6.0

CONFIRMED, ANOTHER, DECLINED, END = "1", "2", "9", "#"


class Promise(StrEnum):
    """When somebody who asks now is called back; the prompt that says so."""

    IN_TURN = "callback-in-turn"  # the clinic does not close before
    BEFORE_CLOSING = "callback-before-closing"  # today if the turn comes, else when open again
    CLOSES_SOON = "callback-closes-soon"  # rather when open again
    TODAY_ONLY = "callback-today-only"  # when it is open again, it would be too late
    WHEN_OPEN = "callback-when-open"  # closed now
    NEVER = "callback-not-possible"  # it would be too late


IS = "callback-number-is"
CONFIRM = "callback-confirm"
ENTER = "callback-enter"
WRONG = "callback-number-wrong"
KEPT = "callback-kept"
FAILED = "callback-failed"
# When the time has come.
ASK, LOST = "callback-answer", "callback-agent-lost"
PROMPTS = (*Promise, IS, *DIGIT_PROMPTS, CONFIRM, ENTER, WRONG, KEPT,
           FAILED, ASK, LOST)  # fmt: skip
# What an agent hears.
WHISPER, WAITED, NUMBER = "callback-agent", "callback-agent-waited", "callback-agent-number"
NOT_REACHED = "callback-not-reached"
AGENT_PROMPTS = (WHISPER, WAITED, NUMBER, NOT_REACHED)


class Phase(StrEnum):
    """Whose turn it is to say what."""

    CONFIRM = "confirm"
    ENTER = "enter"
    AGREED = "agreed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Talk:
    """How far the talk has come; `say` is what to speak now, if anything."""

    phase: Phase
    say: tuple[str, ...] = field(repr=False)
    number: str = field(default="", repr=False)
    typed: str = field(default="", repr=False)
    silences: int = 0
    wrong: int = 0


def promise(
    plan: Plan, queue: str, local: datetime, switch: Switch | None, *, trusted: bool
) -> Promise:
    """What can truthfully be promised to somebody who asks now."""
    rules = plan.queues[queue].callbacks if queue in plan.queues else None
    schedule = plan.hours.get(rules.hours) if rules else None
    if rules is None or schedule is None:
        return Promise.NEVER
    now = answer(schedule, local, switch, trusted=trusted)
    changes = next_change(schedule, local, switch) if trusted else None
    within = timedelta(seconds=rules.within_s)
    if now.is_open and (changes is None or changes - local >= within):
        return Promise.IN_TURN
    if now.is_open and changes is not None:
        opens = next_change(schedule, changes, switch)
        if opens is None or opens - local >= within:
            return Promise.TODAY_ONLY
        soon = changes - local <= CLOSES_SOON
        return Promise.CLOSES_SOON if soon else Promise.BEFORE_CLOSING
    if changes is None or changes - local >= within:
        return Promise.NEVER
    return Promise.WHEN_OPEN


def begin(plan: Plan, number: str, promised: Promise) -> Talk:
    """The offer: what is promised, and to which number."""
    if promised is Promise.NEVER:
        return Talk(Phase.REFUSED, (promised,))
    if (callable_ := number_to_call(plan, number)) is None:
        return Talk(Phase.ENTER, (promised, ENTER))
    return Talk(Phase.CONFIRM, (promised, *_read_back(callable_)), callable_)


def key(plan: Plan, talk: Talk, digit: str) -> Talk:
    """The talk after a key."""
    heard = replace(talk, say=(), silences=0)
    match talk.phase, digit:
        case Phase.CONFIRM, "1":
            return replace(heard, phase=Phase.AGREED)
        case Phase.CONFIRM, "2":
            return replace(heard, phase=Phase.ENTER, typed="", say=(ENTER,))
        case Phase.CONFIRM, "9":
            return replace(heard, phase=Phase.REFUSED)
        case Phase.CONFIRM, _:
            return replace(heard, say=_read_back(talk.number))
        case Phase.ENTER, "#":
            return _entered(plan, heard)
        case Phase.ENTER, "*":
            return replace(heard, typed="", say=(ENTER,))
        case Phase.ENTER, _ if digit.isdigit() and len(talk.typed) < LONGEST:
            return replace(heard, typed=talk.typed + digit)
        case _:
            return heard


def silence(plan: Plan, talk: Talk) -> Talk:
    """The talk after a pause: of a number the end, else a question without an answer."""
    if talk.phase is Phase.ENTER and talk.typed:
        return _entered(plan, talk)
    if talk.silences + 1 >= SILENCES:
        return replace(talk, phase=Phase.REFUSED, say=())
    again = (ENTER,) if talk.phase is Phase.ENTER else _read_back(talk.number)
    return replace(talk, silences=talk.silences + 1, say=again)


def number_to_call(plan: Plan, number: str) -> str | None:
    """The number as it can be called; None: not outside, or not by any rule of ours, or our own."""
    try:
        way = way_to(plan, number)
    except NoWayOutError:
        return None
    own = {mine for line in plan.lines.values() for mine in line.numbers}
    if not isinstance(way, Outside) or {way.number, number} & own:
        return None
    return way.number


def queue_prompt(queue: str) -> str:
    """The prompt that says a queue's name."""
    return f"queue-{queue}"


def _entered(plan: Plan, talk: Talk) -> Talk:
    number = number_to_call(plan, talk.typed)
    if number is not None:
        return replace(
            talk, phase=Phase.CONFIRM, number=number, typed="", say=_read_back(number), silences=0
        )
    if talk.wrong + 1 >= NUMBERS:
        return replace(talk, phase=Phase.REFUSED, say=(WRONG,))
    return replace(talk, typed="", wrong=talk.wrong + 1, say=(WRONG, ENTER))


def _read_back(number: str) -> tuple[str, ...]:
    return (IS, *digits_spoken(number), CONFIRM)
