"""A phone that becomes free while a caller waits: how soon the next INVITE is there, ours beside
`Queue` of the same Asterisk.

Both ends are told by the two Asterisks themselves, to the microsecond by this machine's clock: the
end of the phone's last channel at the clinic, and the next call's beginning at the phone. So the
way of the INVITE and its reading count too, on both sides.
"""

import asyncio
import random
import secrets
from enum import Enum

from firmware.asterisk.link import Link, LinkState
from firmware.asterisk.telco import Answers, LiveCall
from firmware.asterisk.wire import Message
from firmware.place import Place
from firmware.rehearsal import Rehearsal

RUNG_MS = 5  # the issue's
OUR_NUMBER, QUEUE_NUMBER = "2025550122", "2025550133"
OUR_PHONE, QUEUE_PHONE = "103", "104"
# Nobody has a fixed place in `Queue`'s own turns, of a second at least.
WAITS_S = (0.3, 1.3)
WITHIN_S = 30.0
EAR = "bench"


class Side(Enum):
    """Who rings the phone: a number leads to one of them, which has one phone."""

    OURS = (OUR_NUMBER, OUR_PHONE)
    APP_QUEUE = (QUEUE_NUMBER, QUEUE_PHONE)


# Our side in a site file: a line of its own, straight into a queue of one phone.
LINE = {"trunk": "telco", "numbers": [OUR_NUMBER], "flow": "bench"}
QUEUE = {"agents": [OUR_PHONE], "offer_s": 15, "rest_s": 1, "announce_s": 30}
_WAIT = {"kind": "queue", "queue": "bench", "patience_s": 600, "otherwise": "wait"}
FLOW = {"start": "wait", "zero": "wait", "nodes": {"wait": _WAIT}}

# The peer's is as quick as it can be: it looks for a free phone once a second.
QUEUES = f"""
[general]
autofill=yes
[bench]
strategy=ringall
timeout=15
retry=1
wrapuptime=0
ringinuse=no
member => PJSIP/{QUEUE_PHONE}
"""
DIALPLAN = f"""
[from-telco](+)
exten => {QUEUE_NUMBER},1,Answer(,i)
 same => n,Queue(bench)
 same => n,Hangup()
"""


def add_app_queue(place: Place) -> str:
    """The peer's side, and an ear at the clinic's manager, whose secret comes back."""
    secret = secrets.token_hex(16)
    ear = f"\n[general](+)\ntimestampevents=yes\n[{EAR}]\nsecret={secret}\nread=call\n"
    for name, more in (
        ("extensions.conf", DIALPLAN),
        ("modules.conf", "load=app_queue\n"),
        ("queues.conf", QUEUES),
        ("manager.conf", ear),
    ):
        with (place.asterisk / "current" / name).open("a", encoding="utf-8") as file:
            file.write(more)
    return secret


class Ends:
    """When the last channel of a phone ended at the clinic."""

    def __init__(self) -> None:
        self._of: dict[str, list[float]] = {phone: [] for _, phone in (s.value for s in Side)}
        self._news = asyncio.Event()

    def hear(self, message: Message) -> None:
        """What the manager tells."""
        phone = message.get("Channel").removeprefix("PJSIP/").partition("-")[0]
        if message.get("Event") == "Hangup" and phone in self._of:
            self._of[phone].append(float(message["Timestamp"]))
            self._news.set()

    async def next(self, phone: str, after: int) -> float:
        """The one with this place in order, counted from 0."""
        while len(self._of[phone]) <= after:
            self._news.clear()
            await self._news.wait()
        return self._of[phone][after]

    def count(self, phone: str) -> int:
        """So far."""
        return len(self._of[phone])


async def seconds(clinic: Rehearsal, secret: str, side: Side, times: int) -> list[float]:
    """So many times one caller waits while another talks, who then hangs up."""
    number, phone = side.value
    ends, up = Ends(), asyncio.Event()

    def changed(state: LinkState) -> None:
        if state is LinkState.UP:
            up.set()

    link = Link("127.0.0.1", clinic.site.ports.ami, EAR, secret, receive=ends.hear, changed=changed)
    running = asyncio.create_task(link.run())
    try:
        async with asyncio.timeout(WITHIN_S):
            await up.wait()
        await clinic.telco.behave(phone, Answers())
        rang = len(clinic.telco.desks[phone].rings)
        talks = await _comes(clinic, number)
        await (await clinic.telco.next_ring(phone, rang)).answered
        took: list[float] = []
        for _ in range(times):
            waits = await _comes(clinic, number)
            await asyncio.sleep(random.uniform(*WAITS_S))  # noqa: S311 - no secret
            took.append(await _freed(clinic, ends, phone, talks))
            talks = waits
        await talks.hang_up()
        return took
    finally:
        running.cancel()
        await asyncio.wait({running})


async def _comes(clinic: Rehearsal, number: str) -> LiveCall:
    call = await clinic.telco.call(number)
    async with asyncio.timeout(WITHIN_S):
        await call.answered
    return call


async def _freed(clinic: Rehearsal, ends: Ends, phone: str, talks: LiveCall) -> float:
    """From the end of this talk to the next call at the phone, which is picked up."""
    ended, rang = ends.count(phone), len(clinic.telco.desks[phone].rings)
    await talks.hang_up()
    ring = await clinic.telco.next_ring(phone, rang)
    async with asyncio.timeout(WITHIN_S):
        await ring.answered
        return ring.came_at_unix_s - await ends.next(phone, ended)
