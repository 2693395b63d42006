"""The audit, to be read, checked and taken along."""

import json
import os
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rich.console import Console
from rich.progress import track
from rich.table import Table

from firmware import account
from firmware import audit as chain
from firmware.audit import Act, Entry, Verdict
from firmware.audit_watch import BROKEN
from firmware.cli.terminal import BAD_INPUT, explained, fail, say
from firmware.machine import MachineKey
from firmware.peer import Peer, at_the_shell
from firmware.place import Place
from firmware.store import open_reader

app = typer.Typer()
audit = typer.Typer(help="Who did what: a chain that shows whatever was done to it afterwards.")
app.add_typer(audit, name="audit", no_args_is_help=True)

KEY_SIZE = 32


@audit.command("list")
def list_(
    last: Annotated[int, typer.Option(help="How many of the newest.", min=1)] = 30,
) -> None:
    """The newest entries, the oldest of them first."""
    place = Place.from_environment()
    with explained():
        newest = deque(_chain(place), maxlen=last)
    table = Table("", "at (UTC)", "who", "what", "about", box=None)
    for each in newest:
        table.add_row(str(each.id), each.at[:19], each.who, each.act, each.about)
    Console().print(table if newest else "nothing has been entered yet")


@audit.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="An export; this box's if left out.")] = None,
    key: Annotated[
        str, typer.Option(help="The box's key, 64 digits, as an export or its owner has it.")
    ] = "",
) -> None:
    """Say whether every entry is as it was entered, and which is the first that is not."""
    place = Place.from_environment()
    with explained():
        if file is None:
            public = _public(place) if not key else _typed(key)
            verdict = _verified(_chain(place), public, _end(place))
        else:
            lines = file.read_text("utf-8").splitlines()
            verdict = _verified_export(lines, _typed(key) if key else None)
    if verdict.wrong:
        fail(f"{verdict.wrong}; the {verdict.entries} before it are as they were entered", BROKEN)
    say(f"all {verdict.entries} entries are as they were entered")


@audit.command()
def export(
    file: Annotated[Path, typer.Argument(help="The file to write, one JSON object a line.")],
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write all of it into a file that can be checked anywhere: `careline audit verify FILE`."""
    place = Place.from_environment()
    with explained():
        if file.exists() and not force:
            fail(f"{file} exists: choose another name, or give --force", BAD_INPUT)
        account.give(place, at_the_shell(), Act.EXPORTED, "the audit")
        public = _public(place).public_bytes_raw().hex()
        entries = list(_chain(place))
        lines = [chain.head(public, len(entries)), *map(chain.as_line, entries)]
        file.write_text("\n".join(lines) + "\n", "utf-8")
        say(f"{file}: {len(entries)} entries; keep the key {public} apart from it")


@audit.command()
def enter() -> None:
    """Enter a sign-in to the box itself: for pam_exec(8), or in front of sshd's ForceCommand. It
    reads PAM's variables or SSH's, and waits on the disk where no exchange runs."""
    try:
        who, act, about = _sign_in(os.environ)
    except ValueError as nothing:
        fail(str(nothing), BAD_INPUT)
    with explained():
        account.give_or_lay(Place.from_environment(), who, act, about)


def _sign_in(told: Mapping[str, str]) -> tuple[str, Act, str]:
    """Who came or went, by what, and from where; ValueError: nobody did."""
    acts = {"open_session": Act.SIGNED_IN, "close_session": Act.SIGNED_OUT}
    if (kind := told.get("PAM_TYPE", "")) in acts:
        by, who, origin = (told.get(f"PAM_{part}", "") for part in ("SERVICE", "USER", "RHOST"))
        return _shown(f"{by}: {who}"), acts[kind], _shown(f"from {origin}" if origin else "here")
    if origin := told.get("SSH_CONNECTION", ""):
        user = Peer(os.getpid(), os.getuid()).user
        return (
            _shown(f"ssh: {user}"),
            Act.SIGNED_IN,
            _shown(f"from {origin.split(' ')[0]}"),
        )
    raise ValueError("neither PAM nor SSH says who signed in: this is for pam_exec and sshd")


def _shown(text: str) -> str:
    """What may stand in a list on a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _chain(place: Place) -> list[Entry]:
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return list(chain.read(connection))
    finally:
        reader.dispose()


def _end(place: Place) -> str:
    return chain.newest_mark(place.ledger_log)


def _public(place: Place) -> Ed25519PublicKey:
    return chain.signer(MachineKey.at(place.machine_key)).public_key()


def _typed(key: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    except ValueError:
        fail(f"a key has {2 * KEY_SIZE} digits of 0-9 and a-f", BAD_INPUT)


def _verified(entries: list[Entry], public: Ed25519PublicKey, end: str) -> Verdict:
    shown = track(entries, "checking", console=Console(stderr=True), transient=True)
    return chain.verify(shown, public, end)


def _verified_export(lines: list[str], public: Ed25519PublicKey | None) -> Verdict:
    try:
        head = json.loads(lines[0])
        is_ours = head["file"] == chain.HEAD
        public = public or _typed(str(head["key"]))
        entries = [chain.from_line(line) for line in lines[1:]]
        expected = int(head["entries"])
    except (IndexError, KeyError, TypeError, ValueError) as wrong:
        fail(f"this is no export of an audit: {wrong}", BAD_INPUT)
    if not is_ours:
        fail("this is no export of an audit", BAD_INPUT)
    verdict = _verified(entries, public, "")
    if not verdict.wrong and verdict.entries != expected:
        return Verdict(verdict.entries, f"{expected} entries were exported", verdict.entries + 1)
    return verdict
