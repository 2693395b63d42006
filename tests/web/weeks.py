"""Calls of the past in a clinic's ledger, for screens that tell of them; no exchange runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from firmware.ledger import Arrived, Finished, Ledger, Moment, Noted, Row
from firmware.machine import MachineKey
from firmware.place import Place
from ivr.commands import Outcome

NEW_YORK = ZoneInfo("America/New_York")
NUMBER, NAME = "+15555550142", "Dolores Ünderhill"


class Past:
    """Somebody calls, asks for the desk and waits, on a day and at a time of the clinic's clock."""

    def __init__(self, ledger: Ledger, queue: str) -> None:
        self._ledger, self._queue = ledger, queue
        self._calls = 0
        self._rows: list[Row] = []

    def call(
        self,
        day: date,
        at: time,
        wait_s: float = 10,
        outcome: Outcome = Outcome.ANSWERED,
        *,
        talk_s: float = 100,
        mark: int | None = None,
        number: str = NUMBER,
        agent: str = "101",
    ) -> None:
        self._calls += 1
        call = f"call-{self._calls}"
        came = datetime.combine(day, at, NEW_YORK).astimezone(UTC)
        began_ms = self._calls * 10_000_000

        def after(seconds: float) -> Moment:
            return Moment(came + timedelta(seconds=seconds), began_ms + round(seconds * 1000))

        self._rows += [
            Arrived(call, "main", "2025550100", number, NAME, after(0)),
            Noted(call, "queue", f"main/{self._queue}", after(0)),
            Noted(call, "waits", self._queue, after(0)),
            Noted(call, "offer", agent, after(wait_s)),
        ]
        if outcome is Outcome.ANSWERED:
            self._rows.append(Noted(call, "accepted", agent, after(wait_s)))
            self._rows.append(Noted(call, "joined", "", after(wait_s)))
        if mark is not None:
            self._rows.append(Noted(call, "rated", str(mark), after(wait_s + talk_s)))
        self._rows.append(Finished(call, outcome, after(wait_s + talk_s)))

    def written(self) -> None:
        self._ledger.submit(self._rows).result(60)
        self._rows = []


@contextmanager
def past(place: Place, queue: str = "desk") -> Iterator[Past]:
    """All that was told of it is in the ledger afterwards."""
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey(b"k" * 32))
    try:
        told = Past(ledger, queue)
        yield told
        told.written()
    finally:
        ledger.close()
