"""Generated days of a modem: callers, texts both ways, unplugging and every fault, drawn from a
seed, in simulated time. Then the faults end, and what must be true at the end of each is looked at:

- every text of a patient was told, word for word, and the modem's memories are empty again,
- every text of ours ended in exactly one way, and truly so: sent ones were taken by the network
  once, refused ones never, unsure ones at most once,
- every call that was told ended once, and none stands,
- it never stood still: there is always a next deadline, and no turn of it without progress.
"""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from hw.modem.commands import Answer, Command, Dial, HangUp, Keep, SendDigits, SendSms, Slot
from hw.modem.conversation import Conversation
from hw.modem.events import (
    REGISTERED,
    CallEnded,
    Event,
    ReportCame,
    Ringing,
    SmsCame,
    SmsRefused,
    SmsSent,
    SmsUnreadable,
    SmsUnsure,
    StandChanged,
)
from hw.modem.pdu import Part
from hw.modem.simulated_network import Network
from hw.modem.simulator import Fault, Maker, SimulatedModem
from tests.hw.talk import Talk

FAULTS = [fault for fault in Fault if fault is not Fault.NONE]
MOST_STEPS = 60_000  # of one conversation; the busiest need a fifth
QUIET_S = 200.0  # what was asked for before is asked of the modem by then
PEACE_S = 700.0  # more than what a text is told again after
LONG = "A longer text, which goes in parts, for it has more letters than one message holds. " * 3


@dataclass(slots=True)
class Sums:
    """What was asked for and what became of it."""

    texts_in: Counter[str] = field(default_factory=Counter)
    texts_told: Counter[str] = field(default_factory=Counter)
    wishes: dict[str, str] = field(default_factory=dict)
    endings: Counter[str] = field(default_factory=Counter)
    how: dict[str, str] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)
    calls_ended: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)


class Storm:
    """One conversation, of one seed."""

    def __init__(self, seed: int, events: int = 10) -> None:
        self._random = random.Random(seed)
        self._events = events
        self._faults = self._random.choice([0.0, 0.02, 0.1, 0.3])
        self._in_pieces = self._random.random() < 0.3
        self._count = 0
        self._is_peace = False
        network = Network(room=self._random.choice([3, 8, 30]))
        modem = SimulatedModem(self._random.choice(list(Maker)), network, self._fault)
        self.talk = Talk(modem, Conversation(), self._cut)
        self.talk.hear = self._hear
        self.sums = Sums()

    def run(self) -> Sums:
        """Until the end; AssertionError says what was not so."""
        for _ in range(self._events):
            self._some_time(self._random.choice([0.0, 0.05, 1.0, 5.0, 30.0]))
            self._befall()
        self._make_peace()
        self._judge()
        return self.sums

    # ---- what befalls it ----

    def _fault(self, line: str) -> Fault:
        if self._random.random() >= self._faults:
            return Fault.NONE
        fault = self._random.choice(FAULTS)
        self.sums.faults[fault.name] += 1
        return fault

    def _cut(self, data: bytes) -> Iterator[bytes]:
        if not self._in_pieces or len(data) < 2:
            yield data
            return
        at = self._random.randrange(1, len(data))
        yield data[:at]
        yield data[at:]

    def _befall(self) -> None:
        network, now = self.talk.modem.network, self.talk.now
        match self._random.randrange(12):
            case 0 | 1 | 2:
                self._patient_writes()
            case 3 | 4:
                self._clinic_writes()
            case 5 | 6:
                network.ring(self._random.choice([None, "+15555550123"]))
            case 7:
                name = self._name("call")
                self.sums.calls.add(name)
                self.talk.order(Dial(name, "+15555550188"))
            case 8:
                self.talk.modem.far_rings()
                self.talk.modem.far_answers(now)
            case 9:
                self.talk.modem.far_hangs_up(now, self._random.choice(["NO CARRIER", "BUSY"]))
            case 10:
                self.talk.unplug()
                self._some_time(self._random.choice([0.0, 2.0, 60.0]))
                self.talk.replug()
            case _:
                self.talk.modem.reboot(now)
                self.sums.faults["PULLED"] += 1
        self.talk.poke()

    def _patient_writes(self) -> None:
        network, now = self.talk.modem.network, self.talk.now
        name = self._name("patient")
        if self._random.random() < 0.6:
            network.text("+15555550123", name, now)
            self.sums.texts_in[name] += 1
            return
        parts = [Part(self._count % 256, 2, number) for number in (1, 2)]
        self._random.shuffle(parts)
        for part in parts:
            network.text("+15555550123", f"{name}-{part.number}", now, part)
        self.sums.texts_in[f"{name}-1"] += 1
        self.sums.texts_in[f"{name}-2"] += 1

    def _clinic_writes(self) -> None:
        name = self._name("clinic")
        text = name if self._random.random() < 0.7 else f"{name} {LONG}"
        self.sums.wishes[name] = text
        self.talk.order(SendSms(name, "+15555550188", text))

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count:04}"

    def _some_time(self, seconds: float) -> None:
        before = self.talk.steps
        self.talk.for_seconds(seconds)
        assert self.talk.steps - before < MOST_STEPS, "it turns without end"

    # ---- what the asker does ----

    def _hear(self, event: Event) -> None:
        match event:
            case SmsCame(slots=slots, text=text):
                for piece in [name for name in self.sums.texts_in if name in text]:
                    self.sums.texts_told[piece] += 1
                self._keep(slots)
            case ReportCame(slots=slots) | SmsUnreadable(slots=slots):
                self._keep(slots)
            case SmsSent(sms=sms):
                self._ended(sms, "sent")
            case SmsRefused(sms=sms):
                self._ended(sms, f"refused after {event.sent_parts}")
            case SmsUnsure(sms=sms):
                self._ended(sms, "unsure")
            case Ringing(call=call):
                self.sums.calls.add(call)
                wishes: list[Command] = [Answer(call), HangUp(call), SendDigits(call, "1")]
                self.talk.order(self._random.choice(wishes))
            case CallEnded(call=call):
                self.sums.calls_ended[call] += 1
            case _:
                pass

    def _keep(self, slots: tuple[Slot, ...]) -> None:
        """Most of the time; else it is told again."""
        if self._is_peace or self._random.random() < 0.85:
            self.talk.order(Keep(slots))

    def _ended(self, sms: str, how: str) -> None:
        self.sums.endings[sms] += 1
        self.sums.how[sms] = how

    # ---- what must be true ----

    def _make_peace(self) -> None:
        """No fault befalls it any more, and everybody hangs up."""
        self._faults, self._is_peace = 0.0, True
        for seconds in (QUIET_S, PEACE_S):
            self.talk.modem.far_hangs_up(self.talk.now)
            self.talk.poke()
            self._some_time(seconds)

    def _judge(self) -> None:
        sums, network = self.sums, self.talk.modem.network
        stands = [event.stand for event in self.talk.told if isinstance(event, StandChanged)]
        assert stands[-1] in REGISTERED, f"it ends {stands[-1]}"
        assert network.undelivered == 0, "the network still has texts"
        assert not any(network.memories.values()), "texts lie in the modem that were kept"
        assert set(sums.texts_in) == set(sums.texts_told), "a text was never told"
        assert set(sums.endings) == set(sums.wishes), "a text of ours has no end"
        assert set(sums.endings.values()) <= {1}, "a text of ours ended twice"
        assert set(sums.calls_ended) == sums.calls, "a call has no end"
        assert set(sums.calls_ended.values()) <= {1}, "a call ended twice"
        for name, how in sums.how.items():
            self._judge_text(name, how)

    def _judge_text(self, name: str, how: str) -> None:
        taken = self.talk.modem.network.texts_taken
        first = [one for one in taken if one.text.startswith(name)]
        assert len(first) <= 1, f"{name} went out {len(first)} times"
        parts = [
            one for one in taken if first and one.part.count > 1 and _alike(one.part, first[0].part)
        ]
        parts = parts or first
        assert len({one.part.number for one in parts}) == len(parts), "a part went out twice"
        if how == "sent":
            assert "".join(one.text for one in parts) == self.sums.wishes[name]
        elif how != "unsure":
            assert len(parts) == int(how.removeprefix("refused after ")), f"{name} was {how}"


def _alike(one: Part, other: Part) -> bool:
    same = (one.reference, one.count) == (other.reference, other.count)
    return one is other or (same and one.count > 1)
