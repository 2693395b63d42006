"""What DAHDI and Asterisk's chan_dahdi are told of telephone cards. Text only; pure.

system.conf is the kernel's: root lays it down as /etc/dahdi/system.conf, and `dahdi_cfg` gives it
to the cards. chan_dahdi.conf is Asterisk's; there each setting holds until it is said otherwise, so
each card says all of them. The names are those of both programs' own samples (DAHDI 3.4, Asterisk
22). An analog line's hang-up is told by the loop (kewl start), or by the busy tone of its country,
heard six times over, so that no talk is taken for one.
"""

from collections.abc import Iterator

from firmware import cards, gateways
from firmware.asterisk.dialplan import port_context, trunk_context
from ivr.plan import Card, CardKind, Plan, Trunk
from routing_core.progress import Kind

MODULES = "chan_dahdi"
SYSTEM = "dahdi-system.conf"  # beside Asterisk's own files, for whoever lays it down
OFF = "off"
BUSY_COUNT = 6

# One span: framing and coding; of its channels, counted from 0, the one for signals.
_SPANS = {
    CardKind.T1: ("esf,b8zs", 23, "dchan"),
    CardKind.E1: ("ccs,hdb3,crc4", 15, "dchan"),
    CardKind.BRI: ("ccs,ami", 2, "hardhdlc"),
    CardKind.BRI_PTP: ("ccs,ami", 2, "hardhdlc"),
}
_ISDN = {
    CardKind.T1: ("pri_cpe", "national"),
    CardKind.E1: ("pri_cpe", "euroisdn"),
    CardKind.BRI: ("bri_cpe_ptmp", "euroisdn"),
    CardKind.BRI_PTP: ("bri_cpe", "euroisdn"),
}
_ANALOG = {"kewl-start": "fxsks", "loop-start": "fxsls"}
_CALLER_ID = {
    "bell": ("bell", "ring"),
    "v23": ("v23", "ring"),
    "v23-polarity": ("v23", "polarity"),
    "dtmf": ("dtmf", "dtmf"),
}


def _with_cards(plan: Plan) -> list[tuple[Trunk, Card]]:
    found = [(trunk, trunk.card) for trunk in plan.trunks.values() if trunk.card is not None]
    return sorted(found, key=lambda one: one[1].first)


# ---- the kernel's ----


def system(plan: Plan) -> str:
    """/etc/dahdi/system.conf, whole."""
    found = _with_cards(plan)
    zones = dict.fromkeys(cards.zone_of(plan, card) for _, card in found)
    spans = sorted(card.span for _, card in found if not card.is_analog)
    lines = ["# Written by CareLine from its site file."]
    for trunk, card in found:
        lines += [f"# {trunk.name}", *_of_the_kernel(card, spans)]
    lines += [f"loadzone={zone}" for zone in zones]
    lines += [f"defaultzone={zone}" for zone in list(zones)[:1]]
    return "\n".join([*lines, ""])


def _of_the_kernel(card: Card, spans: list[int]) -> Iterator[str]:
    talks = _talks(card)
    if card.is_analog:
        yield f"{_ANALOG[card.signalling]}={talks}"
    else:
        coding, signals, kind = _SPANS[card.kind]
        # The clock is the company's, of the first span before all others.
        yield f"span={card.span:d},{spans.index(card.span) + 1:d},0,{coding}"
        yield f"bchan={talks}"
        yield f"{kind}={card.first + signals:d}"
    if card.echo != OFF:
        yield f"echocanceller={card.echo},{talks}"


def _talks(card: Card) -> str:
    """The channels that carry talks."""
    if card.is_analog:
        return _written(card.first, card.last)
    signals = card.first + _SPANS[card.kind][1]
    parts = [(card.first, signals - 1), (signals + 1, card.last)]
    return ",".join(_written(first, last) for first, last in parts if first <= last)


def _written(first: int, last: int) -> str:
    return f"{first:d}" if first == last else f"{first:d}-{last:d}"


# ---- Asterisk's ----


def channels(plan: Plan) -> str:
    """chan_dahdi.conf, whole. A channel that is not there is left out, and the others work."""
    lines = ["[trunkgroups]", "", "[channels]", "ignore_failed_channels=yes"]
    for trunk, card in _with_cards(plan):
        lines += ["", *_of_all(card)]
        lines += _analog(plan, trunk, card) if card.is_analog else _isdn(trunk, card)
    return "\n".join([*lines, ""])


def _of_all(card: Card) -> Iterator[str]:
    yield f"group={card.group:d}"
    yield "usecallerid=yes"
    yield "hidecallerid=no"
    yield "callwaiting=no"
    yield "threewaycalling=no"
    yield "transfer=no"
    yield "immediate=no"
    yield "faxdetect=no"  # our engine hears it, and leads it on
    yield "callprogress=no"
    yield f"echocancel={'no' if card.echo == OFF else 'yes'}"
    yield "echocancelwhenbridged=yes"


def _analog(plan: Plan, trunk: Trunk, card: Card) -> Iterator[str]:
    yield f"signalling={'fxs_ls' if card.signalling == 'loop-start' else 'fxs_ks'}"
    signalling, start = _CALLER_ID[card.caller_id or _usual_caller_id(cards.zone_of(plan, card))]
    yield f"cidsignalling={signalling}"
    yield f"cidstart={start}"
    yield "answeronpolarityswitch=no"
    yield "hanguponpolarityswitch=no"
    yield "busydetect=yes"
    yield f"busycount={BUSY_COUNT:d}"
    yield f"busypattern={_busy(plan)}"
    numbers = cards.numbers_of(plan, trunk)
    for channel in range(card.first, card.last + 1):
        into = port_context(channel) if channel in numbers else trunk_context(trunk)
        yield f"context={into}"
        yield f"channel => {channel:d}"


def _usual_caller_id(zone: str) -> str:
    """Bell 202 (Telcordia GR-30) as in North America, BT's SIN 227 in the United Kingdom, else V.23
    while it rings (ETSI EN 300 659-1)."""
    return {"us": "bell", "mx": "bell", "uk": "v23-polarity"}.get(zone, "v23")


def _busy(plan: Plan) -> str:
    """How long the country's busy tone sounds and is silent, in ms."""
    tone = next(each for each in gateways.tones_of(plan) if each.kind is Kind.BUSY)
    return f"{tone.bursts[0].on_ms:g},{tone.bursts[0].off_ms:g}"


def _isdn(trunk: Trunk, card: Card) -> Iterator[str]:
    signalling, switch = _ISDN[card.kind]
    yield f"signalling={signalling}"
    yield f"switchtype={card.switch or switch}"
    # Numbers go as they are written, and the company finds out what they are.
    yield "pridialplan=unknown"
    yield "prilocaldialplan=unknown"
    yield "priindication=outofband"
    yield "overlapdial=no"
    yield "busydetect=no"
    yield f"context={trunk_context(trunk)}"
    yield f"channel => {_talks(card)}"
