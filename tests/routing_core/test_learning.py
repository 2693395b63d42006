"""A line's own tone, learned from a recording: only what comes round, and nothing that talks."""

from dataclasses import replace

import numpy as np
import pytest

from firmware import loudness, music
from firmware.bench.vowels import TALKER, vowels
from routing_core.audio import Law, Pcm, pcm_from_bytes
from routing_core.learning import NotLearnedError, learn
from routing_core.national import COUNTRIES
from routing_core.progress import Burst, Kind, Progress, Recognised, Tone, Tones
from tests.dtmf.sound import RATE_HZ, noise, silence, sine
from tests.progress.items import Line, arrived, rng_for, sounded

BUSIES = [
    (country, tone)
    for country, tones in sorted(COUNTRIES.items())
    for tone in tones
    if tone.kind in (Kind.BUSY, Kind.REORDER)
]


def recorded(tone: Tone, line: Line, seconds: float = 12.0) -> Pcm:
    """From some moment on, as a recording begins."""
    rng = rng_for("recorded", tone, line)
    sound = sounded(rng, tone, line, heard_s=seconds + 3)
    start = int(rng.integers(2 * RATE_HZ))
    return arrived(rng, sound[start : start + round(seconds * RATE_HZ)], line)


def is_heard(tone: Tone, pcm: Pcm) -> bool:
    events = Progress(Tones((tone,))).feed(pcm)
    return any(isinstance(event, Recognised) for event in events)


@pytest.mark.parametrize(("country", "tone"), BUSIES)
def test_each_countrys_busy_tones_can_be_learned_and_heard_on_the_next_call(
    country: str, tone: Tone
) -> None:
    line = Line(Law.ULAW, -24, 15, off=0.007, stretched=0.95, twist_db=4)
    learned = learn(recorded(tone, line), tone.kind)
    assert learned.kind is tone.kind
    assert sum(burst.on_ms for burst in learned.bursts) == pytest.approx(
        sum(burst.on_ms for burst in tone.bursts) * line.stretched, rel=0.1
    )
    assert learned.bursts[0].hz == pytest.approx(
        [hz * (1 + line.off) for hz in tone.bursts[0].hz], abs=4
    )
    next_call = sounded(rng_for("next", country), tone, line, heard_s=5)
    assert is_heard(learned, arrived(rng_for("line", country), next_call, line))


def test_a_private_exchange_that_no_country_lists_is_learned() -> None:
    own = Tone(Kind.BUSY, (Burst((520.0, 660.0), 330, 270),))
    learned = learn(recorded(own, Line(noise_db=25)))
    assert learned.bursts[0].hz == pytest.approx((520, 660), abs=3)
    assert learned.bursts[0].on_ms == pytest.approx(330, abs=12)
    assert learned.bursts[0].off_ms == pytest.approx(270, abs=12)
    table = (*COUNTRIES["us"], learned)
    assert is_heard(replace(learned), recorded(own, Line(Law.ULAW, -20)))
    assert Progress(Tones(table)).feed(recorded(own, Line()))


def refusal(pcm: Pcm) -> str:
    with pytest.raises(NotLearnedError) as refused:
        learn(pcm)
    return str(refused.value)


def test_a_recording_too_short_to_come_round_is_refused() -> None:
    assert "record 10 s" in refusal(recorded(BUSIES[0][1], Line(), seconds=2))


def test_a_silent_recording_is_refused() -> None:
    assert "silent" in refusal(np.zeros(10 * RATE_HZ, np.int16))


def test_a_tone_that_never_stops_is_refused() -> None:
    steady = sine(rng_for("steady"), 425, -12, 10 * RATE_HZ)
    assert "never falls silent" in refusal(arrived(rng_for("steady"), steady, Line()))


def test_a_tone_heard_twice_is_refused() -> None:
    twice = np.concatenate([silence(3000), sounded(rng_for(2), BUSIES[0][1], Line(), heard_s=1.2)])
    padded = np.concatenate([twice, silence(3000)])
    assert "bursts were heard" in refusal(arrived(rng_for(2), padded, Line()))


def test_noise_that_comes_round_is_refused() -> None:
    rng = rng_for("breath")
    breath = np.concatenate([noise(rng, -20, 4000), silence(500)])
    said = refusal(arrived(rng, np.tile(breath, 10), Line()))
    assert "frequencies" in said


def test_a_voice_is_refused() -> None:
    for turn in range(4):
        voice = vowels(rng_for("voice", turn), 10, TALKER)
        assert refusal(arrived(rng_for("line", turn), voice, Line()))


def test_music_is_refused() -> None:
    pcm = pcm_from_bytes(loudness.pcm(music.piece()))
    for start in range(0, len(pcm) - 10 * RATE_HZ, 10 * RATE_HZ):
        assert refusal(pcm[start : start + 10 * RATE_HZ])
