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
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from firmware.update.release import BOARD_PREFIX, Release, version_of
from image.signing import SigningError, signer

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
SUITE = "forky"
PYTHON = "3.14"  # forky's own
DROPPED = ("doc", "man", "info", "locale", "bug", "lintian")
ANY_AGE = '--aptopt=Acquire::Check-Valid-Until "false"'


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
        _keep_parts(board, work / "made")
    return image


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
        mkdir {work}/in; mount -t tmpfs -o size=6g tmpfs {work}/in; cd {work}/in
        ln -s {base} base.tar; ln -s {CHECKOUT} checkout; cp {HERE}/left-out .
        cp -r {packages} packages; {sys.executable} -m zipfile -e {wheel} packages
        cp {keyring} keyring.pem
        {HERE}/root.sh "$PWD" {ours.board} {ours.version}
        mkdir tools; tar -xf {tools} -C tools --exclude='./dev/*'
        cp {HERE}/disk.sh tools/; mkdir tools/work; mount --rbind . tools/work
        mount --rbind /proc tools/proc; mount --rbind /dev tools/dev
        chroot tools /disk.sh /work {seed()}
        cp disk.img careline-?.efi {work}/made/
        cp root.erofs {work}/made/root.img; cp root.verity {work}/made/verity.img
    """
    run(["sh", "-euc", script], inside=True)


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
        run([*recipe, mode, *([ANY_AGE] if any_age else []), SUITE, str(part)])
        part.rename(kept)
    return kept


def _python(board: Board) -> Path:
    """Python's packages as they lie on the box, for its Python and not for ours."""
    lock = HERE / "requirements.lock"
    kept = cache() / f"python-{board.architecture}-{_digest([lock.read_text(), PYTHON])}"
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
        part.chmod(0o755)
        part.rename(kept)
    return kept


def _wheel(made: Path) -> Path:
    """Ours, of this checkout."""
    run([sys.executable, "-m", "firmware.web.vendor"])
    run([
        sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
        f"--wheel-dir={made}", str(CHECKOUT),
    ])  # fmt: skip
    return next(made.glob("careline-*.whl"))


# ---- running ----


def run(command: list[str], *, inside: bool = False) -> None:
    """To its end; what it said stands in the error. `inside`: as root of name spaces of its own."""
    user = [] if os.geteuid() == 0 else ["--map-root-user", "--map-auto"]
    entered = ["unshare", *user, "--mount", "--fork", "--kill-child"] if inside else []
    environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch())}
    done = subprocess.run(
        [*entered, *command], check=False, cwd=CHECKOUT, env=environment,
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
    _say(f"image {next(_steps)}/5: {name} …", end="")
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
