"""The modems of one running exchange: each has its line, its legs come and go at one port on
loopback, and how each stands is told.

A modem that is not there is looked for again and again, and takes part again by itself. One that a
new site file has taken away, or plugged in elsewhere, is let go of once its call is over.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any

import structlog

from firmware import topics
from firmware.asterisk import modem_dialplan, written
from firmware.asterisk.link import ActionFailed, Link, LinkDown, LinkState
from firmware.asterisk.wire import Message
from firmware.modem_leg import Leg, LegError
from firmware.modem_line import OUT_OF_ORDER, Call, ModemLine
from firmware.speakers import Speakers
from firmware.survived import starting, survived
from hw.modem.events import REGISTERED, Event, Stand
from ivr import plan
from ivr.plan import Plan

LOOK_S = 1.0
BRING_MS = 3_000
WEAK_DBM = -105  # TS 27.007, 8.5: below it calls break off

log = structlog.get_logger(__name__)

# What is wrong, and what to do; `MODEM` is its name.
CURES: dict[Stand, tuple[str, str]] = {
    Stand.ABSENT: (
        "no modem answers at its port",
        "look at its plug and its lamp; its path is under /dev/serial/by-path",
    ),
    Stand.WAKING: ("it starts", "wait a moment; else unplug it and plug it in"),
    Stand.SIM_MISSING: ("there is no SIM in it", "put one in, then unplug and plug in the modem"),
    Stand.PIN_NEEDED: (
        "its SIM wants a PIN, and none was given",
        "give it on the page: People and phones, Modems, its SIM's PIN",
    ),
    Stand.PIN_WRONG: (
        "its SIM refuses the PIN that was given",
        "give the right one on the page; after the third wrong one the SIM wants its PUK",
    ),
    Stand.PUK_NEEDED: (
        "its SIM is locked and wants its PUK",
        "put the SIM into a mobile and give the PUK there; the network's papers have it",
    ),
    Stand.DENIED: ("the network refuses its SIM", "ask the network whether the SIM is in force"),
    Stand.SEARCHING: ("it finds no network", "put its antenna elsewhere, near a window"),
}


class Modems:
    """All of them; legs that are for a loudspeaker come to the same port."""

    def __init__(
        self,
        *,
        plan: Callable[[], Plan],
        pin_of: Callable[[str], str | None],
        link: Link,
        port: int,
        start: Callable[[Coroutine[Any, Any, None]], object],
        texts: Callable[[str, Event], None] = lambda _modem, _event: None,
        speakers: Speakers | None = None,
    ) -> None:
        self._plan, self._pin_of, self._link, self._port = plan, pin_of, link, port
        self._start, self._texts = starting(start, "modems"), texts
        self._speakers = speakers
        self._lines: dict[str, tuple[ModemLine, asyncio.Task[None]]] = {}
        # Calls of the box's, by the channels that wait for them.
        self._for_box: dict[str, tuple[ModemLine, Call]] = {}
        self.fault = ""

    def line(self, name: str) -> ModemLine | None:
        """The running line of this modem."""
        found = self._lines.get(name)
        return found[0] if found else None

    async def run(self) -> None:
        """Until cancelled."""
        server: asyncio.Server | None = None
        try:
            while True:
                if server is None and (self._plan().modems or self._plan().speakers):
                    server = await self._opened()
                self._follow_the_plan()
                await asyncio.sleep(LOOK_S)
        finally:
            if server is not None:
                server.close()
            for _, task in self._lines.values():
                task.cancel()
            await asyncio.gather(
                *(task for _, task in self._lines.values()), return_exceptions=True
            )

    async def _opened(self) -> asyncio.Server | None:
        """The port of the legs; None: another program has it, and it is tried again."""
        try:
            server = await asyncio.start_server(self._come, "127.0.0.1", self._port)
        except OSError as taken:
            if not self.fault:
                log.warning("modems have no port for their calls", why=taken.strerror)
            self.fault = f"the port {self._port} of their calls cannot be had"
            return None
        self.fault = ""
        return server

    def _follow_the_plan(self) -> None:
        modems = self._plan().modems
        for name, (line, task) in list(self._lines.items()):
            if (modems.get(name) != line.plan and line.call is None) or task.done():
                task.cancel()
                del self._lines[name]
        for name, modem in modems.items():
            if name not in self._lines:
                line = self._line_of(modem)
                running = asyncio.create_task(survived(line.run(), f"modem {name}"))
                self._lines[name] = line, running
            line, _ = self._lines[name]
            if line.stand in (Stand.PIN_NEEDED, Stand.PIN_WRONG):
                line.try_pin(self._pin_of(name))

    def _line_of(self, modem: plan.Modem) -> ModemLine:
        async def bring(leg: str, number: str | None) -> None:
            await self._bring(modem, leg, number)

        return ModemLine(
            modem,
            pin=self._pin_of(modem.name),
            is_ready=lambda: self._link.state is LinkState.UP,
            bring=bring,
            answered=lambda: self._start(self._say((modem_dialplan.talked(modem), "1"))),
            start=self._start,
            texts=lambda event: self._texts(modem.name, event),
        )

    # ---- legs ----

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until the leg ends, or we do."""
        with suppress(asyncio.CancelledError):
            await survived(self._serve(reader, writer), "modems")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Asterisk opens a leg, for a caller whom it was told of or for somebody who dialled."""
        try:
            leg = await Leg.taken(reader, writer)
        except LegError:
            writer.close()
            return
        lines = [line for line, _ in self._lines.values()]
        expecting = next((line for line in lines if line.expects(leg)), None)
        wanted = modem_dialplan.wanted(leg.uuid)
        marked = self._marked()
        if expecting is not None:
            await expecting.take(leg)
        elif self._speakers is not None and self._speakers.wants(leg):
            await self._speakers.take(leg)
        elif wanted is not None and wanted.modem in marked:
            await marked[wanted.modem].dial(leg, wanted)
        else:
            leg.end()

    async def _bring(self, modem: plan.Modem, leg: str, number: str | None) -> None:
        """A caller into the dialplan, where every line's callers enter."""
        lines = [line for line in self._plan().lines.values() if line.modem == modem.name]
        if not lines:
            log.warning("a modem rings that no line has", modem=modem.name)
            return
        digits = "".join(one for one in number or "" if one in "+0123456789")
        try:
            await self._link.send(
                "Originate",
                ("Channel", modem_dialplan.channel(leg, self._port)),
                ("Context", modem_dialplan.context(modem)),
                ("Exten", written.number(lines[0].numbers[0])),
                ("Priority", "1"),
                ("Timeout", str(BRING_MS)),
                *([("CallerID", f'"" <{digits}>')] if digits else []),
                ("Async", "true"),
            )
        except (ActionFailed, LinkDown):
            log.warning("Asterisk was not reached for a modem's call", modem=modem.name)

    async def _say(self, variable: tuple[str, str], channel: str = "") -> None:
        """A variable of Asterisk's, so that the dialplan knows what came of a call."""
        name, value = variable
        whose = [("Channel", channel)] if channel else []
        try:
            await self._link.send("Setvar", *whose, ("Variable", name), ("Value", value))
        except (ActionFailed, LinkDown):
            log.warning("Asterisk was not told what came of a modem's call")

    def heard(self, message: Message) -> None:
        """What Asterisk tells: of a key that was pressed at a telephone, a leg by AudioSocket gets
        nothing, but that it was meant for one is told (channel.c, `DTMF_SENT`)."""
        match message.get("Event"):
            case "DTMFBegin" if message.get("Direction") == "Sent":
                self._press(modem_dialplan.uuid_of(message.get("Channel")), message.get("Digit"))
            case "UserEvent" if (asked := modem_dialplan.asked(message)) is not None:
                self._call_for_box(asked)
            case "Hangup" if message.get("Uniqueid") in self._for_box:
                line, call = self._for_box.pop(message.get("Uniqueid"))
                line.let_go(call)
            case _:
                pass

    def _press(self, uuid: str, digit: str) -> None:
        for line, _ in self._lines.values():
            call = line.call
            if call is not None and call.leg is not None and call.leg.uuid == uuid:
                line.press(digit)

    def _call_for_box(self, asked: modem_dialplan.ForBox) -> None:
        def came(what: str) -> None:
            self._start(self._say((modem_dialplan.CAME, what), asked.channel))

        line = self._marked().get(asked.modem)
        if line is None:
            came(OUT_OF_ORDER)
        else:
            self._for_box[asked.uniqueid] = line, line.call_for_box(asked.number, came)

    def link_lost(self) -> None:
        """Asterisk may be gone, and with it what a call of the box's was for: nobody is rung on."""
        while self._for_box:
            _, (line, call) = self._for_box.popitem()
            line.let_go(call)

    def _marked(self) -> dict[str, ModemLine]:
        """By the digits of their names."""
        lines = (line for line, _ in self._lines.values())
        return {modem_dialplan.mark(written.name(line.plan.name)): line for line in lines}

    # ---- how they stand ----

    def calls_of(self, modem: str) -> int:
        """How many calls go by it now."""
        line = self._lines.get(modem)
        return 0 if line is None or line[0].call is None else 1

    def parts(self) -> tuple[topics.Part, ...]:
        """For the status: one for each."""
        if self.fault:
            cure = "end the other program, or start the box anew"
            return (topics.Part(name="modems", state="alarm", detail=self.fault, cure=cure),)
        stand = tuple(_part(line) for line, _ in self._lines.values())
        return (*_by_a_modem_alone(self._plan()), *stand)


def _by_a_modem_alone(site: Plan) -> Iterator[topics.Part]:
    """It was accepted, and is said in red all the same, for as long as it is so."""
    if site.modems and not any(trunk.emergency for trunk in site.trunks.values()):
        yield topics.Part(
            name="emergency calls",
            state="alarm",
            detail="911 goes by the mobile modem alone and may fail",
            cure=f"accepted by {site.modem_only}; add a line of a telephone company, or keep a"
            " mobile at hand",
        )


def _part(line: ModemLine) -> topics.Part:
    name = f"modem {line.plan.name}"
    if line.stand in CURES:
        detail, cure = CURES[line.stand]
        if line.stand in (Stand.SEARCHING, Stand.WAKING):
            return topics.Part(name=name, state="warning", detail=detail, cure=cure)
        return topics.Part(name=name, state="alarm", detail=detail, cure=cure)
    if line.voice_fault:
        cure = "name the port of its voice in [modems] of the site file, and plug the modem in anew"
        return topics.Part(name=name, state="alarm", detail=line.voice_fault, cure=cure)
    if line.stand in REGISTERED and line.dbm is not None and line.dbm < WEAK_DBM:
        return topics.Part(
            name=name,
            state="warning",
            detail=f"the network is hardly heard, {line.dbm} dBm",
            cure="put its antenna elsewhere, near a window",
        )
    signal = "" if line.dbm is None else f", {line.dbm} dBm"
    return topics.Part(name=name, state="well", detail=f"{line.stand}{signal}")
