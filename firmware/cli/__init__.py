"""The command `careline`: each module here holds the commands of one subject; this file only
gathers them."""

import importlib
import sys

import typer

SUBJECTS = (
    "site",
    "hours",
    "oncall",
    "people",
    "messages",
    "audit",
    "requests",
    "patients",
    "calls",
    "agents",
    "callbacks",
    "desks",
    "figures",
    "replay",
    "services",
    "bench",
    "dtmf",
)

# Commands for which callers wait, or which are given again and again: only their own subject is
# read for them, and they begin half a second sooner.
ALONE = {
    "exchange": "services",
    "root": "services",
    "agents": "agents",
    "call": "calls",
    "messages": "messages",
}

app = typer.Typer(name="careline", no_args_is_help=True, pretty_exceptions_enable=False)


def main() -> None:
    """Entry point of the `careline` command."""
    alone = ALONE.get(sys.argv[1]) if len(sys.argv) > 1 else None
    for subject in SUBJECTS if alone is None else (alone,):
        app.add_typer(importlib.import_module(f"firmware.cli.{subject}").app)
    app()
