"""Sounds on top of each other: music under a prompt, made softer or louder without a click.

Arrays are of samples, or of channels × samples. An `out` is filled and returned; it may be the
input itself. Without one there is a new array.
"""

from typing import Any

import numpy as np

from routing_core._core import ffi, lib
from routing_core.audio import SAMPLE_RATE_HZ, Pcm, channels_of, lent_channels, lent_out

# Speech at our prompts' level would be cut off by more.
LOUDEST_DB = 6.0


def mix(one: Pcm, other: Pcm, out: Pcm | None = None) -> Pcm:
    """Both at once; what would be louder than the scale stays at its end."""
    first, second = lent_channels(one, "int16_t"), lent_channels(other, "int16_t")
    if one.shape != other.shape:
        raise ValueError(f"two sounds of {one.shape} and {other.shape} samples: cut or pad one")
    mixed = np.empty_like(one) if out is None else out
    lent_out(mixed, "int16_t", other)
    lib.rc_mix(first, second, lent_out(mixed, "int16_t", one), one.size)
    return mixed


class Gain:
    """A gain for each channel that moves in a straight line, so that nobody hears a click."""

    __slots__ = ("_gains",)

    def __init__(self, db: float = 0.0, *, channels: int = 1) -> None:
        if channels < 1:
            raise ValueError(f"{channels} channels: there is at least one")
        self._gains = ffi.new("struct rc_gain[]", channels)
        for channel in range(channels):
            self.aim(db, ms=0, channel=channel)

    def aim(self, db: float, *, ms: float, channel: int = 0) -> None:
        """Go from where it is now to `db`, within `ms` of sound."""
        if not 0 <= channel < len(self._gains):
            raise ValueError(f"channel {channel} of {len(self._gains)}: they count from 0")
        if not 0 <= ms <= 60_000:
            raise ValueError(f"{ms} ms: a gain moves within 0 to 60,000 ms")
        samples = round(ms * SAMPLE_RATE_HZ / 1000)
        if lib.rc_gain_aim(self._gains + channel, db, samples) == lib.RC_BAD:
            raise ValueError(f"{db} dB: a gain is at most +{LOUDEST_DB:g} dB")

    def apply(self, pcm: Pcm, out: Pcm | None = None) -> Pcm:
        """The sound with its gain."""
        source = self._lent(pcm)
        scaled = np.empty_like(pcm) if out is None else out
        target = lent_out(scaled, "int16_t", pcm)
        lib.rc_gain_apply_each(self._gains, len(self._gains), source, target, pcm.shape[-1])
        return scaled

    def mix(self, pcm: Pcm, onto: Pcm) -> Pcm:
        """Adds the sound with its gain to what is in `onto`, and returns that."""
        source = self._lent(pcm)
        target = lent_out(onto, "int16_t", pcm)
        lib.rc_gain_mix_each(self._gains, len(self._gains), source, target, pcm.shape[-1])
        return onto

    def _lent(self, pcm: Pcm) -> Any:
        source = lent_channels(pcm, "int16_t")
        if channels_of(pcm) != len(self._gains):
            raise ValueError(f"{channels_of(pcm)} channels for {len(self._gains)} gains")
        return source
