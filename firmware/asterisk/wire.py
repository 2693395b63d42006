"""AMI on the wire: bytes in, messages out, and the reverse. No socket, no clock here.

A message is a block of `Key: value` lines ended by an empty line. Only CR LF ends a line: a
caller's name may hold any other character that some language takes for a line's end. Keys repeat
and their order matters, so a message is a sequence of pairs and not a dict. Before the first
message Asterisk greets with one line.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

# A list of every channel of a big site is 64 MB in many messages; one message of that size is
# already absurd.
MAX_MESSAGE_BYTES = 64 * 1024 * 1024
MAX_GREETING_BYTES = 256
# manager.c reads an action into inbuf[1025] and keeps AST_MAX_MANHEADERS lines; what is longer it
# drops or cuts.
MAX_LINE_BYTES = 1023
MAX_LINES = 128

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

Pair = tuple[str, str]


class WireError(ValueError):
    """What was to be written is not safe to write, or what was read is not AMI."""


@dataclass(frozen=True, slots=True)
class Message:
    """One block as it came, from the line break before its first line to the one after its last.

    The bytes are kept and fields looked up when they are asked for: most events of a busy Asterisk
    are looked at once, for their name. A line break before a key and one after a value are all that
    delimit a field, and no value holds one. UTF-8 is decoded a whole field at a time, so a name is
    never split, and what is no text is replaced.
    """

    raw: bytes = field(repr=False)  # callers' names and numbers stand in it

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """Every line as key and value; a line without a colon has an empty key."""
        lines = self.raw.decode("utf-8", "replace").split("\r\n")
        return tuple(_pair(line) for line in lines if line)

    def get(self, key: str, default: str = "") -> str:
        """The first value of this key."""
        return next(self._values(key), default)

    def all(self, key: str) -> tuple[str, ...]:
        """Every value of this key, in order."""
        return tuple(self._values(key))

    def __contains__(self, key: str) -> bool:
        return b"\r\n%b:" % key.encode() in self.raw

    def __getitem__(self, key: str) -> str:
        for value in self._values(key):
            return value
        raise KeyError(key)

    def _values(self, key: str) -> Iterator[str]:
        start = b"\r\n%b:" % key.encode()
        at = self.raw.find(start)
        while at >= 0:
            at += len(start)
            end = self.raw.find(b"\r\n", at)
            yield self.raw[at:end].decode("utf-8", "replace").removeprefix(" ")
            at = self.raw.find(start, end)


def _pair(line: str) -> Pair:
    key, colon, value = line.partition(":")
    return (key, value.removeprefix(" ")) if colon else ("", line)


class Reader:
    """Takes bytes in any pieces and gives whole messages. A message's end is looked for in each
    byte once, however many pieces it comes in."""

    __slots__ = ("_longest", "_pending", "_searched", "greeting")

    def __init__(self, longest: int = MAX_MESSAGE_BYTES) -> None:
        self.greeting: str | None = None
        self._pending = bytearray()  # once greeted, begins with the line break before a message
        self._searched = 0
        self._longest = longest

    def feed(self, piece: bytes) -> list[Message]:
        """The messages that this piece completes."""
        self._pending += piece
        if self.greeting is None and not self._take_greeting():
            return []
        end = self._pending.find(b"\r\n\r\n", self._searched)
        if end < 0:
            self._refuse_longer(len(self._pending))
            self._searched = max(0, len(self._pending) - 3)
            return []
        return self._take(bytes(self._pending), end)

    def _take(self, data: bytes, end: int) -> list[Message]:
        messages = []
        start = 0
        while end >= 0:
            if end > start:  # else an empty line more than one
                self._refuse_longer(end - start)
                messages.append(Message(data[start : end + 2]))
            start = end + 2
            end = data.find(b"\r\n\r\n", start)
        self._refuse_longer(len(data) - start)
        self._pending = bytearray(data[start:])
        self._searched = max(0, len(self._pending) - 3)
        return messages

    def _take_greeting(self) -> bool:
        end = self._pending.find(b"\r\n", 0, MAX_GREETING_BYTES)
        if end < 0:
            if len(self._pending) >= MAX_GREETING_BYTES:
                raise WireError("no AMI greeting: something else listens on this port")
            return False
        self.greeting = self._pending[:end].decode("utf-8", "replace")
        del self._pending[:end]
        return True

    def _refuse_longer(self, length: int) -> None:
        if length > self._longest:
            raise WireError(
                f"an AMI message of more than {self._longest} bytes: the peer is broken"
            )


def encode(pairs: Iterable[Pair]) -> bytes:
    """One action as bytes. Refuses whatever could be read as something else; never says what the
    value was, since values are secrets, names and numbers."""
    lines = [_line(key, value) for key, value in pairs]
    if not lines or len(lines) > MAX_LINES:
        raise WireError(f"an AMI action has 1 to {MAX_LINES} lines, not {len(lines)}")
    return b"".join(lines) + b"\r\n"


def _line(key: str, value: str) -> bytes:
    if not _KEY.fullmatch(key):
        raise WireError(f"not a name for an AMI field: {key[:40]!r}")
    if found := _CONTROL.search(value):
        raise WireError(
            f"line break or control character in AMI field {key}: U+{ord(found[0]):04X} at "
            f"position {found.start()}; clean the value before it is sent"
        )
    try:
        line = f"{key}: {value}".encode()
    except UnicodeEncodeError as error:
        raise WireError(f"not Unicode text in AMI field {key}, position {error.start}") from None
    if len(line) > MAX_LINE_BYTES:
        raise WireError(
            f"AMI field {key} is {len(line)} bytes long and Asterisk reads {MAX_LINE_BYTES}; "
            "shorten the value"
        )
    return line + b"\r\n"
