"""A gateway that answers while the telephone line behind it is dead: it refuses the calls that are
to go out by it. Pure.

What a gateway answers without a dial tone its manual does not say (HT813 Administration Guide,
GXW410x User Manual), so each refusal counts that is neither about the number nor says that the line
is engaged: 480 and all of 5xx (RFC 3261, 21). Asterisk gives such a call to the next line at once.
One is a note, two in a row are an alarm, until a call is up by this gateway; while one is, nothing
counts, for a port that is in use may be refused like one that is dead.
"""

from firmware.asterisk.wire import Message
from firmware.topics import Part

ALARM_AT = 2
DOWN = "0"  # Asterisk's AST_STATE_DOWN: it did not so much as ring

ONE = "the gateway refused the last call"
SEVERAL = "the gateway refuses all calls: perhaps there is no dial tone at its line"
CURE = (
    "is the wall's cable in the gateway's LINE port? Plug a telephone in there instead: where it"
    " has no dial tone, call the telephone company from a mobile"
)


def refused(message: Message) -> str:
    """The endpoint that took no call, if this tells of one; else empty."""
    if message.get("Event") != "Hangup" or message.get("ChannelState") != DOWN:
        return ""
    cause = message.get("TechCause")
    if cause != "480" and not (len(cause) == 3 and cause.startswith("5")):
        return ""
    technology, _, name = message.get("Channel").partition("/")
    return name.rpartition("-")[0] if technology == "PJSIP" else ""


def told(part: Part, in_a_row: int) -> Part:
    """A gateway as the status tells it, which answers, and may be well but for that."""
    if part.state == "alarm" or not in_a_row:
        return part
    is_alarm = in_a_row >= ALARM_AT
    said = {"state": "alarm" if is_alarm else "warning", "detail": SEVERAL if is_alarm else ONE}
    return part.model_copy(update={**said, "cure": CURE})
