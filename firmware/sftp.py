"""Backups on a server, by SFTP.

The box signs in with a key of its own, which was made here and lies in no backup. The server is
known by the key it showed when it was met first; if it ever shows another, nothing is sent, for
somebody may stand between. Each wait has an end. Our library is asyncssh: it is typed, can have the
far end sync a file, and brings nothing along but `cryptography`, which the vault has already.

Callers here are threads that read and write; the loop runs for as long as each of their steps.
"""

import asyncio
import io
import posixpath
import re
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar, cast

import asyncssh

from firmware.backup_keys import BackupError
from firmware.durable import replace_file
from firmware.place import Place
from firmware.shelf import NAME, PIECE, UNFINISHED

T = TypeVar("T")

PORT = 22
CONNECTED_WITHIN_S = 20.0
STEP_WITHIN_S = 60.0  # a piece of a megabyte, or one question
ADDRESS = re.compile(r"sftp://([A-Za-z0-9._-]+)@([A-Za-z0-9._-]+)(?::([0-9]{1,5}))?(/.*)")
KEY_NAME = "careline"


@dataclass(frozen=True, slots=True)
class Address:
    """Who signs in where, and the folder there."""

    user: str
    host: str
    port: int
    folder: str

    @classmethod
    def read(cls, where: str) -> "Address":
        found = ADDRESS.fullmatch(where)
        if found is None:
            raise BackupError(f"{where} is no address: write sftp://USER@HOST/FOLDER")
        return cls(found[1], found[2], int(found[3] or PORT), posixpath.normpath(found[4]))

    @property
    def known_as(self) -> str:
        return f"{self.host}:{self.port}"

    def __str__(self) -> str:
        port = "" if self.port == PORT else f":{self.port}"
        return f"sftp://{self.user}@{self.host}{port}{self.folder}"


def own_key(place: Place) -> asyncssh.SSHKey:
    """The box's, which is made if there is none."""
    if not place.backup_key.exists():
        fresh = asyncssh.generate_private_key("ssh-ed25519", comment=KEY_NAME)
        place.home.mkdir(parents=True, exist_ok=True)
        replace_file(place.backup_key, fresh.export_private_key(), 0o600)
    try:
        return asyncssh.read_private_key(place.backup_key)
    except asyncssh.KeyImportError:
        raise BackupError(
            f"{place.backup_key} is no key: remove it, and tell the server the new one, which"
            " `careline backups key` shows"
        ) from None


def public_key(place: Place) -> str:
    """As it stands in the server's authorized_keys."""
    return own_key(place).export_public_key().decode("ascii").strip()


class Remote:
    """A folder on a server."""

    def __init__(self, place: Place, address: Address) -> None:
        self._place = place
        self._address = address
        self._runner = asyncio.Runner()
        self._connection: asyncssh.SSHClientConnection | None = None
        try:
            self._sftp = self._run(self._connect(), CONNECTED_WITHIN_S)
        except BaseException:
            self.close()
            raise

    @classmethod
    def at(cls, place: Place, where: str) -> "Remote":
        return cls(place, Address.read(where))

    @property
    def where(self) -> str:
        return str(self._address)

    def names(self) -> list[str]:
        found = self._run(self._sftp.listdir(self._address.folder))
        return [each for each in found if isinstance(each, str) and NAME.fullmatch(each)]

    @contextmanager
    def writing(self, name: str) -> Iterator[BinaryIO]:
        self._clear(name[: len("careline-00000000-")])
        part, path = self._path(name + UNFINISHED), self._path(name)
        file = self._run(self._open(part, "xb"))
        try:
            with io.BufferedWriter(_Raw(self, file), PIECE) as out:
                yield cast("BinaryIO", out)
            self._run(self._sync(file))
            self._run(file.close())
            self._run(self._rename(part, path))
        except BaseException:
            with suppress(BackupError):
                self._run(file.close())
                self._run(self._sftp.remove(part))
            raise

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        file = self._run(self._open(self._path(name), "rb"))
        try:
            with io.BufferedReader(_Raw(self, file), PIECE) as plain:
                yield cast("BinaryIO", plain)
        finally:
            with suppress(BackupError):
                self._run(file.close())

    def size(self, name: str) -> int:
        return self._run(self._sftp.stat(self._path(name))).size or 0

    def remove(self, name: str) -> None:
        if NAME.fullmatch(name) is None:
            raise BackupError(f"{name!r} is no backup, and stays where it is")
        self._run(self._sftp.remove(self._path(name)))

    def close(self) -> None:
        with suppress(Exception):  # it is over in any case
            if self._connection is not None:
                self._connection.abort()
                self._run(self._connection.wait_closed(), 2)
        self._runner.close()

    def step(self, work: Coroutine[Any, Any, T]) -> T:
        """One of a file's, which has STEP_WITHIN_S."""
        return self._run(work)

    def _run(self, work: Coroutine[Any, Any, T], within_s: float = STEP_WITHIN_S) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(within_s):
                return await work

        address = self._address
        try:
            return self._runner.run(bounded())
        except TimeoutError:
            raise BackupError(
                f"{address.known_as} did not answer within {within_s:g} s: is it on, and reachable"
                " from the box?"
            ) from None
        except asyncssh.HostKeyNotVerifiable:
            raise BackupError(
                f"{address.known_as} shows another key than it did: if it was set up anew, remove"
                f" its line from {self._place.backup_hosts}; if not, somebody may stand between,"
                " and nothing was sent"
            ) from None
        except asyncssh.PermissionDenied:
            raise BackupError(
                f"{address.known_as} does not let {address.user} in: put the line that"
                " `careline backups key` shows into the authorized_keys there"
            ) from None
        except asyncssh.SFTPError as refused:
            raise BackupError(
                f"{address} cannot be used ({refused.reason}): see that the folder is there, that"
                f" {address.user} may write to it, and that there is room"
            ) from None
        except (asyncssh.Error, OSError) as failed:
            reason = getattr(failed, "reason", "") or getattr(failed, "strerror", "") or str(failed)
            raise BackupError(f"{address.known_as} cannot be reached: {reason}") from None

    async def _connect(self) -> asyncssh.SFTPClient:
        address, place = self._address, self._place
        known = _known(place, address)
        self._connection = await asyncssh.connect(
            address.host,
            address.port,
            username=address.user,
            client_keys=[own_key(place)],
            known_hosts=None if known is None else ([known], [], []),
            agent_path=None,
            config=None,
            preferred_auth="publickey",
        )
        if known is None:
            _remember(place, address, self._connection.get_server_host_key())
        return await self._connection.start_sftp_client()

    def _clear(self, clinic: str) -> None:
        """What an earlier one left that never got its name."""
        for each in map(str, self._run(self._sftp.listdir(self._address.folder))):
            whole = each.removesuffix(UNFINISHED)
            if each != whole and whole.startswith(clinic) and NAME.fullmatch(whole):
                self._run(self._sftp.remove(self._path(each)))

    async def _open(self, path: str, mode: str) -> asyncssh.SFTPClientFile:
        return await self._sftp.open(path, mode)

    async def _sync(self, file: asyncssh.SFTPClientFile) -> None:
        with suppress(asyncssh.SFTPOpUnsupported):  # a server that is not OpenSSH may have no such
            await file.fsync()

    async def _rename(self, part: str, path: str) -> None:
        try:
            await self._sftp.posix_rename(part, path)
        except asyncssh.SFTPOpUnsupported:
            await self._sftp.rename(part, path)

    def _path(self, name: str) -> str:
        return posixpath.join(self._address.folder, name)


class _Raw(io.RawIOBase):
    """A remote file as Python's own buffers want one."""

    def __init__(self, remote: Remote, file: asyncssh.SFTPClientFile) -> None:
        super().__init__()
        self._remote, self._file = remote, file

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        return self._remote.step(self._file.write(bytes(content)))

    def readinto(self, into: Any) -> int:
        piece = cast("bytes", self._remote.step(self._file.read(len(into))))
        into[: len(piece)] = piece
        return len(piece)


# ---- servers we know ----


def _known(place: Place, address: Address) -> asyncssh.SSHKey | None:
    """The key that this server showed first; None: we have not met."""
    if not place.backup_hosts.exists():
        return None
    for line in place.backup_hosts.read_text("ascii").splitlines():
        name, _, key = line.partition(" ")
        if name == address.known_as:
            return asyncssh.import_public_key(key)
    return None


def _remember(place: Place, address: Address, key: asyncssh.SSHKey | None) -> None:
    if key is None:
        raise BackupError(f"{address.known_as} shows no key")
    lines = place.backup_hosts.read_text("ascii") if place.backup_hosts.exists() else ""
    lines += f"{address.known_as} {key.export_public_key().decode('ascii').strip()}\n"
    replace_file(place.backup_hosts, lines.encode("ascii"))
