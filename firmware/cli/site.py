"""What concerns the site file: checking it, walking it and putting it in force."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape

from firmware import card_watch, proving, publishing, settings, tickets, toml_lines, trial, versions
from firmware.asterisk import dahdi
from firmware.asterisk.sandbox import AsteriskError, has_module, launch_for
from firmware.peer import at_the_shell
from firmware.place import Place
from firmware.settings import Fault, SiteFaults
from ivr.errors import CallLogicError
from ivr.forewarn import Notice, forsaken, notices, outdated, ungated, untold, wide_open
from ivr.identity import Verdict
from ivr.plan import Plan
from ivr.simulate import Phones, simulate

FAULTY = 2
FIRST_YEAR, LAST_YEAR = 2000, 2099  # as far as the site file's own dates go

app = typer.Typer()
console = Console()
complain = Console(stderr=True)
SiteFile = Annotated[Path, typer.Argument(help="the site file, clinic.toml", metavar="FILE")]
At = Annotated[str, typer.Option(help='local time, like "2026-12-25 02:30"; else now')]


@app.command()
def check(file: SiteFile, at: At = "") -> None:
    """Prove a site file: every fault with its line, reason and cure; status 2 if there is any.
    What nobody may have meant of the next 30 days' on-call is told too, and refuses nothing."""
    text = text_of(file)
    site = _proved(file, text, at)
    told = _warnings(site.plan, local_time(at, site.plan))
    _forewarn(file, text, [*site.warnings, *told])
    Console().print(f"[green]{escape(str(file))} is in order.[/]", soft_wrap=True)
    Console().print(site.moments.in_words(), highlight=False, soft_wrap=True)


@app.command(name="publish")
def put_in_force(
    file: Annotated[
        Path | None, typer.Argument(help="the site file, clinic.toml", metavar="FILE")
    ] = None,
    name: Annotated[str, typer.Option(help='a word for this version, like "summer hours"')] = "",
    confirm_within: Annotated[
        int | None,
        typer.Option(
            help="seconds within which it must be confirmed, or the version before comes back",
            min=1,
            max=trial.LONGEST_S,
        ),
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="what is on trial stays")] = False,
    back: Annotated[bool, typer.Option("--back", help="what is on trial goes at once")] = False,
) -> None:
    """Prove a site file, then put it in force step by step; calls go on meanwhile."""
    if [file is not None, confirm, back].count(True) != 1:
        raise typer.BadParameter("give a site file, or --confirm, or --back")
    place = Place.from_environment()
    if confirm or back:
        _settle(place, stays=confirm)
        return
    assert file is not None
    text = text_of(file)
    site = _proved(file, text)
    told = _warnings(site.plan, local_time("", site.plan))
    _forewarn(file, text, [*site.warnings, *told])
    wish = wished(name, confirm_within)
    with not_published():
        tell(publishing.put_in_force(place, site, launch_for(place), wish, console.print), wish)


def wished(name: str, confirm_within: int | None) -> publishing.Wish:
    """What somebody at the box's own shell asks for."""
    try:
        called = versions.sayable(name)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None
    return publishing.Wish(at_the_shell(), called, confirm_within)


@contextmanager
def not_published() -> Iterator[None]:
    """Why it is not in force, and how the command ends then."""
    try:
        yield
    except publishing.REFUSALS as error:
        complain.print(f"[red]not published[/]: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None


def tell(published: publishing.Published, wish: publishing.Wish) -> None:
    """What came of it, and what is to be done next."""
    if published.is_first:
        console.print(f"version {published.version} is ready for Asterisk's first start")
        return
    console.print(f"version {published.version} is in force", highlight=False)
    if published.waits:
        console.print("A part of it waits for Asterisk's next start: it changes where it listens.")
    if wish.confirm_within_s is not None:
        console.print(
            f"[bold]Call the clinic now.[/] If all is well, type `careline publish --confirm`"
            f" within {wish.confirm_within_s:g} s; else the version before comes back by itself.",
            highlight=False,
            soft_wrap=True,
        )


def _settle(place: Place, *, stays: bool) -> None:
    try:
        if stays:
            told = f"version {trial.confirm(place, at_the_shell())} stays in force"
        else:
            given_up = trial.give_up(place)
            told = f"version {given_up.before} comes back: `careline status` shows when it has"
    except publishing.REFUSALS as refused:
        complain.print(escape(str(refused)), style="red", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    console.print(told, highlight=False)


def _proved(file: Path, text: str, at: str = "") -> proving.Proven:
    """A file without faults; else each fault is told and the command ends."""
    try:
        return proving.proven(text, settings.beside(file), lambda plan: local_time(at, plan))
    except proving.UnprovenError as wrong:
        tell_faults(file, wrong.faults)
        raise typer.Exit(FAULTY) from None


def tell_faults(file: Path, faults: Sequence[Fault]) -> None:
    """Each, and how many."""
    for fault in faults:
        _tell(file, fault)
    counted = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    complain.print(f"[red]{counted}[/]: nothing was changed.")


@app.command(name="simulate")
def walk(
    file: SiteFile,
    line: Annotated[str, typer.Option(help="the line that is called")] = "main",
    at: At = "",
    press: Annotated[
        str, typer.Option(help='like "1,wait 5,2", "3,hang up" or "until main/menu,2"')
    ] = "",
    phones: Annotated[Phones, typer.Option(help="what phones do when they ring")] = Phones.ANSWER,
    known: Annotated[
        Verdict, typer.Option(help="what the list of patients says of the caller")
    ] = Verdict.IDENTIFIED,
    by_hand: Annotated[
        list[str] | None,
        typer.Option(help="a schedule switched, like office=closed; once for each"),
    ] = None,
) -> None:
    """Walk an imagined call through a site file and print its way. A file with faults is walked as
    far as it can be read, so that a fault can be heard."""
    plan = _rough_plan(file)
    try:
        local = local_time(at, plan)
        words = settings.prompts_of(plan)
        switches = dict(map(_switched, by_hand or []))
        way = simulate(plan, words, line, local, press, phones, known, by_hand=switches)
    except CallLogicError as error:
        raise typer.BadParameter(str(error)) from None
    typer.echo("\n".join(way))


def plan_of(file: Path) -> Plan:
    """The plan of a file whose form is right; else each fault is told and the command ends."""
    try:
        return settings.read(text_of(file), settings.beside(file))
    except SiteFaults as faults:
        for fault in faults.faults:
            _tell(file, fault)
        raise typer.Exit(FAULTY) from None


def _rough_plan(file: Path) -> Plan:
    """The plan of a file as far as a call can be imagined through it; its faults are told."""
    found = settings.draft(text_of(file), settings.beside(file))
    for fault in found.faults:
        _tell(file, fault)
    if found.rough is None or (found.faults and not found.rough.lines):
        raise typer.Exit(FAULTY)
    return found.rough


def _switched(written: str) -> tuple[str, bool]:
    name, _, to = written.partition("=")
    if to not in ("open", "closed"):
        raise typer.BadParameter(f"{written!r} is no switch; write it like office=closed")
    return name, to == "open"


def _tell(file: Path, fault: Fault) -> None:
    place = escape(f"{file}:{fault.line}: {fault.where}")
    told = f"[bold]{place}[/]\n    {escape(fault.reason)}\n    [green]→[/] {escape(fault.cure)}"
    if fault.example:
        told += f"\n    hear it: careline simulate {escape(f'{quote(str(file))} {fault.example}')}"
    Console(stderr=True).print(told, highlight=False, soft_wrap=True)


def _warnings(plan: Plan, now: datetime) -> list[Notice]:
    waiting = tickets.waiting_at(Place.from_environment().calls_db)
    promised = forsaken(plan, waiting)
    told = [*outdated(plan, now.date()), *ungated(plan), *untold(plan), *wide_open(plan)]
    return [*told, *_without_driver(plan), *promised, *notices(plan, now)]


def _without_driver(plan: Plan) -> Iterator[Notice]:
    """Telephone cards where this machine's Asterisk has nothing that drives them."""
    found = [trunk.name for trunk in plan.trunks.values() if trunk.card is not None]
    try:
        if not found or has_module(Place.from_environment(), dahdi.MODULES):
            return
    except AsteriskError:  # none was built yet, and what it will have is not known
        return
    for name in found:
        yield Notice(("trunks", name), card_watch.NO_DRIVER, card_watch.NO_DRIVER_CURE)


def _forewarn(file: Path, text: str, told: Iterable[Notice]) -> None:
    lines = toml_lines.lines_of(text)
    for notice in told:
        line, where = toml_lines.nearest(lines, notice.where), settings.dotted(notice.where)
        place = escape(f"{file}:{line}: {where}")
        Console(stderr=True).print(
            f"[bold yellow]warning[/] [bold]{place}[/]\n    {escape(notice.reason)}\n"
            f"    [green]→[/] {escape(notice.cure)}",
            highlight=False,
            soft_wrap=True,
        )


def text_of(file: Path) -> str:
    """What a file holds, if it can be a site file's."""
    try:
        with file.open(encoding="utf-8") as opened:
            # One character more than may be, so that the excess is seen and not read.
            return opened.read(settings.SITE_FILE_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
        raise typer.BadParameter(f"{file}: {reason}") from None


def local_time(at: str, plan: Plan) -> datetime:
    """What somebody typed as a time of the clinic's, else now."""
    zone = ZoneInfo(plan.timezone)
    if not at:
        return datetime.now(zone)
    try:
        written = datetime.fromisoformat(at)
    except ValueError:
        raise typer.BadParameter(f'{at!r} is no time; write it like "2026-12-25 02:30"') from None
    # In the hour that comes twice its offset says which is meant.
    local = written.astimezone(zone) if written.tzinfo else written.replace(tzinfo=zone)
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise typer.BadParameter(f"{at!r} is not of the years {FIRST_YEAR} to {LAST_YEAR}")
    return local
