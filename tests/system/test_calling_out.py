"""People outside whom the clinic calls by itself, on two real Asterisks: who answers is a caller
like any, who does not is told of with the reason, and nobody is left in silence. Above all, those
who were promised to be called back are, though the exchange is killed in between. And somebody of
the clinic who asked for it hears the draft."""

import asyncio
import os
import signal
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from firmware import tickets, tried
from firmware.app import App
from firmware.asterisk.telco import Answers, Busy, Silent
from firmware.call_me import CALL_ME, CallMeRequest
from firmware.control import ControlError, ask_async
from firmware.mobile_call import ANSWERED_WITHIN_S, CALL_MOBILE, Became, CallMobileRequest
from firmware.own_prompts import Spoken
from firmware.place import Place
from firmware.topics import (
    CALLBACKS,
    CANCEL_CALLBACK,
    STATUS,
    CallbacksRequest,
    CancelCallbackRequest,
    StatusRequest,
)
from ivr import callback_talk, callbacks, commands, events
from ivr.commands import CallOut, Command, Join, Play, Withdraw
from ivr.events import CalledOut, CallerLeft, CallOutEnded, Joined, KeyEnded, Refusal
from tests.system import ear, practice
from tests.system.town import Town, soon
from tests.system.typed import careline, session

Told = TypeVar("Told", bound=events.Event)

SORRY_HZ, PROMPT_HZ, OUTSIDE_HZ, TAKE_HZ = 2450, 2400, 2750, 2800
BEGINS_HZ, RINGS_HZ, TALK_HZ, DRAFT_HZ, WORKS_HZ = 2850, 2900, 2950, 3000, 3050
FOREVER_S, BRIEFLY_S = 60.0, 2.0
ANN, DAN, SERVICE = "2025550181", "2025550182", "2025550183"
PROMPTS = {"call-cut-off": (SORRY_HZ, 1.0), "goodbye": (PROMPT_HZ, 2.0),
           "connecting-outside": (OUTSIDE_HZ, 0.5), "outside-take": (TAKE_HZ, 1.0),
           "draft-begins": (BEGINS_HZ, 0.5), "draft-rings": (RINGS_HZ, 0.5),
           "draft-talk": (TALK_HZ, 0.5), "draft-over": (TALK_HZ, 0.3)}  # fmt: skip
# Those about call-backs take no longer here than they must.
SHORT_HZ = 2600
SHORT = (*callback_talk.PROMPTS, *callback_talk.AGENT_PROMPTS, callback_talk.queue_prompt("one"),
         callback_talk.ASK, "callback-offer")  # fmt: skip
SITE = (
    practice.SITE.replace(
        """[queues.one]
""",
        """[hours.always]
holidays = false
mon = ["00:00-24:00"]
tue = ["00:00-24:00"]
wed = ["00:00-24:00"]
thu = ["00:00-24:00"]
fri = ["00:00-24:00"]
sat = ["00:00-24:00"]
sun = ["00:00-24:00"]

[queues.one]
callbacks = { hours = "always" }
""",
    )
    .replace(
        """[flows.main.nodes.one]
""",
        """[flows.main.nodes.call-back]
kind = "callback"
queue = "one"
otherwise = "desk"

[flows.main.nodes.one]
callback = "call-back"
callback_key = "9"
""",
    )
    .replace(
        """8 = "brisk"
""",
        """8 = "brisk"
9 = "led-outside"

[flows.main.nodes.led-outside]
kind = "queue"
queue = "one"
patience_s = 60
otherwise = "message"
overflow = [{ after_s = 1, to = "service" }]

[flows.main.nodes.service]
kind = "outside"
number = "+12025550183"
for_s = 60
otherwise = "message"
confirm = true
""",
    )
)
# What callers hear of an address stands before the desk, in other words.
DRAFT = (
    SITE.replace('1 = "desk"', '1 = "information"')
    .replace('next = "goodbye"', 'next = "desk"', 1)
    .replace('information = "Menu."', 'information = "Where we are."')
)


class ByHand(App):
    """The exchange; but whom to call, and what to do with those who answered, a story says."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.told: list[events.Event] = []
        self._news = asyncio.Condition()

    def orders(self, *orders: Command) -> None:
        self._performer.perform(list(orders))

    def dies(self) -> None:
        """Of all that its death means to those in the engine, this is what they notice."""
        self._media.let_go_all()

    async def hears(self, event: Told) -> None:
        async with asyncio.timeout(30), self._news:
            await self._news.wait_for(lambda: event in self.told)

    async def is_linked(self) -> None:
        await soon(self._linked.wait())

    def _decided(self, event: events.Event | None, orders: list[Command]) -> None:
        wanted: list[Command] = [o for o in orders if not isinstance(o, commands.Release)]
        super()._decided(event, wanted)
        if event is not None:
            self.told.append(event)
            self._start(self._wake())

    async def _wake(self) -> None:
        async with self._news:
            self._news.notify_all()


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    tones = {**practice.TONES, **dict.fromkeys(SHORT, (SHORT_HZ, 0.06)), **PROMPTS}
    with practice.build(tmp_path_factory.mktemp("outside"), SITE, tones) as standing:
        yield standing


@asynccontextmanager
async def exchange(here: Town) -> AsyncIterator[ByHand]:
    app = ByHand(here.place)
    running = asyncio.create_task(app.run())
    try:
        await app.is_linked()
        yield app
    finally:
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait({running})
    running.result()


def called() -> str:
    return str(uuid.uuid4())


def test_people_whom_the_clinic_calls_answer_are_busy_are_out_or_are_called_no_more(
    here: Town,
) -> None:
    async def story() -> None:
        telco = here.telco
        ann, bob, engaged, out, unwanted = (f"20255501{n}" for n in range(71, 76))
        for number in (ann, bob):
            await telco.behave(number, Answers(after_s=0.2))
        await telco.behave(engaged, Busy())
        for number in (out, unwanted):
            await telco.behave(number, Silent())
        before = rung(here)
        async with exchange(here) as app:
            calls = {number: called() for number in (ann, bob, engaged, out, unwanted, "911")}
            for number, call in calls.items():
                app.orders(CallOut(call, number, BRIEFLY_S if number == out else FOREVER_S))
            await app.hears(CallOutEnded(calls["911"], Refusal.UNREACHABLE))
            await app.hears(CalledOut(calls[ann]))
            await app.hears(CalledOut(calls[bob]))
            app.orders(Play(calls[ann], ("goodbye",), "en", 1))
            to_ann = await telco.next_ring(ann, before[ann])
            to_bob = await telco.next_ring(bob, before[bob])
            assert {ring.caller for ring in (to_ann, to_bob)} == {practice.NUMBER}
            await telco.press(to_ann, "1")
            await app.hears(KeyEnded(calls[ann], "1"))
            await telco.next_ring(unwanted, before[unwanted])
            app.orders(Withdraw(calls[unwanted]))
            await app.hears(CallOutEnded(calls[unwanted], Refusal.WITHDRAWN))
            await app.hears(CallOutEnded(calls[engaged], Refusal.BUSY))
            await app.hears(CallOutEnded(calls[out], Refusal.SILENT))
            await app.hears(events.PromptEnded(calls[ann], 1))
            app.orders(Join(calls[ann], calls[bob]))
            await app.hears(Joined(calls[ann], calls[bob]))
            await soon(to_bob.talked)
            await asyncio.gather(telco.hang_up(to_ann), soon(to_bob.ended))
            for number in (ann, bob):
                await app.hears(CallerLeft(calls[number]))
            assert ear.tone_s(to_ann.heard, PROMPT_HZ) > 1
            assert ear.tone_s(to_bob.heard, SORRY_HZ) == 0
            status = await ask_async(here.place.control_socket, STATUS, StatusRequest())
            assert status.offered == 0  # none of these is a caller's call
            # Our death while somebody listens to us: they hear whose call it was, and are let go.
            last = called()
            app.orders(CallOut(last, ann, FOREVER_S))
            await app.hears(CalledOut(last))
            app.dies()
            to_ann = await telco.next_ring(ann, before[ann] + 1)
            await soon(to_ann.ended)
            await app.hears(CallerLeft(last))
            assert ear.tone_s(to_ann.heard, SORRY_HZ) > 0.5
        assert not telco.emergency_invitations

    here.run(story())


def test_who_asked_to_be_called_back_is_called_though_the_exchange_is_killed(here: Town) -> None:
    async def promised(told: practice.Story, number: str) -> tuple[str, str]:
        """Somebody waits, would rather be called back, and takes the number that is read back."""
        line, call = await told.call(here.telco, number=number)
        await line.press("7")
        await told.step(call, "position")
        await line.press("9")
        await told.step(call, "promise")
        await line.press("1")
        ticket = (await told.step(call, tickets.OPENED)).detail.split()[0]
        assert await told.outcome(call) == "callback"
        await soon(line.ended)
        return call, ticket

    async def story() -> None:
        telco = here.telco
        await telco.behave("101", Busy())
        await telco.behave("103", Answers())
        await telco.behave(ANN, Answers(after_s=0.2))
        await telco.behave(DAN, Silent())
        before = rung(here)
        async with practice.exchange(here) as told:
            await nobody_waits(here)
            ann, to_ann = await promised(told, ANN)
            dan, to_dan = await promised(told, DAN)
            listed = await careline(here, "callbacks")
            assert all(ticket[:8] in listed for ticket in (to_ann, to_dan))
            assert ANN not in listed
            kill(told)
            await telco.behave("101", Answers())
            called = await telco.next_ring(ANN, before[ANN])
            agents = telco.desks["101"].rings[-1]
            assert agents.name == "Call-back"
            assert called.caller == practice.NUMBER
            await soon(called.talked)
            await telco.press(called, "1")
            await told.step(ann, callbacks.CALLED_BACK, to_ann)
            await told.step(ann, tickets.CLOSED, f"{to_ann} kept")
            await asyncio.gather(telco.hang_up(called), soon(agents.ended))
            await told.step(ann, callbacks.TALKED, "101")
            # The next one's turn; the exchange is killed while that telephone rings.
            rings = await telco.next_ring(DAN, before[DAN])
            kill(told)
            await soon(rings.ended)
            # Dan has seen that somebody called, calls again and gets through.
            line, again = await told.call(telco, number=DAN)
            await line.press("4")
            await told.step(again, "joined")
            await told.step(dan, tickets.CLOSED, f"{to_dan} got through")
            await line.hang_up()
            assert await told.outcome(again) == "answered"
            reply = await ask_async(here.place.control_socket, CALLBACKS, CallbacksRequest())
            assert reply.callbacks == ()
            assert ear.tone_s(called.heard, telco.desks["101"].tone_hz) > 0
            assert rung(here)[DAN] == before[DAN] + 1

    here.run(story())


def test_a_queue_leads_to_a_number_outside_and_from_one_that_is_busy_to_what_comes_next(
    here: Town,
) -> None:
    async def story() -> None:
        telco = here.telco
        await telco.behave("101", Busy())
        await telco.behave(SERVICE, Answers(after_s=1))
        before = rung(here)
        async with practice.exchange(here) as told:
            await nobody_waits(here)
            line, call = await told.call(telco)
            await line.press("9")
            service = await telco.next_ring(SERVICE, before[SERVICE])
            assert told.details(call, "overflow") == [
                "main/led-outside: waited 1 s (place 1, agents 1)"
            ]
            assert service.caller == practice.NUMBER
            await soon(service.talked)
            await telco.press(service, "1")
            await told.step(call, "joined")
            assert told.details(call, "outside") == ["called", "answered", "takes the caller"]
            talk_hz = telco.desks[SERVICE].tone_hz
            await line.press("5555")  # a moment of talk, and keys are no business of ours
            await telco.hang_up(service)
            await soon(line.ended)
            assert await told.outcome(call) == "transferred"
            assert ear.tone_s(line.heard, OUTSIDE_HZ) > 0.3
            assert ear.tone_s(service.heard, TAKE_HZ) > 0.3
            assert ear.tone_s(line.heard, talk_hz) > 0.3
            heard = ear.tone_span_s(line.heard, OUTSIDE_HZ)
            assert heard[1] <= ear.tone_span_s(line.heard, talk_hz)[0]
            await telco.behave(SERVICE, Busy())
            line, call = await told.call(telco)
            await line.press("9")
            await told.step(call, "message")
            assert told.details(call, "outside") == ["called", "busy"]
            await line.hang_up()
            assert await told.outcome(call) == "short_abandoned"
        assert not telco.emergency_invitations

    here.run(story())


def test_somebody_hears_the_draft_by_telephone_and_callers_hear_what_is_published(
    here: Town,
) -> None:
    async def story() -> None:
        telco, socket = here.telco, here.place.control_socket
        for phone in ("101", "102", "103"):
            await telco.behave(phone, Answers(after_s=0.2))
        ear.write_tone(here.place.home / "draft.wav", DRAFT_HZ, 0.8)
        sound = (here.place.home / "draft.wav").read_bytes()
        draft = tried.lay(here.place, DRAFT, {Spoken("en", "information"): sound}, {})
        wish = CallMeRequest(draft=draft, phone="103", line="main", at="2026-11-23 12:00")
        async with practice.exchange(here) as told:
            await nobody_waits(here)
            before, offered = rung(here), (await told.status()).offered
            await ask_async(socket, CALL_ME, wish, session=session(here))
            mine = await telco.next_ring("103", before["103"])
            assert mine.name == "The draft"
            await soon(mine.talked)
            await telco.press(mine, "1")
            await soon(mine.ended)  # after a talk that is left out
            tones = (BEGINS_HZ, DRAFT_HZ, RINGS_HZ, TALK_HZ)
            heard = [ear.tone_s(mine.heard, tone_hz) for tone_hz in tones]
            assert min(heard) > 0.3, heard
            assert rung(here) == before + Counter({"103": 1})
            assert (await told.status()).offered == offered
            assert [step for step in told.steps if step.step == "arrived"] == []
            # The published menu leads a caller to the desk by the same key.
            line, call = await told.call(telco)
            await line.press("1")
            await told.step(call, "joined")
            await line.hang_up()
            assert await told.outcome(call) == "answered"
            await soon(line.ended)
            assert ear.tone_s(line.heard, DRAFT_HZ) == 0
            assert (await told.status()).offered == offered + 1
        assert not telco.emergency_invitations

    here.run(story())


def test_a_mobile_is_rung_to_try_the_line_and_hears_that_it_works(here: Town) -> None:
    async def story() -> None:
        telco, socket = here.telco, here.place.control_socket
        ear.write_tone(here.place.prompts / "en" / "test-call.wav", WORKS_HZ, 1.0)
        await telco.behave(ANN, Answers(after_s=0.5))
        await telco.behave(DAN, Busy())
        async with practice.exchange(here) as told:
            before, offered = rung(here), (await told.status()).offered

            async def becomes(number: str) -> Became:
                wish = CallMobileRequest(number=number)
                me = session(here)
                reply = await ask_async(socket, CALL_MOBILE, wish, ANSWERED_WITHIN_S, me)
                return reply.became

            assert await becomes(f"+1{ANN}") is Became.HEARD
            mobile = await telco.next_ring(ANN, before[ANN])
            assert mobile.caller == "2025550100"
            await soon(mobile.ended)
            assert ear.tone_s(mobile.heard, WORKS_HZ) > 1.5, "said twice"
            assert await becomes(DAN) is Became.BUSY
            for emergency in ("911", "9911", "988"):
                with pytest.raises(ControlError, match="by people only"):
                    await becomes(emergency)
            assert rung(here) == before + Counter({ANN: 1, DAN: 1})
            assert (await told.status()).offered == offered
            assert [step for step in told.steps if step.step == "arrived"] == []
        assert not telco.emergency_invitations

    here.run(story())


def rung(here: Town) -> Counter[str]:
    """How often each has been rung so far."""
    return Counter({number: len(desk.rings) for number, desk in here.telco.desks.items()})


async def nobody_waits(here: Town) -> None:
    """Whatever a story that went wrong has left is withdrawn."""
    socket = here.place.control_socket
    for left in (await ask_async(socket, CALLBACKS, CallbacksRequest())).callbacks:
        wish = CancelCallbackRequest(ticket=left.ticket)
        await ask_async(socket, CANCEL_CALLBACK, wish, session=session(here))


def kill(told: practice.Story) -> None:
    assert told.supervisor.pid is not None
    os.kill(told.supervisor.pid, signal.SIGKILL)
