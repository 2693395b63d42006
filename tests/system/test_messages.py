"""Messages, from the caller's mouth over two real Asterisks to the owner's ear, and nowhere else.

The caller says a waveform that its codec carries unchanged, so what the owner hears must be the
same, bit for bit; and the same waveform is looked for, in every plain form, wherever it could have
been left: the clinic's files, both programs' temporary folders, shared memory, a core of the
exchange. The memory of the clinic's Asterisk is not searched: every telephone system holds a
syllable of each call in it, and no setting of ours could change that.
"""

import asyncio
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from firmware import ledger, people, topics, vault
from firmware.asterisk.telco import Answers, Codec, LiveCall, Silent
from firmware.perform import SILENT_S
from firmware.rehearsal import PASSWORD, PERSON
from firmware.store import open_reader
from routing_core import audio
from routing_core.audio import Law
from tests.firmware.voice import voice
from tests.plain_audio import PIECE, abort_with_core_allowed, forms_of, leaks, pieces_of
from tests.sites import head
from tests.system import ear, stalled
from tests.system.practice import ROOT, Story, build, exchange, silence_falls
from tests.system.town import SOON_S, Town, soon
from tests.system.typed import by_password, careline

LAWS = {Codec.ULAW: Law.ULAW, Codec.ALAW: Law.ALAW}
GREETING_HZ, KEPT_HZ, SORRY_HZ, PROMISE_HZ = 2200, 2300, 2600, 2800
TONES = {
    "main-menu": (1050, 8.0),
    "leave-a-message": (GREETING_HZ, 0.3),
    "message-kept": (KEPT_HZ, 0.6),
    "message-failed": (SORRY_HZ, 0.6),
    "request-kept": (PROMISE_HZ, 0.6),
    "connecting": (2100, 0.3),
    "goodbye": (2400, 0.3),
}
NURSE, DOCTOR, SHORT, REFILL = "1", "2", "3", "4"  # what to press
LONGEST_S = 5
BLIP_S = 0.2  # of a tone of 0.6 s that nobody else makes: a busy machine tears most blocks
BREATH = 1600  # samples
FRAME = 160  # samples
LOST_MOST = 2  # frames of 150; which link loses one in an hour of such tests was not found out

SITE = (
    head(("101", "103"))
    + """
[mailboxes.nurse]
members = ["rehearsal"]
lamps = ["103"]

[mailboxes.doctor]
members = ["rehearsal"]

[flows.main]
start = "menu"
zero = "desk"

[flows.main.nodes.menu]
kind = "menu"
prompts = ["main-menu"]
choices = { 1 = "nurse", 2 = "doctor", 3 = "short", 4 = "who" }
timeout_s = 10
tries = 1
otherwise = "desk"

[flows.main.nodes.nurse]
kind = "message"
mailbox = "nurse"
prompts = ["leave-a-message"]
longest_s = 30
next = "goodbye"

[flows.main.nodes.doctor]
kind = "message"
mailbox = "doctor"
prompts = ["leave-a-message"]
longest_s = 30
next = "goodbye"
urgent = true

[flows.main.nodes.short]
kind = "message"
mailbox = "nurse"
prompts = ["leave-a-message"]
longest_s = 5
next = "goodbye"

[flows.main.nodes.who]
kind = "identity"
ask = ["birth-date", "phone"]
next = "refill"
doubt = "desk"
tries = 1

[flows.main.nodes.refill]
kind = "form"
request = "refill"
identified = true
mailbox = "nurse"
questions = [
  { name = "prescription", kind = "digits", prompts = ["leave-a-message"], least = 2, most = 8 },
  { name = "medicine", kind = "recorded", prompts = ["leave-a-message"] },
]
next = "goodbye"
person = "desk"

[requests.refill]
due_min = 60
owner = "nurse"

[flows.main.nodes.desk]
kind = "ring"
phones = ["101"]
for_s = 20
otherwise = "goodbye"

[flows.main.nodes.goodbye]
kind = "hangup"
prompts = ["goodbye"]

[prompts.en]
main-menu = "Menu."
"""
)

Samples = NDArray[np.int16]


# ---- the practice ----


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A practice whose prompts are tones."""
    with build(tmp_path_factory.mktemp("messages"), SITE, TONES) as standing:
        yield standing


@pytest.fixture(autouse=True)
def nobody_is_left_on_the_line(practice: Town) -> Iterator[None]:
    """A story that failed in the middle is no other story's."""
    yield

    async def all_hang_up() -> None:
        await practice.telco.asterisk.rx("channel request hangup all")
        await silence_falls(practice)

    practice.run(all_hang_up())


async def caller_at_the_beep(
    practice: Town, story: Story, key: str, **how: Any
) -> tuple[LiveCall, str]:
    """Somebody calls, presses a key for a mailbox, and has heard the beep."""
    line, call = await story.call(practice.telco, **how)
    await line.press(key)
    await story.step(call, "recording")
    return line, call


@contextmanager
def dying(pid: int) -> Iterator[asyncio.Event]:
    """Set once this process is no more."""
    gone, loop, handle = asyncio.Event(), asyncio.get_running_loop(), os.pidfd_open(pid)
    loop.add_reader(handle, gone.set)
    try:
        yield gone
    finally:
        loop.remove_reader(handle)
        os.close(handle)


def voice_over(codec: Codec, seed: int, seconds: float = 3.0) -> Samples:
    """A voice as this codec carries it: sent and received, it is the same again."""
    spoken = np.array(voice(seconds, seed), dtype=np.int16)
    law = LAWS[codec]
    return audio.decode(audio.encode(spoken, law), law)


def written(folder: Path, samples: Samples) -> Path:
    """A sound file for the telephone company to speak, with a breath after the last word."""
    path = folder / "words.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes() + bytes(2 * BREATH))
    return path


def has_said(opened: bytes, words: Samples) -> bool:
    """Whether a message holds all these words in order and each sample unchanged, frame by frame.
    Where the machine stood still for longer than a network's jitter the engine has put silence in
    between, and on their way to us a busy machine may lose a frame or two."""
    at = lost = 0
    for begin in range(0, len(words), FRAME):
        frame = words[begin : begin + FRAME].astype("<i2").tobytes()
        found = opened.find(frame, at)
        at, lost = (at, lost + 1) if found < 0 else (found + len(frame), lost)
    return lost <= LOST_MOST


# ---- the owner ----


@dataclass(frozen=True, slots=True)
class Owner:
    """The mailboxes' member at the command line."""

    practice: Town

    def careline(
        self, *words: str, password: str = PASSWORD, path: str = os.environ["PATH"]
    ) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {
            "CARELINE_HOME": str(self.practice.place.home),
            "COLUMNS": "200",
            "PATH": path,
        }
        return subprocess.run(
            [sys.executable, "-m", "firmware.cli", "messages", *words, "--as", PERSON,
             "--password-stdin"],
            input=password + "\n", capture_output=True, text=True, cwd=ROOT, env=environment,
            timeout=60, check=False,
        )  # fmt: skip

    async def does(self, *words: str, **how: str) -> subprocess.CompletedProcess[str]:
        """While the exchange runs."""
        return await asyncio.to_thread(partial(self.careline, *words, **how))

    async def messages_of(self, call: str) -> list[dict[str, Any]]:
        listed = await self.does("list", "--json")
        assert listed.returncode == 0, listed.stderr
        return [message for message in json.loads(listed.stdout) if message["call"] == call]

    def opens(self, call: str) -> vault.Heard:
        """The one message of a call, by the keys themselves."""
        place = self.practice.place
        ring = people.sign_in(place.page_db, PERSON, PASSWORD)
        reader = open_reader(place.calls_db)
        with reader.connect() as connection:
            held = ledger.messages_in(connection, list(ring.mailboxes))
        reader.dispose()
        (message,) = [one for one in held if one.call == call]
        path = vault.sealed_path(place.messages, message.message)
        return vault.hear(path, *ring.mailboxes[message.mailbox])


@pytest.fixture
def owner(practice: Town) -> Owner:
    return Owner(practice)


def exported(file: Path) -> bytes:
    with wave.open(str(file)) as opened:
        content: bytes = opened.readframes(opened.getnframes())
        return content


# ---- where a voice could have been left ----


def places(practice: Town, since_s: float) -> list[Path]:
    """Every file of the clinic, and every newer file in the temporary folders of this machine and
    of the clinic's Asterisk, and in shared memory. The telephone company's own recordings, which
    stand for the world outside, are no part of it."""
    inside = Path(f"/proc/{practice.clinic.pid}/root/tmp")
    clinic = practice.place.home
    anywhere = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), inside)  # noqa: S108
    newer = [path for top in anywhere for path in _files_since(top, since_s) if _is_of(path)]
    return [*_files_since(clinic, 0, besides=clinic / "telco"), *newer]


def _is_of(path: Path) -> bool:
    """Not what the tests themselves write, in folders of pytest's."""
    return not any(part.startswith("pytest-of-") for part in path.parts)


def _files_since(top: Path, since_s: float, besides: Path | None = None) -> Iterator[Path]:
    """Other users' files are not read: what the clinic writes is its own user's."""
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(top) as entries:
        for entry in entries:
            path = Path(entry.path)
            with suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(found.st_mode) and path != besides:
                    if os.access(path, os.R_OK | os.X_OK):
                        yield from _files_since(path, since_s, besides)
                elif _is_new_and_ours(found, since_s):
                    yield path


def _is_new_and_ours(found: os.stat_result, since_s: float) -> bool:
    is_file = stat.S_ISREG(found.st_mode)
    return is_file and found.st_uid == os.geteuid() and found.st_ctime >= since_s


# ---- stories ----


@pytest.mark.parametrize("codec", list(Codec))
def test_a_message_is_safe_before_it_is_promised_and_plain_nowhere(
    practice: Town, owner: Owner, codec: Codec, tmp_path: Path
) -> None:
    words = voice_over(codec, seed=21)
    began = time.time()

    async def story() -> None:
        async with exchange(practice) as told:
            line, call = await caller_at_the_beep(practice, told, NURSE, codec=codec)
            await line.say(written(tmp_path, words))
            await line.press("#")
            await soon(line.ended)
            assert await told.outcome(call) == "message"
            # The row that promises it was on the disk before the promise was decided.
            happened = [step.step for step in told.steps if step.call == call]
            assert happened.index("sealed") < happened.index("kept")
            assert ear.tone_s(line.heard, KEPT_HZ) > BLIP_S
            assert leaks(words.tolist(), places(practice, began)) == []
        assert has_said(owner.opens(call).audio, words)

    practice.run(story())


def test_the_owner_lists_exports_plays_and_deletes_a_message_and_nobody_else_does(
    practice: Town, owner: Owner, tmp_path: Path
) -> None:
    words = voice_over(Codec.ULAW, seed=20, seconds=1.0)
    file, played = tmp_path / "message.wav", tmp_path / "played.wav"
    (tmp_path / "aplay").write_text(f"#!/bin/sh\nexec cat > {played}\n")
    (tmp_path / "aplay").chmod(0o755)

    async def story() -> None:
        async with exchange(practice) as told:
            line, call = await caller_at_the_beep(practice, told, NURSE)
            await line.say(written(tmp_path, words))
            await line.hang_up()
            await told.outcome(call)
            (message,) = await owner.messages_of(call)
            assert (message["mailbox"], message["heard"]) == ("nurse", None)
            name = message["message"][:8]
            refused = await owner.does("export", name, str(file), password="not the password")
            assert refused.returncode == 1
            assert "do not belong together" in refused.stderr
            assert not file.exists()
            done = await owner.does("export", name, str(file))
            assert done.returncode == 0, done.stderr
            assert has_said(exported(file), words)
            done = await owner.does("play", name, path=f"{tmp_path}:{os.environ['PATH']}")
            assert done.returncode == 0, done.stderr
            assert exported(played) == exported(file)
            assert (await owner.messages_of(call))[0]["heard"] is not None
            assert (await owner.does("delete", name, "--yes")).returncode == 0
            assert await owner.messages_of(call) == []
            assert not vault.sealed_path(practice.place.messages, message["message"]).exists()

    practice.run(story())


def test_an_exchange_that_crashes_in_the_middle_of_a_message_leaves_no_core_and_nothing_in_plain(
    practice: Town, owner: Owner, tmp_path: Path
) -> None:
    """The caller goes to a person, and the message keeps its seconds. What its memory would hold is
    looked through in tests/firmware/test_sealed_recording.py."""
    words = voice_over(Codec.ULAW, seed=22)
    began = time.time()

    async def story() -> None:
        await practice.telco.behave("101", Silent())
        async with exchange(practice) as told:
            line, call = await caller_at_the_beep(practice, told, NURSE)
            await line.say(written(tmp_path, words))
            assert told.supervisor.pid is not None
            told.supervisor.ready.clear()
            with dying(told.supervisor.pid) as gone:
                abort_with_core_allowed(told.supervisor.pid)
                await soon(gone.wait())  # it seals an end that comes while its threads are told
            await line.hang_up()
            await soon(told.supervisor.ready.wait())
            assert list((practice.place.home / "work").glob("core*")) == []
            assert leaks(words.tolist(), places(practice, began)) == []
            (message,) = await owner.messages_of(call)
            assert message["cut_off"]
        assert len(owner.opens(call).audio) >= 2 * vault.CHUNK_BYTES

    practice.run(story())


def test_the_same_search_finds_a_planted_copy_in_each_of_the_forms_and_places(
    practice: Town,
) -> None:
    words = voice_over(Codec.ULAW, seed=23).tolist()
    began = time.time()
    forms = forms_of(next(iter(pieces_of(words))))
    assert len(next(iter(pieces_of(words)))) == PIECE
    inside = Path(f"/proc/{practice.clinic.pid}/root/tmp")
    tops = (practice.place.home, practice.place.messages, inside, Path("/dev/shm"), Path("/tmp"))  # noqa: S108
    practice.place.messages.mkdir(exist_ok=True)
    planted = {form: top / f"planted-{os.getpid()}" for form, top in zip(forms, tops, strict=True)}
    try:
        for odd, (form, path) in enumerate(planted.items()):
            path.write_bytes(bytes(1001 + odd) + forms[form] + bytes(7))
        found = {leak.form: leak.path for leak in leaks(words, places(practice, began))}
    finally:
        for path in planted.values():
            path.unlink()
    assert found == planted


def test_a_known_caller_leaves_a_refill_that_outlives_kill_9_and_a_stranger_gets_a_person(
    practice: Town, owner: Owner, tmp_path: Path
) -> None:
    words = voice_over(Codec.ULAW, seed=33, seconds=1.0)
    listed = tmp_path / "patients.csv"
    listed.write_text("name,birth_date,phone\nAnna Reyes,04/12/1985,202-555-0143\n")
    secrets = ("Anna Reyes", "1985-04-12")  # digits alone may stand anywhere

    async def story() -> None:
        assert "1 patient is known now" in await by_password(
            practice, "patients", "import", str(listed)
        )
        async with exchange(practice) as told:
            line, call = await told.call(practice.telco)
            await line.press(REFILL)
            await told.step(call, "identity")
            await line.press("041219850143")
            await told.step(call, "checked", "identified")
            await told.step(call, "form")
            await line.press("77#1")
            await told.step(call, "recording")
            await line.say(written(tmp_path, words))
            await line.press("#")
            await soon(line.ended)
            assert await told.outcome(call) == "message"
            happened = [step.step for step in told.steps if step.call == call]
            assert happened.index("request") < happened.index("promised")
            assert ear.tone_s(line.heard, PROMISE_HZ) > BLIP_S
            assert told.supervisor.pid is not None
            told.supervisor.ready.clear()
            os.kill(told.supervisor.pid, signal.SIGKILL)
            await soon(told.supervisor.ready.wait())

            stranger, other = await told.call(practice.telco)
            await stranger.press(REFILL)
            await told.step(other, "identity")
            await stranger.press("041219850144")
            await told.step(other, "checked", "unknown")
            await told.step(other, "ring", "main/desk")
            await stranger.hang_up()

            (request,) = json.loads(await careline(practice, "requests", "--json"))["requests"]
            assert (request["call"], request["owner"]) == (call, "nurse")
            name = request["request"][:6]
            opened = await careline(
                practice, "requests", "show", name, "--open", "--password-stdin", said=PASSWORD
            )
            for told_of in ("Anna Reyes", "prescription: 77", "medicine: spoken"):
                assert told_of in opened
            assert "in time" in await by_password(practice, "requests", "done", name)
        assert has_said(owner.opens(call).audio, words)
        for path in _files_since(practice.place.home, 0, besides=practice.place.home / "telco"):
            content = path.read_bytes()
            assert [each for each in secrets if each.encode() in content] == [], path

    practice.run(story())


def test_a_message_cut_off_by_kill_9_keeps_all_but_the_last_second(
    practice: Town, owner: Owner, tmp_path: Path
) -> None:
    words = voice_over(Codec.ULAW, seed=31, seconds=4.0)

    async def story() -> None:
        await practice.telco.behave("101", Answers())
        async with exchange(practice) as told:
            rang = len(practice.telco.desks["101"].rings)
            line, call = await caller_at_the_beep(practice, told, DOCTOR)
            await line.say(written(tmp_path, words))
            assert told.supervisor.pid is not None
            told.supervisor.ready.clear()
            os.kill(told.supervisor.pid, signal.SIGKILL)
            ring = await practice.telco.next_ring("101", rang)  # a person takes over
            await soon(ring.talked)
            await line.hang_up()
            await soon(told.supervisor.ready.wait())
            (message,) = await owner.messages_of(call)
            assert (message["cut_off"], message["urgent"], message["mailbox"]) == (
                True, True, "doctor",
            )  # fmt: skip
            file = tmp_path / "message.wav"
            done = await owner.does("export", message["message"], str(file))
            assert "cut off" in done.stderr
            assert has_said(exported(file), words[: 3 * 8000 - 1600])
            assert message["seconds"] >= 3

    practice.run(story())


def test_who_hangs_up_while_speaking_has_left_a_message(
    practice: Town, owner: Owner, tmp_path: Path
) -> None:
    words = voice_over(Codec.ULAW, seed=24, seconds=1.5)

    async def story() -> None:
        async with exchange(practice) as told:
            line, call = await caller_at_the_beep(practice, told, NURSE)
            await line.say(written(tmp_path, words))
            await line.hang_up()
            assert await told.outcome(call) == "message"
        opened = owner.opens(call)
        assert not opened.cut_off
        assert has_said(opened.audio, words)

    practice.run(story())


def test_who_speaks_too_long_is_thanked_when_the_time_is_up(
    practice: Town, owner: Owner, tmp_path: Path
) -> None:
    words = voice_over(Codec.ULAW, seed=25, seconds=LONGEST_S + 2)

    async def story() -> None:
        async with exchange(practice) as told:
            line, call = await caller_at_the_beep(practice, told, SHORT)
            await line.speak(written(tmp_path, words))
            await soon(line.ended)
            assert await told.outcome(call) == "message"
            assert ear.tone_s(line.heard, KEPT_HZ) > BLIP_S
        opened = owner.opens(call)
        assert opened.seconds == LONGEST_S
        assert has_said(opened.audio, words[: (LONGEST_S - 2) * 8000])

    practice.run(story())


def test_two_who_speak_at_once_are_not_mixed(
    practice: Town, owner: Owner, tmp_path_factory: pytest.TempPathFactory
) -> None:
    voices = {NURSE: voice_over(Codec.ULAW, seed=26), DOCTOR: voice_over(Codec.ULAW, seed=27)}

    async def story() -> None:
        async with exchange(practice) as told:
            callers = {
                key: await caller_at_the_beep(practice, told, key, number=f"202555019{key}")
                for key in voices
            }
            await asyncio.gather(
                *(
                    line.say(written(tmp_path_factory.mktemp("voice"), voices[key]))
                    for key, (line, _) in callers.items()
                )
            )
            for line, call in callers.values():
                await line.hang_up()
                assert await told.outcome(call) == "message"
        for key, (_, call) in callers.items():
            opened = owner.opens(call).audio
            assert [other for other, words in voices.items() if has_said(opened, words)] == [key]

    practice.run(story())


def test_who_says_nothing_and_presses_a_key_goes_to_a_person(practice: Town, owner: Owner) -> None:
    async def story() -> None:
        await practice.telco.behave("101", Answers())
        async with exchange(practice) as told:
            rang = len(practice.telco.desks["101"].rings)
            line, call = await caller_at_the_beep(practice, told, NURSE)
            await line.press("#")
            await told.step(call, "not kept")
            ring = await practice.telco.next_ring("101", rang)
            await soon(ring.talked)
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            assert ear.tone_s(line.heard, SORRY_HZ) > BLIP_S
            assert await owner.messages_of(call) == []

    practice.run(story())


def test_who_never_says_a_word_goes_to_a_person(practice: Town, owner: Owner) -> None:
    async def story() -> None:
        await practice.telco.behave("101", Answers())
        async with exchange(practice) as told:
            rang = len(practice.telco.desks["101"].rings)
            line, call = await caller_at_the_beep(practice, told, NURSE)
            ring = await practice.telco.next_ring("101", rang, within_s=SILENT_S + SOON_S)
            await soon(ring.talked)
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            assert await owner.messages_of(call) == []

    practice.run(story())


def test_who_says_nothing_and_hangs_up_has_left_no_message(practice: Town, owner: Owner) -> None:
    async def story() -> None:
        async with exchange(practice) as told:
            line, call = await caller_at_the_beep(practice, told, NURSE)
            await line.hang_up()
            assert await told.outcome(call) == "short_abandoned"
            assert await owner.messages_of(call) == []

    practice.run(story())


# ---- lamps ----


def test_the_nurses_lamp_follows_the_mailbox_through_restarts_of_asterisk_and_exchange(
    practice: Town, owner: Owner, tmp_path: Path
) -> None:
    """What the phone at the telephone company was told by NOTIFY; only 103 has this lamp."""
    words = written(tmp_path, voice_over(Codec.ULAW, seed=29, seconds=1.0))

    async def story() -> None:
        telco = practice.telco
        async with exchange(practice) as told:
            new, old = await waiting(owner)
            await telco.lamp_shows(new, old)
            call = await leave_message(practice, told, words)
            await telco.lamp_shows(new + 1, old)
            (message,) = await owner.messages_of(call)
            await owner.does("export", message["message"], str(tmp_path / "message.wav"))
            await telco.lamp_shows(new, old + 1)
            await leave_message(practice, told, words)
            await telco.lamp_shows(new + 1, old + 1)
            telco.forget_lamp()
            await practice.clinic.kill()
            await practice.clinic.start()
            await telco.desks_registered()
            await telco.lamp_shows(new + 1, old + 1)
        # While no exchange runs the owner deletes; the next one tells the phones.
        await owner.does("delete", message["message"], "--yes")
        async with exchange(practice):
            await telco.lamp_shows(new + 1, old)

    practice.run(story())


def test_a_lamp_that_asterisk_would_not_set_is_set_once_it_will_and_a_phone_that_comes_late_is_told(
    practice: Town, owner: Owner, tmp_path: Path
) -> None:
    """Asterisk takes every order of ours while it still boots, and fails those that need its
    dialplan; here the dialplan lacks what a lamp needs for as long as the story wants."""
    words = written(tmp_path, voice_over(Codec.ULAW, seed=30, seconds=1.0))

    async def story() -> None:
        telco = practice.telco
        async with exchange(practice) as told:
            new, old = await waiting(owner)
            await telco.lamp_shows(new, old)
            async with practice.told() as clinic:
                await practice.clinic.rx("dialplan remove context lamp")
                await leave_message(practice, told, words)
                await clinic.event("OriginateResponse", Response="Failure")
            await practice.clinic.rx("dialplan reload")
            await telco.lamp_shows(new + 1, old)
            await telco.unplug("103")
            await leave_message(practice, told, words)
            telco.forget_lamp()
            await telco.desks_registered()
            await telco.lamp_shows(new + 2, old)

    practice.run(story())


async def leave_message(practice: Town, told: Story, words: Path) -> str:
    """Somebody leaves these words for the nurse: the call's name."""
    line, call = await caller_at_the_beep(practice, told, NURSE)
    await line.say(words)
    await line.hang_up()
    await told.outcome(call)
    return call


async def waiting(owner: Owner) -> tuple[int, int]:
    """What the nurse's lamp should show."""
    listed = json.loads((await owner.does("list", "--json")).stdout)
    of_nurse = [message for message in listed if message["mailbox"] == "nurse"]
    new = sum(message["heard"] is None for message in of_nurse)
    return new, len(of_nurse) - new


# ---- a disk without room ----


def has_room_for(pid: int, size: int) -> None:
    """No file of the exchange may grow beyond this, as on a disk that has no more room."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


@pytest.mark.parametrize("full_for", ["everything", "the ledger alone"])
def test_on_a_full_disk_the_caller_is_told_and_goes_to_a_person_and_no_step_is_lost(
    practice: Town, owner: Owner, full_for: str, tmp_path: Path
) -> None:
    """A full disk is an alarm, never a restart: the exchange that took the call writes it down."""
    words = voice_over(Codec.ULAW, seed=28, seconds=1.2)
    journal = practice.place.calls_db.with_name("calls.db-wal")

    async def story() -> None:
        await practice.telco.behave("101", Answers())
        async with exchange(practice) as told:
            rang = len(practice.telco.desks["101"].rings)
            line, call = await caller_at_the_beep(practice, told, NURSE)
            pid = told.supervisor.pid
            assert pid is not None
            has_room_for(pid, 0 if full_for == "everything" else journal.stat().st_size)
            await line.say(written(tmp_path, words))
            if full_for == "the ledger alone":
                await line.press("#")
            ring = await practice.telco.next_ring("101", rang)
            await soon(ring.talked)
            messages_too = ["messages"] if full_for == "everything" else []
            assert alarms(await told.status()) == ["ledger", *messages_too]
            has_room_for(pid, resource.RLIM_INFINITY)
            await told.step(call, "joined")
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            assert told.supervisor.starts == 1
            assert alarms(await told.status()) == messages_too  # until one is kept
            assert told.details(call, "not kept") == ["main/nurse"]
            assert told.details(call, "kept") == []
            assert ear.tone_s(line.heard, SORRY_HZ) > BLIP_S
            assert ear.tone_s(line.heard, KEPT_HZ) == 0
            # What lay sealed on the disk is listed, though nobody was promised it.
            sealed = len(await owner.messages_of(call))
            assert sealed == (0 if full_for == "everything" else 1)

    practice.run(story())


def alarms(status: topics.StatusReply) -> list[str]:
    return [part.name for part in status.parts if part.state == "alarm"]


# ---- a disk that stands still ----

STALLABLE = (sys.executable, "-m", "tests.system.stalled")


def test_on_a_disk_that_stands_still_the_caller_is_told_and_goes_to_a_person(
    practice: Town, owner: Owner, tmp_path: Path
) -> None:
    words = voice_over(Codec.ULAW, seed=41, seconds=8.0)

    async def story() -> None:
        await practice.telco.behave("101", Answers())
        async with exchange(practice, STALLABLE) as told:
            rang = len(practice.telco.desks["101"].rings)
            line, call = await caller_at_the_beep(practice, told, NURSE)
            assert told.supervisor.pid is not None
            os.kill(told.supervisor.pid, signal.SIGUSR1)
            await line.speak(written(tmp_path, words))
            ring = await practice.telco.next_ring("101", rang)
            await soon(ring.talked)
            await told.step(call, "joined")
            os.kill(told.supervisor.pid, signal.SIGUSR2)
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            assert told.details(call, "not kept") == ["main/nurse"]
            assert told.supervisor.starts == 1
            assert ear.tone_s(line.heard, SORRY_HZ) > BLIP_S
            assert ear.tone_s(line.heard, KEPT_HZ) == 0
            # What was said until then is sealed all the same, and listed.
            (message,) = await owner.messages_of(call)
            assert stalled.BACKLOG_S <= message["seconds"] <= stalled.BACKLOG_S + 2

    practice.run(story())
