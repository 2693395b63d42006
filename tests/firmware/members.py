"""A clinic of four at the command line: maria is everything, nina the nurse, remy at the desk,
and aud looks after the books."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from firmware import audit, ledger, people, sessions, vault
from firmware.cli.message_acts import app
from firmware.keys import KeyPair
from firmware.ledger import Arrived, Ledger, MessageKept, Moment
from firmware.machine import MachineKey
from firmware.passwords import Cost
from firmware.people import Role
from firmware.place import Place
from firmware.store import open_reader
from firmware.vault import Label, Sealing
from tests.firmware.voice import voice

CHEAP = Cost(passes=1, memory_kib=8, lanes=1)
PASSWORD = "four words in a row"
NUMBER = "+12025550143"


class Clinic:
    """Its directory, and what its people do."""

    def __init__(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        self.place = place
        monkeypatch.setenv("CARELINE_HOME", str(place.home))
        monkeypatch.setenv("COLUMNS", "200")

    def set_up(self) -> Clinic:
        boxes, db = ["nurse", "desk"], self.place.page_db
        self.paper = KeyPair.fresh()
        people.set_up(db, self.paper.public, "maria", PASSWORD, boxes, CHEAP)
        now = datetime.now(UTC)
        for name, role in (("nina", Role.NURSE), ("remy", Role.FRONT_DESK), ("aud", Role.AUDITOR)):
            people.accept(db, name, people.invite(db, name, role, now), PASSWORD, now, CHEAP)
        people.agree(db, {"nurse": ["maria", "nina"], "desk": ["maria", "remy"]})
        people.sign_in(db, "maria", PASSWORD)  # who grants what waits
        return self

    def leave(self, mailbox: str = "nurse") -> str:
        """Somebody calls and leaves a message."""
        label = Label(str(uuid4()), str(uuid4()), mailbox, 1_772_443_800_000, urgent=False)
        sealing = Sealing(
            self.place.messages, label, people.recipients(self.place.page_db, mailbox)
        )
        sealing.add(memoryview(voice(0.5).tobytes()), last=True)
        sealing.finish()
        started, moment = datetime.fromtimestamp(label.started_ms / 1000, UTC), Moment.now()
        key = MachineKey.at(self.place.machine_key)
        books = Ledger(self.place.calls_db, self.place.ledger_log, key)
        books.submit(
            [
                Arrived(label.call, "main", "2025550100", NUMBER, "A CALLER", moment),
                MessageKept(label.message, label.call, mailbox, started, 0.5, False, False, moment),
            ]
        ).result()
        books.close()
        return label.message

    def does(self, who: str, *words: str, typed: str = "") -> Result:
        """`careline messages ...` of somebody who gives the password."""
        return CliRunner().invoke(
            app,
            ["messages", *words, "--as", who, "--password-stdin"],
            input=f"{PASSWORD}\n{typed}\n",
        )

    def lists(self, who: str) -> list[dict[str, object]]:
        listed: list[dict[str, object]] = json.loads(self.does(who, "list", "--json").stdout)
        return listed

    def hears(self, who: str, message: str) -> bytes:
        """By the keys themselves."""
        ring = people.sign_in(self.place.page_db, who, PASSWORD)
        keys = [pair for pairs in ring.mailboxes.values() for pair in pairs]
        return vault.hear(vault.sealed_path(self.place.messages, message), *keys).audio

    def session(self, who: str) -> str:
        """Of somebody who is signed in."""
        now = datetime.now(UTC)
        return people.write(self.place.page_db, lambda c: sessions.begin(c, who, now))

    def lamp(self, mailbox: str) -> tuple[int, int]:
        reader = open_reader(self.place.calls_db)
        with reader.connect() as connection:
            return ledger.unheard(connection, mailbox)

    def audited(self) -> list[tuple[str, str, str]]:
        reader = open_reader(self.place.calls_db)
        with reader.connect() as connection:
            return [(each.who, each.act, each.about) for each in audit.read(connection)]

    def empty(self) -> Clinic:
        """With nothing left in it by the story before."""
        for left in (*self.place.messages.rglob("*"), *self.place.home.glob("calls.db*")):
            if left.is_file():
                left.unlink()
        self.place.ledger_log.unlink(missing_ok=True)
        return self
