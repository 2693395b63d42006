"""The passwords of one site: random, made when first needed, in one file that only its owner reads.

Asterisk, its phones and trunks authenticate with them. None is ever a default, none stands in the
site file, and what was once made is never changed by itself: a phone on a desk knows its password.
"""

import os
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tomlkit

from firmware.durable import sync_directory
from ivr.plan import Plan

# 24 bytes are 192 bits, as 32 letters and digits that no file of Asterisk gives a meaning to.
SECRET_BYTES = 24


class SecretsError(Exception):
    """The file of secrets cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the services share with Asterisk, its phones and trunks."""

    ami: str = field(repr=False)
    selftest: str = field(repr=False)
    phones: Mapping[str, str] = field(repr=False)  # extension -> password
    trunks: Mapping[str, str] = field(repr=False)  # trunk -> password, "" until somebody enters it
    email: str = field(default="", repr=False)  # the mail server's, "" until somebody enters it


def secrets_of(path: Path, plan: Plan) -> Secrets:
    """The site's secrets; those that this plan needs and the file lacks are made and kept."""
    kept = _read(path)
    logging_trunks = [trunk.name for trunk in plan.trunks.values() if trunk.username is not None]
    complete = Secrets(
        ami=kept.ami or _random(),
        selftest=kept.selftest or _random(),
        phones={extension: _random() for extension in plan.phones} | dict(kept.phones),
        trunks=dict.fromkeys(logging_trunks, "") | dict(kept.trunks),
        email=kept.email,
    )
    if complete != kept:
        _write(path, complete)
    return complete


def _random() -> str:
    return secrets.token_hex(SECRET_BYTES)


def _read(path: Path) -> Secrets:
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Secrets("", "", {}, {})
    try:
        table = tomllib.loads(text)
        return Secrets(
            ami=str(table["ami"]),
            selftest=str(table["selftest"]),
            phones={str(name): str(secret) for name, secret in table["phones"].items()},
            trunks={str(name): str(secret) for name, secret in table["trunks"].items()},
            email=str(table.get("email", "")),
        )
    except (tomllib.TOMLDecodeError, KeyError, AttributeError) as error:
        raise SecretsError(
            f"{path} is damaged ({error}): bring it back from a backup, or move it away and every"
            " phone gets a new password"
        ) from error


def _write(path: Path, kept: Secrets) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    document = tomlkit.document()
    document.add(
        tomlkit.comment(
            "Made by CareLine. A trunk's password is entered here, and the mail server's."
        )
    )
    document["ami"] = kept.ami
    document["selftest"] = kept.selftest
    document["email"] = kept.email
    document["phones"] = dict(kept.phones)
    document["trunks"] = dict(kept.trunks)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fd = os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(tomlkit.dumps(document))
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    sync_directory(path.parent)
