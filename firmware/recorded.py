"""What staff record becomes a prompt: once, off line, never while a caller listens.

`python -m firmware.recorded RECORDING PROMPT.wav` takes what a telephone, a computer or a studio
records (WAV, FLAC, OGG, MP3, AIFF; mono or stereo; 8 kHz and more) and writes 8 kHz mono 16 bit at
the level of all prompts, without the silence around the words. A recording that would not be
understood on the telephone is refused, and the reason says what to do.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from firmware import loudness, speech
from firmware.loudness import RATE_HZ, Sound
from routing_core import trim
from routing_core.dtmf import Detector, ToneBegan

# A menu is to be 24 s at most; this is for closing-time notices and the like.
LONGEST_S = 120
# Of the loudest sound in it, which peaks above by 15 dB or so: below is noise, whatever is done.
QUIETEST_DBM0 = -50.0
SHORTEST_MS = 100
# Kept before the first and after the last word: prompts follow one another as spoken.
AROUND_MS = 60
# Overdriven: so many samples stand at the end of the scale, and words break up.
OVERDRIVEN = 0.99
OVERDRIVEN_PART = 0.01
RATES_HZ = range(RATE_HZ, 192_000 + 1)
CHANNELS_MOST = 8

Channels = NDArray[np.float64]  # samples x channels


class RecordingError(Exception):
    """This recording cannot be a prompt; the text says what to do."""


def prompt_from(recording: Path | BinaryIO) -> bytes:
    """A whole prompt file of a recording."""
    channels, rate_hz = _read(recording)
    sound = _at_our_rate(_loudest(channels), rate_hz)
    spoken = _words(sound)
    prompt = loudness.amplified(
        spoken, speech.SPEECH_LEVEL_DBM0 - loudness.speech_level_dbm0(spoken)
    )
    for refused in _faults(prompt):
        raise RecordingError(refused)
    return speech.wav(prompt)


def _read(recording: Path | BinaryIO) -> tuple[Channels, int]:
    try:
        import soundfile  # where prompts are made only
    except ImportError as error:
        raise RecordingError(
            "soundfile is missing, which reads recordings: pip install 'careline[speech]'"
        ) from error
    try:
        with soundfile.SoundFile(recording) as file:
            if file.samplerate not in RATES_HZ or file.channels > CHANNELS_MOST:
                raise RecordingError(
                    f"it has {file.samplerate} samples a second in {file.channels} channels:"
                    f" record at 44,100 or 48,000 in one or two"
                )
            # A file may claim any length, or none; what is read is what is there.
            most = LONGEST_S * file.samplerate
            return file.read(most + 1, dtype="float64", always_2d=True), file.samplerate
    except soundfile.LibsndfileError as error:
        raise RecordingError(
            f"it is no recording that can be read ({error.error_string.rstrip('.')}):"
            " save it as WAV, FLAC, OGG or MP3"
        ) from error


def _loudest(channels: Channels) -> Sound:
    """One of stereo: a microphone is often on one side, and two out of step cancel each other."""
    if not channels.size:
        raise RecordingError("it holds no sound: record it again")
    if not np.isfinite(channels).all():
        raise RecordingError("it is damaged: save it again, or record it again")
    return np.asarray(channels[:, np.mean(np.square(channels), axis=0).argmax()])


def _at_our_rate(sound: Sound, rate_hz: int) -> Sound:
    import soxr

    if sound.size > LONGEST_S * rate_hz:
        raise RecordingError(f"it is longer than {LONGEST_S} s: callers hang up; say it shorter")
    if np.mean(np.abs(sound) >= OVERDRIVEN) > OVERDRIVEN_PART:
        raise RecordingError(
            "it is overdriven: record it again, further from the microphone or with less gain"
        )
    steady = sound - np.median(sound)  # a cheap sound card's direct current
    return np.asarray(soxr.resample(steady, rate_hz, RATE_HZ, quality="VHQ"), np.float64)


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


def main(recording: Path, prompt: Path) -> None:
    """Make one prompt."""
    speech.put(prompt, prompt_from(recording))


if __name__ == "__main__":
    match sys.argv[1:]:
        case [recording, prompt]:
            try:
                main(Path(recording), Path(prompt))
            except (RecordingError, OSError) as error:
                sys.exit(f"{recording}: {error}")
        case _:
            sys.exit("Usage: python -m firmware.recorded RECORDING PROMPT.wav")
