"""A message made out to another mailbox: open to it from then on, whatever breaks off on the way,
and destroyed with everything that was ever wrapped for it."""

import os
from pathlib import Path
from uuid import uuid4

import pytest

from firmware import vault
from firmware.keys import KeyPair
from firmware.vault import NEW, OLD, Label, NoteChangedError, NotForThisKeyError, Sealing
from tests.firmware import reader
from tests.firmware.voice import voice

NURSES, DESK, PAPER = KeyPair.fresh(), KeyPair.fresh(), KeyPair.fresh()
WORDS = voice(1.5).tobytes()


@pytest.fixture
def message(tmp_path: Path) -> Path:
    label = Label(str(uuid4()), str(uuid4()), "nurse", 1_772_443_800_000, urgent=True)
    sealing = Sealing(tmp_path, label, [NURSES.public, PAPER.public])
    sealing.add(memoryview(WORDS)[: vault.CHUNK_BYTES], last=False)
    sealing.add(memoryview(WORDS)[vault.CHUNK_BYTES :], last=True)
    return sealing.finish()


def forward(message: Path) -> None:
    vault.readdress(message, [NURSES], [NURSES.public, DESK.public, PAPER.public])


def test_both_mailboxes_and_the_paper_open_it_by_the_page_about_the_vault(message: Path) -> None:
    forward(message)
    for key in (NURSES, DESK, PAPER):
        assert vault.hear(message, key).audio == WORDS
        assert reader.read(message.read_bytes(), key.seed) == ("nurse", WORDS)
    assert list(message.parent.iterdir()) == [message]


def test_who_cannot_open_it_cannot_forward_it(message: Path) -> None:
    before = message.read_bytes()
    with pytest.raises(NotForThisKeyError):
        vault.readdress(message, [DESK], [DESK.public])
    assert message.read_bytes() == before


def test_a_disk_without_room_leaves_the_message_as_it_was(
    message: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = message.read_bytes()

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        forward(message)
    assert message.read_bytes() == before
    assert list(message.parent.iterdir()) == [message]


STEPS = ("hardlink_to", "replace", "samefile")


@pytest.mark.parametrize("broken_off_at", STEPS)
def test_broken_off_anywhere_it_opens_as_before_or_as_meant_after_the_next_start(
    message: Path, monkeypatch: pytest.MonkeyPatch, broken_off_at: str
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Path, broken_off_at, killed)
        with pytest.raises(Killed):
            forward(message)
    assert len(list(message.parent.iterdir())) > 1
    assert vault.adopt(message.parent, {message.stem}) == []
    assert list(message.parent.iterdir()) == [message]
    assert vault.hear(message, NURSES).audio == WORDS


@pytest.mark.parametrize("suffix", [OLD, NEW])
def test_what_was_left_of_a_forwarding_is_destroyed_with_its_message(
    message: Path, suffix: str
) -> None:
    left = message.with_suffix(suffix)
    left.write_bytes(message.read_bytes())
    seen = message.with_name("seen")
    seen.hardlink_to(left)
    vault.destroy(message)
    assert list(message.parent.iterdir()) == [seen]
    assert not any(seen.read_bytes()[: 2 * 1_700])  # every wrap of its key


def test_a_note_belongs_to_one_message_and_one_place(message: Path) -> None:
    name, another = str(uuid4()), str(uuid4())
    sealed = vault.notes_of(message, NURSES).seal("call the pharmacy", name)
    assert b"pharmacy" not in sealed
    forward(message)
    notes = vault.notes_of(message, DESK)
    assert notes.read(sealed, name) == "call the pharmacy"
    with pytest.raises(NoteChangedError):
        notes.read(sealed, another)
    with pytest.raises(NoteChangedError):
        notes.read(bytes([sealed[0] ^ 1]) + sealed[1:], name)
