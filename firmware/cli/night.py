"""The night's urgent messages: PINs, what is open, an admin's word, and the hand-over sheet."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from pydantic import TypeAdapter, ValidationError

from firmware import account, leases, pins, topics
from firmware.audit import Act
from firmware.cli.site import plan_of
from firmware.cli.terminal import (
    BAD_INPUT,
    PasswordStdin,
    Person,
    asking,
    explained,
    fail,
    signed_in_to,
    stdin_line,
)
from firmware.control import ask
from firmware.figures import text_of
from firmware.handover import Entry, Night, sheet
from firmware.machine import MachineKey
from firmware.operations import Operation
from firmware.pin_rule import PinError, check_pin
from firmware.place import Place
from firmware.store import open_reader

Lease = Annotated[str, typer.Argument(metavar="MESSAGE", help="its first letters are enough")]
Note = Annotated[str, typer.Option(help="what the sheet shall say of it; nothing of the caller")]
AsJson = Annotated[bool, typer.Option("--json", help="for programs")]


def add_to(group: typer.Typer) -> None:
    """The commands of this file, in a group beside the rota's."""
    group.command("pin")(pin)
    group.command("leases")(list_open)
    group.command("accept")(accept)
    group.command("close")(close)
    group.command("sheet")(print_sheet)


def pin(
    name: Annotated[str, typer.Argument(help="of [people] in the site file")],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    pin_stdin: Annotated[
        bool, typer.Option("--pin-stdin", help="read the PIN from standard input")
    ] = False,
) -> None:
    """Set the PIN that somebody keys when they are called; it is asked for twice. Whoever has it
    hears urgent messages: an admin does this."""
    place = Place.from_environment()
    plan = plan_of(place.site_file)
    if name not in plan.people:
        known = ", ".join(plan.people) or "none"
        fail(f"there is no {name!r} in [people] of the site file: there are {known}", BAD_INPUT)
    label = plan.people[name].label
    with _explained():
        ring = signed_in_to(Operation.PEOPLE, place, person, password_stdin=password_stdin)
        chosen = (
            stdin_line()
            if pin_stdin
            else str(
                typer.prompt(f"PIN of {label}", hide_input=True, confirmation_prompt=True, err=True)
            )
        )
        check_pin(chosen)
        account.give(place, ring.person, Act.CHOSE_PIN, name)
        pins.keep(place.page_db, name, chosen)
    typer.echo(f"{label} has a new PIN", err=True)


def list_open(as_json: AsJson = False) -> None:
    """Urgent messages that are open, the oldest first."""
    place = Place.from_environment()
    with _explained():
        rows = leases.read_open(place.calls_db)
    if as_json:
        typer.echo(TypeAdapter(list[leases.LeaseRow]).dump_json(rows).decode())
        return
    if not rows:
        typer.echo("no urgent message is open")
    for row in rows:
        opened = datetime.fromisoformat(row.opened).astimezone()
        taken = f"taken by {row.owner}" if row.owner else "nobody has taken it yet"
        typer.echo(f"{row.message[:8]}  left {opened:%a %Y-%m-%d %H:%M}  {taken}")


def accept(
    lease: Lease,
    owner: Annotated[str, typer.Argument(help="of [people]: whose it is from now on")],
    note: Note = "",
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Somebody has taken an urgent message by another way than the telephone."""
    wish = _wish(lease, "accept", owner, note)
    _settle(wish, person, password_stdin=password_stdin)


def close(
    lease: Lease,
    note: Annotated[str, typer.Option(help="how it was seen to; nothing of the caller")],
    by: Annotated[str, typer.Option(help="who saw to it; yourself if left out")] = "",
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """An urgent message has been seen to. The box itself can open it no more after that."""
    wish = _wish(lease, "close", by, note)
    _settle(wish, person, password_stdin=password_stdin)


def print_sheet(
    night: Annotated[
        str, typer.Option(help="the day on which the night began: 2026-11-24", metavar="DATE")
    ] = "",
    *,
    unlock: Annotated[
        bool,
        typer.Option("--unlock", help="show numbers to call back and notes; asks for a password"),
    ] = False,
    person: Person = None,
    password_stdin: PasswordStdin = False,
) -> None:
    """The hand-over sheet of the last night, or of another."""
    place = Place.from_environment()
    plan = plan_of(place.site_file)
    now = datetime.now(ZoneInfo(plan.timezone))
    with _explained():
        wanted = Night.of(_day(night), now) if night else Night.last(now)
        key = _unlocked(place, person, password_stdin=password_stdin) if unlock else None
        entries = _entries(place.calls_db, wanted, key)
    typer.echo(sheet(plan, wanted, entries, now), nl=False)


def _entries(calls_db: Path, night: Night, key: MachineKey | None) -> list[Entry]:
    start, end = (text_of(at) for at in (night.start, night.end))
    reader = open_reader(calls_db)
    try:
        with reader.connect() as connection:
            return [
                Entry(
                    row,
                    leases.steps_of(connection, row.call),
                    leases.number_of(connection, row.message, key) if key else None,
                    leases.notes_on(connection, row.message, key),
                )
                for row in leases.opened_between(connection, start, end)
            ]
    finally:
        reader.dispose()


def _unlocked(place: Place, person: str | None, *, password_stdin: bool) -> MachineKey:
    """For somebody of the clinic who gives their password; on this box, whose key it takes."""
    ring = signed_in_to(Operation.READ, place, person, password_stdin=password_stdin)
    account.give(place, ring.person, Act.READ, "callers of a night's urgent messages")
    if not place.machine_key.exists():
        fail("there is no machine key here: unlock the sheet on the box itself")
    return MachineKey.at(place.machine_key)


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        fail(f"{written!r} is no day: write it like 2026-11-24", BAD_INPUT)


def _wish(
    lease: str, to: Literal["accept", "close"], person: str, note: str
) -> topics.SettleLeaseRequest:
    try:
        return topics.SettleLeaseRequest(lease=lease.lower(), to=to, person=person, note=note)
    except ValidationError as wrong:
        where = wrong.errors()[0]["loc"][0]
        form = {
            "lease": "the first letters of an open one, 4 at least: see `careline oncall leases`",
            "person": "40 letters at most",
            "note": "one line of 200 letters at most",
        }
        fail(f"{where}: {form.get(str(where), 'does not fit')}", BAD_INPUT)


def _settle(wish: topics.SettleLeaseRequest, person: str | None, *, password_stdin: bool) -> None:
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.SETTLE, place, person, password_stdin=password_stdin)
        with asking(place, ring) as session:
            ask(place.control_socket, topics.SETTLE_LEASE, wish, session=session)
    list_open()


@contextmanager
def _explained() -> Iterator[None]:
    """As everywhere, and what is wrong with a PIN."""
    try:
        with explained():
            yield
    except PinError as refused:
        fail(str(refused))
