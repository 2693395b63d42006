"""People and the keys they hold: who may open which mailbox, by cryptography and not by permission.

A person is invited with a code that serves once, chooses a password with it, and only then has a
key pair, whose seed lies sealed under that password. So nobody but they ever holds it, and nothing
in page.db opens anything without a password or the recovery paper. A forgotten password is a new
invitation: a new key pair, and each mailbox granted anew by somebody who can open it.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, column, select, table

from firmware import (
    codes,
    failures,
    listening,
    mailbox_keys,
    passwords,
    second_factor,
    sessions,
    tokens,
)
from firmware import envelope as sealed_envelope
from firmware.envelope import Envelope
from firmware.keys import KeyPair, PublicKey
from firmware.mailbox_keys import Everybody, Generation
from firmware.operations import Role as Role
from firmware.passwords import COST, Cost, SealedSeed, WrongPasswordError
from firmware.store import LockedError, Store, open_reader
from ivr.canary import SELFTEST

T = TypeVar("T")

NAME_MOST = 64
INVITATION = "invitation"
INVITED_FOR = timedelta(days=7)
PATIENCE_S = 5.0  # for whoever writes page.db now


# They look after the box and the records, and never hear or read a patient.
NO_MAILBOX = frozenset({Role.TECHNICIAN, Role.AUDITOR})

clinic = table(
    "clinic",
    column("one", sa.Integer),
    column("recovery_key", sa.LargeBinary),
    column("made", sa.Text),
)
people = table(
    "people",
    column("person", sa.Text),
    column("role", sa.Text),
    column("public_key", sa.LargeBinary),
    column("sealed_seed", sa.LargeBinary),
    column("salt", sa.LargeBinary),
    column("passes", sa.Integer),
    column("memory_kib", sa.Integer),
    column("lanes", sa.Integer),
    column("made", sa.Text),
)
invitations = table(
    "invitations",
    column("person", sa.Text),
    column("role", sa.Text),
    column("code", sa.LargeBinary),  # its hash
    column("until", sa.Text),
)


class PeopleError(Exception):
    """Nobody is let in, or set-up is not done; the message says what to do."""


class NoMailboxKeyError(PeopleError):
    """Messages for this mailbox cannot be sealed yet."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """What a person who gave their password can open, for as long as it is held."""

    person: str
    role: Role | None
    opened: tuple[Generation, ...] = field(repr=False)
    own: KeyPair | None = field(default=None, repr=False)  # theirs, where they signed in by it

    @property
    def mailboxes(self) -> dict[str, tuple[KeyPair, ...]]:
        """Of each mailbox its key pairs, the newest first."""
        newest_first = sorted(self.opened, key=lambda each: (each.mailbox, -each.number))
        return {
            mailbox: tuple(each.pair for each in pairs)
            for mailbox, pairs in groupby(newest_first, key=lambda each: each.mailbox)
        }


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the clinic, as a list of people shows them."""

    name: str
    role: Role
    mailboxes: tuple[str, ...]  # that they can open
    waits_for: tuple[str, ...]  # that are theirs as soon as somebody who can open them signs in
    invited_until: datetime | None = None  # no password yet, and until when one can be chosen


# ---- the clinic ----


def set_up(
    page_db: Path,
    recovery: PublicKey,
    person: str,
    password: str,
    mailbox_names: Sequence[str],
    cost: Cost = COST,
) -> None:
    """The clinic's first person, its admin, who is a member of every mailbox, and of the self-test
    line's. Only ever once."""
    refuse_if_set_up(page_db)
    check_name(person)
    passwords.check(password)
    wanted = {name: [person] for name in (*mailbox_names, SELFTEST)}

    def work(connection: Connection) -> None:
        made = clinic.insert().values(one=1, recovery_key=recovery.raw, made=_text(_now()))
        connection.execute(made)
        _add(connection, person, Role.ADMIN, password, cost)
        mailbox_keys.agree(connection, wanted, _everybody(connection), recovery)

    write(page_db, work)


def refuse_if_set_up(page_db: Path) -> None:
    """Raise if this clinic has its recovery paper already."""
    if is_set_up(page_db):
        raise PeopleError(
            "this clinic is already set up, and its recovery paper was shown then; for mailboxes"
            " added to clinic.toml since, run `careline people agree`"
        )


def is_set_up(page_db: Path) -> bool:
    """Whether the clinic has its recovery key and first person."""
    if not page_db.exists():
        return False

    def is_there(connection: Connection) -> bool:
        if not sa.inspect(connection).has_table(clinic.name):
            return False  # the power went while it was made
        return bool(connection.scalar(select(sa.func.count()).select_from(clinic)))

    return read(page_db, is_there)


def recovery_key(page_db: Path) -> PublicKey:
    """What the recovery paper opens."""
    refuse_unless_set_up(page_db)
    return read(page_db, _recovery)


def paper_made(page_db: Path) -> datetime:
    """Since when the recovery paper is the clinic's."""
    refuse_unless_set_up(page_db)
    return datetime.fromisoformat(
        read(page_db, lambda c: c.execute(select(clinic.c.made)).scalar_one())
    )


def not_opened_by(page_db: Path, person: str) -> list[str]:
    """Mailboxes that this person cannot open: who lacks one makes no envelope and no paper."""
    return read(
        page_db,
        lambda c: sorted(mailbox_keys.existing(c) - mailbox_keys.held_by(c, person)),
    )


def agree(page_db: Path, wanted: Mapping[str, Sequence[str]]) -> list[str]:
    """Let each mailbox have these members; which mailboxes are new.

    No secret is needed for a new mailbox, nor to leave somebody out; who comes in later waits for
    somebody who can open it. Nobody who looks after the box alone can be a member.
    """
    refuse_unless_set_up(page_db)

    def work(connection: Connection) -> list[str]:
        roles = _roles(connection)
        for mailbox, named in wanted.items():
            for person in named:
                if roles.get(person) in NO_MAILBOX:
                    raise PeopleError(
                        f"{person} is {roles[person]} and hears no patient: take the name out of"
                        f" the members of {mailbox!r}, or give {person} another role"
                    )
        had = mailbox_keys.existing(connection)
        mailbox_keys.agree(connection, wanted, _everybody(connection), _recovery(connection))
        return [mailbox for mailbox in wanted if mailbox not in had]

    return write(page_db, work)


def recipients(page_db: Path, mailbox: str) -> list[PublicKey]:
    """Whom a message for this mailbox is sealed to: its members, and the recovery paper."""

    return recipients_of(page_db, [mailbox])


def recipients_of(page_db: Path, mailboxes: Iterable[str]) -> list[PublicKey]:
    """The same of a message that lies in several."""

    def of_all(connection: Connection) -> list[PublicKey]:
        newest = {mailbox: mailbox_keys.newest(connection, mailbox) for mailbox in mailboxes}
        for mailbox in [mailbox for mailbox, key in newest.items() if key is None]:
            raise NoMailboxKeyError(f"mailbox {mailbox!r} has no key: run `careline people agree`")
        return [*(key for key in newest.values() if key is not None), _recovery(connection)]

    return read(page_db, of_all)


def members_of(page_db: Path, mailbox: str) -> set[str]:
    """Who can open what is left in this mailbox now."""
    return read(page_db, lambda connection: mailbox_keys.holders(connection, mailbox))


def mailboxes_of(page_db: Path, person: str) -> frozenset[str]:
    """In which of them this person can open what is left now."""
    return read(page_db, lambda connection: frozenset(mailbox_keys.held_by(connection, person)))


def without_keys(page_db: Path, names: Iterable[str]) -> list[str]:
    """Mailboxes that no message can be sealed for, all of them before set-up."""
    if not page_db.exists():
        return list(names)
    existing = read(page_db, mailbox_keys.existing)
    return [name for name in names if name not in existing]


# ---- people ----


@dataclass(frozen=True, slots=True)
class KeyInventory:
    """Every key pair of the clinic by its id, and nothing that opens one."""

    recovery: str
    recovery_made: str
    mailboxes: tuple[mailbox_keys.KeyPublicly, ...]
    people: Mapping[str, tuple[str, str]]  # name -> id, and when it was born


def key_inventory(page_db: Path) -> KeyInventory:
    """All of it, at one moment."""

    def told(connection: Connection) -> KeyInventory:
        row = connection.execute(select(clinic)).one()
        asked = select(people.c.person, people.c.public_key, people.c.made)
        return KeyInventory(
            PublicKey(row.recovery_key).id.hex(),
            row.made,
            tuple(mailbox_keys.inventory(connection)),
            {
                person: (PublicKey(raw).id.hex(), made)
                for person, raw, made in connection.execute(asked.order_by(people.c.made))
            },
        )

    refuse_unless_set_up(page_db)
    return read(page_db, told)


def names(page_db: Path) -> list[str]:
    """Everybody who has a password, the first person first."""
    if not page_db.exists():
        return []
    return [*read(page_db, _everybody)]


def role_of(page_db: Path, person: str) -> Role | None:
    """What somebody does at the clinic; None of who has no password here."""
    return read(page_db, _roles).get(person)


def role_in(connection: Connection, person: str) -> Role | None:
    """The same, amid other questions."""
    return _roles(connection).get(person)


def opens_one_of(page_db: Path, person: str, mailboxes: Iterable[str]) -> bool:
    """Whether this person can open what is left now in one of these mailboxes at least."""
    return any(person in members_of(page_db, mailbox) for mailbox in mailboxes)


def everybody(page_db: Path) -> list[Person]:
    """People and those who are invited, in the order in which they came."""
    refuse_unless_set_up(page_db)
    return read(page_db, _listed)


def invite(page_db: Path, person: str, role: Role, now: datetime) -> str:
    """Let somebody choose a password; the code that lets them is never shown again. Somebody who
    forgot theirs is invited anew: then what their old one opened is closed to them until granted
    again."""
    check_name(person)
    refuse_unless_set_up(page_db)
    code = codes.fresh()

    def work(connection: Connection) -> None:
        if role in NO_MAILBOX and person in mailbox_keys.all_members(connection):
            raise PeopleError(
                f"{person} is a member of a mailbox, and who is {role} hears no patient: take the"
                " name out of its members first"
            )
        if _roles(connection).get(person) is Role.ADMIN and role is not Role.ADMIN:
            _refuse_the_last_admin(connection, person)
        _forget(connection, person)
        connection.execute(
            invitations.insert().values(
                person=person,
                role=role,
                code=codes.hashed(code, INVITATION),
                until=_text(now + INVITED_FOR),
            )
        )

    write(page_db, work)
    return code


def check_invitation(page_db: Path, person: str, code: str, now: datetime) -> None:
    """Raise unless this code lets this person choose a password."""
    refuse_unless_set_up(page_db)
    read(page_db, lambda connection: _invited_as(connection, person, code, now))


def accept(
    page_db: Path, person: str, code: str, password: str, now: datetime, cost: Cost = COST
) -> None:
    """Somebody invited chooses a password: now their key pair is born. The code has served."""
    refuse_unless_set_up(page_db)
    passwords.check(password)

    def work(connection: Connection) -> None:
        role = _invited_as(connection, person, code, now)
        connection.execute(invitations.delete().where(invitations.c.person == person))
        _add(connection, person, role, password, cost)
        failures.forgive(connection, person)

    write(page_db, work)


def known_as(page_db: Path, typed: str) -> str:
    """Whose name this is, in large letters or small; where two differ in these alone, as typed."""
    names = {each.name for each in everybody(page_db)}
    alike = [name for name in names if name.casefold() == typed.casefold()]
    return alike[0] if typed not in names and len(alike) == 1 else typed


def sign_in(
    page_db: Path,
    person: str,
    password: str,
    check: Callable[[KeyPair], None] = lambda pair: None,
) -> KeyRing:
    """The keys of all mailboxes this person may open. Whoever waits for one of these mailboxes has
    it from now on. `check` may still refuse, before anything is opened: people come in through
    firmware/gate.py, which gives one."""
    refuse_unless_set_up(page_db)
    pair, role = _unlock(page_db, person, password)
    check(pair)
    opened = read(page_db, lambda c: mailbox_keys.opened_by(c, person, pair))
    _grant_what_waits(page_db, opened)
    return KeyRing(person, role, tuple(opened), pair)


def change_password(page_db: Path, ring: KeyRing, password: str, cost: Cost = COST) -> None:
    """Another password for the same key pair: it opens what the old one opened, and whoever is
    signed in by the old one is signed out."""
    passwords.check(password)
    if ring.own is None:
        raise PeopleError("only who signed in by a password can change it")
    sealed = _sealed(ring.own, ring.person, password, cost)

    def work(connection: Connection) -> None:
        mine = people.c.person == ring.person
        connection.execute(sa.update(people).where(mine).values(sealed))
        sessions.end_all(connection, ring.person)

    write(page_db, work)


def recover(page_db: Path, paper: KeyPair) -> KeyRing:
    """The keys of all mailboxes, by the recovery paper; and everybody who waits for one has it."""
    if not is_set_up(page_db) or read(page_db, _recovery) != paper.public:
        raise PeopleError("this is another clinic's recovery paper, or a slip went unnoticed in it")
    opened = read(page_db, lambda c: mailbox_keys.opened_by_paper(c, paper))
    _grant_what_waits(page_db, opened)
    return KeyRing("recovery paper", Role.ADMIN, tuple(opened))


def remove(page_db: Path, person: str) -> list[str]:
    """Somebody has left the clinic: each mailbox they could open has a new key at once, and old
    messages stay open to those who remain. Which mailboxes these are."""

    def work(connection: Connection) -> list[str]:
        roles = _roles(connection)
        if person not in roles and not _is_invited(connection, person):
            raise PeopleError(f"nobody here is called {person!r}: see `careline people`")
        if roles.get(person) is Role.ADMIN:
            _refuse_the_last_admin(connection, person)
        rest = {name: key for name, key in _everybody(connection).items() if name != person}
        theirs = mailbox_keys.leave(connection, person, rest, _recovery(connection))
        _forget(connection, person)
        return theirs

    return write(page_db, work)


def renew(page_db: Path, mailbox: str) -> None:
    """A new key for a mailbox, open to the same people; its old messages stay as they are."""

    def work(connection: Connection) -> None:
        if mailbox not in mailbox_keys.existing(connection):
            raise PeopleError(f"there is no mailbox {mailbox!r} with keys")
        mailbox_keys.renew(connection, mailbox, _everybody(connection), _recovery(connection))

    write(page_db, work)


def renew_paper(page_db: Path, ring: KeyRing, paper: PublicKey) -> None:
    """Another recovery paper in place of the one that was lost or seen. The ring must hold every
    mailbox: by the old paper, or as a member of all. Messages sealed to the old paper stay open to
    it as well: they are destroyed by being deleted."""

    def work(connection: Connection) -> None:
        if not mailbox_keys.rewrap_for(connection, ring.opened, paper):
            raise PeopleError(
                "a new recovery paper needs every mailbox: sign in with the old paper, or as"
                " somebody who is a member of all of them"
            )
        connection.execute(sa.update(clinic).values(recovery_key=paper.raw, made=_text(_now())))

    write(page_db, work)


# ---- the envelope ----


def make_envelope(page_db: Path, ring: KeyRing, code: str, now: datetime) -> None:
    """An envelope that this code opens once. The ring must hold every mailbox, as for a paper."""

    def work(connection: Connection) -> None:
        if not mailbox_keys.are_all(connection, ring.opened):
            raise PeopleError(
                "an envelope needs every mailbox: make it with the recovery paper (--by-paper), or"
                " as somebody who is a member of all of them"
            )
        sealed_envelope.make(connection, code, ring.person, now)
        for each in ring.opened:
            sealed_envelope.hold(connection, each.mailbox, each.number, each.pair)

    write(page_db, work)


def check_envelope(page_db: Path, code: str, who: str) -> None:
    """Raise unless this person may open the envelope with this code. It stays as it is."""
    refuse_unless_set_up(page_db)
    check_name(who)
    write(page_db, lambda connection: _refuse_to_open(connection, code, who))


def break_glass(page_db: Path, code: str, who: str, now: datetime) -> KeyRing:
    """Every mailbox as it is now, once, to whoever brings the code. The envelope is void, and what
    is left from now on is sealed to new keys, so that what was opened ends here."""
    check_envelope(page_db, code, who)

    def work(connection: Connection) -> tuple[Generation, ...]:
        _refuse_to_open(connection, code, who)
        opened = sealed_envelope.open_it(connection, code, who, now)
        there, recovery = _everybody(connection), _recovery(connection)
        for mailbox in sorted(mailbox_keys.existing(connection)):
            mailbox_keys.renew(connection, mailbox, there, recovery)
        return tuple(Generation(*each) for each in opened)

    return KeyRing(f"envelope: {who}", None, write(page_db, work))


def envelope(page_db: Path) -> Envelope | None:
    """The clinic's envelope, if it has one."""
    return read(page_db, sealed_envelope.found) if page_db.exists() else None


def check_name(person: str) -> None:
    """Refuse what could not be typed or shown again."""
    if not person.strip() or person != person.strip() or not person.isprintable():
        raise PeopleError(f"{person!r} is no name: give letters, without spaces at either end")
    if len(person) > NAME_MOST:
        raise PeopleError(f"the name has {len(person)} characters and may have {NAME_MOST}")


# ---- in one transaction ----


def _add(connection: Connection, person: str, role: Role, password: str, cost: Cost) -> None:
    pair = KeyPair.fresh()
    row = {
        "person": person,
        "role": role,
        "public_key": pair.public.raw,
        "made": _text(_now()),
    }
    connection.execute(people.insert().values(row | _sealed(pair, person, password, cost)))


def _sealed(pair: KeyPair, person: str, password: str, cost: Cost) -> dict[str, bytes | int]:
    kept = passwords.seal(pair, password, person, cost)
    return {
        "sealed_seed": kept.sealed,
        "salt": kept.salt,
        "passes": cost.passes,
        "memory_kib": cost.memory_kib,
        "lanes": cost.lanes,
    }


def _invited_as(connection: Connection, person: str, code: str, now: datetime) -> Role:
    asked = select(invitations).where(invitations.c.person == person)
    invited = connection.execute(asked).one_or_none()
    if invited is None or not codes.fits(code, invited.code, INVITATION):
        raise PeopleError("name and code do not belong together: type both again")
    if datetime.fromisoformat(invited.until) <= now:
        raise PeopleError("the code has expired: ask an admin to invite you again")
    return Role(invited.role)


def _refuse_to_open(connection: Connection, code: str, who: str) -> None:
    role = _roles(connection).get(who)
    if role in NO_MAILBOX:
        raise PeopleError(f"{who} is {role} and hears no patient: call somebody who may")
    if not sealed_envelope.fits(connection, code):
        raise PeopleError(
            "this is not the code of the envelope, or it was opened before: type it again; the"
            " recovery paper opens what it would have"
        )


def _forget(connection: Connection, person: str) -> None:
    """Their password opens nothing any more; what they are a member of stays as it is."""
    mailbox_keys.forget(connection, person)
    listening.forget(connection, person)
    second_factor.switch_off(connection, person)
    sessions.end_all(connection, person)
    tokens.forget(connection, person)
    connection.execute(people.delete().where(people.c.person == person))
    connection.execute(invitations.delete().where(invitations.c.person == person))


def _refuse_the_last_admin(connection: Connection, person: str) -> None:
    admins = [name for name, role in _roles(connection).items() if role is Role.ADMIN]
    if admins == [person]:
        raise PeopleError(f"{person} is the only admin: invite another one first")


def _grant_what_waits(page_db: Path, opened: Sequence[Generation]) -> None:
    if read(page_db, mailbox_keys.outstanding):
        write(
            page_db,
            lambda connection: mailbox_keys.grant_outstanding(
                connection, opened, _everybody(connection), _recovery(connection)
            ),
        )


def _everybody(connection: Connection) -> Everybody:
    asked = select(people.c.person, people.c.public_key).order_by(people.c.made)
    return {person: PublicKey(raw) for person, raw in connection.execute(asked)}


def _roles(connection: Connection) -> dict[str, Role]:
    asked = select(people.c.person, people.c.role)
    return {person: Role(role) for person, role in connection.execute(asked)}


def _recovery(connection: Connection) -> PublicKey:
    return PublicKey(connection.execute(select(clinic.c.recovery_key)).scalar_one())


def _is_invited(connection: Connection, person: str) -> bool:
    asked = select(invitations.c.person).where(invitations.c.person == person)
    return connection.scalar(asked) is not None


def _listed(connection: Connection) -> list[Person]:
    can: dict[str, list[str]] = {}
    waits: dict[str, list[str]] = {}
    for mailbox in sorted(mailbox_keys.existing(connection)):
        for person in mailbox_keys.holders(connection, mailbox):
            can.setdefault(person, []).append(mailbox)
    for mailbox, _, person in mailbox_keys.outstanding(connection):
        waits.setdefault(person, []).append(mailbox)

    def person_of(name: str, role: Role, until: datetime | None = None) -> Person:
        waiting = sorted(set(waits.get(name, ())))
        return Person(name, role, tuple(can.get(name, ())), tuple(waiting), until)

    there = [person_of(name, role) for name, role in _roles(connection).items()]
    invited = connection.execute(select(invitations).order_by(invitations.c.until)).all()
    return there + [
        person_of(row.person, Role(row.role), datetime.fromisoformat(row.until)) for row in invited
    ]


# ---- page.db ----


def _unlock(page_db: Path, person: str, password: str) -> tuple[KeyPair, Role]:
    asked = select(people).where(people.c.person == person)
    row = read(page_db, lambda connection: connection.execute(asked).one_or_none())
    if row is None:
        passwords.spend(password)
        raise _refused()
    kept = SealedSeed(row.sealed_seed, row.salt, Cost(row.passes, row.memory_kib, row.lanes))
    try:
        return passwords.unseal(kept, password, person), Role(row.role)
    except WrongPasswordError:
        raise _refused() from None


def _refused() -> PeopleError:
    return PeopleError(
        "name and password do not belong together: type both again; who forgot the password is"
        " invited anew by an admin"
    )


def refuse_unless_set_up(page_db: Path) -> None:
    """Raise if nobody can sign in yet."""
    if not is_set_up(page_db):
        raise PeopleError("this clinic is not set up yet: run `careline setup` first")


def bring_up_to_date(page_db: Path) -> None:
    """After an update: what this version reads there is there before anybody asks for it."""
    _writer(page_db).close()


def read(page_db: Path, asked: Callable[[Connection], T]) -> T:
    """What `asked` finds in page.db."""
    reader = open_reader(page_db)
    try:
        with reader.connect() as connection:
            return asked(connection)
    finally:
        reader.dispose()


def write(page_db: Path, work: Callable[[Connection], T]) -> T:
    """The result of `work` on page.db, once it is durable."""
    store = _writer(page_db)
    try:
        return store.submit(work).result()
    finally:
        store.close()


def _writer(page_db: Path) -> Store:
    """Two commands given at once follow one another: each writes for some milliseconds."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            return Store(page_db, "page")
        except LockedError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.02)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def _now() -> datetime:
    return datetime.now(UTC)
