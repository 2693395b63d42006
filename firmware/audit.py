"""The audit: who did what to whose words, in a chain that shows whatever was done to it afterwards.

Each entry's hash covers the entry and the hash before it, and is signed with a key of the box. So
an entry that was changed, taken out, put in or moved breaks the chain at its place, and `verify`
names the first that does not fit. An end cut off would leave a chain that fits: therefore each
entry's number and hash stand in the ledger too, and so in `ledger.log`, and an export says how many
they were.

Entries older than the clinic keeps them are cut off at the beginning, and an entry of the chain
itself vouches for it: `CUT` says with which entry the chain begins from then on, and after which
hash. A beginning for which no such entry stands is missing.

Whoever can read the machine key could sign a chain of their own: what protects against them is an
export that left the box before.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain as chained
from pathlib import Path

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Connection, column, select, table

from firmware import ledger, ledger_log
from firmware.ledger import Moment, Noted, add_step
from firmware.machine import MachineKey
from ivr.commands import NO_CALL

AUDITED = ledger.AUDITED  # the step beside each entry
THIS_BOX = "this box"  # who did it, where no person did
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
    MARKED = "marked a message"
    GAVE = "gave"
    CALLED_BACK = "called back the caller of"
    TEXTED = "texted the caller of"
    TOOK_BACK = "took back a text to the caller of"
    NOTED = "noted on"
    FORWARDED = "forwarded"
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
    CONFIRMED = "confirmed"
    RETURNED = "returned to"
    TEST_CALL = "placed a test call to"
    TRIED_DRAFT = "heard the draft by telephone at"
    CHANGED_PROMPT = "changed the prompt"
    BACKED_UP = "backed up to"
    RESTORED = "restored"
    DRILLED = "tried a restore of"
    CUT = "cut the audit before entry"
    HELD = "put on legal hold"
    RELEASED = "released the legal hold on"
    BROUGHT_PATIENTS = "brought the list of patients"
    FORGOT_PATIENTS = "forgot the list of patients"
    CHOSE_PIN = "chose the PIN of"
    GAVE_PASSWORD = "gave the password of"  # noqa: S105 - a sentence
    PHONE_ON = "switched on listening by telephone to"
    PHONE_OFF = "switched off listening by telephone to"
    MADE_TOKEN = "made the token for programs, number"  # noqa: S105 - a sentence
    ENDED_TOKEN = "took away the token for programs, number"  # noqa: S105
    MADE_LINK = "made a link that sets up the telephone"
    SET_UP_PHONE = "fetched what sets up the telephone"
    SHOWN_PASSWORD = "was shown the password of the telephone"  # noqa: S105 - a sentence
    SWITCHED = "opened or closed"
    SAT_DOWN = "took the telephone in the browser"
    OPENED_DOOR = "opened the door"
    BY_ROOT = "did what needs root's rights"
    VOUCHED = "made the authority that vouches for the page"
    ASKED = "asked for"
    USED_KEY = "used the box's own key for"
    FOUND_BROKEN = "found the audit broken"
    STOPPED_PHONE = "stopped the calls outside of the telephone"
    ALLOWED_PHONE = "let call outside again the telephone"
    HEARD_STOP = "sends no texts, since STOP came from their number, to"
    ALLOWED_TEXTS = "lets texts go again to"
    BROUGHT_UPDATE = "brought the update"
    POSTPONED_UPDATE = "put off the update"
    DROPPED_UPDATE = "dropped the update"
    EMERGENCY = "emergency call"
    LET_WATCH = "let watch by SSH the key of"
    UNLET_WATCH = "no longer lets watch by SSH the key of"


def told_from_outside(act: Act) -> Act:
    """For whoever takes an entry in from another program."""
    if act is Act.CUT:
        raise ValueError("only the exchange itself cuts the audit")
    return act


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
    walk = iter(chain)
    first = next(walk, None)
    if first is None:
        return _ended(0, 0, end, {""})
    before, number, marks = BEGINNING, first.id - 1, {""}
    may_begin = first.id == 1
    for count, entry in enumerate(chained((first,), walk)):
        number += 1
        may_begin = may_begin or _vouches(entry, first)
        wrong = _wrong(entry, number, before, public, is_cut=entry is first and first.id > 1)
        if wrong:
            if not (may_begin or any(_vouches(each, first) for each in walk)):
                break
            return Verdict(count, wrong, number)
        before = entry.hash
        marks.add(_mark(number, before))
    if not may_begin:
        return Verdict(0, f"the entries before {first.id} are missing", 1)
    return _ended(number - first.id + 1, number, end, marks)


def _wrong(
    entry: Entry, number: int, before: bytes, public: Ed25519PublicKey, *, is_cut: bool
) -> str:
    """What is wrong with the next entry; what was cut off before it, another entry vouches for."""
    if entry.id != number:
        return f"entry {number} is missing"
    if not is_cut and entry.hash != entry.hashed_after(before):
        return f"entry {number} was changed or put in"
    try:
        public.verify(entry.signature, entry.hash)
    except InvalidSignature:
        return f"entry {number} was not signed by this box"
    return ""


def _ended(count: int, number: int, end: str, marks: Collection[str]) -> Verdict:
    """All of it fits, if it ends where it must."""
    if end in marks:
        return Verdict(count)
    told = f"the end is cut off: {end.split()[0]} entries were made"
    return Verdict(count, told, number + 1)


def cut(
    connection: Connection, first: int, who: str, moment: Moment, key: MachineKey
) -> list[Entry]:
    """The chain begins with this entry from now on, and says so; what was before it, is gone."""
    gone = [entry for entry in read(connection) if entry.id < first]
    about = f"{first} after {gone[-1].hash.hex()}"
    for noted in Audited(who, Act.CUT, about, moment).record(connection, key):
        add_step(connection, noted.call, noted.step, noted.detail, noted.moment)
    connection.execute(entries.delete().where(entries.c.id < first))
    return gone


def _vouches(entry: Entry, begins: Entry) -> bool:
    """Whether this entry says that the chain was cut just there."""
    first, _, before = entry.about.partition(" after ")
    if entry.act != Act.CUT or first != str(begins.id):
        return False
    try:
        return begins.hash == begins.hashed_after(bytes.fromhex(before))
    except ValueError:
        return False


def newest_mark(log: Path) -> str:
    """The mark of the newest entry that `ledger.log` knows of; empty if it knows of none."""
    newest = ""
    for line in ledger_log.lines(log):
        for change in line.changes:
            if change.table == "steps" and change.row.get("step") == AUDITED:
                newest = str(change.row["detail"])
    return newest


def since(connection: Connection, number: int) -> list[Entry]:
    """Entries with higher numbers, the oldest first."""
    asked = select(entries).where(entries.c.id > number).order_by(entries.c.id)
    return [
        Entry(row.id, row.at, row.who, row.act, row.about, row.hash, row.signature)
        for row in connection.execute(asked)
    ]


def is_entered(connection: Connection, entry: Audited) -> bool:
    """Whether one of the same time and words stands there."""
    same = {"at": entry.moment.text, "who": entry.who, "act": entry.act, "about": entry.about}
    asked = select(entries.c.id).where(*(entries.c[name] == told for name, told in same.items()))
    return connection.scalar(asked.limit(1)) is not None


def newest(connection: Connection) -> int:
    """The newest entry's number; 0 if there is none."""
    return connection.scalar(select(sa.func.max(entries.c.id))) or 0


HEAD = "careline audit"


def head(key: str, count: int) -> str:
    """The first line of an export: whose it is, and how many follow."""
    return json.dumps({"file": HEAD, "key": key, "entries": count})


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
