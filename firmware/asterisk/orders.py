"""In which order the real pair tells the facts of one happening: what was seen, and how often.

`orders.txt` is made by the command at its head, which overhears the exchange on two real Asterisks.
The fake pair draws from it. What one source tells keeps its order, whatever the happening.
"""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

ORDERS = Path(__file__).with_name("orders.txt")


class Happening(StrEnum):
    """What makes the pair tell more than one fact."""

    RINGS = "a phone rings"
    ANSWERS = "a phone is picked up"
    REFUSES = "a phone refuses"
    BUSY = "a phone is busy"
    ABSENT = "a phone is not there"
    IN_VAIN = "a phone rang in vain"
    WITHDRAWN = "an offer is withdrawn"
    LEAVES = "a caller hangs up"
    CALLER_ENDS = "a caller ends a talk"
    AGENT_ENDS = "an agent ends a talk"
    CUT_OFF = "a caller hangs up while being recorded"
    COMES_BACK = "an agent ends a talk, and the caller is asked how it was"
    PASSED_ON = "an agent passes a caller on"
    KEYED_ON = "an agent passes a caller on by a code"
    HANDED_OVER = "an agent hands a caller over to whom it asked"
    KEYED_OVER = "an agent hands a caller over by a code to whom it asked"
    PARKED = "an agent parks a caller"
    TAKEN_UP = "a parked caller is taken up"
    ASTERISK_ENDS = "an Asterisk ends that has a caller"


class Word(StrEnum):
    """A fact, as an order names it."""

    PHONE = "phone"  # the state of the telephone, whatever it is by now
    RANG = "rang"
    ACCEPTED = "accepted"
    ENDED = "ended"
    LOST = "lost"
    LEFT = "left"
    RECORDED = "recorded"
    CAME_BACK = "came back"
    PASSED = "passed"
    SENT_ON = "sent on"
    PARKED = "parked"


class Source(StrEnum):
    """Who tells, each in its own order."""

    MANAGER = "manager"
    PHONES = "phones"
    ENGINE = "engine"
    US = "us"  # our orders, on their way


SOURCES: Mapping[Word, Source] = {
    Word.PHONE: Source.PHONES,
    Word.RANG: Source.MANAGER,
    Word.ACCEPTED: Source.ENGINE,
    Word.ENDED: Source.MANAGER,
    Word.LOST: Source.ENGINE,
    Word.LEFT: Source.MANAGER,
    Word.RECORDED: Source.ENGINE,
    Word.CAME_BACK: Source.ENGINE,
    Word.PASSED: Source.MANAGER,
    Word.SENT_ON: Source.MANAGER,
    Word.PARKED: Source.MANAGER,
}
Order = tuple[Word, ...]
Orders = Mapping[Happening, Mapping[Order, int]]


def read(text: str) -> Orders:
    """Orders, as `written` writes them."""
    found: dict[Happening, dict[Order, int]] = {}
    for line in filter(None, (raw.partition("#")[0].rstrip() for raw in text.splitlines())):
        if not line.startswith(" "):
            happening = Happening(line)
            found[happening] = {}
            continue
        times, _, words = line.strip().partition(" ")
        found[happening][tuple(map(Word, filter(None, words.split(", "))))] = int(times)
    return found


def written(orders: Orders) -> str:
    """As text: each happening, and below it each order with the times it was seen."""
    lines: list[str] = []
    for happening in sorted(orders):
        lines.append(happening.value)
        seen = sorted(orders[happening].items(), key=lambda each: (-each[1], each[0]))
        lines += [f"{times:6d} {', '.join(order)}".rstrip() for order, times in seen]
    return "\n".join(lines) + "\n"


def recorded() -> Orders:
    """What was seen on the real pair."""
    return read(ORDERS.read_text("utf-8"))
