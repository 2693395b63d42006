"""People and the keys they hold: who may open which mailbox, by cryptography and not by permission.

A person's key pair is born when they first choose a password, and its seed lies sealed under that
password by argon2id. A mailbox has a key pair too; its seed is wrapped to each member's public key,
and to the clinic's recovery key. So nothing in page.db opens anything without a password or paper.
"""

import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, column, select, table

from firmware.keys import KeyPair, PublicKey
from firmware.store import Store, open_reader
from ivr.canary import SELFTEST

PASSWORD_LEAST, NAME_MOST = 8, 64
SALT_BYTES, NONCE_BYTES, SECRET_BYTES = 16, 12, 32

clinic = table(
    "clinic",
    column("one", sa.Integer),
    column("recovery_key", sa.LargeBinary),
    column("made", sa.Text),
)
people = table(
    "people",
    column("person", sa.Text),
    column("public_key", sa.LargeBinary),
    column("sealed_seed", sa.LargeBinary),
    column("salt", sa.LargeBinary),
    column("passes", sa.Integer),
    column("memory_kib", sa.Integer),
    column("lanes", sa.Integer),
    column("made", sa.Text),
)
mailboxes = table(
    "mailboxes",
    column("mailbox", sa.Text),
    column("public_key", sa.LargeBinary),
    column("for_recovery", sa.LargeBinary),
    column("made", sa.Text),
)
grants = table(
    "grants",
    column("mailbox", sa.Text),
    column("person", sa.Text),
    column("wrapped_seed", sa.LargeBinary),
    column("made", sa.Text),
)


class PeopleError(Exception):
    """Nobody is let in, or set-up is not done; the message says what to do."""


class NoMailboxKeyError(PeopleError):
    """Messages for this mailbox cannot be sealed yet."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What trying one password costs; kept with each person, so that it can rise later."""

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


# RFC 9106's second recommendation: 64 MiB, which a Pi has to spare and a thief's chip has not.
COST = Cost()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What a person who gave their password can open, for as long as it is held."""

    person: str
    mailboxes: Mapping[str, KeyPair] = field(repr=False)


def set_up(
    page_db: Path,
    recovery: PublicKey,
    person: str,
    password: str,
    mailbox_names: Sequence[str],
    cost: Cost = COST,
) -> None:
    """The clinic's first person, who is a member of every mailbox, and of the self-test line's.
    Only ever once."""
    refuse_if_set_up(page_db)
    check_name(person)
    check_password(password)
    store = Store(page_db, "page")
    try:
        store.submit(
            lambda connection: _set_up(
                connection, recovery, person, password, (*mailbox_names, SELFTEST), cost
            )
        ).result()
    finally:
        store.close()


def refuse_if_set_up(page_db: Path) -> None:
    """Raise if this clinic has its recovery paper already."""
    if is_set_up(page_db):
        raise PeopleError(
            "this clinic is already set up, and its recovery paper was shown then; for mailboxes"
            " added to clinic.toml since, run `careline setup --add-mailboxes`"
        )


def is_set_up(page_db: Path) -> bool:
    """Whether the clinic has its recovery key and first person."""
    if not page_db.exists():
        return False
    return bool(_read(page_db, select(sa.func.count()).select_from(clinic))[0][0])


def add_mailboxes(page_db: Path, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """Give each mailbox without keys a pair, open to its members who exist; which ones were new.

    No secret is needed for it: a fresh seed is wrapped to public keys. With no member among the
    people yet, the first person gets it, so that no message is ever sealed for nobody.
    """
    if not is_set_up(page_db):
        raise PeopleError("this clinic is not set up yet: run `careline setup` first")
    store = Store(page_db, "page")
    try:
        return store.submit(lambda connection: _add_mailboxes(connection, wanted)).result()
    finally:
        store.close()


def recipients(page_db: Path, mailbox: str) -> list[PublicKey]:
    """Whom a message for this mailbox is sealed to: its members, and the recovery paper."""
    of_mailbox = select(mailboxes.c.public_key).where(mailboxes.c.mailbox == mailbox)
    rows = _read(page_db, of_mailbox)
    if not rows:
        raise NoMailboxKeyError(
            f"mailbox {mailbox!r} has no key: run `careline setup --add-mailboxes`"
        )
    recovery = _read(page_db, select(clinic.c.recovery_key))
    return [PublicKey(row[0]) for row in (*rows, *recovery)]


def without_keys(page_db: Path, names: Iterable[str]) -> list[str]:
    """Mailboxes that no message can be sealed for, all of them before set-up."""
    if not page_db.exists():
        return list(names)
    existing = {row[0] for row in _read(page_db, select(mailboxes.c.mailbox))}
    return [name for name in names if name not in existing]


def names(page_db: Path) -> list[str]:
    """Everybody, the first person first."""
    if not page_db.exists():
        return []
    return [row[0] for row in _read(page_db, select(people.c.person).order_by(people.c.made))]


def sign_in(page_db: Path, person: str, password: str) -> KeyRing:
    """The keys of all mailboxes this person may open."""
    if not is_set_up(page_db):
        raise PeopleError("this clinic is not set up yet: run `careline setup` first")
    pair = _unlock(page_db, person, password)
    granted = select(grants.c.mailbox, grants.c.wrapped_seed).where(grants.c.person == person)
    opened = {
        mailbox: KeyPair(pair.unwrap(wrapped, _grant(mailbox, person)))
        for mailbox, wrapped in _read(page_db, granted.order_by(grants.c.mailbox))
    }
    return KeyRing(person, opened)


def recover(page_db: Path, paper: KeyPair) -> KeyRing:
    """The keys of all mailboxes, by the recovery paper."""
    recovery = _read(page_db, select(clinic.c.recovery_key))
    if not recovery or recovery[0][0] != paper.public.raw:
        raise PeopleError("this is another clinic's recovery paper, or a slip went unnoticed in it")
    wrapped = _read(page_db, select(mailboxes.c.mailbox, mailboxes.c.for_recovery))
    opened = {name: KeyPair(paper.unwrap(seed, _grant(name, ""))) for name, seed in wrapped}
    return KeyRing("recovery paper", opened)


def check_name(person: str) -> None:
    """Refuse what could not be typed or shown again."""
    if not person.strip() or person != person.strip() or not person.isprintable():
        raise PeopleError(f"{person!r} is no name: give letters, without spaces at either end")
    if len(person) > NAME_MOST:
        raise PeopleError(f"the name has {len(person)} characters and may have {NAME_MOST}")


def check_password(password: str) -> None:
    """Refuse what is guessed at once; nothing is asked of its letters."""
    if len(password) < PASSWORD_LEAST:
        raise PeopleError(
            f"the password has {len(password)} characters: choose at least {PASSWORD_LEAST};"
            " four words in a row are good and easily kept in mind"
        )


def _set_up(
    connection: Connection,
    recovery: PublicKey,
    person: str,
    password: str,
    mailbox_names: Sequence[str],
    cost: Cost,
) -> None:
    connection.execute(clinic.insert().values(one=1, recovery_key=recovery.raw, made=_now()))
    public = _add_person(connection, person, password, cost)
    for mailbox in mailbox_names:
        _add_mailbox(connection, mailbox, recovery, {person: public})


def _add_person(connection: Connection, person: str, password: str, cost: Cost) -> PublicKey:
    pair, salt, nonce = KeyPair.fresh(), os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES)
    secret = _stretched(password, salt, cost)
    connection.execute(
        people.insert().values(
            person=person,
            public_key=pair.public.raw,
            sealed_seed=nonce + AESGCM(secret).encrypt(nonce, pair.seed, _of_person(person)),
            salt=salt,
            passes=cost.passes,
            memory_kib=cost.memory_kib,
            lanes=cost.lanes,
            made=_now(),
        )
    )
    return pair.public


def _add_mailbox(
    connection: Connection, mailbox: str, recovery: PublicKey, members: Mapping[str, PublicKey]
) -> None:
    pair = KeyPair.fresh()
    connection.execute(
        mailboxes.insert().values(
            mailbox=mailbox,
            public_key=pair.public.raw,
            for_recovery=recovery.wrap(pair.seed, _grant(mailbox, "")),
            made=_now(),
        )
    )
    for person, public in members.items():
        wrapped = public.wrap(pair.seed, _grant(mailbox, person))
        connection.execute(
            grants.insert().values(
                mailbox=mailbox, person=person, wrapped_seed=wrapped, made=_now()
            )
        )


def _add_mailboxes(connection: Connection, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    recovery = PublicKey(connection.execute(select(clinic.c.recovery_key)).scalar_one())
    rows = connection.execute(select(people.c.person, people.c.public_key).order_by(people.c.made))
    everybody = {person: PublicKey(raw) for person, raw in rows}
    first = next(iter(everybody))
    existing = set(connection.scalars(select(mailboxes.c.mailbox)))
    new = [mailbox for mailbox in wanted if mailbox not in existing]
    for mailbox in new:
        members = [person for person in wanted[mailbox] if person in everybody] or [first]
        _add_mailbox(connection, mailbox, recovery, {name: everybody[name] for name in members})
    return new


def _unlock(page_db: Path, person: str, password: str) -> KeyPair:
    rows = _read(
        page_db,
        select(
            people.c.salt,
            people.c.passes,
            people.c.memory_kib,
            people.c.lanes,
            people.c.sealed_seed,
        ).where(people.c.person == person),
    )
    if not rows:
        _stretched(
            password, bytes(SALT_BYTES), COST
        )  # a stranger's name takes as long as a known one
        raise _refused()
    salt, passes, memory_kib, lanes, sealed = rows[0]
    secret = _stretched(password, salt, Cost(passes, memory_kib, lanes))
    nonce, body = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return KeyPair(AESGCM(secret).decrypt(nonce, body, _of_person(person)))
    except InvalidTag:
        raise _refused() from None


def _stretched(password: str, salt: bytes, cost: Cost) -> bytes:
    # The same password typed on another keyboard may come in other code points.
    typed = unicodedata.normalize("NFKC", password).encode()
    return hash_secret_raw(
        typed, salt, cost.passes, cost.memory_kib, cost.lanes, SECRET_BYTES, Type.ID
    )


def _refused() -> PeopleError:
    return PeopleError(
        "name and password do not belong together: type both again; a forgotten password is"
        " replaced by another member or by the recovery paper"
    )


def _of_person(person: str) -> bytes:
    return b"careline person " + person.encode()


def _grant(mailbox: str, person: str) -> bytes:
    """What a wrapped mailbox seed is for; nobody's name is empty but the recovery paper's."""
    return b"careline grant " + mailbox.encode() + b"\0" + person.encode()


def _read(page_db: Path, asked: sa.Select[Any]) -> Sequence[Any]:
    reader = open_reader(page_db)
    try:
        with reader.connect() as connection:
            return connection.execute(asked).all()
    finally:
        reader.dispose()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
