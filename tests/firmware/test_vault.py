"""The vault: a message opens for its owner bit by bit as it was spoken, and whatever was done to it
has a name.
"""

from __future__ import annotations  # array[int] is no expression before 3.12

import struct
import tempfile
from array import array
from functools import cache
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware import vault
from firmware.keys import KeyPair
from firmware.vault import CHUNK_BYTES, Label, Sealing, VaultError, hear
from tests.firmware.voice import voice
from tests.plain_audio import forms_of, leaks

NURSES, RECOVERY, THIEF = KeyPair(b"n" * 32), KeyPair(b"r" * 32), KeyPair(b"t" * 32)
LABEL = Label(
    message="11111111-2222-4333-8444-555555555555",
    call="aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee",
    mailbox="nurses",
    started_ms=1_772_443_800_000,
    urgent=False,
)
OTHER = "99999999-2222-4333-8444-555555555555"
RECORD = 24 + CHUNK_BYTES + 16


def sealing(directory: Path, message: str = LABEL.message) -> Sealing:
    label = Label(message, LABEL.call, LABEL.mailbox, LABEL.started_ms, LABEL.urgent)
    return Sealing(directory, label, [NURSES.public, RECOVERY.public])


def speak(message: Sealing, audio: array[int], *, last: bool = True) -> None:
    raw = memoryview(audio).cast("B")
    seconds = [raw[at : at + CHUNK_BYTES] for at in range(0, len(raw), CHUNK_BYTES)]
    for place, second in enumerate(seconds):
        message.add(second, last=last and place == len(seconds) - 1)
    message.sync()


def kept(directory: Path, audio: array[int], message: str = LABEL.message) -> Path:
    sealed = sealing(directory, message)
    speak(sealed, audio)
    return sealed.finish()


@cache
def example() -> tuple[bytes, bytes]:
    """The bytes of a sealed message of three and a half seconds, and its audio."""
    audio = voice(3.5)
    with tempfile.TemporaryDirectory() as place:
        return kept(Path(place), audio).read_bytes(), audio.tobytes()


def header_length() -> int:
    return int(struct.unpack_from(">I", example()[0], 12)[0])


def chunk_at(number: int) -> int:
    return header_length() + number * RECORD


def written(directory: Path, message: str, content: bytes) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / (message + vault.SEALED)
    path.write_bytes(content)
    return path


def opened(directory: Path, content: bytes) -> vault.Heard:
    return hear(written(directory, LABEL.message, content), NURSES)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.5, 3.0])
@pytest.mark.parametrize("key", [NURSES, RECOVERY], ids=["mailbox", "recovery paper"])
def test_a_message_comes_back_bit_for_bit(tmp_path: Path, seconds: float, key: KeyPair) -> None:
    audio = voice(seconds)
    heard = hear(kept(tmp_path, audio), key)
    assert heard.audio == audio.tobytes()
    assert (heard.label, heard.seconds, heard.cut_off) == (LABEL, seconds, False)


def test_a_message_that_ends_with_the_second_has_an_empty_last_chunk(tmp_path: Path) -> None:
    """The engine learns that the caller left only after the second was lent."""
    sealed = sealing(tmp_path)
    speak(sealed, voice(2), last=False)
    sealed.add(memoryview(b""), last=True)
    assert hear(sealed.finish(), NURSES).audio == voice(2).tobytes()


def test_a_thief_with_another_key_opens_nothing(tmp_path: Path) -> None:
    with pytest.raises(vault.NotForThisKeyError):
        hear(kept(tmp_path, voice(1)), THIEF)


def test_opening_starts_with_the_first_second(tmp_path: Path) -> None:
    """The rest of the file may be missing or wrong: what is proven is handed out at once."""
    content = bytearray(example()[0])
    content[chunk_at(1) + 100] ^= 1
    path = written(tmp_path, LABEL.message, bytes(content))
    with vault.opened(path, NURSES) as message:
        seconds = message.chunks()
        assert next(seconds) == example()[1][:CHUNK_BYTES]
        with pytest.raises(vault.ChunkChangedError, match="second 2"):
            next(seconds)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**9), bit=st.integers(0, 7))
def test_any_flipped_bit_is_noticed(tmp_path: Path, place: int, bit: int) -> None:
    content = bytearray(example()[0])
    content[place % len(content)] ^= 1 << bit
    assert_noticed(tmp_path, bytes(content))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 8_000), bit=st.integers(0, 7))
def test_any_flipped_bit_of_the_header_is_noticed(tmp_path: Path, place: int, bit: int) -> None:
    content = bytearray(example()[0])
    content[place % header_length()] ^= 1 << bit
    assert_noticed(tmp_path, bytes(content))


def assert_noticed(directory: Path, content: bytes) -> None:
    """Either it is refused by name, or it is called cut off and holds only what is true."""
    try:
        heard = opened(directory, content)
    except VaultError:
        return
    assert heard.cut_off
    assert example()[1].startswith(heard.audio)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(0, 10**9))
def test_wherever_a_message_is_cut_its_whole_seconds_are_saved(tmp_path: Path, size: int) -> None:
    whole, audio = example()
    content = whole[: size % len(whole)]
    if len(content) < header_length():
        with pytest.raises(vault.NotAMessageError):
            opened(tmp_path, content)
        return
    heard = opened(tmp_path, content)
    seconds = (len(content) - header_length()) // RECORD
    assert heard.cut_off
    assert heard.audio == audio[: seconds * CHUNK_BYTES]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(4)))
def test_seconds_in_another_order_are_named(tmp_path: Path, order: list[int]) -> None:
    whole = example()[0]
    seconds = [whole[chunk_at(n) : chunk_at(n + 1)] for n in range(4)]
    content = whole[: header_length()] + b"".join(seconds[n] for n in order)
    if order == [0, 1, 2, 3]:
        assert opened(tmp_path, content).audio == example()[1]
    else:
        with pytest.raises(vault.ChunkMisplacedError, match="stands where"):
            opened(tmp_path, content)


@pytest.mark.parametrize("number", range(4))
def test_a_second_of_another_message_is_named(tmp_path: Path, number: int) -> None:
    whole = bytearray(example()[0])
    other = kept(tmp_path, voice(3.5, seed=2), OTHER).read_bytes()
    end = len(whole) if number == 3 else chunk_at(number + 1)
    whole[chunk_at(number) : end] = other[chunk_at(number) : end]
    with pytest.raises(vault.ChunkForeignError, match=f"second {number + 1}"):
        opened(tmp_path, bytes(whole))


def test_a_forged_name_on_a_foreign_second_does_not_help(tmp_path: Path) -> None:
    whole = bytearray(example()[0])
    other = kept(tmp_path, voice(3.5, seed=2), OTHER).read_bytes()
    forged = UUID(LABEL.message).bytes + other[chunk_at(1) + 16 : chunk_at(2)]
    whole[chunk_at(1) : chunk_at(2)] = forged
    with pytest.raises(vault.ChunkChangedError, match="second 2"):
        opened(tmp_path, bytes(whole))


def test_the_header_of_another_message_is_named(tmp_path: Path) -> None:
    other = kept(tmp_path, voice(3.5, seed=2), OTHER).read_bytes()
    content = other[: header_length()] + example()[0][header_length() :]
    with pytest.raises(vault.HeaderForeignError, match=LABEL.message):
        opened(tmp_path, content)
    with pytest.raises(vault.ChunkForeignError):
        hear(written(tmp_path / "elsewhere", OTHER, content), NURSES)


def test_a_message_under_another_ones_name_is_named(tmp_path: Path) -> None:
    """Else what one caller said would be heard as another's."""
    with pytest.raises(vault.HeaderForeignError, match=OTHER):
        hear(written(tmp_path, OTHER, example()[0]), NURSES)


def test_something_added_after_the_end_is_named(tmp_path: Path) -> None:
    with pytest.raises(vault.BytesAfterEndError):
        opened(tmp_path, example()[0] + b"\x00")


def test_a_second_that_calls_itself_the_last_is_not_believed(tmp_path: Path) -> None:
    content = bytearray(example()[0][: chunk_at(2)])
    content[chunk_at(1) + 20] ^= 0x80
    with pytest.raises(vault.ChunkChangedError):
        opened(tmp_path, bytes(content))


@pytest.mark.parametrize(
    "content", [b"", b"RIFF" + bytes(100), b"CareLine", b"CareLine" + bytes(8)]
)
def test_what_is_no_message_is_called_so(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(vault.NotAMessageError):
        opened(tmp_path, content)


def test_a_recording_killed_midway_keeps_its_whole_seconds(tmp_path: Path) -> None:
    speak(sealing(tmp_path), voice(3), last=False)  # and nothing more: the power is gone
    (part,) = tmp_path.glob("*.part")
    torn = part.read_bytes() + b"\x55" * 5_000  # the fourth second, half written
    part.write_bytes(torn)
    (found,) = vault.adopt(tmp_path, known=set())
    assert (found.label, found.seconds, found.cut_off) == (LABEL, 3.0, True)
    heard = hear(vault.sealed_path(tmp_path, LABEL.message), NURSES)
    assert heard.audio == voice(3).tobytes()
    assert heard.cut_off


def test_a_message_killed_between_its_end_and_its_name_is_whole(tmp_path: Path) -> None:
    speak(sealing(tmp_path), voice(2.5))
    (found,) = vault.adopt(tmp_path, known=set())
    assert (found.seconds, found.cut_off) == (2.5, False)
    assert hear(vault.sealed_path(tmp_path, LABEL.message), NURSES).audio == voice(2.5).tobytes()


def test_a_recording_killed_in_its_first_second_leaves_nothing(tmp_path: Path) -> None:
    sealing(tmp_path)
    (tmp_path / (OTHER + ".part")).write_bytes(b"CareL")
    assert vault.adopt(tmp_path, known=set()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_message_without_a_row_is_found_and_one_with_a_row_is_left(tmp_path: Path) -> None:
    kept(tmp_path, voice(1))
    kept(tmp_path, voice(2), OTHER)
    assert [found.label.message for found in vault.adopt(tmp_path, {LABEL.message})] == [OTHER]


@pytest.mark.parametrize("place", [0, 9, 16, 60, 70, 100])
def test_a_damaged_message_is_left_alone_and_holds_up_no_other(tmp_path: Path, place: int) -> None:
    content = bytearray(example()[0])
    content[place] ^= 0xFF
    for name in ("sealed.sealed", "part.part"):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.sealed").mkdir()
    kept(tmp_path, voice(2), OTHER)
    assert OTHER in [found.label.message for found in vault.adopt(tmp_path, set())]
    assert (tmp_path / "sealed.sealed").read_bytes() == content
    (part,) = tmp_path.glob("part.*")
    assert part.read_bytes() == content


def test_a_short_message_killed_between_its_end_and_its_name_is_whole(tmp_path: Path) -> None:
    speak(sealing(tmp_path), voice(0.5))
    (found,) = vault.adopt(tmp_path, known=set())
    assert (found.seconds, found.cut_off) == (0.5, False)


def test_a_recording_begun_by_a_newer_version_is_not_thrown_away(tmp_path: Path) -> None:
    content = bytearray(example()[0])
    content[9] = 2
    (tmp_path / "new.part").write_bytes(content)
    assert vault.adopt(tmp_path, set()) == []
    assert (tmp_path / "new.part").read_bytes() == content


def test_a_destroyed_message_is_gone_key_first(tmp_path: Path) -> None:
    path = kept(tmp_path, voice(1))
    beside = path.with_name("beside")
    beside.hardlink_to(path)  # somebody still holds the file open
    vault.destroy(path)
    assert not path.exists()
    with pytest.raises(vault.NotAMessageError):
        hear(beside, RECOVERY)


def test_a_deleted_message_put_back_from_a_copy_is_destroyed_again(tmp_path: Path) -> None:
    path = kept(tmp_path, voice(1))
    other, copy = kept(tmp_path, voice(1), OTHER), path.read_bytes()
    vault.destroy(path)
    assert vault.destroy_again(tmp_path, {LABEL.message}) == []
    path.write_bytes(copy)
    assert vault.destroy_again(tmp_path, {LABEL.message}) == [LABEL.message]
    assert (path.exists(), other.exists()) == (False, True)


def test_a_mailbox_without_a_key_takes_no_message(tmp_path: Path) -> None:
    with pytest.raises(VaultError, match="careline setup"):
        Sealing(tmp_path, LABEL, [])


def test_no_plain_piece_of_a_message_lies_in_any_file(tmp_path: Path) -> None:
    audio = voice(5)
    kept(tmp_path / "messages", audio)
    speak(sealing(tmp_path / "messages", OTHER), audio[:24_000], last=False)
    assert leaks(audio, [tmp_path]) == []


@pytest.mark.parametrize("form", list(forms_of(voice(0.1))))
@pytest.mark.parametrize("shift", [0, 1, 7])
def test_the_search_finds_a_planted_copy_in_each_form(
    tmp_path: Path, form: str, shift: int
) -> None:
    audio = voice(2)
    spoken = audio[4_321:5_521]  # 150 ms from somewhere in the middle
    (tmp_path / "core").write_bytes(b"x" * (4_096 + shift) + forms_of(spoken)[form] + b"y" * 999)
    (leak,) = leaks(audio, [tmp_path])
    assert leak.form == form
