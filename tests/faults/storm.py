"""Thirty callers at once on a real pair of Asterisks, while everything befalls the exchange.

Callers come one after the other's end: some only listen, some wait and talk, some give up, some
leave a message. Ten people pick up, each one caller at a time. What strikes, and at which point of
a call, is drawn from a seed. Whatever strikes, this holds: the ledger is balanced at every instant;
each call of the telephone company's is in it once, with one outcome; nobody who wants a person is
let go without one; and nobody is offered two callers at a time, nor a caller to two people.
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from itertools import count, pairwise
from pathlib import Path
from typing import Any, assert_never

from sqlalchemy import Connection, text

from firmware import ledger, people, rehearsal, vault
from firmware.asterisk.link import ActionFailed, LinkDown
from firmware.asterisk.publish import Step
from firmware.asterisk.telco import Answers, LiveCall, Ring
from firmware.machine import MachineKey
from firmware.ports import keep_ports
from firmware.store import open_reader
from firmware.watchdog import WATCHDOG_S, Supervisor
from ivr import callback_talk
from ivr.ticket import End
from tests.sites import head
from tests.system import ear, practice
from tests.system.bad_line import BadLine, Wire
from tests.system.faults import BLOCKABLE, CALLER_HZ, Diary, diary
from tests.system.town import Town

PHONES = tuple(str(101 + n) for n in range(10))
SITE = (
    head(PHONES)
    + """
[mailboxes.desk]
members = ["reception"]

[hours.always]
mon = ["00:00-00:00"]
tue = ["00:00-00:00"]
wed = ["00:00-00:00"]
thu = ["00:00-00:00"]
fri = ["00:00-00:00"]
sat = ["00:00-00:00"]
sun = ["00:00-00:00"]

[[dial_rules]]
prefix = "9"
digits = 10
trunk = "telco"
shows = "2025550100"

[queues.desk]
number = "601"
agents = ["101", "102", "103", "104", "105", "106", "107", "108", "109", "110"]
target_s = 20
offer_s = 15
rest_s = 1
announce_s = 10
callbacks = { hours = "always", tries = 10, again_s = 60 }

[flows.main]
start = "menu"
zero = "desk"

[flows.main.nodes.menu]
kind = "menu"
prompts = ["main-menu"]
choices = { 1 = "desk", 2 = "information", 3 = "message", 4 = "callback" }
otherwise = "desk"

[flows.main.nodes.information]
kind = "say"
prompts = ["information"]
next = "goodbye"

[flows.main.nodes.desk]
kind = "queue"
queue = "desk"
patience_s = 600
otherwise = "message"

[flows.main.nodes.callback]
kind = "callback"
queue = "desk"
otherwise = "desk"

[flows.main.nodes.message]
kind = "message"
mailbox = "desk"
prompts = ["leave-a-message"]
longest_s = 10
next = "goodbye"

[flows.main.nodes.goodbye]
kind = "hangup"
prompts = ["goodbye"]

[prompts.en]
main-menu = "Menu."
information = "Menu."
"""
)

# What a caller who would be called back hears until it is agreed, and then at the telephone.
BRIEF = dict.fromkeys(
    (*callback_talk.PROMPTS, *callback_talk.AGENT_PROMPTS, callback_talk.ASK), (1350, 0.3)
)
QUEUE_NUMBER = "601"
ANOTHER_NUMBER = "2025550111"
BOTH_NUMBERS = f'{practice.NUMBER}", "{ANOTHER_NUMBER}'
CALLERS = 30
FIRST_NUMBER, OF_OURS = 2_025_560_000, "202556"
PICKED_UP_AFTER_S = (0.2, 1.5)
AGREES_EVERY_S, AGREES_TIMES = 1.5, 6
FOREVER_S = 3600.0
FAILSAFE_S = 590.0
# Once nobody new comes, no clinic needs so long for anybody, nor a busy machine to start anything.
REACHED_WITHIN_S = 150.0
BACK_WITHIN_S = 60.0
# A phone is told of one caller's end and of the next by two threads of its Asterisk.
AS_ONE_ENDS_S = 1.0
# The ledger's moment is when an exchange that has much to do hears of it.
FELL_IS_TOLD_WITHIN_S = 3.0
LOOKS_EVERY_S = 0.2
WRONG_MOST = 20
# The call has ended, and that is yet to be told; or the telephone company is busy.
TOO_LATE = (ActionFailed, LinkDown)
GOOD = (End.KEPT, End.GOT_THROUGH, "waiting")
PROMISED_IN_VAIN = """SELECT call FROM calls
    WHERE outcome = 'callback' AND call NOT IN (SELECT call FROM tickets)"""
FELL = """SELECT number_hash, min(mono_ms) FROM calls JOIN steps USING (call)
    WHERE step IN ('failsafe', 'audio lost') GROUP BY 1"""
WAY = """SELECT mono_ms, step, detail FROM calls JOIN steps USING (call)
    WHERE number_hash = :who ORDER BY id"""
ENDINGS = "SELECT coalesce(ending, 'waiting'), count(*) FROM tickets GROUP BY 1 ORDER BY 1"


class Wish(StrEnum):
    """What a caller came for."""

    LISTEN = "listens and hangs up"
    BE_TOLD = "is told something and let go"
    TALK = "waits for a person"
    GIVE_UP = "waits, but not for long"
    SPEAK = "leaves a message"
    BE_CALLED = "would be called back"


WISHES = {
    Wish.LISTEN: 2,
    Wish.BE_TOLD: 2,
    Wish.TALK: 8,
    Wish.GIVE_UP: 2,
    Wish.SPEAK: 2,
    Wish.BE_CALLED: 1,
}
KEYS = {Wish.BE_TOLD: "2", Wish.TALK: "1", Wish.GIVE_UP: "1", Wish.SPEAK: "3", Wish.BE_CALLED: "4"}
LET_GO = (Wish.BE_TOLD, Wish.SPEAK, Wish.BE_CALLED)  # by the clinic, with what they came for


class Blow(StrEnum):
    """What strikes."""

    KILLED = "the exchange is killed"
    FROZEN = "the exchange is frozen"
    BLOCKED = "the exchange's loop is blocked"
    HELD_UP = "the exchange's loop is held up"
    AMI_CUT = "AMI is dropped"
    AMI_HALF_OPEN = "AMI is half open"
    AMI_SLOW = "AMI carries one byte a second"
    AMI_REFUSED = "AMI refuses the login"
    ASTERISK_KILLED = "Asterisk is killed"
    UNPLUGGED = "phones are unplugged"
    PASSED_ON = "an attended REFER takes a caller into an engine leg that waits in the queue"


SIGNALS = {
    Blow.KILLED: signal.SIGKILL,
    Blow.FROZEN: signal.SIGSTOP,
    Blow.BLOCKED: signal.SIGUSR1,
    Blow.HELD_UP: signal.SIGUSR2,
}
WIRES = {
    Blow.AMI_CUT: Wire.CUT,
    Blow.AMI_HALF_OPEN: Wire.BLACK_HOLED,
    Blow.AMI_SLOW: Wire.SLOW,
    Blow.AMI_REFUSED: Wire.REFUSED,
}
MILD = (Blow.UNPLUGGED, Blow.PASSED_ON)  # they send nobody to the fail-safe
LASTS_S = 5.0  # a bad line, or a phone without its plug
# Steps of a call, as its ledger names them, after which it strikes; and how long after at most.
RECORDING = "recording"
POINTS = (
    *("arrived", "menu", "digit", "waits", "rings", "accepted", "joined", "message", RECORDING),
    "outcome",
)
CRASHED = "by itself"  # no point of ours
# What the supervisor says of the exchange when it kills it, and when nobody did.
SILENT, ENDED_BY_ITSELF = "gave no sign of life", "ended (status"
BACK_BY_ITSELF_S = 10.0
# A kill in a publish ends both: as it has told a step, or soon after.
WITHIN_STEP_S = 1.0
STEP_COMES_WITHIN_S = 60.0
FAILED_PUBLISH = "a publish has failed"
AFTER_POINT_S = 0.3
AMID_RECORDING_S = 6.0
POINT_COMES_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Aim:
    """Where blows fall: after which steps of a call; and which part of the kills into a publish."""

    points: tuple[str, ...] = POINTS
    publishes: float = 1 / 5


ANYWHERE = Aim()


@dataclass(slots=True)
class Tale:
    """One caller's way."""

    number: str
    wish: Wish
    came_at: float
    call: LiveCall
    reached: asyncio.Future[Ring]  # a person talks
    complaint: str = ""
    is_passed_on: bool = False
    over_at: float = float("inf")

    @property
    def is_over(self) -> bool:
        return self.call.ended.done()

    @property
    def had_its_time(self) -> bool:
        """The fail-safe says goodbye to whom nobody took in ten minutes."""
        return time.monotonic() - self.came_at > FAILSAFE_S


@dataclass(frozen=True, slots=True)
class Struck:
    """One blow, from when to when, in monotonic seconds."""

    blow: Blow
    point: str
    began: float
    ended: float

    def met(self, tale: Tale, by: float = float("inf")) -> bool:
        """Whether it fell into this caller's time, and before that moment."""
        return tale.came_at < self.ended and self.began < min(tale.over_at, by)

    def __str__(self) -> str:
        return f"{self.blow}, {self.point}"


@dataclass(slots=True)
class Storm:
    """What came of it. `wrong` says in plain words what should not have been."""

    seed: int
    tales: list[Tale] = field(default_factory=list)
    struck: list[Struck] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    sums_looked_at: int = 0
    took_s: float = 0.0
    most_at_once: int = 0
    sum: str = ""
    callbacks: str = ""
    messages: str = ""
    fell: str = ""  # to the fail-safe, though nothing had struck

    def told(self) -> str:
        """In a few lines."""
        reached = sum(tale.reached.done() for tale in self.tales)
        blows = ", ".join(
            f"{number} x {blow}"
            for blow in Blow
            if (number := sum(each.blow is blow for each in self.struck))
        )
        crashes, stood_still = (
            sum(each.blow is blow and each.point == CRASHED for each in self.struck)
            for blow in (Blow.ASTERISK_KILLED, Blow.FROZEN)
        )
        return "\n".join(
            [
                f"seed {self.seed}, {self.took_s:.0f} s, {len(self.tales)} callers,"
                f" {self.most_at_once} at once at most, {reached} reached a person",
                f"struck: {blows or 'nothing'}",
                *([f"Asterisk crashed by itself: {crashes} times"] if crashes else []),
                *([f"the exchange stood still by itself: {stood_still} times"] * bool(stood_still)),
                f"ledger, balanced each of {self.sums_looked_at} times: {self.sum}",
                f"call-backs: {self.callbacks or 'none'}",
                f"messages opened: {self.messages}",
                f"killed in a publish: {self._in_publishes() or 'never'}",
                f"to the fail-safe though nothing had struck: {self.fell or 'nobody'}",
                *(f"WRONG: {each}" for each in self.wrong[:WRONG_MOST]),
            ]
        )

    def _in_publishes(self) -> str:
        points = Counter(each.point for each in self.struck if "publish" in each.point)
        return ", ".join(f"{number} x {point}" for point, number in sorted(points.items()))


def build(home: Path) -> Town:
    """The clinic of the storm, without an exchange."""
    return practice.build(home, SITE, {**practice.TONES, **BRIEF})


async def storm(
    here: Town,
    seed: int,
    lasts_s: float,
    blows: list[Blow],
    shown: Callable[[str], None] = lambda line: None,
    aim: Aim = ANYWHERE,
) -> Storm:
    """So long, with these blows at even distances, in an order of chance."""
    async with Weather(here, seed, shown, aim) as weather:
        await weather.pass_over(lasts_s, blows)
    return weather.storm


class Weather:
    """The callers, the people, the exchange and all that strikes it, while its `async with` lasts.
    Its own exchange is started anew at once after each blow that ends it."""

    def __init__(self, here: Town, seed: int, shown: Callable[[str], None], aim: Aim) -> None:
        self.storm = Storm(seed)
        self._aim = aim
        self._here = here
        self._chance = random.Random(seed)
        self._shown = shown
        self._numbers = count(FIRST_NUMBER)
        self._rang = {number: len(here.telco.desks[number].rings) for number in PHONES}
        self._known_before = 0
        self._comes = True
        self._looking = True
        self._never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line = BadLine(here.site.ports.ami)
        self._life = AsyncExitStack()
        self._following = AsyncExitStack()
        self._supervisor: Supervisor | None = None
        self._diary = Diary()
        self._to_be_passed_on: asyncio.Future[None] | None = None
        self._dialled_inside = 0
        self._at_home: list[asyncio.Task[None]] = []
        self._words = ear.write_tone(here.place.home / "caller.wav", CALLER_HZ)
        self._reviving = asyncio.Lock()
        self._silent_since: list[float] = []

    async def __aenter__(self) -> "Weather":
        await self._line.__aenter__()
        keep_ports(self._here.place, replace(self._here.site.ports, ami=self._line.port))
        for desk in PHONES:
            after_s = self._chance.uniform(*PICKED_UP_AFTER_S)
            await self._here.telco.behave(desk, Answers(after_s, one_at_a_time=True))
        await self._live()
        self._known_before = self._sum().offered
        return self

    async def __aexit__(self, *error: object) -> None:
        for at_home in self._at_home:
            at_home.cancel()
        await asyncio.gather(*self._at_home, return_exceptions=True)
        await self._following.aclose()
        await self._life.aclose()
        await self._line.__aexit__(*error)
        keep_ports(self._here.place, self._here.site.ports)
        await self._here.telco.all_over()

    async def pass_over(self, lasts_s: float, blows: list[Blow]) -> None:
        """Callers come all the while; at the end everybody is seen out, and all is added up."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            looking = [tasks.create_task(self._looks_at_sums()), tasks.create_task(self._clerk())]
            callers = [tasks.create_task(self._callers()) for _ in range(CALLERS)]
            reviver = tasks.create_task(self._revives_asterisk())
            order = self._chance.sample(blows, len(blows))
            for done, blow in enumerate(order, 1):
                due = began + lasts_s * done / len(order)
                await self._strike(blow)
                self._shown(f"{done} of {len(order)}: {self.storm.struck[-1].blow}")
                await self._meanwhile(due - time.monotonic())
            await self._meanwhile(began + lasts_s - time.monotonic())
            self._comes = False
            await asyncio.gather(*callers)
            await self._all_written()
            self._looking = False
            reviver.cancel()
            await asyncio.gather(*looking)
        self.storm.took_s = time.monotonic() - began
        self._judge()

    # ---- callers ----

    async def _callers(self) -> None:
        """One after another, until no more come."""
        await self._meanwhile(self._chance.uniform(0, 3))
        while self._comes:
            await self._lives_through(await self._one_more())
            await self._meanwhile(self._chance.uniform(0.1, 0.5))

    async def _one_more(self) -> Tale:
        number = str(next(self._numbers))
        wish = self._chance.choices(list(WISHES), list(WISHES.values()))[0]
        came_at = time.monotonic()
        call = await self._here.telco.call(practice.NUMBER, number=number)
        reached: asyncio.Future[Ring] = asyncio.get_running_loop().create_future()
        tale = Tale(number, wish, came_at, call, reached)
        self.storm.tales.append(tale)
        at_once = sum(not each.is_over for each in self.storm.tales[-2 * CALLERS :])
        self.storm.most_at_once = max(self.storm.most_at_once, at_once)
        return tale

    async def _lives_through(self, tale: Tale) -> None:
        """Until the call is over, or nothing good can be hoped for."""
        await self._until_one(REACHED_WITHIN_S, tale.call.answered, tale.call.ended)
        await self._stays(tale, self._chance.uniform(0.3, 2.0))
        key, is_told = KEYS.get(tale.wish), tale.wish in LET_GO
        if key is not None and not tale.is_over and not tale.reached.done():
            with suppress(*TOO_LATE):
                await tale.call.press(key)
        if tale.wish is Wish.BE_CALLED:
            await self._agrees(tale)
        if tale.wish is Wish.SPEAK and not tale.is_over:
            with suppress(*TOO_LATE):
                await tale.call.speak(self._words)
        if tale.wish in (Wish.LISTEN, Wish.GIVE_UP):
            await self._stays(tale, self._chance.uniform(1.0, 8.0))
        else:
            await self._waits(tale)
        if tale.reached.done() and not tale.is_over:
            if self._to_be_passed_on is not None:
                await self._is_passed_on(tale)
            await self._talks(tale)
        elif not tale.is_over and tale.wish not in (Wish.LISTEN, Wish.GIVE_UP):
            tale.complaint = "nobody came"
        elif tale.is_over and not (is_told or tale.reached.done() or tale.had_its_time):
            tale.complaint = "was let go with nobody reached"
        await self._hangs_up(tale)
        for recording in (tale.call.heard, tale.call.said):  # of somebody's voice, and large
            recording.unlink(missing_ok=True)

    async def _agrees(self, tale: Tale) -> None:
        """That the number read back is right; and picks up whenever it is called."""
        await self._here.telco.behave(tale.number, Answers(PICKED_UP_AFTER_S[1]))
        self._at_home.append(asyncio.create_task(self._is_at_home(tale.number)))
        for _ in range(AGREES_TIMES):
            await self._stays(tale, AGREES_EVERY_S)
            if not tale.is_over and not tale.reached.done():
                with suppress(*TOO_LATE):
                    await tale.call.press("1")

    async def _is_at_home(self, number: str) -> None:
        """Until cancelled: takes each call, presses 1 as asked, talks and hangs up."""
        for nth in count():
            ring = await self._here.telco.next_ring(number, nth, within_s=FOREVER_S)
            ring.ended.add_done_callback(_clears(ring))
            for _ in range(AGREES_TIMES):
                await self._until_one(AGREES_EVERY_S, ring.ended)
                if not ring.ended.done():
                    with suppress(*TOO_LATE):
                        await self._here.telco.press(ring, "1")
            with suppress(*TOO_LATE):
                await self._here.telco.put_down(ring)

    async def _talks(self, tale: Tale) -> None:
        """For a while; then either of them hangs up."""
        ring = tale.reached.result()
        await self._until_one(self._chance.uniform(1.0, 6.0), tale.call.ended, ring.ended)
        if self._chance.random() < 0.3:
            with suppress(*TOO_LATE):
                await self._here.telco.link.send("Hangup", ("Channel", ring.channel))
            await self._until_one(REACHED_WITHIN_S, tale.call.ended)
            if not (tale.is_over or self._talks_again(tale, ring)):
                tale.complaint = "hangs in the air since its person hung up"

    def _talks_again(self, tale: Tale, before: Ring) -> bool:
        """Whoever was joined while something struck may be rung for once more after the talk."""
        return any(
            ring.caller == tale.number and ring.at_s > before.at_s and ring.talked.done()
            for number in PHONES
            for ring in self._here.telco.desks[number].rings[self._rang[number] :]
        )

    async def _hangs_up(self, tale: Tale) -> None:
        """Again and again, should the telephone company be too busy to hear of it."""
        tale.over_at = time.monotonic()
        while not tale.is_over and time.monotonic() < tale.over_at + BACK_WITHIN_S:
            with suppress(*TOO_LATE):
                await self._here.telco.link.send("Hangup", ("Channel", tale.call.id))
            await self._until_one(AGREES_EVERY_S, tale.call.ended)
        if not tale.is_over:
            tale.complaint = "cannot hang up"

    async def _is_passed_on(self, tale: Tale) -> None:
        """Its person calls the queue's number, waits there, and puts the caller in that place."""
        done, self._to_be_passed_on = self._to_be_passed_on, None
        tale.is_passed_on = True
        ring = tale.reached.result()
        asked = await self._here.telco.dial(ring.desk, QUEUE_NUMBER)
        self._dialled_inside += 1
        await self._until_one(REACHED_WITHIN_S, asked.answered, asked.ended)
        await self._meanwhile(1.0)
        tale.reached = asyncio.get_running_loop().create_future()
        await self._here.telco.hand_over(ring, asked)
        await self._until_one(REACHED_WITHIN_S, asked.ended)
        if done is not None:
            done.set_result(None)
        await self._waits(tale)
        if not tale.reached.done():
            tale.complaint = "was passed on, and reached nobody then"
            tale.reached.set_result(ring)

    async def _waits(self, tale: Tale) -> None:
        """As long as there are storm and callers without end: the fail-safe knows no turns. Then
        not much longer."""
        while self._comes and not (tale.is_over or tale.reached.done()):
            await self._stays(tale, LASTS_S)
        await self._stays(tale, REACHED_WITHIN_S)

    async def _stays(self, tale: Tale, seconds: float) -> None:
        """For so long, unless a person is reached or the call ends."""
        await self._until_one(seconds, tale.call.ended, tale.reached)

    async def _clerk(self) -> None:
        """Tells each caller who has reached a person."""
        seen = dict(self._rang)
        while self._looking:
            tales = {tale.number: tale for tale in self.storm.tales}
            for number in PHONES:
                desk = self._here.telco.desks[number]
                # The telephone company may tell of a ring before the caller has heard of the call.
                while (ring := next(iter(desk.rings[seen[number] :]), None)) is not None:
                    if (tale := tales.get(ring.caller)) is not None:
                        ring.talked.add_done_callback(_tells(tale, ring))
                    elif ring.caller.startswith(OF_OURS):
                        break
                    ring.ended.add_done_callback(_clears(ring))
                    seen[number] += 1
            await self._meanwhile(LOOKS_EVERY_S)
        for number in PHONES:
            for ring in self._here.telco.desks[number].rings[seen[number] :]:
                self.storm.wrong.append(f"{number} rang for a stranger, {ring.caller!r}")

    # ---- what strikes ----

    async def _strike(self, blow: Blow) -> None:
        """At a point of some call. It is over when the exchange has caught up with Asterisk."""
        if blow is Blow.KILLED and self._chance.random() < self._aim.publishes:
            await self._kill_in_publish()
            return
        point = self._chance.choice(self._aim.points)
        self._diary.steps.clear()
        try:
            await self._diary.step(point, within_s=POINT_COMES_WITHIN_S)
        except AssertionError:
            point = "wherever they were"  # nobody comes there now
        after_s = AMID_RECORDING_S if point == RECORDING else AFTER_POINT_S
        await self._meanwhile(self._chance.uniform(0.0, after_s))
        began = time.monotonic()
        match blow:
            case Blow.KILLED:
                self._signal(blow)
                await self._live()
            case Blow.FROZEN | Blow.BLOCKED | Blow.HELD_UP:
                await self._outlives(blow)
            case Blow.AMI_CUT | Blow.AMI_HALF_OPEN | Blow.AMI_SLOW | Blow.AMI_REFUSED:
                self._line.become(WIRES[blow])
                await self._meanwhile(LASTS_S)
                before = self._line.times_caught_up
                self._line.become(Wire.GOOD)
                await self._caught_up(before + 1)
            case Blow.ASTERISK_KILLED:
                await self._kill_asterisk()
            case Blow.UNPLUGGED:
                for desk in self._chance.sample(PHONES, 3):
                    await self._here.telco.unplug(desk)
                await self._meanwhile(LASTS_S)
                await self._here.telco.desks_registered()
            case Blow.PASSED_ON:
                done = self._to_be_passed_on = asyncio.get_running_loop().create_future()
                await self._until_one(REACHED_WITHIN_S, done)
            case _:
                assert_never(blow)
        self.storm.struck.append(Struck(blow, point, began, time.monotonic()))

    async def _kill_in_publish(self) -> None:
        """The exchange and the publisher at once, at one of its steps. What is in force then is the
        one site or the other."""
        step = self._chance.choice(list(Step))
        publisher = await self._publisher()
        point = in_publish(step) if await self._comes_to(publisher, step) else FAILED_PUBLISH
        if self._chance.random() < 0.5:
            _go_on(publisher)
            await self._meanwhile(self._chance.uniform(0.0, WITHIN_STEP_S))
        began = time.monotonic()
        with suppress(ProcessLookupError):  # it was done
            publisher.kill()
        self._signal(Blow.KILLED)
        await publisher.wait()
        self._look_at_site(step)
        await self._live()
        self.storm.struck.append(Struck(Blow.KILLED, point, began, time.monotonic()))

    async def _publisher(self) -> asyncio.subprocess.Process:
        """Of the site that is not in force."""
        place = self._here.place
        draft = place.home / "draft.toml"
        draft.write_text(other_site(place.site_file.read_text("utf-8")), "utf-8")
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.faults.publisher", str(place.home), str(draft),
            json.dumps(asdict(self._here.site.ports)),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def _comes_to(self, publisher: asyncio.subprocess.Process, step: Step) -> bool:
        """Until it waits there; false where it fails before, as it may on a busy machine."""
        assert publisher.stdout is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(STEP_COMES_WITHIN_S):
                while told := (await publisher.stdout.readline()).decode().strip():
                    if told == step.name:
                        return True
                    _go_on(publisher)
        return False

    def _look_at_site(self, step: Step) -> None:
        """Of the old or of the new, and all of it."""
        place = self._here.place
        current = (place.asterisk / "current").resolve()
        text = place.site_file.read_text("utf-8")
        is_new, dials_new = (
            ANOTHER_NUMBER in each
            for each in (text, (current / "extensions.conf").read_text("utf-8"))
        )
        is_whole = current.name.isdecimal() and text == (current / "clinic.toml").read_text("utf-8")
        if not is_whole or is_new != dials_new:
            self.storm.wrong.append(f"killed as a publish was {step.name}, the site is a mixture")

    def _signal(self, blow: Blow) -> None:
        assert self._supervisor is not None
        assert self._supervisor.pid is not None
        os.kill(self._supervisor.pid, SIGNALS[blow])

    async def _outlives(self, blow: Blow) -> None:
        """Its supervisor ends it, unless it was only held up."""
        caught_up = self._line.times_caught_up
        self._signal(blow)
        if blow is Blow.HELD_UP:
            await self._meanwhile(LASTS_S)
        else:
            await self._caught_up(caught_up + 1)
            await self._follow()

    async def _kill_asterisk(self) -> None:
        async with self._reviving:
            before = self._line.times_caught_up
            await self._here.clinic.kill()
            await self._revive(before)

    async def _revives_asterisk(self) -> None:
        """As a clinic's supervisor does. Debian's 22.10.1 may crash when one leg of several that a
        Dial rings ends (asterisk/asterisk#1985), which is what the fail-safe does."""
        while True:
            await self._here.clinic.wait()
            began, before = time.monotonic(), self._line.times_caught_up
            async with self._reviving:
                if self._here.clinic.pid is None:
                    await self._revive(before)
                    now = time.monotonic()
                    self.storm.struck.append(Struck(Blow.ASTERISK_KILLED, CRASHED, began, now))

    async def _revive(self, before: int) -> None:
        """Every call is gone with it, and no telephone knows."""
        await self._here.telco.asterisk.rx("channel request hangup all")
        await self._here.clinic.start()
        await self._caught_up(before + 1)
        await self._here.telco.desks_registered()

    async def _live(self) -> None:
        """A new life of the exchange, in place of the last."""
        before = self._line.times_caught_up
        await self._life.aclose()
        self._life = AsyncExitStack()
        self._supervisor = await self._life.enter_async_context(
            self._here.rehearsal.exchange(command=BLOCKABLE, told=self._hears)
        )
        await self._caught_up(before + 1)
        await self._follow()

    def _hears(self, line: str) -> None:
        """What the supervisor says of a life. To one that ended by itself no blow of ours came."""
        now = time.monotonic()
        if SILENT in line:
            self._silent_since.append(now - WATCHDOG_S)
        if ENDED_BY_ITSELF in line:
            self.storm.wrong.append(line)

    def _charge_the_machine(self) -> None:
        """A machine that has too much to do holds up the exchange until its supervisor ends it, as
        it ends one that is frozen."""
        for began in self._silent_since:
            if not any(each.began - 1 < began < each.ended for each in self.storm.struck):
                back = began + WATCHDOG_S + BACK_BY_ITSELF_S
                self.storm.struck.append(Struck(Blow.FROZEN, CRASHED, began, back))

    async def _follow(self) -> None:
        """The steps of this life, as it tells them."""
        await self._following.aclose()
        self._following = AsyncExitStack()
        control = self._here.place.control_socket
        self._diary = await self._following.enter_async_context(diary(control))

    async def _caught_up(self, times: int) -> None:
        await self._line.until(lambda line: line.times_caught_up >= times, BACK_WITHIN_S)

    # ---- what must hold ----

    async def _looks_at_sums(self) -> None:
        while self._looking:
            now = self._sum()
            self.storm.sums_looked_at += 1
            if not now.holds:
                self.storm.wrong.append(f"not balanced: {now}")
            await self._meanwhile(LOOKS_EVERY_S)

    async def _all_written(self) -> None:
        """Each call has its end in the ledger."""
        deadline = time.monotonic() + BACK_WITHIN_S
        while self._sum().in_progress and time.monotonic() < deadline:
            await self._meanwhile(LOOKS_EVERY_S)

    def _judge(self) -> None:
        """All that can be said only afterwards."""
        self._charge_the_machine()
        now = self._sum()
        self.storm.sum = str(now)
        if now.in_progress:
            self.storm.wrong.append(f"nobody calls any more, and it stands {now}")
        for tale in self.storm.tales:
            if tale.complaint and not self._is_cut(tale):
                self.storm.wrong.append(self._complaint(tale))
        came = [tale for tale in self.storm.tales if tale.call.answered.done()]
        spared = sum(not self._is_cut(tale) for tale in came)
        kept = now.offered - self._known_before
        inside = self._dialled_inside  # a call of a person's own, which waited too
        if not spared <= kept - inside <= len(came):
            self.storm.wrong.append(
                f"{len(came)} came, {spared} of them spared, {inside} from inside; kept: {kept}"
            )
        self._judge_offers()
        self._judge_callbacks()
        self._judge_messages()

    def _sum(self) -> ledger.Balance:
        with _reading(self._here) as connection:
            return ledger.balance(connection)

    def _judge_offers(self) -> None:
        """Rings of callers whom nothing had struck yet, and who by the ledger were with us; the
        fail-safe rings whom it can."""
        tales = {tale.number: tale for tale in self.storm.tales}
        fell = self._falls(tales)
        self.storm.fell = ", ".join(
            f"{number} {at - tales[number].came_at:.1f} s after it came"
            for number, at in fell.items()
            if not self._is_struck(tales[number], at)
        )
        offers = [
            ring
            for number in PHONES
            for ring in self._here.telco.desks[number].rings[self._rang[number] :]
            if ring.caller in tales and not self._is_struck(tales[ring.caller], ring.at_s)
            if ring.at_s < fell.get(ring.caller, float("inf")) - FELL_IS_TOLD_WITHIN_S
        ]
        for what, of in (("two callers", _desk), ("two people", _caller)):
            for ring, following in pairwise(sorted(offers, key=lambda each: (of(each), each.at_s))):
                if of(ring) == of(following) and _ended_at(ring) > following.at_s + AS_ONE_ENDS_S:
                    pair = f"{ring.caller} at {ring.desk}, {following.caller} at {following.desk}"
                    ways = (self._of(tales[each.caller], each) for each in (ring, following))
                    self.storm.wrong.append(f"{what} at a time: {pair}; {'; '.join(ways)}")

    def _falls(self, tales: Mapping[str, Tale]) -> dict[str, float]:
        """Who fell to the fail-safe, and when, in monotonic seconds."""
        key = MachineKey.at(self._here.place.machine_key)
        numbers = {key.keyed_hash(number): number for number in tales}
        with _reading(self._here) as connection:
            rows = connection.execute(text(FELL)).all()
        return {numbers[who]: ms / 1000 for who, ms in rows if who in numbers}

    def _judge_callbacks(self) -> None:
        """Whoever was promised one has a ticket, which is kept or waits for its turn."""
        with _reading(self._here) as connection:
            lost = connection.execute(text(PROMISED_IN_VAIN)).scalars().all()
            endings = connection.execute(text(ENDINGS)).all()
        self.storm.callbacks = ", ".join(f"{number} {ending}" for ending, number in endings)
        self.storm.wrong += [f"{call} was promised a call-back, and has no ticket" for call in lost]
        self.storm.wrong += [
            f"{number} call-backs: {ending}" for ending, number in endings if ending not in GOOD
        ]

    def _judge_messages(self) -> None:
        """Each opens for its owner, whatever cut it off, and none lies there that nobody knows."""
        place = self._here.place
        ring = people.sign_in(place.page_db, rehearsal.PERSON, rehearsal.PASSWORD)
        with _reading(self._here) as connection:
            kept = ledger.messages_in(connection, list(ring.mailboxes))
            known = ledger.known_messages(connection)
        opened, cut_off = 0, 0
        for message in kept:
            path = vault.sealed_path(place.messages, message.message)
            try:
                vault.hear(path, *ring.mailboxes[message.mailbox])
            except (vault.VaultError, OSError) as fault:
                self.storm.wrong.append(f"a message of {message.call} does not open: {fault}")
            opened, cut_off = opened + 1, cut_off + message.cut_off
        for path in place.messages.glob("*.*"):
            if path.stem not in known:
                self.storm.wrong.append(f"{path.name} lies there, and no row tells of it")
        self.storm.messages = f"{opened}, of which {cut_off} were cut off"

    def _is_cut(self, tale: Tale) -> bool:
        """No call outlives its Asterisk."""
        return any(
            each.blow is Blow.ASTERISK_KILLED and each.met(tale) for each in self.storm.struck
        )

    def _is_struck(self, tale: Tale, by: float) -> bool:
        return any(each.blow not in MILD and each.met(tale, by) for each in self.storm.struck)

    def _complaint(self, tale: Tale) -> str:
        return (
            f"{tale.number}, who {tale.wish}, {tale.complaint},"
            f" {tale.over_at - tale.came_at:.1f} s after it came; {self._way_of(tale)}"
        )

    def _of(self, tale: Tale, ring: Ring) -> str:
        is_passed_on = ", and is passed on" if tale.is_passed_on else ""
        lasted = f"{ring.at_s - tale.came_at:.1f} to {_ended_at(ring) - tale.came_at:.1f} s"
        return f"{tale.number} rings there at {lasted}{is_passed_on}; {self._way_of(tale)}"

    def _way_of(self, tale: Tale) -> str:
        """What befell a call, and what the telephone company and the ledger have of it, in seconds
        since it came."""
        met = [
            f"{each} from {each.began - tale.came_at:.1f} to {each.ended - tale.came_at:.1f} s"
            for each in self.storm.struck
            if each.met(tale)
        ]
        answered = tale.call.answered
        at = f"{answered.result() - tale.came_at:.1f} s" if answered.done() else "never"
        key = MachineKey.at(self._here.place.machine_key)
        with _reading(self._here) as connection:
            steps = connection.execute(text(WAY), {"who": key.keyed_hash(tale.number)}).all()
        came_ms = tale.came_at * 1000
        told = (f"{(ms - came_ms) / 1000:.1f} {step} {detail}" for ms, step, detail in steps)
        return f"met {met}; answered: {at}; ledger: {'; '.join(told) or 'nothing'}"

    # ---- time ----

    async def _meanwhile(self, seconds: float) -> None:
        await self._until_one(seconds, self._never)

    async def _until_one(self, seconds: float, *what: asyncio.Future[Any]) -> None:
        if seconds > 0:
            await asyncio.wait(what, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)


def in_publish(step: Step) -> str:
    """The point of a kill as a publish has come so far."""
    return f"a publish is {step.name.lower()}"


def other_site(text: str) -> str:
    """The clinic a week later, with one number more; or a week before."""
    old, new = (f'numbers = ["{each}"]' for each in (practice.NUMBER, BOTH_NUMBERS))
    assert (old in text) != (new in text)
    return text.replace(old, new) if old in text else text.replace(new, old)


def _go_on(publisher: asyncio.subprocess.Process) -> None:
    assert publisher.stdin is not None
    if publisher.returncode is None:
        publisher.stdin.write(b"\n")


def _tells(tale: Tale, ring: Ring) -> Callable[[asyncio.Future[float]], None]:
    def tell(_: asyncio.Future[float]) -> None:
        if not tale.reached.done():
            tale.reached.set_result(ring)

    return tell


def _clears(ring: Ring) -> Callable[[asyncio.Future[float]], None]:
    def clear(_: asyncio.Future[float]) -> None:
        ring.heard.unlink(missing_ok=True)
        ring.said.unlink(missing_ok=True)

    return clear


@contextmanager
def _reading(here: Town) -> Iterator[Connection]:
    reader = open_reader(here.place.calls_db)
    try:
        with reader.connect() as connection:
            yield connection
    finally:
        reader.dispose()


def _desk(ring: Ring) -> str:
    return ring.desk


def _caller(ring: Ring) -> str:
    return ring.caller


def _ended_at(ring: Ring) -> float:
    return ring.ended.result() if ring.ended.done() else float("inf")
