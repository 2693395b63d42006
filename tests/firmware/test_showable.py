"""What strangers write does nothing where it is shown."""

from hypothesis import given
from hypothesis import strategies as st

from firmware.showable import marked

ACTS = {"\x00", "\x07", "\x1b", "\x9b", "\r", "\u202e", "\u2028", "\ud800"}


@given(st.text(max_size=40))
def test_nothing_that_a_stranger_writes_acts_where_it_is_shown(text: str) -> None:
    words = f"{text}\x1b]0;owned\x07\x9b2J\u202e\u2028\ud800\r"
    shown = marked(words, kept="\n")
    assert len(shown) == len(words)
    assert not ACTS & {*shown}
    assert marked(shown, kept="\n") == shown


def test_letters_and_an_emoji_of_several_signs_stay_as_they_are() -> None:
    family = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    assert marked(f"Señora Núñez {family}\nbye", kept="\n") == f"Señora Núñez {family}\nbye"
