"""What `careline root` does for the guard: strangers are paced at the telephones' ports, one is
blocked, one is let in again. Each field is understood again here, whoever asks: no block is longer
than the rule's longest or for another reason than its reasons, and none is of the clinic's own
network.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated, Literal, assert_never

from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, IPvAnyNetwork

from firmware.guard_rule import Sign
from hw.packet_filter import NEARBY, FilterError, Net, PacketFilter, is_among

Port = Annotated[int, Field(ge=1, le=65535)]
# A line's company has a handful of addresses; a net of them is no wider than these.
SPARED_MOST = 64
WIDEST_SPARED = {4: 16, 6: 48}


class GuardAct(BaseModel):
    """A request: no field more than it names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ArrangeGuard(GuardAct):
    """What comes of it is a `GuardTold`, as JSON."""

    act: Literal["arrange-guard"] = "arrange-guard"
    ports: Annotated[tuple[Port, ...], Field(min_length=1, max_length=2)]
    spared: Annotated[tuple[IPvAnyNetwork, ...], Field(max_length=SPARED_MOST)]


class LookAtGuard(GuardAct):
    """What comes of it is a `GuardTold`, as JSON."""

    act: Literal["look-at-guard"] = "look-at-guard"


class BlockAddress(GuardAct):
    act: Literal["block"] = "block"
    address: IPvAnyAddress
    for_s: Literal[600, 3600, 86400]
    sign: Sign


class UnblockAddress(GuardAct):
    act: Literal["unblock"] = "unblock"
    address: IPvAnyAddress


OfGuard = ArrangeGuard | LookAtGuard | BlockAddress | UnblockAddress


class BlockTold(GuardAct):
    address: IPvAnyAddress
    for_s: int
    left_s: int
    why: str

    @property
    def left(self) -> str:
        """Hours, minutes and seconds."""
        return str(timedelta(seconds=self.left_s))


class GuardTold(GuardAct):
    """The guard as it is."""

    is_box: bool  # else this machine's packet filter is left alone
    spared: tuple[IPvAnyNetwork, ...] = ()
    blocks: tuple[BlockTold, ...] = ()


async def see_to_guard(act: OfGuard, device: PacketFilter | None) -> str:
    """Do it; what came of it. FilterError: it is not done."""
    return await asyncio.to_thread(_done, act, device)


def about(act: OfGuard) -> str:
    """For the audit: what was done, and to whom."""
    match act:
        case BlockAddress(address=address, for_s=for_s, sign=sign):
            return f"block {address} for {for_s // 60} min: {sign}"
        case UnblockAddress(address=address):
            return f"unblock {address}"
        case _:
            return act.act


def _done(act: OfGuard, device: PacketFilter | None) -> str:
    if isinstance(act, LookAtGuard | ArrangeGuard):
        return _looked_at(act, device).model_dump_json()
    if device is None:
        raise FilterError("this machine's packet filter is not the box's: it is left alone")
    match act:
        case BlockAddress(address=address, for_s=for_s, sign=sign):
            if is_among(address, never_blocked(device)):
                raise FilterError("the clinic's own network is never blocked")
            device.block(address, for_s, sign)
        case UnblockAddress(address=address):
            device.unblock(address)
        case _:
            assert_never(act)
    return ""


def _looked_at(act: LookAtGuard | ArrangeGuard, device: PacketFilter | None) -> GuardTold:
    if device is None:
        return GuardTold(is_box=False)
    spared: Sequence[Net] = ()
    if isinstance(act, ArrangeGuard):
        _no_wider_than_it_may(act.spared)
        spared = (*never_blocked(device), *act.spared)
        device.arrange(act.ports, spared)
    blocks = tuple(
        BlockTold(address=one.address, for_s=one.for_s, left_s=one.left_s, why=one.why)
        for one in device.blocks()
    )
    return GuardTold(is_box=True, spared=tuple(ip_network(one) for one in spared), blocks=blocks)


def _no_wider_than_it_may(spared: Sequence[Net]) -> None:
    wide = [str(net) for net in spared if net.prefixlen < WIDEST_SPARED[net.version]]
    if wide:
        raise FilterError(f"{wide[0]} is too wide to be spared")


def never_blocked(device: PacketFilter) -> tuple[Net, ...]:
    """This box and the networks around it."""
    return (*NEARBY, *device.own_nets())
