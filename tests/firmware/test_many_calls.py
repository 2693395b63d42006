"""Weeks of calls in seconds: whatever is lost on the way and in whatever order things happen, each
call is counted once, and nothing of it is kept after its end.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from firmware import settings
from firmware.asterisk.translate import Translator
from firmware.asterisk.wire import Message
from firmware.legs import Legs
from ivr import commands, events
from ivr.exchange import OVER_REMEMBERED, Exchange
from ivr.matching import CALLS_MAX
from tests.firmware.by_hand import SITE

CALLS = 10_000
AT_ONCE = 12
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class Channel:
    """One of Asterisk's, a caller's or an agent's."""

    uniqueid: str
    call: str
    is_agent: bool
    handle: int | None = None
    bridge: str = ""
    context: str = "engine"
    rings: bool = False


class Weeks:
    """Asterisk, engine, callers and agents, all played by chance; what decides is real."""

    def __init__(self, seed: int) -> None:
        names = count(1)
        plan = settings.read(SITE)
        self.chance = random.Random(seed)
        self.legs, self.translator = Legs(), Translator(plan)
        self.exchange = Exchange(plan, lambda: str(UUID(int=next(names) << 64)))
        self.now, self.is_linked, self.arrived = 1000.0, True, 0
        self.channels: dict[str, Channel] = {}
        self.finished: Counter[str] = Counter()
        self._handles = count(1)

    # ---- what decides ----

    def decide(self, *told: events.Event) -> None:
        for event in told:
            self.perform(self.exchange.receive(event, self.now, NOON))

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.exchange.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.perform(self.exchange.time_came(self.now, NOON))
        self.now = end
        for handle in self.legs.overdue(self.now):
            self.end_audio(next(c for c in self.channels.values() if c.handle == handle), lost=True)

    def perform(self, orders: list[commands.Command]) -> None:
        for order in orders:
            match order:
                case commands.Finish():
                    self.finished[order.call] += 1
                case commands.Offer():
                    self.legs.offered(order.offer)
                    self.translator.originate(order)
                    self.ring(order)
                case commands.Withdraw():
                    self.withdraw(order.offer)
                case commands.Join():
                    self.join(order)
                case commands.Release():
                    channel = self.find(order.call)
                    if channel is not None and channel.handle is not None:
                        self.legs.leaving(order.call)
                        self.end_audio(channel)
                        self.hang_up(channel)
                case commands.StopRecording():
                    kept = events.RecordingKept(order.call, "message", 3.0)
                    failed = events.RecordingFailed(order.call, "disk")
                    told: list[tuple[events.Event, ...]] = [(kept,), (failed,), (kept, failed), ()]
                    self.decide(*self.chance.choice(told))
                case _:
                    pass

    # ---- Asterisk ----

    def tell(self, event: str, **fields: str) -> None:
        """What the link carries, if it stands."""
        if self.is_linked:
            for told in self.translator.receive(_message(Event=event, **fields)):
                self.decide(*self.legs.heard(told))

    def find(self, name: str) -> Channel | None:
        """A call's or an offer's channel."""
        return next(
            (
                c
                for c in self.channels.values()
                if name in (c.uniqueid, "" if c.is_agent else c.call)
            ),
            None,
        )

    def arrive(self) -> None:
        self.arrived += 1
        call = str(UUID(int=self.arrived))
        caller = Channel(f"1.{self.arrived}", call, is_agent=False)
        self.channels[caller.uniqueid] = caller
        steps: list[Callable[[], None]] = [
            lambda: self.tell(
                "UserEvent",
                UserEvent="CareLineCall",
                Uniqueid=caller.uniqueid,
                Channel=caller.uniqueid,
                CallUUID=call,
                Line="main",
            ),
            lambda: self.open_audio(caller),
        ]
        if self.chance.random() < 0.05:
            steps[1] = lambda: self.fall(caller)  # the engine is full
        self.chance.shuffle(steps)
        for step in steps:
            step()

    def ring(self, order: commands.Offer) -> None:
        if not self.is_linked:
            self.over(order.offer)
        elif self.chance.random() < 0.1:
            self.fail(order)
        else:
            self.channels[order.offer] = Channel(order.offer, order.call, is_agent=True)
            self.tell("Newchannel", Uniqueid=order.offer)

    def fail(self, order: commands.Offer) -> None:
        """Asterisk cannot ring, or tells the failure before the channel that it belongs to."""
        self.tell("OriginateResponse", Uniqueid=order.offer, Response="Failure")
        doubtful = self.translator.doubtful()
        if self.chance.random() < 0.5:
            self.tell("Newchannel", Uniqueid=order.offer)
            self.tell("Hangup", Uniqueid=order.offer, Cause="17")
        for offer in doubtful:
            for told in self.translator.never_came(offer):
                self.decide(*self.legs.heard(told))

    def over(self, offer: str) -> None:
        self.legs.offer_ended(offer)
        self.decide(*self.translator.over(offer))

    def withdraw(self, offer: str) -> None:
        self.translator.hangup(offer)
        agent = self.channels.get(offer)
        if agent is None or not self.is_linked:
            self.over(offer)
        else:
            self.hang_up(agent)

    def join(self, order: commands.Join) -> None:
        self.legs.leaving(order.call)
        self.legs.leaving(order.offer)
        caller, agent = self.find(order.call), self.find(order.offer)
        is_taken = self.is_linked and caller and agent and self.chance.random() < 0.9
        if is_taken and caller and agent:
            for channel in self.chance.sample((caller, agent), 2):
                channel.bridge = order.offer
                self.end_audio(channel)
                self.tell("BridgeEnter", Uniqueid=channel.uniqueid, BridgeUniqueid=order.offer)
        if not is_taken or self.chance.random() < 0.05:  # taken, and the answer lost
            self.legs.staying(order.call)
            self.legs.staying(order.offer)
            self.decide(events.JoinFailed(order.call, order.offer))

    def fall(self, caller: Channel) -> None:
        caller.context = "failsafe"
        self.tell("UserEvent", UserEvent="CareLineFailsafe", CallUUID=caller.call)

    def hang_up(self, channel: Channel) -> None:
        if self.channels.pop(channel.uniqueid, None) is not None:
            self.tell("Hangup", Uniqueid=channel.uniqueid, Cause=self.chance.choice(("16", "21")))
            self.end_audio(channel)

    def relink(self) -> None:
        self.is_linked = True
        self.translator.status()
        seen = [_status(channel) for channel in self.channels.values()]
        self.something(self.chance.randrange(3))  # while the answer is on its way
        for told in self.translator.resync(seen):
            self.decide(*self.legs.heard(told))

    # ---- the engine ----

    def open_audio(self, channel: Channel) -> None:
        if channel.uniqueid not in self.channels:
            return
        channel.handle = next(self._handles)
        name = channel.uniqueid if channel.is_agent else channel.call
        self.decide(*self.legs.opened(name, channel.handle, self.now))

    def end_audio(self, channel: Channel, *, lost: bool = False) -> None:
        handle, channel.handle = channel.handle, None
        closed = None if handle is None else self.legs.closed(handle)
        if lost and closed is not None and not closed[1]:
            self.decide(events.AudioLost(closed[0], "lost"))
        if lost and not channel.is_agent:
            self.fall(channel)

    # ---- chance ----

    def something(self, times: int) -> None:
        for _ in range(times):
            happenings: list[Callable[[], None]] = [self.press, self.speak, self.answer, self.leave]
            self.chance.choice(happenings)()

    def any_channel(self) -> Channel | None:
        return self.chance.choice(list(self.channels.values())) if self.channels else None

    def press(self) -> None:
        channel = self.any_channel()
        if channel is not None and channel.handle is not None:
            name = self.legs.uuid(channel.handle)
            assert name is not None
            self.decide(events.KeyEnded(name, self.chance.choice("0123")))
            self.tell("DTMFBegin", Uniqueid=channel.uniqueid, Digit="1", Direction="Received")

    def speak(self) -> None:
        for name, call in list(self.exchange.calls.items()):
            if self.chance.random() < 0.3:
                self.decide(events.PromptEnded(name, call.tag))

    def answer(self) -> None:
        agent = next((c for c in self.channels.values() if c.is_agent and not c.bridge), None)
        if agent is None or agent.handle is not None:
            return
        if not agent.rings:
            agent.rings = True
            self.tell("Newstate", Uniqueid=agent.uniqueid, ChannelState="5")
        elif self.chance.random() < 0.3:
            self.hang_up(agent)
        else:
            self.tell("Newstate", Uniqueid=agent.uniqueid, ChannelState="6")
            self.open_audio(agent)

    def leave(self) -> None:
        channel = self.any_channel()
        if channel is None:
            return
        if self.chance.random() < 0.2:
            self.end_audio(channel, lost=True)
            return
        if self.chance.random() < 0.5:
            self.end_audio(channel)  # audio and channel end in either order
        self.hang_up(channel)

    def come_back(self) -> None:
        """Whose phone rang in vain too often was taken to be away."""
        for extension, agent in self.exchange.agents.items():
            if not agent.is_on_duty():
                self.decide(events.AgentResumed(extension))

    def live(self) -> None:
        while self.arrived < CALLS:
            self.come_back()
            if len(self.channels) < AT_ONCE:
                self.arrive()
            self.something(self.chance.randrange(5))
            self.wait(self.chance.choice((0.0, 0.1, 1.0, 5.0)))
            if self.is_linked and self.chance.random() < 0.01:
                self.is_linked = False
            elif not self.is_linked and self.chance.random() < 0.2:
                self.relink()
        if not self.is_linked:
            self.relink()
        for channel in list(self.channels.values()):
            self.hang_up(channel)
        self.wait(timedelta(hours=1).total_seconds())
        self.come_back()


def _message(**fields: str) -> Message:
    lines = "".join(f"\r\n{name}: {value}" for name, value in fields.items())
    return Message(f"{lines}\r\n".encode())


def _status(channel: Channel) -> Message:
    own = {} if channel.is_agent else {"Variable": f"CALLUUID={channel.call}"}
    line = {} if channel.is_agent else {"Line": "main"}
    raw = _message(
        Event="Status",
        Uniqueid=channel.uniqueid,
        ChannelState="6",
        Context=channel.context,
        BridgeID=channel.bridge,
        **own,
    ).raw
    return Message(raw + b"Variable: LINE=main\r\n") if line else Message(raw)


def _kept(part: Any) -> dict[str, int]:
    """How many things each of a part's collections holds, but for empty ones."""
    names = getattr(part, "__slots__", None) or vars(part)
    held = {name: getattr(part, name) for name in names}
    return {
        name: len(value)
        for name, value in held.items()
        if isinstance(value, dict | set | list) and value
    }


def test_ten_thousand_calls_leave_nothing_behind_and_each_is_counted_once() -> None:
    weeks = Weeks(seed=1)
    weeks.live()
    assert _kept(weeks.legs) == {}
    assert _kept(weeks.translator) == {}
    kept, fresh = _kept(weeks.exchange), _kept(Weeks(seed=1).exchange)
    assert kept.pop("_over") <= OVER_REMEMBERED
    assert len(weeks.exchange.paces.of) <= len(weeks.exchange.plan.queues)
    assert weeks.exchange.outward.legs == {}
    assert kept == fresh
    assert _kept(weeks.exchange._room) == {}
    assert _kept(weeks.exchange._matching) == _kept(Weeks(seed=1).exchange._matching)
    assert len(weeks.exchange._matching._slots) == CALLS_MAX
    assert all(agent.is_idle() for agent in weeks.exchange.agents.values() if agent.skills)
    assert set(weeks.finished.values()) == {1}
    assert len(weeks.finished) > 0.9 * CALLS  # some come and go while AMI is away
