"""The box's network as a device: what is in force, what is on trial, how its ports are.

What is on trial lies in a folder that no power cut leaves anything of (/run), under names that come
before those of what is in force; what is in force lies in /etc. So a trial ends by taking its files
away, and a machine that is started anew knows nothing of it. What is to be kept is written beside
first, all of it, and then only changes its names: from there on the keeping is finished by whoever
comes next, and until there nothing is changed. A second `try_out`, `keep` or `take_back` does no
harm. Real and fake are held together by tests/contract/test_network.py.
"""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hw.network_files import (
    LAN,
    PHONES_PORT,
    Wish,
    files_of,
    phones_port,
    understood,
    wish_in,
)

ETC, RUN = Path("/etc/systemd/network"), Path("/run/systemd/network")
# systemd-timesyncd touches it at each answer of a time server (systemd-timesyncd.service(8)).
SYNCHRONIZED = Path("/run/systemd/timesync/synchronized")
TELL_WITHIN_S = 20.0
IN_FORCE, ON_TRIAL = "50-careline-", "10-careline-"
READABLE = 0o644  # networkd has a user of its own
# networkd passes by what ends otherwise than its own files.
BEFORE = "careline-lan.before"
TRIAL = "careline-lan.trial"  # from before a trial's first file until networkd has heard of its end
# What is to be kept: a folder that may be thrown away, and one whose files are in force already.
PREPARED, KEPT = "careline.prepared", "careline.kept"


class NetworkError(Exception):
    """The machine did not do it; the text says what it said."""


@dataclass(frozen=True, slots=True)
class Port:
    """How one of the machine's network ports is now."""

    name: str
    has_carrier: bool  # something is plugged in that answers
    state: str  # networkd's word: configured, configuring, failed, unmanaged
    addresses: tuple[str, ...] = ()
    gateway: str = ""
    dns: tuple[str, ...] = ()


class Network(Protocol):
    """What a box must be able to do with its network."""

    def in_force(self) -> Wish | None:
        """None: nobody has said anything yet, and it asks its net for an address."""

    def before(self) -> Wish | None:
        """What was in force before that; None: nothing was."""

    def on_trial(self) -> Wish | None:
        """What is being tried, or was when somebody was cut off at it: take it back. It may be in
        force then, if they were keeping it."""

    def try_out(self, wish: Wish) -> None:
        """From now on, until it is kept, taken back, or the power is cut. WishError, NetworkError:
        it may be in force in part, so take it back."""

    def keep(self) -> None:
        """What is on trial is in force, after a power cut too; without a trial nothing happens.
        NetworkError, OSError: take it back, and look which of the two is in force."""

    def take_back(self) -> None:
        """What is in force is used again. NetworkError, OSError: not yet, so do it again."""

    def ports(self) -> tuple[Port, ...]:
        """NetworkError: nobody can say."""

    def clock_set_at(self) -> float | None:
        """When a time server answered last, in seconds since 1970; None: not since the start."""


# Runs a command of the machine's, and has what it printed. NetworkError: it failed.
Tell = Callable[[Sequence[str]], str]


def tell(command: Sequence[str]) -> str:
    """The real one: no shell, and an end."""
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=TELL_WITHIN_S
        )
    except subprocess.CalledProcessError as failed:
        said = str(failed.stderr).strip().splitlines()
        raise NetworkError(f"{command[0]} failed: {said[-1] if said else ''}") from failed
    except (OSError, subprocess.TimeoutExpired) as failed:
        raise NetworkError(f"{command[0]} cannot be run: {type(failed).__name__}") from failed
    return done.stdout


class Networkd:
    """systemd-networkd's, told by files and `networkctl`."""

    def __init__(
        self,
        replace: Callable[[Path, bytes, int], None],
        sync: Callable[[Path], None],
        tell: Tell = tell,
        etc: Path = ETC,
        run: Path = RUN,
        synchronized: Path = SYNCHRONIZED,
    ) -> None:
        # `replace` writes a file for good, `sync` a folder's names.
        self._replace, self._sync, self._tell = replace, sync, tell
        self._etc, self._run, self._synchronized = etc, run, synchronized
        self._prepared, self._kept = etc / PREPARED, etc / KEPT

    def in_force(self) -> Wish | None:
        return _wish_at(self._etc / f"{IN_FORCE}{LAN}")

    def before(self) -> Wish | None:
        return _wish_at(self._etc / BEFORE)

    def on_trial(self) -> Wish | None:
        half_kept = _wish_at(self._kept / f"{IN_FORCE}{LAN}") or self.in_force()
        return _wish_at(self._run / TRIAL) or (half_kept if self._kept.is_dir() else None)

    def try_out(self, wish: Wish) -> None:
        files = files_of(wish)
        self._finish()
        self._run.mkdir(parents=True, exist_ok=True)
        self._take_away()
        for name, text in ((TRIAL, files[LAN]), *_named(ON_TRIAL, files)):
            path = self._run / name
            path.write_text(text, "utf-8")
            path.chmod(READABLE)
        self._reload()

    def keep(self) -> None:
        wish = _wish_at(self._run / TRIAL)
        if wish is not None and not self._kept.is_dir():
            self._prepare(wish)
        self._finish()
        if wish is not None:
            self._clear()

    def take_back(self) -> None:
        self._finish()
        self._clear()

    def ports(self) -> tuple[Port, ...]:
        return _ports(self._tell(("networkctl", "--json=short", "list")))

    def clock_set_at(self) -> float | None:
        try:
            return self._synchronized.stat().st_mtime
        except OSError:
            return None

    def _prepare(self, wish: Wish) -> None:
        """All that can fail for want of space or of a name, before anything is changed."""
        former, files = self._former(), dict(_named(IN_FORCE, files_of(wish)))
        if wish_in(former) != wish:
            files[BEFORE] = former
        shutil.rmtree(self._prepared, ignore_errors=True)
        try:
            self._prepared.mkdir()
            for name, text in files.items():
                self._replace(self._prepared / name, text.encode(), READABLE)
            if name := understood(wish).host_name:
                self._tell(("hostnamectl", "set-hostname", name))
            self._prepared.rename(self._kept)
        except (NetworkError, OSError):
            shutil.rmtree(self._prepared, ignore_errors=True)
            raise

    def _finish(self) -> None:
        """What is to be kept changes its names, the one that names the others at last; what the
        former network had beside it goes. Whoever is cut off here begins anew."""
        if not self._kept.is_dir():
            return
        last = f"{IN_FORCE}{LAN}"
        for path in sorted(self._kept.iterdir(), key=lambda path: path.name == last):
            path.rename(self._etc / path.name)
        if wish := self.in_force():
            kept = dict(_named(IN_FORCE, files_of(wish)))
            for path in self._etc.glob(f"{IN_FORCE}*"):
                if path.name not in kept:
                    path.unlink()
        self._sync(self._etc)
        self._kept.rmdir()

    def _former(self) -> str:
        """The text in force, as it stands there: somebody may have written into it what cannot be
        had, and it is theirs all the same."""
        path = self._etc / f"{IN_FORCE}{LAN}"
        return path.read_text("utf-8") if _wish_at(path) else files_of(Wish())[LAN]

    def _clear(self) -> None:
        """Nothing is on trial any more, and networkd knows."""
        self._take_away()
        self._reload()
        (self._run / TRIAL).unlink(missing_ok=True)

    def _take_away(self) -> None:
        for path in self._run.glob(f"{ON_TRIAL}*"):
            path.unlink(missing_ok=True)

    def _reload(self) -> None:
        """By the files that are there. networkd leaves the port of a VLAN that no file names any
        more, and the port of one that is named again must be made anew: so whichever is not wanted
        now goes."""
        self._tell(("networkctl", "reload"))
        wanted = self._phones_ports()
        for port in self.ports():
            if port.name.startswith(f"{PHONES_PORT}.") and port.name not in wanted:
                self._tell(("networkctl", "delete", port.name))

    def _phones_ports(self) -> frozenset[str]:
        """By their files' names, for what stands in these may be anything."""
        is_tried = (self._run / f"{ON_TRIAL}{LAN}").exists()
        begins, home = (ON_TRIAL, self._run) if is_tried else (IN_FORCE, self._etc)
        files = home.glob(f"{begins}{PHONES_PORT}.*.netdev")
        return frozenset(path.stem.removeprefix(begins) for path in files)


def _named(begins: str, files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    return ((f"{begins}{name}", text) for name, text in files.items())


def _wish_at(path: Path) -> Wish | None:
    try:
        return wish_in(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return None


def _ports(text: str) -> tuple[Port, ...]:
    """Out of networkctl's JSON. NetworkError: it is not what networkctl says."""
    try:
        every = _listed(json.loads(text), "Interfaces")
        return tuple(_port(each) for each in every if each.get("Type") != "loopback")
    except (ValueError, TypeError, KeyError, AttributeError):
        raise NetworkError("networkctl said what nobody can read") from None


def _port(one: Mapping[str, Any]) -> Port:
    """Its addresses are lists of bytes."""
    ways = [each for each in _listed(one, "Routes") if _is_ipv4(each) and each.get("Gateway")]
    return Port(
        name=one.get("Name") or "",
        has_carrier=one.get("CarrierState") in ("carrier", "degraded-carrier"),
        state=one.get("AdministrativeState") or "",
        addresses=tuple(
            f"{_dotted(each['Address'])}/{each['PrefixLength']}"
            for each in _listed(one, "Addresses")
            if _is_ipv4(each)
        ),
        gateway=next(
            (_dotted(each["Gateway"]) for each in ways if each.get("DestinationPrefixLength") == 0),
            "",
        ),
        dns=tuple(_dotted(each["Address"]) for each in _listed(one, "DNS") if _is_ipv4(each)),
    )


def _listed(one: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """What is not there, networkctl leaves out or says `null` of."""
    return one.get(name) or []


def _is_ipv4(one: Mapping[str, Any]) -> bool:
    return one.get("Family") == 2  # AF_INET


def _dotted(octets: list[int]) -> str:
    return ".".join(map(str, octets))


@dataclass
class FakeNetwork:
    """One that lives in memory, with one port; `lost_power` forgets what a power cut forgets."""

    gives: str = "192.0.2.17/24"  # the address that its net gives to who asks
    fails: bool = False
    kept: Wish | None = None
    former: Wish | None = None
    trial: Wish | None = None
    host_name: str = "careline"
    asked: list[str] = field(default_factory=list)

    def in_force(self) -> Wish | None:
        return self.kept

    def before(self) -> Wish | None:
        return self.former

    def on_trial(self) -> Wish | None:
        return self.trial

    def try_out(self, wish: Wish) -> None:
        understood(wish)
        self.asked.append("try out")
        self.trial = wish
        if self.fails:
            raise NetworkError("networkctl failed: no such device")

    def keep(self) -> None:
        if self.trial is None:
            return
        self.asked.append("keep")
        if (former := self.kept or Wish()) != self.trial:
            self.former = former
        self.kept, self.trial = self.trial, None
        self.host_name = understood(self.kept).host_name or self.host_name

    def take_back(self) -> None:
        self.asked.append("take back")
        self.trial = None

    def lost_power(self) -> None:
        self.trial = None

    def ports(self) -> tuple[Port, ...]:
        settings = understood(self.trial or self.kept or Wish())
        lan = Port(
            settings.port or "eth0",
            has_carrier=True,
            state="configured",
            addresses=(str(settings.address or self.gives),),
            gateway=str(settings.gateway or ""),
            dns=settings.dns,
        )
        if not (port := phones_port(settings)):
            return (lan,)
        phones = Port(port, True, "configured", (str(settings.phones_address),))
        return lan, phones

    def clock_set_at(self) -> float | None:
        return 1_772_461_800.0
