"""How a site's configuration comes into force, in steps of which each may be the last.

A version is a directory, complete before it has its name: Asterisk's files, and the site file they
were made from. `current` points at one of them.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from firmware.asterisk.config import STATE_FOLDERS, Paths, Ports, generate
from firmware.asterisk.dialplan import Timing
from firmware.asterisk.sandbox import Launch
from firmware.durable import sync_directory
from firmware.place import Place
from firmware.site_secrets import secrets_of
from ivr.plan import Plan

SITE_FILE = "clinic.toml"


@dataclass(frozen=True, slots=True)
class Site:
    """A site file's text, its plan, and where and when its Asterisk does things."""

    text: str
    plan: Plan
    ports: Ports
    timing: Timing = Timing()  # noqa: RUF009 - frozen


def install(place: Place, site: Site, launch: Launch) -> Path:
    """Put a site in force where no Asterisk is running yet; its version's directory."""
    version = prepare(place, site, launch)
    point_current(place, version)
    return version


def prepare(place: Place, site: Site, launch: Launch) -> Path:
    """A new version, complete, that nothing points at yet."""
    for folder in STATE_FOLDERS:
        (place.asterisk / folder).mkdir(parents=True, exist_ok=True)
    place.prompts.mkdir(parents=True, exist_ok=True)
    secrets = secrets_of(place.secrets, site.plan)
    paths = Paths(launch.site / "current", launch.site, launch.prompts, launch.modules)
    files = generate(site.plan, secrets, site.ports, paths, timing=site.timing)
    return write_version(place.asterisk / "versions", files | {SITE_FILE: site.text})


def write_version(versions: Path, files: Mapping[str, str]) -> Path:
    """A numbered directory, which has its name only once its files are on the disk."""
    versions.mkdir(parents=True, exist_ok=True)
    numbers = [int(each.name) for each in versions.iterdir() if each.name.isdecimal()]
    version = versions / str(max(numbers, default=0) + 1)
    unfinished = version.with_name(f"{version.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    for name, text in files.items():
        with (unfinished / name).open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    sync_directory(unfinished)
    unfinished.rename(version)
    sync_directory(versions)
    return version


def point_current(place: Place, version: Path) -> None:
    """One rename decides which version is in force; the published site file goes with it."""
    _link(place.asterisk / "current", Path("versions") / version.name)
    _link(place.site_file, Path(place.asterisk.name) / "current" / SITE_FILE)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    fresh = link.with_name(f"{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(link)
    sync_directory(link.parent)
