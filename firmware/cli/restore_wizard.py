"""`careline restore` without a file: everything is asked for, in the order in which somebody has it
at hand on a bad day."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import PurePath

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

from firmware import account, backup, backup_keys, paper, restore
from firmware.audit import Act
from firmware.backup_keys import BackupError, Identity
from firmware.backup_section import nightly_of
from firmware.carried import Carried
from firmware.cli.terminal import say
from firmware.paper import PaperError
from firmware.place import Place
from firmware.restore import Restored, Sealed
from firmware.shelf import SFTP, Shelf, shelf_of

PAPER, DRILL = "the recovery paper", "the drill identity"
MB = 1e6
TYPED = "set aside and restore"
SHOWN = 10


def ask(place: Place) -> None:
    """Question by question, until a backup is in place or whoever is asked gives up."""
    say("This brings a backup back. Nothing is changed before every file of it is proven.\n")
    replace = _set_aside(place)
    with closing(_shelf(place)) as shelf:
        sealed = Sealed(shelf, _name(place, shelf))
        say(f"\n{sealed.name}, {sealed.size / MB:,.0f} MB, it is.")
        identity = _paper()
        with progress_shown("restoring", sealed.size) as shown:
            done = restore.restore(
                sealed, identity, place, shown, replace=replace, people_too=False
            )
    finished(place, PAPER, sealed.name, done)


def _set_aside(place: Place) -> bool:
    """Whether there is something to set aside; whoever does not mean it ends here."""
    if not restore.has_lived(place):
        say("This box holds no clinic yet.")
        return False
    say(
        f"This box holds a clinic already, in {place.home}. It is set aside under a name with the"
        " time, and nothing of it is removed. What came after the backup, messages and calls, is"
        " then no longer in use. Stop the exchange first.\n"
    )
    while (typed := typer.prompt(f'Type "{TYPED}" to go on, or "no"', err=True)) != TYPED:
        if typed.strip().lower() in ("n", "no"):
            say("nothing was changed")
            raise typer.Exit
    return True


def _shelf(place: Place) -> Shelf:
    """Where backups lie, asked until it is found."""
    nightly = nightly_of(place)
    usual = nightly.to if nightly else backup.last_made(place).get("to", "usb")
    question = "Where is it: usb, a directory, or sftp://USER@HOST/FOLDER"
    while True:
        where = str(typer.prompt(f"\n{question}", default=usual, err=True)).strip()
        try:
            shelf = shelf_of(place, where)
            if shelf.names():
                return shelf
            say(f"there is no backup in {where}")
            shelf.close()
        except (BackupError, OSError) as refused:
            say(str(refused))
        if where.startswith(SFTP):
            from firmware.sftp import public_key

            say(f"the server must know this box's key:\n{public_key(place)}")


def _name(place: Place, shelf: Shelf) -> str:
    """Which of them; the newest unless somebody says otherwise."""
    names = backup.on_shelf(place, shelf)
    names = names or sorted(shelf.names(), key=_made, reverse=True)  # another clinic's, or paper's
    say("\nThe newest first:")
    for number, name in enumerate(names[:SHOWN], 1):
        say(f"  {number:2}  {name}  {shelf.size(name) / MB:,.0f} MB")
    shown = min(len(names), SHOWN)
    while (
        not 1 <= (chosen := int(typer.prompt("Which one", default=1, type=int, err=True))) <= shown
    ):
        say(f"a number from 1 to {shown}")
    return names[chosen - 1]


def _made(name: str) -> str:
    return PurePath(name).name[len("careline-00000000-") :]


def _paper() -> Identity:
    """The recovery paper's four lines; a slip is named, and the line asked for again."""
    say("\nThe recovery paper has four lines of words; the last of each line checks it.")
    while True:
        lines = [
            str(typer.prompt(f"Line {number}", err=True)) for number in range(1, paper.LINES + 1)
        ]
        try:
            return backup_keys.of_paper(paper.read("\n".join(lines)))
        except PaperError as slip:
            say(f"{slip}\nOnce more, from the first line:")


def finished(place: Place, who: str, name: str, done: Restored) -> None:
    """It is in place: accounted for, and told with what is to be done now."""
    about = name if done.carried.people else f"{name}, people too"
    account.give(place, who, Act.RESTORED, about)
    unpacked = done.unpacked
    say(f"{name} of {unpacked.made[:16]}Z by CareLine {unpacked.version} is in place")
    for line in _told(done.carried):
        say(line)
    if done.aside:
        say(f"what was here before lies beside it, under {done.aside}")
    say("now run `careline publish` with the site file, then start the services")


def _told(carried: Carried) -> Iterator[str]:
    if carried.people:
        yield "people, passwords, codes and lock-outs are as they were on this box just now"
    elif carried.why_not:
        why = carried.why_not
        yield f"people, passwords, codes and lock-outs are as the backup has them: {why}"
        yield (
            "links that set up telephones are void: make another under People and phones for"
            " one that has not fetched by its own; telephones that are set up need nothing"
        )
    if carried.deletions:
        yield f"{carried.deletions} messages and requests deleted since then are deleted again"


@contextmanager
def progress_shown(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal, for as long as the context lasts."""
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
