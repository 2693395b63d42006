"""What the network says on a line: each country's tones told once, and none where none is."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import loudness, music
from firmware.bench.vowels import IN_THE_KEYS_BANDS, TALKER, Speaker, vowels
from firmware.line_ear import FAX
from routing_core.audio import Law, Pcm, pcm_from_bytes
from routing_core.national import COUNTRIES, FAX_ANSWER, FAX_CALLING, SIT
from routing_core.progress import (
    Burst,
    Event,
    Kind,
    Progress,
    Recognised,
    Tone,
    Tones,
)
from tests.dtmf.sound import RATE_HZ, Signal, noise, peak, samples, silence, sine
from tests.progress.items import (
    Line,
    arrived,
    drawn_line,
    every_line,
    every_tone,
    heard,
    rng_for,
    sounded,
)

US = Tones(COUNTRIES["us"])
BUSY = next(tone for tone in COUNTRIES["us"] if tone.kind is Kind.BUSY)
RINGBACK = next(tone for tone in COUNTRIES["us"] if tone.kind is Kind.RINGBACK)
EUROPEAN_BUSY = next(tone for tone in COUNTRIES["nl"] if tone.kind is Kind.BUSY)

# Tables of different pitches. All countries hear hours of talk in make proof-progress.
FEW_COUNTRIES = ("us", "uk", "fr", "de")

# The lines that are hardest, of every_line()'s.
HARDEST = [line for line in every_line() if line.noise_db == 15 and line.off and line.dbm0 == -30]


def told(events: list[Event]) -> list[tuple[str, Kind | None]]:
    return [(type(event).__name__, getattr(event, "kind", None)) for event in events]


def once(kind: Kind) -> list[tuple[str, Kind | None]]:
    return [("Recognised", kind), ("Ended", kind)]


def speaker(seconds: float) -> Signal:
    return vowels(rng_for("speaker"), seconds, TALKER)


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_every_tone_of_a_country_is_told_once_over_lines_good_and_bad(country: str) -> None:
    tones = Tones(COUNTRIES[country])
    for tone in (tone for name, tone in every_tone() if name == country):
        rng = rng_for("short", country, tone.kind)
        for line in (Line(), drawn_line(rng), HARDEST[rng.integers(len(HARDEST))]):
            pcm, begins = heard(rng, tone, line)
            events = Progress(tones, hears_beeps=True).feed(pcm)
            assert told(events) == once(tone.kind), line
            assert abs(events[0].at_sample - begins) <= samples(25)
            assert events[0].at_sample < events[1].at_sample < events[1].decided_sample


@settings(max_examples=15)
@given(
    country=st.sampled_from(sorted(COUNTRIES)),
    cuts=st.lists(st.integers(0, 40_000), max_size=40),
)
def test_the_answer_does_not_depend_on_how_the_audio_was_cut(country: str, cuts: list[int]) -> None:
    rng, tones = rng_for("cut", country), Tones(COUNTRIES[country])
    tone = COUNTRIES[country][int(rng.integers(len(COUNTRIES[country])))]
    before = (speaker(1), silence(100), sine(rng, 1000, -12, 2400), silence(500))
    sound = np.concatenate([*before, sounded(rng, tone, Line())])
    pcm = arrived(rng, sound, Line())
    hearer = Progress(tones, silence_ms=400, hears_beeps=True)
    edges = [0, *sorted(cut for cut in cuts if cut < len(pcm)), len(pcm)]
    pieces = [hearer.feed(pcm[a:b]) for a, b in pairwise(edges)]
    whole = Progress(tones, silence_ms=400, hears_beeps=True).feed(pcm)
    assert [event for piece in pieces for event in piece] == whole
    assert ("Recognised", tone.kind) in told(whole)


def test_a_caller_who_hangs_up_is_known_by_the_busy_tone_within_its_third_burst() -> None:
    talk = speaker(20)
    sound = np.concatenate([talk, silence(300), sounded(rng_for("hung up"), BUSY, Line())])
    events = Progress(US).feed(arrived(rng_for("line"), sound, Line(noise_db=40)))
    assert told(events) == [("Recognised", Kind.BUSY)]
    assert abs(events[0].at_sample - len(talk) - samples(300)) <= samples(10)
    assert events[0].decided_sample - events[0].at_sample <= samples(5 * 500 + 150)


@pytest.mark.parametrize("law", list(Law))
@pytest.mark.parametrize("dbm0", [-43.0, -33.0, -21.0, -9.0])
@pytest.mark.parametrize("hz", [1062.0, 1100.0, 1138.0])
def test_a_calling_fax_is_known_within_its_second_burst_as_faint_as_t30_lets_it_be(
    law: Law, dbm0: float, hz: float
) -> None:
    line = Line(law, dbm0, noise_db=15, off=hz / 1100 - 1)
    rng = rng_for("a fax calls", law, dbm0, hz)
    sound = np.concatenate([silence(300), sounded(rng, FAX, line, heard_s=7)])
    (known,) = Progress(Tones([FAX])).feed(arrived(rng, sound, line))
    assert isinstance(known, Recognised)
    assert known.decided_sample <= samples(300 + 500 + 3000 + 500 + 1100)


def test_ring_back_that_is_answered_has_ended_when_its_next_burst_stays_away() -> None:
    ringing = sounded(rng_for("ringing"), RINGBACK, Line(), heard_s=18)[: 12 * RATE_HZ + 8000]
    sound = np.concatenate([ringing, silence(400), speaker(8)])
    events = Progress(US).feed(arrived(rng_for("answered"), sound, Line()))
    assert told(events) == once(Kind.RINGBACK)
    assert abs(events[0].decided_sample - samples(2000)) <= samples(200)
    assert events[1].decided_sample <= len(ringing) + samples(5000)


@pytest.mark.parametrize("tone", [BUSY, EUROPEAN_BUSY])
@pytest.mark.parametrize(
    "spoilt",
    [
        pytest.param(lambda sound: np.clip(4 * sound, -32768, 32767), id="12 dB too loud"),
        pytest.param(lambda sound: sound + sine(rng_for("hum"), 60, -22, len(sound)), id="hum"),
        pytest.param(lambda sound: sound + 900.0, id="an offset"),
        pytest.param(lambda sound: _packets_lost(sound), id="one packet in fifty lost"),
        pytest.param(lambda sound: _rounded(sound), id="edges of 10 ms"),
    ],
)
def test_busy_is_heard_on_a_spoilt_line(tone: Tone, spoilt: Callable[[Signal], Signal]) -> None:
    busy = sounded(rng_for("spoilt"), tone, Line(), heard_s=10)
    sound = spoilt(np.concatenate([silence(200), busy, silence(2000)]))
    tones = Tones(COUNTRIES["us" if tone is BUSY else "nl"])
    events = Progress(tones).feed(arrived(rng_for("spoilt line"), sound, Line()))
    assert told(events) == once(Kind.BUSY)


def _packets_lost(sound: Signal) -> Signal:
    packets = sound[: len(sound) // 160 * 160].reshape(-1, 160).copy()
    packets[rng_for("lost").random(len(packets)) < 0.02] = 0.0
    return packets.ravel()


def _rounded(sound: Signal) -> Signal:
    window = np.hanning(samples(10))
    return sound * np.convolve(sound != 0.0, window / window.sum(), "same")


@pytest.mark.parametrize("first", [(913.8, 274), (913.8, 380), (985.2, 274), (985.2, 380)])
@pytest.mark.parametrize("second", [(1370.6, 274), (1428.5, 380)])
def test_special_information_is_told_before_its_announcement(
    first: tuple[float, int], second: tuple[float, int]
) -> None:
    rng = rng_for("sit", first, second)
    parts = [sine(rng, hz, -24, samples(ms)) for hz, ms in (first, second, (1776.7, 380))]
    sound = np.concatenate([silence(300), *parts, silence(300), speaker(5)])
    events = Progress(US, hears_beeps=True).feed(arrived(rng, sound, Line(Law.ULAW)))
    assert told(events) == once(Kind.SIT)
    assert events[0].decided_sample <= samples(300) + sum(map(len, parts)) + samples(150)


@pytest.mark.parametrize("off_hz", [-15, 15])
@pytest.mark.parametrize("reversed_ms", [450, 10_000])
def test_a_fax_that_answers_is_told_though_its_phase_turns_round(
    off_hz: int, reversed_ms: int
) -> None:
    at = np.arange(samples(3300))
    turned = 2 * np.pi * (2100 + off_hz) / RATE_HZ * at + np.pi * (at // samples(reversed_ms))
    swelling = 1 + 0.2 * np.sin(2 * np.pi * 15 / RATE_HZ * at)  # V.8's ANSam
    sound = np.concatenate([silence(700), peak(-13) * swelling * np.sin(turned), silence(500)])
    events = Progress(US, hears_beeps=True).feed(arrived(rng_for("ced"), sound, Line()))
    assert told(events) == once(Kind.FAX_ANSWER)
    assert events[0].decided_sample <= samples(700 + 600)


def test_a_fax_that_calls_is_told_before_it_calls_again() -> None:
    sound = np.concatenate([speaker(2), silence(200), sounded(rng_for("cng"), FAX_CALLING, Line())])
    events = Progress(US).feed(arrived(rng_for("fax"), sound, Line()))
    assert told(events) == [("Recognised", Kind.FAX_CALLING)]
    assert events[0].decided_sample <= events[0].at_sample + samples(500 + 1200)


@pytest.mark.parametrize("hz", [400, 620, 1000, 1400, 2000])
@pytest.mark.parametrize("ms", [200, 500, 1400])
def test_an_answering_machine_is_known_by_its_beep(hz: int, ms: int) -> None:
    rng = rng_for("beep", hz, ms)
    greeting = speaker(4)
    sound = np.concatenate([greeting, silence(150), sine(rng, hz, -14, samples(ms)), silence(900)])
    events = Progress(US, hears_beeps=True).feed(arrived(rng, sound, Line(noise_db=25)))
    assert told(events) == [("Beep", None)]
    assert abs(events[0].at_sample - len(greeting) - samples(150)) <= samples(10)


def test_our_own_beep_is_a_beep() -> None:
    pcm = np.concatenate([pcm_from_bytes(loudness.pcm(music.beep())), np.zeros(8000, np.int16)])
    assert told(Progress(US, hears_beeps=True).feed(pcm)) == [("Beep", None)]


def test_a_line_gone_quiet_is_told_once_and_again_after_somebody_spoke() -> None:
    talk = speaker(3)
    sound = np.concatenate([talk, silence(4000), talk, silence(4000)])
    pcm = arrived(rng_for("quiet"), sound, Line(noise_db=30))
    events = Progress(US, silence_ms=3000).feed(pcm)
    assert told(events) == [("Silence", None), ("Silence", None)]
    assert abs(events[0].at_sample - len(talk)) <= samples(400)
    assert events[0].decided_sample - events[0].at_sample <= samples(3010)


def test_a_noisy_lines_own_noise_is_silence_and_a_click_does_not_break_it() -> None:
    hiss = noise(rng_for("hiss"), -42, samples(6000))
    hiss[samples(3000) : samples(3004)] += 8000
    events = Progress(US, silence_ms=5000).feed(arrived(rng_for("click"), hiss, Line()))
    assert told(events) == [("Silence", None)]


def test_a_steady_hum_of_somebody_elses_line_is_silence() -> None:
    hum = sine(rng_for("mains"), 50, -30, samples(6000)) + 300
    events = Progress(US, silence_ms=5000).feed(arrived(rng_for("mains"), hum, Line()))
    assert told(events) == [("Silence", None)]


@pytest.mark.parametrize("talker", [TALKER, IN_THE_KEYS_BANDS])
def test_nobody_who_talks_is_taken_for_the_network(talker: Speaker) -> None:
    pcm = arrived(rng_for("talk"), vowels(rng_for(talker), 40, talker), Line())
    for country in FEW_COUNTRIES:
        assert Progress(Tones(COUNTRIES[country])).feed(pcm) == []


def test_our_music_on_hold_is_not_taken_for_the_network() -> None:
    pcm = pcm_from_bytes(loudness.pcm(music.piece()))
    for country in FEW_COUNTRIES:
        assert Progress(Tones(COUNTRIES[country]), hears_beeps=True).feed(pcm) == []


@pytest.mark.parametrize("gap_ms", [500, 250])
def test_music_that_keeps_the_time_of_busy_is_none(gap_ms: int) -> None:
    """The very pitch and beat, but struck and left to ring as strings are, or with its octaves."""
    time = np.arange(samples(2 * gap_ms)) / RATE_HZ
    ringing = peak(-10) * np.exp(-time / 0.15) * np.sin(2 * np.pi * 440 * time)
    fifth = peak(-16) * np.sin(2 * np.pi * 880 * time) * (time < gap_ms / 1000)
    blown = peak(-10) * np.sin(2 * np.pi * 440 * time) * (time < gap_ms / 1000) + fifth
    for note in (ringing, blown):
        pcm = arrived(rng_for("music"), np.tile(note, 20), Line())
        assert Progress(Tones(COUNTRIES["fr"])).feed(pcm) == []


def test_busy_under_a_voice_is_told_when_the_voice_falls_silent() -> None:
    busy = sounded(rng_for("under"), BUSY, Line(), heard_s=12)
    sound = busy.copy()
    sound[: 5 * RATE_HZ] += 3 * speaker(5)
    events = Progress(US).feed(arrived(rng_for("voice"), sound, Line()))
    assert told(events) == [("Recognised", Kind.BUSY)]
    assert events[0].at_sample >= samples(4500)


def test_a_country_whose_two_tones_begin_alike_has_them_told_apart() -> None:
    """Spain's congestion is its busy tone with every third silence longer."""
    tones = Tones(COUNTRIES["es"])
    for tone in COUNTRIES["es"]:
        for turn in range(4):
            pcm, _ = heard(rng_for("spain", turn), tone, Line())
            assert told(Progress(tones).feed(pcm)) == once(tone.kind)


def test_a_table_says_what_is_wrong_with_a_tone() -> None:
    with pytest.raises(ValueError, match="200 to 3400 Hz"):
        Tones((Tone(Kind.BUSY, (Burst((100.0,), 500, 500),)),))
    with pytest.raises(ValueError, match="80 to 20,000 ms"):
        Tones((Tone(Kind.BUSY, (Burst((425.0,), 50, 500),)),))
    with pytest.raises(ValueError, match="only one"):
        Tones((Tone(Kind.DIAL, (Burst((425.0,), 0, 500),)),))
    with pytest.raises(ValueError, match="1 to 4 bursts"):
        Tones((Tone(Kind.BUSY, ()),))
    with pytest.raises(ValueError, match="1 to 4 frequencies"):
        Tones((Tone(Kind.BUSY, (Burst((), 500, 500),)),))
    with pytest.raises(ValueError, match="1 to 6 bursts"):
        Tones((replace(BUSY, needed=7),))
    with pytest.raises(ValueError, match="0-40 %"):
        Tones((replace(BUSY, off_part=0.5),))
    with pytest.raises(ValueError, match="16 tones"):
        Tones([replace(SIT, off_hz=float(hz)) for hz in range(1, 18)])
    with pytest.raises(ValueError, match="different sets"):
        Tones([replace(FAX_ANSWER, bursts=(Burst((300.0 + hz,), 0),)) for hz in range(16)]
              + [replace(FAX_ANSWER, bursts=(Burst((2000.0,), 0),))])  # fmt: skip


def test_an_empty_table_still_tells_silence() -> None:
    pcm = np.zeros(RATE_HZ, np.int16)
    assert told(Progress(Tones(()), silence_ms=500).feed(pcm)) == [("Silence", None)]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (np.zeros(160, np.float64), "audio must be int16"),
        (np.zeros(160, ">i2"), "other byte order"),
        (np.zeros((160, 2), np.int16), "one channel"),
        (np.zeros(320, np.int16)[::2], "one piece"),
    ],
)
def test_audio_of_another_kind_is_refused_with_the_reason(wrong: Pcm, reason: str) -> None:
    with pytest.raises((TypeError, ValueError), match=reason):
        Progress(US).feed(wrong)


def test_silence_cannot_be_told_after_no_time() -> None:
    with pytest.raises(ValueError, match="1 ms or more"):
        Progress(US, silence_ms=0)


def test_the_loudest_possible_line_overflows_nothing_and_says_nothing() -> None:
    square = np.where(np.arange(RATE_HZ) // 10 % 2, 32767, -32768).astype(np.int16)
    for pcm in (square, np.full(RATE_HZ, -32768, np.int16), np.full(RATE_HZ, 32767, np.int16)):
        assert Progress(US, hears_beeps=True).feed(pcm) == []


def test_australias_congestion_is_busy_though_every_other_burst_is_fainter() -> None:
    rng = rng_for("australia")
    loud, faint = (sine(rng, 425, dbm0, samples(375)) for dbm0 in (-12, -22))
    cycle = np.concatenate([loud, silence(375), faint, silence(375)])
    sound = np.concatenate([silence(200), np.tile(cycle, 4), silence(1000)])
    events = Progress(Tones(COUNTRIES["au"])).feed(arrived(rng, sound, Line(noise_db=30)))
    assert told(events) == once(Kind.BUSY)
