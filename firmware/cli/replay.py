"""`careline replay`: calls of the past through this version and a site file, and which of them
would go elsewhere."""

import json
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import track

from firmware import settings
from firmware.figures import day_begins
from firmware.place import Place
from firmware.recorded_calls import Crowds, recorded_calls
from firmware.settings import SiteFaults
from firmware.store import StoreError, open_reader
from ivr.plan import Plan
from ivr.replay import Compared, Recorded, compare

SHOWN_MAX = 20
DAYS = 7

app = typer.Typer()
say = Console()
complain = Console(stderr=True)


@app.command()
def replay(
    site: Annotated[
        Path | None, typer.Argument(help="a site file, as it might be published; or none")
    ] = None,
    days: Annotated[int, typer.Option(help="so many days back, today's calls included")] = DAYS,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Would the calls of the last days go the same way? By the site in force, or by one that might
    be published. Nobody is called, and nothing is changed."""
    place = Place.from_environment()
    try:
        plan = _plan(site or place.site_file.resolve())
        recorded = _recorded(place, plan, days)
    except FileNotFoundError as missing:
        raise _refused(
            f"there is no {missing.filename}: name a site file, or publish one"
        ) from None
    except SiteFaults as faults:
        raise _refused(f"this site has faults ({faults}): run `careline check` on it") from None
    except StoreError as refused:
        raise _refused(str(refused)) from None
    crowds = Crowds(plan)
    crowds.know(recorded)
    shown = track(
        recorded, f"{len(recorded)} calls", console=complain, transient=True, disable=as_json
    )
    compared = [(one, compare(one, plan, crowds.at)) for one in shown]
    elsewhere = [(one, both) for one, both in compared if not both.is_same]
    if as_json:
        typer.echo(json.dumps({"calls": len(compared), "elsewhere": list(map(_plain, elsewhere))}))
    else:
        _show(len(compared), elsewhere)


def _plan(site_file: Path) -> Plan:
    return settings.read(site_file.read_text("utf-8"), settings.beside(site_file))


def _recorded(place: Place, plan: Plan, days: int) -> list[Recorded]:
    zone = ZoneInfo(plan.timezone)
    today = datetime.now(zone).date()
    begin = day_begins(today - timedelta(days=days - 1), zone)
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return recorded_calls(connection, begin, datetime.now(UTC), zone)
    finally:
        reader.dispose()


def _show(number: int, elsewhere: list[tuple[Recorded, Compared]]) -> None:
    if not elsewhere:
        say.print(f"All {number} calls would go the same way.", highlight=False)
        return
    say.print(f"{len(elsewhere)} of {number} calls would go elsewhere:", highlight=False)
    ways: defaultdict[Compared, list[str]] = defaultdict(list)
    for one, both in elsewhere:
        ways[both].append(one.call)
    for both, alike in sorted(ways.items(), key=lambda way: -len(way[1]))[:SHOWN_MAX]:
        count = str(len(alike))
        say.print(f"\n{count} × {both.recorded}", highlight=False, soft_wrap=True)
        say.print(f"{' ' * len(count)} ⇒ {both.replayed}", highlight=False, soft_wrap=True)
        say.print(f"    such as: careline explain {alike[0][:8]}", highlight=False)
    if len(ways) > SHOWN_MAX:
        say.print(f"\nand {len(ways) - SHOWN_MAX} more ways; all of them: --json")


def _plain(found: tuple[Recorded, Compared]) -> dict[str, object]:
    one, both = found
    was, becomes = asdict(both.recorded), asdict(both.replayed)
    return {"call": one.call, "went": was, "would_go": becomes}


def _refused(why: str) -> typer.Exit:
    complain.print(why, highlight=False, markup=False)
    return typer.Exit(1)
