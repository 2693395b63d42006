"""One key is one digit: by tone, by begin, by end, in any order, with sources missing or late."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr import digits
from ivr.digits import KeyEvent, fuse
from ivr.events import KeyBegan, KeyEnded, ToneHeard

TONE, BEGAN, ENDED = ToneHeard, KeyBegan, KeyEnded


def counted(*told: tuple[float, type[KeyEvent], str]) -> str:
    """The digits that come of these events, each with its time."""
    keys: digits.Keys = ()
    found = ""
    for at, kind, digit in sorted(told, key=lambda one: one[0]):
        keys, is_new = fuse(keys, kind("anna", digit), at)
        found += digit if is_new else ""
    return found


@pytest.mark.parametrize("kind", [TONE, BEGAN, ENDED])
def test_each_source_alone_is_enough(kind: type[KeyEvent]) -> None:
    assert counted((0.0, kind, "5"), (0.4, kind, "7")) == "57"


@pytest.mark.parametrize("kind", [TONE, BEGAN, ENDED])
def test_eleven_is_two_keys_however_quick(kind: type[KeyEvent]) -> None:
    assert counted((0.0, kind, "1"), (0.09, kind, "1")) == "11"


def test_a_key_in_both_the_audio_and_the_signalling_is_one() -> None:
    assert counted((0.0, BEGAN, "1"), (0.03, TONE, "1"), (0.1, ENDED, "1")) == "1"
    assert counted((0.0, TONE, "1"), (0.25, BEGAN, "1"), (0.3, ENDED, "1")) == "1"
    assert counted((0.0, ENDED, "1"), (0.02, TONE, "1"), (0.2, BEGAN, "1")) == "1"


def test_a_key_held_for_seconds_is_one() -> None:
    assert counted((0.0, BEGAN, "1"), (6.0, ENDED, "1")) == "1"
    assert counted((0.0, TONE, "1"), (6.0, ENDED, "1")) == "1"


def test_a_begin_that_comes_after_the_end_is_the_same_key() -> None:
    assert counted((0.0, ENDED, "1"), (2.5, BEGAN, "1")) == "1"
    assert (
        counted((0.0, ENDED, "1"), (0.2, ENDED, "1"), (2.5, BEGAN, "1"), (2.6, BEGAN, "1")) == "11"
    )


def test_a_voice_taken_for_a_key_does_not_swallow_the_key_that_follows() -> None:
    assert counted((0.0, TONE, "1"), (2.0, BEGAN, "1"), (2.1, ENDED, "1")) == "11"


def test_a_begin_that_got_lost_costs_no_later_key() -> None:
    assert counted((0.0, ENDED, "1"), (1.0, BEGAN, "1"), (1.1, ENDED, "1")) == "11"


def test_a_source_that_speaks_twice_means_two_keys_though_another_missed_one() -> None:
    assert counted((0.0, BEGAN, "1"), (0.03, TONE, "1"), (0.2, TONE, "1")) == "11"
    assert counted((0.0, BEGAN, "1"), (0.03, TONE, "1"), (0.1, BEGAN, "1")) == "11"
    assert counted((0.0, BEGAN, "1"), (0.1, ENDED, "1"), (0.3, ENDED, "1")) == "11"


@dataclass(frozen=True)
class Press:
    digit: str
    gap_s: float
    held_s: float
    is_begin_lost: bool = False
    is_end_lost: bool = False


@dataclass(frozen=True)
class Path:
    """How the keys of a call reach us: which sources there are, and each one's lag."""

    has_tone: bool
    has_began: bool
    has_ended: bool
    began_lag_s: float
    ended_lag_s: float


PRESSES = st.lists(
    st.builds(Press, st.sampled_from("1125#"), st.floats(0.05, 1.5), st.floats(0.04, 3.0)),
    min_size=1,
    max_size=8,
)
# Where a tone is in the audio, the link must be no slower than a tone and its begin may lie apart.
PATHS = st.one_of(
    st.builds(Path, st.just(True), st.booleans(), st.booleans(), st.floats(0.0, 0.25),
              st.floats(0.0, 0.02)),
    st.builds(Path, st.just(False), st.just(True), st.booleans(), st.floats(0.0, 0.25),
              st.floats(0.0, 0.02)),
    st.builds(Path, st.just(False), st.booleans(), st.just(True), st.floats(0.0, 2.9),
              st.floats(0.0, 0.02)),
)  # fmt: skip


@given(PRESSES, PATHS)
def test_whatever_is_pressed_is_counted_once_on_every_path(
    presses: list[Press], path: Path
) -> None:
    at = 0.0
    told: list[tuple[float, type[KeyEvent], str]] = []
    for press in presses:
        at += press.gap_s
        if path.has_tone:
            told.append((at + 0.03, TONE, press.digit))
        if path.has_began:
            told.append((at + path.began_lag_s, BEGAN, press.digit))
        at += press.held_s
        if path.has_ended:
            told.append((at + path.ended_lag_s, ENDED, press.digit))
    assert counted(*told) == "".join(press.digit for press in presses)


LOSSY = st.lists(
    st.builds(
        Press,
        st.sampled_from("12"),
        st.floats(0.05, 1.0),
        st.floats(0.04, 2.0),
        st.booleans(),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@given(LOSSY, st.floats(0.0, 0.25))
def test_while_the_tones_are_heard_lost_signalling_costs_and_adds_nothing(
    presses: list[Press], began_lag_s: float
) -> None:
    at = 0.0
    told: list[tuple[float, type[KeyEvent], str]] = []
    for press in presses:
        at += press.gap_s
        told.append((at + 0.03, TONE, press.digit))
        if not press.is_begin_lost:
            told.append((at + began_lag_s, BEGAN, press.digit))
        at += press.held_s
        if not press.is_end_lost:
            told.append((at + 0.01, ENDED, press.digit))
    assert counted(*told) == "".join(press.digit for press in presses)
