"""Power cuts: a guest with a box in it, and what was promised there held against what is found.

The emulator is killed, and the disk behind it keeps of what was not flushed what chance leaves.
What the guest had said by then is all that counts: a line that never left it was promised to
nobody. Each start of the same disk must find all that was ever promised on it.

The processor is emulated by software everywhere, for not every machine lends its own.
"""

import json
import os
import queue
import random
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from io import BufferedRWPair
from pathlib import Path

from tests.powercuts.disk import SECTOR, Disk, Server
from tests.powercuts.image import Image

DISK_BYTES = 96 << 20
LOG_BYTES = 512 << 20
MEMORY_MIB = 640
# A start takes some 8 s of an emulated processor; a machine with other work gives it less.
STARTED_WITHIN_S = 240.0
# A cut falls into the start one time in eight, so long after its begin …
CUT_IN_START, CUT_IN_START_S = 1 / 8, (0.0, 1.5)
# … else after so many promises, each of which is a line …
PROMISES_MOST = 60
# … or, every other time, in the midst of what the disk is given, at one of so many writes.
WRITES_IN_START, WRITES_AFTER = 40, 400
NO_DISKS = (f"driver=null-co,size={DISK_BYTES}", f"driver=null-co,size={LOG_BYTES}")
WARM, BORN, READY, CUT, BYE = "warm", "born", "ready", "cut", "bye"
MAKE_DISK = ("mke2fs", "-q", "-F", "-t", "ext4", "-E", "lazy_itable_init=0,lazy_journal_init=0")
MENDED = 2  # e2fsck(8): clean, mended, or mended and wants a new start
TIED = ("setpriv", "--pdeathsig", "KILL")  # whatever ends us ends the guest
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"  # where an ordinary user does not look

Hear = Callable[[str], None]


class Via(StrEnum):
    """What lies between the box and its disk."""

    PLAIN = "plain"
    FLAKEY = "flakey"
    LOG_WRITES = "log-writes"


class GuestError(Exception):
    """The guest does not run; the text holds its last words."""


@dataclass(slots=True)
class Promises:
    """What was promised on one disk, and what the newest start found of it."""

    things: set[str] = field(default_factory=set)  # "message CALL", "ticket ID", "audit ID"
    seconds: dict[str, float] = field(default_factory=dict)  # durable, of each call
    wrong: list[str] = field(default_factory=list)
    is_believed: bool = True  # until a cut that the guest itself makes
    _found: set[str] = field(default_factory=set)
    _found_s: dict[str, float] = field(default_factory=dict)
    _cut_off: set[str] = field(default_factory=set)

    def hear(self, line: str) -> None:
        """One line of the guest's."""
        match line.split():
            case ["born"]:
                self._found, self._found_s, self._cut_off = set(), {}, set()
                self.is_believed = True
            case ["promised", kind, name, *seconds] if self.is_believed:
                self.things.add(f"{kind} {name}")
                for each in seconds:
                    self.seconds[name] = float(each)
            case ["durable", call, seconds] if self.is_believed:
                self.seconds[call] = max(self.seconds.get(call, 0.0), float(seconds))
            case ["found", "message", call, seconds, end]:
                self._found.add(f"message {call}")
                self._found_s[call] = float(seconds)
                if end == "cut":
                    self._cut_off.add(call)
            case ["found", kind, name]:
                self._found.add(f"{kind} {name}")
            case ["fault", *words]:
                self.wrong.append(" ".join(words))
            case ["ready"]:
                self.wrong += self._lost()
            case ["cut"]:
                self.is_believed = False
            case _:
                pass

    def _lost(self) -> Iterator[str]:
        for thing in sorted(self.things - self._found):
            yield f"lost: {thing}"
        for call, seconds in self.seconds.items():
            if self._found_s.get(call, 0.0) < seconds:
                kept = self._found_s.get(call, 0.0)
                yield f"lost: of {call} {kept:g} s are there, and {seconds:g} were durable"
            if call in self._cut_off and f"message {call}" in self.things:
                yield f"lost: the end of message {call}"


@dataclass(frozen=True, slots=True)
class Came:
    """What one cut came to. `told` is for people."""

    told: str
    wrong: tuple[str, ...]
    promised: int
    took_s: float


class Chain:
    """One disk, and one cut after another. Each start looks for all that was promised before."""

    def __init__(self, image: Image, folder: Path, seed: int, *, sync: str = "FULL") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._image, self._folder, self._sync = image, folder, sync
        self._chance = random.Random(seed)
        self.disk = Disk(blank(folder))
        self.promises = Promises()

    def cut(self) -> Came:
        """Switch it on, and cut its power at a moment of chance; now and then before it has looked
        at everything."""
        before, began = len(self.promises.things), time.monotonic()
        wrong_before = len(self.promises.wrong)
        in_start = self._chance.random() < CUT_IN_START
        self._check()
        with self._guest(Via.PLAIN) as guest:
            guest.hear_until(BORN if in_start else READY, self.promises.hear)
            told = self._cut(guest, in_start=in_start)
        cost = self.disk.lose_power(self._chance)
        promised = len(self.promises.things) - before
        told = f"cut {told}, {promised} more promised, {cost}"
        return self._came(told, wrong_before, promised, began)

    def _cut(self, guest: "Guest", *, in_start: bool) -> str:
        """When that was, in words."""
        where = "its begin" if in_start else "the start"
        if self._chance.random() < 0.5:
            writes = self._chance.randint(1, WRITES_IN_START if in_start else WRITES_AFTER)
            self.disk.die_after(writes, guest.wake)
            guest.hear_until(None, self.promises.hear)
            return f"{writes} writes after {where}"
        if in_start:
            wait_s = self._chance.uniform(*CUT_IN_START_S)
            guest.hear_for(wait_s, self.promises.hear)
            return f"{wait_s:.1f} s after {where}"
        lines = self._chance.randint(0, PROMISES_MOST)
        for _ in range(lines):
            guest.hear_one(self.promises.hear)
        guest.cut(self.promises.hear)
        return f"{lines} lines after {where}"

    def cut_after(self, lines: int) -> Came:
        """A cut when so much is promised, whatever chance would have."""
        before, began = len(self.promises.things), time.monotonic()
        wrong_before = len(self.promises.wrong)
        self._check()
        with self._guest(Via.PLAIN) as guest:
            guest.hear_until(READY, self.promises.hear)
            for _ in range(lines):
                guest.hear_one(self.promises.hear)
            guest.cut(self.promises.hear)
        cost = self.disk.lose_power(self._chance)
        promised = len(self.promises.things) - before
        told = f"cut {lines} lines after the start, {promised} more promised, {cost}"
        return self._came(told, wrong_before, promised, began)

    def look(self) -> Came:
        """Switch it on once more, to see what is there."""
        wrong_before, began = len(self.promises.wrong), time.monotonic()
        self._check()
        with self._guest(Via.PLAIN) as guest:
            guest.hear_until(READY, self.promises.hear)
        self.disk.lose_power(self._chance)
        things = len(self.promises.things)
        return self._came(f"looked for {things} things promised", wrong_before, 0, began)

    def cut_by_flakey(self) -> Came:
        """dm-flakey in the guest accepts everything and keeps nothing from a moment on; the box
        then starts again on what was kept, in the same guest."""
        before, began = len(self.promises.things), time.monotonic()
        wrong_before = len(self.promises.wrong)
        self._check()
        with self._guest(Via.FLAKEY) as guest:
            guest.hear_until(CUT, self.promises.hear)
            guest.hear_until(BYE, self.promises.hear)
        promised = len(self.promises.things) - before
        return self._came(f"dm-flakey, {promised} promised", wrong_before, promised, began)

    def cut_by_log(self) -> Came:
        """dm-log-writes in the guest logs what became durable in which order, with marks where
        something was promised; at an entry of chance the log ends, and the box starts on that."""
        before, began = len(self.promises.things), time.monotonic()
        wrong_before = len(self.promises.wrong)
        log = Disk(bytes(LOG_BYTES))
        self._check()
        content = bytearray(self.disk.content())
        heard: list[str] = []
        with self._guest(Via.LOG_WRITES, log) as guest:
            guest.hear_until(BYE, heard.append)
        entries = list(logged(log))
        first = next(n for n, each in enumerate(entries, 1) if each.mark.startswith("promised"))
        until = self._chance.randint(first, len(entries))
        for each in entries[:until]:
            content[each.at : each.at + len(each.content)] = each.content
            if each.mark:
                self.promises.hear(each.mark)
        self.disk = Disk(bytes(content))
        promised = len(self.promises.things) - before
        looked = self.look()
        told = f"dm-log-writes cut at entry {until} of {len(entries)}, {promised} promised"
        wrong = [*(each for each in heard if each.startswith("fault")), *looked.wrong]
        self.promises.wrong[wrong_before:] = wrong
        return self._came(told, wrong_before, promised, began)

    def _came(self, told: str, wrong_before: int, promised: int, began: float) -> Came:
        wrong = tuple(self.promises.wrong[wrong_before:])
        return Came(told, wrong, promised, time.monotonic() - began)

    def _check(self) -> None:
        """Before it is mounted."""
        self.disk = Disk(checked(self.disk.content(), self._folder))

    @contextmanager
    def _guest(self, via: Via, *more: Disk) -> Iterator["Guest"]:
        seed = self._chance.getrandbits(31)
        born = f"{via} {self._sync} {seed} {time.time():.3f} {os.urandom(32).hex()}"
        with switched_on(self._image, (self.disk, *more), self._folder) as guest:
            guest.say(born)
            yield guest


class Guest:
    """A running emulator, and what is said in it."""

    def __init__(self, process: subprocess.Popen[bytes], port: socket.socket, words: Path) -> None:
        self.process = process
        self._port, self._words = port, words
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def say(self, line: str) -> None:
        self._port.sendall(line.encode() + b"\n")

    def hear_until(self, word: str | None, hear: Hear) -> None:
        """Until it says this; or, at None, until woken, when the power is cut."""
        deadline = time.monotonic() + STARTED_WITHIN_S
        while (line := self._next(deadline)) not in (None, word):
            assert line is not None
            hear(line)
        if line is not None:
            hear(line)
        elif word is None and time.monotonic() < deadline:
            self.cut(hear)
        else:
            raise self._failed(f"never said {word!r}" if word else "wrote nothing more")

    def hear_one(self, hear: Hear) -> None:
        """Whatever it says next."""
        line = self._next(time.monotonic() + STARTED_WITHIN_S)
        if line is None:
            raise self._failed("says nothing more")
        hear(line)

    def hear_for(self, seconds: float, hear: Hear) -> None:
        """For so long; then the power is cut."""
        deadline = time.monotonic() + seconds
        while (line := self._next(deadline)) is not None:
            hear(line)
        self.cut(hear)

    def cut(self, hear: Hear) -> None:
        """As by a pulled plug. What it has said by then is still heard."""
        if self.process.poll() is not None:
            raise self._failed("ended by itself")
        self.kill()
        while not self._lines.empty():
            if (line := self._lines.get()) is not None:
                hear(line)

    def _failed(self, how: str) -> GuestError:
        last = self._words.read_text("utf-8", "replace")[-4000:] if self._words.exists() else ""
        return GuestError(f"the guest {how}; its last words:\n{last}")

    def wake(self) -> None:
        """Nothing more will come of it."""
        self._lines.put(None)

    def kill(self) -> None:
        """Whatever it is doing."""
        self.process.kill()
        self.process.wait()
        self._thread.join()

    def _next(self, deadline: float) -> str | None:
        """None: the time is over, or the guest was woken, or is dead."""
        with suppress(queue.Empty):
            return self._lines.get(timeout=max(deadline - time.monotonic(), 0.001))
        return None

    def _listen(self) -> None:
        with suppress(OSError), self._port, self._port.makefile("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):
                    self._lines.put(line.decode().strip())
        self._lines.put(None)


@contextmanager
def switched_on(image: Image, disks: tuple[Disk, ...], folder: Path) -> Iterator[Guest]:
    """A guest in the state that `warm_up` left, with its disks, until its power is cut."""
    with ExitStack() as stack:
        sockets = Path(stack.enter_context(_short_folder()))
        backends = list(NO_DISKS)
        for number, disk in enumerate(disks):
            path = sockets / f"disk{number}"
            stack.callback(Server(disk, path).close)
            backends[number] = f"driver=nbd,server.type=unix,server.path={path}"
        state = ("-incoming", f"exec:cat {image.state}")
        yield stack.enter_context(_started(image, backends, sockets, folder / "console", state))


def warm_up(image: Image) -> None:
    """Boot once, up to where a box would be given its disk, and keep that state."""
    draft = image.state.with_suffix(".draft")
    with ExitStack() as stack:
        sockets = Path(stack.enter_context(_short_folder()))
        console = image.state.with_name("console")
        orders = ("-qmp", f"unix:{sockets / 'orders'},server=on,wait=off")
        guest = stack.enter_context(_started(image, NO_DISKS, sockets, console, orders))
        guest.hear_until(WARM, lambda line: None)
        asking = stack.enter_context(socket.socket(socket.AF_UNIX))
        asking.connect(str(sockets / "orders"))
        asking.settimeout(STARTED_WITHIN_S)
        _save(asking.makefile("rwb"), draft)
    draft.rename(image.state)


def _save(orders: BufferedRWPair, path: Path) -> None:
    """By QMP: one order a line, one answer a line, with events between."""

    def order(what: str, **how: object) -> dict[str, object]:
        orders.write(json.dumps({"execute": what, "arguments": how}).encode() + b"\n")
        orders.flush()
        return next(told["return"] for line in orders if "return" in (told := json.loads(line)))

    order("qmp_capabilities")
    order("migrate-set-parameters", **{"max-bandwidth": 1 << 33})
    order("migrate", uri=f"exec:cat > {path}")
    while (status := order("query-migrate").get("status")) != "completed":
        if status == "failed":
            raise GuestError("the emulator cannot keep its state: is the disk full?")


@contextmanager
def _started(
    image: Image, backends: Sequence[str], sockets: Path, console: Path, more: Sequence[str]
) -> Iterator[Guest]:
    """An emulator, always with the same devices."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket(socket.AF_UNIX))
        listening.bind(str(sockets / "port"))
        listening.listen(1)
        listening.settimeout(STARTED_WITHIN_S)
        devices = [
            word
            for number, backend in enumerate(backends)
            for word in ("-blockdev", f"{backend},node-name=disk{number}",
                         "-device", f"virtio-blk-pci,drive=disk{number}")
        ]  # fmt: skip
        command: list[str | Path] = [
            *TIED, "nice", "qemu-system-x86_64",
            "-machine", "pc", "-accel", "tcg", "-cpu", "max,-la57",
            "-m", str(MEMORY_MIB), "-nodefaults", "-no-user-config", "-display", "none",
            "-no-reboot", "-kernel", image.kernel, "-initrd", image.initramfs,
            "-append", "console=ttyS0 quiet loglevel=4 panic=-1 init_on_free=1",
            "-serial", f"file:{console}", "-chardev", f"socket,id=port,path={sockets / 'port'}",
            "-device", "virtio-serial-pci", "-device", "virtserialport,chardev=port",
            "-device", "virtio-rng-pci", *devices, *more,
        ]  # fmt: skip
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.kill)
        port, _ = listening.accept()
        guest = Guest(process, port, console)
        yield guest
        guest.kill()


def _short_folder() -> tempfile.TemporaryDirectory[str]:
    """A UNIX socket's name is short."""
    return tempfile.TemporaryDirectory(prefix="careline-guest-")


def blank(folder: Path) -> bytes:
    """A new disk, as a box has it: ext4 with its defaults."""
    path = folder / "blank"
    with path.open("wb") as file:
        file.truncate(DISK_BYTES)
    subprocess.run([*MAKE_DISK, path], check=True, env=os.environ | {"PATH": PATH})
    content = path.read_bytes()
    path.unlink()
    return content


def checked(content: bytes, folder: Path) -> bytes:
    """The disk as it is mounted: a box looks through its file system at each start, as every Linux
    does. By itself the kernel refuses one whose journal ends in half a commit block."""
    path = folder / "checked"
    path.write_bytes(content)
    for how in ("-p", "-y"):  # what is sure is mended; then, as on a box with nobody beside it, all
        done = subprocess.run(
            ["e2fsck", how, path], env=os.environ | {"PATH": PATH}, capture_output=True, check=False
        )
        if done.returncode <= MENDED:
            return path.read_bytes()
    raise GuestError(f"the file system cannot be mended: {done.stdout.decode('utf-8', 'replace')}")


# ---- the log of dm-log-writes (Documentation/admin-guide/device-mapper/log-writes.rst) ----

_LOG_MAGIC, _LOG_VERSION = 0x6A736677736872, 1
_LOG_HEAD, _LOG_ENTRY = struct.Struct("<QQQI"), struct.Struct("<QQQQ")
_DISCARD, _MARK = 1 << 2, 1 << 3


@dataclass(frozen=True, slots=True)
class Logged:
    """One write that became durable, or a mark."""

    at: int
    content: bytes
    mark: str


def logged(log: Disk) -> Iterator[Logged]:
    """In the order in which it became durable."""
    magic, version, count, sector = _LOG_HEAD.unpack(log.read(0, _LOG_HEAD.size))
    if (magic, version) != (_LOG_MAGIC, _LOG_VERSION):
        raise GuestError("the guest's kernel wrote no log of its writes")
    at = sector
    for _ in range(count):
        where, sectors, flags, size = _LOG_ENTRY.unpack(log.read(at, _LOG_ENTRY.size))
        inside = log.read(at + _LOG_ENTRY.size, size)
        at += sector
        content = b"" if flags & (_DISCARD | _MARK) else log.read(at, sectors * sector)
        at += len(content)
        mark = inside.rstrip(b"\0").decode().replace("/", " ") if flags & _MARK else ""
        yield Logged(where * SECTOR, content, mark)
