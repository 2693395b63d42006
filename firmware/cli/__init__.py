"""The command `careline`: each module here holds the commands of one subject; this file only
gathers them."""

import importlib
import sys

import typer

from firmware.place import Place

SUBJECTS = (
    "site",
    "hours",
    "oncall",
    "people",
    "messages",
    "audit",
    "backups",
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
    _end_a_restore(Place.from_environment())
    alone = ALONE.get(sys.argv[1]) if len(sys.argv) > 1 else None
    for subject in SUBJECTS if alone is None else (alone,):
        app.add_typer(importlib.import_module(f"firmware.cli.{subject}").app)
    app()


def _end_a_restore(place: Place) -> None:
    """A power cut in the middle of one left half of it in place: first the rest."""
    if place.restoring.exists():
        try:
            importlib.import_module("firmware.restore").go_on(place)
        except OSError as refused:
            sys.exit(f"careline: a restore was cut short and cannot go on: {refused}")
