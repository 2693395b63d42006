"""A program of its own, which reads one recording that a stranger may have made, and says what is
heard in it. It is started by firmware/decoding.py and imports nothing of ours.

Its standard input is the file, its standard output a head of 20 bytes and, if the verdict is that
it is sound, so many samples: 8 kHz, mono, signed 16 bit. Before a byte of the file is read it gives
up whatever a decoder that was taken over could use: of the kernel it may ask for memory of its own,
read and write what is open, and end (`ASKED_FOR`); everything else is refused by the kernel, be it
a file, a socket, a process, a signal to another or a look at its memory. It has 150 MB and 5 s of a
processor (each limit is hard), and is nobody if it was root. What remains to it is to answer what
is not true, and to be slow.
"""

import ctypes
import errno
import mmap
import os
import platform
import resource
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 8000
LONGEST_S = 180
MEMORY_BYTES = 150 * 1000 * 1000
PROCESSOR_S = 5
NOBODY = 65534

RATES_HZ = range(RATE_HZ, 192_000 + 1)
CHANNELS_MOST = 2
# Overdriven: so many samples stand at the end of the scale, and words break up.
OVERDRIVEN = 0.99
OVERDRIVEN_PART = 0.01

# What it is, the verdict, how many samples follow, and the file's own rate and channels.
MAGIC = b"CLsound1"
HEAD = struct.Struct("<8sHHII")
# As far as a file is looked at to know its kind: no other decoder is ever entered.
KIND_BYTES = 12

Samples = NDArray[np.int16]
Read = Callable[[int], NDArray[np.float32]]  # frames x channels; none at the end


class Verdict(IntEnum):
    """What became of a file."""

    SOUND = 0
    ANOTHER_KIND = 1
    UNREADABLE = 2
    ANOTHER_FORM = 3  # of too many channels, or too few samples a second
    TOO_LONG = 4
    EMPTY = 5
    DAMAGED = 6
    OVERDRIVEN = 7
    TOO_MUCH = 8  # more memory than a prompt's file needs
    NOT_INSTALLED = 9
    UNCONFINED = 10  # this machine's kernel would let a decoder do more than decode


@dataclass(frozen=True, slots=True)
class Decoded:
    """The verdict, and what was heard if it is sound."""

    verdict: Verdict
    samples: Samples
    rate_hz: int = 0
    channels: int = 0

    def told(self) -> bytes:
        """As it goes through the pipe."""
        form = (min(self.channels, 0xFFFF), self.samples.size, min(self.rate_hz, 0xFFFFFFFF))
        return HEAD.pack(MAGIC, self.verdict, *form) + self.samples.astype("<i2").tobytes()


def decoded(file: BinaryIO) -> Decoded:
    """What is heard in a file of one of the four kinds."""
    import soundfile  # where prompts are made only

    if not is_of_our_kinds(file.read(KIND_BYTES)):
        return _refused(Verdict.ANOTHER_KIND)
    file.seek(0)
    try:
        with soundfile.SoundFile(file) as opened:
            rate_hz, channels = opened.samplerate, opened.channels
            if rate_hz not in RATES_HZ or not 0 < channels <= CHANNELS_MOST:
                return _refused(Verdict.ANOTHER_FORM, rate_hz, channels)
            read = lambda frames: opened.read(frames, dtype="float32", always_2d=True)  # noqa: E731
            return _heard(read, rate_hz, channels)
    except (soundfile.SoundFileError, OSError):
        return _refused(Verdict.UNREADABLE)


def is_of_our_kinds(beginning: bytes) -> bool:
    """WAV, FLAC, OGG or MP3, as its first bytes say."""
    wav = beginning[:4] in (b"RIFF", b"RF64") and beginning[8:12] == b"WAVE"
    mp3 = beginning[:3] == b"ID3" or (beginning[:1] == b"\xff" and beginning[1:2] >= b"\xe0")
    return wav or mp3 or beginning[:4] in (b"fLaC", b"OggS")


def _heard(read: Read, rate_hz: int, channels: int) -> Decoded:
    """Piece by piece: a file may claim any length, and hold hours in a few bytes."""
    import soxr

    stream = soxr.ResampleStream(rate_hz, RATE_HZ, channels, dtype="float32", quality="VHQ")
    sounds = np.zeros(((LONGEST_S + 1) * RATE_HZ, channels), np.int16)
    size, frames, driven = 0, 0, np.zeros(channels)
    current: NDArray[np.float32] | None = None  # the direct current of a cheap sound card
    is_last = False
    while not is_last:
        piece = read(rate_hz)
        is_last = not len(piece)
        frames += len(piece)
        if frames > LONGEST_S * rate_hz:
            return _refused(Verdict.TOO_LONG)
        if not np.isfinite(piece).all():
            return _refused(Verdict.DAMAGED)
        driven += np.count_nonzero(np.abs(piece) >= OVERDRIVEN, axis=0)
        if current is None and not is_last:
            current = np.median(piece, axis=0)
        steady = piece if current is None else piece - current
        ours = stream.resample_chunk(np.ascontiguousarray(steady), last=is_last)
        fit = np.round(np.clip(ours, -1, 1) * 32767)
        sounds[size : size + len(ours)] = fit
        size += len(ours)
    if not size:
        return _refused(Verdict.EMPTY)
    chosen = _loudest(sounds[:size])
    verdict = Verdict.OVERDRIVEN if driven[chosen] > OVERDRIVEN_PART * frames else Verdict.SOUND
    heard = sounds[:size, chosen].copy() if verdict is Verdict.SOUND else np.zeros(0, np.int16)
    return Decoded(verdict, heard, rate_hz, channels)


def _loudest(sounds: Samples) -> int:
    """One of stereo: a microphone is often on one side, and two out of step cancel each other."""
    powers = [float(np.var(sounds[:, each].astype(np.float32))) for each in range(sounds.shape[1])]
    return int(np.argmax(powers))


def _refused(verdict: Verdict, rate_hz: int = 0, channels: int = 0) -> Decoded:
    return Decoded(verdict, np.zeros(0, np.int16), rate_hz, channels)


# ---- confinement ----


# What the kernel calls a machine (linux/audit.h), and there the number of each thing that may be
# asked for; memory may be asked for as long as it does not run as a program.
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
SECCOMP = {"x86_64": 317, "aarch64": 277}
ASKED_FOR = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "lseek": 8, "munmap": 11, "brk": 12,
        "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24,
        "mremap": 25, "madvise": 28, "getpid": 39, "exit": 60, "getuid": 102, "futex": 202,
        "restart_syscall": 219, "clock_gettime": 228, "exit_group": 231,
    },
    "aarch64": {
        "read": 63, "write": 64, "close": 57, "fstat": 80, "lseek": 62, "munmap": 215, "brk": 214,
        "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "sched_yield": 124,
        "mremap": 216, "madvise": 233, "getpid": 172, "exit": 93, "getuid": 174, "futex": 98,
        "restart_syscall": 128, "clock_gettime": 113, "exit_group": 94,
    },
}  # fmt: skip
MEMORY = {"x86_64": {"mmap": 9, "mprotect": 10}, "aarch64": {"mmap": 222, "mprotect": 226}}

# linux/filter.h, linux/seccomp.h and linux/prctl.h.
LOAD, IS_EQUAL, HAS_BITS, ANSWER = 0x20, 0x15, 0x45, 0x06
NUMBER_AT, ARCH_AT, THIRD_AT = 0, 4, 32  # in struct seccomp_data; the third argument's lower half
ALLOW, END, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
SET_MODE_FILTER, ALL_THREADS, NO_NEW_PRIVILEGES = 1, 1, 38


class UnconfinedError(Exception):
    """The kernel does not keep a decoder from anything."""


def confine() -> None:
    """Give it all up, for good."""
    filter_of_requests = _filter(platform.machine())
    if os.geteuid() == 0:  # who has no limits by the system's rule, and could raise ours
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, PROCESSOR_S),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 0),  # what is open stays open, and nothing else ever is
    ):
        resource.setrlimit(what, (most, most))
    _ask_only_for(filter_of_requests)


def _filter(machine: str) -> bytes:
    """The law above as the kernel reads it: one instruction after another, each of which may pass
    over some that follow."""
    if machine not in ASKED_FOR:
        raise UnconfinedError

    def one(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
        return struct.pack("=HBBI", code, then, otherwise, value)

    told = one(LOAD, ARCH_AT) + one(IS_EQUAL, AUDIT_ARCH[machine], 1) + one(ANSWER, END)
    told += one(LOAD, NUMBER_AT)
    for number in MEMORY[machine].values():
        told += one(IS_EQUAL, number, 0, 4) + one(LOAD, THIRD_AT)
        told += one(HAS_BITS, mmap.PROT_EXEC, 0, 1) + one(ANSWER, REFUSE) + one(ANSWER, ALLOW)
    for number in ASKED_FOR[machine].values():
        told += one(IS_EQUAL, number, 0, 1) + one(ANSWER, ALLOW)
    return told + one(ANSWER, REFUSE)


def _ask_only_for(filter_of_requests: bytes) -> None:
    kernel = ctypes.CDLL(None, use_errno=True)
    held = ctypes.create_string_buffer(filter_of_requests, len(filter_of_requests))
    length, number = len(filter_of_requests) // 8, SECCOMP[platform.machine()]
    program = struct.pack("@HP", length, ctypes.addressof(held))  # struct sock_fprog
    nothing = (ctypes.c_ulong(0),) * 3
    if kernel.prctl(NO_NEW_PRIVILEGES, ctypes.c_ulong(1), *nothing) != 0:
        raise UnconfinedError
    asked = (ctypes.c_long(number), ctypes.c_long(SET_MODE_FILTER), ctypes.c_long(ALL_THREADS))
    if kernel.syscall(*asked, ctypes.c_char_p(program)) != 0:
        raise UnconfinedError


def _warm() -> None:
    """Whatever is loaded at its first use is loaded now: afterwards no file can be opened."""
    import soundfile

    for form in ({"format": "WAV"}, {"format": "OGG", "subtype": "VORBIS"}):
        file = BytesIO()
        soundfile.write(file, np.full(RATE_HZ, 0.1), RATE_HZ, **form)
        file.seek(0)
        decoded(file)


def main(given: Any, taken: Any) -> None:
    """One file in, one answer out."""
    try:
        _warm()
        confine()
        told = decoded(given)
    except MemoryError:
        told = _refused(Verdict.TOO_MUCH)
    except ImportError:
        told = _refused(Verdict.NOT_INSTALLED)
    except UnconfinedError:
        told = _refused(Verdict.UNCONFINED)
    taken.write(told.told())


if __name__ == "__main__":
    main(sys.stdin.buffer.raw, sys.stdout.buffer)  # type: ignore[union-attr]
