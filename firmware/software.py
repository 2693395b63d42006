"""What runs on this box, as a list that programs read: CycloneDX 1.6, in JSON.

Python packages are those that this program would load now; Debian's are those that dpkg holds to be
installed, on the box itself and in Asterisk's own root where it has one. Nothing is looked up.
"""

import platform
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import distributions, version
from pathlib import Path

DPKG_STATUS = Path("var/lib/dpkg/status")


@dataclass(frozen=True, slots=True)
class Component:
    """One piece of software; `where` says to what it belongs."""

    kind: str  # "debian", "python" or "library"
    name: str
    version: str
    where: str
    architecture: str = ""

    @property
    def purl(self) -> str:
        """Its name for programs that look for known weaknesses (package-url)."""
        match self.kind:
            case "debian":
                return f"pkg:deb/debian/{self.name}@{self.version}?arch={self.architecture}"
            case "python":
                return f"pkg:pypi/{_plain(self.name)}@{self.version}"
            case _:
                return f"pkg:generic/{self.name}@{self.version}"


def installed(asterisk_root: Path | None, box_root: Path = Path("/")) -> list[Component]:
    """All of it, by kind and name."""
    found = {*_python(), *_libraries(), *debian(box_root, "the box")}
    if asterisk_root is not None and asterisk_root != box_root:
        found |= {*debian(asterisk_root, "Asterisk's own root")}
    return sorted(found, key=lambda each: (each.kind, each.name, each.where))


def debian(root: Path, where: str) -> Iterator[Component]:
    """Debian's packages below this root; none where dpkg is not used."""
    try:
        status = (root / DPKG_STATUS).read_text("utf-8", "replace")
    except FileNotFoundError:
        return
    for block in status.split("\n\n"):
        told = dict(re.findall(r"^(Package|Status|Version|Architecture): (.*)$", block, re.M))
        if told.get("Status", "").endswith(" installed"):
            yield Component(
                *("debian", told["Package"], told["Version"], where, told["Architecture"])
            )


def as_cyclonedx(components: list[Component], made: str) -> dict[str, object]:
    """The list in the form that scanners take."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": made,
            "component": {
                "type": "application",
                "name": "careline",
                "version": version("careline"),
                "bom-ref": "careline",
            },
        },
        "components": [
            {
                "type": "library",
                "name": each.name,
                "version": each.version,
                "purl": each.purl,
                "bom-ref": f"{each.purl}#{each.where}",
                "properties": [{"name": "careline:where", "value": each.where}],
            }
            for each in components
        ],
    }


def _python() -> Iterator[Component]:
    for each in distributions():
        yield Component("python", each.metadata["Name"], each.version, "the programs")


def _libraries() -> Iterator[Component]:
    # What is built into others and stands in no list of packages.
    from cryptography.hazmat.backends.openssl.backend import backend

    openssl = backend.openssl_version_text().split()[1]
    yield Component("library", "openssl", openssl, "inside cryptography")
    yield Component("library", "sqlite", sqlite3.sqlite_version, "inside Python")
    yield Component("library", "cpython", platform.python_version(), "the programs")
    yield Component("library", "linux", platform.release(), "the box")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
