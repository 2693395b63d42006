"""`careline setup` and `careline messages`, as a person at a terminal meets them.

A command is carried out in this process, for a program takes a second to begin; where a terminal or
a pipe is what the test is about, it is a program of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner, Result

from firmware import account, audit, paper, people, topics, vault
from firmware.cli import SUBJECTS, subject
from firmware.cli.people import app as people_commands
from firmware.control import Door
from firmware.doorkeeper import Doorkeeper
from firmware.keys import KeyPair
from firmware.ledger import Ledger, MessageKept, Moment
from firmware.machine import MachineKey
from firmware.operations import Asker
from firmware.place import Place
from firmware.store import open_reader
from firmware.vault import Label, Sealing
from ivr.canary import SELFTEST
from tests.firmware.voice import voice
from tests.plain_audio import leaks

TEMPLATE = Path("firmware/template/clinic.toml")
PASSWORD = "four words in a row"
ROOT = Path(__file__).parents[2]


def commands_of(word: str) -> typer.Typer:
    """The command line, as it is read for this word."""
    app = typer.Typer()
    app.add_typer(subject(next(each for each, words in SUBJECTS.items() if word in words)))
    return app


@dataclass(frozen=True, slots=True)
class Clinic:
    """A site's directory, and the command line in front of it."""

    place: Place

    @property
    def environment(self) -> dict[str, str]:
        return {"CARELINE_HOME": str(self.place.home), "COLUMNS": "200"}

    def careline(self, *words: str, typed: str = PASSWORD) -> Result:
        return CliRunner().invoke(
            commands_of(words[0]),
            words,
            input=typed + "\n",
            env=self.environment,
            catch_exceptions=False,
        )

    def messages(self, *words: str, typed: str = PASSWORD) -> Result:
        return self.careline("messages", *words, "--password-stdin", typed=typed)

    def played(self, path: str, *words: str) -> subprocess.CompletedProcess[str]:
        """A program of its own, with what it plays by found on this path."""
        return subprocess.run(
            [sys.executable, "-m", "firmware.cli", "messages", "play", *words, "--password-stdin"],
            input=PASSWORD + "\n",
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=os.environ | self.environment | {"PATH": path},
            timeout=200,
            check=False,
        )

    def listed(self) -> list[dict[str, object]]:
        listed: list[dict[str, object]] = json.loads(self.messages("list", "--json").stdout)
        return listed

    def leave_message(
        self, seconds: float = 2.5, *, mailbox: str = "nurse", hang: bool = True
    ) -> str:
        """What the exchange does when somebody speaks to a mailbox."""
        return self.leave(voice(seconds).tobytes(), mailbox=mailbox, hang=hang)

    def leave(self, audio: bytes, *, mailbox: str = "nurse", hang: bool = True) -> str:
        """The same with whatever is heard on the line."""
        label = Label(str(uuid4()), str(uuid4()), mailbox, 1_772_443_800_000, urgent=True)
        sealing = Sealing(
            self.place.messages, label, people.recipients(self.place.page_db, mailbox)
        )
        raw = memoryview(audio)
        for at in range(0, len(raw), vault.CHUNK_BYTES):
            second = raw[at : at + vault.CHUNK_BYTES]
            sealing.add(second, last=hang and at + len(second) == len(raw))
        if hang:
            sealing.finish()
        else:
            sealing.close()
            vault.adopt(self.place.messages, set())
        self._index(label, len(audio) / vault.CHUNK_BYTES, cut_off=not hang)
        return label.message

    def _index(self, label: Label, seconds: float, *, cut_off: bool) -> None:
        started = datetime.fromtimestamp(label.started_ms / 1_000, UTC)
        ledger = self.ledger()
        row = MessageKept(
            label.message,
            label.call,
            label.mailbox,
            started,
            seconds,
            label.urgent,
            cut_off=cut_off,
            moment=Moment.now(),
        )
        asyncio.run(ledger.write([row]))
        ledger.close()

    def ledger(self) -> Ledger:
        key = MachineKey.at(self.place.machine_key)
        return Ledger(self.place.calls_db, self.place.ledger_log, key)


@pytest.fixture
def bare() -> Iterator[Clinic]:
    """A site with its clinic.toml and nothing else, in a directory short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="cl") as home:
        place = Place(Path(home))
        place.site_file.write_text((ROOT / TEMPLATE).read_text())
        yield Clinic(place)


@pytest.fixture(scope="module")
def set_up_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site after `careline setup`, to be copied: argon2id is slow by design."""
    place = Place(tmp_path_factory.mktemp("site"))
    place.site_file.write_text((ROOT / TEMPLATE).read_text())
    done = Clinic(place).careline("setup", "--person", "maria", "--password-stdin")
    assert done.exit_code == 0, done.stderr
    return place.home


@pytest.fixture
def clinic(bare: Clinic, set_up_once: Path) -> Clinic:
    shutil.copytree(set_up_once, bare.place.home, dirs_exist_ok=True)
    return bare


def audio_of(file: Path) -> bytes:
    with wave.open(str(file), "rb") as opened:
        assert (opened.getframerate(), opened.getnchannels(), opened.getsampwidth()) == (
            8_000,
            1,
            2,
        )
        return opened.readframes(opened.getnframes())


def typed_from(page: str) -> KeyPair:
    """The key, as somebody types it who holds the paper."""
    return paper.read("\n".join(re.findall(r"^ {4}\d {3}(.*)$", page, re.MULTILINE)))


def test_setup_shows_the_paper_once_and_it_opens_every_mailbox(bare: Clinic) -> None:
    done = bare.careline("setup", "--person", "maria", "--password-stdin")
    assert done.exit_code == 0
    recovered = people.recover(bare.place.page_db, typed_from(done.stdout))
    signed_in = people.sign_in(bare.place.page_db, "maria", PASSWORD)
    assert recovered.mailboxes == signed_in.mailboxes
    assert set(signed_in.mailboxes) == {SELFTEST, "front-desk", "nurse", "refills"}


def test_the_paper_shown_at_set_up_opens_a_message_when_every_password_is_forgotten(
    bare: Clinic,
) -> None:
    shown = bare.careline("setup", "--person", "maria", "--password-stdin").stdout
    message = bare.leave_message(2.5, mailbox="nurse")
    ring = people.recover(bare.place.page_db, typed_from(shown))
    path = vault.sealed_path(bare.place.messages, message)
    assert vault.hear(path, *ring.mailboxes["nurse"]).audio == voice(2.5).tobytes()


def test_at_a_terminal_setup_asks_and_never_shows_the_password(bare: Clinic) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "firmware.cli", "setup"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env=os.environ | {"CARELINE_HOME": str(bare.place.home)},
        start_new_session=True,  # else it would ask at the terminal the tests run in
    ) as process:
        os.close(theirs)
        try:
            shown = asked_at(ours, "Your name: ", "maria")
            # The space comes last: until then the terminal throws away what is typed.
            shown += asked_at(ours, "Password: ", PASSWORD)
            shown += asked_at(ours, "confirmation: ", PASSWORD)
            shown += asked_at(ours, "can open front-desk", "")
        finally:
            process.kill()
    os.close(ours)
    assert "RECOVERY PAPER" in shown
    assert PASSWORD not in shown
    assert people.sign_in(bare.place.page_db, "maria", PASSWORD).mailboxes


def asked_at(terminal: int, question: str, answer: str) -> str:
    """Wait for the question, answer it; what the terminal showed up to then."""
    shown = ""
    while question not in shown:
        ready, _, _ = select.select([terminal], [], [], 20)
        assert ready, f"no {question!r} after {shown!r}"
        shown += os.read(terminal, 4_096).decode()
    os.write(terminal, answer.encode() + b"\n")
    return shown


def test_setup_refuses_to_run_twice_and_changes_nothing(clinic: Clinic) -> None:
    before = clinic.place.page_db.read_bytes()
    again = clinic.careline("setup", "--person", "eve", "--password-stdin")
    assert again.exit_code == 1
    assert "already set up" in again.stderr
    assert "RECOVERY" not in again.stdout
    assert clinic.place.page_db.read_bytes() == before


def test_a_mailbox_added_to_the_site_gets_its_keys(clinic: Clinic) -> None:
    site = clinic.place.site_file
    site.write_text(site.read_text() + '\n[mailboxes.billing]\nmembers = ["maria"]\n')
    done = clinic.careline("people", "agree", "--password-stdin")
    assert (done.exit_code, "billing" in done.stderr) == (0, True)
    assert "billing" in people.sign_in(clinic.place.page_db, "maria", PASSWORD).mailboxes


def test_setup_without_a_site_file_says_where_it_belongs(bare: Clinic) -> None:
    bare.place.site_file.unlink()
    done = bare.careline("setup", "--person", "maria", "--password-stdin")
    assert done.exit_code == 2
    assert "clinic.toml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_password_too_short_is_refused_before_a_paper_is_shown(bare: Clinic) -> None:
    done = bare.careline("setup", "--person", "maria", "--password-stdin", typed="short")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "at least 8" in done.stderr


def test_a_message_is_listed_and_exported_bit_for_bit(clinic: Clinic, tmp_path: Path) -> None:
    message = clinic.leave_message(2.5)
    (listed,) = clinic.listed()
    assert (listed["message"], listed["mailbox"], listed["heard"]) == (message, "nurse", None)
    shown = clinic.messages("list").stdout
    assert message[:8] in shown
    assert "urgent, new" in shown
    file = tmp_path / "message.wav"
    done = clinic.messages("export", message[:8], str(file))
    assert done.exit_code == 0, done.stderr
    assert audio_of(file) == voice(2.5).tobytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert clinic.listed()[0]["heard"] is not None
    assert leaks(voice(2.5), [clinic.place.home]) == []


def test_an_export_never_writes_over_a_file_unasked(clinic: Clinic, tmp_path: Path) -> None:
    message = clinic.leave_message()
    file = tmp_path / "precious"
    file.write_text("precious")
    refused = clinic.messages("export", message, str(file))
    assert (refused.exit_code, file.read_text()) == (2, "precious")
    assert clinic.messages("export", message, str(file), "--force").exit_code == 0
    assert audio_of(file) == voice(2.5).tobytes()


def test_a_wrong_password_opens_nothing(clinic: Clinic, tmp_path: Path) -> None:
    message = clinic.leave_message()
    file = tmp_path / "message.wav"
    done = clinic.messages("export", message, str(file), typed="five words in a row")
    assert done.exit_code == 1
    assert "do not belong together" in done.stderr
    assert not file.exists()


def test_a_message_cut_off_is_exported_and_said_to_be(clinic: Clinic, tmp_path: Path) -> None:
    message = clinic.leave_message(2.0, hang=False)
    done = clinic.messages("export", message, str(tmp_path / "m.wav"))
    assert "cut off after 2 s" in done.stderr
    assert audio_of(tmp_path / "m.wav") == voice(2).tobytes()


def test_a_message_that_was_changed_is_named_and_not_exported(
    clinic: Clinic, tmp_path: Path
) -> None:
    message = clinic.leave_message()
    path = vault.sealed_path(clinic.place.messages, message)
    content = bytearray(path.read_bytes())
    content[-20_000] ^= 1
    path.write_bytes(content)
    done = clinic.messages("export", message, str(tmp_path / "m.wav"))
    assert done.exit_code == 1
    assert "was changed after it was sealed" in done.stderr
    assert not (tmp_path / "m.wav").exists()


def test_a_deleted_message_is_gone_from_disk_and_list(clinic: Clinic) -> None:
    message, other = clinic.leave_message(1), clinic.leave_message(1)
    done = clinic.messages("delete", message, "--yes")
    assert done.exit_code == 0, done.stderr
    assert [listed["message"] for listed in clinic.listed()] == [other]
    assert not vault.sealed_path(clinic.place.messages, message).exists()


def test_nothing_is_deleted_without_a_yes(clinic: Clinic) -> None:
    message = clinic.leave_message(1)
    done = clinic.messages("delete", message, typed=f"{PASSWORD}\nn")
    assert done.exit_code == 1
    assert "nothing was deleted" in done.stderr
    assert vault.sealed_path(clinic.place.messages, message).exists()


def test_an_unknown_or_ambiguous_message_is_a_clear_mistake(clinic: Clinic) -> None:
    clinic.leave_message(1)
    clinic.leave_message(1)
    assert "give more letters" in clinic.messages("delete", "", "--yes").stderr
    unknown = clinic.messages("delete", "zzzz", "--yes")
    assert unknown.exit_code == 2
    assert "careline messages list" in unknown.stderr


def test_before_set_up_the_command_says_what_to_do(bare: Clinic) -> None:
    done = bare.messages("list")
    assert done.exit_code == 1
    assert "careline setup" in done.stderr


PLAYER = """#!/bin/sh
exec cat > "$CARELINE_HOME/heard"
"""


def test_a_message_is_played_through_a_pipe(clinic: Clinic, tmp_path: Path) -> None:
    message = clinic.leave_message()
    (tmp_path / "aplay").write_text(PLAYER)
    (tmp_path / "aplay").chmod(0o755)
    done = clinic.played(f"{tmp_path}:{os.environ['PATH']}", message)
    assert done.returncode == 0, done.stderr
    assert audio_of(clinic.place.home / "heard") == voice(2.5).tobytes()


def test_a_message_with_long_pauses_can_be_heard_without_them(
    clinic: Clinic, tmp_path: Path
) -> None:
    words, pause = voice(2.5).tobytes(), bytes(2 * 8000 * 5)
    message = clinic.leave(pause + words + pause + words + pause)
    (tmp_path / "aplay").write_text(PLAYER)
    (tmp_path / "aplay").chmod(0o755)
    done = clinic.played(f"{tmp_path}:{os.environ['PATH']}", message, "--brief")
    assert done.returncode == 0, done.stderr
    heard = audio_of(clinic.place.home / "heard")
    assert heard.count(words) == 2
    assert len(heard) / 16_000 == pytest.approx(2.5 + 1 + 2.5 + 0.4, abs=0.1)


def test_without_a_player_the_way_out_is_named(clinic: Clinic, tmp_path: Path) -> None:
    message = clinic.leave_message()
    done = clinic.played(str(tmp_path), message)
    assert done.returncode == 1
    assert "careline messages export" in done.stderr


def test_a_running_exchange_is_asked_and_not_written_around(clinic: Clinic, tmp_path: Path) -> None:
    """Its ledger has one writer; the command line asks it over the control socket."""
    message = clinic.leave_message()

    async def story() -> list[tuple[str, topics.MarkMessageRequest]]:
        asked = []

        async def mark(request: topics.MarkMessageRequest, by: Asker) -> topics.MarkMessageReply:
            asked.append((by.name, request))
            return topics.MarkMessageReply(known=await ledger.heard(request.message, Moment.now()))

        async def entered(entry: audit.Audited) -> None:
            await ledger.write([entry])

        ledger = clinic.ledger()
        door = Door(Doorkeeper(clinic.place.page_db, entered).admit)
        door.answer_to(topics.MARK_MESSAGE, mark)
        account.answer_at(door, entered)
        async with door.open(clinic.place.control_socket):
            file = str(tmp_path / "m.wav")
            done = await asyncio.to_thread(clinic.messages, "export", message, file)
            assert done.exit_code == 0, done.stderr
        ledger.close()
        return asked

    asked = asyncio.run(story())
    assert [(by, request.message, request.mark) for by, request in asked] == [
        ("maria", message, "heard")
    ]


def test_the_envelope_lets_hear_once_and_is_told_of(
    clinic: Clinic, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARELINE_HOME", str(clinic.place.home))
    message = clinic.leave_message(1.5)

    def run(*words: str, typed: str) -> Result:
        return CliRunner().invoke(people_commands, ("people", *words), input=typed + "\n")

    printed = run("envelope", "--password-stdin", typed=PASSWORD).stdout
    code = re.findall(r"\w{4}(?:-\w{4}){5}", printed)[0]
    words = ("break-glass", "a locum", "--code-stdin", "--into")
    assert "nothing was opened" in run(*words, str(tmp_path / "nowhere"), typed=code).stderr
    assert "not the code" in run(*words, str(tmp_path), typed="abcd").stderr
    heard = run(*words, str(tmp_path), typed=f"{code}\nzzz\n{message[:8]}\n")
    assert "your mailboxes hold no message 'zzz'" in heard.stderr
    with wave.open(str(tmp_path / f"{message[:8]}.wav")) as file:
        assert file.getnframes() == 12_000
    assert "opened before" in run(*words, str(tmp_path), typed=code).stderr
    told = run("codes", "--password-stdin", typed=PASSWORD).stderr
    assert "THE ENVELOPE WAS OPENED by a locum" in told

    reader = open_reader(clinic.place.calls_db)
    with reader.connect() as connection:
        entries = [(each.who, each.act) for each in audit.read(connection)]
    reader.dispose()
    assert entries[-6:] == [
        ("maria", "made an envelope"),
        ("envelope: a locum", "was refused"),
        ("a locum", "opened the envelope"),
        ("envelope: a locum", "exported"),
        ("envelope: a locum", "was refused"),
        ("maria", "signed in"),
    ]
