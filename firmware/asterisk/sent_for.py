"""The legs by which we ring somebody, and which channel each of them is.

Each is made under its own name as Uniqueid. A colleague who picks up a ringing telephone brings a
channel of another one: it goes on as the leg, with the leg's variables and its way in the dialplan,
and the telephone that was rung is hung up (tried on 22.10.1). So a leg's name and its channel's
Uniqueid are the same only until then.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from ivr.events import Refusal

USER_BUSY = "17"  # Q.850
CALL_REJECTED = "21"


@dataclass(slots=True)
class Leg:
    """One of them. `offer` is its name."""

    offer: str
    call: str
    channel: str = ""
    is_outward: bool = False  # no agent's: `offer` names a call of ours that nobody answered yet
    bridge: str = ""
    is_there: bool = False
    has_rung: bool = False
    is_answered: bool = False
    is_joined: bool = False
    is_withdrawn: bool = False
    is_holding: bool = False
    uniqueid: str = field(init=False)

    def __post_init__(self) -> None:
        self.uniqueid = self.offer


@dataclass(slots=True)
class SentFor:
    """All that live."""

    _by_name: dict[str, Leg] = field(default_factory=dict)
    _brought: dict[str, str] = field(default_factory=dict)  # Uniqueid of a colleague's -> the leg

    def __iter__(self) -> Iterator[Leg]:
        return iter(list(self._by_name.values()))

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def add(self, leg: Leg) -> None:
        self._by_name[leg.offer] = leg

    def named(self, name: str) -> Leg | None:
        return self._by_name.get(name)

    def at(self, uniqueid: str) -> Leg | None:
        """Whose channel this is."""
        leg = self._by_name.get(self._brought.get(uniqueid, uniqueid))
        return leg if leg is not None and leg.uniqueid == uniqueid else None

    def picked_up(self, name: str, uniqueid: str, channel: str) -> Leg | None:
        """A colleague has brought this channel, which is up; None: it is no leg's, or known."""
        leg = self._by_name.get(name)
        if leg is None or leg.uniqueid == uniqueid:
            return None
        leg.uniqueid, leg.channel, leg.is_there, leg.is_answered = uniqueid, channel, True, True
        self._brought[uniqueid] = name
        return leg

    def forget(self, leg: Leg) -> None:
        del self._by_name[leg.offer]
        self._brought.pop(leg.uniqueid, None)


def refusal(leg: Leg, cause: str) -> Refusal:
    """Why an offer came to nothing. A phone that rang and then says busy was refused by hand: many
    desk phones have no other answer on that key."""
    if leg.is_withdrawn:
        return Refusal.WITHDRAWN
    if leg.is_answered or cause == CALL_REJECTED:
        return Refusal.REFUSED
    if cause == USER_BUSY:
        return Refusal.REFUSED if leg.has_rung else Refusal.BUSY
    return Refusal.SILENT if leg.has_rung else Refusal.UNREACHABLE
