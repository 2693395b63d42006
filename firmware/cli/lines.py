"""The lines: what each leads to, how it stands now, and whom a trunk's server is trusted by."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from firmware import sip_authorities
from firmware.control import ControlError, ask
from firmware.lines_desk import LINES, LineNow, LinesRequest
from firmware.place import Place
from firmware.providers import PROVIDERS
from firmware.sip_authorities import TrustError

NOT_DONE = 1
STATE_STYLES = {"well": "green", "warning": "yellow", "alarm": "bold red", "unknown": "dim"}

app = typer.Typer()
group = typer.Typer(help="The lines, and how each stands now.", invoke_without_command=True)
app.add_typer(group, name="lines")
say = Console(highlight=False)
complain = Console(stderr=True)


@group.callback()
def lines(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Each line: by which trunk or modem it comes, its numbers, what it opens, and its state."""
    if context.invoked_subcommand is not None:
        return
    try:
        reply = ask(Place.from_environment().control_socket, LINES, LinesRequest())
    except ControlError as refused:
        complain.print(str(refused), markup=False)
        raise typer.Exit(NOT_DONE) from None
    if as_json:
        typer.echo(reply.model_dump_json(indent=2))
        return
    names = ("line", "kind", "by", "numbers", "opens", "in use", "last call", "now")
    table = Table(*(Column(name, overflow="fold") for name in names), box=None)
    for line in reply.lines:
        table.add_row(*_cells(line))
    say.print(table if reply.lines else "the site file names no lines")


@group.command()
def trust(
    file: Annotated[Path, typer.Argument(help="an authority's certificate, as PEM")],
) -> None:
    """Trust the authority that vouches for a telephone company's server, from the next publish
    on."""
    try:
        names = sip_authorities.trust(Place.from_environment(), file.read_bytes())
    except (TrustError, OSError) as no:
        complain.print(str(no), markup=False)
        raise typer.Exit(NOT_DONE) from None
    for name in names:
        say.print(f"trusted with trunks: {name}", markup=False)
    say.print("publish the site again: from then on it counts")


@group.command(name="providers")
def known() -> None:
    """The companies that a trunk's `provider =` may name, with what it says for each."""
    for name, one in PROVIDERS.items():
        signs = "signs in with a user name" if one.registers else "is known by address or password"
        host = one.host or f"your own, like {one.hint}"
        say.print(f'provider = "{name}": {one.title}', markup=False, soft_wrap=True)
        numbers = f"numbers as {one.number_format}, shown in {one.shown_in}"
        say.print(f"    at {host}; the box {signs}; {numbers}", markup=False, soft_wrap=True)
        say.print(f"    by its papers: {one.source}", markup=False, soft_wrap=True)


def _cells(line: LineNow) -> tuple[str, ...]:
    style = STATE_STYLES[line.state]
    now = f"[{style}]{escape(line.detail)}[/]"
    if line.cure:
        now += f"\n{escape(line.cure)}"
    numbers = "\n".join(line.numbers)
    last = line.last_call or "none yet"
    return line.line, line.kind, line.by, numbers, line.leads_to, str(line.in_use), last, now
