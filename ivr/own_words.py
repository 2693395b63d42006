"""What is settled with somebody who records words of the clinic's own on a telephone: an
announcement that the clinic is closed today, or the greeting before messages for one person.

Whoever wants to announce something keys a PIN first. What was recorded is played back, to be kept
or recorded again by key; what stands already can be heard, or taken away again. Nothing is in force
before it is written, and only then is it said so. Who hangs up, or presses nothing, has changed
nothing.
"""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from ivr.lease import GOODBYE, PIN_LONGEST, PIN_PROMPT, PIN_S, PIN_TRIES, PIN_WRONG
from ivr.urgent import Ask, Key, Listen, RecordAgain, Word

OWN = "*"  # what such a recording has for a mailbox; no site can give one this name
ANEW_KEY, HEAR_KEY, AWAY_KEY = "1", "2", "9"  # what stands already
KEEP_KEY, AGAIN_KEY, ONCE_MORE_KEY = "1", "2", "3"  # what was recorded just now
TODAY_KEY, TOMORROW_KEY = "1", "2"
KEY_S = 6.0  # after a question
ASKED_TIMES = 2
RECORDINGS_MOST = 6
LONGEST_S = 60.0  # callers hang up on more

SETTLE, HOW_LONG = "words-settle", "snow-how-long"
NOT_HEARD, UNCHANGED, FAILED = "words-not-heard", "words-unchanged", "words-failed"


class Kind(StrEnum):
    """What is recorded; also how its recordings' names begin."""

    ANNOUNCEMENT = "announcement"
    GREETING = "greeting"


@dataclass(frozen=True, slots=True)
class Phrases:
    """What is said about one kind of words."""

    stands: str
    begin: str
    kept: str
    away: str


PHRASES = {
    Kind.ANNOUNCEMENT: Phrases("snow-stands", "snow-begin", "snow-kept", "snow-away"),
    Kind.GREETING: Phrases("greeting-stands", "greeting-begin", "greeting-kept", "greeting-away"),
}
SHARED = (SETTLE, NOT_HEARD, UNCHANGED, FAILED)


def prompts_of(kind: Kind) -> tuple[str, ...]:
    """All that may be said to who records."""
    said = PHRASES[kind]
    of_kind = (said.stands, said.begin, said.kept, said.away, *SHARED)
    by_pin = (PIN_PROMPT, PIN_WRONG, GOODBYE, HOW_LONG)
    return (*by_pin, *of_kind) if kind is Kind.ANNOUNCEMENT else of_kind


def named(kind: Kind, message: str) -> str:
    """The name by which a recording is spoken: no prompt of a site can have it."""
    return f"{kind}:{message}"


def recording_of(name: str | None) -> str | None:
    """The recording that a prompt's name means; None: it is an ordinary prompt's."""
    kind, colon, message = (name or "").partition(":")
    return message if colon and kind in set(Kind) else None


class Asked(StrEnum):
    """What is being settled."""

    PIN = "pin"
    CHECKING = "checking"
    STANDING = "what stands"
    BEGIN = "to speak"
    RECORDING = "recording"
    KEEPING = "keeping"
    SETTLING = "to keep it"
    HOW_LONG = "how long"
    WRITING = "writing"


class Until(StrEnum):
    """For how long an announcement closes the clinic."""

    TODAY = "the rest of the day"
    OPENING = "the next opening after today"


@dataclass(frozen=True, slots=True)
class Words:
    """How far it has come. `stands` says whether there is something already, and `heard_now` what
    callers hear of it; `recorded` is the newest recording's name."""

    kind: Kind
    asked: Asked
    stands: bool
    heard_now: str = ""
    recorded: str = ""
    person: str = ""  # whose PIN it was
    pin: str = field(default="", repr=False)
    is_taken_away: bool = False
    wrong: int = 0
    silences: int = 0
    recordings: int = 0


# ---- what comes in, beside keys and words ----


@dataclass(frozen=True, slots=True)
class Recorded:
    """It lies on the disk, and can be played."""

    name: str


class NotRecorded:
    """Nothing was said, or it could not be kept."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Whose PIN it is; empty: nobody's."""

    person: str


# ---- what is to be done, beside asking, listening and recording ----


@dataclass(frozen=True, slots=True)
class Check:
    pin: str = field(repr=False)


class StopRecording:
    pass


@dataclass(frozen=True, slots=True)
class Keep:
    """Write that this is what callers hear."""

    name: str
    until: Until


class TakeAway:
    """Write that it is as usual again."""


@dataclass(frozen=True, slots=True)
class End:
    """Say this, and end the call."""

    prompts: tuple[str, ...]


Happened = Key | Word | Recorded | NotRecorded | Checked
Act = Ask | Listen | Check | RecordAgain | StopRecording | Keep | TakeAway | End | None
Step = tuple[Words, Act]


def begin(kind: Kind, *, stands: bool, heard_now: str = "") -> Step:
    """Somebody wants to record something."""
    words = Words(kind, Asked.PIN, stands, heard_now)
    if kind is Kind.ANNOUNCEMENT:
        return words, Ask((PIN_PROMPT,))
    return _let_in(words)


def step(words: Words, happened: Happened) -> Step:
    """The conversation after that, and what is to be done."""
    match words.asked, happened:
        case Asked.PIN, Key(digit=digit):
            return _pin_key(words, digit)
        case Asked.PIN, Word.SPOKEN:
            return words, Listen(PIN_S)
        case Asked.PIN, Word.SILENCE if words.pin:
            return _pin_key(words, "#")
        case Asked.PIN | Asked.CHECKING, Word.SILENCE:
            return words, End((GOODBYE,))
        case Asked.CHECKING, Checked(person=person) if person:
            return _let_in(replace(words, person=person))
        case Asked.CHECKING, Checked():
            return _wrong_pin(words)
        case ((Asked.STANDING | Asked.SETTLING | Asked.HOW_LONG), Word.SPOKEN):
            return words, Listen(KEY_S)
        case Asked.STANDING, Key(digit=digit):
            return _about_what_stands(words, digit)
        case Asked.BEGIN, (Word() | Key()):
            recording = replace(
                words, asked=Asked.RECORDING, silences=0, recordings=words.recordings + 1
            )
            return recording, RecordAgain()
        case Asked.RECORDING, (Word.SILENCE | Key()):
            return replace(words, asked=Asked.KEEPING), StopRecording()
        case ((Asked.RECORDING | Asked.KEEPING), Recorded(name=name)):
            return _settle(replace(words, recorded=name), name)
        case ((Asked.RECORDING | Asked.KEEPING), NotRecorded()):
            return _speak_again(words, (NOT_HEARD,))
        case Asked.SETTLING, Key(digit=digit):
            return _keep_or_not(words, digit)
        case Asked.HOW_LONG, Key(digit=digit):
            return _keep_for(words, digit)
        case Asked.HOW_LONG, Word.SILENCE:
            return _write(words, Until.TODAY)
        case ((Asked.STANDING | Asked.SETTLING), Word.SILENCE):
            return _asked_in_vain(words)
        case Asked.WRITING, Word.WRITTEN:
            said = PHRASES[words.kind]
            return words, End((said.away if words.is_taken_away else said.kept,))
        case ((Asked.KEEPING | Asked.WRITING), (Word.NOT_WRITTEN | Word.SILENCE)):
            return words, End((FAILED,))
        case _:
            return words, None


def _pin_key(words: Words, digit: str) -> Step:
    if digit == "#" and words.pin:
        return replace(words, asked=Asked.CHECKING, pin=""), Check(words.pin)
    if digit == "*":
        return replace(words, pin=""), Listen(PIN_S)
    if not digit.isdecimal():
        return words, None
    pin = (words.pin + digit)[: PIN_LONGEST + 1]  # one too many is wrong, however many they were
    return replace(words, pin=pin), Listen(PIN_S)


def _wrong_pin(words: Words) -> Step:
    tried = replace(words, asked=Asked.PIN, wrong=words.wrong + 1)
    return tried, Ask((PIN_WRONG,)) if tried.wrong < PIN_TRIES else End((GOODBYE,))


def _let_in(words: Words) -> Step:
    return _tell_what_stands(words) if words.stands else _speak(words)


def _tell_what_stands(words: Words, *first: str) -> Step:
    said = PHRASES[words.kind].stands
    return replace(words, asked=Asked.STANDING), Ask((*first, said))


def _about_what_stands(words: Words, digit: str) -> Step:
    match digit:
        case _ if digit == ANEW_KEY:
            return _speak(words)
        case _ if digit == HEAR_KEY and words.heard_now:
            return _tell_what_stands(words, words.heard_now)
        case _ if digit == AWAY_KEY:
            return replace(words, asked=Asked.WRITING, is_taken_away=True), TakeAway()
        case _:
            return _tell_what_stands(words)


def _speak(words: Words, *first: str) -> Step:
    return replace(words, asked=Asked.BEGIN), Ask((*first, PHRASES[words.kind].begin))


def _speak_again(words: Words, first: tuple[str, ...] = ()) -> Step:
    if words.recordings >= RECORDINGS_MOST:
        return words, End((*first, UNCHANGED))
    return _speak(words, *first)


def _settle(words: Words, *first: str) -> Step:
    return replace(words, asked=Asked.SETTLING), Ask((*first, SETTLE))


def _keep_or_not(words: Words, digit: str) -> Step:
    match digit:
        case _ if digit == KEEP_KEY and words.kind is Kind.ANNOUNCEMENT:
            return replace(words, asked=Asked.HOW_LONG), Ask((HOW_LONG,))
        case _ if digit == KEEP_KEY:
            return _write(words, Until.TODAY)
        case _ if digit == AGAIN_KEY:
            return _speak_again(words)
        case _ if digit == ONCE_MORE_KEY:
            return _settle(words, words.recorded)
        case _:
            return _settle(words)


def _keep_for(words: Words, digit: str) -> Step:
    if digit == TODAY_KEY:
        return _write(words, Until.TODAY)
    if digit == TOMORROW_KEY:
        return _write(words, Until.OPENING)
    return words, Ask((HOW_LONG,))


def _write(words: Words, until: Until) -> Step:
    return replace(words, asked=Asked.WRITING), Keep(words.recorded, until)


def _asked_in_vain(words: Words) -> Step:
    silent = replace(words, silences=words.silences + 1)
    if silent.silences >= ASKED_TIMES:
        return silent, End((UNCHANGED,))
    return _settle(silent) if words.asked is Asked.SETTLING else _tell_what_stands(silent)
