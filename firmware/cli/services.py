"""The services themselves: the exchange, root, and the runner behind `make run`."""

import asyncio
import os
import resource
from typing import Annotated

import typer

from firmware.journal import log_to_journal
from firmware.place import Place
from firmware.watchdog import notify

app = typer.Typer()


@app.command()
def exchange(
    calls: Annotated[
        int,
        typer.Option(help="callers at once; the next is left to the fail-safe", min=1, max=1024),
    ] = 64,
) -> None:
    """Answer, route, record and seal: the service, in the foreground."""
    from firmware.app import CANNOT_START, App

    log_to_journal()
    _keep_to_ourselves()
    try:
        asyncio.run(App(Place.from_environment(), calls=calls).run())
    except CANNOT_START as why:
        typer.echo(f"careline exchange: {why}", err=True)
        raise typer.Exit(1) from None


def _keep_to_ourselves() -> None:
    """No core of a process that knows callers' numbers, and no file that everybody may read."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    os.umask(0o027)


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


@app.command()
def root() -> None:
    """Carry out the few acts that need more rights than the exchange has: the service."""
    from firmware.asterisk.sandbox import Asterisk, launch_for
    from firmware.root import Root

    log_to_journal()
    place = Place.from_environment()
    asterisk = Asterisk(launch_for(place))
    trusted = frozenset({os.geteuid(), place.home.stat().st_uid})
    asyncio.run(Root(place.root_socket, asterisk.rx, trusted).serve(lambda: notify("READY=1")))
