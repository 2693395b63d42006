"""The box's network on trial, at `careline root`: whatever nobody confirms in time is taken back.

The clock that takes it back runs here, beside the device, so neither page nor exchange nor whoever
has asked is needed for it. A root that ends takes it back before it goes, one that was killed as
soon as it is back, and a power cut leaves nothing of it (hw/network.py).

Whoever is first to settle a trial (the clock, who confirms, who takes it back, our own end) sees it
through, and nobody else has a say in it any more. The device does one thing at a time, and what it
has begun is waited for: a thread that writes files cannot be called off.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any, Literal

import structlog
from pydantic import BaseModel, ConfigDict, Field

from hw.network import Network, NetworkError, Port
from hw.network_files import FIELD_MOST, Wish, understood

WITHIN_S = 90.0
# The answer to whoever asked must be out before their address may be gone.
BEGINS_AFTER_S = 2.0
AGAIN_S = 5.0  # after a return that failed
# How a trial ended: kept, taken back, or it could not be had at all.
Ended = Literal["", "kept", "back", "failed"]

log = structlog.get_logger(__name__)

Text = Annotated[str, Field(max_length=FIELD_MOST)]


class NetworkTrialError(Exception):
    """It cannot be tried, kept or taken back now; the text says why."""


class WishForm(BaseModel):
    """A wish at the door."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    how: Literal["dhcp", "fixed"] = "dhcp"
    address: Text = ""
    gateway: Text = ""
    port: Text = ""
    vlan: Text = ""
    phones_address: Text = ""
    dns: Text = ""
    time: Text = ""
    host_name: Text = ""

    def wish(self) -> Wish:
        return Wish(**self.model_dump())

    @classmethod
    def of(cls, wish: Wish | None) -> "WishForm | None":
        return cls(**asdict(wish)) if wish else None


class PortTold(BaseModel):
    """How one of the machine's ports is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    has_carrier: bool
    state: str
    addresses: tuple[str, ...]
    gateway: str
    dns: tuple[str, ...]

    @classmethod
    def of(cls, port: Port) -> "PortTold":
        return cls(**asdict(port))


class NetworkTold(BaseModel):
    """The network as it is now, for whoever looks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    is_box: bool  # else this machine's network is not ours to change
    in_force: WishForm | None = None
    before: WishForm | None = None
    trial: WishForm | None = None
    left_s: float = 0.0
    ended: Ended = ""  # the last trial since root was started
    ports: tuple[PortTold, ...] = ()
    clock_set_at: float | None = None


NOT_OURS = NetworkTold(is_box=False)


class NetworkTrial:
    """The one trial that there may be."""

    def __init__(
        self,
        device: Network | None,
        enter: Callable[[str], Awaitable[None]],
        *,
        within_s: float = WITHIN_S,
        begins_after_s: float = BEGINS_AFTER_S,
    ) -> None:
        self._device, self._enter = device, enter
        self._within_s, self._begins_after_s = within_s, begins_after_s
        self._wish: Wish | None = None
        self._until_s = 0.0  # monotonic
        self._settled = asyncio.Event()
        self._is_tried = False  # all of it
        self._task: asyncio.Task[None] | None = None
        self._acting = asyncio.Lock()  # the device
        self._ended: Ended = ""
        self._deeds: set[asyncio.Task[object]] = set()

    async def recover(self) -> None:
        """At the start: what an earlier root left on trial has nobody to take it back but us."""
        if self._device is None:
            return
        left = await asyncio.to_thread(self._device.on_trial)
        if left is not None:
            self._wish = left
            self._settled.set()
            await self._return("root was started anew", kept=left)

    async def close(self) -> None:
        """At the end: nobody would take it back after us."""
        await asyncio.gather(*self._deeds, return_exceptions=True)
        running = self._task
        if self._wish is not None and not self._settled.is_set():
            self._settled.set()
            await self._return("root was ended")
        if running is not None:
            await running

    async def told(self) -> NetworkTold:
        """NetworkError: the device says nothing."""
        if self._device is None:
            return NOT_OURS
        return await asyncio.to_thread(self._told, self._device)

    def _told(self, device: Network) -> NetworkTold:
        left_s = max(self._until_s - time.monotonic(), 0.0)
        return NetworkTold(
            is_box=True,
            in_force=WishForm.of(device.in_force()),
            before=WishForm.of(device.before()),
            trial=WishForm.of(self._wish),
            left_s=round(left_s, 1) if self._wish else 0.0,
            ended=self._ended,
            ports=tuple(PortTold.of(port) for port in device.ports()),
            clock_set_at=device.clock_set_at(),
        )

    def begin(self, wish: Wish) -> None:
        """In a moment it is on trial. WishError: it cannot be had."""
        if self._device is None:
            raise NetworkTrialError("this machine's network is not the box's to change")
        if self._wish is not None:
            raise NetworkTrialError("a network is on trial already: confirm it or take it back")
        understood(wish)
        self._wish, self._ended, self._is_tried = wish, "", False
        self._until_s = time.monotonic() + self._begins_after_s + self._within_s
        self._settled = asyncio.Event()
        self._task = asyncio.create_task(self._run(self._device, wish, self._settled))

    async def keep(self) -> None:
        """What is on trial stays."""
        self._pending()
        await self._see_through(self._keep())

    async def _keep(self) -> None:
        async with self._acting:  # what is being tried is there, or has failed, before we decide
            device, wish = self._pending()
            if not self._is_tried:
                raise NetworkTrialError("the network is not changed yet: confirm it in a moment")
            self._settled.set()
        try:
            await self._act(device.keep)
        except Exception as failed:  # whatever it was: nobody else sees to this trial any more
            _tell("network.not kept", failed)
            why = "something failed as the new one was confirmed"
            if await self._return(why, "failed", kept=wish) != "kept":
                raise
        else:
            self._over("kept")

    async def take_back(self) -> None:
        """What was in force before is used again, at once."""
        self._pending()
        self._settled.set()
        await self._see_through(self._return("somebody asked for it"))

    async def _see_through(self, deed: Coroutine[Any, Any, object]) -> None:
        """Whoever asked may give up waiting: what was begun is done all the same, or the trial
        would have nobody any more."""
        task = asyncio.create_task(deed)
        self._deeds.add(task)
        task.add_done_callback(self._deeds.discard)
        await asyncio.shield(task)

    def _pending(self) -> tuple[Network, Wish]:
        if self._device is None or self._wish is None or self._settled.is_set():
            raise NetworkTrialError("no network is on trial: the former one may be back")
        return self._device, self._wish

    async def _run(self, device: Network, wish: Wish, settled: asyncio.Event) -> None:
        if await _comes(settled, self._begins_after_s):
            return
        if not await self._try_out(device, wish, settled):
            return
        if not await _comes(settled, max(self._until_s - time.monotonic(), 0.0)):
            settled.set()
            await self._return("nobody confirmed the new one")

    async def _try_out(self, device: Network, wish: Wish, settled: asyncio.Event) -> bool:
        """Whether it is there now."""
        async with self._acting:
            if settled.is_set():
                return False
            try:
                await asyncio.to_thread(device.try_out, wish)
            except Exception as failed:  # whatever it was: the clock must not stop
                _tell("network.failed", failed)
                if settled.is_set():
                    return False  # whoever was first waits for us, and takes it back
                settled.set()
            else:
                self._is_tried = True
                return True
        await self._return("it could not be had", "failed")
        return False

    async def _return(self, why: str, ended: Ended = "back", kept: Wish | None = None) -> Ended:
        """Until it is done, however often it fails: the clinic may be unable to reach us. What
        somebody has begun to keep may be in force then, and is told as that: how it ended."""
        assert self._device is not None
        while True:
            try:
                await self._act(self._device.take_back)
                stays = kept is not None and await asyncio.to_thread(self._device.in_force) == kept
                break
            except Exception as failed:  # whatever it was, it may be gone the next time
                _tell("network.not back yet", failed)
                await asyncio.sleep(AGAIN_S)
        ended = "kept" if stays else ended
        self._over(ended)
        try:
            which = "the new network stays" if stays else "the former network is back"
            await self._enter(f"{which}: {why}")
        except Exception as failed:  # it is as it is all the same
            _tell("network.unentered", failed)
        return ended

    async def _act(self, deed: Callable[[], None]) -> None:
        async with self._acting:
            await asyncio.to_thread(deed)

    def _over(self, ended: Ended) -> None:
        self._wish, self._ended = None, ended


def _tell(what: str, failed: Exception) -> None:
    """What a machine says is a line; what nobody has thought of has its trace, too."""
    if isinstance(failed, NetworkError | OSError):
        log.warning(what, reason=str(failed))
    else:
        log.exception(what)


async def _comes(event: asyncio.Event, within_s: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await event.wait()
    return event.is_set()
