"""The panel on the wall, at the console: what is wired to which terminal, and each lamp lit in
turn."""

import asyncio
from collections.abc import AsyncIterator

import typer
from rich.console import Console

from firmware.control import ControlError, follow_async
from firmware.panel_trial import TRY_PANEL, PanelLine, PanelRequest
from firmware.place import Place

REFUSED = 1
CUT = ControlError("the exchange ended in the midst of it", "see `careline status`, and try again")

app = typer.Typer()
say = Console(highlight=False, soft_wrap=True)
complain = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command()
def panel() -> None:
    """What is wired to the panel on the wall; each lamp is lit in turn, for two seconds."""
    try:
        asyncio.run(_followed())
    except ControlError as refused:
        complain.print(str(refused), markup=False)
        raise typer.Exit(REFUSED) from None


async def _followed() -> None:
    at = Place.from_environment().control_socket
    lines: AsyncIterator[PanelLine] = follow_async(at, TRY_PANEL, PanelRequest())
    async for line in lines:
        say.print(told(line), markup=False)
        if line.is_last:
            return
    raise CUT


def told(line: PanelLine) -> str:
    """What the console shows of it."""
    if line.is_last:
        return "each lamp was lit; one that stayed dark is broken, or wired to another terminal"
    if line.is_lit:
        return f"lamp {line.what} on {line.terminal} is lit now"
    return f"{line.what} on {line.terminal}, which is not tried"
