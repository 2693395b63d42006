"""What a loudspeaker plays of a page: the chime, the voice without a loss, and never too loud."""

import numpy as np

from firmware.paging import CHIME, FRAME_BYTES, LOUDEST_DBM0, Limiter, Paged
from routing_core.audio import level_dbm0, pcm_from_bytes, tone

SILENCE = bytes(FRAME_BYTES)


def passed(page: Paged, frame: bytes) -> bytes:
    """One has come, and 20 ms have gone by."""
    page.said(frame)
    return page.due()


def frames(hz: float, dbm0: float, ms: float = 1000) -> list[bytes]:
    raw = tone(hz, dbm0=dbm0, ms=ms).astype("<i2").tobytes()
    return [raw[start : start + FRAME_BYTES] for start in range(0, len(raw), FRAME_BYTES)]


def level(played: list[bytes]) -> float:
    return level_dbm0(pcm_from_bytes(b"".join(played)).astype(np.int16))


def test_the_chime_comes_first_and_the_voice_as_loud_as_it_was_spoken() -> None:
    page = Paged(0)
    assert tuple(passed(page, SILENCE) for _ in CHIME) == CHIME
    spoken = frames(1000, -15)
    assert level([passed(page, frame) for frame in spoken][5:]) - -15.0 < 0.1


def test_who_waits_for_the_chime_to_end_is_not_late_and_who_does_not_loses_no_word() -> None:
    patient, hasty = Paged(0), Paged(0)
    for _ in CHIME:
        passed(patient, SILENCE)
    word = frames(1000, -15, ms=200)
    assert passed(patient, word[0])[-200:] == word[0][-200:]
    heard = [passed(hasty, frame) for frame in (*word, *[SILENCE] * 60)]
    assert [each for each in heard if each in word] == word
    assert passed(hasty, word[3]) == word[3]  # it has caught up in the pause


def test_a_telephone_that_sends_nothing_while_nobody_speaks_pages_all_the_same() -> None:
    page = Paged(0)
    assert tuple(page.due() for _ in CHIME) == CHIME
    assert page.due() == SILENCE


def test_a_shout_is_held_below_what_distorts_and_a_whisper_is_raised_as_the_site_says() -> None:
    loud = Limiter(12)
    assert level([loud.passed(frame) for frame in frames(1000, 0)]) <= LOUDEST_DBM0 + 0.01
    soft = Limiter(12)
    assert abs(level([soft.passed(frame) for frame in frames(1000, -30)]) + 18) < 0.1
    assert loud.passed(b"") == b""


def test_after_a_shout_the_gain_comes_back_within_two_seconds() -> None:
    limiter = Limiter(6)
    for frame in frames(1000, 3):
        limiter.passed(frame)
    for frame in frames(1000, -30, ms=2000):
        limiter.passed(frame)
    assert abs(level([limiter.passed(frame) for frame in frames(1000, -30)]) + 24) < 0.2
