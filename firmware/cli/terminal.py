"""Who sits at the terminal, and what they are told: names and passwords asked for, and one sentence
for whatever goes wrong."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer

from firmware import account, people
from firmware.audit import Act
from firmware.control import ControlError
from firmware.keys import KeyRefusedError
from firmware.machine import MachineKeyError
from firmware.paper import PaperError
from firmware.passwords import PasswordError
from firmware.people import KeyRing, PeopleError
from firmware.place import Place
from firmware.settings import SiteFaults, beside, read
from firmware.store import StoreError
from firmware.vault import VaultError
from ivr.plan import Plan

REFUSED, BAD_INPUT = 1, 2

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
Person = Annotated[
    str | None, typer.Option("--as", help="Who you are; may be left out when there is one person.")
]


def signed_in(place: Place, person: str | None, *, password_stdin: bool) -> KeyRing:
    """The keys of whoever gives the password."""
    name = person or _only_person(place)
    password = (
        stdin_line()
        if password_stdin
        else typer.prompt(f"Password of {name}", hide_input=True, err=True)
    )
    try:
        ring = people.sign_in(place.page_db, name, password)
    except PeopleError:
        if people.is_set_up(place.page_db):
            account.give(place, name, Act.REFUSED, "sign-in")
        raise
    account.give(place, name, Act.SIGNED_IN)
    return ring


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
        VaultError,
        OSError,
    ) as refused:
        fail(str(refused))


def say(words: str) -> None:
    typer.echo(words, err=True)


def fail(words: str, status: int = REFUSED) -> NoReturn:
    typer.echo(f"careline: {words}", err=True)
    raise typer.Exit(status)
