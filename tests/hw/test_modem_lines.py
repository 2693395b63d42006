"""What a modem says, read a byte at a time or all at once, with rubbish in it."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hw.modem.lines import MOST_BYTES, Line, Lines, Prompt

SAID = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"OK", b"\r\n", b"> ", b"RING\r\n", b'+CMTI: "ME",3\r\n', b"\x00"]),
    ),
    max_size=12,
).map(b"".join)


@given(SAID, st.lists(st.integers(0, 400), max_size=5))
def test_lines_are_the_same_however_they_are_cut(said: bytes, cuts: list[int]) -> None:
    lines = Lines()
    places = [0, *sorted(min(cut, len(said)) for cut in cuts), len(said)]
    pieces = [said[a:b] for a, b in pairwise(places)]
    read = [one for piece in pieces for one in lines.feed(piece)]
    assert read == Lines().feed(said)


def test_answers_news_and_a_prompt_are_told_apart_by_their_ends() -> None:
    said = b"\r\nRING\r\n\r\n+CSQ: 20,99\r\n\r\nOK\r\n\r\n> "
    assert Lines().feed(said) == [Line("RING"), Line("+CSQ: 20,99"), Line("OK"), Prompt()]


def test_a_line_without_end_is_rubbish_up_to_its_end_and_the_next_one_is_read() -> None:
    lines = Lines()
    assert lines.feed(b"x" * (3 * MOST_BYTES)) == []
    assert lines.feed(b"x\r\nOK\r\n") == [Line("OK")]


def test_half_a_line_is_forgotten_when_the_port_is_opened_anew() -> None:
    lines = Lines()
    lines.feed(b"+CSQ: 2")
    lines.forget()
    assert lines.feed(b"RING\r\n") == [Line("RING")]
