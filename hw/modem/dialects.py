"""Where makers differ: small tables, from their AT manuals. What both do as 3GPP TS 27.007 and
27.005 say stands in the conversation, not here.

Quectel: "EC25&EC21 AT Commands Manual" V1.3 (2018) for AT+QPINC, AT+QINDCFG and AT+VTS, and its
voice over USB for AT+QPCMV and AT+QTONEDET. SIMCom: "SIM7500_SIM7600 Series AT Command Manual"
V2.00 (2020) for AT+SPIC, AT+CPCMREG, AT+CPCMFRM, AT+DDET and its list of unsolicited results.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """One maker's words."""

    name: str
    says: str  # a word of the answer to ATI
    settings: tuple[str, ...]  # sent once at the set-up; a refusal of one is no failure
    press: str  # a key into the call
    voice_on: str  # for the PCM port, once a call stands
    voice_off: str
    tries: str  # how many tries the PIN has left
    tries_line: re.Pattern[str]
    digit_line: re.Pattern[str]  # a key heard: its letter, or the letter's code in decimal
    full_line: re.Pattern[str]
    vendor: str  # USB ids, hexadecimal
    product: str
    at_interface: int  # of its USB interfaces
    voice_interface: int


QUECTEL_EC25 = Dialect(
    name="Quectel EC25",
    says="quectel",
    settings=('AT+QINDCFG="smsfull",1', "AT+QTONEDET=1"),
    press='AT+VTS="{}"',
    voice_on="AT+QPCMV=1,0",  # over the USB port that else tells positions
    voice_off="AT+QPCMV=0",
    tries='AT+QPINC="SC"',
    tries_line=re.compile(r'\+QPINC: "SC",(\d+),\d+'),
    digit_line=re.compile(r"\+QTONEDET: (\d{2,3})"),
    full_line=re.compile(r'\+QIND: "smsfull","(\w+)"'),
    vendor="2c7c",
    product="0125",
    at_interface=2,
    voice_interface=1,
)
SIMCOM_SIM7600 = Dialect(
    name="SIMCom SIM7600",
    says="simcom",
    settings=("AT+CPCMFRM=0", "AT+DDET=1"),  # 8 kHz; keys told
    press="AT+VTS={}",
    voice_on="AT+CPCMREG=1",
    voice_off="AT+CPCMREG=0",
    tries="AT+SPIC",
    tries_line=re.compile(r"\+SPIC: (\d+),\d+,\d+,\d+"),
    digit_line=re.compile(r"\+RXDTMF: ([0-9*#A-D])"),
    full_line=re.compile(r"\+SMS FULL"),
    vendor="1e0e",
    product="9001",
    at_interface=2,
    voice_interface=4,
)
DIALECTS = (QUECTEL_EC25, SIMCOM_SIM7600)


def dialect_of(identity: str) -> Dialect | None:
    """Whose words these are, by the lines that ATI answers; None for another maker's."""
    said = identity.lower()
    return next((one for one in DIALECTS if one.says in said), None)


def digit_of(told: str) -> str | None:
    """A key, of its letter or of its code; None for what no telephone has."""
    letter = told if len(told) == 1 else chr(int(told))
    return letter if letter in "0123456789*#ABCD" else None
