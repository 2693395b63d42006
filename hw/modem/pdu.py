"""What a short message is on the wire (3GPP TS 23.040, 9.2.2): SUBMIT goes out, DELIVER and
STATUS-REPORT come in. Pure; bytes of strangers become a message or a `PduError`, never more.

Both directions stand here, since the simulator is the network's side of the same standard.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from hw.modem.address import (
    Octets,
    PduError,
    address_of,
    digits_of,
    read_address,
    read_time,
    time_of,
)
from hw.modem.gsm7 import fits, packed, septets_of, text_of, unpacked

# TP-UD holds 140 octets; the last PDU of a modem is 176 octets with the service centre's address.
USER_OCTETS = 140
MOST_OCTETS = 200
GSM7, UCS2 = 0x00, 0x08  # TP-DCS
DELIVER, SUBMIT, REPORT = 0b00, 0b01, 0b10  # TP-MTI
HAS_HEADER, WANTS_REPORT, HAS_VALIDITY = 0x40, 0x20, 0x10
VALID_4_DAYS = 0xAA  # TS 23.040, 9.2.3.12.1
CONCATENATED_8, CONCATENATED_16 = 0x00, 0x08  # TS 23.040, 9.2.3.24.1 and .8


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a longer message: of the sender's number for it, so many in all, from 1."""

    reference: int
    count: int
    number: int
    wide: bool = False  # a reference of 16 bits


WHOLE = Part(0, 1, 1)


@dataclass(frozen=True, slots=True)
class Deliver:
    """A message that came: from whom, when the network took it, and what it says."""

    number: str
    at: datetime | None
    text: str
    part: Part = WHOLE


@dataclass(frozen=True, slots=True)
class Submit:
    """A message to go out; `wants_report` asks the network to say what became of it."""

    number: str
    text: str
    part: Part = WHOLE
    wants_report: bool = True


class Delivery(Enum):
    """What became of a message that went out."""

    DELIVERED = auto()
    UNDER_WAY = auto()  # the network still tries
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class Report:
    """A delivery report: of the message that the modem sent under this reference (0 to 255)."""

    reference: int
    number: str
    status: int  # TS 23.040, 9.2.3.15
    at: datetime | None

    @property
    def delivery(self) -> Delivery:
        """Below 0x20 it is with the receiver, below 0x40 the network still tries."""
        if self.status < 0x20:
            return Delivery.DELIVERED
        return Delivery.UNDER_WAY if self.status < 0x40 else Delivery.FAILED


Incoming = Deliver | Report


def encode_submit(message: Submit) -> tuple[bytes, int]:
    """The PDU and the length that `AT+CMGS` asks for, which leaves the service centre out. The
    modem writes the reference itself. ValueError for a text too long for one message."""
    first = SUBMIT | HAS_VALIDITY | (WANTS_REPORT if message.wants_report else 0)
    header = _header_of(message.part)
    coding, user_length, user = _user_octets(message.text, header)
    tpdu = bytes([first | (HAS_HEADER if header else 0), 0]) + address_of(message.number)
    tpdu += bytes([0, coding, VALID_4_DAYS, user_length]) + user
    return b"\0" + tpdu, len(tpdu)  # an empty service centre: the one the SIM holds


def decode_submit(pdu: bytes) -> Submit:
    """What the network reads of a SUBMIT."""
    octets, first = _begin(pdu, SUBMIT)
    octets.one()  # the reference, which the modem writes
    number = read_address(octets)
    octets.one()
    coding = octets.one()
    octets.take({0x00: 0, 0x10: 1}.get(first & 0x18, 7))
    text, part = _read_user(octets, coding, has_header=bool(first & HAS_HEADER))
    return Submit(number, text, part, wants_report=bool(first & WANTS_REPORT))


def encode_deliver(message: Deliver, *, at: datetime) -> tuple[bytes, int]:
    """As the network sends it and a modem hands it on; and its length without the centre."""
    header = _header_of(message.part)
    coding, user_length, user = _user_octets(message.text, header)
    tpdu = bytes([DELIVER | 0x04 | (HAS_HEADER if header else 0)]) + address_of(message.number)
    tpdu += bytes([0, coding]) + time_of(at) + bytes([user_length]) + user
    return b"\0" + tpdu, len(tpdu)


def encode_report(report: Report, *, at: datetime) -> tuple[bytes, int]:
    """Likewise, of a STATUS-REPORT."""
    tpdu = bytes([REPORT | 0x04, report.reference]) + address_of(report.number)
    tpdu += time_of(at) + time_of(at) + bytes([report.status])
    return b"\0" + tpdu, len(tpdu)


def decode(pdu: bytes) -> Incoming:
    """What a modem hands on: a message or a delivery report."""
    octets, first = _begin(pdu, None)
    match first & 0b11:
        case 0b00:
            return _read_deliver(octets, first)
        case 0b10:
            return _read_report(octets)
        case other:
            raise PduError(f"a PDU of type {other}, which does not come in")


def tpdu_octets(pdu: bytes) -> int:
    """The length that a modem tells beside a PDU: without the service centre's address."""
    if not pdu or pdu[0] + 1 > len(pdu):
        raise PduError("a PDU shorter than its service centre's address")
    return len(pdu) - 1 - pdu[0]


def _begin(pdu: bytes, kind: int | None) -> tuple[Octets, int]:
    if len(pdu) > MOST_OCTETS:
        raise PduError(f"a PDU of {len(pdu)} octets")
    octets = Octets(pdu)
    octets.take(octets.one())
    first = octets.one()
    if kind is not None and first & 0b11 != kind:
        raise PduError(f"a PDU of type {first & 0b11}, where {kind} should be")
    return octets, first


def _read_deliver(octets: Octets, first: int) -> Deliver:
    number = read_address(octets)
    octets.one()
    coding = octets.one()
    at = read_time(octets)
    text, part = _read_user(octets, coding, has_header=bool(first & HAS_HEADER))
    return Deliver(number, at, text, part)


def _read_report(octets: Octets) -> Report:
    reference = octets.one()
    number = read_address(octets)
    read_time(octets)
    at = read_time(octets)
    return Report(reference, number, octets.one(), at)


def _header_of(part: Part) -> bytes:
    """TP-UDH, or nothing for a message that is whole."""
    if part.count == 1:
        return b""
    tail = bytes([part.count, part.number])
    if part.wide:
        return bytes([6, CONCATENATED_16, 4]) + part.reference.to_bytes(2, "big") + tail
    return bytes([5, CONCATENATED_8, 3, part.reference]) + tail


def _user_octets(text: str, header: bytes) -> tuple[int, int, bytes]:
    """TP-DCS, TP-UDL and TP-UD; ValueError where they would not fit."""
    if fits(text):
        fill = -8 * len(header) % 7
        septets = septets_of(text)
        user = header + packed(septets, fill)
        coding, length = GSM7, (8 * len(header) + fill) // 7 + len(septets)
    else:
        user = header + text.encode("utf-16-be", "replace")
        coding, length = UCS2, len(user)
    if len(user) > USER_OCTETS:
        raise ValueError(f"a text of {len(user)} octets: one message holds {USER_OCTETS}")
    return coding, length, user


def _read_user(octets: Octets, coding: int, *, has_header: bool) -> tuple[str, Part]:
    length = octets.one()
    seven = _is_gsm7(coding)
    size = (length * 7 + 7) // 8 if seven else length
    if size > USER_OCTETS:
        raise PduError(f"user data of {size} octets")
    raw = octets.take(size)
    header = b""
    if has_header:
        if not raw or raw[0] + 1 > len(raw):
            raise PduError("a header longer than its message")
        header = raw[: raw[0] + 1]
    rest = raw[len(header) :]
    if not seven:
        return _wide_text(rest, coding), _read_part(header[1:])
    fill = -8 * len(header) % 7
    count = max(0, length - (8 * len(header) + fill) // 7)
    return text_of(unpacked(rest, count, fill)), _read_part(header[1:])


def _is_gsm7(coding: int) -> bool:
    """TS 23.038, 4: of the groups that are in use; what is unknown is read as seven bits."""
    if coding & 0xF0 == 0xF0:
        return not coding & 0x04
    if coding & 0xF0 == 0xE0:
        return False
    return coding & 0x0C not in (0x04, 0x08) or coding & 0xC0 == 0xC0


def _wide_text(raw: bytes, coding: int) -> str:
    """UCS-2 (in which telephones send UTF-16), or what octets without an alphabet may say."""
    if coding & 0xF0 == 0xE0 or (coding & 0x0C == 0x08 and coding & 0xF0 != 0xF0):
        # Half a pair at a part's edge stays half, until `whole_letters` sees both.
        return raw[: len(raw) & ~1].decode("utf-16-be", "surrogatepass")
    return raw.decode("latin-1")


def _read_part(elements: bytes) -> Part:
    """Of a header's elements the one that joins parts; a nonsense one makes a message whole."""
    octets = Octets(elements)
    part = WHOLE
    while octets.left:
        kind = octets.one()
        length = octets.one() if octets.left else 0
        value = Octets(octets.take(min(length, len(octets.left))))
        if (kind, len(value.left)) in ((CONCATENATED_8, 3), (CONCATENATED_16, 4)):
            wide = kind == CONCATENATED_16
            reference = int.from_bytes(value.take(2 if wide else 1), "big")
            count, number = value.take(2)
            if 1 <= number <= count:
                part = Part(reference, count, number, wide)
    return part


def centre_of(pdu: bytes) -> str:
    """The service centre's number, or nothing where the PDU names none."""
    octets = Octets(pdu)
    raw = octets.take(octets.one())
    return ("+" if raw[0] & 0x70 == 0x10 else "") + digits_of(raw[1:]) if raw else ""
