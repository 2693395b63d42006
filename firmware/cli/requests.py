"""Requests that callers left: which are due, whose they are, and what became of them.

The list and the acts go through the control socket and show nobody's name. What is sealed under the
machine key, who it is, what was keyed and what was noted, is opened here for a person of the clinic
who gives the password; spoken answers open as every message does.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from firmware import account, audit, requests, settings
from firmware import request_topics as topics
from firmware.cli.terminal import (
    PasswordStdin,
    Person,
    asking,
    explained,
    fail,
    signed_in_to,
)
from firmware.control import ask
from firmware.machine import MachineKey
from firmware.operations import Operation
from firmware.people import KeyRing
from firmware.place import Place
from firmware.request_desk import TEXTED
from firmware.requests import Act, Opened, Outcome
from firmware.settings import SiteFaults
from firmware.store import open_reader

BAR_WIDTH = 40
BY_CALLER = (Act.LEFT, Act.BROKEN_OFF)
NOT_WHOLE = "hung up before the end"
# Of a request's id, which nobody types in full.
SHORT = 8

app = typer.Typer()
work = typer.Typer(
    help="Requests that callers left: refills, appointments, referrals, billing, call-backs.",
    invoke_without_command=True,
)
app.add_typer(work, name="requests")
say = Console(highlight=False, soft_wrap=True)

Chosen = Annotated[str, typer.Argument(metavar="REQUEST", help="Its first letters are enough.")]
AsJson = Annotated[bool, typer.Option("--json", help="for programs")]
Said = Annotated[str, typer.Option("--note", help="sealed, and read by whoever signs in")]


@work.callback()
def list_requests(
    context: typer.Context,
    done: Annotated[bool, typer.Option("--done", help="those that are done, the newest")] = False,
    as_json: AsJson = False,
) -> None:
    """What is open, the most pressing first; overdue ones are marked."""
    if context.invoked_subcommand is not None:
        return
    with _explained():
        place = Place.from_environment()
        reply = ask(place.control_socket, topics.REQUESTS, topics.RequestsRequest(done=done))
    if as_json:
        typer.echo(reply.model_dump_json(indent=2))
        return
    zone = _zone(place)
    table = Table("request", "kind", "left", "due", "", "owner", box=None)
    for line in reply.requests:
        table.add_row(
            line.request[:SHORT],
            line.kind,
            _moment(line.taken, zone),
            _moment(line.due, zone),
            _standing(line) if line.whole else Text.assemble(_standing(line), f", {NOT_WHOLE}"),
            escape(line.owner or "-"),
        )
    if reply.requests:
        say.print(table)
    say.print(_day(reply))
    if reply.due_today + reply.done_today:
        total = reply.due_today + reply.done_today
        say.print(ProgressBar(total, reply.done_today, width=BAR_WIDTH))


@work.command()
def show(
    request: Chosen,
    *,
    unlock: Annotated[
        bool, typer.Option("--open", help="unlock names, keyed answers and notes, by a password")
    ] = False,
    person: Person = None,
    password_stdin: PasswordStdin = False,
    as_json: AsJson = False,
) -> None:
    """One request and its history; what is sealed says so, and how it is unlocked."""
    with _explained():
        place = Place.from_environment()
        asked = topics.RequestRequest(request=request.lower())
        ring = (
            signed_in_to(Operation.READ, place, person, password_stdin=password_stdin)
            if unlock
            else None
        )
        reply = ask(place.control_socket, topics.REQUEST, asked)
        line = _only(reply, request)
        opened = _open(place, line.request, ring) if ring else None
        if ring:
            reply = ask(place.control_socket, topics.REQUEST, asked)  # and who has opened it
    if as_json:
        typer.echo(reply.model_dump_json(indent=2))
        return
    _show(reply, line, _zone(place), opened)


@work.command()
def take(request: Chosen, person: Person = None, *, password_stdin: PasswordStdin = False) -> None:
    """It is yours now, and the list says so."""
    _act("take", request, person, password_stdin=password_stdin)


@work.command()
def give(
    request: Chosen,
    colleague: Annotated[
        str, typer.Argument(metavar="PERSON", help="whose it becomes; nobody's where it is ''")
    ],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Give it to a colleague who sees to requests, and the list says so."""
    _act("give", request, person, to=colleague, password_stdin=password_stdin)


@work.command()
def note(
    request: Chosen,
    text: Annotated[str, typer.Argument(help="what there is to say; it is sealed at once")],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Add a note: sealed, and never changed."""
    if not text.strip():
        raise typer.BadParameter("there is nothing to note")
    _act("note", request, person, said=text, password_stdin=password_stdin)


@work.command()
def text(
    request: Chosen,
    words: Annotated[str, typer.Argument(help="day, time, whom to call: nothing of health")],
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """Text it to the number that the caller left, or called from; it stands among the notes."""
    _act("text", request, person, said=words, password_stdin=password_stdin)


@work.command("take-back")
def take_back(
    request: Chosen, person: Person = None, *, password_stdin: PasswordStdin = False
) -> None:
    """Its newest text does not go, if it has not gone yet."""
    _act("take back", request, person, password_stdin=password_stdin)


@work.command()
def done(
    request: Chosen,
    outcome: Annotated[
        Outcome, typer.Option(help="what became of it; never a name")
    ] = Outcome.DONE,
    said: Said = "",
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """It is dealt with; whether it was in time is kept for the figures."""
    _act("done", request, person, outcome, said, password_stdin=password_stdin)


@work.command()
def reopen(
    request: Chosen,
    said: Said = "",
    person: Person = None,
    *,
    password_stdin: PasswordStdin = False,
) -> None:
    """It was not, after all: it is due as it was."""
    _act("reopen", request, person, said=said, password_stdin=password_stdin)


def _act(
    act: Literal["take", "give", "note", "text", "take back", "done", "reopen"],
    request: str,
    person: str | None,
    outcome: Outcome = Outcome.DONE,
    said: str = "",
    *,
    to: str = "",
    password_stdin: bool,
) -> None:
    with _explained():
        place = Place.from_environment()
        wish = topics.ActRequest(
            request=request.lower(), act=act, outcome=outcome, note=said, to=to
        )
        ring = signed_in_to(Operation.SETTLE, place, person, password_stdin=password_stdin)
        with asking(place, ring) as session:
            reply = ask(place.control_socket, topics.REQUEST_ACT, wish, session=session)
    (line,) = reply.requests
    standing = _standing(line)
    words = Text.assemble(f"{line.request[:SHORT]} {line.kind}: ", standing)
    words.append(f", {line.owner or 'nobody'} has it")
    say.print(words)


def _only(reply: topics.RequestReply, typed: str) -> topics.RequestLine:
    if not reply.requests:
        fail(f"there is no request {typed!r}: see `careline requests`, with --done for old ones")
    if len(reply.requests) > 1:
        fail(f"{len(reply.requests)} requests begin with {typed!r}: give more letters")
    return reply.requests[0]


def _open(place: Place, request: str, ring: KeyRing) -> Opened:
    """That somebody has read it is written down first."""
    account.give(place, ring.person, audit.Act.READ, f"request {request}")
    wish = topics.ActRequest(request=request, act="open")
    with asking(place, ring) as session:
        ask(place.control_socket, topics.REQUEST_ACT, wish, session=session)
    reader = open_reader(place.calls_db)
    try:
        with reader.connect() as connection:
            return requests.opened(connection, request, MachineKey.at(place.machine_key))
    finally:
        reader.dispose()


# ---- in words ----


def _show(
    reply: topics.RequestReply,
    line: topics.RequestLine,
    zone: ZoneInfo,
    opened: Opened | None,
) -> None:
    say.print(Text.assemble(f"{line.request}  {line.kind}: ", _standing(line)))
    say.print(f"  left {_moment(line.taken, zone)}, due {_moment(line.due, zone)}", markup=False)
    if not line.whole:
        say.print(f"  the caller {NOT_WHOLE}: no promise was made")
    say.print(f"  owner: {line.owner or 'nobody'}; call {line.call[:SHORT]}", markup=False)
    for recorded in reply.recordings:
        name, mailbox = recorded.message[:SHORT], recorded.mailbox
        how = (
            "deleted"
            if recorded.is_deleted
            else f"sealed; `careline messages play {name}` with the password of a member of"
            f" {mailbox}"
        )
        say.print(f"  {recorded.question}: spoken, {recorded.seconds:.0f} s, {how}", markup=False)
    if opened is None:
        say.print(
            "  who it is, what was keyed and the notes are sealed:"
            f" `careline requests show {line.request[:SHORT]} --open` asks for your password",
            markup=False,
        )
    else:
        _show_opened(opened)
    for act in reply.history:
        by = f" by {act.by}" if act.by else ""
        detail = f": {act.detail}" if act.detail and act.act not in BY_CALLER else ""
        noted = _note(opened, act, zone) if act.has_note else ""
        when = _moment(act.at, zone)
        say.print(f"  {when}  {_did(act)}{by}{detail}{noted}", markup=False)


def _did(act: topics.ActLine) -> str:
    if act.text is None:
        return act.act
    why = f" ({act.text.why})" if act.text.why else ""
    return f"text {act.text.state}{why}"


def _show_opened(opened: Opened) -> None:
    say.print(f"  patient: {opened.patient or 'not identified'}", markup=False)
    say.print(f"  called from: {opened.number or 'no number'}", markup=False)
    for question, keyed in opened.answers.items():
        say.print(f"  {question}: {keyed}", markup=False)


def _note(opened: Opened | None, act: topics.ActLine, zone: ZoneInfo) -> str:
    if opened is None:
        return " (a note, sealed)"
    noted = [text for at, by, text in opened.notes if (at, by) == (act.at, act.by)]
    is_text = act.text is not None
    return "".join(f": {each.removeprefix(TEXTED) if is_text else each}" for each in noted)


def _day(reply: topics.RequestsReply) -> str:
    late = f", [bold red]{reply.overdue} overdue[/]" if reply.overdue else ""
    today = f"{reply.done_today} done today, {reply.due_today} more due today"
    return f"{reply.open} open{late}; {today}"


def _standing(line: topics.RequestLine) -> Text:
    if line.done is not None:
        in_time = line.in_time is True
        words = f"{line.outcome}, {'in time' if in_time else 'late'}"
        return Text(words, "green" if in_time else "yellow")
    if line.overdue:
        return Text(f"OVERDUE by {_length(-line.left_min)}", "bold red")
    return Text(f"{_length(line.left_min)} left")


def _length(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _moment(text: str, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%a %Y-%m-%d %H:%M}"


def _zone(place: Place) -> ZoneInfo:
    """The clinic's; UTC where its file cannot be read, which other commands complain of."""
    try:
        site_file = place.site_file
        text = site_file.read_text("utf-8")
        return ZoneInfo(settings.read(text, settings.beside(site_file)).timezone)
    except (OSError, SiteFaults):
        return ZoneInfo("UTC")


@contextmanager
def _explained() -> Iterator[None]:
    """What goes wrong is said in one sentence with its cure."""
    try:
        with explained():
            yield
    except ValidationError as wrong:
        fault = wrong.errors(include_url=False, include_input=False)[0]
        fail(f"{fault['loc'][0]}: {fault['msg']}")
