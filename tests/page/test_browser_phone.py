"""A telephone in the browser, through WebRTC to a real Asterisk: it calls a desk and a desk calls
it, each hears the other's tone, its keys are the menu's; and nobody else comes in by its door."""

import asyncio
import http.client
import math
import os
import ssl
import time
import wave
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Playwright, WebSocketRoute, expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from firmware import people, sessions
from firmware.asterisk.telco import CENTRE_TONE_HZ, Answers
from firmware.clips import samples_in
from firmware.control import ask_async
from firmware.operations import Role
from firmware.phone_recording import SPEAK_PROMPT, SpeakPromptRequest
from firmware.place import Place
from firmware.ports import ports_of
from firmware.vault import CHUNK_BYTES
from tests.lines.far_mobile import steady_level
from tests.page import practice
from tests.page.conftest import CHROMIUM
from tests.page.practice import IN_BROWSER, Practice
from tests.page.visit import Visit, visiting
from tests.system import ear

TONES = {"emergency-first": 1050, "hours-and-address": 1250}
SPOKEN_HZ = 1900  # into the browser's microphone
SPOKEN_DBM0 = 3.14 + 20 * math.log10(8000 / 32768)
WITHIN_DB = 1.5
PHONE, DESK = IN_BROWSER, "102"
# As the browser's processing of speech would change a tone; nobody else switches it off.
UNPROCESSED = """
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = () => ask({
  audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
});
"""
# Whether a tone is the loudest of what is heard, 20 dB over the middle, for half a second.
HEARD = """async ([toneHz, withinS]) => {
  const stream = document.querySelector("[data-heard]").srcObject;
  const context = new AudioContext();
  const ear = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(stream).connect(ear);
  const bins = new Float32Array(ear.frequencyBinCount);
  let heard = 0;
  for (let turn = 0; turn < withinS * 10 && heard < 5; turn += 1) {
    await new Promise((done) => setTimeout(done, 100));
    ear.getFloatFrequencyData(bins);
    const loud = bins.indexOf(Math.max(...bins));
    const middle = [...bins].sort((a, b) => a - b)[bins.length >> 1];
    const isIt = Math.abs((loud * context.sampleRate) / ear.fftSize - toneHz) < 15;
    heard = isIt && bins[loud] > middle + 20 ? heard + 1 : 0;
  }
  await context.close();
  return heard >= 5;
}"""


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    site = practice.with_browser_phone()
    home = tmp_path_factory.mktemp("talking")
    with practice.standing(home, site_text=site, furnish=with_tones) as up:
        yield up


def with_tones(place: Place) -> None:
    """What the menu speaks says where in it one is."""
    for name, tone_hz in TONES.items():
        ear.write_tone(place.prompts / "en" / f"{name}.wav", tone_hz, 20.0)


@pytest.fixture(scope="module")
def talking(driver: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser whose microphone hears a tone for ever."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: sudo apt-get install chromium")
    tone = spoken(tmp_path_factory.mktemp("microphone") / "tone.wav")
    browser = driver.chromium.launch(
        executable_path=CHROMIUM,
        args=[
            "--no-sandbox",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={tone}",
        ],
    )
    yield browser
    browser.close()


def spoken(path: Path) -> Path:
    """What the microphone hears, over and over: whole periods, as a browser wants its samples."""
    time_s = np.arange(48_000) / 48_000
    samples = (8000 * np.sin(2 * np.pi * SPOKEN_HZ * time_s)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(samples.tobytes())
    return path


def switched_on(visit: Visit, role: Role = Role.FRONT_DESK) -> None:
    visit.page.add_init_script(UNPROCESSED)
    visit.sign_in(role)
    visit.go("/phone")
    visit.page.get_by_role("button", name="Switch it on").click()
    expect(visit.page.locator("[data-state]")).to_have_text("It is ready: it rings here.")


def hears(visit: Visit, tone_hz: float) -> None:
    assert visit.page.evaluate(HEARD, [tone_hz, practice.SOON_S]), tone_hz


def test_it_calls_a_desk_and_each_hears_the_other(
    clinic: Practice, talking: Browser, pictures: Path
) -> None:
    telco = clinic.rehearsal.telco
    with visiting(talking, clinic.address) as visit:
        switched_on(visit)
        visit.nobody_is_kept(pictures, "phone", ("desktop", "phone"))
        clinic.run(telco.behave(DESK, Answers()))
        visit.page.locator("#number").fill(DESK)
        visit.page.get_by_role("button", name="Call this number").click()
        ring = clinic.run(telco.next_ring(DESK))
        assert ring.caller == PHONE
        expect(visit.page.locator("[data-state]")).to_have_text("You are connected.")
        hears(visit, telco.desks[DESK].tone_hz)
        visit.page.get_by_role("button", name="Hang up").click()
        clinic.run(asyncio.wait_for(ring.ended, practice.SOON_S))
        expect(visit.page.locator("[data-state]")).to_have_text("It is ready: it rings here.")
    assert ear.tone_s(ring.heard, SPOKEN_HZ) > 0.4


def test_a_desk_calls_it_and_it_is_answered_muted_and_held(
    clinic: Practice, talking: Browser, tmp_path: Path
) -> None:
    telco, said_hz = clinic.rehearsal.telco, 2300
    said = ear.write_tone(tmp_path / "said.wav", said_hz)
    with visiting(talking, clinic.address) as visit:
        switched_on(visit)
        state = visit.page.locator("[data-state]")
        call = clinic.run(telco.dial(DESK, PHONE, speaks=said))
        expect(state).to_have_text("It rings.")
        expect(visit.page.locator("[data-caller]")).to_contain_text(f"Front desk 2 · {DESK}")
        visit.page.get_by_role("button", name="Answer").click()
        expect(state).to_have_text("You are connected.")
        clinic.run(asyncio.wait_for(call.answered, practice.SOON_S))
        hears(visit, said_hz)
        mute = visit.page.get_by_role("button", name="Mute")
        mute.click()
        expect(state).to_have_text("You are connected, and are not heard.")
        mute.click()
        visit.page.get_by_role("button", name="Hold").click()
        expect(state).to_have_text("The call is on hold.")
        visit.page.get_by_role("button", name="Hold").click()
        expect(state).to_have_text("You are connected.")
        clinic.run(call.hang_up())
        expect(state).to_have_text("It is ready: it rings here.")
    assert ear.tone_s(call.heard, SPOKEN_HZ) > 0.4


def test_the_menu_is_tried_with_it_and_hears_its_keys(clinic: Practice, talking: Browser) -> None:
    with visiting(talking, clinic.address) as visit:
        switched_on(visit, Role.ADMIN)
        trying = visit.page.context.new_page()
        trying.goto(f"{clinic.address}/try")
        trying.get_by_label("Hear it on a telephone").select_option(PHONE)
        trying.get_by_role("button", name="Call me").click()
        expect(visit.page.locator("[data-state]")).to_have_text("It rings.")
        visit.page.get_by_role("button", name="Answer").click()
        expect(visit.page.locator("[data-state]")).to_have_text("You are connected.")
        hears(visit, TONES["emergency-first"])
        visit.page.locator("[data-key='4']").click()
        hears(visit, TONES["hours-and-address"])
        visit.page.get_by_role("button", name="Hang up").click()


def test_what_is_said_into_it_is_heard_by_the_engine_as_loud_as_it_was(
    clinic: Practice, talking: Browser
) -> None:
    """The same leg as a caller has in the menu; what is said is recorded, and measured there."""
    place, wish = clinic.place, SpeakPromptRequest(phone=PHONE)
    now = datetime.now(UTC)
    session = people.write(place.page_db, lambda c: sessions.begin(c, f"the {Role.ADMIN}", now))
    with visiting(talking, clinic.address) as visit:
        switched_on(visit)
        asking = clinic.there.begin(
            ask_async(place.control_socket, SPEAK_PROMPT, wish, practice.SOON_S, session)
        )
        expect(visit.page.locator("[data-state]")).to_have_text("It rings.")
        visit.page.get_by_role("button", name="Answer").click()
        expect(visit.page.locator("[data-state]")).to_have_text("You are connected.")
        visit.page.locator("[data-key='1']").click()  # it records from now on
        until_two_seconds_are_sealed(place)
        visit.page.locator("[data-key='1']").click()
        heard = samples_in("", b64decode(asking.result(practice.SOON_S).sound)).astype(np.float64)
    assert abs(steady_level(heard, SPOKEN_HZ) - SPOKEN_DBM0) < WITHIN_DB


def until_two_seconds_are_sealed(place: Place) -> None:
    """A file grows without telling anybody; each second is written as it is spoken."""
    deadline = time.monotonic() + practice.SOON_S
    while not any(each.stat().st_size > 3 * CHUNK_BYTES for each in place.messages.rglob("*.part")):
        assert time.monotonic() < deadline
        os.sched_yield()


def test_it_is_there_again_when_the_page_is_loaded_again_and_in_one_window_only(
    clinic: Practice, talking: Browser
) -> None:
    with visiting(talking, clinic.address) as visit:
        switched_on(visit)
        visit.page.reload()
        visit.page.locator("h1").click()  # a browser lets nothing sound before somebody has pressed
        expect(visit.page.locator("[data-state]")).to_have_text("It is ready: it rings here.")
        second = visit.page.context.new_page()
        second.goto(f"{clinic.address}/phone")
        second.get_by_role("button", name="Switch it on").click()
        expect(second.locator("[data-state]")).to_have_text("It is ready: it rings here.")
        state = visit.page.locator("[data-state]")
        expect(state).to_have_text("Your telephone is in another window now.")
        with visiting(talking, clinic.address) as colleague:
            colleague.sign_in(Role.NURSE)
            colleague.go("/phone")
            expect(colleague.page.locator("[data-join]")).to_contain_text("the front desk has it")


def test_it_signs_in_again_when_the_network_was_away(clinic: Practice, talking: Browser) -> None:
    with visiting(talking, clinic.address) as visit:
        ways: list[WebSocketRoute] = []

        def passes(way: WebSocketRoute) -> None:
            way.connect_to_server()
            ways.append(way)

        visit.page.route_web_socket("**/ws?*", passes)
        switched_on(visit)
        state = visit.page.locator("[data-state]")
        ways[0].close(code=1011)
        expect(state).to_have_text("The connection to the box is lost; it is tried again.")
        expect(state).to_have_text("It is ready: it rings here.")
        call = clinic.run(clinic.rehearsal.telco.dial(DESK, PHONE))
        expect(state).to_have_text("It rings.")
        clinic.run(call.hang_up())


def test_it_calls_rings_and_reaches_911_while_the_exchange_is_down(
    talking: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    site = practice.with_browser_phone()
    home = tmp_path_factory.mktemp("alone")
    with (
        practice.standing(home, site_text=site, has_exchange=False) as alone,
        visiting(talking, alone.address) as visit,
    ):
        telco, state = alone.rehearsal.telco, visit.page.locator("[data-state]")
        alone.run(telco.behave(DESK, Answers()))
        switched_on(visit)
        visit.page.locator("#number").fill(DESK)
        visit.page.get_by_role("button", name="Call this number").click()
        expect(state).to_have_text("You are connected.")
        hears(visit, telco.desks[DESK].tone_hz)
        visit.page.get_by_role("button", name="Hang up").click()
        expect(state).to_have_text("It is ready: it rings here.")
        call = alone.run(telco.dial(DESK, PHONE))
        expect(state).to_have_text("It rings.")
        alone.run(call.hang_up())
        expect(state).to_have_text("It is ready: it rings here.")
        visit.page.locator("#number").fill("911")
        visit.page.get_by_role("button", name="Call this number").click()
        expect(state).to_have_text("You are connected.")
        hears(visit, CENTRE_TONE_HZ)
        (told,) = telco.emergency_invitations
        assert told.number == "911"
        visit.page.get_by_role("button", name="Hang up").click()


def test_it_ends_with_the_session(clinic: Practice, talking: Browser) -> None:
    with visiting(talking, clinic.address) as visit:
        switched_on(visit)
        elsewhere = visit.page.context.new_page()
        elsewhere.goto(f"{clinic.address}/today")
        elsewhere.get_by_role("button", name="Sign out").click()
        expect(visit.page.get_by_role("button", name="Sign in")).to_be_visible()
        call = clinic.run(clinic.rehearsal.telco.dial(DESK, PHONE))
        clinic.run(asyncio.wait_for(call.ended, practice.SOON_S))
        assert not call.answered.done()
    assert "a page failed" not in clinic.said()


def test_who_may_not_use_the_microphone_is_told_so_in_spanish_too(
    clinic: Practice, chromium: Browser, pictures: Path
) -> None:
    with visiting(chromium, clinic.address, "es") as visit:
        visit.sign_in(Role.FRONT_DESK)
        visit.go("/phone")
        visit.page.get_by_role("button", name="Encenderlo").click()
        expect(visit.page.locator("[data-state]")).to_contain_text("micrófono")
        visit.nobody_is_kept(pictures, "phone-choosing", ("desktop", "phone"))


@pytest.mark.parametrize(
    ("role", "origin", "status"),
    [
        (None, "", 403),
        (Role.TECHNICIAN, "", 403),
        (Role.AUDITOR, "", 403),
        (Role.FRONT_DESK, "https://elsewhere.example", 403),
        (Role.FRONT_DESK, "null", 403),
    ],
)
def test_nobody_else_comes_in_by_its_door(
    clinic: Practice, chromium: Browser, role: Role | None, origin: str, status: int
) -> None:
    """Neither who has not signed in nor who may not talk, nor another page in their name."""
    with visiting(chromium, clinic.address) as visit:
        if role is not None:
            visit.sign_in(role)
        cookies = visit.page.context.cookies()
    session = "; ".join(f"{each['name']}={each['value']}" for each in cookies)
    at = f"wss://{urlsplit(clinic.address).netloc}/ws?phone={PHONE}"
    with pytest.raises(InvalidStatus) as refused:
        connect(
            at,
            ssl=ssl._create_unverified_context(),  # noqa: S323 - the page of this rehearsal
            subprotocols=[Subprotocol("sip")],
            additional_headers={"cookie": session},
            origin=Origin(origin or clinic.address),
            proxy=None,
        )
    assert refused.value.response.status_code == status


@pytest.mark.parametrize(
    "path",
    ["/", "/ari/asterisk/info", "/static/index.html", "/httpstatus", "/mxml", "/rawman",
     "/manager", "/amanager", "/phoneprov", "/metrics", "/media", "/uploads"],
)  # fmt: skip
def test_asterisk_s_http_answers_nothing_else(clinic: Practice, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", ports_of(clinic.place).http)
    connection.request("GET", path)
    assert connection.getresponse().status == 404
    connection.close()
