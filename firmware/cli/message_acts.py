"""What a mailbox's members do about its messages: done or new again, whose it is, notes, to another
mailbox, and the number to call back.

Whoever does it has given the password, so the box knows who it was. Notes and numbers are shown to
nobody else.
"""

from datetime import datetime
from functools import partial
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.text import Text

import firmware.cli.by_phone  # noqa: F401 - its command is one of these
from firmware import message_acts
from firmware.cli import messages as played
from firmware.cli.messages import Chosen, chosen_of, messages, opening
from firmware.cli.terminal import (
    BAD_INPUT,
    PasswordStdin,
    Person,
    asking,
    explained,
    fail,
    say,
    signed_in_to,
    stdin_line,
)
from firmware.ledger import Message
from firmware.message_acts import NOTE_MOST, MessageActRequest
from firmware.opening import Opening, held_by, lies_in
from firmware.operations import Operation
from firmware.people import KeyRing
from firmware.place import Place

NOBODY = "nobody"

app = played.app  # of which all of this is a part

In = Annotated[
    str | None,
    typer.Option("--in", metavar="MAILBOX", help="Which, where it lies in several of yours."),
]
ActWord = Literal["new", "done", "own"]


@messages.command()
def show(
    message: Chosen,
    mailbox: In = None,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """A message and the notes on it."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        chosen = _chosen(place, ring, message, mailbox)
        _show(place, opening(place, ring, chosen))


@messages.command()
def done(
    message: Chosen,
    mailbox: In = None,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """It has been seen to."""
    _do(message, mailbox, person, password_stdin, "done", "", "is done")


@messages.command()
def new(
    message: Chosen,
    mailbox: In = None,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """As if nobody had heard it yet: the lamp comes on again."""
    _do(message, mailbox, person, password_stdin, "new", "", "is new again")


@messages.command()
def give(
    message: Chosen,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A member, or nobody.")],
    mailbox: In = None,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Say who sees to it: yourself, another member of the mailbox, or nobody any more."""
    owner = "" if name == NOBODY else name
    _do(message, mailbox, person, password_stdin, "own", owner, f"is {name}'s")


@messages.command()
def note(
    message: Chosen,
    mailbox: In = None,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Write something about a message, for whoever can open it."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        chosen = _chosen(place, ring, message, mailbox)
        words = stdin_line() if password_stdin else str(typer.prompt("Note", err=True))
        if not 0 < len(words.strip()) <= NOTE_MOST:
            fail(f"a note has 1 to {NOTE_MOST} characters: nothing was written", BAD_INPUT)
        _ask(place, ring, opening(place, ring, chosen).note(words.strip()))
        say(f"noted on {chosen.message[:8]}")


@messages.command()
def forward(
    message: Chosen,
    to: Annotated[str, typer.Argument(metavar="MAILBOX", help="Whose members shall have it too.")],
    mailbox: In = None,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Let another mailbox have a message too. It is new there, and its notes go with it."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        chosen = _chosen(place, ring, message, mailbox)
        opening(place, ring, chosen).forward(to, partial(_ask, place, ring))
        say(f"{chosen.message[:8]} lies in {to} too, and is new there")


@messages.command()
def number(
    message: Chosen,
    mailbox: In = None,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """The caller's number, to call back; a desk phone dials it by itself."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        chosen = _chosen(place, ring, message, mailbox)
        found = opening(place, ring, chosen).number()
        if not found:
            fail("the caller showed no number: listen whether the message says one")
        typer.echo(found)


def _do(
    message: str,
    mailbox: str | None,
    person: str | None,
    password_stdin: bool,
    act: ActWord,
    to: str,
    told: str,
) -> None:
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.LISTEN, place, person, password_stdin=password_stdin)
        chosen = _chosen(place, ring, message, mailbox)
        _ask(place, ring, opening(place, ring, chosen).wish(act=act, to=to))
        say(f"{chosen.message[:8]} in {chosen.mailbox} {told}")


def _ask(place: Place, ring: KeyRing, wish: MessageActRequest) -> None:
    with asking(place, ring) as session:
        message_acts.do(place, wish, session)


def _chosen(place: Place, ring: KeyRing, typed: str, mailbox: str | None) -> Message:
    held = [one for one in held_by(place, ring.mailboxes) if mailbox in (None, one.mailbox)]
    chosen = chosen_of(held, typed)
    mine = [one.mailbox for one in held if one.message == chosen.message]
    if len(mine) > 1:
        fail(f"it lies in {' and '.join(mine)}: say which with --in", BAD_INPUT)
    return chosen


def _show(place: Place, opened: Opening) -> None:
    chosen = opened.message
    written = opened.notes()
    others = sorted(lies_in(place, chosen.message) - {chosen.mailbox})
    left = datetime.fromisoformat(chosen.started).astimezone()
    state = "done" if chosen.done else "heard" if chosen.heard else "new"
    out = Console(highlight=False, soft_wrap=True)
    out.print(
        Text(f"{chosen.mailbox}, left {left:%a %-d %b %H:%M}, {chosen.seconds:.0f} s, {state}")
    )
    out.print(Text(f"owner: {chosen.owner or NOBODY}"))
    if others:
        out.print(Text(f"also in {', '.join(others)}"))
    for each in written:
        at = datetime.fromisoformat(each.at).astimezone()
        out.print(Text(f"{at:%a %-d %b %H:%M} {each.by}: {each.words}"))
