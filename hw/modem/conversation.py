"""The conversation with one modem: bytes, commands and the time come in; bytes, events and `Reopen`
come out. It knows no port and no clock.

    CLOSED --opened--> SYNCING --AT+CFUN? answered, then quiet--> SETTING_UP --SIM ready--> READY
                          ^  |                                       |
                          |  5 tries unanswered: Reopen              +--no SIM, or locked--> HELD
                          +--an answer is late, the modem began anew, or it echoes-- all others

One command is under way at a time. An answer that is late is not waited for: it would be taken for
the next one's. So we begin anew with a question that is asked nowhere else, and take nothing for an
answer before its own has come and the line is quiet. What was asked for and not answered is decided
once, in `_gave_up`: asked again where that does no harm, told as unsure where it might.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import assert_never

from hw.modem import events
from hw.modem.address import PduError
from hw.modem.answers import (
    BEGAN_ANEW,
    CLIP,
    DIRECT,
    HEX,
    REFERENCE,
    REGISTRATION,
    SIGNAL,
    STORED,
    USED,
    is_news,
    listed_of,
    stand_of,
)
from hw.modem.calls import WAITING, Calls, Stage, rows_of
from hw.modem.commands import (
    Answer,
    Command,
    Dial,
    EnterPin,
    HangUp,
    Keep,
    SendDigits,
    SendSms,
    Slot,
)
from hw.modem.dialects import QUECTEL_EC25, Dialect, dialect_of, digit_of
from hw.modem.events import REGISTERED, CallEnded, Connected, Ending, Event, Stand
from hw.modem.inbox import Inbox, came
from hw.modem.lines import Line, Lines, Prompt
from hw.modem.outbox import Outbox
from hw.modem.pdu import decode
from hw.modem.setup import (
    MEMORIES,
    REPORTS,
    Pin,
    Sim,
    ask_sim,
    choose_storage,
    first_jobs,
    settings,
    sim_of,
    tries_of,
)
from hw.modem.work import (
    CALL_RESULTS,
    CALL_S,
    LIST_S,
    PROMPT_S,
    SEND_S,
    SIM_S,
    About,
    Desk,
    Job,
    Rank,
    Result,
    UnderWay,
    Verdict,
    result_of,
)

SYNC_S = 2.0
SYNC_TRIES = 5
QUIET_S = 0.2  # no modem pauses so long between an answer and the late one before it
LOOK_S = 10.0  # signal, registration, and whether a call is there that nobody told us of
LOOK_AT_CALL_S = 0.5  # while one rings or is dialled
LOOK_AT_TALK_S = 1.0
SWEEP_S = 30.0
SIM_AGAIN_S = 5.0

ESCAPE = b"\x1b"  # TS 27.005, 3.5.1: ends a message that is not sent
SEND = b"\x1a"

# Of a call, and gone with it.
WISHES = (About.DIAL, About.ANSWER, About.VOICE_ON, About.DIGIT)


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes for the port."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Reopen:
    """Nobody answers: close the port and open it again."""


Output = Write | Reopen | Event


class Phase(Enum):
    """See the picture above."""

    CLOSED = auto()
    SYNCING = auto()
    SETTING_UP = auto()
    HELD = auto()
    READY = auto()


class Conversation:
    """One modem's. Each call returns what is to be done, in order."""

    def __init__(self, pin: str | None = None, prefix: str = "in-") -> None:
        self.phase = Phase.CLOSED
        self.dialect: Dialect | None = None
        self._lines = Lines()
        self._desk = Desk()
        self._inbox = Inbox()
        self._outbox = Outbox()
        self._calls = Calls(prefix)
        self._pin = Pin(pin)
        self._out: list[Output] = []
        self._timers: dict[str, float] = {}
        self._stand = Stand.ABSENT
        self._sim = Sim.UNKNOWN
        self._registration = {"+CREG": 0, "+CEREG": 0}
        self._dbm: int | None = None
        self._memory = ""  # that reading and deleting is of now
        self._memories = [*MEMORIES, REPORTS]
        self._full: set[str] = set()
        self._sync_tries = 0
        self._has_synced = False
        self._direct_octets: int | None = None  # a PDU follows that is stored nowhere

    # ---- what comes in ----

    def opened(self, now: float) -> list[Output]:
        """The port is there."""
        self._lines.forget()
        self._begin_anew(now)
        return self._told(now)

    def lost(self, now: float) -> list[Output]:
        """The port is gone, with whatever was under way."""
        if self.phase is Phase.CLOSED:
            return []
        self._gave_up(now)
        self._out += self._calls.lost()
        self._keep_only_wishes()
        self.phase = Phase.CLOSED
        self._timers.clear()
        return self._told(now)

    def receive(self, data: bytes, now: float) -> list[Output]:
        """Bytes of the modem, cut anywhere."""
        if self.phase is not Phase.CLOSED:
            for one in self._lines.feed(data):
                self._take(one, now)
        return self._told(now)

    def order(self, command: Command, now: float) -> list[Output]:
        """A wish of the asker's. ValueError for a text that is too long to send."""
        match command:
            case Dial():
                self._dial(command, now)
            case Answer(call):
                if self._calls.is_on(call):
                    self._ask(Job("ATA", About.ANSWER, Rank.CALL, limit_s=CALL_S, call=call))
            case HangUp(call):
                if self._calls.hang_up(call):
                    self._hang_up(now)
            case SendDigits(call, digits):
                self._press(call, digits)
            case SendSms():
                self._out += self._outbox.add(command, now)
            case Keep(slots):
                self._inbox.keep(slots)
            case EnterPin(pin):
                self._pin.type_in(pin)
                self._timers["sim"] = now
            case _:
                assert_never(command)
        return self._told(now)

    def expire(self, now: float) -> list[Output]:
        """A deadline may have passed."""
        under_way = self._desk.now
        if under_way is not None and now >= under_way.deadline:
            self._late(now)
        for name, due in sorted(self._timers.items()):
            if now >= due and name in self._timers:
                del self._timers[name]
                self._rang(name, now)
        if not self._desk.has(About.SEND):
            self._out += self._outbox.waited_too_long(now)
        return self._told(now)

    def next_deadline(self) -> float | None:
        """When `expire` is due."""
        dues = list(self._timers.values())
        if self._desk.now is not None:
            dues.append(self._desk.now.deadline)
        waiting = self._outbox.deadline()
        if waiting is not None and not self._desk.has(About.SEND):
            dues.append(waiting)
        return min(dues, default=None)

    # ---- lines ----

    def _take(self, one: Line | Prompt, now: float) -> None:
        if self.phase is Phase.SYNCING:
            self._take_while_syncing(one, now)
            return
        if isinstance(one, Prompt):
            self._give_message(now)
            return
        under_way = self._desk.now
        if under_way is not None and self._is_answer(one.text, under_way, now):
            return
        self._take_news(one.text, now)

    def _take_while_syncing(self, one: Line | Prompt, now: float) -> None:
        """Nothing is an answer but the answer to our question, and only before a quiet line."""
        if isinstance(one, Prompt):
            return
        if one.text.startswith("+CFUN:"):
            self._has_synced = True
        if "quiet" in self._timers or (self._has_synced and result_of(one.text)):
            self._timers["quiet"] = now + QUIET_S
            self._desk.now = None

    def _give_message(self, now: float) -> None:
        """The modem waits for one: the one under way, or none of ours."""
        under_way = self._desk.now
        if under_way is None or under_way.job.about is not About.SEND or under_way.payload_given:
            return
        under_way.payload_given = True
        under_way.deadline = now + SEND_S
        self._out.append(Write(under_way.job.payload))

    def _is_answer(self, line: str, under_way: UnderWay, now: float) -> bool:
        """Whether the line belongs to what is under way."""
        job = under_way.job
        if line == job.text:
            under_way.echoed = job.text != "ATE0"
            return True
        result = result_of(line)
        if result is not None and _ends(result, job):
            self._desk.now = None
            self._finished(under_way, result, now)
            if under_way.echoed:  # it forgot what it was told, so all is told again
                self._begin_anew(now)
            return True
        if job.expects == "*" and not is_news(line):
            under_way.lines.append(line)
            return False
        is_ours = bool(job.expects) and line.startswith(job.expects)
        is_pdu = job.about is About.LIST and HEX.fullmatch(line) and self._direct_octets is None
        if is_ours or is_pdu:
            under_way.lines.append(line)
            return True
        return False

    def _take_news(self, line: str, now: float) -> None:
        """A line that nobody asked for; an unknown one is nothing."""
        if self._direct_octets is not None and HEX.fullmatch(line):
            self._came_directly(line, self._direct_octets)
            self._direct_octets = None
            return
        if found := DIRECT.fullmatch(line):
            self._direct_octets = int(found[1])
        elif found := CLIP.fullmatch(line):
            self._out += self._calls.caller(found[1] or None, now)
            self._look_at_calls()
        elif line in CALL_RESULTS:
            self._calls.hinted(line)
            self._look_at_calls()
        elif line.startswith(("RING", "+CRING", "VOICE CALL", '+QIND: "ccinfo"')):
            self._look_at_calls()
        elif found := STORED.fullmatch(line):
            self._came_into(found[1], now)
        elif line in BEGAN_ANEW:
            self._began_anew(now)
        elif line.startswith("+CPIN:"):
            self._timers["sim"] = now
        else:
            self._take_makers_news(line, now)

    def _take_makers_news(self, line: str, now: float) -> None:
        if self.dialect is None:
            return
        if found := self.dialect.digit_line.fullmatch(line):
            digit, call = digit_of(found[1]), self._calls.name
            if digit and call and self._calls.stage is Stage.ACTIVE:
                self._out.append(events.DigitHeard(call, digit))
        elif found := self.dialect.full_line.fullmatch(line):
            memory = found[1] if found.re.groups else MEMORIES[0]
            self._fill(memory)
            self._timers["sweep"] = now

    # ---- answers ----

    def _finished(self, under_way: UnderWay, result: Result, now: float) -> None:
        """What an answer means; each kind of job stands here once."""
        job, lines, ok = under_way.job, under_way.lines, result.verdict is Verdict.OK
        match job.about:
            case About.SYNC:
                pass  # `_take_while_syncing` has its answer
            case About.SETTING:
                if job.is_needed and not ok:
                    self._begin_anew(now)
            case About.IDENTITY:
                self.dialect = dialect_of(" ".join(lines)) or self.dialect
            case About.SIM:
                self._sim_stands(sim_of(lines, None if ok else result.code or 0), now)
            case About.TRIES:
                self._try_pin(tries_of(self.dialect, lines), now)
            case About.PIN:
                self._pin_tried(ok=ok, code=result.code, now=now)
            case About.MEMORY:
                self._memory_chosen(job, lines, ok=ok, now=now)
            case About.LIST:
                if ok:
                    self._swept(job.memory, lines, now)
            case About.DELETE:
                if ok and job.slot:
                    self._inbox.deleted(job.slot)
                    self._full.discard(job.slot.memory)
            case About.SEND:
                self._sent(under_way, result, now)
            case About.CALLS:
                if ok:
                    self._calls_listed(lines, now)
            case About.DIAL:
                self._dialled(result, now)
            case About.ANSWER | About.HANG_UP | About.TURN_AWAY | About.DIGIT:
                self._look_at_calls()
            case About.VOICE_ON:
                self._voice_begun(job.call, ok=ok)
            case About.VOICE_OFF:
                pass  # there is no call whose voice it could be
            case About.SIGNAL:
                self._signal_told(lines)
            case About.REGISTRATION:
                self._registration_told(job.expects.rstrip(":"), lines)
            case _:
                assert_never(job.about)

    def _late(self, now: float) -> None:
        """No answer by the deadline."""
        if self.phase is Phase.SYNCING:
            self._sync(now)
        else:
            self._begin_anew(now)

    def _gave_up(self, now: float) -> None:
        """Of what is under way no answer is to be had any more. What only looks is looked at
        again, a text that was given is unsure, one that was not waits on, and what was kept stays
        kept until a sweep shows it gone. Wishes of a call stay while the call does."""
        under_way, self._desk.now = self._desk.now, None
        if under_way is None:
            return
        job = under_way.job
        if job.about is About.SEND:
            given = under_way.payload_given
            self._out += self._outbox.unsure() if given else self._outbox.not_given()
        elif job.about in (About.ANSWER, About.VOICE_ON):
            self._desk.put_back(job)
        elif job.about is About.DIAL:
            self._calls.dialled(now)  # the list will show whether there is a call

    # ---- beginning ----

    def _begin_anew(self, now: float) -> None:
        """Ask the question that nothing else asks, then the whole set-up."""
        self._gave_up(now)
        self._keep_only_wishes()
        self.phase = Phase.SYNCING
        self._timers.clear()
        self._sync_tries = 0
        self._has_synced = False
        self._direct_octets = None
        self._sync(now)

    def _began_anew(self, now: float) -> None:
        """The modem did: its calls are gone."""
        if self.phase is not Phase.SYNCING:
            self._begin_anew(now)
            self._out += self._calls.lost()

    def _keep_only_wishes(self) -> None:
        """What we ask of ourselves is asked anew after the set-up."""
        self._desk.drop(*(about for about in About if about not in WISHES))

    def _sync(self, now: float) -> None:
        if self._sync_tries >= SYNC_TRIES:
            self._desk.now = None
            self._out.append(Reopen())
            self._sync_tries = 0
            self._timers["sync"] = now + SYNC_S  # where the port cannot be opened anew
            return
        self._sync_tries += 1
        job = Job("AT+CFUN?", About.SYNC, Rank.SET_UP)
        self._desk.now = UnderWay(job, now + SYNC_S)
        self._out.append(Write(ESCAPE + job.text.encode() + b"\r"))

    def _synced(self) -> None:
        """The line is quiet: what comes now answers what we ask now."""
        self.phase = Phase.SETTING_UP
        self._sim = Sim.UNKNOWN
        self._memory = ""
        for job in reversed(first_jobs()):
            self._desk.put_back(job)

    def _sim_stands(self, sim: Sim, now: float) -> None:
        was_ready, self._sim = self._sim is Sim.READY, sim
        if sim is Sim.READY:
            if not was_ready or self.phase is not Phase.READY:
                self.phase = Phase.SETTING_UP
                for job in [*settings(self.dialect), choose_storage(MEMORIES[0])]:
                    self._desk.add(job)
            return
        self.phase = Phase.HELD
        self._timers["sim"] = now + SIM_AGAIN_S
        if sim is Sim.PIN and self._pin.given is not None and not self._pin.is_wrong:
            self._ask_tries(now)

    def _ask_tries(self, now: float) -> None:
        if self.dialect is None:
            self._try_pin(None, now)
        else:
            word = self.dialect.tries.removeprefix("AT").partition("=")[0]
            self._ask(Job(self.dialect.tries, About.TRIES, Rank.SET_UP, expects=f"{word}:"))

    def _try_pin(self, tries_left: int | None, now: float) -> None:
        if self._pin.may_try(tries_left):
            self._desk.put_back(self._pin.try_it())
            self._timers["sim"] = now + SIM_AGAIN_S + SIM_S

    def _pin_tried(self, *, ok: bool, code: int | None, now: float) -> None:
        # TS 27.007, 9.2: 16 is a wrong password, 12 a PUK that is asked for now; another error is
        # none of the PIN's, but a second try would be one of three.
        self._pin.is_wrong = not ok and code in (12, 16)
        self._timers["sim"] = now + (0.5 if ok else SIM_AGAIN_S)

    def _memory_chosen(self, job: Job, lines: list[str], *, ok: bool, now: float) -> None:
        if ok:
            self._memory = job.memory
            self._count_room(job.memory, lines)
        if job.rank is not Rank.SET_UP:
            if not ok:
                self._desk.drop_memory(job.memory)
        elif ok or job.memory == MEMORIES[-1]:  # a call needs no memory
            self._ready(now)
        else:
            self._desk.add(choose_storage(MEMORIES[MEMORIES.index(job.memory) + 1]))

    def _ready(self, now: float) -> None:
        self.phase = Phase.READY
        self._timers |= {"look": now, "sweep": now}
        self._look_at_calls()

    # ---- calls ----

    def _dial(self, wish: Dial, now: float) -> None:
        if self._calls.name is not None or self.phase not in (Phase.READY, Phase.HELD):
            ending = Ending.REFUSED if self._calls.name else Ending.LOST
            self._out.append(CallEnded(wish.call, ending))
            return
        self._calls.dials(wish.call, now)
        text = f"ATD{wish.number};"  # V.250: the semicolon makes it a voice call
        self._ask(Job(text, About.DIAL, Rank.CALL, limit_s=CALL_S, call=wish.call))

    def _dialled(self, result: Result, now: float) -> None:
        if result.verdict is Verdict.OK:
            self._calls.dialled(now)
        else:
            self._out += self._calls.refused(result.words)
        self._look_at_calls()

    def _hang_up(self, now: float) -> None:
        if self._calls.must_hang_up(now):
            self._desk.drop(About.DIAL, About.ANSWER, About.DIGIT, About.VOICE_ON)
            self._ask(Job("AT+CHUP", About.HANG_UP, Rank.CALL, limit_s=CALL_S))

    def _press(self, call: str, digits: str) -> None:
        if not self._calls.is_on(call):
            return
        form = (self.dialect or QUECTEL_EC25).press
        for digit in digits:
            self._ask(Job(form.format(digit), About.DIGIT, Rank.DIGIT, call=call))

    def _look_at_calls(self) -> None:
        if self.phase in (Phase.READY, Phase.HELD):
            self._desk.add_once(Job("AT+CLCC", About.CALLS, Rank.LOOK_AT_CALLS, expects="+CLCC:"))

    def _calls_listed(self, lines: list[str], now: float) -> None:
        rows = rows_of(lines)
        had = self._calls.name
        self._out += self._calls.listed(rows, now)
        if had is not None and not self._calls.is_on(had):
            self._desk.drop(About.ANSWER, About.VOICE_ON, About.DIGIT)
            self._switch_voice(on=False, call=had)
        if any(row.state == WAITING for row in rows):
            # TS 22.030, 6.5.5.1: the waiting one hears that we are busy.
            self._desk.add_once(Job("AT+CHLD=0", About.TURN_AWAY, Rank.CALL))
        if self._calls.wants_voice() and self._calls.name:
            self._calls.voice_begun()
            self._switch_voice(on=True, call=self._calls.name)
        self._hang_up(now)
        if self._calls.is_left_over(rows):
            self._desk.add_once(Job("AT+CHUP", About.HANG_UP, Rank.CALL, limit_s=CALL_S))
            self._timers["calls"] = now + LOOK_AT_CALL_S
        if self._calls.stage is not None:
            talks = self._calls.stage is Stage.ACTIVE
            self._timers["calls"] = now + (LOOK_AT_TALK_S if talks else LOOK_AT_CALL_S)

    def _switch_voice(self, *, on: bool, call: str) -> None:
        dialect = self.dialect
        if dialect is None:
            if on:
                self._voice_begun(call, ok=False)
            return
        if on:
            self._ask(Job(dialect.voice_on, About.VOICE_ON, Rank.VOICE, call=call))
        else:
            self._ask(Job(dialect.voice_off, About.VOICE_OFF, Rank.VOICE, call=call))

    def _voice_begun(self, call: str, *, ok: bool) -> None:
        if self._calls.is_on(call):
            self._out.append(Connected(call))
            if not ok:
                self._out.append(events.VoiceRefused(call))

    # ---- texts ----

    def _came_into(self, memory: str, now: float) -> None:
        if memory not in self._memories:
            self._memories.append(memory)
        self._timers["sweep"] = now

    def _came_directly(self, pdu: str, octets: int) -> None:
        """Stored nowhere, as a modem does that lost its settings: told at once, once."""
        try:
            message = decode(bytes.fromhex(pdu))
        except PduError:
            self._out.append(events.SmsUnreadable((), pdu))
            return
        del octets  # a wrong length could only be told as unreadable, and it reads well
        self._out.append(came(message, (), self._outbox.whose))

    def _sweep(self) -> None:
        for memory in self._memories:
            job = Job(
                "AT+CMGL=4", About.LIST, Rank.LIST, expects="+CMGL:", limit_s=LIST_S, memory=memory
            )
            if not self._waits_for(job):
                self._desk.add(job)

    def _waits_for(self, job: Job) -> bool:
        """`add_once` for a job of which the memory is a part."""
        return any(one.memory == job.memory for one in self._desk.waiting(job.about))

    def _swept(self, memory: str, lines: list[str], now: float) -> None:
        self._inbox.swept(memory, listed_of(lines), now)

    def _tell_texts(self, now: float) -> None:
        is_full = bool(self._full)
        self._out += self._inbox.untold(now, self._outbox.whose, is_full=is_full)
        for slot in self._inbox.to_delete():
            self._desk.add(_deletion(slot))

    def _count_room(self, memory: str, lines: list[str]) -> None:
        for line in lines:
            if found := USED.fullmatch(line):
                used, room = int(found[1]), int(found[2])
                if room and used >= room:
                    self._fill(memory)
                else:
                    self._full.discard(memory)

    def _fill(self, memory: str) -> None:
        if memory not in self._full:
            self._full.add(memory)
            self._out.append(events.StorageFilled(memory))

    def _send_next(self) -> None:
        """While nobody rings or is called: a text takes seconds that a caller would wait."""
        is_free = self._calls.stage in (None, Stage.ACTIVE) and self._stand in REGISTERED
        if not is_free or self._desk.has(About.SEND):
            return
        pdu = self._outbox.next()
        if pdu is None:
            return
        raw, octets = pdu
        payload = raw.hex().upper().encode() + SEND
        text = f"AT+CMGS={octets}"
        job = Job(text, About.SEND, Rank.SEND, "+CMGS:", PROMPT_S, payload=payload)
        self._ask(job)

    def _sent(self, under_way: UnderWay, result: Result, now: float) -> None:
        if result.verdict is not Verdict.OK:
            self._out += self._outbox.refused(result.code)
            return
        if not under_way.payload_given:  # an OK that cannot be this one's
            self._out += self._outbox.not_given()
            self._begin_anew(now)
            return
        found = next(filter(None, map(REFERENCE.fullmatch, under_way.lines)), None)
        self._out += self._outbox.sent(int(found[1]) % 256 if found else None)

    # ---- looking round ----

    def _rang(self, name: str, now: float) -> None:
        """A timer's time has come."""
        match name:
            case "quiet":
                self._synced()
            case "sync":
                self._begin_anew(now)
            case "sim":
                if self.phase in (Phase.HELD, Phase.READY):
                    self._desk.add_once(ask_sim())
            case "calls":
                self._look_at_calls()
            case "sweep":
                self._timers["sweep"] = now + SWEEP_S
                self._sweep()
            case "look":
                self._timers["look"] = now + LOOK_S
                self._look()
            case other:
                raise ValueError(f"no timer is named {other}")

    def _look(self) -> None:
        self._desk.add_once(Job("AT+CSQ", About.SIGNAL, Rank.LOOK, expects="+CSQ:"))
        for name in self._registration:
            job = Job(f"AT{name}?", About.REGISTRATION, Rank.LOOK, expects=f"{name}:")
            self._desk.add_once(job)
        self._look_at_calls()

    def _signal_told(self, lines: list[str]) -> None:
        for line in lines:
            if found := SIGNAL.fullmatch(line):
                rssi = int(found[1])
                # TS 27.007, 8.5: -113 dBm and 2 dB a step; 99 is unknown.
                dbm = 2 * rssi - 113 if rssi <= 31 else None
                if dbm != self._dbm:
                    self._dbm = dbm
                    self._out.append(events.SignalChanged(dbm))

    def _registration_told(self, name: str, lines: list[str]) -> None:
        for line in lines:
            if found := REGISTRATION.fullmatch(line):
                self._registration[name] = int(found[1])

    def _stands(self) -> Stand:
        match self.phase:
            case Phase.CLOSED:
                return Stand.ABSENT
            case Phase.SYNCING | Phase.SETTING_UP:
                return Stand.WAKING
            case Phase.HELD:
                return self._sim_holds()
            case Phase.READY:
                return stand_of(set(self._registration.values()))
            case _:
                assert_never(self.phase)

    def _sim_holds(self) -> Stand:
        match self._sim:
            case Sim.PIN:
                return Stand.PIN_WRONG if self._pin.is_wrong else Stand.PIN_NEEDED
            case Sim.PUK:
                return Stand.PUK_NEEDED
            case Sim.MISSING:
                return Stand.SIM_MISSING
            case Sim.UNKNOWN | Sim.BUSY | Sim.READY:
                return Stand.WAKING
            case _:
                assert_never(self._sim)

    # ---- what goes out ----

    def _ask(self, job: Job) -> None:
        self._desk.add(job)

    def _told(self, now: float) -> list[Output]:
        """Everything that follows from what came in."""
        if self.phase is Phase.READY:
            self._tell_texts(now)
            self._send_next()
        stand = self._stands()
        if stand is not self._stand:
            self._stand = stand
            self._out.append(events.StandChanged(stand))
            if self.phase is Phase.READY:
                self._send_next()
        self._start_next(now)
        out, self._out = self._out, []
        return out

    def _is_due(self, job: Job) -> bool:
        """Whether it still means what it was asked for: a freed place may hold another text."""
        if job.slot is not None:
            return self._inbox.may_go(job.slot)
        return job.about not in WISHES or self._calls.is_on(job.call)

    def _start_next(self, now: float) -> None:
        if self.phase in (Phase.CLOSED, Phase.SYNCING) or self._desk.now is not None:
            return
        job = self._desk.next(only_set_up=self.phase is Phase.SETTING_UP)
        if job is None:
            return
        if not self._is_due(job):
            self._start_next(now)
            return
        if job.memory and job.about is not About.MEMORY and job.memory != self._memory:
            self._desk.put_back(job)
            job = Job(
                f'AT+CPMS="{job.memory}"', About.MEMORY, job.rank,
                expects="+CPMS:", limit_s=SIM_S, memory=job.memory,
            )  # fmt: skip
        self._desk.now = UnderWay(job, now + job.limit_s)
        self._out.append(Write(job.text.encode() + b"\r"))


def _ends(result: Result, job: Job) -> bool:
    """The end of a call ends only what asks for one; else it is news."""
    return result.verdict is not Verdict.ENDED or job.about in (About.DIAL, About.ANSWER)


def _deletion(slot: Slot) -> Job:
    return Job(
        f"AT+CMGD={slot.index}", About.DELETE, Rank.KEEP,
        limit_s=SIM_S, memory=slot.memory, slot=slot,
    )  # fmt: skip
