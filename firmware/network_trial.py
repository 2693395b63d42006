"""The box's network on trial, at `careline root`: whatever nobody confirms in time is taken back.

The clock that takes it back runs here, beside the device, so neither page nor exchange nor whoever
has asked is needed for it. A root that ends takes it back before it goes, one that was killed as
soon as it is back, and a power cut leaves nothing of it (hw/network.py).
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
        self._task: asyncio.Task[None] | None = None
        self._ended: Ended = ""
        self._deeds: set[asyncio.Task[None]] = set()

    async def recover(self) -> None:
        """At the start: what an earlier root left on trial has nobody to take it back but us."""
        if self._device is not None and await asyncio.to_thread(self._device.on_trial) is not None:
            await self._return("root was started anew")

    async def close(self) -> None:
        """At the end: nobody would take it back after us."""
        await asyncio.gather(*self._deeds, return_exceptions=True)
        if self._task is not None and not self._task.done():
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            await self._return("root was ended")

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
        self._wish, self._ended = wish, ""
        self._until_s = time.monotonic() + self._begins_after_s + self._within_s
        self._settled = asyncio.Event()
        self._task = asyncio.create_task(self._run(self._device, wish))

    async def keep(self) -> None:
        """What is on trial stays."""
        device = self._pending()
        if await asyncio.to_thread(device.on_trial) is None:
            raise NetworkTrialError("the network is not changed yet: confirm it in a moment")
        await self._see_through(self._keep(device))

    async def _keep(self, device: Network) -> None:
        self._settled.set()  # from here on the clock leaves it to us
        try:
            await asyncio.to_thread(device.keep)
        except (NetworkError, OSError):
            await self._return("the new one could not be kept", "failed")
            raise
        self._over("kept")

    async def take_back(self) -> None:
        """What was in force before is used again, at once."""
        self._pending()
        await self._see_through(self._return("somebody asked for it"))

    async def _see_through(self, deed: Coroutine[Any, Any, None]) -> None:
        """Whoever asked may give up waiting: what was begun is done all the same, or the trial
        would have nobody any more."""
        task = asyncio.create_task(deed)
        self._deeds.add(task)
        task.add_done_callback(self._deeds.discard)
        await asyncio.shield(task)

    def _pending(self) -> Network:
        if self._device is None or self._wish is None or self._settled.is_set():
            raise NetworkTrialError("no network is on trial: the former one may be back")
        return self._device

    async def _run(self, device: Network, wish: Wish) -> None:
        await asyncio.sleep(self._begins_after_s)
        if self._settled.is_set():
            return
        try:
            await asyncio.to_thread(device.try_out, wish)
        except (NetworkError, OSError) as failed:
            log.warning("network.failed", reason=str(failed))
            await self._return("it could not be had", "failed")
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._settled.wait(), max(self._until_s - time.monotonic(), 0.0))
        if not self._settled.is_set():
            await self._return("nobody confirmed the new one")

    async def _return(self, why: str, ended: Ended = "back") -> None:
        """Until it is done, however often it fails: the clinic may be unable to reach us."""
        assert self._device is not None
        self._settled.set()
        while True:
            try:
                await asyncio.to_thread(self._device.take_back)
                break
            except (NetworkError, OSError) as failed:
                log.warning("network.not back yet", reason=str(failed))
                await asyncio.sleep(AGAIN_S)
        self._over(ended)
        await self._enter(f"the former network is back: {why}")

    def _over(self, ended: Ended) -> None:
        self._wish, self._ended = None, ended
