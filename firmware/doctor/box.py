"""What the doctor finds of the box itself: its disk, its certificates, what listens on its ports,
its telephones, and each part of the exchange as `careline status` has it, trunks, clock and
temperature among them. What decides is pure; what reads is at the end.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from firmware.asterisk import reach
from firmware.asterisk.config import Ports
from firmware.doctor.findings import Colour, Finding
from firmware.place import Place
from firmware.topics import Part
from ivr.plan import Phone

OF_STATE = {"well": Colour.GREEN, "warning": Colour.AMBER, "alarm": Colour.RED}
DISK_AMBER, DISK_RED = 0.15, 0.05  # of it that is free: ours
# The page's is made anew long before its end, so one that nears it was not.
CERTIFICATE_AMBER = timedelta(days=14)
ON_A_DESK = (
    "see that each has power and network, and that its password is the box's: the page's telephones"
    " show how to set one up again"
)
IN_THE_BROWSER = (
    "whoever sits there signs in to the page, opens Telephone and switches it on: it rings only"
    " while that window is open"
)
LISTENS = "0A"  # proc(5), tcp: the state LISTEN; of UDP: 07
UNCONNECTED = "07"
GIVEN_OUT = 32_768  # ip(7): from here on they are the near ends of what the box itself asks
LOOPBACK_V4, LOOPBACK_V6 = "7F", "00000000000000000000000001000000"
# What else an appliance has open: SSH, the page, its network's names and addresses, the time.
OTHERS = {("tcp", 22), ("tcp", 80), ("tcp", 443), ("udp", 68), ("udp", 123), ("udp", 546),
          ("udp", 5353), ("udp", 5355), ("tcp", 5355)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Open:
    """Something that other machines reach."""

    protocol: str
    port: int


def of_part(part: Part) -> Finding:
    """As the exchange tells it."""
    return Finding(part.name, OF_STATE[part.state], part.detail, part.cure)


def of_disk(free: int, total: int) -> Finding:
    """Both in bytes."""
    share = free / max(1, total)
    colour = Colour.RED if share < DISK_RED else Colour.AMBER if share < DISK_AMBER else 0
    return Finding(
        "disk",
        Colour(colour),
        f"{free / 1e9:.1f} GB of {total / 1e9:.1f} GB are free",
        "shorten how long recordings are kept, or put in a larger disk" if colour else "",
    )


def of_certificate(name: str, until: datetime, now: datetime) -> Finding:
    """When it ends, beside when that would be a fault."""
    left = until - now
    said = f"holds until {until:%Y-%m-%d}"
    if left <= timedelta(0):
        cure = "see that the clock is right, then restart the box: it makes a new one"
        return Finding(name, Colour.RED, f"ended on {until:%Y-%m-%d}", cure)
    if left < CERTIFICATE_AMBER:
        return Finding(name, Colour.AMBER, said, "restart the box: it makes a new one")
    return Finding(name, Colour.GREEN, said)


def of_ports(found: Iterable[Open], ports: Ports) -> tuple[Finding, ...]:
    """What listens beside what should; a rehearsal listens on loopback alone. Nothing is said
    where nothing was seen."""
    reached = set(found)
    if not reached:
        return ()
    expected = OTHERS | {("udp", ports.sip), ("tcp", ports.sip), ("tcp", ports.sip_tls)}
    strange = sorted(
        {
            (each.protocol, each.port)
            for each in reached
            if (each.protocol, each.port) not in expected
            and not (each.protocol == "udp" and each.port >= GIVEN_OUT)
            and not (each.protocol == "udp" and ports.rtp_first <= each.port <= ports.rtp_last)
        }
    )
    told = ", ".join(f"{protocol} {port}" for protocol, port in strange)
    if Open("udp", ports.sip) not in reached:
        return (
            Finding(
                "open ports",
                Colour.RED,
                f"the telephones' port is closed: udp {ports.sip}",
                "restart the box; if it stays, call your technician",
            ),
        )
    if strange:
        return (
            Finding(
                "open ports",
                Colour.AMBER,
                f"more is open than the exchange needs: {told}",
                "find the program that has it and switch it off, unless you put it there",
            ),
        )
    return (Finding("open ports", Colour.GREEN, "nothing is open but what the exchange needs"),)


def of_phones(phones: Mapping[str, Phone], states: Mapping[str, str]) -> Iterator[Finding]:
    """Those on desks, and those in browsers, which need another cure; by what Asterisk knows."""
    for about, in_browser, cure in (
        ("telephones", False, ON_A_DESK),
        ("telephones in the browser", True, IN_THE_BROWSER),
    ):
        ours = {key: each.name for key, each in phones.items() if each.browser is in_browser}
        gone = [
            f"{key} {name}"
            for key, name in ours.items()
            if states.get(key, "UNKNOWN") in reach.ABSENT
        ]
        if gone:
            figure = f"{len(gone)} of {len(ours)} cannot be rung: {', '.join(gone)}"
            yield Finding(about, Colour.AMBER, figure, cure)
        elif ours:
            yield Finding(about, Colour.GREEN, f"all {len(ours)} can be rung")


# ---- reading ----


def certificates(place: Place, now: datetime) -> tuple[Finding, ...]:
    """Of those there are."""
    found = []
    for name, path in (
        ("the page's certificate", place.page_certificate),
        ("the telephones' certificate", place.sip_certificate),
    ):
        if (until := _until(path)) is not None:
            found.append(of_certificate(name, until, now))
    return tuple(found)


def _until(path: Path) -> datetime | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None


def disk(place: Place) -> Finding:
    """The one on which the site lies."""
    usage = shutil.disk_usage(place.home)
    return of_disk(usage.free, usage.total)


def listening(root: Path = Path("/")) -> list[Open]:
    """What other machines reach, as proc(5) has it; nothing where it cannot be read."""
    found = []
    for name, state in (
        ("tcp", LISTENS), ("tcp6", LISTENS), ("udp", UNCONNECTED), ("udp6", UNCONNECTED),
    ):  # fmt: skip
        try:
            rows = (root / "proc/net" / name).read_text("ascii").splitlines()[1:]
        except (OSError, ValueError):
            continue
        for row in rows:
            local, is_state = row.split()[1], row.split()[3]
            address, _, port = local.partition(":")
            is_loopback = (
                address == LOOPBACK_V6 if name.endswith("6") else address.endswith(LOOPBACK_V4)
            )
            if is_state == state and not is_loopback:
                found.append(Open(name.removesuffix("6"), int(port, 16)))
    return found


def today() -> datetime:
    """Aware, in UTC."""
    return datetime.now(UTC)
