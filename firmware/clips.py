"""The prompts in memory: WAV files in, clips of the engine out, found by language and name.

A prompt missing in a language is spoken in the clinic's own; missing there too, it is silence and a
line in the log, because a caller must never be lost to a missing file (`careline check` finds it
before it can be published).
"""

import wave
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from routing_core.media import Clip, Media

RATE_HZ = 8000
MUSIC = "music"
BEEP = "beep"

log = structlog.get_logger(__name__)


class PromptError(ValueError):
    """A prompt file is not what a prompt must be."""


def read_wav(path: Path) -> NDArray[np.int16]:
    """Samples of an 8 kHz mono 16-bit WAV file; PromptError says what else it is."""
    try:
        with wave.open(str(path), "rb") as file:
            form = (file.getframerate(), file.getnchannels(), file.getsampwidth())
            if form != (RATE_HZ, 1, 2):
                raise PromptError(
                    f"{path.name} is {form[0]} Hz, {form[1]} channels, {8 * form[2]} bit; "
                    "render it again as 8000 Hz, mono, 16 bit"
                )
            return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.int16)
    except (wave.Error, EOFError) as fault:
        raise PromptError(f"{path.name} is no WAV file: {fault}") from fault


class Clips:
    """Every prompt of a site, loaded once."""

    def __init__(self, media: Media, directory: Path, language: str) -> None:
        self._language = language
        self._clips: Mapping[tuple[str, str], Clip] = {
            (path.parent.name, path.stem): media.load(read_wav(path))
            for path in sorted(directory.glob("*/*.wav"))
        }
        self.music = media.load(read_wav(directory / f"{MUSIC}.wav"))
        self.beep = media.load(read_wav(directory / f"{BEEP}.wav"))
        self.silence = media.load(np.zeros(RATE_HZ // 10, dtype=np.int16))

    def find(self, language: str, names: tuple[str, ...]) -> list[Clip]:
        """One clip per name."""
        return [self._find(language, name) for name in names]

    def _find(self, language: str, name: str) -> Clip:
        for tongue in (language, self._language):
            clip = self._clips.get((tongue, name))
            if clip is not None:
                return clip
        log.error("a prompt is missing: render the prompts again", prompt=name, language=language)
        return self.silence
