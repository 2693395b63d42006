"""The envelope: made by an admin who can open everything, opened once by whoever holds it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from firmware import account
from firmware import envelope as sealed
from firmware import people as known
from firmware.audit import Act
from firmware.cli import messages
from firmware.cli.terminal import (
    BAD_INPUT,
    ByPaper,
    PasswordStdin,
    Person,
    by_paper,
    denials,
    explained,
    fail,
    say,
    signed_in_to,
    site_of,
    stdin_line,
)
from firmware.opening import held_by
from firmware.operations import Operation
from firmware.people import KeyRing
from firmware.place import Place
from firmware.vault import VaultError

app = typer.Typer()


@app.command()
def envelope(
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    with_paper: ByPaper = False,
) -> None:
    """Print a code for an envelope: it opens every mailbox once, when nobody is there who can. The
    one before it is void."""
    place = Place.from_environment()
    with explained():
        site = site_of(place)
        ring = (
            by_paper(place, paper_stdin=password_stdin)
            if with_paper
            else signed_in_to(Operation.PEOPLE, place, person, password_stdin=password_stdin)
        )
        code, now = sealed.fresh_code(), datetime.now(UTC)
        account.give(place, ring.person, Act.ENVELOPE)
        with denials(place, ring.person, "envelope"):
            known.make_envelope(place.page_db, ring, code, now)
        typer.echo(sealed.page(code, site.name, f"{now.astimezone():%-d %B %Y}"))
        say("`careline status` says whether it is still sealed")


@app.command("break-glass")
def break_glass(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Who you are; it is entered.")],
    *,
    code_stdin: Annotated[
        bool, typer.Option("--code-stdin", help="Read the code, then messages, a line each.")
    ] = False,
    into: Annotated[
        Path | None,
        typer.Option("--into", help="A directory for WAV files, in place of the loudspeaker."),
    ] = None,
) -> None:
    """Open the envelope and listen, now and never again. Everybody in charge is told."""
    place = Place.from_environment()
    with explained():
        _refuse_what_would_waste_it(into)
        code = stdin_line() if code_stdin else typer.prompt("Code of the envelope", err=True)
        with denials(place, f"envelope: {name}", "envelope"):
            known.check_envelope(place.page_db, code, name)
        account.give(place, name, Act.BROKE_GLASS)
        ring = known.break_glass(place.page_db, code, name, datetime.now(UTC))
        say("the envelope is open until this command ends, and void from now on")
        messages.show(held_by(place, ring.mailboxes))
        while typed := _asked(code_stdin=code_stdin):
            _hear(place, ring, typed, into)
        say("closed: what is left from now on is sealed to new keys")


def _refuse_what_would_waste_it(into: Path | None) -> None:
    if into is None:
        messages.player()
    elif not into.is_dir():
        fail(f"{into} is no directory: make it first; nothing was opened", BAD_INPUT)


def _asked(*, code_stdin: bool) -> str:
    if code_stdin:
        return stdin_line().strip()
    asked = typer.prompt("Which message (Enter ends)", default="", show_default=False, err=True)
    return str(asked).strip()


def _hear(place: Place, ring: KeyRing, typed: str, into: Path | None) -> None:
    """A slip or a damaged message does not close the envelope."""
    try:
        message = messages.chosen_of(held_by(place, ring.mailboxes), typed)
        if into is None:
            messages.listen(place, ring, message)
        else:
            file = into / f"{message.message[:8]}.wav"
            messages.write_out(place, ring, message, file)
    except typer.Exit:
        return  # said already
    except (VaultError, OSError) as fault:
        say(str(fault))
