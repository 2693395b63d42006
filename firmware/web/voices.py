"""What a draft would speak, to be heard before it is published: a prompt that stays as it is comes
from what callers hear now, a new one is spoken by the voice on the box, and kept beside the others
that it has spoken before.
"""

import io
import threading
import wave
from collections.abc import Iterable

from firmware import own_prompts, saying, settings, speech
from firmware.own_prompts import OwnPromptError, Spoken
from firmware.place import Place
from firmware.speech import SpeechError
from ivr.plan import Plan
from ivr.simulate import WORDS_PER_S

EVERYWHERE = "-"  # in the place of a language: music, and the beep
ALIKE = frozenset({"music", "beep"})


class UnspokenError(Exception):
    """Prompts that nobody speaks yet; the text names them."""


class Voices:
    """One page's; to be asked in any thread."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._lasting: dict[tuple[str, str, str], float] = {}
        self._one_at_a_time = threading.Lock()  # the voice takes memory

    def sound(self, drafted: Plan, in_force: Plan | None, language: str, name: str) -> bytes | None:
        """One prompt's file; None: nobody speaks it yet."""
        if language == EVERYWHERE:
            path = self._place.prompts / f"{name}.wav"
            return path.read_bytes() if name in ALIKE and path.exists() else None
        text = settings.prompts_of(drafted).get(language, {}).get(name)
        if text is None:
            return None
        path = self._place.prompts / Spoken(language, name).path
        if self._stays(drafted, in_force, language, name) and path.exists():
            return path.read_bytes()
        if language != speech.LANGUAGE:
            return None
        try:
            with self._one_at_a_time:
                return saying.said(drafted, language, name, text)
        except (SpeechError, OSError):
            return None

    def own(
        self, drafted: Plan, in_force: Plan | None, also: Iterable[str] = ()
    ) -> dict[Spoken, bytes]:
        """The sounds in which a draft differs from what callers hear now; and of the prompts named
        by `also` those that were never made. UnspokenError: nobody speaks some of them yet."""
        found, unspoken, wanted = dict[Spoken, bytes](), list[str](), frozenset(also)
        for language, texts in settings.prompts_of(drafted).items():
            for name in texts:
                prompt = Spoken(language, name)
                stays = self._stays(drafted, in_force, language, name)
                if stays and (name not in wanted or (self._place.prompts / prompt.path).exists()):
                    continue
                sound = self.sound(drafted, in_force, language, name)
                if sound is not None:
                    found[prompt] = sound
                elif not stays:
                    unspoken.append(str(prompt))
        if unspoken:
            raise UnspokenError(", ".join(unspoken))
        return found

    def lasts_s(self, drafted: Plan, in_force: Plan | None, language: str, name: str) -> float:
        """How long callers listen to it; of what nobody speaks yet, as long as its words."""
        text = settings.prompts_of(drafted).get(language, {}).get(name, "")
        key = (language, name, text)
        if key not in self._lasting:
            sound = self.sound(drafted, in_force, language, name)
            self._lasting[key] = _seconds(sound) if sound else len(text.split()) / WORDS_PER_S
        return self._lasting[key]

    def _stays(self, drafted: Plan, in_force: Plan | None, language: str, name: str) -> bool:
        """Whether it is spoken now as the draft would have it: by a person, or the same words."""
        try:
            if own_prompts.versions_of(self._place.prompts, Spoken(language, name)).spoken:
                return True
        except OwnPromptError:
            return True
        return in_force is not None and _said(drafted, language, name) == _said(
            in_force, language, name
        )


def _said(plan: Plan, language: str, name: str) -> str | None:
    """The words as the voice reads them: a new hint changes those alone in which it stands."""
    words = settings.prompts_of(plan).get(language, {}).get(name)
    return None if words is None else speech.respelled(words, plan.pronounced.get(language, {}))


def _seconds(sound: bytes) -> float:
    with wave.open(io.BytesIO(sound)) as file:
        return float(file.getnframes() / file.getframerate())
