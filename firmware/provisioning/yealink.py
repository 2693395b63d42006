"""Yealink's desk telephones (T2, T3, T4, T5 with firmware 81 and later): `MAC.cfg`, lines of
`parameter = value` after the line that says so. Pure.

Names and meanings are those of Yealink's "SIP IP Phones Administrator Guide" and "Auto Provisioning
Guide" (V86): accounts, DSS keys, time and date, trusted certificates. SIP goes by UDP and the talk
is not encrypted, or both are, and then the telephone asks that the exchange's certificate be one
that the box's authority vouches for. The file of all telephones of a model (`y000000000NNN.cfg`)
says nothing but that it is one: each telephone's own file says everything.
"""

from collections.abc import Iterator

from firmware.asterisk.desk_dialplan import PICK_UP
from firmware.provisioning.clock import Change, Clock
from firmware.provisioning.desk import Desk, Key, Press

KIND = "text/plain; charset=utf-8"
FIRST_LINE = "#!version:1.0.0.1"
COMMON = f"{FIRST_LINE}\n"
KEYS_MOST = 27  # of the largest; a smaller one leaves out what it has no key for
UDP, TLS, RTP_EVENTS = 0, 2, 1
NO_SRTP, SRTP_ALONE = 0, 2
BLIND = 2  # what a key does with the caller one talks with: pass them on at once
LANGUAGES = {"en": "English", "es": "Spanish"}
# DSS key types.
TYPES = {Press.LINE: 15, Press.MESSAGES: 13, Press.PARK: 3, Press.COLLEAGUE: 16}
CODECS = {"pcmu": 1, "pcma": 2}  # in the exchange's order
NO_CODECS = ("g722", "g729", "opus")


def own(desk: Desk) -> str:
    """The file of one telephone."""
    written = (
        *_account(desk),
        *_clock(desk.clock),
        *_screen(desk.language),
        *_emergency(desk.emergency_numbers),
        *_trust(desk),
        *_keys(desk.keys[:KEYS_MOST]),
    )
    return "\n".join([FIRST_LINE, *(f"{name} = {value}" for name, value in written), ""])


Setting = tuple[str, str | int]


def _account(desk: Desk) -> Iterator[Setting]:
    account: dict[str, str | int] = {
        "enable": 1,
        "label": f"{desk.extension} {desk.name}".strip(),
        "display_name": desk.name,
        "user_name": desk.extension,
        "auth_name": desk.extension,
        "password": desk.password,
        "sip_server.1.address": desk.server.host,
        "sip_server.1.port": desk.port,
        "sip_server.1.transport_type": TLS if desk.is_secure else UDP,
        "srtp_encryption": SRTP_ALONE if desk.is_secure else NO_SRTP,
        "dtmf.type": RTP_EVENTS,
        "display_mwi.enable": 1,
        "direct_pickup_code": PICK_UP,
    }
    for name, value in account.items():
        yield f"account.1.{name}", value
    for codec, rank in CODECS.items():
        yield f"account.1.codec.{codec}.enable", 1
        yield f"account.1.codec.{codec}.priority", rank
    for codec in NO_CODECS:
        yield f"account.1.codec.{codec}.enable", 0
    messages = next(key.number for key in desk.keys if key.press is Press.MESSAGES)
    yield "voice_mail.number.1", messages


def _clock(clock: Clock | None) -> Iterator[Setting]:
    if clock is None:
        return
    hours, minutes = divmod(abs(clock.east), 60)
    sign = "-" if clock.east < 0 else "+"
    yield "local_time.time_zone", f"{sign}{hours}" + (f":{minutes:02}" if minutes else "")
    yield "local_time.summer_time", int(clock.summer is not None)
    if clock.summer is not None:
        yield "local_time.dst_time_type", 1  # by the week
        yield "local_time.start_time", _change(clock.summer.begins)
        yield "local_time.end_time", _change(clock.summer.ends)
        yield "local_time.offset_time", clock.summer.by


def _change(change: Change) -> str:
    """Month, week, day, hour; a week begins on Monday, and Sunday is its seventh day."""
    return f"{change.month}/{change.week}/{change.day or 7}/{change.hour}"


def _screen(language: str) -> Iterator[Setting]:
    if language in LANGUAGES:
        yield "lang.gui", LANGUAGES[language]
        yield "lang.wui", LANGUAGES[language]


def _emergency(numbers: tuple[str, ...]) -> Iterator[Setting]:
    """Dialled by the account also while the keypad is locked (Administrator's Guide, "Emergency
    Dialplan")."""
    yield "dialplan.emergency.enable", 1
    for place, each in enumerate(numbers, 1):
        yield f"dialplan.emergency.{place}.value", each


def _trust(desk: Desk) -> Iterator[Setting]:
    """The box's authority beside those that it came with, for the next time it asks."""
    yield "static.trusted_certificates.url", f"http://{desk.server.host}/careline.crt"
    yield "static.security.ca_cert", 2
    if desk.is_secure:
        yield "static.security.trust_certificates", 1


def _keys(keys: tuple[Key, ...]) -> Iterator[Setting]:
    yield "transfer.dsskey_deal_type", BLIND
    for place, key in enumerate(keys, 1):
        yield f"linekey.{place}.type", TYPES[key.press]
        yield f"linekey.{place}.line", 1
        yield f"linekey.{place}.label", key.label
        if key.number:
            yield f"linekey.{place}.value", key.number
