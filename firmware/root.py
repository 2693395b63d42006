"""`careline root`: the few acts that need more rights than the exchange has, and nothing else.

A UNIX socket takes one typed act per line and answers what came of it. The list is closed, every
field of it a word we wrote ourselves or one that is understood before it is used; each request is
validated again here, whoever sent it, and each that changes something is a line in the audit,
refused ones too. No shell, no network, no state but that of a network on trial. How an act is
carried out is given: by the box's own Asterisk and network, or by the runner's.
"""

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, assert_never

import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from firmware import guard_acts
from firmware.asterisk.sandbox import AsteriskError
from firmware.guard_acts import GuardTold, OfGuard
from firmware.network_trial import BEGINS_AFTER_S, NetworkTold, NetworkTrial, WishForm
from firmware.peer import Peer, peer_of
from firmware.place import SOCKET_PATH_MAX
from hw.network import Network
from hw.packet_filter import PacketFilter

REQUEST_MAX = 4096
REPLY_MAX = 64 * 1024
ACT_WITHIN_S = 30.0
INSTALL_WITHIN_S = 1800.0  # 350 MB onto a slow card
SOCKET_MODE = 0o660

log = structlog.get_logger(__name__)


class Part(StrEnum):
    """What is loaded anew: in a publish, the objects first and the dialplan after them."""

    OBJECTS = "objects"  # phones, trunks, music
    DIALPLAN = "dialplan"


class Act(BaseModel):
    """A request: no field more than it names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReloadAsterisk(Act):
    act: Literal["reload-asterisk"] = "reload-asterisk"
    part: Part


class RestartAsterisk(Act):
    act: Literal["restart-asterisk"] = "restart-asterisk"


class PowerOff(Act):
    """Switch the box off, cleanly: its battery is nearly empty."""

    act: Literal["power-off"] = "power-off"


class LookAtNetwork(Act):
    """What comes of it is a `NetworkTold`, as JSON."""

    act: Literal["look-at-network"] = "look-at-network"


class TryNetwork(Act):
    """For 90 seconds; unless it is kept, the former one is back by itself."""

    act: Literal["try-network"] = "try-network"
    wish: WishForm


class KeepNetwork(Act):
    act: Literal["keep-network"] = "keep-network"


class TakeBackNetwork(Act):
    act: Literal["take-back-network"] = "take-back-network"


class InstallUpdate(Act):
    """Have RAUC write the bundle that waits into the slot that does not run."""

    act: Literal["install-update"] = "install-update"


class RestartBox(Act):
    """So that the primary slot starts."""

    act: Literal["restart-box"] = "restart-box"


OfUpdate = InstallUpdate | RestartBox
OfNetwork = LookAtNetwork | TryNetwork | KeepNetwork | TakeBackNetwork
AnyAct = ReloadAsterisk | RestartAsterisk | PowerOff | OfNetwork | OfGuard | OfUpdate
# Whoever only looks changes nothing, and a screen looks often.
UNENTERED = ("look-at-network", "look-at-guard")
_ACT: TypeAdapter[AnyAct] = TypeAdapter(Annotated[AnyAct, Field(discriminator="act")])


class RootError(Exception):
    """An act was refused or failed; the text says what to do."""


# Asterisk's own command line: what it is told and what it answers.
Asked = Callable[[str], Awaitable[str]]

# How the box's two slots are written and started; None on a machine that is no box.
Updating = Callable[[OfUpdate], Awaitable[str]]

# In the audit: for whom, and which act, or what became of it.
Entered = Callable[[str, str], None]

RELOADS = {
    Part.OBJECTS: ("module reload res_pjsip.so", "module reload res_musiconhold.so"),
    Part.DIALPLAN: ("dialplan reload",),
}


async def carry_out(act: ReloadAsterisk | RestartAsterisk, asterisk: Asked) -> str:
    """Do it; what came of it."""
    match act:
        case ReloadAsterisk(part=part):
            return "\n".join([await asterisk(command) for command in RELOADS[part]])
        case RestartAsterisk():
            return await _restart(asterisk)
        case _:
            assert_never(act)


async def see_to_network(act: OfNetwork, network: NetworkTrial) -> str:
    """The same for the box's network, which is tried before it stays."""
    match act:
        case LookAtNetwork():
            return (await network.told()).model_dump_json()
        case TryNetwork(wish=wish):
            network.begin(wish.wish())
        case KeepNetwork():
            await network.keep()
        case TakeBackNetwork():
            await network.take_back()
        case _:
            assert_never(act)
    return ""


async def _restart(asterisk: Asked) -> str:
    """Until another than the old one answers, known by its age."""
    began = time.monotonic()
    with suppress(AsteriskError):  # it may go before it has answered
        await asterisk("core restart now")
    while True:
        with suppress(AsteriskError):
            age = re.search(r"System uptime: (\d+)", await asterisk("core show uptime seconds"))
            if age and int(age[1]) <= time.monotonic() - began:
                return await asterisk("core waitfullybooted")
        await asyncio.sleep(0.1)


class Root:
    """The service: `serve` until cancelled."""

    def __init__(
        self,
        at: Path,
        asterisk: Asked,
        trusted: frozenset[int],
        entered: Entered,
        network: Network | None = None,
        packets: PacketFilter | None = None,
        *,
        power_off: Callable[[], Awaitable[None]] | None = None,
        update: Updating | None = None,
        begins_after_s: float = BEGINS_AFTER_S,  # a network that is tried
    ) -> None:
        self._at = at
        self._asterisk = asterisk
        self._entered = entered
        self._trusted = trusted  # uids: the services' users, and our own
        self._one_at_a_time = asyncio.Lock()
        self._packets = packets
        self._one_packet_act = asyncio.Lock()
        self._power_off = power_off  # None: this machine is not ours to switch off
        self._update = update
        self._one_update_act = asyncio.Lock()
        self._network = NetworkTrial(network, self._enter_network, begins_after_s=begins_after_s)

    async def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Listen until cancelled; the socket goes with us."""
        if len(os.fsencode(self._at)) > SOCKET_PATH_MAX:
            raise RootError(f"{self._at} is too long for a socket: choose a shorter directory")
        self._at.parent.mkdir(parents=True, exist_ok=True)
        self._at.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._answer, self._at, limit=REQUEST_MAX)
        self._at.chmod(SOCKET_MODE)
        await self._network.recover()
        ready()
        try:
            async with server:
                await server.serve_forever()
        finally:
            self._at.unlink(missing_ok=True)
            await self._network.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            peer = peer_of(writer.get_extra_info("socket"))
            async with asyncio.timeout(ACT_WITHIN_S):
                line = await reader.readline()
            reply = await self._try(line, peer)
        except (TimeoutError, ValueError, OSError) as error:
            reply = Refused(why=f"the request could not be read: {type(error).__name__}")
            log.warning("root.unreadable", reason=type(error).__name__)
        with suppress(OSError):
            writer.write(reply.model_dump_json().encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _try(self, line: bytes, peer: Peer) -> "Done | Refused":
        if peer.uid not in self._trusted:
            log.warning("root.refused", reason="stranger", uid=peer.uid, pid=peer.pid)
            await self._enter(peer, "refused: a stranger")
            return Refused(why=f"the user {peer.uid} may not ask this")
        try:
            act = _ACT.validate_json(line)
        except ValidationError:
            log.warning("root.refused", reason="no such act", uid=peer.uid, pid=peer.pid)
            return Refused(why="there is no such act")
        try:
            said = await self._carry_out(act)
        except Exception as error:  # whatever failed is told and audited; root itself goes on
            log.warning("root.failed", act=act.act, uid=peer.uid, pid=peer.pid, reason=str(error))
            await self._enter(peer, f"{_about(act)}: failed")
            return Refused(why=f"{act.act} failed: {error}")
        if act.act not in UNENTERED:
            log.info("root.done", **act.model_dump(mode="json"), uid=peer.uid, pid=peer.pid)
            await self._enter(peer, _about(act))
        return Done(said=said)

    async def _carry_out(self, act: AnyAct) -> str:
        """A network's 90 seconds do not wait for Asterisk, nor a publish for who only looks."""
        if isinstance(act, OfNetwork):
            async with asyncio.timeout(ACT_WITHIN_S):
                return await see_to_network(act, self._network)
        if isinstance(act, OfGuard):
            async with self._one_packet_act:
                return await guard_acts.see_to_guard(act, self._packets)
        if isinstance(act, OfUpdate):
            if self._update is None:
                raise RootError("this machine does not run from CareLine's image")
            async with self._one_update_act, asyncio.timeout(INSTALL_WITHIN_S):
                return await self._update(act)
        if isinstance(act, PowerOff):
            if self._power_off is None:
                raise RootError("this machine is no box of its own, and stays on")
            await self._power_off()
            return ""
        async with self._one_at_a_time:
            async with asyncio.timeout(ACT_WITHIN_S):
                return await carry_out(act, self._asterisk)

    async def _enter(self, peer: Peer, about: str) -> None:
        await self._enter_for(f"root, for {peer.user}", about)

    async def _enter_network(self, about: str) -> None:
        await self._enter_for("root", about)

    async def _enter_for(self, whom: str, about: str) -> None:
        """What root does is done also where it cannot be entered: it may be what helps."""
        try:
            await asyncio.to_thread(self._entered, whom, about)
        except OSError as refused:
            log.warning("root.unentered", reason=str(refused))


def _about(act: AnyAct) -> str:
    """In the audit's words."""
    return guard_acts.about(act) if isinstance(act, OfGuard) else act.act


async def switched_off() -> None:
    """By systemd, which ends every service first. RootError: it does not."""
    running = await asyncio.create_subprocess_exec("systemctl", "--no-block", "poweroff")
    if await running.wait() != 0:
        raise RootError("systemctl poweroff failed: look at the journal")


class Done(Act):
    """The act was carried out."""

    said: str


class Refused(Act):
    """It was not."""

    why: str


_REPLY: TypeAdapter[Done | Refused] = TypeAdapter(Done | Refused)


async def ask(at: Path, act: AnyAct, within_s: float = ACT_WITHIN_S) -> str:
    """Have an act carried out by the root that listens there; what came of it."""
    try:
        reader, writer = await asyncio.open_unix_connection(at, limit=REPLY_MAX)
    except OSError as error:
        raise RootError(
            f"careline root does not answer at {at} ({error.strerror}): start it, or `make run`"
        ) from error
    try:
        writer.write(act.model_dump_json().encode() + b"\n")
        async with asyncio.timeout(within_s + 5):
            line = await reader.readline()
    finally:
        writer.close()
    match _REPLY.validate_json(line):
        case Done(said=said):
            return said
        case Refused(why=why):
            raise RootError(f"careline root refused: {why}")


async def network_of(at: Path) -> NetworkTold:
    """The box's network as it is now. RootError: root does not answer, or cannot say."""
    return NetworkTold.model_validate_json(await ask(at, LookAtNetwork()))


async def guard_of(at: Path) -> GuardTold:
    """The guard as it is now. RootError: root does not answer, or cannot say."""
    return GuardTold.model_validate_json(await ask(at, guard_acts.LookAtGuard()))


def reloading(at: Path) -> Callable[[Part], Awaitable[str]]:
    """How a publish has parts of Asterisk loaded anew."""

    def reload(part: Part) -> Awaitable[str]:
        return ask(at, ReloadAsterisk(part=part))

    return reload
