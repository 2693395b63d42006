"""Which file a telephone asks for, by the names that its maker gives them, and what stands in it.
Pure.

    Yealink      y000000000NNN.cfg, of all of a model, then MAC.cfg
    Grandstream  cfgMAC, binary, which we have none of, then cfgMAC.xml
    Linphone     linphone.xml
"""

import re
from dataclasses import dataclass

from firmware.provisioning import grandstream, softphone, yealink
from firmware.provisioning.desk import Desk, Maker

_COMMON = re.compile(r"y[0-9]{12}\.cfg")
_OWN = {
    Maker.YEALINK: re.compile(r"([0-9a-f]{12})\.cfg"),
    Maker.GRANDSTREAM: re.compile(r"cfg([0-9a-f]{12})\.xml"),
    Maker.LINPHONE: re.compile(r"(linphone)\.xml"),
}
LINPHONE = "linphone.xml"


@dataclass(frozen=True, slots=True)
class File:
    """What is sent."""

    kind: str
    text: str


def common(maker: Maker, name: str) -> File | None:
    """A file with no secret in it, the same for each telephone; None: this is none."""
    if maker is Maker.YEALINK and _COMMON.fullmatch(name):
        return File(yealink.KIND, yealink.COMMON)
    return None


def device_of(name: str) -> str | None:
    """Whose own file this is: a MAC; "" where its maker names none; None: nobody's."""
    for maker, gate in _OWN.items():
        if found := gate.fullmatch(name):
            return "" if maker is Maker.LINPHONE else found[1]
    return None


def own(maker: Maker, name: str, desk: Desk) -> File | None:
    """A telephone's own file; None where its maker has none of this name."""
    gate = _OWN.get(maker)
    found = gate.fullmatch(name) if gate else None
    if found is None:
        return None
    match maker:
        case Maker.YEALINK:
            return File(yealink.KIND, yealink.own(desk))
        case Maker.GRANDSTREAM:
            return File(grandstream.KIND, grandstream.own(desk, found[1]))
        case _:
            return File(softphone.KIND, softphone.linphone(desk))
