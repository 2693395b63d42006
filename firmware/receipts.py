"""Receipts: what was destroyed, when, by which rule, and the hash of what had lain there, sealed.

A receipt is begun in the commit that decides the destruction, and signed with the audit's key when
nothing is left of it; so a power cut leaves a decision that the next start carries out, and never
a receipt of something that is still there. They are numbered without a gap, and the audit has an
entry with the number of each, so that none can be taken out unseen.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, column, func, select, table

from firmware import audit
from firmware.audit import Act, Audited
from firmware.ledger import Moment, add_step
from firmware.machine import MachineKey

PURPOSE = b"careline receipt"

receipts = table(
    "receipts",
    column("id", sa.Integer),
    *(column(name, sa.Text) for name in ("kind", "what", "rule", "by", "decided", "digest")),
    column("size", sa.Integer),
    column("destroyed", sa.Text),
    column("signature", sa.LargeBinary),
)


class Kind(StrEnum):
    """What can be destroyed."""

    MESSAGE = "message"  # `what` is its id
    REQUEST = "request"  # what was keyed, who it is, notes; `what` is its id
    AUDIT = "audit"  # `what` says before which entry
    CALLERS = "callers"  # numbers and names of calls; `what` says how many and of when


@dataclass(frozen=True, slots=True)
class Receipt:
    """One, as it is found: nothing of it is believed yet. Without `destroyed` it is not done."""

    id: int
    kind: str
    what: str
    rule: str
    by: str
    decided: str
    digest: str
    size: int
    destroyed: str | None
    signature: bytes | None

    @property
    def signed(self) -> bytes:
        """What the signature is of."""
        told = [
            *(self.id, self.kind, self.what, self.rule, self.by, self.decided),
            *(self.digest, self.size, self.destroyed),
        ]
        written = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        return hashlib.sha256(PURPOSE + written).digest()


@dataclass(frozen=True, slots=True)
class Subject:
    """What is about to be destroyed; `digest` is of what lies there sealed, empty if nothing."""

    kind: Kind
    what: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of looking through them."""

    receipts: int
    unfinished: int
    wrong: str = ""  # in words; empty if all of it fits


def begin(
    connection: Connection, subject: Subject, rule: str, by: str, moment: Moment, key: MachineKey
) -> int:
    """It is decided; the same commit enters it in the audit."""
    number = (connection.scalar(select(func.max(receipts.c.id))) or 0) + 1
    connection.execute(
        receipts.insert().values(
            id=number,
            kind=subject.kind.value,
            what=subject.what,
            rule=rule,
            by=by,
            decided=moment.text,
            digest=subject.digest,
            size=subject.size,
        )
    )
    about = f"{subject.kind} {subject.what}, receipt {number}"
    for noted in Audited(by, Act.DELETED, about, moment).record(connection, key):
        add_step(connection, noted.call, noted.step, noted.detail, noted.moment)
    return number


def finish(connection: Connection, number: int, moment: Moment, key: MachineKey) -> None:
    """Nothing is left of it."""
    (begun,) = read(connection, number - 1, 1)
    if begun.destroyed is not None:
        return
    done = Receipt(
        *(begun.id, begun.kind, begun.what, begun.rule, begun.by, begun.decided),
        *(begun.digest, begun.size, moment.text, None),
    )
    connection.execute(
        receipts.update()
        .where(receipts.c.id == number)
        .values(destroyed=moment.text, signature=audit.signer(key).sign(done.signed))
    )


def read(connection: Connection, after: int = 0, most: int = -1) -> list[Receipt]:
    """Those with higher numbers, the oldest first."""
    asked = select(receipts).where(receipts.c.id > after).order_by(receipts.c.id).limit(most)
    return [Receipt(*row) for row in connection.execute(asked)]


def unfinished(connection: Connection) -> list[Receipt]:
    """Decided, and not carried out to the end."""
    asked = select(receipts).where(receipts.c.destroyed.is_(None)).order_by(receipts.c.id)
    return [Receipt(*row) for row in connection.execute(asked)]


def verify(
    found: Iterable[Receipt], public: Ed25519PublicKey, entries: Iterable[audit.Entry]
) -> Verdict:
    """Whether each receipt is as it was signed, none is missing, and each one that the audit tells
    of is there."""
    number, open_ = 0, 0
    for receipt in found:
        number += 1
        if receipt.id != number:
            return Verdict(number - 1, open_, f"receipt {number} is missing")
        if receipt.signature is None:
            open_ += 1
            continue
        try:
            public.verify(receipt.signature, receipt.signed)
        except InvalidSignature:
            return Verdict(number - 1, open_, f"receipt {number} was changed or is not this box's")
    told = max((_number_in(entry) for entry in entries if entry.act == Act.DELETED), default=0)
    if told > number:
        return Verdict(number, open_, f"receipts {number + 1} to {told} are missing")
    return Verdict(number, open_)


def as_line(receipt: Receipt) -> str:
    """One, for programs and people."""
    told = {name: getattr(receipt, name) for name in Receipt.__slots__}
    signature = receipt.signature.hex() if receipt.signature else None
    return json.dumps({**told, "signature": signature}, ensure_ascii=False)


def _number_in(entry: audit.Entry) -> int:
    _, found, number = entry.about.rpartition("receipt ")
    return int(number) if found and number.isdecimal() else 0
