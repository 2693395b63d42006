"""Measuring: each figure beside a peer's in the same run, with the ratio of the two."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from firmware.bench.figures import Figure, Spread

app = typer.Typer()
bench = typer.Typer(
    help="Measure this machine: figures, each beside a peer's.", no_args_is_help=True
)
app.add_typer(bench, name="bench")

AsJson = Annotated[bool, typer.Option("--json", help="for programs")]


@bench.command()
def latency(
    calls: Annotated[int, typer.Option(help="of each kind", min=1, max=10_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """What a caller waits for, beside a plain dialplan on the same Asterisk (a rehearsal's)."""
    from firmware.asterisk.sandbox import AsteriskError
    from firmware.bench import latency

    with _bar() as bar:
        task = bar.add_task("calls", total=None)
        try:
            timed = latency.measure(
                calls, lambda done, of: bar.update(task, completed=done, total=of)
            )
        except AsteriskError as missing:
            raise typer.BadParameter(str(missing)) from None
    _tell(latency.figures(timed), "plain dialplan", as_json=as_json)


@bench.command()
def ami(as_json: AsJson = False) -> None:
    """Events of Asterisk's manager per CPU-second, beside bare asterisk-ami."""
    from firmware.bench import ami

    with Console(stderr=True).status("reading events"):
        rates = ami.measure()
    typer.echo(json.dumps(asdict(rates), indent=2) if as_json else str(rates))


def _bar() -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress("{task.description}", *columns, console=Console(stderr=True), transient=True)


def _tell(figures: list[Figure], peer: str, *, as_json: bool) -> None:
    if as_json:
        told = [asdict(figure) | {"ratio": figure.ratio} for figure in figures]
        typer.echo(json.dumps({"peer": peer, "figures": told}, indent=2))
        return
    table = Table("median / p99, ms", "CareLine", peer, "ratio", box=None)
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        table.add_row(figure.what, _shown(figure.ours), _shown(figure.peer), ratio)
    say = Console(highlight=False)
    say.print(table, f"{figures[0].ours.count} calls of each kind, in turn; targets:", sep="\n")
    for figure in figures:
        if figure.target is not None:
            met = "[green]met[/]" if figure.target.is_met else "[bold red]missed[/]"
            say.print(f"  {met}  {figure.what}: {figure.target.words}", soft_wrap=True)


def _shown(spread: Spread | None) -> str:
    return "" if spread is None else f"{spread.median_ms:.1f} / {spread.p99_ms:.1f}"
