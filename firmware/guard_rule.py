"""Who is blocked, and for how long: the guard's rule, pure. Facts and the time come in, verdicts go
out.

Who is nearby or spared (the local network, this box, the lines' own companies) is never blocked,
only told of: a desk telephone with an old password must not lose its clinic. Everybody else is
blocked who tries names that are none, or passwords, a few times within a minute. Each next block of
the same address is longer. Nothing here grows for ever: of more addresses than `MOST`, those that
knocked longest ago are forgotten first.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from hw.packet_filter import Address, Net, is_among, source_of


class Sign(StrEnum):
    """What a knock looked like, in the words that stand beside a block."""

    NO_SUCH_NAME = "names that are none"
    WRONG_PASSWORD = "wrong passwords"  # noqa: S105 - a sentence
    NOT_SIP = "what is not understood"


WITHIN_S = 60.0
# So many within that time. A person who types a password in anew needs two or three; each telephone
# tells its old one again every half a minute.
TOO_MANY = {Sign.NO_SUCH_NAME: 5, Sign.WRONG_PASSWORD: 10, Sign.NOT_SIP: 20}
BLOCKED_FOR_S = (600, 3600, 86400)
# After so long without another block it begins anew with the shortest.
FORGOTTEN_AFTER_S = 7 * 86400.0
# What Asterisk has heard already when the block begins is none of its next one.
UNDER_WAY_S = 10.0
MOST = 4096
TOLD_AGAIN_AFTER_S = 600.0


@dataclass(frozen=True, slots=True)
class Blocked:
    """From now on this one is answered with silence."""

    address: Address
    for_s: int
    sign: Sign


@dataclass(frozen=True, slots=True)
class Told:
    """One that is never blocked does what others are blocked for."""

    address: Address
    sign: Sign


@dataclass(slots=True)
class _Source:
    knocks: dict[Sign, deque[float]] = field(default_factory=dict)
    blocks: int = 0
    under_way_until: float = -math.inf
    blocked_until: float = -math.inf
    told_at: float | None = None


class GuardRule:
    """The rule of one running exchange; `spared` is who is never blocked."""

    def __init__(self, spared: Sequence[Net] = (), most: int = MOST) -> None:
        self._spared = tuple(spared)
        self._most = most
        self._sources: OrderedDict[Address, _Source] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sources)

    def spare(self, spared: Sequence[Net]) -> None:
        """From now on these."""
        self._spared = tuple(spared)

    def knocked(self, address: Address, sign: Sign, now: float) -> Blocked | Told | None:
        """What comes of it; `now` is monotonic, in seconds."""
        who = source_of(address)
        source = self._source(who)
        if now < source.under_way_until:
            return None
        if not _is_too_many(source, sign, now):
            return None
        if is_among(who, self._spared):
            return self._told(source, who, sign, now)
        return _blocked(source, who, sign, now)

    def _source(self, who: Address) -> _Source:
        source = self._sources.setdefault(who, _Source())
        self._sources.move_to_end(who)
        if len(self._sources) > self._most:
            self._sources.popitem(last=False)
        return source

    def _told(self, source: _Source, who: Address, sign: Sign, now: float) -> Told | None:
        if source.told_at is not None and now - source.told_at < TOLD_AGAIN_AFTER_S:
            return None
        source.told_at = now
        return Told(who, sign)


def _is_too_many(source: _Source, sign: Sign, now: float) -> bool:
    most = TOO_MANY[sign]
    knocks = source.knocks.setdefault(sign, deque(maxlen=most))
    knocks.append(now)
    return len(knocks) == most and now - knocks[0] < WITHIN_S


def _blocked(source: _Source, who: Address, sign: Sign, now: float) -> Blocked:
    """One that knocks though it should be blocked was let in by a person, or the kernel forgot: it
    is blocked anew, and no longer than before."""
    if now - source.blocked_until >= FORGOTTEN_AFTER_S:
        source.blocks = 0
    if now >= source.blocked_until:
        source.blocks += 1
    for_s = BLOCKED_FOR_S[min(source.blocks, len(BLOCKED_FOR_S)) - 1]
    source.blocked_until, source.under_way_until = now + for_s, now + UNDER_WAY_S
    source.knocks.clear()
    return Blocked(who, for_s, sign)
