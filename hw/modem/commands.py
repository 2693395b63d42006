"""What a modem can be told, each with its values looked at: nothing that is typed or comes from a
caller can become an AT command of its own.
"""

import re
from dataclasses import dataclass, field

DIALLED = re.compile(r"\+?[0-9*#]{1,20}")
PRESSED = re.compile(r"[0-9*#A-D]{1,32}")
PIN = re.compile(r"[0-9]{4,8}")  # 3GPP TS 31.102: four to eight digits


@dataclass(frozen=True, slots=True)
class Slot:
    """Where the modem keeps one message: memory, place, and a digest of what stood there when it
    was told, so that what came after it is never taken for it."""

    memory: str
    index: int
    digest: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Call a number; `call` is the asker's name for it, and comes back in each event of it."""

    call: str
    number: str = field(repr=False)

    def __post_init__(self) -> None:
        if not DIALLED.fullmatch(self.number):
            raise ValueError("a number to dial is up to 20 digits, with + before its country")


@dataclass(frozen=True, slots=True)
class Answer:
    """Take the call that rings, by the name its event gave it."""

    call: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End this call, whatever it does; one that is over already is no error."""

    call: str


@dataclass(frozen=True, slots=True)
class SendDigits:
    """DTMF into a call that stands."""

    call: str
    digits: str = field(repr=False)

    def __post_init__(self) -> None:
        if not PRESSED.fullmatch(self.digits):
            raise ValueError("digits to send are 1 to 32 of 0-9, *, #, A-D")


@dataclass(frozen=True, slots=True)
class SendSms:
    """Send a text; `sms` is the asker's name for it. It ends in exactly one of `SmsSent`,
    `SmsRefused` and `SmsUnsure`, and after `SmsSent` come reports, one for each part."""

    sms: str
    number: str = field(repr=False)
    text: str = field(repr=False)

    def __post_init__(self) -> None:
        if not DIALLED.fullmatch(self.number):
            raise ValueError("a number to write to is up to 20 digits, with + before its country")
        if not self.text:
            raise ValueError("an empty text is no message")


@dataclass(frozen=True, slots=True)
class Keep:
    """What `SmsCame`, `ReportCame` or `SmsUnreadable` told is kept by the asker; only now is it
    deleted in the modem."""

    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class EnterPin:
    """A PIN that a person has just given: it is tried once, even where one failed before."""

    pin: str = field(repr=False)

    def __post_init__(self) -> None:
        if not PIN.fullmatch(self.pin):
            raise ValueError("a SIM's PIN is four to eight digits")


Command = Dial | Answer | HangUp | SendDigits | SendSms | Keep | EnterPin
