"""Prompts on the page: what is missing is seen first, and another sound is brought, cut, heard as
callers will hear it, kept, and taken back."""

import re
from io import BytesIO

import numpy as np
import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from firmware import (
    brought,
    decoding,
    draft,
    loudness,
    own_prompts,
    prompt_acts,
    recorded,
    settings,
    speech,
)
from firmware.clips import samples_in
from firmware.loudness import RATE_HZ
from firmware.operations import Role
from firmware.own_prompts import Made, Spoken
from firmware.web import prompts
from firmware.web.limits import Limits
from firmware.web.page import UPLOADS
from firmware.web.prompts import shelves_of
from firmware.web.words import Words
from routing_core.audio import Law, decode, encode
from tests.firmware.by_hand import SITE
from tests.firmware.test_own_prompts import HIGH, LOW
from tests.firmware.test_recorded import saved, spoken
from tests.web.clinic import Clinic, named, token_in

WELCOME, GOODBYE = Spoken("en", "welcome"), Spoken("en", "goodbye")
SPANISH_SITE = SITE.replace(
    'start = "menu"', 'start = "menu"\nlanguage = "es"'
) + '\n[prompts.es]\nwelcome = "Bienvenidos."\n'  # fmt: skip


class Desk:
    """The admin's browser."""

    def __init__(self, clinic: Clinic, browser: TestClient, role: Role = Role.ADMIN) -> None:
        clinic.sign_in(browser, named(role))
        self.browser = browser
        self.token = token_in(browser.get("/today").text)

    def sees(self, path: str) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def hears(self, path: str) -> bytes:
        answer = self.browser.get(path)
        assert answer.headers["content-type"] == "audio/wav"
        return answer.content

    def does(self, path: str, **fields: str) -> Response:
        return self.browser.post(path, data={"token": self.token, **fields})

    def brings(self, body: bytes, made: str = "uploaded", to: str = "en/welcome") -> Response:
        headers = {"x-form-token": self.token, "accept": "application/json"}
        kind = {"content-type": "application/octet-stream"}
        answer: Response = self.browser.post(
            f"/prompts/bring/{to}?made={made}", content=body, headers=headers | kind
        )
        return answer

    def keeps(self, look: str) -> Response:
        """As the handles stand."""
        shown = self.sees(look)
        cut = {
            name: re.search(rf'name="{name}"[^>]*value="([\d.]+)"', shown)
            for name in ("start", "end")
        }
        assert all(cut.values())
        return self.does(f"{look}/keep", **{k: v[1] for k, v in cut.items() if v})


def recording(seconds: float = 1.0) -> bytes:
    """Somebody speaks for so long, with a second of the room before and after it."""
    return saved(spoken(8_000, seconds=seconds), 8_000, format="FLAC").getvalue()


def heard(clinic: Clinic, prompt: Spoken = WELCOME) -> bytes:
    return (clinic.place.prompts / prompt.path).read_bytes()


def test_what_cannot_be_heard_is_seen_first_with_where_it_is_spoken(clinic: Clinic) -> None:
    for name in settings.prompts_of(settings.read(SITE))["en"]:
        own_prompts.put(clinic.place.prompts, Spoken("en", name), LOW)
    with clinic.browser() as browser:
        desk = Desk(clinic, browser)
        assert "Every prompt can be heard" in desk.sees("/prompts")
        (clinic.place.prompts / GOODBYE.path).unlink()
        shown = desk.sees("/prompts")
    assert "1 prompt is missing" in shown
    assert shown.index("nothing to hear") < shown.index("Welcome.")
    assert "menu main, step bye<" in shown


def test_a_prompt_that_a_menu_says_in_a_language_without_words_for_it_is_missing(
    clinic: Clinic,
) -> None:
    site = settings.read(SPANISH_SITE)
    missing, _, _ = shelves_of(prompt_acts.listed(clinic.place, site), site, Words("en"))
    lacking = {row.name: row for row in missing.rows}["leave-a-message"]
    spanish = next(cell for cell in lacking.cells if cell.prompt.language == "es")
    assert (spanish.language, spanish.words, spanish.heard) == ("Spanish", "", "nothing to hear")


def test_a_file_is_brought_cut_heard_kept_and_taken_back(clinic: Clinic) -> None:
    own_prompts.put(clinic.place.prompts, WELCOME, LOW)
    with clinic.browser() as browser:
        desk = Desk(clinic, browser)
        look = desk.brings(recording()).json()["href"]
        assert heard(clinic) == LOW
        whole = desk.hears(f"{look}/heard?start=0&end=3")
        on_the_phone = samples_in("", desk.hears(f"{look}/heard?start=0&end=3&phone=true"))
        network = decode(encode(samples_in("", whole), Law.ULAW), Law.ULAW)
        assert (on_the_phone == network).all()
        assert (on_the_phone != samples_in("", whole)).any()
        half = desk.hears(f"{look}/heard?start=1.5&end=3")
        assert len(half) < len(whole)
        words = {"start": "1.5", "end": "3", "words": "Good morning."}
        assert desk.does(f"{look}/keep", **words).headers["location"] == "/prompts/of/en/welcome"
        assert heard(clinic) == half
        shown = desk.sees("/prompts/of/en/welcome")
        assert "version 1, uploaded" in shown
        assert "Good morning." in shown
        assert desk.hears("/prompts/sound/en/welcome") == half
        assert not list(clinic.place.brought.iterdir())
        look = desk.brings(recording(2.0)).json()["href"]
        assert desk.keeps(look).status_code == 303
        assert heard(clinic) != half
        assert desk.does("/prompts/back/en/welcome", to="1").status_code == 303
        assert heard(clinic) == half
        assert desk.hears("/prompts/sound/en/welcome?version=2") != half
    told = [each for each in clinic.audited() if each[1] == "changed the prompt"]
    assert [each[2] for each in told] == [
        "en/welcome: version 1, uploaded",
        "en/welcome: version 2, uploaded",
        "en/welcome: back to version 1",
    ]
    level = loudness.speech_level_dbm0(samples_in("", half).astype(float) / 32768)
    assert level == pytest.approx(-19, abs=1)


def test_the_handles_stand_at_the_words_at_first(clinic: Clinic) -> None:
    found = decoding.decoded(recording(1.0))
    cut = recorded.words_of(found)
    assert cut.start_s == pytest.approx(1.0, abs=0.15)
    assert cut.end_s == pytest.approx(2.0, abs=0.15)
    assert recorded.words_of(np.zeros(0, np.int16)) == recorded.WHOLE


def test_no_handle_stands_beyond_the_end_of_a_recording(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        desk = Desk(clinic, browser)
        for size, most in ((29_497, "3.68"), (1, "0.01")):  # 3.687125 s, and hardly anything
            sound = speech.wav(np.full(size, 900 / 32767))
            name = brought.lay(clinic.place, WELCOME, Made.RECORDED, named(Role.ADMIN), sound)
            shown = desk.sees(f"/prompts/new/{name}")
            assert f'max="{most}"' in shown
            assert not re.search(r'\s(width|x)="-', shown)


def test_what_the_page_records_is_taken_and_what_only_says_so_is_not(clinic: Clinic) -> None:
    voice = spoken(44_100, seconds=0.5)
    ours = saved(voice, 44_100, format="WAV", subtype="PCM_16").getvalue()
    with clinic.browser() as browser:
        desk = Desk(clinic, browser)
        look = desk.brings(ours, "recorded").json()["href"]
        assert desk.keeps(look).status_code == 303
        refused = desk.brings(recording(0.5), "recorded")
        assert refused.status_code == 422
        assert refused.json()["cure"] == "it did not arrive whole: record it again"
    (version,) = own_prompts.versions_of(clinic.place.prompts, WELCOME).versions
    assert version.made is Made.RECORDED


def test_what_cannot_be_a_prompt_is_refused_with_the_cure_and_leaves_nothing(
    clinic: Clinic,
) -> None:
    silence = saved(np.zeros(4_000), 8_000, format="WAV").getvalue()
    with clinic.browser("es") as browser:
        desk = Desk(clinic, browser)
        refused = desk.brings(b"<html>no sound</html>")
        assert (refused.status_code, refused.json()["cure"]) == (
            422,
            "no es una grabación que se pueda leer: guárdela como WAV, FLAC, OGG o MP3",
        )
        assert desk.brings(b"\0" * (decoding.FILE_MOST + 1)).status_code == 413
        assert desk.brings(recording(), to="en/never-heard-of").status_code == 404
        assert desk.brings(recording(), made="typed").status_code == 422
        look = desk.brings(silence).json()["href"]
        refused = desk.does(f"{look}/keep", start="0", end="0.5")
        assert refused.status_code == 422
        assert "casi no se oye" in refused.text
        for cut in ({"start": "x", "end": "1"}, {"start": "nan", "end": "1"}, {"start": "0"}):
            assert desk.does(f"{look}/keep", **cut).status_code == 422
        assert desk.browser.get(f"{look}/heard?start=9&end=8").status_code == 422
        assert desk.does(f"{look}/drop").status_code == 303
        assert desk.browser.get(look).status_code == 404
    assert not list(clinic.place.brought.iterdir())
    assert not (clinic.place.prompts / own_prompts.OWN).exists()


def test_words_are_typed_and_a_name_is_said_as_it_is_spelled(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        desk = Desk(clinic, browser)
        looks = [
            desk.does("/prompts/say/en/welcome", text="Doctor Nguyen.", **hint).headers["location"]
            for hint in ({}, {"word": "Nguyen", "said": "win"})
        ]
        sounds = [desk.hears(f"{look}/heard") for look in looks]
        assert sounds[0] != sounds[1]
        assert desk.keeps(looks[1]).status_code == 303
        assert heard(clinic) == sounds[1]
        assert "Doctor Nguyen." in desk.sees(looks[0])
        assert desk.does("/prompts/say/en/welcome", text="").status_code == 422
        two_lines = desk.does("/prompts/say/en/welcome", text="Good\nmorning.")
        assert two_lines.status_code == 422
        assert "in one line" in two_lines.text


def test_how_a_name_is_said_everywhere_is_a_step_of_the_draft(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        desk = Desk(clinic, browser)
        hint = {"text": "Doctor Nguyen.", "word": "Nguyen", "said": "win"}
        assert desk.does("/prompts/hint/en/welcome", **hint).status_code == 303
        assert desk.does("/prompts/hint/en/welcome", word="Nguyen", said="").status_code == 422
    kept = draft.read(clinic.place)
    assert settings.read(kept.text).pronounced["en"] == {"Nguyen": "win"}
    assert [step.what for step in kept.done] == ["how Nguyen is said"]
    assert settings.read(clinic.place.site_file.read_text("utf-8")).pronounced == {}


def test_what_only_the_draft_says_can_be_recorded_before_it_is_published(clinic: Clinic) -> None:
    more = '\nflu-shots = "Flu shots are here."\n[prompts.es]\nflu-shots = "Ya hay vacunas."\n'
    kept = draft.read(clinic.place)
    draft.keep(clinic.place, kept.text + more, "doe", "flu shots", kept.step, clinic.clock.now)
    with clinic.browser() as browser:
        desk = Desk(clinic, browser)
        assert "by the voice, once you publish" in desk.sees("/prompts/of/en/flu-shots")
        assert "nothing to hear" in desk.sees("/prompts/of/es/flu-shots")
        assert "Ya hay vacunas." in desk.sees("/prompts")
        look = desk.brings(recording(0.5), to="es/flu-shots").json()["href"]
        assert desk.keeps(look).status_code == 303
        assert "version 1, uploaded" in desk.sees("/prompts/of/es/flu-shots")


def test_what_is_heard_now_is_cut_and_what_it_was_stays_a_version(clinic: Clinic) -> None:
    sound = recorded.prompt_of(decoding.decoded(recording(2.0)))
    site = settings.read(SITE)
    prompt_acts.keep(clinic.place, site, WELCOME, sound, Made.RECORDED, "doe", "Welcome, all.")
    with clinic.browser() as browser:
        desk = Desk(clinic, browser)
        look = desk.does("/prompts/trim/en/welcome").headers["location"]
        assert "Welcome, all." in desk.sees(look)
        assert desk.does(f"{look}/keep", start="0", end="1").status_code == 303
        assert 0.8 < (prompt_acts.seconds_of(clinic.place, WELCOME) or 0) < 1.2
        desk.does("/prompts/back/en/welcome", to="1")
    assert heard(clinic) == sound


def test_a_sound_that_was_brought_is_its_bringer_s_and_the_oldest_make_room(
    clinic: Clinic,
) -> None:
    names = [
        brought.lay(clinic.place, WELCOME, Made.UPLOADED, named(Role.ADMIN), HIGH)
        for _ in range(brought.MOST + 3)
    ]
    assert len(list(clinic.place.brought.glob("*.wav"))) == brought.MOST
    assert all(path.stat().st_mode & 0o077 == 0 for path in clinic.place.brought.iterdir())
    with clinic.browser() as browser:
        desk = Desk(clinic, browser, Role.TECHNICIAN)
        assert desk.browser.get(f"/prompts/new/{names[-1]}").status_code == 404
    assert brought.find(clinic.place, names[-1], named(Role.ADMIN)) is not None
    assert brought.find(clinic.place, "../page", named(Role.ADMIN)) is None


def test_a_language_without_a_voice_is_recorded_and_said_so(clinic: Clinic) -> None:
    clinic.place.site_file.write_text(SPANISH_SITE, "utf-8")
    with clinic.browser() as browser:
        desk = Desk(clinic, browser)
        shown = desk.sees("/prompts/of/es/welcome")
        assert "No voice for Spanish is installed" in shown
        assert "Speak it" not in shown
        typed = desk.does("/prompts/say/es/welcome", text="Bienvenidos.")
        assert typed.status_code == 422
        assert "the voice speaks English only" in typed.text


def test_a_long_body_is_let_in_where_a_recording_goes_and_nowhere_else() -> None:
    limits = Limits(uploads=UPLOADS)
    assert limits.body_most("/prompts/bring/en/welcome") > decoding.FILE_MOST
    assert limits.body_most("/prompts/say/en/welcome") == limits.body_bytes


def test_why_a_recording_is_refused_is_said_in_spanish_too() -> None:
    spanish = Words.of("es")
    for why in (*decoding.REFUSED.values(), decoding.BROKEN):
        assert spanish.told(why) != why


def test_a_waveform_is_as_tall_as_its_loudest_and_silence_is_a_line() -> None:
    loud = prompts.drawn(np.array([-16_000, 16_000] * RATE_HZ, np.int16))
    assert loud.count("M") == prompts.COLUMNS
    assert loud.startswith("M0.5 1.0V119.")
    assert "V60.5" in prompts.drawn(np.zeros(80, np.int16))
    assert prompts.drawn(np.zeros(0, np.int16)) == ""


def test_a_second_reading_waits_for_nobody_and_is_told_to_come_again(clinic: Clinic) -> None:
    with clinic.browser() as browser:
        desk = Desk(clinic, browser)
        for _ in range(prompts.AT_ONCE):
            assert prompts._reading.acquire(blocking=False)
        try:
            refused = desk.brings(BytesIO(recording(0.5)).getvalue())
        finally:
            for _ in range(prompts.AT_ONCE):
                prompts._reading.release()
    assert refused.status_code == 503
    assert "Try again" in refused.json()["cure"]
