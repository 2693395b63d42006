"""How long a caller waits for us, beside a plain dialplan that does the same on the same Asterisk.

Both speak a prompt, take a key, speak a second prompt and ring a desk phone, which is picked up at
once. Calls go to the one and to the other in turn. All is timed where the telephone company
receives it; nothing is asked of the exchange. Two ways of sending the key: as RFC 4733 events,
beside the dialplan's `Read`, and as the tones themselves. Last, a phone that becomes free while a
caller waits in a queue: until the next caller's INVITE is there, beside Asterisk's own `Queue`.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import tomlkit

from firmware import rehearsal
from firmware.asterisk.telco import Codec, Keys, LiveCall, Streams, stream_of
from firmware.bench import freed, sound
from firmware.bench.clinic import CLINIC, ONE, TWO, only_tones
from firmware.bench.ears import Ears, Line
from firmware.bench.figures import Figure, at_most, at_most_beyond, spread
from firmware.place import Place
from firmware.rehearsal import Rehearsal

PLAIN = "2025550111"
OUR_DESK, PLAIN_DESK = "101", "102"
KEY = "1"
KEY_MS = 100
# The key comes at no fixed place between two ticks of anybody's clock.
LISTENS_S = (0.10, 0.14)
TALKS_S = 0.05
# Targets: from the call to our voice; and one tick of the engine with 2 ms to decide.
FIRST_MS, BEYOND_MS = 150, 22

# `Read` waits for the key's end; all else happens as soon as Asterisk can.
PLAIN_DIALPLAN = f"""
[from-telco](+)
exten => {PLAIN},1,Answer(,i)
 same => n,Read(KEY,/prompts/en/{ONE},1,,1,5)
 same => n,Playback(/prompts/en/{TWO})
 same => n,Dial(PJSIP/{PLAIN_DESK},20)
 same => n,Hangup()
"""


class Way(Enum):
    """Who answers, and how the caller's telephone sends its key."""

    PLAIN = "plain dialplan"
    OURS = "CareLine"
    TONES = "CareLine, key in the audio"


OURS_PLAIN_TONES = (Way.OURS, Way.PLAIN, Way.TONES)


@dataclass(frozen=True, slots=True)
class Timed:
    """One call, in seconds. `pressed` is from the key's begin, `released` from its end."""

    way: Way
    first: float
    pressed: float
    released: float
    joined: float


@dataclass(frozen=True, slots=True)
class Measured:
    """All of it; how soon a free phone was rung, by each side, is in seconds too."""

    timed: list[Timed]
    freed: list[float]
    freed_by_app_queue: list[float]


Shown = Callable[[int, int], None]  # calls done, calls in all


def measure(calls: int, shown: Shown = lambda done, of: None) -> Measured:
    """So many calls of each way, after one of each that is not counted."""
    with tempfile.TemporaryDirectory(prefix="careline-bench-") as home:
        return asyncio.run(_measure(Path(home), calls, shown))


def figures(measured: Measured) -> list[Figure]:
    """What the callers and the desks noticed."""
    timed = measured.timed
    ours, plain, tones = ([each for each in timed if each.way is way] for way in OURS_PLAIN_TONES)
    first = spread(each.first for each in ours)
    pressed = spread(each.pressed for each in ours)
    known_to_plain = spread(each.released for each in plain)
    return [
        Figure(
            "call to first prompt",
            first,
            spread(each.first for each in plain),
            at_most(FIRST_MS, first),
        ),
        Figure(
            f"key of {KEY_MS} ms, its begin to next prompt",
            pressed,
            spread(each.pressed for each in plain),
        ),
        Figure(
            "the same, the peer's from the key's end, when it acts",
            pressed,
            known_to_plain,
            at_most_beyond(BEYOND_MS, pressed, known_to_plain),
        ),
        Figure("key as tones in the audio to next prompt", spread(each.pressed for each in tones)),
        Figure(
            "desk picks up to both hear each other",
            spread(each.joined for each in ours),
            spread(each.joined for each in plain),
        ),
        Figure(
            "agent free to INVITE at the phone (the peer: app_queue)",
            spread(measured.freed),
            spread(measured.freed_by_app_queue),
            at_most(freed.RUNG_MS, spread(measured.freed)),
        ),
    ]


async def _measure(home: Path, calls: int, shown: Shown) -> Measured:
    clinic = rehearsal.build(home, site_text=site())
    only_tones(clinic.place)
    add_plain_dialplan(clinic.place)
    ear = freed.add_app_queue(clinic.place)
    timed: list[Timed] = []
    async with AsyncExitStack() as stack:
        callers = await stack.enter_async_context(Ears())
        desks = await stack.enter_async_context(Ears(sound.always(sound.DESK_HZ)))
        stack.push_async_callback(clinic.stop)
        await clinic.start()
        await stack.enter_async_context(clinic.exchange())
        for desk in (OUR_DESK, PLAIN_DESK):
            await clinic.telco.behave(desk, Streams(desks.port))
        turns = [way for _ in range(1 + calls) for way in Way]
        in_all = len(turns) + len(freed.Side) * calls
        for done, way in enumerate(turns, 1):
            timed.append(await one_call(clinic, callers, desks, way))
            shown(done, in_all)
        ours = await freed.seconds(clinic, ear, freed.Side.OURS, calls)
        shown(in_all - calls, in_all)
        peers = await freed.seconds(clinic, ear, freed.Side.APP_QUEUE, calls)
        shown(in_all, in_all)
    return Measured(timed[len(Way) :], ours, peers)


async def one_call(clinic: Rehearsal, callers: Ears, desks: Ears, way: Way) -> Timed:
    """Dial, hear, press, hear, be answered, hang up."""
    desk = stream_of(PLAIN_DESK if way is Way.PLAIN else OUR_DESK)
    desks.forget(desk)
    dialled = time.monotonic()
    call = await clinic.telco.call(
        PLAIN if way is Way.PLAIN else CLINIC,
        codec=Codec.ULAW,
        keys=Keys.INBAND if way is Way.TONES else Keys.RFC4733,
        streams=callers.port,
    )
    caller = await callers.line(call.id)
    first = await caller.hears(sound.ONE_HZ)
    await asyncio.sleep(random.uniform(*LISTENS_S))  # noqa: S311 - no secret
    second = asyncio.ensure_future(caller.hears(sound.TWO_HZ))
    pressed, released = await press(call, caller, way)
    second_at = await second
    caller.keep_saying(sound.always(sound.CALLER_HZ))
    hears_desk = asyncio.ensure_future(caller.hears(sound.DESK_HZ))
    answered = await desks.line(desk)
    joined = max(await asyncio.gather(hears_desk, answered.hears(sound.CALLER_HZ)))
    timed = Timed(
        way,
        first=first - dialled,
        pressed=second_at - pressed,
        released=second_at - released,
        joined=joined - answered.opened_at,
    )
    await asyncio.sleep(TALKS_S)
    await call.hang_up()
    async with asyncio.timeout(5):
        await answered.ended
    return timed


async def press(call: LiveCall, caller: Line, way: Way) -> tuple[float, float]:
    """The key's begin and end."""
    if way is Way.TONES:
        began, last = await caller.say(sound.frames(sound.key(KEY, KEY_MS / 1000)))
        return began, last + sound.FRAME_S
    began = time.monotonic()
    await call.key(KEY, KEY_MS)
    return began, time.monotonic()


# ---- the clinic of the bench ----


def site() -> str:
    """The template's clinic, with a flow that is soon through."""
    document: Any = tomlkit.parse(rehearsal.always_open(rehearsal.TEMPLATE.read_text("utf-8")))
    document["lines"]["bench"] = freed.LINE
    document["queues"] = {
        "front-desk": {"agents": [OUR_DESK], "offer_s": 15, "rest_s": 1, "announce_s": 30},
        "bench": freed.QUEUE,
    }
    document["flows"] = {
        "bench": freed.FLOW,
        "main": {
            "start": "menu",
            "zero": "desk",
            "nodes": {
                "menu": {
                    "kind": "menu",
                    "prompts": [ONE],
                    "choices": {KEY: "second"},
                    "timeout_s": 5,
                    "tries": 2,
                    "otherwise": "desk",
                },
                "second": {"kind": "say", "prompts": [TWO], "next": "desk"},
                "desk": {
                    "kind": "queue",
                    "queue": "front-desk",
                    "patience_s": 60,
                    "otherwise": "end",
                },
                "end": {"kind": "hangup", "prompts": [TWO]},
            },
        },
    }
    return tomlkit.dumps(document)


def add_plain_dialplan(place: Place) -> None:
    """The peer: a number of the same trunk that a dialplan alone answers."""
    configuration = place.asterisk / "current"
    for name, more in (
        ("extensions.conf", PLAIN_DIALPLAN),
        ("modules.conf", "load=app_read\n"),
    ):
        with (configuration / name).open("a", encoding="utf-8") as file:
            file.write(more)
