"""A simulated modem, as its maker's AT manual and 3GPP TS 27.005 and 27.007 have it: bytes and the
time in, bytes out. It shares with the driver only the codec of PDUs, which is held against others'.

It misbehaves on demand: `faults` is asked at each command line what befalls this one. What it has
answered leaves in order and not before its time, so a late answer comes after the next question.

Not simulated: data connections, more than one SIM, and a network that loses texts.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator
from enum import Enum, auto

from hw.modem.address import PduError
from hw.modem.pdu import decode_submit, tpdu_octets
from hw.modem.simulated_network import ACTIVE, ALERTING, DIALLING, INCOMING, WAITING, Network

ANSWER_S = 0.01
LATE_S = 70.0  # later than any limit of the driver's
BOOT_S = 8.0
RING_S = 5.0
RUBBISH = b"\x00\xff\x81%#$&junk\r\n"


class Fault(Enum):
    """What befalls a command line."""

    NONE = auto()
    REFUSED = auto()  # ERROR, and not carried out
    DEAF = auto()  # neither carried out nor answered
    MUTE = auto()  # carried out, not answered
    HALF = auto()  # carried out, and half of the answer comes
    LATE = auto()  # carried out, and answered when nobody waits any more
    RUBBISH = auto()  # before the answer
    NEWS = auto()  # a RING in the midst of the answer
    REBOOT = auto()  # not carried out; it begins anew
    DONE_REBOOT = auto()  # carried out; then it begins anew


class Maker(Enum):
    """Whose modem it is."""

    QUECTEL = "Quectel\r\nEC25\r\nRevision: EC25EFAR06A01M4G"
    SIMCOM = "Manufacturer: SIMCOM INCORPORATED\r\nModel: SIMCOM_SIM7600E-H\r\n+GCAP: +CGSM"


Answer = tuple[list[str], str]  # its lines, and its last

OK: Answer = ([], "OK")
ERROR: Answer = ([], "ERROR")


def no_faults(_line: str) -> Fault:
    """It behaves."""
    return Fault.NONE


class SimulatedModem:
    """The AT face of one; `network` is what lies behind it."""

    def __init__(
        self,
        maker: Maker = Maker.QUECTEL,
        network: Network | None = None,
        faults: Callable[[str], Fault] = no_faults,
    ) -> None:
        self.maker = maker
        self.network = network or Network()
        self.faults = faults
        self.has_voice = False
        self.commands: list[str] = []  # that it was given, without the texts
        self._out: deque[tuple[float, bytes]] = deque()
        self._line = bytearray()
        self._rings_at: float | None = None
        self._boots_until: float | None = None
        self._forget()

    def _forget(self) -> None:
        """What does not outlive a restart."""
        self._echo = True
        self._clip = False
        self._cmgf = 1
        self._stores_reports = False
        self._tells = False
        self._tells_digits = False
        self._tells_full = False
        self._memory = "ME"
        self._message_octets: int | None = None
        self._is_unlocked = False

    # ---- bytes ----

    def receive(self, data: bytes, now: float) -> bytes:
        """What the port gave it."""
        if self._boots_until is not None:
            return self.expire(now)
        for byte in data:
            self._take(byte, now)
            if self._boots_until is not None:
                break
        return self.expire(now)

    def expire(self, now: float) -> bytes:
        """What leaves it by now."""
        if self._boots_until is not None:
            if now < self._boots_until:
                return b""
            self._boots_until = None
            self._say("RDY", now)
            if self.network.has_sim:
                self._say("+CPIN: READY" if self._is_open() else "+CPIN: SIM PIN", now)
        self._bring_texts(now)
        self._ring(now)
        left = b""
        while self._out and self._out[0][0] <= now:
            left += self._out.popleft()[1]
        return left

    def next_deadline(self) -> float | None:
        """When it has something to say."""
        if self._boots_until is not None:
            return self._boots_until
        dues = [self._out[0][0]] if self._out else []
        dues += [self._rings_at] if self._rings_at is not None else []
        return min(dues, default=None)

    def reboot(self, now: float) -> None:
        """It begins anew; what was said and not heard is gone."""
        self._forget()
        self._out.clear()
        self._line.clear()
        self.has_voice = False
        self.network.end_all()
        self._rings_at = None
        self._boots_until = now + BOOT_S

    def _take(self, byte: int, now: float) -> None:
        if self._message_octets is not None:
            self._take_message(byte, now)
        elif byte == 0x0D:
            line = self._line.decode("ascii", "replace")
            self._line.clear()
            self._command(line, now)
        elif byte not in (0x0A, 0x1B, 0x1A):
            self._line.append(byte)

    def _take_message(self, byte: int, now: float) -> None:
        if byte == 0x1B:
            self._message_octets = None
            self._line.clear()
            self._answer(OK, Fault.NONE, now)
        elif byte == 0x1A:
            octets, self._message_octets = self._message_octets, None
            text = self._line.decode("ascii", "replace")
            self._line.clear()
            self._carry_out("message", lambda: self._submit(text, octets or 0, now), now)
        else:
            self._line.append(byte)

    def _command(self, line: str, now: float) -> None:
        """V.250, 5.2.1: a line begins at its AT, whatever stands before."""
        at = line.upper().find("AT")
        if at < 0:
            return
        if self._echo:
            self._queue(line.encode("ascii", "replace") + b"\r", now)
        text = line[at:]
        self.commands.append(text)
        self._carry_out(text, lambda: self._do(text, now), now)

    def _carry_out(self, text: str, do: Callable[[], Answer | None], now: float) -> None:
        fault = self.faults(text)
        match fault:
            case Fault.DEAF:
                return
            case Fault.REFUSED:
                self._answer(ERROR, fault, now)
            case Fault.REBOOT:
                self.reboot(now)
            case _:
                answer = do()
                if fault is Fault.DONE_REBOOT:
                    self.reboot(now)
                elif answer is not None:
                    self._answer(answer, fault, now)

    def _answer(self, answer: Answer, fault: Fault, now: float) -> None:
        lines, last = answer
        raw = b"".join(b"\r\n" + line.encode() + b"\r\n" for line in [*lines, last])
        match fault:
            case Fault.MUTE:
                return
            case Fault.HALF:
                raw = raw[: len(raw) // 2]
            case Fault.RUBBISH:
                raw = RUBBISH + raw
            case Fault.NEWS:
                head, end, tail = raw.partition(b"\r\n")
                raw = head + end + b"RING\r\n" + tail
            case _:
                pass
        self._queue(raw, now + (LATE_S if fault is Fault.LATE else 0.0))

    def _queue(self, raw: bytes, now: float) -> None:
        last = self._out[-1][0] if self._out else 0.0
        self._out.append((max(last, now + ANSWER_S), raw))

    def _say(self, line: str, now: float) -> None:
        self._queue(b"\r\n" + line.encode() + b"\r\n", now)

    # ---- commands ----

    def _do(self, text: str, now: float) -> Answer | None:
        """None where a prompt was shown in place of an answer."""
        body = text[2:]
        if body.startswith("+CMGS="):
            return self._begin_message(body, now)
        if body.startswith("D"):
            return self._dial(body, now)
        if answer := self._set(body):
            return answer
        if answer := self._ask(body):
            return answer
        return self._act(body, now) or ERROR

    def _set(self, body: str) -> Answer | None:
        name, _, value = body.partition("=")
        match name, value:
            case ("", "") | ("+CMEE" | "+CRC" | "+CREG" | "+CEREG" | "+CSMS" | "+CPCMFRM", _):
                return OK if "?" not in body else None
            case ("E0", ""):
                self._echo = False
            case ("+CMGF", _):
                self._cmgf = int(value)
            case ("+CLIP", _):
                self._clip = value == "1"
            case ("+CNMI", _):
                modes = value.split(",")
                self._tells, self._stores_reports = modes[1] == "1", modes[3] == "2"
            case ("+QINDCFG", _) if self.maker is Maker.QUECTEL:
                self._tells_full = True
            case ("+QTONEDET", _) if self.maker is Maker.QUECTEL:
                self._tells_digits = value == "1"
            case ("+DDET", _) if self.maker is Maker.SIMCOM:
                self._tells_digits = value == "1"
            case ("+QPCMV", _) if self.maker is Maker.QUECTEL:
                self.has_voice = value == "1,0"
            case ("+CPCMREG", _) if self.maker is Maker.SIMCOM:
                if value == "1" and not any(call.state == ACTIVE for call in self.network.calls):
                    return ERROR  # its manual: only while a call stands
                self.has_voice = value == "1"
            case _:
                return None
        return OK

    def _ask(self, body: str) -> Answer | None:
        network = self.network
        registered = 1 if network.is_registered else 2
        match body:
            case "I":
                return [*self.maker.value.split("\r\n")], "OK"
            case "+CFUN?":
                return ["+CFUN: 1"], "OK"
            case "+CSQ":
                return [f"+CSQ: {network.rssi},99"], "OK"
            case "+CREG?":
                return [f"+CREG: 0,{registered}"], "OK"
            case "+CEREG?":
                return [f"+CEREG: 0,{registered}"], "OK"
            case '+QPINC="SC"' if self.maker is Maker.QUECTEL:
                return [f'+QPINC: "SC",{network.pin_tries},10'], "OK"
            case "+SPIC" if self.maker is Maker.SIMCOM:
                return [f"+SPIC: {network.pin_tries},10,3,10"], "OK"
            case "+CPIN?":
                return self._sim()
            case "+CLCC":
                return list(self._clcc()), "OK"
            case _:
                return None

    def _act(self, body: str, now: float) -> Answer | None:
        if body.startswith('+CPIN="'):
            return self._unlock(body[7:-1])
        if body.startswith("+VTS="):
            return self._press(body)
        if not self._is_open():
            return [], "+CME ERROR: 11" if self.network.has_sim else "+CME ERROR: 10"
        if body.startswith('+CPMS="'):
            return self._choose(body[7:9])
        if body == "+CMGL=4":
            return list(self._cmgl()), "OK"
        if found := re.fullmatch(r"\+CMGD=(\d+)", body):
            gone = self.network.memories[self._memory].pop(int(found[1]), None)
            return OK if gone else ([], "+CMS ERROR: 321")
        return self._act_on_calls(body, now)

    def _act_on_calls(self, body: str, now: float) -> Answer | None:
        calls = self.network.calls
        match body:
            case "A":
                for call in calls:
                    if call.state == INCOMING:
                        call.state = ACTIVE
                        self._rings_at = None
                        if self.maker is Maker.SIMCOM:
                            self._say("VOICE CALL: BEGIN", now)
                        return OK
                return [], "NO CARRIER"
            case "+CHUP":
                calls[:] = [call for call in calls if call.state == WAITING]
                self._rings_at = None
                return OK
            case "+CHLD=0":
                calls[:] = [call for call in calls if call.state != WAITING]
                return OK
            case _:
                return None

    # ---- SIM ----

    def _is_open(self) -> bool:
        return self.network.has_sim and (self.network.pin is None or self._is_unlocked)

    def _sim(self) -> Answer:
        if not self.network.has_sim:
            return [], "+CME ERROR: 10"
        if self._is_open():
            return ["+CPIN: READY"], "OK"
        return ["+CPIN: SIM PIN" if self.network.pin_tries else "+CPIN: SIM PUK"], "OK"

    def _unlock(self, pin: str) -> Answer:
        network = self.network
        if not network.pin_tries:
            return [], "+CME ERROR: 12"
        if pin != network.pin:
            network.pin_tries -= 1
            return [], "+CME ERROR: 16"
        network.pin_tries, self._is_unlocked = 3, True
        return OK

    # ---- texts ----

    def _choose(self, memory: str) -> Answer:
        if memory not in self.network.memories:
            return [], "+CMS ERROR: 302"
        self._memory = memory
        used = len(self.network.memories[memory])
        return [f"+CPMS: {used},{self.network.room}" + f",{used},{self.network.room}" * 2], "OK"

    def _cmgl(self) -> Iterator[str]:
        for index, stored in sorted(self.network.memories[self._memory].items()):
            yield f"+CMGL: {index},1,,{stored.octets}"
            yield stored.pdu.hex().upper()

    def _begin_message(self, body: str, now: float) -> Answer | None:
        octets = body[6:]
        if not self._is_open() or self._cmgf != 0 or not octets.isdigit():
            return [], "+CMS ERROR: 305"
        if not self.network.is_registered:
            return [], "+CMS ERROR: 331"
        self._message_octets = int(octets)
        self._queue(b"\r\n> ", now)
        return None

    def _submit(self, text: str, octets: int, now: float) -> Answer:
        try:
            raw = bytes.fromhex(text)
            if tpdu_octets(raw) != octets:
                return [], "+CMS ERROR: 304"
            reference = self.network.take(decode_submit(raw), now)
        except PduError:
            return [], "+CMS ERROR: 304"
        except ValueError:
            return [], "+CMS ERROR: 304"
        return [f"+CMGS: {reference}"], "OK"

    def _bring_texts(self, now: float) -> None:
        if not self._is_open():
            return
        while isinstance(place := self.network.bring(), tuple):
            memory, index = place
            if memory == "SR" and self._stores_reports:
                self._say(f'+CDSI: "SR",{index}', now)
            elif self._tells:
                self._say(f'+CMTI: "{memory}",{index}', now)
        if place is not None and self._tells_full:
            self._tells_full = False  # once; what is full is seen in the memory's count too
            self._say(f'+QIND: "smsfull","{place}"', now)
        elif place is not None and self.maker is Maker.SIMCOM and not self._told_full:
            self._told_full = True
            self._say("+SMS FULL", now)

    _told_full = False

    # ---- calls ----

    def _clcc(self) -> Iterator[str]:
        yield "+CLCC: 7,0,0,1,0"  # a data connection, which makers list too
        for call in self.network.calls:
            way = 1 if call.is_incoming else 0
            number = call.number or ""
            told = f',"{number}",{145 if number.startswith("+") else 129}' if number else ""
            yield f"+CLCC: {call.index},{way},{call.state},0,0{told}"

    def _dial(self, body: str, now: float) -> Answer:
        found = re.fullmatch(r"D(\+?[0-9*#]+);", body)
        if found is None or not self.network.is_registered:
            return [], "NO CARRIER"
        return OK if self.network.dial(found[1]) else ERROR

    def _press(self, body: str) -> Answer:
        form = r'\+VTS="([0-9*#A-D])"' if self.maker is Maker.QUECTEL else r"\+VTS=([0-9*#A-D])"
        found = re.fullmatch(form, body)
        if found is None or not any(call.state == ACTIVE for call in self.network.calls):
            return ERROR
        self.network.digits_heard += found[1]
        return OK

    def _ring(self, now: float) -> None:
        ringing = next((call for call in self.network.calls if call.state == INCOMING), None)
        if ringing is None:
            self._rings_at = None
        elif self._rings_at is None or now >= self._rings_at:
            self._say("RING", now)
            if self._clip:
                shown = f'"{ringing.number}",145' if ringing.number else '"",128'
                self._say(f"+CLIP: {shown},,,,0", now)
            self._rings_at = now + RING_S

    # ---- the far telephone ----

    def far_rings(self) -> None:
        """The telephone we dialled rings."""
        self._from_to(DIALLING, ALERTING)

    def far_answers(self, now: float) -> None:
        """It is picked up."""
        if self._from_to(ALERTING, ACTIVE) and self.maker is Maker.SIMCOM:
            self._say("VOICE CALL: BEGIN", now)

    def far_presses(self, digit: str, now: float) -> None:
        """A key at the far telephone."""
        if self._tells_digits:
            quectel = self.maker is Maker.QUECTEL
            self._say(f"+QTONEDET: {ord(digit)}" if quectel else f"+RXDTMF: {digit}", now)

    def far_hangs_up(self, now: float, words: str = "NO CARRIER") -> None:
        """It ends the call, or is BUSY, or does not answer."""
        self.network.end_all()
        self.has_voice = self.has_voice and self.maker is Maker.QUECTEL
        if self.maker is Maker.SIMCOM:
            self._say("VOICE CALL: END: 000017", now)
        self._say(words, now)

    def _from_to(self, before: int, after: int) -> bool:
        for call in self.network.calls:
            if call.state == before:
                call.state = after
                return True
        return False
