"""A stranger's file is read in a process of its own: whatever it holds, it is a sound or a reason,
soon, and never more than that process that comes to harm."""

import ast
import os
import re
import resource
import struct
import subprocess
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware import decoder, decoding
from firmware.decoder import HEAD, LONGEST_S, MAGIC, RATE_HZ, Verdict
from firmware.decoding import ANSWER_MOST, BROKEN, RecordingError, decoded, heard
from tests.firmware.test_recorded import saved, spoken

# Not what is shown here: a machine that is busy is not a file that is bad.
PATIENT_S = 120.0


def reason(recording: bytes) -> str:
    with pytest.raises(RecordingError) as refused:
        decoded(recording, PATIENT_S)
    return str(refused.value)


def minutes_in_a_few_bytes(**form: str) -> bytes:
    file = BytesIO()
    with soundfile.SoundFile(file, "w", 8_000, 1, **form) as out:
        for _ in range(20):
            out.write(np.zeros(60 * 8_000))
    return file.getvalue()


def test_a_recording_comes_back_as_samples_through_the_confined_process() -> None:
    file = saved(spoken(44_100), 44_100, format="OGG", subtype="VORBIS")
    samples = decoded(file.getvalue(), PATIENT_S)
    assert samples.size == pytest.approx(4 * RATE_HZ, abs=RATE_HZ / 100)
    np.testing.assert_array_equal(samples, decoder.decoded(file).samples)


def test_a_bomb_that_holds_minutes_in_a_few_bytes_is_refused_as_too_long() -> None:
    bomb = minutes_in_a_few_bytes(format="FLAC")
    assert len(bomb) < 200_000
    assert "longer than 180 s" in reason(bomb)


HUGE = {
    # A head that claims 4 GB of samples, and one of 65,535 channels.
    "a great length": b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\1\0\1\0"
    + struct.pack("<IIHH", 8000, 16000, 2, 16)
    + b"data\xff\xff\xff\xff",
    "many channels": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\xff\xff"
    + struct.pack("<IIHH", 44100, 44100 * 0xFFFE, 0xFFFE, 16)
    + b"data\0\0\0\0",
    "a picture of 4 GB beside the sound": b"fLaC\x06\xff\xff\xff" + b"\xff" * 64,
    "a tag that does not end": b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + bytes(64),
}


@pytest.mark.parametrize("what", HUGE)
def test_a_head_that_claims_much_costs_nothing_and_has_its_reason(what: str) -> None:
    read = decoder.decoded(BytesIO(HUGE[what]))
    with pytest.raises(RecordingError):
        heard(read.told())


@pytest.mark.parametrize("form", ["WAV", "FLAC", "OGG", "MP3"])
def test_a_file_cut_anywhere_is_a_shorter_sound_or_a_reason(form: str) -> None:
    whole = saved(spoken(8_000), 8_000, format=form).getvalue()
    for at in (4, 13, 40, 44, len(whole) // 3, len(whole) - 1):
        read = decoder.decoded(BytesIO(whole[:at]))
        assert (read.samples.size > 0) == (read.verdict is Verdict.SOUND)
        assert read.samples.size <= 4 * RATE_HZ + RATE_HZ // 10


def test_what_is_no_sound_and_what_is_too_large_is_refused_with_the_cure() -> None:
    assert "save it as WAV, FLAC, OGG or MP3" in reason(b"%PDF-1.7 no sound")
    with pytest.raises(RecordingError, match=r"20\.1 MB, of 20 at most"):
        decoded(bytes(20_100_000))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_no_answer_of_the_process_breaks_the_reader(answer: bytes) -> None:
    with suppress(RecordingError):
        samples = heard(answer)
        assert answer[:8] == MAGIC
        assert 2 * samples.size == len(answer) - HEAD.size > 0


VERDICTS = st.integers(0, 0xFFFF)
COUNTS = st.integers(0, 0xFFFFFFFF)


@settings(max_examples=100, deadline=None)
@given(VERDICTS, VERDICTS, COUNTS, COUNTS, st.integers(0, 40))
def test_a_head_that_lies_is_never_believed(
    verdict: int, channels: int, count: int, rate_hz: int, held: int
) -> None:
    answer = HEAD.pack(MAGIC, verdict, channels, count, rate_hz) + bytes(held)
    if verdict == Verdict.SOUND and 2 * count == held > 0:
        assert heard(answer).size == count
    else:
        with pytest.raises(RecordingError):
            heard(answer)


def program(tmp_path: Path, text: str) -> str:
    path = tmp_path / "decoder.py"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("does", "told"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "cannot be read"),
        ("import os; os.write(1, bytes(1 << 16))\nwhile True: os.write(1, bytes(1 << 16))", BROKEN),
        ("import signal; signal.pause()", "takes too long"),
    ],
)
def test_a_decoder_that_crashes_floods_or_sleeps_is_one_error_here(
    does: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "__file__", program(tmp_path, does))
    with pytest.raises(RecordingError, match=told):
        decoded(b"RIFF", 0.3 if "pause" in does else PATIENT_S)


TAKEN_OVER = """
import ctypes, fcntl, mmap, os, resource, signal, socket, sys
sys.path.insert(0, {folder!r})
import decoder
told = []
neighbour, file = int(sys.argv[1]), sys.argv[2]  # of the same user
libc = ctypes.CDLL(None, use_errno=True)
def looks_into():
    if libc.ptrace(16, neighbour, 0, 0) == -1:
        raise OSError(ctypes.get_errno(), "")
decoder.confine()
told += [os.getuid() or "root"]
for name, tried in (
    ("a file", lambda: os.open("/etc/passwd", os.O_RDONLY)),
    ("a socket", lambda: socket.socket()),
    ("a copy in place of stdin", lambda: (os.close(0), os.dup(1))),
    ("a higher limit", lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))),
    ("much memory", lambda: bytearray(decoder.MEMORY_BYTES)),
    ("memory that runs", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)),
    ("a signal", lambda: os.kill(neighbour, signal.SIGTERM)),
    ("a signal by a pipe", lambda: fcntl.fcntl(1, fcntl.F_SETOWN, neighbour)),
    ("a look into memory", looks_into),
    ("other limits for others", lambda: resource.prlimit(neighbour, resource.RLIMIT_CPU, (1, 1))),
    ("less of a file", lambda: os.truncate(file, 0)),
    ("no file", lambda: os.unlink(file)),
    ("another program", lambda: os.execv("/bin/true", ["true"])),
    ("a process", os.fork),
):
    try:
        tried()
    except (OSError, MemoryError, ValueError):
        told.append(name)
os.write(1, repr(told).encode())
"""


def test_a_decoder_that_was_taken_over_can_open_nothing_more_nor_touch_a_neighbour() -> None:
    folder = str(Path(decoder.__file__).parent)
    uid = decoder.NOBODY if os.geteuid() == 0 else os.getuid()
    with (
        TemporaryDirectory() as theirs,
        subprocess.Popen(["sleep", "600"], user=uid) as neighbour,
    ):
        file = Path(theirs, "page.db")
        file.write_text("all keys")
        for path in (Path(theirs), file):
            os.chown(path, uid, -1)
        done = subprocess.run(
            [
                sys.executable,
                "-I",
                "-c",
                TAKEN_OVER.format(folder=folder),
                str(neighbour.pid),
                str(file),
            ],
            env={"OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            check=True,
        )
        assert neighbour.poll() is None
        neighbour.kill()
        assert file.read_text() == "all keys"
    everything = re.findall(r'\("([a-z ]+)",', TAKEN_OVER)
    assert len(everything) == 14
    assert ast.literal_eval(done.stdout.decode()) == [uid, *everything]


def test_where_the_kernel_confines_nothing_no_stranger_s_file_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "vax")
    with pytest.raises(decoder.UnconfinedError):
        decoder.confine()
    with pytest.raises(RecordingError, match="record by telephone instead"):
        heard(HEAD.pack(MAGIC, Verdict.UNCONFINED, 0, 0, 0))


def test_the_limits_are_those_that_are_promised() -> None:
    assert (decoder.MEMORY_BYTES, decoder.PROCESSOR_S, LONGEST_S) == (150_000_000, 5, 180)
    assert decoding.FILE_MOST == 20_000_000
    assert ANSWER_MOST < 3_000_000
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 0  # ours are as they were
