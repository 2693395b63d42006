"""The page: the service that people's browsers talk to."""

import asyncio
import os
import signal
from typing import Annotated

import typer

from firmware.durable import keep_to_ourselves
from firmware.journal import log_to_journal
from firmware.place import Place
from firmware.watchdog import notify

app = typer.Typer()

Port = typer.Option(min=1, max=65_535)
# Where both want the processor a call goes first: a screen may take a moment longer, and a caller
# must not hear that somebody looks at one.
GIVES_WAY = 10


@app.command()
def web(
    host: Annotated[
        str, typer.Option(help="the address it listens on; `::` is every one of the box's")
    ] = "127.0.0.1",
    https_port: Annotated[int, Port] = 8443,
    http_port: Annotated[int, Port] = 8080,
) -> None:
    """Serve the clinic's page by HTTPS, and how to trust it by HTTP: the service, in the
    foreground."""
    from firmware import people
    from firmware.web.limits import Limits
    from firmware.web.page import UPLOADS, house, page
    from firmware.web.serve import ServeError, serve
    from firmware.web.vendor import VendorError

    log_to_journal()
    place = Place.from_environment()
    keep_to_ourselves(place.home)
    os.nice(GIVES_WAY)

    def is_up() -> None:
        typer.echo(_told(place, https_port, http_port), err=True)
        notify("READY=1")

    async def until_asked() -> None:
        task = asyncio.current_task()
        assert task is not None
        for wish in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(wish, task.cancel)
        await serve(
            page(of),
            place,
            host=host,
            https_port=https_port,
            http_port=http_port,
            ready=is_up,
            limits=Limits(uploads=UPLOADS),
        )

    try:
        of = house(place)
        if not people.is_set_up(place.page_db):
            code = of.first.fresh_code()
            typer.echo(f"nobody has set up this clinic yet; one-time code: {code}", err=True)
        else:
            _bring_up_to_date(place)
        asyncio.run(until_asked())
    except (ServeError, VendorError) as why:
        typer.echo(f"careline web: {why}", err=True)
        raise typer.Exit(1) from None
    except asyncio.CancelledError:
        pass  # we were asked to end


def _bring_up_to_date(place: Place) -> None:
    """A disk that takes nothing keeps nobody from the page, which says so."""
    from firmware import people
    from firmware.store import StoreError

    try:
        people.bring_up_to_date(place.page_db)
    except (OSError, StoreError) as refused:
        typer.echo(f"careline web: {refused}", err=True)


def _told(place: Place, https_port: int, http_port: int) -> str:
    """What stands on the box's label too: whoever comes by http compares it."""
    from firmware.web.addresses import OWN_NAME, names_of_box
    from firmware.web.authority import authority_of

    lines = "\n    ".join(authority_of(place, names_of_box()).fingerprint)
    return (
        f"the page: https://{OWN_NAME}:{https_port}; how to trust it: http://{OWN_NAME}:{http_port}\n"
        f"the box's fingerprint (SHA-256):\n    {lines}"
    )
