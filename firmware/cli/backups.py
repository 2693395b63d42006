"""Backups: making one, restoring one, and trying each night whether that would work."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from firmware import account, backup, backup_keys
from firmware import drill as nightly_drill
from firmware import restore as restoring
from firmware.audit import Act
from firmware.backup_keys import BackupError, Identity
from firmware.backup_section import KEPT, Nightly, nightly_of
from firmware.cli import restore_wizard
from firmware.cli.restore_wizard import DRILL, MB, PAPER, finished, progress_shown
from firmware.cli.terminal import BAD_INPUT, explained, fail, say, typed_paper
from firmware.drill_call import self_test
from firmware.place import Place
from firmware.restore import Sealed
from firmware.shelf import Folder, Shelf, on_own_disk, refuse_own_disk, shelf_of

app = typer.Typer()

STDOUT = "-"
BOX = "this box"

ByTimer = Annotated[
    bool,
    typer.Option("--by-timer", help="For the exchange: tell how far it is by lines.", hidden=True),
]
PaperStdin = Annotated[
    bool, typer.Option("--paper-stdin", help="Read the paper's four lines, and ask nothing.")
]


@app.command(name="backup")
def make(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A directory, usb, usb:LABEL or sftp://USER@HOST/FOLDER; - to pipe. As the site"
            " file says if left out."
        ),
    ] = None,
    keep: Annotated[int | None, typer.Option(help="How many backups stay there.", min=1)] = None,
    *,
    by_timer: ByTimer = False,
) -> None:
    """Write all that a spare box needs into one sealed file; calls go on meanwhile."""
    place = Place.from_environment()
    with explained():
        backup_keys.paper_recipient(place)
        if target == STDOUT:
            made = _piped(place)
        else:
            made = _shelved(place, target, keep, by_timer=by_timer)
        say(f"{made.file}: {made.files} files, {made.bytes / MB:.1f} MB{_pace(made)}")
        if made.missing:
            say(f"{len(made.missing)} messages have no file on this box any more: see an older one")


def _piped(place: Place) -> backup.Made:
    account.give(place, BOX, Act.BACKED_UP, "a pipe")
    with _shown("backing up", backup.size_of(place)) as shown:
        made = backup.to_stream(place, sys.stdout.buffer, shown)
        sys.stdout.buffer.flush()
        return made


def _shelved(place: Place, target: str | None, keep: int | None, *, by_timer: bool) -> backup.Made:
    nightly = nightly_of(place) if target is None else None
    if target is None and nightly is None:
        fail("say where to, or add [backup] to the site file", BAD_INPUT)
    where = target or (nightly.to if nightly else "")
    with closing(shelf_of(place, where)) as shelf:
        if nightly is not None and not nightly.own_disk:
            refuse_own_disk(place, shelf)
        account.give(place, BOX, Act.BACKED_UP, shelf.where)
        stays = keep or (nightly.keep if nightly else KEPT)
        with _shown("backing up", backup.size_of(place), by_timer=by_timer) as shown:
            made = backup.to_shelf(place, shelf, stays, shown)
        if isinstance(shelf, Folder) and on_own_disk(place, shelf.folder):
            say("it lies on the box's own disk: what takes the disk takes the backup")
    return made


listing = typer.Typer()


@listing.callback(invoke_without_command=True)
def backups(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """How the backups of this box are, and which there are; status 1 if they need somebody."""
    if context.invoked_subcommand is not None:
        return
    place = Place.from_environment()
    with explained():
        nightly, now = nightly_of(place), datetime.now(UTC)
        made, told = backup.last_made(place), nightly_drill.last(place)
        wrong = nightly_drill.alarm(place, now)
        if as_json:
            last = asdict(told) if told else None
            typer.echo(json.dumps({"alarm": wrong, "made": made or None, "drill": last}))
        else:
            _tell_of(nightly, made, told, now)
            where = nightly.to if nightly else made.get("to")
            if where is not None:
                _list(place, where)
        if wrong:
            fail(wrong)


def _tell_of(
    nightly: Nightly | None, made: dict[str, str], told: nightly_drill.Told | None, now: datetime
) -> None:
    if nightly is None:
        say("none is made by itself: add [backup] to the site file, and publish it")
    else:
        say(f"each night at {nightly.at:%H:%M} to {nightly.to}, {nightly.keep} of them stay")
    if made:
        hours = (now - datetime.fromisoformat(made["at"])).total_seconds() / 3600
        say(f"the last: {made['file']}, {hours:.0f} hours old, at {made['to']}")
    if told is not None:
        called = f", and a call was {told.called}" if told.called else ""
        how = f"it restored well in {told.seconds:.0f} s{called}" if told.is_well else told.wrong
        say(f"the last drill, {told.at[:16]}Z, of {told.file}: {how}")


def _list(place: Place, where: str) -> None:
    with closing(shelf_of(place, where)) as shelf:
        for name in backup.on_shelf(place, shelf):
            typer.echo(f"{name}  {shelf.size(name) / MB:,.1f} MB")


@listing.command()
def key() -> None:
    """This box's own key, for the server that takes its backups by SFTP: one line for the
    authorized_keys there."""
    place = Place.from_environment()
    with explained():
        from firmware.sftp import public_key

        typer.echo(public_key(place))


app.add_typer(listing, name="backups")


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
    file: Annotated[
        str | None, typer.Argument(help="The backup. Left out, you are asked for everything.")
    ] = None,
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Set aside what this box holds, and restore.")
    ] = False,
    drill_key: Annotated[
        bool, typer.Option("--drill-key", help="Open it with this box's own key, not the paper.")
    ] = False,
    paper_stdin: PaperStdin = False,
    people_too: Annotated[
        bool,
        typer.Option(
            "--people-too",
            help="Bring back people, passwords, codes and lock-outs as the backup has them, too.",
        ),
    ] = False,
) -> None:
    """Bring a backup back, on this or a spare box, with the recovery paper. Every file is proven
    before the first one is put in place."""
    place = Place.from_environment()
    with explained():
        if file is None:
            restore_wizard.ask(place)
            return
        folder, slash, name = file.rpartition("/")
        with closing(shelf_of(place, folder or slash or ".")) as shelf:
            sealed = Sealed(shelf, name)
            who = DRILL if drill_key else PAPER
            identity = _identity(place, drill_key=drill_key, paper_stdin=paper_stdin)
            with _shown("restoring", sealed.size) as shown:
                done = restoring.restore(
                    sealed, identity, place, shown, replace=replace, people_too=people_too
                )
        finished(place, who, sealed.name, done)


@app.command()
def drill(
    target: Annotated[
        str | None,
        typer.Argument(help="Where backups lie; where they are made to if left out."),
    ] = None,
    *,
    scratch: Annotated[
        Path | None, typer.Option(help="Where to restore it to; the site's own disk if left out.")
    ] = None,
    call: Annotated[
        bool, typer.Option(help="Start the restored site in a scratch Asterisk, and call it.")
    ] = True,
    last: Annotated[bool, typer.Option("--last", help="Only tell how the last one went.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    by_timer: ByTimer = False,
) -> None:
    """Restore the newest backup into a scratch directory, look through it, and call its self-test
    line; status 1 if anything is wrong, or if the last one was more than a day ago."""
    place = Place.from_environment()
    with explained():
        if not last:
            _drilled(place, target, scratch, call=call, by_timer=by_timer)
        told, wrong = nightly_drill.last(place), nightly_drill.alarm(place, datetime.now(UTC))
        if as_json:
            typer.echo(json.dumps({"alarm": wrong, "last": asdict(told) if told else None}))
        if wrong:
            fail(wrong)
        if told and not as_json:
            called = f", and a call on it was {told.called}" if told.called else ""
            size = f"{told.bytes / MB:.1f} MB"
            say(f"{told.file} restores well: tried {told.at[:16]}Z, {size}{called}")


def _drilled(
    place: Place, target: str | None, scratch: Path | None, *, call: bool, by_timer: bool
) -> None:
    nightly = nightly_of(place)
    where = target or (nightly.to if nightly else backup.last_made(place).get("to"))

    def shelf() -> Shelf:
        if where is None:
            raise BackupError("no backup has been made yet: run `careline backup`")
        return shelf_of(place, where)

    with _shown("trying", _size_of_newest(place, shelf), by_timer=by_timer) as shown:
        calls = self_test if call else nightly_drill.no_call
        told = nightly_drill.drill(place, shelf, scratch, shown, calls)
    account.give(place, BOX, Act.DRILLED, f"{told.file}: {'well' if told.is_well else 'not well'}")


def _size_of_newest(place: Place, shelf: Callable[[], Shelf]) -> int:
    try:
        with closing(shelf()) as opened:
            return nightly_drill.newest_backup(place, opened).size
    except (BackupError, OSError):
        return 0  # the drill itself will say so, and write it down


def _identity(place: Place, *, drill_key: bool, paper_stdin: bool) -> Identity:
    if not drill_key:
        return backup_keys.of_paper(typed_paper(paper_stdin=paper_stdin))
    if not place.drill_key.exists():
        fail("this box has no drill identity: restore with the recovery paper")
    return backup_keys.of_drill(place)


def _pace(made: backup.Made) -> str:
    return f", {made.bytes / MB / made.seconds:.0f} MB/s" if made.seconds > 1 else ""


@contextmanager
def _shown(what: str, total: int, *, by_timer: bool = False) -> Iterator[Callable[[int], None]]:
    if by_timer:
        yield _Lines(what, total).add
        return
    with progress_shown(what, total) as add:
        yield add


class _Lines:
    """How far it is, a line each second, for a program that reads along."""

    def __init__(self, what: str, total: int) -> None:
        self._what, self._total, self._done = what, total, 0
        self._told_at = time.monotonic()

    def add(self, size: int) -> None:
        self._done += size
        if (now := time.monotonic()) - self._told_at < 1:
            return
        self._told_at = now
        of = f" of {self._total / MB:,.0f}" if self._total else ""
        sys.stdout.write(f"{self._what}: {self._done / MB:,.0f}{of} MB\n")
        sys.stdout.flush()
