"""Texts: what became of the last, which numbers wrote STOP, and texts let go again to whoever asked
for it."""

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firmware.cli.terminal import PasswordStdin, Person, asking, explained, signed_in_to
from firmware.control import ask
from firmware.operations import Operation
from firmware.place import Place
from firmware.texts_desk import ALLOW_TEXTS, TEXTS, AllowTextsRequest, Asked, TextsRequest

OWN_WORDS = ("called", "messages", "callback", "started")
SHORT = 8  # of a request's id

app = typer.Typer()
group = typer.Typer(
    help="What became of the last texts, and who wrote STOP.", invoke_without_command=True
)
app.add_typer(group, name="texts")
say = Console(highlight=False, soft_wrap=True)


@group.callback()
def texts(
    context: typer.Context,
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """What became of the last texts; which numbers wrote STOP, and whose of the clinic they are."""
    if context.invoked_subcommand is not None:
        return
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.SETTLE, place, person, password_stdin=password_stdin)
        with asking(place, ring) as session:
            reply = ask(place.control_socket, TEXTS, TextsRequest(), session=session)
    if reply.texts:
        table = Table("when", "of", "to", "what became of it", box=None)
        for text in reversed(reply.texts):
            why = f": {text.why}" if text.why else ""
            of = text.about if text.about in OWN_WORDS else f"request {text.about[:SHORT]}"
            whom = text.person or text.number
            table.add_row(_moment(text.at), of, escape(whom), f"{text.state}{why}")
        say.print(table)
    if not reply.stops:
        say.print("nobody wrote STOP")
        return
    table = Table("number", "of the clinic", "wrote STOP", box=None)
    for stop in reply.stops:
        table.add_row(stop.number or "not kept", escape(stop.person), _moment(stop.since))
    say.print(table)


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M}"


@group.command()
def allow(
    whose: Annotated[
        str, typer.Argument(metavar="WHOSE", help="the whole number, or a name of the site file")
    ],
    person: Person = None,
    *,
    asked: Annotated[Asked, typer.Option(help="how they asked for it")] = Asked.BY_TELEPHONE,
    password_stdin: PasswordStdin = False,
) -> None:
    """Texts go again to who asked for it themselves; it stands in the audit, and they are told."""
    place = Place.from_environment()
    is_number = any(each.isdigit() for each in whose) and not any(map(str.isalpha, whose))
    wish = AllowTextsRequest(
        number=whose[:32] if is_number else "", person="" if is_number else whose[:64], asked=asked
    )
    with explained():
        ring = signed_in_to(Operation.SETTLE, place, person, password_stdin=password_stdin)
        with asking(place, ring) as session:
            ask(place.control_socket, ALLOW_TEXTS, wish, session=session)
    say.print("they get texts again, and are told so by one")
