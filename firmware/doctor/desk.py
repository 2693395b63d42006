"""The line doctor of one running exchange: it tells what it does, and each finding as it is made.

There is one doctor. It looks at the box at any time; it measures and rings nothing while anybody is
on the telephone, also where Asterisk alone carries the call, for a line that it measures must carry
nothing else; a call that comes meanwhile is answered as ever, and no further telephone is rung; an
emergency call takes the doctor's line as it takes any other's. The number goes to Asterisk and
nowhere else; it is dialled by the clinic's dial rules, so never an emergency number, and never one
that costs whoever calls it more; a few in ten minutes.
"""

import asyncio
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Protocol, TypeVar

import structlog

from firmware.asterisk import reach, translate
from firmware.asterisk.line_groups import trunk_endpoint
from firmware.asterisk.link import ActionFailed, Link, LinkDown
from firmware.asterisk.translate import Translator
from firmware.control import ControlError, Door
from firmware.doctor import box, examining, kept, past
from firmware.doctor.findings import Colour, Finding
from firmware.doctor.leg import Leg
from firmware.doctor.sounding import Curves
from firmware.doctor.topics import (
    DOCTOR,
    DOCTOR_LINE,
    DOCTOR_PHONES,
    DOCTOR_STOP,
    DONE,
    DoctorLine,
    DoctorLineRequest,
    DoctorPhonesRequest,
    DoctorRequest,
    DoctorStopReply,
    DoctorStopRequest,
)
from firmware.mobile_call import CALLS_MOST, CALLS_WITHIN_S, refuse_what_is_not_called
from firmware.place import Place
from firmware.ports import ports_of
from firmware.topics import Part
from ivr import events, outside
from ivr.events import Refusal
from ivr.plan import Plan

Made = TypeVar("Made")
RING_S = 30.0
LATER_S = 5.0  # than that, Asterisk has told why nobody answered
PHONE_S = 6.0  # each rings for so long
AFTER_S = 5.0  # Asterisk ends it by itself, if we are gone
LOOK_S = 0.5
STOPS_WITHIN_S = 5.0
BOX, SELFTEST, PHONES = "the box", "the self-test line", "the telephones"
WORDS = {Colour.GREEN: "green", Colour.AMBER: "amber", Colour.RED: "red"}

IN_USE = ControlError("the line doctor is at work already", "wait until it is done")
CALLS_UP = ControlError(
    "somebody is on the telephone, and the doctor disturbs nobody", "try again in a quiet moment"
)
NO_ANSWER = ControlError("Asterisk does not answer", "wait for a minute, and try again")
NOT_STOPPED = ControlError("the line doctor has not stopped yet", "wait for a minute")

log = structlog.get_logger(__name__)


NOT_ANSWERED = {
    Refusal.BUSY: "busy",
    Refusal.REFUSED: "they refused",
    Refusal.SILENT: "nobody picked up",
    Refusal.WITHDRAWN: "nobody picked up",
}


def _doing(words: str) -> DoctorLine:
    return DoctorLine(doing=words)


def _told(finding: Finding) -> DoctorLine:
    return DoctorLine(
        about=finding.about,
        colour=WORDS[finding.colour],  # type: ignore[arg-type]  # the three words of the form
        figure=finding.figure,
        cure=finding.cure,
    )


class Lights(Protocol):
    """Lamps of telephones, or of a panel on the wall."""

    def light_all(self) -> None: ...
    def light_as_counted(self) -> None: ...


class Doctor:
    """Its topics."""

    def __init__(
        self,
        *,
        place: Place,
        plan: Callable[[], Plan],
        link: Link,
        translator: Translator,
        calls: Callable[[], int],
        parts: Callable[[], Awaitable[tuple[Part, ...]]],
        lamps: Sequence[Lights],
    ) -> None:
        self._place, self._plan, self._link = place, plan, link
        self._translator, self._calls, self._parts = translator, calls, parts
        self._lamps = lamps
        self._at_work: asyncio.Task[object] | None = None  # of whoever asked for it
        self._idle = asyncio.Event()
        self._idle.set()
        self._own_ms: float | None = None  # of the box, there and back; measured once at least
        self._lately: deque[float] = deque(maxlen=CALLS_MOST)
        self._rung: tuple[str, Leg] | None = None
        self._why: Refusal | None = None

    def answer_at(self, door: Door) -> None:
        self.look_at(door)
        door.follow(DOCTOR_LINE, self._line)
        door.follow(DOCTOR_PHONES, self._phones)
        door.answer(DOCTOR_STOP, self._stop)

    def look_at(self, door: Door) -> None:
        """Where no more may be asked than how the box and its lines are."""
        door.follow(DOCTOR, self._visit)

    def ended(self, event: events.Event) -> bool:
        """Whether this fact is of the doctor's own call, and of nothing else."""
        match event, self._rung:
            case events.CallOutEnded(call=call, reason=why), (name, leg) if call == name:
                self._why = why
                leg.stop()
                return True
            case _:
                return False

    # ---- the box and the self-test line ----

    async def _visit(self, _request: DoctorRequest) -> AsyncIterator[DoctorLine]:
        with self._only_one():
            yield _doing("looking at the box")
            found = await self._of_box()
            for finding in found:
                yield _told(finding)
            await self._keep(BOX, found)
            if self._calls():
                yield _doing("somebody is on the telephone: the self-test line is left alone")
                yield _doing(DONE)
                return
            yield _doing("measuring the self-test line, for eight seconds")
            examined = await self._inside()
            for finding in examined.found:
                yield _told(finding)
            await self._keep(SELFTEST, examined.found, examined.curves)
            yield _doing(DONE)

    async def _of_box(self) -> list[Finding]:
        found = [box.of_part(part) for part in await self._parts()]
        found.append(await asyncio.to_thread(box.disk, self._place))
        found += await asyncio.to_thread(box.certificates, self._place, box.today())
        found += await asyncio.to_thread(past.read, self._place.calls_db, tuple(self._plan().lines))
        if not self._place.ports.exists():  # a rehearsal's machine is not the box
            found += box.of_ports(await asyncio.to_thread(box.listening), ports_of(self._place))
        with suppress(ActionFailed, LinkDown):  # which `asterisk` among the parts tells
            states = reach.states_of(await self._link.ask(*reach.STATES))
            found += box.of_phones(self._plan().phones, states)
        return found

    async def _inside(self) -> examining.Examined:
        with ExitStack() as legs:
            near, far = legs.enter_context(Leg()), legs.enter_context(Leg())
            name = uuid.uuid4()
            try:
                await self._link.send(*translate.measure_inside(str(name), near.port, far.port))
            except (ActionFailed, LinkDown):
                return examining.Examined((examining.NOT_THERE,))
            examined = await _in_thread(partial(examining.inside, near, far, name), near, far)
            self._own_ms = examined.own_ms
            return examined

    # ---- a line ----

    async def _line(self, wish: DoctorLineRequest) -> AsyncIterator[DoctorLine]:
        plan = self._plan()
        refuse_what_is_not_called(plan, wish.number)
        with self._alone():
            await self._refuse_where_somebody_talks()
            self._refuse_too_many()
            if self._own_ms is None:
                yield _doing("measuring the box itself first, for eight seconds")
                await self._inside()
            yield _doing("ringing: take the call, and let nobody speak")
            told: asyncio.Queue[DoctorLine | None] = asyncio.Queue()
            work = asyncio.create_task(self._measured(wish, told))
            try:
                while (line := await told.get()) is not None:
                    yield line
                examined = await work
            finally:
                work.cancel()
                await asyncio.wait({work})  # the line is free before another may be measured
            for finding in examined.found:
                yield _told(finding)
            await self._keep(_line_of(plan, wish.number), examined.found, examined.curves)
            yield _doing(DONE)

    async def _measured(
        self, wish: DoctorLineRequest, told: "asyncio.Queue[DoctorLine | None]"
    ) -> examining.Examined:
        loop = asyncio.get_running_loop()
        name = uuid.uuid4()
        started_ms = round(time.time() * 1000)
        self._why = None
        try:
            with Leg() as leg:
                self._rung = (str(name), leg)
                order = self._translator.measure_outside(
                    wish.number, str(name), leg.port, RING_S, started_ms
                )
                try:
                    await self._link.send(*order)
                except (ActionFailed, LinkDown):
                    return examining.Examined((self._not_answered(),))

                def tell(words: str) -> None:
                    loop.call_soon_threadsafe(told.put_nowait, _doing(words))

                examined = await _in_thread(
                    partial(
                        examining.outside, leg, name, ring_s=RING_S + LATER_S,
                        keys=wish.keys, own_ms=self._own_ms or 0.0, tell=tell,
                    ),
                    leg,
                )  # fmt: skip
                return examined or examining.Examined((self._not_answered(),))
        finally:
            self._rung = None
            with suppress(ActionFailed, LinkDown):  # a telephone that rings still, for nobody now
                await self._link.send(*self._translator.ended_elsewhere(str(name)))
            self._translator.over(str(name))
            told.put_nowait(None)

    async def _refuse_where_somebody_talks(self) -> None:
        """A telephone dials out, 911 too, without the exchange: Asterisk knows of its call."""
        states = await self._states()
        ends = {*self._plan().phones, *map(trunk_endpoint, self._plan().trunks.values())}
        if any(states.get(end) in reach.BUSY for end in ends):
            raise CALLS_UP

    def _refuse_too_many(self) -> None:
        now = time.monotonic()
        if len(self._lately) == CALLS_MOST and now - self._lately[0] < CALLS_WITHIN_S:
            raise ControlError(
                "too many test calls were placed in a short time", "wait for ten minutes"
            )
        self._lately.append(now)

    def _not_answered(self) -> Finding:
        why = NOT_ANSWERED.get(self._why) if self._why else None
        if why is not None:
            return Finding("the call", Colour.AMBER, why, "try again with somebody who answers")
        return Finding(
            "the call",
            Colour.RED,
            "it never rang: the line or the network did not take it",
            "see what the doctor finds of the box; then call the telephone company",
        )

    # ---- telephones ----

    async def _phones(self, wish: DoctorPhonesRequest) -> AsyncIterator[DoctorLine]:
        plan = self._plan()
        strangers = [each for each in wish.phones if each not in plan.phones]
        if strangers:
            known = ", ".join(plan.phones) or "none"
            raise ControlError(f"there is no phone {strangers[0]}", f"the phones are {known}")
        with self._alone():
            await self._refuse_where_somebody_talks()
            found = []
            for lights in self._lamps:
                lights.light_all()
            try:
                yield _doing("every lamp is lit: look at each of them")
                for extension in wish.phones or plan.phones:
                    name = plan.phones[extension].name
                    yield _doing(f"ringing {extension}, {name}")
                    found.append(await self._ring(extension, name))
                    yield _told(found[-1])
            finally:
                for lights in self._lamps:
                    lights.light_as_counted()
            if not wish.phones:
                await self._keep(PHONES, found)
            yield _doing(DONE)

    async def _ring(self, extension: str, name: str) -> Finding:
        about = f"telephone {extension} {name}"
        state = await self._state(extension)
        if state in reach.BUSY:
            return Finding(about, Colour.GREEN, "is in use, and was left alone")
        leg = str(uuid.uuid4())
        with suppress(ActionFailed, LinkDown):
            await self._link.send(*translate.ring_and_let_go(extension, leg, PHONE_S + AFTER_S))
        until, has_rung = time.monotonic() + PHONE_S, False
        try:
            while time.monotonic() < until:
                await asyncio.sleep(LOOK_S)
                if self._calls():
                    raise CALLS_UP
                state = await self._state(extension)
                if has_rung and state not in reach.RINGS:
                    return Finding(about, Colour.GREEN, "rang, and was picked up or refused")
                has_rung = has_rung or state in reach.RINGS
                if not has_rung and state in reach.ABSENT:
                    break
        finally:
            with suppress(ActionFailed, LinkDown):
                await self._link.send(*self._translator.ended_elsewhere(leg))
        if has_rung:
            return Finding(about, Colour.GREEN, "rang")
        return Finding(
            about,
            Colour.RED,
            "cannot be reached" if state in reach.ABSENT else "did not ring",
            "see that it has power and network, that its password is the box's and that it is not"
            " set to do not disturb",
        )

    async def _state(self, extension: str) -> str:
        return (await self._states()).get(extension, "UNKNOWN")

    async def _states(self) -> dict[str, str]:
        try:
            return reach.states_of(await self._link.ask(*reach.STATES))
        except (ActionFailed, LinkDown) as refused:
            raise ControlError(
                "Asterisk does not answer", "wait for a minute, and try again"
            ) from refused

    # ---- one at a time ----

    def _alone(self) -> ExitStack:
        """For as long as the context lasts, and while nobody is on the telephone."""
        if self._calls() and self._at_work is None:
            raise CALLS_UP
        return self._only_one()

    def _only_one(self) -> ExitStack:
        """For as long as the context lasts."""
        if self._at_work is not None:
            raise IN_USE
        self._at_work = asyncio.current_task()
        self._idle.clear()
        stack = ExitStack()
        stack.callback(self._leave)
        return stack

    def _leave(self) -> None:
        self._at_work = None
        self._idle.set()

    async def _stop(self, _request: DoctorStopRequest) -> DoctorStopReply:
        """Whoever asked for it finds the connection closed; it is no fault of a line's."""
        if self._at_work is None:
            return DoctorStopReply(was_at_work=False)
        if not self._at_work.cancelling():
            self._at_work.cancel()
        try:
            async with asyncio.timeout(STOPS_WITHIN_S):
                await self._idle.wait()
        except TimeoutError:
            raise NOT_STOPPED from None
        return DoctorStopReply(was_at_work=True)

    async def _keep(
        self, what: str, found: Sequence[Finding], curves: Curves | None = None
    ) -> None:
        at = box.today().isoformat(timespec="seconds")
        visit = kept.Visit(at, tuple(found), curves)
        try:
            await asyncio.to_thread(kept.keep, self._place.doctor_told, what, visit)
        except OSError as refused:
            log.warning("what the doctor found is not kept", why=refused.strerror)


def _line_of(plan: Plan, number: str) -> str:
    """By which line this number is called."""
    match outside.way_to(plan, number):
        case outside.Outside(rule=rule):
            return f"line {rule.trunk or rule.modem}"
        case _:
            return SELFTEST


async def _in_thread(work: Callable[[], Made], *legs: Leg) -> Made:
    """Whoever gives up ends the call first, and waits until the thread has noticed."""
    working = asyncio.create_task(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        for leg in legs:
            leg.stop()
        await asyncio.wait({working})
        raise
