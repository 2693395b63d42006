"""Gateways to analog lines (FXO): what a site may say of one, and what it needs to be told
itself, by the names on its own pages. Pure.

The names are those of Grandstream's HT813 Administration Guide and GXW410x User Manual; the P
values of the GXW410x stand in Grandstream's public configuration template of that model (1.3.4.13).
Of the HT813's analog settings no public template was found, so none of its P values are written
here. Nobody's password is among the settings. None was tried on a gateway of metal.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from firmware.provisioning import grandstream
from ivr.plan import Gateway, GatewayKind, Line, Plan, Trunk
from routing_core.national import COUNTRIES
from routing_core.progress import Kind, Tone

PORTS = {GatewayKind.HT813: 1, GatewayKind.GXW4104: 4, GatewayKind.GXW4108: 8}
MOST_PORTS = 64  # of one that we do not know
UNITED_STATES = "us"
ISO_NAMES = {"gb": "uk"}  # where ours is another
RINGS = 2  # the caller's number comes between the first and the second
TONE_DBM = -32  # how faint a tone still counts, as the HT813 has it

Path = tuple[str | int, ...]
Fault = Callable[[Path, str, str], None]


@dataclass(frozen=True, slots=True)
class Setting:
    """One of them: the page it stands on, its name there, and what it must be."""

    page: str
    name: str
    value: str
    p_value: int | None = None
    p_text: str = ""  # as the gateway's configuration file has it


def must_fit(trunks: Mapping[str, Trunk], lines: Mapping[str, Line], fault: Fault) -> None:
    """What each port carries is a number of its trunk's lines."""
    for name, trunk in trunks.items():
        where = ("trunks", name, "ports")
        if trunk.gateway is None:
            continue
        known = set(_numbers(lines.values(), trunk))
        named = trunk.gateway.ports
        if len(named) > PORTS.get(trunk.gateway.kind, MOST_PORTS):
            fault(where, "the gateway has fewer ports", "name no more numbers than it has ports")
        if not known.issuperset(named):
            reason = "a port carries a number that no line of this trunk has"
            fault(where, reason, "add the number to a line of this trunk")


def numbers_of(site: Plan, trunk: Trunk) -> tuple[str, ...]:
    """The number at each of its ports, from the first."""
    if trunk.gateway is None:
        return ()
    most = PORTS.get(trunk.gateway.kind, MOST_PORTS)
    return (trunk.gateway.ports or tuple(_numbers(site.lines.values(), trunk)))[:most]


def tones_of(site: Plan) -> tuple[Tone, ...]:
    """By which the network tells that a caller has hung up, where the clinic stands."""
    country = site.address.country.lower() if site.address else UNITED_STATES
    known = COUNTRIES.get(ISO_NAMES.get(country, country), COUNTRIES[UNITED_STATES])
    return tuple(tone for tone in known if tone.kind in (Kind.BUSY, Kind.REORDER))


def settings_of(site: Plan, trunk: Trunk, host: str, port: int) -> list[Setting]:
    """What this gateway is to be told; the box is at `host`, and answers SIP at `port`."""
    gateway = trunk.gateway
    if gateway is None:
        return []
    numbers = numbers_of(site, trunk)
    match gateway.kind:
        case GatewayKind.HT813:
            return list(_ht813(site, trunk, numbers, host, port))
        case GatewayKind.GXW4104 | GatewayKind.GXW4108:
            return list(_gxw410x(gateway, numbers, host, port))
        case GatewayKind.GENERIC:
            return list(_any(site, trunk, numbers, host, port))


def file_of(settings: Iterable[Setting], device: str) -> str:
    """The same for the gateway itself, where its P values are known; `device` is its MAC."""
    known = [(each.p_value, each.p_text) for each in settings if each.p_value is not None]
    return grandstream.written(device, known)


def is_served(gateway: Gateway) -> bool:
    """Whether the box has a file for it: else its settings are typed in."""
    return gateway.kind in (GatewayKind.GXW4104, GatewayKind.GXW4108)


def linked(trunk: str) -> str:
    """What a link that sets up this trunk's gateway is for; no telephone is called so."""
    return f"gateway {trunk}"


def trunk_of(site: Plan, link_for: str) -> Trunk | None:
    """The trunk whose gateway this is, where there is one that is served."""
    for name, trunk in site.trunks.items():
        if trunk.gateway is not None and is_served(trunk.gateway) and linked(name) == link_for:
            return trunk
    return None


def _numbers(lines: Iterable[Line], trunk: Trunk) -> Iterator[str]:
    for line in lines:
        if line.trunk == trunk.name:
            yield from line.numbers


def _ht813(
    site: Plan, trunk: Trunk, numbers: tuple[str, ...], host: str, port: int
) -> Iterator[Setting]:
    basic, fxo = "BASIC SETTINGS", "FXO PORT"
    number = numbers[0] if numbers else ""
    forward = "Unconditional Call Forward to VOIP"
    yield Setting(basic, f"{forward}: User ID", number)
    yield Setting(basic, f"{forward}: Sip Server", host)
    yield Setting(basic, f"{forward}: Sip Destination Port", str(port))
    yield Setting(fxo, "Account Active", "Yes")
    yield Setting(fxo, "Primary SIP Server", f"{host}:{port}")
    yield Setting(fxo, "SIP Transport", "UDP")
    yield Setting(fxo, "SIP User ID", number)
    yield Setting(fxo, "SIP Registration", "No")
    yield Setting(fxo, "Outgoing Call without Registration", "Yes")
    yield Setting(fxo, "Local SIP Port", str(trunk.port))
    yield Setting(fxo, "Use Random SIP Port", "No")
    yield Setting(fxo, "Allow Incoming SIP Messages from SIP Proxy Only", "Yes")
    yield Setting(fxo, "Preferred DTMF method (Priority 1)", "RFC2833")
    yield Setting(fxo, "Preferred Vocoder (Choice 1 and 2)", "PCMU, PCMA")
    yield Setting(fxo, "VAD", "No")
    yield Setting(fxo, "Fax Mode", "T.38")
    yield Setting(fxo, "Enable Current Disconnect", "Yes")
    yield Setting(fxo, "Enable PSTN Disconnect Tone Detection", "Yes")
    for tone in tones_of(site)[:1]:
        yield Setting(fxo, "PSTN Disconnect Tone", _written(tone))
    yield Setting(fxo, "Number of Rings", str(RINGS))
    yield Setting(fxo, "PSTN Ring Thru FXS", "No")
    yield Setting(fxo, "Wait for Dial-Tone", "No")
    yield Setting(fxo, "Stage Method (1/2)", "1")


def _gxw410x(gateway: Gateway, numbers: tuple[str, ...], host: str, port: int) -> Iterator[Setting]:
    profile, fxo, channels = "Profile 1", "FXO Lines", "Channels"
    all_ports = f"ch1-{PORTS[gateway.kind]}"
    forwards = "".join(f"ch{place}:{number};" for place, number in enumerate(numbers, 1))
    forward = "Unconditional Call Forward to VOIP"

    def each(page: str, name: str, value: str, p_value: int) -> Setting:
        text = f"{all_ports}:{value};"
        return Setting(page, name, text, p_value, text)

    yield Setting(profile, "Activate Profile", "Yes", 271, "1")
    yield Setting(profile, "SIP Server", f"{host}:{port}", 47, f"{host}:{port}")
    yield Setting(profile, "SIP Registration", "No", 31, "0")
    yield Setting(profile, "SIP Transport", "UDP", 130, "1")
    yield Setting(profile, "Accept INVITE from Proxy Only", "Yes", 743, "101")
    yield Setting(profile, "Preferred Vocoder, first", "PCMU", 57, "0")
    yield Setting(profile, "Preferred Vocoder, second", "PCMA", 58, "8")
    yield Setting(fxo, f"{forward}: User ID", forwards, 3607, forwards)
    yield each(fxo, f"{forward}: SIP Server", "p1", 3306)
    yield each(fxo, f"{forward}: Sip Destination Port", str(port), 3307)
    yield each(fxo, "Number of Rings Before Pickup", str(RINGS), 3599)
    yield each(fxo, "Enable Current Disconnect", "Y", 3603)
    yield each(fxo, "Enable Tone Disconnect", "Y", 3605)
    yield Setting(fxo, "Silence Timeout", "as long as it lets you: who waits in a queue is silent")
    yield each(fxo, "Wait for Dial Tone", "N", 3303)
    yield each(fxo, "Stage Method", "1", 3304)
    yield each(channels, "DTMF Methods", "2", 3404)  # RFC 2833
    yield each(channels, "Silence Suppression", "N", 3402)


def _any(
    site: Plan, trunk: Trunk, numbers: tuple[str, ...], host: str, port: int
) -> Iterator[Setting]:
    for place, number in enumerate(numbers, 1):
        yield Setting(
            f"port {place}", "every call from the line goes to", f"{number}@{host}:{port}"
        )
    yield Setting("SIP", "transport", "UDP, without registration")
    yield Setting("SIP", "its own port, where it takes our calls", str(trunk.port))
    yield Setting("SIP", "takes calls from", f"{host} and nobody else")
    yield Setting("sound", "coding", "PCMU, PCMA; no silence suppression")
    yield Setting("sound", "keys", "RFC 4733 (2833)")
    yield Setting("line", "picks up after", f"{RINGS} rings, with the caller's number")
    yield Setting("line", "a hang-up is told by", "loop current, and the tone below")
    for tone in tones_of(site):
        yield Setting("line", f"the {tone.kind} tone", _written(tone))
    yield Setting("line", "dials", "at once, the number it is sent (one stage)")


def _written(tone: Tone) -> str:
    """As Grandstream writes a tone: `f1=480@-32,f2=620@-32,c=500/500;`."""
    hz = [*tone.bursts[0].hz, *tone.bursts[0].hz][:2]
    pitches = ",".join(f"f{place}={each:g}@{TONE_DBM}" for place, each in enumerate(hz, 1))
    beats = "-".join(f"{burst.on_ms}/{burst.off_ms}" for burst in tone.bursts)
    return f"{pitches},c={beats};"
