"""Telephone audio as numpy arrays: 8 kHz, one channel, int16 in the machine's byte order.

Nothing is converted in silence: an array of another type, shape or byte order is refused with the
reason, because a wrong guess is heard by a caller as noise.
"""

from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing_core._core import ffi, lib

SAMPLE_RATE_HZ = 8000
SAMPLE_BYTES = 2

# What digital silence reads on our scale, where a full-scale sine is +3.14 dBm0.
SILENCE_DBM0 = -99.0

# One tone of a digit as telephones send it; a country's rule is within 3 dB of it.
DIGIT_DBM0 = -9.0

# A type of C in numpy's words, and as an array in cffi's: looked up once, not at every call.
_DTYPES = {"int16_t": np.dtype(np.int16), "uint8_t": np.dtype(np.uint8)}
_ARRAYS = {ctype: ffi.typeof(f"{ctype}[]") for ctype in _DTYPES}

Pcm = NDArray[np.int16]
Codes = NDArray[np.uint8]


class Law(StrEnum):
    """The two laws of ITU-T G.711."""

    ALAW = "alaw"
    ULAW = "ulaw"


def pcm_from_bytes(raw: bytes | bytearray | memoryview) -> Pcm:
    """The samples in these bytes; without a copy, but where they begin at an odd address."""
    size = memoryview(raw).nbytes
    if size % SAMPLE_BYTES:
        raise ValueError(f"{size} bytes are not whole 16-bit samples: one byte is missing or extra")
    return np.require(np.frombuffer(raw, dtype=np.int16), requirements="A")


def lent(array: Pcm | Codes, ctype: str) -> Any:
    """The array's own memory as `ctype` (int16_t or uint8_t) for C, once sure that it fits."""
    _refuse_misfit(array, ctype)
    if array.ndim != 1:
        raise ValueError(f"audio must have one channel, not the shape {array.shape}")
    return ffi.from_buffer(_ARRAYS[ctype], array)


def lent_channels(array: Pcm | Codes, ctype: str) -> Any:
    """The same for one channel or several: an array of samples, or of channels × samples."""
    _refuse_misfit(array, ctype)
    if array.ndim not in (1, 2):
        raise ValueError(f"audio must be samples or channels × samples, not {array.shape}")
    return ffi.from_buffer(_ARRAYS[ctype], array)


def lent_out(out: Pcm | Codes, ctype: str, source: Pcm | Codes) -> Any:
    """An output for C to fill: as long as `source`, and the same memory or apart from it."""
    _refuse_misfit(out, ctype)
    if out.shape != source.shape:
        raise ValueError(f"the output has the shape {out.shape}, the input {source.shape}")
    if not out.flags.writeable:
        raise ValueError("the output is read-only: give an array of its own, or a copy()")
    if _overlap(out, source):
        raise ValueError("the output overlaps the input: give the very same array, or another")
    return ffi.from_buffer(_ARRAYS[ctype], out)


def channels_of(audio: Pcm | Codes) -> int:
    """One, or the rows of channels × samples."""
    return 1 if audio.ndim == 1 else len(audio)


def _refuse_misfit(array: Pcm | Codes, ctype: str) -> None:
    wanted = _DTYPES[ctype]
    if not isinstance(array, np.ndarray):
        raise TypeError(f"audio must be a numpy array, not {type(array).__name__}")
    if array.dtype != wanted:
        if array.dtype.newbyteorder() == wanted:
            raise TypeError(f"audio has the other byte order: call astype(np.{wanted}) on it")
        raise TypeError(
            f"audio must be {wanted}, not {array.dtype}: convert it where its scale is known"
        )
    flags = array.flags
    if not flags.c_contiguous:
        raise ValueError("audio must lie in one piece: call np.ascontiguousarray on it")
    if not flags.aligned:
        raise ValueError("audio begins in the middle of a sample's place in memory: call copy()")


def _overlap(out: Pcm | Codes, source: Pcm | Codes) -> bool:
    """They share memory, but are not the very same; two arrays that own theirs never do."""
    if out is source or (out.base is None and source.base is None):
        return False
    same = out.dtype == source.dtype and out.ctypes.data == source.ctypes.data
    return not same and np.may_share_memory(out, source)


def encode(pcm: Pcm, law: Law, out: Codes | None = None) -> Codes:
    """Linear samples, of one channel or of several, as G.711 codes; into `out` if there is one."""
    source = lent_channels(pcm, "int16_t")
    codes = np.empty(pcm.shape, dtype=np.uint8) if out is None else out
    coder = lib.rc_alaw_encode if law is Law.ALAW else lib.rc_ulaw_encode
    coder(source, lent_out(codes, "uint8_t", pcm), pcm.size)
    return codes


def decode(codes: Codes, law: Law, out: Pcm | None = None) -> Pcm:
    """G.711 codes, of one channel or of several, as linear samples; into `out` if there is one."""
    source = lent_channels(codes, "uint8_t")
    pcm = np.empty(codes.shape, dtype=np.int16) if out is None else out
    coder = lib.rc_alaw_decode if law is Law.ALAW else lib.rc_ulaw_decode
    coder(source, lent_out(pcm, "int16_t", codes), codes.size)
    return pcm


def level_dbm0(pcm: Pcm) -> float:
    """How loud all of it is together; SILENCE_DBM0 for silence and for nothing."""
    level: float = lib.rc_level_dbm0(lent(pcm, "int16_t"), len(pcm))
    return level


def levels_dbm0(pcm: Pcm) -> NDArray[np.float64]:
    """How loud each of several channels is."""
    source = lent_channels(pcm, "int16_t")
    levels = np.empty(channels_of(pcm), dtype=np.float64)
    target = ffi.from_buffer("double[]", levels)
    lib.rc_level_each_dbm0(source, len(levels), pcm.shape[-1], target)
    return levels


def tone(hz: float, *, dbm0: float, ms: float) -> Pcm:
    """A sine with 5 ms of rise and fall."""
    return tone_pair(hz, hz, dbm0=(dbm0, SILENCE_DBM0), ms=ms)


def tone_pair(hz: float, hz2: float, *, dbm0: tuple[float, float], ms: float) -> Pcm:
    """Two sines at once, each with its own level."""
    sound = ffi.new("struct rc_tone *")
    if lib.rc_tone_pair(sound, hz, dbm0[0], hz2, dbm0[1], _samples(ms)) == lib.RC_BAD:
        raise ValueError(
            f"{hz} Hz and {hz2} Hz at {dbm0} dBm0: a tone lies between 0 and 4000 Hz and is at most"
            " as loud as a full-scale sine, +3.14 dBm0"
        )
    return _made(sound)


def digit(key: str, *, ms: float, dbm0: float = DIGIT_DBM0) -> Pcm:
    """A key as a telephone sends it in the audio, each of its two tones at `dbm0`."""
    if len(key) != 1 or key not in "0123456789*#ABCD":
        raise ValueError(f"{key!r} is no telephone key: the keys are 0-9, *, # and A-D")
    sound = ffi.new("struct rc_tone *")
    if lib.rc_tone_digit(sound, key.encode("ascii"), dbm0, _samples(ms)) == lib.RC_BAD:
        raise ValueError(f"{dbm0} dBm0 is louder than a full-scale sine, +3.14 dBm0")
    return _made(sound)


def beep() -> Pcm:
    """The tone after which a caller speaks."""
    sound = ffi.new("struct rc_tone *")
    lib.rc_tone_beep(sound)
    return _made(sound)


def _samples(ms: float) -> int:
    if ms < 0:
        raise ValueError(f"{ms} ms: a sound lasts 0 ms or longer")
    return round(ms * SAMPLE_RATE_HZ / 1000)


def _made(sound: Any) -> Pcm:
    pcm = np.empty(sound.samples, dtype=np.int16)
    lib.rc_tone_next(sound, lent(pcm, "int16_t"), len(pcm))
    return pcm


class Meter:
    """A needle for a panel: up at once, down by 12 dB a second."""

    __slots__ = ("_meter",)

    def __init__(self) -> None:
        self._meter = ffi.new("struct rc_meter *")
        lib.rc_meter_init(self._meter)

    def feed(self, pcm: Pcm) -> float:
        """Hears more, in pieces of any size, and says where the needle stands, in dBm0."""
        lib.rc_meter_feed(self._meter, lent(pcm, "int16_t"), len(pcm))
        level: float = self._meter.level_dbm0
        return level

    @property
    def is_overloaded(self) -> bool:
        """A sample stood at the end of the scale: somebody was too loud for the line."""
        peak: int = self._meter.peak
        return peak >= np.iinfo(np.int16).max


class Voice:
    """Whether somebody speaks, judged against the line's own noise as it is learned."""

    __slots__ = ("_voice",)

    def __init__(self) -> None:
        self._voice = ffi.new("struct rc_voice *")
        lib.rc_voice_init(self._voice)

    def feed(self, pcm: Pcm) -> bool:
        """Hears more, in pieces of any size, and says whether somebody is speaking at its end."""
        speaking: bool = lib.rc_voice_feed(self._voice, lent(pcm, "int16_t"), len(pcm))
        return speaking

    @property
    def dbm0(self) -> float:
        """How loud the speaker has been, pauses left out; SILENCE_DBM0 when nobody has spoken."""
        level: float = lib.rc_voice_dbm0(self._voice)
        return level
