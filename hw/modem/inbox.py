"""The messages that lie in the modem: which were told, which are kept and may go. Pure.

The law: a slot is deleted only after it was told and the asker said that it is kept, and only while
the same message lies in it. What was told and is not kept is told again after `TELL_AGAIN_S`.
Parts wait for each other in the modem, where no power cut reaches them; for at most `PARTS_S`, or
until the modem is full, then the text is told as it is, with the numbers of what is missing.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from hw.modem.address import PduError
from hw.modem.commands import Slot
from hw.modem.events import Event, ReportCame, SmsCame, SmsUnreadable
from hw.modem.parts import joined
from hw.modem.pdu import Deliver, Report, decode, tpdu_octets

TELL_AGAIN_S = 600.0
PARTS_S = 24 * 3600.0  # the network tries each part for days; most come within the minute
MOST_IN_PIECES = 100
UNREADABLE_S = 90.0  # a damaged line is read better the next time, what is damaged never

Whose = Callable[[int, str], str | None]  # of a reference and a number
Key = tuple[str, int, bool, int]  # of a longer text: its sender, reference, width and parts
Told = SmsCame | SmsUnreadable | ReportCame


@dataclass(frozen=True, slots=True)
class Listed:
    """One message as the modem lists it: its place, its PDU, and the length the modem tells."""

    index: int
    pdu: str
    octets: int


@dataclass(slots=True)
class _Lying:
    """One that lies in the modem."""

    message: Deliver | Report | None
    pdu: str
    since: float
    told_at: float | None = None
    is_kept: bool = False
    is_intact: bool = True  # it read well when last looked at
    goes: bool = False  # its deletion is asked for since


def digest_of(pdu: str) -> str:
    """Tells two messages apart, and nothing of either."""
    return hashlib.sha256(pdu.upper().encode()).hexdigest()[:16]


def read(listed: Listed) -> Deliver | Report | None:
    """None where it cannot be read, or where a letter of it was lost on the way."""
    try:
        raw = bytes.fromhex(listed.pdu)
        return decode(raw) if tpdu_octets(raw) == listed.octets else None
    except PduError:
        return None
    except ValueError:  # no hexadecimal digits
        return None


@dataclass(slots=True)
class Inbox:
    """What lies there, as the last look at each memory found it."""

    _lying: dict[Slot, _Lying] = field(default_factory=dict)
    _in_pieces: list[Key] = field(default_factory=list)

    def swept(self, memory: str, listed: list[Listed], now: float) -> None:
        """All that a memory holds now; what is no longer there is forgotten."""
        found: dict[Slot, _Lying] = {}
        before = {slot.index: slot for slot in self._lying if slot.memory == memory}
        for one in listed:
            slot, message = Slot(memory, one.index, digest_of(one.pdu)), read(one)
            if message is None:
                # A damaged line of a message that read well before: its place is not free.
                slot = before.get(one.index, slot)
            lying = found[slot] = self._lying.get(slot) or _Lying(message, one.pdu, now)
            lying.is_intact, lying.goes = slot.digest == digest_of(one.pdu), False
        others = {slot: one for slot, one in self._lying.items() if slot.memory != memory}
        self._lying = others | found

    def keep(self, slots: tuple[Slot, ...]) -> None:
        """The asker has them; those that lie there no longer are gone already."""
        for slot in slots:
            if slot in self._lying:
                self._lying[slot].is_kept = True

    def to_delete(self) -> list[Slot]:
        """What may go, the lowest place first; each is named once after each look at it."""
        kept = [one for one in self._lying.items() if one[1].is_kept and one[1].is_intact]
        going = [(slot, one) for slot, one in kept if not one.goes]
        for _, one in going:
            one.goes = True
        return sorted((slot for slot, _ in going), key=lambda slot: (slot.memory, slot.index))

    def may_go(self, slot: Slot) -> bool:
        """Whether what was kept still lies there, as far as we know."""
        one = self._lying.get(slot)
        return one is not None and one.is_kept and one.is_intact

    def deleted(self, slot: Slot) -> None:
        """The modem said so."""
        self._lying.pop(slot, None)

    def untold(self, now: float, whose: Whose, *, is_full: bool) -> list[Event]:
        """What the asker is told now; `whose` finds the name of the message a report is of."""
        due = {
            slot: one
            for slot, one in self._lying.items()
            if not one.is_kept and (one.told_at is None or now - one.told_at >= TELL_AGAIN_S)
        }
        told = _singles(due, whose, now) + self._texts(due, now, is_full=is_full)
        for event in told:
            for slot in event.slots:
                self._lying[slot].told_at = now
        return list(told)

    def _texts(self, due: dict[Slot, _Lying], now: float, *, is_full: bool) -> list[Told]:
        told: list[Told] = []
        for key, group in _groups(due):
            pieces = [(message.part.number, message.text) for _, message in group]
            text, missing = joined(pieces, group[0][1].part.count)
            newest = max(due[slot].since for slot, _ in group)
            waits = not is_full and now - newest < PARTS_S and key not in self._in_pieces
            if missing and waits:
                continue
            if missing:  # what is told in pieces already has nothing to wait for
                self._in_pieces = [*self._in_pieces[-MOST_IN_PIECES:], key]
            slots = tuple(slot for slot, _ in group)
            told.append(SmsCame(slots, group[0][1].number, group[0][1].at, text, missing))
        return told


def came(message: Deliver | Report, slots: tuple[Slot, ...], whose: Whose) -> SmsCame | ReportCame:
    """One by itself, as an event; of a longer text it says which parts it is not."""
    if isinstance(message, Report):
        sms = whose(message.reference, message.number)
        return ReportCame(
            slots,
            sms,
            message.reference,
            message.number,
            message.delivery,
            message.status,
            message.at,
        )
    text, missing = joined([(message.part.number, message.text)], message.part.count)
    return SmsCame(slots, message.number, message.at, text, missing)


def _singles(due: dict[Slot, _Lying], whose: Whose, now: float) -> list[Told]:
    told: list[Told] = []
    for slot, one in due.items():
        message = one.message
        if message is None:
            if now - one.since >= UNREADABLE_S:
                told.append(SmsUnreadable((slot,), one.pdu))
        elif isinstance(message, Report) or message.part.count == 1:
            told.append(came(message, (slot,), whose))
    return told


def _groups(due: dict[Slot, _Lying]) -> list[tuple[Key, list[tuple[Slot, Deliver]]]]:
    """The parts of each longer text. A sender's numbers for texts come round again: a part whose
    number is there already, with other words, begins another text."""
    groups: list[tuple[Key, list[tuple[Slot, Deliver]]]] = []
    for slot, one in sorted(due.items(), key=lambda item: item[1].since):
        message = one.message
        if not isinstance(message, Deliver) or message.part.count == 1:
            continue
        part = message.part
        key = (message.number, part.reference, part.wide, part.count)
        for other, group in groups:
            if other == key and all(_agree(message, its) for _, its in group):
                group.append((slot, message))
                break
        else:
            groups.append((key, [(slot, message)]))
    return groups


def _agree(one: Deliver, other: Deliver) -> bool:
    return one.part.number != other.part.number or one.text == other.text
