"""The prompts in memory: WAV files in, clips of the engine out, found by language and name.

A prompt missing in a language is spoken in the clinic's own; missing there too, it is silence and a
line in the log, and without music there is ringing: a caller must never be lost to a missing or
damaged file (publishing renders them all; `status` names those that are not well).
"""

import wave
from collections.abc import Iterable, Mapping
from copy import copy
from io import BytesIO
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from routing_core import audio
from routing_core.media import Clip, Media

RATE_HZ = 8000
MUSIC = "music"
BEEP = "beep"

log = structlog.get_logger(__name__)


class PromptError(ValueError):
    """A prompt file is not what a prompt must be."""


def read_wav(path: Path) -> NDArray[np.int16]:
    """Samples of an 8 kHz mono 16-bit WAV file; PromptError says what else it is."""
    return samples_in(path.name, path.read_bytes())


def samples_in(name: str, raw: bytes) -> NDArray[np.int16]:
    """The same of a file's bytes, which are all there is, however many more it claims to hold."""
    try:
        with wave.open(BytesIO(raw), "rb") as file:
            form = (file.getframerate(), file.getnchannels(), file.getsampwidth())
            if form != (RATE_HZ, 1, 2):
                raise PromptError(
                    f"{name} is {form[0]} Hz, {form[1]} channels, {8 * form[2]} bit; "
                    "render it again as 8000 Hz, mono, 16 bit"
                )
            samples = file.readframes(file.getnframes())
    except (wave.Error, EOFError, RuntimeError) as fault:
        why = str(fault) or "a part of it begins beyond its end"
        raise PromptError(f"{name} is no WAV file: {why}") from fault
    if len(samples) < 2 or len(samples) % 2:
        raise PromptError(f"{name} holds no sound: render it again")
    return np.frombuffer(samples, dtype="<i2").astype(np.int16)


class Clips:
    """Every prompt of a site, loaded once; `faults` are the files that could not be."""

    def __init__(self, media: Media, directory: Path, language: str) -> None:
        self.faults: list[str] = []
        self._media = media
        self._language = language
        loaded = {
            (path.parent.name, path.stem): self._load(path)
            for path in sorted(directory.glob("*/*.wav"))
        }
        self._clips: Mapping[tuple[str, str], Clip] = {
            name: clip for name, clip in loaded.items() if clip is not None
        }
        self.music = self._load(directory / f"{MUSIC}.wav") or media.load(_ringing())
        self.beep = self._load(directory / f"{BEEP}.wav") or media.load(audio.beep())
        self.silence = media.load(np.zeros(RATE_HZ // 10, dtype=np.int16))

    def missing(self, names: Iterable[str]) -> list[str]:
        """Which of these prompts the clinic's own language has not."""
        return [name for name in names if (self._language, name) not in self._clips]

    def has(self, language: str, name: str) -> bool:
        """Whether it is spoken in this language."""
        return (language, name) in self._clips

    def find(self, language: str, names: tuple[str, ...]) -> list[Clip]:
        """One clip per name."""
        return [self._find(language, name) for name in names]

    def with_own(self, own: Mapping[tuple[str, str], bytes], language: str) -> "Clips":
        """These, with whole WAV files in the place of some, for a site that speaks this language.
        PromptError: one of them is not what a prompt must be."""
        beside = copy(self)
        fresh = {
            name: self._media.load(samples_in("/".join(name), raw)) for name, raw in own.items()
        }
        beside._language, beside._clips = language, {**self._clips, **fresh}
        return beside

    def _load(self, path: Path) -> Clip | None:
        try:
            return self._media.load(read_wav(path))
        except (PromptError, OSError) as fault:
            self.faults.append(str(fault))
            log.warning("a prompt cannot be used: publish the site again", why=str(fault))
            return None

    def _find(self, language: str, name: str) -> Clip:
        for tongue in (language, self._language):
            clip = self._clips.get((tongue, name))
            if clip is not None:
                return clip
        log.error("a prompt is missing: publish the site again", prompt=name, language=language)
        return self.silence


def _ringing() -> NDArray[np.int16]:
    """What a caller without music hears: ringing, with less than a second's pause."""
    pause = np.zeros(int(0.8 * RATE_HZ), dtype=np.int16)
    return np.concatenate([audio.tone_pair(440, 480, dbm0=(-19, -19), ms=2000), pause])
