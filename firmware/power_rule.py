"""When people are told of the power, and when the box is switched off. Pure: what the UPS says, how
many calls are up and the time come in; what is to be done comes out.

The mains are lost: everybody is served on, and who is in charge is told. The battery is low: calls
that are up may end, for a bounded time; then the box is switched off, once, before the battery does
it in the midst of a write. An emergency call ends by itself or with the battery, never by us. The
mains come back before that: nothing was. Low stays low until then, for a battery's figures waver. A
UPS that cannot be asked any more is taken for as it was: with a low battery that is the likeliest.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto

from hw.power.reading import Supply

AGAIN_S = 30.0  # whoever would not switch the box off is asked once more


class Do(Enum):
    """What is to be done now."""

    TELL_LOST = auto()
    TELL_LOW = auto()
    TELL_BACK = auto()
    SWITCH_OFF = auto()


@dataclass(frozen=True, slots=True)
class Up:
    """What would be cut off."""

    calls: int
    is_emergency: bool = False  # one of them


@dataclass(frozen=True, slots=True)
class Power:
    """How it stands, as far as people were told."""

    told: Supply = Supply.MAINS
    low_since: float | None = None
    is_off: bool = False  # the box was asked to go
    not_before: float = 0.0  # it would not


def step(
    power: Power, supply: Supply, up: Up, now: float, finish_s: float
) -> tuple[Power, tuple[Do, ...]]:
    """As it stands from now on, and what is to be done."""
    now_is = power.told if supply is Supply.UNKNOWN else supply
    match now_is:
        case Supply.MAINS:
            told = (Do.TELL_BACK,) if power.told is not Supply.MAINS else ()
            return Power(), told
        case Supply.BATTERY if power.told is not Supply.LOW:
            told = (Do.TELL_LOST,) if power.told is Supply.MAINS else ()
            return Power(Supply.BATTERY), told
        case _:
            return _low(power, up, now, finish_s)


def refused(power: Power, now: float) -> Power:
    """It could not be switched off, and is asked again."""
    return replace(power, is_off=False, not_before=now + AGAIN_S)


def _low(power: Power, up: Up, now: float, finish_s: float) -> tuple[Power, tuple[Do, ...]]:
    since = now if power.low_since is None else power.low_since
    told = () if power.told is Supply.LOW else (Do.TELL_LOW,)
    may_go = not up.is_emergency and (up.calls == 0 or now - since >= finish_s)
    goes = may_go and not power.is_off and now >= power.not_before
    after = replace(power, told=Supply.LOW, low_since=since, is_off=power.is_off or goes)
    return after, (*told, *((Do.SWITCH_OFF,) if goes else ()))
