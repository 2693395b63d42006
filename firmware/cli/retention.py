"""What is kept for how long, what must not be deleted, and the receipts of what was."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy import Connection

from firmware import audit, control, holds, receipts
from firmware import retention_topics as topics
from firmware.cli.terminal import (
    BAD_INPUT,
    PasswordStdin,
    Person,
    asking,
    explained,
    fail,
    say,
    signed_in_to,
    site_of,
)
from firmware.control import NotRunningError, Strict, Topic
from firmware.holds import UnknownTargetError
from firmware.ledger import Ledger, Moment
from firmware.machine import MachineKey
from firmware.operations import Operation
from firmware.people import KeyRing
from firmware.place import Place
from firmware.receipts import Receipt
from firmware.retention import standing
from firmware.retention_desk import hold as write_hold
from firmware.retention_desk import release as write_release
from firmware.store import open_reader

Q = TypeVar("Q", bound=Strict)
T = TypeVar("T")
SHORT = 8

app = typer.Typer()
retention = typer.Typer(
    help="For how long each class is kept, and what was destroyed.", invoke_without_command=True
)
app.add_typer(retention, name="retention")


@retention.callback()
def show(context: typer.Context) -> None:
    """For how long each class is kept, what is on hold, and what is older and kept all the same."""
    if context.invoked_subcommand is not None:
        return
    place = Place.from_environment()
    with explained():
        rules = site_of(place).retention
        stands = _read(place, partial(standing, rules, datetime.now(UTC)))
    table = Table("class", "kept", box=None)
    table.add_row("messages", _days(rules.messages_days, "after somebody heard them"))
    table.add_row("recordings", _days(rules.recordings_days, "after the talk"))
    table.add_row("requests", _days(rules.requests_days, "after they are done"))
    table.add_row("callers' numbers and names", _days(rules.ledger_days, "after the call"))
    table.add_row("the audit", _days(rules.audit_days, "after the entry"))
    Console().print(table)
    say(f"{stands.holds} legal holds stand (`careline holds`)")
    if stands.unheard:
        say(f"{stands.unheard} older messages are kept, for nobody has heard them")
    if stands.unfinished:
        say(f"{stands.unfinished} deletions are under way")


@retention.command("receipts")
def receipts_(
    file: Annotated[
        Path | None, typer.Argument(help="Write all of them there, one JSON object a line.")
    ] = None,
    last: Annotated[int, typer.Option(help="How many of the newest are shown.", min=1)] = 30,
) -> None:
    """What was destroyed, when and by which rule; and whether every receipt is as it was signed."""
    place = Place.from_environment()
    with explained():
        found, entries = _read(place, lambda c: (receipts.read(c), list(audit.read(c))))
        public = audit.signer(MachineKey.at(place.machine_key)).public_key()
        verdict = receipts.verify(found, public, entries)
        if file is not None:
            file.write_text("".join(receipts.as_line(each) + "\n" for each in found), "utf-8")
    _show(found[-last:])
    if verdict.wrong:
        fail(f"{verdict.wrong}; the {verdict.receipts} before it are as they were signed")
    say(f"all {verdict.receipts} receipts are as they were signed; {verdict.unfinished} under way")


@app.command()
def hold(
    kind: Annotated[holds.Kind, typer.Argument(help="What is held, with all that hangs on it.")],
    target: Annotated[
        str,
        typer.Argument(
            help="The beginning of a call's or message's id; a mailbox; a person of the clinic. A"
            " caller is named by one of their calls."
        ),
    ],
    why: Annotated[str, typer.Option(help="Kept sealed; only an admin reads it.")],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Put something on legal hold: nobody deletes it, by hand or by age, until it is released."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.HOLD, place, person, password_stdin=password_stdin)
        try:
            wish = topics.HoldRequest(by=ring.person, kind=kind, target=target, why=why)
        except ValidationError:
            fail("an id, a mailbox or a name is small letters, digits and dashes", BAD_INPUT)
        members = {name: box.members for name, box in site_of(place).mailboxes.items()}
        held = _asked_or_here(
            place, ring, topics.HOLD, wish, partial(write_hold, request=wish, members=members)
        )
    say(f"held until it is released: `careline release {held.hold[:SHORT]}`")


@app.command()
def release(
    hold_: Annotated[str, typer.Argument(metavar="HOLD", help="Its first letters are enough.")],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Release a legal hold: what was held is kept as long as its class says, and no longer."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.HOLD, place, person, password_stdin=password_stdin)
        try:
            wish = topics.ReleaseRequest(by=ring.person, hold=hold_.lower())
        except ValidationError:
            fail("give at least four letters of a hold's id: see `careline holds`", BAD_INPUT)
        _asked_or_here(place, ring, topics.RELEASE, wish, partial(write_release, request=wish))
    say("released")


@app.command("holds")
def list_holds(
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    why: Annotated[bool, typer.Option("--why", help="With the reasons; for an admin.")] = False,
) -> None:
    """The legal holds that stand, the oldest first."""
    place = Place.from_environment()
    with explained():
        if why:
            signed_in_to(Operation.HOLD, place, person, password_stdin=password_stdin)
        standing_ = _read(place, holds.standing)
        key = MachineKey.at(place.machine_key)
        table = Table("hold", "since (UTC)", "by", "kind", "what", "why" if why else "", box=None)
        for each in standing_:
            reason = _read(place, partial(holds.why_of, hold=each.hold, key=key)) if why else ""
            what = each.target if each.kind in ("mailbox", "person") else each.target[:SHORT]
            table.add_row(
                *(each.hold[:SHORT], each.at[:19], escape(each.by), each.kind, what),
                escape(reason),
            )
    Console().print(table if standing_ else "nothing is on legal hold")


def _show(found: list[Receipt]) -> None:
    table = Table("", "destroyed (UTC)", "what", "", "by", "rule", box=None)
    for each in found:
        table.add_row(
            *(str(each.id), (each.destroyed or "under way")[:19], each.kind, each.what),
            *(escape(each.by), each.rule),
        )
    Console().print(table if found else "nothing has been destroyed yet")


def _asked_or_here(
    place: Place,
    ring: KeyRing,
    topic: Topic[Q, topics.HoldReply],
    wish: Q,
    work: Callable[..., str],
) -> topics.HoldReply:
    """By the running exchange, or by ourselves when there is none."""
    try:
        with asking(place, ring) as session:
            return control.ask(place.control_socket, topic, wish, session=session)
    except NotRunningError:
        return topics.HoldReply(hold=asyncio.run(_written_here(place, work)))


async def _written_here(place: Place, work: Callable[..., str]) -> str:
    key = MachineKey.at(place.machine_key)
    ledger = Ledger(place.calls_db, place.ledger_log, key)
    try:
        return await ledger.store.write(partial(work, key=key, moment=Moment.now()))
    except UnknownTargetError as unknown:
        fail(str(unknown))
    finally:
        ledger.close()


def _read(place: Place, query: Callable[[Connection], T]) -> T:
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return query(connection)
    finally:
        reader.dispose()


def _days(days: int | None, when: str) -> str:
    return "for ever: the site file has no [retention]" if days is None else f"{days} days {when}"
