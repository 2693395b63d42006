"""The recovery paper: what a person copies from it is the key again, and a slip is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware import paper
from firmware.keys import KeyPair

seeds = st.binary(min_size=32, max_size=32)


def test_there_is_one_check_word_for_each_byte() -> None:
    assert len(set(paper.WORDS)) == 256


def complaint(typed: list[str]) -> str | None:
    """What is said about the lines typed; None when nothing is."""
    try:
        paper.read("\n".join(typed))
    except paper.PaperError as noticed:
        return str(noticed)
    return None


@given(seed=seeds)
def test_what_is_written_is_read_again(seed: bytes) -> None:
    assert paper.read("\n".join(paper.written(KeyPair(seed)))).seed == seed


@given(seed=seeds)
def test_capitals_spaces_and_round_digits_do_not_matter(seed: bytes) -> None:
    typed = "\n\n".join(paper.written(KeyPair(seed))).upper().replace("0", "O").replace("1", "l")
    # Words hold the letters too; only digits are read forgivingly.
    lines = [
        " ".join([*line.split()[:-1], right.split()[-1]])
        for line, right in zip(typed.split("\n\n"), paper.written(KeyPair(seed)), strict=True)
    ]
    assert paper.read("\n".join(lines)).seed == seed


def test_two_lines_exchanged_are_noticed_at_the_first() -> None:
    first, second, *rest = paper.written(KeyPair(bytes(range(32))))
    with pytest.raises(paper.PaperError, match=r"line 1.*order of the lines"):
        paper.read("\n".join([second, first, *rest]))


def test_nearly_every_slip_of_one_digit_is_named_with_its_line() -> None:
    """A check word lets one slip in 256 pass; the key's public half catches that one."""
    lines = list(paper.written(KeyPair(bytes(range(32)))))
    slips: list[tuple[str, str | None]] = []
    for place in range(4):
        for column, digit in enumerate(lines[place][:19]):
            if digit != " ":
                other = "0" if digit != "0" else "7"
                slip = lines[place][:column] + other + lines[place][column + 1 :]
                typed = [*lines[:place], slip, *lines[place + 1 :]]
                slips.append((f"line {place + 1}:", complaint(typed)))
    unnoticed = [slip for slip in slips if slip[1] is None]
    assert len(unnoticed) <= 2
    assert all(said.startswith(line) for line, said in slips if said is not None)


def test_a_missing_line_or_group_is_named() -> None:
    lines = paper.written(KeyPair(bytes(32)))
    with pytest.raises(paper.PaperError, match="4 lines, 3 were given"):
        paper.read("\n".join(lines[:3]))
    with pytest.raises(paper.PaperError, match="line 2: 16 digits"):
        paper.read("\n".join([lines[0], lines[1][5:], *lines[2:]]))


def test_the_page_holds_the_lines_and_says_what_they_are_for() -> None:
    key = KeyPair(bytes(range(32)))
    printed = paper.page(key, "Maple Street Family Practice", "2 March 2026", bytes(range(32)))
    assert all(line in printed for line in paper.written(key))
    assert "shown once" in printed
