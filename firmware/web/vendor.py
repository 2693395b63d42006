"""Other people's files that the page is shipped with, taken by lock file at build time.

`npm ci` fetches exactly what package-lock.json names, checks each against its hash and runs none of
their programs. What was fetched lies outside the checkout, under the lock's own hash, so each
machine fetches it once; the files the page serves are copied beside ours, where git does not see
them. On a box nothing is fetched: they are in the wheel.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).parent
TO = HERE / "static" / "vendor"
RECIPE = ("package.json", "package-lock.json", ".npmrc")
# From a package to the page; the licence goes along where it asks for that.
FILES: Mapping[str, str] = {
    "@dagrejs/dagre/dist/dagre.esm.js": "dagre.js",
    "@dagrejs/dagre/dist/dagre.esm.js.LEGAL.txt": "dagre-licence.txt",
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "uplot/LICENSE": "uplot-licence.txt",
}
# A package of many files becomes one module, with those it needs in it, and one file of licences.
MODULE_OF = ("jssip", "jssip.js")
LICENCES = (
    (
        "jssip/LICENSE.md",
        "debug/LICENSE",
        "ms/license.md",
        "events/LICENSE",
        "sdp-transform/LICENSE",
    ),
    "jssip-licence.txt",
)
BUNDLED_WITHIN_S = 60.0
FETCHED_WITHIN_S = 300.0
NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


class VendorError(Exception):
    """The files are not to be had; the text says what to do."""


def missing() -> list[str]:
    """What the page cannot be served without, and is not there."""
    wanted = (*FILES.values(), MODULE_OF[1], LICENCES[1])
    return [name for name in wanted if not (TO / name).is_file()]


def fetched() -> Path:
    """The packages of the lock, fetched if they are not there yet: their `node_modules`."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "careline" / "npm"
    there = cache / _of_lock()
    if not (there / "node_modules").is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        _fetch(cache, there)
    return there / "node_modules"


def copy() -> None:
    """Beside our own files, as they are."""
    packages = fetched()
    TO.mkdir(exist_ok=True)
    for source, name in FILES.items():
        _put(name, (packages / source).read_bytes())
    _put(MODULE_OF[1], _one_module(packages, MODULE_OF[0]))
    _put(LICENCES[1], b"\n\n".join((packages / each).read_bytes() for each in LICENCES[0]))


def _put(name: str, content: bytes) -> None:
    part = TO / f".{name}.{os.getpid()}"
    part.write_bytes(content)
    part.rename(TO / name)


def _one_module(packages: Path, name: str) -> bytes:
    """All of a package's files as one ES module, the same on each machine."""
    command: list[str | Path] = [
        *("node", packages / "esbuild/bin/esbuild", name, "--bundle", "--format=esm", "--minify"),
        *("--platform=browser", "--target=es2022", "--legal-comments=none", "--log-level=error"),
    ]
    try:
        made = subprocess.run(
            command, cwd=packages.parent, check=True, stdout=subprocess.PIPE,
            timeout=BUNDLED_WITHIN_S,
        )  # fmt: skip
    except (subprocess.SubprocessError, OSError) as failed:
        raise VendorError(
            f"esbuild could not make one module of {name} ({type(failed).__name__}): see what it"
            " said above"
        ) from failed
    return made.stdout


def _fetch(cache: Path, there: Path) -> None:
    if shutil.which("npm") is None:
        raise VendorError(
            "the page's files of others are fetched by npm, which is missing: an administrator"
            " types `sudo apt-get install -y --no-install-recommends nodejs npm`"
        )
    work = Path(tempfile.mkdtemp(dir=cache))
    for name in RECIPE:
        shutil.copy(HERE / name, work)
    try:
        subprocess.run(NPM, cwd=work, check=True, timeout=FETCHED_WITHIN_S)
    except (subprocess.SubprocessError, OSError) as failed:
        shutil.rmtree(work)
        raise VendorError(
            f"npm could not fetch the page's files of others ({type(failed).__name__}): see what it"
            " said above, and that this machine reaches npm's registry"
        ) from failed
    try:
        work.rename(there)
    except OSError:  # somebody else was quicker
        shutil.rmtree(work)


def _of_lock() -> str:
    recipe = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in RECIPE))
    return recipe.hexdigest()[:16]


if __name__ == "__main__":
    try:
        copy()
    except VendorError as told:
        sys.exit(f"careline: {told}")
