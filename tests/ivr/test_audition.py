"""A draft heard by telephone: who picks up goes where the draft leads by real keys, and hears a
word wherever somebody would be rung, called or recorded; nobody is."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest

from firmware.settings import standard_prompts
from ivr import audition, events
from ivr.audition import (
    ASIDE_TAG,
    BEGINS,
    CALLER,
    OUTSIDE,
    OVER,
    RINGS,
    TALK,
    TALK_TAG,
    TONE,
    UNKEPT,
    UNKEPT_TAG,
    Audition,
    ToAudio,
)
from ivr.commands import Play, Release, StartMusic, StopPlaying
from ivr.imagined import Clinic, Phones
from ivr.plan import Enqueue, Node, Plan, RingOutside
from ivr.simulate import Kind, walk
from tests.ivr.story import BEGAN, NOON, a_clinic


class Listener:
    """Somebody with the telephone at their ear; each prompt lasts two seconds."""

    def __init__(self, plan: Plan | None = None, clinic: Clinic | None = None) -> None:
        numbers = count(1)
        self.audition = Audition(
            plan or a_clinic(), "main", NOON, clinic or Clinic(), lambda: f"leg-{next(numbers)}"
        )
        self.now = BEGAN
        self.orders: list[ToAudio] = []
        self.speaks: tuple[float, int] | None = None
        self.take(self.audition.begin(self.now))

    def take(self, orders: list[ToAudio]) -> None:
        for order in orders:
            match order:
                case Play(prompts=prompts, tag=tag):
                    self.speaks = (self.now + 2.0 * len(prompts), tag)
                case StopPlaying():
                    self.speaks = None
                case _:
                    pass
        self.orders += orders

    def waits(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        """Listen, until something is so or the time is over."""
        end = self.now + seconds
        while not self.audition.is_over and not until():
            spoken = self.speaks[0] if self.speaks else end
            due = min(self.audition.next_deadline(), spoken)
            if due > end:
                break
            self.now = max(self.now, due)
            if self.speaks and due == spoken:
                (_, tag), self.speaks = self.speaks, None
                self.take(self.audition.played(tag, self.now))
            elif due == end:
                break
            else:
                self.take(self.audition.time_came(self.now))

    def presses(self, digit: str) -> None:
        self.now += 1.0
        self.take(self.audition.heard(events.KeyEnded(CALLER, digit), self.now))

    def hears(self, *prompts: str) -> None:
        """Within a few minutes."""
        self.waits(600, lambda: prompts in self.heard())
        assert prompts in self.heard(), self.heard()

    def heard(self) -> list[tuple[str, ...]]:
        return [each.prompts for each in self.orders if isinstance(each, Play)]


def test_it_begins_by_saying_what_it_is_and_a_key_leads_where_the_draft_says() -> None:
    caller = Listener()
    assert caller.heard() == [(BEGINS, "menu")]
    caller.presses("3")
    assert caller.heard()[-1] == ("address",)
    caller.hears("menu")


def test_a_talk_is_left_out_and_said_to_be() -> None:
    caller = Listener()
    caller.presses("1")
    began = caller.now
    caller.hears(RINGS, "please-wait", "you-are-next")
    assert any(isinstance(each, StartMusic) for each in caller.orders)
    caller.hears(TALK, OVER)
    assert caller.now - began >= 6  # nobody answers before all of that was heard
    caller.waits(10)
    assert isinstance(caller.orders[-1], Release)
    assert caller.audition.is_over


def test_where_nobody_answers_the_call_goes_on_to_a_message_of_which_nothing_is_kept() -> None:
    caller = Listener(clinic=Clinic(Phones.SILENT))
    caller.presses("1")
    caller.hears("leave-a-message")
    caller.hears(UNKEPT, TONE)
    caller.hears("message-kept")
    caller.hears("goodbye")
    caller.waits(10)
    assert caller.audition.is_over
    told = [name for each in caller.heard() for name in each]
    assert told.count(RINGS) == 1  # though each telephone rang several times


def test_a_key_ends_what_is_said_after_the_tone_and_only_that() -> None:
    caller = Listener()
    caller.presses("4")
    caller.hears(UNKEPT, TONE)
    caller.waits(5)
    caller.presses("#")
    before = caller.now
    caller.hears("message-kept")
    assert caller.now - before < 1


def test_a_telephone_does_what_was_chosen_for_it_and_not_for_all() -> None:
    nurse_away = Clinic(each={"103": Phones.ABSENT})
    caller = Listener(clinic=nurse_away)
    caller.presses("2")
    caller.hears("leave-a-message")
    caller = Listener(clinic=nurse_away)
    caller.presses("1")
    caller.hears(TALK, OVER)


def test_no_number_outside_is_called_and_whoever_would_answer_takes_the_caller() -> None:
    node: Node = RingOutside("2025550183", 30, "message", ("connecting-outside",), confirm=True)
    caller = Listener(a_clinic(ring=node))
    caller.presses("5")
    caller.hears("connecting-outside")
    caller.hears(OUTSIDE)
    caller.hears(TALK, OVER)
    assert {type(each).__name__ for each in caller.orders} <= {
        "Play",
        "StopPlaying",
        "StartMusic",
        "StopMusic",
        "Release",
    }


def test_a_survey_after_the_talk_is_heard_too() -> None:
    plan = a_clinic()
    queues = {**plan.queues, "desk": replace(plan.queues["desk"], has_survey=True)}
    caller = Listener(replace(plan, queues=queues))
    caller.presses("1")
    caller.hears(TALK)
    caller.hears("survey")
    caller.presses("5")
    caller.hears("survey-thanks")


def test_who_hangs_up_has_heard_enough() -> None:
    caller = Listener()
    caller.take(caller.audition.heard(events.CallerLeft(CALLER), caller.now))
    assert caller.audition.is_over
    assert len(caller.orders) == 1


def test_a_receiver_left_off_the_hook_is_let_go_in_the_end() -> None:
    held = a_clinic(desk=Enqueue("desk", 7200, "message"))
    caller = Listener(held, Clinic(Phones.SILENT))
    caller.presses("1")
    caller.waits(audition.LONGEST_S + 1)
    assert caller.audition.is_over
    assert caller.now - BEGAN <= audition.LONGEST_S + 1


def test_our_words_have_their_sound() -> None:
    assert set(audition.WORDS) <= set(standard_prompts()["en"])
    assert len({ASIDE_TAG, UNKEPT_TAG, TALK_TAG}) == 3


@pytest.mark.parametrize("phones", Phones)
@pytest.mark.parametrize("key", "12345")
def test_what_the_draft_says_is_what_a_call_imagined_on_the_page_says(
    key: str, phones: Phones
) -> None:
    told = walk(a_clinic(), {}, "main", NOON, key, phones)
    imagined = [name for each in told if each.kind is Kind.SAYS for name in each.prompts]
    caller = Listener(clinic=Clinic(phones))
    caller.presses(key)
    caller.waits(3000)
    heard = [name for each in caller.heard() for name in each]
    said = [name for name in heard if name not in (*audition.WORDS, TONE)]
    alike = min(len(said), len(imagined))  # neither goes round for ever
    assert said[:alike] == imagined[:alike]
    assert alike > 1
