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
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
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

    def __init__(
        self, directory: Path, spare: Callable[[str, bytes], None] = lambda message, key: None
    ) -> None:
        self.directory = directory
        self.lender = Lender()
        self.told: queue.Queue[Told] = queue.Queue()
        self.recorder = Recorder[LentChunk](self.lender, directory, keys_of, self.told.put, spare)

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
    assert list(booth.directory.glob("*")) == []


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


class Disk:
    """Its syncs of files, each of which waits until it is let go."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._begun: queue.Queue[tuple[str, threading.Event]] = queue.Queue()
        self._passed: dict[str, threading.Event] = {}
        self._really_sync = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self._sync)

    def _sync(self, fd: int) -> None:
        go = threading.Event()
        self._begun.put((Path(f"/proc/self/fd/{fd}").readlink().stem, go))
        assert go.wait(120)  # longer than anybody waits for what must not wait for it
        self._really_sync(fd)

    def next(self) -> threading.Event:
        _, go = self._begun.get(timeout=60)
        return go

    def next_of(self, message: str) -> threading.Event:
        while message not in self._passed:
            name, go = self._begun.get(timeout=60)
            self._passed[name] = go
        return self._passed.pop(message)


def test_nobody_waits_for_the_file_of_another_who_still_speaks(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    for call in (ANN, BOB):
        booth.recorder.expect(call, "nurses", urgent=False)
    booth.lender.lend(BOB, 0, voice(1))
    bobs = disk.next()
    booth.lender.lend(ANN, 0, voice(0.5), last=True)
    disk.next().set()
    assert booth.kept().label.call == ANN
    bobs.set()
    booth.lender.lend(BOB, 1, voice(0.5), last=True)
    disk.next().set()
    assert booth.kept().label.call == BOB


ANNS, BOBS = ANN.replace("a", "1"), BOB.replace("b", "2")


def both_speak_on(booth: Booth, disk: Disk) -> threading.Event:
    """Their first second is durable, and their next stand in one row, hers in front: the disk takes
    it until it is let go."""
    for call, message in ((ANN, ANNS), (BOB, BOBS)):
        booth.recorder.expect(call, "nurses", urgent=False, message=message)
    booth.lender.lend_seconds(0, {ANN: voice(1), BOB: voice(1)})
    for message in (ANNS, BOBS):
        disk.next_of(message).set()
    deadline = time.monotonic() + 60
    while booth.recorder.held_up_s:
        assert time.monotonic() < deadline
        time.sleep(0)
    booth.lender.lend_seconds(1, {ANN: voice(1), BOB: voice(1)})
    return disk.next_of(ANNS)


def test_an_end_waits_for_no_file_that_its_own_stands_behind(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    anns = both_speak_on(booth, disk)
    booth.lender.lend(BOB, 2, voice(0.5), last=True)
    disk.next_of(BOBS).set()
    assert booth.kept().label.message == BOBS
    anns.set()


def test_an_end_waits_for_no_file_that_stands_behind_its_own(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    anns = both_speak_on(booth, disk)
    booth.lender.lend(ANN, 2, voice(0.5), last=True)
    anns.set()
    bobs = disk.next_of(BOBS)
    disk.next_of(ANNS).set()
    assert booth.kept().label.message == ANNS
    bobs.set()


def test_a_file_that_the_disk_does_not_get_done_with_holds_up_nobody_elses(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    anns = both_speak_on(booth, disk)
    booth.lender.lend(BOB, 2, voice(1))
    for _ in range(2):
        disk.next_of(BOBS).set()
    anns.set()


def test_a_callers_second_recording_waits_for_the_first_and_nobody_else_does(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    for call, message in ((ANN, ANNS), (ANN, ""), (BOB, BOBS)):
        booth.recorder.expect(call, "nurses", urgent=False, message=message)
    booth.lender.lend_together([(ANN, voice(0.5)), (ANN, voice(0.7))])
    anns = disk.next_of(ANNS)
    booth.lender.lend(BOB, 0, voice(0.9), last=True)
    disk.next_of(BOBS).set()
    assert booth.kept().seconds == 0.9
    anns.set()
    assert booth.kept().seconds == 0.5
    disk.next().set()
    assert booth.kept().seconds == 0.7


def test_what_is_said_while_the_disk_takes_what_was_said_before_is_promised_only_after_it_too(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.lend(ANN, 0, voice(1))
    first = disk.next()
    booth.lender.lend(ANN, 1, voice(0.5), last=True)
    assert not booth.lender.all_back(0.1)  # the engine keeps it, and would run out of room
    first.set()
    second = disk.next()
    assert booth.lender.all_back()
    assert booth.told.empty()
    second.set()
    assert booth.kept().seconds == 1.5


def test_a_message_whose_second_the_disk_refuses_is_told_of_as_lost_and_once(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_fd: int) -> None:
        raise OSError(5, "Input/output error")

    really_sync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", refuse)
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.lend(ANN, 0, voice(1))
    assert "Input/output" in booth.failed().reason
    monkeypatch.setattr(os, "fdatasync", really_sync)
    booth.lender.lend(ANN, 1, voice(0.5), last=True)
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.speak(ANN, voice(1.5))
    assert booth.kept().seconds == 1.5
    assert booth.told.empty()


def test_silence_found_while_the_disk_is_busy_leaves_no_file(
    booth: Booth, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.lend(ANN, 0, array("h", bytes(16_000)))
    busy = disk.next()
    booth.lender.lend(ANN, 1, array("h", bytes(8_000)), last=True)
    busy.set()
    assert "nothing was said" in booth.failed().reason
    assert list(booth.directory.iterdir()) == []


def test_nothing_is_sealed_before_the_boxs_own_key_is_durable_and_nobody_waits_for_it(
    tmp_path: Path,
) -> None:
    at_it, go = threading.Event(), threading.Event()

    def keep(_message: str, _key: bytes) -> None:
        at_it.set()
        assert go.wait(60)

    booth = Booth(tmp_path / "messages", keep)
    booth.recorder.expect(ANN, "nurses", urgent=True, is_played_back=True, message=ANNS)
    booth.recorder.expect(BOB, "nurses", urgent=False)
    booth.lender.speak(ANN, voice(1.5))
    assert at_it.wait(60)
    booth.lender.speak(BOB, voice(2.5))
    assert booth.kept().seconds == 2.5
    assert (booth.directory / f"{ANNS}.part").stat().st_size == 0
    go.set()
    assert booth.kept().seconds == 1.5
    booth.recorder.close()


def test_a_message_that_the_box_could_not_play_back_is_lost_and_said_to_be(tmp_path: Path) -> None:
    def refuse(_message: str, _key: bytes) -> None:
        raise OSError(28, "No space left on device")

    booth = Booth(tmp_path / "messages", refuse)
    booth.recorder.expect(ANN, "nurses", urgent=True, is_played_back=True, message=ANNS)
    booth.lender.speak(ANN, voice(2.5))
    told = booth.failed()
    assert (told.message, told.reason) == (ANNS, "[Errno 28] No space left on device")
    assert booth.lender.all_back()
    booth.recorder.close()
    assert booth.told.empty()


def test_a_recording_that_another_cuts_off_is_found_at_the_next_start(booth: Booth) -> None:
    for message in (ANNS, BOBS):
        booth.recorder.expect(ANN, "nurses", urgent=False, message=message)
    booth.lender.lend(ANN, 0, voice(1))
    booth.lender.speak(ANN, voice(1.5))
    assert booth.kept().label.message == BOBS
    (found,) = vault.adopt(booth.directory, {BOBS})
    assert (found.label.message, found.seconds, found.cut_off) == (ANNS, 1.0, True)


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


def test_parts_of_a_talk_that_are_named_beforehand_keep_their_names_and_their_order(
    booth: Booth,
) -> None:
    talk = "cccccccc-bbbb-4ccc-8ddd-eeeeeeeeeeee"
    parts = ["11111111-bbbb-4ccc-8ddd-eeeeeeeeeeee", "22222222-bbbb-4ccc-8ddd-eeeeeeeeeeee"]
    for part in parts:  # the second is expected before a second of the first has come
        booth.recorder.expect(ANN, "nurses", urgent=False, message=part, of=talk)
    for _ in parts:
        booth.lender.speak(ANN, voice(1.5))
    kept = [booth.kept().label for _ in parts]
    assert [(label.message, label.call) for label in kept] == [(part, talk) for part in parts]


def test_a_part_that_cannot_be_sealed_is_told_by_its_name(booth: Booth) -> None:
    part = "11111111-bbbb-4ccc-8ddd-eeeeeeeeeeee"
    booth.recorder.expect(ANN, "nobody", urgent=False, message=part, of=BOB)
    booth.lender.speak(ANN, voice(1.5))
    told = booth.failed()
    assert (told.call, told.message) == (ANN, part)


def test_one_that_never_began_does_not_lend_its_name_to_the_next(booth: Booth) -> None:
    part = "11111111-bbbb-4ccc-8ddd-eeeeeeeeeeee"
    booth.recorder.expect(ANN, "nurses", urgent=False, message=part, of=BOB)
    booth.recorder.forget(ANN)
    booth.recorder.expect(ANN, "nurses", urgent=False)
    booth.lender.speak(ANN, voice(1.5))
    assert booth.kept().label.message != part


def test_silence_is_part_of_a_talk(booth: Booth) -> None:
    part = "11111111-bbbb-4ccc-8ddd-eeeeeeeeeeee"
    booth.recorder.expect(ANN, "nurses", urgent=False, message=part, of=BOB)
    booth.lender.speak(ANN, array("h", bytes(2 * 12_000)))
    assert booth.kept().seconds == 1.5
