"""The box's network from its own console or by SSH: how it is, another one on trial, confirmed or
taken back. `careline root` does it; nothing is decided here."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from firmware import root
from firmware.network_trial import WITHIN_S, NetworkTold, WishForm
from firmware.place import Place
from firmware.root import KeepNetwork, OfNetwork, RootError, TakeBackNetwork, TryNetwork
from hw.network_files import Wish, WishError, understood

REFUSED = 1

app = typer.Typer()
group = typer.Typer(
    invoke_without_command=True, help="The box's network: its ports, and another one on trial."
)
app.add_typer(group, name="network")
say = Console(highlight=False, soft_wrap=True)
complain = Console(stderr=True, highlight=False, soft_wrap=True)


@group.callback()
def shown(context: typer.Context) -> None:
    """How it is now."""
    if context.invoked_subcommand is not None:
        return
    told = _told()
    if not told.is_box:
        say.print("this machine's network is not the box's: it is left alone")
        return
    for port in told.ports:
        plug = port.state if port.has_carrier else "nothing is plugged in"
        words = [*port.addresses, *([f"router {port.gateway}"] if port.gateway else [])]
        say.print(f"{port.name}: {plug}; {', '.join(words) or 'no address'}", markup=False)
    say.print(f"in force: {_said(told.in_force)}", markup=False)
    if told.trial:
        say.print(f"on trial for {told.left_s:.0f} s more: {_said(told.trial)}", markup=False)


@group.command(name="try")
def try_out(
    address: Annotated[str, typer.Option(help="like 192.168.1.20/24; without it, DHCP")] = "",
    gateway: Annotated[str, typer.Option(help="the router's address")] = "",
    dns: Annotated[str, typer.Option(help="up to three addresses, spaces between")] = "",
    time: Annotated[str, typer.Option(help="up to four time servers, spaces between")] = "",
    vlan: Annotated[str, typer.Option(help="the telephones' VLAN, 1 to 4094")] = "",
    phones_address: Annotated[str, typer.Option(help="the box's address among them")] = "",
    port: Annotated[str, typer.Option(help="where the box has several: which one")] = "",
    host_name: Annotated[str, typer.Option(help="what the box calls itself")] = "",
) -> None:
    """Another network, for 90 seconds."""
    how = "fixed" if address else "dhcp"
    wish = Wish(how, address, gateway, port, vlan, phones_address, dns, time, host_name)
    try:
        understood(wish)
    except WishError as wrong:
        for name, fault in wrong.faults.items():
            complain.print(f"--{name.replace('_', '-')}: {fault}", markup=False)
        raise typer.Exit(REFUSED) from None
    _ask(TryNetwork(wish=WishForm(**asdict(wish))))
    say.print(
        f"on trial for {WITHIN_S:.0f} s: `careline network confirm`, or the former one is back"
    )


@group.command()
def confirm() -> None:
    """What is on trial stays."""
    _ask(KeepNetwork())
    say.print("it stays")


@group.command()
def back() -> None:
    """What is on trial goes, and the former one is used again."""
    _ask(TakeBackNetwork())
    say.print("the former one is back")


def _said(form: WishForm | None) -> str:
    if form is None:
        return "as the box came: its net gives it an address (DHCP)"
    given = {name: value for name, value in form.model_dump().items() if value and name != "how"}
    words = [f"{name.replace('_', ' ')} {value}" for name, value in given.items()]
    return ", ".join([*(["DHCP"] if form.how == "dhcp" else []), *words])


def _told() -> NetworkTold:
    try:
        return asyncio.run(root.network_of(Place.from_environment().root_socket))
    except RootError as no:
        complain.print(str(no), markup=False)
        raise typer.Exit(REFUSED) from None


def _ask(act: OfNetwork) -> None:
    try:
        asyncio.run(root.ask(Place.from_environment().root_socket, act))
    except RootError as no:
        complain.print(str(no), markup=False)
        raise typer.Exit(REFUSED) from None
