"""A clinic's own prompts stand before the words of its site file, each version kept, also after a
publish, a power cut and a restore."""

import asyncio
import json
import os
import shutil
import wave
from dataclasses import replace
from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from firmware import (
    account,
    backup_keys,
    own_prompts,
    people,
    prompt_acts,
    publishing,
    settings,
    speech,
    spoken_before,
)
from firmware.asterisk.sandbox import Native
from firmware.audit import Act
from firmware.backup import is_possible
from firmware.clips import samples_in
from firmware.ledger import Ledger
from firmware.machine import MachineKey
from firmware.own_prompts import Made, OwnPromptError, Spoken, Version, Versions, spoken
from firmware.place import Place
from firmware.proving import proven
from firmware.store import StoreError
from ivr.plan import Plan
from routing_core import audio
from tests.firmware.by_hand import QUICK, SITE, exchange_at, live, site_at
from tests.firmware.test_backup import PAPER, backed_up, brought_back

WELCOME = Spoken("en", "welcome")
SPANISH = '\n[prompts.es]\nwelcome = "Bienvenidos."\n'


def sound(hz: float, seconds: float = 0.5) -> bytes:
    pcm = audio.tone(hz, dbm0=-20, ms=seconds * 1000)
    return speech.wav(pcm.astype(np.float64) / 32767)


LOW, HIGH = sound(300.0), sound(600.0, 0.8)


@cache
def site(text: str = SITE) -> Plan:
    return settings.read(text)


def heard(place: Place, prompt: Spoken = WELCOME) -> bytes:
    return (place.prompts / prompt.path).read_bytes()


def keep(place: Place, what: bytes = LOW, made: Made = Made.RECORDED, words: str = "") -> Version:
    return prompt_acts.keep(place, site(), WELCOME, what, made, "maria", words)


def small_clinic(home: Path) -> Place:
    """A published site, set up, which has been spoken as far as is looked at here."""
    place = Place(home)
    place.site_file.write_text(SITE, "utf-8")
    for name in ("welcome", "goodbye", "leave-a-message"):
        own_prompts.put(place.prompts, Spoken("en", name), sound(900.0, 0.05))
    people.set_up(place.page_db, PAPER.public, "maria", "seven quiet lamps", ["desk"], QUICK)
    account.give(place, "maria", Act.SET_UP)
    return place


@pytest.fixture(scope="module")
def as_set_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all stories, of which each has a copy."""
    return small_clinic(tmp_path_factory.mktemp("as-set-up")).home


@pytest.fixture
def place(as_set_up: Path, tmp_path: Path) -> Place:
    return Place(shutil.copytree(as_set_up, tmp_path / "box"))


def test_what_is_recorded_is_what_callers_hear_and_each_version_is_kept(place: Place) -> None:
    assert keep(place, LOW).number == 1
    assert keep(place, HIGH, Made.UPLOADED, "Good morning.").number == 2
    assert heard(place) == HIGH
    held = own_prompts.versions_of(place.prompts, WELCOME)
    assert held.in_force == 2
    assert [(each.made, each.by, each.words) for each in held.versions] == [
        ("recorded", "maria", ""),
        ("uploaded", "maria", "Good morning."),
    ]
    assert [each.seconds for each in held.versions] == [0.5, 0.8]
    assert own_prompts.sound_of(place.prompts, WELCOME, 1) == LOW


def test_one_back_is_the_version_before_and_at_last_the_sites_words(place: Place) -> None:
    keep(place, LOW)
    keep(place, HIGH)
    assert prompt_acts.back(place, site(), WELCOME, "maria") == 1
    assert heard(place) == LOW
    assert prompt_acts.back(place, site(), WELCOME, "maria") == 0
    assert heard(place) not in (LOW, HIGH)
    with pytest.raises(OwnPromptError, match="name the version"):
        prompt_acts.back(place, site(), WELCOME, "maria")
    assert prompt_acts.back(place, site(), WELCOME, "maria", 2) == 2
    assert heard(place) == HIGH
    assert keep(place, LOW).number == 3
    with pytest.raises(OwnPromptError, match="no version 9; it has 0"):
        prompt_acts.back(place, site(), WELCOME, "maria", 9)


def test_what_was_never_recorded_has_nothing_before_it(place: Place) -> None:
    with pytest.raises(OwnPromptError, match="nothing to go back to"):
        prompt_acts.back(place, site(), WELCOME, "maria")
    prompt = Spoken("es", "flu-shots")
    prompt_acts.keep(place, site(), prompt, LOW, Made.RECORDED, "maria")
    with pytest.raises(OwnPromptError, match=r"no words in \[prompts\.es\]"):
        prompt_acts.back(place, site(), prompt, "maria")
    assert heard(place, prompt) == LOW


def test_a_publish_speaks_the_recording_and_the_words_of_the_rest(place: Place) -> None:
    keep(place, HIGH)
    (place.prompts / WELCOME.path).write_bytes(b"a power cut came before this was written")
    speech.render_site(site(), place.prompts)
    assert heard(place) == HIGH
    assert heard(place, Spoken("en", "goodbye")) not in (HIGH, LOW)


def test_a_language_without_a_voice_is_published_once_each_prompt_is_recorded(
    place: Place,
) -> None:
    spanish = site(SITE + SPANISH)
    with pytest.raises(speech.SpeechError, match="import welcome FILE --language es"):
        speech.render_site(spanish, place.prompts)
    prompt = Spoken("es", "welcome")
    prompt_acts.keep(place, site(), prompt, LOW, Made.UPLOADED, "maria")
    speech.render_site(spanish, place.prompts)
    assert heard(place, prompt) == LOW


def test_who_publishes_is_told_of_every_prompt_that_is_not_recorded_yet_and_nothing_changes(
    place: Place,
) -> None:
    text = SITE + SPANISH + "".join(f'word-{n} = "Palabra."\n' for n in range(20))
    prompt_acts.keep(place, site(), Spoken("es", "word-0"), LOW, Made.RECORDED, "maria")
    launch = Native(place.asterisk, place.prompts)
    wish = publishing.Wish("maria")
    with pytest.raises(speech.SpeechError, match=r"20 of 21 prompts in es.*welcome.*and 10 more"):
        publishing.put_in_force(place, proven(text, settings.beside(place.site_file)), launch, wish)
    assert not (place.asterisk / "current").exists()
    assert place.site_file.read_text() == SITE


def test_each_change_is_entered_in_the_audit_before_it_is_made(place: Place) -> None:
    keep(place, LOW)
    keep(place, HIGH)
    prompt_acts.back(place, site(), WELCOME, "maria")
    ledger = Ledger(place.calls_db, place.ledger_log, MachineKey.at(place.machine_key))
    ledger.close()
    told = place.calls_db.read_bytes() + place.ledger_log.read_bytes()
    assert b"changed the prompt" in told
    for about in (b"en/welcome: version 1, recorded", b"en/welcome: back to version 1"):
        assert about in told


def test_who_cannot_be_accounted_for_changes_nothing(place: Place) -> None:
    before = heard(place)
    place.calls_db.unlink()
    place.calls_db.mkdir()  # the clinic is set up, and its audit cannot be written
    with pytest.raises(StoreError):
        keep(place)
    assert heard(place) == before
    assert own_prompts.versions_of(place.prompts, WELCOME) == Versions()


def test_a_power_cut_at_any_step_leaves_the_old_version_or_all_of_the_new(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every rename is a step; whoever renders the site afterwards sets right what is heard."""
    keep(place, LOW)
    rename, steps = Path.rename, 0

    def cut(path: Path, target: Path) -> Path:
        nonlocal steps
        steps -= 1
        if steps < 0:
            raise OSError("the power is gone")
        return rename(path, target)

    for at in range(3):
        steps = at
        monkeypatch.setattr(Path, "rename", cut)
        with pytest.raises(OSError, match="the power is gone"):
            keep(place, HIGH)
        monkeypatch.setattr(Path, "rename", rename)
        held = own_prompts.versions_of(place.prompts, WELCOME)
        wanted = LOW if held.in_force == 1 else HIGH
        speech.render_site(site(), place.prompts)
        assert heard(place) == wanted
        assert (at == 2) == (held.in_force == 2)


def test_a_list_that_is_damaged_or_a_version_that_is_lost_is_told_with_its_cure(
    place: Place,
) -> None:
    keep(place)
    folder = place.prompts / own_prompts.OWN / "en/welcome"
    (folder / "1.wav").unlink()
    with pytest.raises(speech.SpeechError, match=r"version 1 of en/welcome is lost.*--to"):
        speech.render_site(site(), place.prompts)
    for damage in ("", "{", '{"in_force": -1}', '{"in_force": 1, "more": 2}', "[]", "\xff"):
        (folder / own_prompts.VERSIONS).write_text(damage)
        with pytest.raises(OwnPromptError, match="damaged: restore"):
            own_prompts.versions_of(place.prompts, WELCOME)


@pytest.mark.parametrize("name", ["", "../x", "Welcome", "a b", "_own", "a" * 41, "x\n"])
def test_a_name_cannot_lead_out_of_the_folder(name: str) -> None:
    for language, prompt in ((name, "welcome"), ("en", name)):
        with pytest.raises(OwnPromptError, match="small letters, digits and dashes"):
            spoken(language, prompt)


def test_a_backup_takes_every_version_along_and_callers_hear_none_of_them_by_mistake(
    place: Place,
) -> None:
    keep(place)
    ours = [path for path in (place.prompts / own_prompts.OWN).rglob("*") if path.is_file()]
    assert {path.name for path in ours} == {"1.wav", own_prompts.VERSIONS}
    assert all(is_possible(path.relative_to(place.home).as_posix()) for path in ours)
    played = {path.parent.name for path in place.prompts.glob("*/*.wav")}  # as the exchange loads
    assert played == {"en"}


def test_the_telephone_exchange_may_read_what_is_heard_whatever_the_umask(place: Place) -> None:
    before = os.umask(0o077)
    try:
        keep(place)
    finally:
        os.umask(before)
    assert (place.prompts / WELCOME.path).stat().st_mode & 0o777 == own_prompts.READABLE


def test_the_list_tells_what_is_heard_for_how_long_and_where(place: Place) -> None:
    keep(place, HIGH)
    listed = {each.prompt.name: each for each in prompt_acts.listed(place, site())}
    welcome, goodbye = listed["welcome"], listed["goodbye"]
    assert (welcome.source, welcome.seconds, welcome.words) == (
        "version 1, recorded",
        0.8,
        "Welcome.",
    )
    assert [str(use) for use in welcome.used] == ["flow main, node menu (lines: main)"]
    assert (goodbye.source, goodbye.is_standard) == (prompt_acts.FROM_THE_SITE, True)


def test_a_sound_that_no_telephone_plays_is_never_put_in_force(place: Place) -> None:
    before = heard(place)
    for bad in (b"", b"RIFF", LOW[:44], b"ID3" + LOW):
        with pytest.raises(OwnPromptError):
            keep(place, bad)
    assert heard(place) == before


def test_a_version_of_the_site_that_comes_back_speaks_what_was_recorded_meanwhile(
    place: Place,
) -> None:
    keep(place, LOW)
    spoken_before.keep(place)
    goodbye = Spoken("en", "goodbye")
    before = heard(place, goodbye)
    keep(place, HIGH)
    own_prompts.put(place.prompts, goodbye, LOW)  # as the version on trial says it
    spoken_before.put_back(place)
    assert heard(place) == HIGH
    assert heard(place, goodbye) == before


def known_by(level: int) -> bytes:
    return speech.wav(np.full(1_600, level / 32767))


def test_who_calls_next_hears_it_and_after_a_step_back_what_was_before(tmp_path: Path) -> None:
    place = site_at(tmp_path)

    async def story() -> None:
        async with exchange_at(place) as clinic:
            for level in (77, 88):
                await asyncio.to_thread(keep, place, known_by(level))
                _, _, leg = await clinic.caller()
                await leg.hears(level)
                leg.hang_up()
            await asyncio.to_thread(prompt_acts.back, place, site(), WELCOME, "maria")
            _, _, leg = await clinic.caller()
            await leg.hears(77)
            leg.hang_up()

    live(story())


def test_a_spare_box_has_every_version_and_speaks_the_one_in_force(
    place: Place, tmp_path: Path
) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    backup_keys.remember_paper(place, PAPER)
    keep(place, LOW)
    keep(place, HIGH)
    spare = brought_back(backed_up(place, stick), Place(tmp_path / "spare"))
    assert heard(spare) == HIGH
    held = own_prompts.versions_of(spare.prompts, WELCOME)
    assert held == own_prompts.versions_of(place.prompts, WELCOME)
    assert own_prompts.sound_of(spare.prompts, WELCOME, 1) == LOW


def test_a_disk_with_nothing_left_but_the_systems_own_takes_no_new_version(place: Place) -> None:
    before, full = heard(place), replace(site().retention, reserve_bytes=1 << 62)
    with pytest.raises(OwnPromptError, match="make room first"):
        prompt_acts.keep(
            place, replace(site(), retention=full), WELCOME, LOW, Made.UPLOADED, "maria"
        )
    assert heard(place) == before


def test_what_a_caller_hears_has_gone_through_the_networks_law() -> None:
    clean = samples_in("x", LOW)
    network = samples_in("x", prompt_acts.as_heard(WELCOME, LOW))
    assert network.size == clean.size
    error = network.astype(np.float64) - clean
    assert 30 < 10 * np.log10(np.mean(clean.astype(np.float64) ** 2) / np.mean(error**2)) < 45
    with wave.open(BytesIO(prompt_acts.as_heard(WELCOME, LOW))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)


def test_a_waveform_is_drawn_with_its_lowest_and_highest_in_each_column() -> None:
    sound = np.array([0, 5, -3, 2, 9, -9, 1], np.int16)
    assert prompt_acts.peaks(sound, 2) == [(-3, 5), (-9, 9)]
    assert prompt_acts.peaks(sound, 100) == [(each, each) for each in sound.tolist()]
    assert prompt_acts.peaks(sound[:0], 10) == []


def test_two_versions_are_compared_in_words() -> None:
    one = Version(number=1, made=Made.TYPED, by="maria", at="2026-11-22", seconds=2, words="Hello.")
    other = one.model_copy(update={"number": 2, "made": Made.RECORDED, "seconds": 3.5, "words": ""})
    told = prompt_acts.compared(one, other)
    assert told == ["typed, then recorded", "1.5 s longer", '"Hello.", then ""']
    assert prompt_acts.compared(one, one) == []


def test_a_name_is_said_as_the_site_spells_it_and_only_whole_words_are() -> None:
    hints = {"Nguyen": "win", "Dr. Nguyen": "doctor win", "St": "street"}
    assert speech.respelled("Dr. Nguyen, NGUYEN and Nguyens, First St", hints) == (
        "doctor win, win and Nguyens, First street"
    )
    text = SITE + '\n[pronunciation.en]\nNguyen = "win"\n'
    contents = [
        next(iter(speech.prompts({"en": {"who": "Doctor Nguyen."}}, spelled))).content
        for spelled in ({}, site(text).pronounced)
    ]
    assert contents[0].endswith("Doctor Nguyen.")
    assert contents[1].endswith("Doctor win.")


def test_a_hint_that_cannot_be_said_is_a_fault_with_its_line() -> None:
    text = SITE + '\n[pronunciation.en]\nNguyen = 5\n"<>" = "x"\n'
    with pytest.raises(settings.SiteFaults) as faults:
        site(text)
    told = {fault.where for fault in faults.value.faults}
    assert told == {"pronunciation.en.Nguyen", 'pronunciation.en."<>"'}, json.dumps(sorted(told))
