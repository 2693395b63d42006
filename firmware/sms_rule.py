"""What may be sent as a text, and what a text that comes asks of us. Pure.

Who writes a stop word gets nothing more, until they write a start word (CTIA, Messaging Principles
and Best Practices, 5.1.3; 47 CFR 64.1200(a)(10) names the words). It is answered once, for whoever
stopped must be able to see that it worked. A box is no telephone book: so many texts a day, and so
many to one number, and not one more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

STOP = frozenset(
    (
        *("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"),
        *("ALTO", "PARE", "PARAR", "BAJA", "CANCELAR"),
    )
)
START = frozenset(("START", "UNSTOP", "YES", "SI", "COMENZAR", "ALTA"))
HELP = frozenset(("HELP", "INFO", "AYUDA"))
# These are an answer to somebody who asked as well, so that people read them too.
ANSWERS = frozenset(("YES", "SI", "CANCEL", "CANCELAR"))
MOST_CHARACTERS = 160  # GSM 03.38's own letters in one text
STAFF_MOST = 3 * 153  # in three parts (3GPP TS 23.040, 9.2.3.24.1)


class Asked(Enum):
    """What a text asks of the box itself."""

    STOP = auto()
    START = auto()
    HELP = auto()
    NOTHING = auto()  # it is for people


def asked_by(text: str) -> Asked:
    """A word alone, with whatever sign stands about it; a sentence with such a word in it is a
    sentence."""
    word = _alone(text)
    for words, asked in ((STOP, Asked.STOP), (START, Asked.START), (HELP, Asked.HELP)):
        if word in words:
            return asked
    return Asked.NOTHING


def is_an_answer(text: str) -> bool:
    """Whether it may be meant for people, whatever it asks of the box."""
    return _alone(text) in ANSWERS


def _alone(text: str) -> str:
    """The word, without accents; empty: there are more."""
    if len(text.split()) > 2:
        return ""
    word = re.sub(r"[^A-ZÁÉÍÓÚÑ]", "", text.upper().replace("OPT-OUT", "OPTOUT"))
    return word.translate(str.maketrans("ÁÉÍÓÚ", "AEIOU"))


def may_be_answered(number: str) -> bool:
    """A short code is a machine's, which would answer in turn (ITU-T E.164 has no such number)."""
    return re.fullmatch(r"\+?[0-9]{7,15}", number) is not None


def most_for(most_a_day: int, *, is_own: bool) -> int:
    """So many of a day's may go to the clinic's own people, and so many to others."""
    return most_a_day if is_own else most_a_day - most_a_day // 5


@dataclass(frozen=True, slots=True)
class Sent:
    """How many went out today: to everybody, and to one number."""

    to_all: int
    to_one: int


def why_not(sent: Sent, most_a_day: int, most_a_number: int, *, is_stopped: bool) -> str:
    """Why no text may go to a number now; empty: it may."""
    if is_stopped:
        return "this number wishes no texts"
    if sent.to_one >= most_a_number:
        return f"{most_a_number} texts a day go to one number"
    if sent.to_all >= most_a_day:
        return f"{most_a_day} texts a day go out"
    return ""


# What the box says by itself; nothing in it is about anybody.
SAID: Mapping[str, Mapping[str, str]] = {
    "stopped": {
        "en": "{clinic}: you get no more texts. Write START to get them again.",
        "es": "{clinic}: no recibirá más mensajes. Escriba START para recibirlos de nuevo.",
    },
    "started": {
        "en": "{clinic}: you get texts again. Write STOP to get none.",
        "es": "{clinic}: recibirá mensajes de nuevo. Escriba STOP para no recibirlos.",
    },
    "help": {
        "en": "{clinic}: call {number}. In an emergency call 911. Write STOP to get no texts.",
        "es": "{clinic}: llame al {number}. Emergencias: 911. Escriba STOP para no recibir nada.",
    },
    "kept": {
        "en": "{clinic}: we have your text and will see to it. In an emergency call 911.",
        "es": "{clinic}: tenemos su mensaje y lo atenderemos. En una emergencia llame al 911.",
    },
    "callback": {
        "en": "{clinic}: we will call you back at this number. Write STOP to get no texts.",
        "es": "{clinic}: le devolveremos la llamada. Escriba STOP para no recibir mensajes.",
    },
    "staff": {
        "en": "{clinic}: {text} Write STOP to get no texts.",
        "es": "{clinic}: {text} Escriba STOP para no recibir mensajes.",
    },
    "called": {
        "en": "{clinic} has something urgent for you and is calling. Please answer, with your PIN.",
        "es": "{clinic} tiene algo urgente y le está llamando. Conteste, con su PIN a mano.",
    },
    "messages": {
        "en": "{clinic}: there is something new in {mailboxes}. No answer to this is read.",
        "es": "{clinic}: hay algo nuevo en {mailboxes}. No se lee ninguna respuesta.",
    },
}


def said(what: str, language: str, *, most: int = MOST_CHARACTERS, **values: str) -> str:
    """One of them, short enough for one text: a long name of a clinic is cut."""
    words = SAID[what]
    form = words.get(language, words["en"])
    room = max(0, most - len(form.format(**(values | {"clinic": ""}))))
    return form.format(**(values | {"clinic": values.get("clinic", "")[:room]}))
