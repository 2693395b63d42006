"""Whether the wall clock can be trusted, which nobody can tell from the time it shows.

A box starts with whatever time its battery kept, or none. Its clock is trusted once the kernel says
that a time service has set it, and stays so when that service is out of reach: a clock loses
seconds in a week. A jump takes the trust away, but for the jump that the time service itself makes
when it sets the clock at last; it comes back when the service has had the time to look at the clock
once more and has left it as it is.
"""

import ctypes
import time
from dataclasses import dataclass, replace
from pathlib import Path

from firmware.place import Place

# Hours are minutes: a smaller step opens and closes nothing.
JUMP_S = 30.0
# systemd-timesyncd looks at least every 2048 s (PollIntervalMaxSec of timesyncd.conf(5)).
CONFIRMED_S = 2100.0
# systemd-timesyncd touches it at its first answer since the start (systemd-timesyncd(8)).
SET_SINCE_START = Path("/run/systemd/timesync/synchronized")

_LIBC = ctypes.CDLL(None)
_STA_UNSYNC = 0x40  # sys/timex.h
_TIME_ERROR = 5
_TIMEX_BYTES = 512  # struct timex has 208; what the kernel does not fill stays zero


@dataclass(frozen=True, slots=True)
class Reading:
    """Both clocks at one moment, whether the kernel says that the wall clock is in step, and
    whether it has been so since the start."""

    wall_s: float
    monotonic_s: float
    is_in_step: bool
    was_set: bool = False


@dataclass(frozen=True, slots=True)
class Trust:
    """What is known after a reading."""

    trusted: bool
    last: Reading
    jumped_at_s: float | None = None  # monotonic; None: not since it was trusted


def first(reading: Reading) -> Trust:
    """What one reading alone says."""
    return Trust(reading.is_in_step or reading.was_set, reading)


def after(trust: Trust, reading: Reading) -> Trust:
    """What is known after one more reading."""
    last = trust.last
    passed_s = reading.monotonic_s - last.monotonic_s
    has_jumped = abs(reading.wall_s - last.wall_s - passed_s) > JUMP_S
    was_set_now = reading.is_in_step and not last.is_in_step
    if was_set_now:
        return Trust(True, reading)
    if has_jumped:
        return Trust(False, reading, reading.monotonic_s)
    if trust.jumped_at_s is None:
        trusted = trust.trusted or reading.is_in_step or reading.was_set
        return Trust(trusted, reading)
    if reading.is_in_step and reading.monotonic_s - trust.jumped_at_s >= CONFIRMED_S:
        return Trust(True, reading)
    return replace(trust, last=reading)


def read(place: Place) -> Reading:
    """The clocks of this machine. A rehearsal's clock is as right as its machine's: it has none of
    its own to doubt."""
    is_rehearsed = place.ports.exists()
    return Reading(
        time.time(), time.monotonic(), is_rehearsed or _is_in_step(), SET_SINCE_START.exists()
    )


def trusted_now(place: Place) -> bool:
    """What one look says."""
    return first(read(place)).trusted


def _is_in_step() -> bool:
    """As adjtimex(2) has it; a kernel that does not answer vouches for nothing."""
    buffer = ctypes.create_string_buffer(_TIMEX_BYTES)  # modes 0: only asks
    state = _LIBC.adjtimex(buffer)
    status = ctypes.c_int.from_buffer(buffer, _STATUS_OFFSET).value
    return state >= 0 and state != _TIME_ERROR and not status & _STA_UNSYNC


class _Timex(ctypes.Structure):
    """The head of struct timex."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
    )


_STATUS_OFFSET = _Timex.status.offset
