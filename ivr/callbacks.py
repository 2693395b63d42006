"""Everybody who was promised a call-back, and the one attempt that may be alive for each.

A ticket stands in line like a caller, with the rank it always had, while its queue calls people
back. When its turn comes an agent is reserved and hears who it is; only then the caller is dialled,
who must press 1: an answering machine is not a person.

    in line -> WHISPER -> WRITING -> DIALLING -> ASKING -> JOINING -> they talk: it is fulfilled
                  |          |           |          |         |
                  '----------'-----------'----------'---------'-> PARTING -> in line again after a
                                                    while, or closed once tried often enough

That the caller is about to be dialled is durable before it is done: whoever finds the ticket after
our death knows which leg to look for. Waiting is by the monotonic clock; only when a promise
expires is a matter of the wall clock, and not while that cannot be trusted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ivr import commands, events
from ivr.call import JOIN_S
from ivr.callback_talk import (
    ASK,
    LOST,
    NOT_REACHED,
    NUMBER,
    WAITED,
    WHISPER,
    queue_prompt,
)
from ivr.commands import Command
from ivr.hours import answer_in
from ivr.plan import CallBacks, Plan
from ivr.speaking import SPEECH_MAX_S
from ivr.spoken import digits_spoken
from ivr.standing import Moment
from ivr.ticket import End, Ticket

LOOK_EVERY_S = 30.0  # at hours that open and promises that expire
ANSWER_S = 5.0  # for the key, after it was asked for
ASKED = 3  # times
# The network may take a little longer than the ring that we asked for.
RING_GRACE_S = 5.0
# A leg of ours that has been let go is gone soon; its end may have been told to nobody.
GONE_S = 10.0
STILL_HERE_S = 1.0
WRITTEN_WITHIN_S = 10.0
ACCEPTS = "1"

# Steps of the call that asked: the promise was kept, and that agent's part of the talk is over.
CALLED_BACK, TALKED = "called back", "call-back talk"


class Phase(StrEnum):
    """How far an attempt has come."""

    WHISPER = "whisper"
    WRITING = "writing"
    DIALLING = "dialling"
    ASKING = "asking"
    JOINING = "joining"
    PARTING = "parting"


@dataclass(frozen=True, slots=True)
class LineUp:
    """Order: the ticket stands in line; its turn is told by `taken`."""

    ticket: Ticket


@dataclass(frozen=True, slots=True)
class StandDown:
    """Order: the ticket stands in line no more, and no phone rings for it."""

    ticket: str


@dataclass(frozen=True, slots=True)
class LetGo:
    """Order: the agent is free again."""

    offer: str


Order = Command | LineUp | StandDown | LetGo


@dataclass(slots=True)
class Attempt:
    """The one try at one ticket: an agent who is reserved, and the leg that is called."""

    ticket: str
    offer: str
    leg: str
    until: float
    phase: Phase = Phase.WHISPER
    tag: int = 1
    asked: int = 0
    has_agent: bool = True
    has_leg: bool = False
    is_our_fault: bool = False  # that it came to nothing: it is no try
    rests: bool = True  # before the next one


@dataclass(slots=True)
class Callbacks:
    """All tickets of the clinic."""

    ids: Callable[[], str]
    calls: Mapping[str, object]  # of callers who are with us
    tickets: dict[str, Ticket] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)  # by ticket: never two
    talks: dict[str, str] = field(default_factory=dict)  # of legs, with the call that asked
    next_look: float | None = None
    _in_line: set[str] = field(default_factory=set)

    def next_deadline(self) -> float | None:
        due = [attempt.until for attempt in self.attempts.values()]
        if self.tickets and self.next_look is not None:
            due.append(self.next_look)
        return min(due, default=None)

    def ticket_of(self, leg: str) -> str | None:
        """The ticket for which this leg was called, while the attempt lives."""
        return next((a.ticket for a in self.attempts.values() if a.leg == leg), None)

    def is_leg(self, leg: str) -> bool:
        return self.ticket_of(leg) is not None

    def asked_by(self, leg: str) -> str:
        """The call whose rows tell of a talk: for a leg of ours, the one that asked for it."""
        return self.talks.get(leg, leg)

    def doing(self, ticket_id: str, now: float, plan: Plan) -> str:
        """Of one that does not stand in line."""
        if attempt := self.attempts.get(ticket_id):
            return f"attempt: {attempt.phase}"
        ticket = self.tickets.get(ticket_id)
        if ticket is not None and calls_nobody(plan, ticket.queue):
            return "nobody: its queue has no callbacks now"
        rests = ticket is not None and ticket.again_at > now
        return "rests until the next try" if rests else "waits for open hours"

    # ---- in line, or not ----

    def look(self, plan: Plan, at: Moment) -> list[Order]:
        """Who stands in line now, and whose promise has run out."""
        orders: list[Order] = []
        for ticket in list(self.tickets.values()):
            if ticket.id not in self.attempts:
                orders += self._place(ticket, plan, at)
        resting = (t.again_at for t in self.tickets.values() if t.again_at > at.now)
        self.next_look = min((*resting, at.now + LOOK_EVERY_S))
        return orders

    def _place(self, ticket: Ticket, plan: Plan, at: Moment) -> list[Order]:
        if calls_nobody(plan, ticket.queue):
            return self._step_aside(ticket)  # nor does it expire: somebody must see to it
        if at.trusted and at.local >= ticket.expires:
            return self._close(ticket, End.EXPIRED)
        if self._may_be_called(ticket, plan, at):
            if ticket.id in self._in_line:
                return []
            self._in_line.add(ticket.id)
            return [LineUp(ticket)]
        return self._step_aside(ticket)

    def _step_aside(self, ticket: Ticket) -> list[Order]:
        if ticket.id not in self._in_line:
            return []
        self._in_line.discard(ticket.id)
        return [StandDown(ticket.id)]

    def no_room(self, ticket: str) -> None:
        """The line was full; it tries again at the next look."""
        self._in_line.discard(ticket)

    def _may_be_called(self, ticket: Ticket, plan: Plan, at: Moment) -> bool:
        rules = rules_of(plan, ticket)
        switch = at.switches.get(rules.hours)
        is_open = answer_in(plan, rules.hours, at.local, switch, trusted=at.trusted).is_open
        return is_open and at.now >= ticket.again_at

    def _close(self, ticket: Ticket, end: End) -> list[Order]:
        del self.tickets[ticket.id]
        aside = self._step_aside(ticket)
        return [*aside, commands.CloseTicket(ticket.id, ticket.call, end)]

    # ---- an attempt ----

    def taken(self, ticket_id: str, offer: str, plan: Plan, at: Moment) -> list[Order]:
        """Its turn has come: this agent is reserved for it, and hears who it is."""
        ticket = self.tickets.get(ticket_id)
        if ticket is None or ticket_id in self.attempts:
            return [LetGo(offer)]
        self._in_line.discard(ticket_id)
        attempt = Attempt(ticket_id, offer, self.ids(), at.now + SPEECH_MAX_S)
        self.attempts[ticket_id] = attempt
        minutes = str(max(0, round((at.now - ticket.since) / 60)))
        who = (
            *(WHISPER, queue_prompt(ticket.queue), *filter(None, (ticket.about,))),
            *(WAITED, *digits_spoken(minutes)),
            *(NUMBER, *digits_spoken(ticket.number)),
        )
        return [
            commands.StartMusic(offer),
            commands.Play(offer, who, plan.language, attempt.tag),
        ]

    def hear(self, event: events.Event, plan: Plan, at: Moment) -> list[Order]:
        """What is to be done about an event; most concern no call-back."""
        match event:
            case events.TicketOpened(ticket=ticket):
                if ticket.id in self.tickets:
                    return []
                self.tickets[ticket.id] = ticket
                return self.look(plan, at)
            case events.TicketClosed(ticket=name):
                return self._unwanted(name, plan, at)
            case events.HoursSwitched() | events.ClockJudged() | events.PlanAdopted():
                return self.look(plan, at)
            case events.TicketTried(ticket=name, leg=leg):
                return self._dial(self.attempts.get(name), leg, plan, at)
            case events.TicketFailed(ticket=name) if attempt := self.attempts.get(name):
                attempt.is_our_fault = True
                return self._not_reached(attempt, plan, at)
            case events.CalledOut(call=call) if attempt := self._by_leg(call):
                return self._answered(attempt, at)
            case events.DigitPressed(call=call, digit=digit) if attempt := self._by_leg(call):
                return self._key(attempt, digit, at)
            case events.PromptEnded(call=call, tag=tag) if attempt := self._by_either(call):
                return self._spoken(attempt, call, tag, plan, at)
            case events.Joined(call=call) if attempt := self._by_leg(call):
                return self._talks(attempt)
            case events.JoinFailed(call=call) if attempt := self._by_leg(call):
                return self._not_joined(attempt, plan, at)
            case events.CallerLeft(call=call) if self.talks.pop(call, None):
                return []
            case (
                events.CallOutEnded(call=call)
                | events.CallerLeft(call=call)
                | events.AudioLost(call=call)
                | events.FellToFailsafe(call=call)
            ):
                return self._leg_gone(call, plan, at)
            case _:
                return []

    def agent_left(self, offer: str, plan: Plan, at: Moment) -> list[Order]:
        """The agent hung up, or was never really there."""
        attempt = next((a for a in self.attempts.values() if a.offer == offer), None)
        if attempt is None:
            return []
        attempt.has_agent = False
        if attempt.phase is Phase.PARTING:
            return self._part(attempt, plan, at)
        if attempt.phase in (Phase.ASKING, Phase.JOINING):
            return self._not_joined(attempt, plan, at)
        attempt.is_our_fault, attempt.rests = True, False
        if attempt.phase is Phase.DIALLING:
            attempt.rests = True  # a telephone that rang in vain rings again only after a while
            attempt.phase, attempt.until = Phase.PARTING, at.now + GONE_S
            return [commands.Withdraw(attempt.leg)]
        return self._part(attempt, plan, at)

    def _not_joined(self, attempt: Attempt, plan: Plan, at: Moment) -> list[Order]:
        """Somebody is there to whom we owe a talk, and who is called again at once."""
        attempt.is_our_fault, attempt.rests = True, False
        attempt.phase, attempt.until = Phase.PARTING, at.now + SPEECH_MAX_S
        attempt.tag += 1
        ticket = self.tickets.get(attempt.ticket)
        language = ticket.language if ticket else plan.language
        sorry = commands.Play(attempt.leg, (LOST,), language, attempt.tag)
        return [*self._dismiss(attempt), sorry]

    def time_came(self, plan: Plan, at: Moment) -> list[Order]:
        orders: list[Order] = []
        for attempt in [a for a in self.attempts.values() if a.until <= at.now]:
            orders += self._overdue(attempt, plan, at)
        if self.next_look is not None and self.next_look <= at.now:
            orders += self.look(plan, at)
        return orders

    def _overdue(self, attempt: Attempt, plan: Plan, at: Moment) -> list[Order]:
        match attempt.phase:
            case Phase.ASKING if attempt.asked < ASKED:
                return self._ask(attempt, at)
            case Phase.PARTING:
                # Nobody tells us any more what became of it; whatever did, it ends now.
                end = [commands.Withdraw(attempt.leg)] if attempt.has_leg else []
                attempt.has_leg = False
                return [*end, *self._dismiss(attempt), *self._part(attempt, plan, at)]
            case Phase.WHISPER:
                return self._write(attempt, at)  # speech whose end was not told
            case Phase.JOINING:
                return self._not_joined(attempt, plan, at)
            case _:
                return self._not_reached(attempt, plan, at)

    def _write(self, attempt: Attempt, at: Moment) -> list[Order]:
        if self.tickets[attempt.ticket].call in self.calls:
            attempt.until = at.now + STILL_HERE_S  # its line is busy with our own promise
            return []
        attempt.phase, attempt.until = Phase.WRITING, at.now + WRITTEN_WITHIN_S
        ticket = self.tickets[attempt.ticket]
        return [commands.TryTicket(ticket.id, ticket.call, attempt.leg)]

    def _dial(self, attempt: Attempt | None, leg: str, plan: Plan, at: Moment) -> list[Order]:
        if attempt is None or attempt.leg != leg or attempt.phase is not Phase.WRITING:
            return []
        before = self.tickets[attempt.ticket]
        ticket = self.tickets[before.id] = replace(before, tries=before.tries + 1, leg=leg)
        ring_s = rules_of(plan, ticket).ring_s
        attempt.phase, attempt.until = Phase.DIALLING, at.now + ring_s + RING_GRACE_S
        attempt.has_leg = True
        return [
            commands.Note(attempt.ticket, "dials", f"try {ticket.tries}"),
            commands.CallOut(attempt.leg, ticket.number, ring_s),
        ]

    def _answered(self, attempt: Attempt, at: Moment) -> list[Order]:
        if attempt.phase is not Phase.DIALLING:
            return [commands.Release(attempt.leg, commands.Next.DONE)]
        return self._ask(attempt, at)

    def _ask(self, attempt: Attempt, at: Moment) -> list[Order]:
        attempt.phase, attempt.until = Phase.ASKING, at.now + SPEECH_MAX_S
        attempt.asked += 1
        attempt.tag += 1
        language = self.tickets[attempt.ticket].language
        return [commands.Play(attempt.leg, (ASK,), language, attempt.tag)]

    def _key(self, attempt: Attempt, digit: str, at: Moment) -> list[Order]:
        if attempt.phase is not Phase.ASKING or digit != ACCEPTS:
            return []
        attempt.phase, attempt.until = Phase.JOINING, at.now + JOIN_S
        stop = [commands.StopPlaying(leg) for leg in (attempt.leg, attempt.offer)]
        return [*stop, commands.Join(attempt.leg, attempt.offer)]

    def _spoken(self, attempt: Attempt, call: str, tag: int, plan: Plan, at: Moment) -> list[Order]:
        if tag != attempt.tag:
            return []
        match attempt.phase:
            case Phase.WHISPER if call == attempt.offer:
                return self._write(attempt, at)
            case Phase.ASKING if call == attempt.leg:
                attempt.until = at.now + ANSWER_S
                return []
            case Phase.PARTING if call == attempt.leg:
                attempt.until = at.now + GONE_S
                return [commands.Release(attempt.leg, commands.Next.DONE)]
            case Phase.PARTING:
                attempt.until = at.now + GONE_S
                return [*self._dismiss(attempt), *self._part(attempt, plan, at)]
            case _:
                return []

    def _talks(self, attempt: Attempt) -> list[Order]:
        """The promise is kept. What the staff withdrew meanwhile is closed already."""
        del self.attempts[attempt.ticket]
        ticket = self.tickets.pop(attempt.ticket, None)
        if ticket is None:
            return []
        self.talks[attempt.leg] = ticket.call
        return [
            commands.Note(ticket.id, "joined", ""),
            commands.Note(ticket.call, CALLED_BACK, ticket.id),
            commands.CloseTicket(ticket.id, ticket.call, End.KEPT),
        ]

    def _leg_gone(self, leg: str, plan: Plan, at: Moment) -> list[Order]:
        attempt = self._by_leg(leg)
        if attempt is None:
            return []
        attempt.has_leg = False
        if attempt.phase is Phase.PARTING:
            return self._part(attempt, plan, at)
        return self._not_reached(attempt, plan, at)

    def _not_reached(self, attempt: Attempt, plan: Plan, at: Moment) -> list[Order]:
        """The agent is told, and the caller's leg, if there is one, ends."""
        orders: list[Order] = []
        was, attempt.phase = attempt.phase, Phase.PARTING
        attempt.until = at.now + (SPEECH_MAX_S if attempt.has_agent else GONE_S)
        if attempt.has_leg and was is Phase.DIALLING:
            orders.append(commands.Withdraw(attempt.leg))
        elif attempt.has_leg:
            orders.append(commands.Release(attempt.leg, commands.Next.DONE))
        ticket = self.tickets.get(attempt.ticket)
        if attempt.has_agent and ticket is not None:
            attempt.tag += 1
            orders.append(commands.Play(attempt.offer, (NOT_REACHED,), plan.language, attempt.tag))
        return orders

    def _part(self, attempt: Attempt, plan: Plan, at: Moment) -> list[Order]:
        """Once nobody of either side is left, the ticket rests, or has been tried often enough."""
        if attempt.has_leg or attempt.has_agent:
            return []
        del self.attempts[attempt.ticket]
        ticket = self.tickets.get(attempt.ticket)
        if ticket is None:
            return []
        rules = rules_of(plan, ticket)
        if not attempt.is_our_fault and ticket.tries >= rules.tries:
            return self._close(ticket, End.NOT_REACHED)
        rest_s = rules.again_s if attempt.rests else 0.0
        self.tickets[ticket.id] = replace(ticket, again_at=at.now + rest_s)
        return self.look(plan, at)

    def _dismiss(self, attempt: Attempt) -> list[Order]:
        """The agent, if still there, is free again."""
        if not attempt.has_agent:
            return []
        attempt.has_agent = False
        return [LetGo(attempt.offer)]

    def _unwanted(self, name: str, plan: Plan, at: Moment) -> list[Order]:
        ticket = self.tickets.pop(name, None)
        if ticket is None:
            return []
        aside = self._step_aside(ticket)
        attempt = self.attempts.get(name)
        if attempt is None or attempt.phase is Phase.JOINING:
            return aside
        parted = [*self._not_reached(attempt, plan, at), *self._dismiss(attempt)]
        return [*aside, *parted, *self._part(attempt, plan, at)]

    def _by_leg(self, leg: str) -> Attempt | None:
        return next((a for a in self.attempts.values() if a.leg == leg), None)

    def _by_either(self, name: str) -> Attempt | None:
        return next((a for a in self.attempts.values() if name in (a.leg, a.offer)), None)


def calls_nobody(plan: Plan, queue: str) -> bool:
    """Whether the queue, if there is one, calls people back no more."""
    found = plan.queues.get(queue)
    return found is None or found.callbacks is None


def rules_of(plan: Plan, ticket: Ticket) -> CallBacks:
    """How this ticket's queue calls back. One that a newer plan has no rules for is kept by those
    that every queue begins with, and called at no time."""
    queue = plan.queues.get(ticket.queue)
    return (queue.callbacks if queue else None) or CallBacks(hours="")
