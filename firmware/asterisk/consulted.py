"""Who is at the other end of a channel, also where a telephone has asked first (`*2`).

Asterisk dials for it by a pair of Local channels, whose name says the number; who picked up, a
telephone to which that one forwards perhaps, only the end of their Dial tells (tried on 22.10.1).
"""

from dataclasses import dataclass, field

from firmware.asterisk.wire import Message

LOCAL = "Local/"


def phone_of(channel: str) -> str:
    """The extension whose telephone has this channel, as far as its name tells."""
    technology, _, rest = channel.partition("/")
    return rest.rpartition("-")[0] if technology == "PJSIP" else ""


@dataclass(slots=True)
class Consulted:
    """Who picked up, by pair; forgotten with it."""

    _answered: dict[str, str] = field(default_factory=dict)

    def heard(self, message: Message) -> None:
        pair = _pair(message.get("Channel"))
        match message.get("Event"):
            case "DialEnd" if pair and message.get("DialStatus") == "ANSWER":
                self._answered[pair] = phone_of(message.get("DestChannel"))
            case "Hangup":
                self._answered.pop(pair, None)

    def behind(self, channel: str) -> str:
        """An extension; of a pair whose number is no telephone's, that number."""
        pair = _pair(channel)
        if not pair:
            return phone_of(channel)
        return self._answered.get(pair) or pair.removeprefix(LOCAL).partition("@")[0]


def _pair(channel: str) -> str:
    return channel.rpartition(";")[0] if channel.startswith(LOCAL) else ""
