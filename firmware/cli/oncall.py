"""Who is on call, who will be, and when nobody is. Names are shown, numbers never."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter
from rich.box import SIMPLE_HEAD as BOX
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from firmware.cli import night
from firmware.cli.site import At, local_time, plan_of
from firmware.place import Place
from ivr import oncall as rules
from ivr.forewarn import DAYS_AHEAD, moment, notices
from ivr.oncall import By, Duty, Rung, Watch, Why
from ivr.plan import Plan
from ivr.rota import Rota

app = typer.Typer()

SHOW = "show"


class _ShowsOtherwise(TyperGroup):
    """`careline oncall` shows the rota, with or without a file; anything else is named."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        named = {*self.commands, "--help"}
        if not args or args[0] not in named:
            args = [SHOW, *args]
        return super().parse_args(ctx, args)


group = typer.Typer(
    cls=_ShowsOtherwise,
    help="Who is on call, and the urgent messages of a night: `careline oncall [FILE]` shows the"
    " rota, and `careline oncall show --help` says how.",
)
app.add_typer(group, name="oncall")
night.add_to(group)

NO_ROTA = 1
HAND_OFFS_SHOWN = 6
NOBODY = Text("NOBODY", "bold red")
NOT_NEEDED = Text("nobody", "dim")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who is on call in a layer, by what, and until when; None: as far as can be seen."""

    layer: str
    person: str | None
    name: str | None
    by: By
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """A time in which nothing changes, and what of it should not be."""

    start: datetime
    end: datetime
    on_call: dict[str, Duty]  # by layer
    is_gap: bool
    in_two_layers: tuple[str, ...]  # people


@dataclass(frozen=True, slots=True)
class Outlook:
    """What there is to say of a rota at an instant, in the clinic's own time."""

    at: datetime
    timezone: str
    days: int
    now: tuple[Holder, ...]
    ladder: tuple[Rung, ...]
    outside: str | None  # hours during which nobody need be on call
    rows: tuple[Row, ...]
    hours: dict[str, float]  # person -> time on call in these days, in any layer
    names: dict[str, str]  # person -> how people call them
    warnings: tuple[str, ...]


@group.command(SHOW)
def oncall(
    file: Annotated[
        Path | None, typer.Argument(help="a site file; else the published one", metavar="[FILE]")
    ] = None,
    at: At = "",
    days: Annotated[int, typer.Option(help="show the coming days as a table", min=0, max=366)] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Who is on call now, whom an urgent call goes to, and who is next."""
    plan = plan_of(file or Place.from_environment().site_file)
    if plan.rota is None:
        cure = "add [oncall] to the site file, as the template has it"
        Console(stderr=True).print(f"there is no on-call rota: {cure}", markup=False)
        raise typer.Exit(NO_ROTA)
    now = local_time(at, plan).replace(second=0, microsecond=0)
    outlook = look_ahead(plan, plan.rota, now, days or DAYS_AHEAD)
    if as_json:
        typer.echo(TypeAdapter(Outlook).dump_json(outlook, indent=2).decode())
        return
    say = Console(highlight=False, soft_wrap=True)
    if days:
        _show_days(say, outlook)
    else:
        _show_now(say, outlook)
    for warning in outlook.warnings:
        say.print(Text.assemble(("warning ", "bold yellow"), warning))


def look_ahead(plan: Plan, rota: Rota, now: datetime, days: int) -> Outlook:
    """Everything to be shown of the days from now on."""
    end = now + timedelta(days=days)
    outside = plan.hours.get(rota.outside) if rota.outside else None
    watches = rules.watches(rota, outside, now, end)
    shifts = [shift for layer in rota.layers for shift in rules.shifts(rota, layer, now, end)]
    return Outlook(
        at=now,
        timezone=str(rota.zone),
        days=days,
        now=tuple(_holder(plan, rota, layer, now) for layer in rota.layers),
        ladder=rules.ladder(rota, (), now),
        rows=tuple(_row(rota, watch) for watch in watches),
        hours={
            person: round(held / timedelta(hours=1), 2)
            for person, held in rules.time_of(shifts).items()
        },
        outside=rota.outside,
        names={person: plan.people[person].label for person in (*rota.people, rota.last_resort)},
        warnings=tuple(notice.reason for notice in notices(plan, now, days)),
    )


def _holder(plan: Plan, rota: Rota, layer: str, now: datetime) -> Holder:
    shifts = rules.shifts(rota, layer, now, now + rules.HORIZON)
    duty = shifts[0].duty
    until = shifts[0].end.astimezone(rota.zone) if len(shifts) > 1 else None
    name = plan.people[duty.person].label if duty.person else None
    return Holder(layer, duty.person, name, duty.by, until)


def _row(rota: Rota, watch: Watch) -> Row:
    people = [duty.person for duty in watch.duties if duty.person]
    return Row(
        watch.start.astimezone(rota.zone),
        watch.end.astimezone(rota.zone),
        dict(zip(rota.layers, watch.duties, strict=True)),
        watch.is_gap,
        tuple(dict.fromkeys(one for one in people if people.count(one) > 1)),
    )


# ---- in words ----


def _show_now(say: Console, outlook: Outlook) -> None:
    say.print(f"{moment(outlook.at)} ({outlook.timezone})")
    table = Table(box=None, show_header=False, pad_edge=False)
    first = outlook.rows[0]
    for holder in outlook.now:
        until = f"until {moment(holder.until)}" if holder.until else ""
        table.add_row(holder.layer, _cell(outlook, first, holder.layer), until)
    say.print(table)
    say.print(f"\n{_ladder_in_words(outlook)}\n")
    changes = list(_hand_offs(outlook))
    say.print("the next hand-offs:" if changes else f"no hand-off in {outlook.days} days")
    table = Table(box=None, show_header=False, pad_edge=False)
    for change in changes[:HAND_OFFS_SHOWN]:
        table.add_row(*change)
    say.print(table)


def _show_days(say: Console, outlook: Outlook) -> None:
    table = Table(box=BOX)
    for name in ("day", "from", "to"):
        table.add_column(name, no_wrap=True)
    for name in (*(holder.layer for holder in outlook.now), ""):
        table.add_column(name)
    shown = [row for row in outlook.rows if row.is_gap or _people(row)]
    day = ""
    for row in shown:
        cells = (_cell(outlook, row, layer) for layer in row.on_call)
        begins = f"{row.start:%a %Y-%m-%d}"
        table.add_row(
            begins if begins != day else "",
            f"{row.start:%H:%M}",
            _until(row.start, row.end),
            *cells,
            _remark(outlook, row),
        )
        day = begins
    say.print(table)
    if len(shown) < len(outlook.rows):
        say.print(f"left out: times of the hours {outlook.outside}, when nobody need be on call")
    held = (f"{outlook.names[person]} {hours:g} h" for person, hours in outlook.hours.items())
    say.print(f"in {outlook.days} days: {', '.join(held) or 'nobody at all'}")


def _people(row: Row) -> list[str]:
    return [duty.person for duty in row.on_call.values() if duty.person]


def _until(start: datetime, end: datetime) -> str:
    """As short as it cannot be mistaken for another time."""
    if end.date() == start.date():
        return f"{end:%H:%M}"
    if end.date() - start.date() < timedelta(days=7):
        return f"{end:%a %H:%M}"
    return moment(end)


def _cell(outlook: Outlook, row: Row, layer: str) -> Text:
    duty = row.on_call[layer]
    if duty.person is None:
        return NOBODY if row.is_gap and layer == next(iter(row.on_call)) else NOT_NEEDED
    agreed = f" ({duty.by})" if duty.by in (By.SWAP, By.OVERRIDE) else ""
    style = "yellow" if duty.person in row.in_two_layers else ""
    return Text(f"{outlook.names[duty.person]}{agreed}", style)


def _remark(outlook: Outlook, row: Row) -> Text:
    if row.is_gap:
        return Text("gap", "bold red")
    twice = (outlook.names[person] for person in row.in_two_layers)
    return Text(", ".join(f"{name} twice" for name in twice), "yellow")


def _hand_offs(outlook: Outlook) -> Iterator[tuple[str, Text]]:
    """When somebody else comes on call, and who, layer by layer."""
    for before, row in pairwise(outlook.rows):
        changed = [
            Text.assemble(f"{layer}: ", _cell(outlook, row, layer))
            for layer, duty in row.on_call.items()
            if duty != before.on_call[layer]
        ]
        if changed:
            yield moment(row.start), Text(", ").join(changed)


def _ladder_in_words(outlook: Outlook) -> str:
    tried = [_rung_in_words(outlook, rung) for rung in outlook.ladder]
    return f"an urgent call goes to {', then to '.join(tried)}"


def _rung_in_words(outlook: Outlook, rung: Rung) -> str:
    names = ", ".join(outlook.names[person] for person in rung.people)
    match rung.why:
        case Why.ON_CALL | Why.LAST_RESORT:
            return names
        case Why.NEXT:
            return f"{names} (on call next)"
        case Why.ALL:
            return f"everybody at once ({names})"
