"""A real Asterisk: where it comes from, how it is entered, started, asked and stopped.

On the box Debian's Asterisk runs natively. Everywhere else it runs from a root of its own, built
once by mmdebstrap and kept outside the checkout; each instance sees that root read-only, its own
site's directory as /site and the prompts as /prompts, and dies with whoever started it. What is
inside belongs to the user who built it, so root and an ordinary user go the same way.

`python -m firmware.asterisk.sandbox` builds the root, or says that it is there.
"""

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from firmware.place import BOX, Place

# Older ones fall to one unauthenticated SIP request (CVE-2026-57191).
OLDEST = (22, 10, 1)

SUITE = "forky"
PACKAGES = ("asterisk",)
MMDEBSTRAP = (
    "mmdebstrap",
    "--variant=minbase",
    # Mirrors that are snapshots have expired Release files.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    *(f"--dpkgopt=path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale")),
    f"--include={','.join(PACKAGES)}",
    "--format=tar",
    SUITE,
    "-",
)
UNFINISHED = "unfinished-asterisk-"

# Owners and device nodes stay in the archive: everything unpacked is the user's own.
UNPACK = ("tar", "--extract", "--no-same-owner", "--no-same-permissions", "--exclude=./dev/*")

# Runs in private mount and host-name namespaces and becomes Asterisk itself: one process, no chain.
# The parent-death signal is set last, for entering a user namespace clears it (prctl(2)).
ENTER = """
set -eu
PATH=$PATH:/usr/sbin:/sbin  # an ordinary user's may lack them, and chroot lives there
root=$1 site=$2 prompts=$3
shift 3
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount --bind "$site" "$root/site"
mount --bind "$prompts" "$root/prompts"
mount -t tmpfs -o size=16m tmpfs "$root/tmp"
# A file system mounted nosuid may refuse an ordinary user; the root is then merely not guarded.
mount -o remount,bind,ro "$root" 2>/dev/null || true
hostname careline
exec setpriv --pdeathsig KILL chroot "$root" asterisk "$@"
"""
HOSTS = "127.0.0.1 localhost careline\n"  # Asterisk asks for its own host name at each call

BOOT_WITHIN_S = 60.0
STOP_WITHIN_S = 5.0
ANSWER_WITHIN_S = 15.0


class AsteriskError(Exception):
    """There is no usable Asterisk, or it does not do as it is told; the text says what to do."""


class Launch(Protocol):
    """How the program `asterisk` is started for one site, and where that site lies for it."""

    @property
    def site(self) -> Path:
        """The site's Asterisk directory as Asterisk sees it."""

    @property
    def prompts(self) -> Path:
        """The prompts' folder as Asterisk sees it."""

    @property
    def modules(self) -> Path:
        """Asterisk's modules as Asterisk sees them."""

    def command(self, *arguments: str) -> list[str]:
        """The command line that starts `asterisk` with these arguments."""


@dataclass(frozen=True, slots=True)
class Sandboxed:
    """Asterisk from the built root, in namespaces of its own."""

    root: Path
    home: Path
    spoken: Path

    site = Path("/site")
    prompts = Path("/prompts")

    @property
    def modules(self) -> Path:
        return "/" / _modules(self.root).relative_to(self.root)

    def command(self, *arguments: str) -> list[str]:
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        entered = ["sh", "-c", ENTER, "enter", str(self.root), str(self.home), str(self.spoken)]
        return ["unshare", *user, "--mount", "--uts", *entered, *arguments]


@dataclass(frozen=True, slots=True)
class Native:
    """The box's own Asterisk, from Debian's package; systemd keeps it running."""

    home: Path
    spoken: Path

    @property
    def site(self) -> Path:
        return self.home

    @property
    def prompts(self) -> Path:
        return self.spoken

    @property
    def modules(self) -> Path:
        return _modules(Path("/"))

    def command(self, *arguments: str) -> list[str]:
        return ["asterisk", *arguments]


def launch_for(place: Place) -> Launch:
    """On the box its own Asterisk; elsewhere the built root, which must be there."""
    if place.home == BOX:
        return Native(place.asterisk, place.prompts)
    return Sandboxed(find_root(), place.asterisk, place.prompts)


def launch_beside(living: Place, scratch: Place) -> Launch:
    """For a scratch site of the same machine: the Asterisk that the living one has."""
    if living.home == BOX:
        return Native(scratch.asterisk, scratch.prompts)
    return Sandboxed(find_root(), scratch.asterisk, scratch.prompts)


def has_module(place: Place, name: str) -> bool:
    """Whether this place's Asterisk has a module. AsteriskError: none was built yet."""
    root = Path("/") if place.home == BOX else find_root()
    return (_modules(root) / f"{name}.so").exists()


class Asterisk:
    """One running instance. Its configuration lies in `current` of the site's directory."""

    def __init__(self, launch: Launch, configuration: str = "current") -> None:
        self._launch = launch
        self._options = ("-C", str(launch.site / configuration / "asterisk.conf"))
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Asterisk's own process id while it runs."""
        alive = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process is not None and alive else None

    async def start(self) -> None:
        """Start it and come back when it is booted. It dies with the thread that calls this."""
        with _notifications() as end:
            self._process = await asyncio.create_subprocess_exec(
                *self._launch.command(*self._options, "-f"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=os.environ | {"NOTIFY_SOCKET": "@" + end.getsockname()[1:].decode()},
            )
            said = asyncio.create_task(_last_lines(self._process.stderr))
            booted = asyncio.create_task(_booted(end))
            try:
                done, _ = await asyncio.wait(
                    {booted, said}, timeout=BOOT_WITHIN_S, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                booted.cancel()
            if booted in done:
                return
        await self.kill()
        raise AsteriskError(f"Asterisk did not boot within {BOOT_WITHIN_S:g} s: {await said}")

    async def wait(self) -> int:
        """Until it ends; its status."""
        if self._process is None:
            raise AsteriskError("Asterisk was never started here")
        return await self._process.wait()

    async def rx(self, command: str, within_s: float = ANSWER_WITHIN_S) -> str:
        """What Asterisk's command line answers."""
        return await ask(self._launch, self._options, command, within_s)

    async def stop(self) -> None:
        """End it, politely and then not."""
        if self.pid is None or self._process is None:
            return
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


async def ask(launch: Launch, options: Sequence[str], command: str, within_s: float) -> str:
    """One command to the instance that runs with these options, and its answer."""
    asking = await asyncio.create_subprocess_exec(
        *launch.command(*options, "-r", "-x", command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(within_s):
            answer, _ = await asking.communicate()
    except TimeoutError:
        asking.kill()
        await asking.wait()
        raise AsteriskError(
            f"Asterisk did not answer {command!r} in {within_s:g} s: restart it"
        ) from None
    text = answer.decode("utf-8", "replace").strip()
    if asking.returncode != 0:
        raise AsteriskError(f"Asterisk cannot be asked {command!r} (is it running?): {text}")
    return text


@contextmanager
def _notifications() -> Iterator[socket.socket]:
    """Where Asterisk says READY=1 (sd_notify(3)); an abstract address is the same in every root."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.setblocking(False)
        end.bind("")  # Linux then chooses a free abstract address (unix(7))
        yield end


async def _booted(end: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    while b"READY=1" not in (await loop.sock_recv(end, 4096)).splitlines():
        pass


async def _last_lines(stream: asyncio.StreamReader | None) -> str:
    """What a program said before it ended; only its last lines are kept."""
    lines: deque[str] = deque(maxlen=10)
    if stream is not None:
        async for line in stream:
            lines.append(line.decode("utf-8", "replace").rstrip())
    return "\n".join(lines) or "it said nothing"


# ---- the root ----


def ensure_root(told: Callable[[str], None] = print) -> Path:
    """The root with an Asterisk new enough, built now if it is not there yet (20 to 40 s)."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "asterisk.lock", told):
        root = _built() or _build(folder, told)
    told(f"Asterisk {dotted(version(root))} in {root}")
    return root


def find_root() -> Path:
    """The root that `ensure_root` built."""
    root = _built()
    if root is None:
        raise AsteriskError(
            "no Asterisk has been built yet: `make setup`, or python -m firmware.asterisk.sandbox"
        )
    return root


def version(root: Path) -> tuple[int, int, int]:
    """The version of the Asterisk that Debian's package brought into this root."""
    status = (root / "var/lib/dpkg/status").read_text("utf-8")
    found = re.search(
        r"^Package: asterisk\n(?:.+\n)*?Version: (?:\d+:)?(\d+)\.(\d+)\.(\d+)", status, re.MULTILINE
    )
    if found is None:
        raise AsteriskError(f"no package asterisk in {root}: delete that folder and build it again")
    major, minor, patch = map(int, found.groups())
    return major, minor, patch


def dotted(numbers: tuple[int, ...]) -> str:
    """A version as it is written."""
    return ".".join(map(str, numbers))


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "careline"


def _recipe() -> str:
    return hashlib.sha256("\0".join((*MMDEBSTRAP, *UNPACK, HOSTS)).encode()).hexdigest()[:12]


def _built() -> Path | None:
    """The newest root of today's recipe, whole: it gets its name only when it is."""
    roots = list(_folder().glob(f"asterisk-*-{_recipe()}"))
    return max(roots, key=version, default=None)


def _modules(root: Path) -> Path:
    found = next(root.glob("usr/lib/*/asterisk/modules"), None)
    if found is None:
        raise AsteriskError(f"no Asterisk modules under {root}: install Debian's package asterisk")
    return found


@contextmanager
def _alone(lock: Path, told: Callable[[str], None]) -> Iterator[None]:
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            told("another run is building Asterisk's root; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _build(folder: Path, told: Callable[[str], None]) -> Path:
    _require_programs()
    for killed in folder.glob(f"{UNFINISHED}*"):
        shutil.rmtree(killed, ignore_errors=True)
    told(f"building a root with Asterisk of Debian {SUITE}; this takes half a minute")
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder))
    try:
        _unpack(unfinished, told)
        found = version(unfinished)
        if found < OLDEST:
            raise AsteriskError(
                f"Debian {SUITE} offers Asterisk {dotted(found)}; the oldest that is safe is"
                f" {dotted(OLDEST)}: renew the package lists of this machine's mirror and try again"
            )
        _furnish(unfinished)
        return unfinished.rename(folder / f"asterisk-{dotted(found)}-{_recipe()}")
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _require_programs() -> None:
    user_needs = () if os.geteuid() == 0 else ("newuidmap",)
    packages = {"newuidmap": "uidmap", "unshare": "util-linux", "setpriv": "util-linux"}
    needed = ("mmdebstrap", "tar", "unshare", "setpriv", *user_needs)
    missing = sorted({packages.get(name, name) for name in needed if shutil.which(name) is None})
    if missing:
        raise AsteriskError(f"programs are missing: sudo apt-get install -y {' '.join(missing)}")


def _unpack(target: Path, told: Callable[[str], None]) -> None:
    """mmdebstrap's archive goes straight into tar; its own words are its progress."""
    mode = "--mode=root" if os.geteuid() == 0 else "--mode=unshare"
    making = subprocess.Popen(
        [MMDEBSTRAP[0], mode, *MMDEBSTRAP[1:]], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    unpacking = subprocess.Popen([*UNPACK, "-C", str(target), "-f", "-"], stdin=making.stdout)
    assert making.stdout is not None
    assert making.stderr is not None
    making.stdout.close()
    said = _relay(making.stderr, told)
    if making.wait() != 0 or unpacking.wait() != 0:
        raise AsteriskError(
            "Asterisk's root could not be built. mmdebstrap's last words:\n"
            f"{said}\nIs the network up, and room on {target.parent}? Then the same command again."
        )


def _relay(stream: IO[bytes], told: Callable[[str], None]) -> str:
    last: deque[str] = deque(maxlen=12)
    for raw in stream:
        line = raw.decode("utf-8", "replace").strip()
        last.append(line)
        if line.startswith("I: ") and line.endswith("..."):
            told(line.removeprefix("I: ").removesuffix("...") + " …")
    return "\n".join(last)


def _furnish(root: Path) -> None:
    """Places to mount on, and names that are known without asking a network."""
    for mounted in ("site", "prompts", "dev", "proc", "tmp"):
        (root / mounted).mkdir(exist_ok=True)
    (root / "etc/hosts").write_text(HOSTS)
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    root.chmod(0o755)  # mkdtemp's 0700 would shut out a second user of a shared cache


def main() -> None:
    """Build the root, showing how far it is."""
    try:
        ensure_root(lambda line: print(line, flush=True))  # noqa: T201 - the set-up's own terminal
    except AsteriskError as error:
        sys.exit(f"Asterisk: {error}")


if __name__ == "__main__":
    main()
