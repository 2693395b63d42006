"""The guard of one running exchange: strangers who try names or passwords at the telephones' ports
are answered with silence for a while.

Asterisk tells who knocks, by a session of its own; the rule (`guard_rule`) says who is blocked;
`careline root` does it in the kernel, where the paces of strangers stand too and hold without us. A
flood costs the exchange little: of each address at most one block is asked for at a time, and the
asking is a task of its own. Nothing here carries calls: what fails is told in the status, and tried
again.
"""

import asyncio
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path

import structlog

from firmware import root, topics
from firmware.asterisk.link import Link, LinkState
from firmware.asterisk.strangers import GUARD_USER, knock_of
from firmware.asterisk.wire import Message
from firmware.guard_acts import ArrangeGuard, BlockAddress, GuardTold
from firmware.guard_rule import MOST, Blocked, GuardRule, Told
from firmware.root import RootError
from hw.packet_filter import NEARBY, Address, Net, is_among
from ivr.plan import Plan

# A company's name may get another address, and somebody may have emptied the kernel's tables.
LOOK_EVERY_S = 300.0
AGAIN_S = 10.0
# So long after the last block the clinic is told that somebody knocks.
GOES_ON_S = 600.0

log = structlog.get_logger(__name__)

Addresses = Callable[[str], Sequence[Address]]
SAID_OF = (RootError, TimeoutError, OSError, ValueError)


def addresses_of(host: str) -> Sequence[Address]:
    """What its name leads to now. OSError: nobody can say."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    return [ip_address(str(at[0]).partition("%")[0]) for *_, at in found]


class Guard:
    """It blocks through the root that listens at `root_socket`."""

    def __init__(
        self,
        root_socket: Path,
        plan: Callable[[], Plan],
        *,
        ami: int,  # Asterisk's manager, on loopback
        secret: str,
        sip: tuple[int, ...],
        clock: Callable[[], float] = time.monotonic,
        resolve: Addresses = addresses_of,
        again_s: float = AGAIN_S,
    ) -> None:
        self._root, self._plan, self._sip = root_socket, plan, sip
        self._clock, self._resolve, self._again_s = clock, resolve, again_s
        self._rule = GuardRule(NEARBY)
        self._known: dict[str, Sequence[Net]] = {}  # of each company's name, where it was last
        self._blocks: OrderedDict[Address, Blocked] = OrderedDict()  # not done yet
        self._wanted = asyncio.Event()
        self._guarded: GuardTold | None = None  # as root told it last
        self._fault = ""
        self._blocked_at: float | None = None
        self._told: tuple[float, Told] | None = None
        self._link = Link(
            "127.0.0.1", ami, GUARD_USER, secret, receive=self.heard, changed=_changed
        )

    async def run(self) -> None:
        """Until cancelled."""
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                await self._arrange()
                until = self._clock() + (self._again_s if self._fault else LOOK_EVERY_S)
                while (left_s := until - self._clock()) > 0:
                    await self._see_to_blocks(left_s)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def heard(self, event: Message) -> None:
        """One of Asterisk's events."""
        knock = knock_of(event)
        verdict = None if knock is None else self._rule.knocked(*knock, self._clock())
        match verdict:
            case Blocked():
                self._blocked_at = self._clock()
                self._blocks[verdict.address] = verdict
                if len(self._blocks) > MOST:
                    self._blocks.popitem(last=False)
                self._wanted.set()
            case Told():
                self._told = (self._clock(), verdict)
                log.warning("guard.told", address=str(verdict.address), sign=verdict.sign)
            case _:
                pass

    def part(self) -> topics.Part:
        """For the status."""
        now = self._clock()
        is_knocked = self._blocked_at is not None and now - self._blocked_at < GOES_ON_S
        if is_knocked and self._fault:
            return topics.Part(
                name="guard",
                state="alarm",
                detail=f"somebody tries names or passwords and cannot be blocked: {self._fault}",
                cure="have the box's guard started again, or take the box off the internet",
            )
        if is_knocked:
            return topics.Part(
                name="guard",
                state="warning",
                detail="somebody outside tries names or passwords, and is blocked",
                cure="close the telephones' ports at the router; the blocks end by themselves",
            )
        if self._told is not None and now - self._told[0] < GOES_ON_S:
            _, told = self._told
            return topics.Part(
                name="guard",
                state="warning",
                detail=f"{told.address} in the clinic's own network tries {told.sign}",
                cure="give that telephone its password again; it is not blocked",
            )
        if self._link.state is LinkState.REFUSED:
            return topics.Part(
                name="guard",
                state="warning",
                detail="the telephone switch does not tell who knocks: nobody is blocked",
                cure="publish the site again, which lets the guard in there",
            )
        return topics.Part(name="guard", state="well", detail=self._how())

    def _how(self) -> str:
        if self._guarded is None:
            return f"nobody is blocked: {self._fault or 'not arranged yet'}"
        if not self._guarded.is_box:
            return "this machine's packet filter is not the box's, and left alone"
        return "strangers are paced, and blocked where they guess"

    async def _listen(self) -> None:
        """A fault of ours in reading strangers must not end the exchange."""
        while True:
            try:
                await self._link.run()
            except Exception as fault:
                log.exception("guard.listening", reason=type(fault).__name__)
                await asyncio.sleep(AGAIN_S)

    async def _arrange(self) -> None:
        """The kernel's table, as the site file in force would have it."""
        spared = await asyncio.to_thread(self._companies)
        try:
            said = await root.ask(self._root, ArrangeGuard(ports=self._sip, spared=spared))
            self._guarded = GuardTold.model_validate_json(said)
        except SAID_OF as no:
            self._is_at_fault(str(no) or type(no).__name__)
            return
        self._fault = ""
        never = (*NEARBY, *self._guarded.spared, *spared)
        self._rule.spare(never)
        for address in [each for each in self._blocks if is_among(each, never)]:
            del self._blocks[address]

    def _companies(self) -> tuple[Net, ...]:
        """Where the lines' companies are; one whose name nobody knows now, where it was."""
        trunks = self._plan().trunks.values()
        hosts = {trunk.host for trunk in trunks if trunk.card is None}
        for host in hosts:
            try:
                self._known[host] = tuple(ip_network(at) for at in self._resolve(host))
            except (OSError, ValueError) as unknown:
                log.warning("guard.company", reason=type(unknown).__name__)
        found = (net for host in sorted(hosts) for net in self._known.get(host, ()))
        written = (ip_network(net) for trunk in trunks for net in trunk.calls_from)
        return tuple(dict.fromkeys((*found, *written)))

    async def _see_to_blocks(self, within_s: float) -> None:
        """Those that came within this time, the first first; one that fails is tried again."""
        try:
            async with asyncio.timeout(within_s):
                await self._wanted.wait()
        except TimeoutError:
            return
        self._wanted.clear()
        while self._blocks:
            block = next(iter(self._blocks.values()))
            try:
                await self._block(block)
            except SAID_OF as no:
                self._is_at_fault(str(no) or type(no).__name__)
                self._blocks.move_to_end(block.address)  # the others need not wait for it
                await asyncio.sleep(self._again_s)
                await self._arrange()
            else:
                self._fault = ""
                self._blocks.pop(block.address, None)

    async def _block(self, block: Blocked) -> None:
        if self._guarded is not None and not self._guarded.is_box:
            return
        wish = BlockAddress.model_validate(
            {"address": block.address, "for_s": block.for_s, "sign": block.sign}
        )
        await root.ask(self._root, wish)
        log.warning("guard.blocked", for_s=block.for_s, sign=block.sign)

    def _is_at_fault(self, why: str) -> None:
        if why != self._fault:
            log.warning("guard.fault", reason=why)
        self._fault = why


def _changed(state: LinkState) -> None:
    log.info("guard.link", state=state)
