"""Words become sound here: while a box is built or a site set up, never while a caller listens.

`python -m firmware.speech SITE OUTDIR` renders the product's own prompts and the site's to
OUTDIR/LANGUAGE/NAME.wav, the music to OUTDIR/music.wav, the recording tone to OUTDIR/beep.wav:
8 kHz mono, 16 bit. Where the clinic has a recording of its own (firmware/own_prompts.py), it stands
before the words. What was rendered once is kept by its content (words, voice, recipe) and only
copied the next time, so that a machine without the voice can still do it.
"""

import hashlib
import os
import re
import sys
import tempfile
import wave
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from firmware import loudness, music, own_prompts, settings
from firmware.loudness import RATE_HZ, Sound
from ivr.plan import Plan

# What pyproject.toml asks for; another voice needs another word here, for sounds are kept under it.
VOICE = "hibari-tts 0.2.1 heart"
LANGUAGE = "en"

# ITU-T P.800 listens to speech at -26 dB from overload, which is -19.9 dBm0; one dB more, for a car
# or a kitchen.
SPEECH_LEVEL_DBM0 = -19.0
# Speech begins and ends where 10 ms of it come within 40 dB of its loudest; breaths and the voice's
# hiss lie below.
EDGE_DB = 40.0
# Silence kept before and after, so that prompts said one after the other sound spoken and not cut.
LEAD_MS, TAIL_MS = 20, 90

Texts = Mapping[str, Mapping[str, str]]  # language -> prompt name -> words

NO_HINTS: Texts = {}

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")


class SpeechError(Exception):
    """Prompts cannot be rendered as things are; the text says what to do."""


class Voice:
    """The English voice, loaded at its first word: where all prompts are kept it is not needed."""

    __slots__ = ("_hibari",)

    def __init__(self) -> None:
        self._hibari: Callable[..., NDArray[np.float32]] | None = None

    def say(self, text: str) -> Sound:
        """The words at 8 kHz, at the voice's own level; the same words are the same sound."""
        try:
            import soxr  # both are here at build time only
            from hibari import SAMPLE_RATE, Hibari
        except ImportError as error:
            raise SpeechError(
                f"{error.name} is missing, which speaks prompts: `make setup` brings it, or"
                " pip install 'careline[speech]'. A box plays what was rendered for its image."
            ) from error
        if self._hibari is None:
            self._hibari = Hibari()
        wide = self._hibari(text, seed=0).astype(np.float64)
        return np.asarray(soxr.resample(wide, SAMPLE_RATE, RATE_HZ, quality="VHQ"), np.float64)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One file to be: its place in the folder, what its sound depends on, and how it is made."""

    path: Path
    content: str
    synthesise: Callable[[], bytes]


def prompts(texts: Texts, pronounced: Texts = NO_HINTS) -> Iterator[Prompt]:
    """Everything a site speaks and plays."""
    voice = Voice()
    for language, words in sorted(texts.items()):
        for name, written in sorted(words.items()):
            text = respelled(written, pronounced.get(language, {}))
            if not _NAME.fullmatch(name):
                raise SpeechError(
                    f"the prompt {name!r} cannot be a file:"
                    " name it with small letters, digits and dashes"
                )
            yield Prompt(
                Path(language, f"{name}.wav"),
                f"{VOICE}\n{language}\n{text}",
                partial(_speak, voice, language, name, text),
            )
    yield Prompt(Path("music.wav"), _source(music), lambda: wav(music.piece()))
    yield Prompt(Path("beep.wav"), _source(music), lambda: wav(music.beep()))


def render(wanted: Prompt, folder: Path, cache: Path) -> None:
    """Put one prompt into the folder, from the cache if it has been rendered before."""
    sound = sound_of(wanted, cache)
    target = folder / wanted.path
    if not (target.exists() and target.read_bytes() == sound):
        put(target, sound)


def sound_of(wanted: Prompt, cache: Path) -> bytes:
    """One prompt's whole file."""
    recipe = "\n".join([_source(sys.modules[__name__]), _source(loudness), wanted.content])
    key = hashlib.sha256(f"{wanted.path.name}\n{recipe}".encode())
    kept = cache / f"{key.hexdigest()}.wav"
    if not kept.exists():
        put(kept, wanted.synthesise())
    return kept.read_bytes()


def render_site(
    site: Plan, folder: Path, shown: Callable[[list[Prompt]], Iterable[Prompt]] = iter
) -> None:
    """Put everything a site speaks and plays into the folder; `shown` may show how far it is."""
    try:
        recorded = own_prompts.heard(folder)
    except own_prompts.OwnPromptError as lost:
        raise SpeechError(str(lost)) from lost
    for prompt in shown(list(prompts(settings.prompts_of(site), site.pronounced))):
        if prompt.path not in recorded:
            render(prompt, folder, cache_folder())
    for path, sound in recorded.items():
        if not ((folder / path).exists() and (folder / path).read_bytes() == sound):
            put(folder / path, sound)


def one_of(site: Plan, path: Path) -> Prompt:
    """The prompt of a site that is spoken from this place in the folder."""
    spoken = prompts(settings.prompts_of(site), site.pronounced)
    return next(each for each in spoken if each.path == path)


def respelled(text: str, hints: Mapping[str, str]) -> str:
    """The words as the voice must read them to say them rightly: whole words, in any case."""
    if not hints:
        return text
    ways = {word.casefold(): said for word, said in hints.items()}
    longest_first = sorted(ways, key=len, reverse=True)
    words = re.compile(
        rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE
    )
    return words.sub(lambda found: ways.get(found[0].casefold(), found[0]), text)


def cache_folder() -> Path:
    """Where rendered prompts are kept between checkouts and sites."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "careline" / "prompts"


def wav(sound: Sound) -> bytes:
    """A whole file, 8 kHz mono 16 bit."""
    held = BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(loudness.pcm(sound))
    return held.getvalue()


def trimmed(sound: Sound) -> Sound:
    """Speech without the silence around it, and with ours instead."""
    frame = RATE_HZ // 100
    frames = sound[: sound.size // frame * frame].reshape(-1, frame)
    powers = np.mean(np.square(frames), axis=1)
    spoken = np.flatnonzero(powers > powers.max(initial=0.0) * 10 ** (-EDGE_DB / 10))
    if not spoken.size:
        return sound[:0]
    kept = sound[spoken[0] * frame : (spoken[-1] + 1) * frame]
    return np.pad(kept, (LEAD_MS * RATE_HZ // 1000, TAIL_MS * RATE_HZ // 1000))


def _speak(voice: Voice, language: str, name: str, text: str) -> bytes:
    if language != LANGUAGE:
        raise SpeechError(
            f"the voice speaks English only: record {name!r}, and bring the recording:"
            f" `careline prompts import {name} FILE --language {language}`"
        )
    sound = trimmed(voice.say(text))
    if not sound.size:
        raise SpeechError(f"the prompt {name!r} has no words that can be spoken: {text!r}")
    return wav(loudness.amplified(sound, SPEECH_LEVEL_DBM0 - loudness.speech_level_dbm0(sound)))


def _source(module: object) -> str:
    """A recipe is the source it is written in: whoever changes it gets the new sound."""
    return Path(str(getattr(module, "__file__", ""))).read_text("utf-8")


def put(path: Path, content: bytes) -> None:
    """Whole or not at all, also when two set-ups render at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        file.write(content)
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def main(site_file: str, folder: str) -> None:
    """Render a site's prompts, showing how far it is."""
    site = settings.read(Path(site_file).read_text("utf-8"), settings.beside(Path(site_file)))
    render_site(site, Path(folder), partial(track, description="Speaking prompts"))


if __name__ == "__main__":
    match sys.argv[1:]:
        case [site_file, folder]:
            try:
                main(site_file, folder)
            except (SpeechError, settings.SiteFaults, OSError) as error:
                sys.exit(f"prompts: {error}")
        case _:
            sys.exit("Usage: python -m firmware.speech SITE OUTDIR")
