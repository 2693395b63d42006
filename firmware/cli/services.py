"""The services themselves: the exchange, root, and the runner behind `make run`."""

import asyncio
import os
import signal
from contextlib import suppress
from typing import Annotated

import typer

from firmware import disk_refuses
from firmware.durable import keep_to_ourselves
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
    place = Place.from_environment()
    keep_to_ourselves(place.home)
    try:
        asyncio.run(App(place, calls=calls).run())
    except CANNOT_START as why:
        of_disk = disk_refuses.behind(why, place.home)
        told = f"{of_disk}; {disk_refuses.CURE}" if of_disk else str(why)
        typer.echo(f"careline exchange: {told}", err=True)
        raise typer.Exit(1) from None


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
def root(
    network: Annotated[
        bool, typer.Option(help="this machine's network is the box's, told by systemd-networkd")
    ] = False,
    guard: Annotated[
        bool, typer.Option(help="this machine's packet filter is the box's, told by nft")
    ] = False,
    power: Annotated[
        bool, typer.Option(help="this machine is the box's alone, and may be switched off")
    ] = False,
    update: Annotated[
        bool, typer.Option(help="this machine runs from CareLine's image: RAUC updates it")
    ] = False,
) -> None:
    """Carry out the few acts that need more rights than the exchange has: the service."""
    from firmware import spool
    from firmware.asterisk.sandbox import Asterisk, launch_for
    from firmware.audit import Act, Audited
    from firmware.durable import replace_file, sync_directory
    from firmware.ledger import Moment
    from firmware.root import Root, switched_off
    from firmware.update.acts import BoxUpdate
    from hw.network import Networkd
    from hw.packet_filter import Nftables

    log_to_journal()
    place = Place.from_environment()
    asterisk = Asterisk(launch_for(place))
    trusted = frozenset({os.geteuid(), place.home.stat().st_uid})

    def entered(who: str, about: str) -> None:
        spool.lay(place.audit_spool, Audited(who, Act.BY_ROOT, about, Moment.now()))

    device = Networkd(replace_file, sync_directory) if network else None
    filtered, off = Nftables() if guard else None, switched_off if power else None
    service = Root(
        place.root_socket,
        asterisk.rx,
        trusted,
        entered,
        device,
        filtered,
        power_off=off,
        update=BoxUpdate(place) if update else None,
    )

    async def until_asked() -> None:
        task = asyncio.current_task()
        assert task is not None
        # Asked to end, it takes back a network that is on trial.
        for wish in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(wish, task.cancel)
        await service.serve(lambda: notify("READY=1"))

    with suppress(asyncio.CancelledError):
        asyncio.run(until_asked())
