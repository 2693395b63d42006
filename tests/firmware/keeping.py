"""A box that has kept messages, requests and callers for a long time, for whoever destroys them."""

import asyncio
import atexit
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar
from uuid import uuid4

from sqlalchemy import Connection

from firmware import audit, holds, people, receipts, requests, vault
from firmware.copies import Copies
from firmware.erasure import Rule
from firmware.holds import Kind, Wish
from firmware.keys import KeyPair
from firmware.ledger import Arrived, Finished, Ledger, MessageKept, Moment, mark_heard
from firmware.machine import MachineKey
from firmware.passwords import Cost
from firmware.place import Place
from firmware.recordings import PartBegan, PartKept
from firmware.retention import Eraser, Passed, one_night
from firmware.store import open_reader
from firmware.vault import Label, Sealing
from ivr.asking import Answer
from ivr.commands import Outcome
from ivr.form import RequestKind
from ivr.plan import Retention

T = TypeVar("T")
CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=3_000)
RULES = Retention(messages_days=90, requests_days=2557, ledger_days=730, recordings_days=60)
HAND = Rule("deleted by hand", "maria")
NUMBER, NAME = "+12025550147", "Sean O'Brien"


PASSWORD = "seven quiet lamps"


@cache
def _set_up() -> Path:
    """A box that was set up and never used; each story has a copy of it."""
    home = Path(mkdtemp(prefix="careline-kept-"))
    atexit.register(shutil.rmtree, home)
    place = Place(home)
    public = KeyPair.fresh().public
    people.set_up(place.page_db, public, "maria", PASSWORD, ["nurse"], CHEAP)
    Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key)).close()
    return home


class Clinic:
    """A box whose exchange has just started."""

    def __init__(self, home: Path) -> None:
        shutil.copytree(_set_up(), home, dirs_exist_ok=True)
        self.place = Place(home)
        self.key = MachineKey.at(self.place.machine_key)
        self.ledger = Ledger(self.place.calls_db, self.place.ledger_log, self.key)
        self.copies = Copies(self.place.calls_db, self.ledger, lambda: True)
        self.eraser = Eraser(
            self.ledger.store, self.key, self.place.messages, self.copies.renew, rest_s=0
        )

    def call(self, at: datetime, outcome: Outcome = Outcome.MESSAGE) -> str:
        """Somebody called and hung up."""
        call, moment = str(uuid4()), Moment(at, 0)
        arrived = Arrived(call, "main", "100", NUMBER, NAME, moment)
        self.ledger.submit([arrived, Finished(call, outcome, moment)]).result()
        return call

    def message(self, at: datetime, *, is_heard: bool = True, call: str = "") -> str:
        """A message, left and perhaps heard on the same day."""
        call = call or self.call(at)
        label = Label(str(uuid4()), call, "nurse", int(at.timestamp() * 1000), urgent=False)
        sealing = Sealing(
            self.place.messages, label, people.recipients(self.place.page_db, "nurse")
        )
        sealing.add(memoryview(bytes(4_000)), last=True)
        sealing.finish()
        kept = MessageKept(label.message, call, "nurse", at, 0.25, False, False, Moment(at, 0))
        self.ledger.submit([kept]).result()
        if is_heard:
            self.write(lambda c: mark_heard(c, label.message, Moment(at, 0)))
        return label.message

    def recording(self, at: datetime) -> str:
        """A part of a talk that was recorded; nobody hears it."""
        call, message = self.call(at, Outcome.ANSWERED), str(uuid4())
        label = Label(message, call, "nurse", int(at.timestamp() * 1000), urgent=False)
        sealing = Sealing(
            self.place.messages, label, people.recipients(self.place.page_db, "nurse")
        )
        sealing.add(memoryview(bytes(4_000)), last=True)
        sealing.finish()
        moment = Moment(at, 0)
        kept = PartKept(message, call, "nurse", at, 0.25, cut_off=False, moment=moment)
        self.ledger.submit([PartBegan(message, call, "nurse", moment), kept]).result()
        return message

    def request(self, at: datetime, *, spoken: bool = True) -> tuple[str, str]:
        """A refill that somebody asked for, with a note of staff, done on the same day."""
        call, request = self.call(at), str(uuid4())
        message = self.message(at, call=call) if spoken else ""
        answers = [Answer("number", NUMBER)]
        answers += [Answer("medicine", "", message)] if spoken else []
        left = requests.Left(
            request, call, RequestKind.REFILL, at, "maria", answers, NAME, Moment(at, 0)
        )
        self.write(lambda c: requests.record(c, left, self.key))
        self.write(lambda c: requests.note(c, request, "maria", NAME, Moment(at, 0), self.key))
        done = requests.Outcome.DONE
        self.write(lambda c: requests.done(c, request, "maria", done, Moment(at, 0)))
        return request, message

    def write(self, work: Callable[[Connection], T]) -> T:
        return self.ledger.store.submit(work).result()

    def read(self, query: Callable[[Connection], T]) -> T:
        reader = open_reader(self.place.calls_db)
        with reader.connect() as connection:
            result = query(connection)
        reader.dispose()
        return result

    def night(self, rules: Retention = RULES) -> Passed:
        return asyncio.run(one_night(self.eraser, rules, NOW, rest_s=0))

    def hold(self, kind: Kind, target: str) -> holds.Hold:
        wish = Wish("maria", kind, target, "a lawyer's letter", {"nurse": ("maria",)})
        return self.write(lambda c: holds.place(c, wish, self.key, Moment(NOW, 0)))

    def path(self, message: str) -> Path:
        return vault.sealed_path(self.place.messages, message)

    def verdict(self) -> receipts.Verdict:
        public = audit.signer(self.key).public_key()
        return self.read(lambda c: receipts.verify(receipts.read(c), public, list(audit.read(c))))

    def raw(self) -> bytes:
        """Everything that lies in the database's files, its copy, and the log."""
        files = [*self.place.home.glob("calls.db*"), self.place.ledger_log]
        return b"".join(file.read_bytes() for file in sorted(files))
