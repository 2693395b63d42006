"""What a sound device must be able to do. PortAudio and the fake do it alike; they are held
together by tests/hw/test_sound_ports.py. Nothing is decided here.

Sound is what telephones have: 8,000 samples of 16 bits a second, one channel, little endian.
"""

from dataclasses import dataclass
from typing import Protocol

RATE_HZ = 8000
FRAME_BYTES = 320  # 20 ms
# Late sound is worse than lost sound: a fifth of a second may wait, and what is older is dropped.
LATE_MOST_BYTES = 10 * FRAME_BYTES


class SoundGoneError(Exception):
    """The device is not there, or takes no sound; the text says which and what to look at."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Samples of a microphone, whole ones."""

    samples: bytes


@dataclass(frozen=True, slots=True)
class Slipped:
    """Sound was lost: the device had none to play (underrun), or nobody took what it heard
    (overrun)."""


Told = Heard | Slipped


class Port(Protocol):
    """One direction of one device. After SoundGoneError only `close` and `open` have a meaning."""

    async def open(self) -> None:
        """Looks for the device, which must be able to do it. SoundGoneError."""

    def play(self, samples: bytes) -> None:
        """Never waits: what the device cannot take in time is lost. ValueError: half a sample."""

    async def next_told(self) -> Told:
        """The next that was not told yet, in their order. SoundGoneError: it went away."""

    async def close(self) -> None:
        """The device is free for others. A second time does no harm."""
