"""The command `careline`: each module here holds the commands of one subject; this file only
gathers them."""

import importlib

import typer

SUBJECTS = (
    "site",
    "hours",
    "oncall",
    "messages",
    "calls",
    "agents",
    "figures",
    "services",
    "bench",
    "dtmf",
)

app = typer.Typer(name="careline", no_args_is_help=True, pretty_exceptions_enable=False)


def main() -> None:
    """Entry point of the `careline` command."""
    for subject in SUBJECTS:
        app.add_typer(importlib.import_module(f"firmware.cli.{subject}").app)
    app()
