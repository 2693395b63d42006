"""Recorded talks: listing, playing, export, deletion, by members of the mailbox that the line
or the queue names for them.

A recording is opened here, in the process of the person who gave the password, as a message is, and
accounted for part by part. Where nothing was recorded there is silence of the same length between
two marks, and why is said; played, a long gap is cut short.
"""

import json
import subprocess
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from firmware import account
from firmware.audit import Act
from firmware.cli.messages import destroy, player, write_private
from firmware.cli.terminal import (
    BAD_INPUT,
    PasswordStdin,
    Person,
    explained,
    fail,
    say,
    signed_in_to,
)
from firmware.opening import wav
from firmware.operations import Operation
from firmware.people import KeyRing
from firmware.place import Place
from firmware.recordings import CUT_OFF, NOT_AFTER, Recording, recorded_in
from firmware.store import open_reader
from firmware.talk_sound import HEARD_GAP_S, sound_of

app = typer.Typer()
recordings = typer.Typer(help="Recorded talks, with the password of a member of their mailbox.")
app.add_typer(recordings, name="recordings", no_args_is_help=True)

Chosen = Annotated[str, typer.Argument(metavar="CALL", help="Its first letters are enough.")]


@recordings.command("list")
def list_(
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """List the recorded talks that you may hear, the oldest first, each with its gaps."""
    place = Place.from_environment()
    with explained():
        held = held_by(
            place, signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        )
    if as_json:
        typer.echo(json.dumps([_plain(one) for one in held]))
        return
    table = Table("call", "line", "began", "seconds", "gaps", box=None)
    for one in held:
        table.add_row(
            one.call[:8],
            one.line,
            f"{one.parts[0].began.astimezone():%a %-d %b %H:%M}",
            f"{one.seconds:.0f}",
            "; ".join(_gaps(one)) or "none",
        )
    Console().print(table if held else "no recordings")


@recordings.command()
def play(call: Chosen, person: Person = None, *, password_stdin: PasswordStdin = False) -> None:
    """Play a recorded talk on this machine's loudspeaker."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        chosen = chosen_of(held_by(place, ring), call)
        program = player()
        sound = _opened(place, ring, chosen, Act.LISTENED, longest_gap_s=HEARD_GAP_S)
        if subprocess.run(program, input=wav(sound), check=False).returncode != 0:
            fail(f"{program[0]} could not play it: use `careline recordings export`")


@recordings.command()
def export(
    call: Chosen,
    file: Annotated[Path, typer.Argument(help="The WAV file to write.")],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a recorded talk as a plain WAV file, readable by anybody who gets the file."""
    place = Place.from_environment()
    with explained():
        if file.exists() and not force:
            fail(f"{file} exists: choose another name, or give --force", BAD_INPUT)
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        chosen = chosen_of(held_by(place, ring), call)
        write_private(file, wav(_opened(place, ring, chosen, Act.EXPORTED)))
        say(f"{file}: {chosen.seconds:.1f} s of plain audio; delete it when it has served")


@recordings.command()
def delete(
    call: Chosen,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
) -> None:
    """Destroy the keys and the files of a recorded talk, for ever."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        chosen = chosen_of(held_by(place, ring), call)
        question = f"Delete {chosen.call[:8]}, {chosen.seconds:.0f} s, for ever?"
        if not yes and not typer.confirm(question, err=True):
            fail("nothing was deleted")
        for part in chosen.parts:
            destroy(place, part.message, ring)
        say(f"{chosen.call[:8]} is destroyed, with receipts: `careline retention receipts`")


def held_by(place: Place, ring: KeyRing) -> list[Recording]:
    """The talks whose mailbox the ring opens."""
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return recorded_in(connection, ring.mailboxes.keys())
    finally:
        reader.dispose()


def chosen_of(held: list[Recording], typed: str) -> Recording:
    """The one whose call's id begins so."""
    fitting = [one for one in held if one.call.startswith(typed.lower())]
    if not fitting:
        fail(f"you may hear no recording {typed!r}: see `careline recordings list`", BAD_INPUT)
    if len(fitting) > 1:
        fail(f"{len(fitting)} recordings begin with {typed!r}: give more letters", BAD_INPUT)
    return fitting[0]


def _opened(
    place: Place, ring: KeyRing, chosen: Recording, act: Act, *, longest_gap_s: float | None = None
) -> bytes:
    """All of it in one; that a part is opened is accounted for first."""
    sound = sound_of(
        place, ring, chosen, partial(account.give, place, ring.person), act,
        longest_gap_s=longest_gap_s,
    )  # fmt: skip
    for told in (*_gaps(chosen), f"ends: {chosen.parts[-1].why}"):
        say(told)
    return sound


def _gaps(recording: Recording) -> list[str]:
    """Each gap as it is told: where, how long, and why."""
    began, told = recording.parts[0].began, []
    for part, gap in zip(recording.parts, recording.gaps, strict=False):
        minutes, seconds = divmod(round((part.ended - began).total_seconds()), 60)
        told.append(f"{gap.seconds:.0f} s at {minutes}:{seconds:02}, {gap.why}")
    if recording.parts[-1].why == CUT_OFF:
        told.append(f"at the end: {NOT_AFTER}")
    return told


def _plain(recording: Recording) -> dict[str, object]:
    return {
        "call": recording.call,
        "line": recording.line,
        "mailboxes": sorted({part.mailbox for part in recording.parts}),
        "began": _text(recording.parts[0].began),
        "seconds": recording.seconds,
        "ends": recording.parts[-1].why,
        "parts": [
            {"message": part.message, "began": _text(part.began), "seconds": part.seconds}
            for part in recording.parts
        ],
        "gaps": [{"seconds": gap.seconds, "why": gap.why} for gap in recording.gaps],
    }


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
