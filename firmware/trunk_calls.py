"""What the calls of each trunk tell of it, for the status: whether there is sound in those that are
up (mute_trunks) and the company hears any (deaf_trunks), whether a gateway takes any
(no_dial_tone), and whether it said nothing to one, so that Asterisk passes it by (line_groups). No
call hangs on anything here.

    silent: passed by -> an alarm, until it is no more, and answers or has a call
"""

import time
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from firmware import deaf_trunks, mute_trunks, no_dial_tone
from firmware.asterisk import translate, trunk_states
from firmware.asterisk.line_groups import trunk_endpoint
from firmware.asterisk.link import ActionFailed, Link
from firmware.asterisk.wire import Message
from firmware.topics import Part
from ivr.plan import Plan

SILENT = "the telephone company said nothing to the last call, and calls pass it by"
SILENT_CURE = "look at the internet connection, and at its address in [trunks] of the site file"


class TrunkCalls:
    """Those of one running exchange."""

    def __init__(
        self,
        *,
        plan: Callable[[], Plan],
        link: Link,
        now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan, self._link, self._clock, self._now = plan, link, clock, now
        self._silent: frozenset[str] = frozenset()  # by name
        self._ears: dict[str, mute_trunks.Ear] = {}
        self._mouths: dict[str, deaf_trunks.Mouth] = {}  # by their endpoint
        self._up: Mapping[str, list[str]] = {}  # calls, by their trunk's endpoint
        self._refused: dict[str, int] = {}  # in a row, by the gateway's endpoint

    def heard(self, message: Message) -> None:
        """Asterisk said so."""
        if report := trunk_states.reported(message):
            if any(trunk_endpoint(it) == report.endpoint for it in self._plan().trunks.values()):
                mouth = self._mouths.get(report.endpoint, deaf_trunks.NEW)
                self._mouths[report.endpoint] = deaf_trunks.reported(mouth, report, self._clock())
            return
        endpoint = no_dial_tone.refused(message)
        if not endpoint or self._up.get(endpoint):
            return
        if any(
            it.gateway and trunk_endpoint(it) == endpoint for it in self._plan().trunks.values()
        ):
            self._refused[endpoint] = self._refused.get(endpoint, 0) + 1

    async def look(self, answering: Collection[str]) -> None:
        """At the calls that are up, and who is passed by; `answering` are the trunks that say that
        they are there. LinkDown, ActionFailed: Asterisk does not tell."""
        self._up = trunk_states.answered(await self._link.ask(*translate.CALLS_UP))
        ears: dict[str, mute_trunks.Ear] = {}
        for name, trunk in self._plan().trunks.items():
            ear = self._ears.get(name, mute_trunks.NEW)
            up = self._up.get(trunk_endpoint(trunk), ())
            asked = mute_trunks.to_ask(ear, up)
            told = {call: await self._packets(call) for call in asked}
            packets = {call: count for call, count in told.items() if count is not None}
            ears[name] = mute_trunks.step(ear, up, packets, self._clock())
            if up:
                self._refused.pop(trunk_endpoint(trunk), None)
        self._ears = ears
        self._mouths = {
            endpoint: deaf_trunks.over(mouth, self._up.get(endpoint, ()))
            for endpoint, mouth in self._mouths.items()
        }
        now_s = self._now().timestamp()
        silent: set[str] = set()
        for name, trunk in self._plan().trunks.items():
            until_s = await self._passed_until(trunk_endpoint(trunk))
            is_over = name in answering or trunk_endpoint(trunk) in self._up
            if until_s > now_s or (name in self._silent and not is_over):
                silent.add(name)
        self._silent = frozenset(silent)

    async def _passed_until(self, endpoint: str) -> int:
        told = await self._link.send(*trunk_states.passed_by(endpoint))
        return trunk_states.count_said(told.get("Value")) or 0

    async def _packets(self, call: str) -> int | None:
        try:
            told = await self._link.send(*trunk_states.packets_of(call))
        except ActionFailed:  # it has ended meanwhile
            return None
        return trunk_states.count_said(told.get("Value"))

    def told(self, name: str, part: Part) -> Part:
        """This trunk, as the status tells it."""
        trunk = self._plan().trunks.get(name)
        refused = self._refused.get(trunk_endpoint(trunk), 0) if trunk else 0
        if name in self._silent and part.state != "alarm":
            silent = {"state": "alarm", "detail": SILENT, "cure": SILENT_CURE}
            part = part.model_copy(update=silent)
        part = no_dial_tone.told(part, refused)
        part = mute_trunks.told(part, self._ears.get(name, mute_trunks.NEW))
        mouth = self._mouths.get(trunk_endpoint(trunk)) if trunk else None
        return deaf_trunks.told(part, mouth) if mouth else part
