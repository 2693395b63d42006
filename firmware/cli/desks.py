"""Telephones' missed calls, and callers who are asked before anybody is rung for them."""

from typing import Annotated, Literal

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from firmware import topics
from firmware.cli.terminal import PasswordStdin, Person, asking, explained, signed_in_to
from firmware.control import ControlError, ask
from firmware.operations import Operation
from firmware.place import Place

app = typer.Typer()
say = Console()
complain = Console(stderr=True)
NOT_DONE = 1
CALL_SHOWN = 8

Call = Annotated[str, typer.Argument(help="the call's id, or its beginning (see: careline calls)")]


@app.command()
def missed(
    extension: Annotated[str, typer.Argument(help="one phone's; all if left out")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Calls that rang at a phone for nobody, the newest first."""
    try:
        request = topics.MissedRequest(extension=extension)
        reply = ask(Place.from_environment().control_socket, topics.MISSED, request)
    except ValidationError:
        raise typer.BadParameter("an extension has 2 to 6 digits") from None
    except ControlError as refused:
        raise _refused(refused) from None
    if as_json:
        typer.echo(reply.model_dump_json(indent=2))
        return
    table = Table("phone", "at (UTC)", "call", box=None)
    for each in reply.calls:
        table.add_row(each.extension, each.at[:19], each.call[:CALL_SHOWN] or "from a desk")
    say.print(table)


@app.command()
def block(call: Call = "", person: Person = None, *, password_stdin: PasswordStdin = False) -> None:
    """Whoever placed this call is asked first when they call again, and no phone rings unless they
    press the key. Without a call: how many are blocked."""
    _tell(call, "blocked" if call else "asked", person, password_stdin=password_stdin)


@app.command()
def unblock(call: Call, person: Person = None, *, password_stdin: PasswordStdin = False) -> None:
    """Whoever placed this call gets through again."""
    _tell(call, "admitted", person, password_stdin=password_stdin)


def _tell(
    call: str,
    to: Literal["blocked", "admitted", "asked"],
    person: str | None,
    *,
    password_stdin: bool,
) -> None:
    try:
        request = topics.BlockRequest(call=call, to=to)
    except ValidationError:
        raise typer.BadParameter("a call's id holds 0 to 9, a to f and dashes") from None
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.SETTLE, place, person, password_stdin=password_stdin)
        with asking(place, ring) as session:
            reply = ask(place.control_socket, topics.BLOCK, request, session=session)
    if to != "asked" and not reply.known:
        why = {
            "blocked": "there is no such call, or it showed no number: see `careline calls`",
            "admitted": "the caller of this call is not blocked",
        }[to]
        complain.print(why, highlight=False, markup=False)
        raise typer.Exit(NOT_DONE)
    say.print(f"callers blocked by hand: {reply.blocked}", highlight=False)


def _refused(refused: ControlError) -> typer.Exit:
    complain.print(f"{refused.why}: {refused.cure}", highlight=False, markup=False)
    return typer.Exit(NOT_DONE)
