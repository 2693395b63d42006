"""The power at the console: how the box is supplied and since when, how long its battery lasts, how
warm it is, and who restarts it. It ends as Nagios' plugins do: 0 well, 1 warning, 2 alarm, 3 not
known."""

import typer
from rich.console import Console

from firmware.control import ControlError, ask
from firmware.place import Place
from firmware.power_topics import POWER, PowerReply, PowerRequest

ENDS = {"well": 0, "warning": 1, "alarm": 2}
UNKNOWN = 3

app = typer.Typer()
say = Console(highlight=False, soft_wrap=True)
complain = Console(stderr=True, highlight=False, soft_wrap=True)


@app.command()
def power() -> None:
    """How the box is supplied, how long its battery lasts, and how warm it is."""
    try:
        reply = ask(Place.from_environment().control_socket, POWER, PowerRequest())
    except ControlError as refused:
        complain.print(str(refused), markup=False)
        raise typer.Exit(UNKNOWN) from None
    for line in told(reply):
        say.print(line, markup=False)
    raise typer.Exit(max((ENDS[part.state] for part in reply.parts), default=0))


def told(reply: PowerReply) -> list[str]:
    """What the console shows of it."""
    lines = []
    if not reply.has_ups:
        lines.append("no UPS: a power cut ends every call; [power] of the site file names one")
    for part in reply.parts:
        lines.append(f"{part.state:7}  {part.name}: {part.detail}")
        if part.cure:
            lines.append(f"         → {part.cure}")
    if reply.has_ups:
        figures = [f"since {reply.since}"]
        figures += [] if reply.charge is None else [f"battery {reply.charge:.0f} %"]
        figures += [] if reply.left_s is None else [f"lasts {reply.left_s / 60:.0f} min"]
        lines.append(", ".join(figures))
    if reply.restarts_within_s is not None:
        lines.append(f"a machine that hangs is restarted within {reply.restarts_within_s} s")
    names = {part.name for part in reply.parts}
    if "temperature" not in names:
        lines.append("this machine tells no temperature")
    if "watchdog" not in names:
        lines.append("this machine has no hardware watchdog")
    elif reply.restarts_within_s is None:
        lines.append("nothing restarts a machine that hangs: RuntimeWatchdogSec= of systemd does")
    return lines
