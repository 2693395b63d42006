"""Who calls: two things that a patient knows, against the clinic's list. What is asked, and how an
answer is written so that it meets the list's.

The list itself is far from here: what was keyed goes out as one order, and a verdict comes back. A
caller is identified or unknown; everything else is a doubt, and any doubt goes to a person.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from ivr.asking import Answer, Kind, Question, Turned, begin

NOT_FOUND = "not-found"
# A record number or PIN of another length is nobody's.
RECORD_MOST, PIN_LEAST, PIN_MOST, PHONE_DIGITS = 12, 4, 8, 4


class Factor(StrEnum):
    """Something that a patient knows, and few others do."""

    BIRTH_DATE = "birth-date"
    PHONE = "phone"  # its last four digits
    RECORD = "record"
    PIN = "pin"


class Verdict(StrEnum):
    """What the list says of a caller."""

    IDENTIFIED = "identified"
    UNKNOWN = "unknown"
    DOUBT = "doubt"


@dataclass(frozen=True, slots=True)
class AskIdentity:
    """Ask for two factors. Who is known goes to `next`; who is not within `tries`, or is in any
    doubt, to `doubt`."""

    ask: tuple[Factor, Factor]
    next: str
    doubt: str
    tries: int = 3
    timeout_s: float = 8.0

    @property
    def questions(self) -> tuple[Question, ...]:
        """One for each factor."""
        return tuple(QUESTIONS[factor] for factor in self.ask)

    def begin(self, first: tuple[str, ...]) -> Turned:
        """The first question, after `first`."""
        return begin(self.questions, self.tries, first)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two factors as a caller gave them, in the order of their names."""

    factors: tuple[Factor, Factor]
    values: tuple[str, str] = field(repr=False)

    @classmethod
    def of(cls, given: dict[Factor, str]) -> "Pair":
        first, second = sorted(given)
        return cls((first, second), (given[first], given[second]))

    @property
    def name(self) -> str:
        """`birth-date+phone`."""
        return "+".join(self.factors)


QUESTIONS = {
    Factor.BIRTH_DATE: Question(
        Factor.BIRTH_DATE, Kind.DATE, ("ask-birth-date",), is_read_back=False
    ),
    Factor.PHONE: Question(
        Factor.PHONE,
        Kind.DIGITS,
        ("ask-phone",),
        least=PHONE_DIGITS,
        most=PHONE_DIGITS,
        is_read_back=False,
    ),
    Factor.RECORD: Question(
        Factor.RECORD, Kind.DIGITS, ("ask-record",), most=RECORD_MOST, is_read_back=False
    ),
    # Nothing of it is ever spoken: somebody may listen.
    Factor.PIN: Question(
        Factor.PIN,
        Kind.DIGITS,
        ("ask-pin",),
        least=PIN_LEAST,
        most=PIN_MOST,
        is_read_back=False,
    ),
}


def pair_of(answers: tuple[Answer, ...]) -> Pair:
    """What was answered, question by question."""
    return Pair.of({Factor(answer.question): answer.text for answer in answers})
