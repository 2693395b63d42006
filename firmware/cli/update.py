"""New versions of the box's programs at the console: what runs and what waits, a bundle looked at,
brought, put off or dropped; and the health gate. `careline update` alone ends as Nagios' plugins
do: 0 well, 1 warning, 2 alarm."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from firmware import account, people
from firmware.audit import Act
from firmware.cli.site import plan_of
from firmware.cli.terminal import BAD_INPUT, explained, fail
from firmware.doctor.findings import Colour, Finding
from firmware.place import Place
from firmware.update import gate as health
from firmware.update import kept as state
from firmware.update.bundle import Bundle, BundleError, looked_at, refuse_unless_for
from firmware.update.desk import part_of
from firmware.update.fetch import SCHEMES, fetched
from firmware.update.kept import Gate, Kept, Look
from firmware.update.release import ReleaseError, running
from firmware.update.waiting import PostponeError, planned, postponed
from firmware.updates_section import update_window_of

BOX = "this box"
ENDS = {"well": 0, "warning": 1, "alarm": 2}
PROGRAMS = Path("/dev/mapper/root")

app = typer.Typer()
group = typer.Typer(invoke_without_command=True, help="New versions of the box's programs.")
app.add_typer(group, name="update")
say = Console(highlight=False, soft_wrap=True)

BundleFile = Annotated[Path, typer.Argument(metavar="FILE", help="a bundle, *.raucb")]


@group.callback()
def status(
    context: typer.Context,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Which version runs, which waits and until when, and what became of the last one."""
    if context.invoked_subcommand is not None:
        return
    place = Place.from_environment()
    found = state.load(place)
    if as_json:
        told = json.loads(found.model_dump_json())
        typer.echo(json.dumps({"runs": _runs(), **told}))
    else:
        for line in told_of(found, place, datetime.now(UTC)):
            say.print(line, markup=False)
    raise typer.Exit(ENDS[part_of(found).state])


@group.command()
def check(file: BundleFile) -> None:
    """Whether a bundle is ours, whole, for this box, and new; nothing is changed."""
    bundle = _looked_at(file)
    _show(bundle)


@group.command()
def install(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="a bundle, *.raucb, or its address https://…")
    ],
    *,
    now: Annotated[
        bool, typer.Option("--now", help="as soon as nobody is on the telephone, at any hour")
    ] = False,
) -> None:
    """Bring a bundle: it is announced, and installed in the clinic's window."""
    place = Place.from_environment()
    part = _fetched(place, file) if file.startswith(SCHEMES) else None
    try:
        bundle = _looked_at(part or Path(file))
    except typer.Exit:
        if part is not None:
            part.unlink()
        raise
    with explained():
        _enter(place, Act.BROUGHT_UPDATE, bundle.release.version)
        if part is not None:
            state.adopt(place, part, bundle, datetime.now(UTC), wanted_now=now)
        else:
            state.bring(place, Path(file), bundle, datetime.now(UTC), wanted_now=now)
    _show(bundle)
    say.print("it waits, and this file is needed no more; `careline update` says for when")


@group.command()
def postpone() -> None:
    """Put off the update that waits by one window; one that closes a hole, by 14 days at most."""
    place = Place.from_environment()
    found = state.load(place)
    if found.waiting is None:
        fail("no update waits")
    local = _local(place, datetime.now(UTC))
    try:
        later = postponed(found.waiting.update(), update_window_of(place), local)
    except PostponeError as refused:
        fail(str(refused))
    with explained():
        _enter(place, Act.POSTPONED_UPDATE, found.waiting.version)
        found = state.of_waiting(place, postponed_until=later.postponed_until, wanted_now=False)
    for line in told_of(found, place, datetime.now(UTC)):
        say.print(line, markup=False)


@group.command()
def drop() -> None:
    """Forget the update that waits: it is not installed until somebody brings it again."""
    place = Place.from_environment()
    found = state.load(place)
    if found.waiting is None:
        fail("no update waits")
    if found.waiting.written_in:
        fail("it is written already, and starts with the box: put it off no more")
    with explained():
        _enter(place, Act.DROPPED_UPDATE, found.waiting.version)
        state.settle(place, "dropped", datetime.now(UTC))
    say.print(f"version {found.waiting.version} is forgotten")


@group.command()
def gate() -> None:
    """Whether this version may stay on this box: status 2 if it may not. It calls nobody but the
    self-test line."""
    place = Place.from_environment()
    programs = PROGRAMS if PROGRAMS.exists() else None
    box = health.Box(place, programs)
    found = asyncio.run(health.examined(box, _tell))
    looks = tuple(Look(about=e.about, is_well=not e.colour, figure=e.figure) for e in found)
    told = Gate(version=_runs(), at=datetime.now(UTC), looks=looks)
    state.change(place, lambda kept: kept.model_copy(update={"gate": told}))
    raise typer.Exit(0 if told.is_passed else ENDS["alarm"])


# ---- words ----


def told_of(found: Kept, place: Place, now: datetime) -> list[str]:
    """What the console shows."""
    lines = [f"runs     {_runs()}"]
    if waiting := found.waiting:
        hole = ", which closes a hole" if waiting.closes_a_hole else ""
        lines.append(f"waits    {waiting.version}{hole}")
        lines += [f"         {waiting.description}"] if waiting.description else []
        local = _local(place, now)
        when = planned(waiting.update(), update_window_of(place), local)
        if waiting.wrong:
            lines.append(f"         could not be installed: {waiting.wrong}")
        elif waiting.written_in:
            lines.append(
                "         is written, and waits for a restart with nobody on the telephone"
            )
        elif waiting.wanted_now:
            lines.append("         as soon as nobody is on the telephone")
        else:
            lines.append(
                f"         for {when:%a %-d %b %Y, %H:%M}, while nobody is on the telephone"
            )
    if last := found.last:
        lines.append(f"last     {last.version} {last.ended}, {last.at:%Y-%m-%d %H:%M}Z")
    if told := found.gate:
        passed = "passed" if told.is_passed else "not passed"
        lines.append(f"gate     {passed} by {told.version}, {told.at:%Y-%m-%d %H:%M}Z")
        lines += [f"         {e.about}: {e.figure}" for e in told.looks if not e.is_well]
    return lines


def _tell(finding: Finding) -> None:
    colour = "red" if finding.colour is Colour.RED else "green"
    say.print(f"{colour:5}  {finding.about}: {finding.figure}", markup=False)


def _show(bundle: Bundle) -> None:
    hole = ", closes a hole" if bundle.closes_a_hole else ""
    say.print(f"version {bundle.release.version} for {bundle.release.board}{hole}", markup=False)
    if bundle.description:
        say.print(bundle.description, markup=False)


def _fetched(place: Place, address: str) -> Path:
    part = place.update_bundle.with_suffix(".fetched")
    try:
        running()  # else it came for nothing
        fetched(address, part)
    except (BundleError, ReleaseError) as refused:
        fail(str(refused), BAD_INPUT)
    return part


def _looked_at(file: Path) -> Bundle:
    try:
        here = running()
        bundle = looked_at(file)
        refuse_unless_for(bundle, here)
    except (BundleError, ReleaseError) as refused:
        fail(f"{file.name}: {refused}", BAD_INPUT)
    return bundle


def _runs() -> str:
    try:
        return running().version
    except ReleaseError:
        return "a checkout, which updates nothing by itself"


def _local(place: Place, now: datetime) -> datetime:
    """By the clinic's clock, once there is one."""
    if not place.site_file.exists():
        return now
    return now.astimezone(ZoneInfo(plan_of(place.site_file).timezone))


def _enter(place: Place, act: Act, about: str) -> None:
    """Once there is a clinic to account to."""
    if people.is_set_up(place.page_db):
        account.give(place, BOX, act, about)
