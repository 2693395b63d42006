"""What lies behind a simulated modem: the network with its texts and the far telephone, the SIM,
and the memories that outlive a power cut. Pure; whoever tests looks here for what truly happened.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hw.modem.pdu import Deliver, Part, Report, Submit, encode_deliver, encode_report

BEGAN = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # the network's time at the simulation's second 0
ACTIVE, DIALLING, ALERTING, INCOMING, WAITING = 0, 2, 3, 4, 5  # TS 27.007, 7.18


@dataclass(frozen=True, slots=True)
class Stored:
    """One in a memory: its PDU and its length without the service centre."""

    pdu: bytes
    octets: int


@dataclass(slots=True)
class FarCall:
    """A call as the network has it."""

    index: int
    is_incoming: bool
    state: int
    number: str | None


@dataclass(slots=True)
class Network:
    """All that the modem does not hold itself."""

    room: int = 20  # messages in each memory
    pin: str | None = None
    has_sim: bool = True
    pin_tries: int = 3
    is_registered: bool = True
    rssi: int = 20
    reports: bool = True  # whether it says what became of a text
    status: int = 0  # that its reports have (TS 23.040, 9.2.3.15)
    texts_taken: list[Submit] = field(default_factory=list)
    calls: list[FarCall] = field(default_factory=list)
    digits_heard: str = ""  # by the far telephone
    dialled: list[str] = field(default_factory=list)
    memories: dict[str, dict[int, Stored]] = field(
        default_factory=lambda: {"ME": {}, "SM": {}, "SR": {}}
    )
    _on_the_way: deque[tuple[str, Stored]] = field(default_factory=deque)
    _reference: int = 0

    def text(self, number: str, text: str, now: float, part: Part | None = None) -> None:
        """Somebody writes to the clinic; part of a longer text where `part` says so."""
        at = BEGAN + timedelta(seconds=int(now))
        message = Deliver(number, at, text, part) if part else Deliver(number, at, text)
        self._on_the_way.append(("ME", Stored(*encode_deliver(message, at=at))))

    def take(self, submit: Submit, now: float) -> int:
        """The modem sends a text; its reference comes back."""
        self._reference = (self._reference + 1) % 256
        self.texts_taken.append(submit)
        if submit.wants_report and self.reports:
            report = Report(self._reference, submit.number, self.status, None)
            at = BEGAN + timedelta(seconds=int(now))
            self._on_the_way.append(("SR", Stored(*encode_report(report, at=at))))
        return self._reference

    def bring(self) -> tuple[str, int] | str | None:
        """The next message into its memory: where it lies now; the memory's name alone where it is
        full and the message stays with the network; None where nothing is on the way."""
        if not self._on_the_way or not self.is_registered:
            return None
        memory, stored = self._on_the_way[0]
        held = self.memories[memory]
        if len(held) >= self.room:
            return memory
        self._on_the_way.popleft()
        index = next(place for place in range(self.room) if place not in held)
        held[index] = stored
        return memory, index

    @property
    def undelivered(self) -> int:
        """How many messages the network still has for the modem."""
        return len(self._on_the_way)

    def ring(self, number: str | None) -> FarCall:
        """Somebody calls the clinic; behind another call it waits."""
        call = FarCall(self._free_index(), True, WAITING if self.calls else INCOMING, number)
        self.calls.append(call)
        return call

    def dial(self, number: str) -> bool:
        """The modem calls out, where no call stands."""
        if self.calls:
            return False
        self.dialled.append(number)
        self.calls.append(FarCall(self._free_index(), False, DIALLING, number))
        return True

    def end_all(self) -> None:
        """Every call is over."""
        self.calls.clear()

    def _free_index(self) -> int:
        taken = {call.index for call in self.calls}
        return next(index for index in range(1, 8) if index not in taken)
