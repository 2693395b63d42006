"""Call-backs: who is still to be called, and that somebody is not to be called after all."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from firmware import topics
from firmware.cli.terminal import PasswordStdin, Person, asking, explained, signed_in_to
from firmware.control import ControlError, ask
from firmware.operations import Operation
from firmware.place import Place

app = typer.Typer()
callbacks = typer.Typer(help="Who is still to be called back.", invoke_without_command=True)
app.add_typer(callbacks, name="callbacks")
say = Console()
complain = Console(stderr=True)

NOT_DONE = 1
SHOWN = 8  # letters of a name


@callbacks.callback()
def list_callbacks(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Everybody who was promised a call-back and has not had it, by rank."""
    if context.invoked_subcommand is None:
        socket = Place.from_environment().control_socket
        try:
            reply = ask(socket, topics.CALLBACKS, topics.CallbacksRequest())
        except ControlError as refused:
            raise _refused(refused) from None
        _show(reply, as_json=as_json)


@callbacks.command()
def cancel(
    ticket: Annotated[str, typer.Argument(help="its name, as the list shows it, or more of it")],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Nobody is called for this ticket any more."""
    try:
        request = topics.CancelCallbackRequest(ticket=ticket)
    except ValueError:
        raise typer.BadParameter("at least four letters of a name as the list shows it") from None
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.SETTLE, place, person, password_stdin=password_stdin)
        with asking(place, ring) as session:
            reply = ask(place.control_socket, topics.CANCEL_CALLBACK, request, session=session)
    say.print(f"cancelled: nobody is called back for {ticket}", highlight=False)
    _show(reply, as_json=False)


def _show(reply: topics.CallbacksReply, *, as_json: bool) -> None:
    if as_json:
        typer.echo(reply.model_dump_json(indent=2))
        return
    _show_broken(reply)
    if not reply.callbacks:
        say.print("Nobody waits to be called back.")
        return
    table = Table("ticket", "queue", "waits", "tries", "now", "expires", box=None)
    for line in reply.callbacks:
        waits = f"{line.waits_s / 60:.0f} min"
        tries = str(line.tries)
        table.add_row(line.ticket[:SHOWN], line.queue, waits, tries, line.doing, line.expires)
    say.print(table)


def _show_broken(reply: topics.CallbacksReply) -> None:
    """Who asked, `careline explain` tells by the call; somebody may still see to it."""
    if reply.broken:
        table = Table("came to nothing", "queue", "call", "tries", "on", box=None)
        for broken in reply.broken:
            row = (broken.ending, broken.queue, broken.call[:SHOWN], str(broken.tries))
            table.add_row(*row, broken.closed[:16].replace("T", " ") + " UTC")
        say.print(table)


def _refused(refused: ControlError) -> typer.Exit:
    complain.print(f"{refused.why}: {refused.cure}", highlight=False, markup=False)
    return typer.Exit(NOT_DONE)
