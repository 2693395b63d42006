"""Agents: who is there, and their pauses."""

from typing import Annotated, Literal

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firmware import topics
from firmware.control import ControlError, ask
from firmware.place import Place

app = typer.Typer()
agents = typer.Typer(help="Who is there to answer, and who pauses.", invoke_without_command=True)
app.add_typer(agents, name="agents")
say = Console()
complain = Console(stderr=True)

NOT_DONE = 1
STYLES = {"free": "green", "talks": "cyan", "rings": "cyan", "paused": "yellow"}

Extension = Annotated[str, typer.Argument(help="the phone's extension")]
AsJson = Annotated[bool, typer.Option("--json", help="for programs")]


@agents.callback()
def list_agents(context: typer.Context, as_json: AsJson = False) -> None:
    """Every phone, its queues, and what who sits there does."""
    if context.invoked_subcommand is not None:
        return
    try:
        reply = ask(Place.from_environment().control_socket, topics.AGENTS, topics.AgentsRequest())
    except ControlError as refused:
        raise _refused(refused) from None
    _show(reply, as_json=as_json)


@agents.command()
def pause(
    extension: Extension,
    reason: Annotated[topics.Reason | None, typer.Option(help="why")] = None,
) -> None:
    """No calls of queues for this agent, until `resume`."""
    _duty(extension, "pause", reason)


@agents.command()
def resume(extension: Extension) -> None:
    """Calls of queues again."""
    _duty(extension, "resume")


@agents.command(name="sign-out")
def sign_out(extension: Extension) -> None:
    """The agent has gone: no calls of queues until `sign-in`."""
    _duty(extension, "sign out")


@agents.command(name="sign-in")
def sign_in(extension: Extension) -> None:
    """The agent is back."""
    _duty(extension, "sign in")


def _duty(
    extension: str,
    duty: Literal["pause", "resume", "sign out", "sign in"],
    reason: topics.Reason | None = None,
) -> None:
    try:
        request = topics.DutyRequest(extension=extension, duty=duty, reason=reason)
    except ValidationError:
        raise typer.BadParameter("extension: digits") from None
    try:
        reply = ask(Place.from_environment().control_socket, topics.DUTY, request)
    except ControlError as refused:
        raise _refused(refused) from None
    _show(reply, as_json=False)


def _show(reply: topics.AgentsReply, *, as_json: bool) -> None:
    if as_json:
        typer.echo(reply.model_dump_json(indent=2))
        return
    table = Table("phone", "name", "does", "queues", box=None)
    for agent in reply.agents:
        style = STYLES.get(agent.doing, "dim")
        detail = f": {agent.detail}" if agent.detail else ""
        doing = f"[{style}]{escape(agent.doing + detail)}[/]"
        table.add_row(agent.extension, escape(agent.name), doing, ", ".join(agent.queues))
    say.print(table)


def _refused(refused: ControlError) -> typer.Exit:
    complain.print(f"{refused.why}: {refused.cure}", highlight=False, markup=False)
    return typer.Exit(NOT_DONE)
