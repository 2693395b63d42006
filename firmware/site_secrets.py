"""The passwords of one site: random, made when first needed, in one file that only its owner reads.

Asterisk, its phones and trunks authenticate with them. None is ever a default, none stands in the
site file, and what was once made is never changed by itself: a phone on a desk knows its password.
The page and the exchange write it one after the other; a password that was given is never read out.
"""

import fcntl
import os
import re
import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import tomlkit

from firmware.durable import mode_in, sync_directory
from ivr.plan import Plan

# 24 bytes are 192 bits, as 32 letters and digits that no file of Asterisk gives a meaning to.
SECRET_BYTES = 24
GIVEN_MOST = 256
# Somebody else's: whatever can be typed and stands in Asterisk's files as it is (written.value).
GIVEN = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]*[!-\[\]-~])?")


class SecretsError(Exception):
    """The file of secrets cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the services share with Asterisk, its phones and trunks."""

    ami: str = field(repr=False)
    selftest: str = field(repr=False)
    phones: Mapping[str, str] = field(repr=False)  # extension -> password
    trunks: Mapping[str, str] = field(repr=False)  # trunk -> password, "" until somebody enters it
    sims: Mapping[str, str] = field(default_factory=dict, repr=False)  # modem -> its SIM's PIN
    email: str = field(default="", repr=False)  # the mail server's, "" until somebody enters it


def secrets_of(path: Path, plan: Plan) -> Secrets:
    """The site's secrets; those that this plan needs and the file lacks are made and kept."""
    kept = _read(path)
    return kept if _complete(kept, plan) == kept else _changed(path, lambda c: _complete(c, plan))


def can_be_given(password: str) -> bool:
    """Whether it can be a trunk's, or the mail server's."""
    return len(password) <= GIVEN_MOST and GIVEN.fullmatch(password) is not None


def give_trunk(path: Path, trunk: str, password: str) -> None:
    """From the next publish on the box signs in there with it. SecretsError, OSError: it is not
    kept."""
    _changed(path, lambda kept: replace(kept, trunks={**kept.trunks, trunk: password}))


def give_email(path: Path, password: str) -> None:
    """From the next notice on the mail server is told it. SecretsError, OSError: it is not kept."""
    _changed(path, lambda kept: replace(kept, email=password))


def give_sim(path: Path, modem: str, pin: str) -> None:
    """From its next start on the modem opens its SIM with it. SecretsError, OSError: it is not
    kept."""
    _changed(path, lambda kept: replace(kept, sims={**kept.sims, modem: pin}))


def sim_pin(path: Path, modem: str) -> str | None:
    """The PIN of this modem's SIM; None: none was given, or none can be read."""
    try:
        return _read(path).sims.get(modem) or None
    except (SecretsError, OSError):
        return None


def trunk_password(path: Path, trunk: str) -> str | None:
    """That of this trunk; None: none was given, or none can be read."""
    try:
        return _read(path).trunks.get(trunk) or None
    except (SecretsError, OSError):
        return None


def is_given(path: Path, section: str, name: str = "") -> bool:
    """Whether this one of [trunks] or [modems] has one, or the mail server of [email].
    SecretsError, OSError: it cannot be read."""
    kept = _read(path)
    held = {"trunks": kept.trunks, "modems": kept.sims, "email": {"": kept.email}}
    return bool(held[section].get(name))


def lacks_password(path: Path, trunk: str) -> bool:
    """Whether nobody has entered this trunk's; not so where that cannot be read."""
    try:
        return not is_given(path, "trunks", trunk)
    except (SecretsError, OSError):
        return False


def _complete(kept: Secrets, plan: Plan) -> Secrets:
    logging_trunks = [trunk.name for trunk in plan.trunks.values() if trunk.username is not None]
    return Secrets(
        ami=kept.ami or _random(),
        selftest=kept.selftest or _random(),
        phones={extension: _random() for extension in plan.phones} | dict(kept.phones),
        trunks=dict.fromkeys(logging_trunks, "") | dict(kept.trunks),
        sims=kept.sims,
        email=kept.email,
    )


def _changed(path: Path, change: Callable[[Secrets], Secrets]) -> Secrets:
    """What stands there once this is done, and nothing of anybody else's is lost."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(path.parent):
        kept = change(_read(path))
        _write(path, kept)
    return kept


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Until the other one has written: the file itself is another after each change."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


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
            sims={str(name): str(pin) for name, pin in table.get("sims", {}).items()},
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
            "Made by CareLine. A trunk's password is entered here, the mail server's, a SIM's PIN."
        )
    )
    document["ami"] = kept.ami
    document["selftest"] = kept.selftest
    document["email"] = kept.email
    document["phones"] = dict(kept.phones)
    document["trunks"] = dict(kept.trunks)
    document["sims"] = dict(kept.sims)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    flags = os.O_CREAT | os.O_TRUNC | os.O_WRONLY
    fd = os.open(fresh, flags, mode_in(path.parent, 0o600))
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(tomlkit.dumps(document))
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    sync_directory(path.parent)
