"""The page with 100,000 calls stored, as browsers meet it: five people who ask for one screen after
the other and three boards that watch, all at once; beside a box on its first day.

Exchange and page are services of their own, with TLS, doors and all, on the disk that holds
temporary files. Nobody stops to read: each person asks again as soon as they have what they asked
for. No Asterisk runs, so no call comes meanwhile, and a board has something new every few seconds.
"""

import asyncio
import http.client
import random
import sqlite3
import ssl
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from firmware import people, rollups, settings
from firmware.asterisk.config import Ports
from firmware.bench.beside import Aim, Compared, Report, Runs, Shown, Side, in_turn
from firmware.keys import KeyPair
from firmware.machine import MachineKey
from firmware.operations import Role
from firmware.passwords import Cost
from firmware.place import Place
from firmware.ports import free_ports, keep_ports, rtp_range
from firmware.rehearsal import EXCHANGE, TEMPLATE, serving
from firmware.store import Store, open_reader
from firmware.web.addresses import names_of_box
from firmware.web.authority import authority_of

CALLS = 100_000
CALLS_A_DAY = 400
MESSAGE_EVERY = 12  # calls
PEOPLE, BOARDS = 5, 3
STEPS_AT_ONCE = 60_000
LOOKS = 30  # of each person, a round
SEARCH = "/calls by the last digits of a number"  # typed into the form
ALL_YEARS = "span=any&first=2000-01-01&last=2099-12-31"
SCREENS = (
    "/today",
    "/calls",
    SEARCH,
    "/calls?phone=101",
    "/calls?outcome=message",
    "/calls?counts=lost",  # behind a figure of all years
    "/messages",
    "/messages?page=3",
    "/figures?span=month",
    f"/figures?{ALL_YEARS}",
)
LIVE = "/today/live"
MOST_MS = 150
ROUNDS = 5
HERE = "127.0.0.1"
WITHIN_S = 120.0
# Nobody's password: the box ends with the bench.
PASSWORD, CHEAP = "only for this bench", Cost(passes=1, memory_kib=64, lanes=1)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
WEB = (sys.executable, "-m", "firmware.cli", "web")
PEER = "on its first day"
STEPS = ("offered", "menu", "queued", "rings", "accepted", "outcome")
PHONES = ("101", "102", "103")
OUTCOMES = ("answered",) * 7 + ("message", "abandoned", "callback")


@dataclass(slots=True)
class Browser:
    """One person's, at an address of its own: each has the pace that the door allows."""

    port: int
    trusting: ssl.SSLContext
    number: int
    _session: str = field(default="", repr=False)
    _token: str = field(default="", repr=False)  # of its forms
    _connection: http.client.HTTPSConnection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPSConnection(
            HERE, self.port, timeout=WITHIN_S, context=self.trusting,
            source_address=(f"127.0.1.{self.number}", 0),
        )  # fmt: skip

    def sign_in(self) -> None:
        """As everybody does."""
        typed = urlencode({"person": named(self.number), "password": PASSWORD})
        answer = self._asks("POST", "/sign-in", typed, FORM)
        answer.read()
        cookie = answer.headers["Set-Cookie"] or ""
        if answer.headers["Location"] != "/today":
            raise RuntimeError(f"nobody is let in: the page answered {answer.status}")
        self._session = cookie.partition(";")[0]
        shown = self._asks("GET", "/today").read().decode()
        self._token = shown.partition('data-token="')[2].partition('"')[0]

    def comes(self) -> None:
        """By a new connection: the last, on which nothing was asked for long, has been closed."""
        self._connection.close()

    def look_ms(self, path: str) -> float:
        """A screen, to its last byte."""
        began = time.perf_counter()
        answer = self._searches() if path == SEARCH else self._asks("GET", path)
        answer.read()
        took = (time.perf_counter() - began) * 1000
        if answer.status != 200:
            raise RuntimeError(f"{path} answered {answer.status} instead of a screen")
        return took

    def _searches(self) -> http.client.HTTPResponse:
        typed = urlencode({"token": self._token, "number": f"{self.number * 1234:04}"})
        return self._asks("POST", "/calls", typed, FORM)

    def watch(self) -> Iterator[bytes]:
        """A board: what it is told, until the box ends."""
        answer = self._asks("GET", LIVE)
        if answer.status != 200:
            raise RuntimeError(f"{LIVE} answered {answer.status} instead of events")
        with suppress(OSError, http.client.HTTPException):
            while line := answer.readline():
                yield line

    def _asks(
        self, method: str, path: str, body: str = "", head: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        ours = {
            "Origin": f"https://{HERE}:{self.port}", "Sec-Fetch-Site": "same-origin",
            "Accept": "text/html", "Cookie": self._session,
        }  # fmt: skip
        self._connection.request(method, path, body or None, ours | (head or {}))
        return self._connection.getresponse()


@dataclass(slots=True)
class Box:
    """A box with its people at their screens."""

    people: list[Browser]
    told: int = 0  # to its boards

    def p95_ms(self) -> float:
        """Of everybody's screens together."""
        with ThreadPoolExecutor(len(self.people)) as all_at_once:
            took = [each for part in all_at_once.map(_looks, self.people) for each in part]
        return sorted(took)[-(-95 * len(took) // 100) - 1]

    def watched_by(self, board: Browser) -> None:
        board.sign_in()
        Thread(target=self._count, args=(board,), daemon=True).start()

    def _count(self, board: Browser) -> None:
        for line in board.watch():
            self.told += line.startswith(b"data:")


def _looks(person: Browser) -> list[float]:
    person.comes()
    return [person.look_ms(SCREENS[look % len(SCREENS)]) for look in range(LOOKS)]


def measure(
    rounds: int = ROUNDS, shown: Shown = lambda done, of: None, calls: int = CALLS
) -> Report:
    """Two boxes, whose people take turns; it takes some minutes to fill the one."""
    return asyncio.run(_measured(rounds, shown, calls))


async def _measured(rounds: int, shown: Shown, calls: int) -> Report:
    async with AsyncExitStack() as both:
        home = Path(both.enter_context(tempfile.TemporaryDirectory(prefix="careline-")))
        full = await both.enter_async_context(_up(home / "full", calls))
        empty = await both.enter_async_context(_up(home / "empty", 0))
        sides: dict[str, Side] = {"full": full.p95_ms, "empty": empty.p95_ms}
        runs, noise = await asyncio.to_thread(in_turn, sides, rounds, shown)
    return Report(_figures(runs, calls), noise, _notes(full))


def _figures(runs: dict[str, Runs], calls: int) -> tuple[Compared, ...]:
    what = f"a screen with {calls:,} calls stored, 95th percentile"
    beside = {PEER: runs["empty"]}
    return (Compared(what, "ms", runs["full"], beside, Aim(MOST_MS)),)


def _notes(full: Box) -> tuple[str, ...]:
    return (
        f"{PEOPLE} people, {BOARDS} boards; {LOOKS} looks of each person a round, at"
        f" {', '.join(SCREENS)}",
        f"the boards were told {full.told} times meanwhile",
    )


@asynccontextmanager
async def _up(home: Path, calls: int) -> AsyncIterator[Box]:
    """A box of its own: exchange and page up, everybody signed in."""
    place = Place(home)
    async with AsyncExitStack() as services:
        kept = services.enter_context(ExitStack())
        sip, ami, engine, https, http_ = free_ports(kept, 5)
        place.run.mkdir(parents=True)
        place.site_file.write_text(TEMPLATE.read_text("utf-8"), "utf-8")
        keep_ports(place, Ports(sip, ami, engine, *rtp_range(kept)))
        await asyncio.to_thread(_people, place)
        await asyncio.to_thread(fill, place, calls)
        await services.enter_async_context(serving(place, "exchange", EXCHANGE, _quiet))
        command = (*WEB, "--https-port", str(https), "--http-port", str(http_))
        await services.enter_async_context(serving(place, "web", command, _quiet))
        yield await asyncio.to_thread(_settled, place, https)


def _settled(place: Place, https: int) -> Box:
    vouching = authority_of(place, names_of_box()).pem.decode()
    trusting = ssl.create_default_context(cadata=vouching)
    browsers = [Browser(https, trusting, number + 1) for number in range(PEOPLE + BOARDS)]
    box = Box(browsers[:PEOPLE])
    for person in box.people:
        person.sign_in()
    for board in browsers[PEOPLE:]:
        box.watched_by(board)
    return box


def _quiet(_line: str) -> None:
    """The services' own words are of no interest here."""


def named(number: int) -> str:
    """A name."""
    return f"person {number}"


def _people(place: Place) -> None:
    now, books = datetime.now(UTC), place.page_db
    people.set_up(books, KeyPair.fresh().public, named(1), PASSWORD, ["front-desk"], CHEAP)
    for number in range(2, PEOPLE + BOARDS + 1):
        code = people.invite(books, named(number), Role.FRONT_DESK, now)
        people.accept(books, named(number), code, PASSWORD, now, CHEAP)


# ---- the calls of the past ----


def fill(place: Place, calls: int) -> None:
    """As the exchange would have written them, without a promise for each."""
    Store(place.calls_db, "calls").close()
    key, drawn = MachineKey.at(place.machine_key), random.Random(1)  # noqa: S311 - no secret
    now = datetime.now(UTC)
    with closing(sqlite3.connect(place.calls_db, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous=OFF")
        database.execute("BEGIN")
        for number in range(calls):
            back = timedelta(days=1) * (calls - number) / CALLS_A_DAY
            _add(
                database, key, str(UUID(int=drawn.getrandbits(128), version=4)), number, now - back
            )
        database.execute("COMMIT")
    _keep(place)


def _keep(place: Place) -> None:
    """The figures of it, as the exchange keeps them from time to time."""
    zone = ZoneInfo(settings.read(place.site_file.read_text("utf-8")).timezone)
    store, reader = Store(place.calls_db, "calls"), open_reader(place.calls_db)
    try:
        while True:
            with reader.connect() as connection:
                rolled = rollups.roll(connection, zone, STEPS_AT_ONCE)
            if rolled is None:
                return
            store.submit(partial(rollups.keep, rolled=rolled)).result(WITHIN_S)
    finally:
        reader.dispose()
        store.close()


def _add(
    database: sqlite3.Connection, key: MachineKey, call: str, number: int, at: datetime
) -> None:
    def after(seconds: int) -> str:
        return (at + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")

    caller = f"+1555{number * 7919 % 10_000_000:07}"
    outcome = OUTCOMES[number % len(OUTCOMES)]
    sealed = key.seal(caller, f"calls.number {call}"), key.seal("", f"calls.name {call}")
    database.execute(
        "INSERT INTO calls VALUES (?, 'main', '100', ?, ?, ?, ?, ?, ?)",
        (call, after(0), after(180), outcome, *sealed, key.keyed_hash(caller)),
    )
    database.executemany(
        "INSERT INTO steps (call, at, mono_ms, step, detail) VALUES (?, ?, ?, ?, ?)",
        [
            (call, after(30 * turn), 30_000 * turn, step, PHONES[number % len(PHONES)])
            for turn, step in enumerate(STEPS)
        ],
    )
    if number % MESSAGE_EVERY == 0:
        database.execute(
            "INSERT INTO messages VALUES (?, ?, 'front-desk', ?, 20, ?, 0, NULL)",
            (call, call, after(60), number % 7 == 0),
        )
        heard = after(3600) if number % (20 * MESSAGE_EVERY) else None
        database.execute(
            "INSERT INTO in_mailboxes (message, mailbox, heard) VALUES (?, 'front-desk', ?)",
            (call, heard),
        )
