"""What is heard on a modem's leg beside the voice: how far a call is, and the keys of a telephone.

Asterisk takes a leg for answered at once, so the tones of a call that is not yet are made here, in
the shape of North America (ANSI T1.401, annex; ITU-T E.180). A key that a telephone presses comes
as its tones; a mobile network carries those badly, so the modem is told the key instead, and of the
tones nothing goes on: what is not sure to be voice yet waits for 40 ms.
"""

from collections import deque
from enum import Enum

import numpy as np

from routing_core.audio import SAMPLE_RATE_HZ, Pcm, pcm_from_bytes, tone_pair
from routing_core.dtmf import Detector, ToneBegan

FRAME_SAMPLES = 160  # 20 ms
HELD_FRAMES = 2
LEVEL_DBM0 = (-16.0, -16.0)


def _cadence(low_hz: float, high_hz: float, on_ms: float, off_ms: float) -> bytes:
    on = tone_pair(low_hz, high_hz, dbm0=LEVEL_DBM0, ms=on_ms)
    off = np.zeros(round(off_ms * SAMPLE_RATE_HZ / 1000), np.int16)
    return bytes(np.concatenate((on, off)).astype("<i2"))


class Sound(Enum):
    """What is heard while there is no voice."""

    SILENCE = bytes(2 * FRAME_SAMPLES)
    RINGING = _cadence(440, 480, 2000, 4000)
    BUSY = _cadence(480, 620, 500, 500)
    REORDER = _cadence(480, 620, 250, 250)

    def frame(self, number: int) -> bytes:
        """The number-th 20 ms of it, over and over."""
        size = 2 * FRAME_SAMPLES
        start = number * size % len(self.value)
        return (self.value[start:] + self.value)[:size]


class Keys:
    """The voice of a telephone on its way to the modem, and the keys pressed in it."""

    def __init__(self) -> None:
        self._detector = Detector()
        self._held: deque[Pcm] = deque()
        self._sounding = ""

    def passed(self, frame: bytes) -> tuple[bytes, str]:
        """A frame that may go on, 40 ms later than it came, and the keys that began."""
        began = ""
        samples = pcm_from_bytes(frame).astype(np.int16)
        for event in self._detector.feed(samples):
            if isinstance(event, ToneBegan):
                began += event.digit
                self._sounding = event.digit
                for held in self._held:
                    held[:] = 0
            else:
                self._sounding = ""
        self._held.append(np.zeros_like(samples) if self._sounding or began else samples)
        if len(self._held) <= HELD_FRAMES:
            return bytes(len(frame)), began
        return bytes(self._held.popleft().astype("<i2")), began
