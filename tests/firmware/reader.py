"""Opens a sealed message by firmware/VAULT.md alone, and shares no line with the product."""

import hashlib
import hmac
import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mlkem
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM1024P384PrivateKey, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def read(content: bytes, seed: bytes) -> tuple[str, bytes]:
    """The mailbox's name and the audio; AssertionError where the page is not kept to."""
    grown = hashlib.shake_256(seed).digest(112)
    lattice = mlkem.MLKEM1024PrivateKey.from_seed_bytes(grown[:64])
    scalar = ec.derive_private_key(int.from_bytes(grown[64:]), ec.SECP384R1())
    point = scalar.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    public = lattice.public_key().public_bytes_raw() + point
    key_id = hashlib.sha256(public).digest()[:16]

    magic, version, suite, length = struct.unpack_from(">8sHHI", content)
    assert (magic, version, suite) == (b"CareLine", 1, 1)
    header, at = content[:length], 16
    message = header[at : at + 16]
    at += 16 + 16 + 8 + 1
    name_size = int.from_bytes(header[at : at + 2])
    mailbox = header[at + 2 : at + 2 + name_size].decode()
    at += 2 + name_size
    described, wraps = header[:at], header[at]
    at += 1
    key = b""
    for _ in range(wraps):
        wrapped_to, size = header[at : at + 16], int.from_bytes(header[at + 16 : at + 18])
        wrapped = header[at + 18 : at + 18 + size]
        at += 18 + size
        if wrapped_to == key_id:
            hpke = Suite(KEM.MLKEM1024_P384, KDF.HKDF_SHA384, AEAD.AES_256_GCM)
            private = MLKEM1024P384PrivateKey(lattice, scalar)
            key = hpke.decrypt(wrapped, private, info=b"careline message key" + described)
    header_key = HKDFExpand(hashes.SHA384(), 32, b"careline header").derive(key)
    assert header[at:] == hmac.digest(header_key, header[:at], "sha256")

    chunks = AESGCM(HKDFExpand(hashes.SHA384(), 32, b"careline chunks").derive(key))
    audio, at, number, last = b"", length, 0, False
    while not last:
        head = content[at : at + 24]
        assert head[:20] == message + number.to_bytes(4)
        size, last = int.from_bytes(head[20:]) & 0x7FFFFFFF, bool(head[20] & 0x80)
        nonce = bytes(7) + number.to_bytes(4) + bytes([last])
        audio += chunks.decrypt(nonce, content[at + 24 : at + 24 + size], head)
        at, number = at + 24 + size, number + 1
    assert at == len(content)
    return mailbox, audio
