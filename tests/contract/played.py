"""A clinic played: the real exchange on the fake pair, and a clock that leaps to what is due."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count
from random import Random

from firmware.asterisk.fake import PROMPT_S, FakePair
from firmware.ledger import JOINED, UNHEARD, Arrived, Finished, Moment, Noted, Row
from ivr import commands, events
from ivr.exchange import Exchange
from ivr.identity import Verdict
from ivr.plan import Parking, Plan
from tests.ivr.story import BEGAN, NOON

PIN = "2580"
Watch = Callable[[events.Event | None, list[commands.Command]], None]


STUCK = 1000


class Stuck(Exception):  # noqa: N818 - it is what happened, and the name says so
    """The exchange asks for a time that has come, again and again."""


class Unbalanced(Exception):  # noqa: N818 - it is what happened, and the name says so
    """A caller is lost, or counted twice."""


class Played:
    """Whatever the exchange says is carried out and written down at the moment it is said; after
    each of its steps the sum of callers is drawn."""

    def __init__(
        self,
        plan: Plan,
        chance: Random,
        *,
        began: datetime = NOON,
        spoken_s: Callable[[tuple[str, ...]], float] = lambda prompts: PROMPT_S * len(prompts),
        parking: Parking = Parking(),  # noqa: B008 - frozen
    ) -> None:
        offers = count(1)
        self._ids = lambda: f"offer-{next(offers)}"
        self._plan = plan
        self.exchange = Exchange(plan, self._ids)
        self.pair = FakePair(plan.phones, chance, spoken_s=spoken_s, parking=parking)
        self.now = BEGAN
        self.rows: list[Row] = []
        self.steps = 0
        self.offered: set[str] = set()
        self.finished: Counter[commands.Outcome] = Counter()
        self.watch: Watch = lambda event, said: None
        self._ended: set[str] = set()
        self._unfound: frozenset[str] = frozenset()  # calls without an end, which none has now
        self._due = (BEGAN, 0)  # how often the exchange has been told of this time
        self.promised: set[str] = set()  # call-backs that are durable, and closed not yet
        self.urgent: set[str] = set()  # messages likewise
        self._began = began - timedelta(seconds=BEGAN)

    @property
    def local(self) -> datetime:
        return self._began + timedelta(seconds=self.now)

    def moment(self) -> Moment:
        return Moment(self.local, round(self.now * 1000))

    def hears(self, event: events.Event) -> None:
        if isinstance(event, events.CallArrived) and event.call not in self.offered:
            self.offered.add(event.call)
            number, name = event.number, event.name
            self.rows.append(
                Arrived(event.call, event.line, event.dialled, number, name, self.moment())
            )
        match event:
            case events.TicketOpened(ticket=ticket):
                self.promised.add(ticket.id)
            case events.LeaseOpened(urgent=urgent):
                self.urgent.add(urgent.id)
            case events.LeaseClosed(lease=name):
                self.urgent.discard(name)
            case _:
                pass
        self._done(event, self.exchange.receive(event, self.now, self.local))

    def ends(self) -> None:
        """The exchange is killed."""
        self.pair.exchange_ends(self.now)
        self._unfound = frozenset(self.exchange.calls)
        self.exchange = Exchange(self._plan, self._ids)

    def begins(self) -> None:
        """Another one. What has ended meanwhile has an end, as `App._settle` gives it."""
        moment, gone = self.moment(), self._unfound - self.pair.live
        talks = {row.call for row in self.rows if isinstance(row, Noted) and row.step == JOINED}
        for call in sorted(gone):
            outcome = commands.Outcome.ANSWERED if call in talks else commands.Outcome.FAILSAFE
            self.rows += [Noted(call, UNHEARD, "", moment), Finished(call, outcome, moment)]
            self._finish(call, outcome)
        self._unfound -= gone
        self.pair.exchange_begins(self.now)

    def next_at(self) -> float | None:
        """When something happens next of itself."""
        due = (self.exchange.next_deadline(), self.pair.next_at())
        return min((at for at in due if at is not None), default=None)

    def turn(self) -> None:
        """What is due now; the exchange's own deadline comes first, as in its loop."""
        due = self.exchange.next_deadline()
        if due is not None and due <= self.now:
            self._is_not_stuck()
            self._done(None, self.exchange.time_came(self.now, self.local))
            return
        for event in self.pair.told(self.now):
            self.hears(event)

    def _is_not_stuck(self) -> None:
        """What is due is done; it does not stay due, which would be a loop that never ends."""
        at, times = self._due
        self._due = (at, times + 1) if at == self.now else (self.now, 1)
        if times > STUCK:
            raise Stuck(f"still due at {self.now}: {self.exchange.calls}")

    def until(self, end: float) -> None:
        """Lets the time pass."""
        while (at := self.next_at()) is not None and at <= end:
            self.now = max(self.now, at)
            self.turn()
        self.now = max(self.now, end)

    def _done(self, event: events.Event | None, said: list[commands.Command]) -> None:
        self.steps += 1
        moment = self.moment()
        for command in said:
            if (kept := _kept(command)) is not None:
                self.pair.pass_on(kept, self.now)
            match command:
                case commands.Note(call=call, step=step, detail=detail):
                    self.rows.append(Noted(call, step, detail, moment))
                case commands.Finish(call=call, outcome=outcome):
                    self.rows.append(Finished(call, outcome, moment))
                    self._finish(call, outcome)
                case commands.CloseTicket(ticket=ticket):
                    self.promised.remove(ticket)
                case _:
                    pass
        self.pair.perform(said, self.now)
        self._balance()
        self.watch(event, said)

    def _finish(self, call: str, outcome: commands.Outcome) -> None:
        if call in self._ended:
            raise Unbalanced(f"{call} has ended a second time, as {outcome}")
        self._ended.add(call)
        self.finished[outcome] += 1

    def _balance(self) -> None:
        if self.promised != self.exchange.tickets().keys():
            raise Unbalanced(f"promised {self.promised}, known {set(self.exchange.tickets())}")
        lost = self.urgent - self.exchange.leases.open.keys()
        idle = [name for name, lease in self.exchange.leases.open.items() if lease.deadline is None]
        if lost or idle:
            raise Unbalanced(f"urgent messages that nobody sees to: {lost or idle}")
        self._unfound -= self.exchange.calls.keys()
        in_progress = len(self.exchange.calls) + len(self._unfound)
        if len(self.offered) != self.finished.total() + in_progress:
            raise Unbalanced(
                f"{len(self.offered)} offered, {dict(self.finished)}, {in_progress} in progress"
            )


def _kept(order: commands.Command) -> events.Event | None:
    """What the stores answer: they keep all, know none of the patients, and one PIN."""
    match order:
        case commands.KeepRequest(call=call, tag=tag):
            return events.RequestKept(call, tag)
        case commands.Identify(call=call, tag=tag):
            return events.IdentityChecked(call, tag, Verdict.UNKNOWN)
        case commands.KeepTicket(ticket=ticket):
            return events.TicketOpened(ticket)
        case commands.TryTicket(ticket=name, leg=leg):
            return events.TicketTried(name, leg)
        case commands.CheckPin(call=call, pin=pin):
            return events.PinChecked(call, pin == PIN)
        case commands.OpenLease(urgent=urgent):
            return events.LeaseOpened(urgent)
        case commands.OwnLease(lease=lease, person=person):
            return events.LeaseOwned(lease, person)
        case commands.CloseLease(lease=lease, by=by, how=how):
            return events.LeaseClosed(lease, by, how)
        case _:
            return None
