"""What a proof finds: a rule broken, where, why, what to do, and a call that shows it."""

from dataclasses import dataclass, field
from enum import StrEnum

from ivr.proof.example import Example


class Rule(StrEnum):
    """What a plan must not have."""

    DANGLING = "dangling target"
    DEAD_END = "dead end"
    LOOP = "loop without exit"
    PROMPT = "missing prompt"
    PERSON = "no way to a person in open hours"
    ZERO = "key 0 leads to nobody"
    SILENT_END = "let go without a word"
    ADVICE = "emergency advice does not come first"
    HOURS = "overlapping hours"
    NEVER_OPEN = "never open"
    EXCEPTIONS = "exceptions for the same day"
    SKILL = "skills that no agent has"
    OUTSIDE = "number that callers cannot be put through to"
    IDENTITY = "nobody can be identified before it"
    UNHEARD = "an announcement that nobody hears"
    LONG_MENU = "long menu"
    MANY_CHOICES = "many choices"
    DEEP_MENU = "deep menu"


class Grade(StrEnum):
    """What becomes of a plan that has it."""

    REFUSED = "refused"
    WARNED = "warned"  # it may be published


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule broken: where, how a caller comes to feel it, why, and what to do."""

    rule: Rule
    where: tuple[str | int, ...]
    way: str  # empty where no caller's way shows it
    reason: str
    cure: str
    grade: Grade = Grade.REFUSED
    example: Example | None = field(default=None, compare=False)  # None: no call shows it
