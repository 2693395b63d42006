"""A text longer than one message: split for sending, joined when it comes in parts, in any order.

No letter is cut in two: neither an escaped one of the network's alphabet nor a pair of UTF-16. A
text that is too long for `MOST_PARTS` is refused, never shortened.
"""

from collections.abc import Callable, Iterable, Iterator

from hw.modem.gsm7 import fits, septets_of
from hw.modem.pdu import WHOLE, Part

# TS 23.040, 9.2.3.24.1: 160 septets or 140 octets, and less a header of 6 octets in parts.
WHOLE_SEPTETS, PART_SEPTETS = 160, 153
WHOLE_OCTETS, PART_OCTETS = 140, 134
MOST_PARTS = 10  # 1,530 letters; a clinic's text that is longer is a mistake


def split(text: str, reference: int) -> list[tuple[str, Part]]:
    """The messages that a text goes out as; ValueError where it would be more than `MOST_PARTS`."""
    if fits(text):
        pieces = list(_pieces(text, WHOLE_SEPTETS, PART_SEPTETS, lambda one: len(septets_of(one))))
    else:
        pieces = list(_pieces(text, WHOLE_OCTETS, PART_OCTETS, _utf16_octets))
    if len(pieces) > MOST_PARTS:
        raise ValueError(f"a text of {len(pieces)} messages: {MOST_PARTS} is the most")
    if len(pieces) == 1:
        return [(pieces[0], WHOLE)]
    count = len(pieces)
    return [(piece, Part(reference % 256, count, at)) for at, piece in enumerate(pieces, 1)]


def joined(pieces: Iterable[tuple[int, str]], count: int) -> tuple[str, tuple[int, ...]]:
    """A text of the parts that came, and the numbers of those that did not; two parts that claim
    the same number are the same part sent twice, and the first counts."""
    by_number: dict[int, str] = {}
    for number, piece in pieces:
        by_number.setdefault(number, piece)
    text = "".join(piece for _, piece in sorted(by_number.items()))
    return whole_letters(text), tuple(
        number for number in range(1, count + 1) if number not in by_number
    )


def whole_letters(text: str) -> str:
    """A text in which both halves of a letter stand together, and a half without its other is a
    mark of replacement: telephones cut their texts between parts without looking."""
    return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace")


def _utf16_octets(letter: str) -> int:
    return len(letter.encode("utf-16-be", "replace"))


def _pieces(text: str, whole: int, most: int, cost: Callable[[str], int]) -> Iterator[str]:
    if sum(map(cost, text)) <= whole:
        yield text
        return
    piece, used = "", 0
    for letter in text:
        if used + cost(letter) > most:
            yield piece
            piece, used = "", 0
        piece += letter
        used += cost(letter)
    yield piece
