"""How each trunk stands, as Asterisk's manager tells it: pure, messages in, facts out.

Of a registration it tells no more than whether it is there or was refused, and a server that says
nothing counts as a refusal too (res_pjsip_outbound_registration: each answer but 2xx ends as
`Rejected`, and the answer itself goes to the log alone). So who refuses is told from who is silent
by whether the server answers OPTIONS: each trunk has a contact of its own for that, on which no
call hangs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from firmware.asterisk.line_groups import look_at, passed_until
from firmware.asterisk.translate import Action
from firmware.asterisk.wire import Message

UP = "6"  # Asterisk's AST_STATE_UP
SENDER_REPORT = "200"  # RFC 3550, 6.4.1; of who sent nothing it is 201
REGISTRATIONS: Action = ("PJSIPShowRegistrationsOutbound",)


class Answering(StrEnum):
    """Whether a trunk's server answers."""

    UNKNOWN = "not asked yet"
    YES = "answers"
    NO = "does not answer"


class SignedIn(StrEnum):
    """How a registration stands."""

    NOT_YET = "not yet"
    YES = "signed in"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Contact:
    """What was learned of a trunk's server; its answer's way there and back in milliseconds."""

    answering: Answering = Answering.UNKNOWN
    took_ms: float | None = None


NOT_ASKED = Contact()


@dataclass(frozen=True, slots=True)
class Report:
    """What one end of a call's sound reports of it (RTCP: RFC 3550, 6.4)."""

    endpoint: str
    channel: str
    is_ours: bool
    sent_sound: bool  # since its report before
    blocks: int  # of the sources that were heard since then


def sign_in(endpoint: str) -> Action:
    """Registers there anew, at once."""
    return ("PJSIPRegister", ("Registration", endpoint))


def contact_of(endpoint: str) -> Action:
    """Asks for the name of the contact; its answer's Value goes to `asked`."""
    return ("Getvar", ("Variable", f"PJSIP_AOR({look_at(endpoint)},contact)"))


def asked(contact: str, what: str) -> Action:
    """Asks for its `status` or its `rtt`, which is in microseconds."""
    return ("Getvar", ("Variable", f"PJSIP_CONTACT({contact},{what})"))


def contact_said(status: str, rtt: str) -> Contact:
    """By the answers to `asked`."""
    match status:
        case "Reachable":
            return Contact(Answering.YES, round(int(rtt) / 1000, 1) if rtt.isdigit() else None)
        case "Unreachable":
            return Contact(Answering.NO)
        case _:
            return NOT_ASKED


def registrations(told: Iterable[Message]) -> dict[str, SignedIn]:
    """By the trunk's endpoint."""
    stand = {"Registered": SignedIn.YES, "Rejected": SignedIn.REFUSED, "Stopped": SignedIn.REFUSED}
    return {
        message.get("ObjectName"): stand.get(message.get("Status"), SignedIn.NOT_YET)
        for message in told
        if message.get("Event") == "OutboundRegistrationDetail"
    }


def answered(channels: Iterable[Message]) -> Mapping[str, list[str]]:
    """The channels that talk, by the endpoint of each; `channels` is told by translate.CALLS_UP."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in channels:
        if each.get("ChannelState") == UP:
            found[_endpoint(each.get("Channel"))].append(each.get("Channel"))
    return found


def reported(message: Message) -> Report | None:
    """None: this tells of no report, or of one before the call was answered."""
    event, technology = message.get("Event"), message.get("Channel").partition("/")[0]
    if event not in {"RTCPSent", "RTCPReceived"} or technology != "PJSIP":
        return None
    if message.get("ChannelState") != UP:
        return None
    channel = message.get("Channel")
    return Report(
        endpoint=_endpoint(channel),
        channel=channel,
        is_ours=event == "RTCPSent",
        sent_sound=message.get("PT").startswith(SENDER_REPORT),
        blocks=count_said(message.get("ReportCount")) or 0,
    )


def _endpoint(channel: str) -> str:
    return channel.removeprefix("PJSIP/").rpartition("-")[0]


def passed_by(endpoint: str) -> Action:
    """Asks until when calls pass it by; its answer's Value goes to `count_said`, in seconds of the
    clock on the wall."""
    return ("Getvar", ("Variable", passed_until(endpoint)))


def packets_of(channel: str) -> Action:
    """Asks how many packets of sound have come; its answer's Value goes to `count_said`."""
    return ("Getvar", ("Channel", channel), ("Variable", "CHANNEL(rtcp,rxcount)"))


def count_said(value: str) -> int | None:
    """None: there is none, as of a call that has no sound of its own, a fax by T.38."""
    return int(value) if value.isdigit() else None
