"""One modem in the clinic: its calls come into Asterisk as legs like any line's, and Asterisk's go
out by it. There is one call at a time, for a modem has no more.

    the network rings  -> the modem picks up if Asterisk is there, and a leg is asked for
    Asterisk's leg     -> the modem dials; who dialled hears ringing, busy or that it did not go
    a call of the box  -> the modem dials; a leg for the talk comes once somebody has picked up
    an emergency call  -> whatever else the modem does is ended for it, but not another of them

Whatever ends one side ends the other. Sound goes on as it comes, without a clock of ours between.
"""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from firmware.asterisk.modem_dialplan import ANSWERED, Kind, Wanted
from firmware.modem_leg import Leg
from firmware.modem_sound import Keys, Sound
from hw.modem import events
from hw.modem.commands import PRESSED, Answer, Dial, EnterPin, HangUp, SendDigits
from hw.modem.events import CallEnded, Ending, Event, Ringing, Stand
from hw.modem.modem import Modem
from hw.modem.port import PortError
from hw.modem.voice import Voice
from ivr import plan

TICK_S = 0.02
QUIET_S = 0.06  # without a voice for so long, something else is sent
LOOK_AGAIN_S = 0.5
LEG_WITHIN_S = 3.0  # from picking up; a caller is not left in silence
TOLD_S = 4.0  # how long a call that failed is told by its tone
FREED_WITHIN_S = 5.0
# What came of a call of the box's, by causes of Q.850.
CAUSES = {Ending.BUSY: "17", Ending.UNANSWERED: "19"}
NO_CIRCUIT, OUT_OF_ORDER = "34", "38"

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Call:
    """The one there is."""

    name: str  # as the driver has it
    number: str | None = field(default=None, repr=False)  # who calls, where they show it
    is_incoming: bool = False
    leg: Leg | None = None
    is_emergency: bool = False
    came: Callable[[str], object] | None = None  # told what came of it: a call of the box's
    is_connected: bool = False
    sound: Sound = Sound.SILENCE
    voice: Voice | None = None
    keys: Keys = field(default_factory=Keys)
    over: asyncio.Event = field(default_factory=asyncio.Event)


Start = Callable[[Coroutine[Any, Any, None]], object]


class ModemLine:
    """One modem, for as long as `run` runs."""

    def __init__(
        self,
        modem: plan.Modem,
        *,
        pin: str | None,
        is_ready: Callable[[], bool],
        bring: Callable[[str, str | None], Coroutine[Any, Any, None]],
        answered: Callable[[], object],
        start: Start,
        texts: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        """`bring` asks Asterisk, where it `is_ready`, for a leg of this UUID, for a caller of this
        number; `answered` is told when an emergency call is; `texts` gets what the modem tells of
        texts."""
        self.plan = modem
        self.driver = Modem(modem.port, self._hear, pin=pin)
        self._is_ready, self._bring, self._answered = is_ready, bring, answered
        self._start, self._texts, self._pin = start, texts, pin
        self._expected: dict[str, Call] = {}  # by the UUID of the leg that was asked for
        self._call: Call | None = None
        self._dialled = 0
        self.stand = Stand.ABSENT
        self.dbm: int | None = None
        self.voice_fault = ""

    def try_pin(self, pin: str | None) -> None:
        """One that somebody has given since; what was tried is not tried again."""
        if pin and pin != self._pin:
            self._pin = pin
            self.driver.order(EnterPin(pin))

    @property
    def call(self) -> Call | None:
        """The one there is."""
        return self._call

    async def run(self) -> None:
        """Until cancelled."""
        await self.driver.run()

    # ---- what the modem tells ----

    def _hear(self, event: Event) -> None:
        match event:
            case events.StandChanged(stand=stand):
                self.stand = stand
            case events.SignalChanged(dbm=dbm):
                self.dbm = dbm
            case Ringing():
                self._ring(event)
            case CallEnded():
                self._ended(event)
            case events.SmsCame() | events.SmsUnreadable() | events.SmsSent():
                self._texts(event)
            case events.SmsRefused() | events.SmsUnsure() | events.ReportCame():
                self._texts(event)
            case events.StorageFilled():
                self._texts(event)
            case (
                events.Alerting(call=name)
                | events.Connected(call=name)
                | events.VoiceRefused(call=name)
                | events.DigitHeard(call=name)
            ):
                if self._call is not None and self._call.name == name:
                    self._goes_on(self._call, event)

    def _goes_on(self, call: Call, event: Event) -> None:
        match event:
            case events.Alerting():
                call.sound = Sound.RINGING
            case events.Connected():
                call.is_connected, call.sound = True, Sound.SILENCE
                if call.is_emergency:
                    self._answered()
                self._start(self._speak(call))
                if call.is_incoming and call.leg is None:
                    self._start(self._ask_for_leg(call))
                elif call.came is not None:
                    call.came(ANSWERED)
                    self._start(self._expect_talk(call))
            case events.VoiceRefused():
                self.voice_fault = "it gives no voice of its calls"
            case events.DigitHeard(digit=digit) if call.leg is not None:
                call.leg.press(digit)
            case _:
                pass

    def _ring(self, event: Ringing) -> None:
        call = self._call = Call(event.call, event.number, is_incoming=True)
        self._start(self._pick_up(call))

    async def _pick_up(self, call: Call) -> None:
        """Not while nobody would hear them: then the network rings on, and says so in the end."""
        while not self._is_ready():
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await call.over.wait()
                    return
        if not call.over.is_set():
            self.driver.order(Answer(call.name))

    async def _ask_for_leg(self, call: Call) -> None:
        name = str(uuid.uuid4())
        self._expected[name] = call
        await self._bring(name, call.number)
        await asyncio.sleep(LEG_WITHIN_S)
        if self._expected.pop(name, None) is not None and not call.over.is_set():
            log.error("Asterisk did not take a modem's call", modem=self.plan.name)
            self.driver.order(HangUp(call.name))

    def _ended(self, event: CallEnded) -> None:
        call = self._call
        if call is None or call.name != event.call:
            return
        self._call = None
        self._expected = {key: one for key, one in self._expected.items() if one is not call}
        call.over.set()
        if call.came is not None and not call.is_connected:
            call.came(CAUSES.get(event.ending, OUT_OF_ORDER))
        if call.leg is None:
            return
        if call.is_connected or call.is_emergency:
            call.leg.end()
        else:
            call.sound = Sound.BUSY if event.ending is Ending.BUSY else Sound.REORDER
            self._start(self._told(call.leg))

    async def _told(self, leg: Leg) -> None:
        await asyncio.sleep(TOLD_S)
        leg.end()

    async def _expect_talk(self, call: Call) -> None:
        """Whom the box called has picked up, and is not left in silence."""
        await asyncio.sleep(LEG_WITHIN_S)
        if call.leg is None and not call.over.is_set():
            log.error("Asterisk did not go on with a modem's call", modem=self.plan.name)
            self.driver.order(HangUp(call.name))

    async def _speak(self, call: Call) -> None:
        """The far side's voice, for as long as there is any."""
        try:
            async with Voice(self.plan.voice) as voice:
                call.voice, self.voice_fault = voice, ""
                # A far side that says nothing more must not keep the port from the next call.
                passing = asyncio.create_task(self._pass_on(call, voice))
                over = asyncio.create_task(call.over.wait())
                try:
                    await asyncio.wait({passing, over}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    passing.cancel()
                    over.cancel()
        except PortError:
            self.voice_fault = "the port of its voice cannot be opened"
            log.warning("a modem's voice cannot be had", modem=self.plan.name)
        finally:
            call.voice = None

    async def _pass_on(self, call: Call, voice: Voice) -> None:
        async for frame in voice:
            if call.leg is not None:
                call.leg.say(frame)

    # ---- what Asterisk wants ----

    def expects(self, leg: Leg) -> bool:
        """Whether it was asked for, for a caller."""
        return leg.uuid in self._expected

    async def take(self, leg: Leg) -> None:
        """A caller's leg, until it ends."""
        call = self._expected.pop(leg.uuid)
        call.leg = leg
        await self._carry(call, leg)

    async def dial(self, leg: Leg, wanted: Wanted) -> None:
        """A leg of somebody who dialled, or for the talk of a call of the box's, until it ends."""
        if wanted.kind is Kind.TALK:
            await self._go_on(leg)
            return
        is_emergency = wanted.kind is Kind.EMERGENCY
        if is_emergency:
            await self._free()
        call = Call("", leg=leg, is_emergency=is_emergency)
        if self._call is None:
            self._order(call, wanted.number)
        elif is_emergency:
            leg.end()
            return
        else:
            call.sound = Sound.BUSY
            self._start(self._told(leg))
        await self._carry(call, leg)

    def _order(self, call: Call, number: str) -> None:
        self._dialled += 1
        call.name = f"out-{self._dialled}"
        self._call = call
        self.driver.order(Dial(call.name, number))

    def call_for_box(self, number: str, came: Callable[[str], object]) -> Call:
        """Call somebody; what comes of it is told once, and then a leg is expected."""
        call = Call("", came=came)
        if self._call is None:
            self._order(call, number)
        else:
            came(NO_CIRCUIT)
        return call

    def let_go(self, call: Call) -> None:
        """The box calls there no more; a talk ends with its leg."""
        if self._call is call and call.leg is None:
            self.driver.order(HangUp(call.name))

    async def _go_on(self, leg: Leg) -> None:
        call = self._call
        if call is None or call.came is None or not call.is_connected or call.leg is not None:
            leg.end()
            return
        call.leg = leg
        leg.keyed = self.press
        await self._carry(call, leg)

    def press(self, keys: str) -> None:
        """Keys of a telephone, for the far side."""
        call = self._call
        if call is not None and call.is_connected and PRESSED.fullmatch(keys):
            self.driver.order(SendDigits(call.name, keys))

    async def _free(self) -> None:
        """Whatever the modem does is ended: somebody needs it. Another emergency call goes on."""
        call = self._call
        if call is None or call.is_emergency:
            return
        self.driver.order(HangUp(call.name))
        try:
            async with asyncio.timeout(FREED_WITHIN_S):
                await call.over.wait()
        except TimeoutError:
            log.warning("a modem does not let a call go", modem=self.plan.name)

    async def _carry(self, call: Call, leg: Leg) -> None:
        filling = asyncio.create_task(self._fill(call, leg))
        try:
            async for frame in leg.frames():
                self._send(call, frame)
        finally:
            filling.cancel()
            if self._call is call:
                self.driver.order(HangUp(call.name))
            leg.end()

    def _send(self, call: Call, frame: bytes) -> None:
        if not call.is_connected:
            return
        voice, pressed = call.keys.passed(frame)
        if pressed:
            self.press(pressed)
        if call.voice is not None:
            call.voice.play(voice)

    async def _fill(self, call: Call, leg: Leg) -> None:
        """What is heard while no voice comes."""
        clock, number = asyncio.get_running_loop().time, 0
        due = clock()
        while True:
            due = max(due + TICK_S, clock() - TICK_S)
            await asyncio.sleep(due - clock())
            if clock() - leg.said_at >= (QUIET_S if call.voice else TICK_S / 2):
                leg.say(call.sound.frame(number))
            number += 1
