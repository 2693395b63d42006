"""A pack of files in one ZIP file, signed by the box, which anybody can check without us.

In it stand SHA256SUMS, as sha256sum(1) writes it, and SHA256SUMS.sig: its Ed25519 signature by the
key that signs the audit. The key's public half stands in box-key.pem for openssl; that it is the
box's, the recovery paper says, or an earlier export.
"""

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)

from firmware.durable import replace_file

SUMS, SIGNATURE, KEY = "SHA256SUMS", "SHA256SUMS.sig", "box-key.pem"
# A pack has some ten files; whoever gives us one with more, or a larger one, means no good.
FILES_MOST, FILE_MOST = 64, 256 * 1024 * 1024
MODE = 0o600


class PackError(Exception):
    """This is no such pack, or not as it was signed; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A pack that is as it was signed."""

    key: str  # who signed it, 64 digits
    files: tuple[str, ...]


def write(out: Path, files: Mapping[str, bytes], key: Ed25519PrivateKey) -> None:
    """All of it under this name, or nothing."""
    replace_file(out, packed(files, key), MODE)


def packed(files: Mapping[str, bytes], key: Ed25519PrivateKey) -> bytes:
    """The pack itself, for whoever takes it along without a file of it on the box."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    content = {**files, KEY: pem}
    sums = "".join(
        f"{hashlib.sha256(told).hexdigest()}  {name}\n" for name, told in sorted(content.items())
    ).encode()
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, told in (*content.items(), (SUMS, sums), (SIGNATURE, key.sign(sums))):
            pack.writestr(name, told)
    return out.getvalue()


def check(file: Path, key: str = "") -> Checked:
    """That it is as it was signed, by `key` where one is given, else by the key that is in it."""
    try:
        with zipfile.ZipFile(file) as pack:
            content = _content(pack)
    except zipfile.BadZipFile as broken:
        raise PackError(f"{file} is no pack, or was cut short: {broken}") from broken
    try:
        sums, signature = content.pop(SUMS), content.pop(SIGNATURE)
        public = load_pem_public_key(content[KEY])
    except (KeyError, ValueError) as missing:
        raise PackError(f"{file} is not signed by a box: {missing} is not in it") from missing
    if not isinstance(public, Ed25519PublicKey):
        raise PackError(f"{KEY} is no Ed25519 key")
    signed_by = public.public_bytes_raw().hex()
    if key and key.lower() != signed_by:
        raise PackError(f"it was signed by another box, whose key is {signed_by}")
    try:
        public.verify(signature, sums)
    except InvalidSignature:
        raise PackError(f"{SUMS} is not as it was signed") from None
    _compare(sums.decode(), content)
    return Checked(signed_by, tuple(sorted(content)))


def _content(pack: zipfile.ZipFile) -> dict[str, bytes]:
    names = pack.infolist()
    if len(names) > FILES_MOST or any(each.file_size > FILE_MOST for each in names):
        raise PackError("this is larger than any pack of a box")
    if len({each.filename for each in names}) != len(names):
        raise PackError("a name stands twice in it")
    return {each.filename: pack.read(each) for each in names}


def _compare(sums: str, content: Mapping[str, bytes]) -> None:
    told = dict(line.split("  ", 1)[::-1] for line in sums.splitlines())
    for name in sorted(told.keys() | content.keys()):
        if name not in content:
            raise PackError(f"{name} is missing")
        if name not in told:
            raise PackError(f"{name} was put in")
        if hashlib.sha256(content[name]).hexdigest() != told[name]:
            raise PackError(f"{name} was changed")
