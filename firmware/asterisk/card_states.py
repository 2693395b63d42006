"""How telephone cards stand, as Asterisk's manager tells it: pure, messages in, facts out.

An Asterisk without chan_dahdi does not know these questions; one without a card, or whose kernel
has not been told of it, answers them with nothing (both were seen with 22.10.1).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from firmware.asterisk.translate import Action
from firmware.asterisk.wire import Message

CHANNELS: Action = ("DAHDIShowChannels",)
SPANS: Action = ("PRIShowSpans",)  # of ISDN
NO_ALARM = "No Alarm"


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is: of each channel whether nothing is wrong with it, of each span whether its
    signals are heard."""

    channels: Mapping[int, bool] = field(default_factory=dict)
    spans: Mapping[int, bool] = field(default_factory=dict)


def seen(channels: Iterable[Message], spans: Iterable[Message]) -> Seen:
    """By the answers to both."""
    return Seen(
        {
            int(each.get("DAHDIChannel")): each.get("Alarm") == NO_ALARM
            for each in channels
            if each.get("Event") == "DAHDIShowChannels" and each.get("DAHDIChannel").isdecimal()
        },
        _up(spans),
    )


def _up(spans: Iterable[Message]) -> dict[int, bool]:
    """A span may have several channels for signals; one that is heard will do."""
    up: dict[int, bool] = {}
    for each in spans:
        if each.get("Event") == "PRIShowSpans" and each.get("Span").isdecimal():
            span = int(each.get("Span"))
            up[span] = up.get(span, False) or each.get("Up") == "Yes"
    return up
