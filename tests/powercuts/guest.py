"""The guest's one program, its init: the store, the vault and the recorder of a box, at work until
the power goes; and at the next start a look at what is there.

It speaks in lines at a port of the emulator. `promised …` is said where a box would begin to speak
to a caller, or to do what had to be accounted for first, and never sooner; `durable CALL SECONDS`
when the recorder has taken a call's next second, for then those before it are kept. At a start the
box does what the exchange does at its own, says of each thing what it found, and of all that is not
as it should be `fault …`; then `ready`. Whoever listens has noted what was promised before, and
compares.

What is spoken in a message can be told from its call's name, so that every second of it is known.
"""

import asyncio
import ctypes
import fcntl
import json
import os
import random
import signal
import struct
import sys
import time
from array import array
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy import Connection, Engine, event

from firmware import audit, ledger, mended, people, spare_key, tickets, vault
from firmware.audit import Act, Audited
from firmware.backlog import Backlog
from firmware.copies import Copies, mend_people
from firmware.keys import KeyPair
from firmware.ledger import Arrived, Finished, Ledger, Message, MessageKept, Moment, Noted, Row
from firmware.machine import MachineKey
from firmware.passwords import Cost
from firmware.place import Place
from firmware.recorder import Failed, Kept, Recorder, Told
from firmware.store import open_reader
from firmware.tickets import Opened
from ivr.commands import Outcome
from ivr.plan import Urgency
from ivr.ticket import Ticket
from tests.firmware.lender import SECOND, Lender, LentChunk

DISK = Path("/disk")
MAILBOX, PERSON, PASSWORD = "nurses", "doe", "seven quiet lamps"
CHEAPEST = Cost(passes=1, memory_kib=64, lanes=1)
LOOK_S = 1.0  # as the exchange does
SPEAKERS = 4
LONGEST_S = 4
PAUSE_S = (0.0, 0.15)
REST_S = (0.02, 0.2)
REHEARSED = 60
ANSWERS_S = 120.0
DRIVER_OF_DISKS = "virtio_blk"
LINES = (20, 80)  # so many of them before dm-flakey loses all that follows
PROMISES = ("promised ", "durable ")

Tell = Callable[[str], None]


class Callers(Lender):
    """Lends what is spoken, of each call a second at a time: who takes the next one has kept those
    before it, for what is taken of a recording is durable before more of it is."""

    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell_line = tell
        self._waiting: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Event]] = {}

    def give_back(self, chunk: LentChunk) -> None:
        super().give_back(chunk)
        if chunk.number > 0:
            self._tell_line(f"durable {chunk.uuid} {chunk.number}")
        if (waiting := self._waiting.pop(chunk.uuid, None)) is not None:
            loop, is_back = waiting
            with suppress(RuntimeError):  # the box has ended
                loop.call_soon_threadsafe(is_back.set)

    async def says(self, call: str, number: int, said: "array[int]", *, last: bool) -> None:
        """Return once it has been taken."""
        is_back = asyncio.Event()
        self._waiting[call] = (asyncio.get_running_loop(), is_back)
        self.lend(call, number, said, last=last)
        await is_back.wait()


class Box:
    """One life of a box, from its start to whatever ends it."""

    def __init__(self, home: Path, tell: Tell, seed: int) -> None:
        self._place = Place(home)
        self._tell = tell
        self._chance = random.Random(seed)
        self._kept: dict[str, asyncio.Future[Kept]] = {}

    async def live(self, promises: int | None = None) -> None:
        """Start, tell what is there, and take calls until so much is promised, or for ever."""
        self._left = promises
        self._tell("born")
        self._loop = asyncio.get_running_loop()
        self._never: asyncio.Future[None] = self._loop.create_future()
        self._is_enough: asyncio.Future[None] = self._loop.create_future()
        if not people.is_set_up(self._place.page_db):
            paper = KeyPair.fresh().public
            people.set_up(self._place.page_db, paper, PERSON, PASSWORD, [MAILBOX], CHEAPEST)
        self._key = MachineKey.at(self._place.machine_key)
        self._ledger = Ledger(
            self._place.calls_db, self._place.ledger_log, self._key, look_s=LOOK_S
        )
        mend_people(self._place.page_db, LOOK_S)
        self._backlog = Backlog(self._ledger)
        copies = Copies(self._place.calls_db, self._ledger, lambda: True)
        always = [asyncio.create_task(self._backlog.run()), asyncio.create_task(copies.run())]
        await self._take_stock()
        await self._look_at_everything()
        self._tell("ready")
        if promises != 0:
            await self._take_calls()
        for task in always:
            task.cancel()
        await asyncio.gather(*always, return_exceptions=True)
        self._ledger.close()

    # ---- the start ----

    async def _take_stock(self) -> None:
        """As the exchange does: what was cut off is adopted, calls without an end have one."""
        directory = self._place.messages
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        deleted = self._read(ledger.deleted_messages)
        vault.destroy_again(directory, deleted)
        now = Moment.now()
        rows: list[Row] = [
            _row(each.label, each.seconds, now, cut_off=each.cut_off)
            for each in vault.adopt(directory, self._read(ledger.known_messages))
        ]
        for call in sorted(self._read(ledger.unfinished)):
            rows += [Noted(call, ledger.UNHEARD, "", now), Finished(call, Outcome.FAILSAFE, now)]
        await self._backlog.promise(*rows)

    async def _look_at_everything(self) -> None:
        await self._look_at_messages()
        now = Moment.now()
        for ticket in self._read(
            lambda c: tickets.still_open(c, self._key, now, tickets.boot_id(), {})
        ):
            self._tell(f"found ticket {ticket.id}")
            if ticket.number != number_of(ticket.id):
                self._tell(f"fault the number of call-back {ticket.id} is another")
        self._read(self._look_at_audit)
        balance = self._read(ledger.balance)
        if not balance.holds or balance.in_progress:
            self._tell(f"fault the ledger does not add up: {balance}")
        if damage := mended.damage(self._place.calls_db):
            self._tell(f"fault calls.db is damaged: {damage}")
        for aside in mended.set_aside(self._place.home):
            self._tell(f"fault {aside}")

    async def _look_at_messages(self) -> None:
        """Each is opened at the first start that finds it; then it is marked as heard."""
        ring = people.sign_in(self._place.page_db, PERSON, PASSWORD)
        for message in self._read(lambda c: ledger.messages_in(c, [MAILBOX])):
            if message.heard is None:
                try:
                    self._open(message, ring.mailboxes[MAILBOX])
                except (vault.VaultError, OSError) as fault:
                    self._tell(f"fault the message of {message.call} does not open: {fault}")
                    continue
                await self._ledger.heard(message.message, Moment.now())
            elif not vault.sealed_path(self._place.messages, message.message).exists():
                self._tell(f"fault the message of {message.call} was there, and is gone")
            end = "cut" if message.cut_off else "whole"
            self._tell(f"found message {message.call} {message.seconds:g} {end}")

    def _open(self, message: Message, keys: Sequence[KeyPair]) -> None:
        """By whoever may hear it, and where it is urgent by the box too."""
        directory = self._place.messages
        opened = [vault.hear(vault.sealed_path(directory, message.message), *keys)]
        if message.urgent:
            opened.append(spare_key.hear(directory, message.message, self._key))
        for heard in opened:
            seconds = -(-len(heard.audio) // (2 * SECOND))
            said = b"".join(spoken(message.call, number).tobytes() for number in range(seconds))
            if heard.audio != said[: len(heard.audio)] or not heard.audio:
                self._tell(f"fault the message of {message.call} says something else")
            if (heard.seconds, heard.cut_off) != (message.seconds, message.cut_off):
                self._tell(f"fault the message of {message.call} is not as long as its row says")

    def _look_at_audit(self, connection: Connection) -> None:
        chain = list(audit.read(connection))
        public = audit.signer(self._key).public_key()
        verdict = audit.verify(chain, public, audit.newest_mark(self._place.ledger_log))
        if verdict.wrong:
            self._tell(f"fault the audit does not hold: {verdict.wrong}")
        for entry in chain:
            self._tell(f"found audit {entry.about}")

    def _read(self, asked: Callable[[Connection], Any]) -> Any:
        reader = open_reader(self._place.calls_db)
        try:
            with reader.connect() as connection:
                return asked(connection)
        finally:
            reader.dispose()

    # ---- calls ----

    async def _take_calls(self) -> None:
        callers = Callers(self._tell)
        recorder = Recorder[LentChunk](
            callers,
            self._place.messages,
            lambda mailbox: people.recipients(self._place.page_db, mailbox),
            self._tell_loop,
            lambda message, key: spare_key.keep(self._place.messages, message, key, self._key),
        )
        at_work = [
            *(asyncio.create_task(self._speaks(callers, recorder)) for _ in range(SPEAKERS)),
            asyncio.create_task(self._asks_to_be_called()),
            asyncio.create_task(self._gives_account()),
        ]
        await asyncio.wait([*at_work, self._is_enough], return_when=asyncio.FIRST_COMPLETED)
        for task in at_work:
            if task.done():
                self._tell(f"fault {task.exception()!r}")
        for task in at_work:
            task.cancel()
        await asyncio.gather(*at_work, return_exceptions=True)
        recorder.close()

    async def _speaks(self, callers: Callers, recorder: Recorder[LentChunk]) -> None:
        """One caller after another, each of whom leaves a message."""
        while True:
            call = str(uuid4())
            urgent = self._chance.random() < 0.3
            seconds = self._chance.randint(1, LONGEST_S)
            self._arrives(call)
            self._kept[call] = self._loop.create_future()
            recorder.expect(call, MAILBOX, urgent=urgent, is_played_back=urgent)
            for number in range(seconds):
                is_last = number == seconds - 1
                said = spoken(call, number)
                if is_last:
                    said = said[: self._chance.randint(SECOND // 4, SECOND)]
                await callers.says(call, number, said, last=is_last)
                await self._meanwhile(PAUSE_S)
            kept = await asyncio.wait_for(self._kept[call], ANSWERS_S)
            await self._backlog.promise(_row(kept.label, kept.seconds, Moment.now(), cut_off=False))
            self._promised(f"message {call} {kept.seconds:g}")
            self._ends(call, Outcome.MESSAGE)

    def _tell_loop(self, told: Told) -> None:
        self._loop.call_soon_threadsafe(self._message_told, told)

    def _message_told(self, told: Told) -> None:
        match told:
            case Kept(label=label):
                self._kept[label.call].set_result(told)
            case Failed(reason=reason):
                self._tell(f"fault a message was not kept: {reason}")

    async def _asks_to_be_called(self) -> None:
        while True:
            call, ticket = str(uuid4()), str(uuid4())
            self._arrives(call)
            now = Moment.now()
            wish = Ticket(
                id=ticket,
                call=call,
                queue="desk",
                number=number_of(ticket),
                urgency=Urgency.ROUTINE,
                language="en",
                since=now.mono_ms / 1000,
                expires=datetime.now(UTC) + timedelta(days=1),
            )
            await self._backlog.promise(Opened(wish, tickets.boot_id(), now))
            self._promised(f"ticket {ticket}")
            self._ends(call, Outcome.CALLBACK)
            await self._meanwhile(REST_S)

    async def _gives_account(self) -> None:
        while True:
            about = str(uuid4())
            await self._backlog.promise(Audited(PERSON, Act.EXPORTED, about, Moment.now()))
            self._promised(f"audit {about}")
            await self._meanwhile(REST_S)

    def _promised(self, what: str) -> None:
        self._tell(f"promised {what}")
        if self._left is not None:
            self._left -= 1
            if self._left <= 0 and not self._is_enough.done():
                self._is_enough.set_result(None)

    def _arrives(self, call: str) -> None:
        arrived = Arrived(call, "main", "2025550100", number_of(call), "", Moment.now())
        self._backlog.put([arrived, Noted(call, "menu", "main", Moment.now())])

    def _ends(self, call: str, outcome: Outcome) -> None:
        self._backlog.put([Finished(call, outcome, Moment.now())])

    async def _meanwhile(self, between_s: tuple[float, float]) -> None:
        await asyncio.wait([self._never], timeout=self._chance.uniform(*between_s))


def spoken(call: str, number: int) -> "array[int]":
    """What the caller of this call says in this second."""
    chance = np.random.default_rng([UUID(call).int, number])
    said = array("h")
    said.frombytes(chance.integers(-20_000, 20_000, SECOND, np.int16).tobytes())
    return said


def number_of(name: str) -> str:
    """Of whoever this call or call-back is."""
    return f"202555{UUID(name).int % 10_000:04}"


def _row(label: vault.Label, seconds: float, moment: Moment, *, cut_off: bool) -> MessageKept:
    return MessageKept(
        message=label.message,
        call=label.call,
        mailbox=label.mailbox,
        started=datetime.fromtimestamp(label.started_ms / 1000, UTC),
        seconds=seconds,
        urgent=label.urgent,
        cut_off=cut_off,
        moment=moment,
    )


def be_careless(*, log_too: bool) -> None:
    """Write as a store would with `synchronous=NORMAL`; and, with its log too, as one of which no
    part waits for the disk."""
    if log_too:
        os.fdatasync = _accepted  # type: ignore[assignment]

    @event.listens_for(Engine, "begin")
    def _careless(connection: Connection) -> None:
        connection.connection.execute("PRAGMA synchronous=NORMAL")


def _accepted(_fd: object) -> None:
    """And forgotten."""


# ---- the machine ----

_LIBC = ctypes.CDLL(None, use_errno=True)
_FINIT_MODULE = 313  # asm/unistd_64.h
_ADD_ENTROPY, _RESEED = 0x40085203, 0x5207  # linux/random.h
_DM_IOCTL = struct.Struct("=3I I I I i I I I Q 128s 129s 7x")  # linux/dm-ioctl.h
_DM_TARGET = struct.Struct("=QQiI16s")
_DM_CREATE, _DM_REMOVE, _DM_SUSPEND, _DM_LOAD, _DM_MESSAGE = 3, 4, 6, 9, 14
_SUSPENDED, _WITHOUT_SYNC, _WITHOUT_FLUSH = 1 << 1, 1 << 10, 1 << 11


@dataclass(frozen=True, slots=True)
class Mapped:
    """A device that the kernel's device-mapper makes of another one."""

    name: str
    sectors: int

    def make(self, kind: str, table: str) -> Path:
        """Where it lies then."""
        self._ask(_DM_CREATE)
        self._load(kind, table)
        self._ask(_DM_SUSPEND)  # without its flag: resume
        return Path("/dev/dm-0")

    def become(self, kind: str, table: str) -> None:
        """Another table from one request to the next; what is on its way meets the new one."""
        self._ask(_DM_SUSPEND, flags=_SUSPENDED | _WITHOUT_SYNC | _WITHOUT_FLUSH)
        self._load(kind, table)
        self._ask(_DM_SUSPEND)

    def tell(self, words: str) -> None:
        """To the target itself."""
        self._ask(_DM_MESSAGE, struct.pack("=Q", 0) + words.encode() + b"\0")

    def remove(self) -> None:
        self._ask(_DM_REMOVE)

    def _load(self, kind: str, table: str) -> None:
        words = table.encode() + b"\0"
        words += bytes(-len(words) % 8)
        target = _DM_TARGET.pack(0, self.sectors, 0, _DM_TARGET.size + len(words), kind.encode())
        self._ask(_DM_LOAD, target + words, targets=1)

    def _ask(self, what: int, more: bytes = b"", *, targets: int = 0, flags: int = 0) -> None:
        size = _DM_IOCTL.size + len(more)
        head = _DM_IOCTL.pack(4, 0, 0, size, _DM_IOCTL.size, targets, 0, flags, 0, 0, 0,
                              self.name.encode(), b"")  # fmt: skip
        with Path("/dev/mapper/control").open("rb") as control:
            number = 3 << 30 | _DM_IOCTL.size << 16 | 0xFD << 8 | what  # _IOWR
            fcntl.ioctl(control, number, bytearray(head + more))


def begin() -> NoReturn:
    """As init. Everything is ready before the guest has seen a disk: there its state is kept by the
    emulator, and each start of a box goes on from it, told by one line what to do."""
    for kind, where in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")):
        _mount(kind, Path(where), kind)
    _mount("tmpfs", Path("/tmp"), "tmpfs")  # noqa: S108 - the guest's own
    modules = sorted(Path("/modules").iterdir())
    for module in modules:
        if DRIVER_OF_DISKS not in module.name:
            _load_module(module)
    (port,) = Path("/dev").glob("vport*")
    at = os.open(port, os.O_RDWR)

    def tell(line: str) -> None:
        os.write(at, line.encode() + b"\n")

    tell("warm")
    via, sync, seed, now_s, chance = os.read(at, 4096).decode().split()
    _be_born_anew(float(now_s), bytes.fromhex(chance))
    for module in modules:
        if DRIVER_OF_DISKS in module.name:
            _load_module(module)
    if sync != "FULL":
        be_careless(log_too=sync == "NONE")
    _live(via, tell, int(seed))
    tell("bye")
    while True:  # init never ends
        signal.pause()


def _be_born_anew(now_s: float, chance: bytes) -> None:
    """No two lives share their clock or their chance, though all go on from the same state."""
    time.clock_settime(time.CLOCK_REALTIME, now_s)
    with Path("/dev/urandom").open("wb") as pool:
        added = struct.pack("=ii", len(chance) * 8, len(chance)) + chance
        fcntl.ioctl(pool, _ADD_ENTROPY, added)
        fcntl.ioctl(pool, _RESEED)


def _live(via: str, tell: Tell, seed: int) -> None:
    match via:
        case "flakey":
            _live_on_a_flakey_disk(tell, seed)
        case "log-writes":
            _live_on_a_logged_disk(tell, seed)
        case _:
            _mount(Path("/dev/vda"), DISK, "ext4")
            asyncio.run(Box(DISK, tell, seed).live())


def _live_on_a_flakey_disk(tell: Tell, seed: int) -> None:
    """In mid-life, from one write to the next, the disk still accepts all and keeps nothing; then
    the box is looked at again on what it kept."""
    disk = Mapped("flakey", _sectors("vda"))
    _mount(disk.make("flakey", "/dev/vda 0 180 0"), DISK, "ext4")
    never_flushed = DISK / "never-flushed"
    lines, until = count(1), random.Random(seed).randint(*LINES)

    def cut() -> None:
        never_flushed.write_bytes(bytes([1]) * SECOND)
        tell("cut")
        disk.become("flakey", "/dev/vda 0 0 180 1 drop_writes")
        os.kill(os.getpid(), signal.SIGKILL)

    def told(line: str) -> None:
        tell(line)
        if line.startswith(PROMISES) and next(lines) == until:
            cut()

    if (living := os.fork()) == 0:
        asyncio.run(Box(DISK, told, seed).live())
    os.waitpid(living, 0)
    _unmount(DISK)
    disk.remove()
    _mount(Path("/dev/vda"), DISK, "ext4")
    if never_flushed.exists() and never_flushed.read_bytes():
        tell("fault the disk has kept what was never flushed")
    asyncio.run(Box(DISK, tell, seed).live(0))


def _live_on_a_logged_disk(tell: Tell, seed: int) -> None:
    """Every write goes into a log of its own, in the order in which they became durable, and each
    promise is marked there."""
    disk = Mapped("logged", _sectors("vda"))
    _mount(disk.make("log-writes", "/dev/vda /dev/vdb"), DISK, "ext4")

    def told(line: str) -> None:
        if line.startswith(PROMISES):
            disk.tell(f"mark {line.replace(' ', '/')}")
        tell(line)

    asyncio.run(Box(DISK, told, seed).live(random.Random(seed).randint(*LINES)))
    _unmount(DISK)
    disk.remove()


def _sectors(device: str) -> int:
    return int(Path(f"/sys/block/{device}/size").read_text())


def _mount(what: object, where: Path, kind: str) -> None:
    if _LIBC.mount(str(what).encode(), str(where).encode(), kind.encode(), 0, b"") != 0:
        raise OSError(ctypes.get_errno(), f"{what} cannot be mounted at {where}")


def _unmount(where: Path) -> None:
    if _LIBC.umount(str(where).encode()) != 0:
        raise OSError(ctypes.get_errno(), f"{where} cannot be unmounted")


def _load_module(path: Path) -> None:
    with path.open("rb") as module:
        if _LIBC.syscall(_FINIT_MODULE, module.fileno(), b"", 0) != 0:
            raise OSError(ctypes.get_errno(), f"{path} cannot be loaded")


# ---- the rehearsal ----


def rehearse(home: Path) -> list[str]:
    """Two lives of a box, here; the files that were read for them."""
    read: set[str] = set()

    def note(what: str, about: tuple[Any, ...]) -> None:
        if what == "open" and isinstance(about[0], str):
            read.add(str(Path(about[0]).absolute()))

    sys.addaudithook(note)
    told: list[str] = []
    for seed in (1, 2):
        asyncio.run(Box(home, told.append, seed).live(REHEARSED))
    faults = [line for line in told if line.startswith("fault")]
    if faults or not any(line.startswith("promised message") for line in told):
        raise RuntimeError("\n".join(faults) or "no message was kept")
    modules = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    compiled = (getattr(module, "__cached__", None) for module in list(sys.modules.values()))
    mapped = (line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines())
    libraries = (path for path in mapped if ".so" in path)
    return sorted(read.union(filter(None, modules), filter(None, compiled), libraries))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(rehearse(Path(sys.argv[1]))))
