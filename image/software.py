"""What software a box has, and how much room each takes there: Debian's packages and Python's.

Of it comes the software list in CycloneDX's form (ECMA-424), the same bytes for the same software.
"""

import importlib.metadata
import re
import tarfile
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

DPKG = "./var/lib/dpkg/"
OURS = "usr/lib/careline"
SIZE = "careline:bytes-on-the-box"


@dataclass(frozen=True, slots=True, order=True)
class Software:
    """A package. `kind` is the type of its package URL, `size` bytes on the box."""

    kind: str
    name: str
    version: str
    architecture: str
    size: int


def left_out(text: str) -> re.Pattern[str]:
    """What packages bring and the box does not have, of the file of that name."""
    return re.compile("|".join(f"(?:{line})" for line in text.splitlines() if line))


def debian(archive: Path, gone: re.Pattern[str]) -> list[Software]:
    """The packages of a root that mmdebstrap has packed."""
    owner: dict[str, str] = {}
    sizes: dict[str, int] = defaultdict(int)
    status = ""
    with tarfile.open(archive) as root:
        for member in root:
            if member.name == f"{DPKG}status":
                status = _text(root, member)
            elif member.name.startswith(f"{DPKG}info/") and member.name.endswith(".list"):
                package = Path(member.name).stem.partition(":")[0]
                owner |= dict.fromkeys(_text(root, member).split("\n"), package)
    with tarfile.open(archive) as root:
        for member in root:
            path = member.name.removeprefix(".")
            whose = owner.get(path) or owner.get(path.removeprefix("/usr"))
            if whose and member.isfile() and not gone.fullmatch(path[1:]):
                sizes[whose] += member.size
    return [
        Software("deb", name, each["Version"], each["Architecture"], sizes[name])
        for each in _paragraphs(status)
        if each["Status"].endswith(" installed") and (name := each["Package"])
    ]


def python(packages: Path, gone: re.Pattern[str]) -> list[Software]:
    """Python's packages that lie there."""
    found = []
    for each in importlib.metadata.distributions(path=[str(packages)]):
        files = [Path(str(file)) for file in each.files or () if ".." not in file.parts]
        size = sum(
            (packages / file).stat().st_size
            for file in files
            if (packages / file).is_file() and not gone.fullmatch(f"{OURS}/{file}")
        )
        found.append(Software("pypi", each.metadata["Name"].lower(), each.version, "", size))
    return sorted(found)


def bill(
    board: str, version: str, software: Iterable[Software], number: uuid.UUID, made_at: int
) -> str:
    """The software list as CycloneDX's JSON; `made_at` is the commit's time (epoch seconds)."""
    box = Component(name=board, version=version, type=ComponentType.OPERATING_SYSTEM, bom_ref=board)
    components = [
        Component(
            name=each.name, version=each.version, type=ComponentType.LIBRARY,
            purl=_address(each), bom_ref=str(_address(each)),
            properties=[Property(name=SIZE, value=str(each.size))],
        )
        for each in software
    ]  # fmt: skip
    told = Bom(components=components, serial_number=number)
    told.metadata.timestamp = datetime.fromtimestamp(made_at, UTC)
    told.metadata.component = box
    told.register_dependency(box, components)
    return JsonV1Dot6(told).output_as_string(indent=1) + "\n"


def table(software: Iterable[Software]) -> str:
    """The largest first: megabytes, name, version."""
    largest = sorted(software, key=lambda each: (-each.size, each))
    return "".join(f"{each.size / 1e6:8.1f} MB  {each.name} {each.version}\n" for each in largest)


def _address(each: Software) -> PackageURL:
    """Package URL specification, types deb and pypi."""
    if each.kind == "deb":
        return PackageURL("deb", "debian", each.name, each.version, {"arch": each.architecture})
    return PackageURL("pypi", None, each.name, each.version)


def _text(root: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    file = root.extractfile(member)
    return file.read().decode("utf-8") if file else ""


def _paragraphs(status: str) -> Iterator[dict[str, str]]:
    """dpkg's own form (deb822(5))."""
    for paragraph in status.strip().split("\n\n"):
        yield dict(HeaderParser().parsestr(paragraph).items())
