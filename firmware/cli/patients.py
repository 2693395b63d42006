"""The list of patients by which callers are known: imported whole, told about, forgotten. Nobody on
it is ever printed."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from firmware import account, patient_file, patients
from firmware.audit import Act
from firmware.cli.terminal import (
    BAD_INPUT,
    PasswordStdin,
    Person,
    explained,
    fail,
    signed_in_to,
)
from firmware.machine import MachineKey
from firmware.operations import Operation
from firmware.place import Place

FAULTS_SHOWN = 20

app = typer.Typer()
listed = typer.Typer(help="The list by which callers are identified.", invoke_without_command=True)
app.add_typer(listed, name="patients")
say = Console(highlight=False, soft_wrap=True)
complain = Console(stderr=True, highlight=False, soft_wrap=True)


@listed.callback()
def tell(context: typer.Context) -> None:
    """How many patients are on the list, and when it was imported."""
    if context.invoked_subcommand is not None:
        return
    with explained():
        known = patients.known(Place.from_environment().page_db)
    if known is None:
        say.print("there is no list: `careline patients import FILE` brings one", markup=False)
        return
    count = "1 patient" if known.patients == 1 else f"{known.patients} patients"
    day = f"{known.imported.astimezone():%a %Y-%m-%d %H:%M}"
    age = datetime.now(UTC) - known.imported
    say.print(f"{count}, imported on {day}, {age.days} days ago", markup=False)


@listed.command(name="import")
def bring(
    file: Annotated[Path, typer.Argument(help="CSV: name, and birth_date, phone, record, pin")],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Replace the list by a file's, whole or not at all. The file itself stays as it is."""
    place = Place.from_environment()
    with explained():
        new, bad = patient_file.read(file.read_bytes())
        if bad:
            _tell_bad(file, bad)
        ring = signed_in_to(Operation.PATIENTS, place, person, password_stdin=password_stdin)
        account.give(place, ring.person, Act.BROUGHT_PATIENTS, f"{len(new)} of them")
        patients.replace(
            place.page_db, MachineKey.at(place.machine_key), new, datetime.now(UTC), _shown(new)
        )
    say.print(
        "1 patient is known now" if len(new) == 1 else f"{len(new)} patients are known now",
        f"; delete {file}, where all of it stands in plain",
        sep="",
        markup=False,
    )


@listed.command()
def forget(
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Wipe the list: from then on nobody is identified, and callers go to a person."""
    place = Place.from_environment()
    with explained():
        ring = signed_in_to(Operation.PATIENTS, place, person, password_stdin=password_stdin)
        if not yes and not typer.confirm("Forget all patients?", err=True):
            fail("nothing was forgotten")
        account.give(place, ring.person, Act.FORGOT_PATIENTS)
        was_there = patients.forget(place.page_db)
    say.print("the list is forgotten" if was_there else "there was no list")


def _tell_bad(file: Path, bad: list[patient_file.BadRow]) -> NoReturn:
    for one in bad[:FAULTS_SHOWN]:
        complain.print(f"{file}:{one.line}: {one.reason}\n    → {one.cure}", markup=False)
    more = len(bad) - FAULTS_SHOWN
    if more > 0:
        complain.print(f"and {more} more", markup=False)
    fail("nothing was imported, and the list before stays", BAD_INPUT)


def _shown(new: list[patients.Patient]) -> patients.Shown:
    """A bar that moves as patients are hashed."""

    def shown(made: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
        columns = (
            TextColumn("Sealing patients"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=say) as progress:
            yield from progress.track(made, total=len(new))

    return shown
