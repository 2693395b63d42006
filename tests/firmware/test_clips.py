"""Prompt files as they come: what is no prompt is told to be none, and harms nothing."""

import io
import struct
import tracemalloc
import wave
from pathlib import Path

import numpy as np
import pytest

from firmware.clips import PromptError, read_wav, samples_in


def wav(samples: bytes, *, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(samples)
    return held.getvalue()


def test_a_prompt_is_read_sample_for_sample(tmp_path: Path) -> None:
    samples = np.array([0, 1, -1, 32767, -32768], dtype=np.int16)
    path = tmp_path / "welcome.wav"
    path.write_bytes(wav(samples.tobytes()))
    assert read_wav(path).tolist() == samples.tolist()


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no WAV file"),
        (b"RIFF", "no WAV file"),
        (b"ID3\x03 a song", "no WAV file"),
        (wav(b""), "holds no sound"),
        (wav(b"\0" * 8, rate=16000), "16000 Hz"),
        (wav(b"\0" * 8, channels=2), "2 channels"),
        (wav(b"\0" * 8, width=1), "8 bit"),
        (wav(b"\0" * 8)[:30], "no WAV file"),
        (b"RIFF\xa9I\xc6FWAVE\xa9WAVE\xa9II?@?@", "begins beyond its end"),
    ],
)
def test_what_is_no_prompt_is_told_to_be_none(raw: bytes, why: str) -> None:
    with pytest.raises(PromptError, match=why):
        samples_in("welcome.wav", raw)


def test_a_file_that_claims_gigabytes_takes_no_more_memory_than_it_has_bytes(
    tmp_path: Path,
) -> None:
    """A recorder that was cut off leaves such a file; a small box has no gigabytes."""
    raw = bytearray(wav(b"\1\0" * 400))
    struct.pack_into("<I", raw, 4, 0xFFFFFFFF)
    struct.pack_into("<I", raw, 40, 0xFFFFFFFE)
    path = tmp_path / "cut-off.wav"
    path.write_bytes(raw)
    tracemalloc.start()
    samples = read_wav(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert samples.tolist() == [1] * 400
    assert most < 1_000_000
