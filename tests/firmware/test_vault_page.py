"""The page about the vault is true: a reader made from it alone opens what was sealed long ago.

The message among the vectors was sealed once and is never made anew: whatever changes, a message of
that day must open.
"""

from hashlib import sha256
from pathlib import Path

import pytest

from firmware import vault
from firmware.keys import LATTICE_PUBLIC_BYTES, KeyPair
from tests.firmware import reader
from tests.firmware.voice import voice

VECTOR = Path(__file__).with_name("vectors") / "0f1e2d3c-4b5a-4978-8796-a5b4c3d2e1f0.sealed"
NURSES, RECOVERY = KeyPair(bytes(range(32))), KeyPair(bytes(range(32, 64)))
AUDIO = "f425cb0b0c780633c4c6c82d9e8d90255f41325a897a789ffdbb305583268143"  # its SHA-256


@pytest.mark.parametrize("key", [NURSES, RECOVERY], ids=["mailbox", "recovery paper"])
def test_a_message_of_the_first_version_opens_by_the_page_and_by_us(key: KeyPair) -> None:
    mailbox, audio = reader.read(VECTOR.read_bytes(), key.seed)
    ours = vault.hear(VECTOR, key)
    assert (mailbox, sha256(audio).hexdigest()) == ("nurses", AUDIO)
    assert (ours.label.mailbox, ours.audio, ours.cut_off) == ("nurses", audio, False)
    assert (ours.label.started_ms, ours.label.urgent) == (1_772_443_800_000, True)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.5])
def test_what_is_sealed_today_opens_by_the_page(tmp_path: Path, seconds: float) -> None:
    label = vault.Label(VECTOR.stem, "11223344-5566-4778-899a-abbccddeeff0", "front desk", 1, False)
    sealing = vault.Sealing(tmp_path, label, [NURSES.public, RECOVERY.public])
    raw = memoryview(voice(seconds)).cast("B")
    ends = range(0, len(raw), vault.CHUNK_BYTES)
    for at in ends:
        sealing.add(raw[at : at + vault.CHUNK_BYTES], last=at == ends[-1])
    sealed = sealing.finish().read_bytes()
    assert reader.read(sealed, RECOVERY.seed) == ("front desk", raw.tobytes())


def test_a_seed_grows_the_lattice_half_that_the_draft_prints() -> None:
    """draft-irtf-cfrg-concrete-hybrid-kems, the vector of seed 1e…1e: how its key begins."""
    begins = (
        "59041edef6759e7b62c0b415c2861ce8a17093b7aece0512340b7be612212fe6"
        "a4bc83baa2f8702198799e14726b842697633ce862b0d6b999f4d0469a5392fd"
    )
    grown = KeyPair(b"\x1e" * 32).public.raw[:LATTICE_PUBLIC_BYTES]
    assert grown.hex().startswith(begins)


def test_every_name_of_the_page_is_an_error_of_the_vault() -> None:
    page = Path(vault.__file__).with_name("VAULT.md").read_text("utf-8")
    named = {word.strip("`,") for word in page.split() if word.strip("`,").endswith("Error")}
    errors = {name for name in vars(vault) if name.endswith("Error")}
    assert named == errors - {"VaultError", "KeyRefusedError", "NotForThisKeyError"}
