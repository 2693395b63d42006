"""A bundle that somebody brings: whether it is ours, whole, for this board, and new.

RAUC itself checks the signature, by the keyring of the image; what it says is told in words of
ours. It reads no further than the signature reaches: each block of the rest is checked as it is
read, while it is installed, and one that is not as it was signed ends the installing, with the old
version in force.
"""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from firmware.update.release import Release, ReleaseError, understood

INFO = ("rauc", "info", "--output-format=json-2")
WITHIN_S = 60.0
META = "careline"


class BundleError(Exception):
    """It is not installed; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """One that was signed by whom this box trusts."""

    release: Release
    closes_a_hole: bool
    description: str


class _Update(BaseModel):
    compatible: str
    version: str
    description: str = ""


class _Told(BaseModel):
    """What RAUC says of a bundle, as far as we read it."""

    update: _Update
    meta: dict[str, dict[str, str]] = {}


# What RAUC and OpenSSL say, in part, and what it means; the first that fits. Tried with RAUC 1.15.
SAID = (
    (r"certificate has expired", "it is too old: its signature has run out; bring a newer one"),
    (r"certificate is not yet valid", "it was signed in the future: see that the clock is right"),
    (
        r"local issuer certificate|self-?signed certificate",
        "it was signed by somebody whom this box does not trust; bring one from CareLine's own"
        " releases",
    ),
    (
        r"unsuitable certificate purpose",
        "the key that signed it is not for updates; bring one from CareLine's own releases",
    ),
    (r"signature verification failed", "it was changed after it was signed; bring it once more"),
    (r"Signature size is 0", "nobody has signed it; bring one from CareLine's own releases"),
    (
        r"Invalid bundle format|Failed to (seek|read)|is not a multiple|too small",
        "it is no update of CareLine, or was cut short; bring it once more",
    ),
    (r"No such file", "there is no such file"),
    (r"ermission", "it cannot be read"),
)


def looked_at(file: Path, info: Sequence[str] = INFO) -> Bundle:
    """What it is. BundleError: it is none, or not ours."""
    try:
        done = subprocess.run(
            [*info, str(file)], check=False, capture_output=True, text=True, errors="replace",
            timeout=WITHIN_S, stdin=subprocess.DEVNULL, env=os.environ | {"LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    except FileNotFoundError as missing:
        raise BundleError("this machine has no RAUC: only a box can be updated") from missing
    except subprocess.TimeoutExpired as late:
        raise BundleError("RAUC does not answer: restart the box, and try it again") from late
    if done.returncode != 0:
        raise BundleError(in_words(done.stderr))
    try:
        told = _Told.model_validate(json.loads(done.stdout))
        release = understood(told.update.compatible, told.update.version)
    except (ValueError, ValidationError, ReleaseError) as odd:
        raise BundleError("it is signed, and is no update of CareLine") from odd
    closes = told.meta.get(META, {}).get("closes-a-hole") == "yes"
    return Bundle(release, closes, told.update.description)


def refuse_unless_for(bundle: Bundle, running: Release) -> None:
    """BundleError: it is for another board, or not newer than what runs."""
    if bundle.release.board != running.board:
        raise BundleError(
            f"it is for another kind of box, {bundle.release.board}; this one is a {running.board}"
        )
    if bundle.release.version == running.version:
        raise BundleError("this very version runs already")
    if not bundle.release.is_newer_than(running):
        raise BundleError(
            f"it is older than what runs, {running.version}: what this one wrote, it could not read"
        )


def in_words(said: str) -> str:
    """What RAUC said when it refused, for people."""
    for part, words in SAID:
        if re.search(part, said):
            return words
    last = said.strip().splitlines()[-1:] or ["nothing"]
    return f"RAUC refuses it, and says: {last[0][:200]}"
