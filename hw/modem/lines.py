"""A modem's bytes become lines and prompts. Total: any bytes, cut anywhere, give the same lines.

A line is text without its ends; an empty one is nothing. A prompt is the `> ` that a modem shows
when it waits for a message (3GPP TS 27.005, 3.5.1), which no line end follows. What is longer than
any line of a modem is rubbish, and is left out up to its end.
"""

from dataclasses import dataclass

# The longest line is a PDU in hexadecimal digits: 2 * 176 (TS 23.040), and its echo no longer.
MOST_BYTES = 1024

_ENDS = b"\r\n"


@dataclass(frozen=True, slots=True)
class Line:
    """One line, as ASCII; what is none reads as a mark of replacement."""

    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """The modem waits for a message."""


class Lines:
    """Feed it what comes, in whatever pieces."""

    __slots__ = ("_after_prompt", "_is_rubbish", "_line")

    def __init__(self) -> None:
        self._line = bytearray()
        self._is_rubbish = False
        self._after_prompt = False

    def feed(self, data: bytes) -> list[Line | Prompt]:
        """What these bytes complete, in order."""
        told: list[Line | Prompt] = []
        for byte in data:
            one = self._take(byte)
            if one is not None:
                told.append(one)
        return told

    def forget(self) -> None:
        """The port was opened anew: half a line has lost its other half."""
        self._line.clear()
        self._is_rubbish = self._after_prompt = False

    def _take(self, byte: int) -> Line | Prompt | None:
        after_prompt, self._after_prompt = self._after_prompt, False
        if byte in _ENDS:
            return self._end()
        if byte == 0 or (after_prompt and byte == 0x20):
            return None
        if byte == 0x3E and not self._line and not self._is_rubbish:
            self._after_prompt = True
            return Prompt()
        self._line.append(byte)
        if len(self._line) > MOST_BYTES:
            self._line.clear()
            self._is_rubbish = True
        return None

    def _end(self) -> Line | None:
        is_rubbish, self._is_rubbish = self._is_rubbish, False
        text = self._line.decode("ascii", "replace").strip()
        self._line.clear()
        return None if is_rubbish or not text else Line(text)
