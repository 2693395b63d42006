"""Calls: listing them, watching the exchange, placing a test call."""

import json
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from firmware import topics
from firmware.control import ControlError, ask
from firmware.place import Place

app = typer.Typer()
say = Console()
complain = Console(stderr=True)

NOT_WELL = 1
STATE_STYLES = {"well": "green", "warning": "yellow", "alarm": "bold red"}


@app.command()
def calls(
    limit: Annotated[int, typer.Option(help="how many, the newest first", min=1, max=1000)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """The newest calls and how each ended."""
    try:
        reply = ask(
            Place.from_environment().control_socket, topics.CALLS, topics.CallsRequest(limit=limit)
        )
    except ControlError as refused:
        raise _refused(refused) from None
    if as_json:
        typer.echo(reply.model_dump_json(indent=2))
        return
    table = Table("arrived", "line", "lasted", "outcome", "call", box=None)
    for call in reply.calls:
        table.add_row(
            call.arrived, call.line, _lasted(call), call.outcome or "in progress", call.call
        )
    say.print(table if reply.calls else "no calls yet")


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """How the exchange is; status 1 when anything is not well."""
    try:
        reply = ask(Place.from_environment().control_socket, topics.STATUS, topics.StatusRequest())
    except ControlError as refused:
        if as_json:
            typer.echo(json.dumps({"running": False, "why": refused.why, "cure": refused.cure}))
        raise _refused(refused) from None
    if as_json:
        typer.echo(reply.model_dump_json(indent=2))
    else:
        _show_status(reply)
    if not reply.balanced or any(part.state == "alarm" for part in reply.parts):
        raise typer.Exit(NOT_WELL)


def _show_status(reply: topics.StatusReply) -> None:
    ended = [f"{count} {outcome}" for outcome, count in reply.outcomes.items() if count]
    total = " + ".join([*ended, f"{reply.in_progress} in progress"])
    say.print(f"CareLine {reply.version}, up {reply.up_s:.0f} s, process {reply.pid}")
    say.print(f"calls: {reply.offered} offered = {total}")
    if not reply.balanced:
        say.print("[bold red]the ledger does not balance: keep ledger.log, and report this")
    for part in reply.parts:
        style = STATE_STYLES[part.state]
        say.print(f"[{style}]{part.state:8}[/] {part.name}: {part.detail}", highlight=False)
        if part.cure:
            say.print(f"         {part.cure}", highlight=False)


def _lasted(call: topics.CallLine) -> str:
    if call.ended is None:
        return ""
    seconds = (datetime.fromisoformat(call.ended) - datetime.fromisoformat(call.arrived)).seconds
    return f"{seconds // 60}:{seconds % 60:02}"


def _refused(refused: ControlError) -> typer.Exit:
    complain.print(f"{refused.why}: {refused.cure}", highlight=False, markup=False)
    return typer.Exit(NOT_WELL)
