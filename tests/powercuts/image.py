"""The guest: Debian's own small kernel, and an initramfs that holds nothing but our interpreter and
what our own programs read of it.

What those are nobody writes down: the guest's program is rehearsed here once, each file that it
opens and each library that it maps is noted, and just these are packed, at the places where they
were found; the checkout lies at /careline. The kernel is fetched as a package, of which only a few
files are unpacked, and kept outside the checkout by its version.

`python -m tests.powercuts.image` fetches the kernel.
"""

import json
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = Path(sysconfig.get_path("purelib")).resolve()
IN_GUEST = Path("/careline")
KERNEL = "linux-image-cloud-amd64"
PARTS_OF_A_KERNEL = re.compile(r"^\s*Depends:\s*(linux-(?:image|binary|modules)-\S+)", re.MULTILINE)
# What is built into a kernel is not there as a file.
MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "virtio-rng", "dm-flakey",
           "dm-log-writes", "ext4")  # fmt: skip
DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")
LOADER = Path("/lib64/ld-linux-x86-64.so.2")
INIT = """#!{python} -IS
import sys
sys.path[:0] = {path!r}
from tests.powercuts import guest
guest.begin()
"""


class ImageError(Exception):
    """There can be no guest; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Image:
    """What an emulator is started with; `state` is that of a guest which has seen no disk yet."""

    kernel: Path
    initramfs: Path
    state: Path


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file of the initramfs."""

    mode: int
    modified_s: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def build(folder: Path) -> Image:
    """A guest of the programs as they are now."""
    kernel = fetch_kernel()
    folder.mkdir(parents=True, exist_ok=True)
    entries = dict(_files(rehearsed(folder)))
    entries |= {f"/modules/{path.name}": _file(path) for path in kernel.glob("*.ko")}
    python = Path(sys.base_prefix, "bin", f"python{sysconfig.get_python_version()}").resolve()
    entries[str(python)] = _file(python)
    entries[str(LOADER)] = _file(LOADER)
    path = [str(IN_GUEST), str(_placed(PACKAGES))]
    entries["/init"] = _plain(INIT.format(python=python, path=path).encode(), 0o755)
    initramfs = folder / "initramfs"
    initramfs.write_bytes(b"".join(_packed(entries)))
    return Image(kernel / "vmlinuz", initramfs, folder / "state")


# ---- what the programs read ----


def rehearsed(folder: Path) -> list[Path]:
    """The files that the guest's program has read, once it has done all it does."""
    with tempfile.TemporaryDirectory(dir=folder.absolute()) as home:
        done = subprocess.run(
            [sys.executable, "-m", "tests.powercuts.guest", home],
            cwd=ROOT, env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    if done.returncode != 0:
        raise ImageError(f"the guest's program fails when rehearsed here:\n{done.stderr}")
    return [Path(each) for each in json.loads(done.stdout.splitlines()[-1])]


def _files(read: Iterable[Path]) -> Iterator[tuple[str, _Entry]]:
    trees = (ROOT, PACKAGES, Path(sys.base_prefix).resolve())
    for path in {each.resolve() for each in read if each.is_file()}:
        if path.suffix == ".so" or ".so." in path.name:
            for name in _names(path):
                yield str(_placed(name)), _file(path)
        elif any(map(path.is_relative_to, trees)):
            for each in (path, *_source(path)):
                yield str(_placed(each)), _file(each)


def _source(path: Path) -> Iterator[Path]:
    """Of a compiled module: the interpreter asks when it was last changed."""
    if path.suffix == ".pyc" and path.parent.name == "__pycache__":
        yield path.parents[1] / f"{path.name.partition('.')[0]}.py"


def _names(library: Path) -> list[Path]:
    """A library is looked for by a name that leads to it."""
    same = [each for each in library.parent.iterdir() if each.is_symlink()]
    return [library, *(each for each in same if each.resolve() == library.resolve())]


def _placed(path: Path) -> Path:
    return IN_GUEST / path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


# ---- the kernel ----


def fetch_kernel() -> Path:
    """Where the newest kernel that is to be had and its modules lie; else the newest that was."""
    names = [*_parts(KERNEL)]
    kept = _cache() / (names[0] if names else "none")
    if names and not kept.exists():
        with tempfile.TemporaryDirectory(dir=_made(_cache()), prefix=".") as draft:
            if _fetched(names, Path(draft)):
                _unpack_kernel(Path(draft))
                (Path(draft) / "kernel").rename(kept)
    before = sorted(_cache().glob("linux-*"), key=lambda each: each.stat().st_mtime)
    if not kept.exists() and not before:
        raise ImageError(
            f"the power cuts' guest needs Debian's package {KERNEL}, which is not to be had here:"
            " run `apt-get update` as root, and then this again"
        )
    return kept if kept.exists() else before[-1]


def _parts(package: str) -> Iterator[str]:
    """The packages that hold files of a kernel."""
    said = subprocess.run(
        ["apt-cache", "depends", "--important", package],
        capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"},
    ).stdout  # fmt: skip
    for each in PARTS_OF_A_KERNEL.findall(said):
        yield each
        yield from _parts(each)


def _fetched(packages: Sequence[str], draft: Path) -> bool:
    """Whether they lie in the draft now."""
    asked = ["apt-get", "download", *packages]
    return subprocess.run(asked, cwd=draft, capture_output=True, check=False).returncode == 0


def _unpack_kernel(draft: Path) -> None:
    for package in draft.glob("*.deb"):
        subprocess.run(["dpkg-deb", "--extract", package, draft / "tree"], check=True)
    kept = draft / "kernel"
    kept.mkdir()
    (image,) = (*draft.glob("tree/boot/vmlinuz-*"), *draft.glob("tree/usr/lib/modules/*/vmlinuz"))
    shutil.copy(image, kept / "vmlinuz")
    lying = {_name(path): path for path in draft.glob("tree/**/*.ko*")}
    for number, name in enumerate(_in_order(MODULES, lying)):
        (kept / f"{number:02}-{name}.ko").write_bytes(_plain_module(lying[name]))


def _in_order(names: Iterable[str], lying: Mapping[str, Path]) -> list[str]:
    """These and all that they need, each after what it needs."""
    order: dict[str, None] = {}
    for name in (each.replace("-", "_") for each in names):
        if name in lying:
            found = DEPENDS.search(_plain_module(lying[name]))
            needs = found[1].decode().split(",") if found else []
            order |= dict.fromkeys([*_in_order(filter(None, needs), lying), name])
    return list(order)


def _name(module: Path) -> str:
    return module.name.partition(".")[0].replace("-", "_")


def _plain_module(path: Path) -> bytes:
    content = path.read_bytes()
    return lzma.decompress(content) if path.suffix == ".xz" else content


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "careline", "kernels")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


# ---- the archive ----


def _file(path: Path) -> _Entry:
    told = path.stat()
    mode = stat.S_IFREG | (0o755 if told.st_mode & 0o111 else 0o644)
    return _Entry(mode, int(told.st_mtime), path.read_bytes())


def _plain(content: bytes, mode: int = 0o644) -> _Entry:
    return _Entry(stat.S_IFREG | mode, 0, content)


def _packed(entries: Mapping[str, _Entry]) -> Iterator[bytes]:
    """As the kernel unpacks it: the `newc` form of cpio(5), uncompressed, for nothing is unpacked
    sooner. A folder comes before what lies in it."""
    folders = {str(folder) for name in entries for folder in Path(name).parents} - {"/"}
    folders |= {"/dev", "/proc", "/sys", "/tmp", "/disk"}  # noqa: S108 - the guest's own
    everything = {name: _Entry(stat.S_IFDIR | 0o755, 0) for name in folders} | dict(entries)
    # What init says where it has nobody else to tell.
    everything["/dev/console"] = _Entry(stat.S_IFCHR | 0o600, 0, device=(5, 1))
    for number, name in enumerate(sorted(everything), 1):
        yield _record(number, name.lstrip("/"), everything[name])
    yield _record(0, "TRAILER!!!", _Entry(0, 0))


def _record(number: int, name: str, entry: _Entry) -> bytes:
    fields = (number, entry.mode, 0, 0, 1, entry.modified_s, len(entry.content), 0, 0,
              *entry.device, len(name.encode()) + 1, 0)  # fmt: skip
    head = b"070701" + "".join(f"{field:08x}" for field in fields).encode() + name.encode() + b"\0"
    return _filled(head) + _filled(entry.content)


def _filled(content: bytes) -> bytes:
    return content + bytes(-len(content) % 4)


if __name__ == "__main__":
    try:
        fetch_kernel()
    except ImageError as missing:
        sys.exit(str(missing))
