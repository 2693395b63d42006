"""Backups: making one, restoring one, and trying each night whether that would work."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from firmware import account, backup, backup_keys
from firmware import drill as nightly
from firmware import restore as restoring
from firmware.audit import Act
from firmware.backup_keys import BackupError, Identity
from firmware.cli.terminal import explained, fail, say, typed_paper
from firmware.place import Place

app = typer.Typer()

STDOUT = "-"
BOX, PAPER, DRILL = "this box", "the recovery paper", "the drill identity"
MB = 1e6

PaperStdin = Annotated[
    bool, typer.Option("--paper-stdin", help="Read the paper's four lines, and ask nothing.")
]


@app.command(name="backup")
def make(
    target: Annotated[str, typer.Argument(help="A directory, as of a mounted stick; - to pipe.")],
    keep: Annotated[int, typer.Option(help="How many backups stay there.", min=1)] = backup.KEPT,
) -> None:
    """Write all that a spare box needs into one sealed file; calls go on meanwhile."""
    place = Place.from_environment()
    with explained():
        backup_keys.paper_recipient(place)
        account.give(place, BOX, Act.BACKED_UP, "a pipe" if target == STDOUT else target)
        with _shown("backing up", backup.size_of(place)) as shown:
            if target == STDOUT:
                made = backup.to_stream(place, sys.stdout.buffer, shown)
                sys.stdout.buffer.flush()
            else:
                made = backup.to_directory(place, Path(target), keep, shown)
        say(f"{made.file}: {made.files} files, {made.bytes / MB:.1f} MB{_pace(made)}")
        if target != STDOUT and Path(target).stat().st_dev == place.home.stat().st_dev:
            say("it lies on the box's own disk: what takes the disk takes the backup")
        if made.missing:
            say(f"{len(made.missing)} messages have no file on this box any more: see an older one")


@app.command(name="backup-paper")
def backup_paper(*, paper_stdin: PaperStdin = False) -> None:
    """Tell the box whom to make backups out to, with the recovery paper; once, for a clinic that
    was set up before there were backups."""
    place = Place.from_environment()
    with explained():
        typed = typed_paper(paper_stdin=paper_stdin)
        account.give(place, PAPER, Act.USED_PAPER, "backups")
        backup_keys.remember_paper(place, typed)
        say("backups are made out to this paper")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The backup.", exists=True, dir_okay=False)],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Set aside what this box holds, and restore.")
    ] = False,
    drill_key: Annotated[
        bool, typer.Option("--drill-key", help="Open it with this box's own key, not the paper.")
    ] = False,
    paper_stdin: PaperStdin = False,
) -> None:
    """Bring a backup back, on this or a spare box, with the recovery paper. Every file is proven
    before the first one is put in place."""
    place = Place.from_environment()
    with explained():
        who = DRILL if drill_key else PAPER
        identity = _identity(place, drill_key=drill_key, paper_stdin=paper_stdin)
        with _shown("restoring", file.stat().st_size) as shown:
            restored = restoring.restore(file, identity, place, shown, replace=replace)
        account.give(place, who, Act.RESTORED, file.name)
        say(f"{file.name} of {restored.made[:16]}Z by CareLine {restored.version} is in place")
        say("what was here before lies beside it, under before-restore-*") if replace else None
        say("now run `careline publish` with the site file, then start the services")


@app.command()
def drill(
    directory: Annotated[
        Path | None, typer.Argument(help="Where backups lie; where the last went if left out.")
    ] = None,
    *,
    scratch: Annotated[
        Path | None, typer.Option(help="Where to restore it to; the site's own disk if left out.")
    ] = None,
    last: Annotated[bool, typer.Option("--last", help="Only tell how the last one went.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Restore the newest backup into a scratch directory and look through it; status 1 if anything
    is wrong, or if the last one was more than a day ago."""
    place = Place.from_environment()
    with explained():
        if not last:
            _drilled(place, directory, scratch)
        told, wrong = nightly.last(place), nightly.alarm(place, datetime.now(UTC))
        if as_json:
            typer.echo(json.dumps({"alarm": wrong, "last": asdict(told) if told else None}))
        if wrong:
            fail(wrong)
        if told and not as_json:
            say(f"{told.file} restores well: tried {told.at[:16]}Z, {told.bytes / MB:.1f} MB")


def _drilled(place: Place, directory: Path | None, scratch: Path | None) -> None:
    try:
        size = nightly.newest_backup(place, directory).stat().st_size
    except (BackupError, OSError):
        size = 0  # the drill itself will say so, and write it down
    with _shown("trying", size) as shown:
        told = nightly.drill(place, directory, scratch, shown)
    account.give(place, BOX, Act.DRILLED, f"{told.file}: {'well' if told.is_well else 'not well'}")


def _identity(place: Place, *, drill_key: bool, paper_stdin: bool) -> Identity:
    if not drill_key:
        return backup_keys.of_paper(typed_paper(paper_stdin=paper_stdin))
    if not place.drill_key.exists():
        fail("this box has no drill identity: restore with the recovery paper")
    return backup_keys.of_drill(place)


def _pace(made: backup.Made) -> str:
    return f", {made.bytes / MB / made.seconds:.0f} MB/s" if made.seconds > 1 else ""


@contextmanager
def _shown(what: str, total: int) -> Iterator[Callable[[int], None]]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total or None)
        yield lambda size: progress.advance(task, size)
