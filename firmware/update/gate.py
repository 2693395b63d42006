"""The health gate: what a version must show on this box before it stays.

Its configuration loads in an Asterisk of its own, where each emergency number is walked and no call
leaves the box; a call on the self-test line comes through menu and queue to a telephone, another
leaves a message; what is sealed plays again; the page answers; and every block of the programs is
read, which are checked as they are read. Nobody's telephone rings, and no line is dialled. A box
that is not set up yet has a page and its programs, and nothing else to show.
"""

import asyncio
import ssl
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from firmware import backup, backup_keys, settings, topics, vault
from firmware.asterisk import publish
from firmware.asterisk.publish import PublishError
from firmware.asterisk.sandbox import AsteriskError, launch_for
from firmware.control import ControlError, ask_async
from firmware.doctor.findings import Colour, Finding
from firmware.place import Place
from firmware.ports import ports_of
from firmware.selftest import SelfTestRequest
from firmware.store import StoreError
from firmware.tested_call import TO_A_MESSAGE, TO_A_PHONE, outcomes
from firmware.vault import VaultError
from ivr.commands import Outcome

UP_WITHIN_S = 240.0  # an emulated box takes a minute and a half
LOOK_S = 1.0
CALL_WITHIN_S = 60.0
PAGE_WITHIN_S = 30.0
BLOCK = 1 << 20
HTTPS = 443
CURE = "the former version returns by itself; send the journal to your technician"
# What may fail in a look, and is a finding.
FAILS = (
    AsteriskError, ControlError, OSError, PublishError, StoreError, TimeoutError, VaultError,
    settings.SiteFaults, ValueError,
)  # fmt: skip


class UnhealthyError(Exception):
    """What was looked at is not as it should be."""


@dataclass(frozen=True, slots=True)
class Box:
    """What is looked at."""

    place: Place
    programs: Path | None  # the device, each block of which is checked as it is read
    https_port: int = HTTPS
    up_within_s: float = UP_WITHIN_S

    @property
    def is_set_up(self) -> bool:
        return self.place.site_file.exists()


Told = Callable[[Finding], object]


async def examined(box: Box, told: Told = lambda _finding: None) -> list[Finding]:
    """All of it, each told as it is found; what one look finds ends no other."""
    looks: list[tuple[str, Callable[[], Awaitable[str]]]] = [
        ("the programs", partial(_programs, box)),
        ("the clinic's page", partial(_page, box)),
    ]
    if box.is_set_up:
        looks += [
            ("the configuration and 911", partial(_configuration, box)),
            ("a call to a telephone", partial(_call, box, TO_A_PHONE, Outcome.ANSWERED)),
            ("a call that leaves a message", partial(_call, box, TO_A_MESSAGE, Outcome.MESSAGE)),
            ("a sealed message that plays", partial(_playback, box)),
        ]
    found = []
    for about, look in looks:
        try:
            finding = Finding(about, Colour.GREEN, await look())
        except (UnhealthyError, *FAILS) as wrong:
            said = str(wrong).strip() or type(wrong).__name__
            finding = Finding(about, Colour.RED, said.splitlines()[0], CURE)
        told(finding)
        found.append(finding)
    return found


async def _programs(box: Box) -> str:
    if box.programs is None:
        return "not read: this machine does not run from CareLine's image"
    size = await asyncio.to_thread(_read_whole, box.programs)
    return f"all {size / 1e6:.0f} MB of them can be read"


def _read_whole(device: Path) -> int:
    """OSError: a block is not what it was, and the box did not stop at once for it."""
    size = 0
    with device.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            size += len(block)
    return size


async def _page(box: Box) -> str:
    async with asyncio.timeout(box.up_within_s):
        while True:
            with suppress(OSError):
                status = await asyncio.to_thread(_asked, box.https_port)
                break
            await asyncio.sleep(LOOK_S)
    if status >= 500:
        raise UnhealthyError(f"it answers with {status}")
    return "it answers"


def _asked(port: int) -> int:
    """By its own certificate, which only browsers of the clinic trust."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    try:
        with urllib.request.urlopen(
            f"https://127.0.0.1:{port}/", timeout=PAGE_WITHIN_S, context=anybody
        ) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as answered:
        return answered.code


async def _configuration(box: Box) -> str:
    file = box.place.site_file.resolve()
    text, beside = file.read_text("utf-8"), settings.beside(file)
    plan = settings.read(text, beside)
    site = publish.Site(text, plan, ports_of(box.place))
    await publish.prove(box.place, site, launch_for(box.place))
    walked = ", ".join(plan.emergency_numbers)
    return f"a scratch Asterisk loads it, and {walked} lead where they should"


async def _call(box: Box, request: SelfTestRequest, wanted: Outcome) -> str:
    await _until_up(box)
    ended = await outcomes(box.place.control_socket, request, CALL_WITHIN_S)
    if ended != [str(wanted)]:
        raise UnhealthyError(f"it ended as {', '.join(ended)}, and not as {wanted}")
    return f"it ended as {wanted}"


async def _until_up(box: Box) -> None:
    """The exchange and its Asterisk, which may have begun just now."""
    async with asyncio.timeout(box.up_within_s):
        while True:
            with suppress(ControlError, OSError):
                socket = box.place.control_socket
                reply = await ask_async(socket, topics.STATUS, topics.StatusRequest())
                if not any(
                    each.name == "asterisk" and each.state == "alarm" for each in reply.parts
                ):
                    return
            await asyncio.sleep(LOOK_S)


async def _playback(box: Box) -> str:
    return await asyncio.to_thread(_played, box.place)


def _played(place: Place) -> str:
    """As a caller's is sealed, and opened by the box's own key for this, and no other."""
    with TemporaryDirectory(prefix="gate-", dir=place.run) as folder:
        sealed = backup.sealed_canary(place, Path(folder), datetime.now(UTC))
        heard = vault.hear(sealed, backup_keys.of_drill(place).canary)
    if heard.audio != backup.canary_sound(sealed.stem) or heard.cut_off:
        raise UnhealthyError("it opens, and does not sound as it should")
    return "it sounds as it was spoken"
