"""How a site's configuration comes into force, in steps of which each may be the last.

    written -> proved -> noted -> current -> objects -> dialplan -> tidied

A version is a directory, complete before it has its name. A scratch Asterisk on other ports, whose
trunks lead nowhere, loads it and is walked: every emergency number, every number of every line.
Then one symlink moves, and the running Asterisk loads objects before the dialplan that names them;
what the dialplan no longer names goes last. Killed at any step, what ran still runs, and what
`current` points at has been proved. A step that fails puts the old version back.

An Asterisk goes back to an earlier version by the same way (`bring`), begun anew wherever it was
broken off: what a version's own objects are lies beside them for as long as they are mixed.
"""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from firmware import sip_authorities, sip_certificate
from firmware.asterisk import fax
from firmware.asterisk.config import AMI_USER, STATE_FOLDERS, Paths, Ports, generate, speaks_tls
from firmware.asterisk.dialplan import Timing, carriers, line_context
from firmware.asterisk.link import Link, LinkDown, LinkState
from firmware.asterisk.sandbox import Asterisk, AsteriskError, Launch
from firmware.asterisk.wire import Message
from firmware.durable import mode_in, sync_directory
from firmware.place import Place
from firmware.ports import free_ports
from firmware.root import Part
from firmware.site_secrets import secrets_of
from firmware.web.addresses import names_of_box
from ivr.plan import Plan

SITE_FILE = "clinic.toml"
SCRATCH = "scratch"
WALK_WITHIN_S = 10.0
# Files whose sections a running call may still need until the new dialplan is there.
OBJECTS = ("pjsip.conf", "musiconhold.conf")
OWN = ".own"  # beside a file of these while it holds another version's sections too
# What Asterisk reads only when it starts.
READ_AT_START = (
    *("asterisk.conf", "http.conf", "modules.conf", "manager.conf", "rtp.conf", "logger.conf"),
    "chan_dahdi.conf",
)


class PublishError(Exception):
    """The new version did not come into force; the old one is. The text says why."""


class Step(StrEnum):
    """How far a publish has come."""

    WRITTEN = "written"
    PROVED = "proved: each emergency number and each line's number leads where it should"
    NOTED = "noted"
    CURRENT = "current"
    OBJECTS = "phones and trunks loaded"
    DIALPLAN = "dialplan loaded"
    TIDIED = "in force"


@dataclass(frozen=True, slots=True)
class Site:
    """A site file's text, its plan, and where and when its Asterisk does things."""

    text: str
    plan: Plan
    ports: Ports
    timing: Timing = Timing()  # noqa: RUF009 - frozen
    calendars: Mapping[str, str] = field(default_factory=dict)  # files that lie beside its text


Reload = Callable[[Part], Awaitable[object]]
Noted = Callable[[Path, Path], None]  # what is in force and what will be, before it is


def install(place: Place, site: Site, launch: Launch) -> Path:
    """Put a site in force where no Asterisk is running yet; its version's directory."""
    version = prepare(place, site, launch)
    point_current(place, version)
    return version


async def publish(
    place: Place,
    site: Site,
    launch: Launch,
    reload: Reload,
    told: Callable[[Step], None] = lambda step: None,
    noted: Noted = lambda old, new: None,
) -> bool:
    """Put a site in force on a running Asterisk. True if a part of it waits for a restart."""
    old = (place.asterisk / "current").resolve()
    new = prepare(place, site, launch)
    told(Step.WRITTEN)
    await prove(place, site, launch)
    told(Step.PROVED)
    noted(old, new)
    told(Step.NOTED)
    try:
        await bring(place, old, new, reload, told)
    except Exception as error:
        await _put_back(place, old, reload)
        raise PublishError(f"the old version is in force again: {error}") from error
    told(Step.TIDIED)
    return needs_restart(old, new)


async def bring(
    place: Place,
    old: Path,
    new: Path,
    reload: Reload,
    told: Callable[[Step], None] = lambda step: None,
) -> None:
    """Have the running Asterisk go from one version to another, both of them complete."""
    for name in OBJECTS:
        own = new / f"{name}{OWN}"
        if not own.exists():
            _replace(own, (new / name).read_text("utf-8"))
        _replace(new / name, united((old / name).read_text("utf-8"), own.read_text("utf-8")))
    point_current(place, new)
    told(Step.CURRENT)
    await reload(Part.OBJECTS)
    told(Step.OBJECTS)
    await reload(Part.DIALPLAN)
    told(Step.DIALPLAN)
    for name in OBJECTS:
        (new / f"{name}{OWN}").replace(new / name)
    sync_directory(new)
    await reload(Part.OBJECTS)


def prepare(place: Place, site: Site, launch: Launch) -> Path:
    """A new version, complete, that nothing points at yet."""
    for folder in STATE_FOLDERS:
        (place.asterisk / folder).mkdir(parents=True, exist_ok=True)
    place.prompts.mkdir(parents=True, exist_ok=True)
    secrets = secrets_of(place.secrets, site.plan)
    if speaks_tls(site.plan):
        sip_certificate.keep(place, names_of_box(), datetime.now(UTC))
        sip_authorities.keep(place)
    paths = Paths(
        launch.site / "current",
        launch.site,
        launch.prompts,
        launch.modules,
        launch.site / place.sip_certificate.relative_to(place.asterisk),
        launch.site / place.sip_authorities.relative_to(place.asterisk),
    )
    files = generate(site.plan, secrets, site.ports, paths, timing=site.timing)
    return write_version(
        place.asterisk / "versions", {**files, **site.calendars, SITE_FILE: site.text}
    )


def write_version(versions: Path, files: Mapping[str, str]) -> Path:
    """A numbered directory, which has its name only once its files are on the disk."""
    versions.mkdir(parents=True, exist_ok=True)
    numbers = [int(each.name) for each in versions.iterdir() if each.name.isdecimal()]
    version = versions / str(max(numbers, default=0) + 1)
    unfinished = version.with_name(f"{version.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=mode_in(versions, 0o700))
    for name, text in files.items():
        _write(unfinished / name, text)
    sync_directory(unfinished)
    unfinished.rename(version)
    sync_directory(versions)
    return version


def point_current(place: Place, version: Path) -> None:
    """One rename decides which version is in force; the published site file goes with it."""
    _link(place.asterisk / "current", Path("versions") / version.name)
    _link(place.site_file, Path(place.asterisk.name) / "current" / SITE_FILE)


def united(old: str, new: str) -> str:
    """The new file, and after it those sections of the old one that the new one has not."""
    sections = _sections(new)
    kept = [text for key, text in _sections(old).items() if key not in sections]
    return "\n".join([new.rstrip("\n"), "", *kept]) + "\n"


def needs_restart(old: Path, new: Path) -> bool:
    """Whether something changed that Asterisk reads only when it starts."""
    if any(_text_of(old / name) != _text_of(new / name) for name in READ_AT_START):
        return True
    transports = [
        [text for (_, kind), text in _sections((each / "pjsip.conf").read_text()).items()
         if kind in ("transport", "system", "global")]
        for each in (old, new)
    ]  # fmt: skip
    return transports[0] != transports[1]


def _text_of(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _sections(text: str) -> dict[tuple[str, str], str]:
    """A file's sections by title and type: PJSIP gives one title to objects of several types."""
    found = {}
    for block in re.split(r"(?m)^(?=\[)", text):
        title = re.match(r"\[([^]]*)\]", block)
        kind = re.search(r"(?m)^type=(\S+)", block)
        if title:
            found[title[1], kind[1] if kind else ""] = block.rstrip("\n") + "\n"
    return found


async def _put_back(place: Place, old: Path, reload: Reload) -> None:
    """What can still be done; the running Asterisk may be the very thing that failed."""
    point_current(place, old)
    for part in (Part.OBJECTS, Part.DIALPLAN):
        with suppress(Exception):
            await reload(part)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(f"{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
    sync_directory(link.parent)


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f"{path.name}.new")
    _write(fresh, text)
    fresh.replace(path)
    sync_directory(path.parent)


def _write(path: Path, text: str) -> None:
    flags, mode = os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600  # passwords stand in some
    fd = os.open(path, flags, mode_in(path.parent, mode))
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


# ---- the proof ----


async def prove(place: Place, site: Site, launch: Launch) -> None:
    """Load the site in an Asterisk of its own and walk it; PublishError says what led astray."""
    stage = place.asterisk / SCRATCH
    shutil.rmtree(stage, ignore_errors=True)
    try:
        with ExitStack() as kept:
            await _prove(place, stage, replace(site, ports=_spare_ports(kept)), launch)
    except (AsteriskError, LinkDown, TimeoutError) as error:
        raise PublishError(f"the proof failed, nothing was changed: {error}") from error
    finally:
        shutil.rmtree(stage, ignore_errors=True)


async def _prove(place: Place, stage: Path, site: Site, launch: Launch) -> None:
    plan = _leading_nowhere(site.plan)
    secrets = secrets_of(place.secrets, plan)
    seen = launch.site / SCRATCH
    paths = Paths(
        seen / "configuration",
        seen,
        launch.prompts,
        launch.modules,
        launch.site / place.sip_certificate.relative_to(place.asterisk),
        launch.site / place.sip_authorities.relative_to(place.asterisk),
    )
    for folder in (*STATE_FOLDERS, "configuration"):
        (stage / folder).mkdir(parents=True)
    for name, text in generate(plan, secrets, site.ports, paths, timing=site.timing).items():
        _write(stage / "configuration" / name, text)
    scratch = Asterisk(launch, f"{SCRATCH}/configuration")
    await scratch.start()
    try:
        async with (
            # Whoever is through to the engine is let go again, as by an exchange that ended.
            await asyncio.start_server(_let_go, "127.0.0.1", site.ports.engine),
            _walker(site.ports, secrets.ami) as walker,
        ):
            await _walk(walker, plan)
    finally:
        await scratch.stop()


def _let_go(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _walk(walker: "_Walker", plan: Plan) -> None:
    for number in plan.emergency_numbers:
        walked = await walker.dial(f"Local/{number}@from-phone/n", "CareLineEmergencyWalk")
        by = " ".join(carriers(plan))
        if (walked.get("Dialled"), walked.get("Trunks")) != (number, by):
            raise PublishError(f"{number} would not reach the emergency centre; nothing changed")
    for line in plan.lines.values():
        context = line_context(plan, line)
        for number in line.numbers:
            tells = fax.CALLED if fax.led_to(plan, line) else "CareLineCall"
            walked = await walker.dial(f"Local/{number}@{context}/n", tells)
            if (walked.get("Line"), walked.get("Dialled")) != (line.name, number):
                raise PublishError(
                    f"{number} would not reach the line {line.name}; nothing changed"
                )


def _leading_nowhere(plan: Plan) -> Plan:
    """The plan with every trunk's far end on this machine, where nothing listens. A card is the
    running Asterisk's alone: here it is a trunk like any other."""
    trunks = {
        name: replace(trunk, host="127.0.0.1", port=9, registers=False, card=None)  # 9: discard
        for name, trunk in plan.trunks.items()
    }
    return replace(plan, trunks=trunks)


def _spare_ports(kept: ExitStack) -> Ports:
    sip, ami, engine, sip_tls, http = free_ports(kept, 5)
    return Ports(sip, ami, engine, rtp_first=9000, rtp_last=9009, sip_tls=sip_tls, http=http)


class _Walker:
    """Calls into the scratch Asterisk, as the self-test line would make them."""

    def __init__(self, ports: Ports, secret: str) -> None:
        self.up = asyncio.Event()
        self._told: asyncio.Queue[Message] = asyncio.Queue()
        self.link = Link(
            "127.0.0.1", ports.ami, AMI_USER, secret, receive=self._receive, changed=self._changed
        )

    async def dial(self, channel: str, until: str) -> Message:
        """The user event of this name that the call leads to."""
        await self.link.send(
            "Originate", ("Channel", channel), ("Application", "Wait"), ("Data", "1"),
            ("Variable", "__SELFTEST=1"), ("Async", "true"),
        )  # fmt: skip
        try:
            async with asyncio.timeout(WALK_WITHIN_S):
                while (message := await self._told.get()).get("UserEvent") != until:
                    pass
        except TimeoutError:
            raise PublishError(
                f"a call to {channel} led nowhere within {WALK_WITHIN_S:g} s; nothing changed"
            ) from None
        return message

    def _receive(self, message: Message) -> None:
        if message.get("Event") == "UserEvent":
            self._told.put_nowait(message)

    def _changed(self, state: LinkState) -> None:
        if state is LinkState.UP:
            self.up.set()


@asynccontextmanager
async def _walker(ports: Ports, secret: str) -> AsyncIterator[_Walker]:
    walker = _Walker(ports, secret)
    linking = asyncio.create_task(walker.link.run())
    try:
        async with asyncio.timeout(WALK_WITHIN_S):
            await walker.up.wait()
        yield walker
    finally:
        linking.cancel()
        with suppress(asyncio.CancelledError):
            await linking
