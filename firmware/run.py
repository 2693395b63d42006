"""`make run`: a whole clinic on this machine, one demonstration call, and then whatever is tried.

The demonstration is a caller for the nurse: the menu, a key, the nurse's phone rings and nobody
comes, so the caller leaves a message, which is sealed. Each step is told as the exchange's ledger
has it, and the call has gone well only if every step came and the message opens for its owner.
"""

import asyncio
import fcntl
import os
import shutil
import signal
import ssl
import urllib.request
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from firmware import ledger, people, rehearsal, speech, testcall, topics, vault
from firmware.asterisk.sandbox import AsteriskError, ensure_root
from firmware.asterisk.telco import Answers, LiveCall, Silent, Telco
from firmware.clips import RATE_HZ, read_wav
from firmware.control import ControlError, Door, follow_async
from firmware.place import Place
from firmware.rehearsal import PASSWORD, PERSON, Rehearsal
from firmware.store import open_reader
from firmware.trace import Teller, sentence
from firmware.web.addresses import names_of_box
from firmware.web.authority import authority_of

WORDS = "Hello, this is Ann Miller. Please call me back about my test results. Thank you."
NURSE_LINE, NURSE_KEY, NURSE_PHONE, ESCAPE_KEY = "main", "2", "103", "0"
LISTENS_S = 5.0  # to the menu, before the key
RINGS_S = 5.0  # before the caller gives up waiting
STEP_WITHIN_S = 30.0
VISITOR = "visitor"  # may come to the page as its admin, by a one-time code
# What the demonstration must have in its ledger, in this order.
EXPECTED = ("offered", "menu", "digit", "queue", "offer", "rings", "digit", "message", "kept")


class RunError(Exception):
    """The rehearsal cannot be held; the text says what to do."""


class Story:
    """The ledger's steps of one exchange, told as they come, and waited for."""

    def __init__(self, tell: Teller) -> None:
        self.steps: list[topics.StepLine] = []
        self._tell = tell
        self._news = asyncio.Condition()

    async def listen(self, place: Place) -> None:
        """Until cancelled; an exchange that restarts is listened to again."""
        while True:
            with suppress(ControlError, ConnectionError):
                async for step in follow_async(
                    place.control_socket, topics.WATCH, topics.WatchRequest()
                ):
                    self.steps.append(step)
                    self._tell(sentence(step))
                    async with self._news:
                        self._news.notify_all()
            await asyncio.sleep(0.2)

    async def step(self, name: str, detail: str = "", *, after: int = 0) -> topics.StepLine:
        """The first step of this name and detail since `after`, come or to come."""

        def found() -> topics.StepLine | None:
            named = (s for s in self.steps[after:] if s.step == name and detail in s.detail)
            return next(named, None)

        async with asyncio.timeout(STEP_WITHIN_S), self._news:
            await self._news.wait_for(lambda: found() is not None)
        step = found()
        assert step is not None
        return step


async def run(*, once: bool) -> int:
    """The exit status: 0 when the demonstration call went as it should."""
    tell = Teller()
    place = Place(_home())
    with _alone(place.home):
        root = ensure_root(tell)
        _clear(place.home)
        tell(f"the clinic lies in {place.home} (Asterisk from {root.name})")
        clinic = rehearsal.build(place.home)
        async with _open(clinic, tell) as story:
            status = await _demonstrate(clinic, story, tell)
            if once:
                status = status or await asyncio.to_thread(_looked_at_page, clinic, tell)
            else:
                _invite(clinic, _recorded(place))
                await asyncio.Event().wait()
    print(f"what the caller heard (left) and said (right): {_recorded(place)}", flush=True)  # noqa: T201
    return status


@asynccontextmanager
async def _open(clinic: Rehearsal, tell: Teller) -> AsyncIterator[Story]:
    """Everything up; all of it down again however this ends."""
    story = Story(tell)
    try:
        await clinic.start(tell)
        async with clinic.root(tell), clinic.exchange(told=tell), clinic.web(tell):
            listening = asyncio.create_task(story.listen(clinic.place))
            door = Door()
            testcall.answer_on(door, clinic.telco, clinic.plan)
            try:
                async with door.open(clinic.place.telco_socket):
                    yield story
            finally:
                listening.cancel()
    finally:
        tell("everything is stopped")
        await clinic.stop()


async def _demonstrate(clinic: Rehearsal, story: Story, tell: Teller) -> int:
    """One call by itself; what went wrong is told."""
    line = clinic.plan.lines[NURSE_LINE]
    await clinic.telco.behave(NURSE_PHONE, Silent())
    words = _spoken(clinic.place)
    tell(f"the telephone company dials {line.numbers[0]} for a caller")
    call = await clinic.telco.call(line.numbers[0])
    status = 1
    try:
        await _live_through(clinic.telco, call, story, words)
        async with asyncio.timeout(STEP_WITHIN_S):
            await asyncio.shield(call.ended)
        await story.step("outcome", "message")
        seconds = await asyncio.to_thread(_opened_message_s, clinic.place)
        tell(f"the message opens for its owner: {seconds:.1f} s of speech")
        wrong = _missing([step.step for step in story.steps])
        status = 1 if wrong else 0
        tell(f"the call did not go as it should: no step {wrong!r}" if wrong else "all went well")
    except TimeoutError:
        tell(f"the call did not go as it should: nothing happened for {STEP_WITHIN_S:g} s")
    except (ControlError, vault.VaultError, people.PeopleError, SQLAlchemyError) as fault:
        tell(f"the call did not go as it should: {fault}")
    finally:
        await call.hang_up()
        for behaving in ("101", "102", NURSE_PHONE):
            await clinic.telco.behave(behaving, Answers(after_s=2))
    _write_both(call, _recorded(clinic.place))
    return status


async def _live_through(telco: Telco, call: LiveCall, story: Story, words: Path) -> None:
    async with asyncio.timeout(STEP_WITHIN_S):
        await asyncio.shield(call.answered)
    await story.step("menu")
    await asyncio.sleep(LISTENS_S)
    await call.press(NURSE_KEY)
    await story.step("rings", NURSE_PHONE)
    await asyncio.sleep(RINGS_S)
    before = len(story.steps)
    await call.press(ESCAPE_KEY)
    await story.step("message", after=before)
    await story.step("recording", after=before)
    await call.say(words)
    await call.press("#")
    await story.step("kept", after=before)


def _missing(steps: list[str]) -> str:
    """The first expected step that did not come in its order; empty when all did."""
    coming = iter(steps)
    return next((each for each in EXPECTED if each not in coming), "")


def _opened_message_s(place: Place) -> float:
    """The newest message, opened by its owner's password."""
    ring = people.sign_in(place.page_db, PERSON, PASSWORD)
    reader = open_reader(place.calls_db)
    with reader.connect() as connection:
        newest = ledger.messages_in(connection, list(ring.mailboxes))[-1]
    reader.dispose()
    path = vault.sealed_path(place.messages, newest.message)
    return vault.hear(path, *ring.mailboxes[newest.mailbox]).seconds


def _spoken(place: Place) -> Path:
    """The caller's words, spoken by the same voice as the prompts."""
    folder = place.home / "caller"
    for prompt in speech.prompts({speech.LANGUAGE: {"words": WORDS}}):
        if prompt.path.stem == "words":
            speech.render(prompt, folder, speech.cache_folder())
    return folder / speech.LANGUAGE / "words.wav"


def _recorded(place: Place) -> Path:
    return place.home / "demonstration-call.wav"


def _write_both(call: LiveCall, path: Path) -> None:
    """One file with two channels, to be played."""
    sides = [_samples(call.heard), _samples(call.said)]
    longest = max(side.size for side in sides)
    both = np.stack([np.pad(side, (0, longest - side.size)) for side in sides], axis=1)
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(both.astype("<i2").tobytes())


def _samples(path: Path) -> NDArray[np.int16]:
    return read_wav(path) if path.exists() else np.zeros(0, dtype=np.int16)


def _looked_at_page(clinic: Rehearsal, tell: Teller) -> int:
    """Asked once, by the box's own authority."""
    pem = authority_of(clinic.place, names_of_box()).pem.decode()
    trust = ssl.create_default_context(cadata=pem)
    try:
        with urllib.request.urlopen(clinic.address, timeout=STEP_WITHIN_S, context=trust) as shown:  # noqa: S310
            tell(f"the page answers at {clinic.address}: {shown.status}")
            return 0
    except OSError as fault:
        tell(f"the page does not answer at {clinic.address}: {fault}")
        return 1


def _invite(clinic: Rehearsal, recorded: Path) -> None:
    place = clinic.place
    code = people.invite(place.page_db, VISITOR, people.Role.ADMIN, datetime.now(UTC))
    print(  # noqa: T201
        f"\nThe clinic's page: {clinic.address}\n"
        f"    sign in as {PERSON!r} with the password: {PASSWORD}\n"
        f"    or choose a password of your own at {clinic.address}/invited:"
        f" name {VISITOR!r}, one-time code {code}\n"
        f"    how this browser comes to trust it: http://localhost:{clinic.http_port}\n\n"
        f"What the caller heard (left) and said (right): {recorded}\n\n"
        "The clinic stays up until Ctrl-C. In another terminal, from this folder:\n\n"
        f"    export CARELINE_HOME={place.home}\n"
        "    .venv/bin/careline call --to main --press 1      # the front desk answers\n"
        "    .venv/bin/careline status\n"
        "    .venv/bin/careline calls\n"
        f"    cp {place.site_file} my-clinic.toml              # change the copy, and then:\n"
        "    .venv/bin/careline publish my-clinic.toml\n"
        f"    .venv/bin/careline messages list                 # the password is: {PASSWORD}\n",
        flush=True,
    )


# ---- the place ----


def _home() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(os.environ.get("CARELINE_HOME") or Path(state) / "careline" / "run")


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One rehearsal at a time in one place."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f"{home.name}.lock").open("w") as held:
        _lock(held, home)
        yield


def _lock(held: IO[str], home: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunError(
            f"another `make run` is using {home}: end it by Ctrl-C in its terminal, or give this"
            " one a place of its own: make run CARELINE_HOME=/some/empty/folder"
        ) from None


# Only a folder that a rehearsal made, or an empty one, is ever emptied.
MARK = ".rehearsal"


def _clear(home: Path) -> None:
    if home.exists() and any(home.iterdir()) and not (home / MARK).exists():
        raise RunError(f"{home} holds something that no rehearsal made: choose an empty folder")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / MARK).write_text(f"made by make run, {datetime.now().astimezone().isoformat()}\n")


def main(*, once: bool) -> int:
    """Run until Ctrl-C or a polite kill; the status is then 130, as a shell would have it."""

    async def stoppable() -> int:
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, task.cancel)
        return await run(once=once)

    try:
        return asyncio.run(stoppable())
    except (AsteriskError, rehearsal.NotReadyError, speech.SpeechError) as missing:
        raise RunError(str(missing)) from missing
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
