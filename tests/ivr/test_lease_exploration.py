"""Every way a night may go: whatever people, telephones, the disk and the power do, an urgent
message that is open has a timer, and whoever has shown no PIN hears nothing of it."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ivr import commands, events
from ivr.commands import Command
from ivr.events import Refusal
from ivr.lease import TALK_MAX_S, Stage
from tests.ivr.night import URGENT, Night

# What may be spoken to whoever lifts the telephone.
TO_ANYBODY = {"lease-pin", "lease-pin-wrong", "goodbye", "lease-patient"}
# No stage waits longer than the longest message, no owner and no round longer than the rota says.
LONGEST_S = 1_900.0
LEGS = st.integers(0, 7)


class ANight(RuleBasedStateMachine):
    """Anything may happen at any time, in any order, also twice."""

    def __init__(self) -> None:
        super().__init__()
        self.night = Night()
        self.known: set[str] = set()  # legs whose PIN was right
        self.owner = ""  # as it is written
        self.is_closed = False
        self.asked: list[Command] = []  # of the disk and the PINs; not yet answered

    @initialize()
    def somebody_left_a_message(self) -> None:
        self.does(self.night.hears(events.LeaseOpened(URGENT)))

    def does(self, said: list[Command]) -> None:
        kinds = commands.CheckPin | commands.OwnLease | commands.CloseLease
        for order in said:
            if isinstance(order, commands.FreeLease):
                self.owner = ""
            if isinstance(order, kinds):
                self.asked.append(order)
            if isinstance(order, commands.PlayMessage):
                assert order.call in self.known
            if isinstance(order, commands.Play) and order.call not in self.known:
                assert set(order.prompts) <= TO_ANYBODY

    def leg(self, place: int) -> str:
        """One of the legs that are about it, if there is any; else one that has gone."""
        lease = self.night.leases.open.get(URGENT.id)
        legs = sorted(lease.legs) if lease else []
        return legs[place % len(legs)] if legs else "leg-1"

    @rule(place=LEGS)
    def somebody_answers(self, place: int) -> None:
        self.does(self.night.answers(self.leg(place)))

    @rule(place=LEGS, why=st.sampled_from(Refusal))
    def nobody_answers(self, place: int, why: Refusal) -> None:
        self.does(self.night.hears(events.CallOutEnded(self.leg(place), why)))

    @rule(place=LEGS, key=st.sampled_from("1112223459*#0"))
    def a_key_is_pressed(self, place: int, key: str) -> None:
        self.does(self.night.presses(self.leg(place), key))

    @rule(place=LEGS)
    def a_pin_is_keyed(self, place: int) -> None:
        self.does(self.night.presses(self.leg(place), "2468#"))

    @rule(place=LEGS)
    def a_prompt_ends(self, place: int) -> None:
        lease = self.night.leases.open.get(URGENT.id)
        leg = self.leg(place)
        tag = lease.visits[leg].tag if lease and leg in lease.visits else 0
        self.does(self.night.hears(events.PromptEnded(leg, tag)))

    @rule(place=LEGS)
    def somebody_hangs_up(self, place: int) -> None:
        self.does(self.night.hears(events.CallerLeft(self.leg(place))))

    @rule(place=LEGS)
    def audio_is_lost(self, place: int) -> None:
        self.does(self.night.hears(events.AudioLost(self.leg(place), "lost")))

    @rule(place=LEGS)
    def two_are_joined(self, place: int) -> None:
        self.does(self.night.hears(events.Joined(self.leg(place), "")))

    @rule(place=LEGS)
    def two_cannot_be_joined(self, place: int) -> None:
        self.does(self.night.hears(events.JoinFailed(self.leg(place), "")))

    @precondition(lambda self: self.asked)
    @rule(is_well=st.booleans())
    def what_was_asked_is_answered(self, is_well: bool) -> None:
        self.what_is_asked_is_answered(is_well=is_well)

    def what_is_asked_is_answered(self, *, is_well: bool) -> None:
        order = self.asked.pop(0)
        match order:
            case commands.CheckPin(call=leg):
                if is_well:
                    self.known.add(leg)
                self.does(self.night.hears(events.PinChecked(leg, is_well)))
            case commands.OwnLease(person=person) if is_well and self.owner in ("", person):
                self.owner = person
                self.does(self.night.hears(events.LeaseOwned(URGENT.id, person)))
            case commands.CloseLease(by=by, how=how) if is_well:
                self.is_closed = True
                self.does(self.night.hears(events.LeaseClosed(URGENT.id, by, how)))
            case _:
                pass  # a disk without room says nothing

    @rule(place=LEGS, key=st.sampled_from("12359"))
    def somebody_shows_the_pin_and_decides(self, place: int, key: str) -> None:
        """What would take chance too long to come upon, in one go; whatever stage it begins in."""
        leg = self.leg(place)
        self.somebody_answers(place)
        self.does(self.night.presses(leg, "2468#"))
        if any(isinstance(order, commands.CheckPin) for order in self.asked):
            self.asked = [o for o in self.asked if not isinstance(o, commands.CheckPin)]
            self.known.add(leg)
            self.does(self.night.hears(events.PinChecked(leg, fits=True)))
        self.does(self.night.presses(leg, key))
        while self.asked:
            self.what_is_asked_is_answered(is_well=True)

    @rule(seconds=st.sampled_from((1, 6, 12, 31, 70, 400, 2_000)))
    def time_passes(self, seconds: int) -> None:
        self.does(self.night.waits(seconds))

    @rule()
    def the_exchange_is_killed_and_starts_anew(self) -> None:
        before = self.night
        self.night = Night()
        self.night.now, self.night.draw = before.now, before.draw
        self.asked.clear()
        if not self.is_closed:
            self.does(self.night.hears(events.LeaseResumed(URGENT, self.owner)))

    @invariant()
    def it_is_open_until_it_is_written_that_it_is_closed(self) -> None:
        lease = self.night.leases.open.get(URGENT.id)
        assert self.is_closed or (lease is not None and not lease.closed)

    @invariant()
    def an_open_message_has_an_owner_or_somebody_is_called_and_always_a_timer(self) -> None:
        lease = self.night.leases.open.get(URGENT.id)
        if lease is None or self.is_closed:
            return
        assert lease.deadline is not None
        assert lease.deadline <= self.night.now + LONGEST_S
        tried = [v for v in lease.visits.values() if v.stage is not Stage.LEAVING]
        assert lease.owner or tried or lease.until is not None

    @invariant()
    def whose_it_is_is_what_is_written(self) -> None:
        lease = self.night.leases.open.get(URGENT.id)
        if lease is not None and lease.owner is not None:
            assert lease.owner == self.owner

    def teardown(self) -> None:
        """Whatever has happened: with nobody doing anything more, somebody is called again within
        a while, unless it is closed: even what is a talk has an end."""
        said = self.night.waits(TALK_MAX_S + 2 * LONGEST_S)
        assert self.is_closed or any(isinstance(order, commands.CallOut) for order in said)


ANight.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
TestAnyNight = ANight.TestCase
