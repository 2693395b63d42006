"""Many callers at once: what a call costs our engine, and how even its pace is where it is heard.

Callers of our own speak AudioSocket to the engine, which speaks to each, detects its keys and seals
what it says; and in turn to a server in plain asyncio, which does none of that, and to a bare echo
in C, which does nothing: the floor. A hundred real calls come over two Asterisks, and there the
peer is the clinic's Asterisk itself. CPU is the engine's thread's; sealing is the recorder's and
told apart.
"""

import asyncio
import os
import resource
import select
import subprocess
import tempfile
import threading
import time
from collections import Counter
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import tomlkit

from firmware import rehearsal
from firmware.asterisk.sandbox import AsteriskError
from firmware.asterisk.telco import Codec, LiveCall, Silent
from firmware.bench import callers
from firmware.bench.beside import Aim, Compared, Report, Runs, Shown, fixed_work_ms, in_turn
from firmware.bench.callers import Heard
from firmware.bench.clinic import CLINIC, only_tones
from firmware.keys import KeyPair
from firmware.recorder import Kept, Recorder, Told
from firmware.rehearsal import EXCHANGE
from routing_core.media import RATE_HZ, Chunk, Closed, Closing, KeyFrame, Media, Opened, ToneBegan

ROUNDS = 5
SECONDS = 4
FEW, MANY, REAL = 100, 500, 100
GAP_MS = 25  # p99.9 at the receiver
OF_ASTERISK, OF_ASYNCIO, OF_ECHO = 0.25, 0.1, 1.3

MAILBOX = "bench"
ENDS_WITHIN_S = 60.0
REAL_S = 10.0
AT_ONCE = 10  # real calls that are placed together
SETTLES_S = 2.0
COMES_WITHIN_S = 30.0
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Served:
    """What came of one crowd."""

    calls: int
    heard: Heard
    engine_percent: float  # of a core a call
    sealing_percent: float
    told: Counter[str]
    reasons: set[Closing]
    kept: int
    samples_dropped: int


@dataclass(slots=True)
class _House:
    """An exchange that plays music to whoever comes, and records them."""

    media: Media
    recorder: Recorder[Chunk]
    told: Counter[str] = field(default_factory=Counter)
    reasons: set[Closing] = field(default_factory=set)

    def attend(self, running: subprocess.Popen[str]) -> None:
        """Until the callers' program has ended and each of them has been told of as gone."""
        noise = np.random.default_rng(1).integers(-999, 999, RATE_HZ)
        music = self.media.load(noise.astype(np.int16))
        while running.poll() is None or self.told["Closed"] < self.told["Opened"]:
            self.media.feed()
            select.select([self.media.event_fd], [], [], 0.1)
            for event in self.media.events():
                self.told[type(event).__name__] += 1
                match event:
                    case Opened(call=call, uuid=uuid):
                        self.recorder.expect(uuid, MAILBOX, urgent=False)
                        self.media.music(call, music)
                        self.media.record(call, longest_s=600, quiet_s=SECONDS)
                    case Closed(reason=reason):
                        self.reasons.add(reason)
                    case KeyFrame() | ToneBegan() | _:
                        pass


def serve(program: Path, calls: int, seconds: int, home: Path) -> Served:
    """So many callers for so long, each spoken to, listened to and sealed."""
    _allow_sockets()
    kept: list[str] = []
    all_kept = threading.Event()

    def told(news: Told) -> None:
        if isinstance(news, Kept):
            kept.append(news.label.call)
        if len(kept) == calls:
            all_kept.set()

    media = Media(calls)
    owner = KeyPair(os.urandom(32)).public
    with tempfile.TemporaryDirectory(dir=home) as messages, ExitStack() as stack:
        recorder = Recorder[Chunk](media, Path(messages), lambda _: [owner], told)
        house = _House(media, recorder)
        stack.callback(recorder.close)
        stack.callback(media.stop)
        began, began_here = time.process_time(), time.thread_time()
        media.start()
        command = callers.calling(program, media.port, calls, seconds)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
            house.attend(running)
            assert running.stdout is not None
            heard = callers.heard(running.stdout.read())
        engine_s = media.stats().cpu_ns / 1e9
        all_kept.wait(ENDS_WITHIN_S)
        others_s = time.process_time() - began - (time.thread_time() - began_here) - engine_s
        return Served(
            calls,
            heard,
            100 * engine_s / seconds / calls,
            100 * others_s / seconds / calls,
            house.told,
            house.reasons,
            len(kept),
            media.stats().samples_dropped,
        )


def _allow_sockets() -> None:
    """The callers' program has a socket each, and inherits our limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))


# ---- AudioSocket callers of our own ----


@dataclass(slots=True)
class _Sides:
    """Each returns what a call cost it; what its callers heard is kept beside."""

    callers: Path
    echo: Path
    home: Path
    gaps: dict[str, list[float]] = field(default_factory=dict)
    late: list[float] = field(default_factory=list)
    sealing: list[float] = field(default_factory=list)

    def ours(self, calls: int) -> float:
        served = serve(self.callers, calls, SECONDS, self.home)
        self._note(f"ours {calls}", served.heard)
        if calls == MANY:
            self.sealing.append(served.sealing_percent)
        return served.engine_percent

    def beside(self, name: str, server: list[str], calls: int) -> float:
        cost, heard = callers.cost_of(server, self.callers, calls, SECONDS)
        self._note(f"{name} {calls}", heard)
        return cost

    def _note(self, name: str, heard: Heard) -> None:
        self.gaps.setdefault(name, []).append(heard.p999_ms)
        self.late.append(heard.late_ms)

    def gap(self, name: str) -> Runs:
        """The round that does not count is left out here too."""
        return Runs(tuple(self.gaps[name][1:]))


ASYNCIO, ECHO, ASTERISK = "asyncio", "C echo", "Asterisk"


def measure(rounds: int = ROUNDS, shown: Shown = lambda done, of: None) -> Report:
    """Ours, asyncio and the echo in turn; real calls once, where an Asterisk is to be had."""
    with tempfile.TemporaryDirectory(prefix="careline-bench-") as folder:
        home = Path(folder)
        try:
            sides = _Sides(callers.built("callers", home), callers.built("echo", home), home)
        except callers.PeerMissingError as missing:
            return Report((), Runs((fixed_work_ms(),)), (str(missing),))
        runs, noise = in_turn(
            {
                f"ours {FEW}": lambda: sides.ours(FEW),
                f"{ASYNCIO} {FEW}": lambda: sides.beside(ASYNCIO, callers.asyncio_server(), FEW),
                f"{ECHO} {FEW}": lambda: sides.beside(ECHO, [str(sides.echo)], FEW),
                f"ours {MANY}": lambda: sides.ours(MANY),
                f"{ECHO} {MANY}": lambda: sides.beside(ECHO, [str(sides.echo)], MANY),
            },
            rounds,
            shown,
        )
        notes = [
            "gaps are between the times at which the receiver's kernel took the frames in; the"
            f" callers spoke late themselves by {median(sides.late):.1f} ms (p99.9)",
            f"sealing {MANY} recordings costs {median(sides.sealing):.3f} % of a core a call beside"
            " the engine's, in the recorder's threads",
        ]
        figures = (*_of_few(runs, sides), *_of_many(runs, sides))
        try:
            real, note = _real(home / "clinic")
        except AsteriskError as missing:
            return Report(figures, noise, (*notes, f"no real calls: {missing}"))
        return Report((*figures, *real), noise, (*notes, note))


def _of_few(runs: dict[str, Runs], sides: _Sides) -> tuple[Compared, ...]:
    ours, slow, floor = (runs[f"{side} {FEW}"] for side in ("ours", ASYNCIO, ECHO))
    aims = {ASYNCIO: OF_ASYNCIO * slow.median, ECHO: OF_ECHO * floor.median}
    kindest = max(aims, key=lambda peer: aims[peer])
    factor = {ASYNCIO: OF_ASYNCIO, ECHO: OF_ECHO}[kindest]
    return (
        Compared(
            f"CPU a call, {FEW} at once",
            "% of a core",
            ours,
            {ASYNCIO: slow, ECHO: floor},
            Aim(factor, kindest),
        ),
        Compared(
            f"frame gap at the receiver, p99.9, {FEW} at once",
            "ms",
            sides.gap(f"ours {FEW}"),
            {name: sides.gap(f"{name} {FEW}") for name in (ASYNCIO, ECHO)},
            Aim(GAP_MS),
        ),
    )


def _of_many(runs: dict[str, Runs], sides: _Sides) -> tuple[Compared, ...]:
    return (
        Compared(
            f"CPU a call, {MANY} at once, sealed",
            "% of a core",
            runs[f"ours {MANY}"],
            {ECHO: runs[f"{ECHO} {MANY}"]},
            Aim(OF_ECHO, ECHO),
        ),
        Compared(
            f"frame gap at the receiver, p99.9, {MANY} at once",
            "ms",
            sides.gap(f"ours {MANY}"),
            {ECHO: sides.gap(f"{ECHO} {MANY}")},
            Aim(GAP_MS),
        ),
    )


# ---- real calls ----


@dataclass(frozen=True, slots=True)
class Real:
    """A hundred callers on the line, each in percent of a core a call."""

    engine_percent: float
    asterisk_percent: float
    heard: Heard


def _real(home: Path) -> tuple[tuple[Compared, ...], str]:
    home.mkdir()
    real = asyncio.run(real_calls(home, REAL, REAL_S))
    asterisk = Runs((real.asterisk_percent,))
    return (
        Compared(
            f"CPU a call, {REAL} real calls",
            "% of a core",
            Runs((real.engine_percent,)),
            {ASTERISK: asterisk},
            Aim(OF_ASTERISK, ASTERISK),
        ),
        Compared(
            f"frame gap at the telephone company, p99.9, {REAL} real calls",
            "ms",
            Runs((real.heard.p999_ms,)),
            {},
            Aim(GAP_MS),
        ),
    ), (
        f"real calls are µ-law by SIP and RTP, once for {REAL_S:g} s; their callers wait with"
        f" music, and spoke late themselves by {real.heard.late_ms:.1f} ms (p99.9)"
    )


async def real_calls(home: Path, calls: int, seconds: float) -> Real:
    """So many callers wait in a queue of the real exchange and hear its music."""
    clinic = rehearsal.build(home, site_text=_everybody_waits())
    only_tones(clinic.place)
    listeners = callers.built("listeners", home)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(clinic.stop)
        await clinic.start()
        await clinic.telco.behave(DESK, Silent())
        command = (*EXCHANGE, "--calls", str(2 * calls))
        exchange = await stack.enter_async_context(clinic.exchange(command=command))
        assert exchange.pid is not None
        assert clinic.asterisk.pid is not None
        ends = await asyncio.create_subprocess_exec(
            listeners, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        stack.callback(_kill, ends)
        assert ends.stdin is not None
        assert ends.stdout is not None
        port = int(await ends.stdout.readline())
        for _ in range(0, calls, AT_ONCE):
            await asyncio.gather(*(_comes(clinic, port) for _ in range(AT_ONCE)))
        await asyncio.sleep(SETTLES_S)
        ends.stdin.write(b"\n")
        engine, asterisk = _engine_s(exchange.pid), _process_s(clinic.asterisk.pid)
        await asyncio.sleep(seconds)
        engine, asterisk = (
            _engine_s(exchange.pid) - engine,
            _process_s(clinic.asterisk.pid) - asterisk,
        )
        ends.stdin.close()
        heard = callers.heard((await ends.stdout.readline()).decode())
        await clinic.telco.all_over()
        return Real(100 * engine / seconds / calls, 100 * asterisk / seconds / calls, heard)


async def _comes(clinic: rehearsal.Rehearsal, port: int) -> LiveCall:
    call = await clinic.telco.call(CLINIC, codec=Codec.ULAW, streams=port)
    async with asyncio.timeout(COMES_WITHIN_S):
        await call.answered
    return call


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()


def _engine_s(pid: int) -> float:
    """CPU so far of the exchange's thread that the engine is."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "media":
            return int((task / "schedstat").read_text().split()[0]) / 1e9
    raise ProcessLookupError(f"process {pid} has no thread of the media engine")


def _process_s(pid: int) -> float:
    """CPU so far of all threads of a process; ended ones included."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS_A_SECOND


DESK = "101"


def _everybody_waits() -> str:
    """One queue, whose only agent never picks up."""
    document: Any = tomlkit.parse(rehearsal.always_open(rehearsal.TEMPLATE.read_text("utf-8")))
    document["queues"] = {
        "wait": {"agents": [DESK], "offer_s": 30, "rest_s": 60, "announce_s": 600}
    }
    document["flows"] = {
        "main": {
            "start": "wait",
            "zero": "wait",
            "nodes": {
                "wait": {
                    "kind": "queue",
                    "queue": "wait",
                    "patience_s": 3600,
                    "otherwise": "wait",
                }
            },
        }
    }
    return tomlkit.dumps(document)
