"""The line doctor at the console: what it does is told as it does it, each finding in its colour
and with its cure. It ends as Nagios' plugins do: 0 all green, 1 amber, 2 red, 3 not examined."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from firmware.control import ControlError, Strict, Topic, ask, follow_async
from firmware.doctor.topics import (
    DOCTOR,
    DOCTOR_LINE,
    DOCTOR_PHONES,
    DOCTOR_STOP,
    DONE,
    DoctorLine,
    DoctorLineRequest,
    DoctorPhonesRequest,
    DoctorRequest,
    DoctorStopRequest,
)
from firmware.place import Place

Q = TypeVar("Q", bound=Strict)

ENDS = {"green": 0, "amber": 1, "red": 2}
UNKNOWN = 3
STOPPED = ControlError("the line doctor was stopped", "begin again when you like")

app = typer.Typer()
group = typer.Typer(
    invoke_without_command=True, help="The line doctor: the box, its lines and its telephones."
)
app.add_typer(group, name="doctor")
say = Console(highlight=False, soft_wrap=True)
complain = Console(stderr=True, highlight=False, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="for a program: one JSON object at the end")]


@group.callback()
def looked_at(
    context: typer.Context,
    call: Annotated[
        str, typer.Option(metavar="NUMBER", help="ring this number and measure its line")
    ] = "",
    keys: Annotated[
        bool, typer.Option("--keys", help="with --call: whoever answers presses keys")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Examine the box and the self-test line; with --call a line to a number of yours."""
    if context.invoked_subcommand is not None:
        return
    if not call:
        _tell(DOCTOR, DoctorRequest(), as_json=as_json)
        return
    try:
        wish = DoctorLineRequest(number=call, keys=keys)
    except ValueError:
        complain.print("that is no telephone number: give 2 to 20 digits, + before them if need be")
        raise typer.Exit(UNKNOWN) from None
    _tell(DOCTOR_LINE, wish, as_json=as_json)


@group.command()
def phones(
    extensions: Annotated[list[str] | None, typer.Argument(help="all of them, if none")] = None,
    as_json: AsJson = False,
) -> None:
    """Ring each telephone for some seconds, one after another, with every lamp lit."""
    try:
        wish = DoctorPhonesRequest(phones=tuple(extensions or ()))
    except ValueError:
        complain.print("give telephones by their extensions, or none for all of them")
        raise typer.Exit(UNKNOWN) from None
    _tell(DOCTOR_PHONES, wish, as_json=as_json)


@group.command()
def stop() -> None:
    """End what the line doctor does now."""
    try:
        reply = ask(Place.from_environment().control_socket, DOCTOR_STOP, DoctorStopRequest())
    except ControlError as refused:
        complain.print(str(refused), markup=False)
        raise typer.Exit(UNKNOWN) from None
    say.print("stopped" if reply.was_at_work else "it was not at work")


def _tell(topic: Topic[Q, DoctorLine], wish: Q, *, as_json: bool) -> None:
    try:
        found = asyncio.run(_followed(topic, wish, as_json=as_json))
    except ControlError as refused:
        complain.print(str(refused), markup=False)
        raise typer.Exit(UNKNOWN) from None
    if as_json:
        told = [line.model_dump(exclude={"doing"}) for line in found]
        say.print(json.dumps({"findings": told}), markup=False)
    raise typer.Exit(max((ENDS[line.colour] for line in found if line.colour), default=UNKNOWN))


async def _followed(topic: Topic[Q, DoctorLine], wish: Q, *, as_json: bool) -> list[DoctorLine]:
    found: list[DoctorLine] = []
    lines: AsyncIterator[DoctorLine] = follow_async(
        Place.from_environment().control_socket, topic, wish
    )
    async for line in lines:
        if line.doing == DONE:
            return found
        if line.colour:
            found.append(line)
        if not as_json:
            _show(line)
    raise STOPPED


def _show(line: DoctorLine) -> None:
    if line.doing:
        say.print(f"… {line.doing}", markup=False)
        return
    say.print(f"{line.colour:5}  {line.about}: {line.figure}", markup=False)
    if line.cure:
        say.print(f"       → {line.cure}", markup=False)
