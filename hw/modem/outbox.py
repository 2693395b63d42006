"""The texts that go out, one part at a time, in the order they were asked for. Pure.

The law: each ends in exactly one of sent, refused and unsure. A part that was never given to the
modem is tried again; one that was given is not, for the network may have it.
"""

from collections import deque
from dataclasses import dataclass, field

from hw.modem.commands import SendSms
from hw.modem.events import Event, SmsRefused, SmsSent, SmsUnsure
from hw.modem.parts import split
from hw.modem.pdu import Submit, encode_submit

MOST_WAITING = 100
WAITS_S = 600.0  # for a modem that is not there; then the asker finds another way
TRIES = 3
MOST_REFERENCES = 1000  # of texts whose reports may still come
ALIKE_DIGITS = 7  # a report names the number with its country, the asker perhaps without


@dataclass(slots=True)
class _Text:
    """One that is not yet out."""

    sms: str
    number: str
    parts: list[tuple[bytes, int]]
    since: float
    references: list[int | None] = field(default_factory=list)
    tries: int = 0


@dataclass(slots=True)
class Outbox:
    """What waits, and under which references what went out went."""

    _waiting: deque[_Text] = field(default_factory=deque)
    _sent: dict[tuple[int, str], str] = field(default_factory=dict)
    _reference: int = 0

    def add(self, wish: SendSms, now: float) -> list[Event]:
        """Behind the others, or refused where there are too many; ValueError for a text that is
        longer than ten messages."""
        if len(self._waiting) >= MOST_WAITING:
            return [SmsRefused(wish.sms, None)]
        self._reference = self._reference % 255 + 1
        pieces = split(wish.text, self._reference)
        parts = [encode_submit(Submit(wish.number, text, part)) for text, part in pieces]
        self._waiting.append(_Text(wish.sms, wish.number, parts, now))
        return []

    def next(self) -> tuple[bytes, int] | None:
        """The PDU to give to the modem now, and its length; None where nothing waits."""
        if not self._waiting:
            return None
        text = self._waiting[0]
        return text.parts[len(text.references)]

    def sent(self, reference: int | None) -> list[Event]:
        """The part went out, under this reference where the modem named one."""
        text = self._waiting[0]
        text.references.append(reference)
        text.tries = 0
        if reference is not None:
            self._remember(reference, text)
        if len(text.references) < len(text.parts):
            return []
        self._waiting.popleft()
        return [SmsSent(text.sms, tuple(text.references))]

    def refused(self, code: int | None) -> list[Event]:
        """The modem or the network said no."""
        text = self._waiting.popleft()
        return [SmsRefused(text.sms, code, len(text.references))]

    def unsure(self) -> list[Event]:
        """The part was given, and nothing was heard of it."""
        return [SmsUnsure(self._waiting.popleft().sms)]

    def not_given(self) -> list[Event]:
        """The part never reached the modem: once more, but not for ever."""
        if not self._waiting:
            return []
        text = self._waiting[0]
        text.tries += 1
        return self.refused(None) if text.tries >= TRIES else []

    def waited_too_long(self, now: float) -> list[Event]:
        """Those that were not begun in time."""
        late = [one for one in self._waiting if now - one.since >= WAITS_S and not one.references]
        for one in late:
            self._waiting.remove(one)
        return [SmsRefused(one.sms, None) for one in late]

    def deadline(self) -> float | None:
        """When the next of them will have waited too long."""
        return min(
            (one.since + WAITS_S for one in self._waiting if not one.references), default=None
        )

    def whose(self, reference: int, number: str) -> str | None:
        """The name of the text that went to this number under this reference, the latest."""
        return self._sent.get((reference, number[-ALIKE_DIGITS:]))

    def _remember(self, reference: int, text: _Text) -> None:
        key = (reference, text.number[-ALIKE_DIGITS:])
        self._sent.pop(key, None)
        self._sent[key] = text.sms
        if len(self._sent) > MOST_REFERENCES:
            del self._sent[next(iter(self._sent))]
