"""Yesterday's calls through today's plan: who would go elsewhere?"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import choosing, events
from ivr.asking import Kind, Question
from ivr.commands import Finish, Identify, KeepRequest, KeepTicket, Note, OpenLease, Record
from ivr.events import PhoneState, Refusal
from ivr.form import RequestKind, TakeRequest
from ivr.hours import Switch
from ivr.identity import AskIdentity, Factor, Verdict
from ivr.offering import Ringing
from ivr.overflow import Crowd
from ivr.plan import (
    CallBack,
    CallBacks,
    DialRule,
    Enqueue,
    Goto,
    Hours,
    HoursFork,
    Menu,
    Node,
    Overflow,
    Plan,
    Relaxing,
    Span,
    TakeMessage,
)
from ivr.replay import Compared, Recorded, Row, compare
from tests.ivr.night import a_night_clinic
from tests.ivr.story import NOON, Clinic, a_clinic


def nobody_else(queue: str, now: float) -> Crowd:
    return Crowd(1, 2)


class Written(Clinic):
    """A clinic whose ledger is kept."""

    def __init__(self, plan: Plan | None = None) -> None:
        super().__init__(plan)
        self.rows: list[tuple[str, Row]] = []

    def hears(self, *told: events.Event) -> list[object]:  # type: ignore[override]
        return [one for event in told for one in self._kept(super(Written, self).hears(event))]

    def waits(self, seconds: float) -> list[object]:  # type: ignore[override]
        end, said = self.now + seconds, list[object]()
        while (due := self.exchange.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            said += self._kept(self.exchange.time_came(self.now, self.local))
        self.now = end
        return said

    def presses(self, name: str, key: str) -> list[object]:  # type: ignore[override]
        """A second later; what is due until then comes first, as it does in the exchange's loop."""
        self.waits(1.0)
        return self.hears(events.KeyBegan(name, key), events.KeyEnded(name, key))

    def _kept(self, said: Iterable[object]) -> list[object]:
        told = list(said)
        for one in told:
            match one:
                case Note(call=call, step=step, detail=detail):
                    self.rows.append((call, Row(step, detail, self.now, self.local)))
                case Finish(call=call, outcome=outcome):
                    self.rows.append((call, Row("outcome", outcome.value, self.now, self.local)))
                case Record(call=call, mailbox=mailbox):
                    self.rows.append((call, Row("recording", mailbox, self.now, self.local)))
                case _:
                    pass
        return told

    def seals(self, call: str) -> None:
        """The ledger tells of a message before the caller is told."""
        self.rows.append((call, Row("sealed", "m for desk, 3.0 s", self.now, self.local)))
        self.hears(events.RecordingKept(call, "m", 3.0))

    def again(self, call: str, plan: Plan | None = None) -> Compared:
        mine = tuple(row for name, row in self.rows if name == call)
        recorded = Recorded(call, "main", "2025550100", mine)
        return compare(recorded, plan or self.exchange.plan, nobody_else)


def talks(clinic: Written, call: str) -> None:
    offer = next(o.id for o in clinic.exchange.offers.values() if o.call == call)
    clinic.hears(events.OfferAccepted(offer), events.Joined(call, offer))
    clinic.waits(90)
    clinic.hears(events.CallerLeft(call))


def test_a_caller_who_was_answered_at_the_desk_would_be_again() -> None:
    clinic = Written()
    clinic.calls("anna", "1")
    clinic.waits(3)
    talks(clinic, "anna")
    compared = clinic.again("anna")
    assert compared.is_same
    assert str(compared.recorded) == "menu main/menu → queue main/desk → answered"


def test_a_plan_that_sends_key_1_to_the_nurse_shows_who_would_have_gone_there() -> None:
    clinic = Written()
    clinic.calls("anna", "1")
    clinic.waits(3)
    talks(clinic, "anna")
    changed = a_clinic(desk=Goto("nurse"))
    compared = clinic.again("anna", changed)
    assert not compared.is_same
    assert str(compared.replayed) == "menu main/menu → queue main/nurse → answered"


def test_who_pressed_nothing_and_left_a_message_does_so_again() -> None:
    clinic = Written()
    for phone in ("101", "102", "103"):
        clinic.hears(events.PhoneChanged(phone, PhoneState.IN_USE))
    clinic.calls("bert")
    for _ in range(2):
        clinic.prompt_ends("bert")
        clinic.waits(6)
    clinic.waits(61)
    clinic.prompt_ends("bert")
    clinic.waits(5)
    clinic.hears(events.SpeechEnded("bert"))
    clinic.seals("bert")
    clinic.prompt_ends("bert")
    clinic.prompt_ends("bert")
    clinic.hears(events.CallerLeft("bert"))
    compared = clinic.again("bert")
    assert compared.is_same, compared
    assert compared.recorded.outcome == "message"


def test_a_rule_of_the_queue_holds_again_by_the_crowd_that_was_written_down() -> None:
    led_on = Enqueue("desk", 60, "message", overflow=(Overflow("nurse", place_over=1),))
    clinic = Written(a_clinic(desk=led_on))
    for phone in ("101", "102", "103"):
        clinic.hears(events.PhoneChanged(phone, PhoneState.IN_USE))
    clinic.calls("first", "1")
    clinic.calls("second", "1")
    clinic.waits(5)
    clinic.hears(events.CallerLeft("second"))
    assert "queue main/nurse" in clinic.again("second").recorded.places
    assert clinic.again("second").is_same
    longer = Enqueue("desk", 60, "message", overflow=(Overflow("nurse", place_over=2),))
    assert not clinic.again("second", a_clinic(desk=longer)).is_same


def test_a_clinic_closed_by_hand_stays_closed_in_the_replay_and_new_hours_are_seen() -> None:
    week = tuple(Span(day, time(8), time(17)) for day in range(5))
    plan = a_clinic(menu=HoursFork("office", "desk", "message"))
    plan = replace(plan, hours={"office": Hours("office", week)})
    clinic = Written(plan)
    switch = Switch("office", is_open=False, until=NOON + timedelta(hours=3))
    clinic.hears(events.HoursSwitched("office", switch))
    clinic.calls("shut-out")
    clinic.hears(events.CallerLeft("shut-out"))
    assert clinic.again("shut-out").recorded.places == ("message main/message",)
    assert clinic.again("shut-out").is_same

    clinic.hears(events.HoursSwitched("office", None))
    clinic.calls("let-in")
    clinic.hears(events.CallerLeft("let-in"))
    evenings = tuple(Span(day, time(18), time(21)) for day in range(5))
    later = replace(plan, hours={"office": Hours("office", evenings)})
    assert clinic.again("let-in").is_same
    assert clinic.again("let-in", later).replayed.places == ("message main/message",)


def test_what_a_row_tells_that_nobody_here_knows_ends_the_way_that_is_compared() -> None:
    clinic = Written()
    clinic.calls("anna", "1")
    clinic.rows.append(("anna", Row("of tomorrow", "", clinic.now, clinic.local)))
    clinic.hears(events.CallerLeft("anna"))
    compared = clinic.again("anna")
    assert compared.is_same
    assert compared.recorded.outcome is None


# ---- whom the ACD chooses ----

SKILLED = {"101": {"spanish": 2}, "102": {"spanish": 1, "billing": 1}, "103": {"spanish": 3}}


def a_clinic_of_skills(levels: Mapping[str, int], needs: int = 2) -> Plan:
    """Callers of the desk want Spanish at this level, and after a while any; two wait in both
    queues."""
    plan = a_clinic(menu=Menu(("menu",), {"1": "desk", "2": "both"}, 5, 2, "desk"),
                    desk=Enqueue("desk", 900, "bye"),
                    both=Enqueue("desk", 900, "bye", also=("nurse",)))  # fmt: skip
    phones = {
        name: replace(
            phone, skills={**SKILLED[name], **({"spanish": levels[name]} if name in levels else {})}
        )
        for name, phone in plan.phones.items()
    }
    desk = replace(
        plan.queues["desk"],
        agents=("101", "102", "103"),
        needs={"spanish": needs},
        relaxes=(Relaxing(40.0, {"spanish": 3}),),
    )
    return replace(plan, phones=phones, queues={**plan.queues, "desk": desk})


def test_who_would_have_the_call_by_other_skills_is_told_beside_who_had_it() -> None:
    clinic = Written(a_clinic_of_skills({}))
    clinic.calls("anna", "1")
    clinic.waits(3)
    talks(clinic, "anna")
    assert clinic.again("anna").is_same
    compared = clinic.again("anna", a_clinic_of_skills({"101": 1, "102": 2}))
    assert str(compared.recorded).startswith("menu main/menu → queue main/desk → phone 102 →")
    assert str(compared.replayed).startswith("menu main/menu → queue main/desk → phone 101 →")
    strict = clinic.again("anna", a_clinic_of_skills({"102": 2}, needs=1))
    assert "phone nobody" in str(strict.replayed)


def test_of_equals_the_longest_idle_would_have_the_call() -> None:
    row = "by the queue desk, routine, after 4.000 s, of 2 free: 101 idle for 3.000 s, 102 idle for"
    for idle, chosen in (("2.999 s", "101"), ("3.001 s", "102")):
        choice = choosing.choice_of(f"{row} {idle}")
        assert choice is not None
        assert choosing.chosen_again(choice, a_clinic()) == chosen


def test_rows_of_a_time_that_told_less_of_a_choice_move_nobody() -> None:
    clinic = Written(a_clinic_of_skills({}))
    clinic.calls("anna", "1")
    for place, (name, row) in enumerate(clinic.rows):
        if row.step == "matched":
            old = "by the queue desk, routine, after 0.0 s, of 3 free: 102, not busy yet"
            clinic.rows[place] = (name, replace(row, detail=old))
    clinic.hears(events.CallerLeft("anna"))
    assert clinic.again("anna", a_clinic_of_skills({"101": 1, "102": 2})).is_same


CROWD = st.lists(
    st.one_of(
        st.tuples(st.sampled_from("12"), st.just("calls")),
        st.tuples(st.sampled_from(["101", "102", "103"]), st.sampled_from(["idle", "in use"])),
        st.tuples(st.sampled_from(["0", "1"]), st.sampled_from(["picks up", "leaves", "refuses"])),
        st.tuples(st.sampled_from([0.4130011, 3.1170023, 11.2310041, 41.0710083]), st.just("wait")),
    ),
    max_size=30,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(CROWD)
def test_every_choice_is_made_again_as_it_was(happenings: list[tuple[object, str]]) -> None:
    clinic = Written(a_clinic_of_skills({}))
    names = [f"caller {number}" for number in range(len(happenings))]
    here = iter(names)
    for whom, what in happenings:
        offers = [o for o in clinic.exchange.offers.values() if o.state is Ringing.OPEN]
        offer = offers[int(str(whom)) % len(offers)] if offers and str(whom) in "01" else None
        match what:
            case "calls":
                clinic.calls(next(here), str(whom))
            case "idle" | "in use":
                clinic.hears(events.PhoneChanged(str(whom), PhoneState(what)))
            case "wait":
                clinic.waits(float(str(whom)))
            case "picks up" if offer is not None:
                clinic.hears(events.OfferAccepted(offer.id), events.Joined(offer.call, offer.id))
            case "refuses" if offer is not None:
                clinic.hears(events.OfferEnded(offer.id, Refusal.REFUSED))
            case "leaves" if clinic.exchange.calls:
                clinic.hears(events.CallerLeft(next(iter(clinic.exchange.calls))))
            case _:
                pass
    for name in [*clinic.exchange.calls]:
        clinic.hears(events.CallerLeft(name))
    for name in {name for name, _ in clinic.rows if name in names}:
        compared = clinic.again(name)
        assert compared.is_same, compared


# ---- what was keyed stands in no row ----

PRESCRIPTION = Question("prescription", Kind.DIGITS, ("which-prescription",), least=2, most=8)
BORN = Question("born", Kind.DATE, ("ask-birth-date",), is_read_back=False)
PLAN_OF = Question("plan", Kind.CHOICE, ("which-plan",), choices={"1": "public", "2": "private"})
MEDICINE = Question("medicine", Kind.RECORDED, ("which-medicine",), longest_s=30)
CHOICES = {"1": "desk", "2": "who", "3": "billing", "4": "refill", "5": "urgent", "6": "later"}
ASKS: dict[str, Node] = {
    "menu": Menu(("menu",), CHOICES, 5, 2, "desk"),
    "who": AskIdentity((Factor.BIRTH_DATE, Factor.PHONE), "refill", "nurse", tries=2),
    "refill": TakeRequest(
        RequestKind.REFILL, (PRESCRIPTION, MEDICINE), "bye", "nurse", "desk", is_gated=True
    ),
    "billing": TakeRequest(RequestKind.BILLING, (PLAN_OF, BORN, PRESCRIPTION), "bye", "nurse"),
    "urgent": TakeMessage("desk", ("leave-a-message",), 60, "bye", oncall=("first",)),
    "later": CallBack("desk", "message"),
    "desk": Enqueue("desk", 60, "message", callback="later"),
}


def a_clinic_that_asks(**others: Node) -> Plan:
    """Every kind of dialogue whose keys are nobody's business."""
    plan = a_night_clinic()
    nodes = {**plan.flows["main"].nodes, **ASKS, **others}
    week = tuple(Span(day, time(8), time(17)) for day in range(5))
    desk = replace(plan.queues["desk"], callbacks=CallBacks("office", 3, 300, 4 * 3600))
    return replace(
        plan,
        hours={**plan.hours, "office": Hours("office", week)},
        queues={**plan.queues, "desk": desk},
        flows={"main": replace(plan.flows["main"], nodes=nodes)},
        dial_rules=(DialRule("9", "", 10, "telco", "2025550100"),),
    )


class Asking(Written):
    """A clinic whose disk and list of patients answer when the story says so."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.orders: list[object] = []

    def _kept(self, said: Iterable[object]) -> list[object]:
        told = super()._kept(said)
        waited_for = (KeepRequest, Identify, KeepTicket, OpenLease)
        self.orders += [order for order in told if isinstance(order, waited_for)]
        return told

    def answers(self, *, well: bool) -> None:
        """What was to be kept or looked up is; the ledger tells of it before the caller is told."""
        if not self.orders:
            return
        match self.orders.pop(0):
            case KeepRequest(call=call, tag=tag) if well:
                self._row(call, "request", "1a2b left: refill")
                self.hears(events.RequestKept(call, tag))
            case KeepRequest(call=call, tag=tag):
                self.hears(events.RequestFailed(call, tag))
            case Identify(call=call, tag=tag):
                verdict = Verdict.IDENTIFIED if well else Verdict.UNKNOWN
                self.hears(events.IdentityChecked(call, tag, verdict, "Anna"))
            case KeepTicket(ticket=ticket) if well:
                self._row(ticket.call, "call-back", f"{ticket.id} for {ticket.queue}")
                self.hears(events.TicketOpened(ticket))
            case KeepTicket(ticket=ticket):
                self.hears(events.TicketFailed(ticket.call, ticket.id))
            case OpenLease(urgent=left) if well:
                self._row(left.call, "on call", "urgent message m is open")
                self.hears(events.LeaseOpened(left))
            case OpenLease(urgent=left):
                self.hears(events.LeaseUnwritten(left))

    def _row(self, call: str, step: str, detail: str) -> None:
        self.rows.append((call, Row(step, detail, self.now, self.local)))


def lives(clinic: Asking, happenings: list[tuple[str, object]]) -> None:
    """Anna calls, all this happens, and she hangs up."""
    clinic.hears(events.CallArrived("anna", "main", "2025550100", "2025550171", ""))
    for what, how in happenings:
        call = clinic.exchange.calls.get("anna")
        if call is None:
            return
        match what:
            case "keys":
                for key in str(how):
                    if "anna" in clinic.exchange.calls:
                        clinic.presses("anna", key)
            case "wait":
                clinic.waits(float(str(how)))
            case "prompt":
                clinic.prompt_ends("anna")
            case "disk":
                clinic.answers(well=bool(how))
            case "kept" if call.recording:
                clinic.hears(events.SpeechEnded("anna"))
                clinic.seals("anna")
            case _:
                pass
    clinic.hears(events.CallerLeft("anna"))
    if (left := clinic.exchange.calls.get("anna")) is not None and left.recording:
        clinic.seals("anna")
    while clinic.orders:
        clinic.answers(well=True)


def keyed(keys: str) -> tuple[str, object]:
    return "keys", keys


KNOWN = [keyed("2041219850143"), ("disk", True)]
SPOKEN: list[tuple[str, object]] = [("prompt", ""), ("kept", "")]


@pytest.mark.parametrize(
    ("happens", "way"),
    [
        ([*KNOWN, keyed("4711#1"), *SPOKEN, ("disk", True), ("prompt", "")],
         "menu main/menu → identity main/who → form main/refill → hangup main/bye → message"),
        ([keyed("2041219850143"), ("disk", False), keyed("041219850143"), ("disk", False)],
         "menu main/menu → identity main/who → queue main/nurse → short_abandoned"),
        ([keyed("3204121985"), keyed("4711#"), keyed("24712#1"), ("disk", False), ("prompt", "")],
         "menu main/menu → form main/billing → queue main/nurse → short_abandoned"),
        ([keyed("390")],
         "menu main/menu → form main/billing → queue main/nurse → short_abandoned"),
        ([keyed("32*")],
         "menu main/menu → form main/billing → queue main/nurse → short_abandoned"),
        ([*KNOWN, keyed("4711#1")],
         "menu main/menu → identity main/who → form main/refill → abandoned"),
        ([keyed("61"), ("disk", True), ("prompt", "")],
         "menu main/menu → callback main/later → callback"),
        ([keyed("622025550172#1"), ("disk", True), ("prompt", "")],
         "menu main/menu → callback main/later → callback"),
        ([keyed("69"), ("prompt", "")],
         "menu main/menu → callback main/later → message main/message → message"),
        ([keyed("5"), *SPOKEN, keyed("2"), ("kept", ""), keyed("11"), ("disk", True),
          ("prompt", "")],
         "menu main/menu → message main/urgent → hangup main/bye → message"),
        ([keyed("5"), *SPOKEN, keyed("11"), ("disk", False), ("prompt", "")],
         "menu main/menu → message main/urgent → ring */front-desk → message"),
    ],
)  # fmt: skip
def test_a_call_is_followed_past_what_its_caller_keyed(
    happens: list[tuple[str, object]], way: str
) -> None:
    clinic = Asking(a_clinic_that_asks())
    lives(clinic, happens)
    compared = clinic.again("anna")
    assert str(compared.recorded) == way
    assert compared.is_same, compared.replayed


def test_a_form_that_leads_elsewhere_now_shows_who_would_have_gone_there() -> None:
    clinic = Asking(a_clinic_that_asks())
    lives(clinic, [keyed("3204121985"), keyed("4711#1"), ("disk", True), ("prompt", "")])
    form = ASKS["billing"]
    assert isinstance(form, TakeRequest)
    elsewhere = replace(form, next="address")
    compared = clinic.again("anna", a_clinic_that_asks(billing=elsewhere))
    assert "say main/address" in compared.replayed.places
    longer = replace(form, questions=(*form.questions, MEDICINE), mailbox="desk")
    assert not clinic.again("anna", a_clinic_that_asks(billing=longer)).is_same


# Nothing else happens in the very moment in which a time is over: rows do not tell which was first.
PAUSES = st.sampled_from([0.5130011, 4.1170023, 9.2310041, 30.0710083])
DEEDS = st.lists(
    st.one_of(
        st.sampled_from([*"0129*#", *CHOICES, "11", "2#1", "41#1", "04121985", "0143", "20255501#"])
        .map(keyed),
        PAUSES.map(lambda s: ("wait", s)),
        st.booleans().map(lambda well: ("disk", well)),
        st.sampled_from([("prompt", ""), ("kept", "")]),
    ),
    max_size=14,
)  # fmt: skip


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from("23456"), DEEDS)
def test_every_dialogue_goes_the_same_way_again_though_no_key_of_it_was_written(
    first: str, happenings: list[tuple[str, object]]
) -> None:
    clinic = Asking(a_clinic_that_asks())
    clinic.hears(events.PhoneChanged("103", PhoneState.IN_USE))
    lives(clinic, [keyed(first), *happenings])
    compared = clinic.again("anna")
    assert compared.is_same, compared
    assert compared.recorded.outcome is not None


HAPPENINGS = st.lists(
    st.one_of(
        st.sampled_from("0123459*").map(lambda key: ("key", key)),
        PAUSES.map(lambda s: ("wait", s)),
        st.just(("prompt", "")),
        st.just(("talk", "")),
        st.just(("kept", "")),
    ),
    max_size=14,
)


@settings(max_examples=200, derandomize=True)
@given(HAPPENINGS)
def test_every_call_goes_the_same_way_again_under_the_plan_it_came_under(
    happenings: list[tuple[str, object]],
) -> None:
    clinic = Written()
    clinic.hears(events.PhoneChanged("103", PhoneState.IN_USE))
    clinic.calls("anna")
    for what, how in happenings:
        if "anna" not in clinic.exchange.calls:
            break
        match what:
            case "key":
                clinic.presses("anna", str(how))
            case "wait":
                clinic.waits(float(str(how)))
            case "prompt":
                clinic.prompt_ends("anna")
            case "kept" if clinic.exchange.calls["anna"].recording:
                clinic.seals("anna")
            case "kept":
                pass
            case "talk":
                mine = [o.id for o in clinic.exchange.offers.values() if o.call == "anna"]
                for offer in mine[:1]:
                    clinic.hears(events.OfferAccepted(offer), events.Joined("anna", offer))
            case _:
                raise AssertionError(what)
    clinic.hears(events.CallerLeft("anna"))
    if "anna" in clinic.exchange.calls:
        clinic.seals("anna")
    compared = clinic.again("anna")
    assert compared.is_same, compared
