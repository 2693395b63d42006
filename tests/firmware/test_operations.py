"""Every role and every operation, cell by cell: what the table says is what the running exchange
and the commands do, what is registered and not listed fails, and each refusal is in the audit."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from firmware import operations, people, sessions
from firmware.cli import SUBJECTS, subject
from firmware.doorkeeper import ENTERED
from firmware.operations import COMMANDS, EVERYBODY, REQUESTS, ROLES, Operation, Role, may
from firmware.peer import at_the_shell
from firmware.place import Place
from tests.firmware.by_hand import QUICK, SITE, ByHand, exchange_at, live, site_at

PASSWORD = "seven quiet lamps"
CALL = "00000000-0000-4000-8000-000000000000"
SHELL = None  # nobody has signed in
NOT_ALLOWED = "may not"

# One request of each kind, which would be answered, or refused for another reason, if it may be
# asked at all.
ASKED: dict[str, dict[str, object]] = {
    "adopt": {},
    "agents": {},
    "allow outside": {"phone": "101"},
    "allow texts": {"person": "lee", "asked": "in person"},
    "audit": {"who": "maria", "act": "signed out"},
    "backing": {},
    "block": {"call": CALL, "to": "blocked"},
    "board": {},
    "call me": {"draft": "0" * 64, "phone": "101", "line": "main", "at": "2026-11-23 12:00"},
    "call mobile": {"number": "2025550171"},
    "call out": {"call": CALL, "phone": "101"},
    "callbacks": {},
    "calls": {},
    "cancel callback": {"ticket": CALL},
    "doctor": {},
    "doctor line": {"number": "2025550171"},
    "doctor phones": {},
    "doctor stop": {},
    "drill": {},
    "duty": {"extension": "101", "duty": "pause"},
    "explain": {"call": CALL},
    "hold": {"by": "maria", "kind": "call", "target": CALL, "why": "a lawyer asks"},
    "leases": {},
    "lines": {},
    "mark_message": {"message": CALL, "mark": "heard"},
    "message_act": {"message": CALL, "mailbox": "desk", "who": "maria", "act": "done"},
    "missed": {},
    "outline": {},
    "outside": {},
    "panel": {},
    "power": {},
    "release hold": {"by": "maria", "hold": CALL},
    "request": {"request": CALL},
    "request_act": {"request": CALL, "act": "take"},
    "requests": {},
    "ring for handset": {"phone": "999", "port": 1024, "leg": CALL},
    "selftest": {"press": "1", "wait_s": 1},
    "settle_lease": {"lease": CALL, "to": "close"},
    "speak prompt": {"phone": "999"},
    "status": {},
    "sweep_listening": {},
    "switch": {"to": "scheduled"},
    "switches": {},
    "texts": {},
    "watch": {},
    "watched": {},
}

# What is typed after each command for which somebody has to sign in.
TYPED: dict[str, tuple[str, ...]] = {
    "block": (CALL,),
    "callbacks cancel": (CALL,),
    "hold": ("call", CALL, "--why", "a lawyer asks"),
    "holds --why": (),
    "messages delete": (CALL, "--yes"),
    "messages export": (CALL, "never.wav"),
    "messages done": (CALL,),
    "messages forward": (CALL, "desk"),
    "messages give": (CALL, "doe"),
    "messages list": (),
    "messages listen-by-phone": ("on", "--yes"),
    "messages new": (CALL,),
    "messages note": (CALL,),
    "messages number": (CALL,),
    "messages show": (CALL,),
    "messages play": (CALL,),
    "oncall accept": (CALL, "doe"),
    "oncall close": (CALL, "--note", "seen"),
    "oncall pin": ("doe", "--pin-stdin"),
    "oncall sheet --unlock": (),
    "patients forget": ("--yes",),
    "patients import": ("patients.csv",),
    "people agree": (),
    "people envelope": (),
    "people invite": ("eve", "--role", "nurse"),
    "people new-paper": (),
    "people remove": ("nobody", "--yes"),
    "people renew": ("nowhere",),
    "recordings delete": (CALL, "--yes"),
    "recordings export": (CALL, "never.wav"),
    "recordings list": (),
    "recordings play": (CALL,),
    "release": (CALL,),
    "requests done": (CALL,),
    "requests give": (CALL, "nobody"),
    "requests note": (CALL, "a word"),
    "requests reopen": (CALL,),
    "requests show --open": (CALL,),
    "requests take": (CALL,),
    "requests take-back": (CALL,),
    "requests text": (CALL, "a word"),
    "texts": (),
    "texts allow": ("doe",),
    "unblock": (CALL,),
}
ON_CALL = '\n[people.doe]\nname = "Dr. Doe"\nnumbers = ["101"]\n'


def named(role: Role) -> str:
    return f"the {role}"


def staffed(home: Path) -> Place:
    """A clinic with somebody of each role, and a request nobody else has left."""
    place = site_at(home, SITE + ON_CALL)
    now = datetime.now(UTC)
    for role in Role:
        code = people.invite(place.page_db, named(role), role, now)
        people.accept(place.page_db, named(role), code, PASSWORD, now, QUICK)
    return place


def signed_in(place: Place, role: Role) -> str:
    return people.write(place.page_db, lambda c: sessions.begin(c, named(role), datetime.now(UTC)))


def entries(place: Place, act: str) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(place.calls_db)) as raw:
        asked = "SELECT who, about FROM audit WHERE act = ? ORDER BY id"
        return raw.execute(asked, (act,)).fetchall()


def refusals(place: Place) -> list[tuple[str, str]]:
    return entries(place, "was refused")


async def said(place: Place, *lines: Mapping[str, object]) -> list[dict[str, object]]:
    """What the exchange answers to each of these."""
    reader, writer = await asyncio.open_unix_connection(str(place.control_socket))
    answers = []
    for line in lines:
        writer.write(json.dumps(line).encode() + b"\n")
        answers.append(json.loads(await reader.readline()))
    writer.close()
    return answers


async def is_let_in(clinic: ByHand, ask: str, session: str | None) -> bool:
    """Whether the exchange takes this request up, whatever comes of it."""
    reader, writer = await asyncio.open_unix_connection(str(clinic.place.control_socket))
    if session:
        writer.write(json.dumps({"ask": "enter", "session": session}).encode() + b"\n")
        assert await reader.readline() == b'{"reply":{}}\n'
    writer.write(json.dumps({"ask": ask, **ASKED[ask]}).encode() + b"\n")
    answered = asyncio.create_task(reader.readline())
    while ask == "watch" and not answered.done():
        _, channel, leg = await clinic.caller()  # something to be watched
        await asyncio.wait({answered}, timeout=0.5)
        leg.hang_up()
        await leg.gone
        await clinic.leaves(channel)
    told = json.loads(await answered)
    writer.close()
    return NOT_ALLOWED not in told.get("refused", "")


def test_each_role_asks_the_running_exchange_what_the_table_says_and_no_more(
    tmp_path: Path,
) -> None:
    place = staffed(tmp_path)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            clinic.asterisk.refuses.add("Originate")  # the self-test's call ends at once
            (told,) = await said(place, {"ask": "?"})
            registered = str(told["cure"]).removeprefix("ask one of ").split(", ")
            assert set(registered) == set(REQUESTS) == set(ASKED)
            denied = []
            for role in (SHELL, *Role):
                session = None if role is SHELL else signed_in(place, role)
                for ask in registered:
                    is_open = may(role or Role.TECHNICIAN, REQUESTS[ask])
                    assert await is_let_in(clinic, ask, session) == is_open, (role, ask)
                    if not is_open:
                        denied.append((named(role) if role else "the shell", ask))
            entered = [(who.split(" (")[0], ask) for who, ask in refusals(place) if ask in REQUESTS]
            assert entered == denied
            seen_to = [(who.split(" (")[0], ask) for who, ask in entries(place, "asked for")]
            assert ("the shell", "switch") in seen_to
            assert ("the nurse", "cancel callback") in seen_to
            assert {ask for _, ask in seen_to} == ENTERED
            assert len(denied) > len(Role)

    live(story())


def test_a_session_that_has_ended_opens_nothing(tmp_path: Path) -> None:
    place = staffed(tmp_path)

    async def story() -> None:
        async with exchange_at(place):
            token = signed_in(place, Role.NURSE)
            act = {"ask": "request_act", **ASKED["request_act"]}
            enter = {"ask": "enter", "session": token}
            _, taken = await said(place, enter, act)
            assert "no such request" in str(taken["refused"])
            people.write(place.page_db, lambda c: sessions.end(c, token))
            for session in (token, "made up"):
                _, refused = await said(place, {**enter, "session": session}, act)
                assert refused["refused"] == "this session has ended"
            token = signed_in(place, Role.NURSE)
            people.remove(place.page_db, named(Role.NURSE))
            _, refused = await said(place, {**enter, "session": token}, act)
            assert refused["refused"] == "this session has ended"

    live(story())


# ---- commands ----


def program() -> typer.Typer:
    everything = typer.Typer()
    for each in SUBJECTS:
        everything.add_typer(subject(each))
    return everything


def commands() -> TyperGroup:
    made = typer.main.get_command(program())
    assert isinstance(made, TyperGroup)
    return made


def registered(
    group: TyperGroup, before: str = ""
) -> Iterator[tuple[str, TyperCommand | TyperGroup]]:
    """All that can be typed, with what it is; a group that does something alone is one of them."""
    for name, command in group.commands.items():
        words = f"{before}{name}"
        if isinstance(command, TyperGroup):
            yield from registered(command, f"{words} ")
            if not command.invoke_without_command:
                continue
        assert isinstance(command, TyperCommand | TyperGroup)
        yield words, command


def asks_who(command: TyperCommand | TyperGroup) -> bool:
    return any("--as" in each.opts for each in command.params)


def test_every_command_stands_in_the_table_and_asks_who_it_is_where_it_must() -> None:
    there = dict(registered(commands()))
    listed = {words.split(" --")[0] for words in COMMANDS}
    assert {words for words in there if not words.startswith("bench ")} == listed
    for words, operation in COMMANDS.items():
        command, _, option = words.partition(" --")
        if option:
            assert any(f"--{option}" in each.opts for each in there[command].params)
        if Role.TECHNICIAN not in ROLES[operation] or operation is Operation.OWN:
            assert asks_who(there[command]), words
        elif not any(each.startswith(f"{command} --") for each in COMMANDS):
            assert not asks_who(there[command]), words
    asked = {words for words, operation in COMMANDS.items() if ROLES[operation] != EVERYBODY}
    assert {w for w in asked if Role.TECHNICIAN not in ROLES[COMMANDS[w]]} == set(TYPED)


def cells() -> Iterator[tuple[str, Role]]:
    """Each operation by every role, and each command by one who may not: what is entered then says
    which operation the command asks for."""
    first = {COMMANDS[words]: words for words in reversed(TYPED)}
    for words in TYPED:
        for role in Role:
            if role is Role.TECHNICIAN or words == first[COMMANDS[words]]:
                yield words, role


@pytest.mark.parametrize("each", SUBJECTS)
def test_a_subject_is_read_for_each_word_that_its_commands_begin_with(each: str) -> None:
    everything = typer.Typer()
    everything.add_typer(subject(each))
    made = typer.main.get_command(everything)
    assert isinstance(made, TyperGroup)
    assert {*made.commands} == {*SUBJECTS[each]}


def test_each_role_types_what_the_table_says_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = staffed(tmp_path)
    monkeypatch.setenv("CARELINE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "patients.csv").write_text("name,birth_date,phone\nA,1985-04-12,2025550143\n")
    by_word = {
        word: app
        for app in map(subject, SUBJECTS)
        if isinstance(made := typer.main.get_command(app), TyperGroup)
        for word in made.commands
    }
    denied: list[tuple[str, str]] = []

    def types(words: str, role: Role) -> bool:
        who = (*TYPED[words], "--as", named(role), "--password-stdin")
        done = CliRunner().invoke(
            by_word[words.split()[0]], [*words.split(), *who], input=f"{PASSWORD}\n902146\n"
        )
        return NOT_ALLOWED not in done.output

    async def story() -> None:
        async with exchange_at(place):
            for words, role in cells():
                is_open = may(role, COMMANDS[words])
                assert await asyncio.to_thread(types, words, role) == is_open, (words, role)
                if not is_open:
                    told = f"{COMMANDS[words]}, told by {at_the_shell()}"
                    denied.append((named(role), told))

    asyncio.run(story())  # some seventy commands, each with a sign-in of its own
    listed = tuple(f"{each}, told" for each in Operation)
    assert [each for each in refusals(place) if each[1].startswith(listed)] == denied


def test_the_table_names_every_operation_and_the_technician_meets_no_patient() -> None:
    assert set(ROLES) == set(Operation)
    for operation in (Operation.READ, Operation.LISTEN, Operation.SETTLE, Operation.PATIENTS):
        assert not ROLES[operation] & people.NO_MAILBOX
    assert set(operations.who_may(Operation.PEOPLE).split(", ")) == {"admin"}
