"""Which release of our programs this is: for which board, and which one is newer.

A release is the version of `pyproject.toml` and the moment of its last commit, in UTC:
0.1.0+20261124031200. The image writes both words into its os-release(5), IMAGE_ID and
IMAGE_VERSION; a checkout has neither, and is no box.
"""

import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

BOARD_PREFIX = "careline-"
_VERSION = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})\+([0-9]{14})")


class ReleaseError(Exception):
    """This is no release of ours; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Release:
    """Of one board."""

    board: str  # "careline-pc"
    version: str

    def is_newer_than(self, other: "Release") -> bool:
        return _order(self.version) > _order(other.version)


def version_of(numbers: str, committed_s: int) -> str:
    """Of these numbers, committed then (seconds since 1970)."""
    return f"{numbers}+{datetime.fromtimestamp(committed_s, UTC):%Y%m%d%H%M%S}"


def understood(board: str, version: str) -> Release:
    """ReleaseError: one of the words is none of ours."""
    _order(version)
    if not board.startswith(BOARD_PREFIX):
        raise ReleaseError(f"{board!r} is no board of CareLine")
    return Release(board, version)


def running(told: Mapping[str, str] | None = None) -> Release:
    """The one that runs, as os-release has it. ReleaseError: this machine is no box."""
    try:
        words = platform.freedesktop_os_release() if told is None else told
        return understood(words["IMAGE_ID"], words["IMAGE_VERSION"])
    except (OSError, KeyError) as missing:
        raise ReleaseError("this machine does not run from CareLine's image") from missing


def _order(version: str) -> tuple[int, ...]:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ReleaseError(f"{version!r} is no version of CareLine")
    return tuple(map(int, match.groups()))
