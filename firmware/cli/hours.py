"""What concerns the hours: asking ahead what callers meet, and switching a schedule by hand."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import SQLAlchemyError

from firmware import settings, switches, topics, wallclock
from firmware.cli.site import At, local_time, plan_of
from firmware.control import ControlError, ask
from firmware.place import Place
from firmware.store import StoreError
from ivr.errors import CallLogicError
from ivr.hours import Kind, Switch
from ivr.own_words import recording_of
from ivr.when import Outlook, Step, ahead

REFUSED = 1

app = typer.Typer()
say = Console()
complain = Console(stderr=True)


@app.command()
def when(
    line: Annotated[str, typer.Option(help="the line that is called")] = "main",
    at: At = "",
    file: Annotated[
        Path | None, typer.Option(help="a site file; else the one in force", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """What a caller on a line would meet at a time, and why: schedule, rule, holiday, switch, until
    when, and where the flow goes."""
    place = Place.from_environment()
    plan = plan_of(place.site_file if file is None else file)
    outlook = Outlook(
        plan,
        local_time(at, plan),
        {} if file is not None else _switches(place),
        # Of a time ahead we ask what holds once it has come.
        trusted=bool(at) or wallclock.trusted_now(place),
    )
    try:
        steps = ahead(outlook, line)
    except CallLogicError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        typer.echo(json.dumps(_for_programs(outlook, line, steps), indent=2, ensure_ascii=False))
        return
    told = f"{outlook.local:%a %Y-%m-%d %H:%M} ({plan.timezone}), a caller on {line}:"
    say.print(told, highlight=False, soft_wrap=True)
    words = settings.prompts_of(plan)
    for step in steps:
        say.print(escape(f"  {step.place}: {step.what}"), highlight=False, soft_wrap=True)
        if step.answer is not None:
            say.print(escape(f"      {_change(step)}"), highlight=False, soft_wrap=True)
        for prompt in step.prompts:
            unwritten = "what was recorded by telephone" if recording_of(prompt) else prompt
            spoken = words.get(step.language, {}).get(prompt, f"[{unwritten}]")
            say.print(escape(f'      "{spoken}"'), highlight=False, soft_wrap=True)


def _change(step: Step) -> str:
    assert step.answer is not None
    if step.answer.why.kind is Kind.CLOCK:
        return "nothing is closed until a time service has set the clock"
    verb = "closes" if step.answer.is_open else "opens"
    if step.changes is None:
        return f"as far as can be seen it never {verb}"
    return f"it {verb} on {step.changes:%a %Y-%m-%d at %H:%M}"


def _for_programs(outlook: Outlook, line: str, steps: list[Step]) -> object:
    return {
        "line": line,
        "at": outlook.local.isoformat(),
        "trusted_clock": outlook.trusted,
        "way": [
            {
                "place": str(step.place),
                "what": step.what,
                "prompts": step.prompts,
                "hours": _hours(step),
            }
            for step in steps
        ],
    }


def _hours(step: Step) -> object:
    if step.answer is None:
        return None
    why = step.answer.why
    return {
        "schedule": step.schedule,
        "open": step.answer.is_open,
        "by": why.kind.value,
        "name": why.name,
        "until": _iso(step.answer.until),
        "changes": _iso(step.changes),
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _switches(place: Place) -> dict[str, Switch]:
    """What is switched on this box; nothing where no exchange has ever run."""
    try:
        return switches.stored(place.calls_db)
    except (StoreError, SQLAlchemyError):
        return {}


@app.command()
def switch(
    to: Annotated[
        str, typer.Argument(help="open, closed, or scheduled: as the schedule has it again")
    ] = "",
    hours: Annotated[
        str, typer.Argument(help="the schedule; may be left out if there is only one")
    ] = "",
    until: Annotated[
        str, typer.Option(help='like "17:30" or "2026-12-25 12:00"; else until midnight')
    ] = "",
    say_: Annotated[
        str, typer.Option("--say", help="a prompt of the site that callers hear meanwhile")
    ] = "",
) -> None:
    """Open or close a schedule by hand, until it runs out by itself; alone it tells what is
    switched."""
    place = Place.from_environment()
    try:
        if to:
            request = topics.SwitchRequest(hours=hours, to=_wish(to), until=until, say=say_)
            told = ask(place.control_socket, topics.SWITCH, request).told
        else:
            told = ask(place.control_socket, topics.SWITCHES, topics.SwitchesRequest()).told
    except ControlError as refused:
        complain.print(escape(str(refused)), style="red", highlight=False, soft_wrap=True)
        raise typer.Exit(REFUSED) from None
    for line in told or ("nothing is switched by hand",):
        say.print(escape(line), highlight=False, soft_wrap=True)


def _wish(to: str) -> topics.SwitchWish:
    match to:
        case "open" | "closed" | "scheduled":
            return to
        case "close":
            return "closed"
        case _:
            raise typer.BadParameter(f"{to!r} is neither open, closed nor scheduled")
