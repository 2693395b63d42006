"""The power, the heat and the machine's own watchdog, of one running exchange: looked at every few
seconds, told in the status and by e-mail to those in charge; and before its battery is empty the
box is switched off by `careline root`. Whatever goes wrong here ends no call.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import structlog

from firmware import topics
from firmware.control import Door
from firmware.notify import AN_HOUR, Notice, Notices
from firmware.power_rule import Do, Power, Up, refused, step
from firmware.power_topics import POWER, PowerReply, PowerRequest
from hw.power.machine import Heat, Strain, heat_of, hottest_c, strain, watchdog
from hw.power.reading import UNKNOWN, Reading, Supply
from hw.power.ups import Ups
from ivr.plan import Plan, PowerSupply

LOOK_S = 2.0
NOBODY = Up(0)
TOLD = {
    Do.TELL_LOST: "the mains are lost, and the box runs on its battery",
    Do.TELL_LOW: "the battery is nearly empty, and the box will switch itself off",
    Do.TELL_BACK: "the mains are back",
}

log = structlog.get_logger(__name__)


class PowerDesk:
    """All of it."""

    def __init__(
        self,
        *,
        plan: Callable[[], Plan],
        notices: Notices,
        up: Callable[[], Awaitable[Up]],
        now: Callable[[], datetime],
        switch_off: Callable[[], Awaitable[None]],
        root: Path = Path("/"),
        clock: Callable[[], float] = time.monotonic,
        look_s: float = LOOK_S,
    ) -> None:
        """`up` tells what calls there are, Asterisk's own with them; `root` is where /sys is."""
        self._plan, self._notices, self._up, self._now = plan, notices, up, now
        self._switch_off, self._root, self._clock = switch_off, root, clock
        self._look_s = look_s
        self._power, self._heat = Power(), Heat.WELL
        self._degrees: float | None = None
        self._strain = Strain()
        self._supplied, self._since = Supply.UNKNOWN, now()
        self._ups: tuple[PowerSupply, Ups, asyncio.Task[None]] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._follow_the_plan()
                await self._look()
                await asyncio.sleep(self._look_s)
        finally:
            self._let_go()

    def _follow_the_plan(self) -> None:
        wanted = self._plan().power
        if self._ups is not None and self._ups[0] != wanted:
            self._let_go()
        if wanted is not None and self._ups is None:
            ups = Ups(wanted.ups, _heard, least_s=wanted.stop_below_s, port=wanted.port)
            self._ups = wanted, ups, asyncio.create_task(ups.run())

    def _let_go(self) -> None:
        if self._ups is not None:
            self._ups[2].cancel()
        self._ups, self._power = None, Power()

    @property
    def _reading(self) -> Reading:
        return self._ups[1].reading if self._ups else UNKNOWN

    async def _look(self) -> None:
        self._degrees = await asyncio.to_thread(hottest_c, self._root)
        self._heat = heat_of(self._degrees, self._heat)
        self._strain = await asyncio.to_thread(strain, self._root)
        if self._reading.supply is not self._supplied:
            self._supplied, self._since = self._reading.supply, self._now()
        if self._ups is None:
            return
        supply, finish_s = self._reading.supply, self._ups[0].finish_s
        up = await self._up() if self._is_low(supply) else NOBODY
        self._power, doing = step(self._power, supply, up, self._clock(), finish_s)
        for do in doing:
            await self._do(do)

    def _is_low(self, supply: Supply) -> bool:
        """It is, or was when it was last told: only then does anybody ask what calls there are."""
        return Supply.LOW in (supply, self._power.told)

    async def _do(self, do: Do) -> None:
        if do is not Do.SWITCH_OFF:
            log.warning("the power", what=TOLD[do])
            self._tell(TOLD[do])
            return
        log.warning("the box is switched off: its battery is nearly empty")
        try:
            await self._switch_off()
        except Exception as unwilling:
            self._power = refused(self._power, self._clock())
            log.warning("the box could not be switched off", why=str(unwilling))

    def _tell(self, what: str) -> None:
        plan = self._plan()
        for address in plan.mail.admins if plan.mail is not None else ():
            text = f"At {plan.name}, {self._now():%a %-d %b %H:%M}: {what}.\n"
            subject = f"{plan.name}: {what}"
            self._notices.send(Notice(address, subject, text, self._now(), AN_HOUR))

    # ---- how they stand ----

    def answer_at(self, door: Door) -> None:
        door.answer(POWER, self._told)

    async def _told(self, _request: PowerRequest) -> PowerReply:
        reading, dog = self._reading, await asyncio.to_thread(watchdog, self._root)
        return PowerReply(
            parts=await asyncio.to_thread(self.parts),
            has_ups=self._ups is not None,
            since=self._since.isoformat(timespec="seconds") if self._ups else "",
            charge=reading.charge,
            left_s=reading.left_s,
            restarts_within_s=dog.within_s if dog.is_armed else None,
        )

    def parts(self) -> tuple[topics.Part, ...]:
        """For the status: the power where the site has a UPS, a voltage that falls, the heat, and
        the watchdog where the machine has one."""
        return (*self._supply(), *self._voltage(), *self._warmth(), *self._watchdog())

    def _voltage(self) -> tuple[topics.Part, ...]:
        """Told only where it is or was too low: a machine that cannot tell has none to show."""
        name, cure = "voltage", "give the box the power supply that its maker names, and its cable"
        if self._strain.is_weak:
            detail = "the box's power supply is too weak: its voltage is too low"
            return (topics.Part(name=name, state="alarm", detail=detail, cure=cure),)
        if self._strain.was_weak:
            detail = "the box's power supply has been too weak since the box started"
            return (topics.Part(name=name, state="warning", detail=detail, cure=cure),)
        return ()

    def _supply(self) -> tuple[topics.Part, ...]:
        if self._ups is None:
            return ()
        reading, name = self._reading, "power"
        left = "" if reading.left_s is None else f", {round(reading.left_s / 60)} min"
        is_mains = reading.supply is Supply.MAINS
        match Supply.LOW if self._is_low(reading.supply) and not is_mains else reading.supply:
            case Supply.UNKNOWN:
                why = self._ups[1].why or "no NUT server answers"
                cure = "look at the UPS and its cable; `upsc` tells what NUT knows"
                return (topics.Part(name=name, state="warning", detail=why, cure=cure),)
            case Supply.LOW if self._power.not_before:
                return (
                    topics.Part(
                        name=name,
                        state="alarm",
                        detail="the battery is nearly empty, and the box could not be switched off",
                        cure="bring the mains back, or shut the box down by hand",
                    ),
                )
            case Supply.LOW:
                return (
                    topics.Part(
                        name=name,
                        state="alarm",
                        detail="the battery is nearly empty, and the box will switch itself off",
                        cure="bring the mains back, or end the calls",
                    ),
                )
            case Supply.BATTERY:
                return (
                    topics.Part(
                        name=name,
                        state="alarm",
                        detail="the mains are lost, and the box runs on its battery",
                        cure="look at the fuse and the plug of the UPS",
                    ),
                )
            case Supply.MAINS if reading.is_worn:
                return (
                    topics.Part(
                        name=name,
                        state="warning",
                        detail="the battery of the UPS is worn out",
                        cure="replace the battery of the UPS",
                    ),
                )
            case _:
                return (topics.Part(name=name, state="well", detail=f"on the mains{left}"),)

    def _warmth(self) -> tuple[topics.Part, ...]:
        if self._degrees is None:
            return ()
        degrees = f"{self._degrees:.0f} °C"
        cure = "give the box air, and take it out of the sun"
        is_slowed = self._strain.is_slowed and not self._strain.is_weak  # that slows it, too
        match Heat.TOO_HOT if is_slowed else self._heat:
            case Heat.TOO_HOT:
                detail = f"{degrees}: it is too hot, and slows itself down"
                return (topics.Part(name="temperature", state="alarm", detail=detail, cure=cure),)
            case Heat.HOT:
                detail = f"{degrees}: it is hot"
                return (topics.Part(name="temperature", state="warning", detail=detail, cure=cure),)
            case _:
                return (topics.Part(name="temperature", state="well", detail=degrees),)

    def _watchdog(self) -> tuple[topics.Part, ...]:
        dog = watchdog(self._root)
        if not dog.is_there:
            return ()
        detail = "armed" if dog.is_armed else "there, and not armed"
        return (topics.Part(name="watchdog", state="well", detail=detail),)


def _heard(_reading: Reading) -> None:
    """The next look sees it."""
