"""The audit: who did what to whose words, in a chain that shows whatever was done to it afterwards.

Each entry's hash covers the entry and the hash before it, and is signed with a key of the box. So
an entry that was changed, taken out, put in or moved breaks the chain at its place, and `verify`
names the first that does not fit. An end cut off would leave a chain that fits: therefore each
entry's number and hash stand in the ledger too, and so in `ledger.log`, and an export says how many
they were.

Whoever can read the machine key could sign a chain of their own: what protects against them is an
export that left the box before.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, column, select, table

from firmware.ledger import Moment, Noted
from firmware.machine import MachineKey
from ivr.commands import NO_CALL

AUDITED = "audited"  # the ledger's step beside each entry
WHO_MOST, ABOUT_MOST = 64, 200
BEGINNING = bytes(32)

entries = table(
    "audit",
    column("id", sa.Integer),
    column("at", sa.Text),
    column("who", sa.Text),
    column("act", sa.Text),
    column("about", sa.Text),
    column("hash", sa.LargeBinary),
    column("signature", sa.LargeBinary),
)


class Act(StrEnum):
    """What can be done that a clinic must be able to account for."""

    SIGNED_IN = "signed in"
    REFUSED = "was refused"
    LISTENED = "listened to"
    EXPORTED = "exported"
    DELETED = "deleted"
    READ = "read"
    INVITED = "invited"
    CHOSE_PASSWORD = "chose a password"  # noqa: S105 - a sentence
    REMOVED = "removed"
    RENEWED = "renewed the key of"
    USED_PAPER = "used the recovery paper"
    NEW_PAPER = "made a new recovery paper"
    FACTOR_ON = "switched on the second factor"
    FACTOR_OFF = "switched off the second factor"
    NEW_CODES = "made new recovery codes"
    SIGNED_OUT = "signed out"
    ENVELOPE = "made an envelope"
    BROKE_GLASS = "opened the envelope"
    SET_UP = "set up the clinic"
    AGREED = "changed the members of mailboxes"
    PUBLISHED = "published"
    BACKED_UP = "backed up to"
    RESTORED = "restored"
    DRILLED = "tried a restore of"
    EMERGENCY = "emergency call"


@dataclass(frozen=True, slots=True)
class Audited:
    """Something to be entered. `about` is an id or a name out of the site file, never a caller's
    number, name or word."""

    who: str
    act: Act
    about: str
    moment: Moment

    def record(self, connection: Connection, key: MachineKey) -> Sequence[Noted]:
        """Append it to the chain, and to the ledger."""
        last = connection.execute(_newest()).one_or_none()
        number, before = (1, BEGINNING) if last is None else (last.id + 1, last.hash)
        who, about = self.who[:WHO_MOST], self.about[:ABOUT_MOST]
        entry = Entry(number, self.moment.text, who, self.act, about, b"", b"")
        hashed = entry.hashed_after(before)
        connection.execute(
            entries.insert().values(
                id=number,
                at=entry.at,
                who=who,
                act=self.act,
                about=about,
                hash=hashed,
                signature=signer(key).sign(hashed),
            )
        )
        return [Noted(NO_CALL, AUDITED, _mark(number, hashed), self.moment)]


@dataclass(frozen=True, slots=True)
class Entry:
    """One link of the chain, as it is found: nothing of it is believed yet."""

    id: int
    at: str
    who: str
    act: str
    about: str
    hash: bytes
    signature: bytes

    def hashed_after(self, before: bytes) -> bytes:
        """What its hash must be."""
        told = [self.id, self.at, self.who, self.act, self.about]
        written = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        return hashlib.sha256(before + written).digest()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of looking through a chain."""

    entries: int
    wrong: str = ""  # in words; empty if all of it fits
    first_bad: int | None = None  # the number of the first entry that does not fit


def signer(key: MachineKey) -> Ed25519PrivateKey:
    """The box's own, for audits alone."""
    return Ed25519PrivateKey.from_private_bytes(key.for_audit())


def read(connection: Connection) -> Iterator[Entry]:
    """All of the chain, the oldest first."""
    for row in connection.execute(select(entries).order_by(entries.c.id)):
        yield Entry(row.id, row.at, row.who, row.act, row.about, row.hash, row.signature)


def verify(chain: Iterable[Entry], public: Ed25519PublicKey, end: str = "") -> Verdict:
    """Whether every entry is as it was entered, and the last one stands where `end` says: what the
    ledger, or an earlier export, has as the newest entry's mark."""
    before, number, marks = BEGINNING, 0, {""}
    for entry in chain:
        number += 1
        if entry.id != number:
            return Verdict(number - 1, f"entry {number} is missing", number)
        if entry.hash != entry.hashed_after(before):
            return Verdict(number - 1, f"entry {number} was changed or put in", number)
        try:
            public.verify(entry.signature, entry.hash)
        except InvalidSignature:
            return Verdict(number - 1, f"entry {number} was not signed by this box", number)
        before = entry.hash
        marks.add(_mark(number, before))
    if end not in marks:
        return Verdict(
            number, f"the end is cut off: {end.split()[0]} entries were made", number + 1
        )
    return Verdict(number)


def newest_mark(lines: Iterable[str]) -> str:
    """The mark of the newest entry that `ledger.log` knows of; empty if it knows of none."""
    newest = ""
    for line in lines:
        if f'"{AUDITED}"' in line:
            told: Mapping[str, Any] = json.loads(line)
            newest = str(told["detail"]) if told.get("step") == AUDITED else newest
    return newest


def as_line(entry: Entry) -> str:
    """An entry for an export, which programs and people can read."""
    told = {
        "id": entry.id,
        "at": entry.at,
        "who": entry.who,
        "act": entry.act,
        "about": entry.about,
        "hash": entry.hash.hex(),
        "signature": entry.signature.hex(),
    }
    return json.dumps(told, ensure_ascii=False)


def from_line(line: str) -> Entry:
    """What `as_line` wrote. ValueError: this is no entry."""
    try:
        told = json.loads(line)
        return Entry(
            int(told["id"]),
            str(told["at"]),
            str(told["who"]),
            str(told["act"]),
            str(told["about"]),
            bytes.fromhex(told["hash"]),
            bytes.fromhex(told["signature"]),
        )
    except (KeyError, TypeError, ValueError) as wrong:
        raise ValueError(f"not an entry of an audit: {line[:60]!r}") from wrong


def _mark(number: int, hashed: bytes) -> str:
    return f"{number} {hashed.hex()}"


def _newest() -> sa.Select[tuple[int, bytes]]:
    return select(entries.c.id, entries.c.hash).order_by(entries.c.id.desc()).limit(1)
