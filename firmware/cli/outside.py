"""Telephones whose calls outside are stopped, and how one is let go again."""

import typer
from rich.console import Console

from firmware.control import ControlError, ask
from firmware.outside_desk import ALLOW, OUTSIDE, AllowRequest, OutsideRequest
from firmware.place import Place

REFUSED = 1

app = typer.Typer()
group = typer.Typer(help="Calls outside that were stopped.", invoke_without_command=True)
app.add_typer(group, name="outside")
say = Console(highlight=False, soft_wrap=True)
complain = Console(stderr=True, highlight=False, soft_wrap=True)


@group.callback()
def outside(context: typer.Context) -> None:
    """Which telephones call nobody outside, since when, and why; 911 goes on at each."""
    if context.invoked_subcommand is not None:
        return
    try:
        reply = ask(Place.from_environment().control_socket, OUTSIDE, OutsideRequest())
    except ControlError as refused:
        complain.print(str(refused), markup=False)
        raise typer.Exit(REFUSED) from None
    for stop in reply.stops:
        since = f"{stop.since.astimezone():%Y-%m-%d %H:%M}"
        say.print(f"telephone {stop.phone} is stopped since {since}: {stop.why}", markup=False)
    if not reply.stops:
        say.print("no telephone is stopped")


@group.command()
def allow(phone: str) -> None:
    """Let a telephone call outside again; it stands in the audit."""
    try:
        ask(Place.from_environment().control_socket, ALLOW, AllowRequest(phone=phone))
    except ControlError as refused:
        complain.print(str(refused), markup=False)
        raise typer.Exit(REFUSED) from None
    say.print(f"telephone {phone} calls outside again")
