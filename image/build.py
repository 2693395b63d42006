"""`make image BOARD=pc`: the disk of a box, from Debian's packages, our wheel and Python's.

    tools      the workshop's root         kept by the list of its packages
    base       the box's root, bare        kept by the list of its packages
    packages   Python's, by hashes         kept by the lock file
    root       all of it and the overlay   built anew each time, as is the disk

What is kept lies outside the checkout. Whoever is no root builds as one of their own
(user_namespaces(7)).
"""

import argparse
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from firmware.update.release import BOARD_PREFIX, Release, version_of
from image import software
from image.signing import SigningError, signer

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
SUITE = "forky"
PYTHON = "3.14"  # forky's own
DROPPED = ("doc", "man", "info", "locale", "bug", "lintian")
ANY_AGE = '--aptopt=Acquire::Check-Valid-Until "false"'
PATIENT = '--aptopt=Acquire::Retries "5"'  # what broke off is gone on with where it was
EXPIRED = "is expired"
EXPIRED_CURE = (
    "the mirror has stood still for too long to make a release of. To try things out: "
    "make image BOARD=… IMAGE=--any-age"
)
ROOT_AT_MOST, DOWNLOAD_AT_MOST = 700_000_000, 300_000_000  # bytes
LARGEST_SHOWN = 10


class BuildError(Exception):
    """The image cannot be built; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Board:
    """A kind of machine: Debian's name of its processor, and by which names wheels are for it."""

    name: str
    architecture: str
    wheels_for: tuple[str, ...]


PC = Board(
    "pc", "amd64", tuple(f"manylinux{each}_x86_64" for each in ("_2_17", "2014", "_2_28", "_2_34"))
)
BOARDS = {board.name: board for board in (PC,)}


def cache() -> Path:
    """Where what is kept lies."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "careline" / "image"


def listed(name: str) -> list[str]:
    """The packages of a list, without their reasons."""
    lines = (HERE / "packages" / name).read_text("utf-8").splitlines()
    return [word for line in lines if (word := line.partition("#")[0].strip())]


def epoch() -> int:
    """The time of every file of the image: the last commit's, so that its bytes are too."""
    told = subprocess.run(
        ["git", "-C", CHECKOUT, "log", "-1", "--format=%ct"],
        check=False, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    return int(told) if told.isdecimal() else 0


def build(board: Board, out: Path, *, any_age: bool) -> Path:
    """The image, there when this returns. BuildError: it is not."""
    _require("mmdebstrap", "unshare", "tar", "git")
    out.mkdir(parents=True, exist_ok=True)
    with step("the workshop"):
        tools = tools_of(any_age=any_age)
    with step("Debian's packages"):
        base = _debian(board, any_age=any_age)
    with step("Python's packages"):
        packages = _python(board)
    with tempfile.TemporaryDirectory(prefix="careline-image-", dir=cache()) as scratch:
        work = Path(scratch)
        with step("our programs"):
            wheel = _wheel(work / "ours")
        with step("the root and the disk"):
            _compose(work, board, tools, base, packages, wheel)
        image = out / f"careline-{board.name}.img"
        run(["cp", "--sparse=always", str(work / "made" / "disk.img"), str(image)])
        with step("the file that is carried about"):
            shutil.copy(work / "made/disk.img.zst", carried(image))
            _list_software(board, base, packages, wheel, carried(image))
        _fits(int((work / "made/root.size").read_text()), carried(image).stat().st_size)
        _keep_parts(board, work / "made")
    return image


def carried(image: Path) -> Path:
    """The same, as one downloads it."""
    return image.with_name(f"{image.name}.zst")


def _list_software(board: Board, base: Path, packages: Path, wheel: Path, download: Path) -> None:
    """Beside the image: what is in it, and the download's number. Told: what takes most room."""
    gone = software.left_out((HERE / "left-out").read_text("utf-8"))
    ours = software.Software("pypi", "careline", wheel.name.split("-")[1], "", wheel.stat().st_size)
    found = [*software.debian(base, gone), *software.python(packages, gone), ours]
    made, beside = release(board), download.parent / f"careline-{board.name}"
    beside.with_suffix(".cdx.json").write_text(
        software.bill(made.board, made.version, found, seed(), epoch()), "utf-8"
    )
    table = software.table(found)
    beside.with_suffix(".sizes").write_text(table, "utf-8")
    with download.open("rb") as file:
        number = hashlib.file_digest(file, "sha256").hexdigest()
    Path(f"{download}.sha256").write_text(f"{number}  {download.name}\n", "ascii")
    _say("\n" + "".join(table.splitlines(keepends=True)[:LARGEST_SHOWN]), end="")


def _fits(root: int, download: int) -> None:
    for what, size, at_most in (
        ("the root, unpacked", root, ROOT_AT_MOST), ("the download", download, DOWNLOAD_AT_MOST)
    ):  # fmt: skip
        _say(f"{size / 1e6:8.1f} MB  {what}, of at most {at_most / 1e6:.0f}")
        if size > at_most:
            raise BuildError(f"{what}, is too large: image/left-out says what a box does without")


def release(board: Board) -> Release:
    """Of this checkout."""
    told = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return Release(BOARD_PREFIX + board.name, version_of(told, epoch()))


def parts_of(board: Board) -> Path:
    """Where lies what a bundle is made of, and of which release it is."""
    return CHECKOUT / "build/image/parts" / board.name


def _keep_parts(board: Board, made: Path) -> None:
    parts = parts_of(board)
    shutil.rmtree(parts, ignore_errors=True)
    parts.mkdir(parents=True)
    for name in ("root.img", "verity.img", "careline-a.efi", "careline-b.efi"):
        shutil.copy(made / name, parts / name)
    (parts / "release").write_text(release(board).version, "ascii")


def _compose(
    work: Path, board: Board, tools: Path, base: Path, packages: Path, wheel: Path
) -> None:
    """All that needs owners of its own, in one name space: its tree is seen by nobody else."""
    (work / "made").mkdir()
    keyring, ours = signer(cache() / "key").keyring, release(board)
    script = f"""
        mkdir "$work/in"; mount -t tmpfs -o size=6g tmpfs "$work/in"; cd "$work/in"
        ln -s "$base" base.tar; ln -s "$checkout" checkout; cp "$image/left-out" .
        cp -r "$packages" packages; "$python" -m zipfile -e "$wheel" packages
        cp "$keyring" keyring.pem
        "$image/root.sh" "$PWD" {ours.board} {ours.version}
        mkdir tools; tar -xf "$tools" -C tools --exclude='./dev/*'
        cp "$image/disk.sh" tools/; mkdir tools/work; mount --rbind . tools/work
        mount --rbind /proc tools/proc; mount --rbind /dev tools/dev
        chroot tools /disk.sh /work {seed()}
        cp disk.img disk.img.zst root.size careline-?.efi "$work/made/"
        cp root.erofs "$work/made/root.img"; cp root.verity "$work/made/verity.img"
    """
    paths = {
        "work": work, "image": HERE, "checkout": CHECKOUT, "base": base, "tools": tools,
        "packages": packages, "wheel": wheel, "keyring": keyring, "python": sys.executable,
    }  # fmt: skip
    run(["sh", "-euc", naming(paths) + script], inside=True)


def naming(paths: Mapping[str, object]) -> str:
    """Shell's variables: a path may have a space in it."""
    return "".join(f"{name}={shlex.quote(str(path))}\n" for name, path in paths.items())


def seed() -> uuid.UUID:
    """Of which every number of the disk is made: the same for the same commit."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"careline image {epoch()}")


def tools_of(*, any_age: bool) -> Path:
    """The workshop's root, an archive."""
    return _root("tools", listed("tools"), "amd64", any_age=any_age)


def _debian(board: Board, *, any_age: bool) -> Path:
    return _root("base", listed("root"), board.architecture, any_age=any_age)


def _root(name: str, packages: list[str], architecture: str, *, any_age: bool) -> Path:
    """An archive that holds these packages, kept by their names."""
    recipe = [
        "mmdebstrap", "--variant=minbase", f"--architectures={architecture}",
        '--aptopt=APT::Install-Recommends "false"',
        *(f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in DROPPED),
        f"--include={','.join(packages)}", "--format=tar",
    ]  # fmt: skip
    kept = cache() / f"{name}-{architecture}-{_digest(recipe)}.tar"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(".part")
        mode = "--mode=root" if os.geteuid() == 0 else "--mode=unshare"
        try:
            run([*recipe, mode, PATIENT, *([ANY_AGE] if any_age else []), SUITE, str(part)])
        except BuildError as why:
            raise BuildError(EXPIRED_CURE if EXPIRED in str(why) else str(why)) from None
        part.rename(kept)
    return kept


def _python(board: Board) -> Path:
    """Python's packages as they lie on the box, for its Python and not for ours."""
    lock = HERE / "requirements.lock"
    recipe = _digest([lock.read_text(), PYTHON, "no programs"])
    kept = cache() / f"python-{board.architecture}-{recipe}"
    if not kept.exists():
        part = Path(tempfile.mkdtemp(prefix="python-", suffix=".part", dir=cache()))
        wheels = [word for each in board.wheels_for for word in ("--platform", each)]
        run([
            sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes",
            "--only-binary=:all:", "--no-compile", "--no-deps", *wheels,
            "--implementation=cp", f"--python-version={PYTHON}", f"--target={part}",
            f"--requirement={lock}",
        ])  # fmt: skip
        shutil.rmtree(part / "bin", ignore_errors=True)
        _forget_programs(part)
        part.chmod(0o755)
        part.rename(kept)
    return kept


def _forget_programs(packages: Path) -> None:
    """Their programs are not on the box, and the sums of them name this machine's Python."""
    for record in packages.glob("*.dist-info/RECORD"):
        lines = record.read_text("utf-8").splitlines(keepends=True)
        record.write_text("".join(each for each in lines if not each.startswith("../../bin/")))


def _wheel(made: Path) -> Path:
    """Ours, of what git sees of this checkout: what was built here before is not in it."""
    clean = made / "checkout"
    copy_checkout(clean)
    run([sys.executable, "-m", "firmware.web.vendor"], at=clean)
    run([
        "env", f"CFLAGS=-ffile-prefix-map={clean}=.",
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        f"--wheel-dir={made}", str(clean),
    ])  # fmt: skip
    return next(made.glob("careline-*.whl"))


def copy_checkout(to: Path) -> None:
    """All that git sees of it, with what was not committed."""
    seen = subprocess.run(
        ["git", "-C", CHECKOUT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    for name in filter(None, seen):
        if (CHECKOUT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, to / name)


# ---- running ----


def run(command: list[str], *, inside: bool = False, at: Path = CHECKOUT) -> None:
    """To its end; what it said stands in the error. `inside`: as root of name spaces of its own."""
    user = [] if os.geteuid() == 0 else ["--map-root-user", "--map-auto"]
    entered = ["unshare", *user, "--mount", "--fork", "--kill-child"] if inside else []
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch())}
    done = subprocess.run(
        [*entered, *command], check=False, cwd=at, env=environment,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    )  # fmt: skip
    if done.returncode != 0:
        last = "\n".join(done.stdout.splitlines()[-20:])
        raise BuildError(f"{command[0]} failed:\n{last}")


def _require(*programs: str) -> None:
    missing = [each for each in programs if shutil.which(each) is None]
    if missing:
        raise BuildError(f"programs are missing: sudo apt-get install -y {' '.join(missing)}")


def _digest(words: list[str]) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


_steps: Iterator[int] = iter(range(1, 100))


@contextmanager
def step(name: str) -> Iterator[None]:
    """Says what is made, and how long it took."""
    _say(f"image {next(_steps)}/6: {name} …", end="")
    began = time.monotonic()
    yield
    _say(f" {time.monotonic() - began:.0f} s")


def main(told: Callable[[str], None] = _say) -> None:
    """From the command line."""
    asked = argparse.ArgumentParser(prog="make image", description=__doc__.splitlines()[0])
    asked.add_argument("board", choices=sorted(BOARDS))
    asked.add_argument("--any-age", action="store_true", help="take a mirror that has expired")
    wanted = asked.parse_args()
    try:
        image = build(BOARDS[wanted.board], CHECKOUT / "build/image", any_age=wanted.any_age)
    except (BuildError, SigningError) as why:
        sys.exit(f"\nimage: {why}")
    told(f"{image.relative_to(CHECKOUT)}: {image.stat().st_size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
