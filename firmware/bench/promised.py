"""How long callers wait until they can be promised that their message is kept, as a program:
milliseconds of each message, as JSON, from the last of it to the row that the promise waits for.

    python -m firmware.bench.promised HOME MESSAGES recorded
    python -m firmware.bench.promised HOME MESSAGES opened
    python -m firmware.bench.promised HOME MESSAGES by-hand

Recorded: thirty callers speak at once, each at a pace of its own; who has ended makes room for the
next. The recorder and the ledger are the product's own and do what they do in the exchange.
Opened: the same, and each message is urgent and its mailbox listened to at a telephone, so that the
box keeps two keys of its own to it. By hand: one message after the other, nobody else, each by the
least that the promise needs: a file, its name, a row of plain sqlite3. It is a program of its own
so that its disk can be slowed from outside (firmware/bench/promise.py).
"""

import heapq
import json
import os
import random
import sqlite3
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import UUID

from firmware import spare_key
from firmware.durable import sync_directory
from firmware.keys import KeyPair
from firmware.ledger import Arrived, Finished, Ledger, MessageKept, Moment
from firmware.machine import MachineKey
from firmware.recorder import Kept, Recorder, Told
from firmware.vault import SAMPLE_BYTES, SAMPLE_RATE
from ivr.commands import Outcome

AT_ONCE = 30
SECONDS = (3.0, 15.0)  # a message's least and most
SEED = 1
LOUD = b"\x00\x10\x00\xf0"  # two samples that are no silence
SECOND = LOUD * (SAMPLE_RATE * SAMPLE_BYTES // len(LOUD))


@dataclass(frozen=True, slots=True)
class Spoken:
    """A second of somebody's, or what was left of it."""

    uuid: str
    number: int
    last: bool
    samples: int

    @property
    def audio(self) -> memoryview:
        return memoryview(SECOND)


class Spoke:
    """Lends what was spoken, as the engine does."""

    def __init__(self) -> None:
        self.chunk_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._waiting: deque[Spoken] = deque()

    def lend(self, spoken: Spoken) -> None:
        self._waiting.append(spoken)
        if spoken.number == 0 or spoken.last:
            os.eventfd_write(self.chunk_fd, 1)

    def chunks(self) -> list[Spoken]:
        with suppress(BlockingIOError):
            os.eventfd_read(self.chunk_fd)
        return [self._waiting.popleft() for _ in range(len(self._waiting))]

    def give_back(self, chunk: Spoken) -> None:
        """It was never the engine's."""


class Callers:
    """Who speaks now, and how long each waited for the promise."""

    def __init__(self, home: Path, messages: int, *, opened: bool) -> None:
        owner, machine = KeyPair(b"o" * 32).public, MachineKey(b"m" * 32)
        self._wanted, self._is_opened = messages, opened
        self._ledger = Ledger(home / "calls.db", home / "ledger.log", machine)
        self._spoke = Spoke()
        files = home / "messages"

        def by_phone(_mailbox: str, message: str, key: bytes) -> None:
            if opened:
                spare_key.keep(files, message, key, machine, spare_key.BY_PHONE)

        self._recorder = Recorder[Spoken](
            self._spoke,
            files,
            lambda _mailbox: [owner],
            self._told,
            lambda message, key: spare_key.keep(files, message, key, machine),
            by_phone,
        )
        self._ended: dict[str, float] = {}
        self._waits: list[float] = []
        self._is_enough = threading.Event()

    def waited_ms(self) -> list[float]:
        """Of as many messages as were asked for."""
        for due, spoken in paced(random.Random(SEED)):  # noqa: S311 - no secret
            time.sleep(max(0.0, due - time.monotonic()))
            if self._is_enough.is_set():
                break
            if spoken.number == 0:
                self._arrives(spoken.uuid)
            if spoken.last:
                self._ended[spoken.uuid] = time.monotonic()
            self._spoke.lend(spoken)
        self._recorder.close()
        self._ledger.close()
        return self._waits[: self._wanted]

    def _arrives(self, call: str) -> None:
        number = "+15555550142"
        self._ledger.submit([Arrived(call, "main", "5555550100", number, "", Moment.now())])
        urgent = self._is_opened
        self._recorder.expect(call, "nurses", urgent=urgent, is_played_back=urgent)

    def _told(self, told: Told) -> None:
        """In the recorder's thread."""
        if not isinstance(told, Kept):
            raise TypeError(f"a message was lost: {told}")
        label = told.label
        row = MessageKept(
            message=label.message,
            call=label.call,
            mailbox=label.mailbox,
            started=datetime.fromtimestamp(label.started_ms / 1000, UTC),
            seconds=told.seconds,
            urgent=label.urgent,
            cut_off=False,
            moment=Moment.now(),
        )
        written = self._ledger.submit([row])
        written.add_done_callback(lambda _: self._promised(label.call))

    def _promised(self, call: str) -> None:
        """In the ledger's."""
        self._waits.append((time.monotonic() - self._ended.pop(call)) * 1000)
        self._ledger.submit([Finished(call, Outcome.MESSAGE, Moment.now())])
        if len(self._waits) >= self._wanted:
            self._is_enough.set()


def paced(chance: random.Random) -> Iterator[tuple[float, Spoken]]:
    """When each second has been spoken, for ever, of as many at once as may be."""
    began, names = time.monotonic(), count()
    coming: list[tuple[float, int, str, int, float]] = []

    def next_caller(at: float) -> None:
        call, length = UUID(int=chance.getrandbits(128), version=4), chance.uniform(*SECONDS)
        heapq.heappush(coming, (at + 1, next(names), str(call), 0, length))

    for _ in range(AT_ONCE):
        next_caller(began + chance.uniform(0, 1))
    while True:
        at, order, call, number, left = heapq.heappop(coming)
        is_last = left <= 1
        yield at, Spoken(call, number, is_last, round(min(left, 1.0) * SAMPLE_RATE))
        if is_last:
            next_caller(at)
        else:
            due = at + min(left - 1, 1.0)
            heapq.heappush(coming, (due, order, call, number + 1, left - 1))


def by_hand_ms(home: Path, messages: int) -> list[float]:
    """What nobody can do without."""
    waits = []
    with closing(sqlite3.connect(home / "plain.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute("CREATE TABLE messages (message TEXT)")
        for number in range(messages):
            began = time.monotonic()
            part = home / "messages" / f"{number}.part"
            with part.open("wb", buffering=0) as file:
                file.write(SECOND)
                os.fdatasync(file.fileno())
            part.rename(part.with_suffix(".whole"))
            sync_directory(part.parent)
            database.execute("INSERT INTO messages VALUES (?)", (str(number),))
            waits.append((time.monotonic() - began) * 1000)
    return waits


def main(home: Path, messages: int, how: str) -> None:
    (home / "messages").mkdir()
    match how:
        case "by-hand":
            waits = by_hand_ms(home, messages)
        case "recorded" | "opened":
            waits = Callers(home, messages, opened=how == "opened").waited_ms()
        case _:
            raise SystemExit(__doc__)
    print(json.dumps(waits))  # noqa: T201 - its one answer


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
