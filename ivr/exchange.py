"""All calls at once: who waits, whose phone rings, who is free, and what is due when.

Each call decides for itself in `ivr.call`; here its orders meet the other calls and the phones.
Which caller meets which agent is the ACD's to say. An agent is offered one call at a time, and only
while its phone is idle, talks to nobody, and neither wraps up nor rests after an offer it let pass.
A caller who waits can be had by the first who is free or is being offered to exactly one agent, and
keeps its rank in both.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from ivr import callbacks, choosing, commands, desks, digits, inside, passing, whisper
from ivr.agent import AWAY, Agent
from ivr.call import arrive, step
from ivr.callbacks import Callbacks
from ivr.canary import SELFTEST, canary_of
from ivr.commands import Command
from ivr.desks import Desk
from ivr.events import (
    AgentPaused,
    AgentResumed,
    AgentSignedIn,
    AgentSignedOut,
    AgentWrappedUp,
    CallArrived,
    CalledOut,
    CallerLeft,
    CallOutEnded,
    ClockJudged,
    DeskSet,
    DigitPressed,
    DutyEvent,
    Event,
    Held,
    HoursSwitched,
    Joined,
    JoinFailed,
    KeyBegan,
    KeyEnded,
    LeaseClosed,
    LeaseOpened,
    LeaseOwned,
    LeaseResumed,
    LeaseUnwritten,
    OfferAccepted,
    OfferEnded,
    OfferPickedUp,
    OfferRang,
    Parked,
    PartFailed,
    PhoneChanged,
    PhoneState,
    PhonesWatched,
    PlanAdopted,
    PromptEnded,
    Refusal,
    Resumed,
    SentOn,
    TalkEvent,
    TalkKeyed,
    TapEnded,
    Tapped,
    TicketClosed,
    TicketTried,
    ToneHeard,
    Transferred,
)
from ivr.hours import Switch
from ivr.lease import Instant
from ivr.leases import Leases
from ivr.matching import AGENTS_MAX, Matching, Pair, agent_of, ms, skills_of
from ivr.offering import Offering, Ringing, goes_to
from ivr.outward import Outward
from ivr.overflow import Crowd
from ivr.pace import MOVED, Paces
from ivr.plan import Plan, Queue
from ivr.pressing import Pressing
from ivr.recording import Recordings
from ivr.standing import (
    Call,
    CallOutside,
    FallBack,
    Moment,
    NobodyLeft,
    Order,
    PassedOutside,
    Placed,
    Press,
    RingPhones,
    Stage,
    Step,
    StepEvent,
    Stood,
    StopWaiting,
    Taken,
    TellCrowd,
    TellPosition,
    TimeCame,
    Wait,
)
from ivr.ticket import Ticket
from ivr.waiting import Waiting, WaitingRoom

# The network and the phone may take a little longer than the ring we asked for.
OFFER_GRACE_S = 5.0
CALLBACK_LABEL = "Call-back"  # what a phone shows that is offered one
# However a site is set, a phone that refuses at once is not rung hundreds of times a second.
LEAST_REST_S = 1.0
# Calls remembered after their end, so that a late echo of an arrival does not begin them anew.
OVER_REMEMBERED = 4096


@dataclass(slots=True)
class Exchange:
    """The clinic's telephone exchange, but for everything that touches the world."""

    plan: Plan
    ids: Callable[[], str]
    calls: dict[str, Call] = field(default_factory=dict)
    agents: dict[str, Agent] = field(default_factory=dict)
    offers: dict[str, Offering] = field(default_factory=dict)
    leases: Leases = field(default_factory=Leases)
    outward: Outward = field(init=False)
    recordings: Recordings = field(init=False)
    paces: Paces = field(default_factory=Paces)
    _room: WaitingRoom = field(default_factory=WaitingRoom)
    _keys: dict[str, digits.Keys] = field(default_factory=dict)
    _over: dict[str, None] = field(default_factory=dict)
    _matching: Matching = field(default_factory=Matching)
    _callbacks: Callbacks = field(init=False)
    _switches: Mapping[str, Switch] = field(default_factory=dict)
    _trusts_clock: bool = True
    _watches_phones: bool = True
    _desks: dict[str, Desk] = field(default_factory=dict)
    _out: list[Command] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._callbacks = Callbacks(self.ids, self.calls)
        self.outward = Outward(self.ids)
        self.recordings = Recordings(self.ids)
        self._know_agents()
        for agent in self.agents.values():
            self._matching.free(agent.extension, 0.0, 0.0)  # for nobody yet, as nobody waits

    def receive(self, event: Event, now: float, local: datetime) -> list[Command]:
        """What is to be done about an event."""
        at = self._at(now, local)
        if not (self._is_of_a_lease(event, at) or self._is_outside(event, at)):
            self._take(event, at)
        self._out += self.recordings.hear(event, self.calls, now)
        self._call_back(self._callbacks.hear(event, self.plan, self._at(now, local)), at)
        self._lead_on(at)
        self._meet(self._matching.time_is(now), at)
        return self._said()

    def next_deadline(self) -> float | None:
        """When `time_came` is wanted next."""
        due = [call.deadline for call in self.calls.values()]
        due += [offer.due_at for offer in self.offers.values()]
        due += [self._matching.next_deadline(), self.leases.next_deadline()]
        due += [self._callbacks.next_deadline(), self.recordings.next_deadline()]
        return min((at for at in due if at is not None), default=None)

    def time_came(self, now: float, local: datetime) -> list[Command]:
        """What is to be done because of the time."""
        at = self._at(now, local)
        for offer in list(self.offers.values()):
            if offer.due_at is not None and offer.due_at <= now:
                self._overdue(offer, at)
        for call in list(self.calls.values()):
            if call.deadline is not None and call.deadline <= now:
                self._step(call.id, TimeCame(), at)
        self._out += self.leases.time_came(self._instant(at))
        self._out += self.recordings.time_came(now)
        self._call_back(self._callbacks.time_came(self.plan, at), at)
        self._lead_on(at)
        self._meet(self._matching.time_is(now), at)
        return self._said()

    def position(self, call: str) -> int:
        """A waiting caller's place in its first queue, 1 being next."""
        return self._matching.position(call)

    def waiting(self) -> Mapping[str, Waiting]:
        """Callers in queues, those being offered to an agent included."""
        return self._room.calls

    # ---- events ----

    def _at(self, now: float, local: datetime) -> Moment:
        return Moment(now, local, self._switches, self._trusts_clock, self._desks)

    def _instant(self, at: Moment) -> Instant:
        return Instant(at.now, at.local if at.trusted else None, self.plan, self.ids)

    def _is_of_a_lease(self, event: Event, at: Moment) -> bool:
        """Whether it is about an urgent message alone, and has been seen to."""
        said = self.leases.receive(event, self._instant(at))
        self._out += said or ()
        return said is not None and not isinstance(event, LeaseOpened | LeaseUnwritten)

    def _is_outside(self, event: Event, at: Moment) -> bool:
        """Whether it is about a number that is called for a caller, and has been seen to."""
        if (heard := self.outward.hear(event)) is None:
            return False
        said, call, means = heard
        self._out += said
        self._step(call, means, at)
        return True

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
            case OfferPickedUp():
                self._picked_up(event, at)
            case PromptEnded(call=leg) if leg in self.offers:
                if self.offers[leg].is_told:
                    self._hand_over(self.offers[leg], at)
            case AgentWrappedUp():
                self._wrapped_up(event, at)
            case OfferEnded(offer=offer, reason=reason):
                self._ended(offer, reason, at)
            case DeskSet(extension=extension, desk=desk):
                self._desks[extension] = desk
                if (agent := self.agents.get(extension)) is not None:
                    agent.is_left_alone = desk.is_left_alone
                    self._room.has_changed = True
                    self._seat(agent, at)
            case HoursSwitched(hours=name, switch=switch):
                others = {key: one for key, one in self._switches.items() if key != name}
                self._switches = others | ({name: switch} if switch else {})
            case ClockJudged(trusted=trusted):
                self._trusts_clock = trusted
            case AgentPaused() | AgentResumed() | AgentSignedOut() | AgentSignedIn():
                self._duty(event, at)
            case PhoneChanged(extension=extension, state=state):
                self._phone(extension, state, at)
            case PhonesWatched(watched=watched):
                self._watches_phones = watched
                for agent in self.agents.values():
                    self._seat(agent, at)
            case Joined(call=call, offer=offer):
                self._joined(call, offer, at)
                self._step(call, event, at)
            case PlanAdopted(plan=plan):
                self._adopt(plan, at)
            case CallerLeft(call=call):
                self._keys.pop(call, None)
                self._step(call, event, at)
                self._talk_over(call, at)
            case CalledOut(call=call) if not self._callbacks.is_leg(call):
                self._out.append(commands.Release(call, commands.Next.DONE))  # wanted by nobody
            case CalledOut() | CallOutEnded() | TicketTried() | TicketClosed():
                pass
            case LeaseResumed() | LeaseOwned() | LeaseClosed():
                pass
            case TalkKeyed() | Tapped() | TapEnded() | PartFailed():
                pass
            case LeaseOpened(urgent=urgent) | LeaseUnwritten(urgent=urgent):
                self._step(urgent.call, event, at)
            case SentOn(call=call):
                self._talk_over(call, at)
                self._step(call, event, at)
            case Transferred() | Held() | Resumed() | Parked():
                self._talk_changes(event, at)
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
        is_leg = self._callbacks.is_leg(event.call) or event.call in self.outward.legs
        if event.call not in self.calls and not is_leg:
            return
        self._keys[event.call], is_new = digits.fuse(self._keys.get(event.call, ()), event, at.now)
        if is_new:
            pressed = DigitPressed(event.call, event.digit)
            self._step(event.call, pressed, at)
            self._is_outside(pressed, at)
            self._call_back(self._callbacks.hear(pressed, self.plan, at), at)

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
            case Wait():
                self._wait(call, order, at)
            case Press(pressing=pressing):
                self._press_on(call, pressing, at)
            case RingPhones(phones=phones, ring_s=ring_s):
                self._ring(call, phones, ring_s, at)
            case CallOutside():
                self._out.append(self.outward.calls(call, order))
            case StopWaiting():
                self._out += self.outward.stop(call)
                self._stop_waiting(call, at)
            case FallBack():
                self._out += self.outward.stop(call)
                self._leave_line(call)
                for offer in self._offers_of(call):
                    self._cede(offer, at)
            case TellPosition():
                self._tell_position(call, at)
            case TellCrowd():
                self._look(call, at)
            case commands.KeepTicket(ticket=ticket):
                self._out.append(commands.KeepTicket(replace(ticket, id=self.ids())))
            case _:
                self._out.append(order)

    def _forget(self, call: str) -> None:
        self.calls.pop(call, None)
        self._keys.pop(call, None)
        self._over[call] = None
        if len(self._over) > OVER_REMEMBERED:
            self._over.pop(next(iter(self._over)))

    # ---- calling back ----

    def tickets(self) -> Mapping[str, Ticket]:
        """Everybody who is to be called back."""
        return self._callbacks.tickets

    def doing(self, ticket: str, now: float) -> str:
        """What is being done about a call-back."""
        if ticket in self._room.calls:
            rings = "an agent's phone rings" if self._offers_of(ticket) else ""
            return rings or f"in line, place {self.position(ticket)}"
        return self._callbacks.doing(ticket, now, self.plan)

    def _call_back(self, orders: Iterable[callbacks.Order], at: Moment) -> None:
        for order in orders:
            match order:
                case callbacks.LineUp(ticket=ticket):
                    self._line_up(ticket, at)
                case callbacks.StandDown(ticket=name):
                    self._stop_waiting(name, at)
                case callbacks.LetGo(offer=name):
                    if offer := self.offers.get(name):
                        self._withdraw(offer, at)
                case commands.Release(call=leg):
                    self._keys.pop(leg, None)
                    self._out.append(order)
                case _:
                    self._out.append(order)

    def _line_up(self, ticket: Ticket, at: Moment) -> None:
        """A ticket waits as its caller would, and with the same rank."""
        queues = {ticket.queue: self.plan.queues[ticket.queue]}
        waits = Waiting(queues, ticket.since, ticket.urgency, may_be_led_on=False)
        pairs = self._matching.wait(ticket.id, waits.within_s(), ticket.since)
        if pairs is None:
            self._callbacks.no_room(ticket.id)
            return
        self._room.comes(ticket.id, waits)
        self._meet(pairs, at)

    # ---- waiting ----

    def _wait(self, call: str, order: Wait, at: Moment) -> None:
        """Put the call on the ACD. Without room there it still waits its patience out, with music,
        and then goes on."""
        known = self.calls[call].plan.queues
        rooms = {name: known[name] for name in order.queues if name in known}
        waits = Waiting(rooms, order.since, order.urgency, order.may_be_led_on, order.pressing)
        wait = self._matching.wait_aside if order.may_be_led_on else self._matching.wait
        pairs = wait(call, waits.within_s(), order.since)
        if pairs is None:
            self._out.append(commands.Note(call, "no room", order.queues[0]))
            return
        self._room.comes(call, waits)
        self._meet(pairs, at)
        if order.may_be_led_on:
            self._room.place_later(call)
            self._room.set_aside(call)
        else:
            self._tell_position(call, at)

    def _press_on(self, call: str, pressing: Pressing, at: Moment) -> None:
        """Who is more urgent moves up; while a phone rings for a call, its rank is no matter."""
        waits = self._room.press_on(call, pressing)
        if waits is not None and not self._offers_of(call):
            self._matching.leave(call)
            self._meet(self._matching.wait(call, waits.within_s(), waits.since) or [], at)

    def _tell_position(self, call: str, at: Moment) -> None:
        if (waits := self._room.calls.get(call)) is None:
            return
        place, line = self.position(call), self.paces.of[waits.first]
        if self._offers_of(call) or len(self._free_for(waits.first, at)) >= place:
            within_s = None  # it is a matter of seconds
        else:
            line.stands(at.now)
            within_s = line.within_s(place, at.now)
        self._step(call, Placed(place, within_s), at)

    def _stop_waiting(self, call: str, at: Moment) -> None:
        self._leave_line(call)
        for offer in self._offers_of(call):
            self._withdraw(offer, at)

    def _leave_line(self, call: str) -> None:
        if (left := self._room.leaves(call)) is not None:
            self._matching.leave(call)
            if not self._room.is_waited_in(left.first):
                self.paces.of[left.first].empties()

    def _lead_on(self, at: Moment) -> None:
        """Let those go on whom the rules of their queue lead elsewhere, from the last one in line:
        who stands before others stays for them to be counted behind. Nobody is led on from a queue
        twice, so this ends."""
        while self._room.has_changed:
            self._room.has_changed = False
            there: dict[tuple[str, ...], int] = {}
            for place, call in self._ruled():
                queues = tuple(self._room.calls[call].queues)
                if queues not in there:
                    there[queues] = self._there_for(queues)
                self._tell_crowd(call, Crowd(place, there[queues]), at)
        for call in self._room.not_yet_placed():
            self._tell_position(call, at)
        for call in self._room.back_from_aside():
            self._meet(self._matching.put_back(call), at)

    def _ruled(self) -> list[tuple[int, str]]:
        """Calls that may be led on, with their places, the last first; none for which a phone
        rings. Whoever goes leaves the places before them as they were."""
        rung = {o.call for o in self.offers.values() if o.state is not Ringing.WITHDRAWN}
        ruled = [
            c for c, waits in self._room.calls.items() if waits.may_be_led_on and c not in rung
        ]
        return sorted(((self._matching.position(call), call) for call in ruled), reverse=True)

    def _look(self, call: str, at: Moment) -> None:
        """The time has come to tell a call what its chances are, unless a phone rings for it."""
        self._room.tell_again(call)
        if (waits := self._room.calls.get(call)) is not None:
            crowd = Crowd(self.position(call), self._there_for(waits.queues))
            self._tell_crowd(call, crowd, at)

    def _there_for(self, queues: Iterable[str]) -> int:
        return sum(agent.is_there_for(queues) for agent in self.agents.values())

    def _tell_crowd(self, call: str, crowd: Crowd, at: Moment) -> None:
        """What a call was told last need not be told again, nor anything while a phone rings."""
        if self._room.is_news(call, crowd) and not self._offers_of(call):
            self._room.told(call, crowd)
            self._step(call, Stood(crowd), at)

    def _meet(self, pairs: list[Pair], at: Moment) -> None:
        for place, pair in enumerate(pairs):
            room = self._room.calls[pair.call].queues[pair.queue]
            agent = self.agents[pair.extension]
            self._out.append(self._why(pair, pairs[place:], at))
            self._offer(pair.call, agent, room.offer_s, room.rest_s, room.wrap_up_s, at)

    def _why(self, pair: Pair, chosen: Iterable[Pair], at: Moment) -> commands.Note:
        """What the ACD chose from, for those who ask later; those it chose next were free, too."""
        waits, agent = self._room.calls[pair.call], self.agents[pair.extension]
        free = self._matching.idle.union(each.extension for each in chosen)
        among = [each for each in self._able(pair.queue) if each.extension in free]
        urgency = waits.urgency_in(waits.queues[pair.queue])
        # The ACD counts milliseconds, and takes a rest to be over once it was told the time.
        rested = [each for each in among if ms(each.free_from) <= self._matching.told_ms]
        detail = choosing.in_words(pair.queue, urgency, waits.since, agent, rested, at.now)
        return commands.Note(pair.call, "matched", detail)

    def _free_for(self, queue: str, at: Moment) -> list[Agent]:
        """Its agents who could be offered a call now."""
        able = self._able(queue)
        return [agent for agent in able if agent.free_from <= at.now and self._is_idle(agent)]

    def _able(self, queue: str) -> Iterator[Agent]:
        member = agent_of(queue)
        return (agent for agent in self.agents.values() if member in agent.skills)

    def _is_idle(self, agent: Agent) -> bool:
        return self._watches_phones and agent.is_idle()

    # ---- offers ----

    def _offers_of(self, call: str) -> list[Offering]:
        """Offers of a call that have not been withdrawn."""
        return [
            offer
            for offer in self.offers.values()
            if offer.call == call and offer.state is not Ringing.WITHDRAWN
        ]

    def _offer(
        self,
        call: str,
        agent: Agent,
        ring_s: float,
        rest_s: float,
        wrap_up_s: float,
        at: Moment,
    ) -> None:
        due_at = at.now + ring_s + OFFER_GRACE_S
        offer = Offering(self.ids(), call, agent.extension, rest_s, wrap_up_s, due_at)
        self.offers[offer.id] = offer
        agent.offer = offer.id
        self._seat(agent, at)
        self._out.append(commands.Note(call, "offer", agent.extension))
        shows = CALLBACK_LABEL if call in self._callbacks.tickets else ""
        self._out.append(commands.Offer(offer.id, call, agent.extension, ring_s, shows))

    def _ring(self, call: str, phones: tuple[str, ...], ring_s: float, at: Moment) -> None:
        place = self.calls[call].place
        node = place.node if place.flow == inside.OURS else ""
        self._ring_as_set(call, desks.rung_for(self.plan, self._desks, node, phones), ring_s, at)

    def _ring_as_set(self, call: str, rung: desks.Rung, ring_s: float, at: Moment) -> None:
        if rung.outside is not None:
            owner = desks.owner_at(self.calls[call].place.node) or ""
            self._out.append(commands.SendOn(call, rung.outside, f"{inside.VOICEMAIL}{owner}"))
            self._step(call, PassedOutside(), at)
            return
        for extension in rung.phones:
            agent = self.agents.get(extension)
            if agent is not None and agent.offer is None and agent.talks_to is None:
                self._offer(call, agent, ring_s, 0.0, 0.0, at)
        if not self._offers_of(call):
            self._step(call, NobodyLeft(), at)

    def _accepted(self, offer_id: str, at: Moment) -> None:
        """The first to accept has the caller; who comes too late is let go."""
        offer = self.offers.get(offer_id)
        if offer is None or offer.state not in (Ringing.OPEN, Ringing.CEDED):
            return
        was, offer.state, offer.due_at = offer.state, Ringing.ACCEPTED, None
        if agent := self.agents.get(offer.extension):
            agent.missed = 0
        self._note(offer_id, "accepted")
        for other in self._offers_of(offer.call):
            if other is not offer:
                self._withdraw(other, at)
        if was is Ringing.CEDED:
            self._cede(offer, at)
        elif words := self._words_before(offer, at):
            offer.is_told, offer.due_at = True, at.now + whisper.MOST_S
            self._out.append(commands.Play(offer.id, words, self.plan.language, whisper.TAG))
        else:
            self._hand_over(offer, at)

    def _words_before(self, offer: Offering, at: Moment) -> tuple[str, ...]:
        waits, agent = self._room.calls.get(offer.call), self.agents.get(offer.extension)
        if waits is None or agent is None or offer.call in self._callbacks.tickets:
            return ()
        theirs = (q for name, q in waits.queues.items() if agent_of(name) in agent.skills)
        queue = next(theirs, waits.queues[waits.first])  # picked up by one of none of them
        call = self.calls.get(offer.call)
        return whisper.words(queue, call.about if call else "", at.now - waits.since)

    def _picked_up(self, event: OfferPickedUp, at: Moment) -> None:
        """A colleague has it instead; what rings at the colleague's own phone finds another."""
        offer, taker = self.offers.get(event.offer), self.agents.get(event.extension)
        if offer is None or taker is None or taker.extension == offer.extension:
            return
        rung = self.agents.get(offer.extension)
        self._out.append(
            commands.Note(offer.call, "picked up", f"{taker.extension} for {offer.extension}")
        )
        own = self.offers.get(goes_to(taker, offer, rung))
        if own is not None and own.call != offer.call and own.state is Ringing.OPEN:
            self._out.append(commands.Withdraw(own.id))
        if offer.state is Ringing.ACCEPTED:
            self._note(offer.id, "accepted")
        for agent in (taker, rung):
            if agent is not None:
                self._seat(agent, at)

    def _hand_over(self, offer: Offering, at: Moment) -> None:
        """The agent knows who it is, and has the caller."""
        if offer.state is not Ringing.ACCEPTED:
            return
        offer.is_told, offer.due_at, offer_id = False, None, offer.id
        self._step(offer.call, Taken(offer_id), at)
        if offer.call in self._callbacks.tickets:
            if self._room.leaves(offer.call):
                self._matching.leave(offer.call)
            self._call_back(self._callbacks.taken(offer.call, offer_id, self.plan, at), at)

    def _withdraw(self, offer: Offering, at: Moment) -> None:
        offer.state, offer.due_at = Ringing.WITHDRAWN, at.now + OFFER_GRACE_S
        self._out.append(commands.Withdraw(offer.id))

    def _cede(self, offer: Offering, at: Moment) -> None:
        """Whoever has picked up, or does yet, is joined to the caller by the fail-safe. To withdraw
        the offer would end that talk as it begins."""
        if offer.state is Ringing.ACCEPTED:
            offer.due_at = at.now + OFFER_GRACE_S
            self._out.append(commands.Cede(offer.id))
        offer.state, offer.is_told = Ringing.CEDED, False

    def _overdue(self, offer: Offering, at: Moment) -> None:
        if offer.is_told and offer.state is Ringing.ACCEPTED:
            self._hand_over(offer, at)
            return
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
        if offer.state is Ringing.ACCEPTED and not offer.is_told:
            self._step(offer.call, JoinFailed(offer.call, offer_id), at)
            self._call_back(self._callbacks.agent_left(offer_id, self.plan, at), at)
        elif offer.call in self._room.calls:
            if reason is Refusal.SILENT:
                self._missed(offer.extension, self._room.calls[offer.call].queues, at)
            self._room.has_changed = True
            if self._room.calls[offer.call].may_be_led_on:
                self._room.set_aside(offer.call)
            else:
                self._meet(self._matching.put_back(offer.call), at)
        elif not self._offers_of(offer.call):
            self._rang_in_vain(offer, reason, at)

    def _rang_in_vain(self, offer: Offering, reason: Refusal, at: Moment) -> None:
        """Its owner may have said where such calls go; once, for who goes round is not helped."""
        call = self.calls.get(offer.call)
        owner = desks.owner_at(call.place.node) if call is not None else None
        if call is None or call.stage is not Stage.RINGING or owner != offer.extension:
            self._step(offer.call, NobodyLeft(), at)
            return
        became = passing.became(reason)
        rung = desks.rung_after(self.plan, self._desks, owner, became)
        self._ring_as_set(call.id, rung, desks.THEN_RING_S, at)

    def _let_go(self, offer: Offering, *, is_rest_due: bool, at: Moment) -> None:
        agent = self.agents.get(offer.extension)
        if agent is None or agent.offer != offer.id:
            return
        agent.offer = None
        if is_rest_due:
            agent.free_from = at.now + max(offer.rest_s, LEAST_REST_S)
        self._seat(agent, at)

    def _joined(self, call: str, offer_id: str, at: Moment) -> None:
        offer = self.offers.get(offer_id)
        is_callers = offer is not None and offer.call == call and call in self.calls
        if offer is None or not (is_callers or self._callbacks.ticket_of(call) == offer.call):
            return  # too late: the offer ends by itself
        del self.offers[offer_id]
        if (waits := self._room.calls.get(call)) is not None:
            others_wait = self._room.is_waited_in(waits.first, beside=call)
            if moved := self.paces.moves(waits.first, at.now, others_wait=others_wait):
                self._out.append(commands.Note(call, MOVED, moved))
        agent = self.agents.get(offer.extension)
        if agent is not None and agent.offer == offer_id:
            agent.offer, agent.talks_to = None, call
            agent.wrap_up_s = offer.wrap_up_s
            self._seat(agent, at)

    def _talk_changes(self, event: TalkEvent, at: Moment) -> None:
        """Whoever passed the caller on has talked; who took it over talks, and wraps up later."""
        call = event.call
        self._out += passing.told(event, self.plan, self._callbacks.asked_by(call))
        if isinstance(event, Held | Resumed):
            return
        wraps_up_s = max((a.wrap_up_s for a in self._talking_to(call)), default=0.0)
        self._talk_over(call, at)
        agent = self.agents.get(passing.taker(event))
        if agent is not None and agent.offer is None:
            agent.talks_to, agent.wrap_up_s = call, wraps_up_s
            self._seat(agent, at)

    def _talking_to(self, call: str) -> list[Agent]:
        return [agent for agent in self.agents.values() if agent.talks_to == call]

    def _talk_over(self, call: str, at: Moment) -> None:
        for agent in self._talking_to(call):
            self._wrap_up(agent, at)
            self._seat(agent, at)

    def _note(self, offer_id: str, what: str) -> None:
        if offer := self.offers.get(offer_id):
            self._out.append(commands.Note(offer.call, what, offer.extension))

    # ---- agents ----

    def _wrapped_up(self, event: AgentWrappedUp, at: Moment) -> None:
        """The agent has said what the talk was about, and is free for the next."""
        agent = self.agents.get(event.extension)
        if agent is None or agent.last_talk is None:
            self._out.append(commands.Note(commands.NO_CALL, "no wrap-up", event.extension))
            return
        note = commands.Note(agent.last_talk, "wrapped up", f"{agent.extension} {event.about}")
        self._out.append(note)
        agent.last_talk = None
        agent.free_from = min(agent.free_from, at.now)
        self._seat(agent, at)

    def _duty(self, event: DutyEvent, at: Moment) -> None:
        """Who pauses or goes leaves a call that rings to be answered, or to find another."""
        agent = self.agents.get(event.extension)
        if agent is None:
            return
        match event:
            case AgentPaused(reason=reason):
                agent.pause, said = reason, "paused"
            case AgentResumed():
                agent.pause, said = None, "resumed"
            case AgentSignedOut():
                agent.signed_out, said = True, "signed out"
            case AgentSignedIn():
                agent.signed_out, agent.pause, said = False, None, "signed in"
            case _:
                assert_never(event)
        agent.missed = 0
        detail = f"{agent.extension} {agent.pause or ''}".rstrip()
        self._out.append(commands.Note(commands.NO_CALL, said, detail))
        self._room.has_changed = True
        self._seat(agent, at)

    def _missed(self, extension: str, queues: Mapping[str, Queue], at: Moment) -> None:
        """Phones that ring for nobody keep callers from those who are there. The last agent of a
        queue is never taken to be away: then somebody else's phone must ring."""
        agent = self.agents.get(extension)
        if agent is None:
            return
        agent.missed += 1
        mine = [queue for queue in queues.values() if agent_of(queue.name) in agent.skills]
        limit = min((queue.misses for queue in mine if queue.misses), default=0)
        if not limit or agent.missed < limit or not agent.is_on_duty():
            return
        others = [other for other in self.agents.values() if other is not agent]
        if all(any(other.is_there_for([queue.name]) for other in others) for queue in mine):
            self._duty(AgentPaused(agent.extension, AWAY), at)
            self._out.append(commands.TellAway(agent.extension))

    def _phone(self, extension: str, state: PhoneState, at: Moment) -> None:
        agent = self.agents.get(extension)
        if agent is None:
            return
        if state is PhoneState.IDLE and agent.phone is PhoneState.IN_USE:
            # Whoever it was, the phone has hung up; its caller may have been passed on to another.
            self._wrap_up(agent, at)
        if state is PhoneState.IDLE and agent.phone is not PhoneState.IDLE:
            agent.idle_since = max(at.now, agent.free_from)
        self._room.has_changed |= PhoneState.UNREACHABLE in (state, agent.phone)
        agent.phone = state
        if state is PhoneState.IN_USE and agent.pause == AWAY:
            self._duty(AgentResumed(extension), at)  # somebody is there
        self._seat(agent, at)

    def _wrap_up(self, agent: Agent, at: Moment) -> None:
        """The talk is over, and what remains to be done after it begins."""
        if agent.talks_to is None:
            return
        asked_by = self._callbacks.asked_by(agent.talks_to)
        if asked_by != agent.talks_to:
            self._out.append(commands.Note(asked_by, callbacks.TALKED, agent.extension))
        agent.last_talk, agent.talks_to = asked_by, None
        agent.idle_since = agent.free_from = at.now + agent.wrap_up_s

    def _seat(self, agent: Agent, at: Moment) -> None:
        """Tell the ACD whether the agent is free."""
        if self._is_idle(agent):
            pairs = self._matching.free(agent.extension, agent.idle_since, agent.free_from)
            self._meet(pairs, at)
        else:
            self._matching.busy(agent.extension)

    def _adopt(self, plan: Plan, at: Moment) -> None:
        self.plan = plan
        self._know_agents()
        for agent in self.agents.values():
            self._seat(agent, at)

    def _know_agents(self) -> None:
        """Everybody with a phone, able to do what its queues ask for. Who has none any more goes,
        once nobody talks with them or rings them."""
        canary = canary_of(self.plan)
        phones = {**canary.phones, **self.plan.phones}
        queues = (*self.plan.queues.values(), *canary.queues.values())
        for agent in list(self.agents.values()):
            is_at_rest = agent.offer is None and agent.talks_to is None
            if agent.extension not in phones and is_at_rest:
                del self.agents[agent.extension]
        for extension in phones:
            if extension not in self.agents and len(self.agents) < AGENTS_MAX:
                self.agents[extension] = Agent(extension)
        for agent in self.agents.values():
            agent.skills = skills_of(agent.extension, phones, queues)
        self._room.has_changed = True
        self._matching.adopt(queues, {a.extension: a.skills for a in self.agents.values()})
