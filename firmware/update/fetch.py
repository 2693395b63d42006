"""A bundle from a web server: what broke off goes on where it was. Whose server it is does not
matter, for a bundle is looked at after it came as whatever else is brought; a server is believed in
nothing but how long its file is.
"""

import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from firmware.update.bundle import BundleError

SCHEMES = ("https://", "http://")
MOST = 800 * 1000 * 1000  # a slot has 528 MiB, a bundle two kernels more
SPARE = 64 * 1000 * 1000  # stays free for messages meanwhile
WITHIN_S = 30.0  # from one piece to the next
PIECE = 1 << 20


def fetched(address: str, part: Path, told: Callable[[int], object] = lambda _done: None) -> None:
    """The file lies there, whole. BundleError: it does not; what came stays for another try."""
    try:
        _fetch(address, part, told)
    except urllib.error.HTTPError as refused:
        said = f"the server answers with {refused.code}: see that the address is right"
        raise BundleError(said) from refused
    except (OSError, ValueError) as broken:
        why = getattr(broken, "reason", None) or broken
        raise BundleError(f"it broke off ({why}): type it once more, and it goes on") from broken


def _fetch(address: str, part: Path, told: Callable[[int], object]) -> None:
    if not address.startswith(SCHEMES):
        raise BundleError("give an address that begins with https://")
    has = part.stat().st_size if part.exists() else 0
    with _asked(address, has) as answer:
        goes_on = answer.status == HTTPStatus.PARTIAL_CONTENT
        has = has if goes_on else 0
        whole = has + int(answer.headers.get("content-length") or 0)
        if whole > MOST:
            raise BundleError("it is larger than any update of CareLine")
        if shutil.disk_usage(part.parent).free < whole - has + SPARE:
            raise BundleError("the disk has no room for it: make room first")
        with part.open("ab" if goes_on else "wb") as file:
            while has < MOST and (piece := answer.read(PIECE)):
                has += len(piece)
                file.write(piece)
                told(has)
        if whole and has != whole:
            raise OSError(f"{has} bytes of {whole} came")


def _asked(address: str, has: int) -> Any:
    wish = urllib.request.Request(address)  # noqa: S310 - its scheme is one of two
    if has:
        wish.add_header("range", f"bytes={has}-")
    try:
        return urllib.request.urlopen(wish, timeout=WITHIN_S)  # noqa: S310 - likewise
    except urllib.error.HTTPError as refused:
        if refused.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and has:
            return _asked(address, 0)  # another file lies there now, or this one was whole
        raise
