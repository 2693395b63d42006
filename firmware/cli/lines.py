"""The lines: what each leads to, how it stands now, and whom a trunk's server is trusted by."""

import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from firmware import account, gateways, people, sip_authorities
from firmware.asterisk import dahdi
from firmware.audit import Act
from firmware.cli.site import plan_of
from firmware.control import ControlError, ask
from firmware.lines_desk import LINES, LineNow, LinesRequest
from firmware.peer import at_the_shell
from firmware.place import Place
from firmware.ports import ports_of
from firmware.providers import PROVIDERS
from firmware.provisioning import links
from firmware.provisioning.desk import Maker, mac
from firmware.provisioning.links import Link
from firmware.sip_authorities import TrustError
from firmware.store import StoreError
from ivr.plan import Plan, Trunk

NOT_DONE = 1
DISCARD = 9  # a port of no meaning here (RFC 863)
WHOLE = ("numbers", "last call")  # a number or a time that is broken is read wrongly
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
    table = Table(
        *(Column(name, no_wrap=name in WHOLE, overflow="fold") for name in names), box=None
    )
    for line in reply.lines:
        table.add_row(*_cells(line))
    say.print(table if reply.lines else "the site file names no lines")
    for line in reply.lines:
        if line.cure:
            say.print(f"{line.line}: {line.cure}", markup=False)


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


@group.command(name="settings")
def gateway(
    name: Annotated[str, typer.Argument(help="the trunk's name in the site file")],
    box: Annotated[str, typer.Option(help="where the gateway finds this box")] = "",
    site: Annotated[Path | None, typer.Option(help="a site file not published yet")] = None,
    link: Annotated[str, typer.Option(help="its MAC: make a link by which it fetches them")] = "",
    page_port: Annotated[int, typer.Option(help="where the page answers by HTTPS")] = 443,
) -> None:
    """What a gateway is to be told, page by page, as its own pages name it; or a link, good once,
    by which a GXW410x fetches it from the box. Of a telephone card: the kernel's file for it."""
    place = Place.from_environment()
    plan = plan_of(site or place.site_file)
    trunk = plan.trunks.get(name)
    if trunk is not None and trunk.card is not None:
        _tell_card(plan)
        return
    if trunk is None or trunk.gateway is None:
        complain.print(
            f"no gateway is called {name}: say in [trunks.{name}] gateway = which it is, or card =",
            markup=False,
        )
        raise typer.Exit(NOT_DONE)
    host = box or _box_seen_from(trunk.host)
    if link:
        _make_link(place, trunk, host, link, page_port)
        return
    # What is to be typed in is shown whole, however narrow the terminal.
    names = ("page", "name", "value", "P value")
    table = Table(
        *(Column(each, no_wrap=each == "value", overflow="fold") for each in names), box=None
    )
    for each in gateways.settings_of(plan, trunk, host, ports_of(place).sip):
        p_value = "" if each.p_value is None else f"P{each.p_value}"
        table.add_row(*map(escape, (each.page, each.name, each.value, p_value)))
    say.print(table)
    say.print(f"the box is at {host} for it: --box says another", markup=False)


def _tell_card(plan: Plan) -> None:
    """What the kernel is to be told; how, beside it, so that it can be led into a file."""
    typer.echo(dahdi.system(plan), nl=False)
    complain.print("this belongs into /etc/dahdi/system.conf, for all cards of the box:")
    complain.print("    sudo dahdi_cfg -vv                 # tells the cards", highlight=False)
    complain.print("    sudo systemctl restart asterisk    # ends all calls", highlight=False)


def _make_link(place: Place, trunk: Trunk, host: str, written: str, port: int) -> None:
    device = mac(written)
    if device is None:
        complain.print("a MAC address has 12 signs of 0 to 9 and A to F: see the gateway's back")
        raise typer.Exit(NOT_DONE)
    if trunk.gateway is None or not gateways.is_served(trunk.gateway):
        kind = trunk.gateway.kind.value if trunk.gateway else "it"
        complain.print(
            f"{trunk.name}: a gateway of the kind {kind} fetches nothing from the box, which the"
            " gxw4104 and gxw4108 do: type in what is told without --link",
            markup=False,
        )
        raise typer.Exit(NOT_DONE)
    wanted = Link(
        gateways.linked(trunk.name), Maker.GRANDSTREAM, host, datetime.now(UTC), device, None
    )
    try:
        account.give(place, at_the_shell(), Act.MADE_LINK, wanted.extension)
        token = people.write(place.page_db, lambda c: links.make(c, wanted))
    except (ControlError, StoreError, OSError) as no:
        complain.print(str(no), markup=False)
        raise typer.Exit(NOT_DONE) from None
    say.print("on the gateway's page for upgrades and provisioning, by HTTPS, config server path:")
    say.print(f"    {host}{'' if port == 443 else f':{port}'}/provision/{token}", markup=False)
    say.print("good for a day, once, for this gateway alone")


def _box_seen_from(host: str) -> str:
    """This machine's own address on the way there; nothing is sent."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, DISCARD))
            return str(probe.getsockname()[0])
    except OSError:
        return "ADDRESS-OF-THIS-BOX"


def _cells(line: LineNow) -> tuple[str, ...]:
    style = STATE_STYLES[line.state]
    now = f"[{style}]{escape(line.detail)}[/]"
    numbers = "\n".join(line.numbers)
    last = "none yet"
    if line.last_call:
        last = f"{datetime.fromisoformat(line.last_call).astimezone():%Y-%m-%d\n%H:%M}"
    return line.line, line.kind, line.by, numbers, line.leads_to, str(line.in_use), last, now
