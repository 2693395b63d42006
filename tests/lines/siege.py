"""The story of a clinic that strangers besiege, in a network of its own that ends with this
program: `python -m tests.lines.siege HOME SECONDS`, started in fresh namespaces, prints its figures
as JSON.

The box and a neighbour are two ends of one virtual cable. Behind the neighbour, in a network that
is routed and so a stranger's, somebody scans and then floods; at the neighbour itself, in the
clinic's own network, a desk telephone has an old password. Meanwhile two desks talk, and 911 is
dialled at the simulated telephone company. The exchange and `careline root --guard` are the real
ones, and so is the kernel's packet filter, of this network alone.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from firmware import audit, rehearsal, root, topics
from firmware.asterisk import publish
from firmware.asterisk.telco import Answers
from firmware.control import ask_async
from firmware.guard_acts import UnblockAddress
from firmware.ports import keep_ports
from firmware.rehearsal import Rehearsal
from firmware.root import RootError
from firmware.store import open_reader
from tests.system import ear

BOX, NEIGHBOUR, STRANGER = "10.66.0.1", "10.66.0.2", "203.0.113.66"
SCANNER = "203.0.113.99"
SIPVICIOUS = "203.0.113.100"
GUESSER = "203.0.113.101"
SAID_HZ = 2900
WITHIN_S = 30.0
MOST_911 = 20
LONG_S = 20.0  # a siege of so long is the long form


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=WITHIN_S)


@contextmanager
def outside() -> Iterator[int]:
    """The neighbour's network, and the strangers' behind it: the process that holds it."""
    run("ip", "link", "set", "lo", "up")
    held = subprocess.Popen(("unshare", "--net", "cat"), stdin=subprocess.PIPE)
    try:
        here = Path("/proc/self/ns/net").stat().st_ino
        end = time.monotonic() + WITHIN_S
        while Path(f"/proc/{held.pid}/ns/net").stat().st_ino == here and time.monotonic() < end:
            os.sched_yield()
        run(
            "ip",
            "link",
            "add",
            "box",
            "type",
            "veth",
            "peer",
            "name",
            "far",
            "netns",
            f"{held.pid}",
        )
        run("ip", "address", "add", f"{BOX}/24", "dev", "box")
        run("ip", "link", "set", "box", "up")
        there = ("nsenter", "--target", str(held.pid), "--net", "ip")
        run(*there, "link", "set", "lo", "up")
        run(*there, "link", "set", "far", "up")
        run(*there, "address", "add", f"{NEIGHBOUR}/24", "dev", "far")
        for one in (STRANGER, SCANNER, SIPVICIOUS, GUESSER):
            run(*there, "address", "add", f"{one}/32", "dev", "far")
        run("ip", "route", "add", "203.0.113.0/24", "via", NEIGHBOUR)
        yield held.pid
    finally:
        held.kill()
        held.wait()


async def knock(held: int, what: str, port: int, seconds: float, me: str) -> dict[str, Any]:
    """What somebody out there sent, and what they were answered."""
    inside = (
        "nsenter",
        "--target",
        str(held),
        "--net",
        sys.executable,
        "-m",
        "tests.lines.strangers",
    )
    process = await asyncio.create_subprocess_exec(
        *inside, what, BOX, str(port), str(seconds), me, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    told: dict[str, Any] = json.loads(said)
    return told


async def sipvicious(held: int, clinic: Rehearsal) -> dict[str, str]:
    """What its tools say of us, where this machine has them: `make proof-guard` does."""
    from_there = ("-p", str(clinic.site.ports.sip), "-b", SIPVICIOUS, "-x", SIPVICIOUS)
    said: dict[str, str] = {}
    for tool, *more in (("svcrack", "-u101", "-r1000-1050"), ("svwar", "-e100-110"), ("svmap",)):
        if shutil.which(tool) is None:
            continue
        process = await asyncio.create_subprocess_exec(
            *("nsenter", "--target", str(held), "--net", "timeout", "15", tool),
            *(*from_there, *more, BOX),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"HOME": str(clinic.place.home)},
        )
        out, _ = await process.communicate()
        said[tool] = out.decode("utf-8", "replace")[-1500:]
    return said


def everywhere(clinic: Rehearsal) -> Rehearsal:
    """The same, whose Asterisk listens at all addresses, as a box's does."""
    ports = replace(clinic.site.ports, sip_address="0.0.0.0")  # noqa: S104 - our own namespace
    site = replace(clinic.site, ports=ports)
    publish.install(clinic.place, site, clinic.launch)
    keep_ports(clinic.place, ports)
    return replace(clinic, site=site)


def cpu_s(pid: int) -> float:
    """What a process has computed so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def blocked(clinic: Rehearsal, who: str, within_s: float) -> float | None:
    """When the kernel had it, on the monotonic clock."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        told = await root.guard_of(clinic.place.root_socket)
        if who in {str(one.address) for one in told.blocks}:
            return time.monotonic()
    return None


async def arranged(clinic: Rehearsal) -> None:
    """Until the exchange has had the kernel's table made."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            with suppress(RootError):
                await root.guard_of(clinic.place.root_socket)
                return


async def status_of(clinic: Rehearsal) -> topics.StatusReply:
    return await ask_async(clinic.place.control_socket, topics.STATUS, topics.StatusRequest())


def entered(clinic: Rehearsal) -> list[str]:
    """What the audit has of root's acts, and then what waits for it: the exchange takes that in
    once a minute."""
    reader = open_reader(clinic.place.calls_db)
    with reader.connect() as connection:
        acts = [one.about for one in audit.read(connection) if one.act == audit.Act.BY_ROOT]
    reader.dispose()
    waiting = sorted(clinic.place.audit_spool.glob("*.json"))
    return acts + [str(json.loads(each.read_text("utf-8"))["about"]) for each in waiting]


async def emergency_s(clinic: Rehearsal) -> float:
    """From the dialling of 911 until the telephone company's centre has answered."""
    began = time.monotonic()
    call = await clinic.telco.dial("104", "911")
    took = await asyncio.wait_for(asyncio.shield(call.answered), WITHIN_S) - began
    await call.hang_up()
    return took


async def packets(clinic: Rehearsal, call: str) -> tuple[int, int]:
    """Of what a telephone should have heard by now: how many packets of sound came, and how many
    did not, by the gaps in their sequence numbers (RFC 3550, A.3), as of its last report, 5 s ago
    at most."""
    seen = []
    for what in ("rxcount", "rxploss"):
        asked = ("Channel", call), ("Variable", f"CHANNEL(rtcp,{what})")
        seen.append(int((await clinic.telco.link.send("Getvar", *asked)).get("Value") or 0))
    return seen[0], seen[1]


async def besieged(clinic: Rehearsal, held: int, seconds: float) -> dict[str, Any]:
    telco, port = clinic.telco, clinic.site.ports.sip
    said = ear.write_tone(clinic.place.home / "said.wav", SAID_HZ)
    await telco.behave("103", Answers())
    await arranged(clinic)
    quiet_s = await emergency_s(clinic)
    call = await telco.dial("102", "103", speaks=said)
    ring = await telco.next_ring("103")
    await asyncio.wait_for(ring.talked, WITHIN_S)
    pid = clinic.asterisk.pid
    assert pid is not None
    began, cpu = time.monotonic(), cpu_s(pid)
    scan = await knock(held, "probe", port, 10.0, SCANNER)
    scanned = await blocked(clinic, SCANNER, 10.0)
    viced = await sipvicious(held, clinic) if seconds >= LONG_S else {}
    talking = {"102": call.id, "103": ring.channel}
    before = {desk: await packets(clinic, it) for desk, it in talking.items()}
    flood_at = time.monotonic()
    flooding = asyncio.create_task(knock(held, "flood", port, seconds, STRANGER))
    desk = asyncio.create_task(knock(held, "stale", port, min(seconds, 8.0), NEIGHBOUR))
    guesses = asyncio.create_task(knock(held, "stale", port, 8.0, GUESSER))
    flooder = await blocked(clinic, STRANGER, 20.0)
    besieged_s: list[float] = []
    while not flooding.done() and len(besieged_s) < MOST_911:
        besieged_s.append(await emergency_s(clinic))
    flood, stale, guessed = await flooding, await desk, await guesses
    flooded_s = time.monotonic() - flood_at
    after = {desk: await packets(clinic, it) for desk, it in talking.items()}
    lasted = time.monotonic() - began
    used = cpu_s(pid) - cpu
    told = await root.guard_of(clinic.place.root_socket)
    status = await status_of(clinic)
    await root.ask(clinic.place.root_socket, UnblockAddress(address=ip_address(SCANNER)))
    let_in = await root.guard_of(clinic.place.root_socket)
    await call.hang_up()
    await asyncio.wait_for(ring.ended, WITHIN_S)
    return {
        "scan": scan,
        "sipvicious": viced,
        "scanner blocked after s": scanned and scanned - began,
        "flood": flood,
        "flooder blocked after s": flooder and flooder - flood_at,
        "old password": stale,
        "guessed": guessed,
        "blocked": sorted(str(one.address) for one in told.blocks),
        "blocked once one was let in": sorted(str(one.address) for one in let_in.blocks),
        "entered": entered(clinic),
        "told": next(part.detail for part in status.parts if part.name == "guard"),
        "emergency calls": len(telco.emergency_invitations),
        "911 quiet s": quiet_s,
        "911 besieged s": besieged_s,
        "heard, longest silence s": ear.longest_silence_s(ring.heard, 0.5),
        "heard of the other s": ear.tone_s(ring.heard, SAID_HZ),
        "talk lasted s": lasted,
        "packets while flooded": {
            desk: {
                "came": after[desk][0] - before[desk][0],
                "lost": after[desk][1] - before[desk][1],
            }
            for desk in talking
        },
        "flooded s": flooded_s,
        "Asterisk's processor %": 100 * used / lasted,
    }


async def story(home: Path, seconds: float, held: int) -> dict[str, Any]:
    clinic = everywhere(rehearsal.build(home))
    try:
        await clinic.start()
        async with clinic.root(guards=True), clinic.exchange():
            return await besieged(clinic, held, seconds)
    finally:
        await clinic.stop()


def main() -> None:
    home, seconds = Path(sys.argv[1]), float(sys.argv[2])
    with outside() as held:
        figures = asyncio.run(story(home, seconds, held))
    print(json.dumps(figures, indent=1))  # noqa: T201 - what this program is for


if __name__ == "__main__":
    main()
