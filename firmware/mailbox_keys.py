"""A mailbox's keys, and who can open them: by cryptography and not by permission.

Each mailbox has a line of key pairs. Messages are sealed to the newest; the older ones still open
what was sealed to them, so that a new key costs no message its audio. The seed of each pair is
wrapped to each member who may open it (a grant) and to the clinic's recovery key.

A new pair needs nobody's secret: a fresh seed is wrapped to public keys. A grant of an older pair
needs somebody who can open it, and waits for their next sign-in, or for the recovery paper. Who
leaves takes along what they could open before: so the mailbox has a new pair at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import sqlalchemy as sa
from sqlalchemy import Connection, column, func, select, table

from firmware import envelope
from firmware.keys import KeyPair, PublicKey

RECOVERY = ""  # nobody's name; the recovery paper's place among those who can open

mailbox_keys = table(
    "mailbox_keys",
    column("mailbox", sa.Text),
    column("generation", sa.Integer),
    column("public_key", sa.LargeBinary),
    column("for_recovery", sa.LargeBinary),
    column("made", sa.Text),
)
grants = table(
    "grants",
    column("mailbox", sa.Text),
    column("generation", sa.Integer),
    column("person", sa.Text),
    column("wrapped_seed", sa.LargeBinary),
    column("made", sa.Text),
)
members = table("members", column("mailbox", sa.Text), column("person", sa.Text))

Everybody = Mapping[str, PublicKey]  # people who have a key, the first person first


@dataclass(frozen=True, slots=True)
class Generation:
    """One key pair of a mailbox, opened."""

    mailbox: str
    number: int
    pair: KeyPair = field(repr=False)


def newest(connection: Connection, mailbox: str) -> PublicKey | None:
    """What messages for this mailbox are sealed to now."""
    asked = select(mailbox_keys.c.public_key).where(mailbox_keys.c.mailbox == mailbox)
    raw = connection.scalar(asked.order_by(mailbox_keys.c.generation.desc()).limit(1))
    return None if raw is None else PublicKey(raw)


def existing(connection: Connection) -> set[str]:
    """Mailboxes that have keys."""
    return set(connection.scalars(select(mailbox_keys.c.mailbox)))


def holders(connection: Connection, mailbox: str) -> set[str]:
    """Who can open the newest pair."""
    return _holders(connection, mailbox, _newest_number(connection, mailbox))


def held_by(connection: Connection, person: str) -> set[str]:
    """Mailboxes whose newest pair this person can open."""
    held = select(grants.c.mailbox).where(grants.c.person == person)
    return {each for each in connection.scalars(held) if person in holders(connection, each)}


def agree(
    connection: Connection,
    wanted: Mapping[str, Sequence[str]],
    everybody: Everybody,
    recovery: PublicKey,
) -> None:
    """Let the mailboxes have these members and no others.

    A mailbox without keys gets its first pair. Who is named and cannot open it yet waits for
    somebody who can. Who is named no longer is left out of a new pair; but while nobody who is
    named can open a mailbox, whoever can still does, so that no message is sealed for nobody: a
    mailbox none of whose members exists yet is the first person's.
    """
    have = existing(connection)
    for mailbox, named in wanted.items():
        connection.execute(members.delete().where(members.c.mailbox == mailbox))
        for person in dict.fromkeys(named):
            connection.execute(members.insert().values(mailbox=mailbox, person=person))
        if mailbox not in have:
            there = [person for person in named if person in everybody]
            _renew(connection, mailbox, _only(everybody, there or [*everybody][:1]), recovery)
        else:
            _leave_out_strangers(connection, mailbox, everybody, recovery)


@dataclass(frozen=True, slots=True)
class KeyPublicly:
    """What may be told of a key pair: nothing that opens anything."""

    mailbox: str
    generation: int
    key_id: str
    made: str
    open_to: tuple[str, ...]  # people, each by a wrap of their own; the recovery paper has one more


def inventory(connection: Connection) -> list[KeyPublicly]:
    """All pairs there are."""
    told = select(
        mailbox_keys.c.mailbox,
        mailbox_keys.c.generation,
        mailbox_keys.c.public_key,
        mailbox_keys.c.made,
    ).order_by(mailbox_keys.c.mailbox, mailbox_keys.c.generation)
    return [
        KeyPublicly(
            row.mailbox,
            row.generation,
            PublicKey(row.public_key).id.hex(),
            row.made,
            tuple(sorted(_holders(connection, row.mailbox, row.generation))),
        )
        for row in connection.execute(told).all()
    ]


def all_members(connection: Connection) -> set[str]:
    """Whoever is named as a member of any mailbox."""
    return set(connection.scalars(select(members.c.person)))


def forget(connection: Connection, person: str) -> None:
    """Their key pair is no more, and so are its grants."""
    connection.execute(grants.delete().where(grants.c.person == person))


def leave(
    connection: Connection, person: str, everybody: Everybody, recovery: PublicKey
) -> list[str]:
    """Take a person's grants away, and give each mailbox they could open a new pair without them;
    which those are."""
    asked = select(grants.c.mailbox).where(grants.c.person == person).distinct()
    theirs = sorted(connection.scalars(asked))
    for mailbox in theirs:
        rest = holders(connection, mailbox) - {person}
        connection.execute(
            grants.delete().where(grants.c.mailbox == mailbox, grants.c.person == person)
        )
        _renew(connection, mailbox, _only(everybody, rest), recovery)
    connection.execute(members.delete().where(members.c.person == person))
    return theirs


def renew(connection: Connection, mailbox: str, everybody: Everybody, recovery: PublicKey) -> None:
    """A new pair for the same people."""
    _renew(connection, mailbox, _only(everybody, holders(connection, mailbox)), recovery)


def opened_by(connection: Connection, person: str, pair: KeyPair) -> list[Generation]:
    """All pairs this person was granted."""
    asked = select(grants.c.mailbox, grants.c.generation, grants.c.wrapped_seed)
    rows = connection.execute(asked.where(grants.c.person == person)).all()
    return [
        Generation(mailbox, number, KeyPair(pair.unwrap(seed, _purpose(mailbox, number, person))))
        for mailbox, number, seed in rows
    ]


def opened_by_paper(connection: Connection, paper: KeyPair) -> list[Generation]:
    """All pairs there are."""
    asked = select(mailbox_keys.c.mailbox, mailbox_keys.c.generation, mailbox_keys.c.for_recovery)
    return [
        Generation(
            mailbox, number, KeyPair(paper.unwrap(seed, _purpose(mailbox, number, RECOVERY)))
        )
        for mailbox, number, seed in connection.execute(asked).all()
    ]


def outstanding(connection: Connection) -> list[tuple[str, int, str]]:
    """Grants that wait for somebody who can make them: mailbox, number of the pair, person."""
    named = select(mailbox_keys.c.mailbox, mailbox_keys.c.generation, members.c.person)
    asked = named.join_from(
        mailbox_keys, members, members.c.mailbox == mailbox_keys.c.mailbox
    ).where(
        ~sa.exists().where(
            grants.c.mailbox == mailbox_keys.c.mailbox,
            grants.c.generation == mailbox_keys.c.generation,
            grants.c.person == members.c.person,
        )
    )
    return [(mailbox, number, person) for mailbox, number, person in connection.execute(asked)]


def grant_outstanding(
    connection: Connection,
    opened: Iterable[Generation],
    everybody: Everybody,
    recovery: PublicKey,
) -> list[tuple[str, str]]:
    """Make the grants that wait for one of these pairs; which mailboxes are now open to whom."""
    held = {(each.mailbox, each.number): each.pair for each in opened}
    made = []
    for mailbox, number, person in outstanding(connection):
        if (pair := held.get((mailbox, number))) and person in everybody:
            _grant(connection, mailbox, number, pair, {person: everybody[person]})
            made.append((mailbox, person))
    for mailbox in dict.fromkeys(mailbox for mailbox, _ in made):
        _leave_out_strangers(connection, mailbox, everybody, recovery)
    return list(dict.fromkeys(made))


def are_all(connection: Connection, opened: Sequence[Generation]) -> bool:
    """Whether no pair is missing among these."""
    asked = select(mailbox_keys.c.mailbox, mailbox_keys.c.generation)
    there = {(mailbox, number) for mailbox, number in connection.execute(asked)}
    return there <= {(each.mailbox, each.number) for each in opened}


def rewrap_for(connection: Connection, opened: Sequence[Generation], paper: PublicKey) -> bool:
    """Have another recovery paper open every pair; false, and nothing done, if one is missing."""
    if not are_all(connection, opened):
        return False
    for each in opened:
        seed = paper.wrap(each.pair.seed, _purpose(each.mailbox, each.number, RECOVERY))
        connection.execute(
            sa.update(mailbox_keys)
            .where(mailbox_keys.c.mailbox == each.mailbox, mailbox_keys.c.generation == each.number)
            .values(for_recovery=seed)
        )
    return True


def _holders(connection: Connection, mailbox: str, generation: int) -> set[str]:
    asked = select(grants.c.person).where(
        grants.c.mailbox == mailbox, grants.c.generation == generation
    )
    return set(connection.scalars(asked))


def _leave_out_strangers(
    connection: Connection, mailbox: str, everybody: Everybody, recovery: PublicKey
) -> None:
    named = set(connection.scalars(select(members.c.person).where(members.c.mailbox == mailbox)))
    can = holders(connection, mailbox)
    if not (can & named) or not (can - named):
        return
    connection.execute(
        grants.delete().where(grants.c.mailbox == mailbox, grants.c.person.not_in(named))
    )
    _renew(connection, mailbox, _only(everybody, can & named), recovery)


def _renew(connection: Connection, mailbox: str, those: Everybody, recovery: PublicKey) -> None:
    pair, number = KeyPair.fresh(), _newest_number(connection, mailbox) + 1
    connection.execute(
        mailbox_keys.insert().values(
            mailbox=mailbox,
            generation=number,
            public_key=pair.public.raw,
            for_recovery=recovery.wrap(pair.seed, _purpose(mailbox, number, RECOVERY)),
            made=_now(),
        )
    )
    envelope.hold(connection, mailbox, number, pair)
    _grant(connection, mailbox, number, pair, those)


def _grant(
    connection: Connection, mailbox: str, number: int, pair: KeyPair, those: Everybody
) -> None:
    for person, public in those.items():
        connection.execute(
            grants.insert().values(
                mailbox=mailbox,
                generation=number,
                person=person,
                wrapped_seed=public.wrap(pair.seed, _purpose(mailbox, number, person)),
                made=_now(),
            )
        )


def _newest_number(connection: Connection, mailbox: str) -> int:
    asked = select(func.max(mailbox_keys.c.generation)).where(mailbox_keys.c.mailbox == mailbox)
    return connection.scalar(asked) or 0


def _only(everybody: Everybody, those: Iterable[str]) -> Everybody:
    return {person: everybody[person] for person in those if person in everybody}


def _purpose(mailbox: str, number: int, person: str) -> bytes:
    """What a wrapped seed is for. The first pair's is as it was before there were others."""
    after = b"" if number == 1 else b"\0" + number.to_bytes(4)
    return b"careline grant " + mailbox.encode() + b"\0" + person.encode() + after


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
