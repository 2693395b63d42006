"""Who can open a backup: an `age` file, made out to two X25519 recipients.

One grows from the seed on the recovery paper, so that the paper alone opens every backup anywhere.
The other is the box's own, its drill identity: by it the box tries each night whether its newest
backup can be restored. The box never has the paper's private half; it remembers the public one,
beside the id of the recovery key it belongs to, so that backups never go on being made out to a
paper that has been replaced.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pyrage
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firmware import people
from firmware.durable import replace_file
from firmware.keys import SEED_BYTES, KeyPair
from firmware.place import Place
from firmware.vault import VaultError

_SECRET = "age-secret-key-"  # noqa: S105 - what age writes before one
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"  # BIP 173
_BECH32_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CHECK = 6


class BackupError(VaultError):
    """A backup cannot be made, opened or put in place; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A private key of age's, as age writes it."""

    text: str = field(repr=False)
    name: str

    @property
    def recipient(self) -> str:
        """Whom a file is made out to."""
        return str(self.loaded().to_public())

    @property
    def canary(self) -> KeyPair:
        """Opens the canary of a backup, which is sealed like any message."""
        return KeyPair(_derived(self.text.encode(), b"careline canary"))

    def loaded(self) -> pyrage.x25519.Identity:
        try:
            return pyrage.x25519.Identity.from_str(self.text)
        except pyrage.IdentityError:
            raise BackupError(f"{self.name} is no key of age's: AGE-SECRET-KEY-1...") from None


def of_paper(paper: KeyPair) -> Identity:
    """What opens backups where there is only the recovery paper."""
    scalar = _derived(paper.seed, b"careline backup")
    return Identity(_bech32(_SECRET, scalar).upper(), "the recovery paper")


def of_drill(place: Place) -> Identity:
    """The box's own identity, which is made if there is none."""
    try:
        text = place.drill_key.read_text("ascii").strip()
    except FileNotFoundError:
        text = str(pyrage.x25519.Identity.generate())
        place.home.mkdir(parents=True, exist_ok=True)
        replace_file(place.drill_key, f"{text}\n".encode(), 0o600)
    return Identity(text, "the drill identity")


def remember_paper(place: Place, paper: KeyPair) -> None:
    """From now on backups are made out to this paper, which must be the clinic's."""
    if people.recovery_key(place.page_db) != paper.public:
        raise BackupError("this is another clinic's recovery paper, or a slip went unnoticed in it")
    replace_file(place.paper_recipient, _line_of(paper))
    place.paper_expected.unlink(missing_ok=True)


def expect_paper(place: Place, paper: KeyPair) -> None:
    """Before this paper becomes the clinic's: whoever is killed in between must not leave a clinic
    that cannot make a backup. Until then it counts for nothing, for its key is not the clinic's."""
    place.home.mkdir(parents=True, exist_ok=True)
    replace_file(place.paper_expected, _line_of(paper))


def paper_recipient(place: Place) -> str:
    """Whom backups are made out to beside the box itself."""
    wanted = people.recovery_key(place.page_db).id.hex()
    if (recipient := _recipient_in(place.paper_recipient, wanted)) is not None:
        return recipient
    if (recipient := _recipient_in(place.paper_expected, wanted)) is not None:
        replace_file(place.paper_recipient, place.paper_expected.read_bytes())
        return recipient
    raise BackupError(
        "the box does not know whom to make backups out to, since its recovery paper is older"
        " than backups are, or new: run `careline backup-paper` once and type its four lines"
    )


def _recipient_in(file: Path, wanted: str) -> str | None:
    try:
        key, recipient = file.read_text("ascii").split()
    except (FileNotFoundError, ValueError):
        return None
    return recipient if key == wanted else None


def _line_of(paper: KeyPair) -> bytes:
    return f"{paper.public.id.hex()} {of_paper(paper).recipient}\n".encode()


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), SEED_BYTES, salt=None, info=purpose).derive(secret)


def _bech32(prefix: str, content: bytes) -> str:
    """As BIP 173 writes bytes: five bits a letter, and six letters to notice a slip."""
    bits = len(content) * 8
    number = int.from_bytes(content) << -bits % 5
    letters = [number >> at & 31 for at in range(bits + -bits % 5 - 5, -1, -5)]
    spread = [*(ord(one) >> 5 for one in prefix), 0, *(ord(one) & 31 for one in prefix)]
    check = _polymod([*spread, *letters, *[0] * _BECH32_CHECK]) ^ 1
    letters += [check >> 5 * (_BECH32_CHECK - 1 - at) & 31 for at in range(_BECH32_CHECK)]
    return prefix + "1" + "".join(_BECH32[letter] for letter in letters)


def _polymod(letters: list[int]) -> int:
    check = 1
    for letter in letters:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ letter
        for bit, generator in enumerate(_BECH32_GENERATOR):
            check ^= generator if top >> bit & 1 else 0
    return check
