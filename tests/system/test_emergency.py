"""911 by static dialplan alone, on a real Asterisk with none of our programs running.

The telephone company here answers emergency numbers itself: nothing leaves this machine.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from firmware.asterisk.dialplan import SELFTEST_NUMBER, Timing
from firmware.asterisk.telco import CENTRE_TONE_HZ, Answers, Begins, LiveCall, Refuses, Silent
from firmware.asterisk.translate import CALLS_UP, calls_up
from ivr.plan import Plan
from tests.system import ear, town
from tests.system.town import SOON_S, Figures, Town, soon

CLINIC = "2025550100"
AT_ONCE_S = 1.0
NOTICE_SAID_S = 90.0  # twice; it takes a third of that
SHORT_WINDOW = Timing(emergency_window_s=8)
SHORT_TRIES = Timing(emergency_tries_s=3)


@pytest.fixture
def clinic(here: Town) -> Town:
    """The town as on a quiet day."""
    here.run(calm(here))
    return here


async def calm(here: Town) -> None:
    """Nobody talks, no emergency lately, lines enough, desks that refuse."""
    await here.telco.all_over()
    await here.clinic.rx("database deltree emergency")
    await here.telco.lines(1000)
    await here.telco.accept_all()
    for desk in here.telco.desks:
        await here.telco.behave(desk, Refuses())
    here.telco.invitations.clear()


@pytest.fixture(scope="module")
def eight_seconds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a caller says meanwhile who listens for eight seconds."""
    return ear.write_tone(tmp_path_factory.mktemp("eight") / "seconds.wav", 2500, seconds=8)


def built(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    change: Callable[[Plan], Plan],
    timing: Timing,
) -> Iterator[Town]:
    """A town unlike the template."""
    with town.build(tmp_path_factory.mktemp(name), change, timing) as standing:
        yield standing


async def full(here: Town) -> tuple[LiveCall, LiveCall]:
    """Both lines are taken: by an earlier caller, and by a phone that dialled out later."""
    await here.telco.lines(2)
    await here.telco.behave("101", Silent())
    earlier = await here.telco.call(CLINIC)
    await soon(earlier.answered)
    later = await here.telco.dial("103", "92025550188")
    await soon(later.answered)
    return earlier, later


async def ended(*calls: LiveCall) -> None:
    """Each has been cut off."""
    for call in calls:
        await soon(call.ended)


async def all_over(*calls: LiveCall) -> None:
    for call in calls:
        await call.hang_up()


def test_every_phone_reaches_every_emergency_number(clinic: Town) -> None:
    async def story(figures: Figures) -> None:
        await calm(clinic)
        for desk, phone in clinic.site.plan.phones.items():
            for dialled in clinic.site.plan.emergency_numbers:
                began = time.monotonic()
                call = await clinic.telco.dial(desk, dialled)
                answered = await soon(call.answered)
                figures.at_most(AT_ONCE_S, answered - began, f"{dialled} from {desk} answered")
                await call.hang_up()
                invitation = clinic.telco.emergency_invitations[-1]
                # 9 for a line, then 911: the centre's number is 911.
                assert invitation.number == ("911" if dialled == "9911" else dialled)
                assert invitation.caller == phone.callback
        count = len(clinic.site.plan.phones) * len(clinic.site.plan.emergency_numbers)
        assert len(clinic.telco.emergency_invitations) == count

    clinic.run_on_time(story)


def test_whoever_would_switch_the_box_off_sees_a_call_for_help_that_asterisk_carries_alone(
    clinic: Town,
) -> None:
    async def story() -> None:
        async with clinic.told() as told:
            await clinic.telco.behave("101", Silent())
            talk = await clinic.telco.call(CLINIC)
            await soon(talk.answered)
            up = calls_up(await told.link.ask(*CALLS_UP))
            assert up.calls > 0
            assert not up.is_emergency
            help_ = await clinic.telco.dial("103", "911")
            await soon(help_.answered)
            assert calls_up(await told.link.ask(*CALLS_UP)).is_emergency
            await all_over(talk, help_)

    clinic.run(story())


def test_caller_and_centre_hear_each_other(clinic: Town, speech_tone: Path) -> None:
    async def story() -> None:
        call = await clinic.telco.dial("104", "911", speaks=speech_tone)
        await soon(call.answered)
        await call.say(speech_tone)
        await call.hang_up()
        assert ear.tone_s(call.heard, CENTRE_TONE_HZ) > ear.HEARD_S

    clinic.run(story())


def test_the_front_desk_is_told_who_dialled_where_and_what_to_call_back(clinic: Town) -> None:
    async def story(figures: Figures) -> None:
        await calm(clinic)
        await clinic.telco.behave("101", Answers())
        told_101, told_102 = (len(clinic.telco.desks[each].rings) for each in ("101", "102"))
        call = await clinic.telco.dial("104", "911")
        notice = await clinic.telco.next_ring("101", told_101)
        figures.at_most(AT_ONCE_S, await soon(call.answered) - notice.at_s, "answered")
        second = await clinic.telco.next_ring("102", told_102)
        for ring in (notice, second):
            assert ring.caller == "104"
            assert ring.name.startswith("911 from 104 12 Maple Street")
        await asyncio.wait_for(notice.ended, NOTICE_SAID_S)  # it ends by itself
        await call.hang_up()
        for prompt in ("emergency-from", "number-4", "location-104", "emergency-callback"):
            assert (
                ear.likeness(notice.heard, clinic.place.prompts / "en" / f"{prompt}.wav") > ear.SAME
            )

    clinic.run_on_time(story)


def test_a_silent_or_missing_front_desk_delays_no_emergency_call(clinic: Town) -> None:
    async def story(figures: Figures) -> None:
        await calm(clinic)
        await clinic.telco.behave("101", Silent())
        await clinic.telco.unplug("102")
        began = time.monotonic()
        call = await clinic.telco.dial("105", "911")
        figures.at_most(AT_ONCE_S, await soon(call.answered) - began, "answered")
        await call.hang_up()
        await clinic.telco.desks_registered()

    clinic.run_on_time(story)


def test_a_front_desk_phone_that_dials_911_is_not_rung_about_itself(clinic: Town) -> None:
    async def story() -> None:
        before = len(clinic.telco.desks["101"].rings)
        told = len(clinic.telco.desks["102"].rings)
        call = await clinic.telco.dial("101", "911")
        await clinic.telco.next_ring("102", told)
        await soon(call.answered)
        await call.hang_up()
        assert len(clinic.telco.desks["101"].rings) == before

    clinic.run(story())


def test_with_all_lines_busy_the_newest_call_makes_way(clinic: Town) -> None:
    async def story(figures: Figures) -> None:
        await calm(clinic)
        earlier, later = await full(clinic)
        began = time.monotonic()
        emergency = await clinic.telco.dial("104", "911")
        figures.at_most(2.0, await soon(emergency.answered) - began, "answered")
        await ended(later)
        assert not earlier.ended.done()
        await all_over(emergency, earlier)

    clinic.run_on_time(story)


def test_a_trunk_still_busy_after_the_cut_is_tried_each_second(clinic: Town) -> None:
    async def story(figures: Figures) -> None:
        await calm(clinic)
        earlier, later = await full(clinic)
        await clinic.telco.refuse_all()
        emergency = await clinic.telco.dial("104", "911")
        await soon(later.ended)
        tries = await clinic.telco.invited("911", count=5)
        assert not earlier.ended.done(), "one call was cut; the trunk's refusals cost no other"
        figures.at_least(2.5, tries[-1].at_s - later.ended.result(), "it has refused")
        await clinic.telco.accept_all()
        accepted = time.monotonic()
        figures.at_most(1.5, await soon(emergency.answered) - accepted, "answered")
        pauses = [b.at_s - a.at_s for a, b in pairwise(tries[1:])]
        figures.at_least(0.8, min(pauses), "shortest pause")
        figures.at_most(1.3, median(pauses), "pause")
        await all_over(emergency, earlier)

    clinic.run_on_time(story)


def test_a_line_that_goes_to_the_next_caller_after_the_cut_makes_way_too(clinic: Town) -> None:
    async def story() -> None:
        earlier, later = await full(clinic)
        await clinic.telco.refuse_all()
        emergency = await clinic.telco.dial("104", "911")
        await soon(later.ended)
        # An hour in which everybody is put through to the front desk has begun with the 911.
        quicker = await clinic.telco.call(CLINIC)
        await soon(quicker.answered)
        await clinic.telco.accept_all()
        await soon(emergency.answered)
        await soon(quicker.ended)
        assert not earlier.ended.done()
        await all_over(emergency, earlier)

    clinic.run(story())


def test_two_emergency_calls_at_once_take_two_lines(clinic: Town) -> None:
    async def story() -> None:
        earlier, later = await full(clinic)
        first, second = await asyncio.gather(
            clinic.telco.dial("104", "911"), clinic.telco.dial("105", "911")
        )
        await soon(first.answered)
        await soon(second.answered)
        await ended(earlier, later)
        assert not first.ended.done()
        assert not second.ended.done()
        await all_over(first, second)

    clinic.run(story())


def test_an_emergency_call_never_makes_way_for_another(clinic: Town) -> None:
    async def story() -> None:
        await clinic.telco.lines(1)
        first = await clinic.telco.dial("104", "911")
        await soon(first.answered)
        second = await clinic.telco.dial("105", "911")
        await clinic.telco.invited("911", count=4)
        assert not first.ended.done()
        await first.hang_up()
        await soon(second.answered)
        await second.hang_up()

    clinic.run(story())


def test_while_it_tries_the_caller_hears_that_it_does(clinic: Town) -> None:
    async def story(figures: Figures) -> None:
        await calm(clinic)
        await clinic.telco.refuse_all()
        call = await clinic.telco.dial("104", "911", begins=Begins.EARLY)
        await clinic.telco.invited("911", count=10, within_s=10 + SOON_S)
        await call.hang_up()
        trying = clinic.place.prompts / "en" / "emergency-trying.wav"
        assert ear.likeness(call.heard, trying) > ear.SAME
        figures.at_most(1.0, ear.longest_silence_s(call.heard), "silence")

    clinic.run_on_time(story)


def test_calls_within_the_hour_ring_the_phone_that_called_and_the_front_desk(
    clinic: Town,
) -> None:
    async def story(figures: Figures) -> None:
        await calm(clinic)
        desks = clinic.telco.desks
        for desk in desks:
            await clinic.telco.behave(desk, Silent())
        async with clinic.told() as told:
            rang = {number: len(desks[number].rings) for number in ("101", "102")}
            emergency = await clinic.telco.dial("105", "911")
            await soon(emergency.answered)
            for number, before in rang.items():
                await clinic.telco.next_ring(number, before)  # for the notice
            await emergency.hang_up()
            counts = {number: len(desk.rings) for number, desk in desks.items()}
            back = await clinic.telco.call(CLINIC, number="911")
            answered = await soon(back.answered)
            for desk in ("105", "101", "102"):
                ring = await clinic.telco.next_ring(desk, counts[desk])
                figures.at_most(AT_ONCE_S, ring.at_s - answered, f"{desk} rang")
            assert len(desks["103"].rings) == counts["103"]
            await told.user_event("CareLineEmergencyReturn")
            assert not told.user_events("CareLineCall"), "menu, hours and queue are skipped"
            await back.hang_up()

    clinic.run_on_time(story)


def test_a_clock_set_back_does_not_make_the_hour_longer(clinic: Town) -> None:
    async def story() -> None:
        await clinic.clinic.rx(f"database put emergency until {int(time.time()) + 10_000}")
        async with clinic.told() as told:
            call = await clinic.telco.call(CLINIC)
            await told.user_event("CareLineCall")
            await call.hang_up()

    clinic.run(story())


def test_after_the_hour_the_menu_is_back(tmp_path_factory: pytest.TempPathFactory) -> None:
    for clinic in built(tmp_path_factory, "hour", lambda plan: plan, SHORT_WINDOW):

        async def story(figures: Figures, clinic: Town = clinic) -> None:
            async with clinic.told() as told:
                emergency = await clinic.telco.dial("105", "911")
                await soon(emergency.answered)
                await emergency.hang_up()
                began = time.monotonic()
                while not told.user_events("CareLineCall"):
                    call = await clinic.telco.call(CLINIC)
                    await soon(call.answered)
                    await call.hang_up()
                took = time.monotonic() - began
                assert told.user_events("CareLineEmergencyReturn")
                figures.at_most(SHORT_WINDOW.emergency_window_s + 1.5, took, "the hour")

        clinic.run_on_time(story)


def test_without_a_line_the_caller_hears_at_once_that_911_is_out_of_reach(
    tmp_path_factory: pytest.TempPathFactory, eight_seconds: Path
) -> None:
    def no_line(plan: Plan) -> Plan:
        return replace(plan, trunks={}, lines={}, dial_rules=())

    for clinic in built(tmp_path_factory, "noline", no_line, Timing()):

        async def story(figures: Figures, clinic: Town = clinic) -> None:
            told = len(clinic.telco.desks["101"].rings)
            began = time.monotonic()
            call = await clinic.telco.dial("104", "911")
            figures.at_most(AT_ONCE_S, await soon(call.answered) - began, "answered")
            await clinic.telco.next_ring("101", told)
            await call.say(eight_seconds)
            await call.hang_up()
            sentence = clinic.place.prompts / "en" / "cannot-reach-911.wav"
            assert ear.likeness(call.heard, sentence) > ear.SAME
            figures.at_most(1.0, ear.longest_silence_s(call.heard), "silence")
            assert clinic.telco.invitations == []

        clinic.run_on_time(story)


def test_with_no_line_registered_it_is_tried_and_then_said(
    tmp_path_factory: pytest.TempPathFactory, eight_seconds: Path
) -> None:
    def nobody_there(plan: Plan) -> Plan:
        trunks = {
            name: replace(trunk, port=9, username="clinic", registers=True)  # 9: discard
            for name, trunk in plan.trunks.items()
        }
        return replace(plan, trunks=trunks)

    for clinic in built(tmp_path_factory, "unregistered", nobody_there, SHORT_TRIES):

        async def story(figures: Figures, clinic: Town = clinic) -> None:
            began = time.monotonic()
            call = await clinic.telco.dial("104", "911")
            answered = await soon(call.answered)
            figures.at_most(SHORT_TRIES.emergency_tries_s + 8, answered - began, "said")
            await call.say(eight_seconds)
            await call.hang_up()
            sentence = clinic.place.prompts / "en" / "cannot-reach-911.wav"
            assert ear.likeness(call.heard, sentence) > ear.SAME

        clinic.run_on_time(story)


def test_the_self_test_line_walks_911_and_no_emergency_call_leaves(clinic: Town) -> None:
    async def story() -> None:
        rings = sum(len(desk.rings) for desk in clinic.telco.desks.values())
        async with clinic.told() as told:
            for number in ("911", "9911", "112", SELFTEST_NUMBER):
                await told.link.send(
                    "Originate", ("Channel", f"PJSIP/{number}@selftest"), ("Async", "true"),
                    ("Application", "Wait"), ("Data", "1"),
                )  # fmt: skip
            arrived = await told.user_event("CareLineCall")
            assert (arrived["Line"], arrived["Dialled"]) == ("selftest", SELFTEST_NUMBER)
            await told.user_event("CareLineFailsafe")  # no exchange here; nobody's phone rings
            walks = await told.events(3, "UserEvent", UserEvent="CareLineEmergencyWalk")
        assert {walk["Dialled"] for walk in walks} == {"911", "9911", "112"}
        assert {walk["Trunks"] for walk in walks} == {"trunk-telco"}
        assert clinic.telco.emergency_invitations == []
        assert sum(len(desk.rings) for desk in clinic.telco.desks.values()) == rings
        assert "0 results" in await clinic.clinic.rx("database show emergency")

    clinic.run(story())
