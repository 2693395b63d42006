"""The services themselves: the exchange, and the runner behind `make run`."""

import asyncio
import sys

import structlog
import typer

from firmware.place import Place

app = typer.Typer()


@app.command()
def exchange() -> None:
    """Answer, route, record and seal: the service, in the foreground."""
    from firmware.app import App

    _log_to_journal()
    asyncio.run(App(Place.from_environment()).run())


def _log_to_journal() -> None:
    """Plain lines on standard error, which systemd and the runner keep; never a caller's data."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
