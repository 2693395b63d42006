"""Telephone numbers and times inside a PDU (3GPP TS 23.040, 9.1.2): semi-octets, the low one first.

What is read comes from strangers: it may be damaged, which is a `PduError`, and says nothing of
what it holds.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from hw.modem.gsm7 import text_of, unpacked

DIGITS = "0123456789*#abc"  # TS 23.040, 9.1.2.3; 0xF is filling
INTERNATIONAL = 0x91  # type of address: ISDN plan, with its country
UNKNOWN = 0x81
ALPHANUMERIC = 0x50  # of the bits 0x70: a name in place of a number
MOST_DIGITS = 20  # TS 23.040, 9.1.2.5: ten octets


class PduError(ValueError):
    """Not a PDU, or one that says something we cannot read; whose fault stays with the sender."""


@dataclass(slots=True)
class Octets:
    """A PDU while it is read, from its first octet to its last."""

    left: bytes

    def take(self, count: int) -> bytes:
        """The next so many; PduError where they are not there."""
        if count > len(self.left):
            raise PduError(f"a PDU ends {count - len(self.left)} octets too early")
        taken, self.left = self.left[:count], self.left[count:]
        return taken

    def one(self) -> int:
        """The next one."""
        return self.take(1)[0]


def semi_octets(digits: str) -> bytes:
    """Digits of `DIGITS`, two to an octet; ValueError for another letter."""
    codes = [DIGITS.index(digit) for digit in digits]
    if len(codes) % 2:
        codes.append(0xF)
    return bytes(low | high << 4 for low, high in zip(codes[::2], codes[1::2], strict=True))


def digits_of(octets: bytes) -> str:
    """What semi-octets say, without their filling."""
    codes = [code for octet in octets for code in (octet & 0xF, octet >> 4)]
    return "".join(DIGITS[code] for code in codes if code != 0xF)


def address_of(number: str) -> bytes:
    """A number as a PDU has it, with its length in digits and its type before it; ValueError for
    what no telephone can dial."""
    plain = number.removeprefix("+")
    if not 0 < len(plain) <= MOST_DIGITS:
        raise ValueError(f"a number of {len(plain)} digits: 1 to {MOST_DIGITS} can be dialled")
    kind = INTERNATIONAL if number.startswith("+") else UNKNOWN
    return bytes([len(plain), kind]) + semi_octets(plain)


def read_address(octets: Octets) -> str:
    """Whom a PDU names: a number, `+` before one with its country, or a name."""
    digits, kind = octets.one(), octets.one()
    if digits > MOST_DIGITS:
        raise PduError(f"an address of {digits} digits")
    raw = octets.take((digits + 1) // 2)
    if kind & 0x70 == ALPHANUMERIC:
        return text_of(unpacked(raw, digits * 4 // 7))
    return ("+" if kind & 0x70 == 0x10 else "") + digits_of(raw)


def time_of(moment: datetime) -> bytes:
    """A time with its zone as TS 23.040, 9.2.3.11 has it, to the second and the quarter hour."""
    offset = moment.utcoffset() or timedelta()
    quarters = abs(offset) // timedelta(minutes=15)
    fields = [moment.year % 100, *moment.timetuple()[1:6], quarters]
    octets = bytearray(value // 10 | value % 10 << 4 for value in fields)
    octets[6] |= 0x08 if offset < timedelta() else 0
    return bytes(octets)


def read_time(octets: Octets) -> datetime | None:
    """When the network took a message; None where it says no time that exists."""
    raw = octets.take(7)
    year, month, day, hour, minute, second = ((one & 0xF) * 10 + (one >> 4) for one in raw[:6])
    quarters = (raw[6] & 0x7) * 10 + (raw[6] >> 4)
    offset = timedelta(minutes=15 * quarters) * (-1 if raw[6] & 0x08 else 1)
    century = 1900 if year >= 90 else 2000  # there was no SMS before 1990
    try:
        zone = timezone(offset) if offset else UTC
        return datetime(century + year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return None
