"""Thirty callers at once: ten talk, ten wait in a queue, and ten in the menu press key after key.

The keys come as tones in the audio, for those our own detector must hear; each must have reached
its node, which the ledger says. The callers in the menu come all ten in the same moment.
"""

import asyncio
import random
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from firmware import rehearsal, topics
from firmware.asterisk.telco import Codec, Keys, LiveCall, Silent, Streams, stream_of
from firmware.bench import sound
from firmware.bench.clinic import CLINIC, ONE, only_tones
from firmware.bench.ears import Ears, Line
from firmware.bench.figures import Spread, spread
from firmware.control import follow_async
from firmware.rehearsal import Rehearsal

EACH = 10
TALKING = tuple(str(201 + n) for n in range(EACH))
NOBODY = "211"
TALK_KEY, WAIT_KEY, MENU_KEYS = "1", "2", "3456789"
KEY_S, PAUSE_S = 0.06, 0.06
FIRST_MS = 500
LEDGER_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What came of it; a caller one of whose keys is missing or out of order counts with all."""

    first: Spread
    pressed: int
    lost: int
    talks_heard: int
    music_heard: int


Shown = Callable[[int, int], None]  # rounds done, rounds in all


def measure(rounds: int, keys: int, shown: Shown = lambda done, of: None) -> Crowd:
    """Ten callers press so many keys each, and others come after them, so many times."""
    with tempfile.TemporaryDirectory(prefix="careline-bench-") as home:
        return asyncio.run(_measure(Path(home), rounds, keys, shown))


class Digits:
    """The keys of each call as the ledger has them."""

    def __init__(self) -> None:
        self.of: dict[str, list[str]] = defaultdict(list)
        self._news = asyncio.Condition()

    async def listen(self, clinic: Rehearsal) -> None:
        """Until cancelled."""
        async for step in follow_async(
            clinic.place.control_socket, topics.WATCH, topics.WatchRequest()
        ):
            if step.step == "digit":
                async with self._news:
                    self.of[step.call].append(step.detail)
                    self._news.notify_all()

    async def all_here(self, count: int) -> None:
        """Until so many are there, or no more can be hoped for."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LEDGER_WITHIN_S), self._news:
                await self._news.wait_for(lambda: sum(map(len, self.of.values())) >= count)


async def _measure(home: Path, rounds: int, keys: int, shown: Shown) -> Crowd:
    clinic = rehearsal.build(home, site_text=site())
    only_tones(clinic.place)
    async with AsyncExitStack() as stack:
        callers = await stack.enter_async_context(Ears(sound.always(sound.CALLER_HZ)))
        desks = await stack.enter_async_context(Ears(sound.always(sound.DESK_HZ)))
        stack.push_async_callback(clinic.stop)
        await clinic.start()
        await stack.enter_async_context(clinic.exchange())
        for desk in TALKING:
            await clinic.telco.behave(desk, Streams(desks.port))
        await clinic.telco.behave(NOBODY, Silent())
        digits = Digits()
        listening = asyncio.create_task(digits.listen(clinic))
        stack.callback(listening.cancel)
        talking = [(await chooses(clinic, callers, TALK_KEY))[1] for _ in range(EACH)]
        await asyncio.gather(*(desks.line(stream_of(desk)) for desk in TALKING))
        waiting = [(await chooses(clinic, callers, WAIT_KEY))[1] for _ in range(EACH)]
        firsts: list[float] = []
        sent: list[str] = [TALK_KEY] * EACH + [WAIT_KEY] * EACH
        for done in range(1, rounds + 1):
            texts = ["".join(random.choices(MENU_KEYS, k=keys)) for _ in range(EACH)]  # noqa: S311
            firsts += await asyncio.gather(*(presses(clinic, callers, text) for text in texts))
            sent += texts
            shown(done, rounds)
        await digits.all_here(sum(map(len, sent)))
        return Crowd(
            first=spread(firsts),
            pressed=sum(map(len, sent)),
            lost=lost(sent, ["".join(each) for each in digits.of.values()]),
            talks_heard=await still_hear(talking, sound.DESK_HZ),
            music_heard=await still_hear(waiting, sound.OTHER_HZ),
        )


async def dials(clinic: Rehearsal, callers: Ears) -> tuple[LiveCall, Line, float]:
    """The call, its audio, and how long the first prompt took."""
    dialled = time.monotonic()
    call = await clinic.telco.call(CLINIC, codec=Codec.ULAW, keys=Keys.INBAND, streams=callers.port)
    line = await callers.line(call.id)
    return call, line, await line.hears(sound.ONE_HZ) - dialled


async def chooses(clinic: Rehearsal, callers: Ears, key: str) -> tuple[LiveCall, Line]:
    """One who presses a single key and stays."""
    call, line, _ = await dials(clinic, callers)
    await line.say(key_frames(key))
    return call, line


async def presses(clinic: Rehearsal, callers: Ears, text: str) -> float:
    """One who comes, presses all these keys and hangs up."""
    call, line, first = await dials(clinic, callers)
    await line.say([frame for key in text for frame in key_frames(key)])
    await call.hang_up()
    return first


def key_frames(key: str) -> list[bytes]:
    """A key and the pause after it."""
    pause = [sound.SILENCE] * round(PAUSE_S / sound.FRAME_S)
    return [*sound.frames(sound.key(key, KEY_S)), *pause]


async def still_hear(lines: list[Line], hz: float) -> int:
    """How many of them hear this tone now."""
    heard = await asyncio.gather(
        *(line.hears(hz, within_s=1.0) for line in lines), return_exceptions=True
    )
    return sum(not isinstance(each, BaseException) for each in heard)


def lost(sent: list[str], arrived: list[str]) -> int:
    """Keys of callers whose keys did not arrive as they were sent; which call is whose, the ledger
    does not say, so each caller's keys must be found whole."""
    missing = Counter(sent) - Counter(arrived)
    return sum(len(text) * count for text, count in missing.items())


def site() -> str:
    """A menu that any key brings back, a queue with a desk for each caller, and one with none."""
    document: Any = tomlkit.parse(rehearsal.always_open(rehearsal.TEMPLATE.read_text("utf-8")))
    for number in (*TALKING, NOBODY):
        document["phones"][number] = {
            "name": f"Desk {number}",
            "location": f"Room {number}",
            "callback": CLINIC,
        }
    times = {"offer_s": 30, "rest_s": 1, "announce_s": 60}
    document["queues"] = {
        "talk": {"agents": list(TALKING), **times},
        "wait": {"agents": [NOBODY], **times},
    }
    waits = {"kind": "queue", "patience_s": 3600, "otherwise": "menu"}
    document["flows"] = {
        "main": {
            "start": "menu",
            "zero": "talk",
            "nodes": {
                "menu": {
                    "kind": "menu",
                    "prompts": [ONE],
                    "choices": dict.fromkeys(MENU_KEYS, "menu")
                    | {TALK_KEY: "talk", WAIT_KEY: "wait"},
                    "timeout_s": 5,
                    "tries": 2,
                    "otherwise": "menu",
                },
                "talk": {"queue": "talk", **waits},
                "wait": {"queue": "wait", **waits},
            },
        }
    }
    return tomlkit.dumps(document)
