"""Calls that a clinic has had, written as its exchange writes them."""

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from firmware import people, recordings
from firmware.ledger import Arrived, Finished, Ledger, Moment, Noted, Row
from firmware.machine import MachineKey
from firmware.place import Place
from firmware.recordings import PartBegan, PartEnded
from firmware.vault import Found, Label, Sealing
from ivr.commands import Outcome
from tests.firmware.voice import voice

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
NUMBER, NAME = "+12025550143", "A CALLER"


@dataclass(slots=True)
class Past:
    """Its ledger, open for writing."""

    place: Place
    ledger: Ledger
    count: int = 0

    def write(self, rows: Sequence[Row]) -> None:
        self.ledger.submit(rows).result()

    def call(
        self,
        at: datetime | None = None,
        *,
        number: str = NUMBER,
        name: str = NAME,
        phone: str = "",
        outcome: Outcome | None = Outcome.ANSWERED,
    ) -> str:
        """One call, a minute after the one before unless it is said when; its id."""
        self.count += 1
        call, came = str(UUID(int=self.count)), at or BEGAN + timedelta(minutes=self.count)
        moment = Moment(came, 0)
        rows: list[Row] = [Arrived(call, "main", "2025550100", number, name, moment)]
        rows.append(Noted(call, "menu", "menu", moment))
        if phone:
            rows.append(Noted(call, "accepted", phone, Moment(came + timedelta(seconds=9), 9_000)))
        if outcome is not None:
            rows.append(Finished(call, outcome, Moment(came + timedelta(seconds=75), 75_000)))
        self.write(rows)
        return call

    def recorded(self, call: str, mailbox: str, seconds: float = 2.0) -> bytes:
        """The talk was recorded for this mailbox; what was said."""
        message = str(UUID(int=self.count + 1_000_000))
        began = Moment(BEGAN, 0)
        self.write([PartBegan(message, call, mailbox, began)])
        label = Label(message, call, mailbox, round(BEGAN.timestamp() * 1000), urgent=False)
        self.place.messages.mkdir(parents=True, exist_ok=True)
        keys = people.recipients_of(self.place.page_db, [mailbox])
        sealing = Sealing(self.place.messages, label, keys)
        said = array("h", voice(seconds)).tobytes()
        for start in range(0, len(said), 16_000):
            is_last = start + 16_000 >= len(said)
            sealing.add(memoryview(said[start : start + 16_000]), last=is_last)
        sealing.finish()
        ended = Moment(BEGAN + timedelta(seconds=seconds), round(seconds * 1000))
        found = recordings.found(Found(label, seconds, cut_off=False), began)
        self.write([found, PartEnded(message, "the talk is over", ended)])
        return said


@contextmanager
def past_of(place: Place) -> Iterator[Past]:
    """Until it is closed nobody else writes there."""
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))
    try:
        yield Past(place, ledger)
    finally:
        ledger.close()
