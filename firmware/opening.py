"""A sealed message opened by somebody who holds its key, in their own process: the command line and
the page come here alike.

What is opened stands in the audit before anything of it is: `enter` returns once the entry is
durable, and raises where it cannot be. Nothing that was opened is written to any file.
"""

import io
import wave
from base64 import b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from firmware import listening, message_acts, people, spare_key, vault
from firmware.audit import Act
from firmware.keys import KeyPair
from firmware.ledger import Message, messages_in
from firmware.machine import MachineKey
from firmware.message_acts import MessageActRequest
from firmware.people import KeyRing
from firmware.place import Place
from firmware.spare_key import BY_PHONE
from firmware.store import open_reader
from firmware.vault import Heard

Enter = Callable[[Act, str], None]


@dataclass(frozen=True, slots=True)
class Said:
    """A note, opened."""

    at: str
    by: str
    words: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opening:
    """Somebody before a message in one of their mailboxes."""

    place: Place
    ring: KeyRing
    message: Message
    enter: Enter

    def hear(self, act: Act = Act.LISTENED) -> Heard:
        """All of it, in memory."""
        self.enter(act, self.message.message)
        return vault.hear(self._path, *self._keys)

    def notes(self) -> list[Said]:
        """What was written about it, the oldest first."""
        self.enter(Act.READ, f"notes on {self.message.message}")
        opened = vault.notes_of(self._path, *self._keys)
        reader = open_reader(self.place.calls_db)
        try:
            with reader.connect() as connection:
                written = message_acts.notes_on(connection, self.message.message)
        finally:
            reader.dispose()
        return [Said(each.at, each.by, opened.read(each.sealed, each.note)) for each in written]

    def number(self) -> str:
        """The caller's; empty if none was shown."""
        self.enter(Act.READ, f"number of {self.message.message}")
        key, reader = MachineKey.at(self.place.machine_key), open_reader(self.place.calls_db)
        try:
            with reader.connect() as connection:
                return message_acts.number_of(connection, self.message.call, key)
        finally:
            reader.dispose()

    def note(self, words: str) -> MessageActRequest:
        """What they write about it, sealed: to be asked of the exchange."""
        name = str(uuid4())
        sealed = vault.notes_of(self._path, *self._keys).seal(words, name)
        return self.wish(act="note", note=name, sealed=b64encode(sealed).decode())

    def forward(self, to: str, do: Callable[[MessageActRequest], object]) -> None:
        """Another mailbox has it too, and opens it. The file first: after a crash nobody is shown a
        message that they cannot open. FileNotFoundError: it is not there any more."""
        with vault.alone(self.place.messages):
            recipients = people.recipients_of(self.place.page_db, sorted({*self._lies_in(), to}))
            self.enter(Act.FORWARDED, f"{self.message.message} to {to}")
            vault.readdress(self._path, self._keys, recipients)
            do(self.wish(act="forward", to=to))
            if to in people.read(self.place.page_db, listening.mailboxes):
                self.let_the_box_open()

    def take_out(
        self, mine: Collection[str], do: Callable[[MessageActRequest], object]
    ) -> list[str]:
        """Out of these mailboxes of theirs: from now on it is sealed to the others alone, which are
        given back. None: nothing was done, and it can only be deleted. FileNotFoundError: it is not
        there any more."""
        with vault.alone(self.place.messages):
            there = self._lies_in()
            stays = sorted(there - set(mine))
            if not stays:
                return []
            recipients = people.recipients_of(self.place.page_db, stays)
            for mailbox in sorted(there & set(mine)):
                do(self.wish(act="take out", mailbox=mailbox))
            vault.readdress(self._path, self._keys, recipients)
            return stays

    def let_the_box_open(self) -> None:
        """Its own key to this message; one that was there may be a destroyed one's mark."""
        key = vault.own_key(self._path, *self._keys)
        spare_key.destroy(self.place.messages, self.message.message, BY_PHONE)
        machine = MachineKey.at(self.place.machine_key)
        spare_key.keep(self.place.messages, self.message.message, key, machine, BY_PHONE)

    def wish(self, **act: str) -> MessageActRequest:
        """Something to be done about it, by whoever stands before it."""
        at = {"message": self.message.message, "mailbox": self.message.mailbox}
        return MessageActRequest.model_validate(at | {"who": self.ring.person} | act)

    def _lies_in(self) -> set[str]:
        """All its mailboxes, this one among them still."""
        there = lies_in(self.place, self.message.message)
        if self.message.mailbox not in there:
            raise FileNotFoundError("this mailbox holds no such message any more")
        return there

    @property
    def _path(self) -> Path:
        return vault.sealed_path(self.place.messages, self.message.message)

    @property
    def _keys(self) -> tuple[KeyPair, ...]:
        return self.ring.mailboxes[self.message.mailbox]


def held_by(place: Place, mailboxes: Collection[str]) -> list[Message]:
    """What lies in these, the oldest first."""
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return messages_in(connection, mailboxes)
    finally:
        reader.dispose()


def lies_in(place: Place, message: str) -> set[str]:
    """All its mailboxes."""
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return message_acts.mailboxes_of(connection, message)
    finally:
        reader.dispose()


def wav(audio: bytes) -> bytes:
    """A whole file of this sound."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(vault.SAMPLE_BYTES)
        file.setframerate(vault.SAMPLE_RATE)
        file.writeframes(audio)
    return written.getvalue()
