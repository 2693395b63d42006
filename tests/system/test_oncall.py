"""An urgent message after hours, on two real Asterisks: the telephone company's phones play the
patient and the doctors."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import pins, spare_key, topics
from firmware.asterisk.telco import Answers, Busy, Silent
from firmware.control import ask_async
from tests.sites import head
from tests.system import ear
from tests.system.practice import build, exchange, silence_falls
from tests.system.town import Town, soon
from tests.system.typed import session

PATIENT, ALVAREZ, BRANDT, SERVICE = (f"20255501{n}" for n in (23, 71, 72, 99))
PIN = "246813"
CALLER_HZ = 2500  # what the patient says, all the while
SENT_HZ, MESSAGE_HZ, PATIENT_HZ = 2300, 2400, 2600
BRIEF_S = 0.2
TONES = {
    "main-menu": (1050, 8.0),
    "leave-a-message": (1150, BRIEF_S),
    "urgent-listen": (1250, BRIEF_S),
    "urgent-keep": (1350, BRIEF_S),
    "urgent-number": (2200, BRIEF_S),
    "urgent-number-keep": (1550, BRIEF_S),
    "urgent-sent": (SENT_HZ, 0.6),
    "lease-pin": (1650, BRIEF_S),
    "lease-pin-wrong": (1750, BRIEF_S),
    "lease-message": (MESSAGE_HZ, 0.6),
    "lease-menu": (1950, BRIEF_S),
    "lease-owned-menu": (2050, BRIEF_S),
    "lease-patient": (PATIENT_HZ, 0.6),
    "connecting": (2150, BRIEF_S),
    "goodbye": (2700, BRIEF_S),
    **{f"number-{digit}": (2800, 0.1) for digit in range(10)},
}
SITE = (
    head(("101",))
    + """
[[dial_rules]]
prefix = "9"
digits = 10
trunk = "telco"
shows = "2025550100"

[mailboxes.doctor]
members = ["rehearsal"]

[people.alvarez]
name = "Dr. Alvarez"
numbers = ["2025550171"]

[people.brandt]
name = "Dr. Brandt"
numbers = ["2025550172"]

[people.service]
name = "Answering service"
numbers = ["2025550199"]

[oncall]
last_resort = "service"

[[oncall.layers.first]]
people = ["alvarez"]
begins = 2026-01-05
hand_off = "08:00"

[[oncall.layers.second]]
people = ["brandt"]
begins = 2026-01-05
hand_off = "08:00"

[flows.main]
start = "menu"
zero = "desk"

[flows.main.nodes.menu]
kind = "menu"
prompts = ["main-menu"]
choices = { 1 = "urgent", 2 = "desk" }
timeout_s = 10
tries = 1
otherwise = "desk"

[flows.main.nodes.urgent]
kind = "message"
mailbox = "doctor"
prompts = ["leave-a-message"]
longest_s = 30
next = "goodbye"
oncall = ["first", "second"]

[flows.main.nodes.desk]
kind = "ring"
phones = ["101"]
for_s = 20
otherwise = "goodbye"

[flows.main.nodes.goodbye]
kind = "hangup"
prompts = ["goodbye"]

[prompts.en]
main-menu = "Menu."
"""
)


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with build(tmp_path_factory.mktemp("oncall"), SITE, TONES) as standing:
        yield standing


def test_an_urgent_message_finds_its_doctor_through_busy_lines_and_a_killed_exchange(
    practice: Town, speech_tone: Path
) -> None:
    """Read back, promised, called at once; the box dies while a telephone rings and goes on when it
    comes back; PIN, message, the patient joined; closed, and the box's own key to it destroyed."""

    async def story() -> None:
        telco = practice.telco
        await telco.behave(ALVAREZ, Busy())
        await telco.behave(BRANDT, Silent())
        await telco.behave(PATIENT, Answers())
        pins.keep(practice.place.page_db, "brandt", PIN)
        async with exchange(practice) as told:
            line, call = await told.call(telco, number=PATIENT)
            await line.press("1")
            await told.step(call, "recording")
            await line.say(speech_tone)
            await line.press("#")
            (message,) = (s.detail.split()[0] for s in [await told.step(call, "sealed")])
            assert spare_key.held(practice.place.messages) == [message]
            await told.step(call, "asked", "keep")  # when all of it has been played back
            await line.press("1")
            await told.step(call, "asked", "number")
            await line.press("1")
            await told.step(call, "on call", "is open")
            await soon(line.ended)
            assert await told.outcome(call) == "message"
            # The patient heard the own message, and was promised what was written.
            assert ear.tone_s(line.heard, CALLER_HZ) > ear.HEARD_S
            assert ear.tone_s(line.heard, SENT_HZ) > ear.HEARD_S
            happened = [(step.step, step.detail) for step in told.steps if step.call == call]
            opened = ("on call", f"urgent message {message} is open")
            assert happened.index(opened) < happened.index(("kept", "main/urgent"))
            await told.step(call, "on call", "alvarez: busy")
            await telco.next_ring(BRANDT)
            assert told.supervisor.pid is not None
            told.supervisor.ready.clear()
            await telco.behave(BRANDT, Answers())
            os.kill(told.supervisor.pid, signal.SIGKILL)
            await soon(told.supervisor.ready.wait())
            ring = await telco.next_ring(BRANDT, 1)
            await told.step(call, "on call", "brandt answered")
            await telco.press(ring, "13579#")
            await told.step(call, "on call", "brandt: wrong PIN")
            await telco.press(ring, PIN + "#")
            await told.step(call, "on call", "brandt: PIN right")
            await told.step(call, "on call", "brandt heard the message")
            await telco.press(ring, "2")
            await told.step(call, "on call", "brandt took it")
            patient = await telco.next_ring(PATIENT)
            await soon(patient.talked)  # and has heard what was asked
            await telco.press(patient, "1")
            await told.step(call, "on call", "brandt talks with the patient")
            await telco.hang_up(patient)
            await soon(ring.ended)
            assert ear.tone_s(patient.heard, PATIENT_HZ) > ear.HEARD_S
            assert ear.tone_s(ring.heard, MESSAGE_HZ) > ear.HEARD_S
            assert ear.tone_s(ring.heard, CALLER_HZ) > ear.HEARD_S
            await told.step(call, "on call", "brandt talked with the patient")
            closing = topics.SettleLeaseRequest(lease=message, to="close", note="seen at home")
            socket = practice.place.control_socket
            await ask_async(socket, topics.SETTLE_LEASE, closing, session=session(practice))
            await told.step(call, "key destroyed", message)
            assert spare_key.held(practice.place.messages) == []
            # Who hangs up in the middle of a word has left a message all the same.
            line, second = await told.call(telco, number=PATIENT)
            await line.press("1")
            await told.step(second, "recording")
            await line.say(speech_tone)
            await line.hang_up()
            await told.step(second, "on call", "is open")
            await told.step(second, "on call", "alvarez: busy")
            assert (await told.status()).offered == 2  # whom we called is no caller
        await silence_falls(practice)
        assert not telco.emergency_invitations
        assert PATIENT not in practice.said()

    practice.run(story())
