"""Whoever opens or closes the clinic by hand comes here, from the command line or from a telephone:
a wish is weighed, made durable, and only then told to the call logic.

Beside it the clock is watched, for a clock that cannot be trusted closes nothing.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from firmware import settings, switches, topics, wallclock
from firmware.control import ControlError, Door
from firmware.store import Store, StoreError
from firmware.wallclock import Reading
from ivr import codes, events
from ivr.errors import SwitchError
from ivr.hours import Answer, Switch, answer, in_words, switched
from ivr.own_words import recording_of
from ivr.plan import Hours, Plan

UNTRUSTED = (
    "the clock cannot be trusted, so every schedule counts as open and no switch could run out",
    "connect the box to a time service (NTP) first",
)

log = structlog.get_logger(__name__)


class HoursDesk:
    """The switches of one running exchange, and what is known of its clock."""

    def __init__(
        self,
        store: Store,
        plan: Callable[[], Plan],
        tell: Callable[[events.Event], None],
        clocks: Callable[[], Reading],
    ) -> None:
        self._store = store
        self._plan = plan
        self._tell = tell
        self._clocks = clocks
        self._switches: dict[str, Switch] = {}
        self._trust = wallclock.first(clocks())

    def open(self, door: Door) -> None:
        """What an exchange before us switched holds on; then wishes are taken."""
        for name, switch in switches.stored(self._store.path).items():
            self._switches[name] = switch
            self._tell(events.HoursSwitched(name, switch))
        self._tell(events.ClockJudged(self._trust.trusted))
        door.answer(topics.SWITCH, self.switch)
        door.answer(topics.SWITCHES, self.switched)

    def look(self) -> None:
        """To be called every moment: a jump is seen only between two looks."""
        before, self._trust = self._trust, wallclock.after(self._trust, self._clocks())
        if self._trust.trusted is not before.trusted:
            log.warning("the clock is judged anew", trusted=self._trust.trusted)
            self._tell(events.ClockJudged(self._trust.trusted))

    def trusts_the_clock(self) -> bool:
        """Whether the wall clock can be believed now."""
        return self._trust.trusted

    def part(self) -> topics.Part:
        """For the status."""
        if self._trust.trusted:
            return topics.Part(name="clock", state="well", detail="has been set by a time service")
        return topics.Part(
            name="clock",
            state="warning",
            detail="cannot be trusted, so every schedule counts as open",
            cure="connect the box to a time service (NTP): its first answer ends this",
        )

    async def switch(self, wish: topics.SwitchRequest) -> topics.SwitchReply:
        """Open, close, or back to the schedule; durable before it is told."""
        plan = self._plan()
        schedule = _meant(plan.hours, wish.hours)
        local = self._local(plan)
        thrown = None if wish.to == "scheduled" else self._thrown(plan, schedule, wish, local)
        await self.throw({schedule.name: thrown})
        return topics.SwitchReply(told=(self._words(schedule, local),))

    async def throw(self, thrown: Mapping[str, Switch | None]) -> None:
        """Durable, all of them, and then told; ControlError says why not."""
        if any(thrown.values()) and not self._trust.trusted:
            raise ControlError(*UNTRUSTED)
        try:
            await switches.keep(self._store, thrown)
        except StoreError as refused:
            raise ControlError(f"not switched: {refused}", "make room on the disk") from refused
        for name, switch in thrown.items():
            self._switches.pop(name, None)
            if switch is not None:
                self._switches[name] = switch
            self._tell(events.HoursSwitched(name, switch))

    def answers(self) -> Mapping[str, Answer]:
        """How every schedule stands now."""
        plan, trusted = self._plan(), self._trust.trusted
        local = self._local(plan)
        return {
            name: answer(schedule, local, self._switches.get(name), trusted=trusted)
            for name, schedule in plan.hours.items()
        }

    def recorded(self) -> Mapping[str, str]:
        """Recordings that callers hear, each with what it is for; to be asked in any thread. While
        the clock cannot be trusted no switch is known to have run out."""
        local = self._local(plan := self._plan())
        return {
            recording: self._words(plan.hours[name], local)
            for name, switch in dict(self._switches).items()
            if name in plan.hours and (recording := recording_of(switch.say))
            if switch.until > local or not self._trust.trusted
        }

    async def by_code(self, code: codes.HoursCode) -> str:
        """Every schedule of the clinic, by a code dialled at a phone; the prompt that answers."""
        if not (schedules := self._plan().hours):
            return codes.FAILED
        try:
            for name in schedules:
                await self.switch(topics.SwitchRequest(hours=name, to=code.to))
        except ControlError as refused:
            log.warning("a code did not switch", why=refused.why)
            return codes.FAILED
        return code.said

    async def switched(self, _request: topics.SwitchesRequest) -> topics.SwitchesReply:
        """Those that still hold."""
        plan = self._plan()
        local = self._local(plan)
        held = [
            schedule
            for name, schedule in plan.hours.items()
            if name in self._switches and self._switches[name].until > local
        ]
        return topics.SwitchesReply(told=tuple(self._words(each, local) for each in held))

    def _local(self, plan: Plan) -> datetime:
        return datetime.fromtimestamp(self._clocks().wall_s, ZoneInfo(plan.timezone))

    def _thrown(
        self, plan: Plan, schedule: Hours, wish: topics.SwitchRequest, local: datetime
    ) -> Switch:
        if not self._trust.trusted:
            raise ControlError(*UNTRUSTED)
        if wish.say and wish.say not in settings.prompts_of(plan).get(plan.language, {}):
            raise ControlError(
                f"there is no prompt {wish.say!r}",
                f"name one of [prompts.{plan.language}], or add it and publish the site",
            )
        try:
            return switched(
                schedule,
                local,
                opens=wish.to == "open",
                until=_end(wish.until, local),
                say=wish.say or None,
            )
        except SwitchError as refused:
            raise ControlError(f"not switched: {refused}", "switch it anew") from refused

    def _words(self, schedule: Hours, local: datetime) -> str:
        given = answer(
            schedule, local, self._switches.get(schedule.name), trusted=self._trust.trusted
        )
        heard = "; callers hear what was recorded by telephone"
        return f"{schedule.name} is {in_words(given)}{heard if recording_of(given.why.say) else ''}"


def _meant(schedules: Mapping[str, Hours], name: str) -> Hours:
    if name in schedules:
        return schedules[name]
    known = ", ".join(schedules) or "none"
    if name:
        raise ControlError("there is no such schedule", f"name one of: {known}")
    if len(schedules) != 1:
        raise ControlError("which schedule is meant?", f"name one of: {known}")
    return next(iter(schedules.values()))


def _end(written: str, local: datetime) -> datetime | None:
    """`17:30` is the next time the clock shows it; a date may stand before it."""
    if not written:
        return None
    try:
        if len(written) == len("17:30"):
            at = datetime.strptime(written, "%H:%M").time()  # noqa: DTZ007 - a time of day
            end = datetime.combine(local.date(), at, local.tzinfo)
            return end if end > local else end + timedelta(days=1)
        return datetime.fromisoformat(written).replace(tzinfo=local.tzinfo)
    except ValueError:
        raise ControlError(
            f"{written!r} is no time", 'write it like "17:30" or "2026-12-25 12:00"'
        ) from None
