"""The telephone network's alphabet of seven bits (3GPP TS 23.038, 6.2.1): text to septets and
septets to octets. Reading is total: whatever septets come, a text comes out.
"""

from collections.abc import Iterable, Sequence

# TS 23.038 table 6.2.1, code 0x00 first; 0x1B leads to the extension and is no letter.
ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
ESCAPE = 0x1B
# TS 23.038 table 6.2.1.1.
EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]",
    0x40: "|", 0x65: "€",
}  # fmt: skip

_CODE_OF: dict[str, tuple[int, ...]] = {
    letter: (code,) for code, letter in enumerate(ALPHABET) if code != ESCAPE
}
_CODE_OF |= {letter: (ESCAPE, code) for code, letter in EXTENSION.items()}


def fits(text: str) -> bool:
    """Whether each letter has a code, so that no letter would be lost."""
    return all(letter in _CODE_OF for letter in text)


def septets_of(text: str) -> list[int]:
    """The codes of a text that fits; KeyError for one that does not."""
    return [code for letter in text for code in _CODE_OF[letter]]


def text_of(septets: Iterable[int]) -> str:
    """What codes say. An extension nobody knows is shown as the letter of the main table, and an
    escape with nothing after it as a space, as TS 23.038 asks of a receiver."""
    letters: list[str] = []
    escaped = False
    for code in septets:
        if escaped:
            letters.append(EXTENSION.get(code) or (" " if code == ESCAPE else ALPHABET[code]))
            escaped = False
        elif code == ESCAPE:
            escaped = True
        else:
            letters.append(ALPHABET[code])
    return "".join(letters) + (" " if escaped else "")


def packed(septets: Sequence[int], fill_bits: int = 0) -> bytes:
    """Septets as octets, the lowest bit first, after so many empty bits."""
    bits = 0
    for place, code in enumerate(septets):
        bits |= code << (fill_bits + 7 * place)
    return bits.to_bytes((fill_bits + 7 * len(septets) + 7) // 8, "little")


def unpacked(octets: bytes, count: int, fill_bits: int = 0) -> list[int]:
    """So many septets of octets, after so many empty bits; what is missing reads as zero."""
    bits = int.from_bytes(octets, "little") >> fill_bits
    return [bits >> (7 * place) & 0x7F for place in range(count)]
