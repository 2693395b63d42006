"""What staff record becomes a prompt: once, off line, never while a caller listens.

What a telephone, a computer, a studio or the browser records (WAV, FLAC, OGG, MP3; mono or stereo;
8 kHz and more) becomes 8 kHz mono 16 bit at the level of all prompts, without the silence around
the words. A recording that would not be understood on the telephone is refused, and the reason says
what to do. Its file is read in a process of its own (firmware/decoding.py).
"""

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

from firmware import decoding, loudness, speech
from firmware.decoder import LONGEST_S, RATES_HZ, Verdict
from firmware.decoding import RecordingError
from firmware.loudness import RATE_HZ, Sound
from routing_core import trim
from routing_core.audio import Pcm
from routing_core.dtmf import Detector, ToneBegan

# Of the loudest sound in it, which peaks above by 15 dB or so: below is noise, whatever is done.
QUIETEST_DBM0 = -50.0
SHORTEST_MS = 100
# Kept before the first and after the last word: prompts follow one another as spoken.
AROUND_MS = 60
PIECE = 1 << 16  # frames


@dataclass(frozen=True, slots=True)
class Cut:
    """The part of a recording that is meant, in seconds; None: to its end."""

    start_s: float = 0.0
    end_s: float | None = None


WHOLE = Cut()


def prompt_from(recording: bytes, cut: Cut = WHOLE) -> bytes:
    """A whole prompt file of a file that somebody brings."""
    return prompt_of(decoding.decoded(recording), cut)


def prompt_of(samples: Pcm, cut: Cut = WHOLE) -> bytes:
    """The same of samples, 8 kHz."""
    sound = _part(samples.astype(np.float64) / 32768, cut)
    spoken = _words(sound)
    prompt = loudness.amplified(
        spoken, speech.SPEECH_LEVEL_DBM0 - loudness.speech_level_dbm0(spoken)
    )
    for refused in _faults(prompt):
        raise RecordingError(refused)
    return speech.wav(prompt)


def words_of(samples: Pcm) -> Cut:
    """From the first word to the last, as far as they are told from the room; else all of it."""
    spans = trim.keeps(np.ascontiguousarray(samples), around_ms=AROUND_MS) if samples.size else []
    return Cut(spans[0][0] / RATE_HZ, spans[-1][1] / RATE_HZ) if spans else WHOLE


def refuse_unless_ours(recording: IO[bytes]) -> None:
    """Our page sends WAV, 16 bit, one channel, as long as its head says."""
    try:
        with wave.open(recording, "rb") as file:
            form = (file.getnchannels(), file.getsampwidth(), file.getcomptype())
            rate_hz, frames = file.getframerate(), file.getnframes()
            held = sum(map(len, iter(lambda: file.readframes(PIECE), b"")))
    except (wave.Error, EOFError, RuntimeError) as fault:
        raise RecordingError("it did not arrive whole: record it again") from fault
    if form != (1, 2, "NONE") or rate_hz not in RATES_HZ or held != 2 * frames:
        raise RecordingError("it is not what this page records: reload the page, record it again")
    if frames > LONGEST_S * rate_hz:
        raise RecordingError(decoding.REFUSED[Verdict.TOO_LONG])


def _part(sound: Sound, cut: Cut) -> Sound:
    seconds = sound.size / RATE_HZ
    end_s = seconds if cut.end_s is None else min(cut.end_s, seconds)
    if not 0 <= cut.start_s < end_s:
        raise RecordingError(
            f"nothing is left from {cut.start_s:g} s to {end_s:g} s of its {seconds:.1f} s"
        )
    return sound[round(cut.start_s * RATE_HZ) : round(end_s * RATE_HZ)]


def _words(sound: Sound) -> Sound:
    """From the first word to the last."""
    if loudness.speech_level_dbm0(sound) < QUIETEST_DBM0:
        raise RecordingError("it is all but silent: record it again, nearer the microphone")
    spans = trim.keeps(np.frombuffer(loudness.pcm(sound), np.int16), around_ms=AROUND_MS)
    words = sound[spans[0][0] : spans[-1][1]] if spans else sound[:0]
    if words.size < (SHORTEST_MS + 2 * AROUND_MS) * RATE_HZ // 1000:
        raise RecordingError("it holds no words: record it again")
    # The room is heard to come and go, and not to click.
    fade = np.linspace(0, 1, AROUND_MS * RATE_HZ // 2000)
    edges = np.ones(words.size)
    edges[: fade.size], edges[-fade.size :] = fade, fade[::-1]
    return np.asarray(words * edges)


def _faults(prompt: Sound) -> Iterator[str]:
    """A key in a prompt comes back as its echo, and the menu would take it for the caller's."""
    for heard in Detector().feed(np.frombuffer(loudness.pcm(prompt), np.int16)):
        if isinstance(heard, ToneBegan):
            at_s = heard.at_sample / RATE_HZ
            yield f"the tones of key {heard.digit} are in it at {at_s:.1f} s: record it without"
