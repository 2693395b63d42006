"""`careline replay`: calls of the past through this version and a site file, and which of them
would go elsewhere."""

import json
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from firmware import elsewhere, settings
from firmware.elsewhere import Elsewhere, Moved
from firmware.place import Place
from firmware.settings import SiteFaults
from firmware.store import StoreError
from ivr.plan import Plan
from ivr.replay import Compared

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
    within_s: Annotated[
        float | None,
        typer.Option("--within", help="so many seconds at most; the newest calls come first"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Would the calls of the last days go the same way? By the site in force, or by one that might
    be published. Nobody is called, and nothing is changed."""
    place = Place.from_environment()
    try:
        plan = _plan(site or place.site_file.resolve())
        found = _looked(place, plan, days, within_s, shown=not as_json)
    except FileNotFoundError as missing:
        raise _refused(
            f"there is no {missing.filename}: name a site file, or publish one"
        ) from None
    except SiteFaults as faults:
        raise _refused(f"this site has faults ({faults}): run `careline check` on it") from None
    except StoreError as refused:
        raise _refused(str(refused)) from None
    if as_json:
        plain = {"calls": found.looked_at, "elsewhere": [_plain(each) for each in found.moved]}
        typer.echo(json.dumps(plain | {"of": found.calls}))
    else:
        _show(found)


def _plan(site_file: Path) -> Plan:
    return settings.read(site_file.read_text("utf-8"), settings.beside(site_file))


def _looked(
    place: Place, plan: Plan, days: int, within_s: float | None, *, shown: bool
) -> Elsewhere:
    with Progress(console=complain, transient=True, disable=not shown) as bar:
        task = bar.add_task("calls", total=None)

        def progress(looked_at: int, calls: int) -> None:
            bar.update(task, completed=looked_at, total=calls)

        return elsewhere.look(place, plan, days, within_s, progress)


def _show(found: Elsewhere) -> None:
    if found.is_cut_short:
        say.print(f"The newest {found.looked_at} of {found.calls} calls were looked at.")
    if not found.moved:
        say.print(f"All {found.looked_at} calls would go the same way.", highlight=False)
        return
    told = f"{len(found.moved)} of {found.looked_at} calls would go elsewhere:"
    say.print(told, highlight=False)
    for line in elsewhere.partings(found):
        say.print(f"  {escape(line)}", highlight=False, soft_wrap=True)
    ways: defaultdict[Compared, list[str]] = defaultdict(list)
    for each in found.moved:
        ways[each.both].append(each.call)
    for both, alike in sorted(ways.items(), key=lambda way: -len(way[1]))[:SHOWN_MAX]:
        count = str(len(alike))
        say.print(f"\n{count} × {both.recorded}", highlight=False, soft_wrap=True)
        say.print(f"{' ' * len(count)} ⇒ {both.replayed}", highlight=False, soft_wrap=True)
        say.print(f"    such as: careline explain {alike[0][:8]}", highlight=False)
    if len(ways) > SHOWN_MAX:
        say.print(f"\nand {len(ways) - SHOWN_MAX} more ways; all of them: --json")


def _plain(moved: Moved) -> dict[str, object]:
    was, becomes = asdict(moved.both.recorded), asdict(moved.both.replayed)
    return {"call": moved.call, "went": was, "would_go": becomes}


def _refused(why: str) -> typer.Exit:
    complain.print(why, highlight=False, markup=False)
    return typer.Exit(1)
