"""The clinic of a bench: the template's, but that every prompt is a tone."""

import wave

from firmware.bench import sound
from firmware.place import Place

CLINIC = "2025550100"
ONE, TWO = "welcome", "main-menu"
ONE_S, TWO_S, OTHER_S = 4.0, 0.2, 1.0


def only_tones(place: Place) -> None:
    """The two prompts that count and all others are told apart from their first sample on."""
    counted = {ONE: (sound.ONE_HZ, ONE_S), TWO: (sound.TWO_HZ, TWO_S)}
    for path in (*(place.prompts / "en").glob("*.wav"), place.prompts / "music.wav"):
        hz, seconds = counted.get(path.stem, (sound.OTHER_HZ, OTHER_S))
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, sound.RATE_HZ, 0, "NONE", ""))
            file.writeframes(sound.tone(seconds, hz).astype("<i2").tobytes())
