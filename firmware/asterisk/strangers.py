"""What Asterisk tells of those who knock and are not known: its security events, as the guard's
signs.

They come by a session of their own that may read these and do nothing (`GUARD_USER`): a flood of
them never stands before a call's events, and a session that is not read is dropped by Asterisk
alone. An event names an address and an account; only the address is looked at.
"""

from ipaddress import ip_address

from firmware.asterisk.wire import Message
from firmware.guard_rule import Sign
from hw.packet_filter import Address

GUARD_USER = "careline-guard"
SECURITY = "security"

# security_events.c of Asterisk 22; what pjsip never sends stands here too where it fits.
SIGNS = {
    "InvalidAccountID": Sign.NO_SUCH_NAME,
    "FailedACL": Sign.NO_SUCH_NAME,
    "ChallengeResponseFailed": Sign.WRONG_PASSWORD,
    "InvalidPassword": Sign.WRONG_PASSWORD,
    "RequestBadFormat": Sign.NOT_SIP,
    "RequestNotSupported": Sign.NOT_SIP,
    "RequestNotAllowed": Sign.NOT_SIP,
}


def knock_of(event: Message) -> tuple[Address, Sign] | None:
    """Who knocked and how; None: it is no knock of the telephones' ports."""
    sign = SIGNS.get(event.get("Event"))
    if sign is None or event.get("Service") != "PJSIP":
        return None
    address = _address(event.get("RemoteAddress"))
    return None if address is None else (address, sign)


def _address(told: str) -> Address | None:
    """Out of `IPV4/UDP/203.0.113.9/5060`, whose port may be missing."""
    parts = told.split("/")
    try:
        return ip_address(parts[2].strip("[]")) if len(parts) > 2 else None
    except ValueError:
        return None
