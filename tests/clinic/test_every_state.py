"""Whatever people do, and in whatever order it is told: no call is lost or ends twice, no agent is
offered two, nobody waits for what cannot come, and the most pressing caller is helped first.

Hypothesis looks for a way to break this, step by step, over the real exchange and the fake pair; it
looks in the same places each time.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from math import inf
from random import Random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from firmware.asterisk.fake import Means
from firmware.asterisk.telco import Answers, Behaviour, Busy, Refuses, Silent
from ivr import events
from ivr.agent import Agent
from ivr.call import KEEP_S
from ivr.commands import Command, Note, Offer
from ivr.ending import HANGUP_LAG_S
from ivr.hours import Switch
from ivr.matching import agent_of, ms
from ivr.offering import Ringing
from ivr.plan import Menu, Parking, Plan, Queue, RingOutside
from ivr.standing import Stage
from ivr.waiting import Waiting
from tests.clinic.month import DESK_AGENTS, NURSES, OUTSIDE, plan
from tests.contract.played import PIN, Played

PHONES = (*DESK_AGENTS, *NURSES, "301")
NUMBERS = ("2025550111", "2025550122", "")
# These end by an event that must come, each for a reason of its own.
WITHOUT_DEADLINE = {
    Stage.TALKING,  # somebody hangs up
    Stage.LEAVING,  # the line is being released
    Stage.LOST,  # the fail-safe has the caller, who hangs up some day
}

phones = st.sampled_from(PHONES)
behaviours: st.SearchStrategy[Behaviour] = st.sampled_from(
    [Answers(), Answers(3.0), Silent(), Refuses(), Busy()]
)
waits = st.sampled_from([0.0, 0.02, 0.3, 2.0, 6.0, 25.0, 95.0, 700.0])


def leading_outside() -> Plan:
    """The clinic, whose menu has a key for a number outside too."""
    found = plan()
    flow = found.flows["main"]
    menu = flow.nodes["menu"]
    assert isinstance(menu, Menu)
    nodes = {
        **flow.nodes,
        "menu": replace(menu, choices={**menu.choices, "7": "service"}),
        "service": RingOutside(OUTSIDE[-1], 20.0, menu.otherwise),
    }
    return replace(found, flows={**found.flows, "main": replace(flow, nodes=nodes)})


class Clinic(RuleBasedStateMachine):
    """What may happen next."""

    def __init__(self) -> None:
        super().__init__()
        self._names = 0
        self._before: Mapping[str, Waiting] = {}
        self._wrong: list[str] = []
        self._called: list[str] = []  # legs of people whom the clinic called

    @initialize(seed=st.integers(0, 3), does=st.tuples(*[behaviours] * len(PHONES)))
    def opens(self, seed: int, does: tuple[Behaviour, ...]) -> None:
        self.played = Played(leading_outside(), Random(seed))
        self.played.watch = self._watch
        for phone, each in zip(PHONES, does, strict=True):
            self.played.pair.behaves(phone, each)

    # ---- what may happen ----

    @rule(number=st.sampled_from(NUMBERS), key=st.sampled_from(["", *"11222346"]))
    def somebody_calls(self, number: str, key: str) -> None:
        self._names += 1
        name = f"call-{self._names}"
        self.played.pair.calls(name, "main", self.played.now, number=number)
        if key:
            self.played.until(self.played.now + 0.1)
            self.played.pair.presses(name, key, self.played.now)

    @rule(key=st.sampled_from("0123456#"), data=st.data())
    def a_caller_presses(self, key: str, data: st.DataObject) -> None:
        if name := self._drawn(data):
            self.played.pair.presses(name, key, self.played.now)

    @rule(data=st.data())
    def a_caller_hangs_up(self, data: st.DataObject) -> None:
        if name := self._drawn(data):
            self.played.pair.hangs_up(name, self.played.now)

    @rule(data=st.data(), seconds=st.sampled_from([0.0, 2.0]))
    def a_caller_speaks(self, data: st.DataObject, seconds: float) -> None:
        if name := self._drawn(data):
            self.played.pair.speaks(name, seconds, self.played.now)

    @rule(number=st.sampled_from([*OUTSIDE, *NUMBERS[:2]]), does=behaviours)
    def somebody_outside_behaves(self, number: str, does: Behaviour) -> None:
        self.played.pair.behaves(number, does)

    @rule(keys=st.sampled_from(["1", f"{PIN}#1", f"{PIN}#5", f"{PIN}#9", f"{PIN}#2", "9"]))
    def who_was_called_presses(self, keys: str) -> None:
        for leg in self._called[-2:]:
            for key in keys:
                self.played.pair.presses(leg, key, self.played.now)
                self.played.until(self.played.now + 3.0)

    @rule()
    def who_was_called_hangs_up(self) -> None:
        for leg in self._called[-1:]:
            self.played.pair.hangs_up(leg, self.played.now)

    @rule(number=st.sampled_from(NUMBERS[:2]))
    def somebody_asks_to_be_called_back(self, number: str) -> None:
        """While nobody can be had."""
        for phone in NURSES:
            self.played.hears(events.PhoneChanged(phone, events.PhoneState.IN_USE))
        self.somebody_calls(number, "2")
        self._presses_on("11")
        for phone in NURSES:
            self.played.hears(events.PhoneChanged(phone, events.PhoneState.IDLE))

    @rule(number=st.sampled_from(NUMBERS))
    def somebody_leaves_an_urgent_message(self, number: str) -> None:
        self.somebody_switches_the_hours(is_open=False)
        self.somebody_calls(number, "5")
        self.played.pair.speaks(f"call-{self._names}", 2.0, self.played.now)
        self._presses_on("##11")

    @rule(does=behaviours)
    def somebody_is_led_outside(self, does: Behaviour) -> None:
        """And has heard so."""
        self.played.pair.behaves(OUTSIDE[-1], does)
        self.somebody_calls("", "7")
        self.played.until(self.played.now + 2.0)

    @rule(data=st.data())
    def the_engine_loses_a_caller(self, data: st.DataObject) -> None:
        if name := self._drawn(data):
            self.played.pair.loses_audio(name, self.played.now)

    @rule(phone=phones)
    def a_phone_is_picked_up(self, phone: str) -> None:
        self.played.pair.picks_up(phone, self.played.now)

    @rule(phone=phones)
    def a_phone_is_put_down(self, phone: str) -> None:
        self.played.pair.puts_down(phone, self.played.now)

    @rule(data=st.data(), to=phones, by=st.sampled_from(Means))
    def an_agent_passes_its_caller_on(self, data: st.DataObject, to: str, by: Means) -> None:
        if phone := self._talking(data):
            self.played.pair.passes_on(phone, to, by, self.played.now)

    @rule(data=st.data(), to=phones, by=st.sampled_from(Means))
    def an_agent_asks_another_and_hands_over(self, data: st.DataObject, to: str, by: Means) -> None:
        phone = self._talking(data)
        if phone and phone != to:
            self.played.pair.asks(phone, to, by, self.played.now)
            self.played.until(self.played.now + 4.0)
            self.played.pair.hands_over(phone, self.played.now)

    @rule(data=st.data(), is_held=st.booleans())
    def an_agent_holds(self, data: st.DataObject, is_held: bool) -> None:
        if phone := self._talking(data):
            self.played.pair.holds(phone, self.played.now, is_held=is_held)

    @rule(data=st.data(), to=st.sampled_from([*PHONES, ""]))
    def an_agent_parks(self, data: st.DataObject, to: str) -> None:
        """And somebody takes the caller up, or nobody does."""
        if phone := self._talking(data):
            self.played.pair.parks(phone, self.played.now)
            self.played.until(self.played.now + 1.0)
            if to:
                self.played.pair.takes_up(to, Parking().first, self.played.now)

    @rule(phone=phones, does=behaviours)
    def somebody_behaves(self, phone: str, does: Behaviour) -> None:
        self.played.pair.behaves(phone, does)

    @rule(phone=phones, is_there=st.booleans())
    def a_phone_comes_or_goes(self, phone: str, is_there: bool) -> None:
        self.played.pair.plugs(phone, self.played.now, is_there=is_there)

    @rule(phone=phones, in_use=st.booleans())
    def a_phone_is_used(self, phone: str, in_use: bool) -> None:
        self.played.pair.uses(phone, self.played.now, in_use=in_use)

    @rule(
        phone=phones,
        duty=st.sampled_from([events.AgentResumed, events.AgentSignedOut, events.AgentSignedIn]),
    )
    def an_agent_comes_or_goes(
        self,
        phone: str,
        duty: type[events.AgentResumed | events.AgentSignedOut | events.AgentSignedIn],
    ) -> None:
        self.played.hears(duty(phone))

    @rule(phone=phones)
    def an_agent_pauses(self, phone: str) -> None:
        self.played.hears(events.AgentPaused(phone, "lunch"))

    @rule(is_open=st.booleans())
    def somebody_switches_the_hours(self, is_open: bool) -> None:
        until = self.played.local + timedelta(hours=1)
        self.played.hears(events.HoursSwitched("office", Switch("office", is_open, until)))

    @rule()
    def the_site_is_published_anew(self) -> None:
        self.played.hears(events.PlanAdopted(leading_outside()))

    @rule(seconds=waits)
    def time_passes(self, seconds: float) -> None:
        self.played.until(self.played.now + seconds)

    @rule()
    def the_next_thing_happens(self) -> None:
        """And no more: what is due at the same moment waits."""
        if (at := self.played.next_at()) is not None:
            self.played.now = max(self.played.now, at)
            self.played.turn()

    # ---- what must hold ----

    @invariant()
    def nothing_was_wrong_on_the_way(self) -> None:
        assert not self._wrong, self._wrong[0]

    def teardown(self) -> None:
        """Once everybody has hung up, nothing is left of any call."""
        if not hasattr(self, "played"):
            return
        played = self.played
        for phone in PHONES:
            played.pair.behaves(phone, Silent())
        for name in self._everybody():
            played.pair.hangs_up(name, played.now)
        played.until(played.now + KEEP_S + HANGUP_LAG_S + 60.0)
        self.nothing_was_wrong_on_the_way()
        exchange, tickets = played.exchange, played.exchange.tickets().keys()
        assert not exchange.calls
        assert not exchange.outward.legs
        assert exchange.waiting().keys() <= tickets
        assert {offer.call for offer in exchange.offers.values()} <= tickets
        assert played.finished.total() == len(played.offered)

    # ---- inside ----

    def _presses_on(self, keys: str) -> None:
        """The newest caller, with time to listen between one key and the next."""
        for key in keys:
            self.played.until(self.played.now + 1.0)
            self.played.pair.presses(f"call-{self._names}", key, self.played.now)
        self.played.until(self.played.now + 1.0)

    def _drawn(self, data: st.DataObject) -> str | None:
        names = self._everybody()
        return data.draw(st.sampled_from(names)) if names else None

    def _talking(self, data: st.DataObject) -> str | None:
        agents = self.played.exchange.agents.values()
        talking = [agent.extension for agent in agents if agent.talks_to is not None]
        return data.draw(st.sampled_from(talking)) if talking else None

    def _everybody(self) -> list[str]:
        return [f"call-{number}" for number in range(1, self._names + 1)]

    def _watch(self, event: events.Event | None, said: list[Command]) -> None:
        """After each step of the exchange."""
        if isinstance(event, events.CalledOut):
            self._called.append(event.call)
        self._wrong += self._offered_twice()
        self._wrong += self._waits_for_nothing()
        self._wrong += self._helped_too_late(said)
        self._before = dict(self.played.exchange.waiting())

    def _offered_twice(self) -> Iterator[str]:
        open_ = Counter(
            offer.extension
            for offer in self.played.exchange.offers.values()
            if offer.state is not Ringing.WITHDRAWN
        )
        yield from (f"{extension} is offered {n} calls" for extension, n in open_.items() if n > 1)

    def _waits_for_nothing(self) -> Iterator[str]:
        exchange = self.played.exchange
        for name, leg in exchange.outward.legs.items():
            its = exchange.calls.get(leg.call)
            if its is None or its.stage not in (Stage.RINGING, Stage.JOINING):
                yield f"{name} rings outside for {leg.call}, who waits for nobody there"
        for call in exchange.calls.values():
            if call.deadline is None and call.stage not in WITHOUT_DEADLINE:
                yield f"{call} has no deadline"
        reserved = {attempt.offer for attempt in exchange._callbacks.attempts.values()}
        for offer in exchange.offers.values():
            # Who accepted is being joined, or reserved for somebody who is called back: both have
            # a deadline of their own.
            its = exchange.calls.get(offer.call)
            joins = its is not None and its.stage is Stage.JOINING
            if offer.due_at is None and not joins and offer.id not in reserved:
                yield f"{offer} has no deadline"
        rung = self._rung()
        for name, waiting in exchange.waiting().items():
            for agent in exchange.agents.values():
                is_free = agent.is_idle() and ms(agent.free_from) < ms(self.played.now)
                if name not in rung and is_free and self._helps(agent, waiting):
                    yield f"{name} waits although {agent.extension} is free"

    def _helped_too_late(self, said: list[Command]) -> Iterator[str]:
        """Who is matched presses at least as much as all whom that agent could have helped."""
        exchange, rung = self.played.exchange, self._rung()
        matched = {c.call for c in said if isinstance(c, Note) and c.step == "matched"}
        for offer in said:
            if isinstance(offer, Offer) and offer.call in matched & exchange.waiting().keys():
                agent = exchange.agents[offer.extension]
                chosen = self._deadline(agent, exchange.waiting()[offer.call])
                for name, waiting in exchange.waiting().items():
                    is_old = self._before.get(name) is waiting and name not in rung
                    if is_old and self._deadline(agent, waiting) < chosen:
                        yield f"{offer.call} was helped before {name}"

    def _rung(self) -> set[str]:
        """Calls for which a telephone rings, or which are being joined."""
        offers = self.played.exchange.offers.values()
        return {offer.call for offer in offers if offer.state is not Ringing.WITHDRAWN}

    def _helps(self, agent: Agent, waiting: Waiting) -> bool:
        return self._deadline(agent, waiting) < inf

    def _deadline(self, agent: Agent, waiting: Waiting) -> float:
        """By when the call should be answered in those of its queues in which this agent can help,
        in ms as the ACD counts; infinite: in none."""
        waited_ms = ms(self.played.now) - ms(waiting.since)
        within_ms = [
            ms(within_s)
            for queue, within_s in waiting.within_s()
            if agent_of(queue.name) in agent.skills
            and all(
                agent.skills.get(skill, 99) <= level
                for skill, level in _needs(queue, waited_ms).items()
            )
        ]
        return ms(waiting.since) + min(within_ms) if within_ms else inf


def _needs(queue: Queue, waited_ms: int) -> Mapping[str, int]:
    """What is asked for after so long; the very moment of a change counts as before it."""
    asked = [queue.needs, *(r.needs for r in queue.relaxes if ms(r.after_s) < waited_ms)]
    return asked[-1]


TestClinic = Clinic.TestCase
TestClinic.settings = settings(
    max_examples=50,
    stateful_step_count=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
