"""Versions of a site as publishes leave them, made without an Asterisk."""

from datetime import UTC, datetime
from pathlib import Path

from firmware import versions
from firmware.asterisk.publish import (
    OBJECTS,
    READ_AT_START,
    SITE_FILE,
    point_current,
    write_version,
)
from firmware.place import Place

AT = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def version(place: Place, text: str, name: str = "", *, phone: str = "101") -> Path:
    """One more, with a phone of its own, not yet in force."""
    files = {**dict.fromkeys((*OBJECTS, *READ_AT_START), ""), SITE_FILE: text}
    files["pjsip.conf"] = f"[{phone}]\ntype=endpoint\n"
    place.asterisk.mkdir(parents=True, exist_ok=True)
    folder = write_version(place.versions, files)
    told = versions.Note(who="maria", at=AT, sha256=versions.sha256_of(text), name=name)
    versions.note(folder, told)
    return folder


def publish(place: Place, text: str, name: str = "", *, phone: str = "101") -> int:
    """One more, in force; its number."""
    folder = version(place, text, name, phone=phone)
    point_current(place, folder)
    return int(folder.name)


def phones(place: Place) -> str:
    """Of the version in force, as Asterisk would read them."""
    return (place.asterisk / "current" / "pjsip.conf").read_text("utf-8")
