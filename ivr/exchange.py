"""All calls at once: who waits, whose phone rings, who is free, and what is due when.

Each call decides for itself in `ivr.call`; here its orders meet the other calls and the phones.
Which caller meets which agent is the ACD's to say. An agent is offered one call at a time, and only
while its phone is idle, is not resting after an offer it let pass, and talks to nobody. A caller
who waits is either on the ACD or being offered to exactly one agent, and keeps its rank in both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ivr import commands, digits
from ivr.call import (
    Call,
    Moment,
    NobodyLeft,
    Order,
    Placed,
    RingPhones,
    Stage,
    Step,
    StepEvent,
    StopWaiting,
    Taken,
    TellPosition,
    TimeCame,
    Wait,
    arrive,
    step,
)
from ivr.canary import SELFTEST, canary_of
from ivr.commands import Command
from ivr.events import (
    CallArrived,
    CallerLeft,
    DigitPressed,
    Event,
    Joined,
    JoinFailed,
    KeyBegan,
    KeyEnded,
    OfferAccepted,
    OfferEnded,
    OfferRang,
    PhoneChanged,
    PhoneState,
    Refusal,
    ToneHeard,
)
from ivr.plan import Plan, Urgency
from routing_core.acd import Acd

CALLS_MAX = 1024
AGENTS_MAX = 256 + 1  # and the canary
SKILLS_MAX = 64  # bits of the ACD's masks, one for each queue
# The network and the phone may take a little longer than the ring we asked for.
OFFER_GRACE_S = 5.0
# However a site is set, a phone that refuses at once is not rung hundreds of times a second.
LEAST_REST_S = 1.0
# Calls remembered after their end, so that a late echo of an arrival does not begin them anew.
OVER_REMEMBERED = 4096
# Of the queue's target, what a caller of each urgency is given.
URGENCY_SHARE = {
    Urgency.EMERGENCY: 0.0,
    Urgency.URGENT: 0.25,
    Urgency.SOON: 0.5,
    Urgency.ROUTINE: 1.0,
}


class Ringing(StrEnum):
    """How far an offer has come."""

    OPEN = "open"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"


@dataclass(slots=True)
class Offering:
    """One try at one agent."""

    id: str
    call: str
    extension: str
    rest_s: float
    due_at: float | None  # without an end by then, we end it
    state: Ringing = Ringing.OPEN


@dataclass(slots=True)
class Agent:
    """A phone and who sits at it."""

    extension: str
    slot: int
    skills: int = 0
    phone: PhoneState = PhoneState.IDLE  # until Asterisk says otherwise
    offer: str | None = None
    talks_to: str | None = None
    rests_until: float | None = None
    idle_since: float = 0.0

    def is_free(self) -> bool:
        """May be offered a call now."""
        return (
            self.phone is PhoneState.IDLE
            and self.offer is None
            and self.talks_to is None
            and self.rests_until is None
            and self.skills != 0
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller's place in a queue, which neither an offer nor its failure changes."""

    slot: int
    needs: int
    since_ms: int
    target_ms: int
    offer_s: float
    rest_s: float

    @property
    def rank(self) -> tuple[int, int]:
        """Lower is served first."""
        return self.since_ms + self.target_ms, self.since_ms


@dataclass(slots=True)
class Exchange:
    """The clinic's telephone exchange, but for everything that touches the world."""

    plan: Plan
    ids: Callable[[], str]
    calls: dict[str, Call] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    offers: dict[str, Offering] = field(default_factory=dict)
    _waiting: dict[str, Waiting] = field(default_factory=dict)
    _keys: dict[str, digits.Keys] = field(default_factory=dict)
    _over: dict[str, None] = field(default_factory=dict)
    _skills: dict[str, int] = field(default_factory=dict)  # queue -> bit
    _acd: Acd = field(default_factory=lambda: Acd(AGENTS_MAX, CALLS_MAX))
    _slots: list[int] = field(default_factory=lambda: list(range(CALLS_MAX))[::-1])
    _call_in: dict[int, str] = field(default_factory=dict)  # slot -> call
    _agent_in: dict[int, Agent] = field(default_factory=dict)
    _out: list[Command] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._seat_agents()

    def adopt(self, plan: Plan) -> None:
        """A newly published plan: for calls that come from now on."""
        self.plan = plan
        self._seat_agents()

    def receive(self, event: Event, now: float, local: datetime) -> list[Command]:
        """What is to be done about an event."""
        at = Moment(now, local)
        self._take(event, at)
        self._match(at)
        return self._said()

    def next_deadline(self) -> float | None:
        """When `time_came` is wanted next."""
        due = [call.deadline for call in self.calls.values()]
        due += [offer.due_at for offer in self.offers.values()]
        due += [agent.rests_until for agent in self.agents.values()]
        return min((at for at in due if at is not None), default=None)

    def time_came(self, now: float, local: datetime) -> list[Command]:
        """What is to be done because of the time."""
        at = Moment(now, local)
        for agent in self.agents.values():
            if agent.rests_until is not None and agent.rests_until <= now:
                agent.rests_until = None
                self._seat(agent)
        for offer in list(self.offers.values()):
            if offer.due_at is not None and offer.due_at <= now:
                self._overdue(offer, at)
        for call in list(self.calls.values()):
            if call.deadline is not None and call.deadline <= now:
                self._step(call.id, TimeCame(), at)
        self._match(at)
        return self._said()

    def position(self, call: str) -> int:
        """A waiting caller's place among those who need the same, 1 being next."""
        mine = self._waiting[call]
        return 1 + sum(
            other.needs == mine.needs and other.rank < mine.rank for other in self._waiting.values()
        )

    def waiting(self) -> Mapping[str, Waiting]:
        """Callers in queues, those being offered to an agent included."""
        return self._waiting

    # ---- events ----

    def _take(self, event: Event, at: Moment) -> None:
        match event:
            case CallArrived():
                self._arrive(event, at)
            case ToneHeard() | KeyBegan() | KeyEnded():
                self._press(event, at)
            case OfferRang(offer=offer):
                self._note(offer, "rings")
            case OfferAccepted(offer=offer):
                self._accepted(offer, at)
            case OfferEnded(offer=offer, reason=reason):
                self._ended(offer, reason, at)
            case PhoneChanged(extension=extension, state=state):
                self._phone(extension, state, at)
            case Joined(call=call, offer=offer):
                self._joined(call, offer)
                self._step(call, event, at)
            case CallerLeft(call=call):
                self._step(call, event, at)
                self._talk_over(call, at)
            case JoinFailed(call=call, offer=offer):
                if any(mine.id == offer for mine in self._offers_of(call)):
                    self._step(call, event, at)
            case _:
                self._step(event.call, event, at)

    def _said(self) -> list[Command]:
        said, self._out = self._out, []
        return said

    def _arrive(self, event: CallArrived, at: Moment) -> None:
        if event.call not in self.calls and event.call not in self._over:
            plan = canary_of(self.plan) if event.line == SELFTEST else self.plan
            self._apply(arrive(event, plan, at), at)

    def _press(self, event: digits.KeyEvent, at: Moment) -> None:
        if event.call not in self.calls:
            return
        self._keys[event.call], is_new = digits.fuse(self._keys.get(event.call, ()), event, at.now)
        if is_new:
            self._step(event.call, DigitPressed(event.call, event.digit), at)

    def _step(self, call_id: str, event: StepEvent, at: Moment) -> None:
        call = self.calls.get(call_id)
        if call is not None:
            self._apply(step(call, event, at), at)

    def _apply(self, stepped: Step, at: Moment) -> None:
        call, orders = stepped
        self.calls[call.id] = call
        for order in orders:
            self._carry_out(call.id, order, at)
        if call.stage is Stage.OVER:
            self._forget(call.id)

    def _carry_out(self, call: str, order: Command | Order, at: Moment) -> None:
        match order:
            case Wait(queue=queue, urgency=urgency, since=since):
                self._wait(call, queue, urgency, since, at)
            case RingPhones(phones=phones, ring_s=ring_s):
                self._ring(call, phones, ring_s, at)
            case StopWaiting():
                self._stop_waiting(call, at)
            case TellPosition():
                self._tell_position(call, at)
            case _:
                self._out.append(order)

    def _forget(self, call: str) -> None:
        self.calls.pop(call, None)
        self._keys.pop(call, None)
        self._over[call] = None
        if len(self._over) > OVER_REMEMBERED:
            self._over.pop(next(iter(self._over)))

    # ---- waiting ----

    def _wait(
        self, call: str, queue: str, urgency: Urgency | None, since: float, at: Moment
    ) -> None:
        """Put the call on the ACD. Without a free slot it still waits its patience out, with
        music, and then goes on."""
        room = self.calls[call].plan.queues.get(queue)
        needs = self._skill(queue)
        if room is None or not needs or not self._slots:
            self._out.append(commands.Note(call, "no room", queue))
            return
        target_s = room.target_s * URGENCY_SHARE[room.urgency if urgency is None else urgency]
        waiting = Waiting(
            self._slots.pop(),
            needs,
            int(since * 1000),
            int(target_s * 1000),
            room.offer_s,
            room.rest_s,
        )
        self._waiting[call] = waiting
        self._call_in[waiting.slot] = call
        self._line_up(waiting)
        self._tell_position(call, at)

    def _line_up(self, waiting: Waiting) -> None:
        self._acd.call_waits(
            waiting.slot,
            needs=waiting.needs,
            since_ms=waiting.since_ms,
            target_ms=waiting.target_ms,
        )

    def _tell_position(self, call: str, at: Moment) -> None:
        if call in self._waiting:
            self._step(call, Placed(self.position(call)), at)

    def _stop_waiting(self, call: str, at: Moment) -> None:
        if waiting := self._waiting.pop(call, None):
            self._acd.call_leaves(waiting.slot)
            del self._call_in[waiting.slot]
            self._slots.append(waiting.slot)
        for offer in self._offers_of(call):
            self._withdraw(offer, at)

    def _match(self, at: Moment) -> None:
        while (match := self._acd.next_match()) is not None:
            call = self._call_in[match.call]
            waiting = self._waiting[call]
            self._acd.call_leaves(match.call)
            agent = self._agent_in[match.agent]
            self._offer(call, agent, waiting.offer_s, waiting.rest_s, at)

    # ---- offers ----

    def _offers_of(self, call: str) -> list[Offering]:
        """Offers of a call that have not been withdrawn."""
        return [
            offer
            for offer in self.offers.values()
            if offer.call == call and offer.state is not Ringing.WITHDRAWN
        ]

    def _offer(self, call: str, agent: Agent, ring_s: float, rest_s: float, at: Moment) -> None:
        offer = Offering(self.ids(), call, agent.extension, rest_s, at.now + ring_s + OFFER_GRACE_S)
        self.offers[offer.id] = offer
        agent.offer = offer.id
        self._seat(agent)
        self._out.append(commands.Note(call, "offer", agent.extension))
        self._out.append(commands.Offer(offer.id, call, agent.extension, ring_s))

    def _ring(self, call: str, phones: tuple[str, ...], ring_s: float, at: Moment) -> None:
        for extension in phones:
            agent = self.agents.get(extension)
            if agent is not None and agent.offer is None and agent.talks_to is None:
                self._offer(call, agent, ring_s, 0.0, at)
        if not self._offers_of(call):
            self._step(call, NobodyLeft(), at)

    def _accepted(self, offer_id: str, at: Moment) -> None:
        """The first to accept has the caller; who comes too late is let go."""
        offer = self.offers.get(offer_id)
        if offer is None or offer.state is not Ringing.OPEN:
            return
        offer.state, offer.due_at = Ringing.ACCEPTED, None
        self._note(offer_id, "accepted")
        for other in self._offers_of(offer.call):
            if other is not offer:
                self._withdraw(other, at)
        self._step(offer.call, Taken(offer_id), at)

    def _withdraw(self, offer: Offering, at: Moment) -> None:
        offer.state, offer.due_at = Ringing.WITHDRAWN, at.now + OFFER_GRACE_S
        self._out.append(commands.Withdraw(offer.id))

    def _overdue(self, offer: Offering, at: Moment) -> None:
        if offer.state is not Ringing.WITHDRAWN:
            self._out.append(commands.Withdraw(offer.id))
        self._ended(offer.id, Refusal.SILENT, at)

    def _ended(self, offer_id: str, reason: Refusal, at: Moment) -> None:
        offer = self.offers.get(offer_id)
        if offer is None:
            return
        self._note(offer_id, reason.value)
        del self.offers[offer_id]
        was_withdrawn = offer.state is Ringing.WITHDRAWN
        self._let_go(offer, is_rest_due=not was_withdrawn, at=at)
        if was_withdrawn:
            return
        if offer.state is Ringing.ACCEPTED:
            self._step(offer.call, JoinFailed(offer.call, offer_id), at)
        elif waiting := self._waiting.get(offer.call):
            self._line_up(waiting)
        elif not self._offers_of(offer.call):
            self._step(offer.call, NobodyLeft(), at)

    def _let_go(self, offer: Offering, *, is_rest_due: bool, at: Moment) -> None:
        agent = self.agents.get(offer.extension)
        if agent is None or agent.offer != offer.id:
            return
        agent.offer = None
        if is_rest_due:
            agent.rests_until = at.now + max(offer.rest_s, LEAST_REST_S)
        self._seat(agent)

    def _joined(self, call: str, offer_id: str) -> None:
        offer = self.offers.get(offer_id)
        if offer is None or offer.call != call or call not in self.calls:
            return  # too late: the offer ends by itself
        del self.offers[offer_id]
        agent = self.agents.get(offer.extension)
        if agent is not None and agent.offer == offer_id:
            agent.offer, agent.talks_to = None, call
            self._seat(agent)

    def _talk_over(self, call: str, at: Moment) -> None:
        for agent in self.agents.values():
            if agent.talks_to == call:
                agent.talks_to, agent.idle_since = None, at.now
                self._seat(agent)

    def _note(self, offer_id: str, what: str) -> None:
        if offer := self.offers.get(offer_id):
            self._out.append(commands.Note(offer.call, what, offer.extension))

    # ---- agents ----

    def _phone(self, extension: str, state: PhoneState, at: Moment) -> None:
        agent = self.agents.get(extension)
        if agent is None:
            return
        if state is PhoneState.IDLE and agent.phone is PhoneState.IN_USE:
            # Whoever it was, the phone has hung up; its caller may have been passed on to another.
            agent.talks_to = None
        if state is PhoneState.IDLE and agent.phone is not PhoneState.IDLE:
            agent.idle_since = at.now
        agent.phone = state
        self._seat(agent)

    def _seat(self, agent: Agent) -> None:
        """Tell the ACD whether the agent is free."""
        if agent.is_free():
            since_ms = int(agent.idle_since * 1000)
            self._acd.agent_free(agent.slot, skills=agent.skills, since_ms=since_ms)
        else:
            self._acd.agent_busy(agent.slot)

    def _seat_agents(self) -> None:
        """Everybody with a phone, able to do what its queues ask for. Who has none any more goes,
        once nobody talks with them or rings them."""
        canary = canary_of(self.plan)
        phones = (*canary.phones, *self.plan.phones)
        for agent in list(self.agents.values()):
            is_idle = agent.offer is None and agent.talks_to is None
            if agent.extension not in phones and is_idle:
                self._acd.agent_busy(agent.slot)
                del self.agents[agent.extension], self._agent_in[agent.slot]
        seats = (slot for slot in range(AGENTS_MAX) if slot not in self._agent_in)
        for extension in [new for new in phones if new not in self.agents]:
            slot = next(seats, None)
            if slot is not None:
                self.agents[extension] = self._agent_in[slot] = Agent(extension, slot)
        for agent in self.agents.values():
            agent.skills = sum(
                self._skill(name)
                for name, queue in (*self.plan.queues.items(), *canary.queues.items())
                if agent.extension in queue.agents
            )
            self._seat(agent)

    def _skill(self, queue: str) -> int:
        """The queue's bit. Bits of queues that no plan has any more are given out again."""
        if queue not in self._skills:
            in_use = [call.plan.queues.keys() for call in self.calls.values()]
            named = {SELFTEST, *self.plan.queues}.union(*in_use)
            self._skills = {name: bit for name, bit in self._skills.items() if name in named}
            taken = set(self._skills.values())
            bits = (1 << index for index in range(SKILLS_MAX))
            self._skills[queue] = next((bit for bit in bits if bit not in taken), 0)
        return self._skills[queue]
