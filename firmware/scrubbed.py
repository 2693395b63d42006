"""The log of our services for who helps from elsewhere. No line of ours names a caller; whatever
looks like a number or an address is taken out all the same, for lines are written by libraries
too."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

UNITS = ("careline-exchange", "careline-web", "careline-root")
COMMAND = ("journalctl", "--output=json", "--quiet", "--no-pager", *(f"--unit={u}" for u in UNITS))
LINE_MOST = 500

# Seven digits or more are a telephone, a birth date or an address of the network.
NUMBER = re.compile(r"\+?\d(?:[ ().:/-]{0,2}\d){6,}")
MAIL = re.compile(r"[^\s@'\"<>]+@[^\s@'\"<>]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def scrub(text: str) -> str:
    """A line without numbers and addresses, and with nothing that a terminal obeys."""
    plain = CONTROL.sub(" ", text)
    return NUMBER.sub("(number)", MAIL.sub("(address)", plain))[:LINE_MOST]


def lines(last: int, *, follow: bool = False) -> Iterator[str]:
    """The newest, the oldest of them first; with `follow` whatever comes after, too."""
    asked = [*COMMAND, f"--lines={last}", *(["--follow"] if follow else [])]
    try:
        journal = subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        yield "no journal is kept here"
        return
    with journal:
        assert journal.stdout is not None
        try:
            for row in journal.stdout:
                yield told(row)
        finally:
            journal.kill()


def told(row: bytes) -> str:
    """One entry of the journal: when, which service, what."""
    try:
        entry = json.loads(row)
        at = datetime.fromtimestamp(int(entry["__REALTIME_TIMESTAMP"]) / 1_000_000, UTC)
        unit, said = str(entry.get("_SYSTEMD_UNIT", "systemd")), str(entry["MESSAGE"])
    except (ValueError, KeyError, TypeError):
        return "(a line that cannot be read)"
    return f"{at:%Y-%m-%d %H:%M:%S} {unit.removesuffix('.service')}: {scrub(said)}"
