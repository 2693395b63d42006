"""A gateway to an analog line, as the clinic meets it: the second Asterisk speaks as one does.

What an HT813 does is that of its Administration Guide, page FXO PORT: "DTMF Methods" are in audio,
RFC 2833 or SIP INFO; a hang-up is told by "Current Disconnect" or the "PSTN Disconnect Tone", where
the exchange gives one, else by nothing but the "PSTN Silence Timeout", which may be switched off.
"""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmware.asterisk.telco import DESK_ADDRESS, Answers, Keys, Silent
from ivr.plan import Plan
from routing_core import audio
from tests.system import ear, practice
from tests.system.town import Figures, Town, soon

FAX = "110"
GATEWAYS_PORT = 9  # nobody listens there (RFC 863)
SILENCE_S = 6
SITE = (
    practice.SITE.replace("[phones.110]", "[phones.110]\nfax = true")
    .replace(', "109", "110"]', ', "109"]')
    .replace("[trunks.telco]", f'[trunks.telco]\ngateway = "ht813"\nsilence_s = {SILENCE_S}')
)
# The busy tone of North America (ITU-T E.180, supplement 2), as faint as a long line makes it.
BUSY_HZ, BUSY_MS, BUSY_DBM0 = (480, 620), 500, -27.0
ENDED_WITHIN_S = 5.0


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Its one line comes by a gateway, and at 110 stands a fax machine."""
    with practice.build(tmp_path_factory.mktemp("gateways"), SITE) as standing:
        yield standing


def cadence(path: Path, *tones_hz: float, on_ms: int, off_ms: int, dbm0: float = -20.0) -> Path:
    """One round of a tone of the network, to be said over and over."""
    tones = [audio.tone(hz, dbm0=dbm0, ms=on_ms).astype(np.int32) for hz in tones_hz]
    burst = np.sum(tones, axis=0).astype(np.int16)
    return ear.write_samples(path, np.concatenate([burst, np.zeros(off_ms * 8, np.int16)]))


def silence(seconds: int) -> np.ndarray:
    return np.zeros(seconds * 8000, np.int16)


def test_a_fax_machine_that_calls_the_menu_reaches_the_clinics_own(
    clinic: Town, tmp_path: Path
) -> None:
    """ITU-T T.30: 1100 Hz for half a second, then three seconds of silence."""
    calling = cadence(tmp_path / "cng.wav", 1100, on_ms=500, off_ms=3000, dbm0=-30)

    async def story(figures: Figures) -> None:
        await clinic.telco.behave(FAX, Answers())
        async with practice.exchange(clinic) as told:
            line, call = await told.call(clinic.telco, speaks=calling)
            ring = await clinic.telco.next_ring(FAX, len(clinic.telco.desks[FAX].rings))
            figures.at_most(7.0, ring.at_s - line.answered.result(), "rings the fax machine")
            await soon(ring.talked)
            await line.hang_up()
            assert await told.outcome(call) == "transferred"
            assert told.details(call, "line") == ["a fax machine calls"]
        assert ear.tone_s(line.heard, clinic.telco.desks[FAX].tone_hz) > 0.5

    clinic.run_on_time(story)


def test_a_key_reaches_the_menu_once_however_the_gateway_sends_it(clinic: Town) -> None:
    async def story() -> None:
        async with practice.exchange(clinic) as told:
            came = [await told.call(clinic.telco, keys=keys) for keys in Keys]
            for line, call in came:
                await line.press("5")
                await told.step(call, "digit")
            for line, call in came:
                await line.hang_up()
                await told.outcome(call)
                assert told.details(call, "digit") == ["5"]

    clinic.run(story())


@pytest.mark.parametrize(
    ("key", "until", "outcome"),
    [
        ("", "menu", "short_abandoned"),
        ("1", "rings", "short_abandoned"),
        ("3", "recording", "message"),
    ],
)
def test_a_hang_up_that_only_the_busy_tone_tells_ends_the_call_wherever_the_caller_was(
    clinic: Town, tmp_path: Path, key: str, until: str, outcome: str
) -> None:
    """The gateway goes on with the call, and passes the tone on."""
    busy = cadence(tmp_path / "busy.wav", *BUSY_HZ, on_ms=BUSY_MS, off_ms=BUSY_MS, dbm0=BUSY_DBM0)

    async def story(figures: Figures) -> None:
        for desk in ("101", "102"):
            await clinic.telco.behave(desk, Silent())
        async with practice.exchange(clinic) as told:
            line, call = await told.call(clinic.telco)
            if key:
                await line.press(key)
            await told.step(call, until)
            began = time.monotonic()
            await line.speak(busy)
            ended = await soon(line.ended)
            figures.at_most(ENDED_WITHIN_S, ended - began, f"busy tone heard in {until}")
            assert await told.outcome(call) == outcome
            assert told.details(call, "line") == ["the busy tone: the caller has hung up"]

    clinic.run_on_time(story)


def test_a_caller_of_whom_nothing_is_heard_for_ever_is_not_kept_for_ever(clinic: Town) -> None:
    """The gateway tells nothing, and the line gives no tone."""

    async def story(figures: Figures) -> None:
        for desk in ("101", "102"):
            await clinic.telco.behave(desk, Silent())
        async with practice.exchange(clinic) as told:
            line, call = await told.call(clinic.telco)
            await line.press("1")
            pressed = time.monotonic()
            ended = await soon(line.ended)
            assert ended - pressed > SILENCE_S - 1
            figures.at_most(SILENCE_S + 2, ended - pressed, "after the last sound")
            await told.outcome(call)
            assert told.details(call, "line") == ["nothing for too long"]

    clinic.run_on_time(story)


def test_no_talk_is_ended_by_silence_or_by_a_tone_in_it(clinic: Town, tmp_path: Path) -> None:
    """Somebody holds the receiver and listens; a machine beeps beside the caller."""
    busy = cadence(tmp_path / "busy.wav", *BUSY_HZ, on_ms=BUSY_MS, off_ms=BUSY_MS, dbm0=BUSY_DBM0)

    async def story() -> None:
        await clinic.telco.behave("101", Answers())
        await clinic.telco.behave("102", Silent())
        async with practice.exchange(clinic) as told:
            line, call = await told.call(clinic.telco)
            await line.press("7")
            ring = await clinic.telco.ringing("101")
            await soon(ring.talked)
            await told.step(call, "joined")
            await line.say(ear.write_samples(tmp_path / "hush.wav", silence(SILENCE_S + 1)))
            await line.say(busy)
            await line.say(busy)
            assert not line.ended.done()
            await line.hang_up()
            assert told.details(call, "line") == []

    clinic.run(story())


def test_a_telephone_at_the_gateways_own_socket_is_a_telephone_and_not_the_line(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """An HT813 has both, at two ports of one address: here all the desks are at the gateway's."""

    def beside_the_desks(plan: Plan) -> Plan:
        telco = replace(plan.trunks["telco"], host=DESK_ADDRESS, port=GATEWAYS_PORT)
        return replace(plan, trunks={"telco": telco})

    async def story(here: Town) -> None:
        await here.telco.behave("103", Answers())
        call = await here.telco.dial("104", "103")
        ring = await here.telco.next_ring("103")
        await soon(ring.talked)
        await call.hang_up()
        help_ = await here.telco.dial("104", "911")
        assert "trunk-telco" in await here.clinic.rx("core show channels concise")
        await help_.hang_up()

    home = tmp_path_factory.mktemp("beside")
    with practice.build(home, SITE, change=beside_the_desks) as here:
        here.run(story(here))
