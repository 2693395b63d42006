"""The command `careline`: each module here holds the commands of one subject; this file only
gathers them. Services and commands alike may hold keys, so none of them leaves a core."""

import gc
import importlib
import sys

import typer

from firmware.durable import keep_to_ourselves
from firmware.no_core import leave_no_core
from firmware.place import Place

# Each subject's commands, by the words they begin with: whoever types one waits for its own subject
# to be read, which takes a fraction of the time that all of them do.
SUBJECTS = {
    "site": ("check", "publish", "simulate"),
    "versions": ("versions",),
    "prompts": ("prompts",),
    "hours": ("when", "switch"),
    "oncall": ("oncall",),
    "people": ("setup", "people"),
    "message_acts": ("messages",),
    "recordings": ("recordings",),
    "audit": ("audit",),
    "evidence": ("evidence",),
    "retention": ("hold", "release", "holds", "retention"),
    "backups": ("backup", "backup-paper", "restore", "drill", "backups"),
    "requests": ("requests",),
    "patients": ("patients",),
    "calls": ("calls", "explain", "status", "call"),
    "agents": ("agents",),
    "callbacks": ("callbacks",),
    "desks": ("missed", "block", "unblock"),
    "figures": ("figures",),
    "replay": ("replay",),
    "network": ("network",),
    "guard": ("guard",),
    "outside": ("outside",),
    "texts": ("texts",),
    "sound": ("sound",),
    "lines": ("lines",),
    "panel": ("panel",),
    "power": ("power",),
    "update": ("update",),
    "doctor": ("doctor",),
    "watching": ("metrics", "log", "support", "keys", "fleet"),
    "services": ("exchange", "run", "root"),
    "web": ("web",),
    "bench": ("bench",),
    "dtmf": ("dtmf",),
}

app = typer.Typer(name="careline", no_args_is_help=True, pretty_exceptions_enable=False)


def main() -> None:
    """Entry point of the `careline` command."""
    leave_no_core()
    place = Place.from_environment()
    keep_to_ourselves(place.home)
    _end_a_restore(place)
    typed = sys.argv[1] if len(sys.argv) > 1 else ""
    gc.disable()  # what is read now stays: to look through it for rubbish takes a fifth of the time
    for name in [name for name, words in SUBJECTS.items() if typed in words] or SUBJECTS:
        app.add_typer(subject(name))
    gc.enable()
    app()


def subject(name: str) -> typer.Typer:
    """The commands of one subject."""
    commands: typer.Typer = importlib.import_module(f"firmware.cli.{name}").app
    return commands


def _end_a_restore(place: Place) -> None:
    """A power cut in the middle of one left half of it in place: first the rest."""
    if place.restoring.exists():
        try:
            importlib.import_module("firmware.restore").go_on(place)
        except OSError as refused:
            sys.exit(f"careline: a restore was cut short and cannot go on: {refused}")
