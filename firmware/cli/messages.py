"""People and sealed messages: set-up, listing, playing, export, deletion.

A message is opened here, in the process of the person who gave the password, and nowhere else. It
goes to a sound player through a pipe; a plain file is written only where its owner asks for one.
"""

import asyncio
import io
import json
import os
import shutil
import subprocess
import wave
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table

from firmware import account, control, vault
from firmware.audit import Act
from firmware.cli.terminal import BAD_INPUT, PasswordStdin, Person, explained, fail, say, signed_in
from firmware.control import NotRunningError
from firmware.ledger import Ledger, Message, Moment, messages_in
from firmware.machine import MachineKey
from firmware.people import KeyRing
from firmware.place import Place
from firmware.store import open_reader
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
        held = held_by(place, signed_in(place, person, password_stdin=password_stdin))
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
        ring = signed_in(place, person, password_stdin=password_stdin)
        listen(place, ring, chosen_of(held_by(place, ring), message), brief=brief)


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
        ring = signed_in(place, person, password_stdin=password_stdin)
        write_out(place, ring, chosen_of(held_by(place, ring), message), file)


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
        ring = signed_in(place, person, password_stdin=password_stdin)
        chosen = chosen_of(held_by(place, ring), message)
        question = f"Delete {chosen.message[:8]}, {chosen.seconds:.0f} s, for ever?"
        if not yes and not typer.confirm(question, err=True):
            fail("nothing was deleted")
        account.give(place, ring.person, Act.DELETED, chosen.message)
        path = vault.sealed_path(place.messages, chosen.message)
        if path.exists():  # a crash may have come between the file and its row
            vault.destroy(path)
        _mark(place, chosen, "deleted")
        say(f"{chosen.message[:8]} is destroyed")


def listen(place: Place, ring: KeyRing, message: Message, *, brief: bool = False) -> None:
    """Played on this machine's loudspeaker."""
    program = player()
    heard = _opened(place, ring, message, Act.LISTENED)
    audio = _brief(heard.audio) if brief else heard.audio
    played = subprocess.run(program, input=_wav(audio), check=False)
    if played.returncode != 0:
        fail(f"{program[0]} could not play it: use `careline messages export`")
    _mark(place, message, "heard")


def write_out(place: Place, ring: KeyRing, message: Message, file: Path) -> None:
    """Written as a plain WAV file."""
    heard = _opened(place, ring, message, Act.EXPORTED)
    _write_private(file, _wav(heard.audio))
    _mark(place, message, "heard")
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
    table = Table("message", "mailbox", "left", "seconds", "", box=None)
    for message in held:
        when = datetime.fromisoformat(message.started).astimezone()
        table.add_row(
            message.message[:8],
            message.mailbox,
            f"{when:%a %-d %b %H:%M}",
            f"{message.seconds:.0f}",
            _remarks(message),
        )
    Console().print(table if held else "no messages")


def _opened(place: Place, ring: KeyRing, message: Message, act: Act) -> Heard:
    """That it is opened is accounted for first."""
    account.give(place, ring.person, act, message.message)
    path = vault.sealed_path(place.messages, message.message)
    heard = vault.hear(path, *ring.mailboxes[message.mailbox])
    if heard.cut_off:
        say(f"the recording was cut off after {heard.seconds:.0f} s; this is all there is")
    return heard


def held_by(place: Place, ring: KeyRing) -> list[Message]:
    """What lies in the mailboxes that the ring opens."""
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return messages_in(connection, ring.mailboxes.keys())
    finally:
        reader.dispose()


def chosen_of(held: list[Message], typed: str) -> Message:
    """The one whose id begins so."""
    fitting = [message for message in held if message.message.startswith(typed.lower())]
    if not fitting:
        fail(f"your mailboxes hold no message {typed!r}: see `careline messages list`", BAD_INPUT)
    if len(fitting) > 1:
        fail(f"{len(fitting)} messages begin with {typed!r}: give more letters", BAD_INPUT)
    return fitting[0]


def _mark(place: Place, message: Message, mark: Literal["heard", "deleted"]) -> None:
    """By the running exchange, or by ourselves when there is none: one writer at a time."""
    request = MarkMessageRequest(message=message.message, mark=mark)
    try:
        control.ask(place.control_socket, MARK_MESSAGE, request)
    except NotRunningError:
        asyncio.run(_mark_here(place, message.message, mark))


async def _mark_here(place: Place, message: str, mark: Literal["heard", "deleted"]) -> None:
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))
    try:
        if mark == "heard":
            await ledger.heard(message, Moment.now())
        else:
            await ledger.deleted(message, Moment.now())
    finally:
        ledger.close()


def _brief(audio: bytes) -> bytes:
    """Never shorter than its words; where nothing is told from silence, all of it."""
    return trimmed(pcm_from_bytes(audio)).tobytes() or audio


def _wav(audio: bytes) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(vault.SAMPLE_BYTES)
        file.setframerate(vault.SAMPLE_RATE)
        file.writeframes(audio)
    return written.getvalue()


def _write_private(file: Path, content: bytes) -> None:
    """For its owner's eyes only, also where the file was there before."""
    file.unlink(missing_ok=True)
    fd = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(fd, "wb") as opened:
        opened.write(content)


def _remarks(message: Message) -> str:
    remarks = {
        "urgent": message.urgent,
        "new": message.heard is None,
        "cut off": message.cut_off,
    }
    return ", ".join(word for word, holds in remarks.items() if holds)
