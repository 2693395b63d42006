"""The panel on the wall, of one running exchange: its lamps show what the status, the mailboxes and
the hours say, and its button opens or closes the clinic. Unplugged it is told, and its lamps are
set anew when it is back; no call knows of it.

    pressed while open            closed until the day ends
    pressed while closed by hand  as the schedule has it again
    pressed while closed          open until the day ends

A telephone that keys *35, and the door's code where it has one, opens the door for some seconds
(door_rule). It is entered in the audit before it opens; what fails leaves it shut.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import assert_never

import structlog
from sqlalchemy.exc import SQLAlchemyError

from firmware import door_rule, ledger, topics
from firmware.audit import Act, Audited
from firmware.control import ControlError
from firmware.door_rule import Verdict
from firmware.ledger import Moment
from firmware.store import StoreError, open_reader
from firmware.survived import Start, survived
from hw.panel.board import BoardPort
from hw.panel.events import (
    ButtonPressed,
    ButtonReleased,
    ButtonStuck,
    DoorClosed,
    DoorOpened,
    DoorRefused,
    Event,
    PanelFound,
    PanelLost,
)
from hw.panel.gpio import GpioPort
from hw.panel.panel import Panel
from hw.panel.patterns import Pattern
from hw.panel.port import Port
from hw.panel.wall import Layout
from ivr import codes
from ivr.hours import Answer, Kind
from ivr.plan import Plan, WallPanel

LOOK_S = 1.0
STATUS_EVERY = 10  # looks; it reads the stores
WHO = "the panel"
BUTTON, DOOR = "button", "door"
OPENS_WITHIN_S = 3.0  # else who stands there has gone to the telephone again

log = structlog.get_logger(__name__)


class PanelDesk:
    """The one there is, where the site has one."""

    def __init__(
        self,
        *,
        plan: Callable[[], Plan],
        answers: Callable[[], Mapping[str, Answer]],
        switch: Callable[[topics.SwitchRequest], Awaitable[object]],
        enter: Callable[[Audited], None],
        promise: Callable[[Audited], Awaitable[None]],
        calls_db: Path,
        parts: Callable[[], Awaitable[tuple[topics.Part, ...]]],
        start: Start,
        look_s: float = LOOK_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`answers` are how the schedules stand, `switch` opens and closes one, `enter` is the
        audit, `promise` the same once it is durable, and `parts` are those of the status."""
        self._promise, self._clock = promise, clock
        self._tries: door_rule.Tries = {}
        self._told_shut_out = set[str]()
        self._opened: asyncio.Future[bool] | None = None
        self._one_opens = asyncio.Lock()
        self._plan, self._answers, self._throw, self._enter = plan, answers, switch, enter
        self._calls_db, self._parts, self._start = calls_db, parts, start
        self._look_s, self._looks = look_s, 0
        self._running: tuple[WallPanel, Panel, asyncio.Task[None]] | None = None
        self._lost = ""
        self._is_stuck = False
        self._tried: frozenset[str] | None = None  # these are lit, and no others

    def light_all(self) -> None:
        """For whoever looks whether each lamp is whole, until they show what they should again."""
        panel = self._plan().panel
        self._tried = frozenset(panel.lamps if panel else ())

    def light_only(self, lamp: str) -> None:
        """The same for one of them, at once; the others are dark meanwhile."""
        self._tried = frozenset({lamp})
        if self._running is not None:
            self._light_tried(self._running[0], self._running[1], self._tried)

    def light_as_counted(self) -> None:
        """As ever."""
        self._tried, self._looks = None, 0

    @property
    def wired(self) -> WallPanel | None:
        """The one that is looked after now."""
        return self._running[0] if self._running else None

    @property
    def is_lost(self) -> bool:
        """It does not answer."""
        return bool(self._lost)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._follow_the_plan()
                if self._running is not None:
                    await self._light(self._running[0], self._running[1])
                await asyncio.sleep(self._look_s)
        finally:
            if self._running is not None:
                self._running[2].cancel()
                await asyncio.gather(self._running[2], return_exceptions=True)

    def _follow_the_plan(self) -> None:
        wanted = self._plan().panel
        if self._running is not None and (wanted != self._running[0] or self._running[2].done()):
            self._running[2].cancel()
            self._running = None
        if wanted is not None and self._running is None:
            buttons = frozenset({BUTTON} if wanted.button else set())
            doors = {DOOR: wanted.door_s} if wanted.door else {}
            layout = Layout(buttons, frozenset(wanted.lamps), doors)
            panel = Panel(_port_of(wanted), layout, self._hear)
            self._running = wanted, panel, asyncio.create_task(survived(panel.run(), "panel"))
            self._lost, self._looks = "not found yet", 0

    # ---- what it shows ----

    async def _light(self, wanted: WallPanel, panel: Panel) -> None:
        if self._tried is not None:
            self._light_tried(wanted, panel, self._tried)
            return
        if "closed" in wanted.lamps:
            answer = self._answers().get(wanted.hours)
            is_closed = answer is not None and not answer.is_open
            panel.show("closed", Pattern.ON if is_closed else Pattern.OFF)
        if "messages" in wanted.lamps:
            with suppress(StoreError, SQLAlchemyError):  # the ledger's own part tells of it
                new = await asyncio.to_thread(self._unheard, wanted.mailboxes)
                panel.show("messages", Pattern.SLOW if new else Pattern.OFF)
        if "alarm" in wanted.lamps and self._looks % STATUS_EVERY == 0:
            panel.show("alarm", Pattern.FAST if await self._is_wrong() else Pattern.OFF)
        self._looks += 1

    def _light_tried(self, wanted: WallPanel, panel: Panel, tried: frozenset[str]) -> None:
        for lamp in wanted.lamps:
            panel.show(lamp, Pattern.ON if lamp in tried else Pattern.OFF)

    async def _is_wrong(self) -> bool:
        """Something is; also where nobody can tell, for then the stores do not answer."""
        try:
            parts = await self._parts()
        except (StoreError, SQLAlchemyError, OSError) as failed:
            log.warning("the status cannot be told", why=type(failed).__name__)
            return True
        return any(part.state == "alarm" for part in parts)

    def _unheard(self, mailboxes: tuple[str, ...]) -> int:
        reader = open_reader(self._calls_db)
        try:
            with reader.connect() as connection:
                return sum(ledger.unheard(connection, name)[0] for name in mailboxes)
        finally:
            reader.dispose()

    # ---- what it tells ----

    def _hear(self, event: Event) -> None:
        match event:
            case ButtonPressed():
                self._start(self._switch())
            case ButtonStuck():
                self._is_stuck = True
            case PanelLost(why=why):
                self._lost, self._is_stuck = why, False
                log.warning("the panel is gone", why=why)
            case PanelFound():
                self._lost, self._is_stuck = "", False
            case ButtonReleased():
                self._is_stuck = False
            case DoorOpened() | DoorRefused():
                if self._opened is not None and not self._opened.done():
                    self._opened.set_result(isinstance(event, DoorOpened))
            case DoorClosed():
                pass
            case _:
                assert_never(event)

    async def _switch(self) -> None:
        """Entered with what came of it: who stands at the wall has only the lamp to see it by."""
        wanted = self._plan().panel
        answer = self._answers().get(wanted.hours) if wanted else None
        if wanted is None or answer is None:
            return
        if answer.is_open:
            wish = topics.SwitchRequest(hours=wanted.hours, to="closed")
        elif answer.why.kind is Kind.SWITCH:
            wish = topics.SwitchRequest(hours=wanted.hours, to="scheduled")
        else:
            wish = topics.SwitchRequest(hours=wanted.hours, to="open")
        about = f"{wanted.hours}: {wish.to}"
        try:
            await self._throw(wish)
        except ControlError as refused:
            log.warning("the panel's button did not switch", why=refused.why)
            about = f"{about}, and was refused"
        self._enter(Audited(WHO, Act.SWITCHED, about, Moment.now()))

    # ---- the door ----

    async def door_by_code(self, phone: str, keyed: str) -> str:
        """A telephone keyed this behind the code of doors; what is said there."""
        plan = self._plan()
        verdict, self._tries = door_rule.judge(plan, phone, keyed, self._tries, self._clock())
        if verdict is Verdict.NO_DOOR:
            return codes.UNKNOWN
        if verdict is Verdict.TOO_MANY and phone in self._told_shut_out:
            return codes.DOOR_SHUT  # it stands in the audit once
        self._told_shut_out -= {phone}
        if verdict is Verdict.TOO_MANY:
            self._told_shut_out |= {phone}
        is_open = verdict is Verdict.OPEN
        act = Act.OPENED_DOOR if is_open else Act.REFUSED
        about = "" if is_open else f"the door: {verdict}"
        try:
            await self._promise(Audited(f"telephone {phone}", act, about, Moment.now()))
            if is_open and await self._open(plan):
                return codes.DOOR_OPEN
            if is_open:
                about = "the door: its board did not open it"
                await self._promise(Audited(WHO, Act.REFUSED, about, Moment.now()))
        except StoreError as refused:
            log.warning("the door stays shut: it cannot be entered", why=str(refused))
        return codes.DOOR_SHUT

    async def _open(self, plan: Plan) -> bool:
        if self._running is None or plan.panel is None or self._running[0] != plan.panel:
            return False
        async with self._one_opens:
            opened: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
            self._opened = opened
            self._running[1].open_door(DOOR, plan.panel.door_s)
            with suppress(TimeoutError):
                async with asyncio.timeout(OPENS_WITHIN_S):
                    return await opened
            return False

    def parts(self) -> tuple[topics.Part, ...]:
        """For the status: where the site has a panel."""
        if self._running is None:
            return ()
        if self._lost:
            return (
                topics.Part(
                    name="panel",
                    state="alarm",
                    detail="the panel on the wall does not answer",
                    cure="look at its cable and its lamp; it is taken up again by itself",
                ),
            )
        if self._is_stuck:
            return (
                topics.Part(
                    name="panel",
                    state="warning",
                    detail="the button of the panel is held down",
                    cure="look whether something leans on it",
                ),
            )
        if tried := door_rule.shut_out(self._tries, self._clock()):
            return (
                topics.Part(
                    name="panel",
                    state="warning",
                    detail=f"too many wrong codes of the door at telephone {', '.join(tried)}",
                    cure="ask who keyed them; it is listened to again by itself",
                ),
            )
        return (topics.Part(name="panel", state="well", detail="answers"),)


def _port_of(wanted: WallPanel) -> Port:
    buttons = {BUTTON: wanted.button} if wanted.button else {}
    if wanted.board:
        doors = {DOOR: wanted.door} if wanted.door else {}
        return BoardPort(wanted.board, {**wanted.lamps, **buttons, **doors})
    pins = {name: int(pin) for name, pin in wanted.lamps.items()}
    return GpioPort(wanted.chip, pins, {name: int(pin) for name, pin in buttons.items()})
