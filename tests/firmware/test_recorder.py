"""The recorder: every second is sealed and on the disk before the next is promised, whatever
happens then.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from firmware import vault
from firmware.keys import KeyPair, PublicKey
from firmware.recorder import Failed, Kept, Recorder, Told
from tests.firmware.lender import Lender, LentChunk
from tests.firmware.voice import voice
from tests.plain_audio import leaks

NURSES = KeyPair(b"n" * 32)
ANN = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
BOB = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee"


def keys_of(mailbox: str) -> Sequence[PublicKey]:
    if mailbox != "nurses":
        raise vault.VaultError(f"mailbox {mailbox!r} has no key: run `careline setup`")
    return [NURSES.public]


class Booth:
    """A recorder with its lender, and what it told."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lender = Lender()
        self.told: queue.Queue[Told] = queue.Queue()
        self.recorder = Recorder[LentChunk](self.lender, directory, keys_of, self.told.put)

    def next(self) -> Told:
        return self.told.get(timeout=60)

    def kept(self) -> Kept:
        told = self.next()
        assert isinstance(told, Kept), told
        return told

    def failed(self) -> Failed:
        told = self.next()
        assert isinstance(told, Failed), told
        return told

    def audio(self, kept: Kept) -> bytes:
        return vault.hear(vault.sealed_path(self.directory, kept.label.message), NURSES).audio


@pytest.fixture
def booth(tmp_path: Path) -> Iterator[Booth]:
    opened = Booth(tmp_path / "messages")
    yield opened
    opened.recorder.close()


def test_a_message_is_told_of_when_it_is_whole_and_opens_bit_for_bit(booth: Booth) -> None:
    booth.recorder.expect(ANN, "nurses", urgent=True)
    booth.lender.speak(ANN, voice(3.25))
    kept = booth.kept()
    assert (kept.label.call, kept.label.mailbox, kept.label.urgent) == (ANN, "nurses", True)
    assert kept.seconds == 3.25
    assert booth.audio(kept) == voice(3.25).tobytes()


def test_two_callers_who_speak_at_once_are_not_mixed(booth: Booth) -> None:
    ann, bob = voice(4, seed=1), voice(4, seed=2)
    for call in (ANN, BOB):
        booth.recorder.expect(call, "nurses", urgent=False)
    for number in range(4):
        span = slice(number * 8_000, (number + 1) * 8_000)
        booth.lender.lend(ANN, number, ann[span], last=number == 3)
        booth.lender.lend(BOB, number, bob[span], last=number == 3)
    messages = {kept.label.call: booth.audio(kept) for kept in (booth.kept(), booth.kept())}
    assert messages == {ANN: ann.tobytes(), BOB: bob.tobytes()}


def test_a_caller_may_leave_a_second_message_in_the_same_call(booth: Booth) -> None:
    for seed in (1, 2):
        booth.recorder.expect(ANN, "nurses", urgent=False)
        booth.lender.speak(ANN, voice(1.5, seed))
        assert booth.audio(booth.kept()) == voice(1.5, seed).tobytes()


def test_a_second_message_does_not_swallow_the_first_one_still_waiting(booth: Booth) -> None:
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.lend_together([(ANN, voice(0.5, 1)), (ANN, voice(0.5, 2))])
    assert booth.audio(booth.kept()) == voice(0.5, 1).tobytes()
    assert "which mailbox" in booth.failed().reason


def test_every_chunk_is_given_back_and_wiped(booth: Booth) -> None:
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.speak(ANN, voice(5))
    booth.kept()
    assert booth.lender.all_back()


def test_a_recording_for_a_mailbox_without_a_key_fails_with_the_cure(booth: Booth) -> None:
    booth.recorder.expect(ANN, "billing", urgent=False)
    booth.lender.speak(ANN, voice(3))
    assert "careline setup" in booth.failed().reason
    assert booth.lender.all_back()
    assert booth.told.empty()  # told once, not for each second


def test_a_recording_nobody_announced_is_not_kept(booth: Booth) -> None:
    booth.lender.speak(ANN, voice(2))
    assert "which mailbox" in booth.failed().reason
    assert booth.lender.all_back()


def test_a_recording_with_a_hole_is_not_called_kept(booth: Booth) -> None:
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.lend(ANN, 0, voice(1))
    booth.lender.lend(ANN, 2, voice(1), last=True)
    assert "second 2" in booth.failed().reason


def test_a_recording_without_a_sound_leaves_no_file(booth: Booth) -> None:
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.lend(ANN, 0, voice(0), last=True)
    assert "nothing was said" in booth.failed().reason
    assert list(booth.directory.iterdir()) == []


@pytest.mark.parametrize(("swing", "is_kept"), [(8, False), (110, True)])
def test_a_recording_of_a_quiet_line_is_no_message_and_a_whisper_is_one(
    booth: Booth, swing: int, *, is_kept: bool
) -> None:
    """8 is what A-law makes of silence."""
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.speak(ANN, array("h", [swing, -swing] * 9_000))
    if is_kept:
        assert booth.kept().seconds == 2.25
    else:
        assert "nothing was said" in booth.failed().reason
        assert list(booth.directory.iterdir()) == []
        assert booth.recorder.fault == ""


def test_one_callers_trouble_is_no_other_callers(booth: Booth) -> None:
    booth.recorder.expect(ANN, "billing", urgent=False)
    booth.recorder.expect(BOB, "nurses", urgent=False)
    booth.lender.lend(ANN, 0, voice(1))
    booth.lender.speak(BOB, voice(2))
    told = {type(one): one for one in (booth.next(), booth.next())}
    assert set(told) == {Failed, Kept}


def test_a_full_disk_fails_the_message_and_the_recorder_goes_on(tmp_path: Path) -> None:
    booth = Booth(tmp_path / "messages")
    booth.directory.write_text("a file where the directory should be")
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.speak(ANN, voice(1))
    booth.failed()
    booth.directory.unlink()
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.speak(ANN, voice(1))
    booth.kept()
    booth.recorder.close()


def test_what_was_lent_before_the_end_is_kept(tmp_path: Path) -> None:
    booth = Booth(tmp_path / "messages")
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.speak(ANN, voice(2))
    booth.recorder.close()
    assert booth.audio(booth.kept()) == voice(2).tobytes()


def test_all_recordings_wait_for_the_disk_together(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a card that takes 50 ms to flush, thirty recordings one after another would never end."""
    together = threading.Barrier(3)
    really_sync = os.fdatasync

    def slow(fd: int) -> None:
        together.wait(60)  # breaks unless three are here at the same time
        really_sync(fd)

    calls = [ANN, BOB, ANN.replace("a", "c")]
    for call in calls:
        booth.recorder.expect(call, "nurses", urgent=False)
    monkeypatch.setattr(os, "fdatasync", slow)
    booth.lender.lend_together([(call, voice(0.5)) for call in calls])
    assert {booth.kept().label.call for _ in calls} == set(calls)


def test_no_plain_audio_lies_in_the_directory_while_the_caller_speaks(booth: Booth) -> None:
    spoken = voice(4)
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.speak(ANN, spoken, hang_up=False)
    assert booth.lender.all_back()
    assert any(booth.directory.glob("*.part"))
    assert leaks(spoken, [booth.directory]) == []


RECORDING = """
import sys
from pathlib import Path
from firmware.keys import KeyPair
from firmware.recorder import Recorder
from tests.firmware.lender import Lender
from tests.firmware.voice import voice

lender = Lender()
nurses = KeyPair(b"n" * 32).public
recorder = Recorder(lender, Path(sys.argv[1]), lambda mailbox: [nurses], print)
recorder.expect(sys.argv[2], "nurses", urgent=False)
spoken = voice(60)
for number in range(60):
    lender.lend(sys.argv[2], number, spoken[number * 8000 : (number + 1) * 8000])
    lender.all_back()
    print(number, flush=True)
"""


@pytest.mark.parametrize("seconds", [1, 7, 23])
def test_a_kill_in_the_middle_costs_at_most_the_last_second(tmp_path: Path, seconds: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", RECORDING, str(tmp_path), ANN], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        for _ in range(seconds):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        sealed = seconds + len(child.stdout.readlines())
    (found,) = vault.adopt(tmp_path, known=set())
    heard = vault.hear(vault.sealed_path(tmp_path, found.label.message), NURSES)
    assert found.cut_off
    assert found.seconds >= sealed - 1
    assert heard.audio == voice(60).tobytes()[: len(heard.audio)]
    assert leaks(voice(60), [tmp_path]) == []
