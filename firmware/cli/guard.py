"""Who is blocked at the telephones' ports, and how somebody is let in again: by `careline root`,
which decides and enters it."""

import asyncio
from ipaddress import ip_address
from typing import Annotated

import typer
from rich.console import Console

from firmware import root
from firmware.guard_acts import UnblockAddress
from firmware.place import Place
from firmware.root import RootError

REFUSED = 1

app = typer.Typer()
group = typer.Typer(help="Who knocks at the telephones' ports from outside.")
app.add_typer(group, name="guard")
say = Console(highlight=False, soft_wrap=True)
complain = Console(stderr=True, highlight=False, soft_wrap=True)


@group.command(name="list")
def shown() -> None:
    """Who is blocked now, for how long still, and why."""
    try:
        told = asyncio.run(root.guard_of(Place.from_environment().root_socket))
    except RootError as no:
        complain.print(str(no), markup=False)
        raise typer.Exit(REFUSED) from None
    if not told.is_box:
        say.print("this machine's packet filter is not the box's: it is left alone")
        return
    for one in told.blocks:
        say.print(
            f"{one.address}: blocked for {one.for_s // 60} min, {one.left} left: {one.why}",
            markup=False,
        )
    if not told.blocks:
        say.print("nobody is blocked")


@group.command()
def unblock(
    address: Annotated[str, typer.Argument(help="as `careline guard list` shows it")],
) -> None:
    """Let somebody in again at once."""
    try:
        wish = UnblockAddress(address=ip_address(address))
    except ValueError:
        complain.print("that is no address: write it as `careline guard list` shows it")
        raise typer.Exit(REFUSED) from None
    try:
        asyncio.run(root.ask(Place.from_environment().root_socket, wish))
    except RootError as no:
        complain.print(str(no), markup=False)
        raise typer.Exit(REFUSED) from None
    say.print("it is blocked no longer")
