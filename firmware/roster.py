"""Who is there: agents at the control socket and by their phones' codes, and what they said last.

An agent's word is a row of the ledger that belongs to no call, so that a box that starts again in
the middle of a lunch does not ring whoever has it.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from firmware import ledger, topics
from firmware.control import ControlError, Door
from ivr import codes, commands, events
from ivr.agent import AWAY
from ivr.events import AgentEvent
from ivr.exchange import Exchange
from ivr.matching import queues_of

WRITTEN_WITHIN_S = 5.0


class Roster:
    """The topics about agents of one running exchange."""

    def __init__(self, exchange: Exchange, tell: Callable[[AgentEvent], None]) -> None:
        self._exchange = exchange
        self._tell = tell
        self._unwritten: list[tuple[str, asyncio.Future[None]]] = []

    def answer_at(self, door: Door) -> None:
        door.answer(topics.AGENTS, self._agents)
        door.answer(topics.DUTY, self._duty)

    async def _agents(self, _request: topics.AgentsRequest) -> topics.AgentsReply:
        return topics.AgentsReply(agents=tuple(self._lines()))

    async def _duty(self, request: topics.DutyRequest) -> topics.AgentsReply:
        if request.extension not in self._exchange.plan.phones:
            known = ", ".join(self._exchange.plan.phones) or "none"
            raise ControlError(f"there is no phone {request.extension}", f"the phones are {known}")
        if not await self._says(_event(request)):
            raise ControlError(
                "it holds, but is not yet on the disk: a restart would forget it",
                "see `careline status`",
            )
        return topics.AgentsReply(agents=tuple(self._lines()))

    async def by_code(self, extension: str, code: str) -> str:
        """The prompt that answers who dialled this code at this phone; what it says holds."""
        if extension not in self._exchange.plan.phones:
            return codes.FAILED
        about = self._exchange.plan.wrap_ups.get(code.removeprefix(codes.WRAP_UP))
        if code.startswith(codes.WRAP_UP) and about is not None:
            return await self._wraps_up(extension, about)
        meant = codes.CODES.get(code)
        if meant is None:
            return codes.UNKNOWN
        await self._says(meant.event(extension))  # with a full disk it holds until a restart
        return meant.said

    async def _wraps_up(self, extension: str, about: str) -> str:
        agent = self._exchange.agents.get(extension)
        if agent is None or agent.last_talk is None:
            return codes.NOTHING_TO_WRAP_UP
        return (
            codes.WRAPPED_UP
            if await self._says(events.AgentWrappedUp(extension, about))
            else codes.FAILED
        )

    async def _says(self, event: AgentEvent) -> bool:
        """Whether it is on the disk, in time to tell whoever waits for it."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._unwritten.append((event.extension, written))
        self._tell(event)
        try:
            async with asyncio.timeout(WRITTEN_WITHIN_S):
                await written
        except TimeoutError:
            return False
        return True

    def durable(self, steps: Sequence[ledger.Step]) -> None:
        """What agents said that is on the disk now: who asked is told."""
        told = (s for s in steps if s.call == commands.NO_CALL or s.step == codes.WRAPPED_UP_STEP)
        said = {step.detail.partition(" ")[0] for step in told}
        for extension, written in self._unwritten:
            if extension in said and not written.done():
                written.set_result(None)
        self._unwritten = [(e, written) for e, written in self._unwritten if not written.done()]

    def _lines(self) -> Iterator[topics.AgentLine]:
        now = time.monotonic()
        for extension, phone in self._exchange.plan.phones.items():
            if agent := self._exchange.agents.get(extension):
                yield topics.AgentLine(
                    extension=extension,
                    name=phone.name,
                    doing=agent.doing(now),
                    detail=agent.pause or "",
                    queues=tuple(queues_of(agent.skills)),
                )


def _event(request: topics.DutyRequest) -> AgentEvent:
    match request.duty:
        case "pause":
            return events.AgentPaused(request.extension, request.reason or "")
        case "resume":
            return events.AgentResumed(request.extension)
        case "sign out":
            return events.AgentSignedOut(request.extension)
        case "sign in":
            return events.AgentSignedIn(request.extension)


def as_they_left_it(duties: Iterable[tuple[str, str]]) -> Iterator[AgentEvent]:
    """What agents said last, as events; who is simply there needs no word, and nobody said AWAY."""
    for step, detail in duties:
        extension, _, reason = detail.partition(" ")
        if step == "paused" and reason != AWAY:
            yield events.AgentPaused(extension, reason)
        elif step == "signed out":
            yield events.AgentSignedOut(extension)
