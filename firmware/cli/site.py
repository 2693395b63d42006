"""What concerns the site file: checking it, walking it and putting it in force."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.markup import escape

from firmware import root, settings, speech, tickets, toml_lines, topics
from firmware.asterisk import publish
from firmware.asterisk.sandbox import AsteriskError, Launch, launch_for
from firmware.control import ControlError, NotRunningError, ask
from firmware.place import Place
from firmware.ports import ports_of
from firmware.settings import Draft, Fault, SiteFaults
from ivr.check import Finding, Rule, prove
from ivr.errors import CallLogicError
from ivr.forewarn import Notice, forsaken, notices, outdated, ungated
from ivr.identity import Verdict
from ivr.plan import Plan
from ivr.simulate import Phones, simulate

FAULTY = 2
FIRST_YEAR, LAST_YEAR = 2000, 2099  # as far as the site file's own dates go
# What can be proved of a file that has faults: the other rules would blame it for what they hide.
PROVABLE_BESIDE_FAULTS = {Rule.LOOP, Rule.PROMPT, Rule.HOURS, Rule.EXCEPTIONS}

app = typer.Typer()
SiteFile = Annotated[Path, typer.Argument(help="the site file, clinic.toml", metavar="FILE")]
At = Annotated[str, typer.Option(help='local time, like "2026-12-25 02:30"; else now')]


@app.command()
def check(file: SiteFile, at: At = "") -> None:
    """Prove a site file: every fault with its line, reason and cure; status 2 if there is any.
    What nobody may have meant of the next 30 days' on-call is told too, and refuses nothing."""
    text = _text(file)
    plan, _ = _proved(file, text)
    _forewarn(file, text, _warnings(plan, local_time(at, plan)))
    Console().print(f"[green]{escape(str(file))} is in order.[/]", soft_wrap=True)


@app.command(name="publish")
def put_in_force(file: SiteFile) -> None:
    """Prove a site file, then put it in force step by step; calls go on meanwhile."""
    text = _text(file)
    plan, calendars = _proved(file, text)
    _forewarn(file, text, _warnings(plan, local_time("", plan)))
    place = Place.from_environment()
    site = publish.Site(text, plan, ports_of(place), calendars=calendars)
    console = Console()
    try:
        speech.render_site(plan, place.prompts)
        waits = _publish(place, site, launch_for(place), console)
        _have_adopted(place)
    except (
        AsteriskError,
        publish.PublishError,
        root.RootError,
        speech.SpeechError,
        ControlError,
    ) as error:
        Console(stderr=True).print(f"[red]not published[/]: {escape(str(error))}", soft_wrap=True)
        raise typer.Exit(1) from None
    if waits:
        console.print("A part of it waits for Asterisk's next start: it changes where it listens.")


def _have_adopted(place: Place) -> None:
    """A running exchange takes new calls by the new site; one that does not run will read it."""
    with suppress(NotRunningError):
        ask(place.control_socket, topics.ADOPT, topics.AdoptRequest())


def _publish(place: Place, site: publish.Site, launch: Launch, console: Console) -> bool:
    """The first version of a site waits for Asterisk; any other comes into force now."""
    if not (place.asterisk / "current").exists():
        version = publish.install(place, site, launch)
        console.print(f"version {version.name} is ready for Asterisk's first start")
        return False

    def reload(part: root.Part) -> Awaitable[str]:
        return root.ask(place.root_socket, root.ReloadAsterisk(part=part))

    return asyncio.run(publish.publish(place, site, launch, reload, console.print))


def _proved(file: Path, text: str) -> tuple[Plan, Mapping[str, str]]:
    """The plan of a file without faults, and the calendars it was made with; else each fault is
    told and the command ends."""
    found = settings.draft(text, settings.beside(file))
    told = told_about(found)
    for fault in told:
        _tell(file, fault)
    if told or found.plan is None:
        faults = "1 fault" if len(told) == 1 else f"{len(told)} faults"
        Console(stderr=True).print(f"[red]{faults}[/]: nothing was changed.")
        raise typer.Exit(FAULTY)
    return found.plan, found.calendars


@app.command(name="simulate")
def walk(
    file: SiteFile,
    line: Annotated[str, typer.Option(help="the line that is called")] = "main",
    at: At = "",
    press: Annotated[str, typer.Option(help='like "1,wait 5,2" or "3,hang up"')] = "",
    phones: Annotated[Phones, typer.Option(help="what phones do when they ring")] = Phones.ANSWER,
    known: Annotated[
        Verdict, typer.Option(help="what the list of patients says of the caller")
    ] = Verdict.IDENTIFIED,
) -> None:
    """Walk an imagined call through a site file and print its way."""
    plan = plan_of(file)
    try:
        local = local_time(at, plan)
        way = simulate(plan, settings.prompts_of(plan), line, local, press, phones, known)
    except CallLogicError as error:
        raise typer.BadParameter(str(error)) from None
    for step in way:
        Console().print(escape(step), highlight=False, soft_wrap=True)


def plan_of(file: Path) -> Plan:
    """The plan of a file whose form is right; else each fault is told and the command ends."""
    try:
        return settings.read(_text(file), settings.beside(file))
    except SiteFaults as faults:
        for fault in faults.faults:
            _tell(file, fault)
        raise typer.Exit(FAULTY) from None


def told_about(found: Draft) -> list[Fault]:
    """Faults of form, and of what a plan leads callers to, in the order of their lines."""
    findings = prove(found.plan, settings.prompts_of(found.plan)) if found.plan else []
    if found.faults:
        findings = [one for one in findings if one.rule in PROVABLE_BESIDE_FAULTS]
    return sorted([*found.faults, *(_fault(one, found) for one in findings)])


def _fault(finding: Finding, found: Draft) -> Fault:
    line = toml_lines.nearest(found.lines, finding.where)
    way = f" (the way there: {finding.way})" if finding.way else ""
    reason = f"{finding.rule}: {finding.reason}{way}"
    where = ".".join(str(part) for part in finding.where)
    return Fault(line, where, reason, finding.cure)


def _tell(file: Path, fault: Fault) -> None:
    place = escape(f"{file}:{fault.line}: {fault.where}")
    told = f"[bold]{place}[/]\n    {escape(fault.reason)}\n    [green]→[/] {escape(fault.cure)}"
    Console(stderr=True).print(told, highlight=False, soft_wrap=True)


def _warnings(plan: Plan, now: datetime) -> list[Notice]:
    waiting = tickets.waiting_at(Place.from_environment().calls_db)
    promised = forsaken(plan, waiting)
    return [*outdated(plan, now.date()), *ungated(plan), *promised, *notices(plan, now)]


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


def _text(file: Path) -> str:
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
        local = datetime.fromisoformat(at).replace(tzinfo=zone)
    except ValueError:
        raise typer.BadParameter(f'{at!r} is no time; write it like "2026-12-25 02:30"') from None
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise typer.BadParameter(f"{at!r} is not of the years {FIRST_YEAR} to {LAST_YEAR}")
    return local
