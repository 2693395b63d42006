"""The slot of a caller whom a telephone parks by its transfer key (REFER).

Unlike one that keys `*3` it has hung up before there is a slot to speak of. So it is rung for a
moment and shows the slot, which its list of calls keeps; whoever picks it up hears it. A telephone
that has heard the slot is left alone.
"""

from dataclasses import dataclass, field

from firmware.asterisk import written
from firmware.asterisk.consulted import phone_of
from firmware.asterisk.desk_dialplan import SLOT
from firmware.asterisk.wire import Message, Pair
from ivr.plan import Plan

SHOWN_MS = 5_000  # a glance; who is rung longer is kept from the next caller


@dataclass(slots=True)
class Slots:
    """Callers on their way into one, by channel; Asterisk tells of the transfer and of the parking
    in either order."""

    _by: dict[str, str] = field(default_factory=dict)  # the telephone that sent them
    _into: dict[str, str] = field(default_factory=dict)

    def heard(self, message: Message, plan: Plan) -> tuple[str, *tuple[Pair, ...]] | None:
        """What is to be done now: a telephone to be told."""
        match message.get("Event"):
            case "BlindTransfer" if message.get("Extension") == plan.parking.number:
                caller = message.get("TransfereeUniqueid")
                self._by[caller] = phone_of(message.get("TransfererChannel"))
            case "ParkedCall":
                caller = message.get("ParkeeUniqueid")
                self._into[caller] = message.get("ParkingSpace")
            case "UnParkedCall" | "ParkedCallTimeOut" | "ParkedCallGiveUp":
                self._forget(message.get("ParkeeUniqueid"))
                return None
            case "Hangup":
                self._forget(message.get("Uniqueid"))
                return None
            case _:
                return None
        if caller not in self._by or caller not in self._into:
            return None
        phone, slot = self._by[caller], self._into[caller]
        self._forget(caller)
        return _tell(phone, slot) if phone in plan.phones and plan.parking.takes(slot) else None

    def _forget(self, caller: str) -> None:
        self._by.pop(caller, None)
        self._into.pop(caller, None)


def _tell(phone: str, slot: str) -> tuple[str, *tuple[Pair, ...]]:
    return (
        "Originate",
        ("Channel", f"PJSIP/{written.number(phone)}"),
        ("Context", SLOT),
        ("Exten", written.number(slot)),
        ("Priority", "1"),
        ("Timeout", str(SHOWN_MS)),
        ("CallerID", f'"Parked at {slot}" <{slot}>'),
        ("Async", "true"),
    )
