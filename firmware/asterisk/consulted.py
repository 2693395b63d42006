"""Who is at the other end of a channel, also where a telephone has asked first (`*2`).

Asterisk dials for it by a pair of Local channels, whose name says the number; who picked up, a
telephone to which that one forwards perhaps, only the end of their Dial tells. The transfer itself
names the other end three times in four (tried on 22.10.1); so the bridge is looked at, too.
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
    """Who picked up, by pair, and who is in which bridge; forgotten with them."""

    _answered: dict[str, str] = field(default_factory=dict)
    _bridged: dict[str, tuple[str, str]] = field(default_factory=dict)  # bridge, channel

    def heard(self, message: Message) -> None:
        channel, uniqueid = message.get("Channel"), message.get("Uniqueid")
        pair = _pair(channel)
        match message.get("Event"):
            case "BridgeEnter":
                self._bridged[uniqueid] = message.get("BridgeUniqueid"), channel
            case "BridgeLeave":
                self._bridged.pop(uniqueid, None)
            case "DialEnd" if pair and message.get("DialStatus") == "ANSWER":
                self._answered[pair] = phone_of(message.get("DestChannel"))
            case "Hangup":
                self._answered.pop(pair, None)
                self._bridged.pop(uniqueid, None)

    def within(self, bridge: str) -> list[str]:
        """Channels in a bridge."""
        return [channel for where, channel in self._bridged.values() if bridge and where == bridge]

    def bridge_beyond(self, channel: str) -> str:
        """The bridge of a pair's other end; Asterisk merges the two within half a second."""
        pair = _pair(channel)
        ends = (bridge for bridge, each in self._bridged.values() if pair and _pair(each) == pair)
        mine = (bridge for bridge, each in self._bridged.values() if each == channel)
        others = set(ends) - set(mine)
        return others.pop() if others else ""

    def behind(self, channel: str) -> str:
        """An extension; of a pair whose number is no telephone's, that number."""
        pair = _pair(channel)
        if not pair:
            return phone_of(channel)
        return self._answered.get(pair) or pair.removeprefix(LOCAL).partition("@")[0]


def _pair(channel: str) -> str:
    return channel.rpartition(";")[0] if channel.startswith(LOCAL) else ""
