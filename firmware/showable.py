"""A stranger's words as they may be shown, on a page and at a terminal: what acts there, cannot be
seen or turns round what stands beside it is marked. Pure."""

import unicodedata

# Controls, directions, half letters, and ends of a line.
_UNSHOWABLE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_JOINER = "\N{ZERO WIDTH JOINER}"  # inside an emoji


def marked(text: str, kept: str = "") -> str:
    """The same, letter by letter; these stay whatever they are."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(letter) in _UNSHOWABLE and letter not in _JOINER + kept
        else letter
        for letter in text
    )
