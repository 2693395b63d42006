"""AMI on the wire: bytes in, messages out, and the reverse. No socket, no clock here.

A message is a block of `Key: value` lines ended by an empty line. Only CR LF ends a line: a
caller's name may hold any other character that some language takes for a line's end. Keys repeat
and their order matters, so a message is a tuple of pairs and not a dict. Before the first message
Asterisk greets with one line."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

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
    """One block, as it came. A line without a colon is a pair with an empty key."""

    pairs: tuple[Pair, ...]

    def get(self, key: str, default: str = "") -> str:
        """The first value of this key."""
        for name, value in self.pairs:
            if name == key:
                return value
        return default

    def all(self, key: str) -> tuple[str, ...]:
        """Every value of this key, in order."""
        return tuple(value for name, value in self.pairs if name == key)

    def __contains__(self, key: object) -> bool:
        return any(name == key for name, _ in self.pairs)

    def __getitem__(self, key: str) -> str:
        for name, value in self.pairs:
            if name == key:
                return value
        raise KeyError(key)


class Reader:
    """Takes bytes in any pieces and gives whole messages. Each byte is looked at once."""

    __slots__ = ("_buffer", "_longest", "_searched", "greeting")

    def __init__(self, longest: int = MAX_MESSAGE_BYTES) -> None:
        self.greeting: str | None = None
        self._buffer = bytearray()
        self._searched = 0
        self._longest = longest

    def feed(self, piece: bytes) -> list[Message]:
        """The messages that this piece completes."""
        self._buffer += piece
        if self.greeting is None and not self._take_greeting():
            return []
        messages = []
        start = 0
        while (end := self._buffer.find(b"\r\n\r\n", max(start, self._searched))) >= 0:
            self._refuse_longer(end - start)
            if message := parse(self._buffer[start:end]):
                messages.append(message)
            start = end + 4
        del self._buffer[:start]
        self._refuse_longer(len(self._buffer))
        self._searched = max(0, len(self._buffer) - 3)
        return messages

    def _take_greeting(self) -> bool:
        end = self._buffer.find(b"\r\n", 0, MAX_GREETING_BYTES)
        if end < 0:
            if len(self._buffer) >= MAX_GREETING_BYTES:
                raise WireError("no AMI greeting: something else listens on this port")
            return False
        self.greeting = self._buffer[:end].decode("utf-8", "replace")
        del self._buffer[: end + 2]
        return True

    def _refuse_longer(self, length: int) -> None:
        if length > self._longest:
            raise WireError(
                f"an AMI message of more than {self._longest} bytes: the peer is broken"
            )


def parse(block: bytes | bytearray) -> Message | None:
    """The message in a block without its ending, or None for empty lines alone.

    The whole block is decoded at once: UTF-8's error replacement never swallows a CR or LF, so it
    is as good as decoding each field, and a name is never split, since the block is complete."""
    pairs = []
    for line in block.decode("utf-8", "replace").split("\r\n"):
        if line:
            key, colon, value = line.partition(":")
            pairs.append((key, value.removeprefix(" ")) if colon else ("", line))
    return Message(tuple(pairs)) if pairs else None


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
