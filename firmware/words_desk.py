"""Words of the clinic's own, recorded by telephone: sealed like a message while they are spoken,
and opened by the box alone, which must speak them to callers while nobody is there.

They are no patient's, and every caller hears them; so their key is the machine's. It opens nothing
else: messages are sealed to other keys. What is in force is written with the schedule or the
telephone that it belongs to; everything else, be it never kept or run out, is destroyed. A
recording that cannot be opened is stood for by what callers would hear without it.
"""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, assert_never

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError

from firmware import people, pins, topics, vault
from firmware.clips import Clips
from firmware.control import ControlError
from firmware.desk_codes import DeskCodes
from firmware.hours_desk import HoursDesk
from firmware.keys import KeyPair, PublicKey
from firmware.machine import MachineKey
from firmware.place import Place
from firmware.recorder import Kept
from firmware.store import StoreError
from firmware.vault import Label, VaultError
from ivr import commands, events
from ivr.inside import NOT_AVAILABLE
from ivr.own_words import OWN, Kind, recording_of
from ivr.plan import Plan, SnowDay
from routing_core import trim
from routing_core.dtmf import Detector, ToneBegan
from routing_core.media import Clip, Media

# Nobody mistypes more often; a guesser has ten tries of a million in an hour.
WRONG_MOST, WRONG_WITHIN_S = 10, 3600.0
LOOK_EVERY_S = 10.0
RATE_HZ = 8000
# A key that ends the recording is found a few frames after it began to sound.
KEY_BEGAN_BEFORE = RATE_HZ * 40 // 1000
AROUND_MS = 100
# Whatever is wrong with a store or the disk ends no exchange.
UNREADY = (StoreError, SQLAlchemyError, OSError)

log = structlog.get_logger(__name__)


class UnplayableError(Exception):
    """A recording cannot be spoken; the message says why."""


class WordsDesk:
    """The recordings of one running exchange."""

    def __init__(
        self,
        media: Media,
        place: Place,
        plan: Callable[[], Plan],
        key: MachineKey,
        hours: HoursDesk,
        desks: DeskCodes,
        tell: Callable[[events.Event], None],
        live: Callable[[], Collection[str]],
    ) -> None:
        """`live` are the calls that may still keep what they have recorded."""
        self._media, self._place, self._plan = media, place, plan
        self._pair = KeyPair(key.for_own_words())
        self._public = self._pair.public
        self._hours, self._desks = hours, desks
        self._tell, self._live = tell, live
        self._clips: dict[str, Clip] = {}
        self._calls: dict[str, str] = {}  # recording -> the call that made it
        self._keeping: set[str] = set()  # on their way to the store
        self._wrong_at: list[float] = []
        self._looked_at = float("-inf")

    def recipients(self, mailbox: str) -> Sequence[PublicKey]:
        """Whom a recording is sealed to."""
        if mailbox == OWN:
            return [self._public]
        return people.recipients(self._place.page_db, mailbox)

    def open(self, found: Iterable[Label]) -> None:
        """What an exchange before us kept is spoken on; schedules and telephones are known by
        now."""
        self._calls = {label.message: label.call for label in found}
        for message in self._in_force():
            try:
                self._clips[message] = self._media.load(self.samples(message))
            except UnplayableError as why:
                log.warning("a recording cannot be spoken: record it anew", why=str(why))

    # ---- recordings ----

    async def take(self, kept: Kept) -> None:
        """It lies on the disk; what is played back is read from there."""
        message, call = kept.label.message, kept.label.call
        self._calls[message] = call
        try:
            samples = await asyncio.to_thread(self.samples, message)
        except UnplayableError as why:
            self._tell(events.RecordingFailed(call, str(why)))
            return
        if message not in self._calls:
            return  # who recorded it has hung up meanwhile, and it is destroyed
        self._clips[message] = self._media.load(samples)
        self._tell(events.RecordingKept(call, message, kept.seconds))

    def find(self, clips: Clips, language: str, names: tuple[str, ...]) -> list[Clip]:
        """One clip per name, be it a prompt's or a recording's."""
        return [clip for name in names for clip in self._find(clips, language, name)]

    def _find(self, clips: Clips, language: str, name: str) -> list[Clip]:
        recording = recording_of(name)
        if recording is None:
            return clips.find(language, (name,))
        if (own := self._clips.get(recording)) is not None:
            return [own]
        is_greeting = name.startswith(Kind.GREETING)
        # Behind an announcement callers hear what they hear whenever the clinic is closed.
        return clips.find(language, (NOT_AVAILABLE,)) if is_greeting else [clips.silence]

    def samples(self, message: str) -> NDArray[np.int16]:
        """What was said, without the silence around it and the key that ended it."""
        try:
            heard = vault.hear(vault.sealed_path(self._place.messages, message), self._pair)
        except (VaultError, OSError, ValueError) as why:
            raise UnplayableError(str(why)) from why
        samples = np.frombuffer(heard.audio, "<i2").astype(np.int16)
        samples = samples[: _key_at(samples)]
        spans = trim.keeps(samples, around_ms=AROUND_MS) if samples.size else []
        if not spans:
            raise UnplayableError("nothing was said")
        return samples[spans[0][0] : spans[-1][1]]

    # ---- orders ----

    async def perform(self, order: commands.OwnWordsCommand) -> None:
        """What comes of it is an event."""
        match order:
            case commands.CheckPins():
                self._tell(await self._checked(order))
            case commands.SwitchHours(call=call, switches=switches):
                says = [switch.say for switch in switches.values() if switch is not None]
                await self._write(call, says, self._hours.throw(switches))
            case commands.SetGreeting(call=call, extension=extension, name=name):
                await self._write(call, [name], self._desks.set_greeting(extension, name))
            case _:
                assert_never(order)

    async def _write(
        self, call: str, names: Iterable[str | None], work: Coroutine[Any, Any, None]
    ) -> None:
        """Durable before it is told, and not destroyed meanwhile."""
        kept = {recording for name in names if (recording := recording_of(name))}
        self._keeping |= kept
        try:
            await work
        except (ControlError, *UNREADY) as refused:
            log.warning("what was recorded is not in force", why=str(refused))
            self._tell(events.WordsFailed(call))
        else:
            self._tell(events.WordsKept(call))
        finally:
            self._keeping -= kept

    async def _checked(self, order: commands.CheckPins) -> events.PinChecked:
        """Counted before it is known whether it was right: by many calls at once nobody gains a
        try."""
        now = time.monotonic()
        self._wrong_at = [at for at in self._wrong_at if now - at < WRONG_WITHIN_S]
        is_allowed = len(self._wrong_at) < WRONG_MOST
        self._wrong_at.append(now)
        try:
            person = await asyncio.to_thread(
                pins.whose, self._place.page_db, order.people, order.pin
            )
        except UNREADY as unread:
            log.warning("no PIN can be checked: restore page.db from a backup", why=str(unread))
            person = ""
        if person or not is_allowed:
            self._wrong_at.remove(now)
        if not is_allowed:
            log.warning("too many wrong PINs within an hour: none is right until it is over")
            person = ""
        return events.PinChecked(order.call, fits=bool(person), person=person)

    # ---- what is not needed any more ----

    def is_due(self, now: float) -> bool:
        """To be asked every moment; `sweep` is wanted now and then."""
        if now - self._looked_at < LOOK_EVERY_S:
            return False
        self._looked_at = now
        return bool(self._calls)

    async def sweep(self) -> None:
        """Destroy what is in force no more, and what was never kept."""
        needed = self._in_force().keys() | self._keeping
        live = self._live()
        for message, call in list(self._calls.items()):
            if message not in needed and call not in live:
                self._clips.pop(message, None)
                del self._calls[message]
                await asyncio.to_thread(self.destroy, message)

    def destroy(self, message: str) -> None:
        """Nobody can hear it any more."""
        path = vault.sealed_path(self._place.messages, message)
        try:
            _destroyed(path)
        except OSError as why:
            log.warning("a recording could not be destroyed: the next start tries", why=str(why))
        else:
            log.info("a recording that nobody hears any more is destroyed")

    def _in_force(self) -> Mapping[str, str]:
        return {**self._hours.recorded(), **self._desks.recorded()}

    def part(self) -> topics.Part:
        """For the status."""
        in_force = self._in_force()
        mute = [what for message, what in in_force.items() if message not in self._clips]
        if mute:
            return topics.Part(
                name="own words",
                state="warning",
                detail=f"cannot be spoken, so callers hear the standard: {'; '.join(mute)}",
                cure="record it anew by telephone",
            )
        if pinless := self._pinless():
            return topics.Part(
                name="own words",
                state="warning",
                detail=f"no PIN, so nobody can say that it is closed today: {', '.join(pinless)}",
                cure=f"run `careline oncall pin {pinless[0]}`",
            )
        told = "; ".join(in_force.values())
        return topics.Part(
            name="own words", state="well", detail=told or "nothing recorded by telephone"
        )

    def _pinless(self) -> list[str]:
        """Those who might announce a snow day, if none of them can."""
        nodes = (node for flow in self._plan().flows.values() for node in flow.nodes.values())
        named = {person for node in nodes if isinstance(node, SnowDay) for person in node.people}
        try:
            lacking = pins.without(self._place.page_db, sorted(named))
        except UNREADY:
            return []  # another part of the status tells that page.db cannot be read
        return lacking if len(lacking) == len(named) else []


def _key_at(samples: NDArray[np.int16]) -> int:
    """Where a key begins to sound; its echo from a caller's line would count as the caller's."""
    for heard in Detector().feed(samples):
        if isinstance(heard, ToneBegan):
            return max(heard.at_sample - KEY_BEGAN_BEFORE, 0)
    return samples.size


def _destroyed(path: Path) -> None:
    try:
        vault.destroy(path)
    except FileNotFoundError:
        pass
    except VaultError:
        path.unlink()  # it has no keys that could be found
