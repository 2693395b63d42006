"""Calls: listing them, watching the exchange, placing a test call."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from firmware import disk_refuses, looks, selftest, testcall, topics
from firmware.asterisk.telco import Codec, Keys
from firmware.control import ControlError, NotRunningError, ask, ask_async, follow_async
from firmware.place import Place
from firmware.selftest import SELFTEST_CALL, SELFTEST_KEYS, SelfTestRequest
from firmware.trace import Teller, sentence
from ivr.canary import SELFTEST

app = typer.Typer()
say = Console()
complain = Console(stderr=True)

NOT_WELL = 1
LAST_STEPS_S = 0.5
KEYS = (Keys.RFC4733, Keys.INBAND, Keys.INFO)
STATE_STYLES = {"well": "green", "warning": "yellow", "alarm": "bold red"}


@app.command()
def calls(
    limit: Annotated[int, typer.Option(help="how many, the newest first", min=1, max=1000)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """The newest calls and how each ended."""
    try:
        reply = ask(
            Place.from_environment().control_socket, topics.CALLS, topics.CallsRequest(limit=limit)
        )
    except ControlError as refused:
        raise _refused(refused) from None
    if as_json:
        typer.echo(reply.model_dump_json(indent=2))
        return
    table = Table("arrived", "line", "lasted", "outcome", "call", box=None)
    for call in reply.calls:
        table.add_row(
            call.arrived, call.line, _lasted(call), call.outcome or "in progress", call.call
        )
    say.print(table if reply.calls else "no calls yet")


@app.command()
def explain(
    call: Annotated[
        str, typer.Argument(help="the call, or how its id begins; the newest if left out")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Why a call went where it went: each of its steps in a plain sentence."""
    try:
        request = topics.ExplainRequest(call=call.lower())
    except ValidationError:
        raise typer.BadParameter(f"{call} is no call: `careline calls` lists them") from None
    try:
        reply = ask(Place.from_environment().control_socket, topics.EXPLAIN, request)
    except ControlError as refused:
        raise _refused(refused) from None
    if as_json:
        typer.echo(reply.model_dump_json(indent=2))
    elif not reply.calls:
        complain.print(
            f"no call begins with {call!r}: `careline calls` lists them" if call else "no calls yet"
        )
    elif not reply.steps:
        complain.print(f"several calls begin with {call}; say more of one of these:")
        for one in reply.calls:
            say.print(f"{one.call}  {one.arrived}  {one.line}", highlight=False)
    else:
        _show_steps(reply)
        return
    if not reply.steps:
        raise typer.Exit(NOT_WELL)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
    monitor: Annotated[
        bool, typer.Option("--monitor", help="in figures alone; ends as Nagios' plugins do")
    ] = False,
) -> None:
    """How the exchange is; status 1 when anything is not well."""
    place = Place.from_environment()
    if monitor:
        look = looks.look(place.control_socket)
        typer.echo(look.as_json() if as_json else look.line)
        raise typer.Exit(look.status)
    try:
        reply = ask(place.control_socket, topics.STATUS, topics.StatusRequest())
    except ControlError as refused:
        if isinstance(refused, NotRunningError) and (why := disk_refuses.why(place.home)):
            refused = NotRunningError(why, disk_refuses.CURE)
        if as_json:
            typer.echo(json.dumps({"running": False, "why": refused.why, "cure": refused.cure}))
        raise _refused(refused) from None
    if as_json:
        typer.echo(reply.model_dump_json(indent=2))
    else:
        show_status(reply)
    if not reply.balanced or any(part.state == "alarm" for part in reply.parts):
        raise typer.Exit(NOT_WELL)


@app.command()
def call(
    to: Annotated[str, typer.Option(help="the line to call, as the site file names it")] = "main",
    press: Annotated[
        str, typer.Option(help="keys, one every two seconds; a comma waits two more")
    ] = "",
    say_: Annotated[
        Path | None, typer.Option("--say", help="a WAV file, 8 kHz mono 16 bit", exists=True)
    ] = None,
    inband: Annotated[bool, typer.Option("--inband", help="keys as tones in the audio")] = False,
    rfc4733: Annotated[bool, typer.Option("--rfc4733", help="keys as RFC 4733 events")] = False,
    info: Annotated[bool, typer.Option("--info", help="keys as SIP INFO")] = False,
    alaw: Annotated[bool, typer.Option("--alaw", help="A-law instead of µ-law")] = False,
    wait_s: Annotated[
        float, typer.Option("--wait", help="seconds to listen before hanging up", min=0, max=600)
    ] = 15.0,
) -> None:
    """Place a call and tell its way: by a rehearsal's telephone company, or, with `--to selftest`,
    on the self-test line, which on a box is the only one."""
    chosen = [
        keys for keys, is_wanted in zip(KEYS, (rfc4733, inband, info), strict=True) if is_wanted
    ]
    if len(chosen) > 1:
        raise typer.BadParameter("choose one of --inband, --rfc4733 and --info")
    try:
        request = testcall.CallRequest(
            to=to,
            press=press,
            say=None if say_ is None else str(say_.resolve()),
            keys=chosen[0] if chosen else KEYS[0],
            codec=Codec.ALAW if alaw else Codec.ULAW,
            wait_s=wait_s,
        )
    except ValidationError as wrong:
        fault = wrong.errors()[0]
        raise typer.BadParameter(f"{fault['loc'][0]}: {fault['msg']}") from None
    try:
        told = asyncio.run(_call(Place.from_environment(), request))
    except ControlError as refused:
        raise _refused(refused) from None
    for line in told:
        say.print(line, highlight=False, soft_wrap=True)


async def _call(place: Place, request: testcall.CallRequest) -> list[str]:
    """The call, told as the exchange's ledger has it; and what is to be said at its end."""
    tell = Teller()

    async def trace() -> None:
        async for step in follow_async(place.control_socket, topics.WATCH, topics.WatchRequest()):
            tell(sentence(step))

    tracing = asyncio.create_task(trace())
    try:
        if request.to == SELFTEST:
            return await _test(place, request)
        return await _dial(place, request)
    finally:
        # The last steps become durable a moment after the line is down.
        await asyncio.wait({tracing}, timeout=LAST_STEPS_S)
        tracing.cancel()


async def _test(place: Place, request: testcall.CallRequest) -> list[str]:
    if request.say is not None or len(request.press) > SELFTEST_KEYS:
        raise ControlError(
            "the self-test's caller only presses keys", f"give at most {SELFTEST_KEYS}, no --say"
        )
    asked = SelfTestRequest(press=request.press, wait_s=min(request.wait_s, selftest.LONGEST_S))
    reply = await ask_async(
        place.control_socket, SELFTEST_CALL, asked, timeout_s=testcall.LONGEST_S
    )
    return [f"hung up by the {reply.ended_by}"]


async def _dial(place: Place, request: testcall.CallRequest) -> list[str]:
    if not place.telco_socket.exists():
        raise ControlError(
            "there is no telephone company here to call from",
            f"on a box call the self-test line: careline call --to {SELFTEST}",
        )
    reply = await ask_async(
        place.telco_socket, testcall.CALL, request, timeout_s=testcall.LONGEST_S * 2
    )
    return [
        f"hung up by the {reply.ended_by}",
        f"what the caller heard: {reply.heard}",
        f"what the caller said:  {reply.said}",
    ]


def _show_steps(reply: topics.ExplainReply) -> None:
    (one,) = reply.calls
    say.print(f"call {one.call} on {one.line}, {one.arrived}", highlight=False)
    began_ms = reply.steps[0].mono_ms
    for step in reply.steps:
        passed_s = (step.mono_ms - began_ms) / 1000
        say.print(
            f"{passed_s:8.1f} s  {sentence(step)}", highlight=False, soft_wrap=True, markup=False
        )


def show_status(reply: topics.StatusReply) -> None:
    """For who looks after the box; `[backup]` in a cure is a word of the site file."""
    ended = [f"{count} {outcome}" for outcome, count in reply.outcomes.items() if count]
    total = " + ".join([*ended, f"{reply.in_progress} in progress"])
    say.print(f"CareLine {reply.version}, up {reply.up_s:.0f} s, process {reply.pid}")
    say.print(f"calls: {reply.offered} offered = {total}")
    if not reply.balanced:
        say.print("[bold red]the ledger does not balance: keep ledger.log, and report this")
    for part in reply.parts:
        style = STATE_STYLES[part.state]
        told = escape(f"{part.name}: {part.detail}")
        say.print(f"[{style}]{part.state:8}[/] {told}", highlight=False)
        if part.cure:
            say.print(f"         {part.cure}", highlight=False, markup=False)


def _lasted(call: topics.CallLine) -> str:
    if call.ended is None:
        return ""
    seconds = (datetime.fromisoformat(call.ended) - datetime.fromisoformat(call.arrived)).seconds
    return f"{seconds // 60}:{seconds % 60:02}"


def _refused(refused: ControlError) -> typer.Exit:
    complain.print(f"{refused.why}: {refused.cure}", highlight=False, markup=False)
    return typer.Exit(NOT_WELL)
