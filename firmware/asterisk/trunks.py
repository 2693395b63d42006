"""A trunk's part of pjsip.conf. Text only; pure.

It is known by its address and by nothing else, so a stranger who knows its user name is a stranger.
What is signalled by TLS goes to a server by whose authority we are assured of its name; talks are
encrypted by SDES (RFC 4568), whose keys that signalling hides.
"""

from collections.abc import Iterator

from firmware.asterisk import endpoints, fax, line_groups, whereabouts, written
from firmware.asterisk.dialplan import trunk_context
from ivr.plan import Encrypted, GatewayKind, Plan, ShownIn, Transport, Trunk

REGISTER_AGAIN_S = 30
# A company that forgot the box, or refuses it from now on, is found out after so long. One that
# wants it longer says so (423), and is asked for what it wants.
SIGNED_IN_S = 300
# Without one packet of sound; a gateway sends some of silence too.
GONE_S = 300
# How often a trunk is asked whether it is there, and how long its answer may take.
LOOK_S, LOOK_TIMEOUT_S = 10, 3


def _by(trunk: Trunk) -> list[str]:
    """What a trunk's endpoint has by its transport."""
    signals = f"transport={trunk.transport.value}"
    by = [signals if each == "transport=udp" else each for each in endpoints.ENDPOINT]
    if trunk.srtp is Encrypted.NEVER:
        return by
    falls_back = "no" if _is_secret(trunk) else "yes"
    return [*by, "media_encryption=sdes", f"media_encryption_optimistic={falls_back}"]


def _from(trunk: Trunk, user: str) -> list[str]:
    """Who calls, as From says it: else it is the number that is shown."""
    return [] if trunk.shown_in is ShownIn.CALLER else [f"from_user={user}"]


def _is_secret(trunk: Trunk) -> bool:
    """Each of its talks is encrypted."""
    return trunk.srtp is Encrypted.ALWAYS


def _shares_its_address(trunk: Trunk) -> bool:
    """An HT813 has a socket for a telephone, too, at another port of the same address: what comes
    from there is not the line's, or that telephone's 911 would be answered by our own menu."""
    kind = trunk.gateway and trunk.gateway.kind
    return kind is GatewayKind.HT813 and trunk.transport is Transport.UDP


def objects(plan: Plan, trunk: Trunk, password: str) -> Iterator[str]:
    """Its sections of pjsip.conf."""
    title = line_groups.trunk_endpoint(trunk)
    host = f"{written.host(trunk.host)}:{trunk.port:d}"
    transport = trunk.transport.value
    # A semicolon begins a comment there.
    at = host if trunk.transport is Transport.UDP else rf"{host}\;transport={transport}"
    user = None if trunk.username is None else written.value(trunk.username)
    authenticates = [] if user is None else [f"outbound_auth={title}", *_from(trunk, user)]
    yield written.section(
        title,
        [
            *_by(trunk),
            "identify_by=ip",
            f"context={trunk_context(trunk)}",
            f"aors={title}",
            "trust_id_inbound=yes",
            "send_pai=yes",
            # A company that sends a call elsewhere (RFC 3261, 21.3) has failed. By Asterisk's own
            # way its number is looked up where calls from this trunk enter: we would answer 911.
            "redirect_method=uri_pjsip",
            *([whereabouts.TELLS] if plan.address else []),
            *(fax.T38 if fax.is_there_one(plan) and not _is_secret(trunk) else ()),
            # Nothing at all came for so long: the gateway is gone, and whoever talked by it.
            *([f"rtp_timeout={GONE_S}"] if trunk.gateway else []),
            *authenticates,
        ],
    )
    yield written.section(title, ["type=aor", f"contact=sip:{at}"])
    # Looked at by itself: a contact that does not answer OPTIONS is dialled no more, 911 neither,
    # and a gateway that never answers them may carry calls all the same.
    look = line_groups.look_at(title)
    # Only what an endpoint has is asked; by `ip`, and of no address, nobody can be it.
    nobody = [*_by(trunk), "identify_by=ip", f"context={trunk_context(trunk)}"]
    yield written.section(look, [*nobody, f"aors={look}"])
    yield written.section(
        look,
        [
            "type=aor",
            f"contact=sip:{at}",
            f"qualify_frequency={LOOK_S}",
            f"qualify_timeout={LOOK_TIMEOUT_S}",
        ],
    )
    own = host if _shares_its_address(trunk) else written.host(trunk.host)
    matches = [f"match={at}" for at in (own, *map(written.net, trunk.calls_from))]
    yield written.section(title, ["type=identify", f"endpoint={title}", *matches])
    if user is not None:
        yield endpoints.auth(title, user, password)
    if trunk.registers and user is not None:
        numbers = [line.numbers[0] for line in plan.lines.values() if line.trunk == trunk.name]
        yield written.section(
            title,
            [
                "type=registration",
                f"transport={transport}",
                f"outbound_auth={title}",
                f"server_uri=sip:{at}",
                f"client_uri=sip:{user}@{host}",
                # What a trunk calls that names no number: the line's first.
                *(f"contact_user={written.number(first)}" for first in numbers[:1]),
                f"expiration={SIGNED_IN_S}",
                f"retry_interval={REGISTER_AGAIN_S}",
                f"forbidden_retry_interval={REGISTER_AGAIN_S}",
                f"fatal_retry_interval={REGISTER_AGAIN_S}",
                "auth_rejection_permanent=no",
                "max_retries=4294967295",
                "max_random_initial_delay=0",  # a box has no crowd to spread
            ],
        )
