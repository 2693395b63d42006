"""Measuring: each figure beside a peer's in the same run, with the ratio of the two."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from firmware.asterisk.sandbox import AsteriskError
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
    from firmware.bench import latency

    with _bar("calls") as shown:
        timed = latency.measure(calls, shown)
    _tell(latency.figures(timed), "plain dialplan", as_json=as_json)


@bench.command()
def crowd(
    rounds: Annotated[int, typer.Option(help="of ten callers in the menu", min=1)] = 10,
    keys: Annotated[int, typer.Option(help="pressed by each of them", min=1)] = 100,
    as_json: AsJson = False,
) -> None:
    """Thirty callers at once: ten talk, ten wait, ten come together and press key after key."""
    from firmware.bench import crowd

    with _bar("rounds") as shown:
        came = crowd.measure(rounds, keys, shown)
    if as_json:
        typer.echo(json.dumps(asdict(came), indent=2))
        return
    say = Console(highlight=False)
    say.print(
        f"call to first prompt, ten at once beside twenty: {_shown(came.first)} ms (median / p99,"
        f" worst {came.first.worst_ms:.0f}; at most {crowd.FIRST_MS} is wanted)",
        f"keys lost: {came.lost} of {came.pressed}",
        f"still heard at the end: {came.talks_heard} of {crowd.EACH} talks,"
        f" {came.music_heard} of {crowd.EACH} waiting callers' music",
        sep="\n", soft_wrap=True,
    )  # fmt: skip


@bench.command()
def ami(as_json: AsJson = False) -> None:
    """Events of Asterisk's manager per CPU-second, beside bare asterisk-ami."""
    from firmware.bench import ami

    with Console(stderr=True).status("reading events"):
        rates = ami.measure()
    typer.echo(json.dumps(asdict(rates), indent=2) if as_json else str(rates))


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """How far it is, on standard error; without an Asterisk it says what to do instead."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress("{task.description}", *columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        try:
            yield lambda done, of: bar.update(task, completed=done, total=of)
        except AsteriskError as missing:
            raise typer.BadParameter(str(missing)) from None


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
