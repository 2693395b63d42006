"""What a panel thinks: contacts that bounce, lamps that blink, doors that do not stay open."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from hw.backoff import Backoff
from hw.panel.debounce import SETTLE_S, Contact
from hw.panel.events import (
    ButtonPressed,
    ButtonReleased,
    ButtonStuck,
    Changed,
    Closing,
    DoorClosed,
    DoorOpened,
    DoorRefused,
    PanelFound,
    PanelLost,
    Turn,
)
from hw.panel.patterns import Pattern, is_lit, next_change
from hw.panel.wall import DOOR_MOST_S, STUCK_S, Layout, Wall

CLINIC = Layout(frozenset({"open"}), frozenset({"alarm", "message"}), {"front": 5.0})
NOBODY: frozenset[str] = frozenset()


def plugged() -> Wall:
    wall = Wall(CLINIC)
    wall.found(NOBODY, 0.0)
    return wall


def test_a_button_that_bounces_is_pressed_once_and_released_once() -> None:
    wall = plugged()
    for at, is_down in ((1.0, True), (1.004, False), (1.006, True)):
        assert wall.changed(Changed("open", is_down), at) == ([], [])
    assert wall.next_deadline(1.006) == 1.006 + SETTLE_S
    assert wall.tick(1.02) == ([], [])
    assert wall.tick(1.006 + SETTLE_S) == ([], [ButtonPressed("open")])
    wall.changed(Changed("open", False), 1.2)
    assert wall.tick(1.2 + SETTLE_S) == ([], [ButtonReleased("open")])
    assert wall.next_deadline(2.0) is None


def test_a_spike_of_a_thunderstorm_presses_nothing() -> None:
    wall = plugged()
    wall.changed(Changed("open", True), 1.0)
    wall.changed(Changed("open", False), 1.01)
    assert wall.tick(9.0) == ([], [])


@given(some.lists(some.tuples(some.floats(0.0005, 0.2), some.booleans()), max_size=60))
def test_whatever_a_contact_does_presses_and_releases_alternate_and_the_last_level_holds(
    steps: list[tuple[float, bool]],
) -> None:
    contact, now, told = Contact(), 0.0, [False]
    for wait_s, level in [*steps, (0.001, steps[-1][1] if steps else False)]:
        due = contact.deadline()
        if due is not None and due <= now + wait_s and contact.settled(due):
            told.append(contact.is_down)
        now += wait_s
        contact.changed(level, now)
    if contact.settled(now + 1.0):
        told.append(contact.is_down)
    assert all(one is not other for one, other in pairwise(told))
    assert contact.is_down is (steps[-1][1] if steps else False)


def test_a_button_that_is_held_for_a_minute_is_told_as_stuck_once() -> None:
    wall = plugged()
    wall.changed(Changed("open", True), 1.0)
    wall.tick(2.0)
    assert wall.next_deadline(2.0) == 2.0 + STUCK_S
    assert wall.tick(2.0 + STUCK_S) == ([], [ButtonStuck("open")])
    assert wall.tick(3.0 + STUCK_S) == ([], [])


def test_a_button_that_is_down_when_the_panel_is_plugged_in_was_not_just_pressed() -> None:
    wall = Wall(CLINIC)
    _orders, events = wall.found(frozenset({"open"}), 0.0)
    assert events == [PanelFound()]
    assert wall.tick(1.0) == ([], [])
    assert wall.tick(STUCK_S) == ([], [ButtonStuck("open")])


def test_a_lamp_blinks_by_its_pattern_and_nothing_is_sent_between() -> None:
    wall = plugged()
    assert wall.show("message", Pattern.SLOW, 10.0) == ([Turn("message", True)], [])
    assert wall.next_deadline(10.0) == 11.0
    assert wall.tick(10.5) == ([], [])
    assert wall.tick(11.0) == ([Turn("message", False)], [])
    assert wall.show("message", Pattern.SLOW, 11.2) == ([], []), "it goes on where it was"
    assert wall.tick(12.0) == ([Turn("message", True)], [])
    assert wall.show("message", Pattern.OFF, 12.5) == ([Turn("message", False)], [])
    assert wall.next_deadline(12.5) is None


@pytest.mark.parametrize("pattern", [each for each in Pattern if len(each.value) > 1])
def test_no_pattern_flashes_more_than_three_times_in_a_second(pattern: Pattern) -> None:
    now, since, lightings = 1000.1, 1000.1, []
    while now < since + 20.0:
        if is_lit(pattern, since, now):
            lightings.append(now)
        after = next_change(pattern, since, now)
        assert after is not None
        assert after > now
        assert is_lit(pattern, since, after) is not is_lit(pattern, since, now)
        now = after
    fourths = zip(lightings, lightings[3:], strict=False)
    assert all(fourth - first > 1.0 for first, fourth in fourths)


def test_a_door_is_open_for_what_was_asked_and_never_longer_than_its_own_limit() -> None:
    wall = plugged()
    assert wall.open_door("front", 3.0, 1.0) == (
        [Turn("front", True, 3.0)],
        [DoorOpened("front", 3.0)],
    )
    assert wall.next_deadline(1.0) == 4.0
    assert wall.tick(3.9) == ([], [])
    assert wall.tick(4.0) == ([Turn("front", False)], [DoorClosed("front", Closing.TIME)])
    assert wall.open_door("front", 3600.0, 5.0)[1] == [DoorOpened("front", 5.0)]
    assert wall.close_door("front") == (
        [Turn("front", False)],
        [DoorClosed("front", Closing.ASKED)],
    )
    assert wall.close_door("front") == ([], [])


@pytest.mark.parametrize("for_s", [0.0, -1.0, float("nan")])
def test_a_time_that_is_none_opens_nothing(for_s: float) -> None:
    assert plugged().open_door("front", for_s, 1.0) == ([], [DoorRefused("front")])


def test_a_door_that_was_wished_open_while_the_panel_was_away_stays_shut_when_it_is_back() -> None:
    wall = plugged()
    wall.lost("unplugged")
    assert wall.open_door("front", 3.0, 1.0) == ([], [DoorRefused("front")])
    orders, events = wall.found(NOBODY, 2.0)
    assert orders[0] == Turn("front", False)
    assert not any(order.is_on for order in orders)
    assert events == [PanelFound()]


def test_a_panel_that_goes_closes_its_doors_is_told_once_and_shows_its_lamps_when_back() -> None:
    wall = plugged()
    wall.show("alarm", Pattern.ON, 1.0)
    wall.open_door("front", 5.0, 1.0)
    assert wall.lost("unplugged")[1] == [
        DoorClosed("front", Closing.LOST),
        PanelLost("unplugged"),
    ]
    assert wall.lost("still away") == ([], [])
    assert wall.show("message", Pattern.ON, 2.0) == ([], [])
    orders, _events = wall.found(NOBODY, 9.0)
    assert orders == [Turn("front", False), Turn("alarm", True), Turn("message", True)]


def test_a_panel_that_was_never_there_is_told_once_too() -> None:
    wall = Wall(CLINIC)
    assert wall.lost("no such port")[1] == [PanelLost("no such port")]
    assert wall.lost("no such port")[1] == []


def test_two_things_of_one_name_and_a_door_without_a_limit_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="'a' is the name of two things"):
        Wall(Layout(frozenset({"a"}), frozenset({"a"})))
    with pytest.raises(ValueError, match="up to 30 s, not 31"):
        Wall(Layout(doors={"d": DOOR_MOST_S + 1}))
    with pytest.raises(KeyError):
        plugged().open_door("back", 1.0, 0.0)
    with pytest.raises(KeyError):
        plugged().close_door("back")


def test_what_is_away_is_tried_less_and_less_often_and_what_was_back_at_once_again() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.failed() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    backoff.worked()
    assert backoff.failed() == 0.5
