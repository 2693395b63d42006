"""Measuring: each figure beside a peer's in the same run, with the ratio of the two."""

import json
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import import_module
from types import ModuleType
from typing import Annotated, Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from rich.table import Table

from firmware.asterisk.sandbox import AsteriskError
from firmware.bench.beside import Report, Shown, number
from firmware.bench.figures import Figure

app = typer.Typer()
bench = typer.Typer(help="Measure this machine: figures, each beside a peer's; all, if none named.")
app.add_typer(bench, name="bench")

AsJson = Annotated[bool, typer.Option("--json", help="for programs")]
Rounds = Annotated[
    int | None, typer.Option(help="in which all sides take their turns", min=1, max=1000)
]

KEYS = 100

# Each is a module of firmware/bench of that name, whose `measure` gives a Report.
BESIDE = {
    "dtmf": "Keys heard in the audio: ns a sample, beside libspandsp and plain numpy.",
    "audio": "G.711, mixing, level, keys: times real time, beside C tables, numpy and Python.",
    "progress": "The network's tones on a line: ns a sample, beside libspandsp and plain numpy.",
    "acd": "Who answers whom: ns a decision, beside a plain loop, heaps and SQLite.",
    "media": "500 callers at once and 100 real ones: CPU a call and frame gaps, beside asyncio,"
    " a bare echo in C and Asterisk.",
    "ami": "Events of Asterisk's manager per CPU-second, beside bare asterisk-ami.",
    "store": "Durable rows, beside plain sqlite3 on the same disk.",
    "vault": "Sealing 30 recordings, opening a message, ledger.log: beside the same without.",
    "promise": "The promise to a caller on a disk whose fsync takes 50 ms, beside the least it"
    " needs.",
    "web": "A screen of the page with 100,000 calls stored, five people and three boards at once.",
    "calling": "A call's first prompt while five people use the page, beside an idle page.",
    "prover": "A flow of 200 nodes proven for 400 days, beside the least that must be walked.",
    "history": "The page's figures over 100,000 and 10,000,000 calls, beside a scan of them.",
}


class Measured(Protocol):
    """What every bench of BESIDE has."""

    def __call__(self, *, rounds: int = ..., shown: Shown) -> Report: ...


@bench.callback(invoke_without_command=True)
def every(context: typer.Context, as_json: AsJson = False) -> None:
    """All of them, where none is named."""
    if context.invoked_subcommand is not None:
        return
    if not as_json:
        for name in BESIDE:
            _tell_beside(name, _measured(name, None))
        latency()
        return
    told = {name: _as_json(_measured(name, None)) for name in BESIDE}
    typer.echo(json.dumps(told | {"latency": _latency_as_json(_latency(100))}, indent=2))


def _beside(name: str, what: str) -> None:
    @bench.command(name, help=what)
    def command(rounds: Rounds = None, as_json: AsJson = False) -> None:
        report = _measured(name, rounds)
        if as_json:
            typer.echo(json.dumps(_as_json(report), indent=2))
        else:
            _tell_beside(name, report)


for _name, _what in BESIDE.items():
    _beside(_name, _what)


@bench.command()
def latency(
    calls: Annotated[int, typer.Option(help="of each kind", min=1, max=10_000)] = 100,
    as_json: AsJson = False,
) -> None:
    """What a caller waits for, beside a plain dialplan on the same Asterisk (a rehearsal's)."""
    figures = _latency(calls)
    if as_json:
        typer.echo(json.dumps(_latency_as_json(figures), indent=2))
    else:
        _tell(figures, PEER)


PEER = "plain dialplan"


def _latency(calls: int) -> list[Figure]:
    from firmware.bench import latency

    with _bar("calls") as shown:
        return latency.figures(latency.measure(calls, shown))


def _latency_as_json(figures: list[Figure]) -> dict[str, object]:
    told = [asdict(figure) | {"ratio": figure.ratio} for figure in figures]
    return {"peer": PEER, "figures": told}


@bench.command()
def crowd(
    rounds: Annotated[int, typer.Option(help="of ten callers in the menu", min=1)] = 10,
    keys: Annotated[int, typer.Option(help="pressed by each of them", min=1)] = KEYS,
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
        f"call to first prompt, ten at once beside twenty: {came.first} ms (median / p99,"
        f" worst {came.first.worst_ms:.0f}; at most {crowd.FIRST_MS} is wanted)",
        f"keys lost: {came.lost} of {came.pressed}",
        f"still heard at the end: {came.talks_heard} of {crowd.EACH} talks,"
        f" {came.music_heard} of {crowd.EACH} waiting callers' music",
        sep="\n", soft_wrap=True,
    )  # fmt: skip


@bench.command()
def page(
    calls: Annotated[int, typer.Option(help="of each kind", min=1, max=10_000)] = 100,
    rounds: Annotated[int, typer.Option(help="of the crowd", min=1)] = 10,
) -> None:
    """All of them, printed as the page of results in Markdown; it takes a quarter of an hour."""
    from firmware.bench import crowd, latency
    from firmware.bench.page import page

    reports = {_module(name): _measured(name, None) for name in BESIDE}
    figures = _latency(calls)
    with _bar("rounds") as shown:
        came = crowd.measure(rounds, KEYS, shown)
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    when = datetime.now(UTC).strftime("%Y-%m-%d")
    typer.echo(page(when, machine, reports, (latency, figures), (crowd, came)), nl=False)


def _module(name: str) -> ModuleType:
    return import_module(f"firmware.bench.{name}")


def _measured(name: str, rounds: int | None) -> Report:
    measure: Measured = _module(name).measure
    with _bar(name) as shown:
        return measure(shown=shown) if rounds is None else measure(rounds=rounds, shown=shown)


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


def _as_json(report: Report) -> dict[str, object]:
    told = [
        asdict(figure)
        | {
            "median": figure.ours.median,
            "ratios": {peer: figure.ratio(peer) for peer in figure.beside},
            "is_met": figure.is_met,
        }
        for figure in report.figures
    ]
    return {"figures": told, "noise_percent": report.noise_percent, "notes": report.notes}


def _tell_beside(name: str, report: Report) -> None:
    """A row a figure and a line a target; medians, with the least and the most of ours."""
    peers = list(dict.fromkeys(peer for figure in report.figures for peer in figure.beside))
    columns = (name, "unit", "CareLine", "least .. most", *peers)
    table = Table(*columns, box=None, pad_edge=False)
    for figure in report.figures:
        theirs = [figure.told_beside(peer) for peer in peers]
        ours = figure.ours
        spread = f"{number(ours.low)} .. {number(ours.high)}"
        table.add_row(figure.what, figure.unit, number(ours.median), spread, *theirs)
    say = Console(highlight=False)
    say.print(table)
    rounds = {len(figure.ours.values) for figure in report.figures}
    say.print(
        f"Medians of {'/'.join(map(str, sorted(rounds)))} rounds in turn; in brackets CareLine to"
        f" that peer. Noise of this machine meanwhile: {report.noise_percent:.0f} %.",
        *report.notes,
        sep="\n",
        soft_wrap=True,
    )
    for figure in report.figures:
        if figure.aim is not None and figure.is_met is not None:
            _say_aim(say, figure.what, figure.aim.words(), is_met=figure.is_met)
    say.print()


def _say_aim(say: Console, what: str, words: str, *, is_met: bool) -> None:
    met = "[green]met[/]" if is_met else "[bold red]missed[/]"
    say.print(f"  {met}  {what}: {words}", soft_wrap=True)


def _tell(figures: list[Figure], peer: str) -> None:
    table = Table("median / p99, ms", "CareLine", peer, "ratio", box=None)
    for figure in figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        table.add_row(figure.what, str(figure.ours), str(figure.peer or ""), ratio)
    say = Console(highlight=False)
    say.print(table, f"{figures[0].ours.count} calls of each kind, in turn; targets:", sep="\n")
    for figure in figures:
        if figure.target is not None:
            _say_aim(say, figure.what, figure.target.words, is_met=figure.target.is_met)
