"""Who sits at the terminal, and what they are told: names and passwords asked for, and one sentence
for whatever goes wrong."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, NoReturn

import typer
from sqlalchemy.exc import SQLAlchemyError

from firmware import account, gate, paper, people, sessions
from firmware.audit import Act
from firmware.control import ControlError
from firmware.gate import CodeNeededError, TooSoonError, WrongCodeError
from firmware.keys import KeyPair, KeyRefusedError
from firmware.machine import MachineKeyError
from firmware.operations import Operation, Role, may, who_may
from firmware.paper import PaperError
from firmware.passwords import PasswordError
from firmware.people import KeyRing, PeopleError
from firmware.place import Place
from firmware.settings import SiteFaults, beside, read
from firmware.store import StoreError
from firmware.vault import VaultError
from ivr.plan import Plan

REFUSED, BAD_INPUT = 1, 2
SIGN_IN = "sign-in"
NOBODY = "a name nobody has"

# What was wrong with a try, where it is not the password.
DENIED: dict[type[Exception], str] = {
    TooSoonError: ", too soon",
    CodeNeededError: ", no code",
    WrongCodeError: ", wrong code",
}

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
Person = Annotated[
    str | None, typer.Option("--as", help="Who you are; may be left out when there is one person.")
]
ByPaper = Annotated[
    bool, typer.Option("--by-paper", help="With the recovery paper in place of a password.")
]


def signed_in(place: Place, person: str | None, *, password_stdin: bool) -> KeyRing:
    """The keys of whoever gives the password."""
    name = person or _only_person(place)
    password = (
        stdin_line()
        if password_stdin
        else typer.prompt(f"Password of {name}", hide_input=True, err=True)
    )
    with denials(place, name, SIGN_IN):
        ring = gate.sign_in(
            place.page_db,
            name,
            password,
            stdin_line if password_stdin else _typed_code,
            datetime.now(UTC),
        )
    account.give(place, name, Act.SIGNED_IN)
    if ring.role is Role.ADMIN:
        _tell_of_envelope(place)
    return ring


def signed_in_to(
    operation: Operation, place: Place, person: str | None, *, password_stdin: bool
) -> KeyRing:
    """The keys of somebody who may do this; whoever else gives a password is refused."""
    ring = signed_in(place, person, password_stdin=password_stdin)
    permit(operation, place, ring)
    return ring


def permit(operation: Operation, place: Place, ring: KeyRing) -> None:
    """Go on only if whoever signed in may do this, by the one table."""
    if ring.role is None or not may(ring.role, operation):
        account.give(place, ring.person, Act.REFUSED, operation)
        who = f"{ring.person} is {ring.role}"
        fail(f"{who} and may not {operation}: this is for {who_may(operation)}")


@contextmanager
def asking(place: Place, ring: KeyRing) -> Iterator[str]:
    """A session by which the running exchange knows who asks it, for as long as this lasts."""
    token = people.write(place.page_db, lambda c: sessions.begin(c, ring.person, datetime.now(UTC)))
    try:
        yield token
    finally:
        people.write(place.page_db, lambda c: sessions.end(c, token))


def by_paper(place: Place, *, paper_stdin: bool) -> KeyRing:
    """All keys, by the recovery paper."""
    with denials(place, "the recovery paper", "recovery paper"):
        return people.recover(place.page_db, typed_paper(paper_stdin=paper_stdin))


def typed_paper(*, paper_stdin: bool) -> KeyPair:
    if paper_stdin:
        return paper.read("\n".join(stdin_line() for _ in range(paper.LINES)))
    lines = [typer.prompt(f"Line {place}", err=True) for place in range(1, paper.LINES + 1)]
    return paper.read("\n".join(lines))


@contextmanager
def denials(place: Place, who: str, what: str) -> Iterator[None]:
    """Whoever is refused is accounted for, once there is a clinic."""
    try:
        yield
    except (KeyRefusedError, PaperError, PeopleError) as refused:
        if people.is_set_up(place.page_db):
            who = _known(place, who) if what == SIGN_IN else who
            account.give(place, who, Act.REFUSED, f"{what}{DENIED.get(type(refused), '')}")
        raise


def _known(place: Place, name: str) -> str:
    """Whoever slips into the wrong field may have typed a password, or a patient's name."""
    return name if name in {each.name for each in people.everybody(place.page_db)} else NOBODY


def _tell_of_envelope(place: Place) -> None:
    found = people.envelope(place.page_db)
    if found is not None and found.opened is not None:
        say(
            f"THE ENVELOPE WAS OPENED by {found.opened_by},"
            f" {found.opened.astimezone():%a %-d %b %H:%M}: see `careline audit list`, then make"
            " another, `careline people envelope`"
        )


def _typed_code() -> str:
    prompt = "Code of your telephone, or a recovery code"
    return str(typer.prompt(prompt, hide_input=True, err=True))


def _only_person(place: Place) -> str:
    names = people.names(place.page_db)
    if not names:
        raise PeopleError("this clinic is not set up yet: run `careline setup` first")
    if len(names) > 1:
        fail("say who you are with --as NAME", BAD_INPUT)
    return names[0]


def new_password(*, password_stdin: bool) -> str:
    if password_stdin:
        return stdin_line()
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def stdin_line() -> str:
    return sys.stdin.readline().rstrip("\n")


def site_of(place: Place) -> Plan:
    try:
        return read(place.site_file.read_text("utf-8"), beside(place.site_file))
    except FileNotFoundError:
        fail(f"no site file at {place.site_file}: put the clinic's clinic.toml there", BAD_INPUT)
    except SiteFaults as faults:
        fail(f"{place.site_file}: {faults}", BAD_INPUT)


@contextmanager
def explained() -> Iterator[None]:
    """What goes wrong is said in one sentence and ends with a status of its own."""
    try:
        yield
    except (
        ControlError,
        KeyRefusedError,
        MachineKeyError,
        PaperError,
        PasswordError,
        PeopleError,
        StoreError,
        SQLAlchemyError,
        VaultError,
        OSError,
    ) as refused:
        fail(str(refused))


def say(words: str) -> None:
    typer.echo(words, err=True)


def fail(words: str, status: int = REFUSED) -> NoReturn:
    typer.echo(f"careline: {words}", err=True)
    raise typer.Exit(status)
