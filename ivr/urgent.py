"""What is settled with a caller who has left an urgent message, before it is promised that somebody
is called: is the message right, and what number reaches them?

The message is played back, to be kept or recorded again by key; the number is read back, to be kept
or changed by keys. Who presses nothing has agreed: a message is never held back by a silent caller.
Only when it is written that the message is open is the caller told what happens now.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from ivr.outside import Extension, NoWayOutError, way_to
from ivr.plan import Plan
from ivr.spoken import DIGIT_PROMPTS, digits_spoken

LISTEN, KEEP = "urgent-listen", "urgent-keep"
NUMBER, NUMBER_KEEP = "urgent-number", "urgent-number-keep"
KEY_NUMBER, NUMBER_WRONG = "urgent-key-number", "urgent-number-wrong"
SENT, SENT_WITHOUT_NUMBER = "urgent-sent", "urgent-sent-without-number"
PROMPTS = (
    LISTEN, KEEP, NUMBER, NUMBER_KEEP, KEY_NUMBER, NUMBER_WRONG, SENT, SENT_WITHOUT_NUMBER,
    *DIGIT_PROMPTS,
)  # fmt: skip
YES_KEY, NO_KEY = "1", "2"
KEY_S = 6.0  # after a question
NEXT_DIGIT_S = 5.0
FIRST_DIGIT_S = 10.0
ASKED_TIMES = 2
NUMBER_TRIES = 3
RECORDINGS_MOST = 4
NUMBER_LONGEST = 20
# The longest message that a site file may ask for, and the way to the engine and back.
PLAY_BACK_MAX_S = 620.0


@dataclass(frozen=True, slots=True)
class Urgent:
    """A kept urgent message, and what is known of who left it. It is named by its message."""

    call: str
    message: str
    number: str = field(repr=False)  # empty: none that could be called
    language: str
    layers: tuple[str, ...]  # of the rota; empty: all

    @property
    def id(self) -> str:
        return self.message


class Asked(StrEnum):
    """What is being settled."""

    LISTEN = "listen"
    MESSAGE = "message"
    KEEP = "keep"
    NUMBER = "number"
    KEYING = "keying"
    WRITING = "writing"


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How far it has come."""

    message: str
    number: str = field(repr=False)  # as it can be called; empty: none
    asked: Asked = Asked.LISTEN
    older: tuple[str, ...] = ()  # messages that this one stands for
    keyed: str = field(default="", repr=False)
    tries: int = 0


# ---- what comes in ----


@dataclass(frozen=True, slots=True)
class Key:
    digit: str


class Word(StrEnum):
    """What else may happen."""

    SPOKEN = "spoken"  # to its end
    SILENCE = "silence"  # for as long as was waited
    WRITTEN = "written"
    NOT_WRITTEN = "not written"


# ---- what is to be done ----


@dataclass(frozen=True, slots=True)
class Ask:
    """Speak, in place of what is being spoken."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlayBack:
    """Let the caller hear the message."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Be quiet, and wait so long for a key."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RecordAgain:
    pass


@dataclass(frozen=True, slots=True)
class Write:
    """Open the lease."""


@dataclass(frozen=True, slots=True)
class Promise:
    """It is written: say what happens now."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Confess:
    """It could not be written: a person is rung."""


Act = Ask | PlayBack | Listen | RecordAgain | Write | Promise | Confess | None
Step = tuple[Dialogue, Act]


def begin(message: str, number: str, plan: Plan, before: Dialogue | None) -> Step:
    """A message is kept. `number` is the caller's, as the network gave it; `before` the dialogue
    that led to another recording."""
    if before is None:
        return Dialogue(message, callable_number(plan, number)), Ask((LISTEN,))
    older = (*before.older, before.message)
    return Dialogue(message, before.number, older=older), Ask((LISTEN,))


def callable_number(plan: Plan, number: str) -> str:
    """The number as it can be called; empty, if it cannot."""
    try:
        way = way_to(plan, number)
    except NoWayOutError:
        return ""
    return way.extension if isinstance(way, Extension) else way.number


def step(dialogue: Dialogue, happened: Key | Word, plan: Plan) -> Step:
    """The dialogue after that, and what is to be done."""
    match dialogue.asked, happened:
        case Asked.LISTEN, Word():
            return replace(dialogue, asked=Asked.MESSAGE), PlayBack()
        case Asked.MESSAGE, Word():
            return _ask_keep(dialogue)
        case Asked.KEEP, Word.SPOKEN:
            return dialogue, Listen(KEY_S)
        case Asked.NUMBER, Word.SPOKEN:
            return dialogue, Listen(KEY_S)
        case Asked.KEEP, Word.SILENCE if dialogue.tries + 1 < ASKED_TIMES:
            return _ask_keep(replace(dialogue, tries=dialogue.tries + 1))
        case Asked.KEEP, Word.SILENCE:
            return _ask_number(replace(dialogue, tries=0))
        case ((Asked.LISTEN | Asked.MESSAGE | Asked.KEEP), Key(digit=digit)):
            return _keep_or_not(dialogue, digit)
        case Asked.NUMBER, Word.SILENCE if dialogue.tries + 1 < ASKED_TIMES:
            return _ask_number(replace(dialogue, tries=dialogue.tries + 1))
        case Asked.NUMBER, Word.SILENCE:
            return replace(dialogue, asked=Asked.WRITING), Write()
        case Asked.NUMBER, Key(digit=digit):
            return _right_or_not(dialogue, digit)
        case Asked.KEYING, Word.SPOKEN:
            return dialogue, Listen(FIRST_DIGIT_S)
        case Asked.KEYING, Key(digit=digit):
            return _key(dialogue, digit, plan)
        case Asked.KEYING, Word.SILENCE:
            return _keyed(dialogue, plan)
        case Asked.WRITING, Word.WRITTEN:
            return dialogue, Promise((SENT if dialogue.number else SENT_WITHOUT_NUMBER,))
        case Asked.WRITING, (Word.NOT_WRITTEN | Word.SILENCE):
            return dialogue, Confess()
        case _:
            return dialogue, None


def _ask_keep(dialogue: Dialogue) -> Step:
    return replace(dialogue, asked=Asked.KEEP), Ask((KEEP,))


def _keep_or_not(dialogue: Dialogue, digit: str) -> Step:
    if digit == YES_KEY:
        return _ask_number(replace(dialogue, tries=0))
    if digit == NO_KEY and len(dialogue.older) + 1 < RECORDINGS_MOST:
        return dialogue, RecordAgain()
    return _ask_keep(dialogue)


def _ask_number(dialogue: Dialogue) -> Step:
    if not dialogue.number:
        return _ask_to_key(dialogue, ())
    spoken = (NUMBER, *digits_spoken(dialogue.number), NUMBER_KEEP)
    return replace(dialogue, asked=Asked.NUMBER), Ask(spoken)


def _right_or_not(dialogue: Dialogue, digit: str) -> Step:
    if digit == YES_KEY:
        return replace(dialogue, asked=Asked.WRITING), Write()
    if digit == NO_KEY:
        return _ask_to_key(replace(dialogue, tries=0), ())
    return _ask_number(dialogue)


def _ask_to_key(dialogue: Dialogue, before: tuple[str, ...]) -> Step:
    return replace(dialogue, asked=Asked.KEYING, keyed=""), Ask((*before, KEY_NUMBER))


def _key(dialogue: Dialogue, digit: str, plan: Plan) -> Step:
    if digit == "#":
        return _keyed(dialogue, plan)
    if digit == "*":
        return replace(dialogue, keyed=""), Listen(FIRST_DIGIT_S)
    keyed = (dialogue.keyed + digit)[: NUMBER_LONGEST + 1]
    return replace(dialogue, keyed=keyed), Listen(NEXT_DIGIT_S)


def _keyed(dialogue: Dialogue, plan: Plan) -> Step:
    """A number that can be called is read back; after a few others the message goes as it is."""
    if number := callable_number(plan, dialogue.keyed):
        return _ask_number(replace(dialogue, number=number, tries=0))
    if dialogue.tries + 1 < NUMBER_TRIES:
        wrong = (NUMBER_WRONG,) if dialogue.keyed else ()
        return _ask_to_key(replace(dialogue, tries=dialogue.tries + 1), wrong)
    return replace(dialogue, asked=Asked.WRITING), Write()
