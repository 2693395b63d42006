"""What is settled with somebody who listens to a mailbox at a desk telephone.

A PIN first; then how many messages there are, and each of them, the new ones first, as long as it
takes: again, slower, the next, the one before, done, or the caller is called. What was heard to its
end, or kept, is heard; what was skipped stays new. Whoever hangs up has changed nothing more.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from ivr.codes import NUMBERS_SAID, spoken
from ivr.lease import GOODBYE, PIN_LONGEST, PIN_PROMPT, PIN_S, PIN_TRIES, PIN_WRONG
from ivr.left import Left
from ivr.urgent import Ask, Key, Listen, Word

BACK_KEY, SLOWER_KEY, NEXT_KEY = "1", "2", "3"
CALL_KEY, DONE_KEY, KEEP_KEY, END_KEY = "5", "7", "9", "*"
MENU_S = 8.0
ASKED_TIMES = 2
LEFT_MOST = 100  # nobody hears more at one telephone; the next call begins with those that remain

NEW, OLD, NONE, LAST = "box-new", "box-heard", "box-empty", "box-last"
MENU, LOCKED, IS_DONE, IS_KEPT = "box-menu", "box-locked", "box-done", "box-kept"
NO_CALL, FAILED = "lease-no-number", "code-failed"
PROMPTS = (PIN_PROMPT, PIN_WRONG, GOODBYE, NEW, OLD, NONE, LAST, MENU, LOCKED, IS_DONE, IS_KEPT,
           NO_CALL, FAILED)  # fmt: skip


class Asked(StrEnum):
    """What is being settled."""

    PIN = "pin"
    CHECKING = "checking"
    BEGIN = "how many there are"
    PLAYING = "a message"
    MENU = "what to do with it"
    MARKING = "marking"
    CALLING = "calling"


@dataclass(frozen=True, slots=True)
class Listening:
    """How far it has come; `at` is the place of the message that it is about."""

    asked: Asked = Asked.PIN
    pin: str = field(default="", repr=False)
    wrong: int = 0
    silences: int = 0
    person: str = ""
    left: tuple[Left, ...] = ()
    at: int = 0
    slowly: bool = False
    is_back_at_start: bool = False  # and the same key leads to the one before


# ---- what comes in, beside keys and words ----


@dataclass(frozen=True, slots=True)
class Opened:
    """Whose PIN it is, and what there is to hear; nobody's, or too many were wrong."""

    person: str
    is_locked: bool
    left: tuple[Left, ...]


# ---- what is to be done, beside asking and listening ----


@dataclass(frozen=True, slots=True)
class Check:
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Hear:
    """Speak the message."""

    message: str
    slowly: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """Write how it stands. Word.WRITTEN or NOT_WRITTEN follows where it `is_told`."""

    message: str
    is_done: bool
    is_told: bool


@dataclass(frozen=True, slots=True)
class CallBack:
    """Call whoever left it; Word.NOT_WRITTEN: they cannot be called."""

    message: str


@dataclass(frozen=True, slots=True)
class End:
    """Say this, and end the call."""

    prompts: tuple[str, ...]


Happened = Key | Word | Opened
Act = Ask | Listen | Check | Hear | Mark | CallBack | End
Step = tuple[Listening, tuple[Act, ...]]


def begin() -> Step:
    return Listening(), (Ask((PIN_PROMPT,)),)


def step(listening: Listening, happened: Happened) -> Step:
    """The conversation after that, and what is to be done, in this order."""
    match listening.asked, happened:
        case Asked.PIN, Key(digit=digit):
            return _pin_key(listening, digit)
        case Asked.PIN, Word.SPOKEN:
            return listening, (Listen(PIN_S),)
        case Asked.PIN, Word.SILENCE if listening.pin:
            return _pin_key(listening, "#")
        case Asked.PIN | Asked.CHECKING, Word.SILENCE:
            return listening, (End((GOODBYE,)),)
        case Asked.CHECKING, Opened() as opened:
            return _opened(listening, opened)
        case Asked.BEGIN, (Word.SPOKEN | Word.SILENCE):
            return _hear(listening)
        case Asked.PLAYING, Word.SPOKEN:
            menu, asks = _menu(listening)
            return menu, (Mark(_message(listening), is_done=False, is_told=False), *asks)
        case Asked.PLAYING, Word.SILENCE:
            return _menu(listening)
        case Asked.MENU, Word.SPOKEN:
            return listening, (Listen(MENU_S),)
        case Asked.MENU, Word.SILENCE:
            return _silent(listening)
        case ((Asked.BEGIN | Asked.PLAYING | Asked.MENU), Key(digit=digit)):
            return _chosen(replace(listening, silences=0), digit)
        case Asked.MARKING, Word.WRITTEN:
            return _next(listening, IS_DONE)
        case ((Asked.MARKING | Asked.CALLING), (Word.NOT_WRITTEN | Word.SILENCE)):
            return _menu(listening, FAILED if listening.asked is Asked.MARKING else NO_CALL)
        case _:
            return listening, ()


def _pin_key(listening: Listening, digit: str) -> Step:
    if digit == "#" and listening.pin:
        return replace(listening, asked=Asked.CHECKING, pin=""), (Check(listening.pin),)
    if digit == "*":
        return replace(listening, pin=""), (Listen(PIN_S),)
    if not digit.isdecimal():
        return listening, ()
    pin = (listening.pin + digit)[: PIN_LONGEST + 1]  # one too many is wrong, however many
    return replace(listening, pin=pin), (Listen(PIN_S),)


def _opened(listening: Listening, opened: Opened) -> Step:
    if opened.is_locked:
        return listening, (End((LOCKED, GOODBYE)),)
    if not opened.person:
        tried = replace(listening, asked=Asked.PIN, wrong=listening.wrong + 1)
        again = tried.wrong < PIN_TRIES
        return tried, (Ask((PIN_WRONG,)) if again else End((GOODBYE,)),)
    if not opened.left:
        return listening, (End((NONE, GOODBYE)),)
    new = sum(each.is_new for each in opened.left)
    counts = ((NEW, new), (OLD, len(opened.left) - new))
    said = [p for prompt, many in counts if many for p in (*_spoken(many), prompt)]
    there = replace(listening, asked=Asked.BEGIN, person=opened.person, left=opened.left)
    return there, (Ask(tuple(said)),)


def _spoken(many: int) -> tuple[str, ...]:
    """What is more than can be said at once is said digit by digit."""
    return spoken(many) if many <= NUMBERS_SAID else tuple(f"number-{d}" for d in str(many))


def _chosen(listening: Listening, digit: str) -> Step:
    match digit:
        case _ if digit == BACK_KEY:
            return _back(listening)
        case _ if digit == SLOWER_KEY:
            return _hear(replace(listening, slowly=not listening.slowly))
        case _ if digit == NEXT_KEY:
            return _next(listening)
        case _ if digit == CALL_KEY:
            return replace(listening, asked=Asked.CALLING), (CallBack(_message(listening)),)
        case _ if digit == DONE_KEY:
            marking = replace(listening, asked=Asked.MARKING)
            return marking, (Mark(_message(listening), is_done=True, is_told=True),)
        case _ if digit == KEEP_KEY:
            onward, acts = _next(listening, IS_KEPT)
            return onward, (Mark(_message(listening), is_done=False, is_told=False), *acts)
        case _ if digit == END_KEY:
            return listening, (End((GOODBYE,)),)
        case _:
            return _menu(listening)


def _message(listening: Listening) -> str:
    return listening.left[listening.at].message


def _hear(listening: Listening) -> Step:
    playing = replace(listening, asked=Asked.PLAYING, silences=0)
    return playing, (Hear(_message(playing), playing.slowly),)


def _back(listening: Listening) -> Step:
    """To its beginning; from there to the one before."""
    at = max(listening.at - listening.is_back_at_start, 0)
    return _hear(replace(listening, at=at, is_back_at_start=True))


def _next(listening: Listening, *first: str) -> Step:
    onward = replace(listening, at=listening.at + 1, is_back_at_start=False)
    if onward.at == len(onward.left):
        return listening, (End((*first, LAST, GOODBYE)),)
    if first:
        return replace(onward, asked=Asked.BEGIN), (Ask(first),)
    return _hear(onward)


def _menu(listening: Listening, *first: str) -> Step:
    asking = replace(listening, asked=Asked.MENU, is_back_at_start=False)
    return asking, (Ask((*first, MENU)),)


def _silent(listening: Listening) -> Step:
    silent = replace(listening, silences=listening.silences + 1)
    return _menu(silent) if silent.silences < ASKED_TIMES else (silent, (End((GOODBYE,)),))
