"""What is asked by programs and people who watch the box from elsewhere: figures, the log, and one
file for who helps; and whose keys let them in by SSH."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firmware import account, looks, scrubbed, watch_keys
from firmware import fleet as boxes
from firmware.audit import Act
from firmware.cli.terminal import explained, fail
from firmware.durable import replace_file
from firmware.peer import at_the_shell
from firmware.place import Place
from firmware.support import support as made
from firmware.watch_keys import WatchKeyError
from firmware.watched_words import UNKNOWN

app = typer.Typer()
keys = typer.Typer(help="Who may watch this box by SSH, as the user monitor; typed as root.")
app.add_typer(keys, name="keys", no_args_is_help=True)

KeysFile = Annotated[Path, typer.Option("--file", help="where sshd looks", hidden=True)]


@app.command()
def metrics() -> None:
    """How the box is, as Prometheus reads it; `careline_up 0` where no exchange answers."""
    look = looks.look(Place.from_environment().control_socket)
    typer.echo(look.metrics, nl=False)


@app.command()
def log(
    last: Annotated[int, typer.Option(help="how many lines", min=1, max=10_000)] = 200,
    follow: Annotated[bool, typer.Option("--follow", help="and what comes after")] = False,
) -> None:
    """What the services said; numbers and addresses are taken out."""
    for line in scrubbed.lines(last, follow=follow):
        typer.echo(line)


@app.command()
def support(
    file: Annotated[Path | None, typer.Argument(help="printed if left out")] = None,
) -> None:
    """One file for who helps: figures, doctor, log, software, how the site file is laid out; no
    name, number or password."""
    text = made(Place.from_environment().control_socket)
    if file is None:
        typer.echo(text, nl=False)
        return
    with explained():
        replace_file(file, text.encode())


@app.command()
def fleet(
    hosts: Annotated[Path, typer.Argument(help="a TOML file: [boxes.NAME] with host", exists=True)],
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """How many boxes are, by ssh from this computer: a line each; ends as its worst does."""
    try:
        seen = asyncio.run(boxes.look(boxes.read(hosts.read_text("utf-8", "replace"))))
    except boxes.FleetError as refused:
        typer.echo(f"careline: {hosts}: {refused}", err=True)
        raise typer.Exit(UNKNOWN) from None
    if as_json:
        told = [
            {"box": each.name, "status": each.status, "why": each.why,
             "told": each.told and each.told.model_dump(mode="json")}
            for each in seen
        ]  # fmt: skip
        typer.echo(json.dumps(told, indent=2))
    else:
        table = Table("box", "", "calls", "waiting", "version", "not well", box=None)
        for each in seen:
            figures = ("", "", "") if each.told is None else (
                str(each.told.in_progress),
                str(sum(those.callers for those in each.told.waiting)),
                each.told.version,
            )  # fmt: skip
            table.add_row(each.name, each.said, *figures, escape(each.unwell))
        Console().print(table, highlight=False)
    raise typer.Exit(boxes.worst(seen))


@keys.command("list")
def list_(file: KeysFile = watch_keys.KEYS) -> None:
    """Whose keys are let in, with each key's fingerprint."""
    with explained():
        there = watch_keys.read(file)
    for each in there:
        typer.echo(f"{each.name}  {each.kind}  {each.fingerprint}")
    if not there:
        typer.echo("nobody may watch by SSH")


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="whose computer it is, as in anna-laptop")],
    public: Annotated[
        Path | None, typer.Argument(help="the .pub file; standard input if left out", exists=True)
    ] = None,
    file: KeysFile = watch_keys.KEYS,
) -> None:
    """Let in whoever has this key."""
    with explained():
        typed = sys.stdin.read(20_000) if public is None else public.read_text("utf-8", "replace")
        try:
            new = watch_keys.checked(watch_keys.read(file), name, typed)
        except WatchKeyError as refused:
            fail(str(refused))
        _enter(Act.LET_WATCH, name)
        watch_keys.write(file, [*watch_keys.read(file), new])
    typer.echo(f"{new.name}  {new.kind}  {new.fingerprint}")


@keys.command()
def remove(name: str, file: KeysFile = watch_keys.KEYS) -> None:
    """From now on this key opens nothing."""
    with explained():
        try:
            left = watch_keys.without(watch_keys.read(file), name)
        except WatchKeyError as refused:
            fail(str(refused))
        _enter(Act.UNLET_WATCH, name)
        watch_keys.write(file, left)


def _enter(act: Act, name: str) -> None:
    account.give_or_lay(Place.from_environment(), at_the_shell(), act, name)
