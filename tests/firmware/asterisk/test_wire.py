"""AMI's bytes and our messages: however they are cut, whatever a caller is named."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.asterisk.wire import MAX_LINE_BYTES, MAX_LINES, Message, Reader, WireError, encode

GREETING = b"Asterisk Call Manager/11.0.0\r\n"

# What some language or other takes for the end of a line, and AMI does not.
FALSE_ENDS = ("\u2028", "\u2029", "\x85", "\x1c", "\x1d", "\x1e", "\x0b", "\x0c", "\r", "\n")

keys = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,20}", fullmatch=True)
values = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=60).map(str.lstrip)
actions = st.lists(st.tuples(keys, values), min_size=1, max_size=20).map(tuple)


def read(*pieces: bytes, longest: int = 1 << 20) -> list[Message]:
    """All that a fresh reader, already greeted, makes of these pieces."""
    reader = Reader(longest)
    reader.feed(GREETING)
    return [message for piece in pieces for message in reader.feed(piece)]


def test_an_event_is_read_as_its_pairs_in_their_order() -> None:
    [message] = read(b"Event: Hangup\r\nChannel: PJSIP/line-1\r\nCause: 16\r\n\r\n")
    assert message.pairs == (("Event", "Hangup"), ("Channel", "PJSIP/line-1"), ("Cause", "16"))
    assert message["Cause"] == "16"
    assert "Channel" in message
    assert message.get("Nothing") == ""
    with pytest.raises(KeyError):
        message["Nothing"]


def test_a_key_that_repeats_keeps_all_its_values() -> None:
    [message] = read(b"Event: X\r\nChanVariable: LINE=main\r\nChanVariable: NEXT=\r\n\r\n")
    assert message.all("ChanVariable") == ("LINE=main", "NEXT=")
    assert message.get("ChanVariable") == "LINE=main"


@pytest.mark.parametrize("odd", FALSE_ENDS, ids=[f"U+{ord(odd):04X}" for odd in FALSE_ENDS])
def test_a_caller_named_with_what_looks_like_a_line_end_is_one_name(odd: str) -> None:
    name = f"Bob{odd}Cause: 99"
    [message] = read(f"Event: Hangup\r\nCallerIDName: {name}\r\nCause: 16\r\n\r\n".encode())
    assert message.get("CallerIDName") == name
    assert message.all("Cause") == ("16",)


def test_a_name_cut_in_the_middle_of_a_letter_is_whole() -> None:
    event = "Event: Newchannel\r\nCallerIDName: Zoë 🩺\r\n\r\n".encode()
    for cut in range(len(event)):
        [message] = read(event[:cut], event[cut:])
        assert message.get("CallerIDName") == "Zoë 🩺"


def test_bytes_that_are_no_text_are_shown_as_such_and_harm_no_other_field() -> None:
    [message] = read(b"Event: X\r\nCallerIDName: \xff\xc3\r\nCause: 16\r\n\r\n")
    assert message.get("CallerIDName") == "\N{REPLACEMENT CHARACTER}" * 2
    assert message.get("Cause") == "16"


def test_an_empty_value_and_a_line_without_a_colon_are_kept() -> None:
    [message] = read(b"Response: Success\r\nCallerIDName: \r\nBare:\r\nno colon here\r\n\r\n")
    assert message.pairs[1:] == (("CallerIDName", ""), ("Bare", ""), ("", "no colon here"))


def test_empty_lines_between_messages_are_nothing() -> None:
    assert read(b"\r\n\r\n\r\n\r\nEvent: X\r\n\r\n\r\n\r\nEvent: Y\r\n\r\n") == [
        Message(b"\r\nEvent: X\r\n"),
        Message(b"\r\nEvent: Y\r\n"),
    ]


@given(st.lists(actions, max_size=5), st.lists(st.integers(1, 40), max_size=80))
def test_however_the_bytes_are_cut_the_messages_are_the_same(
    blocks: list[tuple[tuple[str, str], ...]], cuts: list[int]
) -> None:
    stream = GREETING + b"".join(encode(block) for block in blocks)
    reader = Reader()
    heard: list[Message] = []
    at = 0
    for step in [*cuts, len(stream)]:
        heard += reader.feed(stream[at : at + step])
        at += step
    assert reader.greeting == "Asterisk Call Manager/11.0.0"
    assert [message.pairs for message in heard] == blocks


@given(st.lists(st.tuples(st.text(max_size=12) | keys, st.text(max_size=40)), max_size=8))
def test_any_pairs_come_back_as_they_were_or_are_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        written = encode(pairs)
    except WireError:
        return
    [message] = read(written)
    assert list(message.pairs) == pairs


@pytest.mark.parametrize("control", [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))])
def test_no_control_character_is_ever_written(control: str) -> None:
    for pair in (("Value", f"Bob{control}Action: Originate"), (f"Key{control}", "x")):
        with pytest.raises(WireError):
            encode([("Action", "Setvar"), pair])


def test_a_refusal_says_where_but_never_what_the_value_was() -> None:
    with pytest.raises(WireError, match=r"field Secret: U\+000A at position 6") as refused:
        encode([("Secret", "hunter\n2")])
    assert "hunter" not in str(refused.value)


@pytest.mark.parametrize("key", ["", "Two words", "Colon:", "Übung", "-first", "9"])
def test_a_field_that_is_no_name_is_refused(key: str) -> None:
    with pytest.raises(WireError, match="not a name"):
        encode([(key, "value")])


def test_what_asterisk_would_cut_off_is_refused() -> None:
    longest = "x" * (MAX_LINE_BYTES - len("Key: "))
    assert encode([("Key", longest)]).startswith(b"Key: xxx")
    with pytest.raises(WireError, match="shorten"):
        encode([("Key", longest + "x")])
    with pytest.raises(WireError, match="lines"):
        encode([("Key", "x")] * (MAX_LINES + 1))
    with pytest.raises(WireError, match="lines"):
        encode([])


def test_a_lone_surrogate_is_refused_as_no_text() -> None:
    with pytest.raises(WireError, match="not Unicode"):
        encode([("CallerIDName", "\ud800")])


def test_whoever_is_not_asterisk_is_found_out_before_its_first_line_ends() -> None:
    with pytest.raises(WireError, match="something else"):
        Reader().feed(b"\x00" * 300)


@pytest.mark.parametrize("ending", [b"", b"\r\n\r\n"])
def test_a_message_without_end_is_refused_when_it_is_too_long(ending: bytes) -> None:
    with pytest.raises(WireError, match="more than 1000 bytes"):
        read(b"Event: X\r\nName: " + b"x" * 1000 + ending, longest=1000)


def test_a_message_of_sixty_four_megabytes_is_read_and_nothing_of_it_lost() -> None:
    lines = b"Output: " + b"x" * 1014 + b"\r\n"
    block = (b"Response: Success\r\n" + lines * (64 * 1024 - 1))[:-2]
    reader = Reader()
    reader.feed(GREETING)
    heard = [
        message
        for at in range(0, len(block), 65536)
        for message in reader.feed(block[at : at + 65536])
    ]
    assert heard == []
    [message] = reader.feed(b"\r\n\r\n")
    assert len(message.pairs) == 64 * 1024


def test_reading_four_times_as_much_in_small_pieces_costs_about_four_times_as_much() -> None:
    """Sixteen times, were the buffer searched or copied anew at each piece."""
    assert cost(8) < 10 * cost(2)


def cost(megabytes: int) -> float:
    """CPU seconds to read one message of this size in pieces of 1 KiB, the best of five."""

    def once() -> float:
        reader = Reader()
        reader.feed(GREETING)
        piece = b"x" * 1024
        began = time.process_time()
        for _ in range(megabytes * 1024):
            reader.feed(piece)
        return time.process_time() - began

    return min(once() for _ in range(5))
