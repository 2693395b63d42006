"""How long will it be? A caller is told what is known, and nothing else."""

import heapq
import random
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import events
from ivr.commands import Command, Note, Offer
from ivr.events import PhoneState
from ivr.pace import MOVED, Pace, minutes
from ivr.plan import Announced, Enqueue, Plan
from tests.ivr.story import Clinic, a_clinic, offers, spoken

IDLE, IN_USE = PhoneState.IDLE, PhoneState.IN_USE


def an_honest_clinic() -> Plan:
    plan = a_clinic(desk=Enqueue("desk", 3600, "message"))
    says = (Announced.PLACE, Announced.WAIT)
    desk = replace(plan.queues["desk"], says=says, announce_s=600, rest_s=0)
    return replace(plan, queues={**plan.queues, "desk": desk})


def a_moving_line(steps: int, every_s: float) -> Pace:
    pace, now = Pace(), 0.0
    pace.stands(now)
    for _ in range(steps):
        now += every_s
        pace.moves(now, others_wait=True)
    return pace


def test_five_answers_make_a_pace_and_four_do_not() -> None:
    assert a_moving_line(4, 60).within_s(1, 240) is None
    assert a_moving_line(5, 60).within_s(1, 300) == pytest.approx(60 * 1.9)


def test_the_pace_of_the_morning_says_nothing_in_the_afternoon() -> None:
    assert a_moving_line(5, 60).within_s(1, 300 + 3 * 3600) is None


def test_the_hours_in_which_nobody_waited_are_no_part_of_it() -> None:
    pace = Pace()
    for beginning in range(0, 5 * 1000, 1000):
        pace.stands(beginning)
        pace.moves(beginning + 30, others_wait=False)
    assert pace.within_s(1, 5000) == pytest.approx(30 * 1.9)


def test_who_hangs_up_and_leaves_the_line_empty_has_not_been_answered() -> None:
    pace = a_moving_line(4, 60)
    pace.empties()
    pace.moves(2000, others_wait=False)
    assert pace.within_s(1, 2000) is None


@given(place=st.integers(1, 50), took=st.floats(1, 600))
def test_whoever_stands_further_back_is_told_a_longer_time(place: int, took: float) -> None:
    pace = a_moving_line(5, took)
    here, behind = pace.within_s(place, took * 5), pace.within_s(place + 1, took * 5)
    assert here is not None
    assert behind is not None
    assert here < behind
    assert minutes(here) * 60 >= here


def talk(clinic: Clinic, said: list[Offer]) -> None:
    for offer in said:
        clinic.hears(events.OfferAccepted(offer.offer), events.Joined(offer.call, offer.offer))


def test_the_minutes_are_spoken_once_the_day_has_taught_them() -> None:
    clinic = Clinic(an_honest_clinic())
    clinic.hears(events.PhoneChanged("102", IN_USE))
    said = clinic.calls("caller 0", "1")
    assert ("please-wait", "you-are-next") in spoken(said)
    for number in range(1, 7):
        (offer, call, phone) = offers(said)[0]
        clinic.hears(events.OfferAccepted(offer), events.Joined(call, offer))
        clinic.hears(events.PhoneChanged(phone, IN_USE))
        last = clinic.calls(f"caller {number}", "1")
        clinic.waits(100)
        said = clinic.hears(events.CallerLeft(call), events.PhoneChanged(phone, IDLE))
    assert ("please-wait", "you-are-next", "answered-within", "number-4", "minutes") in spoken(last)


def written_by(said: list[Command]) -> list[tuple[float, str]]:
    """What the ledger has of the line, as if all of it had come to pass just now."""
    return [(0.0, c.detail) for c in said if isinstance(c, Note) and c.step == MOVED]


@pytest.mark.parametrize(("known", "told"), [(5, True), (4, False)])
def test_an_exchange_started_anew_tells_at_once_what_the_one_before_it_had_learned(
    known: int, told: bool
) -> None:
    before = Clinic(an_honest_clinic())
    before.hears(events.PhoneChanged("102", IN_USE))
    said = before.calls("caller 0", "1")
    for number in range(1, known + 2):
        (offer, call, phone) = offers(said)[0]
        before.hears(events.OfferAccepted(offer), events.Joined(call, offer))
        before.hears(events.PhoneChanged(phone, IN_USE))
        before.calls(f"caller {number}", "1")
        before.waits(100)
        said = before.hears(events.CallerLeft(call), events.PhoneChanged(phone, IDLE))
    moved = written_by(before.said)
    assert [detail for _, detail in moved] == ["desk after 100.0 s"] * known

    anew = Clinic(an_honest_clinic())
    anew.exchange.paces.recall([*moved, (0.0, "a row of another make")], anew.now)
    anew.hears(*(events.PhoneChanged(phone, IN_USE) for phone in ("101", "102")))
    last = spoken(anew.calls("ann", "1"))[-1]
    spoken_wait = ("answered-within", "number-4", "minutes")
    assert last == ("please-wait", "you-are-next", *(spoken_wait if told else ()))


def test_what_was_learned_before_is_forgotten_as_if_nobody_had_been_started_anew() -> None:
    anew = Clinic(an_honest_clinic())
    old = [(2 * 3600.0 + 1, "desk after 30.0 s")] * 3 + [(60.0, "desk after 30.0 s")] * 4
    anew.exchange.paces.recall(old, anew.now)
    anew.hears(*(events.PhoneChanged(phone, IN_USE) for phone in ("101", "102")))
    assert spoken(anew.calls("ann", "1"))[-1] == ("please-wait", "you-are-next")


@dataclass
class Day:
    """A day of two agents who are all but always busy."""

    seed: int
    clinic: Clinic = field(default_factory=lambda: Clinic(an_honest_clinic()))
    kept: list[bool] = field(default_factory=list)

    def lasts(self, hours: float) -> None:
        chance = random.Random(self.seed)
        clinic, told = self.clinic, dict[str, tuple[float, float]]()
        coming: list[tuple[float, str, str]] = [(clinic.now, "comes", "0")]
        end = clinic.now + hours * 3600
        while coming and coming[0][0] < end:
            at, what, who = heapq.heappop(coming)
            said = clinic.waits(max(0.0, at - clinic.now))
            if what == "comes":
                said += clinic.calls(who, "1")
                heapq.heappush(
                    coming, (at + chance.expovariate(1 / 100), "comes", str(int(who) + 1))
                )
            else:
                phone, call = who.split()
                said += clinic.hears(events.CallerLeft(call), events.PhoneChanged(phone, IDLE))
            while ringing := [c for c in said if isinstance(c, Offer)]:
                promised = [c for c in said if isinstance(c, Note) and c.step == "expects"]
                told |= {c.call: (clinic.now, float(c.detail)) for c in promised}
                said = []
                for offer in ringing:
                    if offer.call in told:
                        since, within_s = told.pop(offer.call)
                        self.kept.append(clinic.now - since <= within_s)
                    said += clinic.hears(
                        events.OfferAccepted(offer.offer),
                        events.Joined(offer.call, offer.offer),
                        events.PhoneChanged(offer.extension, IN_USE),
                    )
                    ends = clinic.now + chance.expovariate(1 / 180)
                    heapq.heappush(coming, (ends, "ends", f"{offer.extension} {offer.call}"))
            promised = [c for c in said if isinstance(c, Note) and c.step == "expects"]
            told |= {c.call: (clinic.now, float(c.detail)) for c in promised}


def test_of_the_times_told_in_ten_busy_days_four_in_five_were_kept() -> None:
    kept: list[bool] = []
    for seed in range(10):
        day = Day(seed)
        day.lasts(8)
        kept += day.kept
    assert len(kept) > 500
    assert 0.75 <= sum(kept) / len(kept) <= 0.95, (len(kept), sum(kept) / len(kept))
