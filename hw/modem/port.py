"""A modem's serial port: found by where it is plugged in, opened raw by pyserial, and ours alone.

A port's number (ttyUSB2) is given anew at each plugging in, and a modem has four or five: a number
that was the modem's yesterday may be another's today. So a number is refused.
"""

import fcntl
import re
import termios
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import serial

from hw.modem.dialects import DIALECTS, Dialect

SPEED = 115_200  # bits/s; a modem on USB takes any
_NUMBERED = re.compile(r"/dev/tty[A-Za-z]+\d+")


class PortError(Exception):
    """The port cannot be had now: it is not there, or somebody else has it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A modem that is plugged in: whose it is, and the paths of its two ports."""

    dialect: Dialect
    at_path: str
    voice_path: str | None


def check_path(path: str) -> None:
    """ValueError, with the cure, for a port's number in place of its path."""
    if _NUMBERED.fullmatch(path):
        raise ValueError(
            f"{path} may be another port after the next start: "
            "name it by its path in /dev/serial/by-path"
        )


def open_port(path: str) -> serial.Serial:
    """Raw, without waiting, and locked against others. PortError where it cannot be had."""
    check_path(path)
    try:
        port = serial.Serial(path, SPEED, timeout=0, write_timeout=0, exclusive=True)
    except (serial.SerialException, OSError) as error:
        raise PortError(f"{path} cannot be opened: {_why(error)}") from error
    try:
        # The lock is kept by those who ask for it; this is kept by the kernel.
        fcntl.ioctl(port.fileno(), termios.TIOCEXCL)
    except OSError as error:
        port.close()
        raise PortError(f"{path} went away as it was opened") from error
    return port


def close_port(port: serial.Serial) -> None:
    """And let others have it; one that is gone is closed too."""
    try:
        fcntl.ioctl(port.fileno(), termios.TIOCNXCL)
    except OSError:
        pass  # it is gone, and its lock with it
    finally:
        port.close()


def modems(root: Path = Path("/")) -> list[Found]:
    """The modems we know that are plugged in now, by the ids of their USB interfaces; files below
    `root` are read as the kernel and udev lay them out."""
    ports = dict(_ports(root))
    return [
        Found(dialect, path, ports.get((device, dialect.voice_interface)))
        for (device, interface), path in sorted(ports.items())
        for dialect in DIALECTS
        if interface == dialect.at_interface and _ids(device) == (dialect.vendor, dialect.product)
    ]


def _ports(root: Path) -> Iterator[tuple[tuple[Path, int], str]]:
    """Each USB serial port: its device in /sys, its interface there, and its lasting path."""
    links = root / "dev/serial/by-path"
    for link in sorted(links.iterdir()) if links.is_dir() else ():
        tty = link.resolve().name
        interface = (root / "sys/class/tty" / tty / "device").resolve().parent
        number = _read(interface / "bInterfaceNumber")
        if number:
            yield (interface.parent, int(number, 16)), str(link)


def _ids(device: Path) -> tuple[str, str]:
    return _read(device / "idVendor"), _read(device / "idProduct")


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip()
    except OSError:
        return ""


def _why(error: OSError) -> str:
    if isinstance(error.__context__, BlockingIOError) or "lock" in str(error):
        return "another program has it"
    return error.strerror or "it is not there"
