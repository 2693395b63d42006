"""Fax machines, as Asterisk is told of them. A fax is not talked to: a line that leads to one goes
from the trunk to its adapter by Asterisk alone, and no program of ours hears it, waits for it or
counts it as a caller. One that calls people is known by its tone in the engine, and led on to here.
It passes as T.38 (ITU-T) where the trunk takes that, else as it sounds (G.711), with nothing
between that would look for keys. T.38 is not encrypted, so an adapter that talks by SRTP has its
faxes as they sound. Text only; pure.
"""

from firmware.asterisk import written
from firmware.asterisk.written import extension
from ivr.plan import Line, Phone, Plan

MODULES = "res_pjsip_t38"
# Told by each call of such a line, for who tries a site before it is in force.
CALLED = "CareLineFax"
FAXES = "faxes"  # where a caller is led that is one
RINGS_S = 60  # an adapter answers at the first ring or the second; T.30 gives up after about 60 s
# Each packet carries the last ones again (T.38, 9.1): networks lose some, and a page is lost by it.
T38 = (
    "t38_udptl=yes", "t38_udptl_ec=redundancy", "t38_udptl_maxdatagram=400", "t38_udptl_nat=yes",
)  # fmt: skip


def is_there_one(plan: Plan) -> bool:
    """Whether any fax machine of this site may speak T.38."""
    return any(map(speaks_t38, plan.phones.values()))


def speaks_t38(phone: Phone) -> bool:
    """Whether this is a fax machine whose pages may pass as data."""
    return phone.fax and not phone.secure


def led_to(plan: Plan, line: Line) -> Phone | None:
    """The fax machine of a line that leads to one."""
    phone = plan.phones.get(line.phone or "")
    return phone if phone is not None and phone.fax else None


def enters(pattern: str, line: Line, phone: Phone) -> str:
    """A number of such a line; who calls hears what the adapter says, and nothing before. It is a
    line's call like any other: of STARTED an emergency call asks which is the newest."""
    return extension(
        pattern,
        written.started("STARTED"),
        "Set(DIALLED=${FILTER(+*#0-9,${EXTEN})})",
        f"UserEvent({CALLED},Line: {written.name(line.name)},Dialled: ${{DIALLED}})",
        f"Dial(PJSIP/{written.number(phone.extension)},{RINGS_S:d})",
        "Hangup()",
    )


def led(phone: Phone) -> str:
    """A fax machine that called people is here: the exchange has heard its tone."""
    machine = written.number(phone.extension)
    return extension(machine, f"Dial(PJSIP/{machine},{RINGS_S:d})", "Hangup()")


def ports(first: int, last: int) -> str:
    """udptl.conf: T.38 comes at the ports of RTP, so that a site opens one range and no other."""
    return written.section("general", [f"udptlstart={first:d}", f"udptlend={last:d}"])
