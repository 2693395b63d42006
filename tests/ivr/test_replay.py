"""Yesterday's calls through today's plan: who would go elsewhere?"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr import events
from ivr.commands import Finish, Note, Record
from ivr.events import PhoneState
from ivr.hours import Switch
from ivr.overflow import Crowd
from ivr.plan import Enqueue, Goto, Hours, HoursFork, Overflow, Plan, Span
from ivr.replay import Compared, Recorded, Row, compare
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


def test_what_a_caller_keyed_into_a_form_is_nobodys_business_and_the_way_to_there_is_compared() -> (
    None
):
    clinic = Written()
    clinic.calls("anna", "1")
    clinic.rows.append(("anna", Row("form", "main/refill", clinic.now, clinic.local)))
    clinic.hears(events.CallerLeft("anna"))
    compared = clinic.again("anna")
    assert compared.is_same
    assert compared.recorded.outcome is None


HAPPENINGS = st.lists(
    st.one_of(
        st.sampled_from("0123459*").map(lambda key: ("key", key)),
        st.sampled_from([0.5, 4.0, 30.0]).map(lambda s: ("wait", s)),
        st.just(("prompt", "")),
        st.just(("talk", "")),
        st.just(("kept", "")),
    ),
    max_size=14,
)


@settings(max_examples=200)
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
