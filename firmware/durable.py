"""On the disk means on the disk: a file's name is durable only when its directory has been synced
too.
"""

import os
import threading
from pathlib import Path

# Whoever finds a directory that another thread makes waits until it is there for good.
_making = threading.RLock()


def sync_directory(directory: Path) -> None:
    """Make the names in this directory durable."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def make_directory(directory: Path, mode: int = 0o750) -> None:
    """A directory that is there after a power cut too: its name stands in its parent."""
    with _making:
        try:
            directory.mkdir(mode=mode)
        except FileExistsError:
            return
        except FileNotFoundError:
            make_directory(directory.parent, mode)
            make_directory(directory, mode)
            return
        sync_directory(directory.parent)


def sync_file(path: Path) -> None:
    """Make a file durable that somebody else has written."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, content: bytes | bytearray | memoryview) -> None:
    """Every byte, although the kernel may take fewer at a time."""
    rest = memoryview(content).cast("B")
    while rest:
        rest = rest[os.write(fd, rest) :]


def replace_file(path: Path, content: bytes, mode: int = 0o640) -> None:
    """The file has its old content or all of the new, whatever happens."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    try:
        write_all(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.rename(path)
    sync_directory(path.parent)
