"""Published versions, as they are kept: listed, shown, compared, and published again."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firmware import proving, publishing, trial, versions
from firmware.asterisk.sandbox import launch_for
from firmware.cli import site
from firmware.place import Place
from firmware.versions import Version, VersionError
from ivr.difference_words import Told
from ivr.plan import Plan

REFUSED = 1

app = typer.Typer()
group = typer.Typer(
    invoke_without_command=True, help="Published versions: who, when, and one of them again."
)
app.add_typer(group, name="versions")
say = Console()
complain = Console(stderr=True)
Number = Annotated[int, typer.Argument(help="the version's number", min=1)]


@group.callback()
def listed(context: typer.Context) -> None:
    """Those that are kept, the newest first."""
    if context.invoked_subcommand is not None:
        return
    place = Place.from_environment()
    kept = versions.kept(place)
    if not kept:
        say.print("nothing has been published yet")
        return
    pending = trial.pending(place)
    table = Table("version", "name", "published", "by", "", box=None, pad_edge=False)
    for each in kept:
        table.add_row(*map(escape, (*_line(each), _state(each, pending))))
    say.print(table)


@group.command()
def show(number: Number) -> None:
    """One version's site file, as it was published."""
    version = _found(number)
    complain.print(", ".join(filter(None, _line(version))), highlight=False, markup=False)
    typer.echo(version.text, nl=False)


@group.command()
def compare(
    before: Annotated[str, typer.Argument(help="a version's number, or a site file")],
    after: Annotated[str, typer.Argument(help="likewise")],
) -> None:
    """What differs between two versions, or a version and a site file, in words."""
    show_difference(versions.compare_texts(*_side(before), *_side(after)))


def _side(word: str) -> tuple[str, Plan]:
    if not word.isdecimal():
        file = Path(word)
        return site.text_of(file), site.plan_of(file)
    version = _found(int(word))
    try:
        return version.text, versions.plan_of(version)
    except VersionError as refused:
        raise _refused(refused) from None


@group.command()
def back(
    number: Number,
    name: Annotated[str, typer.Option(help="a word for it")] = "",
    confirm_within: Annotated[
        int | None,
        typer.Option(help="as of `careline publish`", min=1, max=trial.LONGEST_S),
    ] = None,
) -> None:
    """Publish an earlier version once more, by the whole way, in which it may be refused."""
    place = Place.from_environment()
    wish = site.wished(name or f"as version {number}", confirm_within)
    with site.not_published():
        try:
            published = publishing.put_back_in_force(
                place, number, launch_for(place), wish, say.print
            )
        except proving.UnprovenError as wrong:
            site.tell_faults(_found(number).site_file, wrong.faults)
            raise typer.Exit(site.FAULTY) from None
        site.tell(published, wish)


def show_difference(told: list[Told]) -> None:
    """By groups, each under its name."""
    if not told:
        say.print("They are the same.")
    group_ = ""
    for each in told:
        if each.group != group_:
            group_ = each.group
            say.print(f"[bold]{escape(group_)}[/]", highlight=False)
        say.print(f"  {escape(each.sentence)}", highlight=False, soft_wrap=True)


def _found(number: int) -> Version:
    try:
        return versions.find(Place.from_environment(), number)
    except VersionError as refused:
        raise _refused(refused) from None


def _line(version: Version) -> tuple[str, str, str, str]:
    if (note := version.note) is None:
        return str(version.number), "", "", ""
    return str(version.number), note.name, f"{note.at.astimezone():%Y-%m-%d %H:%M}", note.who


def _state(version: Version, pending: trial.Trial | None) -> str:
    if pending is not None and version.number == pending.version:
        return f"on trial, {pending.left_s():.0f} s left"
    if version.is_in_force:
        return "in force"
    return "was not confirmed" if version.note is not None and version.note.returned else ""


def _refused(why: VersionError) -> typer.Exit:
    complain.print(escape(str(why)), style="red", highlight=False, soft_wrap=True)
    return typer.Exit(REFUSED)
