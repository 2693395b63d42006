"""What the calls of each trunk tell of it, for the status: whether there is sound in those that are
up (mute_trunks), and whether a gateway takes any (no_dial_tone). No call hangs on anything here."""

import time
from collections.abc import Callable, Mapping

from firmware import mute_trunks, no_dial_tone
from firmware.asterisk import translate, trunk_states
from firmware.asterisk.line_groups import trunk_endpoint
from firmware.asterisk.link import ActionFailed, Link
from firmware.asterisk.wire import Message
from firmware.topics import Part
from ivr.plan import Plan


class TrunkCalls:
    """Those of one running exchange."""

    def __init__(
        self, *, plan: Callable[[], Plan], link: Link, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._plan, self._link, self._clock = plan, link, clock
        self._ears: dict[str, mute_trunks.Ear] = {}
        self._up: Mapping[str, list[str]] = {}  # calls, by their trunk's endpoint
        self._refused: dict[str, int] = {}  # in a row, by the gateway's endpoint

    def heard(self, message: Message) -> None:
        """Asterisk said so."""
        endpoint = no_dial_tone.refused(message)
        if not endpoint or self._up.get(endpoint):
            return
        if any(
            it.gateway and trunk_endpoint(it) == endpoint for it in self._plan().trunks.values()
        ):
            self._refused[endpoint] = self._refused.get(endpoint, 0) + 1

    async def look(self) -> None:
        """At the calls that are up. LinkDown, ActionFailed: Asterisk does not tell."""
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
        part = no_dial_tone.told(part, refused)
        return mute_trunks.told(part, self._ears.get(name, mute_trunks.NEW))
