"""Telephone cards in the box (DAHDI): what a site may say of one, and which number each channel of
an analog one carries. Pure.

Channels and spans are counted through all cards of the box, as DAHDI counts them. A card is in the
box itself: whatever a trunk by SIP has to say of where it is, it has not.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Annotated

from pydantic import AfterValidator, Field

from ivr.plan import Card, CardKind, Encrypted, Line, Plan, Transport, Trunk

# The channels of one span, that for signals among them (ITU-T G.704; I.430 for BRI).
WIDTHS = {CardKind.T1: 24, CardKind.E1: 31, CardKind.BRI: 3, CardKind.BRI_PTP: 3}
MOST_ANALOG = 48
# As libtonezone of DAHDI 3.4 knows them; Canada's are those of the United States.
_ZONES = (
    "ae ar at au be bg br ch cl cn cr cz de dk ee es fi fr gr hu il in it jp lt mo mx my nl no"
    " nz pa ph pl pt ru se sg th tr tw uk us ve za"
)
ZONES = frozenset(_ZONES.split())
UNITED_STATES = "us"
ISO_NAMES = {"gb": "uk", "ca": "us"}  # where DAHDI's is another

_RANGE = re.compile(r"([1-9][0-9]{0,3})(?:-([1-9][0-9]{0,3}))?")


def range_of(written: str) -> tuple[int, int]:
    """The first channel and the last."""
    found = _RANGE.fullmatch(written)
    if found is None:
        raise ValueError("no channels")
    first = int(found[1])
    last = int(found[2] or first)
    if last < first:
        raise ValueError("the last channel comes before the first")
    return first, last


def _channels(written: str) -> str:
    range_of(written)
    return written


def _zone(written: str) -> str:
    if written not in ZONES:
        raise ValueError("DAHDI knows no such zone")
    return written


Channels = Annotated[
    str,
    Field(
        max_length=9,
        description='channels as `dahdi_scan` counts them, in quotes, like "1-4"',
    ),
    AfterValidator(_channels),
]
Zone = Annotated[
    str,
    Field(max_length=2, description='a country as DAHDI names it, like "us", "uk" or "de"'),
    AfterValidator(_zone),
]

Path = tuple[str | int, ...]
Fault = Callable[[Path, str, str], None]


def must_fit(trunks: Mapping[str, Trunk], lines: Mapping[str, Line], fault: Fault) -> None:
    """Each card by itself, and all of them beside one another."""
    known = {name: (trunk, trunk.card) for name, trunk in trunks.items() if trunk.card}
    for name, (trunk, card) in known.items():
        where: Path = ("trunks", name, "card")
        for reason, cure in (*_of_sip(trunk), *_of_its_kind(card)):
            fault(where, reason, cure)
        numbers = {
            number for line in lines.values() if line.trunk == name for number in line.numbers
        }
        if not numbers.issuperset(card.ports):
            reason = "a port carries a number that no line of this trunk has"
            fault(("trunks", name, "ports"), reason, "add the number to a line of this trunk")
    for (_, (_, one)), (name, (_, other)) in combinations(known.items(), 2):
        where = ("trunks", name, "card")
        if one.group == other.group:
            reason = "its group is another card's too"
            fault((*where, "group"), reason, "give each card a group = of its own")
        if one.first <= other.last and other.first <= one.last:
            reason = "some of its channels are another card's"
            fault(
                (*where, "channels"), reason, "count them through all cards, as `dahdi_scan` does"
            )
        if not one.is_analog and not other.is_analog and one.span == other.span:
            reason = "its span is another card's too"
            fault((*where, "span"), reason, "give each the span = that `dahdi_scan` tells")


def _of_sip(trunk: Trunk) -> Iterator[tuple[str, str]]:
    said = {
        "host or provider": trunk.host,
        "username": trunk.username,
        "registers": trunk.registers,
        "calls_from": trunk.calls_from,
        "gateway": trunk.gateway,
        "transport": trunk.transport is not Transport.UDP,
        "srtp": trunk.srtp is not Encrypted.NEVER,
    }
    for key, is_said in said.items():
        if is_said:
            reason = f"a card is in the box itself, and this trunk has {key} too"
            yield reason, f"take {key} out, or card"


def _of_its_kind(card: Card) -> Iterator[tuple[str, str]]:
    count = card.last - card.first + 1
    if card.is_analog:
        if count > MOST_ANALOG:
            yield "no analog card has so many channels", f"keep it to {MOST_ANALOG}"
        if card.switch:
            yield "an analog line has no switch", "take switch out, or write which kind it is"
        if len(card.ports) > count:
            yield "it has fewer channels than ports", "name no more numbers than it has channels"
        return
    width = WIDTHS[card.kind]
    if count != width:
        reason = f"one span of this kind has {width} channels, and here are {count}"
        yield reason, f'write all of them, like "{card.first}-{card.first + width - 1}"'
    if card.caller_id:
        yield "ISDN tells who calls by itself", "take caller_id out"
    if card.ports:
        yield "ISDN tells the number that is called by itself", "take ports out"


def is_there_one(site: Plan) -> bool:
    """Whether this site has a card."""
    return any(trunk.card for trunk in site.trunks.values())


def numbers_of(site: Plan, trunk: Trunk) -> dict[int, str]:
    """The number at each channel of an analog card, by channel; further ones carry the first."""
    card = trunk.card
    if card is None or not card.is_analog:
        return {}
    lines = (line for line in site.lines.values() if line.trunk == trunk.name)
    numbers = card.ports or tuple(number for line in lines for number in line.numbers)
    if not numbers:
        return {}
    channels = range(card.first, card.last + 1)
    told = dict(zip(channels, numbers, strict=False))
    return {channel: told.get(channel, numbers[0]) for channel in channels}


def zone_of(site: Plan, card: Card) -> str:
    """Whose tones it hears and makes."""
    country = site.address.country.lower() if site.address else UNITED_STATES
    named = ISO_NAMES.get(country, country)
    return card.zone or (named if named in ZONES else UNITED_STATES)
