"""The running exchange between an Asterisk that does as it is told and callers who do not."""

from pathlib import Path

from ivr.commands import Outcome
from tests.firmware.by_hand import BEEP, exchange_at, live, site_at


def test_a_caller_who_hangs_up_during_the_beep_has_left_no_message(tmp_path: Path) -> None:
    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("2")
            await leg.hears(BEEP)
            leg.hang_up()
            await leg.gone
            await clinic.leaves(channel)
            assert await clinic.step(call, "outcome") == Outcome.SHORT_ABANDONED

    live(story())


def test_a_caller_who_is_gone_when_the_beep_is_due_has_left_no_message(tmp_path: Path) -> None:
    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("2")
            leg.press("1")
            leg.hang_up()
            await clinic.step(call, "message")
            await clinic.leaves(channel)
            assert await clinic.step(call, "outcome") == Outcome.SHORT_ABANDONED

    live(story())


def test_a_talk_is_not_cut_because_asterisk_would_not_be_told_how_it_ends(tmp_path: Path) -> None:
    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            clinic.asterisk.refuses.add("Setvar")
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("1")
            offer, agent = await clinic.agent()
            await clinic.bridge(leg, agent)
            other, _, _ = await clinic.caller()
            await clinic.step(other, "menu")
            await clinic.talk(channel, offer)
            await clinic.step(call, "joined")
            assert clinic.asterisk.asked["Hangup"].empty()
            await clinic.leaves(channel)
            assert await clinic.step(call, "outcome") == Outcome.ANSWERED

    live(story())


def test_an_order_that_may_not_be_written_costs_one_phone_and_no_other_caller(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            await clinic.asterisk.tell("Rename", Uniqueid=channel, Newname="PJSIP/\x0b")
            leg.press("1")
            assert await clinic.step(call, "unreachable") in ("101", "102")
            other, _, other_leg = await clinic.caller()
            await clinic.step(other, "menu")
            other_leg.press("1")
            await clinic.step(other, "queue")
            assert not clinic.running.done()

    live(story())


def test_a_talk_goes_on_through_a_lost_link_and_so_does_everybody_else(tmp_path: Path) -> None:
    async def story() -> None:
        async with exchange_at(site_at(tmp_path)) as clinic:
            call, channel, leg = await clinic.caller()
            await clinic.step(call, "menu")
            leg.press("1")
            offer, agent = await clinic.agent()
            await clinic.bridge(leg, agent)
            await clinic.talk(channel, offer)
            await clinic.step(call, "joined")
            clinic.asterisk.channels = [
                b"Uniqueid: %b\r\nContext: engine\r\nBridgeID: b\r\nVariable: NEXT=talked\r\n\r\n"
                % name.encode()
                for name in (channel, offer)
            ]
            clinic.asterisk.drop()
            await clinic.asterisk.asked["DeviceStateList"].get()
            other, _, _ = await clinic.caller()
            await clinic.step(other, "menu")
            await clinic.leaves(channel)
            assert await clinic.step(call, "outcome") == Outcome.ANSWERED

    live(story())
