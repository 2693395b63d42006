"""Sealed messages: one file each, sealed while it is spoken, readable only with a key it was
wrapped to.

The file, integers big-endian:

    magic      8   "CareLine"
    version    2   1
    suite      2   1: HPKE ML-KEM-1024 + P-384, HKDF-SHA-384, AES-256-GCM for the message key;
                   AES-256-GCM in one-second chunks for the audio, 8 kHz mono, 16 bit, little-endian
    length     4   of the whole header, magic and tag included
    message   16   the message's UUID
    call      16   the call's UUID
    started    8   milliseconds since 1970, UTC
    urgent     1   0 or 1
    mailbox    2   length of the name, then the name in UTF-8
    wraps      1   how many follow:
        key   16   which public key (the first bytes of its SHA-256)
        size   2   then the message key, wrapped by HPKE; `info` is "careline message key" and
                   everything of the header before `wraps`
    tag       32   HMAC-SHA-256 of the header before it, under a key derived from the message key
    chunks         each: message 16, counter 4, flag and size 4 (the top bit marks the last chunk),
                   then as many bytes: ciphertext and its tag of 16

Chunk n is sealed with nonce (7 zero bytes, n in 4 bytes, 1 for the last chunk or 0) and its own 24
bytes as associated data; every chunk but the last is a whole second. Both keys are derived from the
message key by HKDF-Expand with SHA-384, `info` "careline header" and "careline chunks". The message
key is fresh for each message, so no nonce is ever used twice.

A file is `ID.part` while the caller speaks and becomes `ID.sealed` when it is whole and durable.
"""

import fcntl
import hmac
import os
import shutil
import struct
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from firmware.durable import make_directory, mode_in, sync_directory, write_all
from firmware.keys import KEY_ID_BYTES, WRAP_OVERHEAD, KeyPair, KeyRefusedError, PublicKey

log = structlog.get_logger(__name__)

SAMPLE_RATE = 8_000
SAMPLE_BYTES = 2
CHUNK_BYTES = SAMPLE_RATE * SAMPLE_BYTES  # one second
GCM_TAG_BYTES = 16
LAST = 1 << 31

PART, SEALED = ".part", ".sealed"
# While a message is made out to other mailboxes: the file that will be, and the one that was.
NEW, OLD = ".new", ".old"

MAGIC, VERSION, SUITE = b"CareLine", 1, 1
_START = struct.Struct(">8sHHI")
_LABEL = struct.Struct(">16s16sQBH")
_WRAP = struct.Struct(f">{KEY_ID_BYTES}sH")
_CHUNK = struct.Struct(">16sII")
_WRAPPED_BYTES = _WRAP.size + WRAP_OVERHEAD + 32
_TAG_BYTES = 32
_KEY_BYTES = 32
_NOTE_NONCE_BYTES = 12
# A header holds a name and a few wraps of 1.7 kB.
_HEADER_MAX = 64 * 1024


class VaultError(Exception):
    """A message cannot be opened; the message of the error says what was found and what to do."""


class NotAMessageError(VaultError):
    """The file is no sealed message, or of a version this program does not know."""


class NotForThisKeyError(VaultError):
    """The message is whole as far as one can see, but was not wrapped to this key."""


class HeaderChangedError(VaultError):
    """The header was changed after it was written."""


class HeaderForeignError(VaultError):
    """This is the header, or the whole, of another message than the file's name says."""


class ChunkChangedError(VaultError):
    """A chunk was changed after it was sealed."""


class ChunkMisplacedError(VaultError):
    """A chunk of this message is not where it belongs."""


class ChunkForeignError(VaultError):
    """A chunk of another message stands in this one."""


class BytesAfterEndError(VaultError):
    """Something follows the last chunk."""


class NoteChangedError(VaultError):
    """A note was changed after it was sealed, or stands with another message."""


class CutOffError(VaultError):
    """The message ends without its last chunk; what came before is sound."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a message's header says of it in the clear. Never who called."""

    message: str
    call: str
    mailbox: str
    started_ms: int
    urgent: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A message file that no row tells of yet."""

    label: Label
    seconds: float
    cut_off: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """An opened message, whole in memory."""

    label: Label
    audio: bytes
    cut_off: bool

    @property
    def seconds(self) -> float:
        return len(self.audio) / CHUNK_BYTES


class Sealing:
    """One message while it is spoken. `add` and then `sync`: only then is that second kept, the
    first of them once the directory has been synced too."""

    __slots__ = (
        "_aead",
        "_counter",
        "_fd",
        "_id",
        "_path",
        "_record",
        "_started",
        "_unsynced",
        "_whole",
        "label",
        "samples",
    )

    def __init__(
        self,
        directory: Path,
        label: Label,
        recipients: Sequence[PublicKey],
        spare: Callable[[str, bytes], None] = lambda message, key: None,
    ) -> None:
        """`spare` is given the message's key before anything is sealed with it."""
        if not recipients:
            raise VaultError(f"mailbox {label.mailbox!r} has no key: run `careline setup`")
        key = os.urandom(_KEY_BYTES)
        self.label, self.samples = label, 0
        self._aead = AESGCM(_derived(key, b"careline chunks"))
        self._id, self._counter = UUID(label.message).bytes, 0
        self._whole, self._unsynced, self._started = False, True, 0
        self._path = directory / (label.message + PART)
        # Ciphertext goes straight here from the speaker's own buffer: no plain copy is ever made.
        self._record = bytearray(_CHUNK.size + CHUNK_BYTES + GCM_TAG_BYTES)
        make_directory(directory)
        flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
        self._fd = os.open(self._path, flags, mode_in(directory, 0o640))
        try:
            spare(label.message, key)
            write_all(self._fd, _header(label, key, recipients))
        except BaseException:
            self.close()
            raise

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE

    @property
    def count(self) -> int:
        """How many chunks have been added."""
        return self._counter

    @property
    def is_whole(self) -> bool:
        """Whether the last chunk has been added."""
        return self._whole

    def add(self, audio: memoryview, *, last: bool) -> None:
        """Seal one chunk: a whole second, or what remains."""
        size = audio.nbytes
        if self._whole or size > CHUNK_BYTES or (size < CHUNK_BYTES and not last):
            raise ValueError(f"a chunk of {size} bytes cannot follow here")
        marked = size + GCM_TAG_BYTES | (LAST if last else 0)
        record = memoryview(self._record)[: _CHUNK.size + size + GCM_TAG_BYTES]
        _CHUNK.pack_into(record, 0, self._id, self._counter, marked)
        head, body = bytes(record[: _CHUNK.size]), record[_CHUNK.size :]
        self._aead.encrypt_into(_nonce(self._counter, last=last), audio, head, body)
        write_all(self._fd, record)
        self._unsynced = True
        self._counter += 1
        self._whole = last
        self.samples += size // SAMPLE_BYTES

    def start_sync(self) -> None:
        """Let the disk begin with what was added; `sync` waits for it. Of several files that are
        all begun before the first is waited for, all are on the disk sooner, and for less."""
        added = os.fstat(self._fd).st_size
        # To Linux that means to write what is not written, for it shall not stay in memory.
        os.posix_fadvise(self._fd, self._started, added - self._started, os.POSIX_FADV_DONTNEED)
        self._started = added

    def sync(self) -> None:
        """Return when everything added until now lies on the disk. Meanwhile more may be added."""
        if self._unsynced:
            self._unsynced = False
            try:
                os.fdatasync(self._fd)
            except BaseException:
                self._unsynced = True
                raise

    def finish(self) -> Path:
        """Give the message its final name. It is durable once the directory has been synced."""
        if not self._whole:
            raise ValueError("the last chunk has not been added")
        self.sync()
        self.close()
        return self._path.rename(self._path.with_suffix(SEALED))

    def abandon(self) -> None:
        """Leave nothing behind: no key was ever kept, so nothing of it can be opened again."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let the file go as it is; `adopt` finds it at the next start."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


@dataclass(frozen=True, slots=True)
class Opened:
    """A message whose key has been unwrapped and whose header is proven."""

    label: Label
    _file: BinaryIO
    _aead: AESGCM

    def chunks(self) -> Iterator[bytes]:
        """Second by second, each proven before it is handed out; raises what is wrong where it is.

        `CutOffError` comes after everything that could be saved has been handed out.
        """
        message = UUID(self.label.message).bytes
        counter, last = 0, False
        while not last:
            head, size, last = self._next_head(message, counter)
            sealed = self._file.read(size)
            if len(sealed) < size:
                raise _cut_off(counter)
            try:
                yield self._aead.decrypt(_nonce(counter, last=last), sealed, head)
            except InvalidTag:
                raise ChunkChangedError(
                    f"second {counter + 1} was changed after it was sealed; restore the message"
                    " from a backup"
                ) from None
            counter += 1
        if self._file.read(1):
            raise BytesAfterEndError(
                "something was added after the end; the message itself is whole"
            )

    def _next_head(self, message: bytes, counter: int) -> tuple[bytes, int, bool]:
        head = self._file.read(_CHUNK.size)
        if len(head) < _CHUNK.size:
            raise _cut_off(counter)
        owner, number, marked = _CHUNK.unpack(head)
        size, last = marked & ~LAST, bool(marked & LAST)
        if owner != message:
            raise ChunkForeignError(
                f"second {counter + 1} belongs to another message; restore it from a backup"
            )
        if number != counter:
            raise ChunkMisplacedError(
                f"second {number + 1} stands where second {counter + 1} belongs; restore the"
                " message from a backup"
            )
        if not _is_possible(size, last=last):
            raise ChunkChangedError(
                f"second {counter + 1} has an impossible length of {size} bytes"
            )
        return head, size, last


@contextmanager
def opened(path: Path, *keys: KeyPair | bytes) -> Iterator[Opened]:
    """The message in this file, opened with the one of these keys that it was wrapped to, or with
    its own."""
    with path.open("rb") as file:
        label, message_key = _proven(file, path, keys)
        yield Opened(label, file, AESGCM(_derived(message_key, b"careline chunks")))


def _proven(file: BinaryIO, path: Path, keys: Sequence[KeyPair | bytes]) -> tuple[Label, bytes]:
    """What the header says, and the message's key; the file stands at its first chunk."""
    header = _read_header(file)
    label, described, wraps = _parse(header)
    _refuse_another(label, path)
    message_key = _unwrapped(keys, described, wraps)
    if not hmac.compare_digest(_tag(message_key, header[:-_TAG_BYTES]), header[-_TAG_BYTES:]):
        raise _header_changed()
    return label, message_key


def _unwrapped(
    keys: Sequence[KeyPair | bytes], described: bytes, wraps: Mapping[bytes, bytes]
) -> bytes:
    for key in keys:
        if isinstance(key, bytes):
            return key
        if (wrapped := wraps.get(key.public.id)) is not None:
            try:
                return key.unwrap(wrapped, _purpose(described))
            except KeyRefusedError:
                raise _header_changed() from None
    raise NotForThisKeyError("the message was not sealed for this key")


def _refuse_another(label: Label, path: Path) -> None:
    if label.message != path.stem:
        raise HeaderForeignError(
            f"this file is named {path.stem} and holds another message; restore both from a backup"
        )


def hear(path: Path, *keys: KeyPair | bytes) -> Heard:
    """The whole message, as far as it goes."""
    with opened(path, *keys) as message:
        audio, cut_off = bytearray(), False
        try:
            for chunk in message.chunks():
                audio += chunk
        except CutOffError:
            cut_off = True
        return Heard(message.label, bytes(audio), cut_off)


def sealed_path(directory: Path, message: str) -> Path:
    """Where a message lies; `message` is a UUID, whatever a stranger may have sent."""
    return directory / (str(UUID(message)) + SEALED)


def exists(directory: Path, message: str) -> bool:
    """Whether there is anything of a message, be it while it is spoken."""
    sealed = sealed_path(directory, message)
    return sealed.exists() or sealed.with_suffix(PART).exists()


@dataclass(frozen=True, slots=True)
class Notes:
    """What is written about a message, under a key that grows from the message's own: whoever opens
    the one reads the other, and with the message its notes are gone."""

    _aead: AESGCM
    _message: bytes

    def seal(self, text: str, note: str) -> bytes:
        """`text`, readable only as this note of this message."""
        nonce = os.urandom(_NOTE_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, text.encode(), self._message + UUID(note).bytes)

    def read(self, sealed: bytes, note: str) -> str:
        """What `seal` was given."""
        nonce, body = sealed[:_NOTE_NONCE_BYTES], sealed[_NOTE_NONCE_BYTES:]
        try:
            return self._aead.decrypt(nonce, body, self._message + UUID(note).bytes).decode()
        except InvalidTag:
            raise NoteChangedError(
                "the note was changed or belongs to another message; restore it from a backup"
            ) from None


def notes_of(path: Path, *keys: KeyPair | bytes) -> Notes:
    """The notes of the message in this file, for whoever can open it."""
    label, message_key = _key_of(path, keys)
    return Notes(AESGCM(_derived(message_key, b"careline notes")), UUID(label.message).bytes)


def own_key(path: Path, *keys: KeyPair | bytes) -> bytes:
    """The message's own key, for who makes the box one more way to it."""
    return _key_of(path, keys)[1]


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Nobody else makes a message here out to others, or destroys one, meanwhile; in no process,
    for the page and the command line do the one and the exchange the other."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextmanager
def _alone_now(directory: Path) -> Iterator[bool]:
    """Whether nobody is at it just now; calls that come do not wait for the page."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    is_alone = True
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            is_alone = False
        yield is_alone
    finally:
        os.close(fd)


def readdress(path: Path, keys: Sequence[KeyPair], recipients: Sequence[PublicKey]) -> None:
    """Make a message out to these and nobody else: its key is wrapped anew, its seconds stay as
    they are. The old file's wraps are destroyed, as they would be with the message; `adopt` ends
    what a crash broke off. To be called `alone`, with what tells who these are."""
    label, message_key = _key_of(path, keys)
    _end_readdressing(path)
    new, old = path.with_suffix(NEW), path.with_suffix(OLD)
    try:
        with path.open("rb") as was, new.open("xb") as will_be:
            _read_header(was)
            will_be.write(_header(label, message_key, recipients))
            shutil.copyfileobj(was, will_be)
            will_be.flush()
            os.fsync(will_be.fileno())
        new.chmod(path.stat().st_mode)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    old.hardlink_to(path)
    sync_directory(path.parent)  # whoever looks after a crash finds the old wraps by their name
    new.replace(path)
    sync_directory(path.parent)
    _end_readdressing(path)


def _key_of(path: Path, keys: Sequence[KeyPair | bytes]) -> tuple[Label, bytes]:
    with path.open("rb") as file:
        return _proven(file, path, keys)


def _end_readdressing(path: Path) -> None:
    """Whatever of it is left beside a message holds its wrapped keys, and goes."""
    old, new = path.with_suffix(OLD), path.with_suffix(NEW)
    if old.exists() and path.exists() and old.samefile(path):
        old.unlink()  # it never came to the exchange of the two
        sync_directory(path.parent)
    for left in (old, new):
        if left.exists():
            with _left_if_damaged(left):
                _destroy_file(left)
            left.unlink(missing_ok=True)  # cut off before there was a key in it


def destroy(path: Path) -> None:
    """Destroy the message's wrapped keys, then the file: with them gone the audio is noise. Where
    the header cannot be read, all that could be one is overwritten."""
    _end_readdressing(path)
    _destroy_file(path)


def _destroy_file(path: Path) -> None:
    with path.open("r+b") as file:
        try:
            size = len(_read_header(file))
        except NotAMessageError:
            size = min(os.fstat(file.fileno()).st_size, _HEADER_MAX)
        file.seek(0)
        file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_directory(path.parent)


def destroy_again(directory: Path, deleted: Collection[str]) -> list[str]:
    """At start: messages that were deleted once and lie here all the same, from a copy of the disk
    or of an old header. Deleted is for ever; which those were."""
    back = [path for path in sorted(directory.glob("*" + SEALED)) if path.stem in deleted]
    for path in back:
        with _left_if_damaged(path):
            destroy(path)
    return [path.stem for path in back]


def adopt(directory: Path, known: Collection[str]) -> list[Found]:
    """At start: name what a crash left behind, and tell of every message no row tells of.

    A recording that was cut off keeps its whole seconds. One without a second holds nothing and is
    removed. A damaged file stays as it is for a backup or a later version to mend, and holds up
    nothing.
    """
    if not directory.exists():
        return []
    for part in sorted(directory.glob("*" + PART)):
        with _left_if_damaged(part):
            _close_off(part)
    with _alone_now(directory) as is_alone:
        lefts = [*directory.glob("*" + NEW), *directory.glob("*" + OLD)] if is_alone else []
        for left in sorted(lefts):
            with _left_if_damaged(left):
                _end_readdressing(left.with_suffix(SEALED))
    sync_directory(directory)
    found = []
    for path in sorted(directory.glob("*" + SEALED)):
        if path.stem not in known:
            with _left_if_damaged(path):
                found.append(_found(path))
    return found


@contextmanager
def _left_if_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (VaultError, OSError) as damage:
        log.warning("a damaged message is left as it is", file=path.name, why=str(damage))


def _close_off(part: Path) -> None:
    """Cut a torn chunk off and give the rest its final name."""
    with part.open("r+b") as file:
        try:
            start = len(_read_header(file))
            end, seconds, _ = _extent(file, start)
        except NotAMessageError:
            if os.fstat(file.fileno()).st_size >= CHUNK_BYTES:
                raise  # there may be seconds in it
            end, seconds = 0, 0.0
        if seconds == 0:
            part.unlink()
            return
        file.truncate(end)
        os.fsync(file.fileno())
    part.rename(part.with_suffix(SEALED))


def _found(path: Path) -> Found:
    """What a file is by its own account."""
    with path.open("rb") as file:
        header = _read_header(file)
        label, _, _ = _parse(header)
        _refuse_another(label, path)
        _, seconds, whole = _extent(file, len(header))
    return Found(label, seconds, cut_off=not whole)


def _extent(file: BinaryIO, start: int) -> tuple[int, float, bool]:
    """Where the last complete chunk ends, how many seconds that is, and if it is the end."""
    size = os.fstat(file.fileno()).st_size
    at, audio = start, 0
    while True:
        file.seek(at)
        head = file.read(_CHUNK.size)
        if len(head) < _CHUNK.size:
            return at, audio / CHUNK_BYTES, False
        marked = _CHUNK.unpack(head)[2]
        chunk, last = marked & ~LAST, bool(marked & LAST)
        if not _is_possible(chunk, last=last) or at + _CHUNK.size + chunk > size:
            return at, audio / CHUNK_BYTES, False
        at += _CHUNK.size + chunk
        audio += chunk - GCM_TAG_BYTES
        if last:
            return at, audio / CHUNK_BYTES, True


def _is_possible(size: int, *, last: bool) -> bool:
    whole = CHUNK_BYTES + GCM_TAG_BYTES
    return GCM_TAG_BYTES <= size <= whole if last else size == whole


def _header(label: Label, key: bytes, recipients: Sequence[PublicKey]) -> bytes:
    described = _described(label)
    length = _START.size + len(described) + 1 + len(recipients) * _WRAPPED_BYTES + _TAG_BYTES
    described = _START.pack(MAGIC, VERSION, SUITE, length) + described
    header = described + bytes([len(recipients)])
    for recipient in recipients:
        wrapped = recipient.wrap(key, _purpose(described))
        header += _WRAP.pack(recipient.id, len(wrapped)) + wrapped
    return header + _tag(key, header)


def _described(label: Label) -> bytes:
    name = label.mailbox.encode()
    message, call = UUID(label.message).bytes, UUID(label.call).bytes
    return _LABEL.pack(message, call, label.started_ms, label.urgent, len(name)) + name


def _read_header(file: BinaryIO) -> bytes:
    start = file.read(_START.size)
    if len(start) < _START.size or not start.startswith(MAGIC):
        raise NotAMessageError("this is no sealed message of CareLine")
    _, version, suite, length = _START.unpack(start)
    if (version, suite) != (VERSION, SUITE):
        raise NotAMessageError(
            f"sealed by version {version}, suite {suite}: open it with a newer CareLine"
        )
    rest = file.read(min(length, _HEADER_MAX) - len(start))
    if len(start) + len(rest) != length:
        raise NotAMessageError("the file ends inside its header; restore it from a backup")
    return start + rest


def _parse(header: bytes) -> tuple[Label, bytes, dict[bytes, bytes]]:
    """The label, the part of the header that the wraps vouch for, and the wraps by their key."""
    try:
        at = _START.size
        message, call, started_ms, urgent, size = _LABEL.unpack_from(header, at)
        at += _LABEL.size
        mailbox = header[at : at + size].decode()
        at += size
        label = Label(
            str(UUID(bytes=message)), str(UUID(bytes=call)), mailbox, started_ms, urgent == 1
        )
        described, count = header[:at], header[at]
        at += 1
        wraps = {}
        for _ in range(count):
            key_id, size = _WRAP.unpack_from(header, at)
            at += _WRAP.size
            wraps[key_id] = header[at : at + size]
            at += size
    except (struct.error, IndexError, UnicodeDecodeError):
        raise _header_changed() from None
    if at + _TAG_BYTES != len(header):
        raise _header_changed()
    return label, described, wraps


def _purpose(described: bytes) -> bytes:
    return b"careline message key" + described


def _tag(key: bytes, header: bytes) -> bytes:
    return hmac.digest(_derived(key, b"careline header"), header, "sha256")


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDFExpand(hashes.SHA384(), _KEY_BYTES, purpose).derive(key)


def _nonce(counter: int, *, last: bool) -> bytes:
    return bytes(7) + counter.to_bytes(4) + bytes([last])


def _header_changed() -> HeaderChangedError:
    return HeaderChangedError(
        "the header was changed after it was written; restore it from a backup"
    )


def _cut_off(seconds: int) -> CutOffError:
    return CutOffError(
        f"the message ends after {seconds} s without its end: the recording was cut off"
    )
