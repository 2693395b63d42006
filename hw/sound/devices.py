"""Which of the machine's sound devices somebody means. Pure.

A device is known by its name, not its number: numbers change with each plug. The name may be a part
of what the device calls itself, as long as it is the only one.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """One of them, as PortAudio has it."""

    name: str
    inputs: int  # channels that can be heard
    outputs: int  # channels that can be played


class DeviceError(Exception):
    """No device is meant by that name; the text says what to do."""


def chosen(devices: Sequence[Device], name: str) -> str:
    """The whole name of the device that is meant."""
    wanted = name.casefold()
    if any(each.name == name for each in devices):
        return name
    found = [each.name for each in devices if wanted in each.name.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        raise DeviceError(f"{name!r} is the name of {len(found)} sound devices: write more of it")
    raise DeviceError(f"no sound device is called {name!r}: look at its plug")
