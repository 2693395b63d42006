"""The telephone network's tones, country by country.

Frequencies and cadences as the countries have told the ITU (E.180 supplement 2, whose list of 2003
is "Various tones used in national networks"), the North American precise tone plan, and BT's SIN
350. Where a country's exchanges differ, the newest are here; a line that is none of these can be
learned (`routing_core.learning`).
"""

from collections.abc import Mapping
from dataclasses import replace
from statistics import mean

from routing_core.progress import Burst, Kind, Tone

# ITU-T E.180: 950, 1400 and 1800 Hz, each +-50, 330 +-70 ms, with up to 30 ms between. The four of
# North America, which say by length and frequency why, lie within.
SIT = Tone(
    Kind.SIT,
    (Burst((950,), 330), Burst((1400,), 330), Burst((1800,), 330)),
    needed=3, off_hz=50, off_part=0.2,
)  # fmt: skip

# ITU-T T.30: 1100 Hz +-38, 0.5 s on and 3 s off, +-15 %; heard down to -43 dBm0.
FAX_CALLING = Tone(
    Kind.FAX_CALLING, (Burst((1100,), 500, 3000),), held_ms=1000, off_hz=40, faintest_dbm0=-47,
)  # fmt: skip

# ITU-T T.30's CED and V.25's ANS: 2100 Hz +-15 for 2.6-4 s, its phase perhaps reversed each 450 ms.
FAX_ANSWER = Tone(Kind.FAX_ANSWER, (Burst((2100,), 0),), held_ms=500, off_hz=30)

_EVERYWHERE = (SIT, FAX_CALLING, FAX_ANSWER)

# A busy signal must come round this often: once could be anything, twice could be music.
_BUSY_BURSTS = 3

_DIAL_MS = 1000  # of a tone that nothing else begins like


def _tones(
    *,
    dial: tuple[float, ...] | Tone,
    ring: Tone,
    busy: Tone,
    reorder: Tone | None = None,
) -> tuple[Tone, ...]:
    """A country's set. `reorder` None: congestion sounds like busy there."""
    told = dial if isinstance(dial, Tone) else _dial(dial, ring)
    network = (told, ring, busy, *((reorder,) if reorder is not None else ()))
    return (*network, *_EVERYWHERE)


def _dial(hz: tuple[float, ...], ring: Tone) -> Tone:
    """A dial tone that goes on: longer than any burst of a ring-back tone it could be taken for."""
    near = abs(mean(hz) - mean(ring.bursts[0].hz)) < 30
    longest = max(burst.on_ms for burst in ring.bursts) if near else 0
    return Tone(Kind.DIAL, (Burst(hz, 0),), held_ms=max(_DIAL_MS, round(longest * 1.3)))


def _ring(hz: tuple[float, ...], *ms: int) -> Tone:
    bursts = _bursts(hz, ms)
    beats = len(hz) > 2  # a modulated tone's edges are not to be seen sharply
    return Tone(Kind.RINGBACK, bursts, needed=len(bursts), off_part=0.2 if beats else 0.15)


def _busy(hz: tuple[float, ...], *ms: int, needed: int = _BUSY_BURSTS) -> Tone:
    return Tone(Kind.BUSY, _bursts(hz, ms), needed=needed)


def _reorder(hz: tuple[float, ...], *ms: int, needed: int | None = None) -> Tone:
    bursts = _bursts(hz, ms)
    return Tone(Kind.REORDER, bursts, needed=needed or max(_BUSY_BURSTS, len(bursts)))


def _bursts(hz: tuple[float, ...], ms: tuple[int, ...]) -> tuple[Burst, ...]:
    return tuple(Burst(hz, on, off) for on, off in zip(ms[::2], ms[1::2], strict=True))


def _modulated(carrier: float, by: float) -> tuple[float, ...]:
    """What a tone modulated in amplitude is made of."""
    return (carrier - by, carrier, carrier + by)


_425 = (425.0,)
_NORTH_AMERICA = _tones(
    dial=(350, 440),
    ring=_ring((440, 480), 2000, 4000),
    busy=_busy((480, 620), 500, 500),
    reorder=_reorder((480, 620), 250, 250),
)
_BRITISH_RING = _ring((400, 450), 400, 200, 400, 2000)

COUNTRIES: Mapping[str, tuple[Tone, ...]] = {
    "at": _tones(
        dial=(420,), ring=_ring((420,), 1000, 5000),
        busy=_busy((420,), 400, 400), reorder=_reorder((420,), 200, 200),
    ),
    "au": _tones(  # congestion is busy with every other burst 10 dB fainter
        dial=(413, 438), ring=_ring((413, 438), 400, 200, 400, 2000),
        busy=_busy(_425, 375, 375),
    ),
    "be": _tones(
        dial=_425, ring=_ring(_425, 1000, 3000),
        busy=_busy(_425, 500, 500), reorder=_reorder(_425, 167, 167),
    ),
    "br": _tones(
        dial=_425, ring=_ring(_425, 1000, 4000),
        busy=_busy(_425, 250, 250), reorder=_reorder(_425, 750, 250, 250, 250, needed=4),
    ),
    "ca": _NORTH_AMERICA,
    "ch": _tones(
        dial=_425, ring=_ring(_425, 1000, 4000),
        busy=_busy(_425, 500, 500), reorder=_reorder(_425, 200, 200),
    ),
    "de": _tones(
        dial=_425, ring=_ring(_425, 1000, 4000),
        busy=_busy(_425, 480, 480), reorder=_reorder(_425, 240, 240),
    ),
    "dk": _tones(
        dial=_425, ring=_ring(_425, 1000, 4000),
        busy=_busy(_425, 500, 500), reorder=_reorder(_425, 200, 200),
    ),
    "es": _tones(
        dial=_425, ring=_ring(_425, 1500, 3000),
        busy=_busy(_425, 200, 200, needed=4),
        reorder=replace(_reorder(_425, 200, 200, 200, 200, 200, 600), needed=4),
    ),
    "fi": _tones(
        dial=_425, ring=_ring(_425, 1000, 4000),
        busy=_busy(_425, 300, 300), reorder=_reorder(_425, 200, 200),
    ),
    "fr": _tones(
        dial=(440,), ring=_ring((440,), 1500, 3500),
        busy=_busy((440,), 500, 500), reorder=_reorder((440,), 250, 250),
    ),
    "ie": _tones(dial=_425, ring=_BRITISH_RING, busy=_busy(_425, 500, 500)),
    "in": _tones(
        dial=_modulated(400, 25), ring=_ring(_modulated(400, 25), 400, 200, 400, 2000),
        busy=_busy((400,), 750, 750), reorder=_reorder((400,), 250, 250),
    ),
    "it": _tones(
        dial=Tone(Kind.DIAL, _bursts(_425, (200, 200, 600, 1000)), needed=2),
        ring=_ring(_425, 1000, 4000),
        busy=_busy(_425, 500, 500), reorder=_reorder(_425, 200, 200),
    ),
    "jp": _tones(  # one interrupted tone says busy and congestion
        dial=(400,), ring=_ring(_modulated(400, 16), 1000, 2000),
        busy=_busy((400,), 500, 500),
    ),
    "mx": _tones(dial=_425, ring=_ring(_425, 1000, 4000), busy=_busy(_425, 250, 250)),
    "nl": _tones(
        dial=_425, ring=_ring(_425, 1000, 4000),
        busy=_busy(_425, 500, 500), reorder=_reorder(_425, 250, 250),
    ),
    "no": _tones(
        dial=_425, ring=_ring(_425, 1000, 4000),
        busy=_busy(_425, 500, 500), reorder=_reorder(_425, 200, 200),
    ),
    "nz": _tones(
        dial=(400,), ring=_BRITISH_RING,
        busy=_busy((400,), 500, 500), reorder=_reorder((400,), 250, 250),
    ),
    "pl": _tones(dial=_425, ring=_ring(_425, 1000, 4000), busy=_busy(_425, 500, 500)),
    "pt": _tones(
        dial=_425, ring=_ring(_425, 1000, 5000),
        busy=_busy(_425, 500, 500), reorder=_reorder(_425, 200, 200),
    ),
    "se": _tones(
        dial=_425, ring=_ring(_425, 1000, 5000),
        busy=_busy(_425, 250, 250), reorder=_reorder(_425, 250, 750),
    ),
    "uk": _tones(
        dial=(350, 440), ring=_BRITISH_RING,
        busy=_busy((400,), 375, 375), reorder=_reorder((400,), 400, 350, 225, 525, needed=4),
    ),
    "us": _NORTH_AMERICA,
    "za": _tones(
        dial=_modulated(400, 33), ring=_ring(_modulated(400, 33), 400, 200, 400, 2000),
        busy=_busy((400,), 500, 500), reorder=_reorder((400,), 250, 250),
    ),
}  # fmt: skip
