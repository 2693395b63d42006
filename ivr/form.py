"""Requests: what callers leave is work. A flow's form asks for it, and it is due within the
clinic's own hours.

    refill, appointment, referral, billing, call-back, other
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from ivr.asking import Kind, Question, Turned, begin

REQUEST_KEPT = "request-kept"
REQUEST_FAILED = "request-failed"
# A kind that the site file says nothing of is due after a day, whatever the hours are.
DUE_S = 24 * 3600.0


class RequestKind(StrEnum):
    """What staff is to do."""

    REFILL = "refill"
    APPOINTMENT = "appointment"
    REFERRAL = "referral"
    BILLING = "billing"
    CALL_BACK = "call-back"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class RequestRule:
    """By when a kind of request is done: after so much time, of which only counts what is within
    the hours; and who has it first."""

    kind: RequestKind
    due_s: float = DUE_S
    hours: str | None = None  # None: at any time
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class TakeRequest:
    """Ask questions, keep the answers as a request, say so, then go to `next`. Who cannot answer,
    presses the star or is not identified though that is asked for goes to `person`."""

    request: RequestKind
    questions: tuple[Question, ...]
    next: str
    person: str
    mailbox: str | None = None  # of recorded answers
    tries: int = 3
    timeout_s: float = 8.0
    is_gated: bool = False  # only for callers who have been identified

    def begin(self, first: tuple[str, ...]) -> Turned:
        """The first question, after `first`."""
        return begin(self.questions, self.tries, first)


def faults_of(node: TakeRequest) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """What no single question can show: where, why and the cure."""
    if node.mailbox is None and any(each.kind is Kind.RECORDED for each in node.questions):
        cure = "add mailbox: recorded answers are sealed for its members"
        yield (), "a recorded answer has no mailbox", cure
    seen: set[str] = set()
    for index, question in enumerate(node.questions):
        where = ("questions", index)
        if question.name in seen:
            yield (*where, "name"), f"{question.name} is asked twice", "give it a name of its own"
        seen.add(question.name)
        if bool(question.choices) is not (question.kind is Kind.CHOICE):
            cure = 'a choice has keys: choices = { 1 = "new", 2 = "known" }; nothing else has'
            yield where, "choices and kind do not go together", cure
        if question.least > question.most:
            cure = "make least smaller or most larger"
            yield where, f"at least {question.least} and at most {question.most} digits", cure
