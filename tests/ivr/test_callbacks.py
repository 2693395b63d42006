"""People who would rather be called back: what they are promised, and how it is kept."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import commands, events
from ivr.callback_talk import Promise, promise
from ivr.commands import CallOut, CloseTicket, Command, Join, Outcome, Release, Withdraw
from ivr.events import PhoneState, Refusal
from ivr.exchange import Exchange
from ivr.hours import is_open
from ivr.plan import CallBack, CallBacks, DialRule, Enqueue, Hours, Overflow, Plan, Span
from ivr.standing import Stage
from ivr.ticket import End
from tests.ivr.story import NOON, Clinic, a_clinic, finished, of, offers, spoken

NUMBER = "2025550171"
DIGITS = tuple(f"number-{digit}" for digit in NUMBER)
OFFICE = Hours("office", (Span(0, time(8), time(17)), Span(1, time(8), time(17))))
AGAIN_S = 300.0
QUARTER = timedelta(minutes=15)  # at which this office opens and closes


def calling_back(tries: int = 3) -> Plan:
    rules = CallBacks("office", tries, AGAIN_S, within_s=30 * 3600)
    plan = a_clinic(
        desk=Enqueue("desk", 600, "message", callback="call-back"),
        full=Enqueue("desk", 600, "message", overflow=(Overflow("call-back", place_over=1),)),
        call_back=CallBack("desk", "desk"),
    )
    menu = plan.flows["main"].nodes["menu"]
    choices = {**menu.choices, "6": "full", "7": "call-back"}  # type: ignore[union-attr]
    nodes = {**plan.flows["main"].nodes, "menu": replace(menu, choices=choices)}  # type: ignore[arg-type]
    return replace(
        plan,
        hours={"office": OFFICE},
        queues={**plan.queues, "desk": replace(plan.queues["desk"], callbacks=rules)},
        flows={"main": replace(plan.flows["main"], nodes=nodes)},
        dial_rules=(DialRule("9", "", 10, "telco", "2025550100"),),
    )


class Office(Clinic):
    """A clinic whose disk is well: what is to be durable, is."""

    def __init__(self, plan: Plan | None = None) -> None:
        super().__init__(plan or calling_back())
        self.is_disk_full = self.is_disk_slow = False
        self.tickets: list[str] = []

    def hears(self, *told: events.Event) -> list[Command]:
        said = super().hears(*told)
        for order in [*said]:
            said += super().hears(*self._durable(order))
        return said

    def waits(self, seconds: float) -> list[Command]:
        said = super().waits(seconds)
        for order in [*said]:
            said += super().hears(*self._durable(order))
        return said

    def _durable(self, order: Command) -> list[events.Event]:
        match order:
            case _ if self.is_disk_slow:
                return []
            case commands.KeepTicket(ticket=ticket) if self.is_disk_full:
                return [events.TicketFailed(ticket.call, ticket.id)]
            case commands.KeepTicket(ticket=ticket):
                self.tickets.append(ticket.id)
                return [events.TicketOpened(ticket)]
            case commands.TryTicket(ticket=name, call=call) if self.is_disk_full:
                return [events.TicketFailed(call, name)]
            case commands.TryTicket(ticket=name, leg=leg):
                return [events.TicketTried(name, leg)]
            case _:
                return []

    def calls_from(self, name: str, key: str, number: str = NUMBER) -> list[Command]:
        said = self.hears(events.CallArrived(name, "main", "2025550100", number, ""))
        return said + self.presses(name, key)

    def engaged(self, *phones: str) -> None:
        for phone in phones:
            self.hears(events.PhoneChanged(phone, PhoneState.IN_USE))

    def free(self, phone: str) -> list[Command]:
        return self.hears(events.PhoneChanged(phone, PhoneState.IDLE))

    def ends(self, name: str) -> list[Command]:
        """All that is being said to a caller is said, and the caller hangs up."""
        said = self.prompt_ends(name)
        return said + self.hears(events.CallerLeft(name))

    def asks(self, name: str, number: str = NUMBER) -> str:
        """Somebody asks to be called back, and is promised it; the ticket."""
        self.calls_from(name, "7", number)
        self.presses(name, "1")
        self.ends(name)
        return self.tickets[-1]

    def reserves(self, phone: str = "101") -> list[Command]:
        """An agent picks up, and has heard who it is."""
        [(offer, _, _)] = offers(self.free(phone))[:1]
        self.hears(events.OfferAccepted(offer))
        return self.hears(events.PromptEnded(offer, 1))


def leg_of(said: list[Command]) -> str:
    [call] = [c for c in said if isinstance(c, CallOut)]
    return call.call


def closed(said: list[Command]) -> list[End]:
    return [c.end for c in said if isinstance(c, CloseTicket)]


def an_office_with_a_ticket(tries: int = 3) -> tuple[Office, str]:
    office = Office(calling_back(tries))
    office.engaged("101", "102")
    return office, office.asks("anna")


def test_a_waiting_caller_is_offered_it_by_a_key_and_hears_the_number_read_back() -> None:
    office = Office()
    office.engaged("101", "102")
    said = office.calls_from("anna", "1")
    assert spoken(said)[-1] == ("please-wait", "you-are-next", "callback-offer", "number-1")
    said = office.presses("anna", "1")
    before_closing = Promise.BEFORE_CLOSING
    assert spoken(said) == [(before_closing, "callback-number-is", *DIGITS, "callback-confirm")]


def test_what_was_promised_is_durable_before_it_is_said_and_the_call_ends_as_a_call_back() -> None:
    office = Office()
    office.is_disk_slow = True
    office.calls_from("anna", "7")
    said = office.presses("anna", "1")
    [keep] = [c for c in said if isinstance(c, commands.KeepTicket)]
    assert keep.ticket.number == NUMBER
    assert NUMBER not in repr(keep)
    assert not spoken(said)
    said = office.hears(events.TicketOpened(keep.ticket))
    assert ("callback-kept",) in spoken(said)
    said = office.prompt_ends("anna")
    assert of(said, Release)
    assert finished(office.hears(events.CallerLeft("anna"))) == [Outcome.CALLBACK]


def test_with_a_full_disk_nothing_is_promised_and_the_caller_waits_on() -> None:
    office = Office()
    office.is_disk_full = True
    office.engaged("101", "102")
    office.calls_from("anna", "1")
    office.presses("anna", "1")
    assert spoken(office.presses("anna", "1")) == [("callback-failed",)]
    office.prompt_ends("anna")
    assert office.stage("anna") is Stage.QUEUED
    assert not office.exchange.tickets()


def test_who_hangs_up_before_it_is_durable_is_called_back_all_the_same() -> None:
    office = Office()
    office.is_disk_slow = True
    office.calls_from("anna", "7")
    said = office.presses("anna", "1")
    [keep] = [c for c in said if isinstance(c, commands.KeepTicket)]
    assert finished(office.hears(events.CallerLeft("anna"))) == []
    assert finished(office.hears(events.TicketOpened(keep.ticket))) == [Outcome.CALLBACK]


def test_another_number_is_keyed_read_back_and_taken() -> None:
    office = Office()
    office.engaged("101", "102")
    office.calls_from("anna", "7")
    assert spoken(office.presses("anna", "2")) == [("callback-enter",)]
    for digit in "2125550182":
        office.presses("anna", digit)
    said = office.presses("anna", "#")
    read = tuple(f"number-{digit}" for digit in "2125550182")
    assert spoken(said) == [("callback-number-is", *read, "callback-confirm")]
    office.presses("anna", "1")
    [ticket] = office.exchange.tickets().values()
    assert ticket.number == "2125550182"


@pytest.mark.parametrize("keyed", ["911", "101", "2025550100", "12", "9911"])
def test_neither_an_emergency_number_nor_ourselves_nor_a_phone_inside_is_ever_taken(
    keyed: str,
) -> None:
    office = Office()
    office.calls_from("anna", "7", number="")
    for digit in keyed:
        office.presses("anna", digit)
    said = office.presses("anna", "#")
    assert spoken(said) == [("callback-number-wrong", "callback-enter")]


def test_who_withholds_the_number_is_asked_for_one_and_silence_leads_on() -> None:
    office = Office()
    office.engaged("101", "102")
    said = office.calls_from("anna", "7", number="")
    assert spoken(said)[-1] == (Promise.BEFORE_CLOSING, "callback-enter")
    office.prompt_ends("anna")
    office.waits(10)
    office.prompt_ends("anna")
    office.waits(10)
    assert office.stage("anna") is Stage.QUEUED


@pytest.mark.parametrize(
    ("later", "means"),
    [
        (timedelta(), Promise.BEFORE_CLOSING),
        (timedelta(hours=4, minutes=45), Promise.CLOSES_SOON),
        (timedelta(hours=6), Promise.WHEN_OPEN),
        (timedelta(days=1), Promise.TODAY_ONLY),
        (timedelta(days=2), Promise.NEVER),
        (timedelta(days=-1, hours=9), Promise.WHEN_OPEN),
    ],
)
def test_what_is_promised_is_true_at_any_hour(later: timedelta, means: Promise) -> None:
    assert promise(calling_back(), "desk", NOON + later, None, trusted=True) is means


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 14 * 24 * 4), st.integers(1, 100))
def test_a_promise_tells_neither_of_an_opening_that_is_too_late_nor_of_none_that_comes(
    quarters: int, within_h: int
) -> None:
    plan = calling_back()
    rules = replace(plan.queues["desk"].callbacks or CallBacks("office"), within_s=within_h * 3600)
    plan = replace(plan, queues={"desk": replace(plan.queues["desk"], callbacks=rules)})
    local = NOON + QUARTER * quarters
    was = [is_open(OFFICE, local + QUARTER * each) for each in range(within_h * 4)]
    closes, opens = (True, False) in {*pairwise(was)}, (False, True) in {*pairwise(was)}
    said = promise(plan, "desk", local, None, trusted=True)
    assert (said is Promise.IN_TURN) == (was[0] and not closes)
    assert (said is Promise.TODAY_ONLY) == (was[0] and closes and not opens)
    assert (said in (Promise.BEFORE_CLOSING, Promise.CLOSES_SOON)) == (was[0] and opens)
    assert (said is Promise.WHEN_OPEN) == (not was[0] and opens)
    assert (said is Promise.NEVER) == (not was[0] and not opens)


def test_with_an_untrusted_clock_nothing_is_said_of_hours() -> None:
    at_night = NOON + timedelta(hours=12)
    assert promise(calling_back(), "desk", at_night, None, trusted=False) is Promise.IN_TURN


def test_a_promise_that_would_come_too_late_is_not_made() -> None:
    office = Office()
    office.engaged("101", "102")
    office.now += 2 * 24 * 3600
    said = office.calls_from("anna", "7")
    assert ("callback-not-possible",) in spoken(said)
    office.prompt_ends("anna")
    assert office.stage("anna") is Stage.QUEUED


def test_the_agent_hears_who_it_is_then_the_caller_is_dialled_and_presses_1() -> None:
    office, _ = an_office_with_a_ticket()
    office.waits(120)
    [(offer, _, extension)] = offers(office.free("101"))
    assert extension == "101"
    said = office.hears(events.OfferAccepted(offer))
    whisper = ("callback-agent", "queue-desk", "callback-agent-waited", "number-2")
    assert spoken(said) == [(*whisper, "callback-agent-number", *DIGITS)]
    assert not of(said, CallOut)
    said = office.hears(events.PromptEnded(offer, 1))
    leg = leg_of(said)
    assert [c.number for c in said if isinstance(c, CallOut)] == [NUMBER]
    assert spoken(office.hears(events.CalledOut(leg))) == [("callback-answer",)]
    assert not of(office.presses(leg, "5"), Join)
    assert of(office.presses(leg, "1"), Join) == [Join(leg, offer)]
    said = office.hears(events.Joined(leg, offer))
    assert closed(said) == [End.KEPT]
    assert [c.call for c in said if isinstance(c, commands.Note) and c.step == "called back"] == [
        "anna"
    ]
    assert office.exchange.agents["101"].talks_to == leg
    office.hears(events.CallerLeft(leg))
    assert office.exchange.agents["101"].talks_to is None
    assert not office.exchange.tickets()


def test_the_agent_hears_what_was_chosen_in_the_menu_before_a_call_back_was_asked_for() -> None:
    plan = calling_back()
    menu = replace(plan.flows["main"].nodes["menu"], about={"7": "about-refill"})  # type: ignore[arg-type]
    nodes = {**plan.flows["main"].nodes, "menu": menu}
    flows = {"main": replace(plan.flows["main"], nodes=nodes)}
    office = Office(replace(plan, flows=flows))
    office.engaged("101", "102")
    office.asks("anna")
    [(offer, _, _)] = offers(office.free("101"))
    [said] = spoken(office.hears(events.OfferAccepted(offer)))
    assert said[:3] == ("callback-agent", "queue-desk", "about-refill")


def test_nobody_is_dialled_who_still_hears_the_promise() -> None:
    office = Office()
    office.engaged("102")
    office.calls_from("anna", "7")
    [(offer, _, _)] = offers(office.presses("anna", "1"))
    office.hears(events.OfferAccepted(offer))
    assert not of(office.hears(events.PromptEnded(offer, 1)), CallOut)
    office.ends("anna")
    assert of(office.waits(2), CallOut)


def test_an_answering_machine_presses_nothing_and_is_no_person() -> None:
    office, ticket = an_office_with_a_ticket()
    leg = leg_of(office.reserves())
    asked = spoken(office.hears(events.CalledOut(leg)))
    for tag in (2, 3, 4):
        office.hears(events.PromptEnded(leg, tag))
        asked += spoken(office.waits(5.1))
    assert asked == [("callback-answer",)] * 3 + [("callback-not-reached",)]
    assert Release(leg, commands.Next.DONE) in office.said
    assert not of(office.said, Join)
    assert ticket in office.exchange.tickets()


def test_who_is_not_reached_is_tried_again_after_a_while_and_not_for_ever() -> None:
    office, _ = an_office_with_a_ticket(tries=2)
    ends = []
    for _ in range(2):
        leg = leg_of(office.reserves())
        offer = office.exchange.agents["101"].offer
        assert offer is not None
        said = office.hears(events.CallOutEnded(leg, Refusal.BUSY))
        assert spoken(said) == [("callback-not-reached",)]
        said = office.hears(events.PromptEnded(offer, 2))
        ends += closed(said)
        assert of(said, Withdraw) == [Withdraw(offer)]
        said = office.hears(events.OfferEnded(offer, Refusal.WITHDRAWN))
        office.engaged("101")
        assert not offers(office.waits(AGAIN_S - 10))
        office.waits(40)
    assert ends == [End.NOT_REACHED]
    assert not offers(office.free("101"))


def test_the_agent_who_hangs_up_costs_the_caller_neither_the_rank_nor_a_try() -> None:
    office, ticket = an_office_with_a_ticket(tries=2)
    leg = leg_of(office.reserves())
    offer = office.exchange.agents["101"].offer
    assert offer is not None
    office.hears(events.CalledOut(leg))
    said = office.hears(events.OfferEnded(offer, Refusal.REFUSED))
    assert spoken(said) == [("callback-agent-lost",)]
    assert Release(leg, commands.Next.DONE) in office.hears(events.PromptEnded(leg, 3))
    assert not offers(office.free("102"))  # not while the first attempt is alive
    said = office.hears(events.CallerLeft(leg))
    assert [(call, phone) for _, call, phone in offers(said)] == [(ticket, "102")]


def test_who_cannot_be_joined_is_told_and_called_again_at_once() -> None:
    office, ticket = an_office_with_a_ticket(tries=2)
    leg = leg_of(office.reserves())
    offer = office.exchange.agents["101"].offer
    assert offer is not None
    office.hears(events.CalledOut(leg))
    office.presses(leg, "1")
    said = office.hears(events.JoinFailed(leg, offer))
    assert spoken(said) == [("callback-agent-lost",)]
    assert Withdraw(offer) in said
    office.hears(events.OfferEnded(offer, Refusal.WITHDRAWN))
    assert Release(leg, commands.Next.DONE) in office.hears(events.PromptEnded(leg, 3))
    said = office.hears(events.CallerLeft(leg))
    assert [(call, phone) for _, call, phone in offers(said)] == [(ticket, "101")]


def test_a_leg_whose_end_nobody_tells_is_ended_and_holds_nothing_up() -> None:
    office, ticket = an_office_with_a_ticket()
    leg = leg_of(office.reserves())
    office.hears(events.CalledOut(leg))
    said = office.waits(2000)
    assert Withdraw(leg) in said
    assert office.exchange.doing(ticket, office.now).startswith("in line")


def test_an_agent_who_hangs_up_on_hearing_that_nobody_was_reached_changes_nothing() -> None:
    office, ticket = an_office_with_a_ticket(tries=2)
    leg = leg_of(office.reserves())
    offer = office.exchange.agents["101"].offer
    assert offer is not None
    office.hears(events.CallOutEnded(leg, Refusal.SILENT))
    office.hears(events.OfferEnded(offer, Refusal.REFUSED))
    assert not offers(office.free("102"))  # it rests
    assert office.exchange.doing(ticket, office.now) == "rests until the next try"


def test_while_one_agent_has_a_call_back_no_other_gets_it() -> None:
    office, _ = an_office_with_a_ticket()
    office.reserves("101")
    office.waits(31)
    assert not offers(office.free("102"))


def test_a_ticket_goes_before_those_who_came_later_and_after_those_who_came_before() -> None:
    office = Office()
    office.engaged("101", "102")
    office.calls_from("early", "1")
    office.waits(1)
    office.calls_from("anna", "1")
    office.waits(1)
    office.calls_from("late", "1")
    office.waits(60)
    office.presses("anna", "1")
    office.presses("anna", "1")
    office.ends("anna")
    [ticket] = office.tickets
    assert [office.exchange.position(one) for one in ("early", ticket, "late")] == [1, 2, 3]


def test_a_queue_that_is_too_long_leads_to_a_call_back_with_the_rank_kept() -> None:
    office = Office()
    office.engaged("101", "102")
    office.calls_from("early", "1")
    office.waits(5)
    office.calls_from("anna", "6")
    assert office.stage("anna") is Stage.OFFERING
    office.presses("anna", "9")
    assert office.stage("anna") is Stage.QUEUED
    office.calls_from("late", "1")
    assert [office.exchange.position(one) for one in ("early", "anna", "late")] == [1, 2, 3]


def test_while_the_clinic_is_closed_nobody_is_called_and_the_ticket_keeps_its_place() -> None:
    office, ticket = an_office_with_a_ticket()
    office.waits(6 * 3600)
    assert not offers(office.free("101"))
    office.engaged("101")
    office.waits(14 * 3600)
    assert office.exchange.position(ticket) == 1
    assert [call for _, call, _ in offers(office.free("101"))] == [ticket]


def test_a_promise_runs_out_by_the_wall_clock_but_not_by_one_that_cannot_be_trusted() -> None:
    office, ticket = an_office_with_a_ticket()
    office.hears(events.ClockJudged(trusted=False))
    assert closed(office.waits(31 * 3600)) == []
    assert ticket in office.exchange.tickets()
    assert closed(office.hears(events.ClockJudged(trusted=True))) == [End.EXPIRED]
    assert not office.exchange.tickets()


def test_who_got_through_otherwise_is_not_called_and_the_agent_is_free_again() -> None:
    office, ticket = an_office_with_a_ticket()
    leg = leg_of(office.reserves())
    offer = office.exchange.agents["101"].offer
    assert offer is not None
    said = office.hears(events.TicketClosed(ticket))
    assert set(of(said, Withdraw)) == {Withdraw(leg), Withdraw(offer)}
    assert closed(said) == []  # it is closed already
    office.hears(events.CallOutEnded(leg, Refusal.WITHDRAWN))
    assert office.exchange.next_deadline() is None or not offers(office.waits(3600))


def test_a_ticket_left_by_an_exchange_before_us_is_in_line_with_its_old_rank() -> None:
    before, ticket_id = an_office_with_a_ticket()
    ticket = before.exchange.tickets()[ticket_id]
    office = Office()
    office.engaged("101", "102")
    office.now = before.now + 30
    office.calls_from("late", "1")
    office.hears(events.TicketOpened(ticket))
    assert [office.exchange.position(one) for one in (ticket_id, "late")] == [1, 2]


class Fair(Exchange):
    """Whoever stands in line before one who is offered is being offered to somebody already."""

    def receive(self, event: events.Event, now: float, local: datetime) -> list[Command]:
        return self._judged(super().receive(event, now, local))

    def time_came(self, now: float, local: datetime) -> list[Command]:
        return self._judged(super().time_came(now, local))

    def _judged(self, said: list[Command]) -> list[Command]:
        waiting = self.waiting()
        rung = {offer.call for offer in self.offers.values()}
        for chosen in [c.call for c in said if isinstance(c, commands.Offer) and c.call in waiting]:
            mine = waiting[chosen].deadline()
            assert {c for c, waits in waiting.items() if waits.deadline() < mine} <= rung
        return said


def let_go(leg: str) -> Release:
    return Release(leg, commands.Next.DONE)


class Fate:
    """What happens to a clinic, and which of our calls are alive at the telephone company."""

    def __init__(self) -> None:
        self.office = Office()
        self.office.exchange = Fair(self.office.exchange.plan, self.office.exchange.ids)
        self.office.engaged("101", "102")
        self.alive: dict[str, str] = {}  # leg -> ticket, from the order to call until its end
        self.ended: set[Command] = set()

    def happens(self, what: str, which: int, name: str) -> None:
        office = self.office
        offer = _one_of(list(office.exchange.offers), which)
        leg = _one_of(list(self.alive), which)
        phone = ("101", "102")[which % 2]
        match what:
            case "call":
                self.hears(office.calls_from(name, "1"))
            case "ask":
                self.hears(office.calls_from(name, "1"))
                self.hears(office.waits(5.0 * which))
                if name in office.exchange.waiting():
                    for key in "11":
                        self.hears(office.presses(name, key))
                    self.hears(office.ends(name))
            case "free":
                self.hears(office.free(phone))
            case "busy":
                office.engaged(phone)
            case "accept":
                self.hears(office.hears(events.OfferAccepted(offer)))
                self.hears(office.hears(events.PromptEnded(offer, 1)))
            case "reached":
                self.hears(office.hears(events.CalledOut(leg)))
                self.hears(office.presses(leg, "1"))
            case "joined":
                self.hears(office.hears(events.Joined(leg, offer)))
            case "said":
                told = [events.PromptEnded(one, tag) for one in (offer, leg) for tag in (2, 3)]
                self.hears(office.hears(*told))
            case "leg ends" if self.alive.pop(leg, None):
                self.hears(office.hears(events.CallOutEnded(leg, Refusal.SILENT)))
            case "caller leaves" if self.alive.pop(leg, None):
                self.hears(office.hears(events.CallerLeft(leg)))
            case "offer ends":
                self.hears(office.hears(events.OfferEnded(offer, Refusal.REFUSED)))
            case "wait":
                self._let_go()
                self.hears(office.waits(which * 10.0))
            case "cancel":
                ticket = _one_of(list(office.exchange.tickets()), which)
                self.hears(office.hears(events.TicketClosed(ticket)))
            case _:
                pass

    def _let_go(self) -> None:
        """The telephone company ends what it was told to end; that may take a moment."""
        for leg in [leg for leg in self.alive if {Withdraw(leg), let_go(leg)} & self.ended]:
            del self.alive[leg]
            self.hears(self.office.hears(events.CallerLeft(leg)))

    def hears(self, said: list[Command]) -> None:
        """Of what we order, the telephone company does the calls."""
        self.ended |= {order for order in said if isinstance(order, Withdraw | Release)}
        tried = {o.leg: o.ticket for o in self.office.said if isinstance(o, commands.TryTicket)}
        for order in said:
            if isinstance(order, CallOut):
                assert tried[order.call] not in self.alive.values(), "two attempts at one ticket"
                self.alive[order.call] = tried[order.call]


def _one_of(names: list[str], which: int) -> str:
    return names[which % len(names)] if names else "nobody"


FATES = ("call", "ask", "ask", "free", "free", "busy", "accept", "accept", "reached", "joined",
         "said", "leg ends", "caller leaves", "offer ends", "wait", "cancel")  # fmt: skip


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from(FATES), st.integers(0, 7)), min_size=10, max_size=60))
def test_one_attempt_is_alive_for_each_ticket_and_no_later_caller_overtakes(
    steps: list[tuple[str, int]],
) -> None:
    fate = Fate()
    for n, (what, which) in enumerate(steps):
        fate.happens(what, which, f"call-{n}")


def test_nobody_is_lost_whose_queue_calls_back_no_more_and_the_rank_is_there_when_it_does() -> None:
    office = Office()
    office.engaged("101", "102", "103")
    ticket = office.asks("ann")
    without = {"desk": replace(office.exchange.plan.queues["desk"], callbacks=None)}
    plan = office.exchange.plan
    office.hears(events.PlanAdopted(replace(plan, queues={**plan.queues, **without})))
    assert offers(office.free("101")) == []
    office.engaged("101")
    since = office.exchange.tickets()[ticket].since
    said = office.waits(31 * 3600)  # longer than such a promise lasts
    assert closed(said) == []
    assert office.exchange.doing(ticket, office.now) == "nobody: its queue has no callbacks now"
    anew = CallBacks("office", within_s=90 * 3600)
    renewed = {"desk": replace(plan.queues["desk"], callbacks=anew)}
    office.now -= 31 * 3600 - 60  # for the story's sake the same noon
    office.hears(events.PlanAdopted(replace(plan, queues={**plan.queues, **renewed})))
    assert office.exchange.doing(ticket, office.now).startswith("in line, place 1")
    assert office.exchange.tickets()[ticket].since == since
