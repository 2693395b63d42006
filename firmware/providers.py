"""What some telephone companies ask of a trunk, as their own public papers say it: what a site file
with `provider =` need not say itself. Whatever it says all the same, wins.

Each was read in November 2026, where `source` says. None was tried against the company itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Name = Literal["flowroute", "sipgate", "telnyx", "twilio", "vonage"]


@dataclass(frozen=True, slots=True)
class Provider:
    """What is usual with one of them. Without a host each customer has one of their own."""

    title: str
    registers: bool  # once the trunk has a user name
    number_format: Literal["e164", "+e164"]
    shown_in: Literal["account", "caller", "name"]
    source: str
    host: str = ""
    hint: str = ""  # what the host looks like, where each customer has one


PROVIDERS: Mapping[Name, Provider] = {
    # Dialling in E.164, a plus or none; the caller is looked for in P-Asserted-Identity first.
    "flowroute": Provider(
        "Flowroute",
        registers=True,
        number_format="e164",
        shown_in="account",
        source="support.bcmone.com/flowroute-support, Service Guide: Technical Specifications",
        host="us-west-or.sip.flowroute.com",
    ),
    # E.164 without a plus. The caller in P-Preferred-Identity or as the name shown in From.
    "sipgate": Provider(
        "sipgate trunking",
        registers=True,
        number_format="e164",
        shown_in="name",
        source="help.sipgate.de/trunking: Wie setze ich die Absenderrufnummer?",
        host="sipconnect.sipgate.de",
    ),
    # The caller is looked for in P-Asserted-Identity before From; +E.164 is taken everywhere.
    "telnyx": Provider(
        "Telnyx",
        registers=True,
        number_format="+e164",
        shown_in="account",
        source="developers.telnyx.com: SIP Trunking, Authentication and Caller ID Policy",
        host="sip.telnyx.com",
    ),
    # Nobody registers there: a call is admitted by address or password. Numbers in E.164.
    "twilio": Provider(
        "Twilio Elastic SIP Trunking",
        registers=False,
        number_format="+e164",
        shown_in="caller",
        source="twilio.com/docs/sip-trunking: Termination, SIP Header Manipulation",
        hint="NAME.pstn.twilio.com",
    ),
    # Each call by password or address; the caller in From; `From: <447700900000@...>`.
    "vonage": Provider(
        "Vonage SIP Trunking",
        registers=False,
        number_format="e164",
        shown_in="caller",
        source="developer.vonage.com/en/sip/technical-details",
        hint="NAME.sip-us.vonage.com",
    ),
}
