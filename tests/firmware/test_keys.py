"""Key pairs: the same seed grows the same keys, and only the right one opens what was wrapped."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.keys import KeyPair, KeyRefusedError, PublicKey


def test_a_seed_always_grows_the_same_pair() -> None:
    """Pinned: the papers in the clinics' safes depend on it."""
    assert KeyPair(bytes(range(32))).public.id.hex() == "a8a5a7c2ee19c31f2b003586440acef7"
    assert KeyPair.fresh().public != KeyPair.fresh().public


def test_only_the_right_key_for_the_right_purpose_opens() -> None:
    nurse, thief = KeyPair.fresh(), KeyPair.fresh()
    wrapped = nurse.public.wrap(b"s" * 32, b"mailbox nurses")
    assert nurse.unwrap(wrapped, b"mailbox nurses") == b"s" * 32
    with pytest.raises(KeyRefusedError):
        thief.unwrap(wrapped, b"mailbox nurses")
    with pytest.raises(KeyRefusedError):
        nurse.unwrap(wrapped, b"mailbox doctors")


@settings(max_examples=50)
@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_anywhere_in_a_wrap_is_noticed(place: int, bit: int) -> None:
    pair = KeyPair(bytes(32))
    wrapped = bytearray(pair.public.wrap(b"s" * 32, b""))
    wrapped[place % len(wrapped)] ^= 1 << bit
    with pytest.raises(KeyRefusedError):
        pair.unwrap(bytes(wrapped), b"")


@pytest.mark.parametrize("size", [0, 16, 1665])
def test_a_wrap_cut_short_is_refused_like_a_changed_one(size: int) -> None:
    pair = KeyPair(bytes(32))
    with pytest.raises(KeyRefusedError):
        pair.unwrap(pair.public.wrap(b"s" * 32, b"")[:size], b"")


def test_keys_of_the_wrong_size_are_refused() -> None:
    with pytest.raises(KeyRefusedError, match="32 bytes"):
        KeyPair(b"short")
    with pytest.raises(KeyRefusedError, match="1665 bytes"):
        PublicKey(b"short")


def test_a_private_key_never_shows_itself() -> None:
    assert repr(KeyPair(bytes(32))) == "KeyPair()"
