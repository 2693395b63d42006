"""Grandstream's desk telephones (GXP17xx, GXP21xx, GRP26xx): `cfgMAC.xml`, one element a setting,
named by its P value. Pure.

The form is that of Grandstream's "SIP Device Provisioning Guide", the P values those of its
configuration templates (GXP1760/1780/1782, firmware 1.0.1.133). SIP goes by UDP and the talk is not
encrypted, or both are. A telephone takes no authority's certificate by address: whether it asks
only servers that it trusts is set on its own page.
"""

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

from firmware.asterisk.desk_dialplan import PICK_UP
from firmware.provisioning.clock import Change, Clock
from firmware.provisioning.desk import Desk, Key, Press

KIND = "application/xml; charset=utf-8"
# Numbered alike on all of these models; what follows the sixth is not.
KEYS_MOST = 6
MODES = {Press.LINE: 0, Press.MESSAGES: 10, Press.PARK: 18, Press.COLLEAGUE: 11}
FIRST_KEY, FIRST_LABEL = 1363, 1465  # P values; each key has the next two of both
LABEL_MOST = 32
LANGUAGES = {"en": "en", "es": "es"}
UDP, TLS = 0, 2
NO_SRTP, SRTP_ALONE = 0, 2
YES, NO = 1, 0
PCMU, PCMA = 0, 8

Setting = tuple[int, str | int]


def own(desk: Desk, device: str) -> str:
    """The file of one telephone; `device` is its MAC, 12 hexadecimal digits."""
    settings = (
        *_account(desk),
        *_clock(desk.clock),
        *((1362, LANGUAGES[each]) for each in (desk.language,) if each in LANGUAGES),
        *_keys(desk.keys[:KEYS_MOST]),
    )
    return written(device, settings)


def written(device: str, settings: Iterable[Setting]) -> str:
    """A configuration file of any of Grandstream's devices."""
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            '<gs_provision version="1">',
            f"<mac>{device}</mac>",
            '<config version="1">',
            *(f"<P{number}>{escape(str(value))}</P{number}>" for number, value in settings),
            "</config>",
            "</gs_provision>",
            "",
        ]
    )


def _account(desk: Desk) -> Iterator[Setting]:
    messages = next(key.number for key in desk.keys if key.press is Press.MESSAGES)
    yield 271, YES  # the account is in use
    yield 270, f"{desk.extension} {desk.name}".strip()
    yield 47, f"{desk.server.host}:{desk.port}"
    yield 35, desk.extension  # user
    yield 36, desk.extension  # by whom it signs in
    yield 34, desk.password
    yield 3, desk.name  # shown to who is called
    yield 33, messages
    yield 130, TLS if desk.is_secure else UDP
    yield 183, SRTP_ALONE if desk.is_secure else NO_SRTP
    for choice in range(57, 63):  # preferred codecs, the first six of eight
        yield choice, PCMU if choice == 57 else PCMA
    yield 2301, NO  # digits in the audio
    yield 2302, YES  # as RTP events
    yield 2303, NO  # by INFO
    yield 6752, YES  # a colleague's ringing call is taken by a prefix
    yield 1347, PICK_UP


def _clock(clock: Clock | None) -> Iterator[Setting]:
    if clock is None:
        return
    yield 64, "customize"
    yield 246, _posix(clock)
    yield 143, NO  # the network's word on the zone is not asked


def _posix(clock: Clock) -> str:
    """As the telephone reads it: names of three letters, and every offset with its sign."""
    winter = f"LWT{_west(clock.east)}"
    if clock.summer is None:
        return winter
    summer = f"LST{_west(clock.east + clock.summer.by)}"
    return ",".join([winter + summer, _change(clock.summer.begins), _change(clock.summer.ends)])


def _west(east: int) -> str:
    hours, minutes = divmod(abs(east), 60)
    return f"{'-' if east > 0 else '+'}{hours}" + (f":{minutes:02}" if minutes else "")


def _change(change: Change) -> str:
    return f"M{change.month}.{change.week}.{change.day}/{change.hour:02}:00:00"


def _keys(keys: tuple[Key, ...]) -> Iterator[Setting]:
    for place, key in enumerate(keys):
        yield FIRST_KEY + 2 * place, MODES[key.press]
        yield FIRST_KEY + 2 * place + 1, 0  # the first account
        yield FIRST_LABEL + 2 * place, key.label[:LABEL_MOST]
        yield FIRST_LABEL + 2 * place + 1, key.number
