"""How long a caller waits for the first prompt while people use the page, beside the same with the
page idle: one box on a real Asterisk, with 100,000 calls stored.

Busy are five people who ask for one screen after the other and never stop to read, and three
boards; idle are the same people, signed in, who ask for nothing, and the boards. They sit at a
process of their own, which gives way to all else here, for at a clinic they sit at other computers.
A round is some calls of each, one after the other, timed where the telephone company hears the
prompt.
"""

import asyncio
import multiprocessing
import os
import ssl
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import median

from firmware import people, rehearsal
from firmware.bench import latency, web
from firmware.bench.beside import Aim, Compared, Report, Shown, in_turn
from firmware.bench.clinic import only_tones
from firmware.bench.crowd import dials
from firmware.bench.ears import Ears
from firmware.operations import Role
from firmware.place import Place
from firmware.rehearsal import Rehearsal
from firmware.web.addresses import names_of_box
from firmware.web.authority import authority_of

CALLS, ROUNDS = 40, 5
PAUSE_S = 0.2  # after a call, so that a round holds screens enough
IDLE = "an idle page"
MOST = 1.1  # times as long; less is no change that these rounds could tell
WITHIN_S = 120.0


def measure(
    rounds: int = ROUNDS, shown: Shown = lambda done, of: None, stored: int = web.CALLS
) -> Report:
    """On a real Asterisk; it takes some minutes."""
    with tempfile.TemporaryDirectory(prefix="careline-bench-") as home:
        return asyncio.run(_measured(Path(home), rounds, shown, stored))


async def _measured(home: Path, rounds: int, shown: Shown, stored: int) -> Report:
    clinic = rehearsal.build(home, site_text=latency.site())
    only_tones(clinic.place)
    await asyncio.to_thread(_past, clinic.place, stored)
    async with AsyncExitStack() as stack:
        ears = await stack.enter_async_context(Ears())
        stack.push_async_callback(clinic.stop)
        await clinic.start()
        await stack.enter_async_context(clinic.exchange())
        await stack.enter_async_context(clinic.web())
        room = await asyncio.to_thread(stack.enter_context, _room(clinic))
        loop = asyncio.get_running_loop()

        def calls_ms() -> float:
            return asyncio.run_coroutine_threadsafe(_calls_ms(clinic, ears), loop).result()

        def busy_ms() -> float:
            room.looking.set()
            try:
                return calls_ms()
            finally:
                room.looking.clear()

        sides = {"busy": busy_ms, "idle": calls_ms}
        runs, noise = await asyncio.to_thread(in_turn, sides, rounds, shown)
        looks = room.looks.value
    what = "call to first prompt, while five people and three boards use the page"
    figure = Compared(what, "ms", runs["busy"], {IDLE: runs["idle"]}, Aim(MOST, IDLE))
    notes = (
        f"{CALLS} calls of each a round, of which the median; {stored:,} calls stored",
        f"{looks} screens were looked at meanwhile",
    )
    return Report((figure,), noise, notes)


async def _calls_ms(clinic: Rehearsal, ears: Ears) -> float:
    """One call after the other."""
    took = []
    for _ in range(CALLS):
        call, line, first_s = await dials(clinic, ears)
        await call.hang_up()
        async with asyncio.timeout(WITHIN_S):
            await line.ended
        took.append(first_s * 1000)
        await asyncio.sleep(PAUSE_S)
    return median(took)


def _past(place: Place, stored: int) -> None:
    """Calls that were, and people to look at them."""
    now = datetime.now(UTC)
    for number in range(1, web.PEOPLE + web.BOARDS + 1):
        code = people.invite(place.page_db, web.named(number), Role.FRONT_DESK, now)
        people.accept(place.page_db, web.named(number), code, web.PASSWORD, now, web.CHEAP)
    web.fill(place, stored)


# ---- the people, in a process of their own ----


class _Room:
    """Where they sit: they look as long as `looking` is set, and go when `over` is."""

    def __init__(self) -> None:
        apart = multiprocessing.get_context("spawn")
        self.looking, self.over, self.ready = apart.Event(), apart.Event(), apart.Event()
        self.looks = apart.Value("q", 0)
        self.process = apart.Process


@contextmanager
def _room(clinic: Rehearsal) -> Iterator[_Room]:
    room = _Room()
    vouching = authority_of(clinic.place, names_of_box()).pem.decode()
    told = (clinic.https_port, vouching, room.looking, room.over, room.ready, room.looks)
    process = room.process(target=_sit, args=told)
    process.start()
    try:
        if not room.ready.wait(WITHIN_S):
            raise RuntimeError("nobody is let in: see the page's own log")
        yield room
    finally:
        room.over.set()
        process.join()
    if process.exitcode:
        raise RuntimeError("somebody was not shown a screen: see the page's own log")


def _sit(
    https_port: int,
    vouching: str,
    looking: Event,
    over: Event,
    ready: Event,
    looks: "Synchronized[int]",
) -> None:
    os.nice(19)
    trusting = ssl.create_default_context(cadata=vouching)
    numbers = range(1, web.PEOPLE + web.BOARDS + 1)
    browsers = [web.Browser(https_port, trusting, number) for number in numbers]
    box = web.Box(browsers[: web.PEOPLE])
    for person in box.people:
        person.sign_in()
    for board in browsers[web.PEOPLE :]:
        box.watched_by(board)

    def looks_at_all(person: web.Browser) -> None:
        """What is read once for as long as the page runs is read now."""
        for screen in web.SCREENS:
            person.look_ms(screen)

    def uses(person: web.Browser) -> None:
        look = 0
        while not over.is_set():
            if not looking.wait(0.1):
                continue
            person.comes()
            while looking.is_set() and not over.is_set():
                person.look_ms(web.SCREENS[look % len(web.SCREENS)])
                look += 1
                with looks.get_lock():
                    looks.value += 1

    with ThreadPoolExecutor(len(box.people)) as all_at_once:
        list(all_at_once.map(looks_at_all, box.people))
        ready.set()
        list(all_at_once.map(uses, box.people))
