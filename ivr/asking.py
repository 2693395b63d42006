"""Questions that a caller answers by keys or by voice, one after another: `Asking` is how far it
has come, and each function gives it after something happened, with what is to be done now.

Nothing here knows what the answers are for. Whatever a caller does, or does not do, each question
takes a limited number of tries, and what cannot be answered ends with a person; so does the star,
at any time. What was keyed is in no `repr` and in no note.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from ivr.spoken import DIGIT_PROMPTS

PERSON = "*"
END = "#"
RIGHT, CHANGE, ZERO = "1", "2", "0"

WISHED = "the caller asked for a person"

# Prompts that are spoken beside the questions' own.
STAR_FOR_A_PERSON = "star-for-a-person"
NOTHING_HEARD = "nothing-heard"
WRONG_KEY = "wrong-key"
NOT_POSSIBLE = "not-possible"
YOU_ENTERED = "you-entered"
RIGHT_OR_CHANGE = "right-or-change"
READ_BACK = (YOU_ENTERED, *DIGIT_PROMPTS, RIGHT_OR_CHANGE)

DATE_DIGITS = 8  # month, day, year: 04121985
FIRST_YEAR, LAST_YEAR = 1900, 2099


class Kind(StrEnum):
    """How a question is answered."""

    DIGITS = "digits"
    DATE = "date"
    CHOICE = "choice"
    NUMBER = "number"  # of a telephone
    RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and what an answer may be. Digits end by themselves once there are `most`,
    else by # or a silence."""

    name: str
    kind: Kind
    prompts: tuple[str, ...]
    least: int = 1
    most: int = 20
    choices: Mapping[str, str] = field(default_factory=dict)  # key -> what it means
    longest_s: float = 60.0  # of a recorded answer
    is_read_back: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What was keyed (a date as 1985-04-12, a choice as its word), or the sealed message that
    holds what was said."""

    question: str
    text: str = field(default="", repr=False)
    message: str = ""


@dataclass(frozen=True, slots=True)
class Asking:
    """How far a caller has come with its questions."""

    questions: tuple[Question, ...] = ()
    tries: int = 1  # each question is asked so often
    answers: tuple[Answer, ...] = field(default=(), repr=False)
    keys: str = field(default="", repr=False)
    failed: int = 0  # tries at the question that is open now
    is_read_back: bool = False  # the answer is being confirmed

    @property
    def question(self) -> Question | None:
        """The open one; None once all are answered."""
        at = len(self.answers)
        return self.questions[at] if at < len(self.questions) else None


@dataclass(frozen=True, slots=True)
class Speak:
    """Say this, then listen."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait for the next key."""


@dataclass(frozen=True, slots=True)
class TakeSpoken:
    """Record an answer."""

    longest_s: float


@dataclass(frozen=True, slots=True)
class Complete:
    """Every question has its answer."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The caller goes to a person."""

    why: str


Turn = Speak | Listen | TakeSpoken | Complete | GiveUp
Turned = tuple[Asking, Turn]


def begin(questions: tuple[Question, ...], tries: int, first: tuple[str, ...] = ()) -> Turned:
    """The first question, after `first`."""
    return _ask(Asking(questions, tries), first)


def spoken(asking: Asking) -> Turned:
    """What was to be said has been heard."""
    question = asking.question
    if question is not None and question.kind is Kind.RECORDED:
        return asking, TakeSpoken(question.longest_s)
    return asking, Listen()


def pressed(asking: Asking, key: str) -> Turned:
    """A key, be it during speech."""
    question = asking.question
    if question is None or key == PERSON:
        return asking, GiveUp(WISHED)
    if asking.is_read_back:
        return _confirmed(asking, question, key)
    match question.kind:
        case Kind.RECORDED:
            return asking, TakeSpoken(question.longest_s)
        case Kind.CHOICE:
            return _chosen(asking, question, key)
        case Kind.DIGITS | Kind.DATE | Kind.NUMBER:
            return _keyed(asking, question, key)


def silent(asking: Asking) -> Turned:
    """No key for longer than anybody needs. Digits enough are an answer; else it is a lost try."""
    question = asking.question
    if question is not None and asking.keys and not asking.is_read_back:
        return _entered(asking, question)
    return _again(asking, NOTHING_HEARD)


def said(asking: Asking, message: str) -> Turned:
    """A recorded answer lies sealed and durable."""
    question = asking.question
    if question is None:
        return asking, Complete()
    return _answered(asking, Answer(question.name, message=message))


def prompts_of(questions: tuple[Question, ...]) -> tuple[str, ...]:
    """Everything that may be spoken while these are asked."""
    own = [prompt for question in questions for prompt in question.prompts]
    read_back = READ_BACK if any(map(_needs_confirming, questions)) else ()
    return (STAR_FOR_A_PERSON, *own, NOTHING_HEARD, WRONG_KEY, NOT_POSSIBLE, *read_back)


def _ask(asking: Asking, first: tuple[str, ...] = ()) -> Turned:
    question = asking.question
    if question is None:
        return asking, Complete()
    return asking, Speak((*first, *question.prompts))


def _again(asking: Asking, why: str) -> Turned:
    """Once more, from the question's begin or its read-back, unless that was the last try."""
    tried = replace(asking, failed=asking.failed + 1)
    question = tried.question
    if question is None or tried.failed >= tried.tries:
        return tried, GiveUp(f"{tried.failed} tries were not enough")
    if tried.is_read_back:
        return tried, Speak((why, *_read_back(tried.keys)))
    return _ask(replace(tried, keys=""), (why,))


def _keyed(asking: Asking, question: Question, key: str) -> Turned:
    if key == END:
        return _entered(asking, question)
    longer = replace(asking, keys=asking.keys + key)
    if len(longer.keys) >= _most(question):
        return _entered(longer, question)
    return longer, Listen()


def _entered(asking: Asking, question: Question) -> Turned:
    if _text(question, asking.keys) is None:
        return _again(asking, NOT_POSSIBLE)
    if _needs_confirming(question):
        return replace(asking, is_read_back=True), Speak(_read_back(asking.keys))
    return _settled(asking, question)


def _chosen(asking: Asking, question: Question, key: str) -> Turned:
    if key in question.choices:
        return _answered(asking, Answer(question.name, question.choices[key]))
    if key == ZERO:
        return asking, GiveUp(WISHED)
    return _again(asking, WRONG_KEY)


def _confirmed(asking: Asking, question: Question, key: str) -> Turned:
    match key:
        case "1":  # RIGHT
            return _settled(asking, question)
        case "2":  # CHANGE: a try of its own, so that it comes to an end
            tried = replace(asking, is_read_back=False, keys="", failed=asking.failed + 1)
            if tried.failed >= tried.tries:
                return tried, GiveUp(f"{tried.failed} tries were not enough")
            return _ask(tried)
        case "0":
            return asking, GiveUp(WISHED)
        case _:
            return _again(asking, WRONG_KEY)


def _settled(asking: Asking, question: Question) -> Turned:
    text = _text(question, asking.keys)
    if text is None:
        return _again(asking, NOT_POSSIBLE)
    return _answered(asking, Answer(question.name, text))


def _answered(asking: Asking, answer: Answer) -> Turned:
    answers = (*asking.answers, answer)
    return _ask(Asking(asking.questions, asking.tries, answers))


def _needs_confirming(question: Question) -> bool:
    return question.is_read_back and question.kind not in (Kind.CHOICE, Kind.RECORDED)


def _most(question: Question) -> int:
    return DATE_DIGITS if question.kind is Kind.DATE else question.most


def _text(question: Question, keys: str) -> str | None:
    """What the keys say; None, if they cannot be an answer."""
    if question.kind is Kind.DATE:
        return iso_date(keys)
    return keys if question.least <= len(keys) <= question.most else None


def iso_date(keys: str) -> str | None:
    """04121985 as 1985-04-12; None, if there is no such day."""
    if len(keys) != DATE_DIGITS or not FIRST_YEAR <= int(keys[4:]) <= LAST_YEAR:
        return None
    try:
        return date(int(keys[4:]), int(keys[:2]), int(keys[2:4])).isoformat()
    except ValueError:
        return None


def _read_back(keys: str) -> tuple[str, ...]:
    return (YOU_ENTERED, *(f"number-{key}" for key in keys), RIGHT_OR_CHANGE)
