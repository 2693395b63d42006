"""`careline dtmf`: keys from a pipe, told as they are known, whatever comes after them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from firmware.cli.dtmf import Halver
from routing_core.audio import Law, Pcm, digit, encode

ROOT = Path(__file__).resolve().parents[2]

# A busy machine takes a while to start Python.
PATIENCE_S = 60


@contextmanager
def listening(*options: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command with pipes at all its ends."""
    command = [sys.executable, "-m", "firmware.cli", "dtmf", *options]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(sound: bytes, *options: str) -> tuple[list[list[str]], str, int]:
    """All of its lines in words, what it complained of, and how it ended."""
    with listening(*options) as process:
        out, err = process.communicate(sound, timeout=PATIENCE_S)
        return (
            [line.split() for line in out.decode().splitlines()],
            err.decode(),
            process.returncode,
        )


def dialled(keys: str) -> Pcm:
    """Each key 60 ms, with 90 ms between."""
    quiet = np.zeros(720, np.int16)
    return np.concatenate([quiet, *(part for key in keys for part in (digit(key, ms=60), quiet))])


def test_a_number_is_read_from_a_pipe_with_its_times() -> None:
    lines, complaint, code = heard(dialled("911").astype("<i2").tobytes())
    assert (complaint, code) == ("", 0)
    assert [line[0] for line in lines] == ["9", "1", "1"]
    for n, (_, start, end, decided) in enumerate(lines):
        begin = 90 + 150 * n
        assert abs(float(start) - begin) <= 4  # its rise takes 5 ms
        assert abs(float(end) - begin - 60) <= 4
        assert 20 <= float(decided) - begin <= 40


@pytest.mark.parametrize("law", Law)
def test_both_laws_are_read_a_byte_a_sample(law: Law) -> None:
    lines, _, code = heard(encode(dialled("47#"), law).tobytes(), "--law", law.value)
    assert ([line[0] for line in lines], code) == (["4", "7", "#"], 0)


def test_a_key_at_16_khz_has_the_times_it_has_at_8() -> None:
    narrow = dialled("0*5")
    wide = soxr.resample(narrow.astype(np.float64), 8000, 16000)
    raw = np.clip(np.rint(wide), -32768, 32767).astype("<i2").tobytes()
    lines, _, code = heard(raw, "--rate", "16000")
    expected, _, _ = heard(narrow.astype("<i2").tobytes())
    assert code == 0
    assert [line[0] for line in lines] == [line[0] for line in expected]
    for line, wanted in zip(lines, expected, strict=True):
        assert all(
            abs(float(a) - float(b)) <= 1.0 for a, b in zip(line[1:], wanted[1:], strict=True)
        )


def test_a_key_is_told_while_the_caller_is_still_on_the_line() -> None:
    sound = dialled("5").astype("<i2").tobytes()
    with listening() as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(sound)
        process.stdin.flush()
        assert process.stdout.readline().split()[0] == b"5"
        assert process.poll() is None


def test_a_key_held_down_is_told_live_before_it_is_let_go() -> None:
    held = np.concatenate([np.zeros(800, np.int16), digit("8", ms=200)[:1200]])
    with listening("--live") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(held.astype("<i2").tobytes())
        process.stdin.flush()
        key, _, end, _ = process.stdout.readline().split()
        assert (key, end) == (b"8", b"-")
        assert process.poll() is None


def test_a_key_down_at_the_end_ends_there() -> None:
    cut_off = np.concatenate([np.zeros(800, np.int16), digit("3", ms=200)[:800]])
    lines, _, _ = heard(cut_off.astype("<i2").tobytes())
    assert [(line[0], line[2]) for line in lines] == [("3", "200.0")]


def test_half_a_sample_at_the_end_is_told_of_and_costs_no_key() -> None:
    lines, complaint, code = heard(dialled("62").astype("<i2").tobytes() + b"\x00")
    assert [line[0] for line in lines] == ["6", "2"]
    assert code == 2
    assert "ended in the middle of a sample" in complaint
    assert "--law alaw" in complaint


def test_silence_holds_no_key() -> None:
    assert heard(b"") == ([], "", 0)


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 3000), max_size=20), seed=st.integers(0, 99))
def test_halving_gives_the_same_however_the_audio_was_cut(cuts: list[int], seed: int) -> None:
    wide = np.random.default_rng(seed).integers(-32768, 32767, 3000).astype(np.int16)
    halver, whole = Halver(), Halver()
    pieces = [halver.halve(part) for part in np.split(wide, sorted(cuts))]
    made = np.concatenate([*pieces, halver.rest()])
    assert np.array_equal(made, np.concatenate([whole.halve(wide), whole.rest()]))
    assert len(made) == 1500


def test_what_8_khz_cannot_hold_is_gone_and_what_it_can_is_whole() -> None:
    def level(hz: float) -> float:
        time: NDArray[np.float64] = np.arange(16_000) / 16_000
        halver = Halver()
        made = halver.halve((10_000 * np.sin(2 * np.pi * hz * time)).astype(np.int16))
        return float(np.sqrt(2 * np.mean(np.square(made[100:].astype(np.float64)))) / 10_000)

    assert all(abs(level(hz) - 1) < 0.01 for hz in (697, 941, 1209, 1633, 3000))
    assert all(level(hz) < 0.002 for hz in (5000, 6367, 7000))
