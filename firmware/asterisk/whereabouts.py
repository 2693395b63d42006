"""Where each telephone stands, as an emergency centre reads it by itself: a PIDF-LO (RFC 4119) of a
civic address (RFC 5139) that goes with the emergency call (RFC 6442). Text only; pure.

Only emergency calls carry one: a trunk tells what the dialplan has put on the call, and the
dialplan puts it there for an emergency number alone. What a telephone or a caller says of its own
place is never passed on. A call never waits for it: without an address nothing is put on it, and a
line that cannot take it is tried again without (`dialplan`).
"""

from collections.abc import Iterable, Iterator

from firmware.asterisk import written
from ivr.plan import Address, Phone, Plan

# Of a trunk's endpoint: what stands on the call, and nothing of its own.
TELLS = "geoloc_outgoing_call_profile=<discard_config>"
MANUAL = "Manual"  # how the place came to be known (RFC 4119, 2.2.1; IANA Method Tokens)


def locations(plan: Plan) -> str:
    """geolocation.conf: a location for each telephone; empty without an address."""
    if plan.address is None:
        return ""
    return "\n".join(_location(plan.address, phone) for phone in plan.phones.values())


def put_on(plan: Plan) -> Iterator[str]:
    """The steps by which an emergency call comes to carry it."""
    if plan.address is not None:
        yield f"Set(GEOLOC_PROFILE(location_reference)={_name('${EXTENSION}')})"
        yield "Set(GEOLOC_PROFILE(pidf_element)=tuple)"
        yield "Set(GEOLOC_PROFILE(allow_routing_use)=yes)"


def every_other_try(plan: Plan) -> Iterator[str]:
    """A line or a centre that cannot take it would refuse the call each time: so the second round
    of tries goes without, the third with it again."""
    if plan.address is not None:
        yield 'Set(LOCATED=${IF($["${LOCATED}" = "yes"]?no:yes)})'
        yield "Set(GEOLOC_PROFILE(inheritable)=${LOCATED})"


def _name(extension: str) -> str:
    return f"phone-{extension}"


def _location(address: Address, phone: Phone) -> str:
    return written.section(
        _name(written.number(phone.extension)),
        [
            "type=location",
            "format=civicAddress",
            f"method={MANUAL}",
            *(f'location_info={name}="{text}"' for name, text in _elements(address, phone)),
        ],
    )


def _elements(address: Address, phone: Phone) -> Iterable[tuple[str, str]]:
    told = {
        "country": address.country,
        "A1": address.state,
        "A2": address.county,
        "A3": address.city,
        "RD": address.street,
        "HNO": address.house_number,
        "PC": address.postcode,
        "LOC": phone.location,
        "FLR": phone.floor,
        "ROOM": phone.room,
    }
    return [(name, written.label(text)) for name, text in told.items() if text]
