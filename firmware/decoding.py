"""A stranger's recording becomes samples, in a process that can do nothing else.

`decoded` starts firmware/decoder.py for one file and believes nothing it says but a head of one
form and so many samples. Whatever happens there, be it a bomb, a crash or a decoder taken over,
here it is one RecordingError that says what to do. What confines the child is written in its own
file; its memory, its processor time and its silence are bounded by the kernel, its time by us.
"""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from firmware import decoder
from firmware.decoder import HEAD, LONGEST_S, MAGIC, RATE_HZ, Samples, Verdict
from firmware.durable import write_all

FILE_MOST = 20 * 1000 * 1000
# Its processor time is less; this is for one that sleeps, or a machine that is busy.
WITHIN_S = 20.0
ANSWER_MOST = HEAD.size + 2 * (LONGEST_S + 1) * RATE_HZ
PIECE = 1 << 16

BROKEN = "it cannot be read: save it again as WAV, FLAC, OGG or MP3, or record it again"
REFUSED = {
    Verdict.ANOTHER_KIND: "it is no recording that can be read: save it as WAV, FLAC, OGG or MP3",
    Verdict.UNREADABLE: BROKEN,
    Verdict.TOO_LONG: f"it is longer than {LONGEST_S} s: callers hang up; say it shorter",
    Verdict.EMPTY: "it holds no sound: record it again",
    Verdict.DAMAGED: "it is damaged: save it again, or record it again",
    Verdict.OVERDRIVEN: "it is overdriven: record it again, further from the microphone or with"
    " less gain",
    Verdict.TOO_MUCH: BROKEN,
    Verdict.NOT_INSTALLED: "soundfile or soxr is missing, which read recordings: pip install"
    " 'careline[speech]'",
    Verdict.UNCONFINED: "this machine cannot keep the reading of a stranger's file from doing harm"
    " (its kernel has no seccomp, or it is neither amd64 nor arm64): record by telephone instead",
}


class RecordingError(Exception):
    """This recording cannot be a prompt; the text says what to do."""


def decoded(recording: bytes, within_s: float = WITHIN_S) -> Samples:
    """What is heard in a whole file, at 8 kHz."""
    if len(recording) > FILE_MOST:
        raise RecordingError(
            f"it has {len(recording) / 1e6:.1f} MB, of {FILE_MOST // 10**6} at most: save it in one"
            " channel, or as FLAC, OGG or MP3"
        )
    with _lying_in_memory(recording) as file:
        return decoded_file(file, within_s)


def decoded_file(file: int, within_s: float = WITHIN_S) -> Samples:
    """The same of a file that is open at its beginning; whoever took it in has bounded it."""
    return heard(_answer(file, within_s))


def heard(answer: bytes) -> Samples:
    """What a child has answered; nothing of it is believed that has another form."""
    if len(answer) < HEAD.size:
        raise RecordingError(BROKEN)
    magic, said, channels, count, rate_hz = HEAD.unpack_from(answer)
    if magic != MAGIC or len(answer) != HEAD.size + 2 * count:
        raise RecordingError(BROKEN)
    if said == Verdict.ANOTHER_FORM:
        raise RecordingError(
            f"it has {rate_hz} samples a second in {channels} channels: record at 44,100 or 48,000"
            " in one or two"
        )
    if said != Verdict.SOUND:
        raise RecordingError(REFUSED.get(said, BROKEN))
    if not 0 < count <= (LONGEST_S + 1) * RATE_HZ:
        raise RecordingError(BROKEN)
    return np.frombuffer(answer, "<i2", offset=HEAD.size).astype(np.int16)


@contextmanager
def _lying_in_memory(recording: bytes) -> Iterator[int]:
    """A file that has no name, so that none is left behind."""
    file = os.memfd_create("recording")
    try:
        write_all(file, recording)
        os.lseek(file, 0, os.SEEK_SET)
        yield file
    finally:
        os.close(file)


def _answer(file: int, within_s: float) -> bytes:
    """All that the child says, if it ends in time and well."""
    program = [sys.executable, "-I", str(Path(decoder.__file__))]
    environment = {"OPENBLAS_NUM_THREADS": "1"}  # each thread's memory would count
    with subprocess.Popen(
        program,
        stdin=file,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env=environment,
    ) as child:
        try:
            answer = _read(child, time.monotonic() + within_s)
        finally:
            child.kill()
    return answer


def _read(child: "subprocess.Popen[bytes]", until: float) -> bytes:
    """What comes through the pipe until its end; never more than an answer can have."""
    assert child.stdout is not None
    pipe, answer = child.stdout.fileno(), bytearray()
    waiting = select.poll()
    waiting.register(pipe, select.POLLIN)
    while len(answer) <= ANSWER_MOST:
        left_ms = (until - time.monotonic()) * 1000
        if left_ms <= 0 or not waiting.poll(left_ms):
            raise RecordingError(
                "it takes too long to read: save it again as WAV or FLAC; if that is no better,"
                " try when the box has less to do"
            )
        piece = os.read(pipe, PIECE)
        if not piece:
            return bytes(answer)
        answer += piece
    return bytes(answer)
