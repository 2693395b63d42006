"""Hours of sound with no key in it: people, text to speech, music, machines.

People are Debian's prompts for Asterisk: eight voices in five languages, fetched as packages by apt
and unpacked without root. All is kept under ~/.cache/careline/talk-off by what it was made from;
the speeds and lines at which it is heard are made anew each time.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
import soxr

from firmware import loudness, music
from firmware.bench.vowels import Signal
from routing_core.audio import Pcm, pcm_from_bytes
from tests.dtmf import machines, talk
from tests.dtmf.further import gsm
from tests.dtmf.sound import RATE_HZ, linear, samples

PROMPTS = {
    "asterisk-core-sounds-en-wav": "en",
    "asterisk-core-sounds-es-wav": "es",
    "asterisk-core-sounds-fr-wav": "fr",
    "asterisk-core-sounds-it-wav": "it",
    "asterisk-core-sounds-ru-wav": "ru",
    "asterisk-prompt-es-co": "es",
    "asterisk-prompt-fr-armelle": "fr",
    "asterisk-prompt-it-menardi-wav": "it",
}
MUSIC = "asterisk-moh-opsound-wav"

SYNTHETIC_MINUTES = 20  # in each language
MACHINE_MINUTES = 30
SEED = 1  # of everything drawn here

# Other voices out of the same: nobody was tuned on a voice that is 17 % higher.
SPEEDS = (1.0, 0.84, 0.92, 1.08, 1.17)


class MaterialError(Exception):
    """Something cannot be had here; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One length of sound with no key in it."""

    name: str
    kind: str  # speech, music, machines or vowels
    language: str
    recipe: str  # what it is made from, so that it is made once
    make: Callable[[], Pcm]

    def sound(self) -> Pcm:
        """From the cache, or made and kept."""
        kept = _cache() / f"{hashlib.sha256(self.recipe.encode()).hexdigest()}.npy"
        if not kept.exists():
            made = self.make()
            with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as file:
                np.save(file, made)
            Path(file.name).replace(kept)
        return np.asarray(np.load(kept), np.int16)


@dataclass(frozen=True, slots=True)
class Way:
    """How a piece is heard before any law codes it: its speed, and what the line does to it."""

    name: str
    change: Callable[[Pcm], Signal]


def _as_it_is(sound: Pcm) -> Signal:
    return sound.astype(np.float64)


AS_IT_IS = Way("as it is", _as_it_is)


def pieces() -> list[Piece]:
    """All there is; nothing is made or fetched yet."""
    return [
        *(
            Piece(package, "speech", language, f"{package} 2", partial(_files, package))
            for package, language in PROMPTS.items()
        ),
        *(
            Piece(
                f"espeak-ng {language}",
                "speech",
                language,
                f"{Path(talk.__file__).read_text('utf-8')}\n{language} {SYNTHETIC_MINUTES} {SEED}",
                partial(_spoken, language),
            )
            for language in talk.SENTENCES
        ),
        Piece(MUSIC, "music", "", f"{MUSIC} 2", partial(_files, MUSIC)),
        Piece(
            "our own music", "music", "", f"2 {Path(music.__file__).read_text('utf-8')}", _own_music
        ),
        Piece(
            "machines",
            "machines",
            "",
            f"{Path(machines.__file__).read_text('utf-8')}\n{MACHINE_MINUTES} {SEED}",
            _machines,
        ),
    ]


def ways(piece: Piece) -> list[Way]:
    """People and music at every speed, people over bad lines too; a machine's tones as they are."""
    if piece.kind == "machines":
        return [AS_IT_IS]
    speeds = [Way(f"speed {speed:g}", partial(_at_speed, speed)) for speed in SPEEDS]
    if piece.kind == "music":
        return speeds
    return [
        *speeds,
        Way("20 dB too loud", lambda sound: np.clip(10.0 * sound, -32768, 32767)),
        Way("through GSM", lambda sound: gsm(np.random.default_rng(SEED), _as_it_is(sound))),
        Way("5 % of packets lost", _with_losses),
    ]


def _at_speed(speed: float, sound: Pcm) -> Signal:
    """Faster and higher, or slower and lower, as a tape is."""
    if speed == 1.0:
        return _as_it_is(sound)
    return np.asarray(soxr.resample(_as_it_is(sound), RATE_HZ * speed, RATE_HZ), np.float64)


def _with_losses(sound: Pcm) -> Signal:
    frame = samples(20)
    whole = _as_it_is(sound)[: len(sound) // frame * frame].reshape(-1, frame)
    whole[np.random.default_rng(SEED).random(len(whole)) < 0.05] = 0.0
    return whole.reshape(-1)


def _files(package: str) -> Pcm:
    """Every sound of a package one after another, a breath between."""
    with tempfile.TemporaryDirectory() as place:
        _unpack(package, Path(place))
        found = sorted(
            path
            for path in Path(place).rglob("*")
            if path.suffix in {".wav", ".gsm"} and path.is_file() and path.parent.name != "silence"
        )
        return _joined(_read(path) for path in found)


def _read(path: Path) -> Pcm:
    if path.suffix == ".gsm":
        form = {"samplerate": RATE_HZ, "channels": 1, "format": "RAW", "subtype": "GSM610"}
        sound, rate_hz = soundfile.read(path, dtype="int16", **form)
    else:
        sound, rate_hz = soundfile.read(path, dtype="int16")
    if rate_hz != RATE_HZ or sound.ndim != 1:
        raise MaterialError(f"{path.name} is not 8 kHz mono: its package has changed; leave it out")
    return np.asarray(sound, np.int16)


def _unpack(package: str, place: Path) -> None:
    # As root apt would drop to a user who may not write here.
    command = ["apt-get", "-o", "APT::Sandbox::User=root", "download", package]
    try:
        subprocess.run(command, cwd=place, check=True, capture_output=True)
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        raise MaterialError(
            f"Debian's package {package} cannot be fetched: `sudo apt-get update`, then again"
        ) from error
    (deb,) = place.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", deb, place], check=True)


def _spoken(language: str) -> Pcm:
    rng = np.random.default_rng([SEED, *language.encode()])
    parts: list[Pcm] = []
    while sum(part.size for part in parts) < SYNTHETIC_MINUTES * 60 * RATE_HZ:
        parts.append(_say(rng, language))
    return _joined(parts)


def _say(rng: np.random.Generator, language: str) -> Pcm:
    voice = f"{language}+{rng.choice(talk.VOICES)}"
    speed, pitch = str(rng.integers(120, 190)), str(rng.integers(20, 80))
    command = ["espeak-ng", "-v", voice, "-s", speed, "-p", pitch, "--stdout"]
    text = talk.paragraph(rng, language)
    try:
        said = subprocess.run([*command, text], check=True, capture_output=True)
    except FileNotFoundError as error:
        raise MaterialError("espeak-ng is not installed: .ci/setup proofs brings it") from error
    wide, rate_hz = soundfile.read(BytesIO(said.stdout), dtype="float64")
    sound = soxr.resample(wide, rate_hz, RATE_HZ)
    return linear(16_000 * sound)


def _own_music() -> Pcm:
    return pcm_from_bytes(loudness.pcm(music.piece()))


def _machines() -> Pcm:
    sound = machines.machines(np.random.default_rng(SEED), MACHINE_MINUTES * 60)
    return linear(sound)


def _joined(parts: Iterator[Pcm] | Sequence[Pcm]) -> Pcm:
    breath = np.zeros(samples(60), np.int16)
    return np.concatenate([piece for part in parts for piece in (part, breath)])


def _cache() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(caches) / "careline/talk-off"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
