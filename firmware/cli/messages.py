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
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from firmware import control, paper, people, vault
from firmware.control import ControlError, NotRunningError
from firmware.keys import KeyPair, KeyRefusedError
from firmware.ledger import Ledger, Message, Moment, messages_in
from firmware.machine import MachineKey, MachineKeyError
from firmware.paper import PaperError
from firmware.people import KeyRing, PeopleError
from firmware.place import Place
from firmware.settings import SiteFaults, beside, read
from firmware.store import StoreError, open_reader
from firmware.topics import MARK_MESSAGE, MarkMessageRequest
from firmware.vault import Heard, VaultError
from ivr.plan import Plan
from routing_core.audio import pcm_from_bytes
from routing_core.trim import trimmed

REFUSED, BAD_INPUT = 1, 2
# Each takes a WAV file on its standard input.
PLAYERS = (("aplay", "-q", "-"), ("pw-play", "-"), ("play", "-q", "-t", "wav", "-"))

app = typer.Typer()
messages = typer.Typer(help="Sealed messages, with the password of a member of their mailbox.")
app.add_typer(messages, name="messages", no_args_is_help=True)

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
Person = Annotated[
    str | None, typer.Option("--as", help="Who you are; may be left out when there is one person.")
]
Chosen = Annotated[str, typer.Argument(metavar="MESSAGE", help="Its first letters are enough.")]


@app.command()
def setup(
    person: Annotated[str | None, typer.Option(help="The first person's name.")] = None,
    *,
    password_stdin: PasswordStdin = False,
    add_mailboxes: Annotated[
        bool, typer.Option("--add-mailboxes", help="Only give keys to mailboxes that are new.")
    ] = False,
) -> None:
    """Make the clinic's recovery paper, its first person, and the keys of its mailboxes."""
    place = Place.from_environment()
    with _explained():
        site = _site(place)
        if add_mailboxes:
            wanted = {name: mailbox.members for name, mailbox in site.mailboxes.items()}
            new = people.add_mailboxes(place.page_db, wanted)
            _say(f"new keys for {', '.join(new)}" if new else "every mailbox has its keys already")
            return
        people.refuse_if_set_up(place.page_db)
        name = person or typer.prompt("Your name", err=True)
        people.check_name(name)
        password = _new_password(password_stdin=password_stdin)
        people.check_password(password)
        recovery = KeyPair.fresh()
        # Shown first: a paper without a set-up is waste paper, a set-up without one is a trap.
        made = datetime.now().astimezone().strftime("%-d %B %Y")
        typer.echo(paper.page(recovery, site.name, made))
        try:
            people.set_up(place.page_db, recovery.public, name, password, tuple(site.mailboxes))
        except BaseException:
            _say("set-up failed: the paper above is void, destroy it")
            raise
        _say(f"{name} can open {', '.join(site.mailboxes) or 'no mailbox yet'}")


@messages.command("list")
def list_(
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List the messages of your mailboxes, the oldest first."""
    place = Place.from_environment()
    with _explained():
        held = _held(place, signed_in(place, person, password_stdin=password_stdin))
    if as_json:
        typer.echo(json.dumps([asdict(message) for message in held]))
        return
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
    with _explained():
        found = _open(place, message, person, password_stdin=password_stdin)
        player = next((one for one in PLAYERS if shutil.which(one[0])), None)
        if player is None:
            names = ", ".join(one[0] for one in PLAYERS)
            _fail(f"no sound player here ({names}): use `careline messages export`")
        _warn_if_cut_off(found.heard)
        audio = _brief(found.heard.audio) if brief else found.heard.audio
        played = subprocess.run(player, input=_wav(audio), check=False)
        if played.returncode != 0:
            _fail(f"{player[0]} could not play it: use `careline messages export`")
        _mark(place, found.message, "heard")


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
    with _explained():
        if file.exists() and not force:
            _fail(f"{file} exists: choose another name, or give --force", BAD_INPUT)
        found = _open(place, message, person, password_stdin=password_stdin)
        _write_private(file, _wav(found.heard.audio))
        _warn_if_cut_off(found.heard)
        _mark(place, found.message, "heard")
        _say(f"{file}: {found.heard.seconds:.1f} s of plain audio; delete it when it has served")


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
    with _explained():
        ring = signed_in(place, person, password_stdin=password_stdin)
        chosen = _chosen(_held(place, ring), message)
        question = f"Delete {chosen.message[:8]}, {chosen.seconds:.0f} s, for ever?"
        if not yes and not typer.confirm(question, err=True):
            _fail("nothing was deleted")
        path = vault.sealed_path(place.messages, chosen.message)
        if path.exists():  # a crash may have come between the file and its row
            vault.destroy(path)
        _mark(place, chosen, "deleted")
        _say(f"{chosen.message[:8]} is destroyed")


@dataclass(frozen=True, slots=True)
class _Found:
    message: Message
    heard: Heard


def _open(place: Place, chosen: str, person: str | None, *, password_stdin: bool) -> _Found:
    ring = signed_in(place, person, password_stdin=password_stdin)
    message = _chosen(_held(place, ring), chosen)
    path = vault.sealed_path(place.messages, message.message)
    return _Found(message, vault.hear(path, ring.mailboxes[message.mailbox]))


def signed_in(place: Place, person: str | None, *, password_stdin: bool) -> KeyRing:
    """The keys of whoever gives the password."""
    name = person or _only_person(place)
    password = (
        _stdin_line()
        if password_stdin
        else typer.prompt(f"Password of {name}", hide_input=True, err=True)
    )
    return people.sign_in(place.page_db, name, password)


def _only_person(place: Place) -> str:
    names = people.names(place.page_db)
    if not names:
        raise PeopleError("this clinic is not set up yet: run `careline setup` first")
    if len(names) > 1:
        _fail("say who you are with --as NAME", BAD_INPUT)
    return names[0]


def _new_password(*, password_stdin: bool) -> str:
    if password_stdin:
        return _stdin_line()
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _stdin_line() -> str:
    return sys.stdin.readline().rstrip("\n")


def _held(place: Place, ring: KeyRing) -> list[Message]:
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return messages_in(connection, ring.mailboxes.keys())
    finally:
        reader.dispose()


def _chosen(held: list[Message], typed: str) -> Message:
    fitting = [message for message in held if message.message.startswith(typed.lower())]
    if not fitting:
        _fail(f"your mailboxes hold no message {typed!r}: see `careline messages list`", BAD_INPUT)
    if len(fitting) > 1:
        _fail(f"{len(fitting)} messages begin with {typed!r}: give more letters", BAD_INPUT)
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


def _warn_if_cut_off(heard: Heard) -> None:
    if heard.cut_off:
        _say(f"the recording was cut off after {heard.seconds:.0f} s; this is all there is")


def _site(place: Place) -> Plan:
    try:
        return read(place.site_file.read_text("utf-8"), beside(place.site_file))
    except FileNotFoundError:
        _fail(f"no site file at {place.site_file}: put the clinic's clinic.toml there", BAD_INPUT)
    except SiteFaults as faults:
        _fail(f"{place.site_file}: {faults}", BAD_INPUT)


@contextmanager
def _explained() -> Iterator[None]:
    """What goes wrong is said in one sentence and ends with a status of its own."""
    try:
        yield
    except (
        ControlError,
        KeyRefusedError,
        MachineKeyError,
        PaperError,
        PeopleError,
        StoreError,
        VaultError,
        OSError,
    ) as refused:
        _fail(str(refused))


def _say(words: str) -> None:
    typer.echo(words, err=True)


def _fail(words: str, status: int = REFUSED) -> NoReturn:
    typer.echo(f"careline: {words}", err=True)
    raise typer.Exit(status)
