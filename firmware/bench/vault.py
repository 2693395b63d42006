"""What sealing costs: thirty recordings at once, a three-minute message until it can be played, and
the line of `ledger.log` beside each commit; each beside the same without ours.
"""

import os
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firmware import spare_key
from firmware.audit import Act, Audited
from firmware.bench.beside import Aim, Compared, Report, Runs, Shown, in_turn, seconds_of
from firmware.bench.promised import AT_ONCE, SECOND, Spoke, Spoken
from firmware.keys import KeyPair
from firmware.ledger import Ledger, Moment
from firmware.ledger_log import LedgerLog
from firmware.machine import MachineKey
from firmware.recorder import Kept, Recorder, Told
from firmware.store import Store
from firmware.vault import SAMPLE_BYTES, SAMPLE_RATE, Label, Sealing

ROUNDS = 3
SPOKEN_S = 30  # a short message; few callers say less
ENDS_WITHIN_S = 60.0
LONG_S = 180
ROWS = 100
PERCENT_OF_A_CORE = 1.0
PLAYS_WITHIN_MS = 200.0
OWNER = KeyPair(b"o" * 32)
MACHINE = MachineKey(b"m" * 32)
INSERT = "INSERT INTO steps (call, at, mono_ms, step, detail) VALUES (?, ?, ?, ?, ?)"
ROW = ("a-call", "2026-01-01T00:00:00+00:00", 0, "bench", "{}")


def measure(rounds: int = ROUNDS, shown: Shown = lambda done, of: None) -> Report:
    """On the disk that holds temporary files."""
    with tempfile.TemporaryDirectory(prefix="careline-") as name, ExitStack() as stack:
        home = Path(name)
        opening, books = Opening.of(home / "opening", stack), _Books.of(home, stack)
        runs, noise = in_turn(
            {
                "sealing": lambda: sealing_percent(home),
                "plain sealing": lambda: plain_percent(home),
                "beginning": lambda: beginning_ms(home),
                "opening": opening.ours_ms,
                "plain opening": opening.plain_ms,
                "with a log": books.with_a_log_ms,
                "without": books.without_ms,
            },
            rounds,
            shown,
        )
    return Report(
        _figures(runs),
        noise,
        (
            f"sealing: {AT_ONCE} recordings at the pace of speech, by the processor's clock, their"
            " ends, syncs and all; plain: AES-GCM and a write for the same seconds",
            "opening: the entry in the audit made durable, then the whole message opened by the"
            " key that the box has for a telephone; plain: AES-GCM alone",
        ),
    )


def _figures(runs: dict[str, Runs]) -> tuple[Compared, ...]:
    return (
        Compared(
            f"sealing {AT_ONCE} recordings at once",
            "% of a core",
            runs["sealing"],
            {"plain AES-GCM": runs["plain sealing"]},
            Aim(PERCENT_OF_A_CORE),
        ),
        Compared("and one recording's beginning", "ms of a core", runs["beginning"], {}),
        Compared(
            f"a message of {LONG_S // 60} minutes, until it can be played",
            "ms",
            runs["opening"],
            {"plain AES-GCM": runs["plain opening"]},
            Aim(PLAYS_WITHIN_MS),
        ),
        Compared(
            "a commit with its line in ledger.log",
            "ms",
            runs["with a log"],
            {"without the log": runs["without"]},
        ),
    )


# ---- sealing ----


def sealing_percent(home: Path) -> float:
    """Of a core, from their second second to their last: all that the recorder does."""
    kept = threading.Semaphore(0)

    def tell(told: Told) -> None:
        if not isinstance(told, Kept):
            raise TypeError(f"a message was lost: {told}")
        kept.release()

    with tempfile.TemporaryDirectory(dir=home) as messages:
        spoke = Spoke()
        recorder = Recorder[Spoken](spoke, Path(messages), lambda _: [OWNER.public], tell)
        calls = [str(uuid4()) for _ in range(AT_ONCE)]
        for call in calls:
            recorder.expect(call, "nurses", urgent=False)
        _speak(spoke, calls, 0, 1)
        began, began_here = time.process_time(), time.thread_time()
        _speak(spoke, calls, 1, SPOKEN_S)
        for _ in calls:
            kept.acquire(timeout=ENDS_WITHIN_S)
        spent = time.process_time() - began - (time.thread_time() - began_here)
        recorder.close()
    return 100 * spent / (SPOKEN_S - 1)


def _speak(spoke: Spoke, calls: list[str], start: int, end: int) -> None:
    """Everybody's second ends at a moment of its own."""
    began = time.monotonic()
    for second in range(start, end):
        for place, call in enumerate(calls):
            due = began + second - start + place / len(calls)
            time.sleep(max(0.0, due - time.monotonic()))
            is_last = second == SPOKEN_S - 1
            spoke.lend(Spoken(call, second, is_last, SAMPLE_RATE))


def beginning_ms(home: Path) -> float:
    """Of a processor, until a recording's first second can be sealed."""
    with tempfile.TemporaryDirectory(dir=home) as messages:
        began = time.process_time()
        for _ in range(AT_ONCE):
            label = Label(str(uuid4()), str(uuid4()), "nurses", 0, False)
            Sealing(Path(messages), label, [OWNER.public]).close()
        return 1000 * (time.process_time() - began) / AT_ONCE


def plain_percent(home: Path) -> float:
    """The same seconds, enciphered and written and no more, as fast as can be."""
    sealed = AESGCM(os.urandom(32))
    with tempfile.TemporaryDirectory(dir=home) as messages, ExitStack() as stack:
        files = [
            stack.enter_context((Path(messages) / str(place)).open("wb", buffering=0))
            for place in range(AT_ONCE)
        ]
        began = time.process_time()
        for second in range(SPOKEN_S):
            for file in files:
                file.write(sealed.encrypt(second.to_bytes(12), SECOND, None))
        return 100 * (time.process_time() - began) / SPOKEN_S


# ---- opening ----


@dataclass(frozen=True, slots=True)
class Opening:
    """A long message, sealed as the recorder does it, and the same seconds under a plain key."""

    messages: Path
    message: str
    books: Ledger
    plain: AESGCM
    seconds: list[bytes]

    @classmethod
    def of(cls, home: Path, stack: ExitStack) -> "Opening":
        messages, message = home / "messages", str(uuid4())
        messages.mkdir(parents=True)

        def spare(named: str, key: bytes) -> None:
            spare_key.keep(messages, named, key, MACHINE, spare_key.BY_PHONE)

        sealing = Sealing(
            messages, Label(message, str(uuid4()), "nurses", 0, False), [OWNER.public], spare
        )
        for second in range(LONG_S):
            sealing.add(memoryview(SECOND), last=second == LONG_S - 1)
        sealing.finish()
        books = Ledger(home / "calls.db", home / "ledger.log", MACHINE)
        stack.callback(books.close)
        plain = AESGCM(os.urandom(32))
        seconds = [plain.encrypt(n.to_bytes(12), SECOND, None) for n in range(LONG_S)]
        return cls(messages, message, books, plain, seconds)

    def ours_ms(self) -> float:
        """As at a desk phone: who hears it stands in the audit first."""

        def open_it() -> None:
            entry = Audited("maria", Act.LISTENED, self.message, Moment.now())
            self.books.submit([entry]).result()
            heard = spare_key.hear(self.messages, self.message, MACHINE, spare_key.BY_PHONE)
            samples = np.frombuffer(heard.audio, "<i2").astype(np.int16)
            if samples.size != LONG_S * len(SECOND) // SAMPLE_BYTES:
                raise ValueError("not all of it was opened")

        return seconds_of(open_it) * 1000

    def plain_ms(self) -> float:
        def open_it() -> None:
            for number, second in enumerate(self.seconds):
                self.plain.decrypt(number.to_bytes(12), second, None)

        return seconds_of(open_it) * 1000


# ---- the log ----


@dataclass(frozen=True, slots=True)
class _Books:
    """The same database, with a log and without."""

    logged: Store
    bare: Store

    @classmethod
    def of(cls, home: Path, stack: ExitStack) -> "_Books":
        log = LedgerLog(home / "ledger.log")
        stack.callback(log.close)
        logged = Store(home / "logged.db", "calls", log=log)
        stack.callback(logged.close)
        bare = Store(home / "bare.db", "calls")
        stack.callback(bare.close)
        return cls(logged, bare)

    def with_a_log_ms(self) -> float:
        return _row_ms(self.logged)

    def without_ms(self) -> float:
        return _row_ms(self.bare)


def _row_ms(store: Store) -> float:
    def one_by_one() -> None:
        for _ in range(ROWS):
            store.submit(_insert).result()

    return seconds_of(one_by_one) * 1000 / ROWS


def _insert(connection: sa.Connection) -> None:
    connection.exec_driver_sql(INSERT, ROW)
