"""On the disk means on the disk: a file's name is durable only when its directory has been synced
too.

Who may open what lies there: its owner. On the box the site's directory has the setgid bit, and
what its owner may do, the group may: that of our services, each of which has a user of its own.
"""

import os
import stat
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


def mode_in(directory: Path, mode: int) -> int:
    """The mode of what is made there, where `mode` is that of a file or directory of one owner."""
    is_the_group_s = directory.stat().st_mode & stat.S_ISGID
    return mode | (mode & stat.S_IRWXU) >> 3 if is_the_group_s else mode


def keep_to_ourselves(home: Path) -> None:
    """No file that this process makes from now on is everybody's."""
    is_shared = home.is_dir() and home.stat().st_mode & stat.S_ISGID
    os.umask(0o007 if is_shared else 0o027)


def make_directory(directory: Path, mode: int = 0o750) -> None:
    """A directory that is there after a power cut too: its name stands in its parent."""
    with _making:
        try:
            directory.mkdir(mode=mode_in(directory.parent, mode))
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
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
    fd = os.open(fresh, flags, mode_in(path.parent, mode))
    try:
        write_all(fd, content)
        os.fsync(fd)
    finally:
        os.close(fd)
    fresh.rename(path)
    sync_directory(path.parent)
