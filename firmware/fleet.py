"""Many boxes looked at from one computer: each by ssh, all at the same time, each with a deadline
of its own. A box that cannot be reached says so in its line and keeps no other waiting.

The list is a TOML file: `[boxes.elm-street]` with `host`, and `port` if it is not 22.
"""

import asyncio
import json
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field, ValidationError

from firmware.control import Strict
from firmware.watched_words import CRITICAL, OK, SAID, UNKNOWN, WARNING
from firmware.watching import Watched

WITHIN_S = 15.0
BOXES_MOST = 500
AT_ONCE = 16
TOLD_MOST = 64 * 1024
# A first `-` would be an option of ssh.
HOST = r"^[A-Za-z0-9:][A-Za-z0-9.:_-]{0,252}$"
SSH = ("ssh", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10",
       "-o", "ClearAllForwardings=yes", "-o", "ForwardAgent=no")  # fmt: skip
UNREACHED = 255  # ssh's own status
BADNESS = (OK, WARNING, UNKNOWN, CRITICAL)


class BoxForm(Strict):
    """Where one of them is."""

    host: Annotated[str, Field(pattern=HOST)]
    port: Annotated[int, Field(ge=1, le=65_535)] = 22


class FleetForm(Strict):
    """All of them."""

    boxes: Annotated[dict[str, BoxForm], Field(min_length=1, max_length=BOXES_MOST)]


class FleetError(Exception):
    """The list cannot be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one look; `why` where nothing was told."""

    name: str
    status: int
    told: Watched | None
    why: str = ""

    @property
    def said(self) -> str:
        return SAID[self.status]

    @property
    def unwell(self) -> str:
        """What is not well, in words of closed lists."""
        if self.told is None:
            return self.why
        return ", ".join(f"{each.kind} {each.state}" for each in self.told.parts
                         if each.state != "well")  # fmt: skip


def read(text: str) -> dict[str, BoxForm]:
    """The boxes of a list by their names."""
    try:
        return FleetForm.model_validate(tomllib.loads(text)).boxes
    except tomllib.TOMLDecodeError as wrong:
        raise FleetError(f"it is no TOML: {wrong}") from None
    except ValidationError as wrong:
        first = wrong.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise FleetError(f'{where}: {first["msg"]}; as in [boxes.elm] host = "10.0.0.5"') from (
            None
        )


async def look(
    boxes: dict[str, BoxForm], within_s: float = WITHIN_S, ssh: tuple[str, ...] = SSH
) -> list[Seen]:
    """All of them, in the order of the list."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, box: BoxForm) -> Seen:
        async with places:
            return await _look(name, box, within_s, ssh)

    return list(await asyncio.gather(*(one(*each) for each in boxes.items())))


def worst(seen: Iterable[Seen]) -> int:
    """One status for all: an alarm before a box that nobody can ask, that before a warning."""
    return max((each.status for each in seen), key=BADNESS.index, default=UNKNOWN)


async def _look(name: str, box: BoxForm, within_s: float, ssh: tuple[str, ...]) -> Seen:
    asked = (*ssh, "-p", str(box.port), "-l", "monitor", "--", box.host)
    try:
        process = await asyncio.create_subprocess_exec(
            *asked, "status --json", stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)  # fmt: skip
    except FileNotFoundError:
        return Seen(name, UNKNOWN, None, "there is no ssh on this computer")
    try:
        async with asyncio.timeout(within_s):
            told, complained = await process.communicate()
    except TimeoutError:
        return Seen(name, UNKNOWN, None, f"no answer within {within_s:g} s")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == UNREACHED:
        return Seen(name, UNKNOWN, None, _last(complained) or "cannot be reached")
    return read_look(name, told)


def read_look(name: str, told: bytes) -> Seen:
    """What a box said, believed only where it has the closed form."""
    try:
        said = json.loads(told[:TOLD_MOST])
        status, figures = said["status"], said["told"]
        if figures is None and status == CRITICAL:
            return Seen(name, CRITICAL, None, "no exchange answers")
        if figures is None:
            return Seen(name, UNKNOWN, None, "it did not say")
        watched = Watched.model_validate_json(json.dumps(figures))
    except (ValueError, KeyError, TypeError):
        return Seen(name, UNKNOWN, None, "answers, but as no box of ours does")
    return Seen(name, {"well": OK, "warning": WARNING, "alarm": CRITICAL}[watched.state], watched)


def _last(complained: bytes) -> str:
    """ssh's own last words, without what a terminal obeys."""
    lines = complained.decode("utf-8", "replace").strip().splitlines()
    return re.sub(r"[^\x20-\x7e]", " ", lines[-1])[:120] if lines else ""
