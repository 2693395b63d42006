"""People and sealed messages: set-up, listing, playing, export, deletion.

A message is opened here, in the process of the person who gave the password, and nowhere else. It
goes to a sound player through a pipe; a plain file is written only where its owner asks for one.
"""

import asyncio
import json
import os
import shutil
import subprocess
from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firmware import account, control, message_acts
from firmware.audit import Act
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
from firmware.control import NotRunningError
from firmware.erasure import NOT_BY_HAND, NotAllowedError, Rule
from firmware.holds import HeldError
from firmware.ledger import Ledger, Message, Moment
from firmware.machine import MachineKey
from firmware.opening import Opening, held_by, lies_in, wav
from firmware.operations import Operation
from firmware.people import KeyRing
from firmware.place import Place
from firmware.retention import Eraser
from firmware.retention_desk import BY_HAND
from firmware.topics import MARK_MESSAGE, MarkMessageRequest
from firmware.vault import Heard
from routing_core.audio import pcm_from_bytes
from routing_core.trim import trimmed

# Each takes a WAV file on its standard input.
PLAYERS = (("aplay", "-q", "-"), ("pw-play", "-"), ("play", "-q", "-t", "wav", "-"))

app = typer.Typer()
messages = typer.Typer(help="Sealed messages, with the password of a member of their mailbox.")
app.add_typer(messages, name="messages", no_args_is_help=True)

Chosen = Annotated[str, typer.Argument(metavar="MESSAGE", help="Its first letters are enough.")]


@messages.command("list")
def list_(
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List the messages of your mailboxes, the oldest first."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        held = held_by(place, ring.mailboxes)
    if as_json:
        typer.echo(json.dumps([asdict(message) for message in held]))
        return
    show(held)


@messages.command()
def play(
    message: Chosen,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    brief: Annotated[bool, typer.Option("--brief", help="Leave out its long pauses.")] = False,
) -> None:
    """Play a message on this machine's loudspeaker."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        listen(place, ring, chosen_of(held_by(place, ring.mailboxes), message), brief=brief)


@messages.command()
def export(
    message: Chosen,
    file: Annotated[Path, typer.Argument(help="The WAV file to write.")],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a message as a plain WAV file, readable by anybody who gets the file."""
    place = Place.from_environment()
    with explained():
        if file.exists() and not force:
            fail(f"{file} exists: choose another name, or give --force", BAD_INPUT)
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        write_out(place, ring, chosen_of(held_by(place, ring.mailboxes), message), file)


@messages.command()
def delete(
    message: Chosen,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
) -> None:
    """Destroy a message's key and its file, for ever."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        chosen = chosen_of(held_by(place, ring.mailboxes), message)
        elsewhere = sorted(lies_in(place, chosen.message) - ring.mailboxes.keys())
        if elsewhere:
            _take_out(place, ring, chosen, elsewhere, yes=yes)
            return
        question = f"Delete {chosen.message[:8]}, {chosen.seconds:.0f} s, for ever?"
        if not yes and not typer.confirm(question, err=True):
            fail("nothing was deleted")
        destroy(place, chosen.message, ring)
        say(f"{chosen.message[:8]} is destroyed, with a receipt: `careline retention receipts`")


def destroy(place: Place, message: str, ring: KeyRing) -> None:
    """By the running exchange, or by ourselves when there is none; nothing under hold."""
    request = MarkMessageRequest(message=message, mark="deleted")
    try:
        with asking(place, ring) as session:
            control.ask(place.control_socket, MARK_MESSAGE, request, session=session)
    except NotRunningError:
        if not site_of(place).retention.by_hand:
            fail(NOT_BY_HAND)
        asyncio.run(_destroy_here(place, message, ring))


async def _destroy_here(place: Place, message: str, ring: KeyRing) -> None:
    key = MachineKey.at(place.machine_key)
    ledger = Ledger(place.calls_db, place.ledger_log, key)
    try:
        rule = Rule(BY_HAND, ring.person, frozenset(ring.mailboxes))
        await Eraser(ledger.store, key, place.messages).message(message, rule)
    except (HeldError, NotAllowedError) as kept:
        fail(str(kept))
    finally:
        ledger.close()


def _take_out(
    place: Place, ring: KeyRing, chosen: Message, elsewhere: list[str], *, yes: bool
) -> None:
    """Others still need it: it is sealed to them alone from now on."""
    others = ", ".join(elsewhere)
    question = f"Take {chosen.message[:8]} out of your mailboxes? It stays in {others}."
    if not yes and not typer.confirm(question, err=True):
        fail("nothing was changed")
    with asking(place, ring) as session:
        do = partial(
            message_acts.do,
            place,
            session=session,
            may_delete=lambda: site_of(place).retention.by_hand,
        )
        stays = opening(place, ring, chosen).take_out(ring.mailboxes, do)
    if not stays:
        fail("it lies in no other mailbox any more: delete it instead")
    others = ", ".join(stays)
    say(f"{chosen.message[:8]} is open to you no more; it stays in {others}")


def listen(place: Place, ring: KeyRing, message: Message, *, brief: bool = False) -> None:
    """Played on this machine's loudspeaker."""
    program = player()
    heard = _opened(place, ring, message, Act.LISTENED)
    audio = _brief(heard.audio) if brief else heard.audio
    played = subprocess.run(program, input=wav(audio), check=False)
    if played.returncode != 0:
        fail(f"{program[0]} could not play it: use `careline messages export`")
    _mark_heard(place, ring, message)


def write_out(place: Place, ring: KeyRing, message: Message, file: Path) -> None:
    """Written as a plain WAV file."""
    heard = _opened(place, ring, message, Act.EXPORTED)
    write_private(file, wav(heard.audio))
    _mark_heard(place, ring, message)
    say(f"{file}: {heard.seconds:.1f} s of plain audio; delete it when it has served")


def player() -> tuple[str, ...]:
    """The sound player of this machine."""
    found = next((one for one in PLAYERS if shutil.which(one[0])), None)
    if found is None:
        names = ", ".join(one[0] for one in PLAYERS)
        fail(f"no sound player here ({names}): use `careline messages export`")
    return found


def show(held: list[Message]) -> None:
    """Messages as a table."""
    table = Table("message", "mailbox", "left", "seconds", "owner", "", box=None)
    for message in held:
        when = datetime.fromisoformat(message.started).astimezone()
        table.add_row(
            message.message[:8],
            message.mailbox,
            f"{when:%a %-d %b %H:%M}",
            f"{message.seconds:.0f}",
            escape(message.owner or "-"),
            _remarks(message),
        )
    Console().print(table if held else "no messages")


def opening(place: Place, ring: KeyRing, message: Message) -> Opening:
    """Whoever gave the password before one of their messages; what they do is accounted for."""
    return Opening(place, ring, message, partial(account.give, place, ring.person))


def _opened(place: Place, ring: KeyRing, message: Message, act: Act) -> Heard:
    heard = opening(place, ring, message).hear(act)
    if heard.cut_off:
        say(f"the recording was cut off after {heard.seconds:.0f} s; this is all there is")
    return heard


def chosen_of(held: list[Message], typed: str) -> Message:
    """The one whose id begins so; where it lies in several mailboxes, in the first of them."""
    fitting = [message for message in held if message.message.startswith(typed.lower())]
    if not fitting:
        fail(f"your mailboxes hold no message {typed!r}: see `careline messages list`", BAD_INPUT)
    if (many := len({message.message for message in fitting})) > 1:
        fail(f"{many} messages begin with {typed!r}: give more letters", BAD_INPUT)
    return fitting[0]


def _mark_heard(place: Place, ring: KeyRing, message: Message) -> None:
    """By the running exchange, or by ourselves when there is none: one writer at a time. What the
    envelope let somebody hear is still new to the mailbox's members."""
    if ring.role is None:
        return
    request = MarkMessageRequest(message=message.message, mark="heard", mailbox=message.mailbox)
    try:
        with asking(place, ring) as session:
            control.ask(place.control_socket, MARK_MESSAGE, request, session=session)
    except NotRunningError:
        asyncio.run(_mark_here(place, message))


async def _mark_here(place: Place, message: Message) -> None:
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))
    try:
        await ledger.heard(message.message, Moment.now(), message.mailbox)
    finally:
        ledger.close()


def _brief(audio: bytes) -> bytes:
    """Never shorter than its words; where nothing is told from silence, all of it."""
    return trimmed(pcm_from_bytes(audio)).tobytes() or audio


def write_private(file: Path, content: bytes) -> None:
    """For its owner's eyes only, also where the file was there before."""
    file.unlink(missing_ok=True)
    fd = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(fd, "wb") as opened:
        opened.write(content)


def _remarks(message: Message) -> str:
    remarks = {
        "urgent": message.urgent,
        "new": message.heard is None,
        "done": message.done is not None,
        "cut off": message.cut_off,
        f"forwarded by {escape(message.sent_by or '')}": message.sent_by is not None,
    }
    return ", ".join(word for word, holds in remarks.items() if holds)
