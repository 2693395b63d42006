"""A disk as a power cut may leave it, worked out from the system calls that were made (the way of
ALICE: Pillai et al., OSDI 2014).

The program runs under strace. What it wrote is applied again, one call after the other, to a model
of a disk: what a file holds is durable when the file was synced after it was written, a name when
its directory was. At any moment the power may go; whatever was not synced then may be there or not.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TRACED = (
    "openat,close,lseek,write,pwrite64,writev,ftruncate,truncate,fallocate,fsync,fdatasync,"
    "rename,renameat,renameat2,unlink,unlinkat,link,linkat,mkdir,mkdirat,dup,dup2,dup3,"
    "sendfile,copy_file_range,sync_file_range"
)
ACK = b"acknowledged "
# Calls that would change a disk in a way that is not worked out here: none may be made.
UNKNOWN = frozenset(
    {"writev", "truncate", "link", "linkat", "dup", "dup2", "dup3"}
    | {"sendfile", "copy_file_range", "fallocate"}
)
_CALL = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+)(<.*?>)?(?: .*)?$", re.DOTALL)
_UNFINISHED = re.compile(r"^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$", re.DOTALL)
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


@dataclass(frozen=True, slots=True)
class Made:
    """One call as it was made, from when to when in the order of all."""

    name: str
    arguments: str
    result: int
    begun: int
    ended: int

    @property
    def texts(self) -> list[bytes]:
        return [bytes.fromhex(found.replace("\\x", "")) for found in _TEXT.findall(self.arguments)]

    @property
    def fd(self) -> int:
        return int(self.arguments.partition(",")[0].partition("<")[0])


def recorded(command: Sequence[str], trace: Path) -> list[Made]:
    """Run it, and all the calls that succeeded, in the order in which they ended."""
    strace = ["strace", "-f", "-qq", "-xx", "-s", "4000000", "-e", f"trace={TRACED}", "-o"]
    subprocess.run([*strace, str(trace), *command], check=True, timeout=120)
    begun: dict[str, tuple[int, str]] = {}
    made = []
    for number, line in enumerate(trace.read_text("ascii").splitlines()):
        if unfinished := _UNFINISHED.match(line):
            begun[unfinished[1]] = (number, f"{unfinished[1]} {unfinished[2]}({unfinished[3]}")
            continue
        at = number
        if resumed := _RESUMED.match(line):
            at, head = begun.pop(resumed[1])
            line = head + resumed[3]
        if (call := _CALL.match(line)) and int(call[4]) >= 0:
            made.append(Made(call[2], call[3], int(call[4]), at, number))
    return made


@dataclass(frozen=True, slots=True)
class Op:
    """One change of the disk. `what` is a file's number, or a directory's path."""

    what: int | str
    apply: Callable[["Disk"], None]
    told: str
    torn: Callable[["Disk"], None] | None = None  # what half of it would be


@dataclass(slots=True)
class Disk:
    """Names and contents, as one could find them after the power is back."""

    files: dict[int, bytearray] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def copy(self) -> "Disk":
        files = {number: bytearray(content) for number, content in self.files.items()}
        return Disk(files, dict(self.names), set(self.folders))

    def write(self, number: int, at: int, content: bytes) -> None:
        file = self.files.setdefault(number, bytearray())
        file.extend(bytes(max(0, at + len(content) - len(file))))
        file[at : at + len(content)] = content

    def cut(self, number: int, size: int) -> None:
        file = self.files.setdefault(number, bytearray())
        del file[size:]
        file.extend(bytes(size - len(file)))

    def put(self, home: Path) -> None:
        """Make it real. A database's shared memory is never found again."""
        for folder in sorted(self.folders):
            (home / folder).mkdir(parents=True, exist_ok=True)
        for name, number in self.names.items():
            # A name in a directory that never came to be leads nowhere.
            if not name.endswith("-shm") and (home / name).parent.is_dir():
                (home / name).write_bytes(self.files.get(number, b""))


@dataclass(slots=True)
class Cut:
    """A moment: what is durable, what hangs in the air, and what was acknowledged before."""

    number: int
    durable: Disk
    pending: list[Op]
    acknowledged: list[str]

    def disk(self, kept: Callable[[int], bool], torn: int | None = None) -> Disk:
        """What may be found: the pending calls of which `kept` says so, in their order."""
        disk = self.durable.copy()
        for number, op in enumerate(self.pending):
            if number == torn and op.torn is not None:
                op.torn(disk)
            elif kept(number):
                op.apply(disk)
        return disk


class Replayed:
    """The model while the calls go by."""

    def __init__(self, home: Path, before: Path) -> None:
        self._home = home
        self._next = 0
        self._durable, self._pending = Disk(), list[tuple[int, Op]]()
        self._names: dict[str, int] = {}  # as the program sees them
        self._sizes: dict[int, int] = {}
        self._fds: dict[int, tuple[int | str, int, bool]] = {}  # what, position, whether it appends
        self._has_changed = False
        self.acknowledged: list[str] = []
        for path in sorted(before.rglob("*")):
            name = str(path.relative_to(before))
            if path.is_dir():
                self._durable.folders.add(name)
            else:
                number = self._fresh()
                self._durable.names[name] = self._names[name] = number
                self._durable.files[number] = bytearray(path.read_bytes())
                self._sizes[number] = path.stat().st_size

    def cuts(self, made: Sequence[Made]) -> Iterator[Cut]:
        """Every moment after which something is different."""
        for at, call in enumerate(made):
            before, self._has_changed = len(self.acknowledged), False
            self._follow(call.ended, call)
            if self._has_changed or before != len(self.acknowledged):
                pending = [op for _, op in self._pending]
                yield Cut(at, self._durable, pending, list(self.acknowledged))

    def _follow(self, at: int, call: Made) -> None:
        match call.name:
            case "openat":
                self._open(at, call)
            case "close":
                self._fds.pop(call.fd, None)
            case "lseek" if call.fd in self._fds:
                what, _, appends = self._fds[call.fd]
                self._fds[call.fd] = (what, call.result, appends)
            case "write":
                self._write(at, call)
            case "pwrite64" if call.fd in self._fds:
                place = int(call.arguments.rpartition(",")[2])
                self._put(at, call.fd, place, call.texts[0][: call.result])
            case "ftruncate" if call.fd in self._fds:
                self._cut(at, call.fd, int(call.arguments.rpartition(",")[2]))
            case "fsync" | "fdatasync" if call.fd in self._fds:
                self._sync(self._fds[call.fd][0], call.begun)
            case "rename" | "renameat" | "renameat2":
                self._rename(at, *map(self._name, call.texts))
            case "unlink" | "unlinkat":
                self._unlink(at, self._name(call.texts[0]))
            case "mkdir" | "mkdirat":
                self._mkdir(at, self._name(call.texts[0]))
            case unknown if unknown in UNKNOWN and call.fd in self._fds:
                raise AssertionError(f"{unknown} is not worked out: {call.arguments[:200]}")

    def _mkdir(self, at: int, name: str | None) -> None:
        if name is not None:
            self._change(at, _folder(name), lambda disk: disk.folders.add(name), f"mkdir {name}")

    def _open(self, at: int, call: Made) -> None:
        if (name := self._name(call.texts[0])) is None:
            self._fds.pop(call.result, None)
            return
        if "O_DIRECTORY" in call.arguments or (self._home / name).is_dir():
            self._fds[call.result] = (name, 0, False)
            return
        number = self._names.get(name)
        if number is None:
            number = self._names[name] = self._fresh()
            self._sizes[number] = 0
            self._change(at, _folder(name), _naming(name, number), f"create {name}")
        self._fds[call.result] = (number, 0, "O_APPEND" in call.arguments)
        if "O_TRUNC" in call.arguments:
            self._cut(at, call.result, 0)

    def _write(self, at: int, call: Made) -> None:
        if call.texts and call.texts[0].startswith(ACK):
            self.acknowledged.append(call.texts[0][len(ACK) :].decode().strip())
        elif call.fd in self._fds:
            number, place, appends = self._fds[call.fd]
            assert isinstance(number, int)
            start = self._sizes[number] if appends else place
            self._put(at, call.fd, start, call.texts[0][: call.result])
            self._fds[call.fd] = (number, start + call.result, appends)

    def _put(self, at: int, fd: int, place: int, content: bytes) -> None:
        number = self._fds[fd][0]
        assert isinstance(number, int)
        self._sizes[number] = max(self._sizes[number], place + len(content))
        half = content[: len(content) // 2]
        self._change(
            at,
            number,
            lambda disk: disk.write(number, place, content),
            f"write {len(content)} to {number} at {place}",
            torn=lambda disk: disk.write(number, place, half),
        )

    def _cut(self, at: int, fd: int, size: int) -> None:
        number = self._fds[fd][0]
        assert isinstance(number, int)
        if self._sizes[number] != size:
            self._sizes[number] = size
            self._change(at, number, lambda disk: disk.cut(number, size), f"cut {number} to {size}")

    def _rename(self, at: int, old: str | None, new: str | None) -> None:
        if old is None or new is None:
            return
        number = self._names[new] = self._names.pop(old)

        def rename(disk: Disk) -> None:
            disk.names.pop(old, None)
            disk.names[new] = number

        self._change(at, _folder(new), rename, f"rename {old} to {new}")

    def _unlink(self, at: int, name: str | None) -> None:
        if name is not None and self._names.pop(name, None) is not None:
            self._change(
                at, _folder(name), lambda disk: disk.names.pop(name, None), f"unlink {name}"
            )

    def _sync(self, what: int | str, begun: int) -> None:
        """All of it that had been done when the call began."""
        done = [op for at, op in self._pending if op.what == what and at < begun]
        if done:
            self._durable = self._durable.copy()
            for op in done:
                op.apply(self._durable)
            self._pending = [each for each in self._pending if each[1] not in done]
            self._has_changed = True

    def _change(
        self,
        at: int,
        what: int | str,
        apply: Callable[[Disk], object],
        told: str,
        torn: Callable[[Disk], None] | None = None,
    ) -> None:
        self._pending.append((at, Op(what, lambda disk: _do(apply, disk), told, torn)))
        self._has_changed = True

    def _fresh(self) -> int:
        self._next += 1
        return self._next

    def _name(self, path: bytes) -> str | None:
        """Below the place, or none of ours."""
        full = Path(os.path.normpath(os.fsdecode(path)))
        return str(full.relative_to(self._home)) if full.is_relative_to(self._home) else None


def _do(apply: Callable[[Disk], object], disk: Disk) -> None:
    apply(disk)


def _naming(name: str, number: int) -> Callable[[Disk], None]:
    def create(disk: Disk) -> None:
        disk.names[name] = number
        disk.files.setdefault(number, bytearray())

    return create


def _folder(name: str) -> str:
    return os.path.dirname(name) or "."  # noqa: PTH120 - a name, not a path of this disk


def emptied(folder: Path) -> Path:
    """A place for the next disk."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
