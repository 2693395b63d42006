"""The services themselves: the exchange, and the runner behind `make run`."""

import asyncio
from typing import Annotated

import typer

from firmware.journal import log_to_journal
from firmware.place import Place

app = typer.Typer()


@app.command()
def exchange() -> None:
    """Answer, route, record and seal: the service, in the foreground."""
    from firmware.app import App

    log_to_journal()
    asyncio.run(App(Place.from_environment()).run())


@app.command()
def run(
    once: Annotated[bool, typer.Option(help="end after the demonstration call")] = False,
) -> None:
    """A whole clinic on this machine, with a telephone company of its own (`make run`)."""
    from firmware.run import RunError, main

    try:
        status = main(once=once)
    except RunError as missing:
        typer.echo(f"careline run: {missing}", err=True)
        raise typer.Exit(1) from None
    raise typer.Exit(status)
