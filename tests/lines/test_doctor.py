"""The line doctor on two real Asterisks: what it measures is what the far end is known to be, each
fault is called by its name, and nobody else is disturbed."""

import asyncio
import json
import re
from collections.abc import Iterator
from typing import TypeVar

import pytest

from firmware.asterisk.telco import Answers, Busy, Silent, Streams
from firmware.control import ControlError, Strict, Topic, ask_async, follow_async
from firmware.doctor import kept
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
    DoctorStopRequest,
)
from tests.lines.far_end import FarEnd, answering
from tests.system import practice
from tests.system.town import Town, soon

Q = TypeVar("Q", bound=Strict)

ANN, ENGAGED = "2025550191", "2025550192"
LATE = 4  # frames: 80 ms


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with practice.build(tmp_path_factory.mktemp("doctor")) as standing:
        yield standing


async def findings(clinic: Town, topic: Topic[Q, DoctorLine], wish: Q) -> dict[str, DoctorLine]:
    found = {}
    async for told in follow_async(clinic.place.control_socket, topic, wish):
        print(told)  # noqa: T201 - for the test's own record
        if told.doing == DONE:
            break
        if told.about:
            found[told.about] = told
    return found


async def line(clinic: Town, number: str, *, keys: bool = False) -> dict[str, DoctorLine]:
    return await findings(clinic, DOCTOR_LINE, DoctorLineRequest(number=number, keys=keys))


def figures(found: DoctorLine) -> list[float]:
    return [float(each) for each in re.findall(r"(?<![A-Za-z.\d])-?\d+(?:\.\d+)?", found.figure)]


def test_what_is_measured_is_what_the_far_end_is_known_to_be(clinic: Town) -> None:
    async def story() -> None:
        telco = clinic.telco
        async with practice.exchange(clinic), answering() as far:
            await telco.behave(ANN, Streams(far.port))
            await telco.behave(ENGAGED, Busy())
            own = await findings(clinic, DOCTOR, DoctorRequest())
            for way in ("there", "back"):
                assert figures(own[f"level {way}"])[0] == pytest.approx(-13.0, abs=0.5)
            for about in ("both ways", "noise", "echo", "telephones"):
                assert own[about].colour == "green", own[about]
            assert [each for each in own if each.startswith("key ")] == [
                f"key {key}" for key in "159D"
            ]
            assert all(own[f"key {key}"].colour == "green" for key in "159D")

            far.far = FarEnd(loss_db=20, frames_late=LATE, noise_dbm0=-50)
            late = await line(clinic, ANN)
            assert figures(late["echo"])[0] == pytest.approx(20, abs=1)
            assert late["echo"].colour == "red"  # it comes from far away
            assert figures(late["noise"])[1] == pytest.approx(-50, abs=1)  # unweighted
            assert late["noise"].colour in ("green", "amber")

            far.far = FarEnd(loss_db=4, noise_dbm0=-35, twist_db=-6)
            loud = await line(clinic, ANN, keys=True)
            assert (loud["echo"].colour, loud["noise"].colour) == ("red", "red")
            assert "echo canceller" in loud["echo"].cure
            assert "cable" in loud["noise"].cure
            assert figures(loud["echo"])[0] == pytest.approx(4, abs=1)
            assert figures(late["echo"])[1] - figures(loud["echo"])[1] == pytest.approx(80, abs=5)
            for key in "159":
                low, _, twist = figures(loud[f"key {key}"])
                assert low == pytest.approx(-12, abs=0.5)
                assert twist == pytest.approx(-6, abs=0.5)

            far.far = FarEnd(is_mute=True)
            mute = await line(clinic, ANN)
            assert list(mute) == ["both ways"]
            assert "one-way audio" in mute["both ways"].figure
            assert "RTP" in mute["both ways"].cure

            engaged = await line(clinic, ENGAGED)
            assert engaged["the call"].figure == "busy"
            for number, why in {"911": "emergency", "9002025550": "costs", ANN: "too many"}.items():
                with pytest.raises(ControlError, match=why):
                    await line(clinic, number)
            assert telco.emergency_invitations == []
        told = kept.read(clinic.place.doctor_told)
        assert {name: len(visits) for name, visits in told.items()} == {
            "the box": 1, "the self-test line": 1, "line telco": 4,
        }  # fmt: skip
        assert ANN not in json.dumps(clinic.place.doctor_told.read_text("utf-8"))

    clinic.run(story())


async def a_ring_is_stopped_by_a_press(
    clinic: Town, at: str, topic: Topic[Q, DoctorLine], wish: Q
) -> None:
    """With it the lamps, which a ring of all telephones lights."""
    telco, door = clinic.telco, clinic.place.control_socket
    rings = asyncio.create_task(findings(clinic, topic, wish))
    rung = await telco.next_ring(at, after=len(telco.desks[at].rings), within_s=20)
    await telco.lamp_shows(1 if topic is DOCTOR_PHONES else 0, 0)
    assert (await ask_async(door, DOCTOR_STOP, DoctorStopRequest())).was_at_work
    assert await rings == {}
    await soon(rung.ended)
    await telco.lamp_shows(0, 0)
    assert not (await ask_async(door, DOCTOR_STOP, DoctorStopRequest())).was_at_work


def test_each_telephone_is_rung_and_who_did_not_ring_is_named(clinic: Town) -> None:
    async def story() -> None:
        telco = clinic.telco
        async with practice.exchange(clinic):
            await telco.behave("101", Silent())
            await telco.behave(ANN, Answers())
            await telco.unplug("102")
            wish = DoctorPhonesRequest(phones=("101", "102"))
            one, other = (await findings(clinic, DOCTOR_PHONES, wish)).values()
            assert (one.colour, one.figure) == ("green", "rang")
            assert (other.colour, other.figure) == ("red", "cannot be reached")
            with pytest.raises(ControlError, match="no phone 911"):
                await findings(clinic, DOCTOR_PHONES, DoctorPhonesRequest(phones=("911",)))
            all_day = DoctorPhonesRequest(phones=("101",) * 20)
            await a_ring_is_stopped_by_a_press(clinic, "101", DOCTOR_PHONES, all_day)
            outside = DoctorLineRequest(number=ENGAGED)
            await telco.behave(ENGAGED, Silent())
            await a_ring_is_stopped_by_a_press(clinic, ENGAGED, DOCTOR_LINE, outside)
            talk = await telco.dial("103", f"9{ANN}")
            await soon(talk.answered)
            with pytest.raises(ControlError, match="somebody is on the telephone"):
                await line(clinic, ENGAGED)
            await talk.hang_up()

    clinic.run(story())
