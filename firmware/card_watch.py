"""How a telephone card stands, in words with the cure. Pure.

no chan_dahdi -> its channels are not there -> ISDN: nobody answers -> analog: no line -> well
"""

from firmware import topics
from firmware.asterisk.card_states import Seen
from ivr.plan import Card, Trunk

NO_DRIVER = "this Asterisk cannot use telephone cards"
NO_DRIVER_CURE = (
    "install Debian's packages asterisk-dahdi and dahdi-dkms, then start Asterisk anew; calls go by"
    " the other lines meanwhile"
)
NOT_THERE = "the telephone card is not there, or the box was not told of it"
NOT_THERE_CURE = (
    "`careline lines settings {}` prints what belongs into /etc/dahdi/system.conf; then dahdi_cfg,"
    " and start Asterisk anew"
)
SILENT = "nobody answers on the ISDN line of the card"
SILENT_CURE = "look at the cable and the network terminator, and ask the telephone company"
NO_LINE = "no line is plugged into the card at channel {}"
NO_LINE_CURE = "look at that cable, or take the channel out where nothing belongs"


def part_of(trunk: Trunk, card: Card, seen: Seen | None) -> topics.Part:
    """As the status tells it; `seen` None: Asterisk does not know what a card is."""
    if seen is None:
        return _part(trunk, NO_DRIVER, NO_DRIVER_CURE)
    channels = range(card.first, card.last + 1)
    there = [channel for channel in channels if channel in seen.channels]
    # Of ISDN, the channel for signals is not among them.
    if len(there) < len(channels) - (0 if card.is_analog else 1):
        return _part(trunk, NOT_THERE, NOT_THERE_CURE.format(trunk.name))
    if not card.is_analog and not seen.spans.get(card.span, False):
        return _part(trunk, SILENT, SILENT_CURE)
    dead = [channel for channel in there if not seen.channels[channel]]
    if dead and card.is_analog:
        return _part(trunk, NO_LINE.format(", ".join(map(str, dead))), NO_LINE_CURE)
    return topics.Part(
        name=f"trunk {trunk.name}", state="well", detail=f"a card, {len(there)} channels"
    )


def _part(trunk: Trunk, detail: str, cure: str) -> topics.Part:
    return topics.Part(name=f"trunk {trunk.name}", state="alarm", detail=detail, cure=cure)
