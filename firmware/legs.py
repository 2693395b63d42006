"""Which audio belongs to which call: the engine's connection and Asterisk's announcement, joined by
their UUID.

Either may come first. A connection that Asterisk does not announce within two seconds is a stranger
or a call whose announcement was lost: it is closed, and the dialplan's fail-safe rings a person. No
I/O here; time is an argument.
"""

from dataclasses import dataclass
from typing import Protocol

from ivr import events

ANNOUNCE_WITHIN_S = 2.0
NO_TIME = float("-inf")  # since ever


class Tester(Protocol):
    """A caller of our own: no call of the clinic's, but a leg in the engine all the same."""

    uuid: str
    handle: int | None

    def came(self, handle: int) -> None: ...
    def left(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Stranger:
    handle: int
    since: float


class Legs:
    """Every leg in the engine, callers', agents' and those we called; a handle is the engine's own
    name of a connection."""

    def __init__(self) -> None:
        self._handles: dict[str, int] = {}
        self._uuids: dict[int, str] = {}
        self._strangers: dict[str, _Stranger] = {}
        self._orphans: frozenset[str] = frozenset()
        self._announced: dict[str, events.CallArrived | events.SentOn] = {}
        self._offers: set[str] = set()
        self._called: set[str] = set()  # by us, and not yet in the engine
        self._leaving: set[str] = set()
        self._returning: set[str] = set()
        self._testers: dict[str, Tester] = {}
        self._taps: set[str] = set()

    def handle(self, uuid: str) -> int | None:
        """The engine's handle of a leg, None when its audio is not (or no longer) here."""
        return self._handles.get(uuid)

    def uuid(self, handle: int) -> str | None:
        return self._uuids.get(handle)

    def callers(self) -> list[str]:
        """Calls whose audio is here."""
        others = self._offers | self._taps
        return [uuid for uuid in self._handles if uuid not in others]

    def tapped(self, tap: str) -> None:
        """A leg that listens to a talk is on its way, under the name that we gave it."""
        self._taps.add(tap)

    def untap(self, tap: str) -> None:
        """It is wanted no more. Should it come late, it is a stranger."""
        if tap not in self._handles:
            self._taps.discard(tap)

    def offered(self, offer: str) -> None:
        """An agent's leg is on its way; it needs no announcement, for we gave it its name."""
        self._offers.add(offer)

    def offer_ended(self, offer: str) -> None:
        self._offers.discard(offer)

    def called_out(self, call: str) -> None:
        """Somebody is being called by us; the leg that comes needs no announcement either."""
        self._called.add(call)

    def never_called(self, ended: events.CallOutEnded) -> list[events.Event]:
        """The order to call was refused; to be told once."""
        return self.heard(ended) if ended.call in self._called else []

    def test(self, tester: Tester) -> None:
        """A caller of our own is on its way to the self-test line."""
        self._testers[tester.uuid] = tester

    def test_over(self, tester: Tester) -> None:
        """It did not come; should it come late, it is a stranger."""
        self._testers.pop(tester.uuid, None)

    def is_tap(self, handle: int) -> bool:
        """Whether this connection listens to a talk."""
        return self._uuids.get(handle) in self._taps

    def opened(self, uuid: str, handle: int, now: float) -> list[events.Event]:
        """The engine took a connection."""
        if (tester := self._testers.get(uuid)) is not None:
            tester.came(handle)
            return []
        self._handles[uuid] = handle
        self._uuids[handle] = uuid
        if uuid in self._offers:
            return [events.OfferAccepted(uuid)]
        if uuid in self._taps:
            return [events.Tapped(uuid)]
        if uuid in self._called:
            self._called.discard(uuid)
            return [events.CalledOut(uuid)]
        if uuid in self._returning:
            self._returning.discard(uuid)
            return [events.CameBack(uuid)]
        arrived = self._announced.pop(uuid, None)
        if arrived is not None:
            return [arrived]
        self._strangers[uuid] = _Stranger(handle, NO_TIME if uuid in self._orphans else now)
        return []

    def orphaned(self, offers: frozenset[str]) -> None:
        """Legs that an exchange before us sent for: whoever picks up is seen to by Asterisk itself,
        as soon as we let go, so these are overdue at once."""
        self._orphans = offers
        for uuid in self._strangers.keys() & offers:
            self._strangers[uuid] = _Stranger(self._strangers[uuid].handle, NO_TIME)

    def heard(self, event: events.Event) -> list[events.Event]:
        """What Asterisk told, in the order in which it may be acted on."""
        match event:
            case events.CallArrived():
                return self._announce(event)
            case events.SentOn(call=call):
                self._returning.discard(call)
                if call in self._handles and call not in self._leaving:
                    self._strangers.pop(call, None)
                    return [event]
                return self._announce(event)
            case events.CallOutEnded(call=call) | events.CallerLeft(call=call) if (
                call in self._called
            ):
                self._called.discard(call)
                is_told = isinstance(event, events.CallOutEnded)
                return [event if is_told else events.CallOutEnded(call, events.Refusal.REFUSED)]
            case events.CallOutEnded(call=call):
                return [events.CallerLeft(call)]  # it was answered while Asterisk could not say so
            case (
                events.FellToFailsafe(call=call)
                | events.CallerLeft(call=call)
                | events.Joined(call=call)
            ):
                if isinstance(event, events.CallerLeft):
                    self._returning.discard(call)
                # Without audio it never came to us, or came to the exchange that was here before:
                # it arrived all the same, and must be counted.
                arrived = self._announced.pop(call, None)
                return [event] if arrived is None else [arrived, event]
            case events.OfferEnded(offer=offer):
                self.offer_ended(offer)
                return [event]
            case _:
                return [event]

    def _announce(self, arrived: events.CallArrived | events.SentOn) -> list[events.Event]:
        if self._strangers.pop(arrived.call, None) is not None:
            return [arrived]
        self._announced[arrived.call] = arrived
        return []

    def overdue(self, now: float) -> list[int]:
        """Handles to close: nobody announced them in time."""
        late = {u: s for u, s in self._strangers.items() if now - s.since >= ANNOUNCE_WITHIN_S}
        for uuid in late:
            del self._strangers[uuid]
        return [stranger.handle for stranger in late.values()]

    def leaving(self, uuid: str) -> None:
        """We ourselves are about to end this leg's audio, so its end is no loss."""
        if uuid in self._handles:
            self._leaving.add(uuid)

    def returning(self, uuid: str) -> None:
        """After the talk this caller's audio will come to us once more."""
        self._returning.add(uuid)

    def staying(self, uuid: str) -> None:
        """It did not leave after all."""
        self._leaving.discard(uuid)
        self._returning.discard(uuid)

    def closed(self, handle: int) -> tuple[str, bool] | None:
        """The engine lost a connection: whose, and whether that was our own will. None when a newer
        one has taken its place."""
        for tester in [each for each in self._testers.values() if each.handle == handle]:
            del self._testers[tester.uuid]
            tester.left()
        uuid = self._uuids.pop(handle, None)
        if uuid is None or self._handles.get(uuid) != handle:
            return None
        del self._handles[uuid]
        self._taps.discard(uuid)
        self._strangers.pop(uuid, None)
        self._offers.discard(uuid)  # after a talk no end of the offer is told
        ours = uuid in self._leaving
        self._leaving.discard(uuid)
        return uuid, ours
